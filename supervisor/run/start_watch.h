/* SPDX-License-Identifier: MIT */
/*
 * start_watch.h - answers for a supervisor that is busy before its loop runs
 *
 * A start may have to read gigabytes: what a source has read must be what is there still, state is
 * dealt out to another number of workers, or, inline, built from its log. Meanwhile a second thread
 * takes SIGTERM, SIGINT and SIGHUP and ends the process with a word, which does no harm at any
 * moment, as no kill does; and it says now and then what takes so long. There is one watch.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_START_WATCH_H
#define BULKHEAD_SUPERVISOR_RUN_START_WATCH_H

/*
 * Begins to watch. Signals that are ignored stay so. Without another thread, which a limit may
 * forbid, signals do what they do otherwise, and nothing is said.
 */
void start_watch_begin(void);

/*
 * What is done now, for "still DOING stage 'STAGE'" or, with NULL, "still DOING"; both live until
 * the next call or the end of the watch. Does nothing if nobody watches.
 */
void start_watch_say(const char *doing, const char *stage);

/* Ends the watch, if there is one; signals are then as they were before it. */
void start_watch_end(void);

#endif
