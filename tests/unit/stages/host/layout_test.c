/* SPDX-License-Identifier: MIT */
/*
 * The directories of workers. A process that moves the state to another number of workers, or gives
 * it another form, is killed at system calls drawn by seed. The next start finds the old directory or the new one, byte for
 * byte, and nothing else is left.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/file.h"
#include "common/memory.h"
#include "stages/host/layout.h"
#include "stages/host/quarantine.h"
#include "stages/kinds/kinds.h"
#include "stages/stage.h"
#include "tests/unit/cases.h"
#include "tests/unit/killed.h"
#include "tests/unit/random.h"
#include "topology/load.h"
#include "topology/partition.h"

#define KILLS 60u
#define END_STOPS 200u

static char directory[64];

/*
 * Replaces the function of the C library. Every move draws new secrets and nonces; while moves are
 * compared, all draw the same.
 */
static bool draws_zeros;

ssize_t getrandom(void *bytes, size_t len, unsigned flags)
{
    if (!draws_zeros)
        return syscall(SYS_getrandom, bytes, len, flags);
    memset(bytes, 0, len);
    return (ssize_t)len;
}

/* Replaces that of the C library; counts the syncs of "stages" while it has an old directory. */
static int watched_fd = -1;
static unsigned safe_syncs;

int fsync(int fd)
{
    if (fd == watched_fd && faccessat(fd, "once.old", F_OK, 0) == 0)
        safe_syncs++;
    return (int)syscall(SYS_fsync, fd);
}

/* With other options of the stage that has a state. */
static struct topology *topology_with(unsigned workers, const char *options)
{
    char *text = memory_format("topology: t\ntypes:\n  T: { n: int, at: timestamp }\nstages:\n"
                               "  read: { kind: file.source, path: /dev/null }\n"
                               "  parse: { kind: json.decode, from: read, type: T, workers: %u }\n"
                               "  once: { kind: dedupe, from: parse, key: n, workers: %u%s }\n"
                               "  text: { kind: json.encode, from: once }\n"
                               "  write: { kind: file.sink, from: text, path: /nowhere }\n",
                               workers, workers, options);
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

static struct topology *topology_of(unsigned workers)
{
    return topology_with(workers, "");
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
static int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int shell(const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    char *command = memory_format("cd '%s' && { %s; } >/dev/null 2>&1", directory, text);
    int rc = system(command);
    free(command);
    return rc;
}

static bool is_same(const char *a, const char *b)
{
    return shell("diff -r %s %s", a, b) == 0;
}

/* Whether all workers are at the same seq. */
static bool all_level;

static void fill_store(const struct topology *t, const struct stage *stage, int fd,
                       const struct store_spec *layout)
{
    struct store_spec spec;
    struct store *s;
    struct err e;
    layout_store_spec(t, stage, stage->worker, stage->workers, &spec);
    spec.has_secret = layout->has_secret;
    memcpy(spec.secret, layout->secret, sizeof spec.secret);
    assert_int_equal(store_open(fd, -1, &spec, false, &s, &e), 0);
    const unsigned last = 50 + (all_level ? 0 : 10 * (unsigned)stage->worker);
    for (unsigned n = 1; n <= last; n++) {
        store_begin(s, n);
        for (unsigned group = 0; group < KEY_GROUPS; group++) {
            if (group % 50 == n &&
                partition_worker_of_group(group, stage->workers) == stage->worker)
                store_put(s, store_key(s, group, &n, sizeof n), STORE_NEVER, NULL);
        }
    }
    assert_int_equal(store_commit(s, last, &e), 0);
    store_close(s);
}

/* Lays out "start" for this many workers at different seqs, one of them with a quarantine. */
static void make_start(const struct topology *t)
{
    struct err e;
    int stages_fd = open_stages("start");
    assert_int_equal(layout_prepare(stages_fd, t, NULL, NULL, &e), 0);
    for (size_t i = 0; i < t->stage_count; i++) {
        const struct stage *stage = &t->stages[i];
        struct store_spec layout = {0};
        int fd;
        assert_int_equal(layout_open(stages_fd, stage, &fd, &layout, &e), 0);
        if (strcmp(stage->base, "once") == 0)
            fill_store(t, stage, fd, &layout);
        struct quarantine_entry entry = {.seq = 100 + stage->worker, .cause = "hung"};
        char *owner = layout_owner(t, stage);
        if (strcmp(stage->base, "parse") == 0)
            assert_int_equal(quarantine_add(fd, owner, &entry, &e), 0);
        free(owner);
        (void)close(fd);
    }
    (void)close(stages_fd);
}

static void prepare(const char *name, const struct topology *t)
{
    struct err e;
    int stages_fd = open_stages(name);
    if (layout_prepare(stages_fd, t, NULL, NULL, &e) != 0)
        fail_msg("%s", e.text);
    (void)close(stages_fd);
}

struct start {
    const char *name;
    const struct topology *topology;
};

static int start(void *arg)
{
    const struct start *s = arg;
    struct err e;
    return layout_prepare(open_stages(s->name), s->topology, NULL, NULL, &e);
}

/* Prepares in a process that is killed at its nth stop; returns how many stops it made. */
static unsigned prepare_killed(const char *name, const struct topology *t, unsigned nth)
{
    struct start s = {.name = name, .topology = t};
    return killed_run(start, &s, nth);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "/dev/shm/bulkhead-layout-XXXXXX");
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

static void kill_at_any_call(unsigned from, unsigned to, const char *options)
{
    struct topology *old = topology_of(from), *new = topology_with(to, options);
    make_start(old);
    draws_zeros = true;
    assert_int_equal(shell("cp -a start expected"), 0);
    prepare("expected", new);
    assert_int_equal(shell("cp -a start work"), 0);
    unsigned stops = prepare_killed("work", new, KILLED_NEVER);
    unsigned kept = 0, moved = 0;
    for (unsigned i = 0; i < KILLS; i++) {
        /* Half of them near the end, where the move is decided. */
        unsigned span = i % 4 < 2 ? stops : END_STOPS;
        unsigned nth = stops - (unsigned)random_below(span);
        assert_int_equal(shell("rm -rf work again && cp -a start work"), 0);
        (void)prepare_killed("work", new, nth);
        /* Whether the move was decided or not: the next start finishes or undoes it. */
        assert_int_equal(shell("cp -a work again"), 0);
        prepare("again", i % 2 == 0 ? old : new);
        assert_int_not_equal(shell("ls again | grep '[.]'"), 0);
        if (i % 2 == 0) {
            kept += is_same("start", "again") ? 1 : 0;
            continue;
        }
        if (!is_same("expected", "again"))
            fail_msg("killed at stop %u: the result is not that of an undisturbed move", nth);
        moved++;
    }
    assert_int_equal(shell("rm -rf work again"), 0);
    print_message("from %u to %u%s: %u kills kept the old, %u went on to the new\n", from, to,
                  options, kept, moved);
    assert_true(kept > 0 && moved > 0);
    draws_zeros = false;
    topology_free(old);
    topology_free(new);
}

static void a_kill_at_any_call_leaves_the_old_or_the_new(void **state)
{
    (void)state;
    kill_at_any_call(2, 3, "");
}

static void likewise_from_one_and_to_one(void **state)
{
    (void)state;
    kill_at_any_call(1, 2, "");
    assert_int_equal(shell("rm -rf *"), 0);
    kill_at_any_call(3, 1, "");
}

#define ANOTHER_FORM ", keep: 1d, at: at"

static void likewise_to_another_form(void **state)
{
    (void)state;
    kill_at_any_call(1, 1, ANOTHER_FORM);
    assert_int_equal(shell("rm -rf *"), 0);
    kill_at_any_call(2, 2, ANOTHER_FORM);
}

/* All workers must be at the same seq for this. */
static void likewise_to_another_form_and_other_workers(void **state)
{
    (void)state;
    all_level = true;
    kill_at_any_call(2, 3, ANOTHER_FORM);
    all_level = false;
}

static void every_byte_of_the_file_counts(void **state)
{
    (void)state;
    struct topology *three = topology_of(3), *two = topology_of(2);
    make_start(three);
    char *path = memory_format("%s/start/once/workers", directory);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    int stages_fd = open_stages("start");
    free(path);
    struct stat st;
    struct err e;
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, 32);
    for (off_t at = 0; at < st.st_size; at++) {
        uint8_t byte, changed;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        changed = byte ^ 0x10;
        assert_int_equal(pwrite(fd, &changed, 1, at), 1);
        assert_int_equal(shell("cp -a start before"), 0);
        assert_int_equal(layout_prepare(stages_fd, two, NULL, NULL, &e), ERR_CORRUPT);
        assert_non_null(strstr(e.text, "'stages/once': workers: does not verify"));
        assert_true(is_same("before", "start")); /* nor was anything of 'parse' changed */
        assert_int_equal(shell("rm -rf before"), 0);
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    assert_int_equal(shell("mv start/once/2 away"), 0);
    assert_int_equal(layout_prepare(stages_fd, two, NULL, NULL, &e), ERR_CORRUPT);
    assert_non_null(strstr(e.text, "'2' of a worker is missing"));
    assert_int_equal(shell("mv away start/once/2 && touch start/once/1/cursor"), 0);
    assert_int_equal(layout_prepare(stages_fd, two, NULL, NULL, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "'stages/once/1/cursor' cannot be redistributed"));
    (void)close(fd);
    (void)close(stages_fd);
    topology_free(three);
    topology_free(two);
}

static void every_worker_gets_all_quarantines(void **state)
{
    (void)state;
    struct topology *three = topology_of(3), *two = topology_of(2);
    make_start(three);
    prepare("start", two);
    int stages_fd = open_stages("start");
    for (size_t i = 0; i < two->stage_count; i++) {
        struct quarantine q;
        struct err e;
        int fd;
        if (strcmp(two->stages[i].base, "parse") != 0)
            continue;
        char *owner = layout_owner(two, &two->stages[i]);
        assert_int_equal(layout_open(stages_fd, &two->stages[i], &fd, NULL, &e), 0);
        assert_int_equal(quarantine_load(fd, owner, &q, &e), 0);
        assert_int_equal(q.count, 3);
        for (unsigned n = 0; n < 3; n++)
            assert_non_null(quarantine_find(&q, 100 + n));
        quarantine_done(&q);
        free(owner);
        (void)close(fd);
    }
    (void)close(stages_fd);
    topology_free(three);
    topology_free(two);
}

/*
 * A start was killed when the new directory had been renamed, perhaps before that was safe. It is
 * made safe before the old one is removed; otherwise a loss of power could leave neither.
 */
static void the_old_goes_when_the_new_is_safe(void **state)
{
    (void)state;
    struct topology *three = topology_of(3);
    struct err e;
    make_start(three);
    assert_int_equal(shell("mkdir start/once.old && touch start/once.old/store.1.log"), 0);
    watched_fd = open_stages("start");
    safe_syncs = 0;
    assert_int_equal(layout_settle(watched_fd, three, &e), 0);
    assert_int_not_equal(shell("test -e start/once.old"), 0);
    assert_int_equal(shell("test -e start/once/2"), 0);
    assert_int_equal(safe_syncs, 1);
    (void)close(watched_fd);
    watched_fd = -1;
    topology_free(three);
}

int main(int argc, char **argv)
{
    random_init("layout");
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(a_kill_at_any_call_leaves_the_old_or_the_new),
        TEST(likewise_from_one_and_to_one),
        TEST(likewise_to_another_form),
        TEST(likewise_to_another_form_and_other_workers),
        TEST(every_byte_of_the_file_counts),
        TEST(every_worker_gets_all_quarantines),
        TEST(the_old_goes_when_the_new_is_safe),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
