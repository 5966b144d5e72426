/* SPDX-License-Identifier: MIT */
/*
 * rotation_name.h - what the names of rotated files tell, which is little
 *
 * A name tells whether a file can belong to the log, and two names may tell which file is younger:
 * by a date with the year in front, or by a number, whose direction must be known from elsewhere.
 * All of it is text; nothing here looks at files. docs/decisions/0012 says what it is used for.
 */
#ifndef BULKHEAD_STAGES_KIT_ROTATION_NAME_H
#define BULKHEAD_STAGES_KIT_ROTATION_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The names by which a log is known; none is owned here. */
struct rotation_family {
    const char *base;   /* what the path names, without its directory */
    const char *target; /* what that leads to if it is a link, of whatever kind; NULL: nothing */
    const char *ours;   /* how the file that was read is named now; NULL: it has no name */
};

/*
 * Whether a file of this name can be one of the log's.
 *
 * Returns: the length of its name without the ending of a compressed file, which may be any that
 * begins with a letter: less than that of the name if it is compressed; 0: it is none of the log's.
 */
size_t rotation_name_plain_len(const struct rotation_family *f, const char *name);

/*
 * Which of two plain names is of the younger file.
 *
 *   direction  of numbers: 1 if higher ones are younger, -1 if lower ones are, 0 if it is not known
 *
 * Returns: 1 (a is younger), -1 (b is), 0 (they do not tell).
 */
int rotation_name_order(const char *a, size_t a_len, const char *b, size_t b_len, int direction);

/*
 * Whether two plain names are of one form, as those of files that a link is led to one after the
 * other, and neither is made of the other, as that of a copy is.
 */
bool rotation_name_is_peer(const char *a, size_t a_len, const char *b, size_t b_len);

/* Whether two plain names differ in one short number and nothing else; and which numbers. */
bool rotation_name_numbers(const char *a, size_t a_len, const char *b, size_t b_len,
                           uint64_t *ret_a, uint64_t *ret_b);

/*
 * Whether a plain name has nothing but a short number before the ending that the base has, too, as
 * that of a rotated file (app-1.log), but also as that of another log beside it (worker-2.log).
 */
bool rotation_name_may_be_other(const char *base, const char *name, size_t len);

/* The number N of a plain name BASE.N, if there is nothing else behind the base. */
bool rotation_name_number(const char *base, const char *name, size_t len, uint64_t *ret_number);

#endif
