/* SPDX-License-Identifier: MIT */
/*
 * limits.h - every bound of the system, with its reason
 *
 * Bounds are what makes memory flat and hostile input harmless. Change one here and its reason
 * with it; docs/protocol.md repeats those that other programs can see. Those in #ifndef can be
 * given on the command line of the compiler: a test build makes them so small that all are met.
 */
#ifndef BULKHEAD_COMMON_LIMITS_H
#define BULKHEAD_COMMON_LIMITS_H

/* A topology is written by people; one of a megabyte is a mistake or an attack. */
#define TOPOLOGY_BYTES_MAX (1u << 20)
#define TOPOLOGY_DEPTH_MAX 16u
#define MAP_ENTRIES_MAX 256u
#define STAGES_MAX 64u
#define FIELDS_MAX 64u
#define NAME_BYTES_MAX 63u

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
#define FRAME_BYTES_TARGET (128u << 10)
#endif
/* A frame is also closed at this many seqs, so that sparse links ack in good time. */
#ifndef FRAME_SEQS_MAX
#define FRAME_SEQS_MAX 8192u
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
/* Nesting of ${A:-${B}} in a topology. */
#define EXPANSION_DEPTH_MAX 8u

/* What a dead letter shows of what is too long to be shown whole. */
#define DEAD_EXCERPT_BYTES 256u

/* Changes that a store may hold between its committed and its live state. */
#ifndef STORE_UNDO_ENTRIES_MAX
#define STORE_UNDO_ENTRIES_MAX 131072u
#endif

/* Deaths in a row without progress before the topology is stopped in order. */
#define RESTART_STRIKES_MAX 10u
#define RESTART_BACKOFF_MS_FIRST 50u
#define RESTART_BACKOFF_MS_MAX 5000u
/* A link that is not up after this is made anew; so many times in a row, then its ends restart. */
#define LINK_DEADLINE_MS 3000u
#define LINK_ATTEMPTS_MAX 5u
/* A stage that does not say ready in this time is hung. */
#define READY_DEADLINE_MS 60000u
/* What an ordered stop may take before it becomes a disordered one. */
#define DRAIN_DEADLINE_MS 30000u
#define STOP_DEADLINE_MS 5000u

#endif
