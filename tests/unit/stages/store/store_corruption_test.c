/* SPDX-License-Identifier: MIT */
/*
 * Damage to the files of a store: its logs and its checkpoints. damage.h says what is done.
 */
#include "common/bytes.h"
#include "common/hash.h"
#include "stages/store/store.h"
#include "stages/store/store_log.h"
#include "tests/unit/damage.h"

#define KEYS 40u
#define VALUE_BYTES 16u
#define GROUPS 6u

static const struct store_spec spec = {
    .value_len = VALUE_BYTES, .expires = true, .schema = "test 1"};

static seq_number first_of_log;        /* the log begins after this seq */
static seq_number group_last[GROUPS];  /* the last seq of each group of the log */
static size_t group_begin[GROUPS + 1]; /* where each group begins; the last is the length */

/* Every seq sets some keys to itself. */
static bool sets(seq_number seq, uint32_t key)
{
    return (seq * 7 + key) % 5 == 0 && (seq % KEYS == key || seq % 11 == 0);
}

static void store_do(struct store *s, seq_number seq)
{
    store_begin(s, seq);
    for (uint32_t key = 0; key < KEYS; key++) {
        uint64_t value[2] = {seq, key};
        if (sets(seq, key))
            store_put(s, store_key(s, key, &key, sizeof key), STORE_NEVER, value);
    }
    if (seq % 13 == 0)
        store_advance(s, (int64_t)seq);
}

static struct outcome open_store(void)
{
    struct outcome o = {0};
    struct store *s;
    o.rc = store_open(dir_fd, -1, &spec, false, &s, &o.e);
    if (o.rc != 0)
        return o;
    o.seq = store_committed(s);
    for (uint32_t key = 0; key < KEYS; key++) {
        seq_number last = o.seq;
        while (last > 0 && !sets(last, key))
            last--;
        const uint64_t *value = store_find(s, store_key(s, key, &key, sizeof key));
        if ((value != NULL) != (last != 0) ||
            (value != NULL && (value[0] != last || value[1] != key)))
            fail_msg("the state at seq %llu is wrong", (unsigned long long)o.seq);
    }
    seq_number clock = o.seq - o.seq % 13;
    assert_true(store_clock(s) == (clock != 0 ? (int64_t)clock : STORE_CLOCK_START));
    store_close(s);
    return o;
}

static struct store *new_store(void)
{
    struct store *s;
    struct err e;
    if (store_open(dir_fd, -1, &spec, false, &s, &e) != 0)
        fail_msg("%s", e.text);
    return s;
}

static void commit(struct store *s, seq_number seq)
{
    struct err e;
    if (store_commit(s, seq, &e) != 0 || store_maintain(s, &e) != 0)
        fail_msg("%s", e.text);
}

/* Writes some groups to the newest log, and notes where they are. */
static void write_groups(struct store *s, const char *log, seq_number seq)
{
    first_of_log = seq;
    for (size_t i = 0; i <= GROUPS; i++) {
        struct stat st;
        assert_int_equal(fstatat(dir_fd, log, &st, 0), 0);
        group_begin[i] = (size_t)st.st_size;
        if (i == GROUPS)
            break;
        for (uint64_t n = 1 + i * 3 % 7; n > 0; n--)
            store_do(s, ++seq);
        commit(s, seq);
        group_last[i] = seq;
    }
}

static struct kept small_store(void)
{
    struct store *s = new_store();
    write_groups(s, "store.1.log", 0);
    store_close(s);
    return keep();
}

/* A store whose log has grown so long that there is a checkpoint. */
static struct kept store_with_checkpoint(void)
{
    struct store *s = new_store();
    seq_number seq = 0;
    while (faccessat(dir_fd, "store.2.checkpoint", F_OK, 0) != 0) {
        for (int i = 0; i < 1000; i++)
            store_do(s, ++seq);
        commit(s, seq);
        assert_true(seq < 3000000);
    }
    write_groups(s, "store.2.log", seq);
    store_close(s);
    return keep();
}

/* The last seq of all groups that end at or before an offset of the log. */
static seq_number before_cut(size_t len)
{
    if (len < STORE_HEADER_BYTES)
        return REFUSED;
    seq_number seq = first_of_log;
    for (size_t i = 0; i < GROUPS && group_begin[i + 1] <= len; i++)
        seq = group_last[i];
    return len < group_begin[0] ? REFUSED : seq;
}

/* Only the last group can pass for torn; the state is then that of the group before. */
static seq_number before_change(size_t at)
{
    return at >= group_begin[GROUPS - 1] ? group_last[GROUPS - 2] : REFUSED;
}

static void a_log_that_is_damaged(void **state)
{
    (void)state;
    struct kept good = small_store();
    cut_everywhere(&good, "store.1.log", open_store, before_cut);
    change_everywhere(&good, "store.1.log", open_store, before_change);
    lengthen(&good, "store.1.log", open_store, group_last[GROUPS - 1]);
    replace_by_others(&good, "store.1.log", open_store, REFUSED);
    kept_done(&good);
}

static void a_torn_piece_is_kept_beside(void **state)
{
    (void)state;
    struct kept good = small_store();
    const struct kept_file *log = file_of(&good, "store.1.log");
    size_t last = group_begin[GROUPS - 1];
    put_back(&good);
    put_file(log->name, log->bytes.data, log->bytes.len - 1);
    struct outcome o = open_store();
    assert_int_equal(o.rc, 0);
    struct kept now = keep();
    const struct kept_file *torn = file_of(&now, "store.1.torn");
    assert_int_equal(torn->bytes.len, log->bytes.len - 1 - last);
    assert_memory_equal(torn->bytes.data, log->bytes.data + last, torn->bytes.len);
    kept_done(&now);
    kept_done(&good);
}

/* Torn pieces are kept for people, and removed many checkpoints later. */
static void old_torn_pieces_go(void **state)
{
    (void)state;
    put_file("store.3.torn", "x", 1);
    put_file("store.4.torn", "x", 1);
    put_file("store.9.torn", "x", 1);
    put_file("from-1-of-2.store.900.torn", "x", 1); /* its state began with number 2 */
    put_file("from-0-of-2.store.7.log.torn", "x", 1);
    put_file("from-0-of-2.store.7.log", "x", 1);
    struct err e;
    assert_int_equal(store_files_remove_below(dir_fd, 12, &e), 0);
    assert_int_equal(faccessat(dir_fd, "store.3.torn", F_OK, 0), -1);
    assert_int_equal(faccessat(dir_fd, "store.4.torn", F_OK, 0), 0);
    assert_int_equal(faccessat(dir_fd, "store.9.torn", F_OK, 0), 0);
    assert_int_equal(faccessat(dir_fd, "from-1-of-2.store.900.torn", F_OK, 0), -1);
    assert_int_equal(faccessat(dir_fd, "from-0-of-2.store.7.log.torn", F_OK, 0), -1);
    assert_int_equal(faccessat(dir_fd, "from-0-of-2.store.7.log", F_OK, 0), 0);
}

static void a_checkpoint_that_is_damaged(void **state)
{
    (void)state;
    struct kept good = store_with_checkpoint();
    struct outcome o = open_store();
    assert_int_equal(o.rc, 0);
    assert_true(o.seq == group_last[GROUPS - 1]);
    cut_everywhere(&good, "store.2.checkpoint", open_store, refused);
    change_everywhere(&good, "store.2.checkpoint", open_store, refused);
    lengthen(&good, "store.2.checkpoint", open_store, REFUSED);
    replace_by_others(&good, "store.2.checkpoint", open_store, REFUSED);
    /* A log without its checkpoint, or the other way round. */
    put_back(&good);
    assert_int_equal(unlinkat(dir_fd, "store.2.checkpoint", 0), 0);
    o = open_store();
    assert_int_equal(o.rc, ERR_CORRUPT);
    assert_non_null(strstr(o.e.text, "store.1.log is missing"));
    put_back(&good);
    assert_int_equal(unlinkat(dir_fd, "store.2.log", 0), 0);
    o = open_store();
    assert_int_equal(o.rc, ERR_CORRUPT);
    assert_non_null(strstr(o.e.text, "store.2.log is missing"));
    kept_done(&good);
}

/* --- values that contain groups of a log --- */

#define FOREIGN_BYTES STORE_VALUE_BYTES_MAX

static const struct store_spec foreign = {.value_len = FOREIGN_BYTES, .schema = "test 3"};

/* One commit: a value with these bytes, at most 256, padded with zeros. */
static void commit_foreign(struct store *s, seq_number seq, const uint8_t *bytes, size_t len)
{
    uint8_t value[FOREIGN_BYTES] = {0};
    memcpy(value, bytes, len < sizeof value ? len : sizeof value);
    store_begin(s, seq);
    store_put(s, store_key(s, 1, &seq, sizeof seq), STORE_NEVER, value);
    commit(s, seq);
}

static struct store *open_foreign(struct outcome *o)
{
    struct store *s = NULL;
    o->rc = store_open(dir_fd, -1, &foreign, false, &s, &o->e);
    return s;
}

/* The first of two groups of a log, the second without a change; small enough for a value. */
static void small_group(struct buf *out)
{
    struct outcome o;
    struct store *s = open_foreign(&o);
    commit(s, 1);
    store_close(s);
    struct kept files = keep();
    const struct buf *log = &file_of(&files, "store.1.log")->bytes;
    buf_add(out, log->data + STORE_HEADER_BYTES, log->len - STORE_HEADER_BYTES);
    kept_done(&files);
}

/*
 * Values contain any bytes from outside, so also whole groups of the log of another store, or of
 * this one. A torn last group that contains such a value is torn like any other.
 */
static void groups_in_a_value_are_bytes_like_others(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        struct buf evil = {0};
        struct outcome o;
        small_group(&evil);
        assert_true(evil.len != 0 && evil.len <= FOREIGN_BYTES);
        if (!own)
            empty_directory();
        struct store *s = open_foreign(&o);
        commit(s, 1);
        commit_foreign(s, 2, evil.data, evil.len);
        store_close(s);
        struct kept good = keep();
        const struct kept_file *log = file_of(&good, "store.1.log");
        size_t whole = log->bytes.len - (STORE_GROUP_HEADER_BYTES + 17 + FOREIGN_BYTES);
        for (size_t len = whole + 1; len < log->bytes.len; len++) {
            put_back(&good);
            put_file(log->name, log->bytes.data, len);
            s = open_foreign(&o);
            if (o.rc != 0)
                fail_msg("cut at %zu: %s", len, o.e.text);
            assert_int_equal(store_committed(s), 1);
            store_close(s);
        }
        kept_done(&good);
        buf_done(&evil);
        empty_directory();
    }
}

/* What an older bulkhead has written is reported as that, not as damage. */
static void an_older_format_is_refused_by_its_number(void **state)
{
    (void)state;
    struct kept good = small_store();
    uint8_t old[320] = {0};
    memcpy(old, file_of(&good, "store.1.log")->bytes.data, 312);
    bytes_put_u32(old + 4, 3);
    bytes_put_u32(old + 316, hash_crc32c(0, old, 316));
    put_file("store.1.log", old, sizeof old);
    struct outcome o = open_damaged(open_store, "store.1.log");
    assert_int_equal(o.rc, ERR_MISMATCH);
    assert_non_null(strstr(o.e.text, "format version 3; this bulkhead reads version 4"));
    kept_done(&good);
}

/* A file that is good, but of another store, number or meaning. */
static void files_that_belong_elsewhere(void **state)
{
    (void)state;
    struct kept small = small_store();
    empty_directory();
    struct kept big = store_with_checkpoint();
    const struct buf *log_1 = &file_of(&small, "store.1.log")->bytes;
    const struct buf *log_2 = &file_of(&big, "store.2.log")->bytes;
    const struct buf *checkpoint = &file_of(&big, "store.2.checkpoint")->bytes;
    struct {
        const char *name;
        const struct buf *bytes;
    } swaps[] = {{"store.2.log", log_1},
                 {"store.2.log", checkpoint},
                 {"store.2.checkpoint", log_2},
                 {"store.2.checkpoint", log_1}};
    for (size_t i = 0; i < sizeof swaps / sizeof swaps[0]; i++) {
        put_back(&big);
        put_file(swaps[i].name, swaps[i].bytes->data, swaps[i].bytes->len);
        struct outcome o = open_damaged(open_store, swaps[i].name);
        assert_int_equal(o.rc, ERR_CORRUPT);
    }
    /* A log of the same number whose keys were made with another secret. */
    empty_directory();
    struct kept twin = store_with_checkpoint();
    put_back(&big);
    put_file("store.2.log", file_of(&twin, "store.2.log")->bytes.data,
             file_of(&twin, "store.2.log")->bytes.len);
    struct outcome o = open_damaged(open_store, "store.2.log");
    assert_int_equal(o.rc, ERR_CORRUPT);
    /* The whole directory of another stage. */
    put_back(&small);
    struct store_spec other = spec;
    store_spec_set_schema(&other, "test 2");
    struct store *s;
    o.rc = store_open(dir_fd, -1, &other, false, &s, &o.e);
    assert_int_equal(o.rc, ERR_MISMATCH);
    struct kept after = keep();
    assert_true(same_files(&small, &after));
    kept_done(&after);
    kept_done(&twin);
    kept_done(&big);
    kept_done(&small);
}

int main(int argc, char **argv)
{
    random_init("store_corruption_test");
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(a_log_that_is_damaged),
        TEST(a_torn_piece_is_kept_beside),
        TEST(old_torn_pieces_go),
        TEST(a_checkpoint_that_is_damaged),
        TEST(groups_in_a_value_are_bytes_like_others),
        TEST(an_older_format_is_refused_by_its_number),
        TEST(files_that_belong_elsewhere),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
