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

/* Where the redo of a seq ends, in bytes since the store was opened. */
struct redo_mark {
    seq_number seq;
    uint64_t end;
};

struct store {
    int dir_fd;
    bool durable;
    bool read_only; /* nothing on disk may be changed */
    bool torn;      /* if read_only: the newest log ends in a piece of a group */
    struct store_spec spec;
    struct image image;
    int log_fd;
    uint64_t log_nonce;
    uint64_t checkpoint_number;         /* the newest complete one; 0: there is none */
    struct store_checkpoint checkpoint; /* the one being written */
    struct store_expiry expiry;
    seq_number seq;   /* the seq that changes belong to; 0 before the first store_begin() */
    seq_number level; /* after this seq no group is ahead any more */
    struct buf redo;
    uint64_t redo_dropped;       /* how many bytes have been removed from the front of redo */
    struct seq_queue redo_marks; /* of struct redo_mark, one for each seq that made changes */
    struct buf scratch;
};

/* The header of a file that begins at the committed point. */
struct store_file_header store_header(const struct store *s, uint64_t number);

/* Refuses a file of another schema: ERR_MISMATCH. */
int store_check_schema(const struct store *s, const struct store_file_header *header,
                       struct err *e);

/*
 * Refuses a file with another secret than the spec has, if it has one: it does not belong here.
 * suffix: of the file, "log". Returns 0 or ERR_CORRUPT.
 */
int store_check_secret(const struct store *s, const struct store_file_header *header,
                       const char *suffix, struct err *e);

/*
 * Same as store_open(), but only for reading: with a private image, and without changing anything
 * on disk. *ret_torn says whether the newest log ends in a piece of a group, which was left out.
 */
int store_load(int dir_fd, const struct store_spec *spec, struct store **ret_store, bool *ret_torn,
               struct err *e);

#endif
