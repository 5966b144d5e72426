/* SPDX-License-Identifier: MIT */
/*
 * stdin.source driven directly, with real pipes: the end of the input is in the journal, and has a
 * seq of its own there whatever is killed around it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "stages/emitter.h"
#include "stages/journal/stage_input.h"
#include "stages/kinds/kinds.h"
#include "stages/stage.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"
#include "topology/load.h"

#define ITEMS_MAX 8192u

struct fixture {
    char directory[64];
    int state_fd;
    struct topology *topology;
    const struct stage_ops *ops;
    struct emitter emitter;
    struct stage_input input;
    int write_fd;    /* of the pipe that is the input; -1: it was closed */
    struct buf seen; /* "seq:line|" of every record, "seq:line number!" of every end */
    unsigned turns;  /* in which there was no record, but there may be more */
};

/* The notes of the source: how many, and the last one. */
static unsigned notes;
static struct buf noted;

static void on_emit(void *host, port_number port, const struct record *record)
{
    struct fixture *f = host;
    if (record->kind == RECORD_END && port == PORT_OUT)
        buf_add_format(&f->seen, "%llu:%llu!", (unsigned long long)record->seq,
                       (unsigned long long)record->position);
    else if (record->kind == RECORD_END)
        assert_int_equal(port, PORT_DEAD);
    else if (port == PORT_DEAD)
        buf_add_format(&f->seen, "%llu:%.*s#", (unsigned long long)record->seq,
                       (int)record->fields[DEAD_LETTER_REASON].len,
                       (const char *)record->fields[DEAD_LETTER_REASON].bytes);
    else
        buf_add_format(&f->seen, "%llu:%.*s|", (unsigned long long)record->seq,
                       (int)record->fields[0].len, (const char *)record->fields[0].bytes);
}

static int set_up_with(void **state, const char *text)
{
    struct fixture *f = memory_new(1, sizeof *f);
    (void)snprintf(f->directory, sizeof f->directory, "/tmp/bulkhead-stdin-XXXXXX");
    if (mkdtemp(f->directory) == NULL)
        return -1;
    f->state_fd = open(f->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct diagnostics d;
    diagnostics_init(&d, "t.yaml", text, strlen(text));
    assert_int_equal(topology_load("t.yaml", text, strlen(text), bulkhead_kinds, TOPOLOGY_PROCESSES,
                                   &d, &f->topology),
                     0);
    diagnostics_done(&d);
    f->topology->marks_end = true;
    f->ops = f->topology->stages[0].ops;
    emitter_init(&f->emitter, &f->topology->stages[0], false, on_emit, f);
    f->input = (struct stage_input){.fd = -1, .relay_read_fd = -1, .relay_write_fd = -1};
    f->write_fd = -1;
    *state = f;
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, "topology: t\nstages:\n  read: { kind: stdin.source }\n"
                              "  write: { kind: stdout.sink, from: read }\n");
}

static int set_up_packed(void **state)
{
    return set_up_with(state, "topology: t\nstages:\n"
                              "  read: { kind: stdin.source, records: msgpack }\n"
                              "  drop: { kind: discard, from: read }\n");
}

/* A run begins with an input of its own. */
static void begin_run(struct fixture *f)
{
    int fds[2];
    if (f->input.fd >= 0)
        (void)close(f->input.fd);
    if (f->write_fd >= 0)
        (void)close(f->write_fd);
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    f->input.fd = fds[0];
    f->input.stream += (UINT64_C(1) << 32) + 1;
    f->write_fd = fds[1];
}

static void feed(const struct fixture *f, const char *text)
{
    assert_int_equal(write(f->write_fd, text, strlen(text)), strlen(text));
}

static void end_input(struct fixture *f)
{
    (void)close(f->write_fd);
    f->write_fd = -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    begin_run(f);
    end_input(f);
    (void)close(f->input.fd);
    DIR *dir = opendir(f->directory);
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.')
            (void)unlinkat(f->state_fd, entry->d_name, 0);
    }
    (void)closedir(dir);
    (void)close(f->state_fd);
    int rc = rmdir(f->directory);
    topology_free(f->topology);
    buf_done(&f->seen);
    buf_done(&noted);
    emitter_done(&f->emitter);
    free(f);
    return rc;
}

static int lost_notes; /* how often it was reported that the rest of a stream is discarded */

static void note(const char *text)
{
    buf_reset(&noted);
    buf_add_text(&noted, text);
    notes++;
    lost_notes += strstr(text, "is discarded, because of the dead letter") != NULL ? 1 : 0;
}

static void *open_source(struct fixture *f)
{
    struct stage_env env = {.topology = f->topology,
                            .stage = &f->topology->stages[0],
                            .state_fd = f->state_fd,
                            .note = note,
                            .input = &f->input};
    void *self;
    struct err e;
    if (f->ops->open(&env, &self, &e) != 0)
        fail_msg("%s", e.text);
    return self;
}

/*
 * Opens the source, reads until it returns something else, and checks all that. The caller
 * continues.
 */
static void *read_all(struct fixture *f, int wanted_rc, const char *wanted)
{
    struct err e;
    void *self = open_source(f);
    buf_reset(&f->seen);
    int rc;
    while ((rc = f->ops->read(self, &f->emitter, &e)) == 0 || rc == ERR_UNFINISHED)
        f->turns += rc == ERR_UNFINISHED ? 1 : 0;
    assert_int_equal(rc, wanted_rc);
    assert_string_equal(buf_text(&f->seen), wanted);
    return self;
}

static void commit(struct fixture *f, void *self, seq_number seq)
{
    struct err e;
    if (f->ops->commit(self, seq, &e) != 0)
        fail_msg("%s", e.text);
}

static void the_end_has_a_seq_of_its_own_once(void **state)
{
    struct fixture *f = *state;
    begin_run(f);
    feed(f, "one\n\ntw");
    void *self = read_all(f, ERR_AGAIN, "1:one|");
    f->ops->close(self);
    end_input(f);
    self = read_all(f, ERR_END, "1:one|2:tw|3:3!");
    struct err e;
    assert_int_equal(f->ops->peer_has(self, "once", 3, &e), 0);
    assert_int_equal(f->ops->peer_has(self, "once", 4, &e), ERR_CORRUPT);
    f->ops->close(self);
    self = read_all(f, ERR_END, "1:one|2:tw|3:3!");
    commit(f, self, 3);
    f->ops->close(self);
    f->ops->close(read_all(f, ERR_END, ""));
    begin_run(f);
    end_input(f);
    f->ops->close(read_all(f, ERR_END, ""));
    begin_run(f);
    feed(f, "\n");
    end_input(f);
    f->ops->close(read_all(f, ERR_END, ""));
    begin_run(f);
    feed(f, "three\n");
    end_input(f);
    self = read_all(f, ERR_END, "4:three|5:5!");
    commit(f, self, 4);
    f->ops->close(self);
    f->ops->close(read_all(f, ERR_END, "4:three|5:5!"));
}

static void nothing_has_no_end(void **state)
{
    struct fixture *f = *state;
    begin_run(f);
    end_input(f);
    f->ops->close(read_all(f, ERR_END, ""));
    begin_run(f);
    feed(f, "\n \n");
    end_input(f);
    f->ops->close(read_all(f, ERR_END, ""));
}

/* No number of blank lines keeps other work waiting. */
static void blank_lines_take_turns(void **state)
{
    struct fixture *f = *state;
    static char blanks[3 * SOURCE_BLANKS_PER_TURN + 1];
    memset(blanks, '\n', sizeof blanks - 1);
    begin_run(f);
    feed(f, "one\n");
    feed(f, blanks);
    feed(f, "two\n");
    void *self = read_all(f, ERR_AGAIN, "1:one|2:two|");
    assert_in_range(f->turns, 2, 4);
    f->ops->close(self);
}

/* What a drain stops is not at its end. */
static void a_drain_is_no_end(void **state)
{
    struct fixture *f = *state;
    struct err e;
    begin_run(f);
    feed(f, "one\n");
    void *self = read_all(f, ERR_AGAIN, "1:one|");
    f->ops->drain(self);
    assert_int_equal(f->ops->read(self, &f->emitter, &e), ERR_END);
    assert_string_equal(buf_text(&f->seen), "1:one|");
    f->ops->close(self);
}

static void a_journal_without_ends_gets_one(void **state)
{
    struct fixture *f = *state;
    f->topology->marks_end = false;
    begin_run(f);
    feed(f, "one\n");
    end_input(f);
    void *self = read_all(f, ERR_END, "1:one|");
    commit(f, self, 1);
    f->ops->close(self);
    f->topology->marks_end = true;
    f->ops->close(read_all(f, ERR_END, "2:1!"));
    f->topology->marks_end = false; /* it is in the journal, and may have been received */
    f->ops->close(read_all(f, ERR_END, "2:1!"));
}

/* An end at the beginning of the next segment is not acked with what precedes it. */
static void an_end_between_two_segments_is_kept(void **state)
{
    struct fixture *f = *state;
    begin_run(f);
    feed(f, "one\n");
    end_input(f);
    void *self = read_all(f, ERR_END, "1:one|2:1!");
    f->ops->close(self);
    self = open_source(f);
    struct err e;
    assert_int_equal(f->ops->read(self, &f->emitter, &e), 0);
    commit(f, self, 1);
    f->ops->close(self);
    begin_run(f);
    feed(f, "two\n");
    self = read_all(f, ERR_AGAIN, "2:1!3:two|");
    f->ops->close(self);
    self = read_all(f, ERR_AGAIN, "2:1!3:two|");
    commit(f, self, 3);
    f->ops->close(self);
    f->ops->close(read_all(f, ERR_AGAIN, ""));
}

/* What every seq was when it was first emitted. */
struct history {
    struct buf items[ITEMS_MAX];
    seq_number count, acked;
};

static bool is_end(const struct buf *item)
{
    return item->len != 0 && item->data[item->len - 1] == '!';
}

/* Reads on, now and then with acks, and checks every seq against what it was before. */
static int read_some(struct fixture *f, struct history *h, void *self, uint64_t reads)
{
    struct err e;
    int rc = 0;
    for (; reads > 0 && rc != ERR_END && rc != ERR_AGAIN; reads--) {
        buf_reset(&f->seen);
        rc = f->ops->read(self, &f->emitter, &e);
        if (rc == 0) {
            seq_number seq = emitter_seq(&f->emitter);
            assert_true(seq < ITEMS_MAX && seq <= h->count + 1);
            if (seq > h->count)
                buf_add(&h->items[h->count = seq], f->seen.data, f->seen.len);
            assert_int_equal(f->seen.len, h->items[seq].len);
            assert_memory_equal(f->seen.data, h->items[seq].data, f->seen.len);
        }
        seq_number at = f->ops->position(self);
        if (at > h->acked && random_below(6) == 0) {
            h->acked += 1 + random_below(at - h->acked);
            commit(f, self, h->acked);
        }
    }
    return rc;
}

/* One run: its input comes in pieces, its processes are killed, and it may not come to its end. */
static void play_run(struct fixture *f, struct history *h, unsigned *line)
{
    begin_run(f);
    for (uint64_t lives = 1 + random_below(4); lives > 0; lives--) {
        for (uint64_t n = f->write_fd >= 0 ? random_below(40) : 0; n > 0; n--) {
            char text[32];
            (void)snprintf(text, sizeof text, "%u%s", (*line)++,
                           random_below(9) == 0 ? "\n\n" : "\n");
            feed(f, random_below(9) == 0 ? "x" : text);
        }
        if (f->write_fd >= 0 && random_below(2) == 0)
            end_input(f);
        void *self = open_source(f);
        assert_true(f->ops->position(self) <= h->acked);
        int rc = read_some(f, h, self, random_below(2) == 0 ? random_below(30) : UINT64_MAX);
        assert_true(rc != ERR_END || h->count == 0 || is_end(&h->items[h->count]));
        f->ops->close(self);
    }
}

static void any_kills_give_every_seq_the_same(void **state)
{
    struct fixture *f = *state;
    struct history *h = memory_new(1, sizeof *h);
    unsigned line = 0;
    for (unsigned run = 0; run < 60; run++)
        play_run(f, h, &line);
    unsigned ends = 0;
    for (seq_number seq = 1; seq <= h->count; seq++) {
        assert_false(is_end(&h->items[seq]) && is_end(&h->items[seq - 1]));
        ends += is_end(&h->items[seq]) ? 1 : 0;
    }
    assert_true(ends > 5);
    for (size_t i = 0; i < ITEMS_MAX; i++)
        buf_done(&h->items[i]);
    free(h);
}

/* --- byte order marks --- */

#define MARK "\xef\xbb\xbf"

/* A run that continues the stream of the one before it. */
static void begin_run_kept(struct fixture *f)
{
    uint64_t stream = f->input.stream + (UINT64_C(1) << 32);
    begin_run(f);
    f->input.stream = stream;
    f->input.kept = true;
}

static void a_mark_at_the_beginning_of_a_stream_is_no_part_of_it(void **state)
{
    struct fixture *f = *state;
    f->topology->marks_end = false;
    begin_run(f);
    static const char bytes[] = MARK "one\n" MARK "two\n";
    for (size_t i = 0; bytes[i] != '\0'; i++) {
        const char piece[2] = {bytes[i], '\0'};
        feed(f, piece);
        f->ops->close(read_all(f, ERR_AGAIN,
                               i < sizeof MARK "one" - 1 ? ""
                               : i < sizeof bytes - 2    ? "1:one|"
                                                         : "1:one|2:" MARK "two|"));
    }
    void *self = read_all(f, ERR_AGAIN, "1:one|2:" MARK "two|");
    commit(f, self, 2);
    f->ops->close(self);
    f->ops->close(read_all(f, ERR_AGAIN, ""));
    begin_run_kept(f);
    feed(f, MARK "three\n");
    f->ops->close(read_all(f, ERR_AGAIN, "3:" MARK "three|"));
    begin_run(f);
    f->input.kept = false;
    feed(f, MARK "\n" MARK "four\n");
    self = read_all(f, ERR_AGAIN, "3:" MARK "three|4:" MARK "four|");
    commit(f, self, 4);
    f->ops->close(self);
    begin_run(f);
    feed(f, MARK);
    end_input(f);
    f->ops->close(read_all(f, ERR_END, ""));
    begin_run(f);
    feed(f, "\xff\xfe"
            "five\nsix\n");
    f->ops->close(read_all(f, ERR_AGAIN, "5:not-utf8#6:not-utf8#"));
    struct err e;
    self = open_source(f);
    assert_int_equal(f->ops->read(self, &f->emitter, &e), 0);
    commit(f, self, 5);
    f->ops->close(self);
    f->ops->close(read_all(f, ERR_AGAIN, "6:not-utf8#"));
    begin_run(f);
    feed(f, "seven\n");
    f->ops->close(read_all(f, ERR_AGAIN, "6:not-utf8#7:seven|"));
}

/* What all streams together should yield, by a second way: each of them is there as a whole. */
static void naive_lines(const struct buf *stream, seq_number *seq, struct buf *out)
{
    const uint8_t *bytes = stream->data;
    bool foreign = stream->len >= 2 && memcmp(bytes, "\xff\xfe", 2) == 0;
    for (size_t at = 0; at < stream->len;) {
        size_t from = at, end = at;
        while (end < stream->len && bytes[end] != '\n')
            end++;
        if (at == 0 && end >= 3 && memcmp(bytes, MARK, 3) == 0)
            from = 3;
        at = end + 1;
        size_t i = from;
        while (i < end && bytes[i] == ' ')
            i++;
        if (i == end)
            continue;
        if (foreign)
            buf_add_format(out, "%llu:not-utf8#", (unsigned long long)++*seq);
        else
            buf_add_format(out, "%llu:%.*s|", (unsigned long long)++*seq, (int)(end - from),
                           (const char *)bytes + from);
    }
}

/* Reads until there is nothing more, with kills and acks; adds what was not seen before. */
static void read_new(struct fixture *f, seq_number *seen, struct buf *got)
{
    int rc = 0;
    void *self = open_source(f);
    while (rc == 0 || rc == ERR_UNFINISHED) {
        struct err e;
        buf_reset(&f->seen);
        rc = f->ops->read(self, &f->emitter, &e);
        assert_true(rc == 0 || rc == ERR_AGAIN || rc == ERR_END || rc == ERR_UNFINISHED);
        if (rc == 0 && emitter_seq(&f->emitter) > *seen) {
            assert_int_equal(emitter_seq(&f->emitter), *seen + 1);
            *seen = emitter_seq(&f->emitter);
            buf_add(got, f->seen.data, f->seen.len);
        }
        if (rc == 0 && random_below(4) == 0)
            commit(f, self, f->ops->position(self));
        if (rc == 0 && random_below(8) == 0) {
            f->ops->close(self);
            self = open_source(f);
        }
    }
    if (random_below(4) == 0)
        commit(f, self, f->ops->position(self));
    f->ops->close(self);
}

/* Adds what a stream gives as a whole, and counts its records. */
typedef void naive_records(const struct buf *stream, seq_number *seq, struct buf *out);

/* Streams in pieces, read by processes that are killed, compared with what each of them yields. */
static void check_any_streams(struct fixture *f, const char *const *parts, size_t part_count,
                              naive_records *naive)
{
    struct buf stream = {0}, wanted = {0}, got = {0};
    seq_number seq = 0, seen = 0;
    f->topology->marks_end = false;
    for (unsigned run = 0; run < 300; run++) {
        bool kept = run != 0 && random_below(3) == 0;
        f->input.kept = false;
        if (kept) {
            begin_run_kept(f);
        } else {
            naive(&stream, &seq, &wanted);
            buf_reset(&stream);
            begin_run(f);
        }
        for (uint64_t n = random_below(8); n > 0; n--) {
            const char *part = parts[random_below(part_count)];
            feed(f, part);
            buf_add_text(&stream, part);
            if (random_below(2) == 0)
                read_new(f, &seen, &got);
        }
        read_new(f, &seen, &got);
    }
    naive(&stream, &seq, &wanted);
    begin_run(f); /* ends the last record */
    f->input.kept = false;
    read_new(f, &seen, &got);
    assert_int_equal(seen, seq);
    assert_string_equal(buf_text(&got), buf_text(&wanted));
    assert_true(seq > 100);
    buf_done(&stream);
    buf_done(&wanted);
    buf_done(&got);
}

static void any_streams_with_marks_give_their_lines(void **state)
{
    static const char *const parts[] = {MARK, "\xef", "\xbb", "\xbf", "\xff\xfe", " ",
                                        "\n", "\n",   "a",    "b",    MARK "\n",  MARK " "};
    check_any_streams(*state, parts, sizeof parts / sizeof parts[0], naive_lines);
}

/* --- packed records --- */

#define MAP(n) "\x81\xa1k" n

static void packed_records_have_numbers_and_ends(void **state)
{
    struct fixture *f = *state;
    begin_run(f);
    static const char bytes[] = MAP("\x01") "\x07" MAP("\n");
    for (size_t i = 0; bytes[i] != '\0'; i++) {
        const char piece[2] = {bytes[i], '\0'};
        feed(f, piece);
        f->ops->close(read_all(f, ERR_AGAIN,
                               i < 3    ? ""
                               : i == 3 ? "1:" MAP("\x01") "|"
                               : i < sizeof bytes - 2
                                   ? "1:" MAP("\x01") "|2:not-a-map#"
                                   : "1:" MAP("\x01") "|2:not-a-map#3:" MAP("\n") "|"));
    }
    feed(f, "\x81");
    end_input(f);
    static const char all[] = "1:" MAP("\x01") "|2:not-a-map#3:" MAP("\n") "|4:cut-off#5:4!";
    f->ops->close(read_all(f, ERR_END, all));
    void *self = read_all(f, ERR_END, all);
    commit(f, self, 5);
    f->ops->close(self);
    begin_run(f);
    feed(f, MAP("\x02"));
    end_input(f);
    f->ops->close(read_all(f, ERR_END, "6:" MAP("\x02") "|7:5!"));
}

/* What follows it in the same stream yields nothing, in any process; the next stream does. */
static void lost_framing_lasts_as_long_as_its_stream(void **state)
{
    struct fixture *f = *state;
    f->topology->marks_end = false;
    begin_run(f);
    feed(f, MAP("\x01") "\xc1" MAP("\x02"));
    lost_notes = 0;
    f->ops->close(read_all(f, ERR_AGAIN, "1:" MAP("\x01") "|2:lost-framing#"));
    assert_int_equal(lost_notes, 1);
    assert_string_equal(buf_text(&noted),
                        "standard input: the rest of the stream, from offset 5 of everything read "
                        "from it on, is discarded, because of the dead letter with the reason "
                        "lost-framing (its record begins at offset 4)");
    void *self = read_all(f, ERR_AGAIN, "1:" MAP("\x01") "|2:lost-framing#");
    assert_int_equal(lost_notes, 2);
    commit(f, self, 2);
    f->ops->close(self);
    feed(f, MAP("\x03"));
    f->ops->close(read_all(f, ERR_AGAIN, ""));
    assert_int_equal(lost_notes, 3);
    assert_string_equal(buf_text(&noted),
                        "standard input: the rest of the stream is discarded, because "
                        "of the dead letter with the reason lost-framing");
    end_input(f);
    f->ops->close(read_all(f, ERR_END, ""));
    assert_string_equal(buf_text(&noted),
                        "standard input: what came after the dead letter with the reason "
                        "lost-framing, up to offset 13 of everything read from it, was discarded");
    begin_run_kept(f);
    feed(f, MAP("\x04"));
    f->ops->close(read_all(f, ERR_AGAIN, ""));
    begin_run(f);
    f->input.kept = false;
    feed(f, MAP("\x05"));
    f->ops->close(read_all(f, ERR_AGAIN, "3:" MAP("\x05") "|"));
}

/*
 * What came after the byte that loses the framing, up to the end of the stream, is reported with
 * its place.
 */
static void a_rest_has_its_place(void **state)
{
    struct fixture *f = *state;
    f->topology->marks_end = false;
    begin_run(f);
    feed(f, MAP("\x01") "ab\xc1" MAP("\x02"));
    end_input(f);
    notes = 0;
    f->ops->close(
        read_all(f, ERR_END, "1:" MAP("\x01") "|2:not-a-map#3:not-a-map#4:lost-framing#"));
    assert_string_equal(buf_text(&noted),
                        "standard input: what came from offset 7 to 11 of everything read from it "
                        "was discarded, because of the dead letter with the reason lost-framing");
    assert_int_equal(notes, 3); /* that the framing is lost, and that a value is not a map */
}

static unsigned count_segments(const struct fixture *f)
{
    unsigned count = 0;
    DIR *dir = opendir(f->directory);
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL)
        count += strncmp(entry->d_name, "journal.", 8) == 0 ? 1 : 0;
    (void)closedir(dir);
    return count;
}

/* Gives more of a record than a good one can have. */
static void feed_much(struct fixture *f, void *self, size_t bytes)
{
    struct err e;
    static char piece[(32u << 10) + 1];
    memset(piece, 'x', sizeof piece - 1);
    for (size_t fed = 0; fed < bytes; fed += sizeof piece - 1) {
        feed(f, piece);
        int rc;
        while ((rc = f->ops->read(self, &f->emitter, &e)) == ERR_UNFINISHED)
            ;
        assert_int_equal(rc, ERR_AGAIN);
    }
}

/* Its end may never come, so no process waits for it in silence. */
static void check_overlong(struct fixture *f, const char *begin, const char *wanted)
{
    begin_run(f);
    notes = 0;
    feed(f, begin);
    void *self = open_source(f);
    feed_much(f, self, 2u << 20);
    assert_int_equal(notes, 1);
    assert_string_equal(buf_text(&noted), wanted);
    f->ops->close(self);
    self = open_source(f);
    feed_much(f, self, 1);
    assert_int_equal(notes, 2);
    assert_string_equal(buf_text(&noted), wanted);
    f->ops->close(self);
}

static void a_packed_record_without_end_is_told(void **state)
{
    check_overlong(
        *state, "\xdd\xff\xff\xff\xff",
        "standard input: the packed record that begins at offset 0 of everything read from it is "
        "already longer than max_line_bytes (1048576), and its end has not come yet; nothing after "
        "it is read until then, which may be never if a length in it is damaged");
}

static void a_line_without_end_is_told(void **state)
{
    check_overlong(*state, "\n\na",
                   "standard input: the line that begins at offset 2 of everything read from it is "
                   "already longer than max_line_bytes (1048576), and its end has not come yet; "
                   "nothing after it is read until then");
}

/* Input without records is not kept forever, however much of it comes. */
static void a_rest_does_not_fill_the_disk(void **state)
{
    struct fixture *f = *state;
    begin_run(f);
    feed(f, "\xc1");
    void *self = read_all(f, ERR_AGAIN, "1:lost-framing#");
    commit(f, self, 1);
    feed_much(f, self, 3 * (size_t)JOURNAL_SEGMENT_BYTES);
    assert_in_range(count_segments(f), 1, 2);
    f->ops->close(self);
    f->ops->close(read_all(f, ERR_AGAIN, ""));
}

/*
 * A process that finds very much of a rest in its journal lets other work run after each read of
 * it.
 */
static void others_have_a_turn_in_a_rest(void **state)
{
    struct fixture *f = *state;
    const size_t bytes = 1u << 20;
    begin_run(f);
    feed(f, "\xc1");
    void *self = read_all(f, ERR_AGAIN, "1:lost-framing#");
    feed_much(f, self, bytes);
    f->ops->close(self);
    f->turns = 0;
    f->ops->close(read_all(f, ERR_AGAIN, "1:lost-framing#"));
    assert_true(f->turns >= bytes / SOURCE_READ_BYTES);
}

static void a_journal_of_another_format_is_refused(void **state)
{
    struct fixture *f = *state;
    struct topology *packed = f->topology, *lines;
    void *other;
    struct err e;
    begin_run(f);
    f->ops->close(read_all(f, ERR_AGAIN, ""));
    assert_int_equal(set_up(&other), 0);
    lines = ((struct fixture *)other)->topology;
    struct stage_env env = {
        .topology = lines, .stage = &lines->stages[0], .state_fd = f->state_fd, .input = &f->input};
    void *self;
    assert_int_equal(f->ops->open(&env, &self, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "journal.00000001 holds packed records, but the topology now "
                                   "has records: lines; change that back, or use --discard STAGE, "
                                   "which loses what the journal holds after record 0 "));
    assert_int_equal(tear_down(&other), 0);
    assert_ptr_equal(f->topology, packed);
}

/*
 * Where the value at a place ends, as far as the parts below go; *ret_lost: no value begins there.
 */
static size_t naive_end(const struct buf *stream, size_t at, bool *ret_lost)
{
    if (at >= stream->len)
        return SIZE_MAX;
    uint8_t tag = stream->data[at++];
    size_t values = tag >= 0x90 ? tag & 0x0fu : 2 * (tag & 0x0fu);
    *ret_lost = tag == 0xc1;
    if (tag < 0x80 || tag == 0xc1)
        return at;
    if (tag >= 0xa0) {
        size_t len =
            tag == 0xd9 ? (at < stream->len ? 1u + stream->data[at] : SIZE_MAX / 2) : tag & 0x1fu;
        return len <= stream->len - at ? at + len : SIZE_MAX;
    }
    while (values-- > 0 && at != SIZE_MAX && !*ret_lost)
        at = naive_end(stream, at, ret_lost);
    return at;
}

static void naive_packed(const struct buf *stream, seq_number *seq, struct buf *out)
{
    bool lost = false;
    for (size_t at = 0; at < stream->len && !lost;) {
        size_t end = naive_end(stream, at, &lost);
        unsigned long long number = ++*seq;
        if (lost || end == SIZE_MAX)
            buf_add_format(out, "%llu:%s#", number, lost ? "lost-framing" : "cut-off");
        else if ((stream->data[at] & 0xf0) != 0x80)
            buf_add_format(out, "%llu:not-a-map#", number);
        else
            buf_add_format(out, "%llu:%.*s|", number, (int)(end - at),
                           (const char *)stream->data + at);
        at = end < stream->len ? end : stream->len;
    }
}

static void any_packed_streams_give_their_records(void **state)
{
    static const char *const parts[] = {MAP("\x01"), MAP("\n"), "\x81",      "\xa2", "k",
                                        "\x01",      "\x92",    "\xd9",      "\x03", "\x82",
                                        "\xc1",      "\x80",    MAP("\x02"), "abc"};
    check_any_streams(*state, parts, sizeof parts / sizeof parts[0], naive_packed);
}

int main(int argc, char **argv)
{
    random_init("stdin_source_test");
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(blank_lines_take_turns),
        TEST(the_end_has_a_seq_of_its_own_once),
        TEST(nothing_has_no_end),
        TEST(a_drain_is_no_end),
        TEST(a_journal_without_ends_gets_one),
        TEST(an_end_between_two_segments_is_kept),
        TEST(any_kills_give_every_seq_the_same),
        TEST(a_mark_at_the_beginning_of_a_stream_is_no_part_of_it),
        TEST(any_streams_with_marks_give_their_lines),
#define TEST_PACKED(f) cmocka_unit_test_setup_teardown(f, set_up_packed, tear_down)
        TEST_PACKED(packed_records_have_numbers_and_ends),
        TEST_PACKED(lost_framing_lasts_as_long_as_its_stream),
        TEST_PACKED(a_rest_has_its_place),
        TEST(a_line_without_end_is_told),
        TEST_PACKED(a_packed_record_without_end_is_told),
        TEST_PACKED(a_rest_does_not_fill_the_disk),
        TEST_PACKED(others_have_a_turn_in_a_rest),
        TEST_PACKED(a_journal_of_another_format_is_refused),
        TEST_PACKED(any_packed_streams_give_their_records),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
