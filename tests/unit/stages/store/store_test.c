/* SPDX-License-Identifier: MIT */
/*
 * The store against a model. What seq n does follows from n and the seed, so the state as of any
 * seq can be computed from scratch and compared entry by entry.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/bytes.h"
#include "common/file.h"
#include "common/memory.h"
#include "stages/store/store.h"
#include "stages/store/store_log.h"
#include "stages/store/store_p.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define KEYS 3000u
#define VALUE_BYTES STORE_VALUE_BYTES_MAX

static uint64_t test_seed;
static char directory[64];
static int dir_fd = -1;

static const struct store_spec spec = {
    .value_len = VALUE_BYTES, .expires = true, .schema = "test 1"};

/* --- the model --- */

struct entry {
    bool present;
    int64_t expires_at;
    uint8_t value[VALUE_BYTES];
};

struct model {
    seq_number seq;
    int64_t clock;
    struct entry entries[KEYS];
};

struct change {
    bool moves_clock;
    int64_t clock;
    uint32_t key;
    int64_t expires_at;
    uint8_t value[VALUE_BYTES];
};

static uint64_t mix(uint64_t x)
{
    x ^= x >> 31;
    x *= 0x9e3779b97f4a7c15u;
    x ^= x >> 29;
    x *= 0xbf58476d1ce4e5b9u;
    return x ^ (x >> 32);
}

/* The changes of seq n: up to three puts, and now and then the clock. */
static size_t changes_of(seq_number n, struct change changes[4])
{
    uint64_t r = mix(test_seed ^ (n * 1000003u));
    size_t count = 0;
    if (r % 5 == 0)
        changes[count++] = (struct change){.moves_clock = true, .clock = (int64_t)n};
    for (uint64_t i = 0; i < (r >> 8) % 4 && count < 4; i++) {
        uint64_t q = mix(r + i);
        struct change *c = &changes[count++];
        *c = (struct change){.key = (uint32_t)(q % KEYS),
                             .expires_at =
                                 q % 3 == 0 ? STORE_NEVER : (int64_t)(n + 1 + (q >> 20) % 2000)};
        memset(c->value, (int)(q >> 40), sizeof c->value);
        memcpy(c->value, &n, sizeof n);
        memcpy(c->value + sizeof n, &c->key, sizeof c->key);
    }
    return count;
}

static void model_advance(struct model *m, seq_number seq)
{
    while (m->seq < seq) {
        struct change changes[4];
        size_t count = changes_of(++m->seq, changes);
        for (size_t i = 0; i < count; i++) {
            if (changes[i].moves_clock) {
                m->clock = changes[i].clock;
                continue;
            }
            struct entry *entry = &m->entries[changes[i].key];
            entry->present = true;
            entry->expires_at = changes[i].expires_at;
            memcpy(entry->value, changes[i].value, VALUE_BYTES);
        }
    }
}

static void model_init(struct model *m)
{
    memset(m, 0, sizeof *m);
    m->clock = STORE_CLOCK_START;
}

/* --- the store --- */

static struct hash128 key_of(const struct store *s, uint32_t key)
{
    return store_key(s, key % KEY_GROUPS, &key, sizeof key);
}

static void store_do(struct store *s, seq_number seq)
{
    struct change changes[4];
    size_t count = changes_of(seq, changes);
    store_begin(s, seq);
    for (size_t i = 0; i < count; i++) {
        if (changes[i].moves_clock)
            store_advance(s, changes[i].clock);
        else
            store_put(s, key_of(s, changes[i].key), changes[i].expires_at, changes[i].value);
    }
}

static void assert_is_model(const struct store *s, const struct model *m)
{
    assert_true(store_clock(s) == m->clock);
    for (uint32_t key = 0; key < KEYS; key++) {
        const struct entry *entry = &m->entries[key];
        bool live =
            entry->present && (entry->expires_at == STORE_NEVER || entry->expires_at > m->clock);
        const void *value = store_find(s, key_of(s, key));
        if ((value != NULL) != live)
            fail_msg("key %u at seq %llu: %s", key, (unsigned long long)m->seq,
                     live ? "missing" : "should be gone");
        if (live)
            assert_memory_equal(value, entry->value, VALUE_BYTES);
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

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "/tmp/bulkhead-store-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    test_seed = random_bits();
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

/* --- tests --- */

static void state_comes_back_from_disk(void **state)
{
    (void)state;
    static struct model m;
    model_init(&m);
    seq_number seq = 0;
    for (int round = 0; round < 20; round++) {
        struct store *s = open_store(-1);
        assert_true(store_committed(s) == m.seq);
        assert_is_model(s, &m);
        seq = m.seq;
        seq_number end = seq + 1 + random_below(1500);
        while (seq < end) {
            store_do(s, ++seq);
            if (random_below(50) == 0)
                commit(s, seq - random_below(seq - store_committed(s)));
        }
        model_advance(&m, store_committed(s));
        store_close(s); /* what was not committed is lost */
    }
}

static void a_rollback_takes_back_what_was_in_flight(void **state)
{
    (void)state;
    static struct model m;
    model_init(&m);
    int image = new_image();
    seq_number seq = 0;
    for (int round = 0; round < 40; round++) {
        struct store *s = open_store(image);
        assert_true(store_committed(s) == m.seq);
        assert_is_model(s, &m);
        seq = m.seq;
        for (uint64_t i = random_below(3000); i > 0; i--)
            store_do(s, ++seq);
        if (seq > m.seq && random_below(4) != 0)
            commit(s, m.seq + 1 + random_below(seq - m.seq));
        model_advance(&m, store_committed(s));
        store_close(s);
    }
    (void)close(image);
}

/* Works until it is killed. Commits lag behind, as acks do. */
static _Noreturn void work_for_ever(int image)
{
    struct store *s = open_store(image);
    seq_number seq = store_committed(s);
    for (;;) {
        store_do(s, ++seq);
        if (seq % 7 == 0 || store_is_full(s))
            commit(s, seq - seq % 3);
    }
}

static void a_kill_at_any_moment_leaves_the_committed_state(void **state)
{
    (void)state;
    static struct model m;
    model_init(&m);
    int image = new_image();
    unsigned checkpoints = 0;
    for (int round = 0; round < 60; round++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            work_for_ever(image);
        (void)usleep((useconds_t)random_below(25000)); /* a random moment; it waits for nothing */
        (void)kill(pid, SIGKILL);
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        if (round % 3 == 0) { /* the image is lost too, so only the files are left */
            (void)close(image);
            image = new_image();
        }
        struct store *s = open_store(image);
        assert_true(store_committed(s) >= m.seq);
        model_advance(&m, store_committed(s));
        assert_is_model(s, &m);
        store_close(s);
        checkpoints += faccessat(dir_fd, "store.1.log", F_OK, 0) != 0 ? 1 : 0;
    }
    (void)close(image);
    print_message("%llu seqs, %s\n", (unsigned long long)m.seq,
                  checkpoints > 0 ? "over several checkpoints" : "no checkpoint reached");
}

/* Grows the log past the size at which checkpoints begin, and reads the state from one. */
static void checkpoints_replace_logs(void **state)
{
    (void)state;
    static struct model m;
    model_init(&m);
    struct store *s = open_store(-1);
    seq_number seq = 0;
    while (faccessat(dir_fd, "store.2.checkpoint", F_OK, 0) != 0) {
        store_do(s, ++seq);
        if (seq % 3 == 0)
            commit(s, seq - seq % 2);
        assert_true(seq < 2000000);
    }
    for (int i = 0; i < 1000; i++)
        store_do(s, ++seq);
    commit(s, seq);
    store_close(s);
    assert_int_not_equal(faccessat(dir_fd, "store.1.log", F_OK, 0), 0);
    model_advance(&m, seq);
    s = open_store(-1);
    assert_true(store_committed(s) == seq);
    assert_is_model(s, &m);
    store_close(s);
}

static void a_torn_log_gives_the_state_before_the_tear(void **state)
{
    (void)state;
    static struct model m;
    struct store *s = open_store(-1);
    struct stat before, after;
    for (seq_number seq = 1; seq <= 40; seq++) {
        store_do(s, seq);
        if (seq == 30)
            commit(s, seq);
    }
    assert_int_equal(fstatat(dir_fd, "store.1.log", &before, 0), 0);
    commit(s, 40);
    assert_int_equal(fstatat(dir_fd, "store.1.log", &after, 0), 0);
    store_close(s);
    int fd = openat(dir_fd, "store.1.log", O_RDWR | O_CLOEXEC);
    struct buf whole = {0};
    assert_int_equal(file_read_whole(fd, 1 << 20, &whole, NULL), 0);
    /* Every length at both ends, and some in between. */
    for (off_t len = before.st_size; len <= after.st_size;
         len += len < before.st_size + 64 || len > after.st_size - 80 ? 1 : 13) {
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(file_write_at(fd, 0, whole.data, (size_t)len, NULL), 0);
        s = open_store(-1);
        assert_true(store_committed(s) == (len == after.st_size ? 40u : 30u));
        model_init(&m);
        model_advance(&m, store_committed(s));
        assert_is_model(s, &m);
        store_close(s);
    }
    buf_done(&whole);
    (void)close(fd);
}

/* A byte that changed anywhere but in the last group is not a torn end, and is refused. */
static void a_changed_byte_is_refused(void **state)
{
    (void)state;
    struct store *s = open_store(-1);
    struct stat st, before_last;
    for (seq_number seq = 1; seq <= 20; seq++) {
        store_do(s, seq);
        if (seq == 20)
            assert_int_equal(fstatat(dir_fd, "store.1.log", &before_last, 0), 0);
        if (seq % 5 == 0)
            commit(s, seq);
    }
    store_close(s);
    int fd = openat(dir_fd, "store.1.log", O_RDWR | O_CLOEXEC);
    assert_int_equal(fstat(fd, &st), 0);
    assert_true(before_last.st_size > 0 && before_last.st_size < st.st_size);
    for (off_t at = 0; at < before_last.st_size; at++) {
        uint8_t byte;
        size_t got;
        struct err e;
        assert_int_equal(file_read_at(fd, (uint64_t)at, &byte, 1, &got, &e), 0);
        uint8_t changed = byte ^ 0x04;
        assert_int_equal(file_write_at(fd, (uint64_t)at, &changed, 1, &e), 0);
        struct store *damaged = NULL;
        int rc = store_open(dir_fd, -1, &spec, false, &damaged, &e);
        if (rc == 0)
            fail_msg("byte %lld was changed unnoticed", (long long)at);
        assert_true(rc == ERR_CORRUPT || rc == ERR_MISMATCH);
        assert_non_null(strstr(e.text, "store.1.log"));
        assert_int_equal(file_write_at(fd, (uint64_t)at, &byte, 1, &e), 0);
    }
    struct stat after;
    assert_int_equal(fstat(fd, &after), 0);
    assert_int_equal(after.st_size, st.st_size); /* nothing was cut off */
    (void)close(fd);
}

static void another_schema_is_refused(void **state)
{
    (void)state;
    struct store *s = open_store(-1);
    store_do(s, 1);
    commit(s, 1);
    store_close(s);
    struct store_spec other = spec;
    store_spec_set_schema(&other, "test 2");
    struct err e;
    assert_int_equal(store_open(dir_fd, -1, &other, false, &s, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "{test 1}"));
    assert_non_null(strstr(e.text, "{test 2}"));
}

static void a_long_schema_keeps_its_difference(void **state)
{
    (void)state;
    char text[600];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    struct store_spec one = {0}, other = {0};
    store_spec_set_schema(&one, text);
    text[590] = 'b';
    store_spec_set_schema(&other, text);
    assert_string_not_equal(one.schema, other.schema);
    assert_int_equal(strlen(one.schema), STORE_SCHEMA_BYTES_MAX);
}

static void memory_is_given_back_when_entries_expire(void **state)
{
    (void)state;
    struct store *s = open_store(-1);
    uint8_t value[VALUE_BYTES] = {0};
    uint64_t most = 0;
    for (uint32_t n = 1; n <= 400000; n++) {
        store_begin(s, n);
        store_advance(s, n);
        store_put(s, key_of(s, n), (int64_t)n + 1000, value); /* a thousand are live */
        if (n % 500 == 0)
            commit(s, n);
        most = store_entries(s) > most ? store_entries(s) : most;
    }
    assert_true(most < 60000); /* 256 shards with room for 64, and expired entries */
    store_close(s);
}

struct seen {
    const struct model *model;
    int64_t until;
    uint32_t count;
};

/* The model's key is in the value, after the seq. */
static void see(void *context, struct hash128 key, int64_t expires_at, const void *value)
{
    struct seen *seen = context;
    uint32_t number;
    (void)key;
    memcpy(&number, (const uint8_t *)value + sizeof(seq_number), sizeof number);
    const struct entry *entry = &seen->model->entries[number];
    assert_true(entry->present && entry->expires_at == expires_at && expires_at <= seen->until &&
                expires_at > seen->model->clock);
    assert_memory_equal(entry->value, value, VALUE_BYTES);
    seen->count++;
}

/* What the model says about a time: how many expire until then, and when the first does. */
static uint32_t count_expiring(const struct model *m, int64_t until, int64_t *ret_first)
{
    uint32_t count = 0;
    *ret_first = STORE_NEVER;
    for (uint32_t key = 0; key < KEYS; key++) {
        const struct entry *entry = &m->entries[key];
        if (!entry->present || entry->expires_at == STORE_NEVER || entry->expires_at <= m->clock)
            continue;
        count += entry->expires_at <= until ? 1 : 0;
        *ret_first = entry->expires_at < *ret_first ? entry->expires_at : *ret_first;
    }
    return count;
}

/* Also across new processes, rollbacks, and shards that grow. */
static void what_expires_is_found_before_it_goes(void **state)
{
    (void)state;
    static struct model m;
    model_init(&m);
    int image = new_image();
    uint32_t found = 0;
    for (int round = 0; round < 12; round++) {
        if (round % 4 == 3) {
            (void)close(image);
            image = new_image();
        }
        struct store *s = open_store(image);
        model_init(&m);
        model_advance(&m, store_committed(s));
        seq_number seq = m.seq;
        for (int n = 0; n < 600; n++) {
            store_do(s, ++seq);
            model_advance(&m, seq);
            int64_t first;
            int64_t until = m.clock + (int64_t)random_below(20);
            struct seen seen = {.model = &m, .until = until};
            uint32_t expected = count_expiring(&m, until, &first);
            assert_true(store_next_expiry(s) <= first);
            assert_true(store_next_expiry(s) > m.clock);
            store_each_expiring(s, until, see, &seen);
            assert_int_equal(seen.count, expected);
            found += expected;
            if (random_below(40) == 0)
                commit(s, seq - random_below(seq - store_committed(s)));
        }
        store_close(s);
    }
    (void)close(image);
    assert_true(found > 1000);
}

static void what_never_expires_is_not_waited_for(void **state)
{
    (void)state;
    struct store *s = open_store(-1);
    uint8_t value[VALUE_BYTES] = {0};
    assert_true(store_next_expiry(s) == STORE_NEVER);
    store_begin(s, 1);
    store_put(s, key_of(s, 1), STORE_NEVER, value);
    store_put(s, key_of(s, 2), 10, value);
    assert_true(store_next_expiry(s) == 10);
    store_put(s, key_of(s, 3), 5, value);
    assert_true(store_next_expiry(s) == 5);
    store_advance(s, 10); /* expired by the clock, though both take up room */
    assert_true(store_next_expiry(s) == STORE_NEVER);
    store_put(s, key_of(s, 4), 9, value); /* expired before it was put */
    assert_true(store_next_expiry(s) == STORE_NEVER);
    store_close(s);
}

static void count_visit(void *context, struct hash128 key, int64_t expires_at, const void *value)
{
    (void)key;
    (void)expires_at;
    (void)value;
    ++*(size_t *)context;
}

/*
 * However many entries wait in one group, each with its own time, finding what expires does not
 * read all of them for each. Counts work, not time.
 */
static void what_expires_one_by_one_is_found_cheaply(void **state)
{
    (void)state;
    enum { OPEN = 5000, STEPS = 20000 };
    struct store *s = open_store(-1);
    uint8_t value[VALUE_BYTES] = {0};
    size_t found = 0;
    for (seq_number seq = 1; seq <= STEPS; seq++) {
        store_begin(s, seq);
        store_each_expiring(s, (int64_t)seq, count_visit, &found);
        store_advance(s, (int64_t)seq);
        uint8_t bytes[8];
        bytes_put_u64(bytes, seq);
        struct hash128 key = store_key(s, 7, bytes, sizeof bytes);
        for (int again = 0; again < 3; again++)
            store_put(s, key, (int64_t)seq + OPEN, value);
        if (seq % 1000 == 0)
            commit(s, seq);
    }
    assert_int_equal(found, STEPS - OPEN);
    assert_true(s->expiry.reads <= 8 * STEPS / OPEN + 2);
    store_close(s);
}

/*
 * A process that begins with many entries collects what expires first in bounded memory, whether
 * they expire one by one or all together, and beats meanwhile. Counts work, not time.
 */
static void begin_with_many(bool together)
{
    enum { OPEN = 40000, SEQS = 40 };
    int image = new_image();
    struct store *s = open_store(image);
    uint8_t value[VALUE_BYTES] = {0};
    for (uint32_t i = 0; i < OPEN; i++) {
        store_begin(s, i / (OPEN / SEQS) + 1);
        store_put(s, key_of(s, i), together ? OPEN : OPEN - (int64_t)i, value);
    }
    commit(s, SEQS);
    store_close(s);

    s = open_store(image);
    _Atomic uint64_t beats = 0;
    s->expiry.beats = &beats;
    store_begin(s, SEQS + 1);
    assert_true(store_next_expiry(s) == (together ? OPEN : 1));
    assert_int_equal(s->expiry.reads, 1);
    assert_true(beats >= IMAGE_SHARDS);
    const size_t most = 4 * s->expiry.kept + 4;
    assert_true(most < OPEN);
    assert_true(s->expiry.capacity_most <= most);
    for (int64_t until = 1; until <= OPEN; until += until < 10 ? 1 : (OPEN - 10) / 3) {
        size_t found = 0;
        store_each_expiring(s, until, count_visit, &found);
        assert_int_equal(found, !together ? until : until == OPEN ? OPEN : 0);
    }
    assert_true(s->expiry.capacity_most <= most);
    store_close(s);
    (void)close(image);
}

static void what_is_open_takes_bounded_memory_at_a_start(void **state)
{
    (void)state;
    begin_with_many(false);
}

static void what_closes_at_once_takes_bounded_memory_at_a_start(void **state)
{
    (void)state;
    begin_with_many(true);
}

/* One seq may change gigabytes; writing them beats. */
static void a_large_commit_beats(void **state)
{
    (void)state;
    const size_t len = 3 * (size_t)STORE_WRITE_PIECE_BYTES;
    uint8_t *body = memory_new(len, 1);
    struct buf scratch = {0};
    _Atomic uint64_t beats = 0;
    struct err e;
    int fd = new_image();
    assert_int_equal(store_log_write(fd, 1, 0, 1, 1, body, 1000, &scratch, &beats, &e), 0);
    assert_int_equal(store_log_sync(fd, 0, 1000, &beats, &e), 0);
    assert_int_equal(beats, 0);
    assert_int_equal(store_log_write(fd, 1, 0, 1, 1, body, len, &scratch, &beats, &e), 0);
    assert_true(beats >= 3);
    uint64_t written;
    assert_int_equal(file_length(fd, &written, &e), 0);
    assert_int_equal(written, STORE_GROUP_HEADER_BYTES + len);
    beats = 0;
    assert_int_equal(store_log_sync(fd, 0, written, &beats, &e), 0);
    assert_true(beats >= 3);
    (void)close(fd);
    buf_done(&scratch);
    free(body);
}

static void a_group_is_the_top_byte_of_its_keys(void **state)
{
    (void)state;
    struct store *s = open_store(-1);
    for (unsigned group = 0; group < KEY_GROUPS; group++) {
        struct hash128 key = store_key(s, group, "key", 3);
        assert_int_equal(key.high >> 56, group);
        assert_true(key.low == store_key(s, 0, "key", 3).low);
    }
    store_close(s);
}

/* Ids that are kept forever: no value, no expiry; so many that tables move again and again. */
static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct hash128));
}

/* All days and weeks that a time can be in, and as many again for lateness: 1530 to 2410. */
static void windows_of_a_key_never_meet(void **state)
{
    (void)state;
    enum { FIRST = -320000, LAST = 320000, COUNT = LAST - FIRST + 1 };
    struct hash128 key = {.low = random_bits(), .high = random_bits()};
    struct hash128 *keys = memory_new(COUNT, sizeof *keys);
    for (int n = FIRST; n <= LAST; n++) {
        keys[n - FIRST] = store_subkey(key, (uint64_t)n);
        assert_true(keys[n - FIRST].high >> 56 == key.high >> 56);
    }
    qsort(keys, COUNT, sizeof *keys, compare_keys);
    for (int i = 1; i < COUNT; i++)
        assert_true(keys[i].low != keys[i - 1].low); /* only this tells them apart */
    free(keys);
}

/*
 * Input can make a group as large as it likes. A group is written and read in pieces, with beats,
 * and with little memory.
 */
static void a_group_of_many_keys_is_written_and_read_in_pieces(void **state)
{
    (void)state;
    enum { MANY = 40000 };
    static _Atomic uint64_t beats;
    struct store_spec many = spec;
    many.beats = &beats;
    struct store *s;
    struct err e;
    uint8_t value[VALUE_BYTES] = {7};
    assert_int_equal(store_open(dir_fd, -1, &many, false, &s, &e), 0);
    for (uint64_t n = 1; n <= MANY; n++) {
        store_begin(s, n);
        store_put(s, store_key(s, 3, &n, sizeof n), STORE_NEVER, value);
        if (n % 64 == 0 || n == MANY)
            assert_int_equal(store_commit(s, n, &e), 0);
    }
    struct store_file_header header = store_header(s, 1);
    struct store_checkpoint c;
    struct buf scratch = {0};
    assert_int_equal(store_checkpoint_begin(&c, dir_fd, &header, NULL, &e), 0);
    for (unsigned group = 0; group < KEY_GROUPS; group++) {
        /* A block that could not be written completely is written again, and counted once. */
        if (group == 3) {
            struct rlimit old, less;
            (void)signal(SIGXFSZ, SIG_IGN);
            assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
            less = (struct rlimit){.rlim_cur = c.len + (3u << 20), .rlim_max = old.rlim_max};
            assert_int_equal(setrlimit(RLIMIT_FSIZE, &less), 0);
            assert_int_not_equal(store_checkpoint_write_group(&c, &s->image, 0, &scratch, &e), 0);
            assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        }
        uint64_t before = beats;
        assert_int_equal(store_checkpoint_write_group(&c, &s->image, 0, &scratch, &e), 0);
        assert_true(beats - before >= (group == 3 ? MANY * VALUE_BYTES >> 20 : 0));
    }
    assert_true(scratch.capacity <= 4u << 20);
    assert_int_equal(store_checkpoint_finish(&c, dir_fd, 1, false, &beats, &e), 0);
    buf_done(&scratch);

    struct image image;
    int fd;
    assert_int_equal(image_init(&image, -1, &(struct store_spec){.beats = &beats}, &e), 0);
    assert_int_equal(store_checkpoint_open(dir_fd, 1, &fd, &header, &e), 0);
    assert_int_equal(image_format(&image, &many, header.secret, &e), 0);
    uint64_t before = beats;
    if (store_checkpoint_load(fd, &header, &image, &beats, &e) != 0)
        fail_msg("%s", e.text);
    assert_true(beats - before >= (MANY * VALUE_BYTES >> 20));
    assert_int_equal(image_entries(&image), MANY);
    for (uint64_t n = 1; n <= MANY; n++)
        assert_memory_equal(image_find(&image, store_key(s, 3, &n, sizeof n)), value, VALUE_BYTES);
    (void)close(fd);
    image_done(&image);
    store_close(s);
}

static void what_cannot_expire(void **state)
{
    (void)state;
    static const struct store_spec ids = {.schema = "ids"};
    enum { IDS = 60000 };
    int image_fd = memfd_create("test-image", MFD_CLOEXEC);
    uint64_t first = random_bits();
    struct store *s = NULL;
    struct err e;
    for (unsigned life = 0; life < 4; life++) {
        /* The last process has only the disk. */
        int fd = life < 3 ? image_fd : -1;
        assert_int_equal(store_open(dir_fd, fd, &ids, false, &s, &e), 0);
        for (unsigned i = 0; i < (life + 1) * IDS; i++) {
            uint64_t id = first + i;
            struct hash128 key = store_key(s, (unsigned)(id % KEY_GROUPS), &id, sizeof id);
            assert_int_equal(store_find(s, key) != NULL, i < life * IDS);
        }
        seq_number seq = store_committed(s);
        assert_int_equal(seq, life * IDS);
        /* A fifth more than is committed, which the next process must not see. */
        for (unsigned i = 0; i < IDS + IDS / 5; i++) {
            uint64_t id = first + seq + i;
            store_begin(s, seq + i + 1);
            store_put(s, store_key(s, (unsigned)(id % KEY_GROUPS), &id, sizeof id), STORE_NEVER,
                      NULL);
            if (i == IDS - 1 || (i < IDS && store_is_full(s)))
                assert_int_equal(store_commit(s, seq + i + 1, &e), 0);
        }
        store_close(s);
    }
    (void)close(image_fd);
}

/* The log is removed, replaced or truncated while it is in use: the next commit reports it. */
static void a_log_that_others_change_takes_no_commit(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct store *s = open_store(-1);
        struct err e;
        store_do(s, 1);
        commit(s, 1);
        store_do(s, 2);
        int fd = openat(dir_fd, "store.1.log", O_RDWR | O_CLOEXEC);
        if (how == 0)
            assert_int_equal(ftruncate(fd, 330), 0);
        if (how != 0)
            assert_int_equal(unlinkat(dir_fd, "store.1.log", 0), 0);
        (void)close(fd);
        fd = how == 2 ? openat(dir_fd, "store.1.log", O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
        assert_int_equal(store_commit(s, 2, &e), ERR_MISMATCH);
        assert_non_null(strstr(e.text, "'store.1.log'"));
        assert_int_equal(store_committed(s), 1);
        store_close(s);
        if (fd >= 0)
            (void)close(fd);
        (void)unlinkat(dir_fd, "store.1.log", 0);
    }
}

/* A file that was truncated while it was written must not replace those it was made from. */
static void a_checkpoint_that_others_cut_replaces_nothing(void **state)
{
    (void)state;
    struct store_checkpoint c;
    struct store_file_header header = {.number = 2, .schema = "test"};
    struct buf scratch = {0};
    struct err e;
    for (int damaged = 1; damaged >= 0; damaged--) {
        assert_int_equal(store_checkpoint_begin(&c, dir_fd, &header, NULL, &e), 0);
        for (unsigned group = 0; group < KEY_GROUPS; group++)
            assert_int_equal(store_checkpoint_write_group(&c, NULL, 0, &scratch, &e), 0);
        if (damaged)
            assert_int_equal(file_remove(dir_fd, "store.2.checkpoint.new", &e), 0);
        assert_int_equal(store_checkpoint_finish(&c, dir_fd, 2, false, NULL, &e),
                         damaged ? ERR_MISMATCH : 0);
        assert_int_equal(faccessat(dir_fd, "store.2.checkpoint", F_OK, 0), damaged ? -1 : 0);
    }
    buf_done(&scratch);
}

int main(int argc, char **argv)
{
    random_init("store");
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(state_comes_back_from_disk),
        TEST(a_rollback_takes_back_what_was_in_flight),
        TEST(a_kill_at_any_moment_leaves_the_committed_state),
        TEST(checkpoints_replace_logs),
        TEST(a_torn_log_gives_the_state_before_the_tear),
        TEST(a_changed_byte_is_refused),
        TEST(another_schema_is_refused),
        TEST(a_log_that_others_change_takes_no_commit),
        TEST(a_checkpoint_that_others_cut_replaces_nothing),
        TEST(a_long_schema_keeps_its_difference),
        TEST(memory_is_given_back_when_entries_expire),
        TEST(what_cannot_expire),
        TEST(windows_of_a_key_never_meet),
        TEST(a_group_of_many_keys_is_written_and_read_in_pieces),
        TEST(what_expires_is_found_before_it_goes),
        TEST(what_never_expires_is_not_waited_for),
        TEST(what_expires_one_by_one_is_found_cheaply),
        TEST(what_is_open_takes_bounded_memory_at_a_start),
        TEST(what_closes_at_once_takes_bounded_memory_at_a_start),
        TEST(a_large_commit_beats),
        TEST(a_group_is_the_top_byte_of_its_keys),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
