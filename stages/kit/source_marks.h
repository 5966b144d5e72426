/* SPDX-License-Identifier: MIT */
/*
 * source_marks.h - places in the input of a source, remembered until they are acked
 *
 * A source notes where it was every so many records. An ack makes the last place at or below it
 * the cursor, so that reading again begins at most that many records before the ack.
 */
#ifndef BULKHEAD_STAGES_KIT_SOURCE_MARKS_H
#define BULKHEAD_STAGES_KIT_SOURCE_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/seq_queue.h"
#include "common/value.h"
#include "topology/graph.h"

/* Which file, however it is named. The birth tells a number that was given again; 0: unknown. */
struct file_identity {
    uint64_t device;
    uint64_t inode;
    uint64_t birth_ns;
};

/* How many files of one moment are known one by one: a tick of the clock of files has few. */
#define PASSED_FILES_MAX 14u

/*
 * Of the files that were born at one moment, those that were there when something was learned of
 * them all; see rotation_past.h.
 */
struct passed_files {
    uint64_t keys[PASSED_FILES_MAX];
    uint32_t count; /* above PASSED_FILES_MAX: there were more than there is room for */
    bool all; /* no others can be born then any more, or, as of an earlier version, ever were */
};

/*
 * What came before a file that is followed through rotations. Nothing that was born before since_ns
 * comes after it, and of what was born at since_ns nothing that is in `passed`; 0: not known.
 * left_inode is that of the file that was read before; with `copied`, of the truncated one whose
 * copies are read before it is begun again; 0: there was none. What somebody writes behind the
 * first left_bytes - 1 of it is read by nobody; 0: not known.
 */
struct file_past {
    uint64_t since_ns;
    struct passed_files passed;
    uint64_t left_inode;
    uint64_t left_bytes;
    uint32_t lowest; /* number of a rotated file that was there when this one was at the path; 0 */
    bool copied;
};

/* All records before offset are read. */
struct source_mark {
    seq_number seq; /* of the last one */
    uint64_t offset;
    uint64_t line;       /* lines, blank ones included, or packed records before offset */
    uint32_t prefix_crc; /* of everything before offset */
    uint32_t tail_crc;   /* of the last bytes before offset */
    bool unterminated;   /* the last record was ended by the end of the input */
    bool unreadable;     /* the text, from here on, see record_reader.h */
    bool is_cut;         /* the file was truncated since: it does not have these bytes any more */
    struct file_identity file;
    struct file_past past; /* of it */
};

/* Empty and valid if it is zeroed. */
struct source_marks {
    struct seq_queue queue; /* struct source_mark */
};

void source_marks_done(struct source_marks *m);

/* Notes a place. Requires: its seq is not below that of the last one. */
void source_marks_add(struct source_marks *m, const struct source_mark *mark);

/* Finds the last place at or below seq. Returns whether there is one. */
bool source_marks_find(const struct source_marks *m, seq_number seq, struct source_mark *ret_mark);

/* Forgets all places at or below seq. */
void source_marks_drop(struct source_marks *m, seq_number seq);

#endif
