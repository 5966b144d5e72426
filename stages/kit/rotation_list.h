/* SPDX-License-Identifier: MIT */
/*
 * rotation_list.h - the files beside a log, as they were at one moment
 *
 * Others rename them meanwhile, so what counts is what was found twice in a row. Looked at are the
 * directory of the path, that of what it leads to if it is a link, and that in which the file lies
 * that is read. Decides nothing: rotation.c does.
 */
#ifndef BULKHEAD_STAGES_KIT_ROTATION_LIST_H
#define BULKHEAD_STAGES_KIT_ROTATION_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "stages/kit/rotation_name.h"
#include "stages/kit/source_marks.h"

/* What the system tells of a file. */
struct file_look {
    struct file_identity id;
    uint64_t size;
    uint64_t written_ns; /* the last time that it was written */
    uint64_t changed_ns; /* or anything of it was changed, its name too */
    uint64_t links;      /* names that it has */
    bool is_regular;
};

/* One file whose name can be one of the log's. */
struct rotation_entry {
    char *name;       /* with its directory, so that it can be opened and shown */
    const char *base; /* in it, without the directory */
    size_t plain_len; /* of base, see rotation_name.h */
    uint64_t listed;  /* inode that the directory told, a moment before the look */
    struct file_look look;
};

struct rotation_list {
    struct rotation_family family;
    struct rotation_entry *entries;
    size_t count, capacity;
    bool there; /* there is a file at the path */
    struct file_look path;
    const struct rotation_entry *ours; /* NULL: it is in none of the directories */
    bool is_torn;         /* a name was gone before it was looked at, or led to another file */
    bool ours_elsewhere;  /* it is in another directory than the path and its target */
    char *target, *place; /* where the path leads to, and where ours is; NULL: not known */
};

/* Looks at an open file. Returns 0 or ERR_IO. */
int file_look_at(int fd, struct file_look *ret_look, struct err *e);

/* Whether both are the same file; a birth that is not known is not compared. */
bool file_look_is(const struct file_look *look, const struct file_identity *file);

/*
 * Lists what there is.
 *
 *   fd      the file that is read; -1: none is open, and `file` is looked for by what it is
 *   deeper  the directories in that of the path are looked at too
 *
 * Ownership: the caller calls rotation_list_done() if 0 was returned.
 * Returns: 0, ERR_AGAIN (files are renamed at this moment), ERR_IO.
 */
int rotation_list_make(const char *path, int fd, const struct file_identity *file, bool deeper,
                       struct rotation_list *ret_list, struct err *e);

void rotation_list_done(struct rotation_list *l);

/*
 * Opens a file of the list. Returns 0 (the caller closes *ret_fd), ERR_AGAIN (another one has that
 * name by now), ERR_IO.
 */
int rotation_list_open(const char *name, const struct file_look *look, int *ret_fd, struct err *e);

#endif
