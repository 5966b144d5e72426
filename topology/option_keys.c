/* SPDX-License-Identifier: MIT */
#include "topology/option_keys.h"

#include <string.h>

#include "common/buf.h"
#include "common/text.h"

#define OPTION_NAMES_MAX 32

static bool has_name(const char *const *names, const char *name)
{
    for (; names != NULL && *names != NULL; names++) {
        if (strcmp(*names, name) == 0)
            return true;
    }
    return false;
}

static bool is_known(const struct option_keys *keys, const char *name)
{
    return has_name(keys->others, name) || option_find(keys->own, name) != NULL ||
           option_find(keys->common, name) != NULL;
}

static size_t collect_specs(const struct option_spec *specs, size_t count,
                            const char *ret_names[OPTION_NAMES_MAX])
{
    for (; specs != NULL && specs->name != NULL && count < OPTION_NAMES_MAX; specs++)
        ret_names[count++] = specs->name;
    return count;
}

static size_t collect_names(const struct option_keys *keys, const char *ret_names[OPTION_NAMES_MAX])
{
    size_t count = collect_specs(keys->own, 0, ret_names);
    count = collect_specs(keys->common, count, ret_names);
    const char *const *other = keys->others;
    for (; other != NULL && *other != NULL && count < OPTION_NAMES_MAX; other++)
        ret_names[count++] = *other;
    return count;
}

bool option_keys_misspelt(const struct option_keys *keys, const struct node *map, const char *name)
{
    const char *names[OPTION_NAMES_MAX];
    size_t count = collect_names(keys, names);
    for (size_t i = 0; i < map->count && map->tag == NODE_MAP; i++) {
        if (is_known(keys, map->pairs[i].key))
            continue;
        const char *nearest = text_nearest(map->pairs[i].key, names, count);
        if (nearest != NULL && strcmp(nearest, name) == 0)
            return true;
    }
    return false;
}

/*
 * Whether to mention an option in a message: not if it would be the next error. With --set only
 * options can be set, see settings_apply.c.
 */
static bool is_of_use(const struct option_keys *keys, const char *name, bool is_setting)
{
    return !has_name(keys->useless, name) && !(is_setting && has_name(keys->others, name));
}

static void add_unknown_key(const struct option_keys *keys, const struct node_pair *pair,
                            const char *owner, struct diagnostics *d)
{
    const char *names[OPTION_NAMES_MAX];
    size_t count = collect_names(keys, names), kept = 0;
    struct buf have = {0};
    for (size_t i = 0; i < count; i++) {
        if (!is_of_use(keys, names[i], pair->key_place.setting != 0))
            continue;
        buf_add_format(&have, "%s%s", kept != 0 ? ", " : "; it has: ", names[i]);
        names[kept++] = names[i];
    }
    const char *nearest = text_nearest(pair->key, names, kept);
    char hint[TEXT_SUGGESTION_BYTES];
    diagnostics_add(d, pair->key_place, "%s has no option '%s'%s", owner, pair->key,
                    text_suggestion(nearest, buf_text(&have), hint));
    buf_done(&have);
}

void option_keys_check(const struct option_keys *keys, const struct node *map, const char *owner,
                       struct diagnostics *d)
{
    for (size_t i = 0; i < map->count; i++) {
        if (!is_known(keys, map->pairs[i].key))
            add_unknown_key(keys, &map->pairs[i], owner, d);
    }
}
