/* SPDX-License-Identifier: MIT */
/*
 * beat.h - a count by which a process shows that it is at work
 *
 * The supervisor takes a process for hung if its count stands still
 * (docs/decisions/0017-hung-is-asked.md), so whatever may take long moves it on, piece by piece.
 * The count lies on the status page of the stage; code that only moves it on needs just this
 * header.
 */
#ifndef BULKHEAD_COMMON_BEAT_H
#define BULKHEAD_COMMON_BEAT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Moves a count on. Requires: the caller's process is the only one that writes it. beats may be
 * NULL, where there is no supervisor that looks.
 */
static inline void beat_once(_Atomic uint64_t *beats)
{
    if (beats != NULL)
        atomic_store_explicit(beats, atomic_load_explicit(beats, memory_order_relaxed) + 1,
                              memory_order_relaxed);
}

#endif
