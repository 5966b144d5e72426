/* SPDX-License-Identifier: MIT */
/*
 * crash_signals.h - tells signals of a crash from signals that another process sent
 *
 * A record may be to blame for a crash, and is quarantined once it has crashed its stage three
 * times. A SIGSEGV that another process sends, as tests do, must not make a record poison.
 */
#ifndef BULKHEAD_STAGES_HOST_CRASH_SIGNALS_H
#define BULKHEAD_STAGES_HOST_CRASH_SIGNALS_H

/*
 * From now on, a crash signal that another process sends ends this process as SIGKILL would, after
 * a line on standard error. A crash of its own ends it as before. Handlers that a sanitizer has
 * installed are left alone.
 */
void crash_signals_take(void);

#endif
