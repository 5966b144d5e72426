/* SPDX-License-Identifier: MIT */
/*
 * file.source with packed records: whole ones, others, and what follows a byte that cannot begin a
 * value, through deaths of the process, growth and rotations.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"
#include "stages/emitter.h"
#include "stages/kinds/kinds.h"
#include "stages/stage.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"
#include "topology/load.h"

struct fixture {
    char directory[64];
    char path[80], old_path[80];
    int state_fd;
    struct topology *packed, *followed, *lines, *followed_lines;
    struct topology *topology; /* the one in use */
    struct emitter emitter;
    struct buf seen; /* "seq/number:bytes|" of every record, "seq/number:reason#" of every other */
};

/* The notes of the source. */
static struct buf noted;

static void note(const char *text)
{
    buf_add_format(&noted, "%s\n", text);
}

static void on_emit(void *host, port_number port, const struct record *record)
{
    struct fixture *f = host;
    size_t field = port == PORT_DEAD ? DEAD_LETTER_REASON : 0;
    if (record->kind == RECORD_END)
        return;
    buf_add_format(&f->seen, "%u/%u:", (unsigned)record->seq, (unsigned)record->position);
    buf_add(&f->seen, record->fields[field].bytes, record->fields[field].len);
    buf_add_byte(&f->seen, port == PORT_DEAD ? '#' : '|');
}

static struct topology *load(const struct fixture *f, const char *options)
{
    struct topology *topology;
    char *text = memory_format("topology: t\nstages:\n  read: { kind: file.source, path: %s%s }\n"
                               "  drop: { kind: discard, from: read }\n",
                               f->path, options);
    struct diagnostics d;
    diagnostics_init(&d, "t.yaml", text, strlen(text));
    assert_int_equal(topology_load("t.yaml", text, strlen(text), bulkhead_kinds, TOPOLOGY_PROCESSES,
                                   &d, &topology),
                     0);
    diagnostics_done(&d);
    free(text);
    return topology;
}

static int set_up(void **state)
{
    struct fixture *f = memory_new(1, sizeof *f);
    (void)snprintf(f->directory, sizeof f->directory, "/tmp/bulkhead-packed-XXXXXX");
    if (mkdtemp(f->directory) == NULL)
        return -1;
    (void)snprintf(f->path, sizeof f->path, "%s/input", f->directory);
    (void)snprintf(f->old_path, sizeof f->old_path, "%s/input.1", f->directory);
    f->state_fd = open(f->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    f->packed = load(f, ", records: msgpack, max_line_bytes: 64");
    f->followed = load(f, ", records: msgpack, max_line_bytes: 64, follow: true");
    f->lines = load(f, "");
    f->followed_lines = load(f, ", max_line_bytes: 64, follow: true");
    f->topology = f->packed;
    emitter_init(&f->emitter, &f->packed->stages[0], false, on_emit, f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    (void)unlink(f->path);
    (void)unlink(f->old_path);
    (void)unlinkat(f->state_fd, "cursor", 0);
    (void)close(f->state_fd);
    int rc = rmdir(f->directory);
    topology_free(f->packed);
    topology_free(f->followed);
    topology_free(f->lines);
    topology_free(f->followed_lines);
    emitter_done(&f->emitter);
    buf_done(&f->seen);
    buf_done(&noted);
    free(f);
    return rc;
}

static void append(const struct fixture *f, const void *bytes, size_t len)
{
    FILE *file = fopen(f->path, "ae");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void append_many(const struct fixture *f, char byte, size_t count)
{
    char *bytes = memory_new(count, 1);
    memset(bytes, byte, count);
    append(f, bytes, count);
    free(bytes);
}
#define APPEND(f, text) append(f, text, sizeof(text) - 1)

/* --- processes of a source --- */

static const struct stage_ops *ops_of(const struct fixture *f)
{
    return f->topology->stages[0].ops;
}

static int try_open(struct fixture *f, void **ret_self, struct err *e)
{
    struct stage_env env = {.topology = f->topology,
                            .stage = &f->topology->stages[0],
                            .state_fd = f->state_fd,
                            .note = note};
    buf_reset(&noted);
    return ops_of(f)->open(&env, ret_self, e);
}

static void *open_source(struct fixture *f)
{
    void *self;
    struct err e;
    if (try_open(f, &self, &e) != 0)
        fail_msg("%s", e.text);
    buf_reset(&f->seen);
    return self;
}

static int read_on(struct fixture *f, void *self, struct err *e)
{
    int rc;
    while ((rc = ops_of(f)->read(self, &f->emitter, e)) == 0 || rc == ERR_UNFINISHED)
        ;
    return rc;
}

static void check_seen(struct fixture *f, const char *wanted)
{
    assert_string_equal(buf_text(&f->seen), wanted);
    buf_reset(&f->seen);
}

static void commit_all(struct fixture *f, void *self)
{
    struct err e;
    if (ops_of(f)->commit(self, ops_of(f)->position(self), &e) != 0)
        fail_msg("%s", e.text);
}

/* Reads everything in a process that ends before an ack, then in one that gets it, then again. */
static void check_lives(struct fixture *f, const char *wanted)
{
    struct err e;
    for (int life = 0; life < 3; life++) {
        void *self = open_source(f);
        int rc = read_on(f, self, &e);
        assert_int_equal(rc, ERR_END);
        check_seen(f, life < 2 ? wanted : "");
        if (life == 1)
            commit_all(f, self);
        ops_of(f)->close(self);
    }
}

/* How often a text was reported. */
static unsigned count_notes(const char *text)
{
    unsigned count = 0;
    for (const char *at = buf_text(&noted); (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

/* {"k":1}, {"k":2}, … */
#define MAP(n) "\x81\xa1k" n

static void every_value_is_a_record(void **state)
{
    struct fixture *f = *state;
    APPEND(f, MAP("\x01") "\x80\xde\x00\x01\xa1k\x02" MAP("\x03"));
    buf_reset(&f->seen);
    struct err e;
    void *self = open_source(f);
    assert_int_equal(read_on(f, self, &e), ERR_END);
    static const char wanted[] =
        "1/1:" MAP("\x01") "|2/2:\x80|3/3:\xde\x00\x01\xa1k\x02|4/4:" MAP("\x03") "|";
    assert_int_equal(f->seen.len, sizeof wanted - 1);
    assert_memory_equal(f->seen.data, wanted, f->seen.len);
    commit_all(f, self);
    ops_of(f)->close(self);
    APPEND(f, "\x91\x01\xc0" MAP("\x0a"));
    check_lives(f, "5/5:not-a-map#6/6:not-a-map#7/7:" MAP("\x0a") "|");
    APPEND(f, "\x81\xa1k\xd9\x3e"
              "11111111111111111111111111111111111111111111111111111111111111" MAP("\n"));
    check_lives(f, "8/8:packed-too-long#9/9:" MAP("\n") "|");
}

/* A byte that cannot begin a value: a dead letter, and nothing after it in the file is read. */
static void a_rest_stays_unread(void **state)
{
    struct fixture *f = *state;
    APPEND(f, MAP("\x01") "\x81\xa1k\xc1" MAP("\x02"));
    check_lives(f, "1/1:" MAP("\x01") "|2/2:lost-framing#");
    assert_non_null(strstr(buf_text(&noted), "lost-framing, up to offset 12, was not read"));
    APPEND(f, MAP("\x03") "\xc1");
    check_lives(f, "");
    assert_non_null(strstr(buf_text(&noted), "lost-framing, up to offset 17, was not read"));
}

/*
 * A process that gets to the end reports from where to where it did not read; if that is nothing,
 * it reports nothing.
 */
static void a_rest_has_its_place(void **state)
{
    struct fixture *f = *state;
    struct err e;
    APPEND(f, MAP("\x01") "\x81\xa1k\xc1");
    void *self = open_source(f);
    assert_int_equal(read_on(f, self, &e), ERR_END);
    assert_non_null(strstr(buf_text(&noted),
                           "nothing from offset 8 on is read, because of the dead "
                           "letter with the reason lost-framing (its record "
                           "begins at offset 4)\n"));
    assert_int_equal(count_notes("\n"), 1);
    ops_of(f)->close(self);
    APPEND(f, MAP("\x02"));
    self = open_source(f);
    assert_int_equal(read_on(f, self, &e), ERR_END);
    assert_non_null(strstr(buf_text(&noted), "nothing from offset 8 to 12 was read, because of the "
                                             "dead letter with the reason lost-framing\n"));
    assert_int_equal(count_notes("\n"), 2);
    ops_of(f)->close(self);
}

/* A text that is read as msgpack is one dead letter per byte. That is reported once. */
static void what_is_not_a_map_is_told_once(void **state)
{
    struct fixture *f = *state;
    struct err e;
    APPEND(f, "abc");
    void *self = open_source(f);
    assert_int_equal(read_on(f, self, &e), ERR_END);
    check_seen(f, "1/1:not-a-map#2/2:not-a-map#3/3:not-a-map#");
    assert_non_null(
        strstr(buf_text(&noted),
               ": the msgpack value at offset 0 is not a map (its first byte is 0x61, 'a' as a "
               "character); each such value is a dead letter; is this a file of lines?\n"));
    assert_int_equal(count_notes("\n"), 1);
    commit_all(f, self);
    ops_of(f)->close(self);
    APPEND(f, MAP("\x01") "\x91\x01\x07");
    self = open_source(f);
    assert_int_equal(read_on(f, self, &e), ERR_END);
    assert_non_null(strstr(buf_text(&noted),
                           ": the msgpack value at offset 7 is not a map (its first byte is "
                           "0x91, an array); each such value is a dead letter\n"));
    assert_int_equal(count_notes("\n"), 1);
    ops_of(f)->close(self);
}

/* Half a record at the end is a dead letter, and must stay one. */
static void an_end_within_a_record_stays_one(void **state)
{
    struct fixture *f = *state;
    APPEND(f, MAP("\x01") "\x81\xa1");
    check_lives(f, "1/1:" MAP("\x01") "|2/2:cut-off#");
    void *self;
    struct err e;
    APPEND(f, "\n");
    assert_int_equal(try_open(f, &self, &e), ERR_MISMATCH);
    assert_int_equal(truncate(f->path, 6), 0);
    APPEND(f, "k\x02");
    assert_int_equal(try_open(f, &self, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text,
                           "ended within packed record 2 when it was read, at offset 6, and "
                           "has been continued since; cut off what was added"));
    assert_non_null(strstr(e.text, "to read a file that is still being written, use follow: true"));
    f->topology = f->followed;
    assert_int_equal(try_open(f, &self, &e), ERR_MISMATCH);
    assert_null(strstr(e.text, "follow: true"));
    f->topology = f->packed;
    assert_int_equal(truncate(f->path, 6), 0);
    check_lives(f, "");
}

/* What no stage has is what it is by now. */
static void an_end_that_nobody_has_may_go_on(void **state)
{
    struct fixture *f = *state;
    struct err e;
    APPEND(f, MAP("\x01") "\x81\xa1");
    void *self = open_source(f);
    assert_int_equal(read_on(f, self, &e), ERR_END);
    check_seen(f, "1/1:" MAP("\x01") "|2/2:cut-off#");
    ops_of(f)->close(self);
    APPEND(f, "k\x02");
    self = open_source(f);
    assert_int_equal(ops_of(f)->peer_has(self, "drop", 1, &e), 0);
    assert_int_equal(read_on(f, self, &e), ERR_END);
    check_seen(f, "1/1:" MAP("\x01") "|2/2:" MAP("\x02") "|");
    ops_of(f)->close(self);
    self = open_source(f);
    assert_int_equal(ops_of(f)->peer_has(self, "drop", 2, &e), 0);
    ops_of(f)->close(self);
}

static void records_of_another_format_are_refused(void **state)
{
    struct fixture *f = *state;
    void *self;
    struct err e;
    APPEND(f, MAP("\x01") MAP("\n"));
    check_lives(f, "1/1:" MAP("\x01") "|2/2:" MAP("\n") "|");
    f->topology = f->lines;
    assert_int_equal(try_open(f, &self, &e), ERR_MISMATCH);
    assert_non_null(
        strstr(e.text, "/input' was read up to offset 8, which is between two packed records, and "
                       "lines cannot continue there; change back to records: msgpack, or use"));
    assert_int_equal(unlinkat(f->state_fd, "cursor", 0), 0);
    self = open_source(f);
    assert_int_equal(read_on(f, self, &e), ERR_END);
    check_seen(f, "1/1:" MAP("\x01") "\x81\xa1k|");
    commit_all(f, self);
    ops_of(f)->close(self);
    f->topology = f->packed;
    assert_int_equal(try_open(f, &self, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "between two lines, and packed records cannot continue there"));
}

static void another_file_is_known_by_its_bytes(void **state)
{
    struct fixture *f = *state;
    void *self;
    struct err e;
    APPEND(f, MAP("\x01") MAP("\x02"));
    check_lives(f, "1/1:" MAP("\x01") "|2/2:" MAP("\x02") "|");
    assert_int_equal(unlink(f->path), 0);
    APPEND(f, MAP("\x01") MAP("\x09") MAP("\x03"));
    assert_int_equal(try_open(f, &self, &e), ERR_MISMATCH);
    assert_non_null(
        strstr(e.text, "is not the file that was read up to packed record 2 (offset 8)"));
}

/* --- follow --- */

static void rotate(const struct fixture *f)
{
    assert_int_equal(rename(f->path, f->old_path), 0);
}

/* Half a record is not there yet; when the file is rotated away, it is a dead letter. */
static void half_a_record_is_waited_for(void **state)
{
    struct fixture *f = *state;
    struct err e;
    f->topology = f->followed;
    APPEND(f, MAP("\x01") "\x81\xa1");
    void *self = open_source(f);
    assert_int_equal(read_on(f, self, &e), ERR_AGAIN);
    check_seen(f, "1/1:" MAP("\x01") "|");
    APPEND(f, "k\x02\x81");
    assert_int_equal(read_on(f, self, &e), ERR_AGAIN);
    check_seen(f, "2/2:" MAP("\x02") "|");
    rotate(f);
    APPEND(f, MAP("\x03"));
    commit_all(f, self);
    assert_int_equal(read_on(f, self, &e), ERR_AGAIN);
    check_seen(f, "3/3:cut-off#4/1:" MAP("\x03") "|");
    ops_of(f)->close(self);
    self = open_source(f);
    assert_int_equal(read_on(f, self, &e), ERR_AGAIN);
    check_seen(f, "3/3:cut-off#4/1:" MAP("\x03") "|");
    ops_of(f)->close(self);
}

/*
 * The next file is cut into records from its beginning again, also by a process that starts within
 * the rest.
 */
static void a_rest_ends_with_its_file(void **state)
{
    struct fixture *f = *state;
    struct err e;
    f->topology = f->followed;
    APPEND(f, MAP("\x01") "\xc1" MAP("\x02"));
    void *self = open_source(f);
    assert_int_equal(read_on(f, self, &e), ERR_AGAIN);
    check_seen(f, "1/1:" MAP("\x01") "|2/2:lost-framing#");
    assert_non_null(strstr(buf_text(&noted),
                           "nothing from offset 5 on is read, because of the dead letter with the "
                           "reason lost-framing (its record begins at offset 4); this lasts until "
                           "another file takes its place\n"));
    commit_all(f, self);
    ops_of(f)->close(self);
    self = open_source(f);
    assert_non_null(strstr(buf_text(&noted),
                           "nothing more of it is read, because of the dead letter with the reason "
                           "lost-framing; this lasts until another file takes its place\n"));
    APPEND(f, MAP("\x03"));
    assert_int_equal(read_on(f, self, &e), ERR_AGAIN);
    check_seen(f, "");
    rotate(f);
    APPEND(f, MAP("\x04"));
    assert_int_equal(read_on(f, self, &e), ERR_AGAIN);
    check_seen(f, "3/1:" MAP("\x04") "|");
    assert_non_null(strstr(buf_text(&noted), "lost-framing, up to offset 13, was not read\n"));
    ops_of(f)->close(self);
    self = open_source(f);
    assert_int_equal(read_on(f, self, &e), ERR_AGAIN);
    check_seen(f, "3/1:" MAP("\x04") "|");
    ops_of(f)->close(self);
}

/*
 * A file that was truncated and begins again has all of its records, whatever the old one was like.
 */
static void a_truncated_file_begins_again(void **state)
{
    struct fixture *f = *state;
    struct err e;
    f->topology = f->followed;
    APPEND(f, MAP("\x01") "\xc1" MAP("\x02"));
    void *self = open_source(f);
    assert_int_equal(read_on(f, self, &e), ERR_AGAIN);
    commit_all(f, self);
    buf_reset(&f->seen);
    assert_int_equal(truncate(f->path, 0), 0);
    APPEND(f, MAP("\x03") "\x81");
    assert_int_equal(read_on(f, self, &e), ERR_AGAIN);
    check_seen(f, "3/1:" MAP("\x03") "|");
    commit_all(f, self);
    assert_int_equal(truncate(f->path, 0), 0);
    APPEND(f, MAP("\x04"));
    assert_int_equal(read_on(f, self, &e), ERR_AGAIN);
    check_seen(f, "4/1:" MAP("\x04") "|");
    assert_non_null(strstr(buf_text(&noted), "1 byte of a packed record at the end of"));
    ops_of(f)->close(self);
}

/* It is reported, once per record and process, that a record is too long and has no end. */
static void check_overlong(struct fixture *f, const char *wanted)
{
    struct err e;
    void *self = NULL;
    for (int life = 0; life < 2; life++) {
        self = open_source(f);
        assert_int_equal(read_on(f, self, &e), ERR_AGAIN);
        append_many(f, 'x', 1000);
        assert_int_equal(read_on(f, self, &e), ERR_AGAIN);
        assert_int_equal(count_notes(wanted), 1);
        assert_int_equal(count_notes("is already longer than"), 1);
        commit_all(f, self);
        if (life == 0)
            ops_of(f)->close(self);
    }
    rotate(f);
    append(f, "\x81\xa1k\n", 4);
    commit_all(f, self);
    assert_int_equal(read_on(f, self, &e), ERR_AGAIN);
    append_many(f, '\xdd', 1000);
    assert_int_equal(read_on(f, self, &e), ERR_AGAIN);
    assert_int_equal(count_notes("that begins at offset 4 is already longer than"), 2);
    ops_of(f)->close(self);
}

/* A record with a damaged length may have no end: the source does not wait for it in silence. */
static void a_record_without_end_is_told(void **state)
{
    struct fixture *f = *state;
    f->topology = f->followed;
    APPEND(f, MAP("\x01") "\xdd\xff\xff\xff\xff");
    append_many(f, 'x', 1000);
    check_overlong(f, "the packed record that begins at offset 4 is already longer than "
                      "max_line_bytes (64), and its end has not come yet; nothing after it is read "
                      "until then, which may be never if a length in it is damaged");
}

static void a_line_without_end_is_told(void **state)
{
    struct fixture *f = *state;
    f->topology = f->followed_lines;
    APPEND(f, "one\n");
    append_many(f, 'x', 1000);
    check_overlong(f, "the line that begins at offset 4 is already longer than max_line_bytes "
                      "(64), and its end has not come yet; nothing after it is read until then\n");
}

/* A record whose end has come is a dead letter, which says the same. */
static void a_record_with_its_end_is_not_told(void **state)
{
    struct fixture *f = *state;
    struct err e;
    f->topology = f->followed;
    APPEND(f, "\x81\xa1k\xc5\x03\xe8");
    append_many(f, 'x', 1000);
    APPEND(f, MAP("\x01"));
    void *self = open_source(f);
    assert_int_equal(read_on(f, self, &e), ERR_AGAIN);
    check_seen(f, "1/1:packed-too-long#2/2:" MAP("\x01") "|");
    assert_int_equal(noted.len, 0);
    ops_of(f)->close(self);
}

/* --- any input, any deaths --- */

static void add_any(struct buf *out)
{
    static const char *const parts[] = {MAP("\x01"),
                                        MAP("\n"),
                                        "\x80",
                                        "\x07",
                                        "\x92\x01\xa3"
                                        "abc",
                                        "\x82\xa1"
                                        "a\x91\x05\xa1"
                                        "b\xd9\x03xyz"};
    if (random_below(60) == 0)
        buf_add_byte(out, 0xc1);
    else
        buf_add_text(out, parts[random_below(sizeof parts / sizeof parts[0])]);
}

/* Reads some, acks some; what was emitted must come again unchanged. */
static void live(struct fixture *f, struct buf *all)
{
    struct err e;
    void *self = open_source(f);
    int rc = 0;
    for (uint64_t reads = random_below(40); reads > 0 && rc == 0; reads--) {
        do {
            rc = ops_of(f)->read(self, &f->emitter, &e);
        } while (rc == ERR_UNFINISHED);
        if (rc == 0 && random_below(10) == 0) {
            commit_all(f, self);
            buf_add(all, f->seen.data, f->seen.len);
            buf_reset(&f->seen);
        }
    }
    if (rc != 0)
        assert_int_equal(rc, ERR_END);
    ops_of(f)->close(self);
}

static void any_deaths_give_the_same(void **state)
{
    struct fixture *f = *state;
    struct buf input = {0}, all = {0};
    for (unsigned round = 0; round < 60; round++) {
        struct err e;
        (void)unlink(f->path);
        (void)unlinkat(f->state_fd, "cursor", 0);
        buf_reset(&input);
        buf_reset(&all);
        for (uint64_t n = 1 + random_below(200); n > 0; n--)
            add_any(&input);
        append(f, input.data, input.len - random_below(2));
        void *self = open_source(f);
        assert_int_equal(read_on(f, self, &e), ERR_END);
        char *wanted = memory_dup(buf_text(&f->seen), f->seen.len);
        ops_of(f)->close(self);
        (void)unlinkat(f->state_fd, "cursor", 0);
        for (unsigned lives = 0; lives < 12; lives++)
            live(f, &all);
        self = open_source(f);
        assert_int_equal(read_on(f, self, &e), ERR_END);
        buf_add(&all, f->seen.data, f->seen.len);
        assert_string_equal(buf_text(&all), wanted);
        ops_of(f)->close(self);
        free(wanted);
    }
    buf_done(&input);
    buf_done(&all);
}

int main(int argc, char **argv)
{
    random_init("file_source_packed_test");
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_value_is_a_record),
        TEST(a_rest_stays_unread),
        TEST(a_rest_has_its_place),
        TEST(what_is_not_a_map_is_told_once),
        TEST(an_end_within_a_record_stays_one),
        TEST(an_end_that_nobody_has_may_go_on),
        TEST(records_of_another_format_are_refused),
        TEST(another_file_is_known_by_its_bytes),
        TEST(half_a_record_is_waited_for),
        TEST(a_rest_ends_with_its_file),
        TEST(a_truncated_file_begins_again),
        TEST(a_record_without_end_is_told),
        TEST(a_line_without_end_is_told),
        TEST(a_record_with_its_end_is_not_told),
        TEST(any_deaths_give_the_same),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
