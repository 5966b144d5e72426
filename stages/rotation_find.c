/* SPDX-License-Identifier: MIT */
/*
 * A file is found again: by what it is, or by its bytes; and the copies of one that was truncated.
 * What comes next is told in rotation.c.
 */
#include <string.h>
#include <unistd.h>

#include "common/hash.h"
#include "stages/rotation_age.h"
#include "stages/rotation_content.h"
#include "stages/rotation_list.h"

/* How often a file that is renamed between the list and the look is looked for. */
#define TRIES_MAX 32u
/* --- where is it now --- */

static int find_by_identity(const struct rotation_list *l, const struct file_identity *file,
                            int *ret_fd, struct err *e)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct rotation_entry *entry = &l->entries[i];
        if (file_look_is(&entry->look, file))
            return rotation_list_open(entry->name, &entry->look, ret_fd, e);
    }
    return ERR_NOT_FOUND;
}

/* Looks whether a file has the bytes that were read; if so, it stays open. ERR_NOT_FOUND: no. */
static int open_copy(const char *name, const struct file_look *look, const struct source_mark *at,
                     _Atomic uint64_t *beats, int *ret_fd, struct err *e)
{
    int fd = -1;
    bool same;
    uint64_t since_ns = at->past.since_ns;
    if (!look->is_regular || look->size < at->offset ||
        (look->id.birth_ns != 0 && look->id.birth_ns <= since_ns))
        return ERR_NOT_FOUND;
    int rc = rotation_list_open(name, look, &fd, e);
    if (rc != 0)
        return rc;
    rc = content_begins_with(fd, at->offset, at->prefix_crc, beats, &same, e);
    if (rc == 0 && same) {
        *ret_fd = fd;
        return 0;
    }
    (void)close(fd);
    return rc != 0 ? rc : ERR_NOT_FOUND;
}

/* What was found to have the bytes that were read. */
struct found {
    int fd; /* -1: nothing yet */
    const char *name;
};

/*
 * Of several copies of one file that was still being written, the longest one is taken: it begins
 * with all that the others have.
 */
static int take_longer(struct found *found, int fd, const char *name, _Atomic uint64_t *beats,
                       struct err *e)
{
    struct file_look look = {.size = 0}, than = {.size = 0};
    bool same = false;
    int rc = file_look_at(fd, &look, e);
    if (rc == 0)
        rc = file_look_at(found->fd, &than, e);
    if (rc == 0)
        rc = content_is_same(fd, found->fd, look.size < than.size ? look.size : than.size, beats,
                             &same, e);
    if (rc == 0 && !same)
        rc = err_set(e, ERR_MISMATCH,
                     "'%s' and '%s' both begin with the bytes that were read, and differ behind "
                     "them, so nobody can tell which of them to go on with; move the one that is "
                     "not wanted to another directory",
                     name, found->name);
    bool longer = rc == 0 && look.size > than.size;
    (void)close(longer ? found->fd : fd);
    if (longer)
        *found = (struct found){.fd = fd, .name = name};
    return rc;
}

/* Takes a file if it has them. */
static int try_copy(struct found *found, const char *name, const struct file_look *look,
                    const struct source_mark *at, _Atomic uint64_t *beats, struct err *e)
{
    int fd = -1;
    int rc = open_copy(name, look, at, beats, &fd, e);
    if (rc == ERR_NOT_FOUND)
        return 0;
    if (rc == 0 && found->fd >= 0)
        return take_longer(found, fd, name, beats, e);
    if (rc == 0)
        *found = (struct found){.fd = fd, .name = name};
    return rc;
}

/* Opens what has the bytes that were read, of the one at the path and all beside it. */
static int find_by_content(const char *path, const struct rotation_list *l,
                           const struct source_mark *at, _Atomic uint64_t *beats, int *ret_fd,
                           struct err *e)
{
    struct found found = {.fd = -1};
    if (at->offset == 0)
        return ERR_NOT_FOUND; /* nothing tells a copy of it */
    int rc = l->there && !file_look_is(&l->path, &at->file)
                 ? try_copy(&found, path, &l->path, at, beats, e)
                 : 0;
    for (size_t i = 0; rc == 0 && i < l->count; i++) {
        const struct rotation_entry *entry = &l->entries[i];
        if (!file_look_is(&entry->look, &at->file) && !rotation_is_compressed(entry))
            rc = try_copy(&found, entry->name, &entry->look, at, beats, e);
    }
    if (rc == 0 && found.fd >= 0)
        *ret_fd = found.fd;
    else if (found.fd >= 0)
        (void)close(found.fd);
    return rc == 0 && found.fd < 0 ? ERR_NOT_FOUND : rc;
}

int rotation_find(const char *path, const struct source_mark *at, _Atomic uint64_t *beats,
                  int *ret_fd, bool *ret_is_copy, struct err *e)
{
    int rc = ERR_AGAIN;
    for (unsigned i = 0; rc == ERR_AGAIN && i < TRIES_MAX; i++) {
        struct rotation_list l;
        rc = rotation_list_make(path, -1, &at->file, true, &l, e);
        if (rc != 0)
            continue;
        *ret_is_copy = false;
        rc = find_by_identity(&l, &at->file, ret_fd, e);
        if (rc == ERR_NOT_FOUND) {
            *ret_is_copy = true;
            rc = find_by_content(path, &l, at, beats, ret_fd, e);
        }
        rotation_list_done(&l);
    }
    if (rc == ERR_AGAIN)
        return err_set(e, ERR_IO, "the files beside '%s' are renamed all the time", path);
    return rc;
}

/* --- copies of a file that was truncated --- */

/* Whether the bytes of a file are some of those that were read. ERR_MISMATCH: nobody can tell. */
static int was_read(const struct rotation_view *v, const struct rotation_entry *entry, int fd,
                    bool *ret_was, struct err *e)
{
    uint64_t len = entry->look.size;
    *ret_was = false;
    if (len >= v->at->offset)
        return 0; /* it would begin with them */
    if (v->bytes == NULL)
        return err_set(e, ERR_MISMATCH,
                       "'%s' was truncated, and nobody can tell whether '%s' is a copy of what was "
                       "read of it before or of what it had after that; move the copy to another "
                       "directory if it is not wanted" ROTATION_OR_DISCARD,
                       v->path, entry->name, v->path);
    return content_begins_with(fd, len, hash_crc32c(0, v->bytes, (size_t)len), v->beats, ret_was,
                               e);
}

/*
 * Opens a copy if nothing that it has was read, and the file that it was made of has it no more.
 * *ret_had: it still has it.
 */
static int open_unread(const struct rotation_view *v, const struct file_look *ours,
                       const struct rotation_entry *entry, int *ret_fd, bool *ret_had,
                       struct err *e)
{
    const struct file_look *look = &entry->look;
    uint64_t since_ns = v->at->past.since_ns;
    bool was = false;
    int fd = -1;
    *ret_had = false;
    if (rotation_is_compressed(entry) || file_look_is(look, &v->at->file) || look->size == 0 ||
        rotation_times_were_set(look) || since_ns == 0 || look->id.birth_ns <= since_ns)
        return ERR_NOT_FOUND;
    *ret_had = look->id.birth_ns > ours->changed_ns;
    if (*ret_had)
        return ERR_NOT_FOUND;
    int rc = rotation_list_open(entry->name, look, &fd, e);
    if (rc != 0)
        return rc;
    if (look->size <= ours->size)
        rc = content_is_same(fd, v->fd, look->size, v->beats, ret_had, e);
    if (rc == 0 && !*ret_had)
        rc = was_read(v, entry, fd, &was, e);
    if (rc == 0 && !*ret_had && !was) {
        *ret_fd = fd;
        return 0;
    }
    (void)close(fd);
    return rc != 0 ? rc : ERR_NOT_FOUND;
}

/*
 * Opens the first copy of what was not read. *ret_since_ns: what was born up to then is none, nor
 * will be when the file is truncated again.
 */
static int find_unread(const struct rotation_view *v, const struct rotation_list *l, int *ret_fd,
                       uint64_t *ret_since_ns, struct err *e)
{
    const struct rotation_entry *first = NULL;
    struct rotation_ages ages;
    struct file_look ours;
    int fd = -1, first_fd = -1;
    uint64_t needed_ns = UINT64_MAX; /* the first birth of what it still has */
    int rc = file_look_at(v->fd, &ours, e);
    if (rc == 0)
        rotation_ages_init(&ages, v, l, &ours);
    for (size_t i = 0; rc == 0 && i < l->count; i++) {
        const struct rotation_entry *entry = &l->entries[i];
        bool had;
        rc = open_unread(v, &ours, entry, &fd, &had, e);
        if (had && entry->look.id.birth_ns < needed_ns)
            needed_ns = entry->look.id.birth_ns;
        bool earlier = rc == 0 && (first == NULL || rotation_order(&ages, entry, first) < 0);
        int other = earlier ? first_fd : fd;
        if (rc == 0 && other >= 0)
            (void)close(other);
        if (earlier) {
            first = entry;
            first_fd = fd;
        }
        rc = rc == ERR_NOT_FOUND ? 0 : rc;
    }
    *ret_since_ns = v->at->past.since_ns;
    for (size_t i = 0; i < l->count; i++) {
        const struct file_look *look = &l->entries[i].look;
        if (look->id.birth_ns < needed_ns && !file_look_is(look, &v->at->file))
            *ret_since_ns = rotation_latest(*ret_since_ns, look->id.birth_ns);
    }
    if (rc == 0 && first != NULL)
        *ret_fd = first_fd;
    else if (first_fd >= 0)
        (void)close(first_fd);
    return rc == 0 && first == NULL ? ERR_NOT_FOUND : rc;
}

int rotation_find_copy(const struct rotation_view *v, struct rotation_step *ret_step, struct err *e)
{
    struct rotation_list l;
    int rc = rotation_list_make(v->path, v->fd, &v->at->file, false, &l, e);
    if (rc != 0)
        return rc;
    int fd = -1;
    bool continues = true;
    uint64_t since_ns = v->at->past.since_ns;
    rc = ERR_NOT_FOUND;
    if (l.there && file_look_is(&l.path, &v->at->file)) {
        rc = find_by_content(v->path, &l, v->at, v->beats, &fd, e);
        if (rc == ERR_NOT_FOUND) {
            continues = v->at->offset == 0;
            rc = find_unread(v, &l, &fd, &since_ns, e);
        }
    }
    *ret_step = (struct rotation_step){.fd = fd, .continues = continues, .past = v->at->past};
    struct file_identity copy;
    if (rc == 0 && rotation_identify(fd, &copy, NULL) == 0) {
        ret_step->past.copied = true;
        ret_step->past.left_inode = v->at->file.inode;
        ret_step->past.since_ns = rotation_latest(v->at->past.since_ns, copy.birth_ns);
    }
    if (rc == ERR_NOT_FOUND)
        ret_step->past.since_ns = since_ns;
    rotation_list_done(&l);
    return rc;
}

int rotation_take_stock(const struct rotation_view *v, bool any, uint64_t *ret_since_ns,
                        uint32_t *ret_lowest, struct err *e)
{
    struct rotation_list l;
    int rc = rotation_list_make(v->path, v->fd, &v->at->file, false, &l, e);
    if (rc != 0)
        return rc;
    /* What was copied of ours meanwhile may be needed when that is truncated. */
    uint64_t first_ns = UINT64_MAX, since_ns = v->at->past.since_ns;
    for (size_t i = 0; i < l.count; i++) {
        const struct rotation_entry *entry = &l.entries[i];
        uint64_t born_ns = entry->look.id.birth_ns;
        bool plain = !rotation_is_compressed(entry) && !file_look_is(&entry->look, &v->at->file);
        if (plain && born_ns > since_ns && born_ns < first_ns && !any)
            first_ns = born_ns;
    }
    *ret_since_ns = *ret_lowest = 0;
    for (size_t i = 0; i < l.count; i++) {
        const struct rotation_entry *entry = &l.entries[i];
        uint64_t number;
        if (entry->look.id.birth_ns < first_ns && !file_look_is(&entry->look, &v->at->file))
            *ret_since_ns = rotation_latest(*ret_since_ns, entry->look.id.birth_ns);
        if (rotation_name_number(l.family.base, entry->base, entry->plain_len, &number) &&
            (*ret_lowest == 0 || number < *ret_lowest))
            *ret_lowest = (uint32_t)number;
    }
    rc = l.there && file_look_is(&l.path, &v->at->file) ? 0 : ERR_AGAIN;
    rotation_list_done(&l);
    return rc;
}
