/* SPDX-License-Identifier: MIT */
/* file.source with a path that is a link, which other programs move from one file to the next. */
#undef _FORTIFY_SOURCE /* its inline pread() would be in the way of ours */
#include "tests/unit/cases.h"
#include "tests/unit/stages/kinds/follow_story.h"

/* glog and others create a new file and point the link to it; the old file keeps its name. */
static void a_link_may_lead_to_another_file(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    make_file(&w, ".20260301-101010.913", "1-1\n");
    assert_int_equal(unlink(w.path), 0);
    assert_int_equal(symlink("input.20260301-101010.913", w.path), 0);
    open_source(&w);
    assert_true(read_one(&w));
    make_file(&w, ".20260301-111010.4242", "2-2\n");
    make_file(&w, ".20260301-121010.7", "3-3\n");
    assert_int_equal(unlink(w.path), 0);
    assert_int_equal(symlink("input.20260301-121010.7", w.path), 0);
    assert_true(read_one(&w));
    assert_true(read_one(&w));
    assert_false(read_one(&w));
    end_story(&w);
}

/*
 * The next file is created before the link points to it. So it may be there, empty or with a first
 * line, while the link still points to the one before; and ours is older than both.
 */
static void the_next_file_is_made_before_the_link_leads_to_it(void **state)
{
    (void)state;
    static const struct {
        const char *names[6];
        uint64_t tick_ns;
    } links[] = {
        {{"a-20260301.log", "a-20260302.log", "a-20260303.log", "a-20260304.log", "a-20260305.log",
          "a-20260306.log"},
         1},
        {{"a-20260301.log", "a-20260302.log", "a-20260303.log", "a-20260304.log", "a-20260305.log",
          "a-20260306.log"},
         4000000},
        {{"a.7.log", "a.8.log", "a.9.log", "a.10.log", "a.11.log", "a.12.log"}, 1},
    };
    for (unsigned i = 0; i < 2 * sizeof links / sizeof links[0]; i++) {
        const char *const *names = links[i / 2].names;
        struct world w;
        begin(&w);
        at(&w, "a.log");
        w.tick_ns = links[i / 2].tick_ns;
        make_within(&w, names[0], "1-1\n");
        lead_to(&w, names[0]);
        open_source(&w);
        assert_true(read_one(&w));
        make_within(&w, names[1], "2-2\n");
        for (unsigned next = 2; next < 6; next++) {
            char line[16];
            (void)snprintf(line, sizeof line, "%u-%u\n", next + 1, next + 1);
            lead_to(&w, names[next - 1]);
            make_within(&w, names[next], i % 2 == 0 ? "" : line);
            while (read_one(&w))
                ;
            assert_int_equal(w.seen, next);
            commit(&w, next);
            reopen(&w);
            make_within(&w, names[next], line);
        }
        lead_to(&w, names[5]);
        while (read_one(&w))
            ;
        assert_int_equal(w.seen, 6);
        end_story(&w);
    }
}

/*
 * A file that was there when the path was begun is not older because of that, if the link was to
 * point to it later.
 */
static void several_files_are_made_before_the_link_leads_to_them(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    at(&w, "a.log");
    make_within(&w, "a-20260301.log", "1-1\n");
    lead_to(&w, "a-20260301.log");
    open_source(&w);
    assert_true(read_one(&w));
    make_within(&w, "a-20260302.log", "2-2\n");
    lead_to(&w, "a-20260302.log");
    make_within(&w, "a-20260303.log", "");
    make_within(&w, "a-20260304.log", "");
    assert_true(read_one(&w));
    make_within(&w, "a-20260303.log", "3-3\n");
    make_within(&w, "a-20260304.log", "4-4\n");
    lead_to(&w, "a-20260304.log");
    assert_true(read_one(&w));
    assert_true(read_one(&w));
    assert_false(read_one(&w));
    end_story(&w);
}

static void lead_on(struct world *w)
{
    make_within(w, "a-20260303.log", "");
    lead_to(w, "a-20260303.log");
    make_within(w, "a-20260303.log", "3-3\n");
    make_within(w, "a-20260304.log", "");
}

/*
 * Moves the link before one of the calls by which the source looks. Returns whether there were that
 * many calls.
 */
static bool lead_on_before(unsigned call, bool reopened)
{
    struct world w;
    begin(&w);
    at(&w, "a.log");
    make_within(&w, "a-20260301.log", "1-1\n");
    lead_to(&w, "a-20260301.log");
    open_source(&w);
    assert_true(read_one(&w));
    make_within(&w, "a-20260302.log", "2-2\n");
    lead_to(&w, "a-20260302.log");
    w.calls_before_act = call;
    w.act = lead_on;
    if (reopened)
        reopen(&w);
    for (unsigned look = 0; look < 4; look++)
        (void)read_one(&w);
    bool led = w.act == NULL;
    w.act = NULL;
    while (read_one(&w))
        ;
    if (w.seen != (led ? 3 : 2))
        fail_msg("%u were seen, led on before call %u", (unsigned)w.seen, call);
    if (led) {
        lead_to(&w, "a-20260304.log");
        make_within(&w, "a-20260304.log", "4-4\n");
        assert_true(read_one(&w));
    }
    end_story(&w);
    return led;
}

/* While the source searches for what comes next, and while it is restarted. */
static void a_link_is_led_on_at_any_moment(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        unsigned call = 0;
        while (lead_on_before(call, i == 1))
            call++;
        assert_true(call > 50);
    }
}

/* A name with one more number than that of the last file may belong to a copy of it. */
static void a_name_may_not_tell_what_a_link_leads_to_next(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct world w;
        begin(&w);
        at(&w, "a.log");
        make_within(&w, "b-20260301", "1-1\n");
        lead_to(&w, "b-20260301");
        open_source(&w);
        assert_true(read_one(&w));
        make_within(&w, "b-20260302", "2-2\n");
        lead_to(&w, "b-20260302");
        make_within(&w, "b-20260302.1", "");
        assert_false(read_one(&w));
        if (i == 0) {
            lead_to(&w, "b-20260302.1");
            make_within(&w, "b-20260302.1", "3-3\n");
            assert_true(read_one(&w));
            assert_true(read_one(&w));
        } else {
            refused_after_a_while(&w, "/b-20260302.1' was created after '");
        }
        end_story(&w);
    }
}

/* Reads all that there is, and what may only seem to be missing for a while. */
static void read_all(struct world *w, unsigned last)
{
    for (unsigned looks = 0; w->seen < last && looks < 20; looks++) {
        if (!read_one(w))
            seconds_ahead++;
    }
    struct err e;
    int rc = w->seen == last ? 0 : read_on(w, &e);
    if (w->seen != last)
        fail_msg("line %u of %u: %s", (unsigned)w->seen, last, rc == ERR_MISMATCH ? e.text : "");
    assert_false(read_one(w));
}

/*
 * All are created before the source starts, and it does not look while the link points to the
 * second.
 */
static void files_are_made_before_the_source_is_begun(void **state)
{
    (void)state;
    for (unsigned killed = 0; killed < 2; killed++) {
        struct world w;
        begin(&w);
        at(&w, "a.log");
        make_within(&w, "a-20260301.log", "1-1\n");
        lead_to(&w, "a-20260301.log");
        make_within(&w, "a-20260302.log", "");
        make_within(&w, "a-20260303.log", "");
        open_source(&w);
        assert_true(read_one(&w));
        make_within(&w, "a-20260302.log", "2-2\n");
        lead_to(&w, "a-20260302.log");
        make_within(&w, "a-20260303.log", "3-3\n");
        lead_to(&w, "a-20260303.log");
        if (killed == 1)
            reopen(&w);
        read_all(&w, 3);
        end_story(&w);
    }
}

/*
 * What other programs create meanwhile, such as a compressed older file, says nothing about the
 * next file.
 */
static void what_is_compressed_later_says_nothing_of_the_next_file(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    at(&w, "a.log");
    make_within(&w, "a-20260301.log", "1-1\n");
    lead_to(&w, "a-20260301.log");
    open_source(&w);
    assert_true(read_one(&w));
    make_within(&w, "a-20260302.log", "2-2\n");
    lead_to(&w, "a-20260302.log");
    make_within(&w, "a-20260303.log", "");
    make_within(&w, "a-20260228.log.gz", "older");
    assert_true(read_one(&w));
    make_within(&w, "a-20260303.log", "3-3\n");
    lead_to(&w, "a-20260303.log");
    make_within(&w, "a-20260304.log", "4-4\n");
    lead_to(&w, "a-20260304.log");
    read_all(&w, 4);
    end_story(&w);
}

/* As rotatelogs does: the path is another name of the file. */
static void lead_hard_to(struct world *w, const char *name)
{
    char *target = memory_format("%s/%s", w->directory, name);
    (void)unlink(w->path);
    assert_int_equal(link(target, w->path), 0);
    free(target);
}

static void a_hard_link_may_lead_to_the_next_file(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct world w;
        begin(&w);
        at(&w, "a.log");
        remove_file(&w, "");
        make_within(&w, "a-20260301.log", "1-1\n");
        lead_hard_to(&w, "a-20260301.log");
        open_source(&w);
        assert_true(read_one(&w));
        make_within(&w, "a-20260302.log", "2-2\n");
        lead_hard_to(&w, "a-20260302.log");
        make_within(&w, "a-20260303.log", i == 0 ? "" : "3-3\n");
        assert_true(read_one(&w));
        assert_false(read_one(&w));
        make_within(&w, "a-20260303.log", "3-3\n");
        lead_hard_to(&w, "a-20260303.log");
        make_within(&w, "a-20260304.log", "4-4\n");
        lead_hard_to(&w, "a-20260304.log");
        read_all(&w, 4);
        end_story(&w);
    }
}

/* It has a line, and names do not help, when one more is written to the file before it. */
static void what_a_link_is_led_to_next_is_no_copy(void **state)
{
    (void)state;
    static const char *const names[][3] = {
        {"a-30-01-2026.log", "a-31-01-2026.log", "a-01-02-2026.log"},
        {"a.7.log", "a.8.log", "a.9.log"},
        {"a-20260301.log", "a-20260302.log", "a-20260303.log"},
    };
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct world w;
        begin(&w);
        at(&w, "a.log");
        make_within(&w, names[i][0], "1-1\n");
        lead_to(&w, names[i][0]);
        open_source(&w);
        assert_true(read_one(&w));
        make_within(&w, names[i][1], "");
        lead_to(&w, names[i][1]);
        make_within(&w, names[i][1], "2-2\n");
        assert_true(read_one(&w));
        commit(&w, 1);
        reopen(&w);
        make_within(&w, names[i][2], "4-4\n");
        make_within(&w, names[i][1], "2-2\n3-3\n");
        read_all(&w, 3);
        lead_to(&w, names[i][2]);
        read_all(&w, 4);
        end_story(&w);
    }
}

/* The file is cut off when the next one has a line already. */
static void a_file_is_cut_off_before_the_link_is_led_on(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    at(&w, "a.log");
    w.truncated = true;
    make_within(&w, "a-20260301.log", "1-1\n");
    lead_to(&w, "a-20260301.log");
    open_source(&w);
    assert_true(read_one(&w));
    commit(&w, 1);
    make_within(&w, "a-20260302.log", "3-3\n");
    make_within(&w, "a-20260301.log", "2-2\n");
    read_all(&w, 2);
    lead_to(&w, "a-20260302.log");
    read_all(&w, 3);
    end_story(&w);
}

/* The link is pointed back to the previous file and on again, between two looks or seen by one. */
static void a_link_is_led_back_and_on(void **state)
{
    (void)state;
    for (unsigned seen = 0; seen < 2; seen++) {
        struct world w;
        begin(&w);
        at(&w, "a.log");
        make_within(&w, "a-20260301.log", "1-1\n");
        lead_to(&w, "a-20260301.log");
        open_source(&w);
        assert_true(read_one(&w));
        make_within(&w, "a-20260302.log", "3-3\n");
        lead_to(&w, "a-20260302.log");
        lead_to(&w, "a-20260301.log");
        make_within(&w, "a-20260301.log", "1-1\n2-2\n");
        if (seen == 1)
            read_all(&w, 2);
        for (unsigned i = 0; seen == 1 && i < 6; i++) {
            seconds_ahead++;
            assert_false(read_one(&w));
        }
        make_within(&w, "a-20260303.log", "4-4\n");
        lead_to(&w, "a-20260302.log");
        lead_to(&w, "a-20260303.log");
        read_all(&w, 4);
        end_story(&w);
    }
}

/* The same, and names do not help: it may also be a copy, until the link points to it. */
static void a_file_is_cut_off_and_names_do_not_tell(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    at(&w, "a.log");
    w.truncated = true;
    make_within(&w, "a-31-01-2026.log", "1-1\n");
    lead_to(&w, "a-31-01-2026.log");
    open_source(&w);
    assert_true(read_one(&w));
    commit(&w, 1);
    make_within(&w, "a-01-02-2026.log", "3-3\n");
    make_within(&w, "a-31-01-2026.log", "2-2\n");
    refused_after_a_while(&w, "or the file that this link will point to next");
    lead_to(&w, "a-01-02-2026.log");
    read_all(&w, 3);
    end_story(&w);
}

/* All in one tick of the clock of files, as by touch(1). */
static void all_files_are_made_at_one_moment(void **state)
{
    (void)state;
    static const char *const names[][4] = {
        {"a-30-01-2026.log", "a-31-01-2026.log", "a-01-02-2026.log", "a-02-02-2026.log"},
        {"a-20260301.log", "a-20260302.log", "a-20260303.log", "a-20260304.log"},
        {"a.1", "a.10", "a.11", "a.100"},
    };
    for (unsigned how = 0; how < 2 * sizeof names / sizeof names[0]; how++) {
        const char *const *of = names[how / 2];
        bool late = how % 2 == 1;
        struct world w;
        begin(&w);
        at(&w, "a.log");
        next_tick(&w);
        for (unsigned i = 0; i < 4; i++)
            make_within(&w, of[i], i == 0 ? "1-1\n" : "");
        lead_to(&w, of[0]);
        open_source(&w);
        assert_true(read_one(&w));
        next_tick(&w);
        make_within(&w, of[1], "2-2\n");
        lead_to(&w, of[1]);
        next_tick(&w);
        make_within(&w, of[2], "3-3\n");
        if (how / 2 == 0) { /* it may have come before the file at the path as well */
            refused_after_a_while(&w, "cannot tell whether '");
            end_story(&w);
            continue;
        }
        read_all(&w, 2);
        next_tick(&w);
        if (late) { /* by a worker that has the first file open still */
            w.note = "written to the file that was rotated from";
            make_within(&w, of[0], "1-1\nlate\n");
        }
        lead_to(&w, of[2]);
        next_tick(&w);
        make_within(&w, of[3], "4-4\n");
        read_all(&w, 3);
        lead_to(&w, of[3]);
        read_all(&w, 4);
        w.note = NULL;
        end_story(&w);
    }
}

int main(int argc, char **argv)
{
    random_init("file_source_follow_links_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_may_lead_to_another_file),
        cmocka_unit_test(the_next_file_is_made_before_the_link_leads_to_it),
        cmocka_unit_test(several_files_are_made_before_the_link_leads_to_them),
        cmocka_unit_test(a_link_is_led_on_at_any_moment),
        cmocka_unit_test(a_name_may_not_tell_what_a_link_leads_to_next),
        cmocka_unit_test(files_are_made_before_the_source_is_begun),
        cmocka_unit_test(what_is_compressed_later_says_nothing_of_the_next_file),
        cmocka_unit_test(a_hard_link_may_lead_to_the_next_file),
        cmocka_unit_test(what_a_link_is_led_to_next_is_no_copy),
        cmocka_unit_test(a_file_is_cut_off_before_the_link_is_led_on),
        cmocka_unit_test(a_link_is_led_back_and_on),
        cmocka_unit_test(a_file_is_cut_off_and_names_do_not_tell),
        cmocka_unit_test(all_files_are_made_at_one_moment),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
