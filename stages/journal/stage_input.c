/* SPDX-License-Identifier: MIT */
#include "stages/journal/stage_input.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/bytes.h"
#include "common/hash.h"
#include "stages/journal/journal.h"

static bool is_null(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

int stage_input_check(int fd, struct err *e)
{
    struct stat st;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fstat(fd, &st) != 0)
        return errno == EBADF ? err_set(e, ERR_MISMATCH, "standard input is closed")
                              : err_set_errno(e, "cannot use standard input");
    /* If it was closed, main() has opened /dev/null for writing in its place. */
    if ((flags & O_ACCMODE) == O_WRONLY && is_null(&st))
        return err_set(e, ERR_MISMATCH, "standard input is closed");
    if ((flags & O_ACCMODE) == O_WRONLY || (flags & O_PATH) != 0 || S_ISDIR(st.st_mode))
        return err_set(e, ERR_MISMATCH, "standard input cannot be read");
    return 0;
}

bool stage_input_is_null(const struct stage_input *input)
{
    struct stat st;
    return fstat(input->fd, &st) == 0 && is_null(&st);
}

/* --- pipes --- */

/* Whether this is the size of a new pipe, also that of a user who has too many pipes already. */
static bool is_size_of_new(int size)
{
    int page = (int)sysconf(_SC_PAGESIZE);
    return size == 16 * page || size == 2 * page;
}

static bool set_size(int fd, int size)
{
    return fcntl(fd, F_SETPIPE_SZ, size) >= 0 && fcntl(fd, F_GETPIPE_SZ) == size;
}

/*
 * Marks a pipe by giving it an unusual size, which it loses when all have closed it. A larger size
 * is better, but only a smaller one is always allowed, unless the pipe holds more than that.
 * Returns the size, or 0 if the pipe cannot be marked.
 */
static int mark_pipe(int fd, int size)
{
    int page = (int)sysconf(_SC_PAGESIZE);
    for (int next = (int)JOURNAL_PIPE_BYTES; next >= page;
         next = next < size ? next / 2 : size / 2) {
        if (next != size && !is_size_of_new(next) && set_size(fd, next))
            return next;
    }
    return 0;
}

/* The hash of a pipe, the same in every run during this boot as long as the pipe keeps its mark. */
static uint32_t identify(const uint8_t boot[JOURNAL_BOOT_BYTES], const struct stat *st, int mark)
{
    uint8_t text[JOURNAL_BOOT_BYTES + 24];
    memcpy(text, boot, JOURNAL_BOOT_BYTES);
    bytes_put_u64(text + JOURNAL_BOOT_BYTES, st->st_dev);
    bytes_put_u64(text + JOURNAL_BOOT_BYTES + 8, st->st_ino);
    bytes_put_u64(text + JOURNAL_BOOT_BYTES + 16, (uint64_t)mark);
    return (uint32_t)hash_fnv1a(text, sizeof text);
}

static bool has_name(int fd)
{
    struct statfs fs;
    return fstatfs(fd, &fs) != 0 || fs.f_type != PIPEFS_MAGIC;
}

/*
 * Finds out whether a pipe is the one that an earlier run has read from, and open ever since, so
 * that the input continues where that run stopped. The inode number identifies a pipe without a
 * name: the kernel counts to 2^32 before it uses a number again. The number of a named pipe stays
 * the same after all have closed it, so that run has also given it a size that a new pipe does not
 * have. If this is another pipe, it is marked now.
 */
static int know_pipe(int journal_fd, const struct stat *st, struct stage_input *input,
                     struct err *e)
{
    uint8_t boot[JOURNAL_BOOT_BYTES];
    uint64_t last = 0;
    int rc = journal_boot_id(boot, e);
    if (rc != 0)
        return rc;
    struct err ignored; /* opening the journal will report it */
    bool any = journal_last_stream(journal_fd, &last, &ignored) == 0;
    bool named = has_name(input->fd);
    int size = fcntl(input->fd, F_GETPIPE_SZ), mark = named ? size : 0;
    input->kept = any && (uint32_t)last == identify(boot, st, mark);
    if (!named)
        (void)set_size(input->fd, (int)JOURNAL_PIPE_BYTES);
    else if (!input->kept)
        mark = mark_pipe(input->fd, size);
    input->unmarked = named && mark == 0;
    if (!input->unmarked)
        input->stream = (input->stream & ~(uint64_t)UINT32_MAX) | identify(boot, st, mark);
    return 0;
}

/* Creates a pipe that is as large as allowed; its size does not matter otherwise. */
static int make_relay(struct stage_input *input, struct err *e)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_set_errno(e, "cannot create a pipe for standard input");
    (void)fcntl(ends[0], F_SETPIPE_SZ, JOURNAL_PIPE_BYTES);
    input->relay_read_fd = ends[0];
    input->relay_write_fd = ends[1];
    return 0;
}

int stage_input_open(int fd, int journal_fd, struct stage_input *ret_input, struct err *e)
{
    struct stage_input input = {.fd = fd, .relay_read_fd = -1, .relay_write_fd = -1};
    struct stat st;
    int rc = stage_input_check(fd, e);
    if (rc != 0)
        return rc;
    if (fstat(fd, &st) != 0 || getrandom(&input.stream, sizeof input.stream, 0) < 0)
        return err_set_errno(e, "cannot use standard input");
    rc = S_ISFIFO(st.st_mode) ? know_pipe(journal_fd, &st, &input, e) : make_relay(&input, e);
    if (rc == 0)
        *ret_input = input;
    return rc;
}

void stage_input_close(struct stage_input *input)
{
    if (input->relay_read_fd >= 0)
        (void)close(input->relay_read_fd);
    if (input->relay_write_fd >= 0)
        (void)close(input->relay_write_fd);
    input->relay_read_fd = input->relay_write_fd = -1;
}
