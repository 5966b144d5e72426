/* SPDX-License-Identifier: MIT */
#include "topology/kind.h"

#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/limits.h"

const struct option_spec kind_common_options[] = {
    {.name = "memory_max",
     .tag = OPTION_SIZE,
     .min = MEMORY_BYTES_MIN,
     .max = MEMORY_BYTES_MAX,
     .meaning = "private memory of the process; the state, which is shared, comes on top"},
    {0},
};

const struct kind *kind_find(kind_registry registry, const char *name)
{
    for (; *registry != NULL; registry++) {
        if (strcmp((*registry)->name, name) == 0)
            return *registry;
    }
    return NULL;
}

const char *kind_tags_text(unsigned tag_mask, char ret_text[96])
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
        int n = snprintf(ret_text + used, 96 - used, "%s%s", used != 0 ? " or " : "", names[tag]);
        used += n > 0 && (size_t)n < 96 - used ? (size_t)n : 0;
    }
    return ret_text;
}

bool kind_check_needs(struct kind_check *check, const char *field, unsigned tag_mask,
                      int *ret_index)
{
    if (check->in->count == 0)
        return false; /* the input failed its own check; one error is enough */
    char wanted[96], name[TYPE_NAME_BYTES_MAX];
    int index = contract_find(check->in, field);
    if (index < 0) {
        diagnostics_add(check->diagnostics, check->place,
                        "stage '%s' reads a field '%s' (%s), which '%s' does not make",
                        check->stage, field, kind_tags_text(tag_mask, wanted), check->from);
        return false;
    }
    struct type type = check->in->fields[index].type;
    if ((tag_mask & (1u << type.tag)) == 0) {
        diagnostics_add(check->diagnostics, check->place,
                        "stage '%s' reads the field '%s' as %s, but '%s' makes it %s", check->stage,
                        field, kind_tags_text(tag_mask, wanted), check->from,
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
    if ((tag_mask & (1u << type.tag)) != 0)
        return true;
    char wanted[96], name[TYPE_NAME_BYTES_MAX];
    diagnostics_add(check->diagnostics, place, "'%s:' needs a field of type %s, but '%s' is %s",
                    option->spec->name, kind_tags_text(tag_mask, wanted),
                    check->in->fields[field].name, type_name(type, name));
    return false;
}

void kind_check_makes(struct kind_check *check, const char *field, struct type type,
                      struct place place)
{
    int rc = contract_add(check->out, field, type);
    if (rc == ERR_INVALID)
        diagnostics_add(check->diagnostics, place,
                        "stage '%s' would make the field '%s', which its input has already",
                        check->stage, field);
    else if (rc != 0)
        diagnostics_add(check->diagnostics, place, "stage '%s' makes more than %u fields",
                        check->stage, FIELDS_MAX);
}
