/* SPDX-License-Identifier: MIT */
/*
 * A store that is written again in another form: what becomes of its entries and its clock, as a
 * text. The old files are only read.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"
#include "stages/store/store_parts.h"
#include "tests/unit/cases.h"
#include "topology/partition.h"

#define KEYS 5u
#define NONE STORE_CLOCK_START /* the key has no entry */

static char directory[64];

static int open_dir(const char *name)
{
    char *path = memory_format("%s/%s", directory, name);
    (void)mkdir(path, 0700);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    free(path);
    return fd;
}

static int shell(const char *text)
{
    char *command = memory_format("cd '%s' && { %s; }", directory, text);
    int rc = system(command);
    free(command);
    return rc;
}

static struct store_spec spec_of(bool expires, const char *schema)
{
    struct store_spec spec = {.value_len = 8, .expires = expires, .has_secret = true};
    store_spec_set_schema(&spec, schema);
    memset(spec.secret, 9, sizeof spec.secret);
    return spec;
}

static struct hash128 key_of(const struct store *s, uint64_t n)
{
    return store_key(s, (unsigned)n * 50, &n, sizeof n);
}

/* Fills the store of a worker with its share of keys that expire at these times, up to a seq. */
static void fill(const char *name, const struct store_spec *spec, size_t worker, size_t workers,
                 const int64_t expires_at[KEYS], int64_t clock, seq_number seq)
{
    struct store *s;
    struct err e;
    int fd = open_dir(name);
    assert_int_equal(store_open(fd, -1, spec, false, &s, &e), 0);
    store_begin(s, 1);
    for (uint64_t n = 0; n < KEYS; n++) {
        uint64_t value = 100 + n;
        if (expires_at[n] != NONE && partition_worker_of_group((unsigned)n * 50, workers) == worker)
            store_put(s, key_of(s, n), expires_at[n], &value);
    }
    if (clock != STORE_CLOCK_START)
        store_advance(s, clock);
    assert_int_equal(store_commit(s, seq, &e), 0);
    store_close(s);
    (void)close(fd);
}

struct seen {
    const struct store *store;
    int64_t expires_at[KEYS];
};

static void see(void *context, struct hash128 key, int64_t expires_at, const void *value)
{
    struct seen *seen = context;
    uint64_t number;
    memcpy(&number, value, sizeof number);
    assert_true(number >= 100 && number < 100 + KEYS);
    assert_true(key_of(seen->store, number - 100).low == key.low);
    seen->expires_at[number - 100] = expires_at;
}

static void add_time(int64_t time, struct buf *out)
{
    if (time == STORE_NEVER)
        buf_add_text(out, " never");
    else if (time == NONE)
        buf_add_text(out, " -");
    else
        buf_add_format(out, " %" PRId64, time);
}

/* "at SEQ, CLOCK: EXPIRY EXPIRY …", with "-" for keys without an entry. */
static void tell(const char *name, const struct store_spec *spec, struct buf *out)
{
    struct store *s;
    struct err e;
    int fd = open_dir(name);
    if (store_open(fd, -1, spec, false, &s, &e) != 0)
        fail_msg("%s", e.text);
    struct seen seen = {.store = s, .expires_at = {NONE, NONE, NONE, NONE, NONE}};
    store_each_live(s, see, &seen);
    buf_add_format(out, "at %" PRIu64 ",", store_committed(s));
    add_time(store_clock(s), out);
    buf_add_text(out, ":");
    for (size_t n = 0; n < KEYS; n++)
        add_time(seen.expires_at[n], out);
    store_close(s);
    (void)close(fd);
}

struct row {
    struct store_conversion conversion;
    bool expired, expires; /* in the old store, and in the new one */
    int64_t expires_at[KEYS], clock;
    const char *told; /* NULL: refused */
};

static void check(const struct row *row)
{
    struct store_spec old = spec_of(row->expired, "old"), new = spec_of(row->expires, "new");
    struct store_parts *parts;
    struct err e;
    struct buf told = {0};
    assert_int_equal(shell("rm -rf old new before"), 0);
    fill("old", &old, 0, 1, row->expires_at, row->clock, 7);
    assert_int_equal(shell("cp -a old before"), 0);
    int old_fd = open_dir("old"), new_fd = open_dir("new");
    struct store_part part = {.dir_fd = old_fd, .name = "old", .spec = old};
    assert_int_equal(store_parts_load(&part, 1, &parts, &e), 0);
    assert_true(store_parts_are_level(parts, 1) && store_parts_are_level(parts, 3));
    int rc = store_parts_write(parts, 0, 1, new_fd, &new, &row->conversion, &e);
    store_parts_free(parts);
    (void)close(old_fd);
    (void)close(new_fd);
    assert_int_equal(shell("diff -r old before"), 0);
    if (row->told == NULL) {
        assert_int_equal(rc, ERR_MISMATCH);
        assert_string_equal(e.text, "its clock would be moved beyond the first or the last moment "
                                    "of time; use a duration that is closer to the former one");
        assert_int_equal(shell("rmdir new"), 0); /* nothing was written */
        return;
    }
    assert_int_equal(rc, 0);
    tell("new", &new, &told);
    assert_string_equal(buf_text(&told), row->told);
    buf_done(&told);
}

#define SHIFT(ns)                                                                                  \
    {                                                                                              \
        .shift_ns = (ns), .shifts_clock = true                                                     \
    }
#define MAX STORE_NEVER
#define MIN INT64_MIN

static void entries_take_another_form(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* As it is: what has expired is gone. */
        {{0}, true, true, {1, 10, 11, 500, MAX}, 10, "at 7, 10: - - 11 500 never"},
        /* In the time of the store nothing moves. */
        {SHIFT(100), true, true, {1, 10, 11, 500, MAX}, 10, "at 7, 110: - - 111 600 never"},
        {SHIFT(-100), true, true, {1, 10, 11, 500, MAX}, 10, "at 7, -90: - - -89 400 never"},
        /* Without the clock: more time for what there is, or less, and none for some. */
        {{.shift_ns = 100}, true, true, {1, 10, 11, 500, MAX}, 10, "at 7, 10: - - 111 600 never"},
        {{.shift_ns = -100},
         true,
         true,
         {11, 110, 111, 500, MAX},
         10,
         "at 7, 10: - - 11 400 never"},
        /* To entries without a time, and from them. */
        {{.forgets_expiry = true},
         true,
         false,
         {1, 10, 11, 500, MAX},
         10,
         "at 7, 10: - - never never never"},
        {{.forgets_expiry = true},
         true,
         true,
         {1, 10, 11, 500, MAX},
         10,
         "at 7, 10: - - never never never"},
        {{0}, false, true, {MAX, MAX, NONE, MAX, MAX}, MIN, "at 7, -: never never - never never"},
        {{0}, false, false, {MAX, MAX, NONE, MAX, MAX}, MIN, "at 7, -: never never - never never"},
        /* A clock that was never advanced has nothing to move. */
        {SHIFT(100),
         true,
         true,
         {MIN + 1, 5, NONE, NONE, MAX},
         MIN,
         "at 7, -: -9223372036854775707 105 - - never"},
        {SHIFT(-100), true, true, {-1, 5, NONE, NONE, MAX}, MIN, "at 7, -: -101 -95 - - never"},
        /* Nothing comes back from beyond the end of time, or from before its beginning. */
        {SHIFT(100),
         true,
         true,
         {MAX - 1, MAX - 100, MAX - 101, NONE, MAX},
         10,
         "at 7, 110: never never 9223372036854775806 - never"},
        {SHIFT(MAX),
         true,
         true,
         {-4, -3, 1, NONE, MAX},
         -5,
         "at 7, 9223372036854775802: 9223372036854775803 9223372036854775804 never - never"},
        {SHIFT(-MAX),
         true,
         true,
         {5, 6, MAX - 1, NONE, MAX},
         4,
         "at 7, -9223372036854775803: -9223372036854775802 -9223372036854775801 -1 - never"},
        {SHIFT(MAX), true, true, {1, NONE, NONE, NONE, MAX}, 0, NULL},
        {SHIFT(MAX), true, true, {MAX - 1, NONE, NONE, NONE, MAX}, 1, NULL},
        {SHIFT(-MAX), true, true, {5, NONE, NONE, NONE, MAX}, -1, NULL},
        {SHIFT(-MAX), true, true, {5, NONE, NONE, NONE, MAX}, -2, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        print_message("row %zu\n", i);
        check(&rows[i]);
    }
}

/* Two workers that were killed at different seqs. */
static void load_two(struct store_parts **ret_parts)
{
    static const int64_t times[KEYS] = {20, 30, 40, 50, 60};
    struct store_spec spec = spec_of(true, "old");
    struct store_part parts[2];
    struct err e;
    fill("old.0", &spec, 0, 2, times, 10, 7);
    fill("old.1", &spec, 1, 2, times, 35, 9);
    parts[0] = (struct store_part){.dir_fd = open_dir("old.0"), .name = "old.0", .spec = spec};
    parts[1] = (struct store_part){.dir_fd = open_dir("old.1"), .name = "old.1", .spec = spec};
    assert_int_equal(store_parts_load(parts, 2, ret_parts, &e), 0);
    (void)close(parts[0].dir_fd);
    (void)close(parts[1].dir_fd);
}

static void as_many_workers_keep_their_seqs_and_clocks(void **state)
{
    (void)state;
    static const struct store_conversion conversion = SHIFT(1000);
    static const char *const told[] = {"at 7, 1010: 1020 1030 1040 - -",
                                       "at 9, 1035: - - - 1050 1060"};
    struct store_spec new = spec_of(true, "new");
    struct store_parts *parts;
    struct err e;
    load_two(&parts);
    assert_true(store_parts_are_level(parts, 2));
    for (size_t i = 0; i < 2; i++) {
        struct buf text = {0};
        char name[] = {'n', 'e', 'w', '.', (char)('0' + i), '\0'};
        int fd = open_dir(name);
        assert_int_equal(store_parts_write(parts, i, 2, fd, &new, &conversion, &e), 0);
        tell(name, &new, &text);
        assert_string_equal(buf_text(&text), told[i]);
        buf_done(&text);
        (void)close(fd);
    }
    store_parts_free(parts);
}

/* With another number of workers some of their groups would be ahead, and stay so. */
static void a_group_that_is_ahead_is_not_level(void **state)
{
    (void)state;
    struct store_spec new = spec_of(true, "new");
    struct store_parts *parts;
    struct err e;
    load_two(&parts);
    assert_false(store_parts_are_level(parts, 1));
    assert_false(store_parts_are_level(parts, 3));
    int fd = open_dir("new");
    assert_int_equal(store_parts_write(parts, 0, 1, fd, &new, NULL, &e), 0);
    store_parts_free(parts);
    struct store_part part = {.dir_fd = fd, .name = "new", .spec = new};
    assert_int_equal(store_parts_load(&part, 1, &parts, &e), 0);
    assert_false(store_parts_are_level(parts, 1));
    store_parts_free(parts);
    (void)close(fd);
}

static void what_a_store_is_of_is_read_from_its_files(void **state)
{
    (void)state;
    static const int64_t times[KEYS] = {20, 30, 40, 50, 60};
    struct store_spec spec = spec_of(true, "old"), read = spec_of(false, "new");
    struct err e;
    bool found = true;
    int fd = open_dir("old");
    assert_int_equal(store_read_spec(fd, &found, &read, &e), 0);
    assert_true(!found && !read.expires && strcmp(read.schema, "new") == 0);
    fill("old", &spec, 0, 1, times, 10, 7);
    read.value_len = 16;
    assert_int_equal(store_read_spec(fd, &found, &read, &e), 0);
    assert_true(found && read.expires && read.value_len == 8);
    assert_string_equal(read.schema, "old");
    assert_int_equal(shell("mv old/store.1.log old/store.1.checkpoint"), 0);
    assert_int_equal(store_read_spec(fd, &found, &read, &e), ERR_CORRUPT);
    assert_string_equal(e.text, "store.1.log is missing");
    (void)close(fd);
}

/* --- a kind that rewrites its entries --- */

#define MANY 20000u
#define LARGE_GROUP 9u

struct halving {
    struct hash128 added;
    unsigned begun;
};

static void begin_group(void *context, const struct store *old, unsigned group)
{
    struct halving *h = context;
    assert_true(store_committed(old) == 7 && store_clock(old) == 10);
    h->added = store_key(old, group, "added", 5);
    h->begun++;
}

static bool halve(void *context, struct hash128 key, int64_t *expires_at, void *value)
{
    (void)context;
    (void)key;
    uint64_t number;
    memcpy(&number, value, sizeof number);
    assert_true(*expires_at == 1020); /* it was moved before */
    *expires_at += (int64_t)number;
    number *= 2;
    memcpy(value, &number, sizeof number);
    return number % 4 == 0;
}

static bool add_one(void *context, struct hash128 *ret_key, int64_t *ret_expires_at,
                    void *ret_value)
{
    const struct halving *h = context;
    uint64_t number = 7;
    *ret_key = h->added;
    *ret_expires_at = STORE_NEVER;
    memcpy(ret_value, &number, sizeof number);
    return h->added.high >> 56 == LARGE_GROUP;
}

/* Its group is written in several pieces, and still counted right. */
static void a_large_group_is_rewritten_by_its_kind(void **state)
{
    (void)state;
    struct halving halving = {.begun = 0};
    struct store_rewrite rewrite = {&halving, begin_group, halve, add_one};
    struct store_conversion conversion = {.shift_ns = 1000, .rewrite = &rewrite};
    struct store_spec spec = spec_of(true, "old"), new = spec_of(true, "new");
    struct store_parts *parts;
    struct store *s;
    struct err e;
    uint64_t value[32] = {0};
    spec.value_len = new.value_len = sizeof value;
    int fd = open_dir("old"), new_fd = open_dir("new");
    assert_int_equal(store_open(fd, -1, &spec, false, &s, &e), 0);
    store_begin(s, 7);
    for (value[0] = 0; value[0] < MANY; value[0]++)
        store_put(s, store_key(s, LARGE_GROUP, value, sizeof value[0]), 20, value);
    store_advance(s, 10);
    assert_int_equal(store_commit(s, 7, &e), 0);
    store_close(s);
    struct store_part part = {.dir_fd = fd, .name = "old", .spec = spec};
    assert_int_equal(store_parts_load(&part, 1, &parts, &e), 0);
    assert_int_equal(store_parts_write(parts, 0, 1, new_fd, &new, &conversion, &e), 0);
    assert_int_equal(halving.begun, KEY_GROUPS);
    store_parts_free(parts);
    if (store_open(new_fd, -1, &new, false, &s, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(store_entries(s), MANY / 2 + 1);
    for (uint64_t n = 0; n < MANY; n++) {
        const void *found = store_find(s, store_key(s, LARGE_GROUP, &n, sizeof n));
        assert_true((found != NULL) == (n % 2 == 0));
        assert_true(found == NULL || memcmp(found, &(uint64_t){2 * n}, sizeof n) == 0);
    }
    const void *added = store_find(s, store_key(s, LARGE_GROUP, "added", 5));
    assert_true(added != NULL && memcmp(added, &(uint64_t){7}, 8) == 0);
    store_close(s);
    (void)close(fd);
    (void)close(new_fd);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "/dev/shm/bulkhead-conversion-XXXXXX");
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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(entries_take_another_form),
        TEST(as_many_workers_keep_their_seqs_and_clocks),
        TEST(a_group_that_is_ahead_is_not_level),
        TEST(what_a_store_is_of_is_read_from_its_files),
        TEST(a_large_group_is_rewritten_by_its_kind),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
