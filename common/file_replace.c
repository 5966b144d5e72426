/* SPDX-License-Identifier: MIT */
#include "common/file_replace.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "common/check.h"
#include "common/file.h"

struct unfinished {
    char name[NAME_MAX + 1];
};

static struct unfinished unfinished_of(const char *name)
{
    struct unfinished unfinished;
    int len = snprintf(unfinished.name, sizeof unfinished.name, "%s" FILE_REPLACE_SUFFIX, name);
    REQUIRE(len > 0 && (size_t)len < sizeof unfinished.name);
    return unfinished;
}

int file_replace_begin(int dir_fd, const char *name, int *ret_fd, struct err *e)
{
    struct unfinished unfinished = unfinished_of(name);
    return file_open(dir_fd, unfinished.name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, ret_fd,
                     e);
}

int file_replace_finish(int dir_fd, const char *name, int fd, uint64_t len, bool durable,
                        struct err *e)
{
    struct unfinished unfinished = unfinished_of(name);
    int rc = durable ? file_sync(fd, e) : 0;
    /* Checked before the rename, after which the old file is gone. */
    if (rc == 0)
        rc = file_check_in_place(dir_fd, unfinished.name, fd, len, e);
    return rc == 0 ? file_rename(dir_fd, unfinished.name, name, durable, e) : rc;
}

int file_replace(int dir_fd, const char *name, const void *bytes, size_t len, bool durable,
                 struct err *e)
{
    int fd;
    int rc = file_replace_begin(dir_fd, name, &fd, e);
    if (rc != 0)
        return rc;
    rc = file_write_at(fd, 0, bytes, len, e);
    if (rc == 0)
        rc = file_replace_finish(dir_fd, name, fd, len, durable, e);
    (void)close(fd);
    return rc;
}
