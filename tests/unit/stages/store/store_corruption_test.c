/* SPDX-License-Identifier: MIT */
/*
 * Damage to the files that must survive: cut at every offset, every byte changed, zeros, garbage,
 * files of somebody else, older ones, things that are no files. Whatever was done, what opens holds
 * exactly a state that was once committed; everything else is refused, naming the file and where
 * it is damage the offset, and a refusal changes nothing on disk.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/memory.h"
#include "stages/kit/output_file.h"
#include "stages/store/store.h"
#include "stages/store/store_log.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define FILES_MAX 8u

static char directory[64];
static int dir_fd = -1;

/* --- directories as values --- */

struct kept_file {
    char name[64];
    struct buf bytes;
};

struct kept {
    struct kept_file files[FILES_MAX];
    size_t count;
};

static void kept_done(struct kept *k)
{
    for (size_t i = 0; i < k->count; i++)
        buf_done(&k->files[i].bytes);
    k->count = 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct kept_file *)a)->name, ((const struct kept_file *)b)->name);
}

/* Reads all regular files of the directory. */
static struct kept keep(void)
{
    struct kept k = {0};
    DIR *dir = fdopendir(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct stat st;
        assert_int_equal(fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW), 0);
        if (!S_ISREG(st.st_mode))
            continue;
        assert_true(k.count < FILES_MAX);
        struct kept_file *file = &k.files[k.count++];
        *file = (struct kept_file){0};
        (void)snprintf(file->name, sizeof file->name, "%.63s", entry->d_name);
        int fd = openat(dir_fd, file->name, O_RDONLY | O_CLOEXEC);
        assert_int_equal(file_read_whole(fd, 1 << 24, &file->bytes, NULL), 0);
        (void)close(fd);
    }
    (void)closedir(dir);
    qsort(k.files, k.count, sizeof k.files[0], by_name);
    return k;
}

static void put_file(const char *name, const void *bytes, size_t len)
{
    int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(file_write_at(fd, 0, bytes, len, NULL), 0);
    (void)close(fd);
}

static void empty_directory(void)
{
    DIR *dir = fdopendir(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            unlinkat(dir_fd, entry->d_name, 0) != 0)
            assert_int_equal(unlinkat(dir_fd, entry->d_name, AT_REMOVEDIR), 0);
    }
    (void)closedir(dir);
}

static void put_back(const struct kept *k)
{
    empty_directory();
    for (size_t i = 0; i < k->count; i++)
        put_file(k->files[i].name, k->files[i].bytes.data, k->files[i].bytes.len);
}

static bool same_files(const struct kept *a, const struct kept *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        const struct buf *x = &a->files[i].bytes, *y = &b->files[i].bytes;
        same = strcmp(a->files[i].name, b->files[i].name) == 0 && x->len == y->len &&
               (x->len == 0 || memcmp(x->data, y->data, x->len) == 0);
    }
    return same;
}

static const struct kept_file *file_of(const struct kept *k, const char *name)
{
    for (size_t i = 0; i < k->count; i++) {
        if (strcmp(k->files[i].name, name) == 0)
            return &k->files[i];
    }
    fail_msg("there is no '%s'", name);
    return NULL;
}

/* --- what is opened, and what came of it --- */

struct outcome {
    int rc;
    seq_number seq; /* if rc is 0; its state is known to be right */
    struct err e;
};

/* Opens what is in the directory, and fails unless it is a state that was once committed. */
typedef struct outcome open_fn(void);

/* Opens after damage to one file. A refusal must name it and leave everything as it is. */
static struct outcome open_damaged(open_fn *open_it, const char *name)
{
    struct kept before = keep();
    struct outcome o = open_it();
    if (o.rc != 0) {
        struct kept after = keep();
        if (o.rc != ERR_CORRUPT && o.rc != ERR_MISMATCH && o.rc != ERR_IO)
            fail_msg("%s: code %d: %s", name, o.rc, o.e.text);
        if (o.rc == ERR_CORRUPT && strstr(o.e.text, "offset") == NULL)
            fail_msg("no offset: %s", o.e.text);
        if (strstr(o.e.text, name) == NULL)
            fail_msg("'%s' is not named: %s", name, o.e.text);
        if (!same_files(&before, &after))
            fail_msg("%s: the refusal has changed something: %s", name, o.e.text);
        kept_done(&after);
    }
    kept_done(&before);
    return o;
}

/* What a damage at an offset must lead to: the seq of the state that opens, or one of these. */
#define REFUSED UINT64_MAX

typedef seq_number expect_fn(size_t offset);

static void check_outcome(const struct outcome *o, seq_number expected, const char *name,
                          const char *what, size_t offset)
{
    if (expected == REFUSED ? o->rc != 0 : o->rc == 0 && o->seq == expected)
        return;
    fail_msg("%s %s at %zu: expected %lld, not code %d, seq %llu: %s", name, what, offset,
             (long long)expected, o->rc, (unsigned long long)o->seq, o->rc != 0 ? o->e.text : "");
}

static void cut_everywhere(const struct kept *good, const char *name, open_fn *open_it,
                           expect_fn *expected)
{
    const struct kept_file *file = file_of(good, name);
    for (size_t len = 0; len < file->bytes.len; len++) {
        put_back(good);
        put_file(name, file->bytes.data, len);
        struct outcome o = open_damaged(open_it, name);
        check_outcome(&o, expected(len), name, "cut", len);
    }
}

static void change_everywhere(const struct kept *good, const char *name, open_fn *open_it,
                              expect_fn *expected)
{
    const struct kept_file *file = file_of(good, name);
    for (size_t at = 0; at < file->bytes.len; at++) {
        const uint8_t changes[] = {(uint8_t)(1u << random_below(8)), 0xff};
        for (size_t i = 0; i < sizeof changes; i++) {
            put_back(good);
            uint8_t byte = file->bytes.data[at] ^ changes[i];
            int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);
            assert_int_equal(file_write_at(fd, at, &byte, 1, NULL), 0);
            (void)close(fd);
            struct outcome o = open_damaged(open_it, name);
            check_outcome(&o, expected(at), name, "changed", at);
        }
    }
}

/* Bytes behind the end, as a crash of the host may leave them. */
static void lengthen(const struct kept *good, const char *name, open_fn *open_it,
                     seq_number expected)
{
    const struct kept_file *file = file_of(good, name);
    for (size_t more = 1; more < 100; more++) {
        uint8_t bytes[100];
        random_fill(bytes, more);
        put_back(good);
        int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);
        assert_int_equal(file_write_at(fd, file->bytes.len, bytes, more, NULL), 0);
        (void)close(fd);
        struct outcome o = open_damaged(open_it, name);
        check_outcome(&o, expected, name, "longer", more);
    }
}

static seq_number refused(size_t offset)
{
    (void)offset;
    return REFUSED;
}

/* Zeros, random bytes, a directory, a symlink to the right bytes. */
static void replace_by_others(const struct kept *good, const char *name, open_fn *open_it,
                              seq_number expected_of_zeros)
{
    size_t len = file_of(good, name)->bytes.len;
    uint8_t *bytes = memory_new(len, 1);
    put_back(good);
    put_file(name, bytes, len);
    struct outcome o = open_damaged(open_it, name);
    check_outcome(&o, expected_of_zeros, name, "of zeros", 0);
    for (int i = 0; i < 20; i++) {
        random_fill(bytes, len);
        put_back(good);
        put_file(name, bytes, len);
        o = open_damaged(open_it, name);
        check_outcome(&o, REFUSED, name, "of garbage", 0);
    }
    free(bytes);
    put_back(good);
    assert_int_equal(unlinkat(dir_fd, name, 0), 0);
    assert_int_equal(mkdirat(dir_fd, name, 0700), 0);
    o = open_damaged(open_it, name);
    check_outcome(&o, REFUSED, name, "that is a directory", 0);
    put_back(good);
    assert_int_equal(renameat(dir_fd, name, dir_fd, "elsewhere"), 0);
    assert_int_equal(symlinkat("elsewhere", dir_fd, name), 0);
    o = open_damaged(open_it, name);
    check_outcome(&o, REFUSED, name, "that is a symlink", 0);
}

/* --- a store with a checkpoint and a log --- */

#define KEYS 40u
#define VALUE_BYTES 16u
#define GROUPS 6u

static const struct store_spec spec = {
    .value_len = VALUE_BYTES, .expires = true, .schema = "test 1"};

static seq_number first_of_log;        /* the log begins behind this seq */
static seq_number group_last[GROUPS];  /* the last seq of each group of the log */
static size_t group_begin[GROUPS + 1]; /* and where it begins; the last is the length */

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

/* One that has grown so long that there is a checkpoint. */
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

/* Only the last group can be taken for torn; the one before it is then the state. */
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

/* Nobody looks at torn pieces but people, so they go when the state has long gone on. */
static void old_torn_pieces_go(void **state)
{
    (void)state;
    put_file("store.3.torn", "x", 1);
    put_file("store.4.torn", "x", 1);
    put_file("store.9.torn", "x", 1);
    put_file("from-1-of-2.store.900.torn", "x", 1); /* it came with a state that began with 2 */
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
    /* One without the other. */
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

/* --- values that hold what a log is made of --- */

#define FOREIGN_BYTES STORE_VALUE_BYTES_MAX

static const struct store_spec foreign = {.value_len = FOREIGN_BYTES, .schema = "test 3"};

/* One commit: a value with these bytes, 256 at most, filled up with zeros. */
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

/* The first group of a log that has two, the second without a change: small enough for a value. */
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
 * Values hold bytes as they came from outside, so also whole groups: of the log of another store,
 * or of this very log. A last group that is torn, with such a value in it, is torn like any other.
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

/* What an older bulkhead has written is named as that, and is not called damaged. */
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
    /* A log of the same number whose keys are made with another secret. */
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

/* --- an output file with its cursor --- */

static const char output_name[] = "output";

static struct outcome open_output(void)
{
    struct outcome o = {0};
    struct output_file output;
    o.rc = output_file_open(&output, dir_fd, output_name, dir_fd, false, false, &o.e);
    if (o.rc != 0)
        return o;
    o.seq = output.committed;
    /* Every seq is a line of ten bytes; see output_lines(). */
    assert_true(output.length == 10 * o.seq);
    output_file_close(&output);
    return o;
}

static void output_lines(struct output_file *o, seq_number from, seq_number to)
{
    for (seq_number n = from; n <= to; n++) {
        struct buf *buffer;
        assert_int_equal(output_file_begin(o, n, &buffer, NULL), 0);
        buf_add_format(buffer, "%09llu\n", (unsigned long long)n);
    }
}

static struct kept some_output(seq_number before, seq_number now)
{
    struct output_file o;
    struct err e;
    if (output_file_open(&o, dir_fd, output_name, dir_fd, false, false, &e) != 0)
        fail_msg("%s", e.text);
    output_lines(&o, 1, before);
    assert_int_equal(output_file_commit(&o, before, &e), 0);
    output_lines(&o, before + 1, now);
    assert_int_equal(output_file_commit(&o, now, &e), 0);
    output_file_close(&o);
    return keep();
}

/*
 * The new file is noted in slot 0, the first commit in slot 1, the second in slot 0 again, and the
 * orderly end, with the same seq, in slot 1.
 */
#define SLOT_BYTES 140u
#define SLOT_DISTANCE 4096u

/* Without a whole slot there is no cursor, and a file with bytes that nobody knows of. */
static seq_number cursor_cut(size_t len)
{
    return len < SLOT_BYTES ? REFUSED : 60;
}

static seq_number cursor_changed(size_t at)
{
    (void)at;
    return 60;
}

/* As open_output(), for damage to the cursor of which the output file's name tells. */
static struct outcome open_output_of_cursor(void)
{
    struct outcome o = open_output();
    if (o.rc == ERR_MISMATCH && strstr(o.e.text, output_name) != NULL)
        (void)err_wrap(&o.e, "cursor");
    return o;
}

static void a_cursor_that_is_damaged(void **state)
{
    (void)state;
    struct kept good = some_output(50, 60);
    cut_everywhere(&good, "cursor", open_output_of_cursor, cursor_cut);
    change_everywhere(&good, "cursor", open_output_of_cursor, cursor_changed);
    lengthen(&good, "cursor", open_output_of_cursor, 60);
    replace_by_others(&good, "cursor", open_output_of_cursor, REFUSED);
    kept_done(&good);
}

static void an_output_that_is_damaged(void **state)
{
    (void)state;
    struct kept good = some_output(50, 60);
    cut_everywhere(&good, output_name, open_output, refused);
    change_everywhere(&good, output_name, open_output, refused);
    lengthen(&good, output_name, open_output, REFUSED);
    /* A copy that lies elsewhere is as good; what else is there is not. */
    size_t len = file_of(&good, output_name)->bytes.len;
    uint8_t *zeros = memory_new(len, 1);
    put_back(&good);
    put_file(output_name, zeros, len);
    struct outcome o = open_damaged(open_output, output_name);
    assert_int_equal(o.rc, ERR_MISMATCH);
    free(zeros);
    put_back(&good);
    assert_int_equal(unlinkat(dir_fd, output_name, 0), 0);
    o = open_damaged(open_output, output_name);
    assert_int_equal(o.rc, ERR_MISMATCH);
    assert_int_equal(mkdirat(dir_fd, output_name, 0700), 0);
    o = open_damaged(open_output, output_name);
    assert_int_equal(o.rc, ERR_MISMATCH);
    kept_done(&good);
}

/* What an older cursor does not know of is refused, and stays. */
static void an_older_cursor_and_one_of_another(void **state)
{
    (void)state;
    struct kept old = some_output(20, 40);
    empty_directory();
    struct kept good = some_output(50, 60);
    put_file("cursor", file_of(&old, "cursor")->bytes.data, file_of(&old, "cursor")->bytes.len);
    struct kept before = keep();
    struct outcome o = open_output();
    assert_int_equal(o.rc, ERR_MISMATCH);
    struct kept after = keep();
    assert_true(same_files(&before, &after));
    kept_done(&before);
    kept_done(&after);
    /* The cursor of a file with other bytes. */
    put_back(&good);
    static uint8_t other[600];
    memset(other, 'x', sizeof other);
    put_file(output_name, other, sizeof other);
    o = open_damaged(open_output, output_name);
    assert_int_equal(o.rc, ERR_MISMATCH);
    kept_done(&old);
    kept_done(&good);
}

static int set_up(void **state)
{
    (void)state;
    bool memory = access("/dev/shm", W_OK) == 0;
    (void)snprintf(directory, sizeof directory, "%s/bulkhead-corruption-XXXXXX",
                   memory ? "/dev/shm" : "/tmp");
    if (mkdtemp(directory) == NULL)
        return -1;
    dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir_fd >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    empty_directory();
    (void)close(dir_fd);
    return rmdir(directory);
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
        TEST(a_cursor_that_is_damaged),
        TEST(an_output_that_is_damaged),
        TEST(an_older_cursor_and_one_of_another),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
