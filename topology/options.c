/* SPDX-License-Identifier: MIT */
#include "topology/options.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/text.h"

const char *option_tag_name(enum option_tag tag)
{
    static const char *const names[] = {
#define X(tag_, name) [tag_] = name,
        OPTION_TAG_LIST(X)
#undef X
    };
    return names[tag];
}

static void write_bound(enum option_tag tag, int64_t bound, struct buf *out)
{
    if (tag == OPTION_SIZE)
        text_format_size(bound, out);
    else if (tag == OPTION_DURATION)
        text_format_duration(bound, out);
    else
        buf_add_int(out, bound);
}

void option_write_bounds(const struct option_spec *spec, struct buf *out)
{
    if (spec->tag != OPTION_INT && spec->tag != OPTION_SIZE && spec->tag != OPTION_DURATION)
        return;
    write_bound(spec->tag, spec->min, out);
    if (spec->max == INT64_MAX) {
        buf_add_text(out, " or more");
        return;
    }
    buf_add_text(out, " to ");
    write_bound(spec->tag, spec->max, out);
}

const struct option_spec *option_find(const struct option_spec *specs, const char *name)
{
    for (; specs != NULL && specs->name != NULL; specs++) {
        if (strcmp(specs->name, name) == 0)
            return specs;
    }
    return NULL;
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

bool option_is_path(enum option_tag tag)
{
    return tag == OPTION_PATH_IN || tag == OPTION_PATH_OUT;
}

void options_each_path(const struct options *options, options_path_visit *visit, void *context)
{
    for (size_t i = 0; i < options->count; i++) {
        const struct option_value *o = &options->items[i];
        if (option_is_path(o->spec->tag) && o->present && !o->bad)
            visit(context, o);
        for (size_t k = 0; o->groups != NULL && k < o->count; k++)
            options_each_path(o->groups[k].options, visit, context);
    }
}
