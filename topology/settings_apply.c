/* SPDX-License-Identifier: MIT */
#include "topology/settings_apply.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"

static void add_unknown_stage(const char *name, const struct node *stages, struct place place,
                              struct diagnostics *d)
{
    const char *names[MAP_ENTRIES_MAX];
    size_t count = 0;
    for (; count < stages->count && count < MAP_ENTRIES_MAX; count++)
        names[count] = stages->pairs[count].key;
    const char *nearest = text_nearest(name, names, count);
    char hint[TEXT_SUGGESTION_BYTES];
    diagnostics_add(d, place, "there is no stage '%s'%s", name, text_suggestion(nearest, "", hint));
}

/* Puts a scalar under the key, in place of what is there. */
static void put_scalar(struct node *map, const char *key, const char *value, struct place place)
{
    struct node *scalar = memory_new(1, sizeof *scalar);
    *scalar = (struct node){.tag = NODE_SCALAR,
                            .place = place,
                            .text = memory_dup(value, strlen(value)),
                            .as_it_is = true};
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->pairs[i].key, key) == 0) {
            node_free(map->pairs[i].value);
            map->pairs[i].value = scalar;
            return;
        }
    }
    map->pairs = memory_resize(map->pairs, map->count + 1, sizeof *map->pairs);
    map->pairs[map->count++] = (struct node_pair){
        .key = memory_dup(key, strlen(key)), .key_place = place, .value = scalar};
}

static void apply(const char *text, struct place place, const struct node *stages,
                  struct diagnostics *d)
{
    struct setting_parts parts;
    if (!settings_split(text, &parts))
        return; /* settings_add() refuses these */
    char *name = memory_dup(parts.stage, parts.stage_len);
    char *option = memory_dup(parts.option, parts.option_len);
    const struct node_pair *stage = node_find(stages, name);
    if (stage == NULL)
        add_unknown_stage(name, stages, place, d);
    else if (strcmp(option, "kind") == 0 || strcmp(option, "from") == 0)
        diagnostics_add(d, place,
                        "'%s:' defines the graph and cannot be set here; change it in the file",
                        option);
    else if (stage->value->tag == NODE_MAP)
        put_scalar(stage->value, option, parts.value, place);
    free(name);
    free(option);
}

void settings_apply(const struct settings *settings, struct node *root, struct diagnostics *d)
{
    const struct node_pair *stages = node_find(root, "stages");
    if (settings == NULL || stages == NULL || stages->value->tag != NODE_MAP)
        return;
    for (size_t i = 0; i < settings->count; i++) {
        struct place place = {.line = 1, .column = 1, .width = 1, .setting = (int)i + 1};
        apply(settings->items[i], place, stages->value, d);
    }
}
