/* SPDX-License-Identifier: MIT */
/*
 * bounds.h - every bound of the system, with its reason
 *
 * Bounds are what makes memory flat and hostile input harmless. Change one here and its reason
 * with it; docs/protocol.md repeats those that other programs can see. Those in #ifndef can be
 * given on the command line of the compiler: a test build makes them so small that all are met.
 */
#ifndef BULKHEAD_COMMON_BOUNDS_H
#define BULKHEAD_COMMON_BOUNDS_H

#include <stdint.h>

/* A bound that is a plain number, as a message shows it. */
#define LIMIT_TEXT(name) LIMIT_TEXT_OF(name)
#define LIMIT_TEXT_OF(number) #number

/* A topology is written by people; one of a megabyte is a mistake or an attack. */
#define TOPOLOGY_BYTES_MAX (1u << 20)
/* Errors of one topology that are kept, and shown: nobody mends more at once. */
#define DIAGNOSTICS_KEPT_MAX 1000u
#define DIAGNOSTICS_SHOWN_MAX 100u
#define TOPOLOGY_DEPTH_MAX 16u
#define MAP_ENTRIES_MAX 256u
#define STAGES_MAX 64u
/* How many records of an inlet a stage is told of before they come, and of all its inlets. */
#define INLET_AHEAD 8u
#define STAGE_AHEAD_MAX 64u
/* A frame for the dead letters without any is sent this often at most. */
#define QUIET_FLUSH_MS 5u
/* And this often, if it covers so many seqs; the dead letters commit so often then. */
#define QUIET_FLUSH_MANY_MS 20u
#ifndef QUIET_MANY_SEQS
#define QUIET_MANY_SEQS 4096u
#endif
/*
 * So long a source gathers what comes one by one, for a frame of it; as long again for so many
 * frames that are not acked yet, up to a bound.
 */
#define SOURCE_PACE_US 500u
#define SOURCE_PACE_FRAMES 64u
#define SOURCE_PACE_US_MAX 10000u
/* A stage looks this often whether a frame is ripe or it is blocked, in records. */
#ifndef HOST_RECORDS_PER_LOOK
#define HOST_RECORDS_PER_LOOK 8u
#endif
/* Inputs of one stage, and outputs with names. */
#define INPUTS_MAX 32u
#define OUTPUTS_MAX 32u
/* Workers of one stage, and processes of one topology. */
#define WORKERS_MAX 16u
#define PROCESSES_MAX 256u
/* Edges that touch one process: all others, by several outputs each. */
#define STAGE_EDGES_MAX (PROCESSES_MAX * STAGES_MAX)
/* Key groups: what a worker has of a keyed stage's state are some of these. */
#define KEY_GROUPS 256u
/* Records without a key are dealt out in blocks of so many seqs, which then share frames. */
#ifndef WORKER_BLOCK_SEQS
#define WORKER_BLOCK_SEQS 256u
#endif
/* A source that numbers a million records a second comes there in 290,000 years; what says more was
 * never written by us. Signed, as others count, it fits too. */
#define SEQ_MAX INT64_MAX
#define FIELDS_MAX 64u
#define NAME_BYTES_MAX 63u
/* The name of a process: that of its stage, or "parse.12" of several workers. */
#define STAGE_NAME_BYTES_MAX (NAME_BYTES_MAX + 4u)
/* --set on the command line; chaos hands them on to its runs, so all must fit an exec. */
#define SETTINGS_MAX 64u
#define SETTING_BYTES_MAX 8192u

/* What file.source lets max_line_bytes be. The frame bound below leaves room for escaping it. */
#define LINE_BYTES_DEFAULT (1u << 20)
#define LINE_BYTES_MAX (2u << 20)

/* A record of LINE_BYTES_MAX grows to six times that when JSON escapes every byte of it. */
#define RECORD_BYTES_MAX (14u << 20)
/* What strings and bytes of a record may have in all; the rest is for numbers and lengths. */
#define RECORD_TEXT_BYTES_MAX (RECORD_BYTES_MAX - (64u << 10))
/* The receiver refuses longer messages before it allocates (NNG_OPT_RECVMAXSZ). */
#define FRAME_BYTES_MAX (16u << 20)
/* A frame is sent when it has this size; measured: a hop costs the same up to 64 KiB and more. */
#ifndef FRAME_BYTES_TARGET
#define FRAME_BYTES_TARGET (256u << 10)
#endif
/* A frame is also closed at this many seqs, so that sparse links ack in good time. */
#ifndef FRAME_SEQS_MAX
#define FRAME_SEQS_MAX 32768u
#endif

/* Unacked bytes that one link may hold for replay before its stage stops reading. */
#ifndef WINDOW_BYTES_MAX
#define WINDOW_BYTES_MAX (8u << 20)
#endif
/* And received bytes that a fan-in may hold of one link while it waits for another. */
#ifndef INBOX_BYTES_MAX
#define INBOX_BYTES_MAX (1u << 20)
#endif

/* Nesting of JSON input; deeper text is refused, so no stack depends on input. */
#define JSON_DEPTH_MAX 32u
/* Nesting of documents in msgpack; msgpack-c has a stack of 32. Options in a topology are less
 * deep. */
#define PACKED_DEPTH_MAX 31u
/*
 * Values in one record of msgpack. A byte of it can be one, and each takes 24 bytes in memory, which
 * msgpack-c rounds up to twice as much: more than there is beside the state in MEMORY_BYTES_MIN
 * otherwise.
 */
#define PACKED_VALUES_MAX (512u << 10)
/* What a stage is given of its topology: text of TOPOLOGY_BYTES_MAX in which variables were
 * replaced. */
#define STAGE_TOPOLOGY_BYTES_MAX (16u << 20)
/* Nesting of ${A:-${B}} in a topology. */
#define EXPANSION_DEPTH_MAX 8u

/* A type in one line: with all its names and patterns; types within types; names of an enum. */
#define TYPE_TEXT_BYTES_MAX 4096u
/* In its one form each of its commas is followed by a space, and a decimal has a scale. */
#define TYPE_FORM_BYTES_MAX (TYPE_TEXT_BYTES_MAX + ENUM_NAMES_MAX)
#define TYPE_DEPTH_MAX 4u
#define ENUM_NAMES_MAX 256u
/* Digits of a decimal: all of them fit 64 bits. */
#define DECIMAL_PRECISION_MAX 18u

/* A pattern is written by people, and what it becomes must be small. */
#define PATTERN_BYTES_MAX 1024u
#define PATTERN_DEPTH_MAX 32u
/*
 * What one match may do: steps are counted in pattern.c, some nanoseconds each. A pattern that goes
 * through its subject once takes a few for each byte.
 */
#ifndef PATTERN_STEPS_MAX
#define PATTERN_STEPS_MAX 20000000
#endif
#define PATTERN_HEAP_BYTES_MAX (16u << 20)
#define PATTERN_BOUNDS_TEXT LIMIT_TEXT(PATTERN_STEPS_MAX) " steps or 16 MiB"
/*
 * A pattern that calls its own groups looks through those that are open at each call: so it may
 * nest so deep, and a call counts as so many steps.
 */
#define PATTERN_RECURSION_DEPTH_MAX 8192u
#define PATTERN_RECURSION_STEPS 512u
/* So many captures are copied in the time of a step. */
#define PATTERN_CAPTURES_PER_STEP 16u

/* What a dead letter shows of what is too long to be shown whole. */
#define DEAD_EXCERPT_BYTES 256u

/*
 * Changes that a store may hold between its committed and its live state where a seq begins, a
 * power of two. One seq may make more: it cannot be committed in its middle.
 */
#ifndef STORE_UNDO_ENTRIES_MAX
#define STORE_UNDO_ENTRIES_MAX 131072u
#endif
/* What is committed at once; its length is 32 bits in the log. */
#ifndef STORE_GROUP_BODY_BYTES_MAX
#define STORE_GROUP_BODY_BYTES_MAX UINT32_MAX
#endif
/* A log of a store that is shorter than this is never worth a checkpoint. */
#ifndef STORE_CHECKPOINT_LOG_BYTES_MIN
#define STORE_CHECKPOINT_LOG_BYTES_MIN (UINT64_C(64) << 20)
#endif
/* Nor is one that is shorter than the table's memory divided by this: reading either costs time. */
#ifndef STORE_CHECKPOINT_TABLE_DIVISOR
#define STORE_CHECKPOINT_TABLE_DIVISOR 1u
#endif
/* How much of a checkpoint is written at once, so that nobody waits long for it. */
#ifndef STORE_CHECKPOINT_PIECE_BYTES
#define STORE_CHECKPOINT_PIECE_BYTES (UINT64_C(1) << 20)
#endif
/* What is committed to a log is written and waited for in pieces of so much, to show that it goes
 * on. */
#ifndef STORE_WRITE_PIECE_BYTES
#define STORE_WRITE_PIECE_BYTES (16u << 20)
#endif
/* Slots of a part of a store's table before it grows; 8 at the least. */
#ifndef STORE_SHARD_SLOTS_FIRST
#define STORE_SHARD_SLOTS_FIRST 64u
#endif
/* A store whose tables are smaller than this does without huge pages. */
#ifndef STORE_HUGE_BYTES_MIN
#define STORE_HUGE_BYTES_MIN (UINT64_C(4) << 20)
#endif

/* What a source reads at once, and after how many records it remembers a place to go on from. */
#ifndef SOURCE_READ_BYTES
#define SOURCE_READ_BYTES (256u << 10)
#endif
#ifndef SOURCE_RECORDS_PER_MARK
#define SOURCE_RECORDS_PER_MARK 256u
#endif
/*
 * How much of what gives no record a source goes through before it lets others have a turn: reads
 * without the end of a line, blocks of a journal, blank lines. A millisecond or so.
 */
#ifndef SOURCE_READS_PER_TURN
#define SOURCE_READS_PER_TURN 4u
#endif
#ifndef SOURCE_BLANKS_PER_TURN
#define SOURCE_BLANKS_PER_TURN 4096u
#endif
/* What an output gathers before it is worth a write without a commit. */
#ifndef OUTPUT_FLUSH_BYTES
#define OUTPUT_FLUSH_BYTES (256u << 10)
#endif
/*
 * What an output may have written that is not committed, which it keeps in memory to know it again:
 * more than is usually under way to it, and not much of what memory_max may be.
 */
#ifndef OUTPUT_UNCOMMITTED_BYTES_MAX
#define OUTPUT_UNCOMMITTED_BYTES_MAX (16u << 20)
#endif
/* Records that a stage works through before it looks at its links again. */
#ifndef HOST_RECORDS_PER_TURN
#define HOST_RECORDS_PER_TURN 2048u
#endif

/*
 * A segment of a journal takes no new block at this size, or with so many. What is acked goes in
 * whole segments, and a new process reads the last one, for which its users wait: some 5 ms.
 */
#ifndef JOURNAL_SEGMENT_BYTES
#define JOURNAL_SEGMENT_BYTES (16u << 20)
#endif
#ifndef JOURNAL_SEGMENT_BLOCKS
#define JOURNAL_SEGMENT_BLOCKS 8192u
#endif
/* The size that pipes of standard input are given if they may; more is not allowed to everybody. */
#define JOURNAL_PIPE_BYTES (1u << 20)
/* What one block may hold: one sync for so much. */
#ifndef JOURNAL_BLOCK_BYTES
#define JOURNAL_BLOCK_BYTES (1u << 20)
#endif

/* Deaths in a row without progress before the topology is stopped in order. */
#define RESTART_STRIKES_MAX 10u
/*
 * Being killed by others says nothing against a stage, so it is started again at once. But after
 * so many of these in a row without progress it waits as well, and at last stops: it may be the
 * kernel, short of memory, that kills it at each try.
 */
#define RESTART_OUTSIDE_FREE 20u
#define RESTART_OUTSIDE_MAX 200u
/* A life as long as this is not "in a row" with the one before: there may be nothing to do. */
#define RESTART_HEALTHY_MS 10000u
#define RESTART_BACKOFF_MS_FIRST 50u
#define RESTART_BACKOFF_MS_MAX 5000u
/* A process that has not come to its exec by then is killed: it hangs. */
#define SPAWN_EXEC_MS_MAX 30000u
/* A link that is not up after this is made anew; so many times in a row, then its ends restart. */
#define LINK_DEADLINE_MS 3000u
#define LINK_ATTEMPTS_MAX 5u
/* Deaths of its own doing with one record in hand before a stage does without that record. */
#define POISON_DEATHS_MAX 3u
/* So many records may one stage do without; if it needs more, it is not the records. */
#define QUARANTINE_ENTRIES_MAX 1000u
/* What a quarantined record tells of how the process that it killed died, and of its last words. */
#define QUARANTINE_CAUSE_BYTES_MAX 63u
#define QUARANTINE_WORDS_BYTES_MAX 512u
/* How often a stage looks whether there is space again. */
#define SPACE_RETRY_MS 500u
/*
 * A process that has never moved may not have come to run yet: a host has a hundred of them to
 * start, or little memory to load them into. It is hung after this, or stall_timeout if that is
 * more.
 */
#define START_SILENCE_MS 30000u
/* What a topology may let stall_timeout be: below, a slow disk would look hung. */
#define STALL_TIMEOUT_MS_MIN 1000u
#define STALL_TIMEOUT_MS_MAX 86400000u
/* What memory_max may be: a process with its windows, frames and threads needs some. */
#define MEMORY_BYTES_MIN (64u << 20)
#define MEMORY_BYTES_MAX (1ull << 40)
/* Of it so much stays for work, whatever the state: threads, and frames on both sides. */
#define MEMORY_WORK_BYTES (32ull << 20)
/* What an ordered stop may take before it becomes a disordered one. */
#define DRAIN_DEADLINE_MS 30000u
#define STOP_DEADLINE_MS 5000u

#endif
