/* SPDX-License-Identifier: MIT */
/*
 * file.source with a file that is copied, truncated, and rotated by its name, too; and one that
 * begins again with the lines that were read.
 */
#undef _FORTIFY_SOURCE /* its inline pread() would be in the way of ours */
#include "tests/unit/cases.h"
#include "tests/unit/stages/kinds/follow_story.h"

/*
 * What was read of the file is in a copy when the file is truncated, and then the file is renamed.
 * The copy continues where the file was read to; then comes what the file holds since, then the
 * next file.
 */
static void what_is_cut_off_and_then_renamed_comes_once(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 8; how++) {
        bool killed = (how & 1) != 0, grown = (how & 2) != 0, written = (how & 4) != 0;
        struct world w;
        char text[32];
        unsigned lines = grown ? 2 : 1;
        begin_with_one_line(&w);
        commit(&w, 1);
        w.truncated = true;
        make_file(&w, ".1", grown ? "1-1\n2-2\n" : "1-1\n");
        make_file(&w, "", "");
        (void)snprintf(text, sizeof text, "%u-%u\n", lines + 1, lines + 1);
        if (written)
            make_file(&w, "", text);
        lines += written ? 1 : 0;
        rename_file(&w, ".1", ".2");
        rename_file(&w, "", ".1");
        (void)snprintf(text, sizeof text, "%u-%u\n", lines + 1, lines + 1);
        make_file(&w, "", text);
        if (killed)
            reopen(&w);
        for (unsigned looks = 0; w.seen < lines + 1 && looks < 16; looks++) {
            if (read_one(&w) && killed) {
                commit(&w, position(&w));
                reopen(&w);
            }
        }
        assert_int_equal(w.seen, lines + 1);
        assert_false(read_one(&w));
        end_story(&w);
    }
}

/*
 * A copy cannot be told from a file that came after ours, which was truncated and renamed. That is
 * refused at every start, wherever the one before was stopped.
 */
static void a_refusal_is_kept_by_the_next_start(void **state)
{
    (void)state;
    for (unsigned killed = 0; killed < 3; killed++) {
        struct world w;
        begin_with_one_line(&w);
        commit(&w, 1);
        w.truncated = true;
        make_file(&w, ".3", "1-1\n2-2\n");
        make_file(&w, "", "3-3\n");
        make_file(&w, ".2", "3-3\n");
        make_file(&w, "", "4-4\n");
        rename_file(&w, "", ".1");
        make_file(&w, "", "5-5\n");
        if (killed == 1)
            reopen(&w);
        assert_true(read_one(&w));
        assert_int_equal(w.seen, 2);
        if (killed == 2)
            commit(&w, 2);
        for (unsigned i = 0; i < 3; i++) {
            refused_after_a_while(&w, "another file took its place");
            reopen(&w);
            while (position(&w) < 2)
                assert_true(read_one(&w));
        }
        end_story(&w);
    }
}

/*
 * Each of the files begins with all that was read of this one. The copy that continues differently
 * from the file holds what was cut off.
 */
static void what_begins_like_the_copy_is_told_from_it(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 4; how++) {
        bool killed = (how & 1) != 0, renamed = (how & 2) != 0;
        struct world w;
        begin_with_one_line(&w);
        commit(&w, 1);
        w.truncated = true;
        make_file(&w, "", "1-1\n2-2\n");
        make_file(&w, ".1", "1-1\n2-2\n");
        make_file(&w, "", "1-1\n4-4\n");
        if (renamed) {
            rename_file(&w, ".1", ".2");
            rename_file(&w, "", ".1");
            make_file(&w, "", "5-5\n");
        }
        if (killed && renamed) {
            refused_at_once(&w, "came after it");
            continue;
        }
        if (killed)
            reopen(&w);
        if (renamed)
            refused_after_a_while(&w, "came after it");
        else
            assert_true(read_one(&w));
        assert_int_equal(w.seen, renamed ? 1 : 2);
        end_story(&w);
    }
}

/*
 * Files that are not copies of what was cut off: one that has no more, or only more than the file.
 */
static void a_copy_of_what_the_file_has_is_left_alone(void **state)
{
    (void)state;
    for (unsigned killed = 0; killed < 2; killed++) {
        struct world w;
        begin_with_one_line(&w);
        commit(&w, 1);
        make_file(&w, "", "1-1\n2-2\n3-3\n");
        make_file(&w, ".bak", "1-1\n2-2\n");
        make_file(&w, ".1", "1-1\n2-2\n");
        make_file(&w, ".2", "1-2\n2-2\n");
        if (killed)
            reopen(&w);
        while (w.seen < 3)
            assert_true(read_one(&w));
        assert_false(read_one(&w));
        end_story(&w);
    }
}

/*
 * A program that has not reopened its log writes to the previous file, while the source is down or
 * not.
 */
static void a_late_line_in_the_file_before_is_told(void **state)
{
    (void)state;
    for (unsigned killed = 0; killed < 2; killed++) {
        struct world w;
        begin_with_one_line(&w);
        commit(&w, 1);
        rename_file(&w, "", ".1");
        make_file(&w, "", "2-2\n");
        assert_true(read_one(&w));
        commit(&w, 2);
        make_file(&w, ".1", "1-1\nlate\n");
        w.note = "5 bytes written to the file that was rotated from";
        if (killed)
            reopen(&w);
        assert_false(read_one(&w));
        assert_null(w.note);
        make_file(&w, "", "2-2\n3-3\n");
        assert_true(read_one(&w));
        commit(&w, 3);
        reopen(&w); /* it is reported once */
        assert_false(read_one(&w));
        end_story(&w);
    }
}

/*
 * A file that came after ours was copied, truncated and renamed. The copy was born later but came
 * first, which its name shows and birth times do not.
 */
static void a_copy_of_what_came_later_is_not_read_behind_it(void **state)
{
    (void)state;
    struct world w;
    begin_with_one_line(&w);
    commit(&w, 1);
    rename_file(&w, "", ".3");
    make_file(&w, ".1", "2-2\n");
    make_file(&w, ".2", "2-2\n");
    make_file(&w, ".1", "3-3\n");
    make_file(&w, "", "4-4\n");
    for (unsigned i = 0; i < 2; i++) {
        refused_after_a_while(&w, "was written first");
        reopen(&w);
    }
    end_story(&w);
}

/* The same for ours, of which nothing was read since it was begun again. */
static void a_copy_of_what_was_not_read_is_not_read_behind_it(void **state)
{
    (void)state;
    struct world w;
    begin_with_one_line(&w);
    commit(&w, 1);
    w.truncated = true;
    make_file(&w, ".1", "1-1\n2-2\n");
    make_file(&w, "", "3-3\n");
    while (w.seen < 3)
        assert_true(read_one(&w));
    commit(&w, 2);
    rename_file(&w, ".1", ".3");
    make_file(&w, ".2", "3-3\n");
    make_file(&w, "", "4-4\n");
    rename_file(&w, "", ".1");
    make_file(&w, "", "5-5\n");
    w.seen = 2;
    refused_at_once(&w, "their numbers contradict their times");
}

/*
 * Without birth times, nothing shows which of two copies of one tick was first: neither is skipped.
 */
static void copies_of_one_tick_without_births_are_refused(void **state)
{
    (void)state;
    for (unsigned killed = 0; killed < 2; killed++) {
        struct world w;
        begin(&w);
        w.has_births = false;
        make_file(&w, "", "1-1\n");
        open_source(&w);
        assert_true(read_one(&w));
        commit(&w, 1);
        next_tick(&w);
        w.truncated = true;
        make_file(&w, ".0", "1-1\n2-2\n");
        make_file(&w, "", "3-3\n");
        make_file(&w, ".1", "3-3\n");
        make_file(&w, "", "4-4\n");
        if (killed)
            reopen(&w);
        assert_true(read_one(&w));
        for (unsigned i = 0; i < 2; i++) {
            refused_after_a_while(&w, "cannot tell whether");
            reopen(&w);
            while (position(&w) < 2)
                assert_true(read_one(&w));
        }
        end_story(&w);
    }
}

/*
 * A file that begins with the same names of columns, at the same time, is not a copy of ours
 * either.
 */
static void another_log_that_begins_alike_is_left_alone(void **state)
{
    (void)state;
    for (unsigned killed = 0; killed < 2; killed++) {
        struct world w;
        begin(&w);
        at(&w, "worker.log");
        make_file(&w, "", "1-1\n");
        open_source(&w);
        assert_true(read_one(&w));
        commit(&w, 1);
        make_within(&w, "worker-2.log", "1-1\n7-7\n8-8\n9-9\n");
        make_file(&w, "", "1-1\n2-2\n3-3\n");
        if (killed)
            reopen(&w);
        while (w.seen < 3)
            assert_true(read_one(&w));
        assert_false(read_one(&w));
        end_story(&w);
    }
}

/*
 * A short number before the suffix may be that of another log, so what is read is reported, once.
 */
static void what_may_be_another_log_is_told(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    at(&w, "worker.log");
    make_file(&w, "", "1-1\n");
    open_source(&w);
    assert_true(read_one(&w));
    rename_within(&w, "worker.log", "worker-1.log");
    make_within(&w, "worker-2.log", "2-2\n");
    make_within(&w, "worker-3.log", "3-3\n");
    make_file(&w, "", "4-4\n");
    w.note = "worker-2.log' is read as a rotated file of ";
    while (w.seen < 4)
        assert_true(read_one(&w));
    assert_null(w.note);
    end_story(&w);
}

/*
 * Half a line was read of the file, and the next file begins with the same bytes. If the file was
 * written to when that was there, it looks as if it had been copied to that and truncated.
 */
static void a_later_file_that_begins_with_half_a_line_may_be_a_copy(void **state)
{
    (void)state;
    static const char lines[] = "1-1\n2-2\n3-3\n4-4\n5-5\n6-6\n7-7\n8-8\n9-9\n";
    for (unsigned late = 0; late < 2; late++) {
        struct world w;
        begin(&w);
        make_file(&w, "", "1");
        open_source(&w);
        assert_false(read_one(&w));
        rename_file(&w, "", ".1");
        if (late == 0)
            make_file(&w, ".1", lines);
        make_file(&w, "", "10-10\n");
        if (late == 1)
            make_file(&w, ".1", lines);
        rename_file(&w, ".1", ".2");
        rename_file(&w, "", ".1");
        make_file(&w, "", "11-11\n");
        if (late == 1)
            refused_after_a_while(&w, "came after it");
        for (unsigned looks = 0; late == 0 && w.seen < 11 && looks < 20; looks++)
            (void)read_one(&w);
        assert_int_equal(w.seen, late == 0 ? 11 : 0);
        end_story(&w);
    }
}

int main(int argc, char **argv)
{
    random_init("file_source_follow_cut_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_cut_off_and_then_renamed_comes_once),
        cmocka_unit_test(a_refusal_is_kept_by_the_next_start),
        cmocka_unit_test(what_begins_like_the_copy_is_told_from_it),
        cmocka_unit_test(a_copy_of_what_the_file_has_is_left_alone),
        cmocka_unit_test(a_late_line_in_the_file_before_is_told),
        cmocka_unit_test(a_copy_of_what_came_later_is_not_read_behind_it),
        cmocka_unit_test(a_copy_of_what_was_not_read_is_not_read_behind_it),
        cmocka_unit_test(copies_of_one_tick_without_births_are_refused),
        cmocka_unit_test(another_log_that_begins_alike_is_left_alone),
        cmocka_unit_test(what_may_be_another_log_is_told),
        cmocka_unit_test(a_later_file_that_begins_with_half_a_line_may_be_a_copy),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
