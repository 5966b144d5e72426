/* SPDX-License-Identifier: MIT */
#include "stages/stage_input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/hash.h"
#include "common/limits.h"
#include "stages/journal.h"

int stage_input_check(int fd, struct err *e)
{
    struct stat st;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fstat(fd, &st) != 0)
        return errno == EBADF ? err_set(e, ERR_MISMATCH, "standard input is closed")
                              : err_set_errno(e, "standard input");
    if ((flags & O_ACCMODE) == O_WRONLY || (flags & O_PATH) != 0 || S_ISDIR(st.st_mode))
        return err_set(e, ERR_MISMATCH, "standard input cannot be read");
    return 0;
}

bool stage_input_is_null(const struct stage_input *input)
{
    struct stat st;
    return fstat(input->fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

/* A hash of the pipe that is the same in every run of this boot. */
static int identify(const struct stat *st, uint32_t *ret_identity, struct err *e)
{
    uint8_t text[JOURNAL_BOOT_BYTES + 16];
    int rc = journal_boot_id(text, e);
    if (rc != 0)
        return rc;
    bytes_put_u64(text + JOURNAL_BOOT_BYTES, st->st_dev);
    bytes_put_u64(text + JOURNAL_BOOT_BYTES + 8, st->st_ino);
    *ret_identity = (uint32_t)hash_fnv1a(text, sizeof text);
    return 0;
}

static int make_relay(struct stage_input *input, struct err *e)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_set_errno(e, "cannot make a pipe for standard input");
    (void)fcntl(ends[0], F_SETPIPE_SZ, JOURNAL_PIPE_BYTES);
    input->relay_read_fd = ends[0];
    input->relay_write_fd = ends[1];
    return 0;
}

int stage_input_open(int fd, struct stage_input *ret_input, struct err *e)
{
    struct stage_input input = {.fd = fd, .relay_read_fd = -1, .relay_write_fd = -1};
    struct stat st;
    int rc = stage_input_check(fd, e);
    if (rc != 0)
        return rc;
    if (fstat(fd, &st) != 0 || getrandom(&input.stream, sizeof input.stream, 0) < 0)
        return err_set_errno(e, "standard input");
    if (!S_ISFIFO(st.st_mode)) {
        rc = make_relay(&input, e);
    } else {
        uint32_t identity;
        rc = identify(&st, &identity, e);
        if (rc != 0)
            return rc;
        input.stream = (input.stream & ~(uint64_t)UINT32_MAX) | identity;
        /*
         * A former run gave the pipe this size, and a pipe forgets it when all have closed it. So
         * this one was kept open, and what comes goes on where that run stopped.
         */
        input.kept = fcntl(fd, F_GETPIPE_SZ) == (int)JOURNAL_PIPE_BYTES;
        (void)fcntl(fd, F_SETPIPE_SZ, JOURNAL_PIPE_BYTES);
    }
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
