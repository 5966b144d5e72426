/* SPDX-License-Identifier: MIT */
/*
 * Which state a stage's directory is part of: an empty file in it is named after the number of the
 * state. A name is created entirely or not at all, and an old one next to a new one does no harm.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "stages/host/layout_p.h"

#define CLAIM_NAME_BYTES (sizeof LAYOUT_CLAIM_PREFIX + 16)

bool layout_is_claim(const char *name)
{
    return strncmp(name, LAYOUT_CLAIM_PREFIX, strlen(LAYOUT_CLAIM_PREFIX)) == 0;
}

static int make(int base_fd, const char *name, struct err *e)
{
    int fd;
    int rc = file_open(base_fd, name, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600, &fd, e);
    if (rc == 0)
        (void)close(fd);
    return rc;
}

typedef int visit_claim(void *arg, const char *name, struct err *e);

static int each_claim(int base_fd, visit_claim *visit, void *arg, struct err *e)
{
    int copy = openat(base_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (dir == NULL) {
        (void)err_set_errno(e, "cannot list the directory");
        if (copy >= 0)
            (void)close(copy);
        return ERR_IO;
    }
    int rc = 0;
    const struct dirent *entry;
    while (rc == 0 && (errno = 0, entry = readdir(dir)) != NULL)
        rc = layout_is_claim(entry->d_name) ? visit(arg, entry->d_name, e) : 0;
    if (rc == 0 && errno != 0)
        rc = err_set_errno(e, "cannot list the directory");
    (void)closedir(dir);
    return rc;
}

struct wanted {
    int base_fd;
    char name[CLAIM_NAME_BYTES];
    bool ours, others;
};

static int remove_other(void *arg, const char *name, struct err *e)
{
    const struct wanted *wanted = arg;
    return strcmp(name, wanted->name) == 0 ? 0 : file_remove(wanted->base_fd, name, e);
}

int layout_claim(int stages_fd, const char *base, uint64_t state, struct err *e)
{
    struct wanted wanted = {.ours = false};
    (void)snprintf(wanted.name, sizeof wanted.name, LAYOUT_CLAIM_PREFIX "%016" PRIx64, state);
    int rc = file_make_dir(stages_fd, base, &wanted.base_fd, e);
    if (rc != 0)
        return rc;
    rc = make(wanted.base_fd, wanted.name, e);
    if (rc == 0)
        rc = each_claim(wanted.base_fd, remove_other, &wanted, e);
    if (rc == 0)
        rc = file_sync_dir(wanted.base_fd, e);
    (void)close(wanted.base_fd);
    return rc == 0 ? 0 : err_wrap(e, "'stages/%s'", base);
}

static int compare_claim(void *arg, const char *name, struct err *e)
{
    (void)e;
    struct wanted *wanted = arg;
    bool same = strcmp(name, wanted->name) == 0;
    wanted->ours |= same;
    wanted->others |= !same;
    return 0;
}

/* Whether a directory holds a file, at most `depth` levels down. Closes dir_fd. */
static bool holds_file(int dir_fd, unsigned depth)
{
    DIR *dir = dir_fd >= 0 ? fdopendir(dir_fd) : NULL;
    if (dir == NULL)
        return false;
    const struct dirent *entry;
    bool holds = false;
    while (!holds && (entry = readdir(dir)) != NULL) {
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            strcmp(entry->d_name, LAYOUT_FILE) == 0 || layout_is_claim(entry->d_name) ||
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        holds = !S_ISDIR(st.st_mode);
        if (!holds && depth > 0)
            holds = holds_file(
                openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                depth - 1);
    }
    (void)closedir(dir);
    return holds;
}

bool layout_is_kept(int stages_fd, const char *base)
{
    return holds_file(openat(stages_fd, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), 2);
}

int layout_is_foreign(int stages_fd, const char *base, uint64_t state, bool *ret_foreign,
                      struct err *e)
{
    struct wanted wanted = {.ours = false};
    (void)snprintf(wanted.name, sizeof wanted.name, LAYOUT_CLAIM_PREFIX "%016" PRIx64, state);
    *ret_foreign = false;
    int fd;
    int rc = file_open(stages_fd, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e);
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    rc = each_claim(fd, compare_claim, &wanted, e);
    (void)close(fd);
    /* A directory without files is part of no state. */
    *ret_foreign = rc == 0 && (wanted.others || (!wanted.ours && layout_is_kept(stages_fd, base)));
    return rc == 0 ? 0 : err_wrap(e, "'stages/%s'", base);
}

static int copy_claim(void *arg, const char *name, struct err *e)
{
    return make(*(const int *)arg, name, e);
}

int layout_copy_claims(int from_fd, int to_fd, struct err *e)
{
    return each_claim(from_fd, copy_claim, &to_fd, e);
}
