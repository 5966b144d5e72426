/* SPDX-License-Identifier: MIT */
/*
 * file.source follows a file while other programs write to it and rotate it, between any two system
 * calls that it makes. Every line comes once, in order, with the seq that it had before. STORIES=N
 * in the environment sets the number of stories; follow_world.h has what happens in them.
 */
#undef _FORTIFY_SOURCE /* its inline pread() would be in the way of ours */
#include "tests/unit/cases.h"
#include "tests/unit/stages/kinds/follow_story.h"

static void kill_source(struct world *w)
{
    ops(w)->close(w->source);
    w->source = NULL;
}

/* --- random stories --- */

/* Reads and acks what is there, and waits for more. The clock of files goes on, too. */
static void read_all(struct world *w)
{
    for (unsigned without = 0; without < 6 && !w->refused;) {
        without = read_one(w) ? 0 : without + 1;
        commit(w, position(w));
        seconds_ahead += without > 0 ? 1 : 0;
        w->now_ns += without > 0 ? 1000000000 : 0;
    }
}

static void copy_and_cut(struct world *w)
{
    w->now_ns += 1000 + random_below(w->step_ns);
    w->renaming = w->rotated + 1;
    while (w->renaming > 0)
        rename_one(w);
    while (w->copy_fd >= 0)
        copy_on(w);
    cut_off(w);
    w->copied = false;
}

/*
 * A few lines are written, and then the whole log is copied and truncated, so that only the copy
 * has what is left to read. The source has read nothing of it, or some, and may not be there then.
 */
static void write_and_copy(struct world *w)
{
    for (w->wanted += 1 + (unsigned)random_below(4); w->half || w->lines < w->wanted;)
        write_lines(w);
    for (uint64_t n = random_below(4); n > 0 && !w->refused; n--)
        (void)read_one(w);
    bool reopens = !w->refused && w->gone <= w->acked && random_below(2) == 0;
    if (reopens)
        kill_source(w);
    copy_and_cut(w);
    if (reopens)
        open_source(w);
}

/* Half of the time, the log was read and truncated before that, and the source has seen it empty. */
static void end_in_copies(struct world *w)
{
    uint64_t times = 1 + random_below(ROTATIONS_AT_END_MAX);
    for (uint64_t n = 0; n < times && may_rotate(w) && !w->refused; n++) {
        if (random_below(2) == 0) {
            read_all(w);
            cut_off(w);
            w->gone = w->lines;
            read_all(w);
        }
        if (!w->refused)
            write_and_copy(w);
    }
}

/* Nothing is written any more, and every rotation that was begun is complete. */
static void settle(struct world *w)
{
    w->turns = false;
    if (w->refused)
        return;
    while (w->renaming > 0)
        rename_one(w);
    while (w->copied && w->copy_fd >= 0)
        copy_on(w);
    if (w->copied)
        cut_off(w);
    w->copied = false;
    while (w->half || w->lines < w->wanted)
        write_lines(w);
    if (w->naming == COPIED)
        end_in_copies(w);
    read_all(w);
    if (!w->refused && w->seen != w->wanted)
        fail_msg("%u lines of %u, naming %u", (unsigned)w->seen, w->wanted, w->naming);
}

/* The parts of a story: how files are named, what the file system supports, and what fails. */
static void choose(struct world *w)
{
    begin_as(w, (enum naming)random_below(NAMINGS), random_below(4) == 0);
    bool told = w->naming == FALLING || w->naming == DATED || w->naming == DOTTED ||
                w->naming == EPOCH || w->naming == COPIED; /* by names alone */
    w->keeps_times = !told || random_below(2) == 0;
    w->has_births = w->naming == COPIED || random_below(4) != 0;
    w->tick_ns = random_below(4) == 0 ? 4000000 : 1;
    w->fails = random_below(4) == 0 ? 10 + (unsigned)random_below(100) : 0;
}

static uint64_t story_count(void)
{
    const char *stories = getenv("STORIES");
    return stories != NULL ? strtoull(stories, NULL, 0) : 300;
}

/* Plays a story to its end; whether all was read. */
static bool play(struct world *w)
{
    open_source(w);
    w->turns = true;
    for (unsigned n = 0; n < 2 * LINES_MAX && w->seen < w->wanted && !w->refused; n++)
        go_on(w);
    settle(w);
    if (w->source != NULL)
        ops(w)->close(w->source);
    if (w->fd >= 0)
        (void)close(w->fd);
    finish(w);
    return !w->refused;
}

static void every_line_comes_once(void **state)
{
    (void)state;
    uint64_t refused = 0;
    for (uint64_t i = 0; i < story_count(); i++) {
        struct world w;
        choose(&w);
        refused += play(&w) ? 0 : 1;
    }
    print_message("%u of %u refused\n", (unsigned)refused, (unsigned)story_count());
    assert_true(refused <= story_count() / 8);
}

/*
 * In a world that compresses what was not read, with ticks in which many files are born and with
 * reused inode numbers: a file that is skipped was read. So every line comes, or the source stops
 * before the first that is missing.
 */
static void nothing_unread_passes_for_an_older_file(void **state)
{
    (void)state;
    static const uint64_t ticks_ns[] = {1, 4000000, 16000000};
    uint64_t refused = 0;
    for (uint64_t i = 0; i < story_count(); i++) {
        struct world w;
        choose(&w);
        if (w.naming == COPIED)
            w.naming = FALLING;
        w.is_rash = random_below(2) == 0;
        /*
         * Without birth times, a reused inode number shows nothing, and the system may reuse one.
         */
        w.has_births = true;
        w.gives_again = random_below(4) != 0;
        w.in_seconds = random_below(4) == 0;
        w.step_ns = w.in_seconds ? 500000000 : w.step_ns;
        w.tick_ns = ticks_ns[random_below(sizeof ticks_ns / sizeof ticks_ns[0])];
        refused += play(&w) ? 0 : 1;
    }
    print_message("%u of %u refused\n", (unsigned)refused, (unsigned)story_count());
    assert_true(refused <= story_count() * 3 / 4);
}

/* --- what is missing --- */

/*
 * While files are being renamed, a number may be missing: the source does not wait for it forever.
 */
static void what_is_missing_in_between_is_no_secret(void **state)
{
    (void)state;
    struct world w;
    begin_with_one_line(&w);
    /* Three times rotated, and one is gone; then two. */
    rename_file(&w, "", ".3");
    make_file(&w, ".1", "3-3\n");
    make_file(&w, "", "4-4\n");
    refused_after_a_while(&w,
                          "input.1' is there, but the file that was rotated in between is missing");
    rename_file(&w, ".1", ".other");
    seconds_ahead += 1; /* the doubt is the same, and as old as it was */
    struct err e;
    assert_int_equal(read_on(&w, &e), ERR_MISMATCH);
    assert_non_null(
        strstr(e.text, "input' is there, but the file that was rotated in between is missing"));
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

/* A file that was moved away cannot be compared with what comes next. That is reported. */
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

/*
 * What ended with its file was accepted as a line, so that file is over, even if it is still
 * written to.
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
    w.note = "3 bytes written to the file that was rotated from";
    assert_false(read_one(&w));
    assert_null(w.note);
    end_story(&w);
}

/* Half a line that was cut off does not count as a line; that is reported. */
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

/* Of completely rotated files, only one with a number or a date can have been one of ours. */
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

/* A new line must not get the number of one that downstream has and that can no longer be read. */
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
    /*
     * Truncated while the source was not there, and downstream has more than its cursor describes.
     */
    make_file(&w, "", "another one\n");
    open_source(&w);
    assert_int_equal(peer_has(&w, 3, &e), 0);
    assert_int_equal(peer_has(&w, 5, &e), ERR_MISMATCH);
    assert_non_null(strstr(
        e.text, "record 3, the last one known, but stage 'once' already has record 5 of it"));
    ops(&w)->close(w.source);
    /* Truncated before it has read again what downstream has. */
    make_file(&w, "", "4-4\n5-5\n");
    open_source(&w);
    assert_true(read_one(&w));
    assert_int_equal(peer_has(&w, 5, &e), 0);
    commit(&w, 4);
    make_file(&w, "", "");
    assert_int_equal(read_on(&w, &e), 0); /* it was in the buffer */
    commit(&w, 5);
    assert_int_equal(read_on(&w, &e), ERR_AGAIN);
    make_file(&w, "", "6-6\n");
    assert_true(read_one(&w));
    assert_int_equal(peer_has(&w, 9, &e), 0);
    commit(&w, 6);
    make_file(&w, "", "");
    assert_int_equal(read_on(&w, &e), ERR_MISMATCH);
    end_story(&w);
}

/*
 * Nothing of a file was acked when its source was killed and it was removed: a file that gets its
 * inode number is a different one. Only within the tick of its birth, the two cannot be told apart
 * (0012), so the world does not do that, and the system must not do it for the world either.
 */
static void a_number_that_was_given_again_is_another_file(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 2; how++) {
        struct world w;
        struct err e;
        struct stat before, now;
        begin(&w);
        w.gives_again = how == 1;
        w.tick_ns = 1000000000;
        w.times[0].born_ns = tick(&w);
        make_file(&w, "", "1-1\n");
        open_source(&w);
        assert_true(read_one(&w));
        ops(&w)->close(w.source);
        assert_int_equal(stat(w.path, &before), 0);
        (void)close(w.fd);
        w.fd = -1;
        remove_file(&w, "");
        w.now_ns += how == 1 ? w.tick_ns : 0;
        make_file(&w, "", "8-8\n");
        assert_int_equal(stat(w.path, &now), 0);
        assert_int_equal(before.st_ino == now.st_ino, how == 1);
        struct stage_env env = {.topology = w.topology,
                                .stage = &w.topology->stages[0],
                                .state_fd = w.state_fd,
                                .note = on_note};
        assert_int_equal(ops(&w)->open(&env, &w.source, &e), ERR_MISMATCH);
        assert_non_null(strstr(e.text, "is gone: it was rotated"));
        finish(&w);
    }
}

/* --- a last line without a newline, in a file that was rotated --- */

/* Reads up to a record, and nothing after it. */
static void read_up_to(struct world *w, seq_number last)
{
    for (unsigned turns = 0; position(w) < last; turns++) {
        (void)read_one(w);
        assert_true(turns < 1000);
    }
}

/*
 * The second of two rotated files ends without a newline. While the first is not acked, the cursor
 * describes that one and has no room for the last line, which must wait.
 */
static void a_last_line_waits_until_the_cursor_can_tell_of_it(void **state)
{
    (void)state;
    static const char *const now[] = {"2-2", "2-2\n", "2-2x\n"};
    for (unsigned how = 0; how < 6; how++) {
        struct world w;
        struct err e;
        begin_with_one_line(&w);
        rename_file(&w, "", ".1");
        make_file(&w, "", "2-2");
        assert_false(read_one(&w));
        rename_file(&w, ".1", ".2");
        rename_file(&w, "", ".1");
        make_file(&w, "", "3-3\n");
        bool early = how % 2 == 0; /* the ack comes before the line is reached */
        for (unsigned i = 0; !early && i < 4; i++)
            assert_false(read_one(&w));
        assert_int_equal(position(&w), 1);
        commit(&w, 1);
        read_up_to(&w, 3);
        kill_source(&w);
        make_file(&w, ".1", now[how / 2]);
        open_source(&w);
        assert_int_equal(peer_has(&w, 2, &e), how / 2 == 2 ? ERR_MISMATCH : 0);
        if (how / 2 != 2) {
            read_up_to(&w, 3);
            assert_false(read_one(&w));
        }
        end_story(&w);
    }
}

/* An ack of an earlier record, when the next file was begun, does not lose it. */
static void a_last_line_is_told_of_until_it_is_acked(void **state)
{
    (void)state;
    struct world w;
    struct err e;
    struct buf text = {0};
    const seq_number last = SOURCE_RECORDS_PER_MARK + 8;
    for (unsigned n = 2; n <= last; n++)
        buf_add_format(&text, n == last ? "%u-%u" : "%u-%u\n", n, n);
    begin(&w);
    make_file(&w, "", "1-1\n");
    open_source(&w);
    read_up_to(&w, 1);
    commit(&w, 1);
    rename_file(&w, "", ".1");
    make_file(&w, "", buf_text(&text));
    read_up_to(&w, last - 1);
    rename_file(&w, ".1", ".2");
    rename_file(&w, "", ".1");
    char *next = memory_format("%u-%u\n", (unsigned)last + 1, (unsigned)last + 1);
    make_file(&w, "", next);
    read_up_to(&w, last + 1);
    commit(&w, SOURCE_RECORDS_PER_MARK + 1);
    kill_source(&w);
    buf_add_text(&text, "x\n");
    make_file(&w, ".1", buf_text(&text));
    open_source(&w);
    assert_int_equal(peer_has(&w, last, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "continued since"));
    end_story(&w);
    free(next);
    buf_done(&text);
}

/*
 * Once the source has moved on, what it noted about the previous file is not searched for in this
 * one.
 */
static void who_comes_later_is_not_told_of_the_file_before(void **state)
{
    (void)state;
    for (unsigned killed = 0; killed < 2; killed++) {
        struct world w;
        struct err e;
        begin(&w);
        make_file(&w, "", "1-1\n2-2");
        open_source(&w);
        read_up_to(&w, 1);
        commit(&w, 1);
        rename_file(&w, "", ".1");
        make_file(&w, "", "3-3\n\n4-4\n5-5\n");
        read_up_to(&w, 3);
        if (killed == 1) {
            kill_source(&w);
            open_source(&w);
            assert_int_equal(peer_has(&w, 2, &e), 0);
            read_up_to(&w, 4);
        }
        if (peer_has(&w, 3, &e) != 0)
            fail_msg("%s", e.text);
        read_up_to(&w, 5);
        end_story(&w);
    }
}

int main(int argc, char **argv)
{
    random_init("file_source_follow_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_comes_once),
        cmocka_unit_test(nothing_unread_passes_for_an_older_file),
        cmocka_unit_test(what_is_missing_in_between_is_no_secret),
        cmocka_unit_test(a_file_without_a_name_is_left_with_a_note),
        cmocka_unit_test(names_of_another_form_are_no_rotated_files),
        cmocka_unit_test(what_is_behind_a_last_line_without_its_end_is_not_read),
        cmocka_unit_test(half_a_line_that_was_cut_off_is_none),
        cmocka_unit_test(what_is_compressed_by_whatever_is_not_read),
        cmocka_unit_test(a_number_that_is_taken_is_not_given_again),
        cmocka_unit_test(a_number_that_was_given_again_is_another_file),
        cmocka_unit_test(a_last_line_waits_until_the_cursor_can_tell_of_it),
        cmocka_unit_test(a_last_line_is_told_of_until_it_is_acked),
        cmocka_unit_test(who_comes_later_is_not_told_of_the_file_before),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
