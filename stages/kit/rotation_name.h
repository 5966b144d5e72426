/* SPDX-License-Identifier: MIT */
/*
 * rotation_name.h - what the names of rotated files reveal, which is little
 *
 * A name shows whether a file can belong to the log. Two names may show which file is younger: by a
 * date that begins with the year, or by a number whose direction must be known from elsewhere. All
 * of this is about text; nothing here looks at files. docs/decisions/0012 explains what it is used
 * for.
 */
#ifndef BULKHEAD_STAGES_KIT_ROTATION_NAME_H
#define BULKHEAD_STAGES_KIT_ROTATION_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The names by which a log is known. None of them is owned here. */
struct rotation_family {
    const char *base; /* the last part of the path */
    /* The name of the path's target if it is a link of any sort; NULL: it is not. */
    const char *target;
    const char *ours; /* the present name of ours; NULL: it has none */
};

/*
 * Whether a file of this name can be one of the log's.
 *
 * Returns: the length of the name without a compression suffix, which is less than the whole length
 * if the file is compressed; any suffix that begins with a letter counts. 0: it is not one of the
 * log's.
 */
size_t rotation_name_plain_len(const struct rotation_family *f, const char *name);

/*
 * Which of two plain names belongs to the younger file.
 *
 *   direction  1: higher numbers are younger; -1: lower ones are; 0: unknown
 *
 * Returns: 1 (a is younger), -1 (b is), 0 (the names do not show it).
 */
int rotation_name_order(const char *a, size_t a_len, const char *b, size_t b_len, int direction);

/*
 * Whether two plain names have the same form, as those of the files that a link is moved along.
 * False if one is derived from the other, as the name of a copy is.
 */
bool rotation_name_is_peer(const char *a, size_t a_len, const char *b, size_t b_len);

/* Whether two plain names differ in one short number and nothing else; and which numbers. */
bool rotation_name_numbers(const char *a, size_t a_len, const char *b, size_t b_len,
                           uint64_t *ret_a, uint64_t *ret_b);

/*
 * Whether a plain name is the base with only a short number before its suffix. A rotated file may
 * be named like this (app-1.log), but so may another log next to it (worker-2.log).
 */
bool rotation_name_may_be_other(const char *base, const char *name, size_t len);

/* Reads the number N of a plain name BASE.N. False if anything else follows the base. */
bool rotation_name_number(const char *base, const char *name, size_t len, uint64_t *ret_number);

#endif
