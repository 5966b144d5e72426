/* SPDX-License-Identifier: MIT */
/*
 * store_image.h - the table and its undo log in shared memory; private to the store
 *
 * An image is valid after the death of its writer at any instruction, provided that the writer
 * executed only this code. Every change is noted in the undo log before it is made. A new entry
 * becomes visible with the store of its first word. A table or an undo log that grows is replaced
 * by the store of one word. These are release stores: a process that is killed leaves behind what
 * it has stored, in program order. Loss of power is the concern of the log, not of the image.
 *
 * The table is split into IMAGE_SHARDS by the top byte of the key, so growing one shard costs a
 * 256th of growing them all. The undo log grows with what one seq changes (store_undo.c). Growth
 * may move the whole image to other addresses, which invalidates all pointers into it. If there is
 * no memory to grow, the process ends there, with the reason: half a step cannot be undone, and a
 * step whose change is missing would emit different bytes.
 *
 * A shard uses linear probing, from a place that increases with the low half of the key. So the
 * entries are in the order of their keys, and growing a shard reads and writes in one direction.
 */
#ifndef BULKHEAD_STAGES_STORE_STORE_IMAGE_H
#define BULKHEAD_STAGES_STORE_STORE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/hash.h"
#include "stages/store/store_space.h"
#include "stages/store/store_spec.h"

/*
 * An entry in a shard. After the key comes expires_at (int64_t), if entries of this store expire,
 * and then the value.
 */
struct image_slot {
    uint64_t low; /* 0: the slot is empty; 1: its entry was removed by an undo */
    uint64_t high;
    uint8_t rest[];
};

/* The point up to which the log on disk agrees with the image. */
struct image_commit {
    uint64_t seq;
    uint64_t log_number;
    uint64_t log_len;
};

struct image {
    int fd;
    bool own_fd;
    uint64_t memory_bytes_max;            /* see store_spec */
    void (*on_none)(const struct err *e); /* see store_spec */
    bool asks_for_huge;                   /* set in the first process of a stage */
    _Atomic uint64_t *beats;              /* see store_spec */
    struct store_map map;
    struct image_header *header; /* moves when a table is created */
    uint8_t *base;               /* moves when a table is created */
    uint32_t value_len;
    uint32_t value_at; /* the offset of the value in a slot's rest: after expires_at, if any */
    size_t slot_size;
    size_t undo_size;
    uint8_t *undo_base; /* the undo log; moves with the others, and when the log grows */
    uint64_t undo_mask; /* the number of entries of the undo log, minus one */
    struct store_space space;
    /* The rest follows from the undo log, which is empty when a process begins. */
    int64_t committed_clock;
    uint64_t last_undo[KEY_GROUPS]; /* by group: number + 1 of its newest undo entry; 0: none */
};

/*
 * Maps the image. With fd -1, creates a private memfd. Of spec, only beats, first and what concerns
 * memory are used.
 * Ownership: the caller ends it with image_done(), even after an error.
 * Returns:   0 or as store_map_open().
 */
int image_init(struct image *image, int fd, const struct store_spec *spec, struct err *e);

/* Limits private memory to what the tables leave of memory_bytes_max. Done for every new table. */
void image_bound_private(const struct image *image);
void image_done(struct image *image);

/*
 * Whether the image holds a complete state of this schema. If so, everything after its last commit
 * has been rolled back, and it is ready for use.
 */
bool image_attach(struct image *image, const struct store_spec *spec);

/* Makes the image empty, with the given secret, and not yet complete. */
int image_format(struct image *image, const struct store_spec *spec,
                 const uint8_t secret[STORE_SECRET_BYTES], struct err *e);

/* Marks the image as holding a complete state as of the commit. */
void image_complete(struct image *image, const struct image_commit *commit);

const uint8_t *image_secret(const struct image *image);
struct image_commit image_commit_get(const struct image *image);

/* Moves the commit, and discards the undo entries up to commit->seq. */
void image_commit_set(struct image *image, const struct image_commit *commit);

/* The value of a live entry, or NULL. */
const void *image_find(const struct image *image, struct hash128 key);

/* The same, for an image whose entries expire; also returns when this one does. */
const void *image_find_expiring(const struct image *image, struct hash128 key,
                                int64_t *ret_expires_at);

/* Prefetches the memory that image_find() will look at first. */
void image_prefetch(const struct image *image, struct hash128 key);

/*
 * Sets an entry; with an undo entry if seq is not 0.
 * Requires: expires_at is STORE_NEVER if entries do not expire; the value is not in the image.
 */
void image_put(struct image *image, seq_number seq, struct hash128 key, int64_t expires_at,
               const void *value);

/*
 * Makes room for this many more entries of a group. Entries that come in the order of the shard, as
 * from a checkpoint, would crowd at the beginning of a table that is too small. Each put would then
 * have to search for the end.
 */
void image_expect(struct image *image, unsigned group, uint64_t entries);

/* The group of a key, and its shard. */
unsigned image_group(struct hash128 key);
unsigned image_shard(struct hash128 key);

/*
 * Visits the live entries of one shard, in any order. Increments beats, which may be NULL, during a
 * long walk. The image must not change meanwhile.
 */
void image_each_live(const struct image *image, unsigned shard, _Atomic uint64_t *beats,
                     store_visit *visit, void *context);

int64_t image_clock(const struct image *image);
void image_set_clock(struct image *image, seq_number seq, int64_t clock);

/* The number of undo entries that wait for a commit. */
uint64_t image_undo_count(const struct image *image);

uint64_t image_entries(const struct image *image);
uint64_t image_bytes(const struct image *image);

/* The clock as of the committed point. */
int64_t image_committed_clock(const struct image *image);

/*
 * The position of a key group that is ahead of the image's commit; see store_is_ahead(). 0 for most
 * groups. Set before the image is complete.
 */
seq_number image_position(const struct image *image, unsigned group);
void image_set_position(struct image *image, unsigned group, seq_number position);

/* The undo entries of one key group by their keys, for a walk through the group to look up. */
struct undo_entry;
struct undo_index {
    /* A hash table: number + 1 of the oldest entry of a key, or 0. NULL if the group has none. */
    uint64_t *oldest;
    uint64_t mask;
};

#endif
