/* SPDX-License-Identifier: MIT */
/*
 * beat.h - a count by which a process shows that it is at work
 *
 * The supervisor considers a process hung if its count does not move
 * (docs/decisions/0017-hung-is-asked.md), so work that may take long advances it piece by piece.
 * The count is on the status page of the stage. Code that only advances it needs just this header.
 */
#ifndef BULKHEAD_COMMON_BEAT_H
#define BULKHEAD_COMMON_BEAT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Advances a count. beats may be NULL where no supervisor watches.
 * Requires: the caller's process is the only one that writes it.
 */
static inline void beat_once(_Atomic uint64_t *beats)
{
    if (beats != NULL)
        atomic_store_explicit(beats, atomic_load_explicit(beats, memory_order_relaxed) + 1,
                              memory_order_relaxed);
}

#endif
