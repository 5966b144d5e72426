/* SPDX-License-Identifier: MIT */
/*
 * Shared memory: memfds as the product makes them, without the system. A memory file is one range
 * of addresses, which every process that maps it gets, so it outlives processes as a memfd does.
 * The files are emptied and reused from seed to seed.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/check.h"
#include "ipc/status_page.h"
#include "tests/sim/sim_calls_p.h"
#include "tests/sim/sim_world.h"

#define MEMORY_FD_BASE (2 << 20)
#define MEMORY_FILES_MAX 96u
/* More than any image of the tests needs, so it can grow in place; it is moved at random. */
#define LARGE_BYTES ((size_t)1 << 30)
#define SMALL_BYTES ((size_t)STATUS_PAGE_BYTES)
#define PAGE_BYTES ((size_t)4096)
/* An image of the tests never gets larger. Only these pages are searched. */
#define TAINT_PAGES 4096u

struct memory_file {
    bool used, large, dirty;
    uint8_t *base;
    size_t len;
    const struct process *owner; /* who made it; NULL: the simulation */
};

static struct memory_file memory_files[MEMORY_FILES_MAX];

bool memory_file_is_ours(int fd)
{
    return fd >= MEMORY_FD_BASE && fd < MEMORY_FD_BASE + (int)MEMORY_FILES_MAX &&
           memory_files[fd - MEMORY_FD_BASE].used;
}

int memory_fd_of(int fd)
{
    if (present != NULL && present->is_stage && fd == STAGE_FD_STATUS)
        return present->status_fd;
    if (present != NULL && present->is_stage && fd == STAGE_FD_IMAGE)
        return present->image_fd;
    return fd;
}

static void empty(struct memory_file *file, size_t offset, size_t len)
{
    if (len <= 64 * PAGE_BYTES)
        memset(file->base + offset, 0, len);
    else if (file->dirty)
        INVARIANT(madvise(file->base + offset, len, MADV_DONTNEED) == 0);
}

int memory_file_new(bool large)
{
    for (size_t i = 0; i < MEMORY_FILES_MAX; i++) {
        struct memory_file *file = &memory_files[i];
        if (file->used || (file->base != NULL && file->large != large))
            continue;
        size_t len = large ? LARGE_BYTES : SMALL_BYTES;
        if (file->base == NULL) {
            void *base = __real_mmap(NULL, len, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
            INVARIANT(base != MAP_FAILED);
            (void)madvise(base, len, MADV_NOHUGEPAGE);
            file->base = base;
        } else {
            empty(file, 0, len);
        }
        file->used = true;
        file->large = large;
        file->dirty = false;
        file->len = 0;
        file->owner = NULL;
        return MEMORY_FD_BASE + (int)i;
    }
    fail("the simulated processes have %u memory files", MEMORY_FILES_MAX);
}

void memory_file_free(int fd)
{
    if (memory_file_is_ours(fd))
        memory_files[fd - MEMORY_FD_BASE].used = false;
}

size_t memory_file_len(int fd)
{
    return memory_files[fd - MEMORY_FD_BASE].len;
}

void memory_file_set_len(int fd, size_t len)
{
    struct memory_file *file = &memory_files[fd - MEMORY_FD_BASE];
    INVARIANT(len >= file->len && len <= LARGE_BYTES); /* to cut it would crash its stage */
    file->len = len;
}

void *memory_file_base(int fd)
{
    return memory_files[fd - MEMORY_FD_BASE].base;
}

void memory_file_taint(int fd)
{
    struct memory_file *file = &memory_files[fd - MEMORY_FD_BASE];
    static unsigned char resident[TAINT_PAGES];
    INVARIANT(mincore(file->base, TAINT_PAGES * PAGE_BYTES, resident) == 0);
    /* Not the header: a store that cannot be read at all would just be built again. */
    for (size_t page = 4; page < TAINT_PAGES; page++) {
        if ((resident[page] & 1) != 0 && chance_one_in(2))
            memset(file->base + page * PAGE_BYTES, 0, PAGE_BYTES);
    }
}

int __wrap_memfd_create(const char *name, unsigned flags)
{
    (void)flags;
    int fd = memory_file_new(strcmp(name, "bulkhead-store") == 0);
    memory_files[fd - MEMORY_FD_BASE].owner = present;
    return fd;
}

/* Seals; no process of ours breaks them. */
int __wrap_fcntl(int fd, int command, ...)
{
    va_list args;
    va_start(args, command);
    long argument = va_arg(args, long);
    va_end(args);
    if (present != NULL && fd == STDIN_FILENO)
        return pipe_fcntl(command, argument);
    return memory_file_is_ours(fd) ? 0 : __real_fcntl(fd, command, argument);
}

void *__wrap_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
    fd = memory_fd_of(fd);
    if (!memory_file_is_ours(fd))
        return __real_mmap(at, len, protection, flags, fd, offset);
    struct memory_file *file = &memory_files[fd - MEMORY_FD_BASE];
    INVARIANT(len <= (file->large ? LARGE_BYTES : SMALL_BYTES));
    file->dirty = true;
    for (size_t i = 0; present != NULL; i++) {
        INVARIANT(i < sizeof present->maps / sizeof present->maps[0]);
        if (present->maps[i].base != NULL)
            continue;
        present->maps[i] = (struct map){.base = file->base, .len = len};
        break;
    }
    return file->base;
}

static struct memory_file *file_at(const void *base)
{
    for (size_t i = 0; i < MEMORY_FILES_MAX; i++) {
        if (memory_files[i].used && memory_files[i].base == base)
            return &memory_files[i];
    }
    return NULL;
}

/* Moves it to other addresses. Nothing is left at the old ones, so any use of them crashes. */
static void move(struct memory_file *file)
{
    void *place = __real_mmap(NULL, LARGE_BYTES, PROT_NONE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    INVARIANT(place != MAP_FAILED);
    void *moved =
        __real_mremap(file->base, LARGE_BYTES, LARGE_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, place);
    INVARIANT(moved == place);
    file->base = moved;
}

void *__wrap_mremap(void *base, size_t old_len, size_t len, int flags, ...)
{
    struct memory_file *file = file_at(base);
    INVARIANT(file != NULL && file->large && len <= LARGE_BYTES);
    process_call("mremap", "", len);
    if ((flags & MREMAP_FIXED) != 0) {
        va_list args;
        va_start(args, flags);
        void *place = va_arg(args, void *);
        va_end(args);
        (void)__real_munmap(place, len); /* we have one of our own */
    }
    if ((flags & MREMAP_MAYMOVE) != 0)
        move(file);
    else if (present != NULL && len > old_len && chance_one_in(2)) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    for (size_t i = 0; present != NULL && i < sizeof present->maps / sizeof present->maps[0]; i++) {
        if (present->maps[i].base == base && present->maps[i].len == old_len) {
            present->maps[i] = (struct map){.base = file->base, .len = len};
            break;
        }
    }
    return file->base;
}

int __wrap_munmap(void *base, size_t len)
{
    if (file_at(base) == NULL)
        return __real_munmap(base, len);
    for (size_t i = 0; present != NULL && i < sizeof present->maps / sizeof present->maps[0]; i++) {
        if (present->maps[i].base == base && present->maps[i].len == len) {
            present->maps[i] = (struct map){0};
            break;
        }
    }
    return 0;
}

int __wrap_fallocate(int fd, int mode, off_t offset, off_t len)
{
    fd = memory_fd_of(fd);
    if (!memory_file_is_ours(fd))
        return __real_fallocate(fd, mode, offset, len);
    process_call("fallocate", "", (uint64_t)offset);
    empty(&memory_files[fd - MEMORY_FD_BASE], (size_t)offset, (size_t)len);
    return 0;
}

size_t memory_maps_forget(struct process *process)
{
    size_t mapped = 0;
    for (size_t i = 0; i < sizeof process->maps / sizeof process->maps[0]; i++) {
        mapped += process->maps[i].base != NULL ? 1 : 0;
        process->maps[i] = (struct map){0};
    }
    for (size_t i = 0; i < MEMORY_FILES_MAX; i++) {
        if (!memory_files[i].used || memory_files[i].owner != process)
            continue;
        memory_file_free(MEMORY_FD_BASE + (int)i);
        mapped++;
    }
    return mapped;
}
