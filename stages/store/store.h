/* SPDX-License-Identifier: MIT */
/*
 * store.h - the state of one stage: a table of keys and small values, exact at every ack
 *
 * The state is ahead of the committed point by the records in flight. A change belongs to the seq
 * during whose step it was made. store_commit(n) makes all changes up to n safe. After any death
 * the store opens with the state exactly as of the last commit that returned.
 *
 * The table is in shared memory (the image), together with an undo log. So the death of a process
 * costs only the rollback of what was in flight, however large the state is. On disk there are a
 * log of committed changes and a checkpoint, from which the image is rebuilt when it is lost or
 * cannot be trusted. Formats: docs/protocol.md, "Files of a store".
 *
 * Keys are 128-bit fingerprints, made with a secret of the store (hash.h). Their top byte is the
 * key group (partition.h), so the entries of a group are stored together. An entry may have a time
 * at which it expires, in event time. The store has a clock that only its stage advances; once an
 * entry has expired, store_find() no longer finds it, and it is removed from memory and disk later.
 *
 * Not thread-safe. Never logs, except for its last words when there is no memory for a change.
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
 * Opens the store in a directory, or creates an empty one.
 *
 *   dir_fd     directory of the stage; borrowed while the store is open
 *   image_fd   a memfd that outlives this process, empty or as the last process left it; -1 for a
 *              private one. Borrowed. The caller vouches that its last writer did not die of a
 *              fault of its own
 *   durable    whether commits survive a crash of the host (fsync) or only of processes
 *   ret_store  the caller closes it with store_close()
 *
 * Returns:  0
 *           ERR_MISMATCH  the state was written under another schema
 *           ERR_CORRUPT   a file does not verify; e names file and offset; nothing was changed
 *           ERR_IO
 */
int store_open(int dir_fd, int image_fd, const struct store_spec *spec, bool durable,
               struct store **ret_store, struct err *e);

/*
 * Finds out from the files of a store that is not open what it was written for. Changes nothing.
 *
 *   ret_found  whether there is a store
 *   spec       if found: value_len, expires and schema are set; the others stay
 *
 * Returns: 0, ERR_MISMATCH (another format version), ERR_CORRUPT, ERR_IO.
 */
int store_read_spec(int dir_fd, bool *ret_found, struct store_spec *spec, struct err *e);

/*
 * Finds out from the files of a store that is not open how far it is committed. Changes nothing.
 *
 *   ret_found  whether there is a store
 *   ret_seq    if found: what store_committed() would return, unless the end of the log is cut off
 *   ret_most   if found: the same, or the highest position of a key group that is ahead; see
 *              store_is_ahead()
 *
 * Returns: as store_open().
 */
int store_read_position(int dir_fd, const struct store_spec *spec, bool *ret_found,
                        seq_number *ret_seq, seq_number *ret_most, struct err *e);

/* Closes the store without a commit: what was not committed is lost. Accepts NULL. */
void store_close(struct store *s);

/* The seq up to which the state is safe. */
seq_number store_committed(const struct store *s);

/*
 * The fingerprint of a key's bytes in a key group.
 * Requires: group < KEY_GROUPS, and equal bytes always come with the same group.
 */
struct hash128 store_key(const struct store *s, unsigned group, const void *bytes, size_t len);

/*
 * The fingerprint of entry number n of a key that has many entries. Every pair of key and n has its
 * own, and two are as unlikely to be equal as any other fingerprints.
 */
struct hash128 store_subkey(struct hash128 key, uint64_t n);

/* Prefetches the memory that store_find() will look at for this key. Changes nothing. */
void store_prefetch(const struct store *s, struct hash128 key);

/*
 * Begins a seq: the changes that follow belong to it.
 * Requires: seq is not below that of the last call, and is above the committed one.
 */
void store_begin(struct store *s, seq_number seq);

/*
 * Whether a key group is ahead: its state already includes what the current seq does to it, because
 * it came from a worker that was ahead of others when the number of workers changed. What that seq
 * emitted for the group was emitted and is safe, so the group must not process it again.
 */
bool store_is_ahead(const struct store *s, unsigned group);

/* Whether no group is ahead any more. Cheap. Requires (as above): store_begin() was called. */
bool store_is_level(const struct store *s);

/* The value of a key, or NULL if it has none or has expired. Valid until the next change. */
const void *store_find(const struct store *s, struct hash128 key);

/*
 * Sets the value of a key, and when it expires (STORE_NEVER: never). Copies value_len bytes. If
 * there is no memory for that, the process ends here; see store_image.h.
 * Requires: store_begin() was called. The key's group is not ahead. expires_at is STORE_NEVER if
 *           entries do not expire according to the spec. The value is not inside the store.
 */
void store_put(struct store *s, struct hash128 key, int64_t expires_at, const void *value);

/* The clock: event time, advanced only by the stage. It is part of the state, like any value. */
int64_t store_clock(const struct store *s);

/* Advances the clock. Requires: store_begin() was called; `now` is not before the clock. */
void store_advance(struct store *s, int64_t now);

/*
 * Visits every live entry that expires at `until` or before, in any order: those that
 * store_advance(until) would expire. Leaves out those of groups that are ahead. From time to time
 * this reads all entries, but rarely enough that it amounts to reading a few for each that expires.
 * Requires: store_begin() was called; visit() changes nothing in the store.
 */
void store_each_expiring(struct store *s, int64_t until, store_visit *visit, void *context);

/*
 * Visits every live entry, in any order, including those that never expire and those of groups that
 * are ahead. Reads all entries.
 * Requires: visit() changes nothing in the store.
 */
void store_each_live(const struct store *s, store_visit *visit, void *context);

/*
 * A time before which no live entry expires; STORE_NEVER if none ever does. It may be earlier than
 * the first expiry; once the clock has passed it, the next call returns a later one. Cheap as long
 * as the clock has not passed it.
 */
int64_t store_next_expiry(struct store *s);

/*
 * Whether too much is in flight for another seq to begin before the next commit. A seq that has
 * begun may continue: there is room for whatever it changes, as long as there is memory.
 */
bool store_is_full(const struct store *s);

/*
 * Makes everything up to seq safe. seq may repeat an earlier one.
 * Requires: seq is not above the last one begun, if any change is waiting.
 *
 * Returns: 0
 *          ERR_NO_SPACE   nothing was committed; call it again with the same seq or a later one
 *          ERR_MISMATCH   the log was changed by others, or there are more changes than can be
 *                         committed at once
 *          ERR_IO, ERR_NO_SPACE_LOST
 *                         the store must be closed and opened again, preferably by a new process
 */
int store_commit(struct store *s, seq_number seq, struct err *e);

/*
 * Does a bounded amount of work on a checkpoint, if one is due. Call it after commits. Returns as
 * store_commit().
 */
int store_maintain(struct store *s, struct err *e);

/* How many bytes of private memory hold uncommitted changes. */
uint64_t store_uncommitted_bytes(const struct store *s);

/* The number of entries, including expired ones that still take up room. */
uint64_t store_entries(const struct store *s);

#endif
