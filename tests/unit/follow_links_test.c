/* SPDX-License-Identifier: MIT */
/*
 * file.source with a path that is a link, which others lead from one file to the next.
 */
#undef _FORTIFY_SOURCE /* its inline pread() would be in the way of ours */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/follow_story.h"

/* glog and others make a new file and lead the link to it; the old one keeps its name. */
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
 * The next file is made before the link leads to it, so it may lie there, with nothing in it or
 * with a first line, when the link still leads to the one before; and ours is older than both.
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

/* What was there when the path was begun is not older for that if the link was to lead to it. */
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

/* Leads the link on before one of the calls by which the source looks; whether there were so many.
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

/* While the source looks for what comes next, and while it is begun anew. */
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

/* A name that has a number more than that of the last file may be of a copy of it. */
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
            refused_after_a_while(&w, "/b-20260302.1' was made after '");
        }
        end_story(&w);
    }
}

int main(void)
{
    random_init("follow_links_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_may_lead_to_another_file),
        cmocka_unit_test(the_next_file_is_made_before_the_link_leads_to_it),
        cmocka_unit_test(several_files_are_made_before_the_link_leads_to_them),
        cmocka_unit_test(a_link_is_led_on_at_any_moment),
        cmocka_unit_test(a_name_may_not_tell_what_a_link_leads_to_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
