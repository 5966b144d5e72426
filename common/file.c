/* SPDX-License-Identifier: MIT */
#include "common/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/check.h"
#include "common/path.h"

/*
 * Sets the code after a failed call: ERR_NO_SPACE if space is short, which may pass. A file that
 * has reached its limit (ulimit -f) cannot grow in another process either: ERR_MISMATCH.
 */
static int space_or_io(int error, struct err *e)
{
    if (error == EFBIG) {
        if (e != NULL)
            e->code = ERR_MISMATCH;
        return err_wrap(
            e,
            "the file would exceed the process's file size limit; raise the limit and run again");
    }
    if (error != ENOSPC && error != EDQUOT)
        return ERR_IO;
    if (e != NULL)
        e->code = ERR_NO_SPACE;
    return ERR_NO_SPACE;
}

/* As space_or_io(), for a call that creates a file or directory. */
static int new_or_io(int error, int dir_fd, const char *name, struct err *e)
{
    err_note_new(e, dir_fd, name);
    return space_or_io(error, e);
}

int file_open(int dir_fd, const char *name, int flags, mode_t mode, int *ret_fd, struct err *e)
{
    int fd;
    do { /* a stage has its own session, which must not get a controlling terminal */
        fd = openat(dir_fd, name, flags | O_CLOEXEC | O_NOCTTY, mode);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        int error = errno;
        (void)err_set_errno(e, "cannot open '%s'", name);
        bool replaced = error == ELOOP || error == ENOTDIR || error == EISDIR;
        if (replaced && (flags & O_NOFOLLOW) != 0)
            return err_set(
                e, ERR_MISMATCH,
                "'%s' is a symbolic link, or not the type of file that bulkhead created there",
                name);
        if (error != ENOENT)
            return new_or_io(error, dir_fd, name, e);
        if (e != NULL)
            e->code = ERR_NOT_FOUND;
        return ERR_NOT_FOUND;
    }
    *ret_fd = fd;
    return 0;
}

int file_write_at(int fd, uint64_t offset, const void *bytes, size_t len, struct err *e)
{
    const uint8_t *at = bytes;
    while (len > 0) {
        ssize_t n = pwrite(fd, at, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int error = errno;
            (void)err_set_errno(e, "cannot write %zu bytes at offset %llu", len,
                                (unsigned long long)offset);
            return space_or_io(error, e);
        }
        at += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

int file_read_at(int fd, uint64_t offset, void *bytes, size_t len, size_t *ret_len, struct err *e)
{
    uint8_t *at = bytes;
    size_t got = 0;
    while (got < len) {
        ssize_t n = pread(fd, at + got, len - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_errno(e, "cannot read %zu bytes at offset %llu", len,
                                 (unsigned long long)offset);
        if (n == 0)
            break;
        got += (size_t)n;
    }
    *ret_len = got;
    return 0;
}

int file_read_whole(int fd, size_t max, struct buf *out, struct err *e)
{
    size_t total = 0;
    for (;;) {
        const size_t piece = 65536;
        size_t got;
        int rc = file_read_at(fd, total, buf_reserve(out, piece), piece, &got, e);
        if (rc != 0)
            return rc;
        out->len += got;
        total += got;
        if (total > max)
            return err_set(e, ERR_RANGE, "more than %zu bytes", max);
        if (got < piece)
            return 0;
    }
}

int file_read_stream(int fd, size_t max, struct buf *out, struct err *e)
{
    const size_t piece = 65536;
    for (size_t total = 0; total <= max;) {
        ssize_t n = read(fd, buf_reserve(out, piece), piece);
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (n == 0)
            return 0;
        if (n > 0) {
            out->len += (size_t)n;
            total += (size_t)n;
        } else if (errno == EAGAIN) {
            (void)poll(&ready, 1, -1); /* another process has made it non-blocking */
        } else if (errno != EINTR) {
            return err_set_errno(e, "cannot read");
        }
    }
    return err_set(e, ERR_RANGE, "more than %zu bytes", max);
}

static int sync_failed(struct err *e)
{
    int error = errno;
    (void)err_set_errno(e, "cannot sync");
    if (error != ENOSPC && error != EDQUOT)
        return ERR_IO;
    if (e != NULL)
        e->code = ERR_NO_SPACE_LOST;
    return ERR_NO_SPACE_LOST;
}

int file_sync(int fd, struct err *e)
{
    int rc;
    do {
        rc = fdatasync(fd);
    } while (rc != 0 && errno == EINTR);
    if (rc == 0)
        return 0;
    return sync_failed(e);
}

void file_begin_write_out(int fd, uint64_t offset, uint64_t len)
{
    (void)sync_file_range(fd, (off_t)offset, (off_t)len, SYNC_FILE_RANGE_WRITE);
}

int file_wait_written(int fd, uint64_t offset, uint64_t len, struct err *e)
{
    const unsigned flags =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    int rc;
    do {
        rc = sync_file_range(fd, (off_t)offset, (off_t)len, flags);
    } while (rc != 0 && errno == EINTR);
    /* The kernel reports a failed write only once; a later sync would not see it. */
    bool failed = rc != 0 && (errno == EIO || errno == ENOSPC || errno == EDQUOT);
    return failed ? sync_failed(e) : 0; /* some file systems do not support it */
}

int file_truncate(int fd, uint64_t len, struct err *e)
{
    int rc;
    do {
        rc = ftruncate(fd, (off_t)len);
    } while (rc != 0 && errno == EINTR);
    if (rc == 0)
        return 0;
    int error = errno;
    (void)err_set_errno(e, "cannot set the length to %llu", (unsigned long long)len);
    return space_or_io(error, e);
}

int file_length(int fd, uint64_t *ret_len, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_set_errno(e, "cannot stat");
    *ret_len = (uint64_t)st.st_size;
    return 0;
}

int file_check_in_place(int dir_fd, const char *name, int fd, uint64_t written, struct err *e)
{
    static const char what_to_do[] = "restore the state directory as a whole, or start over with "
                                     "--fresh, which empties the outputs";
    struct stat by_name, by_fd;
    if (fstat(fd, &by_fd) != 0)
        return err_set_errno(e, "cannot stat '%s'", name);
    bool named = fstatat(dir_fd, name, &by_name, AT_SYMLINK_NOFOLLOW) == 0;
    if (!named && errno != ENOENT && errno != ENOTDIR)
        return err_set_errno(e, "cannot stat '%s'", name);
    if (!named || by_name.st_dev != by_fd.st_dev || by_name.st_ino != by_fd.st_ino)
        return err_set(e, ERR_MISMATCH,
                       "'%s' was removed, moved away or replaced while it was being written; put "
                       "it back, or %s",
                       name, what_to_do);
    if ((uint64_t)by_fd.st_size < written)
        return err_set(e, ERR_MISMATCH,
                       "'%s' has %jd bytes, but %llu were there: it was truncated or overwritten "
                       "while it was being written; %s",
                       name, (intmax_t)by_fd.st_size, (unsigned long long)written, what_to_do);
    return 0;
}

int file_rename(int dir_fd, const char *from, const char *to, bool durable, struct err *e)
{
    if (renameat(dir_fd, from, dir_fd, to) != 0) {
        int error = errno;
        (void)err_set_errno(e, "cannot rename '%s' to '%s'", from, to);
        return space_or_io(error, e);
    }
    return durable ? file_sync_dir(dir_fd, e) : 0;
}

int file_sync_dir(int dir_fd, struct err *e)
{
    int rc;
    do {
        rc = fsync(dir_fd);
    } while (rc != 0 && errno == EINTR);
    /* Some file systems do not sync directories: entries are durable in another way or not at all.
       Nothing can be done about that except not to write there. */
    return rc == 0 || errno == EINVAL ? 0 : err_set_errno(e, "cannot sync a directory");
}

int file_sync_entry(int dir_fd, const char *path, struct err *e)
{
    char *directory = path_directory(path);
    int fd;
    int rc = file_open(dir_fd, directory, O_RDONLY | O_DIRECTORY, 0, &fd, e);
    if (rc == 0) {
        rc = file_sync_dir(fd, e);
        (void)close(fd);
    }
    free(directory);
    return rc;
}

int file_remove(int dir_fd, const char *name, struct err *e)
{
    if (unlinkat(dir_fd, name, 0) != 0 && errno != ENOENT)
        return err_set_errno(e, "cannot remove '%s'", name);
    return 0;
}

int file_make_dir(int dir_fd, const char *name, int *ret_fd, struct err *e)
{
    REQUIRE(dir_fd >= 0);
    if (mkdirat(dir_fd, name, 0700) != 0 && errno != EEXIST) {
        int error = errno;
        (void)err_set_errno(e, "cannot create the directory '%s'", name);
        return new_or_io(error, dir_fd, name, e);
    }
    /* Also if it existed: the process that created it may have been killed before this. */
    int rc = file_sync_dir(dir_fd, e);
    if (rc != 0)
        return rc;
    return file_open(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, ret_fd, e);
}

int file_remove_in(int dir_fd, const char *prefix, unsigned depth, struct err *e)
{
    int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (dir == NULL) {
        if (copy >= 0)
            (void)close(copy);
        return err_set_errno(e, "cannot list a directory");
    }
    int rc = 0;
    struct dirent *entry;
    while (rc == 0 && (errno = 0, entry = readdir(dir)) != NULL) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            strncmp(name, prefix, strlen(prefix)) != 0)
            continue;
        int child = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (child >= 0 && depth > 0)
            rc = file_remove_in(child, "", depth - 1, e);
        if (rc == 0 && unlinkat(dir_fd, name, child >= 0 ? AT_REMOVEDIR : 0) != 0)
            rc = err_set_errno(e, "cannot remove '%s'", name);
        if (child >= 0)
            (void)close(child);
    }
    if (rc == 0 && errno != 0)
        rc = err_set_errno(e, "cannot list a directory");
    (void)closedir(dir);
    return rc;
}
