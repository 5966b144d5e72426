/* SPDX-License-Identifier: MIT */
#include "supervisor/run/version_copies.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/buf.h"
#include "common/file.h"
#include "common/file_replace.h"

/* Whether a file has this content. One that cannot be read has not. */
static bool has_content(int dir_fd, const char *name, const void *bytes, size_t len)
{
    struct buf is = {0};
    int fd;
    if (file_open(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd, NULL) != 0)
        return false;
    bool same = file_read_whole(fd, len, &is, NULL) == 0 && is.len == len &&
                (len == 0 || memcmp(is.data, bytes, len) == 0);
    (void)close(fd);
    buf_done(&is);
    return same;
}

static int put(int dir_fd, const char *name, const void *bytes, size_t len, struct err *e)
{
    /* Its name may not be safe yet: an earlier start may have been killed before it was. */
    if (has_content(dir_fd, name, bytes, len))
        return file_sync_dir(dir_fd, e);
    return file_replace(dir_fd, name, bytes, len, true, e);
}

int version_copies_add(int state_fd, const char *path, const struct version *version, struct err *e)
{
    int all_fd = -1, fd = -1;
    int rc = file_make_dir(state_fd, VERSION_COPIES, &all_fd, e);
    if (rc == 0)
        rc = file_make_dir(all_fd, version->id.text, &fd, e);
    if (rc == 0)
        rc = put(fd, VERSION_COPY_TEXT, version->text.data, version->text.len, e);
    if (rc == 0)
        rc = put(fd, VERSION_COPY_TOPOLOGY, version->resolved.data, version->resolved.len, e);
    if (fd >= 0)
        (void)close(fd);
    if (all_fd >= 0)
        (void)close(all_fd);
    return rc == 0 ? 0
                   : err_wrap(e,
                              "cannot keep this version of the topology in '%s/" VERSION_COPIES
                              "/%.*s…'",
                              path, (int)DIGEST_DIGITS_SHOWN, version->id.text);
}

static bool is_wanted(const struct manifest *m, const char *id)
{
    for (size_t i = 0; i < m->version_count; i++) {
        if (strcmp(m->versions[i].id.text, id) == 0)
            return true;
    }
    return false;
}

/* Removes a copy. A directory that then still has files in it has some that are not ours. */
static int remove_copy(int all_fd, const char *id, struct err *e)
{
    static const char *const ours[] = {VERSION_COPY_TEXT, VERSION_COPY_TEXT ".new",
                                       VERSION_COPY_TOPOLOGY, VERSION_COPY_TOPOLOGY ".new"};
    int fd;
    int rc = file_open(all_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, NULL);
    if (rc != 0)
        return 0;
    for (size_t i = 0; rc == 0 && i < sizeof ours / sizeof ours[0]; i++)
        rc = file_remove(fd, ours[i], e);
    (void)close(fd);
    if (rc == 0 && unlinkat(all_fd, id, AT_REMOVEDIR) != 0 && errno != ENOTEMPTY && errno != EEXIST)
        rc = err_set_errno(e, "cannot remove '" VERSION_COPIES "/%s'", id);
    return rc;
}

int version_copies_trim(int state_fd, const struct manifest *manifest, struct err *e)
{
    int fd;
    int rc = file_open(state_fd, VERSION_COPIES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e);
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        rc = err_set_errno(e, "cannot list '" VERSION_COPIES "'");
        (void)close(fd);
        return rc;
    }
    struct dirent *entry;
    while (rc == 0 && (errno = 0, entry = readdir(dir)) != NULL) {
        if (digest_is_one(entry->d_name) && !is_wanted(manifest, entry->d_name))
            rc = remove_copy(fd, entry->d_name, e);
    }
    if (rc == 0 && errno != 0)
        rc = err_set_errno(e, "cannot list '" VERSION_COPIES "'");
    (void)closedir(dir);
    return rc;
}
