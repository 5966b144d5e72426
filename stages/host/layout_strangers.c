/* SPDX-License-Identifier: MIT */
/*
 * Which files below stages/ are not ours. Only the names can tell: a file of ours may be damaged.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "stages/host/layout_p.h"

/* The depths at which directories of stages, and below them of workers, may be. */
#define DEPTH_STAGES 0u
#define DEPTH_WORKERS 2u

static bool is_own_file(const char *name)
{
    static const char *const prefixes[] = {
        "cursor", LAYOUT_FILE, LAYOUT_CLAIM_PREFIX,   "quarantine",
        "store.", "journal.",  LAYOUT_EVIDENCE_PREFIX};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static bool is_number(const char *name)
{
    return name[0] != '\0' && name[strspn(name, "0123456789")] == '\0';
}

static int find_in(int dir_fd, const char *name, unsigned depth, char **ret_path, struct err *e);

/* Looks at one entry, and into it if it is a directory. */
static int look_at(int dir_fd, const char *name, unsigned depth, char **ret_path, struct err *e)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno != ENOTDIR && errno != ELOOP)
        return errno == ENOENT ? 0 : err_set_errno(e, "cannot open '%s'", name);
    bool own = fd < 0 ? depth != DEPTH_STAGES && is_own_file(name)
                      : depth == DEPTH_STAGES || (depth < DEPTH_WORKERS && is_number(name));
    int rc = 0;
    if (!own)
        *ret_path = memory_dup(name, strlen(name));
    else if (fd >= 0)
        rc = find_in(fd, name, depth + 1, ret_path, e);
    if (fd >= 0)
        (void)close(fd);
    return rc;
}

/* Searches the directory of a descriptor. A path that is found begins with `name`. */
static int find_in(int dir_fd, const char *name, unsigned depth, char **ret_path, struct err *e)
{
    int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (dir == NULL) {
        (void)err_set_errno(e, "cannot list '%s'", name);
        if (copy >= 0)
            (void)close(copy);
        return ERR_IO;
    }
    int rc = 0;
    const struct dirent *entry;
    while (rc == 0 && *ret_path == NULL && (errno = 0, entry = readdir(dir)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = look_at(dir_fd, entry->d_name, depth, ret_path, e);
    if (rc == 0 && *ret_path == NULL && errno != 0)
        rc = err_set_errno(e, "cannot list '%s'", name);
    (void)closedir(dir);
    if (*ret_path != NULL) {
        char *inner = *ret_path;
        *ret_path = memory_format("%s/%s", name, inner);
        free(inner);
    }
    return rc;
}

int layout_find_stranger(int stages_fd, const char *base, char **ret_path, struct err *e)
{
    *ret_path = NULL;
    if (base == NULL)
        return find_in(stages_fd, "stages", DEPTH_STAGES, ret_path, e);
    int rc = look_at(stages_fd, base, DEPTH_STAGES, ret_path, e);
    if (*ret_path != NULL) {
        char *inner = *ret_path;
        *ret_path = memory_format("stages/%s", inner);
        free(inner);
    }
    return rc;
}
