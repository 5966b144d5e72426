/* SPDX-License-Identifier: MIT */
#include "common/want.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "common/check.h"
#include "common/path.h"

enum want want_of_errno(int error)
{
    switch (error) {
    case ENOSPC:
        return WANT_SPACE;
    case EDQUOT:
        return WANT_QUOTA;
    case EMFILE:
        return WANT_DESCRIPTORS;
    case ENFILE:
        return WANT_OPEN_FILES;
    case ENOMEM:
    case ENOBUFS:
        return WANT_MEMORY;
    default:
        return WANT_NOTHING;
    }
}

enum want want_of_fork(int error)
{
    return error == EAGAIN ? WANT_PROCESSES : want_of_errno(error);
}

/* Asks about the file system that a path is in, or would be in. */
static bool statvfs_of_parent(const char *path, struct statvfs *ret_about)
{
    char *parent = path_directory(path);
    bool known = statvfs(parent, ret_about) == 0;
    free(parent);
    return known;
}

enum want want_of_new(int dir_fd, const char *path)
{
    struct statvfs about;
    int saved_errno = errno;
    bool known =
        dir_fd == AT_FDCWD ? statvfs_of_parent(path, &about) : fstatvfs(dir_fd, &about) == 0;
    errno = saved_errno;
    /* File systems that create inodes on demand report that they have none at all. */
    return known && about.f_files != 0 && about.f_favail == 0 ? WANT_INODES : WANT_SPACE;
}

const char *want_text(enum want want)
{
    static const char *const texts[] = {
#define X(name, text) [name] = text,
        WANT_LIST(X)
#undef X
    };
    REQUIRE(want < WANT_COUNT);
    return texts[want];
}
