/* SPDX-License-Identifier: MIT */
#include "stages/rotation.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/memory.h"
#include "common/text.h"

int rotation_identify(int fd, struct file_identity *ret_file, struct err *e)
{
    struct stat st;
    struct statx stx;
    if (fstat(fd, &st) != 0)
        return err_set_errno(e, "cannot stat");
    *ret_file = (struct file_identity){.device = st.st_dev, .inode = st.st_ino};
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &stx) == 0 && (stx.stx_mask & STATX_BTIME) != 0)
        ret_file->birth_ns = (uint64_t)stx.stx_btime.tv_sec * 1000000000u + stx.stx_btime.tv_nsec;
    return 0;
}

bool rotation_is_same(const struct file_identity *a, const struct file_identity *b)
{
    return a->device == b->device && a->inode == b->inode &&
           (a->birth_ns == b->birth_ns || a->birth_ns == 0 || b->birth_ns == 0);
}

/* The directory of a path, and in it the name. */
struct place_in_directory {
    char *directory;
    const char *base;
    DIR *dir;
};

static int open_directory(const char *path, struct place_in_directory *p, struct err *e)
{
    const char *slash = strrchr(path, '/');
    p->directory = slash == NULL ? memory_dup(".", 1)
                                 : memory_dup(path, slash == path ? 1 : (size_t)(slash - path));
    p->base = slash == NULL ? path : slash + 1;
    p->dir = opendir(p->directory);
    if (p->dir != NULL)
        return 0;
    int rc = err_set_errno(e, "cannot list '%s'", p->directory);
    free(p->directory);
    return rc;
}

static void close_directory(struct place_in_directory *p)
{
    (void)closedir(p->dir);
    free(p->directory);
}

/* The next regular file whose name begins as the base does; what stands behind is its suffix. */
static const char *next_suffix(const struct place_in_directory *p, struct stat *ret_st)
{
    size_t base_len = strlen(p->base);
    const struct dirent *entry;
    while ((entry = readdir(p->dir)) != NULL) {
        if (strncmp(entry->d_name, p->base, base_len) == 0 &&
            fstatat(dirfd(p->dir), entry->d_name, ret_st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(ret_st->st_mode))
            return entry->d_name + base_len;
    }
    return NULL;
}

int rotation_find(const char *path, const struct file_identity *file, int *ret_fd, struct err *e)
{
    struct place_in_directory p;
    int rc = open_directory(path, &p, e);
    if (rc != 0)
        return rc;
    struct stat st;
    const char *suffix;
    rc = ERR_NOT_FOUND;
    while (rc == ERR_NOT_FOUND && (suffix = next_suffix(&p, &st)) != NULL) {
        if (st.st_dev != file->device || st.st_ino != file->inode)
            continue;
        char *name = memory_format("%s%s", p.base, suffix);
        struct file_identity found;
        int fd;
        rc = file_open(dirfd(p.dir), name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0, &fd, e);
        free(name);
        if (rc != 0)
            continue;
        rc = rotation_identify(fd, &found, e);
        if (rc == 0 && rotation_is_same(&found, file)) {
            *ret_fd = fd;
            break;
        }
        (void)close(fd);
        rc = rc == 0 ? ERR_NOT_FOUND : rc;
    }
    close_directory(&p);
    return rc;
}

/* How long the suffix is without the ending of a compressed file. */
static size_t plain_len(const char *suffix)
{
    static const char *const endings[] = {".gz", ".bz2", ".xz", ".zst", ".lz4", ".Z"};
    size_t len = strlen(suffix);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t ending_len = strlen(endings[i]);
        if (len > ending_len && strcmp(suffix + len - ending_len, endings[i]) == 0)
            return len - ending_len;
    }
    return len;
}

/* The number of a suffix like ".12" or ".12.gz"; -1 if it is of another form. */
static int64_t number_of(const char *suffix)
{
    int64_t number = -1;
    if (suffix[0] != '.')
        return -1;
    char *digits = memory_dup(suffix + 1, plain_len(suffix) - 1);
    if (strspn(digits, "0123456789") != strlen(digits) || text_parse_int(digits, &number) != 0)
        number = -1;
    free(digits);
    return number;
}

/* Whether the file with one suffix was rotated later than that with another. */
static bool is_later(const char *suffix, const char *than)
{
    int64_t number = number_of(suffix), than_number = number_of(than);
    if (number >= 0 && than_number >= 0)
        return number < than_number;
    /* Names of another form beside numbered ones are no rotated files, and the other way round. */
    if ((number >= 0) != (than_number >= 0))
        return false;
    return strcmp(suffix, than) > 0 && strncmp(suffix, than, plain_len(than)) != 0;
}

/* What there is beside the path. */
struct survey {
    char *current; /* suffix of the file that is open; NULL: it has no name here */
    char *next;    /* of the one that was rotated after it, first of all; NULL: none */
    bool newer;    /* some rotated file was written later than ours */
};

/* The suffix of the file itself, wherever it is; it must be known before others are compared. */
static void find_current(struct place_in_directory *p, const struct stat *ours, struct survey *s)
{
    struct stat st;
    const char *suffix;
    while (s->current == NULL && (suffix = next_suffix(p, &st)) != NULL) {
        if (st.st_dev == ours->st_dev && st.st_ino == ours->st_ino)
            s->current = memory_dup(suffix, strlen(suffix));
    }
    rewinddir(p->dir);
}

static void find_next(struct place_in_directory *p, const struct stat *ours, struct survey *s)
{
    struct stat st;
    const char *suffix;
    while ((suffix = next_suffix(p, &st)) != NULL) {
        if (*suffix == '\0')
            continue;
        s->newer |= st.st_mtim.tv_sec > ours->st_mtim.tv_sec ||
                    (st.st_mtim.tv_sec == ours->st_mtim.tv_sec &&
                     st.st_mtim.tv_nsec > ours->st_mtim.tv_nsec);
        if (s->current == NULL || !is_later(suffix, s->current) ||
            (s->next != NULL && !is_later(s->next, suffix)))
            continue;
        free(s->next);
        s->next = memory_dup(suffix, strlen(suffix));
    }
}

/* Looks whether the survey tells which file follows, and nothing is missing in between. */
static int judge(const char *path, const struct survey *s, struct err *e)
{
    if (s->current == NULL)
        return s->newer ? err_set(e, ERR_MISMATCH,
                                  "'%s' was rotated more than once, and the file that was read is "
                                  "not beside it any more, so nobody can tell what came after it; "
                                  "rotate by renaming within the directory, and compress one "
                                  "rotation later",
                                  path)
                        : 0;
    if (s->next == NULL)
        return 0;
    if (plain_len(s->next) != strlen(s->next))
        return err_set(e, ERR_MISMATCH,
                       "'%s%s' was compressed before it was read; decompress it under the name "
                       "that it had, and compress one rotation later",
                       path, s->next);
    int64_t number = number_of(s->current), next_number = number_of(s->next);
    if (number >= 0 && next_number != number - 1)
        return err_set(e, ERR_MISMATCH,
                       "'%s%s' was read and '%s%s' is there, but not what was rotated in between; "
                       "put it back, or start over with --fresh",
                       path, s->current, path, s->next);
    return 0;
}

int rotation_next(const char *path, int fd, char **ret_path, struct err *e)
{
    struct stat ours, now;
    if (fstat(fd, &ours) != 0)
        return err_set_errno(e, "'%s'", path);
    bool there = stat(path, &now) == 0;
    if (there && now.st_dev == ours.st_dev && now.st_ino == ours.st_ino)
        return ERR_AGAIN;
    struct place_in_directory p;
    int rc = open_directory(path, &p, e);
    if (rc != 0)
        return rc;
    struct survey s = {0};
    find_current(&p, &ours, &s);
    find_next(&p, &ours, &s);
    close_directory(&p);
    rc = judge(path, &s, e);
    /* The writer may still have the old file open as long as it has written nothing to the new. */
    if (rc == 0 && s.next == NULL && (!there || now.st_size == 0))
        rc = ERR_AGAIN;
    if (rc == 0)
        *ret_path = memory_format("%s%s", path, s.next != NULL ? s.next : "");
    free(s.current);
    free(s.next);
    return rc;
}
