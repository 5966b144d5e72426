/* SPDX-License-Identifier: MIT */
/*
 * bounds.h - every bound of the system, with its reason
 *
 * Bounds keep memory flat and hostile input harmless. A change of a bound also updates its
 * reason; docs/protocol.md repeats those that other programs can see. Those in an #ifndef can be
 * set on the compiler's command line: a test build makes them so small that each is reached.
 */
#ifndef BULKHEAD_COMMON_BOUNDS_H
#define BULKHEAD_COMMON_BOUNDS_H

#include <stdint.h>

/* A bound that is a plain number, as text for a message. */
#define LIMIT_TEXT(name) LIMIT_TEXT_OF(name)
#define LIMIT_TEXT_OF(number) #number

/* A topology is written by people; one of a megabyte is a mistake or an attack. */
#define TOPOLOGY_BYTES_MAX (1u << 20)
/* How many errors of one topology are kept, and how many are shown: no one fixes more at once. */
#define DIAGNOSTICS_KEPT_MAX 1000u
#define DIAGNOSTICS_SHOWN_MAX 100u
#define TOPOLOGY_DEPTH_MAX 16u
#define MAP_ENTRIES_MAX 256u
#define STAGES_MAX 64u
/* How many records are announced to a stage before it gets them: per inlet, and in all. */
#define INLET_AHEAD 8u
#define STAGE_AHEAD_MAX 64u
/* How often, at most, an empty frame is sent to dead-letters to move its acks on. */
#define QUIET_FLUSH_MS 5u
/* The same for a frame that covers QUIET_MANY_SEQS: dead-letters then commits at this rate. */
#define QUIET_FLUSH_MANY_MS 20u
#ifndef QUIET_MANY_SEQS
#define QUIET_MANY_SEQS 4096u
#endif
/*
 * How long a source collects single records before it sends a frame. The pause grows by
 * SOURCE_PACE_US for every SOURCE_PACE_FRAMES unacked frames, up to SOURCE_PACE_US_MAX.
 */
#define SOURCE_PACE_US 500u
#define SOURCE_PACE_FRAMES 64u
#define SOURCE_PACE_US_MAX 10000u
/* After how many records a stage checks whether a frame is due or the stage is blocked. */
#ifndef HOST_RECORDS_PER_LOOK
#define HOST_RECORDS_PER_LOOK 8u
#endif
/* Inputs and named outputs of one stage. */
#define INPUTS_MAX 32u
#define OUTPUTS_MAX 32u
/* Workers of one stage, and processes of one topology. */
#define WORKERS_MAX 16u
#define PROCESSES_MAX 256u
/* Edges of one process: it may be connected to all others, by several outputs each. */
#define STAGE_EDGES_MAX (PROCESSES_MAX * STAGES_MAX)
/* The key groups that the state of a keyed stage is divided into. Each worker has some of them. */
#define KEY_GROUPS 256u
/* Records without a key go to workers in blocks of this many seqs, so that they share frames. */
#ifndef WORKER_BLOCK_SEQS
#define WORKER_BLOCK_SEQS 256u
#endif
/*
 * A source that numbers a million records a second reaches this in 290,000 years, so a higher seq
 * was not written by us. It also fits the signed numbers of other programs.
 */
#define SEQ_MAX INT64_MAX
#define FIELDS_MAX 64u
#define NAME_BYTES_MAX 63u
/* The name of a process: the name of its stage, or "parse.12" if it has several workers. */
#define STAGE_NAME_BYTES_MAX (NAME_BYTES_MAX + 4u)
/* --set on the command line. chaos passes them on to its runs, so all must fit one exec. */
#define SETTINGS_MAX 64u
#define SETTING_BYTES_MAX 8192u

/* The default and the maximum of max_line_bytes. RECORD_BYTES_MAX leaves room for escaping. */
#define LINE_BYTES_DEFAULT (1u << 20)
#define LINE_BYTES_MAX (2u << 20)

/* A record of LINE_BYTES_MAX grows sixfold when JSON escapes every byte of it. */
#define RECORD_BYTES_MAX (14u << 20)
/* Bytes of all strings and bytes in one record together; the rest is for numbers and lengths. */
#define RECORD_TEXT_BYTES_MAX (RECORD_BYTES_MAX - (64u << 10))
/* The receiver refuses longer messages before it allocates (NNG_OPT_RECVMAXSZ). */
#define FRAME_BYTES_MAX (16u << 20)
/* A frame is sent when it reaches this size. Measured: the cost of a hop does not depend on it. */
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
/* Received bytes of one link that a stage may hold while it waits for another input. */
#ifndef INBOX_BYTES_MAX
#define INBOX_BYTES_MAX (1u << 20)
#endif

/* Nesting of JSON input. Deeper text is refused, so that input cannot exhaust the stack. */
#define JSON_DEPTH_MAX 32u
/* Nesting of msgpack; msgpack-c has a stack of 32. Options in a topology are nested less deeply. */
#define PACKED_DEPTH_MAX 31u
/*
 * Values in one record of msgpack. Every byte of a record can be a value, and each takes 24 bytes
 * in memory, which msgpack-c may round up to twice as much. Without this bound that is more than
 * MEMORY_BYTES_MIN leaves for work.
 */
#define PACKED_VALUES_MAX (512u << 10)
/* What a stage is given of its topology: text of TOPOLOGY_BYTES_MAX with its variables replaced. */
#define STAGE_TOPOLOGY_BYTES_MAX (16u << 20)
/* Nesting of ${A:-${B}} in a topology. */
#define EXPANSION_DEPTH_MAX 8u

/*
 * The text of a type with all its names and patterns, the nesting of types, and names of an enum.
 */
#define TYPE_TEXT_BYTES_MAX 4096u
/* In canonical form every comma is followed by a space and a decimal has its scale. */
#define TYPE_FORM_BYTES_MAX (TYPE_TEXT_BYTES_MAX + ENUM_NAMES_MAX)
#define TYPE_DEPTH_MAX 4u
#define ENUM_NAMES_MAX 256u
/* Digits of a decimal: all of them fit 64 bits. */
#define DECIMAL_PRECISION_MAX 18u

/* A pattern is written by people, and its compiled form must be small. */
#define PATTERN_BYTES_MAX 1024u
#define PATTERN_DEPTH_MAX 32u
/*
 * The work of one match, in steps of some nanoseconds, which pattern.c counts. A pattern that goes
 * through its subject once takes a few steps for each byte.
 */
#ifndef PATTERN_STEPS_MAX
#define PATTERN_STEPS_MAX 20000000
#endif
#define PATTERN_HEAP_BYTES_MAX (16u << 20)
#define PATTERN_BOUNDS_TEXT LIMIT_TEXT(PATTERN_STEPS_MAX) " steps or 16 MiB"
/*
 * A pattern that calls its own groups looks through all open groups at each call. Hence a bound on
 * the nesting of calls, and a number of steps that each call counts as.
 */
#define PATTERN_RECURSION_DEPTH_MAX 8192u
#define PATTERN_RECURSION_STEPS 512u
/* How many captures are copied in the time of one step. */
#define PATTERN_CAPTURES_PER_STEP 16u

/* How much a dead letter shows of content that is too long. */
#define DEAD_EXCERPT_BYTES 256u

/*
 * Uncommitted changes that a store may hold when a seq begins, a power of two. A single seq may
 * make more, because it cannot be committed in its middle.
 */
#ifndef STORE_UNDO_ENTRIES_MAX
#define STORE_UNDO_ENTRIES_MAX 131072u
#endif
/* Bytes of one commit; its length has 32 bits in the log. */
#ifndef STORE_GROUP_BODY_BYTES_MAX
#define STORE_GROUP_BODY_BYTES_MAX UINT32_MAX
#endif
/* The log of a store gets no checkpoint while it is shorter than this. */
#ifndef STORE_CHECKPOINT_LOG_BYTES_MIN
#define STORE_CHECKPOINT_LOG_BYTES_MIN (UINT64_C(64) << 20)
#endif
/* Nor while it is shorter than the table's memory divided by this: both take time to read. */
#ifndef STORE_CHECKPOINT_TABLE_DIVISOR
#define STORE_CHECKPOINT_TABLE_DIVISOR 1u
#endif
/* How much of a checkpoint is written at once, so that the stage does not stop for long. */
#ifndef STORE_CHECKPOINT_PIECE_BYTES
#define STORE_CHECKPOINT_PIECE_BYTES (UINT64_C(1) << 20)
#endif
/* A commit is written and synced in pieces of this size, so that the stage can show progress. */
#ifndef STORE_WRITE_PIECE_BYTES
#define STORE_WRITE_PIECE_BYTES (16u << 20)
#endif
/* Initial slots of one part of a store's table; at least 8. */
#ifndef STORE_SHARD_SLOTS_FIRST
#define STORE_SHARD_SLOTS_FIRST 64u
#endif
/* A store with smaller tables than this does not use huge pages. */
#ifndef STORE_HUGE_BYTES_MIN
#define STORE_HUGE_BYTES_MIN (UINT64_C(4) << 20)
#endif

/* How much a source reads at once, and after how many records it notes a place to resume from. */
#ifndef SOURCE_READ_BYTES
#define SOURCE_READ_BYTES (256u << 10)
#endif
#ifndef SOURCE_RECORDS_PER_MARK
#define SOURCE_RECORDS_PER_MARK 256u
#endif
/*
 * How much input without a record a source goes through before other work gets a turn: reads
 * without the end of a line, blocks of a journal, blank lines. About a millisecond.
 */
#ifndef SOURCE_READS_PER_TURN
#define SOURCE_READS_PER_TURN 4u
#endif
#ifndef SOURCE_BLANKS_PER_TURN
#define SOURCE_BLANKS_PER_TURN 4096u
#endif
/* How much an output collects before it writes without a commit. */
#ifndef OUTPUT_FLUSH_BYTES
#define OUTPUT_FLUSH_BYTES (256u << 10)
#endif
/*
 * Written but uncommitted bytes of an output, which it keeps in memory to recognize them again. It
 * is more than is usually in flight, and a small part of MEMORY_BYTES_MIN.
 */
#ifndef OUTPUT_UNCOMMITTED_BYTES_MAX
#define OUTPUT_UNCOMMITTED_BYTES_MAX (16u << 20)
#endif
/* Records that a stage processes before it looks at its links again. */
#ifndef HOST_RECORDS_PER_TURN
#define HOST_RECORDS_PER_TURN 2048u
#endif

/*
 * A segment of a journal is full at this size, or with this many blocks. Acked input is removed in
 * whole segments, and a new process has to read the last one before it starts: about 5 ms.
 */
#ifndef JOURNAL_SEGMENT_BYTES
#define JOURNAL_SEGMENT_BYTES (16u << 20)
#endif
#ifndef JOURNAL_SEGMENT_BLOCKS
#define JOURNAL_SEGMENT_BLOCKS 8192u
#endif
/* The size that a pipe on standard input is set to, where allowed; more needs privileges. */
#define JOURNAL_PIPE_BYTES (1u << 20)
/* Bytes of one block of a journal; each block is synced once. */
#ifndef JOURNAL_BLOCK_BYTES
#define JOURNAL_BLOCK_BYTES (1u << 20)
#endif

/* Deaths in a row without progress before the topology is stopped in an orderly way. */
#define RESTART_STRIKES_MAX 10u
/*
 * A kill from outside is not the fault of the stage, so it is restarted at once. After
 * RESTART_OUTSIDE_FREE of these in a row without progress the restarts are delayed too, and after
 * RESTART_OUTSIDE_MAX the topology stops: a kernel short of memory may kill it at each attempt.
 */
#define RESTART_OUTSIDE_FREE 20u
#define RESTART_OUTSIDE_MAX 200u
/* A process that has lived this long is not "in a row" with earlier deaths: it may be idle. */
#define RESTART_HEALTHY_MS 10000u
#define RESTART_BACKOFF_MS_FIRST 50u
#define RESTART_BACKOFF_MS_MAX 5000u
/* A process that has not reached its exec by then hangs, and is killed. */
#define SPAWN_EXEC_MS_MAX 30000u
/*
 * A link that is not up after LINK_DEADLINE_MS is re-established. After LINK_ATTEMPTS_MAX attempts
 * in a row the stages at its ends are restarted.
 */
#define LINK_DEADLINE_MS 3000u
#define LINK_ATTEMPTS_MAX 5u
/* Deaths of a stage by its own fault with one record in hand before that record is quarantined. */
#define POISON_DEATHS_MAX 3u
/* Quarantined records of one stage. If there are more, the records are not the cause. */
#define QUARANTINE_ENTRIES_MAX 1000u
/* What a quarantined record says about the death of the process: the cause and its last words. */
#define QUARANTINE_CAUSE_BYTES_MAX 63u
#define QUARANTINE_WORDS_BYTES_MAX 512u
/* How often a stage checks whether there is space again. */
#define SPACE_RETRY_MS 500u
/*
 * A process that has never shown progress may not have run yet: the host may have a hundred of them
 * to start, or little memory to load them into. It counts as hung after this time, or after
 * stall_timeout if that is longer.
 */
#define START_SILENCE_MS 30000u
/* The range of stall_timeout. With less, a slow disk would look like a hung process. */
#define STALL_TIMEOUT_MS_MIN 1000u
#define STALL_TIMEOUT_MS_MAX 86400000u
/* The range of memory_max. A process needs some for its windows, frames and threads. */
#define MEMORY_BYTES_MIN (64u << 20)
#define MEMORY_BYTES_MAX (1ull << 40)
/* The part of memory_max that state cannot use: for threads, and frames on both sides. */
#define MEMORY_WORK_BYTES (32ull << 20)
/* How long a drain may take before the stages are stopped, and a stop before they are killed. */
#define DRAIN_DEADLINE_MS 30000u
#define STOP_DEADLINE_MS 5000u

#endif
