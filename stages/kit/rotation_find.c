/* SPDX-License-Identifier: MIT */
/*
 * Finds a file again by its identity or by its bytes, and finds the copies of a truncated file.
 * rotation.c decides what comes next.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/hash.h"
#include "common/memory.h"
#include "stages/kit/rotation.h"
#include "stages/kit/rotation_age.h"
#include "stages/kit/rotation_content.h"
#include "stages/kit/rotation_list.h"
#include "stages/kit/rotation_packed.h"
#include "stages/kit/rotation_past.h"

/* How often a file is searched for that is renamed between the listing and the look. */
#define TRIES_MAX 32u

/* --- where the file is now --- */

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

/*
 * Refuses a file that may be a copy, but was born together with more files than are kept one by
 * one.
 */
static int refuse_passed(const char *name, struct err *e)
{
    return err_set(
        e, ERR_MISMATCH,
        "cannot tell whether '%s' is a copy of what was read: too many files were created at the "
        "same moment; move it to another directory if it was read or is not needed",
        name);
}

/* Opens a file if it has the bytes that were read. ERR_NOT_FOUND: it does not. */
static int open_copy(const char *name, const struct file_look *look, const struct source_mark *at,
                     _Atomic uint64_t *beats, int *ret_fd, struct err *e)
{
    int fd = -1;
    bool same;
    enum passed passed =
        look->id.birth_ns != 0 ? rotation_past_has(&at->past, &look->id) : PASSED_NOT;
    if (!look->is_regular || look->size < at->offset || passed == PASSED)
        return ERR_NOT_FOUND;
    int rc = rotation_list_open(name, look, &fd, e);
    if (rc != 0)
        return rc;
    rc = content_begins_with(fd, at->offset, at->prefix_crc, beats, &same, e);
    if (rc == 0 && same && passed == PASSED_UNKNOWN)
        rc = refuse_passed(name, e);
    if (rc == 0 && same) {
        *ret_fd = fd;
        return 0;
    }
    (void)close(fd);
    return rc != 0 ? rc : ERR_NOT_FOUND;
}

/* The file that was found to have the bytes that were read. */
struct found {
    int fd; /* -1: nothing yet */
    const char *name;
};

/*
 * Keeps the longer of two copies of a file that was still being written when they were made: it
 * begins with everything that the shorter one has.
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
        rc = content_is_same(fd, found->fd, 0, look.size < than.size ? look.size : than.size, beats,
                             &same, e);
    if (rc == 0 && !same)
        rc = err_set(
            e, ERR_MISMATCH,
            "'%s' and '%s' both begin with the bytes that were read, but differ after them, so it "
            "is unknown which of them to continue with; move the wrong one to another directory",
            name, found->name);
    bool longer = rc == 0 && look.size > than.size;
    (void)close(longer ? found->fd : fd);
    if (longer)
        *found = (struct found){.fd = fd, .name = name};
    return rc;
}

/* Keeps a file if it has the bytes that were read. */
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

/*
 * Opens the file that has the bytes that were read: the one at the path (NULL: not that one), or
 * one next to it that was born by a given time.
 */
static int find_by_content(const char *path, const struct rotation_list *l, uint64_t born_by_ns,
                           const struct source_mark *at, _Atomic uint64_t *beats, int *ret_fd,
                           struct err *e)
{
    struct found found = {.fd = -1};
    if (at->offset == 0)
        return ERR_NOT_FOUND; /* a copy could not be recognized */
    int rc = path != NULL && l->there && !file_look_is(&l->path, &at->file)
                 ? try_copy(&found, path, &l->path, at, beats, e)
                 : 0;
    for (size_t i = 0; rc == 0 && i < l->count; i++) {
        const struct rotation_entry *entry = &l->entries[i];
        if (!file_look_is(&entry->look, &at->file) && !rotation_is_compressed(entry) &&
            entry->look.id.birth_ns <= born_by_ns &&
            (path != NULL || !l->there || !file_look_is(&l->path, &entry->look.id)))
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
            rc = find_by_content(path, &l, UINT64_MAX, at, beats, ret_fd, e);
        }
        rotation_list_done(&l);
    }
    if (rc == ERR_AGAIN)
        return err_set(e, ERR_IO, "the files next to '%s' keep being renamed", path);
    return rc;
}

int rotation_open_left(const struct rotation_view *v, int *ret_fd)
{
    struct rotation_list l;
    const struct source_mark *at = v->at;
    int rc = ERR_NOT_FOUND;
    if (at->past.copied || rotation_list_make(v->path, v->fd, &at->file, true, &l, NULL) != 0)
        return rc;
    for (size_t i = 0; rc != 0 && i < l.count; i++) {
        const struct rotation_entry *entry = &l.entries[i];
        const struct file_identity *id = &entry->look.id;
        /* Its inode number may have been reused, but not with so old a birth time. */
        if (id->inode == at->past.left_inode && id->device == at->file.device &&
            id->birth_ns != 0 && id->birth_ns <= at->file.birth_ns)
            rc = rotation_list_open(entry->name, &entry->look, ret_fd, NULL) == 0 ? 0
                                                                                  : ERR_NOT_FOUND;
    }
    rotation_list_done(&l);
    return rc;
}

/* --- copies of a file that was truncated --- */

/* Whether the bytes of a file are some of those that were read. ERR_MISMATCH: it is unknown. */
static int was_read(const struct rotation_view *v, const struct rotation_entry *entry, int fd,
                    bool *ret_was, struct err *e)
{
    uint64_t len = entry->look.size;
    *ret_was = false;
    if (len >= v->at->offset)
        return 0; /* it would begin with them */
    if (v->bytes == NULL)
        return err_set(e, ERR_MISMATCH,
                       "'%s' was truncated, and '%s' may be a copy of what was read of it before "
                       "or of what it held after that; move the copy to another directory if it is "
                       "not needed" ROTATION_OR_DISCARD,
                       v->path, entry->name, v->path);
    return content_begins_with(fd, len, hash_crc32c(0, v->bytes, (size_t)len), v->beats, ret_was,
                               e);
}

/* What another file is in relation to the truncated one. */
enum copy {
    COPY_NONE,   /* no copy, or its bytes were read */
    COPY_UNREAD, /* a copy of what the truncated file no longer has */
    COPY_NEEDED, /* a copy of what it still has, needed if that is truncated next */
};

static int compare_copy(const struct rotation_view *v, const struct file_look *ours,
                        const struct rotation_entry *entry, enum copy *ret_copy, struct err *e)
{
    const struct file_look *look = &entry->look;
    bool had = false, was = false;
    int fd;
    int rc = rotation_list_open(entry->name, look, &fd, e);
    if (rc != 0)
        return rc;
    if (look->size <= ours->size)
        rc = content_is_same(fd, v->fd, 0, look->size, v->beats, &had, e);
    if (rc == 0 && !had)
        rc = was_read(v, entry, fd, &was, e);
    (void)close(fd);
    *ret_copy = had ? COPY_NEEDED : was ? COPY_NONE : COPY_UNREAD;
    return rc;
}

/* Refuses a copy whose kept time does not show whether its bytes were read. */
static int refuse_as_old(const struct rotation_view *v, const struct rotation_entry *entry,
                         struct err *e)
{
    return err_set(e, ERR_MISMATCH,
                   "cannot tell whether '%s' is a copy of what was cut off from '%s' or was read "
                   "before: its time, which was kept, fits both; move it to another directory if "
                   "it was read or is not needed, and touch it otherwise" ROTATION_OR_DISCARD,
                   entry->name, v->path, v->path);
}

/* Refuses a copy that may be the next target of the link at the path. */
static int refuse_as_next(const struct rotation_view *v, const struct rotation_entry *entry,
                          struct err *e)
{
    return err_set(e, ERR_MISMATCH,
                   "cannot tell whether '%s' is a copy of what was cut off from '%s' or the file "
                   "that this link will point to next; point the link to it, or move the file to "
                   "another directory until it does" ROTATION_OR_DISCARD,
                   entry->name, v->path, v->path);
}

static int judge_copy(const struct rotation_view *v, const struct rotation_list *l,
                      const struct file_look *ours, const struct rotation_entry *entry,
                      bool is_latest, enum copy *ret_copy, struct err *e)
{
    const struct file_look *look = &entry->look;
    *ret_copy = COPY_NONE;
    if (rotation_is_compressed(entry) || file_look_is(look, &v->at->file) ||
        v->at->past.since_ns == 0)
        return 0;
    int age = rotation_order_with_past(&v->at->past, look);
    if (age < 0)
        return 0;
    enum passed passed = rotation_past_has(&v->at->past, &look->id);
    if (passed == PASSED || (look->size == 0 && !is_latest))
        return 0;
    /*
     * An empty file may be filled next, because a copy is created before it is filled. The next
     * target of a link may have its first line already.
     */
    bool may_be_next = rotation_may_be_after_path(l, entry);
    bool is_next = v->at->offset == 0 ? may_be_next : rotation_is_after_path(l, entry);
    if (look->size == 0 || look->id.birth_ns > ours->changed_ns || is_next) {
        *ret_copy = COPY_NEEDED;
        return 0;
    }
    int rc = compare_copy(v, ours, entry, ret_copy, e);
    if (rc != 0 || *ret_copy != COPY_UNREAD)
        return rc;
    if (may_be_next)
        return refuse_as_next(v, entry, e);
    if (age == 0)
        return refuse_as_old(v, entry, e);
    return passed == PASSED_UNKNOWN ? refuse_passed(entry->name, e) : 0;
}

static int judge_copies(const struct rotation_view *v, const struct rotation_list *l,
                        const struct file_look *ours, enum copy copies[], struct err *e)
{
    uint64_t latest_ns = 0;
    int rc = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (!rotation_is_compressed(&l->entries[i]))
            latest_ns = rotation_latest(latest_ns, l->entries[i].look.id.birth_ns);
    }
    for (size_t i = 0; rc == 0 && i < l->count; i++)
        rc = judge_copy(v, l, ours, &l->entries[i], l->entries[i].look.id.birth_ns == latest_ns,
                        &copies[i], e);
    return rc;
}

/* Finds the first of the copies that were not read; NULL: there is none. */
static int choose_copy(const struct rotation_ages *ages, const enum copy copies[],
                       const struct rotation_entry **ret_first, struct err *e)
{
    const struct rotation_list *l = ages->list;
    const struct rotation_entry *first = NULL;
    for (size_t i = 0; i < l->count; i++) {
        if (copies[i] == COPY_UNREAD &&
            (first == NULL || rotation_order(ages, &l->entries[i], first) < 0))
            first = &l->entries[i];
    }
    *ret_first = first;
    for (size_t i = 0; i < l->count; i++) {
        const struct rotation_entry *other = &l->entries[i];
        if (copies[i] == COPY_UNREAD && !file_look_is(&other->look, &first->look.id) &&
            rotation_order(ages, first, other) >= 0)
            return rotation_refuse_order(ages, first, other, e);
    }
    return 0;
}

/*
 * Notes that the other files hold nothing that this file had or has, except for those that may
 * still be needed.
 */
static void pass_copies(const struct rotation_view *v, const struct rotation_list *l,
                        const enum copy copies[], struct file_past *past)
{
    uint64_t needed_ns = UINT64_MAX; /* the earliest birth of a copy of what it still has */
    for (size_t i = 0; i < l->count; i++) {
        uint64_t born_ns = l->entries[i].look.id.birth_ns;
        if (copies[i] == COPY_NEEDED && born_ns < needed_ns)
            needed_ns = born_ns;
    }
    for (size_t i = 0; i < l->count; i++) {
        const struct file_look *look = &l->entries[i].look;
        if (copies[i] != COPY_NEEDED && look->id.birth_ns <= needed_ns &&
            !file_look_is(look, &v->at->file))
            rotation_past_add(past, &look->id);
    }
}

/*
 * Opens the first copy that was not read. If there is none, *ret_past is the past of the file
 * itself, which is read from its beginning again.
 */
static int find_unread(const struct rotation_view *v, const struct rotation_list *l, int *ret_fd,
                       struct file_past *ret_past, struct err *e)
{
    const struct rotation_entry *first = NULL;
    struct rotation_ages ages;
    struct file_look ours;
    enum copy *copies = memory_new(l->count + 1, sizeof *copies);
    int rc = file_look_at(v->fd, &ours, e);
    if (rc == 0) {
        rotation_ages_init(&ages, v, l, &ours);
        rc = judge_copies(v, l, &ours, copies, e);
    }
    if (rc == 0)
        rc = choose_copy(&ages, copies, &first, e);
    if (rc == 0 && first != NULL)
        rc = rotation_list_open(first->name, &first->look, ret_fd, e);
    else if (rc == 0)
        pass_copies(v, l, copies, ret_past);
    free(copies);
    return rc == 0 && first == NULL ? ERR_NOT_FOUND : rc;
}

static int refuse_renamed(const struct rotation_view *v, const struct rotation_entry *entry,
                          struct err *e)
{
    return err_set(
        e, ERR_MISMATCH,
        "cannot tell whether '%s' is a copy of what was cut off from the file that was rotated "
        "from '%s' or came after that file: their numbers contradict their times; move it to "
        "another directory if it was read or is not needed" ROTATION_OR_DISCARD,
        entry->name, v->path, v->path);
}

/*
 * Finds a copy of a truncated file that has another name by now, or none, so that later files are
 * next to it. A copy of it was made before the truncation, and so before its last write.
 */
static int find_renamed(const struct rotation_view *v, const struct rotation_list *l, int *ret_fd,
                        struct err *e)
{
    struct rotation_ages ages;
    struct file_look ours;
    int rc = file_look_at(v->fd, &ours, e);
    if (rc == 0)
        rotation_ages_init(&ages, v, l, &ours);
    for (size_t i = 0; rc == 0 && i < l->count; i++) {
        const struct rotation_entry *entry = &l->entries[i];
        if (!rotation_is_known(&ages, entry) && rotation_may_be_unread(&ages, entry))
            rc = refuse_renamed(v, entry, e);
    }
    return rc == 0 ? find_by_content(NULL, l, ours.written_ns, v->at, v->beats, ret_fd, e) : rc;
}

int rotation_find_copy(const struct rotation_view *v, struct rotation_step *ret_step, struct err *e)
{
    struct rotation_list l;
    int rc = rotation_list_make(v->path, v->fd, &v->at->file, false, &l, e);
    if (rc != 0)
        return rc;
    int fd = -1;
    bool continues = true;
    struct file_past past = v->at->past;
    rc = ERR_NOT_FOUND;
    if (l.there && file_look_is(&l.path, &v->at->file)) {
        rc = find_by_content(v->path, &l, UINT64_MAX, v->at, v->beats, &fd, e);
        if (rc == ERR_NOT_FOUND) {
            continues = v->at->offset == 0;
            rc = rotation_check_packed(v, &l, e);
        }
        if (rc == 0 && fd < 0)
            rc = find_unread(v, &l, &fd, &past, e);
    } else {
        rc = find_renamed(v, &l, &fd, e);
    }
    *ret_step = (struct rotation_step){.fd = fd, .continues = continues, .past = past};
    struct file_identity copy;
    if (rc == 0 && rotation_identify(fd, &copy, NULL) == 0) {
        ret_step->past.copied = true;
        ret_step->past.left_inode = v->at->file.inode;
        rotation_past_add(&ret_step->past, &copy);
    }
    rotation_list_done(&l);
    return rc;
}

int rotation_take_stock(const struct rotation_view *v, bool any, struct file_past *ret_past,
                        struct err *e)
{
    struct rotation_list l;
    int rc = rotation_list_make(v->path, v->fd, &v->at->file, false, &l, e);
    if (rc != 0)
        return rc;
    /* A copy of ours that was made meanwhile may be needed when ours is truncated. */
    uint64_t first_ns = rotation_first_after_path(&l);
    for (size_t i = 0; !any && i < l.count; i++) {
        const struct file_look *look = &l.entries[i].look;
        bool plain = !rotation_is_compressed(&l.entries[i]) && !file_look_is(look, &v->at->file);
        if (plain && look->id.birth_ns < first_ns &&
            rotation_past_has(&v->at->past, &look->id) != PASSED)
            first_ns = look->id.birth_ns;
    }
    struct file_past past = any ? v->at->past : (struct file_past){0};
    past.lowest = 0;
    for (size_t i = 0; i < l.count; i++) {
        const struct rotation_entry *entry = &l.entries[i];
        uint64_t number;
        if (entry->look.id.birth_ns < first_ns && !file_look_is(&entry->look, &v->at->file))
            rotation_past_add(&past, &entry->look.id);
        if (rotation_name_number(l.family.base, entry->base, entry->plain_len, &number) &&
            (past.lowest == 0 || number < past.lowest))
            past.lowest = (uint32_t)number;
    }
    /* All the files that were there are older, however many: nothing of ours was read before. */
    past.passed.all |= past.passed.count > PASSED_FILES_MAX;
    *ret_past = past;
    rc = l.there && file_look_is(&l.path, &v->at->file) ? 0 : ERR_AGAIN;
    rotation_list_done(&l);
    return rc;
}
