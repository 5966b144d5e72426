/* SPDX-License-Identifier: MIT */
/*
 * rotation_packed.h - what was compressed before it was read: it is not read, and that is said
 */
#ifndef BULKHEAD_STAGES_KIT_ROTATION_PACKED_H
#define BULKHEAD_STAGES_KIT_ROTATION_PACKED_H

#include "common/err.h"
#include "stages/kit/rotation_age.h"
#include "stages/kit/rotation_list.h"
#include "stages/kit/rotation_view.h"

/*
 * The open file was cut off, and no copy begins with what was read of it. Returns ERR_MISMATCH if
 * that is in a gzip file that was made since, with more behind it, or what the file had later is in
 * one; 0, ERR_AGAIN, ERR_IO.
 */
int rotation_check_packed(const struct rotation_view *v, const struct rotation_list *l,
                          struct err *e);

/*
 * Says of a compressed file that comes next that it was not read, or that nobody can tell whether
 * it was made of the empty file that has its name without the ending. Returns ERR_MISMATCH, or
 * ERR_AGAIN or ERR_IO if the file cannot be looked at.
 */
int rotation_refuse_packed(const struct rotation_ages *ages, const struct rotation_entry *entry,
                           struct err *e);

#endif
