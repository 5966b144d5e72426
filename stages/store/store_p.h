/* SPDX-License-Identifier: MIT */
/*
 * store_p.h - what the parts of a store share; private to store*.c
 */
#ifndef BULKHEAD_STAGES_STORE_STORE_P_H
#define BULKHEAD_STAGES_STORE_STORE_P_H

#include "common/buf.h"
#include "common/seq_queue.h"
#include "stages/store/store.h"
#include "stages/store/store_checkpoint.h"
#include "stages/store/store_expiry.h"
#include "stages/store/store_image.h"
#include "stages/store/store_log.h"

/* Where the redo of a seq ends in the buffer, counted from the start of the store's life. */
struct redo_mark {
    seq_number seq;
    uint64_t end;
};

struct store {
    int dir_fd;
    bool durable;
    bool read_only; /* nothing on disk may be changed */
    bool torn;      /* then: the newest log ends in a piece of a group */
    struct store_spec spec;
    struct image image;
    int log_fd;
    uint64_t log_nonce;
    uint64_t checkpoint_number; /* the newest complete one; 0 if none */
    struct store_checkpoint checkpoint;
    struct store_expiry expiry;
    seq_number seq;   /* that changes belong to now; 0 before the first begin */
    seq_number level; /* above it no group is ahead any more */
    struct buf redo;
    uint64_t redo_dropped;       /* bytes that have left the front of redo */
    struct seq_queue redo_marks; /* struct redo_mark: of seqs that made changes */
    struct buf scratch;
};

/* The header of a file that begins at the committed point. */
struct store_file_header store_header(const struct store *s, uint64_t number);

/*
 * As store_open(), with a private image and without changing anything on disk: for reading only.
 * *ret_torn says whether the newest log ends in a piece of a group, which was left out.
 */
int store_load(int dir_fd, const struct store_spec *spec, struct store **ret_store, bool *ret_torn,
               struct err *e);

#endif
