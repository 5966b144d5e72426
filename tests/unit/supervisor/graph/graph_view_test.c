/* SPDX-License-Identifier: MIT */
/*
 * Pictures: those of small graphs are compared as a whole, those of random graphs by following
 * their lines. Each line must lead from its output to all that this feeds, and nowhere else.
 */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "supervisor/graph/graph_layout.h"
#include "supervisor/graph/graph_view.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define EDGES_MAX 512u
#define NAMED_COUNT 4u

static const struct kind source_kind = {.name = "file.source", .role = KIND_SOURCE};
static const struct kind step_kind = {.name = "step", .role = KIND_STEP};

/* A topology made by hand, with only what a picture needs. */
struct made {
    struct topology topology;
    struct stage stages[STAGES_MAX];
    struct output *outputs;
    struct edge edges[EDGES_MAX];
};

static struct made *make(void)
{
    struct made *made = memory_new(1, sizeof *made);
    made->outputs = memory_new(NAMED_COUNT, sizeof *made->outputs);
    static const char *const names[NAMED_COUNT] = {"vip", "eu", "else", "a-name-of-some-length"};
    for (size_t i = 0; i < NAMED_COUNT; i++)
        memcpy(made->outputs[i].name, names[i], strlen(names[i]) + 1);
    memcpy(made->topology.name, "made", 5);
    made->topology.version = 1;
    made->topology.stages = made->stages;
    made->topology.edges = made->edges;
    return made;
}

static void unmake(struct made *made)
{
    free(made->outputs);
    free(made);
}

static size_t add_stage(struct made *made, const char *name, size_t workers)
{
    size_t index = made->topology.stage_count++;
    struct stage *stage = &made->stages[index];
    (void)snprintf(stage->base, sizeof stage->base, "%s", name);
    stage->workers = workers;
    stage->kind = index == 0 ? &source_kind : &step_kind;
    stage->outputs = made->outputs;
    stage->output_count = NAMED_COUNT;
    return index;
}

static size_t stage_of(struct made *made, const char *name, size_t len)
{
    for (size_t i = 0; i < made->topology.stage_count; i++) {
        if (strlen(made->stages[i].base) == len && memcmp(made->stages[i].base, name, len) == 0)
            return i;
    }
    char *text = memory_dup(name, len);
    size_t index = add_stage(made, text, 1);
    free(text);
    return index;
}

static void add_edge(struct made *made, size_t from, port_number port, size_t to)
{
    assert_true(made->topology.edge_count < EDGES_MAX);
    made->edges[made->topology.edge_count++] = (struct edge){.from = from, .port = port, .to = to};
}

/* Each word of "a>b a.vip>c" is an edge. */
static struct made *make_of(const char *text)
{
    struct made *made = make();
    while (*text != '\0') {
        size_t from_len = strcspn(text, ".>"), out_len = strcspn(text, ">"),
               len = strcspn(text, " ");
        size_t from = stage_of(made, text, from_len);
        port_number port = PORT_OUT;
        const char *output = text + from_len + 1;
        if (from_len != out_len && strncmp(output, "dead>", 5) == 0)
            port = PORT_DEAD;
        for (port_number i = 0; from_len != out_len && i < NAMED_COUNT; i++) {
            if (strncmp(output, made->outputs[i].name, out_len - from_len - 1) == 0)
                port = PORT_NAMED + i;
        }
        add_edge(made, from, port, stage_of(made, text + out_len + 1, len - out_len - 1));
        text += len + strspn(text + len, " ");
    }
    return made;
}

static void expect_text(struct buf *out, const char *wanted)
{
    /* cmocka cuts long messages. */
    if (strcmp(buf_text(out), wanted) != 0) {
        printf("wanted:\n%sbut it is:\n%s", wanted, buf_text(out));
        fail();
    }
    buf_done(out);
}

static void expect_picture(const char *graph, const struct graph_style *style, bool all,
                           const char *wanted)
{
    struct made *made = make_of(graph);
    struct graph_view view;
    graph_view_init(&view, &made->topology, all);
    struct buf out = {0};
    graph_write_picture(&view, style, &out);
    graph_view_done(&view);
    unmake(made);
    expect_text(&out, wanted);
}

static const struct graph_style plain = {.columns = 80}, ascii = {.columns = 80, .ascii = true};

static void a_chain(void **state)
{
    (void)state;
    expect_picture("loads>parse parse>answers parse.dead>dead-letters", &plain, false,
                   "┌─────────────────────┐\n"
                   "│ loads  file.source  │\n"
                   "└──────────┬──────────┘\n"
                   "    ┌──────▼──────┐\n"
                   "    │ parse  step │\n"
                   "    └──────┬──────┘\n"
                   "   ┌───────▼───────┐\n"
                   "   │ answers  step │\n"
                   "   └───────────────┘\n"
                   "the dead letters of 1 stage are not drawn; --all shows them\n");
}

static void a_diamond(void **state)
{
    (void)state;
    expect_picture("in>left in>right left>both right>both both>out in>out", &plain, false,
                   "             ┌─────────────────┐\n"
                   "             │ in  file.source │\n"
                   "             └────────┬────────┘\n"
                   "      ┌───────────────┼───────────┐\n"
                   "┌─────▼───────┐  ┌────▼────────┐  │\n"
                   "│ left  step  │  │ right  step │  │\n"
                   "└──────┬──────┘  └──────┬──────┘  │\n"
                   "       │ ┌──────────────┘         │\n"
                   "       │ │       ┌────────────────┘\n"
                   "┌──────▼─▼────┐  │\n"
                   "│ both  step  │  │\n"
                   "└──────┬──────┘  │\n"
                   "       └─────┐   │\n"
                   "         ┌───▼───▼───┐\n"
                   "         │ out  step │\n"
                   "         └───────────┘\n");
}

static void a_route_that_merges(void **state)
{
    (void)state;
    expect_picture("in>route route.vip>gold route.eu>taxes route.else>rest gold>all "
                   "taxes>all rest>all all>out",
                   &plain, false,
                   "                 ┌─────────────────┐\n"
                   "                 │ in  file.source │\n"
                   "                 └────────┬────────┘\n"
                   "               ┌──────────▼──────────┐\n"
                   "               │     route  step     │\n"
                   "               └─┬──────┬─────┬──────┘\n"
                   "                 │ .vip │ .eu │ .else\n"
                   "      ┌──────────┘      │     └─────────┐\n"
                   "┌─────▼───────┐  ┌──────▼──────┐  ┌─────▼───────┐\n"
                   "│ gold  step  │  │ taxes  step │  │ rest  step  │\n"
                   "└──────┬──────┘  └──────┬──────┘  └──────┬──────┘\n"
                   "       └─────────────┐  │ ┌──────────────┘\n"
                   "                  ┌──▼──▼─▼───┐\n"
                   "                  │ all  step │\n"
                   "                  └─────┬─────┘\n"
                   "                  ┌─────▼─────┐\n"
                   "                  │ out  step │\n"
                   "                  └───────────┘\n");
}

static void the_same_in_ascii(void **state)
{
    (void)state;
    expect_picture("in>route route.vip>a route.eu>b a>c b>c route.vip>c", &ascii, false,
                   "          +-----------------+\n"
                   "          | in  file.source |\n"
                   "          +--------+--------+\n"
                   "            +------v------+\n"
                   "            | route  step |\n"
                   "            +-+------+----+\n"
                   "              | .vip | .eu\n"
                   "    +---------+------|----+\n"
                   "+---v-----+  +-------v-+  |\n"
                   "| a  step |  | b  step |  |\n"
                   "+----+----+  +----+----+  |\n"
                   "     +-------+ +--+       |\n"
                   "             | | +--------+\n"
                   "           +-v-v-v---+\n"
                   "           | c  step |\n"
                   "           +---------+\n");
}

static void in_few_columns_the_kind_is_below(void **state)
{
    (void)state;
    expect_picture("in>a in>b in>c", &(struct graph_style){.columns = 32}, false,
                   "        ┌─────────────┐\n"
                   "        │ in          │\n"
                   "        │ file.source │\n"
                   "        └──────┬──────┘\n"
                   "   ┌───────────┼─────────┐\n"
                   "┌──▼────┐  ┌───▼───┐  ┌──▼────┐\n"
                   "│ a     │  │ b     │  │ c     │\n"
                   "│ step  │  │ step  │  │ step  │\n"
                   "└───────┘  └───────┘  └───────┘\n");
}

static void in_fewer_it_is_a_list(void **state)
{
    (void)state;
    expect_picture("in>a in.vip>b a>c b>c", &(struct graph_style){.columns = 14}, false,
                   "in  file.source\n"
                   "  ├─▶ a\n"
                   "  └─ .vip ─▶ b\n"
                   "a  step\n"
                   "  └─▶ c\n"
                   "b  step\n"
                   "  └─▶ c\n"
                   "c  step\n");
}

static void all_shows_the_dead_letters(void **state)
{
    (void)state;
    expect_picture("in>a a>b in.dead>dead-letters a.dead>dead-letters b.dead>dead-letters", &plain,
                   true,
                   "            ┌─────────────────┐\n"
                   "            │ in  file.source │\n"
                   "            └────┬──┬─────────┘\n"
                   "                 │  │ .dead\n"
                   "                 │  └──┐\n"
                   "        ┌────────▼──┐  │\n"
                   "        │  a  step  │  │\n"
                   "        └─┬──┬──────┘  │\n"
                   "          │  │ .dead   │\n"
                   "          │  └─────┐   │\n"
                   "┌─────────▼─────┐  │   │\n"
                   "│    b  step    │  │   │\n"
                   "└───────┬───────┘  │   │\n"
                   "        │ .dead    │   │\n"
                   "      ┌─▼──────────▼───▼────┐\n"
                   "      │ dead-letters  step  │\n"
                   "      └─────────────────────┘\n");
}

static void a_crossing_is_no_junction(void **state)
{
    (void)state;
    expect_picture("in>a in>b a>c a>d b>c b>d", &plain, false,
                   "   ┌─────────────────┐\n"
                   "   │ in  file.source │\n"
                   "   └────────┬────────┘\n"
                   "    ┌───────┴────┐\n"
                   "┌───▼─────┐  ┌───▼─────┐\n"
                   "│ a  step │  │ b  step │\n"
                   "└────┬────┘  └────┬────┘\n"
                   "   ┌─┴──────────┐ │\n"
                   "   │  ┌─────────│─┤\n"
                   "┌──▼──▼───┐  ┌──▼─▼────┐\n"
                   "│ c  step │  │ d  step │\n"
                   "└─────────┘  └─────────┘\n");
}

static void other_languages(void **state)
{
    (void)state;
    struct made *made = make_of("in>route route.vip>end route>end in.dead>dead-letters");
    made->stages[1].workers = 3;
    struct graph_view view;
    graph_view_init(&view, &made->topology, true);
    struct buf out = {0};
    graph_write_dot(&view, &out);
    expect_text(&out, "digraph \"made\" {\n"
                      "    node [shape=box];\n"
                      "    \"in\" [label=\"in\\nfile.source\"];\n"
                      "    \"route\" [label=\"route ×3\\nstep\"];\n"
                      "    \"end\" [label=\"end\\nstep\"];\n"
                      "    \"dead-letters\" [label=\"dead-letters\\nstep\"];\n"
                      "    \"in\" -> \"route\";\n"
                      "    \"in\" -> \"dead-letters\" [label=\".dead\"];\n"
                      "    \"route\" -> \"end\";\n"
                      "    \"route\" -> \"end\" [label=\".vip\"];\n"
                      "}\n");
    graph_write_mermaid(&view, &out);
    expect_text(&out, "flowchart TD\n"
                      "    s0[\"in<br/>file.source\"]\n"
                      "    s1[\"route ×3<br/>step\"]\n"
                      "    s2[\"end<br/>step\"]\n"
                      "    s3[\"dead-letters<br/>step\"]\n"
                      "    s0 --> s1\n"
                      "    s0 -->|\".dead\"| s3\n"
                      "    s1 --> s2\n"
                      "    s1 -->|\".vip\"| s2\n");
    graph_view_done(&view);
    unmake(made);
}

/* --- following the lines --- */

enum { UP = 1, DOWN = 2, LEFT = 4, RIGHT = 8 };

struct seen_cell {
    char byte;    /* the character, if it is ASCII */
    uint8_t arms; /* where a line leaves the cell */
    bool end;     /* it is the tip of an arrow */
    bool visited;
    size_t box; /* the node whose box it is in, plus 1 */
};

/* What was read from a picture. */
struct seen {
    size_t rows, columns;
    struct seen_cell *cells;
    /* of the line that is being followed */
    size_t source, targets[EDGES_MAX], target_count;
    char label[NAME_BYTES_MAX + 2];
};

static struct seen_cell *at(const struct seen *s, size_t row, size_t column)
{
    if (row >= s->rows || column >= s->columns)
        fail_msg("a line leaves the picture at row %zu, column %zu", row, column);
    return &s->cells[row * s->columns + column];
}

static void see_character(struct seen_cell *cell, const char *text, size_t len)
{
    static const char *const lines[16] = {"", "",  "",  "│", "",  "┘", "┐", "┤",
                                          "", "└", "┌", "├", "─", "┴", "┬", "┼"};
    cell->byte = len == 1 ? *text : ' ';
    cell->end = len == 3 && memcmp(text, "▼", 3) == 0;
    for (unsigned arms = 0; arms < 16 && len == 3; arms++) {
        if (strncmp(lines[arms], text, 3) == 0)
            cell->arms = (uint8_t)arms;
    }
}

static struct seen *see(struct buf *picture)
{
    struct seen *s = memory_new(1, sizeof *s);
    const char *text = buf_text(picture);
    for (const char *c = text; *c != '\0'; c++)
        s->rows += *c == '\n';
    s->columns = 240;
    s->cells = memory_new(s->rows * s->columns + 1, sizeof *s->cells);
    size_t row = 0, column = 0;
    while (*text != '\0') {
        size_t len = 1;
        while (((uint8_t)text[len] & 0xc0u) == 0x80u)
            len++;
        if (*text == '\n') {
            row++;
            column = 0;
        } else {
            see_character(at(s, row, column++), text, len);
        }
        text += len;
    }
    return s;
}

/* Finds the box of a node by its name and marks its cells. */
static void see_box(struct seen *s, const struct graph_view *view, size_t node, size_t lines)
{
    const char *name = view->nodes[node].name;
    for (size_t i = 0; i + s->columns < s->rows * s->columns; i++) {
        size_t n = 0, column = i % s->columns;
        while (name[n] != '\0' && s->cells[i + n].byte == name[n])
            n++;
        if (name[n] != '\0' || s->cells[i + n].byte != ' ' || column < 2 ||
            s->cells[i - 1].byte != ' ')
            continue;
        size_t row = i / s->columns, left = column - 1, right = column;
        while (at(s, row, left)->arms == 0)
            left--;
        while (at(s, row, right)->arms == 0)
            right++;
        for (size_t r = row - 1; r <= row + lines; r++) {
            for (size_t c = left; c <= right; c++)
                at(s, r, c)->box = node + 1;
        }
        return;
    }
    fail_msg("there is no box of '%s'", name);
}

static void follow(struct seen *s, size_t row, size_t column, unsigned towards);

/* Continues from a cell along its arms, except for the one that led here. */
static void follow_arms(struct seen *s, size_t row, size_t column, unsigned arms)
{
    if (arms & UP)
        follow(s, row - 1, column, UP);
    if (arms & DOWN)
        follow(s, row + 1, column, DOWN);
    if (arms & LEFT)
        follow(s, row, column - 1, LEFT);
    if (arms & RIGHT)
        follow(s, row, column + 1, RIGHT);
}

static void follow(struct seen *s, size_t row, size_t column, unsigned towards)
{
    static const unsigned opposite[] = {[UP] = DOWN, [DOWN] = UP, [LEFT] = RIGHT, [RIGHT] = LEFT};
    struct seen_cell *cell = at(s, row, column);
    if (cell->box != 0) {
        if (!cell->end || towards != DOWN)
            fail_msg("a line runs into a box at row %zu, column %zu", row, column);
        s->targets[s->target_count++] = cell->box - 1;
        cell->visited = true;
    } else if (cell->arms == (UP | DOWN) && (towards & (LEFT | RIGHT)) != 0) {
        follow_arms(s, row, column, towards);
    } else {
        if ((cell->arms & opposite[towards]) == 0)
            fail_msg("a line is broken at row %zu, column %zu", row, column);
        if (cell->visited)
            fail_msg("a line comes back at row %zu, column %zu", row, column);
        cell->visited = true;
        follow_arms(s, row, column, cell->arms & ~opposite[towards]);
    }
}

/* Whether the line is an output of the view, and leads to all that this feeds. */
static bool is_net(const struct seen *s, const struct graph_net *net)
{
    size_t feeds[STAGES_MAX] = {0};
    if (s->source != net->from || strcmp(s->label, net->label) != 0 ||
        s->target_count != net->to_count)
        return false;
    for (size_t i = 0; i < net->to_count; i++) {
        feeds[net->to[i]]++;
        feeds[s->targets[i]]--;
    }
    for (size_t i = 0; i < STAGES_MAX; i++) {
        if (feeds[i] != 0)
            return false;
    }
    return true;
}

/* Follows the line that begins below a box, and marks its output as found. */
static void follow_from(struct seen *s, const struct graph_view *view, size_t row, size_t column,
                        bool *found)
{
    s->target_count = 0;
    s->source = at(s, row - 1, column)->box - 1;
    size_t n = 0;
    for (; column + 2 + n < s->columns && at(s, row, column + 2)->byte == '.' &&
           at(s, row, column + 2 + n)->byte > ' ';
         n++)
        s->label[n] = at(s, row, column + 2 + n)->byte;
    s->label[n] = '\0';
    follow(s, row, column, DOWN);
    size_t net = 0;
    while (net < view->net_count && !is_net(s, &view->nets[net]))
        net++;
    if (net == view->net_count || found[net])
        fail_msg("a line that is not an output, from '%s%s'", view->nodes[s->source].name,
                 s->label);
    found[net] = true;
}

static void check_lines(struct buf *picture, const struct graph_view *view, size_t lines)
{
    struct seen *s = see(picture);
    bool *found = memory_new(view->net_count + 1, sizeof *found);
    for (size_t i = 0; i < view->node_count; i++)
        see_box(s, view, i, lines);
    for (size_t i = s->columns; i < s->rows * s->columns; i++) {
        const struct seen_cell *above = &s->cells[i - s->columns];
        if (above->box != 0 && above->arms == (LEFT | RIGHT | DOWN))
            follow_from(s, view, i / s->columns, i % s->columns, found);
    }
    for (size_t i = 0; i < view->net_count; i++) {
        if (!found[i])
            fail_msg("no line of '%s%s'", view->nodes[view->nets[i].from].name,
                     view->nets[i].label);
    }
    for (size_t i = 0; i < s->rows * s->columns; i++) {
        const struct seen_cell *cell = &s->cells[i];
        if ((cell->arms != 0 || cell->end) && !cell->visited && (cell->box == 0 || cell->end))
            fail_msg("a line of nothing at row %zu, column %zu", i / s->columns, i % s->columns);
    }
    free(found);
    free(s->cells);
    free(s);
}

static struct made *make_random(void)
{
    struct made *made = make();
    size_t count = 2 + random_below(random_below(4) == 0 ? STAGES_MAX - 1 : 14);
    for (size_t i = 0; i < count; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "n%zu", i);
        (void)add_stage(made, name, 1 + random_below(3));
        size_t inputs = i == 0 ? 0 : 1 + random_below(random_below(3) == 0 ? 4 : 2);
        for (size_t k = 0; k < inputs; k++) {
            size_t near = i < 5 ? i : 5;
            size_t from = random_below(2) ? i - 1 - random_below(near) : random_below(i);
            static const port_number ports[] = {PORT_OUT,       PORT_OUT,       PORT_OUT, PORT_DEAD,
                                                PORT_NAMED + 0, PORT_NAMED + 3, PORT_OUT};
            add_edge(made, from, ports[random_below(sizeof ports / sizeof ports[0])], i);
        }
    }
    return made;
}

static bool is_list(struct buf *picture)
{
    return strncmp(buf_text(picture), "n0", 2) == 0;
}

static size_t times_in(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *p = text; (p = strstr(p, part)) != NULL; p += strlen(part))
        count++;
    return count;
}

/* For any graph, the lines between the boxes are its edges, and the list has all of them. */
static void every_edge_is_drawn(void **state)
{
    (void)state;
    static const int widths[] = {20, 40, 80, 132, 238};
    size_t drawn = 0;
    for (unsigned i = 0; i < 400; i++) {
        struct made *made = make_random();
        struct graph_view view;
        graph_view_init(&view, &made->topology, true);
        struct graph_style style = {.columns = widths[random_below(5)]};
        struct buf picture = {0}, again = {0};
        graph_write_picture(&view, &style, &picture);
        graph_write_picture(&view, &style, &again);
        assert_string_equal(buf_text(&picture), buf_text(&again));
        if (!is_list(&picture)) {
            drawn++;
            bool wide = strstr(buf_text(&picture), "n0  file.source") != NULL;
            check_lines(&picture, &view, wide ? 1 : 2);
        } else {
            assert_int_equal(times_in(buf_text(&picture), "▶"), made->topology.edge_count);
        }
        buf_reset(&again);
        graph_write_dot(&view, &again);
        assert_int_equal(times_in(buf_text(&again), " -> "), made->topology.edge_count);
        buf_done(&again);
        buf_done(&picture);
        graph_view_done(&view);
        unmake(made);
    }
    assert_true(drawn > 50);
}

int main(int argc, char **argv)
{
    random_init("graph_view_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain),
        cmocka_unit_test(a_diamond),
        cmocka_unit_test(a_route_that_merges),
        cmocka_unit_test(the_same_in_ascii),
        cmocka_unit_test(in_few_columns_the_kind_is_below),
        cmocka_unit_test(in_fewer_it_is_a_list),
        cmocka_unit_test(all_shows_the_dead_letters),
        cmocka_unit_test(a_crossing_is_no_junction),
        cmocka_unit_test(other_languages),
        cmocka_unit_test(every_edge_is_drawn),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
