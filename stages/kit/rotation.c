/* SPDX-License-Identifier: MIT */
#include "stages/kit/rotation.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"
#include "stages/kit/rotation_age.h"
#include "stages/kit/rotation_content.h"
#include "stages/kit/rotation_list.h"
#include "stages/kit/rotation_packed.h"

/* Higher numbers are assigned in some other way, so a gap between them means nothing. */
#define NUMBERS_MAX 999u

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

void rotation_step_done(struct rotation_step *step)
{
    if (step->fd >= 0)
        (void)close(step->fd);
    free(step->other);
    free(step->elsewhere);
    *step = (struct rotation_step){.fd = -1};
}

bool rotation_is_same(const struct file_identity *a, const struct file_identity *b)
{
    return a->device == b->device && a->inode == b->inode &&
           (a->birth_ns == b->birth_ns || a->birth_ns == 0 || b->birth_ns == 0);
}

/* --- which file comes next --- */

/* What a list shows about the files that came after ours. */
struct survey {
    struct rotation_ages ages;
    const struct rotation_entry *next; /* the first of those that were rotated; NULL: none */
    bool begun;                        /* one of the files after ours is not empty */
    bool goes_back;                    /* next is the truncated file, and ours its last copy */
};

/* Ours, or its compressed form; NULL: neither was found. */
static const struct rotation_entry *ours_of(const struct survey *s)
{
    return s->ages.list->ours != NULL ? s->ages.list->ours : s->ages.packed;
}

static int refuse_gap(const struct rotation_view *v, const struct survey *s, struct err *e)
{
    return err_set(e, ERR_MISMATCH,
                   "'%s' was read and '%s' is there, but the file that was rotated in between is "
                   "missing; put it back" ROTATION_OR_DISCARD,
                   ours_of(s)->name, s->next != NULL ? s->next->name : v->path, v->path);
}

/* Refuses a file that is neither older nor later for certain. */
static int refuse_age(const struct rotation_view *v, const struct survey *s,
                      const struct rotation_entry *entry, enum age age, struct err *e)
{
    const struct rotation_entry *ours = s->ages.list->ours;
    if (age == AGE_LATE_COPY)
        return err_set(
            e, ERR_MISMATCH,
            "'%s' was created after '%s' was begun, so it is a copy or was decompressed, and where "
            "it belongs is unknown; move it to another directory; if it was not read, decompress "
            "it keeping its time, as gzip -dk does" ROTATION_OR_DISCARD,
            entry->name, v->path, v->path);
    return err_set(e, ERR_MISMATCH,
                   "cannot tell whether '%s' is older than '%s', which was read: neither their "
                   "times nor their names show it; move it to another directory if it was read or "
                   "is not needed" ROTATION_OR_DISCARD,
                   entry->name, ours != NULL ? ours->name : v->path, v->path);
}

/* Whether this is the truncated file whose copies are being read. */
static bool is_truncated(const struct rotation_view *v, const struct file_look *look)
{
    const struct file_past *past = &v->at->past;
    /* Its inode number may have been reused, but not with so old a birth time. */
    return past->copied && look->id.inode == past->left_inode &&
           look->id.device == v->at->file.device && look->id.birth_ns <= past->since_ns;
}

static int refuse_replaced(const struct rotation_view *v, struct err *e)
{
    return err_set(e, ERR_MISMATCH,
                   "'%s' was truncated, and while its copies were read, another file took its "
                   "place; what came in between is unknown" ROTATION_OR_DISCARD,
                   v->path, v->path);
}

/*
 * After a copy of a file that has another name by now, that file comes next, if nothing else was
 * created since. Such a file may be another copy of it, or may have come after it.
 */
static int choose_truncated(const struct rotation_view *v, struct survey *s, struct err *e)
{
    const struct rotation_list *l = s->ages.list;
    const struct rotation_entry *truncated = NULL;
    bool at_path = l->there && is_truncated(v, &l->path), same = false;
    int fd;
    for (size_t i = 0; !at_path && i < l->count; i++) {
        if (l->entries[i].look.id.birth_ns != 0 && is_truncated(v, &l->entries[i].look))
            truncated = &l->entries[i];
    }
    if (at_path || (truncated == NULL && s->next == NULL))
        return 0;
    if (truncated == NULL || s->next != NULL)
        return refuse_replaced(v, e);
    int rc = rotation_list_open(truncated->name, &truncated->look, &fd, e);
    if (rc != 0)
        return rc;
    if (v->at->offset != 0)
        rc = content_begins_with(fd, v->at->offset, v->at->prefix_crc, v->beats, &same, e);
    (void)close(fd);
    if (rc == 0 && same) /* it was not truncated, or begins with the same lines again */
        return refuse_replaced(v, e);
    s->next = truncated;
    s->begun |= truncated->look.size > 0;
    s->goes_back = true;
    return rc;
}

/* Finds the first of the files that came later. */
static int choose_next(const struct rotation_view *v, struct survey *s, struct err *e)
{
    const struct rotation_list *l = s->ages.list;
    const struct rotation_entry **later = memory_new(l->count + 1, sizeof *later);
    size_t count = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < l->count; i++) {
        enum age age;
        if (rotation_is_known(&s->ages, &l->entries[i]) || is_truncated(v, &l->entries[i].look))
            continue;
        rc = rotation_age_of(&s->ages, &l->entries[i], &age, e);
        if (rc == 0 && (age == AGE_UNKNOWN || age == AGE_LATE_COPY))
            rc = refuse_age(v, s, &l->entries[i], age, e);
        if (rc == 0 && age == AGE_LATER)
            later[count++] = &l->entries[i];
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        s->begun |= later[i]->look.size > 0;
        if (s->next == NULL || rotation_order(&s->ages, later[i], s->next) < 0)
            s->next = later[i];
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        /* Another name of the same file */
        bool alias = later[i]->look.id.inode == s->next->look.id.inode;
        if (later[i] == s->next || alias || rotation_order(&s->ages, s->next, later[i]) < 0)
            continue;
        const struct rotation_entry *packed = rotation_is_compressed(s->next) ? s->next : later[i];
        rc = rotation_is_compressed(packed) ? rotation_refuse_packed(&s->ages, packed, e)
                                            : rotation_refuse_order(&s->ages, s->next, later[i], e);
    }
    free(later);
    return rc == 0 && v->at->past.copied ? choose_truncated(v, s, e) : rc;
}

/* Whether there is a file with this number whose name is otherwise that of ours. */
static bool has_number(const struct survey *s, const struct rotation_entry *ours, size_t len,
                       uint64_t wanted)
{
    const struct rotation_list *l = s->ages.list;
    for (size_t i = 0; i < l->count; i++) {
        uint64_t number, our_number;
        if (rotation_name_numbers(l->entries[i].base, l->entries[i].plain_len, ours->base, len,
                                  &number, &our_number) &&
            number == wanted)
            return true;
    }
    return false;
}

/* Whether a number is missing between ours and the file that comes next. */
static bool lacks_number(const struct rotation_view *v, const struct survey *s)
{
    const struct rotation_entry *ours = ours_of(s), *next = s->next;
    const struct rotation_family *family = &s->ages.list->family;
    size_t len = ours->plain_len != 0 ? ours->plain_len : strlen(ours->base);
    uint64_t number, next_number;
    int direction = s->ages.direction;
    if (next == NULL)
        return direction <= 0 &&
               (rotation_name_number(family->base, ours->base, len, &number) ||
                (family->target != NULL &&
                 rotation_name_number(family->target, ours->base, len, &number))) &&
               number > 1 && number != v->at->past.lowest && !has_number(s, ours, len, number - 1);
    return direction != 0 &&
           rotation_name_numbers(next->base, next->plain_len, ours->base, len, &next_number,
                                 &number) &&
           number <= NUMBERS_MAX && next_number <= NUMBERS_MAX &&
           !has_number(s, ours, len, direction > 0 ? number + 1 : number - 1);
}

static int refuse_same(const struct rotation_view *v, const struct rotation_entry *next,
                       struct err *e)
{
    return err_set(
        e, ERR_MISMATCH,
        "'%s' has the same bytes that the file read as '%s' begins with, so it may be a copy; move "
        "it to another directory, so that its lines are not read again" ROTATION_OR_DISCARD,
        next->name, v->path, v->path);
}

/*
 * The next file was born in the same moment as the file at the path. If that begins with the same
 * bytes, one may be a copy of the other.
 */
static int check_with_path(const struct rotation_view *v, const struct survey *s, int next_fd,
                           struct err *e)
{
    const struct rotation_entry *next = s->next;
    int fd;
    bool same;
    if (!rotation_is_born_with_path(&s->ages, &next->look))
        return 0;
    int rc = rotation_list_open(v->path, &s->ages.list->path, &fd, e);
    if (rc != 0)
        return rc;
    rc = content_is_same(next_fd, fd, 0, next->look.size, v->beats, &same, e);
    (void)close(fd);
    if (rc == 0 && same)
        rc = err_set(e, ERR_MISMATCH,
                     "'%s' and '%s' were created at the same moment and begin with the same bytes, "
                     "so one may be a copy of the other; move '%s' to another directory, so that "
                     "its lines are not read twice" ROTATION_OR_DISCARD,
                     next->name, v->path, next->name, v->path);
    return rc;
}

/*
 * Refuses a next file that only holds bytes that were read: it may be a copy, or another file with
 * the same beginning.
 */
static int check_new(const struct rotation_view *v, const struct survey *s, struct err *e)
{
    int fd;
    bool same = false;
    const struct rotation_entry *next = s->next;
    if (next->look.size == 0)
        return 0;
    int rc = rotation_list_open(next->name, &next->look, &fd, e);
    if (rc != 0)
        return rc;
    if (next->look.size <= s->ages.ours.size)
        rc = content_is_same(fd, v->fd, 0, next->look.size, v->beats, &same, e);
    if (rc == 0)
        rc = same ? refuse_same(v, next, e) : check_with_path(v, s, fd, e);
    (void)close(fd);
    return rc;
}

/* Checks that the path leads to the last file, and not to an older one that was put back. */
static int check_path(const struct rotation_view *v, const struct survey *s, struct err *e)
{
    const struct file_past *past = &v->at->past;
    const struct file_identity *path = &s->ages.list->path.id;
    uint64_t ours_ns = v->at->file.birth_ns;
    uint64_t begun_ns = ours_ns < past->since_ns || past->since_ns == 0 ? ours_ns : past->since_ns;
    bool was_left = path->inode == past->left_inode && path->device == v->at->file.device;
    if (past->copied)
        return is_truncated(v, &s->ages.list->path) ? 0 : refuse_replaced(v, e);
    bool older = path->birth_ns != 0
                     ? path->birth_ns < begun_ns || (was_left && path->birth_ns == begun_ns)
                     : was_left && s->ages.list->path.size > 0 &&
                           s->ages.list->path.written_ns < s->ages.ours.written_ns;
    if (older)
        return err_set(e, ERR_MISMATCH,
                       "'%s' is older than the file that was read last under that name; put back "
                       "the one that was there" ROTATION_OR_DISCARD,
                       v->path, v->path);
    return 0;
}

/*
 * Whether the file at the path is what was read, or begins with it. There are two such cases. Ours
 * has no name any more, and the path leads to a file created before ours was removed: it was
 * replaced by a copy, as an editor does. Or ours is a copy of that file, which is only truncated
 * now.
 */
static int check_replaced(const struct rotation_view *v, const struct survey *s, int fd,
                          bool *ret_is_same, struct err *e)
{
    const struct file_look *path = &s->ages.list->path, *ours = &s->ages.ours;
    bool replaced = ours_of(s) == NULL && ours->links == 0 && path->id.birth_ns != 0 &&
                    path->id.birth_ns <= ours->changed_ns;
    *ret_is_same = false;
    if (v->at->offset == 0 || path->size < v->at->offset || (!replaced && !v->at->past.copied))
        return 0;
    int rc = content_begins_with(fd, v->at->offset, v->at->prefix_crc, v->beats, ret_is_same, e);
    if (rc == 0 && *ret_is_same && v->at->offset < ROTATION_SURE_BYTES)
        rc = err_set(e, ERR_MISMATCH,
                     "'%s' begins with the %" PRIu64
                     " byte%s read of %s, too few to tell whether it is the same; append "
                     "to it, or rename it and begin another" ROTATION_OR_DISCARD,
                     v->path, v->at->offset, v->at->offset == 1 ? "" : "s",
                     v->at->past.copied ? "a copy of it" : "the file that it replaced", v->path);
    return rc;
}

/* Checks that it is certain which file follows, and that none is missing in between. */
static int judge(const struct rotation_view *v, const struct survey *s, struct err *e)
{
    const struct file_look *ours = &s->ages.ours;
    if (ours->changed_ns < ours->id.birth_ns)
        return err_set(e, ERR_MISMATCH,
                       "the clock was set back while '%s' was being written, so the times of files "
                       "do not show which of them came after it" ROTATION_OR_DISCARD,
                       v->path, v->path);
    if (s->goes_back)
        return 0;
    if (ours_of(s) == NULL && s->next != NULL)
        return err_set(
            e, ERR_MISMATCH,
            "'%s' was rotated more than once ('%s' came later), and the file that was read is no "
            "longer next to it, so what came after it is unknown; put it back next to the path "
            "under any name, for example with ln; rotate by renaming within the directory, and "
            "compress one rotation later" ROTATION_OR_DISCARD,
            v->path, s->next->name, v->path);
    if (ours_of(s) != NULL && lacks_number(v, s))
        return refuse_gap(v, s, e);
    if (s->next == NULL)
        return s->ages.list->there ? check_path(v, s, e) : 0;
    if (rotation_is_compressed(s->next))
        return rotation_refuse_packed(&s->ages, s->next, e);
    return check_new(v, s, e);
}

/* What a mark in the next file has to know about the past. */
static struct file_past past_of(const struct rotation_view *v, const struct survey *s)
{
    const struct file_past *past = &v->at->past;
    struct file_past next = *past;
    next.left_inode = v->at->file.inode;
    next.copied = false;
    if (s->next == NULL) {
        /* It is at the path, so everything else came before, even copies that were made late. */
        rotation_past_add(&next, &v->at->file);
        rotation_past_add(&next, &s->ages.list->path.id);
        uint64_t first_ns = rotation_first_after_path(s->ages.list);
        for (size_t i = 0; i < s->ages.list->count; i++) {
            const struct file_identity *id = &s->ages.list->entries[i].look.id;
            if (id->birth_ns < first_ns)
                rotation_past_add(&next, id);
        }
        return next;
    }
    if (!rotation_times_were_set(&s->next->look) &&
        !rotation_is_late_copy(&s->ages, &s->next->look))
        rotation_past_add(&next, &s->next->look.id);
    rotation_past_add_known(&next, &v->at->file);
    next.copied = past->copied && !s->goes_back;
    if (next.copied)
        next.left_inode = past->left_inode;
    return next;
}

static int open_next(const struct rotation_view *v, const struct survey *s,
                     struct rotation_step *ret_step, struct err *e)
{
    const struct rotation_list *l = s->ages.list;
    struct rotation_step step = {.fd = -1, .past = past_of(v, s)};
    int rc = s->next != NULL ? rotation_list_open(s->next->name, &s->next->look, &step.fd, e)
                             : rotation_list_open(v->path, &l->path, &step.fd, e);
    if (rc == 0 && s->next == NULL)
        rc = check_replaced(v, s, step.fd, &step.continues, e);
    if (rc != 0) {
        if (step.fd >= 0)
            (void)close(step.fd);
        return rc;
    }
    if (step.continues && !v->at->past.copied)
        step.past = v->at->past;
    /*
     * The file was only copied, or is just being copied, and the copy is needed when it is
     * truncated.
     */
    bool is_needed =
        v->at->past.copied && s->next == NULL && (step.continues || v->at->offset == 0);
    if (is_needed && step.past.since_ns > v->at->file.birth_ns) {
        step.past = v->at->past;
        step.past.copied = false;
        step.past.left_inode = v->at->file.inode;
    }
    if (is_needed)
        rotation_past_remove(&step.past, &v->at->file);
    step.nameless = ours_of(s) == NULL && !step.continues && !s->goes_back;
    if (l->ours != NULL && l->ours_elsewhere)
        step.elsewhere = memory_dup(l->ours->name, (size_t)(l->ours->base - l->ours->name));
    const struct rotation_entry *next = s->next;
    if (next != NULL && rotation_name_may_be_other(l->family.base, next->base, next->plain_len))
        step.other = memory_dup(next->name, strlen(next->name));
    *ret_step = step;
    return 0;
}

int rotation_next(const struct rotation_view *v, struct rotation_step *ret_step, struct err *e)
{
    struct stat now;
    const struct file_identity *file = &v->at->file;
    if (stat(v->path, &now) == 0 && now.st_dev == file->device && now.st_ino == file->inode)
        return ERR_AGAIN;
    struct file_look ours;
    struct rotation_list l;
    int rc = rotation_list_make(v->path, v->fd, file, false, &l, e);
    if (rc != 0)
        return rc;
    struct survey s = {0};
    rc = file_look_at(v->fd, &ours, e);
    if (rc == 0) {
        rotation_ages_init(&s.ages, v, &l, &ours);
        rc = l.there && file_look_is(&l.path, file) ? ERR_AGAIN : choose_next(v, &s, e);
    }
    if (rc == 0)
        rc = judge(v, &s, e);
    /* If the new file is empty, the writer may still have the old one open. */
    if (rc == 0 && !s.begun && !(l.there && l.path.size > 0))
        rc = ERR_AGAIN;
    struct rotation_step step = {.fd = -1};
    if (rc == 0 && (s.next != NULL || l.there))
        rc = open_next(v, &s, &step, e);
    else if (rc == 0 && ret_step != NULL)
        rc = ERR_AGAIN;
    if (rc == 0 && ret_step != NULL)
        *ret_step = step;
    if (rc == 0 && ret_step == NULL)
        rotation_step_done(&step);
    rotation_list_done(&l);
    return rc;
}
