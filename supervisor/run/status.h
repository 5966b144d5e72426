/* SPDX-License-Identifier: MIT */
/*
 * status.h - what a running supervisor shows: as a table, as JSON, as progress, as a summary
 *
 * Statuses are made in two steps: a snapshot of the run is taken, and written in one of the forms.
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

/* Of last words, this much is shown to people, with the zero at the end. */
#define STATUS_WORDS_SHOWN_BYTES 256u

/*
 * Looks at a run. The caller frees the snapshot with free(); its texts may point into the
 * supervisor, so it is good until the next event.
 */
struct status_snapshot *status_take(const struct supervisor *s);

/* Appends one form of a status. */
typedef void status_write_fn(const struct status_snapshot *snapshot, struct buf *out);

/* The table of `bulkhead status`. */
status_write_fn status_write_text;

/* The JSON of `bulkhead status --json`; the form is in docs/protocol.md. */
status_write_fn status_write_json;

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
    double records_per_second; /* lately */
};

/* Appends one line: with a bar for a terminal, in words otherwise. */
void status_write_progress(const struct status_progress *p, const char *name, bool bar,
                           struct buf *out);

/*
 * The end of what a process said, as one printable line of less than size bytes: its last lines,
 * parted by " | ". len may be 0; ret_text then is "".
 */
void status_last_words(const void *words, size_t len, char *ret_text, size_t size);

#endif
