/* SPDX-License-Identifier: MIT */
/*
 * Takes any bytes for the text of a topology, reads and checks them with all kinds, and prints the
 * errors, which can be shown. What is refused has an error, what is taken none; that is a graph of
 * stages, too, and can be drawn, in lines that are as long as they may be.
 */
#include "common/buf.h"
#include "common/utf8.h"
#include "stages/kinds/kinds.h"
#include "stages/stage.h"
#include "supervisor/graph/graph_view.h"
#include "tests/fuzz/fuzz.h"
#include "topology/diagnostics.h"
#include "topology/graph.h"
#include "topology/load.h"

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

static struct topology *load(const char *text, size_t len, enum topology_form form)
{
    struct diagnostics d;
    diagnostics_init(&d, "fuzz.yaml", text, len);
    struct topology *topology = NULL;
    int rc = topology_load("fuzz.yaml", text, len, bulkhead_kinds, form, &d, &topology);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct topology *topology = load((const char *)data, size, TOPOLOGY_PROCESSES);
    if (topology == NULL)
        return 0;
    topology_free(topology);
    topology = load((const char *)data, size, TOPOLOGY_LOGICAL);
    ALWAYS(topology != NULL);
    draw_all(topology, false);
    draw_all(topology, true);
    topology_free(topology);
    return 0;
}
