/* SPDX-License-Identifier: MIT */
/*
 * status.h - what a running supervisor shows: as a table, as JSON, as progress, as a summary
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_STATUS_H
#define BULKHEAD_SUPERVISOR_RUN_STATUS_H

#include "common/buf.h"
#include "supervisor/run/supervisor.h"

/* Appends the table of `bulkhead status`. */
void status_write_text(const struct supervisor *s, struct buf *out);

/* Appends the JSON of `bulkhead status --json`; the form is in docs/protocol.md. */
void status_write_json(const struct supervisor *s, struct buf *out);

/*
 * Appends why the topology failed: whose fault it was, what, and its last words if they say more.
 * Nothing if it did not.
 */
void status_write_reason(const struct supervisor *s, struct buf *out);

/* One row of a summary. */
struct status_row {
    const char *stage;
    const char *kind;
    struct status_counts counts;
    uint64_t restarts;
};

/* Appends the table of what every stage did. */
void status_write_summary(const struct status_row *rows, size_t count, struct buf *out);

/* How far a run is. */
struct status_progress {
    uint64_t records; /* that the source has put out */
    uint64_t bytes_done, bytes_total;
    uint64_t restarts;
    uint64_t elapsed_ms;
    double records_per_second; /* lately */
};

/* Appends one line: with a bar for a terminal, in words otherwise. */
void status_write_progress(const struct status_progress *p, const char *name, bool bar,
                           struct buf *out);

/*
 * The end of what a process said, as one printable line of less than size bytes: its last lines,
 * parted by " | ". words may be empty; ret_text then is "".
 */
void status_last_words(const struct buf *words, char *ret_text, size_t size);

#endif
