/* SPDX-License-Identifier: MIT */
/*
 * Takes any bytes for the text of a topology, reads and checks them with all kinds, and prints the
 * errors, which can be shown. What is refused has an error, what is taken none; that is a graph of
 * stages, too, and can be drawn, in lines that are as long as they may be. Written as it was
 * resolved and read again, it gives every stage the same, and is written as the same text.
 */
#include "common/buf.h"
#include "common/memory.h"
#include "common/utf8.h"
#include "stages/kinds/kinds.h"
#include "stages/stage.h"
#include "supervisor/graph/graph_view.h"
#include "tests/fuzz/fuzz.h"
#include "topology/diagnostics.h"
#include "topology/graph.h"
#include "topology/load.h"
#include "topology/node.h"
#include "topology/resolved.h"
#include "topology/stage_topology.h"

/* Lines of characters that can go to a terminal. */
static void check_shown(struct buf *out)
{
    const char *text = buf_text(out);
    size_t bad_at;
    ALWAYS(utf8_valid((const uint8_t *)text, out->len, &bad_at));
    for (const char *at = text; at < text + out->len; at++) {
        uint8_t byte = (uint8_t)at[0], next = (uint8_t)at[1];
        ALWAYS((byte >= 0x20 || byte == '\n' || byte == '\t') && byte != 0x7f &&
               !(byte == 0xc2 && next < 0xa0));
    }
}

static struct topology *load(const char *file, const char *text, size_t len,
                             enum topology_form form)
{
    struct diagnostics d;
    diagnostics_init(&d, file, text, len);
    struct topology *topology = NULL;
    int rc = topology_load(file, text, len, bulkhead_kinds, form, &d, &topology);
    ALWAYS((rc == 0) == (d.count == 0));
    ALWAYS((rc == 0) == (topology != NULL));
    struct buf out = {0};
    diagnostics_print(&d, &out);
    ALWAYS((rc == 0) == (out.len == 0));
    check_shown(&out);
    buf_done(&out);
    diagnostics_done(&d);
    return topology;
}

/* What is drawn is in columns, unless it is a list. */
static void draw(const struct graph_view *view, bool ascii, int columns)
{
    const struct graph_style style = {.ascii = ascii, .columns = columns};
    struct buf picture = {0}, list = {0};
    graph_write_list(view, &style, &list);
    check_shown(&list);
    graph_write_picture(view, &style, &picture);
    check_shown(&picture);
    size_t longest = 0;
    for (const char *at = buf_text(&picture), *end; *at != '\0'; at = end + 1) {
        end = strchr(at, '\n');
        ALWAYS(end != NULL);
        size_t count = utf8_count((const uint8_t *)at, (size_t)(end - at));
        longest = count > longest ? count : longest;
    }
    bool is_list = strncmp(buf_text(&picture), buf_text(&list), list.len) == 0;
    ALWAYS(is_list || longest <= (size_t)columns || view->dead_left_out != 0);
    buf_done(&picture);
    buf_done(&list);
}

static void draw_all(const struct topology *topology, bool all)
{
    struct graph_view view;
    struct buf out = {0};
    graph_view_init(&view, topology, all);
    draw(&view, true, 80);
    draw(&view, false, 40);
    graph_write_dot(&view, &out);
    graph_write_mermaid(&view, &out);
    check_shown(&out);
    buf_done(&out);
    graph_view_done(&view);
}

#define DIRECTORY "/where $$/${it}/is"

/* In the trees that stages are given. All paths of our kinds are at the top of their options. */
static void make_paths_absolute(const struct stage *stage)
{
    for (const struct option_spec *spec = stage->kind->options; spec->name != NULL; spec++) {
        const struct node_pair *pair =
            option_is_path(spec->tag) ? node_find(stage->resolved, spec->name) : NULL;
        if (pair == NULL || pair->value->text[0] == '/')
            continue;
        char *whole = memory_format("%s/%s", DIRECTORY, pair->value->text);
        free(pair->value->text);
        pair->value->text = whole;
    }
}

/* What all stages are given, with absolute paths, and without the places of names in the file. */
static void pack_all(struct topology *topology, struct buf *out)
{
    for (size_t i = 0; i < topology->stage_count; i++) {
        struct stage *stage = &topology->stages[i];
        if (stage->worker == 0 && stage->resolved != NULL)
            make_paths_absolute(stage);
        stage->place = (struct place){0};
        ALWAYS(stage_topology_pack(topology, stage, "t.yaml", out, NULL) == 0);
    }
}

static bool is_same(const struct buf *a, const struct buf *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static void check_resolved(struct topology *topology)
{
    struct buf text = {0}, text_again = {0}, given = {0}, given_again = {0};
    ALWAYS(resolved_write(topology, DIRECTORY, &text, NULL) == 0);
    struct topology *again =
        load("/else/where.yaml", buf_text(&text), text.len, TOPOLOGY_PROCESSES);
    ALWAYS(again != NULL);
    ALWAYS(resolved_write(again, "/another", &text_again, NULL) == 0);
    ALWAYS(is_same(&text, &text_again));
    pack_all(topology, &given);
    pack_all(again, &given_again);
    ALWAYS(is_same(&given, &given_again));
    topology_free(again);
    buf_done(&text);
    buf_done(&text_again);
    buf_done(&given);
    buf_done(&given_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct topology *topology = load("fuzz.yaml", (const char *)data, size, TOPOLOGY_PROCESSES);
    if (topology == NULL)
        return 0;
    check_resolved(topology);
    topology_free(topology);
    topology = load("fuzz.yaml", (const char *)data, size, TOPOLOGY_LOGICAL);
    ALWAYS(topology != NULL);
    draw_all(topology, false);
    draw_all(topology, true);
    topology_free(topology);
    return 0;
}
