/* SPDX-License-Identifier: MIT */
/*
 * No text whatever makes the reading of a topology hang, crash or go on without end: bytes of a
 * good one are changed, taken out, doubled and replaced by pieces of YAML.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "common/memory.h"
#include "stages/kinds/kinds.h"
#include "stages/stage.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"
#include "topology/graph.h"
#include "topology/load.h"
#include "topology/yaml_text.h"

#define TEXTS 10000
#define TEXT_BYTES_MAX 4096
/* One text takes a tenth of a millisecond; so much even where a sanitizer looks on. */
#define ALARM_S 60

static const char good[] = "topology: t\n"
                           "version: 3\n"
                           "description: \"a \\u00e9 \\\"quoted\\\" text\"\n"
                           "types:\n"
                           "  R: { k: string, n: int, when: timestamp, paid: money(USD) }\n"
                           "stages:\n"
                           "  # comment\n"
                           "  in: { kind: file.source, path: \"${TOPOLOGY_DIR:-x}/in.jsonl\" }\n"
                           "  p:\n"
                           "    kind: json.decode\n"
                           "    from: in\n"
                           "    type: R\n"
                           "  f: { kind: filter, from: p, where: [{ k: { one_of: [a, 'b'] } }, { "
                           "n: { range: [1, 2] } }] }\n"
                           "  w: { kind: window.count, from: f, key: [k, n], at: when, per: day }\n"
                           "  e: { kind: json.encode, from: w, fields: [k] }\n"
                           "  o:\n"
                           "    kind: file.sink\n"
                           "    from: [e]\n"
                           "    path: >-\n"
                           "      out.jsonl\n";

static const char *const pieces[] = {
    "%",
    "%\xff",
    "\xff",
    "\xc3",
    "\xe2\x80\xa8",
    "\xc2\x85",
    "\xef\xbb\xbf",
    "&a ",
    "*a",
    "<<:",
    "!!x ",
    "? ",
    "- ",
    ": ",
    "---\n",
    "...\n",
    "\t",
    "\r",
    "[",
    "{",
    "]",
    "}",
    "'",
    "\"",
    "|",
    ">",
    "#",
    " #",
    "@",
    "`",
    "${",
    "}",
    "\n",
    "\n  ",
    ",",
    "\\x",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
};

struct text {
    char bytes[TEXT_BYTES_MAX];
    size_t len;
};

/* Puts bytes in the place of `gone` others. */
static void splice(struct text *t, size_t at, size_t gone, const char *bytes, size_t len)
{
    if (gone > t->len - at)
        gone = t->len - at;
    if (t->len - gone + len > sizeof t->bytes)
        return;
    memmove(t->bytes + at + len, t->bytes + at + gone, t->len - at - gone);
    memcpy(t->bytes + at, bytes, len);
    t->len = t->len - gone + len;
}

static void mutate(struct text *t)
{
    size_t at = (size_t)random_below(t->len + 1);
    char byte = (char)random_bits();
    char copy[64];
    size_t len = (size_t)random_below(sizeof copy);
    const char *piece = pieces[random_below(sizeof pieces / sizeof pieces[0])];
    switch (random_below(5)) {
    case 0:
        splice(t, at, 1, &byte, 1);
        return;
    case 1:
        splice(t, at, len, "", 0);
        return;
    case 2:
        len = len < t->len - at ? len : t->len - at;
        memcpy(copy, t->bytes + at, len);
        splice(t, (size_t)random_below(t->len + 1), 0, copy, len);
        return;
    case 3:
        t->len = at != 0 ? at : 1;
        return;
    default:
        splice(t, at, (size_t)random_below(3), piece, strlen(piece));
    }
}

/* Reads it, and prints what is wrong with it. Returns how many errors. */
static size_t load(const struct text *t)
{
    char *copy = memory_dup(t->bytes, t->len); /* of its own, so that a sanitizer sees its end */
    struct diagnostics d;
    struct topology *topology = NULL;
    struct buf out = {0};
    diagnostics_init(&d, "t.yaml", copy, t->len);
    int rc =
        topology_load("t.yaml", copy, t->len, bulkhead_kinds, TOPOLOGY_PROCESSES, &d, &topology);
    size_t count = d.count;
    assert_int_equal(rc == 0, count == 0);
    diagnostics_print(&d, &out);
    buf_done(&out);
    diagnostics_done(&d);
    topology_free(topology);
    free(copy);
    return count;
}

static void test_any_text(void **state)
{
    (void)state;
    struct text *t = memory_new(1, sizeof *t);
    unsigned still_good = 0;
    for (unsigned i = 0; i < TEXTS; i++) {
        memcpy(t->bytes, good, sizeof good - 1);
        t->len = sizeof good - 1;
        for (uint64_t n = random_below(6); n > 0; n--)
            mutate(t);
        (void)alarm(ALARM_S);
        still_good += load(t) == 0;
    }
    (void)alarm(0);
    free(t);
    assert_int_not_equal(still_good, 0);
    assert_int_not_equal(still_good, TEXTS);
}

static size_t count_errors(const char *text, size_t len)
{
    struct diagnostics d;
    diagnostics_init(&d, "t.yaml", text, len);
    int rc = yaml_text_check(text, len, &d);
    size_t count = d.count;
    assert_int_equal(rc == 0, count == 0);
    diagnostics_done(&d);
    return count;
}

/* What a library that reads YAML was seen to loop on, or to abort at. */
static void test_known_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {"%\xff", "topology: \"e\\", "topology: \"\\", "a: 'b\\",
                                        "ogy:n: 1\n? ng:\t\t\t\t\t\t:\t \tf"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct text *t = memory_new(1, sizeof *t);
        t->len = strlen(texts[i]);
        memcpy(t->bytes, texts[i], t->len);
        (void)alarm(ALARM_S);
        assert_int_not_equal(load(t), 0);
        free(t);
    }
    (void)alarm(0);
}

static void test_rows(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        size_t errors;
    } rows[] = {
#define ROW(text, errors) {text, sizeof text - 1, errors}
        ROW("", 0),
        ROW("a: b\n", 0),
        ROW("a:\tb\r\n", 0),
        ROW("\xef\xbb\xbf"
            "a: b\n",
            0),
        ROW("a: '\xc3\xa9 \xf0\x9f\x98\x80 \xef\xbf\xbd %'\n", 0),
        ROW("a: b\n%x\n", 1),
        ROW("%\xff", 2),
        ROW("\xff", 1),
        ROW("a\n\xc3", 1),
        ROW("a\0b", 1),
        ROW("a\n\0", 1),
        ROW("\xef\xbb\xbf%", 1),
        ROW("a\rb\n", 1),
        ROW("a\x7f\na\x1b\na\xc2\x80\na\xc2\x85\na\xef\xbf\xbf\na\xc2\xa0", 5),
        ROW("? a\n: b\n", 1),
        ROW("a:\n  - ? b\n", 1),
        ROW("a: { ? b }\n", 1),
        ROW("a\n?", 1),
        ROW("a: what ? is\n?b: '? c'\nd: [?a, b ?]\n", 0),
        ROW("a: [? ]\n", 1),
        /* In quotes and in the lines of a block no key begins. */
        ROW("a: \"\\\"\n  ? b\"\nc: '''\n  ? d\n  #'\n", 0),
        ROW("a: |\n  ? b\n\n c #d\n  'e\n", 0),
        ROW("- a:\n  - >-\n   ? b\n  - x: |2\n     ? c\n    ? d\n", 1),
        ROW("--- |\n? a\n", 0),
        ROW("- |\n ? a\n- ? b\n", 1),
        ROW("a: |\n  ? b\n  # \"c\n? d\n", 1),
        ROW("a: it's\n? b\n", 1),
        ROW("a: it\n  's\n? b\n", 1),
        ROW("a:\n    it\n  's\n? b\n", 1),
        ROW("a: [it\n's]\n? b\n", 1),
        ROW("a: \"b\" # it's\n? c\n", 1),
        ROW("a: {'b':'c','d':[e]}\n? f\n", 1),
        ROW("a: [b # ]\n]\n? c\n", 1),
        /* Comments, and what looks like a part of a text. */
        ROW("a: b #c\n", 1),
        ROW("a: [b, c #d\n]\n", 1),
        ROW("a:\n  b #c\n", 1),
        ROW("a: b # c\nd: e  #f\ng: #h\n #i\nj: k#l\nm: 'n' #o\np: \"q #r\"\n", 0),
        ROW("a: b #\nc: d #\r\ne: f\t#g\n", 0),
        ROW("a\xff\xff\n\xff", 1), /* one is enough: all is of one encoding */
        ROW("\xff\xfe"
            "a\0",
            1),
        ROW("\0\0\xfe\xff", 1),
        ROW("a\0:\0", 1),
#undef ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (count_errors(rows[i].text, rows[i].len) != rows[i].errors)
            fail_msg("row %zu", i);
    }
}

int main(int argc, char **argv)
{
    random_init("topology_text");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_known_texts),
        cmocka_unit_test(test_any_text),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
