/* SPDX-License-Identifier: MIT */
/*
 * file.source with a file that is copied and truncated. What is cut off is read from the copies,
 * once. If the order of the copies cannot be known, it is refused.
 */
#undef _FORTIFY_SOURCE /* its inline pread() would be in the way of ours */
#include "stages/kit/source_marks.h"
#include "tests/unit/cases.h"
#include "tests/unit/stages/kinds/follow_story.h"

/* The copies are read in their order, whatever was read of the file, and with a kill in between. */
static void what_is_copied_and_cut_off_is_read_from_the_copies(void **state)
{
    (void)state;
    for (unsigned killed = 0; killed < 2; killed++) {
        struct world w;
        begin_with_one_line(&w);
        commit(&w, 1);
        w.truncated = true;
        make_file(&w, ".2", "1-1\n2-2\n");
        make_file(&w, ".1", "3-3\n");
        make_file(&w, "", "4-4\n");
        if (killed == 1)
            reopen(&w);
        for (unsigned i = 2; i <= 4; i++) {
            assert_true(read_one(&w));
            if (killed == 1) {
                commit(&w, position(&w));
                reopen(&w);
            }
        }
        assert_false(read_one(&w));
        end_story(&w);
    }
}

/*
 * Two copies are born in one tick, the second one when the first was read and the file was begun
 * again. It is recognized by its identity, even if the source is killed, and whatever was read of
 * the file.
 */
static void copies_of_one_tick_are_told_apart(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 8; how++) {
        bool killed = (how & 1) != 0, unread = (how & 2) != 0, is_seen = (how & 4) != 0;
        struct world w;
        begin_with_one_line(&w);
        commit(&w, 1);
        w.truncated = true;
        next_tick(&w);
        make_file(&w, ".1", "1-1\n2-2\n");
        make_file(&w, "", "3-3\n");
        assert_true(read_one(&w));
        assert_true(read_one(&w));
        commit(&w, unread ? 2 : 3);
        assert_false(read_one(&w));
        rename_file(&w, ".1", ".2");
        make_file(&w, ".1", "3-3\n4-4\n");
        for (unsigned i = 0; is_seen && i < 8; i++) {
            assert_false(read_one(&w));
            seconds_ahead++;
            w.now_ns += 1000000000;
        }
        make_file(&w, "", "5-5\n");
        if (killed)
            reopen(&w);
        while (w.seen < 5)
            assert_true(read_one(&w));
        assert_false(read_one(&w));
        end_story(&w);
    }
}

/* Nothing shows which of two copies of one tick was first; their names do not either. */
static void copies_of_one_tick_without_an_order_are_refused(void **state)
{
    (void)state;
    struct world w;
    begin_with_one_line(&w);
    commit(&w, 1);
    w.truncated = true;
    make_file(&w, "", "2-2\n");
    assert_true(read_one(&w));
    commit(&w, 2);
    next_tick(&w);
    make_file(&w, "-02-03-2026", "3-3\n");
    make_file(&w, "-01-03-2026", "4-4\n");
    make_file(&w, "", "5-5\n");
    refused_after_a_while(&w, "was written first");
    end_story(&w);
}

/*
 * A file is looked at while it is still being copied, with nothing or not everything in the copy.
 */
static void a_copy_that_is_being_made_is_needed(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 3; how++) {
        struct world w;
        begin_with_one_line(&w);
        commit(&w, 1);
        w.truncated = true;
        make_file(&w, "", "");
        assert_false(read_one(&w));
        make_file(&w, "", "2-2\n3-3\n");
        make_file(&w, ".1", how == 0 ? "" : how == 1 ? "2-2\n" : "2-2\n3");
        assert_true(read_one(&w));
        make_file(&w, ".1", "2-2\n3-3\n4-4\n");
        make_file(&w, "", "5-5\n");
        while (w.seen < 5)
            assert_true(read_one(&w));
        end_story(&w);
    }
}

/*
 * Nothing of the file is acked, or read, when it is copied and cut off twice, and the copies have
 * its time: they are needed, if it was written after what came before it.
 */
static void copies_that_keep_the_time_are_read(void **state)
{
    (void)state;
    for (unsigned killed = 0; killed < 2; killed++) {
        struct world w;
        begin_with_one_line(&w);
        w.truncated = true;
        make_file(&w, "-20260228", "an older one, decompressed\n");
        char name[NAME_MAX_BYTES];
        struct stat st;
        name_with(&w, "-20260228", name);
        assert_int_equal(lstat(name, &st), 0);
        times_of(&w, st.st_ino)->written_ns = 1;
        if (killed == 0) {
            commit(&w, 1);
            make_file(&w, "", "");
            assert_false(read_one(&w));
        }
        make_file(&w, "", killed == 1 ? "1-1\n2-2\n" : "2-2\n");
        make_kept(&w, "-20260301", killed == 1 ? "1-1\n2-2\n" : "2-2\n");
        make_file(&w, "", "3-3\n");
        make_kept(&w, "-20260302", "3-3\n");
        make_file(&w, "", "4-4\n");
        if (killed == 1)
            reopen(&w);
        while (w.seen < 4)
            assert_true(read_one(&w));
        assert_false(read_one(&w));
        end_story(&w);
    }
}

/* Written in the tick of the birth of the file, or before that: a copy, or what came before it. */
static void a_copy_that_is_as_old_as_the_file_is_refused(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    next_tick(&w);
    remove_file(&w, "");
    make_file(&w, "", "");
    open_source(&w);
    assert_false(read_one(&w));
    make_file(&w, "", "1-1\n");
    next_tick(&w);
    make_kept(&w, ".1", "1-1\n");
    make_file(&w, "", "2-2\n");
    refused_after_a_while(&w, "which was kept, fits both");
    make_file(&w, ".1", "1-1\n");
    w.truncated = true;
    assert_true(read_one(&w));
    assert_true(read_one(&w));
    end_story(&w);
}

/* What was emitted before the first ack was cut off, and there is no copy: that is reported. */
static void what_was_given_out_and_cut_off_is_missed(void **state)
{
    (void)state;
    struct world w;
    begin_with_one_line(&w);
    make_file(&w, "", "");
    w.note = "was truncated or rewritten after it was read up to offset 4";
    reopen(&w);
    assert_null(w.note);
    end_story(&w);
}

/*
 * The copy is still empty when the one before it was read, so the file is read: it is needed if
 * the file is cut off before its end was read.
 */
static void a_copy_that_is_being_made_behind_another_is_needed(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 4; how++) {
        bool grows = (how & 1) != 0, killed = (how & 2) != 0;
        const char *text = grows ? "3-3\n4-4\n" : "3-3\n";
        struct world w;
        begin_with_one_line(&w);
        commit(&w, 1);
        w.truncated = true;
        make_file(&w, ".1", "1-1\n2-2\n");
        make_file(&w, "", "3-3\n");
        assert_true(read_one(&w));
        commit(&w, 2);
        rename_file(&w, ".1", ".2");
        make_file(&w, ".1", "");
        assert_true(read_one(&w));
        assert_int_equal(w.seen, 3);
        commit(&w, 3);
        make_file(&w, "", text);
        make_kept(&w, ".1", text);
        make_file(&w, "", grows ? "" : "4-4\n");
        if (!grows) {
            rename_file(&w, ".2", ".3");
            rename_file(&w, ".1", ".2");
            make_kept(&w, ".1", "4-4\n");
        }
        make_file(&w, "", "5-5\n");
        if (killed)
            reopen(&w);
        for (unsigned looks = 0; w.seen < 5 && looks < 8; looks++) {
            (void)read_one(&w);
            if (position(&w) > w.acked)
                commit(&w, position(&w));
        }
        assert_int_equal(w.seen, 5);
        assert_false(read_one(&w));
        end_story(&w);
    }
}

static void complete_and_cut(struct world *w)
{
    make_kept(w, ".1", "3-3\n4-4\n");
    make_file(w, "", "5-5\n");
}

/*
 * The same, if the copy is made and completed and the file truncated before any call of the source.
 */
static void a_copy_is_completed_at_any_moment(void **state)
{
    (void)state;
    bool acted = true;
    for (unsigned how = 0; acted || how % 2 != 0; how++) {
        struct world w;
        begin_with_one_line(&w);
        commit(&w, 1);
        w.truncated = true;
        make_file(&w, ".1", "1-1\n2-2\n");
        make_file(&w, "", "3-3\n4-4\n");
        assert_true(read_one(&w));
        commit(&w, 2);
        rename_file(&w, ".1", ".2");
        make_file(&w, ".1", how % 2 == 0 ? "" : "3-3\n");
        w.calls_before_act = how / 2;
        w.act = complete_and_cut;
        acted = false;
        for (unsigned looks = 0; w.seen < 5 && looks < (acted ? 12 : 4); looks++) {
            (void)read_one(&w);
            if (position(&w) > w.acked)
                commit(&w, position(&w));
            acted = w.act == NULL;
        }
        assert_int_equal(w.seen, acted ? 5 : how % 2 == 0 ? 4 : 3);
        w.act = NULL;
        end_story(&w);
    }
}

/*
 * The file is copied and cut off before anything of it is read, or read again after a kill, and
 * nothing is written to it afterwards. The source does not wait for that.
 */
static void what_was_cut_off_before_it_was_read_is_not_waited_for(void **state)
{
    (void)state;
    for (unsigned killed = 0; killed < 2; killed++) {
        struct world w;
        struct err e;
        begin_with_one_line(&w);
        commit(&w, 1);
        w.truncated = true;
        make_file(&w, "", "");
        for (unsigned i = 0; i < 4; i++) {
            assert_false(read_one(&w));
            seconds_ahead += 3;
        }
        make_file(&w, "", "2-2\n3-3\n");
        if (killed == 1) {
            assert_true(read_one(&w));
            assert_true(read_one(&w));
            reopen(&w);
            assert_int_equal(position(&w), 1);
            assert_int_equal(ops(&w)->peer_has(w.source, "once", 3, &e), 0);
        }
        make_file(&w, ".1", "2-2\n3-3\n");
        make_file(&w, "", "");
        for (unsigned looks = 0; position(&w) < 3 && looks < 8; looks++) {
            (void)read_one(&w);
            seconds_ahead++;
        }
        assert_int_equal(position(&w), 3);
        make_file(&w, "", "4-4\n");
        while (w.seen < 4)
            assert_true(read_one(&w));
        assert_false(read_one(&w));
        end_story(&w);
    }
}

static void add_lines(struct buf *text, unsigned from, unsigned to)
{
    char line[32];
    for (unsigned i = from; i <= to; i++) {
        (void)snprintf(line, sizeof line, "%u-%u\n", i, i);
        buf_add(text, line, strlen(line));
    }
    buf_add(text, "", 1);
}

static void complete_and_cut_many(struct world *w)
{
    struct buf text = {0};
    add_lines(&text, 3, 900);
    make_kept(w, ".1", (const char *)text.data);
    make_file(w, "", "901-901\n");
    buf_done(&text);
}

/*
 * The half line at the end of an unfinished copy is not a line, because the file has all of it.
 * Unless the file is truncated before some call of the source; then the copy is complete.
 */
static void a_copy_that_ends_with_half_a_line_is_left_before_it(void **state)
{
    (void)state;
    bool acted = true;
    for (unsigned calls = 0; acted; calls++) {
        struct world w;
        struct buf text = {0};
        begin_with_one_line(&w);
        commit(&w, 1);
        w.truncated = true;
        make_file(&w, ".1", "1-1\n2-2\n");
        add_lines(&text, 3, 900);
        make_file(&w, "", (const char *)text.data);
        assert_true(read_one(&w));
        commit(&w, 2);
        rename_file(&w, ".1", ".2");
        text.data[text.len - 4] = '\0';
        make_file(&w, ".1", (const char *)text.data);
        w.calls_before_act = calls;
        w.act = complete_and_cut_many;
        for (unsigned looks = 0; looks < 8 && w.seen < (w.act == NULL ? 901 : 900);) {
            if (!read_one(&w) && position(&w) > w.acked)
                commit(&w, position(&w));
            else
                looks += w.seen == position(&w) && w.acked == w.seen;
        }
        acted = w.act == NULL;
        assert_int_equal(w.seen, acted ? 901 : 900);
        w.act = NULL;
        buf_done(&text);
        end_story(&w);
    }
}

/*
 * A file created after the one at the path is a copy, even if that was begun in the tick of ours.
 */
static void a_copy_is_none_of_the_tick_of_ours(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    next_tick(&w);
    remove_file(&w, "");
    make_file(&w, "", "1-1\n");
    open_source(&w);
    assert_true(read_one(&w));
    rename_file(&w, "", "-30-01-2026");
    make_file(&w, "", "2-2\n");
    next_tick(&w);
    make_file(&w, "-01-02-2026", "zcat made it\n");
    refused_after_a_while(&w, "input-01-02-2026' was created after ");
    remove_file(&w, "-01-02-2026");
    assert_true(read_one(&w));
    end_story(&w);
}

/* More files are born in the tick of the file at the path than the cursor can hold. */
static void begin_in_a_full_tick(struct world *w)
{
    begin_with_one_line(w);
    commit(w, 1);
    next_tick(w);
    rename_file(w, "", "-20260228");
    for (unsigned i = 0; i < PASSED_FILES_MAX + 2; i++) {
        char suffix[32];
        (void)snprintf(suffix, sizeof suffix, "-202601%02u.gz", i + 1);
        make_packed(w, suffix, "1-1\n");
    }
    make_file(w, "", "2-2\n");
    assert_true(read_one(w));
    assert_int_equal(w->seen, 2);
    w->truncated = true;
}

/* A copy of that tick may have been there before, and have been read; a later one may not. */
static void a_copy_of_a_full_tick_is_refused(void **state)
{
    (void)state;
    struct world w;
    begin_in_a_full_tick(&w);
    commit(&w, 2);
    make_file(&w, "-20260301", "2-2\n3-3\n");
    make_file(&w, "", "4-4\n");
    refused_after_a_while(&w, "too many files were created at the same moment");
    remove_file(&w, "-20260301");
    next_tick(&w);
    make_file(&w, "-20260301", "2-2\n3-3\n");
    for (unsigned looks = 0; w.seen < 4 && looks < 8; looks++)
        (void)read_one(&w);
    assert_int_equal(w.seen, 4);
    assert_false(read_one(&w));
    end_story(&w);
}

/* The same for a file of which nothing is acked, when the source is restarted. */
static void an_unread_copy_of_a_full_tick_is_refused(void **state)
{
    (void)state;
    struct world w;
    struct err e;
    begin_in_a_full_tick(&w);
    commit(&w, 1);
    make_file(&w, "-20260301", "2-2\n3-3\n");
    make_file(&w, "", "4-4\n");
    ops(&w)->close(w.source);
    struct stage_env env = {.topology = w.topology,
                            .stage = &w.topology->stages[0],
                            .state_fd = w.state_fd,
                            .note = on_note};
    assert_int_equal(ops(&w)->open(&env, &w.source, &e), ERR_MISMATCH);
    if (strstr(e.text, "too many files were created at the same moment") == NULL)
        fail_msg("%s", e.text);
    (void)close(w.fd);
    finish(&w);
}

/*
 * Nothing of the file is acked when another file next to it is compressed. Then the file is copied
 * with its time and truncated. The copy was written before the compressed file, but it is not an
 * older file.
 */
static void a_copy_is_not_older_for_what_others_made(void **state)
{
    (void)state;
    struct world w;
    begin_with_one_line(&w);
    w.truncated = true;
    w.now_ns += 1000000000;
    make_packed(&w, "-20260201.gz", "older\n");
    for (unsigned i = 0; i < 4; i++) {
        assert_false(read_one(&w));
        seconds_ahead += 3;
    }
    make_kept(&w, "-20260301", "1-1\n2-2\n");
    make_file(&w, "", "3-3\n");
    reopen(&w);
    for (unsigned looks = 0; w.seen < 3 && looks < 8; looks++)
        (void)read_one(&w);
    assert_int_equal(w.seen, 3);
    end_story(&w);
}

int main(int argc, char **argv)
{
    random_init("file_source_follow_copies_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_copied_and_cut_off_is_read_from_the_copies),
        cmocka_unit_test(copies_of_one_tick_are_told_apart),
        cmocka_unit_test(copies_of_one_tick_without_an_order_are_refused),
        cmocka_unit_test(a_copy_that_is_being_made_is_needed),
        cmocka_unit_test(copies_that_keep_the_time_are_read),
        cmocka_unit_test(a_copy_that_is_as_old_as_the_file_is_refused),
        cmocka_unit_test(what_was_given_out_and_cut_off_is_missed),
        cmocka_unit_test(a_copy_that_is_being_made_behind_another_is_needed),
        cmocka_unit_test(a_copy_is_completed_at_any_moment),
        cmocka_unit_test(what_was_cut_off_before_it_was_read_is_not_waited_for),
        cmocka_unit_test(a_copy_that_ends_with_half_a_line_is_left_before_it),
        cmocka_unit_test(a_copy_is_none_of_the_tick_of_ours),
        cmocka_unit_test(a_copy_of_a_full_tick_is_refused),
        cmocka_unit_test(an_unread_copy_of_a_full_tick_is_refused),
        cmocka_unit_test(a_copy_is_not_older_for_what_others_made),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
