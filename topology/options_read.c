/* SPDX-License-Identifier: MIT */
/*
 * options_read() walks the declaration, finds each option in the map or uses its default, and lets
 * read_<type>() turn it into a value. Then it walks the map for undeclared keys.
 */
#include "topology/options_read.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/check.h"
#include "common/memory.h"
#include "common/text.h"
#include "topology/conditions_read.h"
#include "topology/expand.h"

static size_t spec_count(const struct option_spec *specs)
{
    size_t count = 0;
    while (specs[count].name != NULL)
        count++;
    return count;
}

static void read_number(struct option_value *o, const struct kind_check *c)
{
    int rc = 0;
    const char *form = "";
    switch (o->spec->tag) {
    case OPTION_INT:
        rc = text_parse_int(o->text, &o->number);
        form = "a whole number";
        break;
    case OPTION_SIZE:
        rc = text_parse_size(o->text, &o->number);
        form = "a size like 65536, 64KiB or 1MiB";
        break;
    default:
        rc = text_parse_duration(o->text, &o->number);
        form = "a duration like 14d, 12h or 1h30m";
    }
    if (rc != 0) {
        diagnostics_add(c->diagnostics, o->place, "'%s: %s' should be %s", o->spec->name, o->text,
                        form);
        return;
    }
    if (o->number >= o->spec->min && o->number <= o->spec->max)
        return;
    struct buf bounds = {0};
    option_write_bounds(o->spec, &bounds);
    diagnostics_add(c->diagnostics, o->place, "'%s: %s' is out of range; it can be %s",
                    o->spec->name, o->text, buf_text(&bounds));
    buf_done(&bounds);
}

static void read_choice(struct option_value *o, const struct kind_check *c)
{
    size_t count = 0;
    struct buf all = {0};
    for (; o->spec->choices[count] != NULL; count++) {
        if (strcmp(o->spec->choices[count], o->text) == 0) {
            o->number = (int64_t)count;
            buf_done(&all);
            return;
        }
        buf_add_format(&all, "%s%s", count != 0 ? ", " : "; it can be: ", o->spec->choices[count]);
    }
    const char *nearest = text_nearest(o->text, o->spec->choices, count);
    char hint[TEXT_SUGGESTION_BYTES];
    diagnostics_add(c->diagnostics, o->place, "'%s: %s' is not one of the choices%s", o->spec->name,
                    o->text, text_suggestion(nearest, buf_text(&all), hint));
    buf_done(&all);
}

/* Maps the words of other languages, and of older YAML, to the only two that are accepted. */
static const char *meant_bool(const char *text)
{
    static const char *const yes[] = {"true", "yes", "y", "on", "1"};
    static const char *const no[] = {"false", "no", "n", "off", "0"};
    static const char *const names[] = {"false", "true"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (strcasecmp(text, yes[i]) == 0)
            return "true";
        if (strcasecmp(text, no[i]) == 0)
            return "false";
    }
    return text_nearest(text, names, 2);
}

static void read_bool(struct option_value *o, const struct kind_check *c)
{
    bool is_true = strcmp(o->text, "true") == 0;
    if (is_true || strcmp(o->text, "false") == 0) {
        o->number = is_true ? 1 : 0;
        return;
    }
    const char *meant = meant_bool(o->text);
    if (meant != NULL)
        diagnostics_add(c->diagnostics, o->place,
                        "'%s: %s' should be true or false; write '%s: %s'", o->spec->name, o->text,
                        o->spec->name, meant);
    else
        diagnostics_add(c->diagnostics, o->place, "'%s: %s' should be true or false", o->spec->name,
                        o->text);
}

static void read_type(struct option_value *o, const struct kind_check *c)
{
    if (c->types_failed)
        return; /* it may be one of those that could not be read */
    const char *names[MAP_ENTRIES_MAX];
    REQUIRE(c->type_count <= MAP_ENTRIES_MAX);
    for (size_t i = 0; i < c->type_count; i++) {
        names[i] = c->types[i].name;
        if (strcmp(names[i], o->text) == 0) {
            o->number = (int64_t)i;
            return;
        }
    }
    const char *nearest = text_nearest(o->text, names, c->type_count);
    char hint[TEXT_SUGGESTION_BYTES];
    diagnostics_add(c->diagnostics, o->place, "there is no type '%s'%s", o->text,
                    text_suggestion(nearest, "; declare it under 'types:'", hint));
}

static void add_field(struct option_value *o, const struct node *item, const struct kind_check *c)
{
    if (item->nothing) {
        diagnostics_add(c->diagnostics, item->place, "'%s:' has an empty item in its list",
                        o->spec->name);
        return;
    }
    if (item->tag != NODE_SCALAR) {
        diagnostics_add(c->diagnostics, item->place, "'%s:' is a list of field names, not of %ss",
                        o->spec->name, node_tag_name(item->tag) + 2);
        return;
    }
    for (size_t i = 0; i < o->count; i++) {
        if (strcmp(o->fields[i].name, item->text) == 0) {
            diagnostics_add(c->diagnostics, item->place, "'%s:' names the field '%s' twice",
                            o->spec->name, item->text);
            return;
        }
    }
    o->fields = memory_resize(o->fields, o->count + 1, sizeof *o->fields);
    o->fields[o->count++] = (struct option_field){
        .name = memory_dup(item->text, strlen(item->text)),
        .place = item->place,
        .index = kind_check_find_field(c, item->text, item->place, o->spec->name)};
}

/* Reads a list of fields; a single field needs no brackets. */
static void read_fields(struct option_value *o, const struct node *node, const struct kind_check *c)
{
    if (node->tag == NODE_SCALAR) {
        add_field(o, node, c);
        return;
    }
    if (node->tag != NODE_LIST || node->count == 0) {
        diagnostics_add(c->diagnostics, node->place, "'%s:' should be a list of fields: [a, b]",
                        o->spec->name);
        return;
    }
    for (size_t i = 0; i < node->count; i++)
        add_field(o, node->items[i], c);
}

static void add_group(struct option_value *o, const char *name, struct place place,
                      const struct node *map, const struct kind_check *c)
{
    if (map->tag != NODE_MAP) {
        diagnostics_add(c->diagnostics, map->place, "'%s:' should be a map of options, not %s",
                        name, node_tag_name(map->tag));
        return;
    }
    char *owner = memory_format("'%s:'", name);
    struct option_keys keys = {.own = o->spec->members};
    o->groups = memory_resize(o->groups, o->count + 1, sizeof *o->groups);
    o->groups[o->count++] =
        (struct option_group){.name = memory_dup(name, strlen(name)),
                              .place = place,
                              .options = options_read(map, &keys, place, owner, c)};
    free(owner);
}

/*
 * As add_group(), for a field. A scalar is a short form: "status: int" for "status: { to: int }".
 */
static void add_field_group(struct option_value *o, const struct node_pair *pair,
                            const struct kind_check *c)
{
    struct node_pair alone = {.key = (char *)(uintptr_t)o->spec->alone,
                              .key_place = pair->value->place,
                              .value = pair->value};
    struct node map = {.tag = NODE_MAP, .place = pair->value->place, .pairs = &alone, .count = 1};
    bool is_short = pair->value->tag == NODE_SCALAR && o->spec->alone != NULL;
    size_t count = o->count;
    add_group(o, pair->key, pair->key_place, is_short ? &map : pair->value, c);
    if (o->count != count)
        o->groups[count].index =
            kind_check_find_field(c, pair->key, pair->key_place, o->spec->name);
}

static void read_field_groups(struct option_value *o, const struct node *node,
                              const struct kind_check *c)
{
    if (node->tag != NODE_MAP || node->count == 0) {
        diagnostics_add(c->diagnostics, node->place, "'%s:' should be a map of fields",
                        o->spec->name);
        return;
    }
    for (size_t i = 0; i < node->count; i++)
        add_field_group(o, &node->pairs[i], c);
}

static void read_groups(struct option_value *o, const struct node *node, const struct kind_check *c)
{
    if (node->tag != NODE_MAP || node->count == 0) {
        diagnostics_add(c->diagnostics, node->place,
                        "'%s:' should be a map of names, each with a map of options",
                        o->spec->name);
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct node_pair *pair = &node->pairs[i];
        (void)diagnostics_check_name(c->diagnostics, pair->key_place, pair->key);
        add_group(o, pair->key, pair->key_place, pair->value, c);
    }
}

static void add_conditions(struct option_value *o, const char *name, struct place place,
                           const struct node *node, const struct kind_check *c)
{
    o->conditions = memory_resize(o->conditions, o->count + 1, sizeof *o->conditions);
    o->conditions[o->count++] =
        (struct option_conditions){.name = memory_dup(name, strlen(name)),
                                   .place = place,
                                   .conditions = conditions_read(node, o->spec->name, name, c)};
}

static void read_named_conditions(struct option_value *o, const struct node *node,
                                  const struct kind_check *c)
{
    if (node->tag != NODE_MAP || node->count == 0) {
        diagnostics_add(c->diagnostics, node->place,
                        "'%s:' should be a map of names, each with conditions", o->spec->name);
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct node_pair *pair = &node->pairs[i];
        add_conditions(o, pair->key, pair->key_place, pair->value, c);
    }
}

/* Turns o->text, from the file or the default, into the option's value. */
static void read_text(struct option_value *o, const struct kind_check *c)
{
    switch (o->spec->tag) {
    case OPTION_INT:
    case OPTION_SIZE:
    case OPTION_DURATION:
        read_number(o, c);
        return;
    case OPTION_CHOICE:
        read_choice(o, c);
        return;
    case OPTION_TYPE:
        read_type(o, c);
        return;
    case OPTION_FIELD:
        o->number = kind_check_find_field(c, o->text, o->place, o->spec->name);
        return;
    case OPTION_BOOL:
        read_bool(o, c);
        return;
    case OPTION_PATH_IN:
    case OPTION_PATH_OUT:
    case OPTION_TEXT:
        if (*o->text == '\0')
            diagnostics_add(c->diagnostics, o->place, "'%s:' must not be empty", o->spec->name);
        return;
    case OPTION_FIELDS:
    case OPTION_GROUP:
    case OPTION_GROUPS:
    case OPTION_FIELD_GROUPS:
    case OPTION_CONDITIONS:
    case OPTION_NAMED_CONDITIONS:
        UNREACHABLE();
    }
}

static void read_scalar(struct option_value *o, const struct node *node, const struct kind_check *c)
{
    if (node->tag != NODE_SCALAR) {
        bool like_text = node->tag == NODE_MAP && node->count == 1 && node->pairs[0].value->nothing;
        diagnostics_add(c->diagnostics, node->place,
                        "'%s:' should be a single value (%s), not %s%s", o->spec->name,
                        option_tag_name(o->spec->tag), node_tag_name(node->tag),
                        like_text ? "; quote text that begins with '{'" : "");
        return;
    }
    o->text = expand_scalar(node, c->directory, c->diagnostics);
    o->variables = expand_variables(node);
    if (o->text != NULL)
        read_text(o, c);
}

static void read_given(struct option_value *o, const struct node_pair *pair,
                       const struct kind_check *c)
{
    o->present = true;
    o->place = pair->value->place;
    if (pair->value->nothing) {
        diagnostics_add(c->diagnostics, pair->key_place,
                        o->spec->required
                            ? "'%s:' (%s) has no value, but needs one"
                            : "'%s:' (%s) has no value; write one, or remove the option",
                        pair->key, o->spec->meaning);
        return;
    }
    switch (o->spec->tag) {
    case OPTION_FIELDS:
        read_fields(o, pair->value, c);
        return;
    case OPTION_GROUP:
        add_group(o, pair->key, pair->key_place, pair->value, c);
        return;
    case OPTION_GROUPS:
        read_groups(o, pair->value, c);
        return;
    case OPTION_FIELD_GROUPS:
        read_field_groups(o, pair->value, c);
        return;
    case OPTION_CONDITIONS:
        add_conditions(o, pair->key, pair->key_place, pair->value, c);
        return;
    case OPTION_NAMED_CONDITIONS:
        read_named_conditions(o, pair->value, c);
        return;
    default:
        read_scalar(o, pair->value, c);
    }
}

/* Handles an option that is not given. A group then has the defaults of its members. */
static void read_absent(struct option_value *o, bool misspelt, struct place place,
                        const char *owner, const struct kind_check *c)
{
    static const struct node empty_map = {.tag = NODE_MAP};
    o->place = place;
    if (o->spec->required && misspelt)
        return; /* reported as the key that it was written as */
    if (o->spec->required) {
        diagnostics_add(c->diagnostics, place, "%s needs '%s:' (%s): %s", owner, o->spec->name,
                        option_tag_name(o->spec->tag), o->spec->meaning);
    } else if (o->spec->tag == OPTION_GROUP) {
        o->present = true;
        add_group(o, o->spec->name, place, &empty_map, c);
    } else if (o->spec->fallback != NULL) {
        o->present = true;
        o->text = memory_dup(o->spec->fallback, strlen(o->spec->fallback));
        read_text(o, c);
    }
}

static void read_option(struct option_value *o, const struct node *map,
                        const struct option_keys *keys, struct place place, const char *owner,
                        const struct kind_check *c)
{
    o->number = -1;
    const struct node_pair *pair = node_find(map, o->spec->name);
    bool misspelt = pair == NULL && option_keys_misspelt(keys, map, o->spec->name);
    size_t errors_before = c->diagnostics->count;
    if (pair != NULL)
        read_given(o, pair, c);
    else
        read_absent(o, misspelt, place, owner, c);
    bool is_told = pair != NULL ? diagnostics_has(c->diagnostics, o->place) : misspelt;
    o->bad = is_told || c->diagnostics->count != errors_before;
}

struct options *options_read(const struct node *map, const struct option_keys *keys,
                             struct place place, const char *owner, const struct kind_check *check)
{
    size_t own = spec_count(keys->own);
    size_t count = own + (keys->common != NULL ? spec_count(keys->common) : 0);
    struct options *options = memory_new(1, sizeof *options + count * sizeof options->items[0]);
    options->count = count;
    for (size_t i = 0; i < count; i++) {
        struct option_value *o = &options->items[i];
        o->spec = i < own ? &keys->own[i] : &keys->common[i - own];
        read_option(o, map, keys, place, owner, check);
    }
    option_keys_check(keys, map, owner, check->diagnostics);
    return options;
}
