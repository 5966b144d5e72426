/* SPDX-License-Identifier: MIT */
/*
 * A seq that makes more changes than the undo log has entries for. The log grows in the middle of
 * the seq, survives kills at any moment and rollbacks, and gives its memory back. What seq n does
 * follows from n, so the state as of any seq can be computed from scratch.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/memory.h"
#include "stages/store/store.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define KEYS (2 * STORE_UNDO_ENTRIES_MAX)
#define CHANGES_MOST (5 * (uint64_t)STORE_UNDO_ENTRIES_MAX)

static char directory[64];
static int dir_fd = -1;
static uint64_t test_seed;
static bool one_group; /* all keys are in one group */

static const struct store_spec spec = {.value_len = 8, .expires = true, .schema = "test 1"};

/* The value of every key as of a seq; 0: there is none. */
struct model {
    seq_number seq;
    uint64_t values[KEYS];
};
static struct model model;

static uint64_t mix(uint64_t x)
{
    x ^= test_seed;
    x *= 0x9e3779b97f4a7c15u;
    x ^= x >> 29;
    x *= 0xbf58476d1ce4e5b9u;
    return x ^ (x >> 32);
}

/* Of three seqs, one is small, one fills the log about once, one grows it once, twice, or more. */
static uint64_t changes_of(seq_number n)
{
    uint64_t most = n % 3 == 0   ? 10
                    : n % 3 == 1 ? STORE_UNDO_ENTRIES_MAX + STORE_UNDO_ENTRIES_MAX / 8
                                 : CHANGES_MOST;
    return mix(n) % most;
}

static uint32_t key_number(seq_number n, uint64_t i)
{
    return (uint32_t)((mix(n + 1000) + i * 7) % KEYS);
}

static void model_advance(seq_number seq)
{
    while (model.seq < seq) {
        seq_number n = ++model.seq;
        for (uint64_t i = 0, count = changes_of(n); i < count; i++)
            model.values[key_number(n, i)] = n << 32 | i;
    }
}

static struct hash128 key_of(const struct store *s, uint32_t key)
{
    return store_key(s, one_group ? 0 : key % KEY_GROUPS, &key, sizeof key);
}

static void put(struct store *s, seq_number n, uint64_t i)
{
    uint64_t value = n << 32 | i;
    store_put(s, key_of(s, key_number(n, i)), STORE_NEVER, &value);
}

static void store_do(struct store *s, seq_number n)
{
    store_begin(s, n);
    store_advance(s, (int64_t)n);
    for (uint64_t i = 0, count = changes_of(n); i < count; i++)
        put(s, n, i);
}

static void assert_is_model(const struct store *s)
{
    assert_true(store_committed(s) == model.seq);
    if (model.seq != 0)
        assert_true(store_clock(s) == (int64_t)model.seq);
    for (uint32_t key = 0; key < KEYS; key++) {
        const void *found = store_find(s, key_of(s, key));
        uint64_t value = 0;
        if (found != NULL)
            memcpy(&value, found, sizeof value);
        if (value != model.values[key])
            fail_msg("key %u at seq %llu", key, (unsigned long long)model.seq);
    }
}

static struct store *open_store(int image_fd)
{
    struct store *s;
    struct err e;
    if (store_open(dir_fd, image_fd, &spec, false, &s, &e) != 0)
        fail_msg("%s", e.text);
    return s;
}

static void commit(struct store *s, seq_number seq)
{
    struct err e;
    if (store_commit(s, seq, &e) != 0 || store_maintain(s, &e) != 0)
        fail_msg("%s", e.text);
}

static int new_image(void)
{
    int fd = memfd_create("test-image", MFD_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static uint64_t memory_bytes(int image_fd)
{
    struct stat status;
    assert_int_equal(fstat(image_fd, &status), 0);
    return (uint64_t)status.st_blocks * 512;
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "/tmp/bulkhead-store-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    test_seed = random_bits();
    memset(&model, 0, sizeof model);
    one_group = false;
    return dir_fd >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    (void)close(dir_fd);
    char *command = memory_format("rm -rf '%s'", directory);
    int rc = system(command);
    free(command);
    return rc;
}

/* Every process commits some, begins more, and ends in the middle of a seq. */
static void what_one_seq_did_is_taken_back(void **state)
{
    (void)state;
    int image = new_image();
    for (int round = 0; round < 4; round++) {
        struct store *s = open_store(image);
        assert_is_model(s);
        seq_number seq = model.seq;
        for (int i = 0; i < 3; i++)
            store_do(s, ++seq);
        commit(s, seq - 1 - random_below(2));
        model_advance(store_committed(s));
        store_begin(s, ++seq);
        for (uint64_t i = random_below(CHANGES_MOST); i > 0; i--)
            put(s, seq, i);
        store_close(s);
    }
    struct store *s = open_store(-1); /* only from the files */
    assert_is_model(s);
    store_close(s);
    (void)close(image);
}

/* Works until it is killed, and reports every seq that it begins. Commits lag, as acks do. */
static _Noreturn void work_for_ever(int image, int tell_fd)
{
    struct store *s = open_store(image);
    seq_number seq = store_committed(s);
    for (;;) {
        if (write(tell_fd, "", 1) != 1)
            _exit(1);
        store_do(s, ++seq);
        if (store_committed(s) + 1 < seq)
            commit(s, seq - 1);
    }
}

/* Kills it at a random moment of one of the first seqs. */
static void work_until_killed(int image)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        work_for_ever(image, fds[1]);
    (void)close(fds[1]);
    char byte;
    for (uint64_t i = random_below(5); i != UINT64_MAX; i--)
        assert_int_equal(read(fds[0], &byte, 1), 1);
    (void)usleep((useconds_t)random_below(30000)); /* a random moment; it waits for nothing */
    (void)kill(pid, SIGKILL);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    (void)close(fds[0]);
}

static void a_kill_while_it_grows_leaves_the_committed_state(void **state)
{
    (void)state;
    int image = new_image();
    for (int round = 0; round < 24; round++) {
        work_until_killed(image);
        if (round % 8 == 7) { /* the image is lost too, so only the files are left */
            (void)close(image);
            image = new_image();
        }
        struct store *s = open_store(image);
        model_advance(store_committed(s));
        assert_is_model(s);
        store_close(s);
    }
    (void)close(image);
    assert_true(model.seq > 10);
    print_message("%llu seqs\n", (unsigned long long)model.seq);
}

/* Two chunks of 2 MiB may stay, next to what was given back. */
static void a_log_that_has_grown_gives_its_memory_back(void **state)
{
    (void)state;
    int image = new_image();
    struct store *s = open_store(image);
    seq_number seq = 0;
    uint64_t bytes = 0;
    for (int round = 0; round < 4; round++) {
        store_begin(s, ++seq);
        for (uint64_t i = 0; i < 16 * (uint64_t)STORE_UNDO_ENTRIES_MAX; i++)
            store_put(s, key_of(s, (uint32_t)(i % 1000)), STORE_NEVER, &i);
        uint64_t grown = memory_bytes(image);
        assert_true(grown >= 16 * (uint64_t)STORE_UNDO_ENTRIES_MAX * 40);
        assert_true(store_is_full(s));
        store_begin(s, ++seq); /* uncommitted entries move with the log */
        uint64_t last = UINT64_MAX;
        store_put(s, key_of(s, 1), STORE_NEVER, &last);
        commit(s, seq - 1);
        assert_false(store_is_full(s));
        assert_true(memory_bytes(image) < grown / 4);
        if (round == 0)
            bytes = memory_bytes(image);
        assert_true(memory_bytes(image) <= bytes + (4u << 20));
        store_close(s);
        s = open_store(image);
        assert_true(store_committed(s) == --seq);
        uint64_t value;
        memcpy(&value, store_find(s, key_of(s, 1)), sizeof value);
        assert_true(value < 16 * (uint64_t)STORE_UNDO_ENTRIES_MAX);
    }
    store_close(s);
    (void)close(image);
}

/*
 * A checkpoint written during work has everything as of the commit, and takes no longer per entry
 * if more of them are in flight, even if all are in one group.
 */
static void a_checkpoint_takes_back_what_is_in_flight(void **state)
{
    (void)state;
    one_group = true;
    test_seed = 0;
    struct store *s = open_store(-1);
    seq_number seq = 0;
    while (faccessat(dir_fd, "store.2.log", F_OK, 0) != 0) {
        store_do(s, ++seq);
        commit(s, seq);
        assert_true(seq < 1000);
    }
    model_advance(seq);
    store_begin(s, ++seq);
    store_advance(s, (int64_t)seq);
    for (uint64_t i = 0; i < 2 * KEYS; i++)
        put(s, seq, i);
    struct err e;
    while (faccessat(dir_fd, "store.2.checkpoint", F_OK, 0) != 0)
        assert_int_equal(store_maintain(s, &e), 0);
    store_close(s);
    s = open_store(-1);
    assert_is_model(s);
    store_close(s);
}

int main(int argc, char **argv)
{
    random_init("store_seq");
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(what_one_seq_did_is_taken_back),
        TEST(a_kill_while_it_grows_leaves_the_committed_state),
        TEST(a_log_that_has_grown_gives_its_memory_back),
        TEST(a_checkpoint_takes_back_what_is_in_flight),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
