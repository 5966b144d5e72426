/* SPDX-License-Identifier: MIT */
/*
 * The system calls of the product, as the simulated processes see them. The linker redirects them
 * here (--wrap, see the Makefile), so everything down to the last line of file.c and control.c is
 * the product's own code. Calls for descriptors that are not ours, and those that the simulation
 * makes for itself, are passed on to the system.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/sim_calls_p.h"
#include "tests/sim/sim_world.h"

#define FILES_MAX 512u
#define FILE_FD_BASE (1 << 20)

struct open_file {
    bool used;
    int node;
    struct process *owner;
    bool locked;
};

struct listing {
    int fd;
    char (*names)[DISK_NAME_BYTES_MAX];
    size_t count, next;
    struct dirent entry;
    struct listing *following;
};

static struct open_file files[FILES_MAX];
static struct listing *listings;

/* --- descriptors --- */

static bool is_simulated(void)
{
    return present != NULL;
}

static struct open_file *file_of(int fd)
{
    if (fd < FILE_FD_BASE || fd >= FILE_FD_BASE + (int)FILES_MAX || !files[fd - FILE_FD_BASE].used)
        return NULL;
    struct open_file *file = &files[fd - FILE_FD_BASE];
    return file->owner == present ? file : NULL;
}

int node_of(int fd)
{
    const struct open_file *file = file_of(fd);
    return file != NULL ? file->node : -1;
}

static int walk(int from, const char *path);

/* The directory that a descriptor refers to; -1 if it is not a directory. */
static int dir_of(int fd)
{
    if (fd == AT_FDCWD)
        return DISK_ROOT;
    if (fd == STAGE_FD_STAGES)
        return walk(DISK_ROOT, STATE_PATH "/stages");
    const struct open_file *file = file_of(fd);
    return file != NULL && disk_is_dir(present->disk, file->node) ? file->node : -1;
}

/* Follows a path up to its last part, which is copied to name. Returns the directory, or -1. */
static int walk_to_parent(int from, const char *path, char name[DISK_NAME_BYTES_MAX])
{
    int dir = path[0] == '/' ? DISK_ROOT : from;
    for (;;) {
        while (*path == '/')
            path++;
        size_t len = strcspn(path, "/");
        (void)snprintf(name, DISK_NAME_BYTES_MAX, "%.*s", (int)len, path);
        path += len;
        if (*path == '\0' || dir < 0)
            return dir;
        if (strcmp(name, "..") == 0)
            dir = disk_parent(present->disk, dir);
        else if (strcmp(name, ".") != 0)
            dir = disk_find(present->disk, dir, name);
    }
}

static int find_in(int dir, const char *name)
{
    if (name[0] == '\0' || strcmp(name, ".") == 0)
        return dir;
    return strcmp(name, "..") == 0 ? disk_parent(present->disk, dir)
                                   : disk_find(present->disk, dir, name);
}

static int walk(int from, const char *path)
{
    char name[DISK_NAME_BYTES_MAX];
    int dir = walk_to_parent(from, path, name);
    return dir < 0 ? -1 : find_in(dir, name);
}

static int open_node(int node)
{
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (files[i].used)
            continue;
        files[i] = (struct open_file){.used = true, .node = node, .owner = present};
        return FILE_FD_BASE + (int)i;
    }
    return fail_with(EMFILE);
}

/*
 * A start must not use up all faults: it makes more calls than there are faults, and is repeated.
 */
static bool call_fails(uint64_t one_in)
{
    return present->suffers && fault_one_in(present->is_stage ? one_in : 10 * one_in);
}

bool disk_is_full(void)
{
    if (!present->suffers)
        return false;
    if (call_fails(world.faults.disk_full_one_in)) {
        world.disk_full_until_us = sim_report.now_us + 1000 + chance_below(200000);
        TRACE("the disk is full for a while");
    }
    return sim_report.now_us < world.disk_full_until_us;
}

int __wrap_openat(int dir_fd, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = (flags & O_CREAT) != 0 ? va_arg(args, int) : 0;
    va_end(args);
    if (!is_simulated())
        return __real_openat(dir_fd, path, flags, mode);
    process_call("openat", path, 0);
    int dir = dir_of(dir_fd);
    char name[DISK_NAME_BYTES_MAX];
    if (dir < 0)
        return fail_with(EBADF);
    dir = walk_to_parent(dir, path, name);
    int node = dir < 0 ? -1 : find_in(dir, name);
    if (dir < 0 || (node < 0 && (flags & O_CREAT) == 0))
        return fail_with(ENOENT);
    if (node < 0) {
        if (disk_is_full())
            return fail_with(ENOSPC);
        node = disk_make(present->disk, dir, name, false);
        TRACE("%s gen %llu makes %s", present->name, (unsigned long long)present->generation, path);
    }
    if ((flags & O_DIRECTORY) != 0 && !disk_is_dir(present->disk, node))
        return fail_with(ENOTDIR);
    if ((flags & O_TRUNC) != 0)
        disk_truncate(present->disk, node, 0);
    return open_node(node);
}

int __wrap_close(int fd)
{
    struct open_file *file = file_of(fd);
    if (file != NULL) {
        *file = (struct open_file){0};
        return 0;
    }
    if (memory_file_is_ours(fd)) {
        memory_file_free(fd);
        return 0;
    }
    return is_simulated() ? fail_with(EBADF) : __real_close(fd);
}

/* --- bytes --- */

ssize_t __wrap_pread(int fd, void *bytes, size_t len, off_t offset)
{
    if (!is_simulated())
        return __real_pread(fd, bytes, len, offset);
    const struct open_file *file = file_of(fd);
    if (file == NULL)
        return fail_with(EBADF);
    process_call("pread", disk_name(present->disk, file->node), (uint64_t)offset);
    if (present->suffers && chance_one_in(world.faults.interrupt_one_in))
        return fail_with(EINTR);
    if (present->suffers && len > 1 && chance_one_in(world.faults.short_one_in))
        len = 1 + chance_below(len - 1);
    return (ssize_t)disk_read(present->disk, file->node, (uint64_t)offset, bytes, len);
}

ssize_t __wrap___pread_chk(int fd, void *bytes, size_t len, off_t offset, size_t size)
{
    (void)size;
    return __wrap_pread(fd, bytes, len, offset);
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    if (!is_simulated())
        return __real_pwrite(fd, bytes, len, offset);
    const struct open_file *file = file_of(fd);
    if (file == NULL)
        return fail_with(EBADF);
    int node = file->node;
    process_call("pwrite", disk_name(present->disk, node), (uint64_t)offset);
    const char *name = disk_name(present->disk, node);
    TRACE("%s gen %llu pwrite(%s, %lld+%zu)", present->name,
          (unsigned long long)present->generation, name, (long long)offset, len);
    if (!present->suffers) {
        disk_write(present->disk, node, (uint64_t)offset, bytes, len);
        return (ssize_t)len;
    }
    check_write(node, (uint64_t)offset, bytes, len);
    if (chance_one_in(world.faults.interrupt_one_in))
        return fail_with(EINTR);
    if (disk_is_full()) {
        TRACE("%s gen %llu: ENOSPC", present->name, (unsigned long long)present->generation);
        return fail_with(ENOSPC);
    }
    size_t part =
        len > 1 && chance_one_in(world.faults.short_one_in) ? 1 + chance_below(len - 1) : len;
    bool fails = call_fails(world.faults.write_error_one_in);
    disk_write(present->disk, node, (uint64_t)offset, bytes, fails ? chance_below(len + 1) : part);
    if (!fails)
        return (ssize_t)part;
    TRACE("%s gen %llu: EIO", present->name, (unsigned long long)present->generation);
    return fail_with(EIO);
}

static int sync_node(int fd, const char *what)
{
    const struct open_file *file = file_of(fd);
    int node = fd == STAGE_FD_STAGES ? dir_of(fd) : file != NULL ? file->node : -1;
    if (node < 0)
        return fail_with(EBADF);
    struct process *process = present;
    char name[DISK_NAME_BYTES_MAX]; /* a copy: nodes move when others make files meanwhile */
    (void)snprintf(name, sizeof name, "%s", disk_name(process->disk, node));
    process_call(what, name, 0);
    process_sleep(chance_below(process->suffers ? world.faults.sync_us_max + 1 : 1));
    if (process->suffers && chance_one_in(world.faults.interrupt_one_in))
        return fail_with(EINTR);
    if (call_fails(world.faults.sync_error_one_in)) {
        int error = chance_one_in(4) && !disk_is_dir(process->disk, node) ? ENOSPC : EIO;
        TRACE("%s gen %llu %s(%s): %s", process->name, (unsigned long long)process->generation,
              what, name, error == EIO ? "EIO" : "ENOSPC");
        /* There is no other copy of a journal: what no process can see any more is lost. */
        disk_sync_badly(process->disk, node, strncmp(name, "journal.", 8) == 0);
        return fail_with(error);
    }
    disk_sync(process->disk, node);
    TRACE("%s gen %llu %s(%s)", process->name, (unsigned long long)process->generation, what, name);
    return 0;
}

int __wrap_fdatasync(int fd)
{
    return is_simulated() ? sync_node(fd, "fdatasync") : __real_fdatasync(fd);
}

int __wrap_fsync(int fd)
{
    return is_simulated() ? sync_node(fd, "fsync") : __real_fsync(fd);
}

/* It waits for data that becomes safe only with the sync that follows. */
int __wrap_sync_file_range(int fd, off64_t offset, off64_t len, unsigned flags)
{
    return is_simulated() ? 0 : __real_sync_file_range(fd, offset, len, flags);
}

int __wrap_ftruncate(int fd, off_t len)
{
    if (memory_file_is_ours(memory_fd_of(fd))) {
        memory_file_set_len(memory_fd_of(fd), (size_t)len);
        return 0;
    }
    if (!is_simulated())
        return __real_ftruncate(fd, len);
    const struct open_file *file = file_of(fd);
    if (file == NULL)
        return fail_with(EBADF);
    int node = file->node;
    process_call("ftruncate", disk_name(present->disk, node), (uint64_t)len);
    TRACE("%s gen %llu ftruncate(%s, %lld)", present->name, (unsigned long long)present->generation,
          disk_name(present->disk, node), (long long)len);
    if (present->is_stage)
        check_cut(node, (uint64_t)len);
    disk_truncate(present->disk, node, (uint64_t)len);
    return 0;
}

static struct timespec time_of(uint64_t us)
{
    return (struct timespec){.tv_sec = (time_t)(us / 1000000),
                             .tv_nsec = (long)(us % 1000000) * 1000};
}

static void describe(int node, struct stat *st)
{
    *st = (struct stat){.st_dev = 1, .st_ino = (ino_t)node + 1, .st_uid = geteuid()};
    st->st_mode = disk_is_dir(present->disk, node) ? S_IFDIR | 0700 : S_IFREG | 0600;
    st->st_size = (off_t)disk_length(present->disk, node);
    st->st_nlink = 1;
    struct disk_times times = disk_times(present->disk, node);
    st->st_mtim = time_of(times.written_us);
    st->st_ctim = time_of(times.changed_us);
}

int __wrap_fstat(int fd, struct stat *st)
{
    if (memory_file_is_ours(memory_fd_of(fd))) {
        *st = (struct stat){.st_size = (off_t)memory_file_len(memory_fd_of(fd))};
        return 0;
    }
    if (!is_simulated())
        return __real_fstat(fd, st);
    if (fd == STDIN_FILENO) {
        pipe_describe(st);
        return 0;
    }
    const struct open_file *file = file_of(fd);
    if (file == NULL)
        return fail_with(EBADF);
    describe(file->node, st);
    return 0;
}

int __wrap_fstatat(int dir_fd, const char *path, struct stat *st, int flags)
{
    if (!is_simulated())
        return __real_fstatat(dir_fd, path, st, flags);
    process_call("fstatat", path, 0);
    if (path[0] == '\0' && (flags & AT_EMPTY_PATH) != 0)
        return __wrap_fstat(dir_fd, st);
    int dir = dir_of(dir_fd);
    int node = dir < 0 ? -1 : walk(dir, path);
    if (node < 0)
        return fail_with(ENOENT);
    describe(node, st);
    return 0;
}

int __wrap_stat(const char *path, struct stat *st)
{
    return is_simulated() ? __wrap_fstatat(AT_FDCWD, path, st, 0) : __real_stat(path, st);
}

int __wrap_lstat(const char *path, struct stat *st)
{
    return is_simulated() ? __wrap_fstatat(AT_FDCWD, path, st, 0) : __real_lstat(path, st);
}

static struct statx_timestamp timestamp_of(struct timespec time)
{
    return (struct statx_timestamp){.tv_sec = time.tv_sec, .tv_nsec = (uint32_t)time.tv_nsec};
}

int __wrap_statx(int dir_fd, const char *path, int flags, unsigned mask, struct statx *st)
{
    if (!is_simulated())
        return __real_statx(dir_fd, path, flags, mask, st);
    struct stat plain;
    int rc = __wrap_fstatat(dir_fd, path, &plain, flags);
    if (rc != 0)
        return rc;
    struct disk_times times = disk_times(present->disk, (int)plain.st_ino - 1);
    *st = (struct statx){.stx_mask = mask,
                         .stx_ino = plain.st_ino,
                         .stx_size = (uint64_t)plain.st_size,
                         .stx_mode = (uint16_t)plain.st_mode,
                         .stx_nlink = 1,
                         .stx_dev_minor = (uint32_t)plain.st_dev,
                         .stx_btime = timestamp_of(time_of(times.born_us)),
                         .stx_mtime = timestamp_of(plain.st_mtim),
                         .stx_ctime = timestamp_of(plain.st_ctim)};
    return 0;
}

/* Where an open file is: /proc/self/fd/N. There are no links. */
ssize_t __wrap_readlink(const char *path, char *bytes, size_t len)
{
    static const char prefix[] = "/proc/self/fd/";
    if (!is_simulated())
        return __real_readlink(path, bytes, len);
    int node = -1;
    if (strncmp(path, prefix, sizeof prefix - 1) == 0)
        node = node_of((int)strtol(path + sizeof prefix - 1, NULL, 10));
    if (node < 0 || disk_parent(present->disk, node) != DISK_ROOT)
        return fail_with(EINVAL);
    return snprintf(bytes, len, "/%s", disk_name(present->disk, node));
}

/* There is no inotify, as where a limit forbids it: ends of files are polled. */
int __wrap_inotify_init1(int flags)
{
    return is_simulated() ? fail_with(EMFILE) : __real_inotify_init1(flags);
}

int __wrap_faccessat(int dir_fd, const char *path, int mode, int flags)
{
    struct stat st;
    return is_simulated() ? __wrap_fstatat(dir_fd, path, &st, flags)
                          : __real_faccessat(dir_fd, path, mode, flags);
}

/* --- directories --- */

/* A linked file is never written again, so a copy of it will do once it is synced. */
int __wrap_linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
    if (!is_simulated())
        return __real_linkat(from_fd, from, to_fd, to, flags);
    process_call("linkat", to, 0);
    struct disk *disk = present->disk;
    int from_dir = dir_of(from_fd), to_dir = dir_of(to_fd);
    int node = from_dir < 0 || to_dir < 0 ? -1 : disk_find(disk, from_dir, from);
    if (node < 0)
        return fail_with(ENOENT);
    if (disk_find(disk, to_dir, to) >= 0)
        return fail_with(EEXIST);
    if (disk_is_full())
        return fail_with(ENOSPC);
    int copy = disk_make(disk, to_dir, to, false);
    disk_write(disk, copy, 0, disk_bytes(disk, node), disk_length(disk, node));
    disk_sync(disk, copy);
    return 0;
}

int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    if (!is_simulated())
        return __real_renameat(from_fd, from, to_fd, to);
    process_call("renameat", to, 0);
    int dir = dir_of(from_fd);
    if (dir < 0 || dir != dir_of(to_fd))
        return fail_with(EBADF);
    if (disk_find(present->disk, dir, from) < 0)
        return fail_with(ENOENT);
    if (disk_is_full())
        return fail_with(ENOSPC);
    disk_rename(present->disk, dir, from, to);
    TRACE("%s gen %llu renameat(%s, %s)", present->name, (unsigned long long)present->generation,
          from, to);
    return 0;
}

int __wrap_unlinkat(int dir_fd, const char *name, int flags)
{
    if (!is_simulated())
        return __real_unlinkat(dir_fd, name, flags);
    process_call("unlinkat", name, 0);
    int dir = dir_of(dir_fd);
    if (dir < 0)
        return fail_with(EBADF);
    int node = disk_find(present->disk, dir, name);
    if (node < 0)
        return fail_with(ENOENT);
    if (disk_is_dir(present->disk, node) != ((flags & AT_REMOVEDIR) != 0))
        return fail_with((flags & AT_REMOVEDIR) != 0 ? ENOTDIR : EISDIR);
    if (disk_is_dir(present->disk, node) && disk_entry(present->disk, node, 0) != NULL)
        return fail_with(ENOTEMPTY);
    disk_remove(present->disk, dir, name);
    TRACE("%s gen %llu unlinkat(%s)", present->name, (unsigned long long)present->generation, name);
    return 0;
}

int __wrap_mkdirat(int dir_fd, const char *path, mode_t mode)
{
    if (!is_simulated())
        return __real_mkdirat(dir_fd, path, mode);
    process_call("mkdirat", path, 0);
    char name[DISK_NAME_BYTES_MAX];
    int dir = dir_of(dir_fd);
    if (dir < 0)
        return fail_with(EBADF);
    dir = walk_to_parent(dir, path, name);
    if (dir < 0)
        return fail_with(ENOENT);
    if (disk_find(present->disk, dir, name) >= 0)
        return fail_with(EEXIST);
    if (disk_is_full())
        return fail_with(ENOSPC);
    (void)disk_make(present->disk, dir, name, true);
    TRACE("%s gen %llu mkdirat(%s)", present->name, (unsigned long long)present->generation, path);
    return 0;
}

int __wrap_flock(int fd, int operation)
{
    if (!is_simulated())
        return __real_flock(fd, operation);
    struct open_file *file = file_of(fd);
    if (file == NULL)
        return fail_with(EBADF);
    for (size_t i = 0; i < FILES_MAX; i++) {
        const struct open_file *other = &files[i];
        if (other->used && other->locked && other != file && other->node == file->node &&
            other->owner->disk == present->disk)
            return fail_with(EWOULDBLOCK);
    }
    file->locked = true;
    return 0;
}

/* A snapshot in random order, because a directory promises none. */
DIR *__wrap_fdopendir(int fd)
{
    if (!is_simulated())
        return __real_fdopendir(fd);
    process_call("fdopendir", "", 0);
    int dir = dir_of(fd);
    if (dir < 0) {
        errno = ENOTDIR;
        return NULL;
    }
    struct listing *listing = sim_new(1, sizeof *listing);
    listing->fd = fd;
    while (disk_entry(present->disk, dir, listing->count) != NULL)
        listing->count++;
    listing->names = sim_new(listing->count, sizeof *listing->names);
    for (size_t i = 0; i < listing->count; i++) {
        size_t at = chance_below(i + 1);
        memcpy(listing->names[i], listing->names[at], sizeof listing->names[i]);
        memcpy(listing->names[at], disk_entry(present->disk, dir, i), sizeof listing->names[at]);
    }
    listing->following = listings;
    listings = listing;
    return (DIR *)listing;
}

struct dirent *__wrap_readdir(DIR *dir)
{
    if (!is_simulated())
        return __real_readdir(dir);
    struct listing *listing = (struct listing *)dir;
    if (listing->next == listing->count)
        return NULL;
    const char *name = listing->names[listing->next++];
    int node = disk_find(present->disk, dir_of(listing->fd), name);
    if (node < 0) /* it has been removed since */
        return __wrap_readdir(dir);
    listing->entry.d_ino = (ino_t)node + 1;
    listing->entry.d_type = disk_is_dir(present->disk, node) ? DT_DIR : DT_REG;
    memcpy(listing->entry.d_name, name, DISK_NAME_BYTES_MAX);
    return &listing->entry;
}

static void free_listing(struct listing **at)
{
    struct listing *listing = *at;
    *at = listing->following;
    sim_free(listing->names);
    sim_free(listing);
}

int __wrap_closedir(DIR *dir)
{
    if (!is_simulated())
        return __real_closedir(dir);
    struct listing **at = &listings;
    while ((DIR *)*at != dir)
        at = &(*at)->following;
    (void)__wrap_close((*at)->fd);
    free_listing(at);
    return 0;
}

/* Resolves the path of the state directory, by name or as /proc/self/fd/N, and "." and "/". */
char *__wrap_realpath(const char *path, char *resolved)
{
    if (!is_simulated())
        return __real_realpath(path, resolved);
    bool is_state = strncmp(path, "/proc/self/fd/", 14) == 0 || strcmp(path, STATE_PATH) == 0;
    if (resolved == NULL)
        resolved = malloc(DISK_NAME_BYTES_MAX);
    (void)snprintf(resolved, DISK_NAME_BYTES_MAX, "%s", is_state ? "/" STATE_PATH : "/");
    return resolved;
}

/* Paths of outputs must be the same wherever the test is run. */
char *__wrap_getcwd(char *path, size_t size)
{
    if (!is_simulated())
        return __real_getcwd(path, size);
    (void)snprintf(path, size, "/");
    return path;
}

char *__wrap___getcwd_chk(char *path, size_t size, size_t room)
{
    (void)room;
    return __wrap_getcwd(path, size);
}

pid_t __wrap_getpid(void)
{
    return is_simulated() ? 4242 : __real_getpid();
}

char *__wrap___realpath_chk(const char *path, char *resolved, size_t size)
{
    (void)size;
    return __wrap_realpath(path, resolved);
}

/* --- time, chance, waiting --- */

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    (void)clock;
    *ret_time = (struct timespec){.tv_sec = (time_t)(sim_report.now_us / 1000000),
                                  .tv_nsec = (long)(sim_report.now_us % 1000000) * 1000};
    return 0;
}

ssize_t __wrap_getrandom(void *bytes, size_t len, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)chance_bits();
    return (ssize_t)len;
}

int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                 const sigset_t *signals)
{
    if (!is_simulated())
        return __real_ppoll(fds, count, timeout, signals);
    struct process *process = present;
    /* Nothing here ever polls as writable, so a process would wait for that in vain. */
    for (nfds_t i = 0; i < count; i++) {
        if (fds[i].fd >= 0 && fds[i].events != POLLIN)
            fail("%s waits for the events %d of descriptor %d", process->name, fds[i].events,
                 fds[i].fd);
    }
    process_call("ppoll", "", count);
    process->waits = fds;
    process->wait_count = count;
    process->wait_until_us = timeout == NULL
                                 ? UINT64_MAX
                                 : sim_report.now_us + (uint64_t)timeout->tv_sec * 1000000 +
                                       (uint64_t)timeout->tv_nsec / 1000;
    process_pause();
    int ready = 0;
    for (nfds_t i = 0; i < count; i++) {
        fds[i].revents = fd_is_ready(process, fds[i].fd) ? POLLIN : 0;
        ready += fds[i].revents != 0 ? 1 : 0;
    }
    return ready;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    if (!is_simulated())
        return __real_poll(fds, count, timeout_ms);
    struct timespec timeout = {.tv_sec = timeout_ms / 1000,
                               .tv_nsec = (long)(timeout_ms % 1000) * 1000000};
    return __wrap_ppoll(fds, count, timeout_ms < 0 ? NULL : &timeout, NULL);
}

int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t size)
{
    (void)size;
    return __wrap_poll(fds, count, timeout_ms);
}

int __wrap___ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                       const sigset_t *signals, size_t size)
{
    (void)size;
    return __wrap_ppoll(fds, count, timeout, signals);
}

/* --- the end of a process --- */

size_t calls_forget(struct process *process)
{
    size_t open = memory_maps_forget(process) + links_forget(process);
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (files[i].used && files[i].owner == process) {
            files[i] = (struct open_file){0};
            open++;
        }
    }
    /* The owner of a directory stream is found by its descriptor, which is closed now. */
    for (struct listing **at = &listings; *at != NULL;) {
        if (files[(*at)->fd - FILE_FD_BASE].used)
            at = &(*at)->following;
        else
            free_listing(at);
    }
    return open;
}
