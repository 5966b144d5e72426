/* SPDX-License-Identifier: MIT */
/*
 * status_fields.h - every field of a status: the one table from which all its forms are made
 *
 * Each row is a field of `bulkhead status --json`, in the order of the output. The rows define the
 * words of the status page (status_page.h), the snapshot that displays read (status_snapshot.h),
 * the JSON and its reader, the table at the end of a run, and the list in `bulkhead status --help`.
 * A test compares that list with the manual and docs/protocol.md. So a new field needs one row
 * here, the line that fills it, and a line in each document.
 * Why: docs/decisions/0024-status-fields.md.
 */
#ifndef BULKHEAD_IPC_STATUS_FIELDS_H
#define BULKHEAD_IPC_STATUS_FIELDS_H

#include <stddef.h>

/*
 * The types. name, type in JSON
 *
 *   name    a name; printable, at most STATUS_NAME_BYTES_MAX bytes
 *   text    words for people, of any length; readers of the JSON skip them
 *   flag    yes or no
 *   number  a whole number that is not negative
 *   pid     a process; 0, and null in JSON, if there is none
 */
#define STATUS_TYPE_LIST(X)                                                                        \
    X(name, "string")                                                                              \
    X(text, "string")                                                                              \
    X(flag, "true or false")                                                                       \
    X(number, "number")                                                                            \
    X(pid, "number or null")

/*
 * The kinds: what can be done with a field. name, meaning
 */
#define STATUS_KIND_LIST(X)                                                                        \
    X(label, "says which one it is; not a quantity")                                               \
    X(state, "one of the words that its meaning lists")                                            \
    X(text, "words for people")                                                                    \
    X(flag, "yes or no")                                                                           \
    X(gauge, "goes up and down")                                                                   \
    X(counter, "only grows, until what it belongs to starts again")                                \
    X(position, "a seq: how far something has come in the input")

/*
 * Of the whole run. type, name, kind, unit ("" if there is none), meaning
 */
#define STATUS_RUN_LIST(X)                                                                         \
    X(name, topology, label, "", "name of the topology")                                           \
    X(name, version, label, "", "version that is running: a digest of 64 digits")                  \
    X(number, version_number, label, "",                                                           \
      "number that the topology gives to its version; 0 if it gives none")                         \
    X(number, version_from, position, "seq", "the first record that this version decides")         \
    X(number, pid, label, "", "process of the supervisor")                                         \
    X(number, up_ms, counter, "milliseconds", "time since the supervisor started")                 \
    X(name, state, state, "", "one of new, running, draining, stopping, stopped")                  \
    X(text, state_directory, label, "", "path of the state directory")                             \
    X(text, reason, text, "",                                                                      \
      "why the run failed: the stage, what happened, and its last words; empty if it did not "     \
      "fail")                                                                                      \
    X(number, log_lost, counter, "lines", "log lines that could not be written")

/*
 * Of each stage. S, P and C get the same columns as above. Which of them gets a row says where the
 * field comes from:
 *
 *   S   the supervisor knows it
 *   P   a word of the status page, which the stage writes; a number
 *   C   a number that the stage publishes there, together with the seq up to which it counts
 *
 * STATUS_SKIP leaves rows out.
 */
#define STATUS_STAGE_LIST(S, P, C)                                                                 \
    S(name, stage, label, "", "name of the stage")                                                 \
    S(name, kind, label, "", "kind of the stage")                                                  \
    S(name, state, state, "",                                                                      \
      "one of down, starting, running, waiting to restart, stopping; or killed, until a process "  \
      "that the supervisor has killed is gone")                                                    \
    S(text, killed_for, text, "", "why it was killed; empty if its state is not killed")           \
    S(flag, paused, flag, "", "whether it is waiting for a resource of the host")                  \
    S(name, wants, state, "",                                                                      \
      "the resource that it is waiting for: space, inodes, quota, descriptors, open files, "       \
      "memory or processes; empty if it is not paused")                                            \
    S(pid, pid, label, "", "its process; null if there is none")                                   \
    S(number, generation, label, "", "number of its present or last process, counted from 1")      \
    P(number, seq_in_hand, position, "seq",                                                        \
      "the record that is being worked on, or read; 0 between records")                            \
    P(number, processed, position, "seq", "the last record that was processed, safe or not")       \
    P(number, acked, position, "seq", "the last record that is safe and may be acked upstream")    \
    S(number, restarts, counter, "processes", "how often it was restarted")                        \
    S(number, memory_bytes, gauge, "bytes", "resident memory of the process; 0 if there is none")  \
    P(number, window_bytes, gauge, "bytes",                                                        \
      "size of the frames that are waiting for acks, on all its outputs")                          \
    P(number, entries, gauge, "entries",                                                           \
      "entries of its store, including expired ones that still take up space; 0 if it has no "     \
      "store")                                                                                     \
    P(number, refused, counter, "messages", "frames and acks that its present process rejected")   \
    P(number, bytes_done, counter, "bytes", "bytes of the input read so far; 0 if not a source")   \
    P(number, bytes_total, gauge, "bytes",                                                         \
      "length of the input; 0 if not a source, or if it is not known")                             \
    C(number, in, counter, "records", "records read")                                              \
    C(number, out, counter, "records", "records emitted; for a sink, records written")             \
    C(number, dropped, counter, "records",                                                         \
      "records that produced no output, by the stage's own rules; 0 for a kind that emits from "   \
      "its state, such as window.count")                                                           \
    C(number, dead, counter, "records", "records sent to the dead letters")                        \
    S(text, last_end, text, "",                                                                    \
      "how its last process ended: exited with code N, was killed by signal N (SIGNAME), or, if "  \
      "the supervisor killed it, why; empty if none has ended")                                    \
    S(number, last_seq, position, "seq",                                                           \
      "the record in hand when that process ended; 0 if there was none")                           \
    S(text, last_words, text, "",                                                                  \
      "the end of the stderr output, at most 1024 bytes, of the last process that has ended and "  \
      "had written any")

#define STATUS_SKIP(...)

enum status_type {
#define X(name, json) STATUS_TYPE_##name,
    STATUS_TYPE_LIST(X)
#undef X
};

enum status_kind {
#define X(name, meaning) STATUS_KIND_##name,
    STATUS_KIND_LIST(X)
#undef X
        STATUS_KIND_COUNT
};

/* A row as a value. */
struct status_field {
    const char *name;
    enum status_type type;
    enum status_kind kind;
    const char *unit; /* "": it has none */
    const char *meaning;
};

/* The rows of both tables. Each list ends with a row whose name is NULL. */
extern const struct status_field status_run_fields[];
extern const struct status_field status_stage_fields[];

/* The JSON type of a type: "string" and so on. */
const char *status_type_text(enum status_type type);

/* The name of a kind, and its meaning. */
const char *status_kind_text(enum status_kind kind);
const char *status_kind_meaning(enum status_kind kind);

#endif
