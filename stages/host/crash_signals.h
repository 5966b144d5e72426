/* SPDX-License-Identifier: MIT */
/*
 * crash_signals.h - which signals say that a stage has crashed, and which that it was killed
 *
 * A record may be to blame for a crash, and is put out of the way when it has crashed its stage
 * three times. Another process that sends SIGSEGV, as tests do, is not to make a record poison.
 */
#ifndef BULKHEAD_STAGES_HOST_CRASH_SIGNALS_H
#define BULKHEAD_STAGES_HOST_CRASH_SIGNALS_H

/*
 * From here on a signal of a crash that another process sends ends this one as SIGKILL would, and
 * says so. A crash of its own ends it as ever. What a sanitizer has made of a signal stays.
 */
void crash_signals_take(void);

#endif
