/* SPDX-License-Identifier: MIT */
/*
 * binary.h - what the fuzz targets of binary formats share
 *
 * Their input is a list of parts (files, numbers, choices), each with its length in front, so that
 * a change within one leaves the others alone. It begins with what the real writers make: a target
 * gives that to fuzz_seed() when it starts, and it is never on a disk, so it never goes stale.
 * Checksums stand in front of nearly all content; a target makes them fit, unless the input says
 * otherwise, or nothing behind them would ever be reached.
 *
 * To be included by one file of a program. tests/README.md says more.
 */
#ifndef BULKHEAD_TESTS_FUZZ_BINARY_H
#define BULKHEAD_TESTS_FUZZ_BINARY_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sanitizer/allocator_interface.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/bytes.h"
#include "common/err.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max);

/* What is refused has a code and a reason. Requires: e was zeroed before the call. */
#define ALWAYS_REASON(rc, e) ALWAYS((rc) < 0 && (e)->code == (rc) && (e)->text[0] != '\0')

/* --- chance --- */

static uint64_t fuzz_chance;

/* In place of the system's: every run draws the same numbers. */
ssize_t getrandom(void *bytes, size_t len, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < len; i++) {
        fuzz_chance = fuzz_chance * 6364136223846793005u + 1442695040888963407u;
        ((uint8_t *)bytes)[i] = (uint8_t)(fuzz_chance >> 56);
    }
    return (ssize_t)len;
}

/* --- parts --- */

#define FUZZ_PARTS_MAX 8u
#define FUZZ_PART_HEAD_BYTES 4u

struct fuzz_part {
    const uint8_t *bytes;
    size_t len;
};

struct fuzz_parts {
    struct fuzz_part part[FUZZ_PARTS_MAX];
    size_t count;
};

/* Parts of what an input holds; a length that leads beyond its end leads to its end. */
static inline struct fuzz_parts fuzz_split(const uint8_t *data, size_t size)
{
    struct fuzz_parts parts = {.count = 0};
    fuzz_chance = 0;
    while (size >= FUZZ_PART_HEAD_BYTES && parts.count < FUZZ_PARTS_MAX) {
        size_t len = bytes_get_u32(data), left = size - FUZZ_PART_HEAD_BYTES;
        len = len < left ? len : left;
        parts.part[parts.count++] = (struct fuzz_part){data + FUZZ_PART_HEAD_BYTES, len};
        data += FUZZ_PART_HEAD_BYTES + len;
        size = left - len;
    }
    return parts;
}

/* One that is not there is empty. */
static inline struct fuzz_part fuzz_part(const struct fuzz_parts *parts, size_t i)
{
    return i < parts->count ? parts->part[i] : (struct fuzz_part){.bytes = NULL};
}

/* A number out of a part of choices; 0 behind its end. */
static inline uint8_t fuzz_u8(struct fuzz_part part, size_t at)
{
    return at < part.len ? part.bytes[at] : 0;
}

static inline uint64_t fuzz_u64(struct fuzz_part part, size_t at)
{
    uint64_t number = 0;
    for (size_t i = 0; i < 8; i++)
        number |= (uint64_t)fuzz_u8(part, at + i) << (8 * i);
    return number;
}

static inline void fuzz_add_part(struct buf *out, const void *bytes, size_t len)
{
    uint8_t head[FUZZ_PART_HEAD_BYTES];
    bytes_put_u32(head, (uint32_t)len);
    buf_add(out, head, sizeof head);
    buf_add(out, bytes, len);
}

/* --- seeds and mutations --- */

#define FUZZ_SEEDS_MAX 64u
static struct buf fuzz_seeds[FUZZ_SEEDS_MAX];
static size_t fuzz_seed_count;

/* Begins with this input too; copies it. To be called from LLVMFuzzerInitialize(). */
static inline void fuzz_seed(const struct buf *parts)
{
    ALWAYS(fuzz_seed_count < FUZZ_SEEDS_MAX);
    buf_add(&fuzz_seeds[fuzz_seed_count++], parts->data, parts->len);
}

/* Changes one part in a way of its own; returns its new length. NULL: the target has none. */
typedef size_t fuzz_mutate_part(uint8_t *bytes, size_t len, size_t len_max, size_t number,
                                unsigned seed);
static fuzz_mutate_part *fuzz_mutate_own;

/* One input in so many is a seed, as it is. */
#define FUZZ_SEED_EVERY 64u

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    struct fuzz_parts parts = fuzz_split(data, size);
    if (fuzz_seed_count != 0 && (parts.count < 2 || seed % FUZZ_SEED_EVERY == 0)) {
        const struct buf *chosen = &fuzz_seeds[seed / FUZZ_SEED_EVERY % fuzz_seed_count];
        size = chosen->len < size_max ? chosen->len : size_max;
        memcpy(data, chosen->data, size);
        return size;
    }
    if (parts.count == 0)
        return LLVMFuzzerMutate(data, size, size_max);
    size_t chosen = (seed >> 8) % parts.count;
    if (parts.part[chosen].len == 0 && seed % 8 != 0) /* mostly it is to stay so */
        chosen = parts.count - 1;
    struct buf out = {0};
    for (size_t i = 0; i < parts.count; i++) {
        struct fuzz_part part = parts.part[i];
        size_t room = size_max - (size - part.len);
        if (i != chosen || size_max < size || room == 0) {
            fuzz_add_part(&out, part.bytes, part.len);
            continue;
        }
        uint8_t *bytes = malloc(room > part.len ? room : part.len + 1);
        memcpy(bytes, part.bytes, part.len);
        size_t len = 0;
        if (fuzz_mutate_own != NULL && seed % 3 != 0)
            len = fuzz_mutate_own(bytes, part.len, room, i, seed);
        else
            len = LLVMFuzzerMutate(bytes, part.len, room);
        fuzz_add_part(&out, bytes, len);
        free(bytes);
    }
    size = out.len < size_max ? out.len : size_max;
    memcpy(data, out.data, size);
    buf_done(&out);
    return size;
}

/* A row of chunks behind a header, as in a journal or a log: each has a head that tells its length. */
struct fuzz_chunks {
    size_t first;      /* where the first begins */
    size_t head_bytes; /* of each */
    size_t len_at;     /* in the head: u32 */
    size_t unit;       /* what that counts, in bytes */
    size_t align;      /* each begins at a multiple of that */
};

#define FUZZ_CHUNK_BYTES_MAX 4096u

static inline size_t fuzz_chunk_end(const struct fuzz_chunks *c, size_t begin, size_t body_len)
{
    return (begin + c->head_bytes + body_len + c->align - 1) / c->align * c->align;
}

/* Finds a chunk, each as likely as any other; false: there is none. */
static inline bool fuzz_find_chunk(const struct fuzz_chunks *c, const uint8_t *bytes, size_t len,
                                   unsigned seed, size_t *ret_begin, size_t *ret_body_len)
{
    size_t count = 0;
    for (size_t at = c->first; at + c->head_bytes <= len;) {
        size_t body_len = bytes_get_u32(bytes + at + c->len_at) * c->unit;
        if (body_len > len - at - c->head_bytes)
            break;
        if ((seed >> 4) * 2654435761u % ++count == 0) {
            *ret_begin = at;
            *ret_body_len = body_len;
        }
        at = fuzz_chunk_end(c, at, body_len);
    }
    return count != 0;
}

/*
 * Changes what is in one chunk, has it twice or not at all, and leaves those behind it whole. Whoever
 * reads the input makes the checksums fit.
 */
static inline size_t fuzz_mutate_chunk(const struct fuzz_chunks *c, uint8_t *bytes, size_t len,
                                       size_t len_max, unsigned seed)
{
    size_t begin, body_len;
    uint8_t body[FUZZ_CHUNK_BYTES_MAX];
    if (!fuzz_find_chunk(c, bytes, len, seed, &begin, &body_len) || body_len > sizeof body / 2)
        return LLVMFuzzerMutate(bytes, len, len_max);
    size_t end = fuzz_chunk_end(c, begin, body_len);
    end = end < len ? end : len;
    struct buf out = {0};
    memcpy(body, bytes + begin + c->head_bytes, body_len);
    buf_add(&out, bytes, begin);
    if (seed % 4 == 0) /* twice */
        buf_add(&out, bytes + begin, end - begin);
    if (seed % 4 < 3) { /* with another body */
        body_len = seed % 16 == 1 ? 0 : LLVMFuzzerMutate(body, body_len, sizeof body - c->align);
        body_len -= body_len % c->unit;
        memset(body + body_len, 0, sizeof body - body_len);
        buf_add(&out, bytes + begin, c->head_bytes);
        bytes_put_u32(out.data + out.len - c->head_bytes + c->len_at,
                      (uint32_t)(body_len / c->unit));
        size_t next = fuzz_chunk_end(c, begin, body_len);
        buf_add(&out, body, end == len ? body_len : next - begin - c->head_bytes);
    }
    buf_add(&out, bytes + end, len - end);
    bool good = out.len <= len_max;
    if (good)
        memcpy(bytes, out.data, out.len);
    len = good ? out.len : LLVMFuzzerMutate(bytes, len, len_max);
    buf_done(&out);
    return len;
}

/* --- memory --- */

static size_t fuzz_memory_asked;
static bool fuzz_memory_counts;

static inline void fuzz_on_malloc(const volatile void *memory, size_t bytes)
{
    (void)memory;
    if (fuzz_memory_counts)
        fuzz_memory_asked += bytes;
}

static inline void fuzz_on_free(const volatile void *memory)
{
    (void)memory;
}

/* Counts what is asked for from here on. */
static inline void fuzz_memory_begin(void)
{
    static bool installed;
    if (!installed)
        ALWAYS(__sanitizer_install_malloc_and_free_hooks(fuzz_on_malloc, fuzz_on_free) != 0);
    installed = true;
    fuzz_memory_asked = 0;
    fuzz_memory_counts = true;
}

/* It was no more than that, in all. */
static inline void fuzz_memory_end(size_t bytes_max)
{
    fuzz_memory_counts = false;
    if (fuzz_memory_asked > bytes_max)
        fprintf(stderr, "%zu bytes were asked for, %zu are the most\n", fuzz_memory_asked,
                bytes_max);
    ALWAYS(fuzz_memory_asked <= bytes_max);
}

/* --- files --- */

#define FUZZ_DIRECTORY "/dev/shm"
#define FUZZ_DIRECTORY_PREFIX "bulkhead-fuzz."
static char fuzz_directory_path[64];
static int fuzz_directory_fd = -1;

static inline void fuzz_empty(int dir_fd)
{
    DIR *dir = fdopendir(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ALWAYS(dir != NULL);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] != '.')
            (void)unlinkat(dir_fd, entry->d_name, 0);
    }
    (void)closedir(dir);
}

static inline void fuzz_remove(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    fuzz_empty(fd);
    (void)close(fd);
    (void)rmdir(path);
}

static inline void fuzz_remove_own(void)
{
    fuzz_remove(fuzz_directory_path);
}

/* Those of programs that found something, and so did not come to their end. */
static inline void fuzz_remove_left(void)
{
    const size_t prefix = strlen(FUZZ_DIRECTORY_PREFIX);
    DIR *dir = opendir(FUZZ_DIRECTORY);
    for (const struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        char path[sizeof FUZZ_DIRECTORY + sizeof entry->d_name + 1];
        (void)snprintf(path, sizeof path, FUZZ_DIRECTORY "/%s", entry->d_name);
        if (strncmp(entry->d_name, FUZZ_DIRECTORY_PREFIX, prefix) == 0 &&
            kill((pid_t)strtol(entry->d_name + prefix, NULL, 10), 0) != 0 && errno == ESRCH)
            fuzz_remove(path);
    }
    if (dir != NULL)
        (void)closedir(dir);
}

/* An empty directory in memory, the same one for all runs. */
static inline int fuzz_directory(void)
{
    if (fuzz_directory_fd >= 0) {
        fuzz_empty(fuzz_directory_fd);
        return fuzz_directory_fd;
    }
    fuzz_remove_left();
    (void)snprintf(fuzz_directory_path, sizeof fuzz_directory_path,
                   FUZZ_DIRECTORY "/" FUZZ_DIRECTORY_PREFIX "%ld", (long)getpid());
    ALWAYS(mkdir(fuzz_directory_path, 0700) == 0);
    (void)atexit(fuzz_remove_own);
    fuzz_directory_fd = open(fuzz_directory_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ALWAYS(fuzz_directory_fd >= 0);
    return fuzz_directory_fd;
}

static inline void fuzz_put_file(int dir_fd, const char *name, const void *bytes, size_t len)
{
    int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ALWAYS(fd >= 0 && (len == 0 || pwrite(fd, bytes, len, 0) == (ssize_t)len));
    (void)close(fd);
}

/* Appends the content of a file; false: there is none. */
static inline bool fuzz_get_file(int dir_fd, const char *name, struct buf *out)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    for (;;) {
        ssize_t n = read(fd, buf_reserve(out, 65536), 65536);
        ALWAYS(n >= 0);
        out->len += (size_t)n;
        if (n == 0)
            break;
    }
    (void)close(fd);
    return true;
}

#endif
