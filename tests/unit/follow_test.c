/* SPDX-License-Identifier: MIT */
/*
 * file.source that follows a file while others write to it and rotate it, between any two calls of
 * the system that it makes: every line comes once, in order, with the seq that it had before.
 * STORIES=N in the environment plays so many; follow_world.h is what happens in them.
 */
#undef _FORTIFY_SOURCE /* its inline pread() would be in the way of ours */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/file.h"
#include "tests/unit/follow_world.h"

/* --- the source --- */

/* What the story of the world makes the source say. */
static bool is_of_story(const struct world *w, const char *text)
{
    return (w->truncated && strstr(text, "was truncated or written anew") != NULL) ||
           (w->truncated && strstr(text, "is read from its copy first") != NULL) ||
           (w->naming == MOVED && strstr(text, "/old/'; files there") != NULL) ||
           (w->fails != 0 && strstr(text, "it is tried again until that works") != NULL) ||
           strstr(text, "are renamed all the time; it is tried again") != NULL;
}

static void on_note(const char *text)
{
    struct world *w = the_world;
    if (w->note != NULL && strstr(text, w->note) != NULL)
        w->note = NULL;
    else if (!is_of_story(w, text))
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
        fail_msg("seq %u is '%.*s', naming %u%s%s%s", (unsigned)record->seq,
                 (int)record->fields[0].len, (const char *)record->fields[0].bytes, w->naming,
                 w->has_births ? "" : ", no births", w->tick_ns > 1 ? ", ticks" : "",
                 w->fails != 0 ? ", calls fail" : "");
    w->seen = record->seq > w->seen ? record->seq : w->seen;
}

static void open_source(struct world *w)
{
    struct stage_env env = {.topology = w->topology,
                            .stage = &w->topology->stages[0],
                            .state_fd = w->state_fd,
                            .note = on_note};
    struct err e;
    int rc = ops(w)->open(&env, &w->source, &e);
    w->refused = rc == ERR_MISMATCH && w->naming == COPIED &&
                 strstr(e.text, "nobody can tell whether") != NULL;
    if (rc != 0 && !w->refused)
        fail_msg("at line %u of %u: %s", (unsigned)w->seen, w->lines, e.text);
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
    /* Two files of one tick, or without births: it may be that only a refusal is right. */
    bool may_be = w->tick_ns > 1 || !w->has_births || w->naming == COPIED;
    w->refused = rc == ERR_MISMATCH && may_be && strstr(e.text, "nobody can tell") != NULL;
    if (rc != 0 && rc != ERR_AGAIN && !w->refused)
        fail_msg("at line %u of %u, naming %u: %s", (unsigned)w->seen, w->lines, w->naming, e.text);
    return rc == 0;
}

static void go_on(struct world *w)
{
    bool any = read_one(w);
    if (w->refused)
        return;
    if (position(w) > w->acked && random_below(6) == 0)
        commit(w, w->acked + 1 + random_below(position(w) - w->acked));
    if (random_below(20) == 0 && w->gone <= w->acked) {
        ops(w)->close(w->source);
        w->source = NULL;
        open_source(w);
        if (w->refused)
            return;
    } else if (!any && random_below(8) == 0) {
        truncate_input(w);
    }
    if (random_below(16) == 0)
        seconds_ahead += (time_t)random_below(3);
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

static void make_directory(const struct world *w, const char *name)
{
    char path[NAME_MAX_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", w->directory, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void begin_with(struct world *w, enum naming naming)
{
    *w = (struct world){.naming = naming,
                        .speed = 1 + (unsigned)random_below(12),
                        .wanted = 1 + (unsigned)random_below(LINES_MAX),
                        .has_births = true,
                        .keeps_times = true,
                        .now_ns = 1772300000000000000u,
                        .tick_ns = 1,
                        .fd = -1};
    (void)snprintf(w->directory, sizeof w->directory, "/tmp/bulkhead-follow-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    (void)snprintf(w->path, sizeof w->path, "%s/input%s", w->directory,
                   naming == EXTENDED ? ".log" : "");
    (void)snprintf(w->real, sizeof w->real, "%s", w->path);
    make_directory(w, "state");
    if (naming == MOVED)
        make_directory(w, "old");
    if (naming == LINKED) {
        make_directory(w, "p");
        (void)snprintf(w->real, sizeof w->real, "%s/p/0.log", w->directory);
        assert_int_equal(symlink("p/0.log", w->path), 0);
    }
    char state[80];
    (void)snprintf(state, sizeof state, "%s/state", w->directory);
    w->state_fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    load(w);
    write_text(
        w, ""); /* a file that was rotated before it was seen for the first time is none of ours */
    the_world = w;
}

static void begin(struct world *w)
{
    begin_with(w, FALLING);
    w->tick_ns = 1;
}

static void finish(struct world *w)
{
    the_world = NULL;
    struct err e;
    int fd = open(w->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(file_remove_in(fd, "", 2, &e), 0);
    (void)close(fd);
    assert_int_equal(rmdir(w->directory), 0);
    (void)close(w->state_fd);
    topology_free(w->topology);
    buf_done(&w->emitter.scratch);
}

/* Nobody writes any more, and every rotation that was begun is complete. */
static void settle(struct world *w)
{
    w->turns = false;
    if (w->refused)
        return;
    while (w->renaming > 0)
        rename_one(w);
    if (w->copied)
        cut_off(w);
    w->copied = false;
    while (w->half || w->lines < w->wanted)
        write_lines(w);
    for (unsigned without = 0; without < 6 && !w->refused; seconds_ahead += without > 0 ? 1 : 0) {
        without = read_one(w) ? 0 : without + 1;
        commit(w, position(w));
    }
    if (!w->refused && w->seen != w->wanted)
        fail_msg("%u lines of %u, naming %u", (unsigned)w->seen, w->wanted, w->naming);
}

/* Of what a story is: how files are named, what the file system knows, and what fails. */
static void choose(struct world *w)
{
    begin_with(w, (enum naming)random_below(NAMINGS));
    bool told = w->naming == FALLING || w->naming == DATED || w->naming == DOTTED ||
                w->naming == EPOCH || w->naming == COPIED; /* by names alone */
    w->keeps_times = !told || random_below(2) == 0;
    w->has_births = w->naming == COPIED || random_below(4) != 0;
    w->tick_ns = w->naming != COPIED && random_below(4) == 0 ? 4000000 : 1;
    w->fails = random_below(4) == 0 ? 10 + (unsigned)random_below(100) : 0;
}

static void every_line_comes_once(void **state)
{
    (void)state;
    const char *stories = getenv("STORIES");
    uint64_t count = stories != NULL ? strtoull(stories, NULL, 0) : 300;
    uint64_t refused = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct world w;
        choose(&w);
        open_source(&w);
        w.turns = true;
        for (unsigned n = 0; n < 2 * LINES_MAX && w.seen < w.wanted && !w.refused; n++)
            go_on(&w);
        settle(&w);
        refused += w.refused ? 1 : 0;
        if (w.source != NULL)
            ops(&w)->close(w.source);
        if (w.fd >= 0)
            (void)close(w.fd);
        finish(&w);
    }
    print_message("%u of %u refused\n", (unsigned)refused, (unsigned)count);
    assert_true(refused <= count / 8);
}

/* --- what is missing --- */

static void name_with(const struct world *w, const char *suffix, char name[NAME_MAX_BYTES])
{
    (void)snprintf(name, NAME_MAX_BYTES, "%s%s", w->path, suffix);
}

/* Makes a file, or writes it anew. */
static void make_file(struct world *w, const char *suffix, const char *text)
{
    char name[NAME_MAX_BYTES];
    name_with(w, suffix, name);
    w->now_ns += 1000000;
    int fd = open_to_write(w, name);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    note_times(w, fd, false, true);
    (void)close(fd);
}

static void begin_with_one_line(struct world *w)
{
    begin(w);
    make_file(w, "", "1-1\n");
    open_source(w);
    assert_true(read_one(w));
}

static void rename_file(struct world *w, const char *from_suffix, const char *to_suffix)
{
    char from[NAME_MAX_BYTES], to[NAME_MAX_BYTES];
    name_with(w, from_suffix, from);
    name_with(w, to_suffix, to);
    w->now_ns += 1000000;
    rename_to(w, from, to);
}

static void end_story(struct world *w)
{
    ops(w)->close(w->source);
    (void)close(w->fd);
    finish(w);
}

/* Reads again and again at the end: there is nothing, and then there is the error. */
static void refused_after_a_while(struct world *w, const char *text)
{
    struct err e;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(ops(w)->read(w->source, &w->emitter, &e), ERR_AGAIN);
    seconds_ahead += 1;
    assert_int_equal(ops(w)->read(w->source, &w->emitter, &e), ERR_AGAIN);
    seconds_ahead += 1;
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
    /* Three times rotated, and one is gone; then two. */
    rename_file(&w, "", ".3");
    make_file(&w, ".1", "3-3\n");
    make_file(&w, "", "4-4\n");
    refused_after_a_while(&w, "input.1' is there, but not what was rotated in between");
    rename_file(&w, ".1", ".other");
    seconds_ahead += 1; /* the doubt is the same, and as old as it was */
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
    end_story(&w);
}

static void remove_file(struct world *w, const char *suffix)
{
    char name[NAME_MAX_BYTES];
    name_with(w, suffix, name);
    w->now_ns += 1000000;
    remove_name(w, name);
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
