/* SPDX-License-Identifier: MIT */
/*
 * file.source driven directly, with a file that changes between two reads.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/memory.h"
#include "stages/emitter.h"
#include "stages/kinds/kinds.h"
#include "stages/stage.h"
#include "tests/unit/cases.h"
#include "tests/unit/kind_run.h"
#include "tests/unit/random.h"
#include "topology/load.h"

struct fixture {
    char directory[64];
    char path[80];
    int state_fd;
    struct topology *topology;
    struct emitter emitter;
    uint64_t position; /* of what came last */
    struct buf seen;   /* "seq:line|" of every record, "seq:line number!" of every end */
    unsigned turns;    /* in which there was no record, but there may be more */
};

/* The size that files report instead of the real one; -1: the real one. */
static off_t size_said = -1;

int fstat(int fd, struct stat *ret_st)
{
    int rc = (int)syscall(SYS_fstat, fd, ret_st);
    if (rc == 0 && size_said >= 0 && S_ISREG(ret_st->st_mode))
        ret_st->st_size = size_said;
    return rc;
}

static void on_emit(void *host, port_number port, const struct record *record)
{
    struct fixture *f = host;
    f->position = record->position;
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

static int set_up(void **state)
{
    struct fixture *f = memory_new(1, sizeof *f);
    (void)snprintf(f->directory, sizeof f->directory, "/tmp/bulkhead-source-XXXXXX");
    if (mkdtemp(f->directory) == NULL)
        return -1;
    (void)snprintf(f->path, sizeof f->path, "%s/input", f->directory);
    f->state_fd = open(f->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char *text = memory_format("topology: t\nstages:\n  read: { kind: file.source, path: %s }\n"
                               "  write: { kind: file.sink, from: read, path: %s.out }\n",
                               f->path, f->path);
    struct diagnostics d;
    diagnostics_init(&d, "t.yaml", text, strlen(text));
    assert_int_equal(topology_load("t.yaml", text, strlen(text), bulkhead_kinds, TOPOLOGY_PROCESSES,
                                   &d, &f->topology),
                     0);
    diagnostics_done(&d);
    free(text);
    emitter_init(&f->emitter, &f->topology->stages[0], false, on_emit, f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    size_said = -1;
    (void)unlink(f->path);
    (void)unlinkat(f->state_fd, "cursor", 0);
    (void)close(f->state_fd);
    int rc = rmdir(f->directory);
    topology_free(f->topology);
    buf_done(&f->seen);
    emitter_done(&f->emitter);
    free(f);
    return rc;
}

static void append(const struct fixture *f, const char *text)
{
    FILE *file = fopen(f->path, "ae");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void *open_source(struct fixture *f)
{
    struct stage_env env = {
        .topology = f->topology, .stage = &f->topology->stages[0], .state_fd = f->state_fd};
    void *self;
    struct err e;
    if (f->topology->stages[0].ops->open(&env, &self, &e) != 0)
        fail_msg("%s", e.text);
    return self;
}

static int read_one(struct fixture *f, void *self, struct err *e)
{
    int rc;
    while ((rc = f->topology->stages[0].ops->read(self, &f->emitter, e)) == ERR_UNFINISHED)
        f->turns++;
    return rc;
}

/* Input without records must not keep other work waiting, least of all the records before it. */
static void what_gives_no_record_takes_turns(void **state)
{
    struct fixture *f = *state;
    struct err e;
    const off_t hole = 64 << 20;
    append(f, "one\n");
    assert_int_equal(truncate(f->path, hole), 0);
    append(f, "\n");
    for (unsigned i = 0; i < 1000; i++)
        append(f, "\n \n\t\r\n\n\n\n\n\n\n\n\n\n\n\n\n\n");
    append(f, "two\n");
    void *self = open_source(f);
    buf_reset(&f->seen);
    assert_int_equal(read_one(f, self, &e), 0);
    assert_int_equal(f->turns, 0);
    assert_int_equal(read_one(f, self, &e), 0);
    unsigned in_hole = (unsigned)(hole / (SOURCE_READS_PER_TURN * SOURCE_READ_BYTES));
    assert_in_range(f->turns, in_hole - 1, in_hole + 1);
    uint64_t done, total;
    f->topology->stages[0].ops->progress(self, &done, &total);
    assert_true(done >= (uint64_t)hole);
    assert_int_equal(read_one(f, self, &e), 0);
    assert_in_range(f->turns, in_hole + 16000 / SOURCE_BLANKS_PER_TURN - 1,
                    in_hole + 17000 / SOURCE_BLANKS_PER_TURN + 2);
    assert_non_null(strstr(buf_text(&f->seen), "1:one|"));
    assert_non_null(strstr(buf_text(&f->seen), "3:two|"));
    assert_int_equal(read_one(f, self, &e), ERR_END);
    f->topology->stages[0].ops->close(self);
}

/* The end of the file counts as the end of a line only if it stays the end. */
static void a_line_that_goes_on_after_it_was_read_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err e;
    append(f, "one\ntw");
    void *self = open_source(f);
    assert_int_equal(read_one(f, self, &e), 0);
    assert_int_equal(read_one(f, self, &e), 0);
    append(f, "o\nthree\n");
    assert_int_equal(read_one(f, self, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "input:2: this line had no newline"));
    assert_string_equal(buf_text(&f->seen), "1:one|2:tw|");
    f->topology->stages[0].ops->close(self);
}

static void a_newline_that_comes_late_is_no_record(void **state)
{
    struct fixture *f = *state;
    struct err e;
    append(f, "one\ntwo");
    void *self = open_source(f);
    assert_int_equal(read_one(f, self, &e), 0);
    assert_int_equal(read_one(f, self, &e), 0);
    assert_int_equal(read_one(f, self, &e), ERR_END);
    append(f, "\r\nthree\n");
    assert_int_equal(read_one(f, self, &e), 0);
    assert_int_equal(read_one(f, self, &e), ERR_END);
    assert_string_equal(buf_text(&f->seen), "1:one|2:two|3:three|");
    f->topology->stages[0].ops->close(self);
}

static void a_commit_moves_the_start_of_the_next_life(void **state)
{
    struct fixture *f = *state;
    struct err e;
    append(f, "one\n\n  \ntwo\n");
    void *self = open_source(f);
    assert_int_equal(read_one(f, self, &e), 0);
    assert_int_equal(read_one(f, self, &e), 0);
    assert_int_equal(f->position, 4); /* blank lines count as lines, not as records */
    assert_int_equal(f->topology->stages[0].ops->commit(self, 2, &e), 0);
    f->topology->stages[0].ops->close(self);
    append(f, "three\n");
    self = open_source(f);
    assert_true(f->topology->stages[0].ops->position(self) == 2);
    assert_int_equal(read_one(f, self, &e), 0);
    assert_int_equal(f->position, 5);
    assert_string_equal(buf_text(&f->seen), "1:one|2:two|3:three|");
    f->topology->stages[0].ops->close(self);
}

/* --- sizes that are wrong --- */

/*
 * The reported size is too small or too large, as with files of the kernel and of some file
 * systems.
 */
static void the_end_is_where_no_more_can_be_read(void **state)
{
    struct fixture *f = *state;
    const struct stage_ops *ops = f->topology->stages[0].ops;
    static const off_t sizes[] = {0, 1, 7, 4096};
    uint64_t done, total;
    struct err e;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        (void)unlink(f->path);
        (void)unlinkat(f->state_fd, "cursor", 0);
        buf_reset(&f->seen);
        append(f, "one\ntwo\nthree\n");
        size_said = sizes[i];
        void *self = open_source(f);
        assert_int_equal(read_one(f, self, &e), 0);
        assert_int_equal(read_one(f, self, &e), 0);
        ops->progress(self, &done, &total);
        assert_true(done == 8 && (total == 0 || total == 4096));
        assert_int_equal(ops->commit(self, 2, &e), 0);
        ops->close(self);
        self = open_source(f); /* at an offset that may be after the size */
        assert_int_equal(read_one(f, self, &e), 0);
        assert_int_equal(read_one(f, self, &e), ERR_END);
        ops->progress(self, &done, &total);
        assert_true(done == 14 && total == 14);
        assert_string_equal(buf_text(&f->seen), "1:one|2:two|3:three|");
        assert_int_equal(ops->commit(self, 3, &e), 0);
        ops->close(self);
        /* A file that is really shorter is refused, and so is another file. */
        self = open_source(f);
        assert_int_equal(truncate(f->path, 13), 0);
        assert_int_equal(read_one(f, self, &e), ERR_MISMATCH);
        assert_non_null(strstr(e.text, "was truncated while it was being read"));
        ops->close(self);
        struct stage_env env = {
            .topology = f->topology, .stage = &f->topology->stages[0], .state_fd = f->state_fd};
        assert_int_equal(ops->open(&env, &self, &e), ERR_MISMATCH);
        assert_non_null(strstr(e.text, "it was truncated or replaced"));
        append(f, "\n");
        self = open_source(f);
        ops->close(self);
        assert_int_equal(truncate(f->path, 0), 0);
        append(f, "one\ntwo\nTHREE\n");
        assert_int_equal(ops->open(&env, &self, &e), ERR_MISMATCH);
        assert_non_null(strstr(e.text, "is not the file that was read up to line 3"));
        size_said = -1;
    }
}

/* --- the end of the input --- */

static int commit(struct fixture *f, void *self, seq_number seq)
{
    struct err e;
    return f->topology->stages[0].ops->commit(self, seq, &e);
}

static void close_source(const struct fixture *f, void *self)
{
    f->topology->stages[0].ops->close(self);
}

/* Opens the source, reads everything and checks it. The caller continues with the source. */
static void *read_all(struct fixture *f, const char *wanted)
{
    struct err e;
    void *self = open_source(f);
    buf_reset(&f->seen);
    int rc;
    while ((rc = read_one(f, self, &e)) == 0)
        ;
    assert_int_equal(rc, ERR_END);
    assert_int_equal(read_one(f, self, &e), ERR_END);
    assert_string_equal(buf_text(&f->seen), wanted);
    return self;
}

static void the_end_has_a_seq_of_its_own_once(void **state)
{
    struct fixture *f = *state;
    f->topology->marks_end = true;
    append(f, "one\n\ntwo\n\n");
    void *self = read_all(f, "1:one|2:two|3:4!");
    assert_int_equal(commit(f, self, 3), 0);
    close_source(f, self);
    self = read_all(f, "");
    close_source(f, self);
    append(f, "\n");
    self = read_all(f, "");
    close_source(f, self);
    append(f, "three");
    self = read_all(f, "4:three|5:6!");
    assert_int_equal(commit(f, self, 5), 0);
    close_source(f, self);
    append(f, "\n");
    self = read_all(f, "");
    close_source(f, self);
}

static void nothing_has_no_end(void **state)
{
    struct fixture *f = *state;
    f->topology->marks_end = true;
    append(f, "");
    close_source(f, read_all(f, ""));
    append(f, "\n \n");
    close_source(f, read_all(f, ""));
}

/* A state that was written when the topology did not mark the end. */
static void an_older_cursor_has_seen_no_end(void **state)
{
    struct fixture *f = *state;
    append(f, "one\n");
    void *self = read_all(f, "1:one|");
    assert_int_equal(commit(f, self, 1), 0);
    close_source(f, self);
    f->topology->marks_end = true;
    close_source(f, read_all(f, "2:1!"));
    f->topology->marks_end = false; /* the end is recorded, so it may have been received */
    close_source(f, read_all(f, "2:1!"));
}

/* What was emitted keeps its seq forever, even if the file is longer when it is read again. */
static void an_end_that_was_given_out_stays_where_it_was(void **state)
{
    struct fixture *f = *state;
    struct err e;
    f->topology->marks_end = true;
    append(f, "one\ntwo");
    close_source(f, read_all(f, "1:one|2:two|3:2!"));
    append(f, "\n\nthree\n");
    void *self = open_source(f);
    buf_reset(&f->seen);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(read_one(f, self, &e), 0);
    /* There is room for one end that is not acked. */
    assert_int_equal(read_one(f, self, &e), ERR_AGAIN);
    assert_int_equal(commit(f, self, 2), 0);
    assert_int_equal(read_one(f, self, &e), ERR_AGAIN);
    assert_int_equal(commit(f, self, 3), 0);
    assert_int_equal(read_one(f, self, &e), 0);
    assert_int_equal(read_one(f, self, &e), ERR_END);
    assert_string_equal(buf_text(&f->seen), "1:one|2:two|3:2!4:three|5:4!");
    close_source(f, self);
    close_source(f, read_all(f, "4:three|5:4!"));
}

static void a_file_that_ends_before_its_end_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err e;
    f->topology->marks_end = true;
    append(f, "one\ntwo\n");
    close_source(f, read_all(f, "1:one|2:two|3:2!"));
    assert_int_equal(truncate(f->path, 4), 0);
    void *self = open_source(f);
    assert_int_equal(read_one(f, self, &e), 0);
    assert_int_equal(read_one(f, self, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "ends with record 1, but was read up to record 2 before"));
    close_source(f, self);
}

/* --- a last line without a newline that was given out, and not acked --- */

/* A new process, whose peer has records up to `known`: its output, or "" if it stops. */
static void *open_known(struct fixture *f, seq_number known, int wanted_rc)
{
    struct err e;
    void *self = open_source(f);
    buf_reset(&f->seen);
    int rc = f->topology->stages[0].ops->peer_has(self, "write", known, &e);
    if (rc != wanted_rc)
        fail_msg("record %u is known: %s", (unsigned)known, rc != 0 ? e.text : "it was taken");
    return self;
}

static void check_known(struct fixture *f, seq_number known, const char *wanted)
{
    struct err e;
    void *self = open_known(f, known, 0);
    int rc;
    while ((rc = read_one(f, self, &e)) == 0)
        ;
    if (rc != ERR_END)
        fail_msg("%s", e.text);
    assert_string_equal(buf_text(&f->seen), wanted);
    close_source(f, self);
}

/* The line was continued before any stage had it: then the record is what it is now. */
static void a_last_line_may_go_on_while_nobody_has_it(void **state)
{
    struct fixture *f = *state;
    struct err e;
    for (unsigned how = 0; how < 4; how++) {
        (void)unlink(f->path);
        (void)unlinkat(f->state_fd, "cursor", 0);
        append(f, "one\ntwo");
        void *self = open_source(f);
        assert_int_equal(read_one(f, self, &e), 0);
        if (how % 2 == 1)
            assert_int_equal(commit(f, self, 1), 0);
        assert_int_equal(read_one(f, self, &e), 0);
        close_source(f, self);
        append(f, how < 2 ? "x\n" : "x");
        const char *all = how % 2 == 1 ? "2:twox|" : "1:one|2:twox|";
        check_known(f, 1, all);
        check_known(f, 2, all);
        append(f, how < 2 ? "three\n" : "y\nthree\n");
        close_source(f, open_known(f, 2, how < 2 ? 0 : ERR_MISMATCH));
        if (how < 2)
            continue;
        check_known(f, 1, how % 2 == 1 ? "2:twoxy|3:three|" : "1:one|2:twoxy|3:three|");
        close_source(f, open_known(f, 2, 0));
    }
}

/* The cursor, which must describe it first, could not be written. It is emitted when that works. */
static void a_last_line_waits_for_its_cursor(void **state)
{
    struct fixture *f = *state;
    struct err e;
    struct rlimit old, limit;
    append(f, "one\n\ntwo");
    void *self = open_source(f);
    assert_int_equal(read_one(f, self, &e), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = (struct rlimit){.rlim_cur = 1, .rlim_max = old.rlim_max};
    void (*old_handler)(int) = signal(SIGXFSZ, SIG_IGN);
    /* Nothing may be printed until the limit is gone: that goes to a file as well. */
    int limited = setrlimit(RLIMIT_FSIZE, &limit);
    int first = read_one(f, self, &e), second = read_one(f, self, &e);
    int freed = setrlimit(RLIMIT_FSIZE, &old);
    (void)signal(SIGXFSZ, old_handler);
    assert_int_equal(limited, 0);
    assert_int_equal(freed, 0);
    assert_int_not_equal(first, 0);
    assert_int_equal(second, first);
    assert_string_equal(buf_text(&f->seen), "1:one|");
    if (read_one(f, self, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(read_one(f, self, &e), ERR_END);
    assert_string_equal(buf_text(&f->seen), "1:one|2:two|");
    assert_int_equal(commit(f, self, 2), 0);
    close_source(f, self);
}

/* Another file is in its place and was accepted, since no stage had more than is the same in it. */
static void what_was_given_out_of_another_file_is_forgotten(void **state)
{
    struct fixture *f = *state;
    struct err e;
    for (unsigned how = 0; how < 4; how++) {
        (void)unlink(f->path);
        (void)unlinkat(f->state_fd, "cursor", 0);
        append(f, how % 2 == 0 ? "one\ntwo\nthree" : "one\ntwo\nthree\n");
        void *self = open_source(f);
        assert_int_equal(read_one(f, self, &e), 0);
        assert_int_equal(commit(f, self, 1), 0);
        assert_int_equal(read_one(f, self, &e), 0);
        assert_int_equal(read_one(f, self, &e), 0);
        close_source(f, self);
        char *before = memory_format("%s.before", f->path);
        assert_int_equal(rename(f->path, before), 0);
        append(f, how < 2 ? "one\nTWO\nthree\nfour\n" : "one\nTWO and more");
        self = open_known(f, 1, 0);
        assert_int_equal(read_one(f, self, &e), 0);
        close_source(f, self);
        check_known(f, 2, how < 2 ? "2:TWO|3:three|4:four|" : "2:TWO and more|");
        assert_int_equal(unlink(before), 0);
        free(before);
    }
}

/* But a copy of it is still the same line. */
static void a_copy_has_the_last_line_as_it_was_given_out(void **state)
{
    struct fixture *f = *state;
    struct err e;
    append(f, "one\ntwo");
    void *self = open_source(f);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(read_one(f, self, &e), 0);
    close_source(f, self);
    char *before = memory_format("%s.before", f->path);
    assert_int_equal(rename(f->path, before), 0);
    append(f, "one\ntwo");
    self = open_known(f, 2, 0);
    assert_int_equal(read_one(f, self, &e), 0);
    append(f, "x\n");
    assert_int_equal(read_one(f, self, &e), ERR_MISMATCH);
    assert_string_equal(buf_text(&f->seen), "1:one|");
    close_source(f, self);
    close_source(f, open_known(f, 2, ERR_MISMATCH));
    assert_int_equal(unlink(before), 0);
    free(before);
}

/* The end after it is a record as well, and may not be known where the line is. */
static void a_last_line_before_an_end_is_known_again(void **state)
{
    struct fixture *f = *state;
    const seq_number acked = SOURCE_RECORDS_PER_MARK;
    struct buf before = {0};
    struct err e;
    f->topology->marks_end = true;
    for (seq_number n = 0; n < acked; n++)
        buf_add_text(&before, "one\n");
    const char *const now[] = {"x\n", "\nthree\n"};
    for (unsigned how = 0; how < 6; how++) {
        seq_number known = acked + how % 3;
        (void)unlink(f->path);
        (void)unlinkat(f->state_fd, "cursor", 0);
        append(f, buf_text(&before));
        append(f, "two");
        void *self = open_source(f);
        while (read_one(f, self, &e) == 0)
            ;
        assert_int_equal(emitter_seq(&f->emitter), acked + 2);
        assert_int_equal(commit(f, self, acked), 0);
        close_source(f, self);
        append(f, now[how / 3]);
        self = open_known(f, known, how < 3 && known > acked ? ERR_MISMATCH : 0);
        if (how >= 3) {
            for (unsigned i = 0; i < 3; i++)
                assert_int_equal(read_one(f, self, &e), 0);
            assert_string_equal(buf_text(&f->seen), "257:two|258:257!259:three|");
        }
        close_source(f, self);
    }
    buf_done(&before);
}

/* --- byte order marks --- */

#define MARK "\xef\xbb\xbf"

/* A file in parts, each read by a process of its own, and what is read of each part. */
static void check_parts(struct fixture *f, const char *const (*parts)[2])
{
    (void)unlink(f->path);
    (void)unlinkat(f->state_fd, "cursor", 0);
    for (; (*parts)[0] != NULL; parts++) {
        append(f, (*parts)[0]);
        close_source(f, read_all(f, (*parts)[1])); /* killed before an ack */
        void *self = read_all(f, (*parts)[1]);
        assert_int_equal(commit(f, self, f->topology->stages[0].ops->position(self)), 0);
        close_source(f, self);
        close_source(f, read_all(f, ""));
    }
}

static void a_mark_at_the_beginning_of_a_file_is_no_part_of_it(void **state)
{
    struct fixture *f = *state;
    static const char *const one[][2] = {{MARK "one\n" MARK "two\n", "1:one|2:" MARK "two|"},
                                         {MARK "three\n", "3:" MARK "three|"},
                                         {0}};
    static const char *const alone[][2] = {
        {MARK, ""}, {"one\r\n", "1:one|"}, {MARK "\n", "2:" MARK "|"}, {0}};
    static const char *const blank[][2] = {
        {MARK " ", ""}, {"\n", ""}, {MARK "one\n", "1:" MARK "one|"}, {0}};
    static const char *const half[][2] = {
        {"\xef\xbb", "1:\xef\xbb|"}, {"\n\xbf\n", "2:\xbf|"}, {0}};
    static const char *const twice[][2] = {{MARK MARK "\n", "1:" MARK "|"}, {0}};
    static const char *const wide[][2] = {{"\xff\xfe"
                                           "one\n\n",
                                           "1:not-utf8#"},
                                          {"two\n", "2:not-utf8#"},
                                          {0}};
    static const char *const tail[][2] = {{"one\n \t", "1:one|"}, {" two", "2: \t two|"}, {0}};
    check_parts(f, one);
    check_parts(f, alone);
    check_parts(f, blank);
    check_parts(f, half);
    check_parts(f, twice);
    check_parts(f, wide);
    check_parts(f, tail); /* and a blank rest at the end is not a line yet */
}

/* What every seq was when it was first emitted. */
struct history {
    struct buf items[4096];
    seq_number count, acked;
};

/* Reads on, now and then with acks, and checks every seq against what it was before. */
static void read_some(struct fixture *f, struct history *h, void *self, uint64_t reads)
{
    struct err e;
    const struct stage_ops *ops = f->topology->stages[0].ops;
    for (int rc = 0; reads > 0 && rc != ERR_END; reads--) {
        buf_reset(&f->seen);
        rc = read_one(f, self, &e);
        assert_true(rc == 0 || rc == ERR_AGAIN || rc == ERR_END);
        if (rc == 0) {
            seq_number seq = emitter_seq(&f->emitter);
            assert_true(seq < 4096 && seq <= h->count + 1);
            if (seq > h->count)
                buf_add_text(&h->items[h->count = seq], buf_text(&f->seen));
            assert_string_equal(buf_text(&f->seen), buf_text(&h->items[seq]));
        }
        seq_number at = ops->position(self);
        if (at > h->acked && (rc == ERR_AGAIN || random_below(6) == 0)) {
            h->acked += 1 + random_below(at - h->acked);
            assert_int_equal(commit(f, self, h->acked), 0);
        }
    }
}

/* A file that grows, read by processes that are killed. */
static void any_kills_give_every_seq_the_same(void **state)
{
    struct fixture *f = *state;
    struct history *h = memory_new(1, sizeof *h);
    f->topology->marks_end = true;
    uint64_t records = 0;
    append(f, "");
    for (unsigned life = 0; life < 120; life++) {
        for (uint64_t n = random_below(12); n > 0; n--) {
            bool blank = random_below(4) == 0;
            char line[32];
            (void)snprintf(line, sizeof line, "%d\n", random_below(10) < 5 ? 1 : 22);
            append(f, blank ? "\n" : line);
            records += blank ? 0 : 1;
        }
        if (random_below(4) == 0)
            size_said = random_below(2) == 0 ? -1 : (off_t)random_below(600);
        void *self = open_source(f);
        assert_true(f->topology->stages[0].ops->position(self) <= h->acked);
        read_some(f, h, self, random_below(3) == 0 ? random_below(10) : UINT64_MAX);
        close_source(f, self);
    }
    void *self = open_source(f);
    read_some(f, h, self, UINT64_MAX);
    close_source(f, self);
    size_said = -1;
    uint64_t ends = 0;
    for (seq_number seq = 1; seq <= h->count; seq++) {
        bool end = strchr(buf_text(&h->items[seq]), '!') != NULL;
        assert_false(end && strchr(buf_text(&h->items[seq - 1]), '!') != NULL);
        ends += end ? 1 : 0;
    }
    assert_true(ends > 20 && ends + records == h->count);
    assert_non_null(strchr(buf_text(&h->items[h->count]), '!'));
    for (size_t i = 0; i < 4096; i++)
        buf_done(&h->items[i]);
    free(h);
}

/* Reads a file with only this content. Returns the output, to be freed. */
static char *read_lines_of_64(struct fixture *f, const char *content)
{
    char *text = memory_format("topology: t\nstages:\n"
                               "  read: { kind: file.source, path: %s, max_line_bytes: 64 }\n"
                               "  end: { kind: discard, from: read }\n",
                               f->path);
    (void)unlink(f->path);
    append(f, content);
    struct kind_run run;
    struct err e;
    kind_run_open(&run, text, "read");
    int rc;
    while ((rc = runner_read(&run.runner, &e)) == 0)
        ;
    assert_int_equal(rc, ERR_END);
    char *seen = memory_dup(run.seen.data, run.seen.len);
    kind_run_close(&run);
    free(text);
    return seen;
}

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void a_line_that_is_none_is_a_dead_letter(void **state)
{
    struct fixture *f = *state;
    char *seen = read_lines_of_64(f, X64 "\n" X64 "x\n" X64 "\r\nlast");
    assert_true(strstr(seen, "out {\"line\":\"" X64 "\"}\ndead {\"seq\":2,\"line\":2,"
                             "\"stage\":\"read\",\"reason\":\"line-too-long\"") == seen);
    assert_non_null(strstr(seen, "}\nout {\"line\":\"" X64 "\"}\nout {\"line\":\"last\"}\n"));
    free(seen);
    seen = read_lines_of_64(f, "\xff\xfe"
                               "one\n\ntwo\n");
    assert_non_null(
        strstr(seen, "dead {\"seq\":1,\"line\":1,\"stage\":\"read\",\"reason\":\"not-utf8\""));
    assert_non_null(
        strstr(seen, "dead {\"seq\":2,\"line\":3,\"stage\":\"read\",\"reason\":\"not-utf8\""));
    assert_null(strstr(seen, "out {"));
    free(seen);
}

int main(int argc, char **argv)
{
    random_init("file_source_test");
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(what_gives_no_record_takes_turns),
        TEST(a_line_that_goes_on_after_it_was_read_is_refused),
        TEST(a_newline_that_comes_late_is_no_record),
        TEST(a_commit_moves_the_start_of_the_next_life),
        TEST(the_end_is_where_no_more_can_be_read),
        TEST(the_end_has_a_seq_of_its_own_once),
        TEST(nothing_has_no_end),
        TEST(an_older_cursor_has_seen_no_end),
        TEST(an_end_that_was_given_out_stays_where_it_was),
        TEST(a_file_that_ends_before_its_end_is_refused),
        TEST(a_last_line_may_go_on_while_nobody_has_it),
        TEST(what_was_given_out_of_another_file_is_forgotten),
        TEST(a_copy_has_the_last_line_as_it_was_given_out),
        TEST(a_last_line_before_an_end_is_known_again),
        TEST(a_last_line_waits_for_its_cursor),
        TEST(a_mark_at_the_beginning_of_a_file_is_no_part_of_it),
        TEST(any_kills_give_every_seq_the_same),
        TEST(a_line_that_is_none_is_a_dead_letter),
    };
    /* file_source_packed_test.c meets these. */
    static const char *const elsewhere[] = {"packed-too-long", "not-a-map", "lost-framing",
                                            "cut-off", NULL};
    return CASES_RUN(argc, argv, tests, NULL, NULL) +
           kind_run_reasons_unseen(argc, &file_source_kind, elsewhere);
}
