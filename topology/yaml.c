/* SPDX-License-Identifier: MIT */
/*
 * The only file that includes libfyaml. Events come in the order of the file. read_node() gets the
 * event that starts a node and consumes events up to the one that ends it.
 */
#include "topology/yaml.h"

#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "common/err.h"
#include "common/memory.h"
#include "topology/yaml_dashes.h"
#include "topology/yaml_hint.h"
#include "topology/yaml_text.h"
#include "topology/yaml_tree.h"

struct yaml_reader {
    struct fy_parser *parser;
    struct diagnostics *diagnostics;
    const char *text; /* the input, len bytes */
    size_t len;
    bool failed; /* the rest cannot be read */
    bool spoilt; /* the tree is incomplete or wrong; reading continues only to find more errors */
};

static struct place place_of(const struct fy_mark *mark, size_t width)
{
    if (mark == NULL)
        return (struct place){.line = 1, .column = 1, .width = 1};
    return (struct place){
        .line = mark->line + 1, .column = mark->column + 1, .width = (int)(width ? width : 1)};
}

static struct place token_place(struct fy_token *token)
{
    const struct fy_mark *start = fy_token_start_mark(token);
    const struct fy_mark *end = fy_token_end_mark(token);
    if (start == NULL)
        return (struct place){0};
    bool one_line = end != NULL && start->line == end->line && end->column > start->column;
    return place_of(start, one_line ? (size_t)(end->column - start->column) : 1);
}

/* An anchor, tag or alias with the sign before it. */
static struct place sign_place(struct fy_token *token)
{
    struct place place = token_place(token);
    if (fy_token_get_type(token) != FYTT_TAG && place.column > 1) {
        place.column--;
        place.width++;
    }
    return place;
}

/*
 * Line 0 if the place of the key should be used: for an empty value, and for a block of lines,
 * whose text begins somewhere below.
 */
static struct place event_place(struct fy_event *event)
{
    if (event->type != FYET_SCALAR)
        return place_of(fy_event_start_mark(event), 1);
    if (event->scalar.value == NULL)
        return (struct place){0};
    enum fy_scalar_style style = fy_token_scalar_style(event->scalar.value);
    if (style == FYSS_LITERAL || style == FYSS_FOLDED)
        return (struct place){0};
    return token_place(event->scalar.value);
}

static size_t event_offset(struct fy_event *event)
{
    const struct fy_mark *mark = fy_event_start_mark(event);
    return mark != NULL ? mark->input_pos : 0;
}

static void settle_place(struct node *node, struct place place)
{
    if (node->place.line == 0)
        node->place = place;
}

static struct node *fail(struct yaml_reader *r, struct place place, const char *message)
{
    diagnostics_add(r->diagnostics, place, "%s", message);
    r->failed = true;
    return NULL;
}

/* Adds an error after which reading can continue, although the tree will be wrong. */
static void note(struct yaml_reader *r, struct place place, const char *message)
{
    diagnostics_add(r->diagnostics, place, "%s", message);
    r->spoilt = true;
}

static struct node *node_new(enum node_tag tag, struct place place)
{
    struct node *node = memory_new(1, sizeof *node);
    node->tag = tag;
    node->place = place;
    return node;
}

static struct node *read_node(struct yaml_reader *r, struct fy_event *event, unsigned depth);

static char *scalar_text(struct fy_event *event, size_t *ret_len)
{
    size_t len = 0;
    const char *text =
        event->scalar.value != NULL ? fy_token_get_text(event->scalar.value, &len) : NULL;
    *ret_len = text != NULL ? len : 0;
    return memory_dup(text != NULL ? text : "", *ret_len);
}

/* Reads the next node, and frees its event whether that succeeds or not. */
static struct node *read_next(struct yaml_reader *r, unsigned depth, enum fy_event_type end_type,
                              bool *ret_ended)
{
    struct fy_event *event = fy_parser_parse(r->parser);
    *ret_ended = event == NULL || event->type == end_type;
    if (event == NULL)
        r->failed = true;
    struct node *node = *ret_ended ? NULL : read_node(r, event, depth);
    fy_parser_event_free(r->parser, event);
    return node;
}

static void add_pair(struct yaml_reader *r, struct node *map, struct node *key, unsigned depth)
{
    bool ended;
    struct node *value = read_next(r, depth + 1, FYET_NONE, &ended);
    (void)ended;
    if (value == NULL)
        return;
    settle_place(value, key->place);
    if (node_find(map, key->text) != NULL) {
        diagnostics_add(r->diagnostics, key->place,
                        "this key appears twice in its map; remove or rename one");
        node_free(value);
        return;
    }
    map->pairs = memory_resize(map->pairs, map->count + 1, sizeof *map->pairs);
    map->pairs[map->count++] =
        (struct node_pair){.key = key->text, .key_place = key->place, .value = value};
    key->text = NULL;
}

/* Skips a value. */
static void skip_value(struct yaml_reader *r)
{
    size_t open = 0;
    do {
        struct fy_event *event = fy_parser_parse(r->parser);
        if (event == NULL) {
            r->failed = true;
            return;
        }
        if (event->type == FYET_MAPPING_START || event->type == FYET_SEQUENCE_START)
            open++;
        else if (event->type == FYET_MAPPING_END || event->type == FYET_SEQUENCE_END)
            open--;
        fy_parser_event_free(r->parser, event);
    } while (open != 0);
}

/* What is wrong with a key, or NULL. */
static const char *key_fault(const struct node *key)
{
    if (key->tag != NODE_SCALAR)
        return "a key must be a plain name";
    if (strlen(key->text) > 4 * NAME_BYTES_MAX)
        return "this key is too long";
    if (strcmp(key->text, "<<") == 0)
        return "'<<' merges maps in YAML, which a topology does not support; write the keys out";
    return NULL;
}

static struct node *read_map(struct yaml_reader *r, struct place place, unsigned depth)
{
    struct node *map = node_new(NODE_MAP, place);
    while (!r->failed) {
        bool ended;
        size_t errors_before = r->diagnostics->count;
        struct node *key = read_next(r, depth + 1, FYET_MAPPING_END, &ended);
        if (ended)
            break;
        if (key != NULL)
            settle_place(key, place);
        const char *fault = key != NULL ? key_fault(key) : NULL;
        if (r->failed)
            ; /* the error is inside the key */
        else if (map->count == MAP_ENTRIES_MAX)
            (void)fail(r, key->place, "too many entries in one map");
        else if (fault != NULL) {
            if (r->diagnostics->count == errors_before) /* one error about a key is enough */
                note(r, key->place, fault);
            skip_value(r);
        } else
            add_pair(r, map, key, depth);
        node_free(key);
    }
    return map;
}

static struct node *read_list(struct yaml_reader *r, struct place place, size_t offset,
                              unsigned depth)
{
    struct node *list = node_new(NODE_LIST, place);
    struct yaml_dashes dashes;
    yaml_dashes_init(&dashes, r->text, r->len, offset, place);
    for (size_t i = 0; !r->failed; i++) {
        bool ended;
        struct node *item = read_next(r, depth + 1, FYET_SEQUENCE_END, &ended);
        if (ended)
            break;
        if (item == NULL)
            continue;
        if (item->place.line == 0)
            item->place = yaml_dashes_place(&dashes, i);
        settle_place(item, place);
        if (list->count == MAP_ENTRIES_MAX) {
            (void)fail(r, item->place, "too many items in one list");
            node_free(item);
            break;
        }
        list->items = memory_resize(list->items, list->count + 1, sizeof(struct node *));
        list->items[list->count++] = item;
    }
    return list;
}

/* Whether a text has control characters other than tabs and newlines. */
static bool has_control(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < 0x20 && c != '\t' && c != '\n') || c == 0x7f)
            return true;
    }
    return false;
}

static bool has_lines(struct fy_token *token)
{
    const struct fy_mark *start = fy_token_start_mark(token);
    const struct fy_mark *end = fy_token_end_mark(token);
    return start != NULL && end != NULL && end->line > start->line;
}

static struct node *read_scalar(struct yaml_reader *r, struct fy_event *event, struct place place)
{
    struct node *node = node_new(NODE_SCALAR, place);
    size_t len = 0;
    node->text = scalar_text(event, &len);
    struct fy_token *token = event->scalar.value;
    bool plain = token == NULL || fy_token_scalar_style(token) == FYSS_PLAIN;
    node->nothing = len == 0 && plain;
    node->bare = plain;
    node->goes_on = len != 0 && plain && has_lines(token);
    if (has_control(node->text, len))
        diagnostics_add(r->diagnostics, place, "control characters are not allowed in a topology");
    return node;
}

/* Adds the error if a node has an anchor or a tag. */
static void check_sign(struct yaml_reader *r, struct fy_token *anchor, struct fy_token *tag)
{
    if (anchor != NULL || tag != NULL)
        note(r, sign_place(anchor != NULL ? anchor : tag),
             "anchors and tags are not supported in a topology; write the value out, or quote text "
             "that begins with '&' or '!'");
}

static struct node *read_alias(struct yaml_reader *r, struct fy_event *event)
{
    struct place place = sign_place(event->alias.anchor);
    note(r, place,
         "aliases are not supported in a topology; write the value out, or quote text that begins "
         "with '*'");
    struct node *node = node_new(NODE_SCALAR, place);
    node->text = memory_dup("", 0);
    return node;
}

static struct node *read_node(struct yaml_reader *r, struct fy_event *event, unsigned depth)
{
    struct place place = event_place(event);
    if (depth > TOPOLOGY_DEPTH_MAX)
        return fail(r, place, "nested too deeply for a topology");
    switch (event->type) {
    case FYET_SCALAR:
        check_sign(r, event->scalar.anchor, event->scalar.tag);
        return read_scalar(r, event, place);
    case FYET_MAPPING_START:
        check_sign(r, event->mapping_start.anchor, event->mapping_start.tag);
        return read_map(r, place, depth);
    case FYET_SEQUENCE_START:
        check_sign(r, event->sequence_start.anchor, event->sequence_start.tag);
        return read_list(r, place, event_offset(event), depth);
    case FYET_ALIAS:
        return read_alias(r, event);
    default:
        return fail(r, place, "this is not a topology");
    }
}

static void fail_second(struct yaml_reader *r, struct place place)
{
    (void)fail(r, place,
               "a file holds one topology, and a line '---' or '...' ends it; remove the line, or "
               "put each topology in its own file");
}

/* Reads stream start, one document and stream end. */
static struct node *read_stream(struct yaml_reader *r)
{
    struct node *root = NULL;
    unsigned documents = 0;
    struct fy_event *event;
    while (!r->failed && (event = fy_parser_parse(r->parser)) != NULL) {
        switch (event->type) {
        case FYET_STREAM_START:
        case FYET_STREAM_END:
        case FYET_DOCUMENT_END:
            break;
        case FYET_DOCUMENT_START: /* without a '---', its first node has the place */
            if (++documents > 1 && event->document_start.document_start != NULL)
                fail_second(r, event_place(event));
            break;
        default:
            if (documents > 1) {
                fail_second(r, event_place(event));
                break;
            }
            root = read_node(r, event, 1);
            if (root != NULL)
                settle_place(root, (struct place){.line = 1, .column = 1, .width = 1});
        }
        fy_parser_event_free(r->parser, event);
    }
    return root;
}

static void collect_errors(struct fy_diag *diag, struct diagnostics *d)
{
    void *iterator = NULL;
    struct fy_diag_error *error;
    while ((error = fy_diag_errors_iterate(diag, &iterator)) != NULL) {
        const char *phrase = yaml_phrase(error->msg);
        size_t len = strlen(phrase);
        while (len > 0 && phrase[len - 1] == '\n')
            len--;
        /* In errors the library counts lines and columns from 1, unlike in marks. */
        struct place place = {.line = error->line > 0 ? error->line : 1,
                              .column = error->column > 0 ? error->column : 1,
                              .width = 1};
        char hint[YAML_HINT_BYTES_MAX];
        yaml_hint(d, place, error->msg, hint);
        diagnostics_add(d, place, "%.*s%s", (int)len, phrase, hint);
    }
}

static int read_text(const char *text, size_t len, struct diagnostics *d, struct node **ret_root)
{
    struct fy_diag_cfg diag_config;
    fy_diag_cfg_default(&diag_config);
    diag_config.fp = NULL;
    struct fy_diag *diag = fy_diag_create(&diag_config);
    if (diag == NULL)
        abort();
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg config = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG, .diag = diag};
    struct yaml_reader r = {
        .parser = fy_parser_create(&config), .diagnostics = d, .text = text, .len = len};
    if (r.parser == NULL)
        abort();

    size_t before = d->count;
    struct node *root = NULL;
    if (fy_parser_set_string(r.parser, text, len) == 0)
        root = read_stream(&r);
    size_t noted = r.failed ? 0 : d->count - before; /* errors that leave a usable tree */
    collect_errors(diag, d);
    fy_parser_destroy(r.parser);
    fy_diag_destroy(diag);

    if (d->count == before && (root == NULL || r.failed))
        diagnostics_add(d, (struct place){.line = 1, .column = 1, .width = 1},
                        "the file contains no topology");
    if (root == NULL || r.failed || r.spoilt || d->count != before + noted) {
        node_free(root);
        return ERR_INVALID;
    }
    yaml_tree_check(root, d);
    *ret_root = root;
    return 0;
}

int yaml_read(const char *text, size_t len, struct diagnostics *d, struct node **ret_root)
{
    if (yaml_text_check(text, len, d) != 0)
        return ERR_INVALID;
    if (len == 0 || text[len - 1] != '\\')
        return read_text(text, len, d, ret_root);
    /* The library aborts if the file ends within an escape, so end the line first. */
    char *ended = memory_format("%.*s\n", (int)len, text);
    int rc = read_text(ended, len + 1, d, ret_root);
    free(ended);
    return rc;
}
