/* SPDX-License-Identifier: MIT */
#include "stages/kit/rotation_packed.h"

#include <errno.h>
#include <unistd.h>

#include "stages/kit/rotation_content.h"
#include "stages/kit/rotation_past.h"

static int refuse_compressed(const struct rotation_view *v, const struct rotation_entry *entry,
                             struct err *e)
{
    return err_set(
        e, ERR_MISMATCH,
        "'%s' was compressed before it was read; decompress it under its former name, keeping its "
        "time as gzip -dk does, and compress one rotation later" ROTATION_OR_DISCARD,
        entry->name, v->path);
}

/* Whether a gzip file says that its original was not empty. */
static int is_of_some_bytes(const struct rotation_entry *entry, bool *ret_is, struct err *e)
{
    bool is_gzip;
    uint32_t len;
    int fd;
    *ret_is = false;
    if (access(entry->name, R_OK) != 0 && errno == EACCES)
        return 0;
    int rc = rotation_list_open(entry->name, &entry->look, &fd, e);
    if (rc != 0)
        return rc;
    rc = content_packed_length(fd, &is_gzip, &len, e);
    *ret_is = rc == 0 && is_gzip && len != 0;
    (void)close(fd);
    return rc;
}

int rotation_refuse_packed(const struct rotation_ages *ages, const struct rotation_entry *entry,
                           struct err *e)
{
    const struct rotation_entry *plain = rotation_plain_of(ages, entry);
    bool is_other;
    /*
     * The time of an empty file is that of its birth, and the file before it may have been written
     * last in that tick.
     */
    if (plain == NULL || plain->look.size != 0 ||
        rotation_time_order(entry->look.written_ns, plain->look.written_ns) != 0)
        return refuse_compressed(ages->view, entry, e);
    int rc = is_of_some_bytes(entry, &is_other, e);
    if (rc != 0)
        return rc;
    if (is_other)
        return refuse_compressed(ages->view, entry, e);
    return err_set(
        e, ERR_MISMATCH,
        "cannot tell whether '%s' was made from '%s', which is empty, or from an earlier file of "
        "that name that was not read; if it holds nothing, remove it; otherwise decompress it over "
        "the empty file, keeping its time as gzip -dkf does" ROTATION_OR_DISCARD,
        entry->name, plain->name, ages->view->path);
}

/* What is known about a gzip file next to a file that was truncated. */
struct packed {
    const struct rotation_entry *entry; /* NULL: there is none */
    uint32_t len;                       /* the length of its original */
};

/* Looks whether an entry may have been made from a copy of ours. */
static int look_at_packed(const struct rotation_view *v, const struct rotation_entry *entry,
                          struct packed *ret_packed, struct err *e)
{
    const struct file_look *look = &entry->look;
    const struct file_past *past = &v->at->past;
    bool is_gzip;
    int fd;
    *ret_packed = (struct packed){0};
    if (!rotation_is_compressed(entry) || look->id.birth_ns == 0 || past->since_ns == 0 ||
        rotation_past_has(past, &look->id) == PASSED || rotation_order_with_past(past, look) < 0)
        return 0;
    int rc = rotation_list_open(entry->name, look, &fd, e);
    if (rc != 0)
        return rc;
    rc = content_packed_length(fd, &is_gzip, &ret_packed->len, e);
    ret_packed->entry = is_gzip ? entry : NULL;
    (void)close(fd);
    return rc;
}

int rotation_check_packed(const struct rotation_view *v, const struct rotation_list *l,
                          struct err *e)
{
    struct packed packed;
    const struct rotation_entry *read = NULL, *longer = NULL;
    uint64_t offset = v->at->offset;
    int rc = 0;
    for (size_t i = 0; rc == 0 && offset != 0 && i < l->count; i++) {
        rc = look_at_packed(v, &l->entries[i], &packed, e);
        if (rc != 0 || packed.entry == NULL)
            continue;
        if (packed.len == (uint32_t)offset)
            read = packed.entry;
        else if (offset > UINT32_MAX || packed.len > offset)
            longer = packed.entry;
    }
    if (rc == 0 && read == NULL && longer != NULL)
        return refuse_compressed(v, longer, e);
    /* A file written after the one that was read holds what ours had later. */
    for (size_t i = 0; rc == 0 && read != NULL && i < l->count; i++) {
        rc = look_at_packed(v, &l->entries[i], &packed, e);
        if (rc == 0 && packed.entry != NULL &&
            rotation_time_order(packed.entry->look.written_ns, read->look.written_ns) > 0)
            return refuse_compressed(v, packed.entry, e);
    }
    return rc;
}
