/* SPDX-License-Identifier: MIT */
/*
 * A file that was truncated and begins again with what was read of it, such as a line with the
 * names of columns. Its own bytes do not show that, but a copy that continues differently does.
 */
#include <unistd.h>

#include "stages/kit/rotation.h"
#include "stages/kit/rotation_age.h"
#include "stages/kit/rotation_content.h"
#include "stages/kit/rotation_list.h"
#include "stages/kit/rotation_name.h"
#include "stages/kit/rotation_past.h"

/*
 * Whether an entry may be a copy of ours with more than `from` bytes, made before ours was
 * truncated. The program that truncates a file also writes to it, so a copy is not born after the
 * last write. Where birth times are unknown, an older file looks the same.
 */
static bool may_be_copy(const struct rotation_view *v, const struct rotation_list *l,
                        const struct file_look *ours, const struct rotation_entry *entry,
                        uint64_t from)
{
    const struct file_look *look = &entry->look;
    const struct file_past *past = &v->at->past;
    if (rotation_is_compressed(entry) || file_look_is(look, &v->at->file) || look->size <= from ||
        (l->there && file_look_is(&l->path, &look->id)) || rotation_may_be_after_path(l, entry) ||
        rotation_name_may_be_other(l->family.base, entry->base, entry->plain_len) ||
        look->id.birth_ns == 0 || past->since_ns == 0 || look->id.birth_ns > ours->written_ns)
        return false;
    bool is_old =
        rotation_times_were_set(look) && rotation_time_order(look->written_ns, past->since_ns) < 0;
    return !is_old && rotation_past_has(past, &look->id) != PASSED;
}

/*
 * Compares an entry with ours. It shows a cut if it has the same bytes as ours before `from` but
 * different ones in [from, to). What ours does not have yet may still come, as long as it is at the
 * path.
 */
static int compare(const struct rotation_view *v, const struct rotation_entry *entry, bool at_path,
                   uint64_t from, uint64_t to, bool *ret_cut, bool *ret_waits, struct err *e)
{
    struct file_look ours;
    bool goes_on = true, begins = false;
    int fd;
    int rc = rotation_list_open(entry->name, &entry->look, &fd, e);
    if (rc != 0)
        return rc;
    rc = file_look_at(v->fd, &ours, e);
    uint64_t end = entry->look.size < to ? entry->look.size : to;
    if (rc == 0 && at_path && end > ours.size)
        end = ours.size;
    if (rc == 0 && end > from)
        rc = content_is_same(fd, v->fd, from, end, v->beats, &goes_on, e);
    if (rc == 0 && !goes_on)
        rc = content_is_same(fd, v->fd, 0, from, v->beats, &begins, e);
    (void)close(fd);
    *ret_cut |= !goes_on && begins;
    *ret_waits |= goes_on && entry->look.size > end;
    return rc;
}

int rotation_find_cut(const struct rotation_view *v, uint64_t from, uint64_t to, bool *ret_cut,
                      bool *ret_waits, struct err *e)
{
    struct rotation_list l;
    struct file_look ours;
    *ret_cut = *ret_waits = false;
    int rc = rotation_list_make(v->path, v->fd, &v->at->file, false, &l, e);
    if (rc != 0)
        return rc;
    rc = file_look_at(v->fd, &ours, e);
    bool at_path = l.there && file_look_is(&l.path, &v->at->file);
    for (size_t i = 0; rc == 0 && !*ret_cut && i < l.count; i++) {
        const struct rotation_entry *entry = &l.entries[i];
        if (!may_be_copy(v, &l, &ours, entry, from))
            continue;
        rc = compare(v, entry, at_path, from, to, ret_cut, ret_waits, e);
        if (rc == 0 && *ret_cut && !at_path && from < ROTATION_SURE_BYTES)
            rc = err_set(e, ERR_MISMATCH,
                         "cannot tell whether '%s', which begins with all that was read of the "
                         "file that was rotated from '%s', is a copy of what was cut off from that "
                         "file or came after it; move it to another directory if it was read or is "
                         "not needed" ROTATION_OR_DISCARD,
                         entry->name, v->path, v->path);
    }
    rotation_list_done(&l);
    return rc;
}
