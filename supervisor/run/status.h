/* SPDX-License-Identifier: MIT */
/*
 * status.h - what a running supervisor shows: a table, JSON, progress and a summary
 *
 * A status is made in two steps: a snapshot of the run is taken, and then written in one of these
 * forms.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_STATUS_H
#define BULKHEAD_SUPERVISOR_RUN_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "ipc/status_page.h"
#include "ipc/status_snapshot.h"

struct supervisor;

/* How much of last words is shown to people, with the terminating zero. */
#define STATUS_WORDS_SHOWN_BYTES 256u

/*
 * Takes a snapshot of a run. The caller frees it with free(). Its texts may point into the
 * supervisor, so it is valid until the next event.
 */
struct status_snapshot *status_take(const struct supervisor *s);

/* Appends one form of a status. */
typedef void status_write_fn(const struct status_snapshot *snapshot, struct buf *out);

/* The table of `bulkhead status`. */
status_write_fn status_write_text;

/* The JSON of `bulkhead status --json`, described in docs/protocol.md. */
status_write_fn status_write_json;

/* One row of a summary. */
struct status_row {
    const char *stage;
    const char *kind;
    struct status_counts counts;
    uint64_t restarts;
};

/* Appends the table with the counts of every stage. */
void status_write_summary(const struct status_row *rows, size_t count, struct buf *out);

/* How far a run is. */
struct status_progress {
    uint64_t records; /* records that the source has read */
    uint64_t bytes_done, bytes_total;
    uint64_t restarts;
    double records_per_second; /* since the progress was last shown */
};

/* Appends one line: with a bar, for a terminal, or in words only. */
void status_write_progress(const struct status_progress *p, const char *name, bool bar,
                           struct buf *out);

/*
 * The end of the output of a process as one printable line of less than size bytes: its last lines,
 * separated by " | ". len may be 0; ret_text is then "".
 */
void status_last_words(const void *words, size_t len, char *ret_text, size_t size);

#endif
