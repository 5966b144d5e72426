/* SPDX-License-Identifier: MIT */
/*
 * rotation_list.h - the files of a log's directories, as they were at one moment
 *
 * Other programs may rename files meanwhile, so a listing only counts when it was the same twice in
 * a row. The listing covers the directory of the path, that of its target if it is a link, and the
 * one that ours is in. It decides nothing; rotation.c does.
 */
#ifndef BULKHEAD_STAGES_KIT_ROTATION_LIST_H
#define BULKHEAD_STAGES_KIT_ROTATION_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "stages/kit/rotation_name.h"
#include "stages/kit/source_marks.h"

/* What the system reports about a file. */
struct file_look {
    struct file_identity id;
    uint64_t size;
    uint64_t written_ns; /* the time of the last write */
    uint64_t changed_ns; /* the time of the last change to anything, its name included */
    uint64_t links;      /* the number of its names */
    bool is_regular;
};

/* A file whose name can be one of the log's. */
struct rotation_entry {
    char *name;       /* with its directory, so that it can be opened and shown; ours */
    const char *base; /* the part of name after the directory */
    size_t plain_len; /* length of base without a compression suffix, see rotation_name.h */
    uint64_t listed;  /* the inode number in the directory, read a moment before `look` */
    struct file_look look;
};

/* The files of a log at one moment, sorted by name. */
struct rotation_list {
    struct rotation_family family;
    struct rotation_entry *entries;
    size_t count, capacity;
    bool there; /* there is a file at the path, which `path` describes */
    struct file_look path;
    const struct rotation_entry *ours; /* NULL: ours is in none of the directories */
    bool is_torn;         /* a name vanished before it was looked at, or led to another file */
    bool ours_elsewhere;  /* ours is neither in the directory of the path nor in its target's */
    char *target, *place; /* the target of the path, and the place of ours; NULL: unknown */
};

/* Reads the status of an open file. Returns 0 or ERR_IO. */
int file_look_at(int fd, struct file_look *ret_look, struct err *e);

/* Whether both are the same file. An unknown birth time is not compared. */
bool file_look_is(const struct file_look *look, const struct file_identity *file);

/*
 * Lists the files.
 *
 *   fd      the file that is read; -1: none is open, and `file` is searched for by its identity
 *   deeper  look into the subdirectories of the directories of the path and its target too
 *
 * Ownership: the caller calls rotation_list_done() if 0 was returned.
 *
 * Returns: 0, ERR_AGAIN (files are being renamed right now), ERR_IO.
 */
int rotation_list_make(const char *path, int fd, const struct file_identity *file, bool deeper,
                       struct rotation_list *ret_list, struct err *e);

/* Frees what a list holds. */
void rotation_list_done(struct rotation_list *l);

/*
 * Opens a file of the list. Returns 0 (the caller closes *ret_fd), ERR_AGAIN (another file has that
 * name by now), ERR_IO.
 */
int rotation_list_open(const char *name, const struct file_look *look, int *ret_fd, struct err *e);

#endif
