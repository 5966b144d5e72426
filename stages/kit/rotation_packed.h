/* SPDX-License-Identifier: MIT */
/*
 * rotation_packed.h - files that were compressed before they were read, which is reported
 */
#ifndef BULKHEAD_STAGES_KIT_ROTATION_PACKED_H
#define BULKHEAD_STAGES_KIT_ROTATION_PACKED_H

#include "common/err.h"
#include "stages/kit/rotation_age.h"
#include "stages/kit/rotation_list.h"
#include "stages/kit/rotation_view.h"

/*
 * For use when the open file was truncated and no copy begins with what was read of it. Returns
 * ERR_MISMATCH if a gzip file made since holds that and more, or holds what the file had later;
 * else 0, ERR_AGAIN, ERR_IO.
 */
int rotation_check_packed(const struct rotation_view *v, const struct rotation_list *l,
                          struct err *e);

/*
 * Sets the error for a compressed file that comes next: it was not read, or it cannot be known
 * whether it was made from the empty file with its name. Returns ERR_MISMATCH, or ERR_AGAIN or
 * ERR_IO if the file cannot be looked at.
 */
int rotation_refuse_packed(const struct rotation_ages *ages, const struct rotation_entry *entry,
                           struct err *e);

#endif
