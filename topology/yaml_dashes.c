/* SPDX-License-Identifier: MIT */
#include "topology/yaml_dashes.h"

#include <string.h>

/* Whether there is a dash here that begins an item. */
static bool is_dash(const char *at, const char *end)
{
    return at < end && *at == '-' && (at + 1 == end || strchr(" \t\r\n", at[1]) != NULL);
}

void yaml_dashes_init(struct yaml_dashes *d, const char *text, size_t len, size_t offset,
                      struct place place)
{
    *d = (struct yaml_dashes){.end = text + len};
    d->at = offset < len ? text + offset : d->end;
    place.width = 1;
    if (is_dash(d->at, d->end))
        d->place = place;
}

/* Moves to the next line with a dash in the same column and only spaces before it. */
static void go_on(struct yaml_dashes *d)
{
    const char *newline;
    size_t indent = (size_t)d->place.column - 1;
    while ((newline = memchr(d->at, '\n', (size_t)(d->end - d->at))) != NULL) {
        d->at = newline + 1;
        d->place.line++;
        size_t spaces = 0;
        while (spaces < indent && d->at + spaces < d->end && d->at[spaces] == ' ')
            spaces++;
        if (spaces == indent && is_dash(d->at + indent, d->end)) {
            d->count++;
            return;
        }
    }
    d->place = (struct place){0};
}

struct place yaml_dashes_place(struct yaml_dashes *d, size_t item)
{
    while (d->count < item && d->place.line != 0)
        go_on(d);
    return d->place;
}
