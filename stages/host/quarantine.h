/* SPDX-License-Identifier: MIT */
/*
 * quarantine.h - the records that a stage skips because they kill it
 *
 * The supervisor decides, and stores the decision before the next process of the stage starts.
 * Every process of the stage reads the list when it opens, and sends these records to the dead
 * letters instead of processing them. So the decision holds, whatever dies afterwards. The list is
 * one file, "quarantine", in the stage's directory; it is replaced as a whole. Format:
 * docs/protocol.md.
 */
#ifndef BULKHEAD_STAGES_HOST_QUARANTINE_H
#define BULKHEAD_STAGES_HOST_QUARANTINE_H

#include <stddef.h>

#include "common/bounds.h"
#include "common/err.h"
#include "common/value.h"

#define QUARANTINE_FILE "quarantine"

struct quarantine_entry {
    seq_number seq;
    char cause[QUARANTINE_CAUSE_BYTES_MAX + 1]; /* "was killed by signal 11 (SIGSEGV)" */
    char words[QUARANTINE_WORDS_BYTES_MAX + 1]; /* its last output, printable, or "" */
};

struct quarantine {
    struct quarantine_entry *entries; /* in ascending order of seq */
    size_t count;
};

/*
 * Reads the list of a stage. Without a file, it is empty.
 *
 *   dir_fd  the stage's directory
 *   owner   "TOPOLOGY/STAGE", the same for all workers; a file of another owner is refused
 *
 * Ownership: the caller frees *ret_quarantine with quarantine_done().
 * Returns:   0, ERR_CORRUPT or ERR_MISMATCH (e names file and offset), ERR_IO.
 */
int quarantine_load(int dir_fd, const char *owner, struct quarantine *ret_quarantine,
                    struct err *e);
void quarantine_done(struct quarantine *quarantine);

/* The entry of a seq, or NULL. */
const struct quarantine_entry *quarantine_find(const struct quarantine *quarantine, seq_number seq);

/*
 * Adds those entries of another list that are missing; used to join the lists of several workers.
 * Ownership: copies them.
 */
void quarantine_merge(struct quarantine *quarantine, const struct quarantine *other);

/* Replaces the list on disk and makes it safe. Returns 0, ERR_NO_SPACE or ERR_IO. */
int quarantine_write(int dir_fd, const char *owner, const struct quarantine *quarantine,
                     struct err *e);

/*
 * Gives the list another owner. One that has it already, or no list at all, is left as it is.
 * Returns: 0, ERR_NO_SPACE, or an error of quarantine_load().
 */
int quarantine_rename(int dir_fd, const char *from, const char *to, struct err *e);

/*
 * Adds one entry and makes the list safe, whatever the durability of the topology.
 * Returns: 0, ERR_RANGE (the seq is on the list, or the list has QUARANTINE_ENTRIES_MAX entries),
 *          ERR_NO_SPACE, or an error of quarantine_load().
 */
int quarantine_add(int dir_fd, const char *owner, const struct quarantine_entry *entry,
                   struct err *e);

#endif
