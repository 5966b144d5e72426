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

/* How often the files are listed until two listings say the same. */
#define LISTINGS_MAX 32u

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

/* --- what there is --- */

/* One regular file whose name begins with that of the path, and goes on with the suffix. */
struct entry {
    char *suffix;
    struct stat st;
};

/* All of them, and where the path leads to. */
struct listing {
    struct entry *entries;
    size_t count, capacity;
    bool there;
    struct stat path; /* if there */
};

static void listing_done(struct listing *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->entries[i].suffix);
    free(l->entries);
    *l = (struct listing){0};
}

static bool same_inode(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool listings_are_same(const struct listing *a, const struct listing *b)
{
    if (a->count != b->count || a->there != b->there ||
        (a->there && !same_inode(&a->path, &b->path)))
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!same_inode(&a->entries[i].st, &b->entries[i].st) ||
            strcmp(a->entries[i].suffix, b->entries[i].suffix) != 0)
            return false;
    }
    return true;
}

static void list_once(DIR *dir, const char *path, const char *base, struct listing *l)
{
    const size_t base_len = strlen(base);
    const struct dirent *item;
    rewinddir(dir);
    l->there = stat(path, &l->path) == 0;
    while ((item = readdir(dir)) != NULL) {
        struct stat st;
        if (strncmp(item->d_name, base, base_len) != 0 ||
            fstatat(dirfd(dir), item->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(st.st_mode))
            continue;
        if (l->count == l->capacity) {
            l->capacity = l->capacity != 0 ? 2 * l->capacity : 16;
            l->entries = memory_resize(l->entries, l->capacity, sizeof *l->entries);
        }
        const char *suffix = item->d_name + base_len;
        l->entries[l->count++] =
            (struct entry){.suffix = memory_dup(suffix, strlen(suffix)), .st = st};
    }
}

/*
 * Lists what there is. Files that are renamed meanwhile may be missed or seen twice by readdir(3);
 * so what counts is what was found twice in a row. ERR_AGAIN: that did not come to be.
 */
static int list(const char *path, struct listing *ret_listing, struct err *e)
{
    const char *slash = strrchr(path, '/');
    char *directory = slash == NULL ? memory_dup(".", 1)
                                    : memory_dup(path, slash == path ? 1 : (size_t)(slash - path));
    DIR *dir = opendir(directory);
    int rc = dir != NULL ? ERR_AGAIN : err_set_errno(e, "cannot list '%s'", directory);
    free(directory);
    if (rc != ERR_AGAIN)
        return rc;
    struct listing before = {0}, now = {0};
    const char *base = slash == NULL ? path : slash + 1;
    list_once(dir, path, base, &before);
    for (unsigned i = 0; rc == ERR_AGAIN && i < LISTINGS_MAX; i++) {
        list_once(dir, path, base, &now);
        rc = listings_are_same(&before, &now) ? 0 : ERR_AGAIN;
        listing_done(&before);
        before = now;
        now = (struct listing){0};
    }
    (void)closedir(dir);
    if (rc == 0)
        *ret_listing = before;
    else
        listing_done(&before);
    return rc;
}

/* Opens the file with a suffix. ERR_AGAIN: another one has that name by now. */
static int open_listed(const char *path, const char *suffix, const struct stat *listed, int *ret_fd,
                       struct err *e)
{
    char *name = memory_format("%s%s", path, suffix);
    int fd;
    struct stat st;
    int rc = file_open(AT_FDCWD, name, O_RDONLY | O_NONBLOCK, 0, &fd, e);
    free(name);
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? ERR_AGAIN : rc;
    if (fstat(fd, &st) == 0 && same_inode(&st, listed)) {
        *ret_fd = fd;
        return 0;
    }
    (void)close(fd);
    return ERR_AGAIN;
}

static int find_listed(const char *path, const struct file_identity *file, const struct listing *l,
                       int *ret_fd, struct err *e)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct entry *entry = &l->entries[i];
        struct file_identity found;
        int fd;
        if (entry->st.st_dev != file->device || entry->st.st_ino != file->inode)
            continue;
        int rc = open_listed(path, entry->suffix, &entry->st, &fd, e);
        if (rc != 0)
            return rc;
        rc = rotation_identify(fd, &found, e);
        if (rc == 0 && rotation_is_same(&found, file)) {
            *ret_fd = fd;
            return 0;
        }
        (void)close(fd);
        if (rc != 0)
            return rc;
    }
    return ERR_NOT_FOUND;
}

int rotation_find(const char *path, const struct file_identity *file, int *ret_fd, struct err *e)
{
    int rc = ERR_AGAIN;
    for (unsigned i = 0; rc == ERR_AGAIN && i < LISTINGS_MAX; i++) {
        struct listing l;
        rc = list(path, &l, e);
        if (rc != 0)
            continue;
        rc = find_listed(path, file, &l, ret_fd, e);
        listing_done(&l);
    }
    if (rc == ERR_AGAIN)
        return err_set(e, ERR_IO, "the files beside '%s' are renamed all the time", path);
    return rc;
}

/* --- what the names say --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* How long the suffix is without the ending of a compressed file: .gz, .bz2, whatever it may be. */
static size_t plain_len(const char *suffix)
{
    const char *dot = strrchr(suffix, '.');
    return dot != NULL && dot != suffix && is_letter(dot[1]) ? (size_t)(dot - suffix)
                                                             : strlen(suffix);
}

/* Whether a suffix can be that of a rotated file: all of them have numbers or dates. */
static bool has_digits(const char *suffix)
{
    size_t len = plain_len(suffix);
    for (size_t i = 0; i < len; i++) {
        if (is_digit(suffix[i]))
            return true;
    }
    return false;
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

/*
 * Whether two suffixes can be of one rotation: digits where the other has digits, the same between
 * them, and nothing but more digits where one is longer. app.log.tmp is no later app.log-20260101.
 */
static bool have_one_form(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t common = a_len < b_len ? a_len : b_len;
    for (size_t i = 0; i < common; i++) {
        bool digits = is_digit(a[i]) && is_digit(b[i]);
        bool letters = is_letter(a[i]) && is_letter(b[i]);
        if (a[i] != b[i] && !digits && !letters)
            return false;
    }
    for (size_t i = common; i < a_len || i < b_len; i++) {
        if (is_letter(a_len > b_len ? a[i] : b[i]))
            return false;
    }
    return true;
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
    size_t len = plain_len(suffix), than_len = plain_len(than);
    int order = memcmp(suffix, than, len < than_len ? len : than_len);
    return (order > 0 || (order == 0 && len > than_len)) &&
           have_one_form(suffix, len, than, than_len);
}

/* Whether two suffixes are of the same file, the first as it is and the second compressed. */
static bool is_plain_of(const char *suffix, const char *than)
{
    size_t len = strlen(suffix);
    return plain_len(suffix) == len && plain_len(than) == len && strlen(than) > len &&
           strncmp(suffix, than, len) == 0;
}

/* --- what comes next --- */

/* What a listing says of the file that is open. */
struct survey {
    const struct entry *current; /* it; NULL: it has no name here */
    const struct entry *next;    /* the one that was rotated after it, first of all; NULL: none */
    bool newer;                  /* some rotated file was written later than ours */
    bool begun;                  /* there is something in one that was rotated after it */
};

static bool is_newer(const struct stat *st, const struct stat *than)
{
    return st->st_mtim.tv_sec > than->st_mtim.tv_sec ||
           (st->st_mtim.tv_sec == than->st_mtim.tv_sec &&
            st->st_mtim.tv_nsec > than->st_mtim.tv_nsec);
}

static struct survey survey_of(const struct listing *l, const struct stat *ours)
{
    struct survey s = {0};
    for (size_t i = 0; s.current == NULL && i < l->count; i++) {
        if (same_inode(&l->entries[i].st, ours))
            s.current = &l->entries[i];
    }
    for (size_t i = 0; i < l->count; i++) {
        const struct entry *entry = &l->entries[i];
        if (*entry->suffix == '\0')
            continue;
        s.newer |= has_digits(entry->suffix) && is_newer(&entry->st, ours);
        if (s.current == NULL || !is_later(entry->suffix, s.current->suffix))
            continue;
        s.begun |= entry->st.st_size > 0;
        /* The first that is later; while it is being compressed, it is there twice. */
        if (s.next == NULL || is_later(s.next->suffix, entry->suffix) ||
            is_plain_of(entry->suffix, s.next->suffix))
            s.next = entry;
    }
    return s;
}

static int refuse_gap(const char *path, const struct survey *s, struct err *e)
{
    return err_set(e, ERR_MISMATCH,
                   "'%s%s' was read and '%s%s' is there, but not what was rotated in between; "
                   "put it back, or start over with --fresh",
                   path, s->current->suffix, path, s->next != NULL ? s->next->suffix : "");
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
    int64_t number = number_of(s->current->suffix);
    if (s->next == NULL)
        return number > 1 ? refuse_gap(path, s, e) : 0;
    if (plain_len(s->next->suffix) != strlen(s->next->suffix))
        return err_set(e, ERR_MISMATCH,
                       "'%s%s' was compressed before it was read; decompress it under the name "
                       "that it had, and compress one rotation later",
                       path, s->next->suffix);
    if (number >= 0 && number_of(s->next->suffix) != number - 1)
        return refuse_gap(path, s, e);
    return 0;
}

/* The writer may still have the old file open as long as it has written nothing to a new one. */
static bool is_begun(const struct listing *l, const struct survey *s)
{
    return s->begun || (l->there && l->path.st_size > 0);
}

int rotation_next(const char *path, int fd, int *ret_fd, bool *ret_named, struct err *e)
{
    struct stat ours, now;
    if (fstat(fd, &ours) != 0)
        return err_set_errno(e, "'%s'", path);
    if (stat(path, &now) == 0 && same_inode(&now, &ours))
        return ERR_AGAIN;
    struct listing l;
    int rc = list(path, &l, e);
    if (rc != 0)
        return rc;
    struct survey s = survey_of(&l, &ours);
    *ret_named = s.current != NULL;
    if (l.there && same_inode(&l.path, &ours))
        rc = ERR_AGAIN;
    else
        rc = judge(path, &s, e);
    if (rc == 0 && !is_begun(&l, &s))
        rc = ERR_AGAIN;
    if (rc == 0 && ret_fd != NULL)
        rc = s.next != NULL ? open_listed(path, s.next->suffix, &s.next->st, ret_fd, e)
                            : open_listed(path, "", &l.path, ret_fd, e);
    listing_done(&l);
    return rc;
}
