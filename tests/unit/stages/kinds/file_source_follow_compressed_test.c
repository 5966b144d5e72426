/* SPDX-License-Identifier: MIT */
/*
 * file.source with files that are compressed before they are read: none of them is skipped because
 * another file has its former name.
 */
#undef _FORTIFY_SOURCE /* its inline pread() would be in the way of ours */
#include "tests/unit/cases.h"
#include "tests/unit/stages/kinds/follow_story.h"

static struct file_times *times_with(struct world *w, const char *suffix)
{
    char name[NAME_MAX_BYTES];
    struct stat st;
    name_with(w, suffix, name);
    assert_int_equal(lstat(name, &st), 0);
    return times_of(w, st.st_ino);
}

/* Gives a file the time of the last write to another one. */
static void keep_time(struct world *w, const char *suffix, const char *of_suffix)
{
    times_with(w, suffix)->written_ns = times_with(w, of_suffix)->written_ns;
}

enum packing { KEEPS_TIME, NO_TIME, NO_GZIP, PACKINGS };

/* Compresses a file and removes it. */
static void compress(struct world *w, const char *suffix, const char *text, enum packing how)
{
    char *packed = memory_format("%s.gz", suffix);
    if (how == NO_GZIP)
        make_file(w, packed, "z");
    else
        make_packed(w, packed, text);
    if (how == KEEPS_TIME)
        keep_time(w, packed, suffix);
    remove_file(w, suffix);
    free(packed);
}

/*
 * The rotation does not move the compressed file on, so the next file gets its name next to it.
 * Neither of them was read.
 */
static void a_name_that_is_given_again_hides_no_compressed_file(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2 * PACKINGS; i++) {
        struct world w;
        begin(&w);
        w.has_births = i < PACKINGS;
        make_file(&w, "", "1-1\n");
        open_source(&w);
        assert_true(read_one(&w));
        commit(&w, 1);
        reopen(&w);
        rename_file(&w, "", ".1");
        make_file(&w, "", "2-2\n");
        rename_file(&w, ".1", ".2");
        rename_file(&w, "", ".1");
        compress(&w, ".1", "2-2\n", (enum packing)(i % PACKINGS));
        make_file(&w, "", "3-3\n");
        rename_file(&w, "", ".1");
        make_file(&w, "", "4-4\n");
        refused_after_a_while(&w, "input.1.gz' was compressed before it was read");
        end_story(&w);
    }
}

/*
 * A file that is compressed while it is still there is read as it is, however far the compression
 * has come.
 */
static void what_is_being_compressed_is_read(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2 * PACKINGS; i++) {
        struct world w;
        begin(&w);
        w.has_births = i < PACKINGS;
        make_file(&w, "", "1-1\n");
        open_source(&w);
        assert_true(read_one(&w));
        rename_file(&w, "", ".1");
        make_file(&w, "", "2-2\n");
        rename_file(&w, ".1", ".2");
        rename_file(&w, "", ".1");
        make_file(&w, "", "3-3\n");
        if (i % PACKINGS == NO_GZIP)
            make_file(&w, ".1.gz", "z");
        else
            make_packed(&w, ".1.gz", "2-2\n");
        if (i % PACKINGS == KEEPS_TIME)
            keep_time(&w, ".1.gz", ".1");
        for (unsigned looks = 0; w.seen < 3 && looks < 8; looks++)
            (void)read_one(&w);
        assert_int_equal(w.seen, 3);
        end_story(&w);
    }
}

/*
 * Two stories that end with the same names, times and lengths. In one, an empty file is rotated and
 * compressed in the same tick. In the other, the compressed file has unread lines, and the empty
 * file gets its name in that tick; it was begun in the tick in which the other one was last
 * written. Only a gzip file shows which of them happened.
 */
static void what_may_be_made_of_an_empty_file_is_not_passed_over(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        bool is_empty = i < 2, is_gzip = i % 2 != 0;
        const char *text = is_empty ? "" : "2-2\n";
        struct world w;
        begin(&w);
        next_tick(&w);
        make_file(&w, "", "1-1\n");
        open_source(&w);
        assert_true(read_one(&w));
        rename_file(&w, "", "-20260225");
        if (!is_empty) {
            make_file(&w, "", text);
            rename_file(&w, "", "-20260226");
        }
        make_file(&w, "", "");
        next_tick(&w);
        if (is_empty)
            rename_file(&w, "", "-20260226");
        if (is_gzip)
            make_packed(&w, "-20260226.gz", text);
        else
            make_file(&w, "-20260226.gz", "z");
        keep_time(&w, "-20260226.gz", "-20260226");
        if (!is_empty) {
            remove_file(&w, "-20260226");
            rename_file(&w, "", "-20260226");
        }
        make_file(&w, "", is_empty ? "2-2\n" : "3-3\n");
        if (!is_gzip)
            refused_after_a_while(&w, "cannot tell whether");
        else if (!is_empty)
            refused_after_a_while(&w, "input-20260226.gz' was compressed before it was read");
        /* The steps that the refusals advise. */
        if (!is_empty) {
            remove_file(&w, "-20260226");
            make_file(&w, "-20260226", text);
            keep_time(&w, "-20260226", "-20260226.gz");
        } else if (!is_gzip) {
            remove_file(&w, "-20260226.gz");
        }
        seq_number wanted = is_empty ? 2 : 3;
        for (unsigned looks = 0; w.seen < wanted && looks < 8; looks++)
            (void)read_one(&w);
        assert_int_equal(w.seen, wanted);
        end_story(&w);
    }
}

/* A file that a user keeps next to a rotated one is not a file of the log, whatever its suffix. */
static void what_is_kept_of_a_file_is_not_compressed(void **state)
{
    (void)state;
    struct world w;
    begin_with_one_line(&w);
    rename_file(&w, "", ".1");
    make_file(&w, "", "2-2\n");
    rename_file(&w, ".1", ".2");
    rename_file(&w, "", ".1");
    make_file(&w, ".1.offset", "777");
    make_file(&w, "", "3-3\n");
    rename_file(&w, ".2", ".3");
    rename_file(&w, ".1", ".2");
    rename_file(&w, "", ".1");
    make_file(&w, "", "4-4\n");
    for (unsigned looks = 0; w.seen < 4 && looks < 8; looks++)
        (void)read_one(&w);
    assert_int_equal(w.seen, 4);
    end_story(&w);
}

/* Like zstd, which removes nothing: both are rotated further. */
static void what_stays_beside_its_compressed_file_is_read(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct world w;
        begin_with_one_line(&w);
        rename_file(&w, "", ".1");
        make_file(&w, "", "2-2\n");
        rename_file(&w, ".1", ".2");
        rename_file(&w, "", ".1");
        make_packed(&w, ".1.gz", i == 0 ? "2-2\n" : "zstd");
        if (i == 1)
            keep_time(&w, ".1.gz", ".1");
        make_file(&w, "", "3-3\n");
        rename_file(&w, ".2", ".3");
        rename_file(&w, ".1", ".2");
        rename_file(&w, ".1.gz", ".2.gz");
        rename_file(&w, "", ".1");
        make_file(&w, "", "4-4\n");
        for (unsigned looks = 0; w.seen < 4 && looks < 8; looks++)
            (void)read_one(&w);
        assert_int_equal(w.seen, 4);
        end_story(&w);
    }
}

/*
 * What the log held when it was truncated is compressed before the rest of it was read, or what it
 * held after that. If all of it was read, it does not matter.
 */
static void what_is_cut_off_and_compressed_is_missed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        bool killed = i % 2 != 0, keeps = i / 2 % 2 != 0;
        unsigned how = i / 4; /* a rest; what came later; nothing that was not read */
        struct world w;
        begin(&w);
        make_file(&w, "", "1-1\n");
        open_source(&w);
        assert_true(read_one(&w));
        commit(&w, 1);
        w.truncated = true;
        const char *text = how == 0 ? "1-1\n2-2\n" : "1-1\n";
        make_file(&w, ".2", text);
        compress(&w, ".2", text, keeps ? KEEPS_TIME : NO_TIME);
        make_file(&w, "", "2-2\n");
        if (how == 1) {
            make_file(&w, ".1", "2-2\n");
            compress(&w, ".1", "2-2\n3-3\n", KEEPS_TIME);
        } else {
            make_file(&w, ".1", "2-2\n");
        }
        make_file(&w, "", how == 2 ? "3-3\n" : "5-5\n");
        const char *refusal =
            how == 1 ? "input.1.gz' was compressed before" : "input.2.gz' was compressed before";
        if (how == 2) {
            if (killed)
                reopen(&w);
            while (w.seen < 3)
                assert_true(read_one(&w));
        } else if (killed) {
            refused_at_once(&w, refusal);
            continue;
        } else {
            refused_after_a_while(&w, refusal);
        }
        end_story(&w);
    }
}

int main(int argc, char **argv)
{
    random_init("file_source_follow_compressed_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_that_is_given_again_hides_no_compressed_file),
        cmocka_unit_test(what_is_being_compressed_is_read),
        cmocka_unit_test(what_may_be_made_of_an_empty_file_is_not_passed_over),
        cmocka_unit_test(what_is_kept_of_a_file_is_not_compressed),
        cmocka_unit_test(what_stays_beside_its_compressed_file_is_read),
        cmocka_unit_test(what_is_cut_off_and_compressed_is_missed),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
