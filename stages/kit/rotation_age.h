/* SPDX-License-Identifier: MIT */
/*
 * rotation_age.h - which files of a log are older than ours, and which came later
 *
 * Birth times decide first, then the times of the last write, then names whose direction is known.
 * What none of these decides is unknown: nothing here guesses.
 */
#ifndef BULKHEAD_STAGES_KIT_ROTATION_AGE_H
#define BULKHEAD_STAGES_KIT_ROTATION_AGE_H

#include <stdbool.h>
#include <stdint.h>

#include "stages/kit/rotation_list.h"
#include "stages/kit/rotation_past.h"
#include "stages/kit/rotation_view.h"

/* Two files can share fewer bytes than this by chance: a header, a first line. */
#define ROTATION_SURE_BYTES 4096u

/* The end of an error message: what to do if nothing else helps. Takes the path as its argument. */
#define ROTATION_OR_DISCARD                                                                        \
    "; or skip what was not read and start over with '%s': use --discard STAGE, or --fresh, "      \
    "which also empties the outputs"

/* When a file came, compared with ours. */
enum age {
    AGE_OLDER,      /* older than ours, or ours, or a copy of it: nothing to be read */
    AGE_LATER,      /* came after ours, and is to be read */
    AGE_UNKNOWN,    /* neither is certain */
    AGE_LATE_COPY,  /* made after the file at the path was begun, of an unknown file */
    AGE_AFTER_PATH, /* the link at the path will point to it, but does not yet */
};

/* Our file among the others. */
struct rotation_ages {
    const struct rotation_view *view;
    const struct rotation_list *list;
    struct file_look ours;
    bool is_torn;  /* some files say that numbers rise, others that they fall */
    int direction; /* 1: higher numbers came later; -1: lower ones did; 0: unknown */
    const struct rotation_entry *packed; /* the compressed form of ours; NULL: none */
};

/* Whether the file's times were set explicitly, as programs that compress or copy a file do. */
bool rotation_times_were_set(const struct file_look *look);

/*
 * Which of two times is later, as far as is known: some programs and file systems only keep whole
 * seconds. Returns 1 (a), -1 (b), 0 (unknown).
 */
int rotation_time_order(uint64_t a, uint64_t b);

/*
 * Whether a file came after the files of the past: 1; before: -1; unknown: 0. A copy that keeps the
 * time, such as one made by cp -p, was written when its original was, and so before if that is
 * older. Among the files born in the last tick, only the unread copy is known to come after.
 */
int rotation_order_with_past(const struct file_past *past, const struct file_look *look);

/*
 * Whether a file was born after the file at the path, which is the last one. If so, it is a copy of
 * an unknown file.
 */
bool rotation_is_late_copy(const struct rotation_ages *ages, const struct file_look *look);

/*
 * Whether a file was born in the same tick as the file at the path. If so, it was rotated right
 * before that was begun, or it is a copy.
 */
bool rotation_is_born_with_path(const struct rotation_ages *ages, const struct file_look *look);

/*
 * Whether a file was created for the link at the path to point to next. A program that moves a link
 * from file to file creates the next file first. The file's name must show this when compared with
 * the name of the link's present target.
 */
bool rotation_is_after_path(const struct rotation_list *list, const struct rotation_entry *entry);

/* The same, where names of that form may not show which of them came first. */
bool rotation_may_be_after_path(const struct rotation_list *list,
                                const struct rotation_entry *entry);

/* The earliest birth time among such files; UINT64_MAX: there are none. */
uint64_t rotation_first_after_path(const struct rotation_list *list);

/* Prepares the ages, and finds out the direction of the numbers. */
void rotation_ages_init(struct rotation_ages *ages, const struct rotation_view *view,
                        const struct rotation_list *list, const struct file_look *ours);

/* Whether an entry is the file at the path, or ours. */
bool rotation_is_known(const struct rotation_ages *ages, const struct rotation_entry *entry);

/* Whether the name of an entry has a compression suffix, see rotation_name.h. */
bool rotation_is_compressed(const struct rotation_entry *entry);

/* The file that has the name of a compressed one without its suffix; NULL: there is none. */
const struct rotation_entry *rotation_plain_of(const struct rotation_ages *ages,
                                               const struct rotation_entry *entry);

/*
 * Finds out when an entry came that is neither ours nor at the path. Returns 0, ERR_AGAIN, ERR_IO.
 */
int rotation_age_of(struct rotation_ages *ages, const struct rotation_entry *entry,
                    enum age *ret_age, struct err *e);

/*
 * Whether an entry may be a copy of ours that has not been read since ours was truncated, although
 * its birth time makes it a later file: the numbers say that it is older, or contradict each other.
 */
bool rotation_may_be_unread(const struct rotation_ages *ages, const struct rotation_entry *entry);

/* Which of two later files came first: -1 (a), 1 (b), 0 (unknown). */
int rotation_order(const struct rotation_ages *ages, const struct rotation_entry *a,
                   const struct rotation_entry *b);

/* Sets the error that their order is not known, and returns ERR_MISMATCH. */
int rotation_refuse_order(const struct rotation_ages *ages, const struct rotation_entry *a,
                          const struct rotation_entry *b, struct err *e);

#endif
