/* SPDX-License-Identifier: MIT */
/*
 * rotation_past.h - which files do not come after the one that is read, for they came before
 *
 * What was born before the latest of them came before, too. The clock of files goes in ticks, and
 * several are born in one, so those of the last tick are known one by one, by device and inode.
 */
#ifndef BULKHEAD_STAGES_KIT_ROTATION_PAST_H
#define BULKHEAD_STAGES_KIT_ROTATION_PAST_H

#include "stages/kit/source_marks.h"

/* The later of two times. */
static inline uint64_t rotation_latest(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

enum passed {
    PASSED,         /* it does not come after ours */
    PASSED_NOT,     /* it was born later, or in the last tick and is none of those that are known */
    PASSED_UNKNOWN, /* born in the last tick, in which there were too many to know them all */
};

/* A file does not come after ours, nor does what was born before it. */
void rotation_past_add(struct file_past *past, const struct file_identity *file);

/* As rotation_past_add() for one that was born when the latest was, or before. */
void rotation_past_add_known(struct file_past *past, const struct file_identity *file);

/* Takes that back of one that was born when the latest was. */
void rotation_past_remove(struct file_past *past, const struct file_identity *file);

/* Requires: the birth of the file is known. */
enum passed rotation_past_has(const struct file_past *past, const struct file_identity *file);

/* Whether both say the same of all files. */
bool rotation_past_is_same(const struct file_past *a, const struct file_past *b);

#endif
