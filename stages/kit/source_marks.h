/* SPDX-License-Identifier: MIT */
/*
 * source_marks.h - places in the input of a source, remembered until they are acked
 *
 * A source adds a mark every SOURCE_RECORDS_PER_MARK records. An ack turns the last mark at or
 * below it into the cursor, so a restart reads at most that many records again before the ack.
 */
#ifndef BULKHEAD_STAGES_KIT_SOURCE_MARKS_H
#define BULKHEAD_STAGES_KIT_SOURCE_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/seq_queue.h"
#include "common/value.h"
#include "topology/graph.h"

/* Identifies a file independent of its name. */
struct file_identity {
    uint64_t device;
    uint64_t inode;
    uint64_t birth_ns; /* tells it from another file with the same inode number; 0: unknown */
};

/*
 * How many files born in one moment are kept one by one. A tick of the file system's clock has few.
 */
#define PASSED_FILES_MAX 14u

/* The known files that were born in one moment; see rotation_past.h. */
struct passed_files {
    uint64_t keys[PASSED_FILES_MAX];
    uint32_t count; /* above PASSED_FILES_MAX: there were more files than keys */
    /*
     * All files of that moment count as known: no more can be born in it, or an earlier version
     * wrote this and did not keep them.
     */
    bool all;
};

/* What came before a file that is followed through rotations. */
struct file_past {
    /* Files born before this did not come after the file. 0: unknown. */
    uint64_t since_ns;
    /* The files born at since_ns that did not come after it. */
    struct passed_files passed;
    /*
     * The inode of the file that was read before this one; 0: there was none. With `copied`, it is
     * that of the truncated file whose copies are read before it is read from its beginning again.
     */
    uint64_t left_inode;
    /* 1 more than what was read of that file. Bytes added after that are never read. 0: unknown. */
    uint64_t left_bytes;
    /* The lowest number of a rotated file while this one was at the path; 0: none. */
    uint32_t lowest;
    /* This file is a copy of the truncated file left_inode. */
    bool copied;
};

/* A place in the input: all records before offset were read. */
struct source_mark {
    seq_number seq; /* the seq of the last record before offset */
    uint64_t offset;
    uint64_t line;       /* number of lines (blank ones included) or packed records before offset */
    uint32_t prefix_crc; /* CRC-32C of everything before offset */
    uint32_t tail_crc;   /* CRC-32C of the tail before offset, see file_tail.h */
    bool unterminated;   /* the last record was ended by the end of the input */
    bool unreadable;     /* the text cannot be read from here on, see record_reader.h */
    bool is_cut;         /* the file was truncated since and no longer has these bytes */
    struct file_identity file;
    struct file_past past; /* what came before the file */
};

/* The marks of a source. If zeroed, it is empty and valid. */
struct source_marks {
    struct seq_queue queue; /* of struct source_mark */
};

/* Frees the marks. */
void source_marks_done(struct source_marks *m);

/* Adds a mark. Requires: its seq is not below that of the last one. */
void source_marks_add(struct source_marks *m, const struct source_mark *mark);

/* Finds the last mark at or below seq. Returns whether there is one. */
bool source_marks_find(const struct source_marks *m, seq_number seq, struct source_mark *ret_mark);

/* Discards all marks at or below seq. */
void source_marks_drop(struct source_marks *m, seq_number seq);

#endif
