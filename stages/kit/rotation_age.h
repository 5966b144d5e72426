/* SPDX-License-Identifier: MIT */
/*
 * rotation_age.h - of the files beside a log, which are older than ours and which came later
 *
 * Births first, then times of last write, then names whose direction is known. What none of these
 * tells is unknown: nothing here guesses.
 */
#ifndef BULKHEAD_STAGES_KIT_ROTATION_AGE_H
#define BULKHEAD_STAGES_KIT_ROTATION_AGE_H

#include <stdbool.h>
#include <stdint.h>

#include "stages/kit/rotation_list.h"
#include "stages/kit/rotation_past.h"
#include "stages/kit/rotation_view.h"

/* Fewer bytes can be the same in two files by chance: a header, a first line. */
#define ROTATION_SURE_BYTES 4096u

/* The end of a refusal: what to do if nothing else helps. */
#define ROTATION_OR_DISCARD                                                                        \
    "; or leave out what was not read, and begin anew with '%s': --discard of this stage, or "     \
    "--fresh, which also empties the outputs"

enum age {
    AGE_OLDER, /* than ours, or ours, or a copy of it: nothing to be read */
    AGE_LATER,
    AGE_UNKNOWN,
    AGE_LATE_COPY,  /* it was made after the file at the path was begun: nobody can tell of what */
    AGE_AFTER_PATH, /* the link at the path will lead to it, and does not yet */
};

/* Our file among the others. */
struct rotation_ages {
    const struct rotation_view *view;
    const struct rotation_list *list;
    struct file_look ours;
    bool is_torn;  /* numbers rise by some files, and fall by others */
    int direction; /* of numbers: 1 if higher ones came later, -1 if lower ones did, 0: not known */
    const struct rotation_entry *packed; /* a compressed file that was made of ours; NULL: none */
};

/* Whether the file's times were set when it was written, as by who compresses or copies. */
bool rotation_times_were_set(const struct file_look *look);

/* Which of two times is later, as far as is known: some programs and file systems keep whole
 * seconds. */
int rotation_time_order(uint64_t a, uint64_t b);

/*
 * Whether it came after what is past: 1; -1: before; 0: not known. One that keeps the time, as of
 * cp -p, was written when the file was, and an older one before. Of those of the last tick only the
 * copy that was left unread is known.
 */
int rotation_order_with_past(const struct file_past *past, const struct file_look *look);

/* Born after the file at the path, which is the last one: it is a copy, of whatever. */
bool rotation_is_late_copy(const struct rotation_ages *ages, const struct file_look *look);

/* Born in the tick of that file: it was rotated right before that was begun, or is a copy. */
bool rotation_is_born_with_path(const struct rotation_ages *ages, const struct file_look *look);

/*
 * Whether a file was made for a link at the path to lead to it next: who leads a link from file to
 * file makes the next one first. Its name must say so, beside that of where the link leads now.
 */
bool rotation_is_after_path(const struct rotation_list *list, const struct rotation_entry *entry);

/* The same where names of that form may not tell which of them came first. */
bool rotation_may_be_after_path(const struct rotation_list *list,
                                const struct rotation_entry *entry);

/* The first birth of those; UINT64_MAX: there are none. */
uint64_t rotation_first_after_path(const struct rotation_list *list);

/* Finds out the direction of the numbers. */
void rotation_ages_init(struct rotation_ages *ages, const struct rotation_view *view,
                        const struct rotation_list *list, const struct file_look *ours);

/* Whether an entry is the one at the path, or ours. */
bool rotation_is_known(const struct rotation_ages *ages, const struct rotation_entry *entry);

bool rotation_is_compressed(const struct rotation_entry *entry);

/* The file that has the name of a compressed one without its ending; NULL: there is none. */
const struct rotation_entry *rotation_plain_of(const struct rotation_ages *ages,
                                               const struct rotation_entry *entry);

/* Says of an entry that is neither when it came. Returns 0, ERR_AGAIN, ERR_IO. */
int rotation_age_of(struct rotation_ages *ages, const struct rotation_entry *entry,
                    enum age *ret_age, struct err *e);

/*
 * Whether an entry may be a copy of ours, of which nothing was read since it was cut off, though it
 * was born when what came later was: numbers say that it is older, or contradict each other.
 */
bool rotation_may_be_unread(const struct rotation_ages *ages, const struct rotation_entry *entry);

/* Which of two that came later came first: -1 (a), 1 (b), 0 (not known). */
int rotation_order(const struct rotation_ages *ages, const struct rotation_entry *a,
                   const struct rotation_entry *b);

/* Says that it is not known, and returns ERR_MISMATCH. */
int rotation_refuse_order(const struct rotation_ages *ages, const struct rotation_entry *a,
                          const struct rotation_entry *b, struct err *e);

#endif
