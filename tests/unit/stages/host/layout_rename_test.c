/* SPDX-License-Identifier: MIT */
/*
 * A stage with another name. Killed before and after every system call, the next attempt makes what
 * one that was left alone makes, byte for byte.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/memory.h"
#include "stages/host/layout.h"
#include "stages/host/quarantine.h"
#include "stages/journal/journal.h"
#include "stages/journal/journal_owner.h"
#include "stages/kinds/kinds.h"
#include "stages/stage.h"
#include "tests/unit/cases.h"
#include "tests/unit/killed.h"
#include "topology/load.h"

static char directory[64];

static struct topology *topology_of(const char *stage, unsigned workers, const char *options)
{
    char *text = memory_format("topology: t\ntypes:\n  T: { n: int }\nstages:\n"
                               "  read: { kind: file.source, path: /dev/null }\n"
                               "  parse: { kind: json.decode, from: read, type: T }\n"
                               "  %s: { kind: dedupe, from: parse, key: n, workers: %u%s }\n"
                               "  end: { kind: discard, from: %s }\n",
                               stage, workers, options, stage);
    struct diagnostics d;
    struct topology *topology;
    diagnostics_init(&d, "t.yaml", text, strlen(text));
    assert_int_equal(topology_load("t.yaml", text, strlen(text), bulkhead_kinds, TOPOLOGY_PROCESSES,
                                   &d, &topology),
                     0);
    diagnostics_done(&d);
    free(text);
    return topology;
}

static int open_stages(const char *name)
{
    char *path = memory_format("%s/%s", directory, name);
    (void)mkdir(path, 0700);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    free(path);
    return fd;
}

/* Runs a shell command in the directory. */
static int shell(const char *text)
{
    char *command = memory_format("cd '%s' && { %s; } >/dev/null 2>&1", directory, text);
    int rc = system(command);
    free(command);
    return rc;
}

/* Opens the store of a worker, and its directory. */
static struct store *open_store(int stages_fd, const struct topology *t, const struct stage *stage,
                                int *ret_fd)
{
    struct store_spec layout = {0}, spec;
    struct store *s;
    struct err e;
    if (layout_open(stages_fd, stage, ret_fd, &layout, &e) != 0)
        fail_msg("%s", e.text);
    layout_store_spec(t, stage, stage->worker, stage->workers, &spec);
    spec.has_secret = layout.has_secret;
    memcpy(spec.secret, layout.secret, sizeof spec.secret);
    if (store_open(*ret_fd, -1, &spec, false, &s, &e) != 0)
        fail_msg("%s", e.text);
    return s;
}

/* Gives each worker of the stage a state at seq 5 and a quarantine. */
static void make_start(const struct topology *t, const char *base)
{
    struct err e;
    int stages_fd = open_stages("start");
    assert_int_equal(layout_prepare(stages_fd, t, NULL, NULL, &e), 0);
    assert_int_equal(layout_claim(stages_fd, base, 7, &e), 0);
    for (size_t i = 0; i < t->stage_count; i++) {
        const struct stage *stage = &t->stages[i];
        struct quarantine_entry entry = {.seq = 100 + stage->worker, .cause = "hung"};
        int fd;
        if (strcmp(stage->base, base) != 0)
            continue;
        struct store *s = open_store(stages_fd, t, stage, &fd);
        assert_int_equal(store_commit(s, 5, &e), 0);
        store_close(s);
        char *owner = layout_owner(t, stage);
        assert_int_equal(quarantine_add(fd, owner, &entry, &e), 0);
        free(owner);
        (void)close(fd);
    }
    (void)close(stages_fd);
}

/* All workers of the stage have what they had. */
static void check_all(const char *name, const struct topology *t, const char *base)
{
    struct err e;
    int stages_fd = open_stages(name);
    bool foreign;
    if (layout_prepare(stages_fd, t, NULL, NULL, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(layout_is_foreign(stages_fd, base, 7, &foreign, &e), 0);
    assert_false(foreign);
    for (size_t i = 0; i < t->stage_count; i++) {
        const struct stage *stage = &t->stages[i];
        struct quarantine q;
        int fd;
        if (strcmp(stage->base, base) != 0)
            continue;
        struct store *s = open_store(stages_fd, t, stage, &fd);
        assert_int_equal(store_committed(s), 5);
        store_close(s);
        char *owner = layout_owner(t, stage);
        if (quarantine_load(fd, owner, &q, &e) != 0)
            fail_msg("%s", e.text);
        assert_non_null(quarantine_find(&q, 100 + stage->worker));
        quarantine_done(&q);
        free(owner);
        (void)close(fd);
    }
    (void)close(stages_fd);
}

static int rename_in(void *name)
{
    struct err e;
    int stages_fd = open_stages(name);
    int rc = layout_rename(stages_fd, "t", "once", "unique", &e);
    (void)close(stages_fd);
    return rc;
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "/dev/shm/bulkhead-rename-XXXXXX");
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    char *command = memory_format("rm -rf '%s'", directory);
    int rc = system(command);
    free(command);
    return rc;
}

static void a_kill_at_any_call_is_made_up_for(void **state)
{
    (void)state;
    static char work[] = "work", expected[] = "expected";
    struct topology *old = topology_of("once", 2, "");
    struct topology *new = topology_of("unique", 2, ", renamed_from: once");
    make_start(old, "once");
    /* A start that was killed may have made the directory already, and claimed it. */
    assert_int_equal(shell("mkdir start/unique && touch start/unique/state.0000000000000007"), 0);
    assert_int_equal(shell("cp -a start work && cp -a start expected"), 0);
    assert_int_equal(rename_in(expected), 0);
    assert_int_not_equal(shell("test -e expected/once"), 0);
    unsigned stops = killed_run(rename_in, work, KILLED_NEVER), between = 0;
    assert_int_equal(shell("diff -r work expected"), 0);
    for (unsigned nth = 0; nth < stops; nth++) {
        assert_int_equal(shell("rm -rf work && cp -a start work"), 0);
        (void)killed_run(rename_in, work, nth);
        between += shell("diff -r work start") != 0 && shell("diff -r work expected") != 0 ? 1 : 0;
        for (unsigned again = 0; again < 2; again++) /* the second time it is done already */
            assert_int_equal(rename_in(work), 0);
        if (shell("diff -r work expected") != 0)
            fail_msg("killed at stop %u of %u: it was not made up for", nth, stops);
    }
    print_message("%u of %u kills left something to be done\n", between, stops);
    assert_true(between > 0);
    check_all("expected", new, "unique");
    topology_free(old);
    topology_free(new);
}

static void the_name_and_the_workers_change_at_once(void **state)
{
    (void)state;
    static char start[] = "start";
    struct topology *old = topology_of("once", 2, "");
    struct topology *new = topology_of("unique", 3, ", renamed_from: once");
    make_start(old, "once");
    assert_int_equal(rename_in(start), 0);
    struct err e;
    int stages_fd = open_stages(start);
    assert_int_equal(layout_prepare(stages_fd, new, NULL, NULL, &e), 0);
    for (size_t i = 0; i < new->stage_count; i++) {
        int fd;
        if (strcmp(new->stages[i].base, "unique") != 0)
            continue;
        struct store *s = open_store(stages_fd, new, &new->stages[i], &fd);
        assert_int_equal(store_committed(s), 5);
        store_close(s);
        (void)close(fd);
    }
    (void)close(stages_fd);
    topology_free(old);
    topology_free(new);
}

/*
 * The process was killed before the stores were written again, and the next topology does not give
 * the former name, or gives another name. Without the word of the rename, they are another stage's.
 */
static void a_store_may_have_any_former_name_until_it_is_written_again(void **state)
{
    (void)state;
    struct topology *old = topology_of("once", 2, ""), *new = topology_of("third", 2, "");
    struct err e;
    make_start(old, "once");
    int stages_fd = open_stages("start");
    assert_int_equal(layout_rename(stages_fd, "t", "once", "unique", &e), 0);
    assert_int_equal(layout_rename(stages_fd, "t", "unique", "third", &e), 0);
    assert_int_equal(shell("cp -a start kept && rm start/third/1/store.was.once"), 0);
    assert_int_equal(layout_prepare(stages_fd, new, NULL, NULL, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "'t/once.1/2', and not for 't/third.1/2'"));
    assert_int_equal(shell("cp kept/third/1/store.was.once start/third/1"), 0);
    assert_int_equal(layout_prepare(stages_fd, new, NULL, NULL, &e), 0);
    assert_int_not_equal(shell("find start -name 'store.was.*' | grep ."), 0);
    for (size_t i = 0; i < new->stage_count; i++) {
        int fd;
        if (strcmp(new->stages[i].base, "third") != 0)
            continue;
        struct store *s = open_store(stages_fd, new, &new->stages[i], &fd);
        assert_int_equal(store_committed(s), 5);
        store_close(s);
        (void)close(fd);
    }
    (void)close(stages_fd);
    topology_free(old);
    topology_free(new);
}

/* A change of workers was decided, and the process killed, before the name was changed. */
static void what_a_kill_has_left_by_the_former_name_is_finished(void **state)
{
    (void)state;
    static char start[] = "start";
    struct topology *old = topology_of("once", 2, "");
    make_start(old, "once");
    assert_int_equal(shell("mv start/once start/once.new && mkdir start/once.old"), 0);
    assert_int_equal(rename_in(start), 0);
    assert_int_equal(shell("test -e start/unique/1/store.1.log"), 0);
    assert_int_not_equal(shell("ls start | grep '[.]'"), 0);
    topology_free(old);
}

static void what_is_there_by_the_new_name_is_not_replaced(void **state)
{
    (void)state;
    struct err e;
    struct topology *old = topology_of("once", 2, "");
    int stages_fd = open_stages("start");
    /* There may be nothing, by either name. */
    assert_int_equal(layout_rename(stages_fd, "t", "once", "unique", &e), 0);
    make_start(old, "once");
    assert_int_equal(shell("mkdir start/unique && touch start/unique/cursor"), 0);
    assert_int_equal(shell("cp -a start before"), 0);
    assert_int_equal(layout_rename(stages_fd, "t", "once", "unique", &e), ERR_MISMATCH);
    assert_string_equal(e.text, "'stages/once' cannot become 'stages/unique', which has files "
                                "already; remove 'renamed_from: once', or use --discard unique to "
                                "discard what is there");
    assert_int_equal(shell("diff -r start before"), 0);
    /* An empty directory by the former name is nothing that could be renamed. */
    assert_int_equal(shell("rm -rf start/once && mkdir start/once"), 0);
    assert_int_equal(layout_rename(stages_fd, "t", "once", "unique", &e), 0);
    assert_int_equal(shell("test -e start/unique/cursor && test ! -e start/once"), 0);
    (void)close(stages_fd);
    topology_free(old);
}

static void another_stages_quarantine_is_refused(void **state)
{
    (void)state;
    struct err e;
    struct topology *old = topology_of("once", 1, "");
    make_start(old, "once");
    assert_int_equal(shell("mv start/once start/other"), 0);
    int stages_fd = open_stages("start");
    assert_int_equal(layout_rename(stages_fd, "t", "other", "unique", &e), ERR_MISMATCH);
    assert_string_equal(e.text, "'stages/unique': quarantine: was written for another stage");
    (void)close(stages_fd);
    topology_free(old);
}

static void the_journal_of_a_source_goes_along(void **state)
{
    (void)state;
    struct err e;
    struct journal_config config = {.owner = journal_owner("t", "in"), .boot = "boot", .stream = 1};
    struct journal *journal;
    int stages_fd = open_stages("start");
    assert_int_equal(file_make_dir(stages_fd, "in", &config.dir_fd, &e), 0);
    assert_int_equal(journal_open(&config, &journal, &e), 0);
    journal_free(journal);
    (void)close(config.dir_fd);
    assert_int_equal(layout_rename(stages_fd, "t", "in", "lines", &e), 0);
    assert_int_equal(file_make_dir(stages_fd, "lines", &config.dir_fd, &e), 0);
    config.owner = journal_owner("t", "lines");
    if (journal_open(&config, &journal, &e) != 0)
        fail_msg("%s", e.text);
    journal_free(journal);
    char *stranger;
    assert_int_equal(layout_find_stranger(stages_fd, NULL, &stranger, &e), 0);
    assert_null(stranger);
    (void)close(config.dir_fd);
    (void)close(stages_fd);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(a_kill_at_any_call_is_made_up_for),
        TEST(the_name_and_the_workers_change_at_once),
        TEST(a_store_may_have_any_former_name_until_it_is_written_again),
        TEST(what_a_kill_has_left_by_the_former_name_is_finished),
        TEST(what_is_there_by_the_new_name_is_not_replaced),
        TEST(another_stages_quarantine_is_refused),
        TEST(the_journal_of_a_source_goes_along),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
