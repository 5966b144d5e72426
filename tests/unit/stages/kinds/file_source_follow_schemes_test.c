/* SPDX-License-Identifier: MIT */
/*
 * file.source through the rotation schemes in use. Whatever the files are named, they are read in
 * the order in which they were begun, and the files of others are not read. If the order cannot be
 * known, it is refused, in words that help.
 */
#undef _FORTIFY_SOURCE /* its inline pread() would be in the way of ours */
#include "tests/unit/cases.h"
#include "tests/unit/stages/kinds/follow_story.h"

/*
 * The last name of the path, the names of four files that were rotated one after the other, and a
 * stranger.
 */
struct scheme {
    const char *base, *names[4], *stranger;
};

static const struct scheme schemes[] = {
    {"a.log", {"a.log.4", "a.log.3", "a.log.2", "a.log.1"}, "a.log.1.offset"},
    {"a.log", {"a.log.3", "a.log.2", "a.log.1", "a.log.0"}, "b.log.0"},
    {"a.log", {"a.log.1", "a.log.2", "a.log.3", "a.log.4"}, "a.log.lock"},
    {"a.log", {"a.log-8", "a.log-9", "a.log-10", "a.log-11"}, "a.log-x"},
    {"a.log", {"a-98.log", "a-99.log", "a-100.log", "a-101.log"}, "ab-100.log"},
    {"a.log", {"a.4.log", "a.3.log", "a.2.log", "a.1.log"}, "a.log.swp"},
    {"a.log",
     {"a.log-20260228", "a.log-20260301", "a.log-20260302", "a.log-20260303"},
     "aa.log-20260301"},
    {"a.log",
     {"a.log.20260228", "a.log.20260301", "a.log.20260302", "a.log.20260303"},
     "a.log.conf"},
    {"a.log",
     {"a.log-31-01-2026", "a.log-01-02-2026", "a.log-02-02-2026", "a.log-01-03-2026"},
     "a.log-pos"},
    {"a.log",
     {"a.log-01-31-2026", "a.log-02-01-2026", "a.log-02-28-2026", "a.log-01-01-2027"},
     "a.log.d"},
    {"a.log", {"a.log-31122025", "a.log-01012026", "a.log-02012026", "a.log-01022026"}, "a-old"},
    {"a.log",
     {"a.log.31Jan2026", "a.log.01Feb2026", "a.log.28Feb2026", "a.log.01Mar2026"},
     "a.log.Monday"},
    {"a.log",
     {"a-20260228.log", "a-20260301.log", "a-20260302.log", "a-20260303.log"},
     "a-web.log"},
    {"a.log",
     {"a.2026-02-28.log", "a.2026-03-01.log", "a.2026-03-02.log", "a.2026-03-03.log"},
     "a.err.log"},
    {"a.log",
     {"a.2026-02-28.8.log", "a.2026-02-28.9.log", "a.2026-02-28.10.log", "a.2026-03-01.0.log"},
     "a.b.log"},
    {"a.log",
     {"a-03-01-2026-1.log", "a-03-01-2026-2.log", "a-03-02-2026-1.log", "a-04-01-2026-1.log"},
     "a.x.log"},
    {"a.log",
     {"a.log.2026-03-01_09-59", "a.log.2026-03-01_10-00", "a.log.2026-03-01_10-01",
      "a.log.2026-03-02_00-00"},
     "a.log.tmp"},
    {"a.log",
     {"a.log.2026-03-01T23:59:59Z", "a.log.2026-03-02T00:00:00Z", "a.log.2026-03-02T00:00:01Z",
      "a.log.2026-03-03T00:00:00Z"},
     "a.log.new"},
    {"a.log",
     {"a.log-20260301-101010.000042", "a.log-20260301-101010.000043",
      "a.log-20260301-111010.000001", "a.log-20260302-000000.000007"},
     "a.log-latest"},
    {"a.log",
     {"a.log.1772323200", "a.log.1772326800", "a.log.1772330400", "a.log.1772334000"},
     "a.log.pid"},
    {"a.log",
     {"a.log.1772323200123", "a.log.1772326800456", "a.log.1772330400789", "a.log.1772334000000"},
     "a.log.pid"},
    {"a.log",
     {"a.log.web01.20260301.4242", "a.log.web01.20260302.913", "a.log.web01.20260303.71234",
      "a.log.web01.20260304.5"},
     "b.log.web01.20260303.1"},
    {"a.log",
     {"a.log-20260301", "a.log-20260301.1", "a.log-20260301.2", "a.log-20260302"},
     "a.log-20260301.txt2"},
    {"current",
     {"@4000000065f0a1b20a1b2c3d.s", "@4000000065f0a1c31a1b2c3d.s", "@4000000065f0a2000a1b2c3d.s",
      "@4000000065f0b0000a1b2c3d.s"},
     "lock"},
    {"messages", {"messages.3", "messages.2", "messages.1", "messages.0"}, "messages.pos"},
    {"c-json.log",
     {"c-json.log.4", "c-json.log.3", "c-json.log.2", "c-json.log.1"},
     "config.v2.json"},
    {"a@x:1.log", {"a@x:1.log~4", "a@x:1.log~5", "a@x:1.log~6", "a@x:1.log~7"}, "a@x:1"},
};

/*
 * Four rotations before the source looks again, of which the first `known` have already happened.
 */
static void play(const struct scheme *scheme, bool killed, bool has_births)
{
    struct world w;
    char line[32];
    begin(&w);
    w.has_births = has_births;
    at(&w, scheme->base);
    make_file(&w, "", "1-1\n");
    open_source(&w);
    assert_true(read_one(&w));
    commit(&w, 1);
    for (unsigned i = 0; i < 4; i++) {
        rename_within(&w, scheme->base, scheme->names[i]);
        (void)snprintf(line, sizeof line, "%u-%u\n", i + 2, i + 2);
        make_file(&w, "", line);
        if (i == 2)
            make_within(&w, scheme->stranger, "stranger\n");
    }
    if (killed)
        reopen(&w);
    for (unsigned i = 2; i <= 5; i++) {
        for (unsigned looks = 0; !read_one(&w) && looks < 4; looks++)
            seconds_ahead++; /* so what is in doubt becomes an error */
        if (w.seen < i)
            fail_msg("%s: nothing at line %u", scheme->names[0], i);
        if (killed) {
            commit(&w, position(&w));
            reopen(&w);
        }
    }
    assert_false(read_one(&w));
    assert_int_equal(w.seen, 5);
    end_story(&w);
}

static void files_come_in_the_order_of_their_births(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4 * sizeof schemes / sizeof schemes[0]; i++)
        play(&schemes[i / 4], i % 2 == 0, i / 2 % 2 == 0);
}

/* --- copies --- */

/* What was read is not read again under another name. */
static void a_copy_of_what_was_read_is_not_read(void **state)
{
    (void)state;
    struct world w;
    begin_with_one_line(&w);
    rename_file(&w, "", ".2");
    make_file(&w, ".1", "1-1\n"); /* cp, before the next one is made */
    make_file(&w, "", "2-2\n");
    refused_after_a_while(&w, "input.1' has the same bytes that the file read as");
    remove_file(&w, ".1");
    rename_file(&w, ".2", ".1");
    assert_true(read_one(&w));
    /*
     * Created when the next file was there already, so it is not a rotated file: a number shows
     * which it is.
     */
    rename_file(&w, ".1", ".2");
    rename_file(&w, "", ".1");
    make_file(&w, "", "3-3\n");
    make_file(&w, ".3", "an older one, decompressed\n");
    assert_true(read_one(&w));
    end_story(&w);
}

static void nobody_knows_where_a_copy_belongs_without_its_time(void **state)
{
    (void)state;
    struct world w;
    begin_with_one_line(&w);
    rename_file(&w, "", "-30-01-2026");
    make_file(&w, "", "2-2\n");
    make_file(&w, "-01-02-2026", "zcat made it\n");
    refused_after_a_while(&w, "input-01-02-2026' was created after ");
    remove_file(&w, "-01-02-2026");
    assert_true(read_one(&w));
    end_story(&w);
}

/* An editor, or cp and mv, puts a copy in the place of the file. */
static void a_file_that_is_replaced_by_a_copy_goes_on(void **state)
{
    (void)state;
    struct world w;
    struct buf text = {0};
    char line[32];
    begin(&w);
    for (unsigned i = 1; i <= 600; i++) {
        (void)snprintf(line, sizeof line, "%u-%u\n", i, i);
        buf_add(&text, line, strlen(line));
    }
    buf_add(&text, "", 1);
    make_file(&w, "", (const char *)text.data);
    open_source(&w);
    while (read_one(&w))
        ;
    assert_int_equal(w.seen, 600);
    text.len--;
    buf_add(&text, "601-601\n", 9);
    make_file(&w, ".swp", (const char *)text.data);
    rename_file(&w, ".swp", "");
    assert_true(read_one(&w));
    assert_false(read_one(&w));
    assert_int_equal(w.seen, 601);
    buf_done(&text);
    end_story(&w);
}

static void few_bytes_do_not_tell_a_copy(void **state)
{
    (void)state;
    struct world w;
    begin_with_one_line(&w);
    make_file(&w, ".swp", "1-1\n2-2\n");
    rename_file(&w, ".swp", "");
    refused_after_a_while(&w, "begins with the 4 bytes read of the file that it replaced");
    end_story(&w);
}

/*
 * One was written last in the tick in which another was begun, and has a time of its own, as what
 * was decompressed; the other one was written later, as by a worker that has not reopened its log.
 */
static void what_was_written_as_another_began_has_no_order(void **state)
{
    (void)state;
    struct world w;
    begin_with_one_line(&w);
    next_tick(&w);
    rename_file(&w, "", "-30-01-2026");
    make_file(&w, "-02-02-2026", "2-2\n");
    uint64_t written_ns = tick(&w);
    next_tick(&w);
    make_file(&w, "-01-02-2026", "4-4\n");
    char name[NAME_MAX_BYTES];
    name_with(&w, "-01-02-2026", name);
    struct stat st;
    assert_int_equal(lstat(name, &st), 0);
    times_of(&w, st.st_ino)->written_ns = written_ns;
    make_file(&w, "-02-02-2026", "2-2\n3-3\n");
    make_file(&w, "", "5-5\n");
    refused_after_a_while(&w, "was written first");
    end_story(&w);
}

/* A copy that is born in the tick of the file at the path was not rotated before that. */
static void a_copy_of_the_tick_of_the_path_is_not_read(void **state)
{
    (void)state;
    struct world w;
    begin_with_one_line(&w);
    rename_file(&w, "", "-30-01-2026");
    next_tick(&w);
    make_file(&w, "", "2-2\n");
    make_file(&w, "-01-02-2026", "2-2\n");
    make_file(&w, "", "2-2\n3-3\n");
    refused_after_a_while(&w, "begin with the same bytes");
    remove_file(&w, "-01-02-2026");
    assert_true(read_one(&w));
    assert_true(read_one(&w));
    /* Or it was read long ago: its number shows that it is older, its birth that it came later. */
    rename_file(&w, "-30-01-2026", ".2");
    rename_file(&w, "", ".1");
    next_tick(&w);
    make_file(&w, "", "4-4\n");
    make_file(&w, ".3", "an older one, decompressed\n");
    refused_after_a_while(&w, "cannot tell whether '");
    remove_file(&w, ".3");
    assert_true(read_one(&w));
    end_story(&w);
}

/* --- compressed --- */

/* A program that compresses what it rotates at once, and does not keep times. */
static void what_was_made_of_ours_is_known_by_its_bytes(void **state)
{
    (void)state;
    struct world w;
    begin_with_one_line(&w);
    remove_file(&w, "");
    make_file(&w, "", "2-2\n");
    make_packed(&w, "-2026-03-01-1.log.gz", "1-1\n");
    assert_true(read_one(&w)); /* and nothing is reported */
    remove_file(&w, "");
    make_packed(&w, "-2026-03-01-2.log.gz", "2-2\n");
    make_packed(&w, "-2026-03-01-3.log.gz", "lost\n");
    make_file(&w, "", "3-3\n");
    refused_after_a_while(&w, "whether '");
    end_story(&w);
}

/*
 * In one tick of the clock of files, a log is rotated twice and what was not read is compressed:
 * with a time of its own, or with the time of its original, which bzip2 keeps in whole seconds.
 */
static void what_is_of_the_moment_of_ours_is_not_older_for_that(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 3; how++) {
        struct world w;
        begin(&w);
        w.tick_ns = 16000000;
        w.now_ns += how == 2 ? 700000000 : w.tick_ns;
        remove_file(&w, "");
        make_file(&w, "", "1-1\n");
        uint64_t written_ns = tick(&w);
        open_source(&w);
        assert_true(read_one(&w));
        rename_file(&w, "", "-30-01-2026");
        w.now_ns += how == 0 ? 0 : 2 * w.tick_ns;
        make_packed(&w, "-01-02-2026.gz", "lost\n");
        char name[NAME_MAX_BYTES];
        name_with(&w, "-01-02-2026.gz", name);
        int fd = open(name, O_RDONLY | O_CLOEXEC);
        struct file_times *times = times_of(&w, inode_of(fd));
        (void)close(fd);
        w.in_seconds = how == 2;
        if (how > 0)
            times->written_ns = kept_time(&w, written_ns);
        w.now_ns += w.tick_ns;
        make_file(&w, "", "3-3\n");
        refused_after_a_while(&w, "cannot tell whether '");
        end_story(&w);
    }
}

/* --- other odds --- */

static void a_path_that_is_put_back_is_not_read_again(void **state)
{
    (void)state;
    struct world w;
    begin_with_one_line(&w);
    rename_file(&w, "", ".1");
    make_file(&w, "", "2-2\n");
    assert_true(read_one(&w));
    rename_file(&w, "", ".x");
    rename_file(&w, ".1", "");
    refused_after_a_while(&w, "is older than the file that was read last under that name");
    rename_file(&w, "", ".2");
    rename_file(&w, ".x", "");
    assert_false(read_one(&w));
    end_story(&w);
}

/* logrotate's `start`: known from the files that are there while ours is at its path. */
static void numbers_may_begin_above_one(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    rename_file(&w, "", ".5");
    make_file(&w, "", "1-1\n");
    open_source(&w);
    assert_true(read_one(&w));
    rename_file(&w, ".5", ".6");
    rename_file(&w, "", ".5");
    make_file(&w, "", "2-2\n");
    assert_true(read_one(&w));
    assert_false(read_one(&w));
    end_story(&w);
    /* If it is unknown where the numbers begin, a lower one may be missing. */
    begin_with_one_line(&w);
    rename_file(&w, "", ".5");
    make_file(&w, "", "2-2\n");
    refused_after_a_while(&w, "input.5' was read and '");
    end_story(&w);
}

/* Also if it was made later than that was begun. */
static void what_lies_there_while_it_is_at_its_path_is_older(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    make_file(&w, "", "1-1\n");
    open_source(&w);
    assert_true(read_one(&w));
    commit(&w, 1);
    make_packed(&w, "-07-02-2026.log.gz", "older\n");
    for (unsigned i = 0; i < 3; i++) {
        assert_false(read_one(&w));
        seconds_ahead += 3;
    }
    reopen(&w); /* and the cursor has it */
    rename_file(&w, "", "-01-03-2026.log");
    make_file(&w, "", "2-2\n");
    assert_true(read_one(&w) || read_one(&w));
    end_story(&w);
}

static void a_number_that_is_missing_is_seen_whatever_their_direction(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    make_file(&w, "-7", "none of ours\n");
    make_file(&w, "", "1-1\n");
    open_source(&w);
    assert_true(read_one(&w));
    rename_file(&w, "", "-8");
    make_file(&w, "-10", "lost and found\n");
    make_file(&w, "", "2-2\n");
    refused_after_a_while(
        &w, "input-10' is there, but the file that was rotated in between is missing");
    end_story(&w);
}

static void a_clock_that_was_set_back_is_no_guide(void **state)
{
    (void)state;
    struct world w;
    begin_with_one_line(&w);
    w.now_ns -= 1000000000000;
    rename_file(&w, "", "-30-01-2026");
    make_file(&w, "", "2-2\n");
    refused_after_a_while(&w, "the clock was set back while '");
    end_story(&w);
}

/* Rotated to a directory that is not next to the path: the descriptor shows where the file is. */
static void what_is_moved_elsewhere_is_followed_there(void **state)
{
    (void)state;
    struct world w;
    char away[] = "/tmp/bulkhead-follow-away-XXXXXX", *names[3];
    assert_non_null(mkdtemp(away));
    for (unsigned i = 0; i < 3; i++)
        names[i] = memory_format("%s/input-2026030%u", away, i + 1);
    begin_with_one_line(&w);
    rename_to(&w, w.path, names[0]);
    make_file(&w, "", "2-2\n");
    rename_to(&w, w.path, names[1]);
    make_file(&w, "", "3-3\n");
    w.note = "files there and next to the path are read in their order";
    assert_true(read_one(&w));
    assert_null(w.note);
    assert_true(read_one(&w));
    /* A new process does not know. */
    commit(&w, 3);
    rename_to(&w, w.path, names[2]);
    make_file(&w, "", "4-4\n");
    ops(&w)->close(w.source);
    struct stage_env env = {.topology = w.topology,
                            .stage = &w.topology->stages[0],
                            .state_fd = w.state_fd,
                            .note = on_note};
    struct err e;
    assert_int_equal(ops(&w)->open(&env, &w.source, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "put it back next to '"));
    char *back = memory_format("%s/whatever", w.directory);
    assert_int_equal(link(names[2], back), 0);
    open_source(&w);
    assert_true(read_one(&w));
    end_story(&w);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(unlink(names[i]), 0);
        free(names[i]);
    }
    assert_int_equal(rmdir(away), 0);
    free(back);
}

/* A run that ended at such a line emitted it; a later one that follows must emit it again. */
static void a_last_line_that_was_given_out_comes_again(void **state)
{
    (void)state;
    struct world w;
    struct err e;
    begin(&w);
    make_file(&w, "", "1-1\n2-2");
    open_source(&w);
    assert_true(read_one(&w));
    assert_false(read_one(&w));
    assert_int_equal(ops(&w)->peer_has(w.source, "write", 2, &e), 0);
    assert_true(read_one(&w));
    for (unsigned i = 0; i < 4; i++) {
        assert_false(read_one(&w));
        seconds_ahead++;
    }
    make_file(&w, "", "1-1\n2-2\n3-3\n");
    assert_true(read_one(&w));
    assert_int_equal(w.seen, 3);
    end_story(&w);
}

/* What becomes of a last line without its end if the run that emitted it was killed. */
struct ending {
    const char *now;     /* what the file holds then; NULL: the same as before */
    bool rotated;        /* it is another file, and the old one is next to it */
    bool early;          /* it does before the next run begins */
    const char *refused; /* NULL: all comes, once */
};

static void change_ending(struct world *w, const struct ending *ending)
{
    if (ending->rotated)
        rename_file(w, "", ".1");
    if (ending->now != NULL)
        make_file(w, "", ending->now);
}

/* A run that does not follow, killed when the last line was emitted, and acked or not. */
static void give_last_line(struct world *w, bool acked)
{
    struct err e;
    begin(w);
    topology_free(w->topology);
    load(w, false);
    make_file(w, "", "1-1\n2-2");
    open_source(w);
    assert_true(read_one(w));
    commit(w, 1);
    assert_true(read_one(w));
    assert_int_equal(read_on(w, &e), ERR_END);
    if (acked)
        commit(w, 2);
    ops(w)->close(w->source);
    w->source = NULL;
    topology_free(w->topology);
}

/* Reads until there is nothing for a while. Returns 0 or what stopped it. */
static int read_for_a_while(struct world *w, struct err *e)
{
    int rc = 0;
    for (unsigned look = 0; rc == 0 && look < 6; look++) {
        rc = read_on(w, e);
        rc = rc == ERR_AGAIN || rc == ERR_END ? 0 : rc;
        seconds_ahead++;
    }
    return rc;
}

/* The next run, to whose sink the last line is known. */
static int go_on_with(struct world *w, bool follow, const struct ending *ending, struct err *e)
{
    load(w, follow);
    if (ending->early)
        change_ending(w, ending);
    struct stage_env env = {.topology = w->topology,
                            .stage = &w->topology->stages[0],
                            .state_fd = w->state_fd,
                            .note = on_note};
    int rc = ops(w)->open(&env, &w->source, e);
    if (rc == 0)
        rc = ops(w)->peer_has(w->source, "write", 2, e);
    if (rc == 0)
        rc = read_for_a_while(w, e);
    if (rc != 0 || ending->early)
        return rc;
    change_ending(w, ending);
    return read_for_a_while(w, e);
}

static void a_last_line_of_a_run_that_was_killed(void **state)
{
    (void)state;
    static const struct ending endings[] = {
        {NULL, false, true, NULL},
        {"1-1\n2-2\n3-3\n", false, true, NULL},
        {"1-1\n2-2\n3-3\n", false, false, NULL},
        {"1-1\n2-2\r\n3-3\n", false, true, NULL},
        {"1-1\n2-2x\n3-3\n", false, true, "continued since"},
        {"1-1\n2-2x\n3-3\n", false, false, "continued since"},
        {"3-3\n", true, true, NULL},
        {"3-3\n", true, false, NULL},
    };
    for (unsigned i = 0; i < 4 * sizeof endings / sizeof endings[0]; i++) {
        const struct ending *ending = &endings[i / 4];
        bool follow = i % 2 == 0;
        if (!follow && (ending->rotated || !ending->early))
            continue;
        struct world w;
        struct err e;
        give_last_line(&w, i % 4 >= 2);
        int rc = go_on_with(&w, follow, ending, &e);
        if (rc != (ending->refused != NULL ? ERR_MISMATCH : 0) ||
            (rc != 0 && strstr(e.text, ending->refused) == NULL))
            fail_msg("ending %u: %s", i, rc != 0 ? e.text : "it was taken");
        if (rc == 0 && w.seen != (ending->now != NULL ? 3 : 2))
            fail_msg("ending %u: %u were seen", i, (unsigned)w.seen);
        if (w.source != NULL)
            ops(&w)->close(w.source);
        (void)close(w.fd);
        finish(&w);
    }
}

int main(int argc, char **argv)
{
    random_init("file_source_follow_schemes_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_come_in_the_order_of_their_births),
        cmocka_unit_test(a_copy_of_what_was_read_is_not_read),
        cmocka_unit_test(nobody_knows_where_a_copy_belongs_without_its_time),
        cmocka_unit_test(a_file_that_is_replaced_by_a_copy_goes_on),
        cmocka_unit_test(few_bytes_do_not_tell_a_copy),
        cmocka_unit_test(what_was_written_as_another_began_has_no_order),
        cmocka_unit_test(a_copy_of_the_tick_of_the_path_is_not_read),
        cmocka_unit_test(what_was_made_of_ours_is_known_by_its_bytes),
        cmocka_unit_test(what_is_of_the_moment_of_ours_is_not_older_for_that),
        cmocka_unit_test(a_path_that_is_put_back_is_not_read_again),
        cmocka_unit_test(numbers_may_begin_above_one),
        cmocka_unit_test(what_lies_there_while_it_is_at_its_path_is_older),
        cmocka_unit_test(a_number_that_is_missing_is_seen_whatever_their_direction),
        cmocka_unit_test(a_clock_that_was_set_back_is_no_guide),
        cmocka_unit_test(what_is_moved_elsewhere_is_followed_there),
        cmocka_unit_test(a_last_line_that_was_given_out_comes_again),
        cmocka_unit_test(a_last_line_of_a_run_that_was_killed),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
