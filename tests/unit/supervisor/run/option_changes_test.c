/* SPDX-License-Identifier: MIT */
/*
 * What is reported of the changed options of a stage, and what follows from them.
 * Options are written one a line, "name text", as the manifest has them.
 */
#include <string.h>

#include "stages/kinds/kinds.h"
#include "supervisor/run/option_changes.h"
#include "tests/unit/cases.h"

static struct manifest_stage *add_stage(struct manifest *m, const char *lines)
{
    struct manifest_stage *stage = manifest_add_stage(m, "s", "any");
    while (*lines != '\0') {
        char name[64], text[64];
        size_t len = strcspn(lines, "\n"), name_len = strcspn(lines, " ");
        assert_true(name_len < len && len < sizeof text);
        (void)snprintf(name, sizeof name, "%.*s", (int)name_len, lines);
        (void)snprintf(text, sizeof text, "%.*s", (int)(len - name_len - 1), lines + name_len + 1);
        manifest_add_option(stage, name, text);
        lines += len + (lines[len] == '\n');
    }
    return stage;
}

struct row {
    const char *kind, *was, *is;
    const char *told; /* the whole text */
    bool records, wiring;
};

static void check(const struct row *row)
{
    struct manifest before = {0}, now = {0};
    struct buf told = {0};
    const struct kind *kind = kind_find(bulkhead_kinds, row->kind);
    assert_non_null(kind);
    const struct manifest_stage *was = add_stage(&before, row->was), *is = add_stage(&now, row->is);
    struct option_changes changes = option_changes_find(was, is, kind, &told);
    assert_string_equal(buf_text(&told), row->told);
    if (changes.records != row->records || changes.wiring != row->wiring)
        fail_msg("%s: '%s' makes other records: %d, is wired otherwise: %d", row->kind, row->told,
                 changes.records, changes.wiring);
    buf_done(&told);
    manifest_done(&before);
    manifest_done(&now);
}

static void what_differs_is_told_with_what_follows(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"dedupe", "key a\nwindow 1d", "key a\nwindow 1d", "", false, false},
        {"dedupe", "key a", "key b", "key was a, is now b", true, false},
        {"dedupe", "key a\nwindow 1d", "key a", "window was 1d, is no longer given", true, false},
        {"dedupe", "key a", "key a\nwindow 1d", "window was not given, is now 1d", true, false},
        {"dedupe", "x 1\ny 2", "y 3\nz 4",
         "x was 1, is no longer given; y was 2, is now 3; "
         "z was not given, is now 4",
         true, false},
        {"dedupe", "from a\ndead x", "from b\ndead x", "from was a, is now b", false, true},
        {"dedupe", "from a", "from a\ndead x", "dead was not given, is now x", false, true},
        {"dedupe", "from a\nkey a", "from b\nkey b", "from was a, is now b; key was a, is now b",
         true, true},
        {"limits", "calendar.zone UTC", "calendar.zone CET", "calendar.zone was UTC, is now CET",
         true, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(&rows[i]);
}

static void some_options_make_no_other_record(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"dedupe", "workers 1\nby a", "workers 2\nby b\nmemory_max 1GiB",
         "workers was 1, is now 2; by was a, is now b; memory_max was not given, is now 1GiB",
         false, false},
        {"file.source", "follow false", "follow true", "follow was false, is now true", false,
         false},
        {"file.source", "path /a", "path /b", "path was /a, is now /b", false, false},
        {"file.source", "max_line_bytes 1KiB", "max_line_bytes 2KiB",
         "max_line_bytes was 1KiB, is now 2KiB", true, false},
        {"file.sink", "path /a", "path /b", "path was /a, is now /b", false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(&rows[i]);
}

/* A build that did not know an option behaved as its default says. */
static void an_option_that_came_later_is_as_before_with_its_default(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"limits", "key k", "key k\nattempts accepted", "", false, false},
        {"limits", "key k", "key k\nattempts all", "attempts was not given, is now all", true,
         false},
        {"limits", "key k\nattempts accepted", "key k", "attempts was accepted, is no longer given",
         true, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(&rows[i]);
}

/*
 * route takes the first output whose conditions hold. filter refuses a record that cannot be judged
 * if it gets as far as that test.
 */
static void of_conditions_the_order_counts(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"route", "outputs.a.n.above 1\noutputs.b.n.above 2\notherwise c",
         "outputs.b.n.above 2\noutputs.a.n.above 1\notherwise c",
         "outputs was in the order a.n.above, b.n.above, is now in the order b.n.above, a.n.above",
         true, false},
        {"filter", "where.s.matches x\nwhere.n.equals 1", "where.n.equals 1\nwhere.s.matches x",
         "where was in the order s.matches, n.equals, is now in the order n.equals, s.matches",
         true, false},
        /* If something else differs, that is enough. */
        {"route", "outputs.a.n.above 1\noutputs.b.n.above 2",
         "outputs.b.n.above 3\noutputs.a.n.above 1\noutputs.c.n.above 4",
         "outputs.b.n.above was 2, is now 3; outputs.c.n.above was not given, is now 4", true,
         false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(&rows[i]);
}

static void of_other_options_it_does_not(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"limits", "rules.a.count 1\nrules.b.count 2\nkey k",
         "key k\nrules.b.count 2\nrules.a.count 1", "", false, false},
        /* The order of options is that of the kind's declaration, not of the file. */
        {"filter", "where.n.equals 1\nunless.n.equals 2", "unless.n.equals 2\nwhere.n.equals 1", "",
         false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(&rows[i]);
}

/* What has no influence on a record or a verdict is no other version; all else is, wiring included. */
static void what_changes_the_version_is_known(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *was, *is;
        bool version;
    } rows[] = {
        {"dedupe", "key a", "key a", false},
        {"dedupe", "key a", "key b", true},
        {"dedupe", "key a\nworkers 1", "key a\nworkers 3", false},
        {"dedupe", "key a\nby a", "key a\nby b", false},
        {"dedupe", "key a\nmemory_max 1MiB", "key a\nmemory_max 2MiB", false},
        {"dedupe", "from a", "from b", true},
        {"dedupe", "from a", "from a\ndead b", true},
        {"limits", "rules.a.per day\nrules.a.sum 1", "rules.a.per day\nrules.a.sum 2", true},
        {"limits", "key k", "key k\nattempts accepted", false},
        {"file.source", "path a\nfollow false", "path b\nfollow true", false},
        {"file.source", "max_line_bytes 1MiB", "max_line_bytes 2MiB", true},
        {"file.sink", "path a", "path b", false},
        {"file.sink", "path a\nrecords lines", "path a\nrecords msgpack", true},
        {"route", "outputs.a.n.above 1\noutputs.b.n.above 2",
         "outputs.b.n.above 2\noutputs.a.n.above 1", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct manifest before = {0}, now = {0};
        struct buf told = {0};
        const struct manifest_stage *was = add_stage(&before, rows[i].was);
        const struct manifest_stage *is = add_stage(&now, rows[i].is);
        struct option_changes changes =
            option_changes_find(was, is, kind_find(bulkhead_kinds, rows[i].kind), &told);
        if (changes.version != rows[i].version)
            fail_msg("%s: '%s': %s", rows[i].kind, buf_text(&told),
                     changes.version ? "another version" : "the same version");
        buf_done(&told);
        manifest_done(&before);
        manifest_done(&now);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_differs_is_told_with_what_follows),
        cmocka_unit_test(some_options_make_no_other_record),
        cmocka_unit_test(an_option_that_came_later_is_as_before_with_its_default),
        cmocka_unit_test(of_conditions_the_order_counts),
        cmocka_unit_test(of_other_options_it_does_not),
        cmocka_unit_test(what_changes_the_version_is_known),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
