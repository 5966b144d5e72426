/* SPDX-License-Identifier: MIT */
/*
 * sim_calls_p.h - the calls that the linker redirects to us, and the real ones of the system
 */
#ifndef BULKHEAD_TESTS_SIM_CALLS_P_H
#define BULKHEAD_TESTS_SIM_CALLS_P_H

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/types.h>
#include <time.h>

#define CALL_LIST(X)                                                                               \
    X(int, openat, (int dir_fd, const char *path, int flags, ...))                                 \
    X(int, close, (int fd))                                                                        \
    X(ssize_t, pread, (int fd, void *bytes, size_t len, off_t offset))                             \
    X(ssize_t, __pread_chk, (int fd, void *bytes, size_t len, off_t offset, size_t size))          \
    X(ssize_t, pwrite, (int fd, const void *bytes, size_t len, off_t offset))                      \
    X(int, fdatasync, (int fd))                                                                    \
    X(int, sync_file_range, (int fd, off64_t offset, off64_t len, unsigned flags))                 \
    X(int, fsync, (int fd))                                                                        \
    X(int, ftruncate, (int fd, off_t len))                                                         \
    X(int, fstat, (int fd, struct stat *st))                                                       \
    X(int, fstatat, (int dir_fd, const char *path, struct stat *st, int flags))                    \
    X(int, faccessat, (int dir_fd, const char *path, int mode, int flags))                         \
    X(int, linkat, (int from_fd, const char *from, int to_fd, const char *to, int flags))          \
    X(int, renameat, (int from_fd, const char *from, int to_fd, const char *to))                   \
    X(int, unlinkat, (int dir_fd, const char *name, int flags))                                    \
    X(int, mkdirat, (int dir_fd, const char *name, mode_t mode))                                   \
    X(int, flock, (int fd, int operation))                                                         \
    X(DIR *, fdopendir, (int fd))                                                                  \
    X(struct dirent *, readdir, (DIR * dir))                                                       \
    X(int, closedir, (DIR * dir))                                                                  \
    X(char *, realpath, (const char *path, char *resolved))                                        \
    X(char *, __realpath_chk, (const char *path, char *resolved, size_t size))                     \
    X(char *, getcwd, (char *path, size_t size))                                                   \
    X(char *, __getcwd_chk, (char *path, size_t size, size_t room))                                \
    X(pid_t, getpid, (void))                                                                       \
    X(ssize_t, splice,                                                                             \
      (int from_fd, off64_t *from, int to_fd, off64_t *to, size_t len, unsigned flags))            \
    X(int, stat, (const char *path, struct stat *st))                                              \
    X(int, lstat, (const char *path, struct stat *st))                                             \
    X(int, statx, (int dir_fd, const char *path, int flags, unsigned mask, struct statx *st))      \
    X(ssize_t, readlink, (const char *path, char *bytes, size_t len))                              \
    X(int, inotify_init1, (int flags))                                                             \
    X(int, fstatfs, (int fd, struct statfs *fs))                                                   \
    X(int, clock_gettime, (clockid_t clock, struct timespec * ret_time))                           \
    X(ssize_t, getrandom, (void *bytes, size_t len, unsigned flags))                               \
    X(int, poll, (struct pollfd * fds, nfds_t count, int timeout_ms))                              \
    X(int, ppoll,                                                                                  \
      (struct pollfd * fds, nfds_t count, const struct timespec *timeout,                          \
       const sigset_t *signals))                                                                   \
    X(int, __poll_chk, (struct pollfd * fds, nfds_t count, int timeout_ms, size_t size))           \
    X(int, __ppoll_chk,                                                                            \
      (struct pollfd * fds, nfds_t count, const struct timespec *timeout, const sigset_t *signals, \
       size_t size))                                                                               \
    X(ssize_t, send, (int fd, const void *bytes, size_t len, int flags))                           \
    X(ssize_t, recv, (int fd, void *bytes, size_t len, int flags))                                 \
    X(ssize_t, __recv_chk, (int fd, void *bytes, size_t len, size_t size, int flags))              \
    X(int, fcntl, (int fd, int command, ...))                                                      \
    X(int, memfd_create, (const char *name, unsigned flags))                                       \
    X(void *, mmap, (void *at, size_t len, int protection, int flags, int fd, off_t offset))       \
    X(void *, mremap, (void *base, size_t old_len, size_t len, int flags, ...))                    \
    X(int, munmap, (void *base, size_t len))                                                       \
    X(int, fallocate, (int fd, int mode, off_t offset, off_t len))

#define X(type, name, parameters)                                                                  \
    type __wrap_##name parameters;                                                                 \
    type __real_##name parameters;
CALL_LIST(X)
#undef X

/* How a call reports that it failed. */
static inline int fail_with(int error)
{
    errno = error;
    return -1;
}

/* Standard input, as fstat(2) and fcntl(2) report it. */
void pipe_describe(struct stat *st);
int pipe_fcntl(int command, long argument);

/* The node of an open file of the present process; -1: it is not one. */
int node_of(int fd);
/* Whether a call that needs space fails for lack of it. */
bool disk_is_full(void);

/* Whether a descriptor comes from memory_file_new(). */
bool memory_file_is_ours(int fd);

/* What an inherited descriptor of the present process refers to; others are left as they are. */
int memory_fd_of(int fd);

/* The length of such a file, as fstat(2) reports it and ftruncate(2) sets it. */
size_t memory_file_len(int fd);
void memory_file_set_len(int fd, size_t len);

struct process;
/* Unmaps everything that a process has mapped. Returns the number of mappings. */
size_t memory_maps_forget(struct process *process);

#endif
