/* SPDX-License-Identifier: MIT */
/*
 * store_image.h - the table and its undo log in shared memory; private to the store
 *
 * An image is valid after the death of its writer at any instruction, provided that the writer
 * executed only this code: every change is noted in the undo log before it is made, a new entry
 * becomes visible with the store of its first word, and a table that grows, or the undo log, is
 * replaced by the store of one word. Memory order is the program's (release stores), which is what
 * a process that is killed leaves behind; power loss is the log's business, not the image's.
 *
 * The table is split into IMAGE_SHARDS by the top byte of the key, so that growing one costs a
 * 256th of growing all. The undo log grows with what one seq changes (store_undo.c). Whatever grows
 * may move the whole image to other addresses: pointers into it are dead then. If there is no
 * memory for it, the process ends there, with the reason: half a step cannot be taken back, and a
 * step whose change is missing would put out other bytes. Linear probing from a place that rises
 * with the low half of the key, so that a shard lies in the order of its keys and growing it reads
 * and writes in one direction.
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
 * One entry as it lies in a shard. Behind the key: expires_at (int64_t) if entries of this store
 * expire, then the value.
 */
struct image_slot {
    uint64_t low; /* 0: the slot is empty; 1: its entry was taken back by an undo */
    uint64_t high;
    uint8_t rest[];
};

/* How far the log on disk agrees with the image. */
struct image_commit {
    uint64_t seq;
    uint64_t log_number;
    uint64_t log_len;
};

struct image {
    int fd;
    bool own_fd;
    uint64_t memory_bytes_max;            /* see store_spec */
    void (*on_none)(const struct err *e); /* likewise */
    bool asks_for_huge;                   /* the first process of a stage does */
    _Atomic uint64_t *beats;              /* see store_spec */
    struct store_map map;
    struct image_header *header; /* both move when a table is made */
    uint8_t *base;
    uint32_t value_len;
    uint32_t value_at; /* where in a slot's rest the value begins: behind expires_at, if any */
    size_t slot_size;
    size_t undo_size;
    uint8_t *undo_base; /* of the undo log; moves with the others, and when the log grows */
    uint64_t undo_mask; /* how many entries it has, less one */
    struct store_space space;
    /* What follows from the undo log, which is empty when a process begins. */
    int64_t committed_clock;
    uint64_t last_undo[KEY_GROUPS]; /* of each group's keys: number + 1 of its newest; 0: none */
};

/*
 * Maps the image; fd -1 makes a private memfd. Whatever comes of it, it is then to be given to
 * image_done(). Of spec, only beats and what is said of memory count. Returns 0 or as
 * store_map_open().
 */
int image_init(struct image *image, int fd, const struct store_spec *spec, struct err *e);

/* Leaves to private memory what the tables leave of memory_bytes_max; done when there is a new one.
 */
void image_bound_private(const struct image *image);
void image_done(struct image *image);

/*
 * Whether the image holds a complete state of this schema. If so, everything above its last
 * commit has been rolled back and it is ready for use.
 */
bool image_attach(struct image *image, const struct store_spec *spec);

/* Makes the image empty, under the given secret, not yet complete. */
int image_format(struct image *image, const struct store_spec *spec,
                 const uint8_t secret[STORE_SECRET_BYTES], struct err *e);

/* Says that the image now holds a complete state as of the commit. */
void image_complete(struct image *image, const struct image_commit *commit);

const uint8_t *image_secret(const struct image *image);
struct image_commit image_commit_get(const struct image *image);

/* Moves the commit: undo entries up to commit->seq are forgotten, then the commit is noted. */
void image_commit_set(struct image *image, const struct image_commit *commit);

/* The value of a live entry, or NULL. */
const void *image_find(const struct image *image, struct hash128 key);

/* The same, of an image whose entries expire, and when this one does. */
const void *image_find_expiring(const struct image *image, struct hash128 key,
                                int64_t *ret_expires_at);

/* Fetches the memory that image_find() will look at first. */
void image_prefetch(const struct image *image, struct hash128 key);

/*
 * Sets an entry; with undo if seq is not 0. Requires: STORE_NEVER where entries do not expire; the
 * value does not lie in the image.
 */
void image_put(struct image *image, seq_number seq, struct hash128 key, int64_t expires_at,
               const void *value);

/*
 * Makes room for so many entries of a group. What comes in the order of a shard, as a checkpoint
 * has it, would else stand at the beginning of a table that is too small, and each look for the
 * end.
 */
void image_expect(struct image *image, unsigned group, uint64_t entries);

/* The group of a key, and the shard that it lies in. */
unsigned image_group(struct hash128 key);
unsigned image_shard(struct hash128 key);

/*
 * Visits the live entries of one shard, in any order, and beats; beats may be NULL. The image must
 * not change meanwhile.
 */
void image_each_live(const struct image *image, unsigned shard, _Atomic uint64_t *beats,
                     store_visit *visit, void *context);

int64_t image_clock(const struct image *image);
void image_set_clock(struct image *image, seq_number seq, int64_t clock);

/* Undo entries waiting for a commit. */
uint64_t image_undo_count(const struct image *image);

uint64_t image_entries(const struct image *image);
uint64_t image_bytes(const struct image *image);

/* The clock as of the committed point. */
int64_t image_committed_clock(const struct image *image);

/*
 * The position of a key group: up to here its entries are those of a worker who was further on than
 * the image's commit, see store_is_ahead(). 0 for most. Set while the image is made complete.
 */
seq_number image_position(const struct image *image, unsigned group);
void image_set_position(struct image *image, unsigned group, seq_number position);

/* The undo entries of one key group, by their keys; what a walk through it looks things up in. */
struct undo_entry;
struct undo_index {
    uint64_t
        *oldest; /* number + 1 of the oldest of a key; 0: none; NULL if there are none at all */
    uint64_t mask;
};

#endif
