/* SPDX-License-Identifier: MIT */
/*
 * store.h - the state of one stage: a table of keys and small values, exact at every ack
 *
 * The state runs ahead of the committed point by the records in flight. A change belongs to the
 * seq during whose step it was made; store_commit(n) makes all changes up to n safe, and after
 * any death the store opens again with the state exactly as of the last commit that returned.
 *
 * How: the table lives in shared memory (the image) with an undo log beside it, so that the
 * death of the process costs only the rollback of what was in flight, whatever the size of the
 * state. On disk there are a log of committed changes and a checkpoint, from which the image is
 * rebuilt when it is lost or not to be trusted. Formats: docs/protocol.md, "Files of a store".
 *
 * Keys are 128-bit fingerprints under a key that is secret to the store (hash.h); their top byte
 * is the key group (partition.h), so that the entries of a group lie together. Entries may carry a
 * time to expire at, in event time: the store has a clock that only its stage moves, and an entry
 * whose time has come is gone at once for store_find(), and later from memory and disk.
 *
 * Not thread safe; never logs, but for its last words when there is no memory for a change.
 */
#ifndef BULKHEAD_STAGES_STORE_STORE_H
#define BULKHEAD_STAGES_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/hash.h"
#include "common/value.h"
#include "stages/store/store_spec.h"

struct store;

/*
 * Opens the store in a directory, or makes an empty one.
 *
 *   dir_fd     directory of the stage; borrowed while the store is open
 *   image_fd   a memfd that outlives this process, as left by the last one or empty; -1 for a
 *              private one. Borrowed. Whoever passes it vouches that its last writer did not die
 *              of a fault of its own.
 *   durable    whether commits survive a crash of the host (fsync) or of processes only
 *   ret_store  the caller closes it
 *
 * Returns:  0
 *           ERR_MISMATCH  the state was written under another schema
 *           ERR_CORRUPT   a file does not verify; e names file and offset; nothing was changed
 *           ERR_IO
 */
int store_open(int dir_fd, int image_fd, const struct store_spec *spec, bool durable,
               struct store **ret_store, struct err *e);

/*
 * Looks at the files of a store that is not open how far it is committed; changes nothing.
 *
 *   ret_found  whether there is one
 *   ret_seq    if so, what store_committed() would say, unless a piece at its end is cut off
 *   ret_most   likewise, or the position of a key group that is further: see store_is_ahead()
 *
 * Returns: as store_open().
 */
int store_read_position(int dir_fd, const struct store_spec *spec, bool *ret_found,
                        seq_number *ret_seq, seq_number *ret_most, struct err *e);

/* Closes without a commit: what was not committed is gone. Takes NULL. */
void store_close(struct store *s);

/* The seq up to which the state is safe. */
seq_number store_committed(const struct store *s);

/*
 * The fingerprint of a key's bytes in a key group.
 * Requires: group < KEY_GROUPS, and equal bytes always come with the same group.
 */
struct hash128 store_key(const struct store *s, unsigned group, const void *bytes, size_t len);

/*
 * The fingerprint of one of many entries of a key: number n of them. One for every n and key, as
 * unlikely to be that of another as any.
 */
struct hash128 store_subkey(struct hash128 key, uint64_t n);

/* Has the memory fetched that a store_find() of the key will look at; changes nothing. */
void store_prefetch(const struct store *s, struct hash128 key);

/*
 * Says that the changes to come belong to seq.
 * Requires: seq is not below the last one, and above the committed one.
 */
void store_begin(struct store *s, seq_number seq);

/*
 * Whether the state of a key group holds already what the seq in hand does to it, because it came
 * from a worker who was further on than others when the number of workers changed. What that seq
 * put out for the group was put out and is safe; nothing of it is to be done again.
 */
bool store_is_ahead(const struct store *s, unsigned group);

/* Whether no group is ahead any more: cheap. Requires of both: store_begin() was called. */
bool store_is_level(const struct store *s);

/* The value of a key, or NULL if there is none or it has expired. Dead after the next change. */
const void *store_find(const struct store *s, struct hash128 key);

/*
 * Sets the value of a key and when it expires (STORE_NEVER: never). Copies value_len bytes.
 * If there is no memory for that, the process ends here, see store_image.h.
 * Requires: store_begin() was called; the key's group is not ahead; STORE_NEVER if the spec says
 * that entries do not expire; the value does not lie in the store.
 */
void store_put(struct store *s, struct hash128 key, int64_t expires_at, const void *value);

/* The clock: event time, moved by the stage alone; part of the state like any value. */
int64_t store_clock(const struct store *s);

/* Moves the clock on. Requires: store_begin() was called; not before the present clock. */
void store_advance(struct store *s, int64_t now);

/*
 * Visits every live entry that expires at `until` or before, in any order: those that
 * store_advance(until) would let go. Those of groups that are ahead are left out. Reads all entries
 * now and then, so seldom that each that expires pays for a few.
 * Requires: store_begin() was called; visit changes nothing in the store.
 */
void store_each_expiring(struct store *s, int64_t until, store_visit *visit, void *context);

/*
 * Visits every live entry, in any order: also those that never expire, and those of groups that are
 * ahead. Reads all entries.
 * Requires: visit changes nothing in the store.
 */
void store_each_live(const struct store *s, store_visit *visit, void *context);

/*
 * No live entry expires before this time; STORE_NEVER if none ever does. It may be earlier than the
 * first that does, and comes later when the clock has passed it. Cheap if the clock has not.
 */
int64_t store_next_expiry(struct store *s);

/*
 * Whether so much is in flight that no seq may begin before the next commit. One that has begun
 * goes on: whatever it changes, there is room for it as long as there is memory.
 */
bool store_is_full(const struct store *s);

/*
 * Makes everything up to seq safe; seq may repeat an earlier one.
 * Requires: seq is not above the last one begun, if any change is waiting.
 * Returns: 0; ERR_NO_SPACE: nothing is committed, and the call may be repeated, with the same seq
 * or a later one; ERR_MISMATCH: a log that others have changed, or more changes than can be
 * committed at once; ERR_IO, ERR_NO_SPACE_LOST: then the store must be closed and opened again,
 * best by a new process.
 */
int store_commit(struct store *s, seq_number seq, struct err *e);

/*
 * Goes on with a checkpoint if one is due, for a bounded piece of work; call it after commits.
 * Returns as store_commit().
 */
int store_maintain(struct store *s, struct err *e);

/* Bytes of private memory that hold the changes which are not committed. */
uint64_t store_uncommitted_bytes(const struct store *s);

/* Number of entries that are there, expired ones that still take room included. */
uint64_t store_entries(const struct store *s);

#endif
