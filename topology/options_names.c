/* SPDX-License-Identifier: MIT */
/*
 * The names of options: which there are, and what a key that is none of them was meant to be.
 */
#include <string.h>

#include "common/text.h"
#include "topology/options_p.h"

#define OPTION_NAMES_MAX 32

static bool has_spec(const struct option_spec *specs, const char *name)
{
    for (; specs != NULL && specs->name != NULL; specs++) {
        if (strcmp(specs->name, name) == 0)
            return true;
    }
    return false;
}

static bool is_known(const char *key, const struct option_spec *specs,
                     const struct option_spec *common, const char *const *skip)
{
    for (; skip != NULL && *skip != NULL; skip++) {
        if (strcmp(*skip, key) == 0)
            return true;
    }
    return has_spec(specs, key) || has_spec(common, key);
}

static size_t collect_specs(const struct option_spec *specs, size_t count,
                            const char *ret_names[OPTION_NAMES_MAX])
{
    for (; specs != NULL && specs->name != NULL && count < OPTION_NAMES_MAX; specs++)
        ret_names[count++] = specs->name;
    return count;
}

/* All keys that a map may have, `ret_names` with room for them. */
static size_t collect_names(const struct option_spec *specs, const struct option_spec *common,
                            const char *const *skip, const char *ret_names[OPTION_NAMES_MAX])
{
    size_t count = collect_specs(specs, 0, ret_names);
    count = collect_specs(common, count, ret_names);
    for (; skip != NULL && *skip != NULL && count < OPTION_NAMES_MAX; skip++)
        ret_names[count++] = *skip;
    return count;
}

bool options_misspelt(const struct node *map, const struct option_spec *specs,
                      const struct option_spec *common, const char *const *skip, const char *name)
{
    const char *names[OPTION_NAMES_MAX];
    size_t count = collect_names(specs, common, skip, names);
    for (size_t i = 0; i < map->count && map->tag == NODE_MAP; i++) {
        if (is_known(map->pairs[i].key, specs, common, skip))
            continue;
        const char *nearest = text_nearest(map->pairs[i].key, names, count);
        if (nearest != NULL && strcmp(nearest, name) == 0)
            return true;
    }
    return false;
}

/* Whether to speak of an option: not where its being there would be the next error. */
static bool is_of_use(const char *name, bool is_setting, const struct options_context *c)
{
    for (const char *const *n = c->useless; n != NULL && *n != NULL; n++) {
        if (strcmp(*n, name) == 0)
            return false;
    }
    for (const char *const *n = c->skip; is_setting && n != NULL && *n != NULL; n++) {
        if (strcmp(*n, name) == 0)
            return false; /* a setting is of an option, see settings.c */
    }
    return true;
}

static void add_unknown_key(const struct node_pair *pair, const struct option_spec *specs,
                            const struct options_context *c)
{
    const char *names[OPTION_NAMES_MAX];
    size_t count = collect_names(specs, c->common, c->skip, names), kept = 0;
    struct buf have = {0};
    for (size_t i = 0; i < count; i++) {
        if (!is_of_use(names[i], pair->key_place.setting != 0, c))
            continue;
        buf_add_format(&have, "%s%s", kept != 0 ? ", " : "", names[i]);
        names[kept++] = names[i];
    }
    const char *nearest = text_nearest(pair->key, names, kept);
    diagnostics_add(c->diagnostics, pair->key_place, "%s has no option '%s'; %s%s%s", c->owner,
                    pair->key, nearest != NULL ? "did you mean '" : "it has: ",
                    nearest != NULL ? nearest : buf_text(&have), nearest != NULL ? "'?" : "");
    buf_done(&have);
}

void options_add_unknown_keys(const struct node *map, const struct option_spec *specs,
                              const struct options_context *c)
{
    for (size_t i = 0; i < map->count; i++) {
        if (!is_known(map->pairs[i].key, specs, c->common, c->skip))
            add_unknown_key(&map->pairs[i], specs, c);
    }
}
