/* SPDX-License-Identifier: MIT */
/*
 * Tests file.sink against the manual. What happens when other programs touch the file is in
 * stages/kit/output_file_test.c.
 */
#include "tests/unit/cases.h"
#include "tests/unit/kind_run.h"

#include <sys/wait.h>

#include "common/memory.h"

#define RECORDS 7u

static char directory[] = "/dev/shm/bulkhead-file-sink-XXXXXX";
static char *path;
static char *text;

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    path = memory_format("%s/out", directory);
    text = memory_format("topology: t\n"
                         "types: { R: { n: int, line: string } }\n"
                         "stages:\n"
                         "  lines: { kind: file.source, path: x }\n"
                         "  parse: { kind: json.decode, from: lines, type: R }\n"
                         "  file: { kind: file.sink, from: parse, path: %s }\n",
                         path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(path);
    free(text);
    return rmdir(directory);
}

static void give(struct kind_run *run, const char *line)
{
    struct value fields[] = {value_of_integer(VALUE_INT, 1),
                             value_of_bytes(VALUE_STRING, line, strlen(line))};
    kind_run_step(run, 0, fields);
}

static void flush(struct kind_run *run)
{
    struct err e;
    assert_int_equal(runner_flush(&run->runner, &e), 0);
}

static void assert_file(const char *wanted)
{
    char found[512] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, found, sizeof found - 1);
    (void)close(fd);
    assert_true(len >= 0);
    assert_string_equal(found, wanted);
}

static const struct {
    const char *line;
    bool is_a_line;
} cases[] = {
    {"\xef\xbb\xbf"
     "a byte order mark, which would begin the file",
     false},
    {"", false},
    {" \t\r ", false},
    {"two\nlines", false},
    {"\n", false},
    {"ends with CR\r", false},
    {"\xef\xbb\xbf", false},
    {"a line", true},
    {"\xef\xbb\xbf"
     "a mark that begins a later one",
     true},
    {" space\taround\rit ", true},
    {"\x01", true},
    {"\xef\xbb", true},
    {"last\n", false},
};

static void one_record_is_one_line(void **state)
{
    (void)state;
    struct kind_run run;
    struct buf wanted = {0};
    kind_run_open(&run, text, "file");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        give(&run, cases[i].line);
        if (cases[i].is_a_line)
            buf_add_format(&wanted, "%s\n", cases[i].line);
        bool refused = strstr(buf_text(&run.seen), "\"reason\":\"not-a-line\"") != NULL;
        if (refused == cases[i].is_a_line)
            fail_msg("row %zu: %s", i, refused ? "refused" : "taken");
        buf_reset(&run.seen);
    }
    flush(&run);
    assert_file(buf_text(&wanted)); /* it is seen before it is safe */
    kind_run_commit(&run, run.runner.done);
    kind_run_kill(&run, false);
    give(&run, "\xef\xbb\xbf"
               "of another process");
    kind_run_commit(&run, run.runner.done);
    buf_add_text(&wanted, "\xef\xbb\xbf"
                          "of another process\n");
    assert_file(buf_text(&wanted));
    kind_run_close(&run);
    assert_file(buf_text(&wanted));
    assert_int_equal(unlink(path), 0);
    buf_done(&wanted);
}

/* The text of a seq; one of them is not a line. */
static void give_seq(struct kind_run *run, seq_number seq)
{
    char line[32];
    (void)snprintf(line, sizeof line, seq == 3 ? " " : "line %llu", (unsigned long long)seq);
    give(run, line);
}

/* A process that writes some lines, commits fewer of them, and dies. */
static void live_and_die(struct kind_run *run, seq_number shown, seq_number committed)
{
    runner_close(&run->runner); /* nothing was written yet */
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        kind_run_begin_life(run);
        for (seq_number seq = 1; seq <= shown; seq++)
            give_seq(run, seq);
        flush(run);
        if (committed != 0)
            kind_run_commit(run, committed);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    kind_run_begin_life(run);
    assert_int_equal(runner_position(&run->runner), committed);
    run->runner.begun = committed;
}

static off_t size_of_file(void)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static void a_kill_anywhere_leaves_each_line_once(void **state)
{
    (void)state;
    for (seq_number shown = 0; shown <= RECORDS; shown++) {
        for (seq_number committed = 0; committed <= shown; committed++) {
            struct kind_run run;
            kind_run_open(&run, text, "file");
            live_and_die(&run, shown, committed);
            off_t size = size_of_file();
            for (seq_number seq = committed + 1; seq <= RECORDS; seq++) {
                give_seq(&run, seq);
                flush(&run);
                assert_true(size_of_file() >= size); /* it only grows */
                size = size_of_file();
            }
            assert_false(runner_is_unsettled(&run.runner));
            kind_run_commit(&run, RECORDS);
            kind_run_close(&run);
            assert_file("line 1\nline 2\nline 4\nline 5\nline 6\nline 7\n");
            assert_int_equal(unlink(path), 0);
        }
    }
}

/* What a killed process has written and does not come again is cut off when everything has come. */
static void what_does_not_come_again_is_cut_off(void **state)
{
    (void)state;
    struct kind_run run;
    struct err e;
    kind_run_open(&run, text, "file");
    live_and_die(&run, 5, 2);
    give(&run, "another");
    flush(&run);
    assert_true(runner_is_unsettled(&run.runner));
    assert_file("line 1\nline 2\nanother\nine 5\n"); /* line 4 stood there */
    assert_int_equal(runner_settle(&run.runner, &e), 0);
    assert_false(runner_is_unsettled(&run.runner));
    kind_run_commit(&run, 3);
    assert_file("line 1\nline 2\nanother\n");
    kind_run_close(&run);
    assert_int_equal(unlink(path), 0);
}

/* What json.encode makes is a line, whatever is in it. */
static void json_is_a_line(void **state)
{
    (void)state;
    char *of_json = memory_format("topology: t\n"
                                  "stages:\n"
                                  "  lines: { kind: file.source, path: x }\n"
                                  "  texts: { kind: json.encode, from: lines }\n"
                                  "  file: { kind: file.sink, from: texts, path: %s }\n",
                                  path);
    struct kind_run run;
    kind_run_open(&run, of_json, "file");
    struct value line = value_of_bytes(VALUE_STRING, "{\"line\":\"\\n\"}", 13);
    kind_run_step(&run, 0, &line);
    kind_run_commit(&run, 1);
    assert_file("{\"line\":\"\\n\"}\n");
    kind_run_close(&run);
    assert_int_equal(unlink(path), 0);
    free(of_json);
}

/* Packed records follow one another; anything else would put a reader out of step. */
static void packed_records_are_written_as_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *reason; /* NULL: it is written */
    } rows[] = {
        {"\x81\xa1n\x01", 4, NULL},     {"\x81\xa1n", 3, "not-msgpack"},
        {"\x80\x80", 2, "not-msgpack"}, {"\x01", 1, "not-a-map"},
        {"", 0, "not-msgpack"},         {"\xdf\xff\xff\xff\xff", 5, "not-msgpack"},
        {"\x81\xa1n\n", 4, NULL},       {"\x80", 1, NULL},
    };
    char *of_packed =
        memory_format("topology: t\n"
                      "stages:\n"
                      "  in: { kind: file.source, path: x, records: msgpack }\n"
                      "  file: { kind: file.sink, from: in, path: %s, records: msgpack }\n",
                      path);
    struct kind_run run;
    struct buf wanted = {0};
    kind_run_open(&run, of_packed, "file");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct value packed = value_of_bytes(VALUE_BYTES, rows[i].bytes, rows[i].len);
        buf_reset(&run.seen);
        kind_run_step(&run, 0, &packed);
        if (rows[i].reason == NULL)
            buf_add(&wanted, rows[i].bytes, rows[i].len);
        bool told = rows[i].reason != NULL && strstr(buf_text(&run.seen), rows[i].reason) != NULL;
        if (rows[i].reason == NULL ? run.seen.len != 0 : !told)
            fail_msg("row %zu: %s", i, buf_text(&run.seen));
        if (i == 4)
            kind_run_commit(&run, run.runner.done);
        if (i == 5)
            kind_run_kill(&run, false);
    }
    kind_run_commit(&run, run.runner.done);
    assert_file(buf_text(&wanted));
    kind_run_close(&run);
    assert_int_equal(unlink(path), 0);
    buf_done(&wanted);
    free(of_packed);
}

static int preflight(const char *where, struct err *e)
{
    char *of_path = memory_format("topology: t\n"
                                  "stages:\n"
                                  "  lines: { kind: file.source, path: x }\n"
                                  "  file: { kind: file.sink, from: lines, path: %s }\n",
                                  where);
    struct topology *topology = kind_run_load(of_path, TOPOLOGY_LOGICAL);
    const struct stage *stage = topology_find_stage(topology, "file");
    int rc = stage->ops->preflight(topology, stage, e);
    topology_free(topology);
    free(of_path);
    return rc;
}

static void a_path_that_cannot_be_written_is_refused_before_the_start(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(preflight(path, &e), 0);
    assert_int_not_equal(access(path, F_OK), 0); /* it was not made */
    (void)close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    assert_int_equal(preflight(path, &e), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(preflight(directory, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "is not a regular file"));
    char *deep = memory_format("%s/no/out", directory);
    assert_int_not_equal(preflight(deep, &e), 0);
    assert_non_null(strstr(e.text, deep));
    free(deep);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_record_is_one_line),
        cmocka_unit_test(a_kill_anywhere_leaves_each_line_once),
        cmocka_unit_test(what_does_not_come_again_is_cut_off),
        cmocka_unit_test(json_is_a_line),
        cmocka_unit_test(packed_records_are_written_as_they_are),
        cmocka_unit_test(a_path_that_cannot_be_written_is_refused_before_the_start),
    };
    return CASES_RUN(argc, argv, tests, set_up, tear_down) +
           kind_run_reasons_unseen(argc, &file_sink_kind, NULL);
}
