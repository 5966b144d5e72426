/* SPDX-License-Identifier: MIT */
/*
 * The picture: boxes and lines on a grid of cells; and the list, for graphs that are too wide.
 *
 * Between two ranks every output has one horizontal piece, on a row of its own where others would
 * be in its way. Lines that cross are different outputs: the horizontal one is drawn broken there.
 * Lines that join are one output.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/count.h"
#include "common/memory.h"
#include "common/text.h"
#include "supervisor/graph/graph_layout.h"

enum { UP = 1, DOWN = 2, LEFT = 4, RIGHT = 8 };

#define CAPTION_LINES_MAX 4u
#define CAPTION_BYTES_MAX 192u
/* Numbers change, but the boxes around them should keep their size. */
#define NUMBERS_COLUMNS_WIDE 26
#define NUMBERS_COLUMNS_NARROW 13

/* The text in a box. */
struct caption {
    char lines[CAPTION_LINES_MAX][CAPTION_BYTES_MAX];
    size_t count;
    int columns;
};

struct cell {
    size_t net; /* the output that the line here belongs to, plus 1; 0: none, or a side of a box */
    uint8_t arms; /* where a line leaves this cell: UP, DOWN, LEFT, RIGHT */
    bool crossed; /* two outputs cross here */
    char text[5]; /* one character, which replaces the line */
};

struct picture {
    const struct graph_layout *layout;
    const struct caption *captions;
    bool ascii;
    size_t columns, rows;
    struct cell *cells;
};

/* --- captions --- */

static int columns_of(const char *text)
{
    int columns = 0;
    for (; *text != '\0'; text++)
        columns += ((uint8_t)*text & 0xc0u) != 0x80u;
    return columns;
}

static void write_workers(const struct graph_node *node, const struct graph_style *style,
                          struct buf *out)
{
    if (node->workers > 1)
        buf_add_format(out, " %s%zu", style->ascii ? "x" : "×", node->workers);
}

static void write_rate(const struct graph_numbers *numbers, struct buf *out)
{
    if (!numbers->running && numbers->rate == 0) {
        buf_add_text(out, "down");
        return;
    }
    text_format_count(numbers->rate, out);
    buf_add_text(out, "/s");
}

static void write_lag(const struct graph_numbers *numbers, struct buf *out)
{
    buf_add_text(out, "lag ");
    text_format_count(numbers->lag, out);
}

static void add_line(struct caption *caption, struct buf *line)
{
    INVARIANT(caption->count < CAPTION_LINES_MAX && line->len < CAPTION_BYTES_MAX);
    const char *text = buf_text(line);
    memcpy(caption->lines[caption->count++], text, line->len + 1);
    int columns = columns_of(text);
    caption->columns = columns > caption->columns ? columns : caption->columns;
    buf_reset(line);
}

/* The text of a box. narrow: in few columns, at the cost of more lines. */
static struct caption caption_of(const struct graph_view *view, size_t i,
                                 const struct graph_style *style, bool narrow)
{
    const struct graph_node *node = &view->nodes[i];
    struct caption caption = {0};
    struct buf line = {0};
    buf_add_text(&line, node->name);
    if (narrow) {
        write_workers(node, style, &line);
        add_line(&caption, &line);
        buf_add_text(&line, node->kind);
    } else {
        buf_add_format(&line, "  %s", node->kind);
        write_workers(node, style, &line);
    }
    add_line(&caption, &line);
    if (style->numbers != NULL) {
        write_rate(&style->numbers[i], &line);
        if (narrow)
            add_line(&caption, &line);
        if (!node->source && !narrow)
            buf_add_text(&line, "  ");
        if (!node->source)
            write_lag(&style->numbers[i], &line);
        add_line(&caption, &line);
        int least = narrow ? NUMBERS_COLUMNS_NARROW : NUMBERS_COLUMNS_WIDE;
        caption.columns = caption.columns > least ? caption.columns : least;
    }
    buf_done(&line);
    return caption;
}

/* --- the grid --- */

static struct cell *cell_at(struct picture *p, size_t row, int column)
{
    INVARIANT(row < p->rows && column >= 0 && (size_t)column < p->columns);
    return &p->cells[row * p->columns + (size_t)column];
}

static void add_arms(struct picture *p, size_t row, int column, unsigned arms, size_t net)
{
    struct cell *cell = cell_at(p, row, column);
    cell->crossed |= cell->arms != 0 && cell->net != net;
    cell->net = net;
    cell->arms = (uint8_t)(cell->arms | arms);
}

/* Writes text into consecutive cells, one character per cell. */
static void put_text(struct picture *p, size_t row, int column, const char *text)
{
    while (*text != '\0') {
        struct cell *cell = cell_at(p, row, column++);
        size_t len = 1;
        while (((uint8_t)text[len] & 0xc0u) == 0x80u)
            len++;
        INVARIANT(len < sizeof cell->text);
        memcpy(cell->text, text, len);
        cell->text[len] = '\0';
        text += len;
    }
}

static void draw_box(struct picture *p, const struct graph_item *box, size_t row, size_t height)
{
    size_t last = row + height - 1;
    int right = box->left + box->width - 1;
    for (int c = box->left + 1; c < right; c++) {
        add_arms(p, row, c, LEFT | RIGHT, 0);
        add_arms(p, last, c, LEFT | RIGHT, 0);
    }
    for (size_t r = row + 1; r < last; r++) {
        add_arms(p, r, box->left, UP | DOWN, 0);
        add_arms(p, r, right, UP | DOWN, 0);
    }
    add_arms(p, row, box->left, DOWN | RIGHT, 0);
    add_arms(p, row, right, DOWN | LEFT, 0);
    add_arms(p, last, box->left, UP | RIGHT, 0);
    add_arms(p, last, right, UP | LEFT, 0);
    const struct caption *caption = &p->captions[box->node];
    int indent = (box->width - caption->columns) / 2;
    for (size_t i = 0; i < caption->count; i++)
        put_text(p, row + 1 + i, box->left + indent, caption->lines[i]);
}

/* Draws a vertical piece through the rows from `from` up to, but not including, `to`. */
static void draw_vertical(struct picture *p, int column, size_t from, size_t to, size_t net)
{
    for (size_t r = from; r < to; r++)
        add_arms(p, r, column, UP | DOWN, net + 1);
}

static void draw_horizontal(struct picture *p, size_t row, int from, int to, size_t net)
{
    for (int c = from; c < to; c++) {
        add_arms(p, row, c, RIGHT, net + 1);
        add_arms(p, row, c + 1, LEFT, net + 1);
    }
}

static void write_cell(const struct picture *p, const struct cell *cell, struct buf *out)
{
    static const char *const lines[16] = {" ", "│", "│", "│", "─", "┘", "┐", "┤",
                                          "─", "└", "┌", "├", "─", "┴", "┬", "┼"};
    if (cell->text[0] != '\0')
        buf_add_text(out, cell->text);
    else if (!p->ascii)
        buf_add_text(out, cell->crossed ? "│" : lines[cell->arms]);
    else if (cell->crossed || (cell->arms != 0 && (cell->arms & (LEFT | RIGHT)) == 0))
        buf_add_byte(out, '|');
    else if (cell->arms == 0)
        buf_add_byte(out, ' ');
    else
        buf_add_byte(out, (cell->arms & (UP | DOWN)) == 0 ? '-' : '+');
}

static void write_cells(const struct picture *p, struct buf *out)
{
    for (size_t r = 0; r < p->rows; r++) {
        const struct cell *row = p->cells + r * p->columns;
        size_t end = p->columns;
        while (end > 0 && row[end - 1].arms == 0 && row[end - 1].text[0] == '\0')
            end--;
        for (size_t c = 0; c < end; c++)
            write_cell(p, &row[c], out);
        buf_add_byte(out, '\n');
    }
}

/* --- the space between two ranks --- */

/* One output in that space: it comes in from above in one column and leaves in others. */
struct wire {
    size_t net;
    size_t first, end; /* its links: from first up to, but not including, end */
    int from;          /* the column in which it comes in */
    int least, most;   /* the leftmost and the rightmost column that it touches */
    bool straight;     /* it needs no horizontal piece */
    size_t row;        /* the row of its horizontal piece, from 0 */
};

/* The number of crossings of two wires if the horizontal piece of a is above that of b. */
static size_t crossings(const struct graph_layout *l, const struct wire *a, const struct wire *b)
{
    size_t count = b->from > a->least && b->from < a->most;
    for (size_t i = a->first; i < a->end; i++)
        count += l->links[i].to > b->least && l->links[i].to < b->most;
    return count;
}

/*
 * Moves each wire to the place in the order with the fewest crossings, until none moves any more.
 */
static void order_wires(const struct graph_layout *l, struct wire *wires, size_t count)
{
    bool moved = true;
    for (size_t turn = 0; moved && turn < count; turn++) {
        moved = false;
        for (size_t i = 0; i < count; i++) {
            /* Crossings saved by moving before those on the left, or after those on the right. */
            long saved = 0, most = 0;
            size_t best = i;
            for (size_t k = i; k-- > 0;) {
                saved += (long)crossings(l, &wires[k], &wires[i]) -
                         (long)crossings(l, &wires[i], &wires[k]);
                best = saved > most ? k : best;
                most = saved > most ? saved : most;
            }
            saved = 0;
            for (size_t k = i + 1; k < count; k++) {
                saved += (long)crossings(l, &wires[i], &wires[k]) -
                         (long)crossings(l, &wires[k], &wires[i]);
                best = saved > most ? k : best;
                most = saved > most ? saved : most;
            }
            if (best == i)
                continue;
            struct wire wire = wires[i];
            if (best < i)
                memmove(wires + best + 1, wires + best, (i - best) * sizeof *wires);
            else
                memmove(wires + i, wires + i + 1, (best - i) * sizeof *wires);
            wires[best] = wire;
            moved = true;
        }
    }
}

/* Makes the wires below a rank. Returns how many there are; *ret_rows: the rows they need. */
static size_t make_wires(const struct graph_layout *l, size_t rank, struct wire *wires,
                         size_t *ret_rows)
{
    size_t count = 0, rows = 0;
    for (size_t i = l->first_link[rank]; i < l->first_link[rank + 1];) {
        struct wire wire = {.net = l->links[i].net, .first = i, .from = l->links[i].from};
        wire.least = wire.most = wire.from;
        for (; i < l->first_link[rank + 1] && l->links[i].net == wire.net; i++) {
            wire.least = l->links[i].to < wire.least ? l->links[i].to : wire.least;
            wire.most = l->links[i].to > wire.most ? l->links[i].to : wire.most;
        }
        wire.end = i;
        wire.straight = wire.least == wire.most;
        wires[count++] = wire;
    }
    order_wires(l, wires, count);
    for (size_t i = 0; i < count; i++) {
        if (wires[i].straight)
            continue;
        for (size_t k = 0; k < i; k++) {
            if (!wires[k].straight && wires[k].row >= wires[i].row &&
                wires[k].least <= wires[i].most + 1 && wires[i].least <= wires[k].most + 1)
                wires[i].row = wires[k].row + 1;
        }
        rows = wires[i].row + 1 > rows ? wires[i].row + 1 : rows;
    }
    *ret_rows = rows;
    return count;
}

/* Whether an output with a name leaves a box of the rank. */
static bool has_labels(const struct graph_layout *l, size_t rank)
{
    for (size_t i = l->first_link[rank]; i < l->first_link[rank + 1]; i++) {
        if (l->items[l->links[i].upper].node != GRAPH_LANE &&
            l->view->nets[l->links[i].net].label[0] != '\0')
            return true;
    }
    return false;
}

/*
 * Draws a wire from the bottom of the box above, in row top - 1, to the box below, in row bottom.
 */
static void draw_wire(struct picture *p, const struct wire *wire, size_t top, size_t labels,
                      size_t bottom)
{
    const struct graph_layout *l = p->layout;
    const struct graph_net *net = &l->view->nets[wire->net];
    if (l->items[l->links[wire->first].upper].node != GRAPH_LANE) {
        cell_at(p, top - 1, wire->from)->arms |= DOWN;
        if (net->label[0] != '\0')
            put_text(p, top, wire->from + 2, net->label);
    }
    size_t row = wire->straight ? bottom : top + labels + wire->row;
    draw_vertical(p, wire->from, top, row, wire->net);
    if (!wire->straight) {
        add_arms(p, row, wire->from, UP, wire->net + 1);
        draw_horizontal(p, row, wire->least, wire->most, wire->net);
    }
    for (size_t i = wire->first; i < wire->end; i++) {
        int column = l->links[i].to;
        if (!wire->straight) {
            add_arms(p, row, column, DOWN, wire->net + 1);
            draw_vertical(p, column, row + 1, bottom, wire->net);
        }
        if (l->items[l->links[i].lower].node != GRAPH_LANE)
            put_text(p, bottom, column, p->ascii ? "v" : "▼");
    }
}

static void draw(const struct graph_layout *l, const struct caption *captions, bool ascii,
                 struct buf *out)
{
    size_t height = l->view->node_count != 0 ? captions[0].count + 2 : 0;
    struct picture p = {
        .layout = l, .captions = captions, .ascii = ascii, .columns = (size_t)l->columns};
    struct wire **wires = memory_new(l->rank_count + 1, sizeof(struct wire *));
    size_t *counts = memory_new(l->rank_count + 1, sizeof *counts);
    size_t *tops = memory_new(l->rank_count + 1, sizeof *tops);
    for (size_t r = 0; r < l->rank_count; r++) {
        size_t rows;
        wires[r] = memory_new(l->link_count + 1, sizeof *wires[r]);
        counts[r] = make_wires(l, r, wires[r], &rows);
        tops[r] = p.rows;
        p.rows += height + rows + (has_labels(l, r) ? 1 : 0);
    }
    tops[l->rank_count] = p.rows;
    p.cells = memory_new(p.rows * p.columns + 1, sizeof *p.cells);
    for (size_t i = 0; i < l->item_count; i++) {
        const struct graph_item *item = &l->items[i];
        if (item->node != GRAPH_LANE)
            draw_box(&p, item, tops[item->rank], height);
        else
            draw_vertical(&p, item->column, tops[item->rank], tops[item->rank] + height, item->net);
    }
    for (size_t r = 0; r < l->rank_count; r++) {
        for (size_t i = 0; i < counts[r]; i++)
            draw_wire(&p, &wires[r][i], tops[r] + height, has_labels(l, r) ? 1 : 0, tops[r + 1]);
        free(wires[r]);
    }
    write_cells(&p, out);
    free(p.cells);
    free(tops);
    free(counts);
    free(wires);
}

/* --- whole pictures --- */

static bool draw_in(const struct graph_view *view, const struct graph_style *style, bool narrow,
                    struct buf *out)
{
    struct caption *captions = memory_new(STAGES_MAX, sizeof *captions);
    int widths[STAGES_MAX];
    for (size_t i = 0; i < view->node_count; i++) {
        captions[i] = caption_of(view, i, style, narrow);
        widths[i] = captions[i].columns;
    }
    struct graph_layout layout;
    bool good = graph_layout_make(view, widths, style->columns, &layout);
    if (good) {
        draw(&layout, captions, style->ascii, out);
        graph_layout_done(&layout);
    }
    free(captions);
    return good;
}

static void write_pad(struct buf *out, size_t start, int columns)
{
    int used = columns_of(buf_text(out) + start);
    for (; used < columns; used++)
        buf_add_byte(out, ' ');
}

/* The line of a stage in the list. */
static void list_node(const struct graph_view *view, const struct graph_style *style, size_t i,
                      int width, struct buf *out)
{
    const struct graph_node *node = &view->nodes[i];
    size_t start = out->len;
    buf_add_format(out, "%s  %s", node->name, node->kind);
    write_workers(node, style, out);
    if (style->numbers != NULL) {
        write_pad(out, start, width + 2);
        start = out->len;
        write_rate(&style->numbers[i], out);
        if (!node->source) {
            write_pad(out, start, NUMBERS_COLUMNS_NARROW);
            write_lag(&style->numbers[i], out);
        }
    }
    buf_add_byte(out, '\n');
}

void graph_write_list(const struct graph_view *view, const struct graph_style *style,
                      struct buf *out)
{
    int width = 0;
    for (size_t i = 0; i < view->node_count; i++) {
        struct caption caption =
            caption_of(view, i, &(struct graph_style){.ascii = style->ascii}, false);
        width = caption.columns > width ? caption.columns : width;
    }
    for (size_t i = 0; i < view->node_count; i++) {
        list_node(view, style, i, width, out);
        for (size_t n = 0; n < view->net_count; n++) {
            const struct graph_net *net = &view->nets[n];
            for (size_t k = 0; net->from == i && k < net->to_count; k++) {
                bool last = k + 1 == net->to_count &&
                            (n + 1 == view->net_count || view->nets[n + 1].from != i);
                buf_add_text(out, style->ascii ? (last ? "  `-" : "  |-") : last ? "  └─" : "  ├─");
                if (net->label[0] != '\0')
                    buf_add_format(out, " %s %s", net->label, style->ascii ? "-" : "─");
                buf_add_format(out, "%s %s\n", style->ascii ? ">" : "▶",
                               view->nodes[net->to[k]].name);
            }
        }
    }
}

static void write_dead_letters(const struct graph_view *view, struct buf *out)
{
    if (view->dead_left_out != 0)
        buf_add_format(out, "the dead letters of %zu %s are not drawn; --all shows them\n",
                       view->dead_left_out, count_word(view->dead_left_out, "stage", "stages"));
}

void graph_write_picture(const struct graph_view *view, const struct graph_style *style,
                         struct buf *out)
{
    if (!draw_in(view, style, false, out) && !draw_in(view, style, true, out))
        graph_write_list(view, style, out);
    write_dead_letters(view, out);
}
