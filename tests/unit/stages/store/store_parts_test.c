/* SPDX-License-Identifier: MIT */
/*
 * Stores of several workers against a model of one. What a seq does follows from its number and the
 * seed. Workers are stopped at different seqs, and their state is redistributed to another number
 * of workers, and again before these are level. In the end each group is what one worker would have
 * made of it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/memory.h"
#include "stages/store/store_parts.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"
#include "topology/partition.h"

#define KEYS 600u
#define VALUE_BYTES 24u

static uint64_t test_seed;
static char directory[64];
static unsigned epoch; /* of the directories of workers: "EPOCH.WORKER" */

/* --- the model: how often a key was counted, and when it expires --- */

struct model {
    seq_number seq;
    int64_t clock;
    uint64_t counts[KEYS];
    int64_t expires_at[KEYS]; /* STORE_CLOCK_START: there is none */
};

static uint64_t draw(seq_number seq, unsigned what)
{
    return hash_mix64(test_seed ^ hash_mix64(seq * 64 + what));
}

static unsigned group_of(uint32_t key)
{
    return (unsigned)(hash_mix64(key + 1) % KEY_GROUPS);
}

static int64_t time_of(seq_number seq)
{
    return (int64_t)seq - (int64_t)(draw(seq, 0) % 10);
}

static size_t keys_of(seq_number seq, uint32_t keys[3])
{
    size_t count = draw(seq, 1) % 4;
    for (unsigned i = 0; i < count; i++)
        keys[i] = (uint32_t)(draw(seq, 2 + i) % KEYS);
    return count;
}

static int64_t expiry_of(seq_number seq, uint32_t key)
{
    return draw(seq, 10 + key % 7) % 3 == 0 ? STORE_NEVER
                                            : (int64_t)seq + 5 + (int64_t)(draw(seq, 20) % 200);
}

static bool is_live(const struct model *m, uint32_t key)
{
    return m->expires_at[key] == STORE_NEVER || m->expires_at[key] > m->clock;
}

static void model_init(struct model *m)
{
    memset(m, 0, sizeof *m);
    m->clock = STORE_CLOCK_START;
    for (uint32_t key = 0; key < KEYS; key++)
        m->expires_at[key] = STORE_CLOCK_START;
}

static void model_advance(struct model *m, seq_number seq)
{
    while (m->seq < seq) {
        uint32_t keys[3];
        size_t count = keys_of(++m->seq, keys);
        if (time_of(m->seq) > m->clock)
            m->clock = time_of(m->seq);
        for (size_t i = 0; i < count; i++) {
            m->counts[keys[i]] = is_live(m, keys[i]) ? m->counts[keys[i]] + 1 : 1;
            m->expires_at[keys[i]] = expiry_of(m->seq, keys[i]);
        }
    }
}

/* --- workers --- */

struct worker {
    size_t number, workers;
    int dir_fd, image_fd;
    struct store *store;
    seq_number seq;
    struct model model; /* as of seq */
    uint32_t let_go;    /* entries found at the current tick */
    int64_t until;
};

static struct store_spec spec_of(size_t number, size_t workers)
{
    struct store_spec spec = {.value_len = VALUE_BYTES, .expires = true, .has_secret = true};
    char text[64];
    (void)snprintf(text, sizeof text, "test %zu/%zu", number, workers);
    store_spec_set_schema(&spec, text);
    memset(spec.secret, 7, sizeof spec.secret);
    return spec;
}

static int make_dir(unsigned of_epoch, size_t number)
{
    char *path = memory_format("%s/%u.%zu", directory, of_epoch, number);
    (void)mkdir(path, 0700);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    free(path);
    return fd;
}

static void worker_open(struct worker *w)
{
    struct store_spec spec = spec_of(w->number, w->workers);
    struct err e;
    if (store_open(w->dir_fd, w->image_fd, &spec, false, &w->store, &e) != 0)
        fail_msg("%s", e.text);
    w->seq = store_committed(w->store);
    model_init(&w->model);
    model_advance(&w->model, w->seq);
    assert_true(store_clock(w->store) == w->model.clock);
}

static struct hash128 key_of(const struct store *s, uint32_t key)
{
    return store_key(s, group_of(key), &key, sizeof key);
}

static bool is_own(const struct worker *w, uint32_t key)
{
    return partition_worker_of_group(group_of(key), w->workers) == w->number;
}

static void let_go(void *context, struct hash128 hash, int64_t expires_at, const void *value)
{
    struct worker *w = context;
    uint64_t words[VALUE_BYTES / 8];
    memcpy(words, value, sizeof words);
    uint32_t key = (uint32_t)words[0];
    assert_true(hash.high >> 56 == group_of(key) && is_own(w, key));
    assert_true(w->model.expires_at[key] == expires_at && w->model.counts[key] == words[1]);
    assert_true(expires_at > w->model.clock && expires_at <= w->until);
    w->let_go++;
}

/* What expires until a time is exactly what the model says, except in groups that are ahead. */
static void look(struct worker *w, int64_t time)
{
    w->until = time;
    w->let_go = 0;
    uint32_t expected = 0;
    for (uint32_t key = 0; key < KEYS; key++) {
        bool goes = is_own(w, key) && !store_is_ahead(w->store, group_of(key)) &&
                    is_live(&w->model, key) && w->model.expires_at[key] <= time;
        expected += goes ? 1 : 0;
    }
    store_each_expiring(w->store, time, let_go, w);
    assert_int_equal(w->let_go, expected);
}

static void worker_step(struct worker *w)
{
    seq_number seq = ++w->seq;
    store_begin(w->store, seq);
    if (time_of(seq) > store_clock(w->store)) {
        look(w, time_of(seq));
        store_advance(w->store, time_of(seq));
        w->model.clock = time_of(seq);
    }
    if (random_below(10) == 0)
        look(w, STORE_NEVER - 1); /* as at the end of the input */
    uint32_t keys[3];
    size_t count = keys_of(seq, keys);
    for (size_t i = 0; i < count; i++) {
        if (!is_own(w, keys[i]) || store_is_ahead(w->store, group_of(keys[i])))
            continue;
        const void *old = store_find(w->store, key_of(w->store, keys[i]));
        uint64_t words[VALUE_BYTES / 8] = {keys[i], 0, seq};
        if (old != NULL)
            memcpy(&words[1], (const uint8_t *)old + 8, 8);
        words[1]++;
        store_put(w->store, key_of(w->store, keys[i]), expiry_of(seq, keys[i]), words);
    }
    model_advance(&w->model, seq);
}

static void worker_commit(struct worker *w, seq_number seq)
{
    struct err e;
    if (store_commit(w->store, seq, &e) != 0 || store_maintain(w->store, &e) != 0)
        fail_msg("%s", e.text);
}

/* Processes up to a seq; now and then it is killed on the way, with its image or without. */
static void worker_run(struct worker *w, seq_number end)
{
    while (w->seq < end) {
        worker_step(w);
        if (random_below(20) == 0)
            worker_commit(w, w->seq - random_below(w->seq - store_committed(w->store)));
        if (random_below(60) == 0) {
            store_close(w->store);
            if (random_below(2) == 0)
                assert_int_equal(ftruncate(w->image_fd, 0), 0);
            worker_open(w);
        }
    }
}

/* Compares all it has with the model as of its own seq, once no group is ahead any more. */
static void assert_is_model(const struct worker *w)
{
    for (uint32_t key = 0; key < KEYS; key++) {
        const void *value = store_find(w->store, key_of(w->store, key));
        bool expected = is_own(w, key) && is_live(&w->model, key);
        assert_true((value != NULL) == expected);
        uint64_t count = 0;
        if (value != NULL)
            memcpy(&count, (const uint8_t *)value + 8, 8);
        assert_true(value == NULL || count == w->model.counts[key]);
    }
}

static void workers_start(struct worker *w, size_t workers)
{
    for (size_t i = 0; i < workers; i++) {
        w[i] = (struct worker){.number = i,
                               .workers = workers,
                               .dir_fd = make_dir(epoch, i),
                               .image_fd = memfd_create("test-image", MFD_CLOEXEC)};
        worker_open(&w[i]);
    }
}

static void workers_stop(struct worker *w, size_t workers)
{
    for (size_t i = 0; i < workers; i++) {
        store_close(w[i].store);
        (void)close(w[i].dir_fd);
        (void)close(w[i].image_fd);
    }
}

static int load(size_t workers, struct store_parts **ret_parts, struct err *e)
{
    struct store_part parts[WORKERS_MAX] = {{0}};
    for (size_t i = 0; i < workers; i++) {
        parts[i] = (struct store_part){.dir_fd = make_dir(epoch, i), .name = "old"};
        parts[i].spec = spec_of(i, workers);
    }
    int rc = store_parts_load(parts, workers, ret_parts, e);
    for (size_t i = 0; i < workers; i++)
        (void)close(parts[i].dir_fd);
    return rc;
}

/* The highest position of a worker or a key group, according to the files. */
static seq_number most_on_disk(size_t workers)
{
    seq_number most = 0;
    for (size_t i = 0; i < workers; i++) {
        bool found;
        seq_number seq = 0, furthest = 0;
        struct err e;
        struct store_spec spec = spec_of(i, workers);
        int fd = make_dir(epoch, i);
        assert_int_equal(store_read_position(fd, &spec, &found, &seq, &furthest, &e), 0);
        (void)close(fd);
        assert_true(furthest >= seq);
        most = furthest > most ? furthest : most;
    }
    return most;
}

static void deal_out(size_t from, size_t to)
{
    struct store_parts *parts;
    struct err e;
    seq_number most = most_on_disk(from);
    if (load(from, &parts, &e) != 0)
        fail_msg("%s", e.text);
    epoch++;
    for (size_t i = 0; i < to; i++) {
        int fd = make_dir(epoch, i);
        struct store_spec spec = spec_of(i, to);
        assert_int_equal(store_parts_write(parts, i, to, fd, &spec, NULL, &e), 0);
        (void)close(fd);
    }
    store_parts_free(parts);
    assert_int_equal(most_on_disk(to), most); /* a move does not hide groups that are ahead */
}

/* --- tests --- */

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "/dev/shm/bulkhead-parts-XXXXXX");
    test_seed = random_bits();
    epoch = 0;
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

static void any_number_of_workers_makes_what_one_makes(void **state)
{
    (void)state;
    static struct worker w[WORKERS_MAX];
    size_t workers = 1;
    workers_start(w, workers);
    seq_number done = 0; /* the highest seq that a worker has reached */
    for (int round = 0; round < 25; round++) {
        seq_number least = UINT64_MAX, own[WORKERS_MAX];
        for (size_t i = 0; i < workers; i++) {
            seq_number end = store_committed(w[i].store) + random_below(150);
            worker_run(&w[i], end);
            if (store_committed(w[i].store) < w[i].seq && random_below(3) != 0)
                worker_commit(&w[i], w[i].seq);
            own[i] = store_committed(w[i].store);
            if (store_committed(w[i].store) < least)
                least = store_committed(w[i].store);
            if (store_committed(w[i].store) > done)
                done = store_committed(w[i].store);
        }
        workers_stop(w, workers);
        size_t to = 1 + random_below(random_below(2) == 0 ? 3 : WORKERS_MAX);
        bool as_many = to == workers; /* then each keeps what it has */
        deal_out(workers, to);
        workers = to;
        workers_start(w, workers);
        for (size_t i = 0; i < workers; i++)
            assert_true(store_committed(w[i].store) == (as_many ? own[i] : least));
    }
    for (size_t i = 0; i < workers; i++) {
        worker_run(&w[i], done + 100);
        assert_is_model(&w[i]);
    }
    workers_stop(w, workers);
}

/* Any byte of any file of any worker is refused, except in the last group, which may be torn. */
static void what_is_damaged_is_not_dealt_out(void **state)
{
    (void)state;
    static struct worker w[WORKERS_MAX];
    workers_start(w, 2);
    for (size_t i = 0; i < 2; i++) {
        worker_run(&w[i], 30);
        worker_commit(&w[i], 30 - i * 5);
    }
    workers_stop(w, 2);
    deal_out(2, 3);
    for (size_t i = 0; i < 3; i++) {
        static const char *const names[] = {"store.2.checkpoint", "store.2.log"};
        for (size_t n = 0; n < 2; n++) {
            char *path = memory_format("%s/%u.%zu/%s", directory, epoch, i, names[n]);
            int fd = open(path, O_RDWR | O_CLOEXEC);
            struct stat st;
            assert_int_equal(fstat(fd, &st), 0);
            for (off_t at = 0; at < st.st_size; at += n == 0 ? 13 : 1) {
                uint8_t byte, changed;
                struct store_parts *parts = NULL;
                struct err e;
                assert_int_equal(pread(fd, &byte, 1, at), 1);
                changed = byte ^ 0x20;
                assert_int_equal(pwrite(fd, &changed, 1, at), 1);
                int rc = load(3, &parts, &e);
                if (rc != ERR_CORRUPT && rc != ERR_MISMATCH)
                    fail_msg("%s: byte %lld was changed, but the code is %d", path, (long long)at,
                             rc);
                assert_non_null(strstr(e.text, names[n]));
                assert_int_equal(pwrite(fd, &byte, 1, at), 1);
            }
            (void)close(fd);
            /* Without it the others are not a state. */
            char *away = memory_format("%s.away", path);
            struct store_parts *parts = NULL;
            struct err e;
            assert_int_equal(rename(path, away), 0);
            assert_int_equal(load(3, &parts, &e), ERR_CORRUPT);
            assert_int_equal(rename(away, path), 0);
            free(away);
            free(path);
        }
    }
}

static void another_workers_store_is_refused(void **state)
{
    (void)state;
    static struct worker w[WORKERS_MAX];
    workers_start(w, 2);
    for (size_t i = 0; i < 2; i++) {
        worker_run(&w[i], 40);
        worker_commit(&w[i], 40);
    }
    workers_stop(w, 2);
    char *first = memory_format("%s/%u.0", directory, epoch);
    char *second = memory_format("%s/%u.1", directory, epoch);
    assert_int_equal(renameat2(AT_FDCWD, first, AT_FDCWD, second, RENAME_EXCHANGE), 0);
    struct store_parts *parts = NULL;
    struct err e;
    assert_int_equal(load(2, &parts, &e), ERR_MISMATCH);
    free(first);
    free(second);
}

int main(int argc, char **argv)
{
    random_init("store_parts");
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(any_number_of_workers_makes_what_one_makes),
        TEST(what_is_damaged_is_not_dealt_out),
        TEST(another_workers_store_is_refused),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
