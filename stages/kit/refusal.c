/* SPDX-License-Identifier: MIT */
#include "stages/kit/refusal.h"

#include <stdio.h>
#include <string.h>

#include "common/type.h"
#include "common/utf8.h"

#define SHORT_NAME_BYTES 100u

bool refusal_set(struct refusal *why, const struct dead_reason *reason, const char *what)
{
    *why = (struct refusal){.reason = reason, .what = what};
    return false;
}

/* The type for a message, whose length is bounded. Cut between characters. */
static const char *short_name(struct type type, char ret_text[SHORT_NAME_BYTES])
{
    char name[TYPE_NAME_BYTES_MAX];
    const char *text = type_name(type, name);
    size_t len = strlen(text), room = SHORT_NAME_BYTES - sizeof "…";
    const char *tail = len > room ? "…" : "";
    len = utf8_cut(text, len, room);
    (void)snprintf(ret_text, SHORT_NAME_BYTES, "%.*s%s", (int)len, text, tail);
    return ret_text;
}

static bool holds_others(struct type type)
{
    if (type.tag == VALUE_OPTIONAL)
        type = type_item(type);
    return type.tag == VALUE_LIST || type.tag == VALUE_MAP;
}

void refusal_put_out(const struct refusal *why, const struct field *field,
                     const struct value *content, struct emitter *out)
{
    bool inside = holds_others(field->type) && why->reason != &dead_missing_field &&
                  why->reason != &dead_duplicate_field && why->wanted.tag != VALUE_LIST &&
                  why->wanted.tag != VALUE_MAP;
    const char *whose = inside ? "an item of the field" : "the field";
    char wanted[SHORT_NAME_BYTES];
    if (why->reason == &dead_wrong_type)
        emitter_dead(out, why->reason, content->bytes, content->len, false,
                     "%s '%s' %s: expected %s, found %s", whose, field->name, why->what,
                     short_name(why->wanted, wanted), why->found);
    else if (why->reason == &dead_bad_value)
        emitter_dead(out, why->reason, content->bytes, content->len, false,
                     "%s '%s' %s; its type is %s", whose, field->name, why->what,
                     short_name(why->wanted, wanted));
    else
        emitter_dead(out, why->reason, content->bytes, content->len, false, "%s '%s' %s", whose,
                     field->name, why->what);
}
