/* SPDX-License-Identifier: MIT */
/*
 * rotation_past.h - the files that came before the one that is read, and so do not come after it
 *
 * A file that was born before the latest of them also came before. The clock of a file system moves
 * in ticks, and several files can be born in one. So the files of the last tick are kept one by
 * one, by device and inode.
 */
#ifndef BULKHEAD_STAGES_KIT_ROTATION_PAST_H
#define BULKHEAD_STAGES_KIT_ROTATION_PAST_H

#include "stages/kit/source_marks.h"

/* Returns the later of two times. */
static inline uint64_t rotation_latest(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Whether a file belongs to the past. */
enum passed {
    PASSED,         /* does not come after ours */
    PASSED_NOT,     /* born later, or born in the last tick but not one of the known files */
    PASSED_UNKNOWN, /* born in the last tick, which had too many files to know them all */
};

/* Notes that a file does not come after ours, and so nothing born before it does. */
void rotation_past_add(struct file_past *past, const struct file_identity *file);

/* Same as rotation_past_add(), but ignores a file born after the latest one. */
void rotation_past_add_known(struct file_past *past, const struct file_identity *file);

/* Takes this back for a file that was born when the latest was. */
void rotation_past_remove(struct file_past *past, const struct file_identity *file);

/* Whether a file belongs to the past. Requires: its birth time is known. */
enum passed rotation_past_has(const struct file_past *past, const struct file_identity *file);

/* Whether both pasts hold the same files. */
bool rotation_past_is_same(const struct file_past *a, const struct file_past *b);

#endif
