/* SPDX-License-Identifier: MIT */
#include "topology/settings.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"
#include "topology/diagnostics.h"
#include "topology/node.h"

/* The parts of a setting; views into its text. */
struct parts {
    const char *stage, *option, *value;
    size_t stage_len, option_len;
};

static bool split(const char *text, struct parts *ret_parts)
{
    const char *dot = strchr(text, '.');
    const char *equals = strchr(text, '=');
    if (dot == NULL || equals == NULL || dot == text || equals <= dot + 1)
        return false;
    *ret_parts = (struct parts){.stage = text,
                                .stage_len = (size_t)(dot - text),
                                .option = dot + 1,
                                .option_len = (size_t)(equals - dot - 1),
                                .value = equals + 1};
    return true;
}

int settings_add(struct settings *settings, const char *text, struct err *e)
{
    struct parts parts;
    if (strlen(text) > SETTING_BYTES_MAX)
        return err_set(e, ERR_INVALID, "--set takes %u bytes at most, '%.40s…' has %zu",
                       SETTING_BYTES_MAX, text, strlen(text));
    if (!split(text, &parts))
        return err_set(e, ERR_INVALID, "--set takes STAGE.OPTION=VALUE, not '%.200s'", text);
    size_t key_len = (size_t)(parts.value - text);
    const char *bad = text_not_plain(text);
    if (bad != NULL)
        return err_set(e, ERR_INVALID, "--set %.*s: it %s; settings are plain text",
                       (int)(key_len - 1), text, bad);
    for (size_t i = 0; i < settings->count; i++) {
        if (strncmp(settings->items[i], text, key_len) == 0)
            return err_set(e, ERR_INVALID, "--set gives '%.*s' twice", (int)(key_len - 1), text);
    }
    if (settings->count == SETTINGS_MAX)
        return err_set(e, ERR_RANGE, "more than %u times --set", SETTINGS_MAX);
    settings->items[settings->count++] = text;
    return 0;
}

bool settings_is_for(const char *text, const char *stage, const char *option)
{
    struct parts parts;
    return split(text, &parts) && strlen(stage) == parts.stage_len &&
           strlen(option) == parts.option_len &&
           strncmp(parts.stage, stage, parts.stage_len) == 0 &&
           strncmp(parts.option, option, parts.option_len) == 0;
}

static void add_unknown_stage(const char *name, const struct node *stages, struct place place,
                              struct diagnostics *d)
{
    const char *names[MAP_ENTRIES_MAX];
    size_t count = 0;
    for (; count < stages->count && count < MAP_ENTRIES_MAX; count++)
        names[count] = stages->pairs[count].key;
    const char *nearest = text_nearest(name, names, count);
    diagnostics_add(d, place, "there is no stage '%s'%s%s%s", name,
                    nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
                    nearest != NULL ? "'?" : "");
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
    struct parts parts;
    if (!split(text, &parts))
        return; /* settings_add() took none such */
    char *name = memory_dup(parts.stage, parts.stage_len);
    char *option = memory_dup(parts.option, parts.option_len);
    const struct node_pair *stage = node_find(stages, name);
    if (stage == NULL)
        add_unknown_stage(name, stages, place, d);
    else if (strcmp(option, "kind") == 0 || strcmp(option, "from") == 0)
        diagnostics_add(d, place,
                        "'%s:' is no option of a stage, it is what makes the graph; only "
                        "the file says it",
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
