/* SPDX-License-Identifier: MIT */
/*
 * damage.h - damages files that must survive, to test the code that opens them
 *
 * Files are cut at every offset, every byte is changed, and they are followed or replaced by zeros,
 * garbage, directories and symlinks. Whatever was done, what opens must be exactly a state that was
 * once committed. Everything else is refused; the refusal names the file, and the offset if it is
 * damaged, and changes nothing on disk.
 */
#ifndef BULKHEAD_TESTS_UNIT_DAMAGE_H
#define BULKHEAD_TESTS_UNIT_DAMAGE_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"
#include "common/file.h"
#include "common/memory.h"
#include "stages/stage.h"
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

static inline void kept_done(struct kept *k)
{
    for (size_t i = 0; i < k->count; i++)
        buf_done(&k->files[i].bytes);
    k->count = 0;
}

static inline int by_name(const void *a, const void *b)
{
    return strcmp(((const struct kept_file *)a)->name, ((const struct kept_file *)b)->name);
}

/* Reads all regular files of the directory. */
static inline struct kept keep(void)
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

static inline void put_file(const char *name, const void *bytes, size_t len)
{
    int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(file_write_at(fd, 0, bytes, len, NULL), 0);
    (void)close(fd);
}

static inline void empty_directory(void)
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

static inline void put_back(const struct kept *k)
{
    empty_directory();
    for (size_t i = 0; i < k->count; i++)
        put_file(k->files[i].name, k->files[i].bytes.data, k->files[i].bytes.len);
}

static inline bool same_files(const struct kept *a, const struct kept *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        const struct buf *x = &a->files[i].bytes, *y = &b->files[i].bytes;
        same = strcmp(a->files[i].name, b->files[i].name) == 0 && x->len == y->len &&
               (x->len == 0 || memcmp(x->data, y->data, x->len) == 0);
    }
    return same;
}

static inline const struct kept_file *file_of(const struct kept *k, const char *name)
{
    for (size_t i = 0; i < k->count; i++) {
        if (strcmp(k->files[i].name, name) == 0)
            return &k->files[i];
    }
    fail_msg("there is no '%s'", name);
    return NULL;
}

/* --- opening, and the outcome --- */

struct outcome {
    int rc;
    seq_number seq; /* if rc is 0: its state has been checked */
    struct err e;
};

/* Opens what is in the directory; fails the test if that is not a state that was once committed. */
typedef struct outcome open_fn(void);

/* Opens after damage to one file. A refusal must name the file and change nothing. */
static inline struct outcome open_damaged(open_fn *open_it, const char *name)
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

/* What damage at an offset must lead to: the seq of the state that opens, or this. */
#define REFUSED UINT64_MAX

typedef seq_number expect_fn(size_t offset);

static inline void check_outcome(const struct outcome *o, seq_number expected, const char *name,
                                 const char *what, size_t offset)
{
    if (expected == REFUSED ? o->rc != 0 : o->rc == 0 && o->seq == expected)
        return;
    fail_msg("%s %s at %zu: expected %lld, not code %d, seq %llu: %s", name, what, offset,
             (long long)expected, o->rc, (unsigned long long)o->seq, o->rc != 0 ? o->e.text : "");
}

static inline void cut_everywhere(const struct kept *good, const char *name, open_fn *open_it,
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

static inline void change_everywhere(const struct kept *good, const char *name, open_fn *open_it,
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

/* Appends bytes, as a crash of the host may leave them. */
static inline void lengthen(const struct kept *good, const char *name, open_fn *open_it,
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

static inline seq_number refused(size_t offset)
{
    (void)offset;
    return REFUSED;
}

/* Replaces the file by zeros, random bytes, a directory, and a symlink to the right bytes. */
static inline void replace_by_others(const struct kept *good, const char *name, open_fn *open_it,
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

static inline int set_up(void **state)
{
    (void)state;
    bool memory = access("/dev/shm", W_OK) == 0;
    (void)snprintf(directory, sizeof directory, "%s/bulkhead-damage-XXXXXX",
                   memory ? "/dev/shm" : "/tmp");
    if (mkdtemp(directory) == NULL)
        return -1;
    dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir_fd >= 0 ? 0 : -1;
}

static inline int tear_down(void **state)
{
    (void)state;
    empty_directory();
    (void)close(dir_fd);
    return rmdir(directory);
}

#endif
