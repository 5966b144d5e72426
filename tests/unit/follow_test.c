/* SPDX-License-Identifier: MIT */
/*
 * file.source that follows a file while others write to it and rotate it, between any two calls of
 * the system that it makes: every line comes once, in order, with the seq that it had before.
 *
 * The calls by which the source looks at files are here, in place of the library's. Before each of
 * them the world may go on by a step. Its writer is one that behaves: it writes whole lines in the
 * end, stays with the file that it has open until it opens the new one, and never goes back.
 */
#undef _FORTIFY_SOURCE /* its inline pread() would be in the way of ours */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/memory.h"
#include "stages/stage.h"
#include "tests/unit/random.h"

#define ROTATIONS_MAX 12u
#define LINES_MAX 400u

/* How rotated files are named: input.1 is the latest, or input-101, input-102 and so on. */
enum naming { NUMBERED, DATED };

/* What was read is compressed, one rotation later: gzip(1) makes the new file, then removes the
 * old. */
enum compression { PLAIN, BOTH, COMPRESSED };

struct world {
    char directory[64];
    char path[80];
    bool turns; /* at the calls of the system, too */
    enum naming naming;
    unsigned speed; /* one of so many calls has a step */

    /* The writer. */
    int fd;          /* the file that it writes to, */
    unsigned index;  /* which is this one of all */
    unsigned lines;  /* that it has begun */
    bool half;       /* and it has not ended the last one */
    unsigned wanted; /* so many it writes */

    /* The rotation: renames from the oldest to the newest. */
    unsigned rotated;                           /* files beside the path */
    unsigned last_line[ROTATIONS_MAX];          /* of each, the oldest first */
    enum compression compressed[ROTATIONS_MAX]; /* of each */
    unsigned renaming; /* the number of the file that is renamed next, plus 1; 0: no rotation */
    bool left;         /* the path was renamed, and the writer has not opened a new one */
    bool there;        /* there is a file at the path */

    /* The source. */
    struct topology *topology;
    struct emitter emitter;
    int state_fd;
    void *source;
    seq_number seen, acked;
    seq_number gone; /* what was read up to here was truncated since */
    bool truncated;
    const char *note; /* that is expected; NULL: none but that of a truncation */
};

static struct world *the_world;

/* --- the world's steps --- */

static void write_text(struct world *w, const char *text)
{
    if (w->fd < 0) { /* a rotation is over when something is in the new file */
        w->fd = open(w->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        w->left = false;
        w->there = true;
        w->index = w->rotated;
    }
    assert_true(w->fd >= 0);
    assert_int_equal(write(w->fd, text, strlen(text)), strlen(text));
}

static void write_lines(struct world *w)
{
    char text[64];
    if (w->half) {
        (void)snprintf(text, sizeof text, "-%u\n", w->lines);
        w->half = false;
    } else if (w->lines == w->wanted) {
        return;
    } else if (random_below(4) == 0) {
        (void)snprintf(text, sizeof text, "%u", ++w->lines);
        w->half = true;
    } else {
        w->lines++;
        (void)snprintf(text, sizeof text, "%u-%u\n", w->lines, w->lines);
    }
    write_text(w, text);
}

/* The name of a rotated file; of those with numbers, 0 is the path, and 1 the latest. */
static void name_of(const struct world *w, unsigned index, unsigned number, const char *ending,
                    char name[96])
{
    if (w->naming == DATED)
        (void)snprintf(name, 96, "%s-%u%s", w->path, 100 + index, ending);
    else if (number > 0)
        (void)snprintf(name, 96, "%s.%u%s", w->path, number, ending);
    else
        (void)snprintf(name, 96, "%s", w->path);
}

static void rename_one(struct world *w)
{
    char from[96], to[96];
    unsigned number = --w->renaming;
    unsigned index = w->rotated - number;
    const char *ending = number > 0 && w->compressed[index] == COMPRESSED ? ".gz" : "";
    name_of(w, index, number, ending, from);
    name_of(w, index, number + 1, ending, to);
    assert_int_equal(rename(number == 0 ? w->path : from, to), 0);
    if (number == 0) {
        w->last_line[w->rotated++] = LINES_MAX; /* until its writer leaves it */
        w->left = true;
        w->there = false;
    }
}

/* Goes on with compressing some file that is not the latest; it is removed when the ack is behind
 * it. */
static void compress_one(struct world *w)
{
    char plain[96], compressed[96];
    for (unsigned i = 0; i + 1 < w->rotated; i++) {
        bool needed = w->last_line[i] >= w->acked;
        if (w->compressed[i] == COMPRESSED || (w->compressed[i] == BOTH && needed))
            continue;
        name_of(w, i, w->rotated - i, "", plain);
        name_of(w, i, w->rotated - i, ".gz", compressed);
        if (w->compressed[i] == BOTH)
            assert_int_equal(unlink(plain), 0);
        else
            (void)close(open(compressed, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        w->compressed[i]++;
        return;
    }
}

/* A rotation begins when nothing is being compressed. */
static bool may_rotate(const struct world *w)
{
    for (unsigned i = 0; i < w->rotated; i++) {
        if (w->compressed[i] == BOTH)
            return false;
    }
    return w->there && w->fd >= 0 && w->renaming == 0 && w->rotated < ROTATIONS_MAX;
}

static const struct stage_ops *ops(const struct world *w)
{
    return w->topology->stages[0].kind->ops;
}

static seq_number position(const struct world *w)
{
    return ops(w)->position(w->source);
}

/* Copied and truncated, when all of it was read. */
static void truncate_input(struct world *w)
{
    if (w->source == NULL || w->fd < 0 || w->left || w->half || w->renaming > 0 || w->lines == 0 ||
        position(w) != w->lines)
        return;
    assert_int_equal(ftruncate(w->fd, 0), 0);
    w->truncated = true;
    w->gone = w->lines;
    for (uint64_t n = random_below(6); n > 0; n--)
        write_lines(w);
}

/* What others do to the files, by one step. */
static void world_step(struct world *w)
{
    bool created = w->left && w->fd >= 0 && !w->there && w->renaming == 0 && random_below(3) == 0;
    bool reopens = w->left && w->fd >= 0 && w->renaming == 0 && !w->half && random_below(3) == 0;
    bool begins = may_rotate(w) && random_below(6) == 0;
    if (created) { /* by who rotates, and its writer does not know it yet */
        (void)close(open(w->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        w->there = true;
    } else if (w->renaming > 0 && random_below(2) == 0) {
        rename_one(w);
    } else if (reopens) {
        (void)close(w->fd);
        w->fd = -1;
        for (unsigned i = w->index; i < w->rotated; i++)
            w->last_line[i] = w->lines;
    } else if (begins) {
        w->renaming = w->naming == DATED ? 1 : w->rotated + 1;
    } else if (w->renaming == 0 && !w->left && random_below(4) == 0) {
        compress_one(w);
    } else if (random_below(8) == 0) {
        truncate_input(w);
    } else {
        write_lines(w);
    }
}

static void before_a_call(void)
{
    struct world *w = the_world;
    if (w == NULL || !w->turns || random_below(w->speed) != 0)
        return;
    w->turns = false; /* the steps make calls themselves */
    world_step(w);
    w->turns = true;
}

int fstat(int fd, struct stat *ret_st)
{
    before_a_call();
    return (int)syscall(SYS_fstat, fd, ret_st);
}

int stat(const char *path, struct stat *ret_st)
{
    before_a_call();
    return (int)syscall(SYS_stat, path, ret_st);
}

int fstatat(int fd, const char *path, struct stat *ret_st, int flags)
{
    before_a_call();
    return (int)syscall(SYS_newfstatat, fd, path, ret_st, flags);
}

ssize_t pread(int fd, void *bytes, size_t len, off_t offset)
{
    before_a_call();
    return syscall(SYS_pread64, fd, bytes, len, offset);
}

int openat(int fd, const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    before_a_call();
    return (int)syscall(SYS_openat, fd, path, flags, mode);
}

/* What the source's clock says more than the library's. */
static time_t seconds_ahead;

int clock_gettime(clockid_t clock, struct timespec *ret_now)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, ret_now);
    ret_now->tv_sec += seconds_ahead;
    return rc;
}

/* Mostly there is none, as where a limit forbids it: to close one takes the kernel milliseconds. */
int inotify_init1(int flags)
{
    if (random_below(64) == 0)
        return (int)syscall(SYS_inotify_init1, flags);
    errno = EMFILE;
    return -1;
}

/* --- the source --- */

static void on_note(const char *text)
{
    struct world *w = the_world;
    if (w->note != NULL && strstr(text, w->note) != NULL)
        w->note = NULL;
    else if (strstr(text, "was truncated or written anew") == NULL || !w->truncated)
        fail_msg("%s", text);
}

static void on_emit(struct emitter *out, port_number port, const struct record *record)
{
    struct world *w = the_world;
    char wanted[32];
    assert_ptr_equal(out, &w->emitter);
    assert_int_equal(port, PORT_OUT);
    assert_true(record->seq <= w->seen + 1);
    (void)snprintf(wanted, sizeof wanted, "%u-%u", (unsigned)record->seq, (unsigned)record->seq);
    if (record->fields[0].len != strlen(wanted) ||
        memcmp(record->fields[0].bytes, wanted, strlen(wanted)) != 0)
        fail_msg("seq %u is '%.*s'", (unsigned)record->seq, (int)record->fields[0].len,
                 (const char *)record->fields[0].bytes);
    w->seen = record->seq > w->seen ? record->seq : w->seen;
}

static void open_source(struct world *w)
{
    struct stage_env env = {.topology = w->topology,
                            .stage = &w->topology->stages[0],
                            .state_fd = w->state_fd,
                            .note = on_note};
    struct err e;
    if (ops(w)->open(&env, &w->source, &e) != 0)
        fail_msg("%s", e.text);
}

static void commit(struct world *w, seq_number seq)
{
    struct err e;
    if (ops(w)->commit(w->source, seq, &e) != 0)
        fail_msg("%s", e.text);
    w->acked = seq;
}

/* Reads once; whether there was a record. */
static bool read_one(struct world *w)
{
    struct err e;
    int rc = ops(w)->read(w->source, &w->emitter, &e);
    if (rc != 0 && rc != ERR_AGAIN)
        fail_msg("at line %u of %u: %s", (unsigned)w->seen, w->lines, e.text);
    return rc == 0;
}

static void go_on(struct world *w)
{
    bool any = read_one(w);
    if (position(w) > w->acked && random_below(6) == 0)
        commit(w, w->acked + 1 + random_below(position(w) - w->acked));
    if (random_below(20) == 0 && w->gone <= w->acked) {
        ops(w)->close(w->source);
        w->source = NULL;
        open_source(w);
    } else if (!any && random_below(8) == 0) {
        truncate_input(w);
    }
}

/* --- a story --- */

static void load(struct world *w)
{
    char *text = memory_format("topology: t\nstages:\n"
                               "  read: { kind: file.source, path: %s, follow: true }\n"
                               "  write: { kind: file.sink, from: read, path: %s.out }\n",
                               w->path, w->path);
    struct diagnostics d;
    diagnostics_init(&d, "t.yaml", text, strlen(text));
    assert_int_equal(topology_load("t.yaml", text, strlen(text), stage_registry, TOPOLOGY_PROCESSES,
                                   &d, &w->topology),
                     0);
    diagnostics_done(&d);
    free(text);
    w->emitter = (struct emitter){.emit = on_emit, .stage = &w->topology->stages[0]};
}

static void begin(struct world *w)
{
    *w = (struct world){.naming = random_below(2) == 0 ? NUMBERED : DATED,
                        .speed = 1 + (unsigned)random_below(12),
                        .wanted = 1 + (unsigned)random_below(LINES_MAX),
                        .fd = -1};
    (void)snprintf(w->directory, sizeof w->directory, "/tmp/bulkhead-follow-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    (void)snprintf(w->path, sizeof w->path, "%s/input", w->directory);
    char state[80];
    (void)snprintf(state, sizeof state, "%s/state", w->directory);
    assert_int_equal(mkdir(state, 0700), 0);
    w->state_fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    load(w);
    write_text(
        w, ""); /* a file that was rotated before it was seen for the first time is none of ours */
    the_world = w;
}

static void finish(struct world *w)
{
    the_world = NULL;
    char name[96];
    for (unsigned i = 0; i < w->rotated; i++) {
        name_of(w, i, w->rotated - i, "", name);
        (void)unlink(name);
        name_of(w, i, w->rotated - i, ".gz", name);
        (void)unlink(name);
    }
    (void)unlink(w->path);
    (void)unlinkat(w->state_fd, "cursor", 0);
    (void)close(w->state_fd);
    (void)snprintf(name, sizeof name, "%s/state", w->directory);
    assert_int_equal(rmdir(name), 0);
    assert_int_equal(rmdir(w->directory), 0);
    topology_free(w->topology);
    buf_done(&w->emitter.scratch);
}

/* Nobody writes any more, and every rotation that was begun is complete. */
static void settle(struct world *w)
{
    w->turns = false;
    while (w->renaming > 0)
        rename_one(w);
    while (w->half || w->lines < w->wanted)
        write_lines(w);
    for (unsigned without = 0; without < 6;) {
        without = read_one(w) ? 0 : without + 1;
        commit(w, position(w));
    }
    assert_int_equal(w->seen, w->wanted);
}

static void every_line_comes_once(void **state)
{
    (void)state;
    const char *stories = getenv("STORIES");
    uint64_t count = stories != NULL ? strtoull(stories, NULL, 0) : 300;
    for (uint64_t i = 0; i < count; i++) {
        struct world w;
        begin(&w);
        open_source(&w);
        w.turns = true;
        for (unsigned n = 0; n < 2 * LINES_MAX && w.seen < w.wanted; n++)
            go_on(&w);
        settle(&w);
        ops(&w)->close(w.source);
        if (w.fd >= 0)
            (void)close(w.fd);
        finish(&w);
    }
}

/* --- what is missing --- */

static void make_file(const struct world *w, const char *suffix, const char *text)
{
    char name[96];
    (void)snprintf(name, sizeof name, "%s%s", w->path, suffix);
    FILE *file = fopen(name, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void begin_with_one_line(struct world *w)
{
    begin(w);
    make_file(w, "", "1-1\n");
    open_source(w);
    assert_true(read_one(w));
}

static void rename_file(const struct world *w, const char *from_suffix, const char *to_suffix)
{
    char from[96], to[96];
    (void)snprintf(from, sizeof from, "%s%s", w->path, from_suffix);
    (void)snprintf(to, sizeof to, "%s%s", w->path, to_suffix);
    assert_int_equal(rename(from, to), 0);
}

/* Reads again and again at the end: there is nothing, and then there is the error. */
static void refused_after_a_while(struct world *w, const char *text)
{
    struct err e;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(ops(w)->read(w->source, &w->emitter, &e), ERR_AGAIN);
    seconds_ahead += 10;
    assert_int_equal(ops(w)->read(w->source, &w->emitter, &e), ERR_MISMATCH);
    if (strstr(e.text, text) == NULL)
        fail_msg("%s", e.text);
}

/* While files are renamed there may be none under a number: that is not waited for without end. */
static void what_is_missing_in_between_is_no_secret(void **state)
{
    (void)state;
    struct world w;
    begin_with_one_line(&w);
    w.naming = NUMBERED;
    /* Three times rotated, and one is gone; then two. */
    rename_file(&w, "", ".3");
    make_file(&w, ".1", "3-3\n");
    make_file(&w, "", "4-4\n");
    refused_after_a_while(&w, "input.1' is there, but not what was rotated in between");
    rename_file(&w, ".1", ".other");
    seconds_ahead += 10; /* the doubt is the same, and as old as it was */
    struct err e;
    assert_int_equal(ops(&w)->read(w.source, &w.emitter, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "input' is there, but not what was rotated in between"));
    /* What was missing comes back. */
    rename_file(&w, ".other", ".1");
    make_file(&w, ".2", "2-2\n");
    for (unsigned i = 0; i < 3; i++)
        assert_true(read_one(&w));
    assert_int_equal(position(&w), 4);
    /* Compressed before it was read. */
    rename_file(&w, "", ".old");
    rename_file(&w, ".2", ".5");
    rename_file(&w, ".1", ".4");
    rename_file(&w, ".old", ".3");
    make_file(&w, ".2.gz", "5-5\n");
    make_file(&w, "", "6-6\n");
    refused_after_a_while(&w, "input.2.gz' was compressed before it was read");
    ops(&w)->close(w.source);
    const char *const suffixes[] = {"", ".2.gz"};
    for (unsigned i = 0; i < 2; i++) {
        char name[96];
        (void)snprintf(name, sizeof name, "%s%s", w.path, suffixes[i]);
        (void)unlink(name);
    }
    w.rotated = 5;
    (void)close(w.fd);
    finish(&w);
}

static void remove_file(const struct world *w, const char *suffix)
{
    char name[128];
    (void)snprintf(name, sizeof name, "%s%s", w->path, suffix);
    assert_int_equal(unlink(name), 0);
}

static void end_story(struct world *w)
{
    ops(w)->close(w->source);
    (void)close(w->fd);
    finish(w);
}

/* What was moved away cannot be compared with what comes next: that is not left unsaid. */
static void a_file_without_a_name_is_left_with_a_note(void **state)
{
    (void)state;
    struct world w;
    begin_with_one_line(&w);
    remove_file(&w, "");
    make_file(&w, "", "2-2\n");
    w.note = "was removed, compressed, or moved to another directory";
    assert_true(read_one(&w));
    assert_null(w.note);
    end_story(&w);
}

static void names_of_another_form_are_no_rotated_files(void **state)
{
    (void)state;
    struct world w;
    begin_with_one_line(&w);
    rename_file(&w, "", "-20260101");
    make_file(&w, "-20260101-1", "2-2\n");
    make_file(&w, ".offset", "777\n");
    make_file(&w, "-20260101.tmp", "888\n");
    make_file(&w, "", "3-3\n");
    while (read_one(&w))
        ;
    assert_int_equal(w.seen, 3);
    const char *const suffixes[] = {"-20260101", "-20260101-1", ".offset", "-20260101.tmp"};
    for (unsigned i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
        remove_file(&w, suffixes[i]);
    end_story(&w);
}

/* What ended with its file was taken for a line, so that file is over, whoever writes to it still.
 */
static void what_is_behind_a_last_line_without_its_end_is_not_read(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    make_file(&w, "", "1-1\n2-2");
    open_source(&w);
    assert_true(read_one(&w));
    assert_false(read_one(&w));
    rename_file(&w, "", ".1");
    make_file(&w, "", "3-3\n");
    assert_true(read_one(&w));
    char name[96];
    (void)snprintf(name, sizeof name, "%s.1", w.path);
    FILE *file = fopen(name, "ae");
    assert_non_null(file);
    assert_true(fputs("-2\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_true(read_one(&w));
    assert_int_equal(w.seen, 3);
    w.note = "3 bytes were written to the rotated file";
    assert_false(read_one(&w));
    assert_null(w.note);
    remove_file(&w, ".1");
    end_story(&w);
}

/* Half a line that was cut off is not taken for one; that is said. */
static void half_a_line_that_was_cut_off_is_none(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    w.truncated = true;
    make_file(&w, "", "1-1\nhalf of");
    open_source(&w);
    assert_true(read_one(&w));
    assert_false(read_one(&w));
    commit(&w, 1);
    make_file(&w, "", "");
    w.note = "7 bytes of a line at the end";
    assert_false(read_one(&w));
    assert_null(w.note);
    make_file(&w, "", "2-2\n");
    assert_true(read_one(&w));
    end_story(&w);
}

/* Of files whose rotation is over, only what has a number or a date can have been one of ours. */
static void what_is_compressed_by_whatever_is_not_read(void **state)
{
    (void)state;
    struct world w;
    begin_with_one_line(&w);
    rename_file(&w, "", "-20260101");
    make_file(&w, "-20260102.lzma", "777\n");
    make_file(&w, ".bak", "888\n");
    make_file(&w, "", "3-3\n");
    refused_after_a_while(&w, "input-20260102.lzma' was compressed before it was read");
    remove_file(&w, "-20260102.lzma");
    make_file(&w, "-20260102", "2-2\n");
    make_file(&w, "", "3-3\n");
    while (read_one(&w))
        ;
    assert_int_equal(w.seen, 3);
    remove_file(&w, "");
    make_file(&w, ".bak", "newer\n");
    make_file(&w, "", "4-4\n");
    w.note = "was removed, compressed, or moved to another directory";
    assert_true(read_one(&w));
    remove_file(&w, "-20260101");
    remove_file(&w, "-20260102");
    remove_file(&w, ".bak");
    end_story(&w);
}

static int peer_has(struct world *w, seq_number seq, struct err *e)
{
    return ops(w)->peer_has(w->source, "once", seq, e);
}

/* A new line must not get the number of one that downstream has and nobody can read any more. */
static void a_number_that_is_taken_is_not_given_again(void **state)
{
    (void)state;
    struct world w;
    struct err e;
    begin(&w);
    w.truncated = true;
    make_file(&w, "", "1-1\n2-2\n3-3\n");
    open_source(&w);
    for (unsigned i = 0; i < 3; i++)
        assert_true(read_one(&w));
    commit(&w, 3);
    ops(&w)->close(w.source);
    /* Truncated while it was not there, and downstream has more than its cursor tells of. */
    make_file(&w, "", "another one\n");
    open_source(&w);
    assert_int_equal(peer_has(&w, 3, &e), 0);
    assert_int_equal(peer_has(&w, 5, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "record 3, but stage 'once' had record 5 of it already"));
    ops(&w)->close(w.source);
    /* Truncated before it has read again what downstream has. */
    make_file(&w, "", "4-4\n5-5\n");
    open_source(&w);
    assert_true(read_one(&w));
    assert_int_equal(peer_has(&w, 5, &e), 0);
    commit(&w, 4);
    make_file(&w, "", "");
    assert_int_equal(ops(&w)->read(w.source, &w.emitter, &e), 0); /* it was in the buffer */
    commit(&w, 5);
    assert_int_equal(ops(&w)->read(w.source, &w.emitter, &e), ERR_AGAIN);
    make_file(&w, "", "6-6\n");
    assert_true(read_one(&w));
    assert_int_equal(peer_has(&w, 9, &e), 0);
    commit(&w, 6);
    make_file(&w, "", "");
    assert_int_equal(ops(&w)->read(w.source, &w.emitter, &e), ERR_MISMATCH);
    end_story(&w);
}

int main(void)
{
    random_init("follow_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_comes_once),
        cmocka_unit_test(what_is_missing_in_between_is_no_secret),
        cmocka_unit_test(a_file_without_a_name_is_left_with_a_note),
        cmocka_unit_test(names_of_another_form_are_no_rotated_files),
        cmocka_unit_test(what_is_behind_a_last_line_without_its_end_is_not_read),
        cmocka_unit_test(half_a_line_that_was_cut_off_is_none),
        cmocka_unit_test(what_is_compressed_by_whatever_is_not_read),
        cmocka_unit_test(a_number_that_is_taken_is_not_given_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
