/* SPDX-License-Identifier: MIT */
/*
 * Tests stdout.sink against the manual. While a case runs, standard output is a pipe that the case
 * itself reads.
 */
#include "common/bytes.h"
#include "tests/unit/cases.h"
#include "tests/unit/kind_run.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>

static const char text[] = "topology: t\n"
                           "types: { R: { line: string } }\n"
                           "stages:\n"
                           "  lines: { kind: file.source, path: x }\n"
                           "  parse: { kind: json.decode, from: lines, type: R }\n"
                           "  print: { kind: stdout.sink, from: parse }\n";

static struct {
    int kept;   /* what standard output was */
    int reader; /* of the pipe; -1: it is gone */
} output;

static int set_up(void **state)
{
    (void)state;
    int ends[2];
    (void)fflush(stdout);
    output.kept = dup(STDOUT_FILENO);
    if (output.kept < 0 || pipe2(ends, O_CLOEXEC) != 0 ||
        fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0 || dup2(ends[1], STDOUT_FILENO) < 0)
        return -1;
    output.reader = ends[0];
    return close(ends[1]);
}

static int tear_down(void **state)
{
    (void)state;
    if (output.reader >= 0)
        (void)close(output.reader);
    return dup2(output.kept, STDOUT_FILENO) < 0 ? -1 : close(output.kept);
}

/* Adds what is in the pipe. */
static void read_pipe(struct buf *out)
{
    ssize_t len;
    while ((len = read(output.reader, buf_reserve(out, PIPE_BUF), PIPE_BUF)) > 0)
        out->len += (size_t)len;
    assert_int_equal(errno, EAGAIN);
}

static void assert_printed(const char *wanted)
{
    struct buf out = {0};
    read_pipe(&out);
    assert_string_equal(buf_text(&out), wanted);
    buf_done(&out);
}

static void give(struct kind_run *run, seq_number seq, const char *line)
{
    struct value value = value_of_bytes(VALUE_STRING, line, strlen(line));
    struct record record = {.seq = seq, .fields = &value, .count = 1};
    kind_run_take(run, &record);
    runner_complete(&run->runner, seq);
}

static const struct {
    const char *line;
    bool is_a_line;
} cases[] = {
    {"a line", true},
    {"", false},
    {" \t", false},
    {"two\nlines", false},
    {"CR\r", false},
    {" space\taround ", true},
    {"\xef\xbb\xbf"
     "a byte order mark: what was printed before is unknown",
     true},
};

static void one_record_is_one_line(void **state)
{
    (void)state;
    struct kind_run run;
    struct buf wanted = {0};
    kind_run_open(&run, text, "print");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        give(&run, i + 1, cases[i].line);
        if (cases[i].is_a_line)
            buf_add_format(&wanted, "%s\n", cases[i].line);
        bool refused = strstr(buf_text(&run.seen), "\"reason\":\"not-a-line\"") != NULL;
        if (refused == cases[i].is_a_line)
            fail_msg("row %zu: %s", i, refused ? "refused" : "taken");
        buf_reset(&run.seen);
    }
    kind_run_commit(&run, run.runner.done);
    assert_printed(buf_text(&wanted));
    buf_done(&wanted);
    kind_run_close(&run);
}

/* A repeated line is recognized by its number. */
static void lines_come_again_after_a_kill_with_their_numbers(void **state)
{
    (void)state;
    struct kind_run run;
    struct topology *topology = kind_run_load_set(text, TOPOLOGY_LOGICAL, "print.numbered=true");
    kind_run_start(&run, topology, "print");
    give(&run, 7, "a");
    give(&run, 7, "b");
    kind_run_commit(&run, 7);
    give(&run, 8, "c");
    give(&run, 8, "");
    give(&run, 8, "d");
    give(&run, 9, "e");
    kind_run_commit(&run, 8);
    assert_printed("7.0\ta\n7.1\tb\n8.0\tc\n8.1\td\n9.0\te\n");
    kind_run_kill(&run, false);
    assert_int_equal(runner_position(&run.runner), 8);
    give(&run, 9, "e");
    give(&run, 10, "f");
    kind_run_commit(&run, 10);
    assert_printed("9.0\te\n10.0\tf\n");
    kind_run_stop(&run);
    topology_free(topology);
}

/* Commits, and reads what is in the way. */
static void commit_all(struct kind_run *run, seq_number seq, struct buf *out)
{
    struct err e;
    int rc;
    while ((rc = runner_commit(&run->runner, seq, &e)) == ERR_AGAIN)
        read_pipe(out);
    assert_int_equal(rc, 0);
    read_pipe(out);
}

/* A long one may be cut; then a newline ends the piece, and the whole line follows. */
static void a_line_that_was_cut_comes_again_whole(void **state)
{
    (void)state;
    char line[3 * PIPE_BUF], *at;
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\0';
    assert_true(fcntl(STDOUT_FILENO, F_SETPIPE_SZ, PIPE_BUF) >= 0);
    struct kind_run run;
    struct buf out = {0};
    struct err e;
    kind_run_open(&run, text, "print");
    give(&run, 1, "first");
    commit_all(&run, 1, &out);
    buf_reset(&out);
    give(&run, 2, line);
    assert_int_equal(runner_commit(&run.runner, 2, &e), ERR_AGAIN); /* the reader is slow */
    kind_run_kill(&run, false);
    assert_int_equal(runner_position(&run.runner), 1);
    give(&run, 2, line);
    commit_all(&run, 2, &out);
    size_t piece = strspn(buf_text(&out), "x");
    assert_in_range(piece, 1, sizeof line - 2);
    at = (char *)out.data + piece;
    assert_true(*at == '\n');
    assert_int_equal(strspn(at + 1, "x"), sizeof line - 1);
    assert_string_equal(at + sizeof line, "\n");
    buf_done(&out);
    kind_run_close(&run);
}

static const char text_of_packed[] = "topology: t\n"
                                     "stages:\n"
                                     "  in: { kind: file.source, path: x, records: msgpack }\n"
                                     "  print: { kind: stdout.sink, from: in, records: msgpack }\n";

static void give_packed(struct kind_run *run, seq_number seq, const void *bytes, size_t len)
{
    struct value value = value_of_bytes(VALUE_BYTES, bytes, len);
    struct record record = {.seq = seq, .fields = &value, .count = 1};
    kind_run_take(run, &record);
    runner_complete(&run->runner, seq);
}

static void packed_records_are_printed_as_they_are(void **state)
{
    (void)state;
    struct kind_run run;
    kind_run_open(&run, text_of_packed, "print");
    give_packed(&run, 1, "\x81\xa1n\x01", 4);
    give_packed(&run, 2, "\x81\xa1n", 3);
    assert_non_null(strstr(buf_text(&run.seen), "\"reason\":\"not-msgpack\""));
    give_packed(&run, 3, "\x01", 1);
    assert_non_null(strstr(buf_text(&run.seen), "\"reason\":\"not-a-map\""));
    give_packed(&run, 4, "\x81\xa1n\n", 4);
    kind_run_commit(&run, run.runner.done);
    assert_printed("\x81\xa1n\x01\x81\xa1n\n");
    kind_run_close(&run);
}

/*
 * Nothing ends a map that was cut: the process that finds it is refused, unless it is another run.
 */
static void nothing_follows_a_packed_record_that_was_cut(void **state)
{
    (void)state;
    static uint8_t packed[200000] = {0x81, 0xa1, 'n', 0xc6, 0x00, 0x03, 0x0d, 0x38};
    struct kind_run run;
    struct buf out = {0};
    struct err e;
    kind_run_open(&run, text_of_packed, "print");
    give_packed(&run, 1, packed, sizeof packed);
    assert_int_equal(runner_commit(&run.runner, 1, &e), ERR_AGAIN); /* the pipe is full */
    read_pipe(&out);
    assert_in_range(out.len, 1, sizeof packed - 1);
    assert_memory_equal(out.data, packed, out.len);
    runner_close(&run.runner);
    struct runner_config config = {.topology = run.topology,
                                   .stage = run.stage,
                                   .stages_fd = run.stages_fd,
                                   .image_fd = -1,
                                   .emit = run.emit,
                                   .host = run.host};
    assert_int_equal(runner_open(&run.runner, &config, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "may have cut a record"));
    run.lived = false;
    kind_run_begin_life(&run);
    buf_done(&out);
    kind_run_close(&run);
}

/* A record of 8192 bytes: two of them are four pages of a pipe. */
static void give_long(struct kind_run *run, seq_number seq)
{
    static const uint8_t packed[8192] = {0x81, 0xa1, 'n', 0xc5, 0x1f, 0xfa};
    give_packed(run, seq, packed, sizeof packed);
}

/* A stage that is killed while its reader is slow continues if nothing was cut. */
static void a_packed_record_that_is_whole_stops_no_run(void **state)
{
    (void)state;
    struct kind_run run;
    struct buf out = {0};
    struct err e;
    assert_int_equal(fcntl(STDOUT_FILENO, F_SETPIPE_SZ, 2 * 8192), 2 * 8192);
    kind_run_open(&run, text_of_packed, "print");
    for (seq_number seq = 1; seq <= 3; seq++)
        give_long(&run, seq);
    assert_int_equal(runner_commit(&run.runner, 3, &e), ERR_AGAIN);
    read_pipe(&out);
    assert_int_equal(out.len, 2 * 8192);
    runner_close(&run.runner);
    kind_run_begin_life(&run);
    assert_int_equal(run.runner.done, 0);
    buf_done(&out);
    kind_run_close(&run);
}

/* How often the cursor was written, which is a sync each time. */
static uint64_t cursor_writes(const struct kind_run *run)
{
    enum { SLOT_DISTANCE = 4096, SLOT_AT_COUNTER = 8 }; /* docs/protocol.md, "Cursor" */
    uint8_t bytes[SLOT_DISTANCE + SLOT_AT_COUNTER + 8] = {0};
    uint64_t most = 0;
    int fd = openat(run->stages_fd, "print/cursor", O_RDONLY | O_CLOEXEC);
    assert_true(read(fd, bytes, sizeof bytes) > 0);
    (void)close(fd);
    for (size_t at = 0; at < sizeof bytes; at += SLOT_DISTANCE) {
        uint64_t counter = bytes_get_u64(bytes + at + SLOT_AT_COUNTER);
        most = counter > most ? counter : most;
    }
    return most;
}

static void packed_records_of_some_pages_are_not_synced_one_by_one(void **state)
{
    (void)state;
    struct kind_run run;
    kind_run_open(&run, text_of_packed, "print");
    for (seq_number seq = 1; seq <= 7; seq++)
        give_long(&run, seq);
    kind_run_commit(&run, 7);
    /* Three writes: that a record may be cut, that none is, and the commit. */
    assert_in_range(cursor_writes(&run), 1, 3);
    kind_run_close(&run);
}

static void the_end_of_its_reader_is_told(void **state)
{
    (void)state;
    struct kind_run run;
    struct err e;
    kind_run_open(&run, text, "print");
    give(&run, 1, "a");
    (void)close(output.reader);
    output.reader = -1;
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    assert_int_equal(runner_commit(&run.runner, 1, &e), ERR_UNREAD);
    (void)signal(SIGPIPE, before);
    kind_run_close(&run);
}

static void what_is_no_stream_is_refused_before_the_start(void **state)
{
    (void)state;
    struct topology *topology = kind_run_load(text, TOPOLOGY_LOGICAL);
    const struct stage *stage = topology_find_stage(topology, "print");
    struct err e;
    assert_int_equal(stage->ops->preflight(topology, stage, &e), 0);
    char path[] = "/dev/shm/bulkhead-stdout-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(unlink(path), 0);
    assert_true(dup2(fd, STDOUT_FILENO) >= 0);
    assert_int_equal(stage->ops->preflight(topology, stage, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "file.sink"));
    (void)close(fd);
    (void)close(STDOUT_FILENO);
    assert_int_equal(stage->ops->preflight(topology, stage, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "is closed"));
    topology_free(topology);
}

#define ON_A_PIPE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        ON_A_PIPE(one_record_is_one_line),
        ON_A_PIPE(lines_come_again_after_a_kill_with_their_numbers),
        ON_A_PIPE(a_line_that_was_cut_comes_again_whole),
        ON_A_PIPE(packed_records_are_printed_as_they_are),
        ON_A_PIPE(nothing_follows_a_packed_record_that_was_cut),
        ON_A_PIPE(a_packed_record_that_is_whole_stops_no_run),
        ON_A_PIPE(packed_records_of_some_pages_are_not_synced_one_by_one),
        ON_A_PIPE(the_end_of_its_reader_is_told),
        ON_A_PIPE(what_is_no_stream_is_refused_before_the_start),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL) +
           kind_run_reasons_unseen(argc, &stdout_sink_kind, NULL);
}
