/* SPDX-License-Identifier: MIT */
#include "topology/options.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"

const char *option_tag_name(enum option_tag tag)
{
    static const char *const names[] = {
#define X(tag_, name) [tag_] = name,
        OPTION_TAG_LIST(X)
#undef X
    };
    return names[tag];
}

void options_free(struct options *options)
{
    if (options == NULL)
        return;
    for (size_t i = 0; i < options->count; i++) {
        struct option_value *o = &options->items[i];
        free(o->text);
        free(o->variables);
        for (size_t k = 0; k < o->count; k++) {
            if (o->fields != NULL)
                free(o->fields[k].name);
            if (o->groups != NULL) {
                free(o->groups[k].name);
                options_free(o->groups[k].options);
            }
            if (o->conditions != NULL) {
                free(o->conditions[k].name);
                conditions_free(o->conditions[k].conditions);
            }
        }
        free(o->fields);
        free(o->groups);
        free(o->conditions);
    }
    free(options);
}

const struct option_value *options_get(const struct options *options, const char *name)
{
    for (size_t i = 0; i < options->count; i++) {
        if (strcmp(options->items[i].spec->name, name) == 0)
            return &options->items[i];
    }
    UNREACHABLE();
}
