/* SPDX-License-Identifier: MIT */
/*
 * timeline.h - which version of a topology holds from which seq on
 *
 * The supervisor reads it from the state directory at a start (manifest.h) and gives it to the
 * stages. docs/decisions/0030-version.md says why.
 */
#ifndef BULKHEAD_TOPOLOGY_TIMELINE_H
#define BULKHEAD_TOPOLOGY_TIMELINE_H

#include <stddef.h>
#include <stdint.h>

#include "common/digest.h"
#include "common/value.h"

struct timeline_entry {
    seq_number first;      /* the first seq for which the version holds */
    struct digest version; /* see version.h */
    int64_t number;        /* that a topology gave it; 0: none did */
};

struct timeline {
    struct timeline_entry *entries; /* in ascending order of seqs */
    size_t count;
};

/* Adds an entry at the end. Requires: its seq is above that of the last one. */
void timeline_add(struct timeline *timeline, seq_number first, const char *version, int64_t number);

/* The version that holds for a seq; NULL if none is known. */
const char *timeline_at(const struct timeline *timeline, seq_number seq);

/*
 * What people are shown of a version: "ab12cd34", or "7 ab12cd34" if it has a number (0: it has
 * none). Returns ret_text.
 */
#define VERSION_SHOWN_BYTES 32u
const char *timeline_show_version(const char *version, int64_t number,
                                  char ret_text[VERSION_SHOWN_BYTES]);

/* Frees what it holds; *timeline is then empty. */
void timeline_done(struct timeline *timeline);

#endif
