/* SPDX-License-Identifier: MIT */
/*
 * start_watch.h - handles signals while a supervisor is busy before its loop runs
 *
 * A start may have to read gigabytes: to check that what a source has read is still there, to
 * distribute state to another number of workers, or, with the inline host, to build state from its
 * log. Meanwhile a second thread takes SIGTERM, SIGINT and SIGHUP and ends the process with a
 * message. That is safe at any moment, as a kill is. From time to time it also logs what takes so
 * long. There is only one watch.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_START_WATCH_H
#define BULKHEAD_SUPERVISOR_RUN_START_WATCH_H

/*
 * Begins the watch. Signals that are ignored stay ignored. If the thread cannot be created, as a
 * limit may forbid, signals have their usual effect and nothing is logged.
 */
void start_watch_begin(void);

/*
 * Sets what is being done now, for the message "still DOING stage 'STAGE'" or, if stage is NULL,
 * "still DOING". Both texts must live until the next call or the end of the watch. Does nothing if
 * there is no watch.
 */
void start_watch_say(const char *doing, const char *stage);

/* Ends the watch, if there is one, and restores the signals as they were before it. */
void start_watch_end(void);

#endif
