/* SPDX-License-Identifier: MIT */
#include "stages/store/store_map.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/check.h"
#include "common/file.h"

/* "2": the host does not promise more memory than it has (proc_sys_vm(5)). */
#define OVERCOMMIT_FILE "/proc/sys/vm/overcommit_memory"

static uint64_t round_up(uint64_t len, uint64_t step)
{
    return (len + step - 1) / step * step;
}

static int refuse(uint64_t len, const char *why, uint64_t limit, struct err *e)
{
    (void)err_set(e, ERR_NO_SPACE,
                  "the memory of the state cannot grow to %" PRIu64 " bytes: %s is %" PRIu64, len,
                  why, limit);
    e->want = WANT_MEMORY;
    return ERR_NO_SPACE;
}

static int refuse_memory(uint64_t len, struct err *e)
{
    struct rlimit limit;
    if (errno == ENOMEM && getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        return refuse(len, "the limit for the address space (ulimit -v)", limit.rlim_cur, e);
    (void)err_set(e, ERR_NO_SPACE, "the memory of the state cannot grow to %" PRIu64 " bytes: %s",
                  len, strerror(errno));
    e->want = WANT_MEMORY;
    return ERR_NO_SPACE;
}

/*
 * Checked before growing, because touching a mapping beyond the end of its file raises a signal.
 * Reaching this limit is a lack of memory like any other, and the supervisor waits until its limit
 * is raised. An output that reaches the limit stops the run instead, since others read what it has.
 */
static int check_file_limit(uint64_t len, struct err *e)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
        len <= limit.rlim_cur)
        return 0;
    return refuse(len,
                  "the limit for files (ulimit -f), which also applies to memory that outlives "
                  "a process,",
                  limit.rlim_cur, e);
}

static bool is_strict(void)
{
    char mode = '0';
    size_t got;
    int fd;
    if (file_open(AT_FDCWD, OVERCOMMIT_FILE, O_RDONLY, 0, &fd, NULL) != 0)
        return false;
    (void)file_read_at(fd, 0, &mode, 1, &got, NULL);
    (void)close(fd);
    return mode == '2';
}

/* A free range of addresses that begins at a multiple of a chunk. NULL if there is none. */
static uint8_t *find_place(uint64_t len)
{
    uint8_t *at = mmap(NULL, len + STORE_CHUNK_BYTES, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    uint64_t before = STORE_CHUNK_BYTES - (uintptr_t)at % STORE_CHUNK_BYTES;
    (void)munmap(at, before);
    if (before != STORE_CHUNK_BYTES)
        (void)munmap(at + before + len, STORE_CHUNK_BYTES - before);
    return at + before;
}

/*
 * Maps more of the file: where it is now, or else at a place where chunks can be huge, or else, if
 * there are no addresses for that, anywhere. The chosen place stays reserved until it is used, so
 * no other thread can get it.
 */
static bool remap(struct store_map *map, uint64_t len)
{
    void *at = mremap(map->base, map->len, len, 0);
    uint8_t *place = at == MAP_FAILED ? find_place(len) : NULL;
    if (place != NULL)
        at = mremap(map->base, map->len, len, MREMAP_MAYMOVE | MREMAP_FIXED, place);
    if (at == MAP_FAILED)
        at = mremap(map->base, map->len, len, MREMAP_MAYMOVE);
    if (at == MAP_FAILED)
        return false;
    map->base = at;
    return true;
}

static int grow(struct store_map *map, uint64_t len, struct err *e)
{
    int rc = check_file_limit(len, e);
    if (rc != 0)
        return rc;
    if (!remap(map, len))
        return refuse_memory(len, e);
    rc = file_truncate(map->fd, len, e);
    if (rc != 0) {
        (void)mremap(map->base, len, map->len, 0);
        return rc;
    }
    map->len = len;
    return 0;
}

int store_map_reserve(struct store_map *map, uint64_t len, struct err *e)
{
    if (len <= map->len)
        return 0;
    if (len > STORE_SPACE_BYTES)
        return refuse(len, "the most that a state can have", STORE_SPACE_BYTES, e);
    uint64_t ahead = round_up(len + len / 8 + 2 * STORE_CHUNK_BYTES, STORE_CHUNK_BYTES);
    struct err ignored;
    if (ahead <= STORE_SPACE_BYTES && grow(map, ahead, &ignored) == 0)
        return 0;
    return grow(map, round_up(len, STORE_PAGE_BYTES), e);
}

int store_map_open(struct store_map *map, int fd, struct err *e)
{
    struct store_map opened = {.fd = fd, .strict = is_strict()};
    int rc = file_length(fd, &opened.len, e);
    if (rc == 0 && opened.len < STORE_CHUNK_BYTES) {
        opened.len = STORE_CHUNK_BYTES;
        rc = check_file_limit(opened.len, e);
        if (rc == 0)
            rc = file_truncate(fd, opened.len, e);
    }
    if (rc != 0)
        return err_wrap(e, "memory of the state");
    if (opened.len % STORE_PAGE_BYTES != 0 || opened.len > STORE_SPACE_BYTES)
        return err_set(e, ERR_IO, "the inherited descriptor is not the memory of a state");
    /* The place is only a hint: any other will do, except for huge pages. */
    uint8_t *hint = find_place(opened.len);
    if (hint != NULL)
        (void)munmap(hint, opened.len);
    void *base = mmap(hint, opened.len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        return refuse_memory(opened.len, e);
    opened.base = base;
    *map = opened;
    return 0;
}

void store_map_close(struct store_map *map)
{
    if (map->base != NULL)
        (void)munmap(map->base, map->len);
    *map = (struct store_map){.fd = -1};
}

int store_map_commit(const struct store_map *map, uint64_t from, uint64_t len, struct err *e)
{
    REQUIRE(from + len <= map->len);
    if (!map->strict || len == 0 || fallocate(map->fd, 0, (off_t)from, (off_t)len) == 0)
        return 0;
    (void)err_set(e, ERR_NO_SPACE,
                  "the host has no memory for the state (%s; vm.overcommit_memory is 2, so it "
                  "promises no more than it has)",
                  strerror(errno));
    e->want = WANT_MEMORY;
    return ERR_NO_SPACE;
}
