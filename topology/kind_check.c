/* SPDX-License-Identifier: MIT */
#include "topology/kind_check.h"

#include <stdio.h>
#include <string.h>

#include "common/bounds.h"
#include "common/err.h"
#include "common/memory.h"
#include "common/text.h"
#include "common/type.h"

static const char *field_nearest(const char *name, const struct contract *in)
{
    const char *names[FIELDS_MAX];
    for (size_t i = 0; i < in->count; i++)
        names[i] = in->fields[i].type.doubt != TYPE_MAYBE ? in->fields[i].name : NULL;
    return text_nearest(name, names, in->count);
}

static void add_unknown_field(const struct kind_check *check, const char *name, struct place place,
                              const char *option)
{
    const char *nearest = field_nearest(name, check->in);
    struct buf have = {0};
    for (size_t i = 0; i < check->in->count; i++) {
        if (check->in->fields[i].type.doubt != TYPE_MAYBE)
            buf_add_format(&have, "%s%s",
                           have.len != 0 ? ", " : "; it makes: ", check->in->fields[i].name);
    }
    char hint[TEXT_SUGGESTION_BYTES];
    diagnostics_add(check->diagnostics, place,
                    "'%s:' names the field '%s', which '%s' does not make%s", option, name,
                    check->from, text_suggestion(nearest, buf_text(&have), hint));
    buf_done(&have);
}

int kind_check_find_field(const struct kind_check *check, const char *name, struct place place,
                          const char *option)
{
    if (check->in == NULL || check->in->count == 0)
        return -1;
    int index = contract_find(check->in, name);
    if (index < 0 && !check->in->open)
        add_unknown_field(check, name, place, option);
    return index;
}

const char *kind_check_tags_text(unsigned tag_mask, char ret_text[96])
{
    static const char *const names[] = {
#define X(tag, name, meaning) name,
        VALUE_TAG_LIST(X)
#undef X
    };
    size_t used = 0;
    ret_text[0] = '\0';
    for (int tag = 0; tag < VALUE_TAG_COUNT; tag++) {
        if ((tag_mask & (1u << tag)) == 0)
            continue;
        const char *between = used == 0 ? "" : tag_mask >> tag == 1 ? " or " : ", ";
        int n = snprintf(ret_text + used, 96 - used, "%s%s", between, names[tag]);
        used += n > 0 && (size_t)n < 96 - used ? (size_t)n : 0;
    }
    return ret_text;
}

bool kind_check_is_good(const struct kind_check *check)
{
    return check->diagnostics->count == check->errors_before;
}

bool kind_check_needs(struct kind_check *check, const char *field, unsigned tag_mask,
                      int *ret_index)
{
    char wanted[96], name[TYPE_NAME_BYTES_MAX];
    int index = contract_find(check->in, field);
    if (index < 0 && check->in->open)
        return false; /* the input has errors of its own; one error is enough */
    if (index < 0) {
        struct buf way = {0};
        check->explain_field(check->explain_arg, check->stage, field, &way);
        diagnostics_add(check->diagnostics, check->place,
                        "stage '%s' reads a field '%s' (%s), which '%s' does not make%s",
                        check->stage, field, kind_check_tags_text(tag_mask, wanted), check->from,
                        buf_text(&way));
        buf_done(&way);
        return false;
    }
    struct type type = check->in->fields[index].type;
    if (type.doubt != TYPE_CERTAIN)
        return false;
    if ((tag_mask & (1u << type.tag)) == 0) {
        diagnostics_add(check->diagnostics, check->place,
                        "stage '%s' reads the field '%s' as %s, but '%s' makes it %s", check->stage,
                        field, kind_check_tags_text(tag_mask, wanted), check->from,
                        type_name(type, name));
        return false;
    }
    if (ret_index != NULL)
        *ret_index = index;
    return true;
}

bool kind_check_field_tag(struct kind_check *check, const struct option_value *option, int field,
                          struct place place, unsigned tag_mask)
{
    if (field < 0)
        return false; /* reported where the option was read */
    struct type type = check->in->fields[field].type;
    if (type.doubt != TYPE_CERTAIN)
        return false;
    if ((tag_mask & (1u << type.tag)) != 0)
        return true;
    char wanted[96], name[TYPE_NAME_BYTES_MAX];
    diagnostics_add(check->diagnostics, place, "'%s:' needs a field of type %s, but '%s' is %s",
                    option->spec->name, kind_check_tags_text(tag_mask, wanted),
                    check->in->fields[field].name, type_name(type, name));
    return false;
}

struct contract *kind_check_output(struct kind_check *check, const char *name, struct place place)
{
    if (!diagnostics_check_name(check->diagnostics, place, name))
        return NULL;
    if (strcmp(name, "dead") == 0) {
        diagnostics_add(check->diagnostics, place,
                        "an output cannot be called 'dead': that is where dead letters go");
        return NULL;
    }
    for (size_t i = 0; i < check->output_count; i++) {
        if (strcmp(check->outputs[i].name, name) == 0) {
            diagnostics_add(check->diagnostics, place, "the output '%s' is defined twice", name);
            return NULL;
        }
    }
    if (check->output_count == OUTPUTS_MAX) {
        diagnostics_add(check->diagnostics, place, "too many outputs; a stage can have at most %u",
                        OUTPUTS_MAX);
        check->outputs_open = true; /* if another stage reads it, that is not an error */
        return NULL;
    }
    check->outputs = memory_resize(check->outputs, check->output_count + 1, sizeof *check->outputs);
    struct output *output = &check->outputs[check->output_count++];
    memset(output, 0, sizeof *output);
    memcpy(output->name, name, strlen(name) + 1);
    return &output->contract;
}

void kind_check_makes(struct kind_check *check, const char *field, struct type type,
                      struct place place)
{
    int at = contract_find(check->out, field);
    if (at >= 0 && check->out->fields[at].type.doubt == TYPE_MAYBE) {
        check->out->fields[at].type = type;
        return;
    }
    int rc = contract_add(check->out, field, type);
    check->out->open |= rc != 0; /* a stage that reads it is not in error */
    if (rc == ERR_INVALID)
        diagnostics_add(check->diagnostics, place,
                        "stage '%s' would make the field '%s', which its input already has",
                        check->stage, field);
    else if (rc != 0)
        diagnostics_add(check->diagnostics, place, "stage '%s' would make more than %u fields",
                        check->stage, FIELDS_MAX);
    if (at >= 0)
        check->out->fields[at].type.doubt = TYPE_UNKNOWN;
}
