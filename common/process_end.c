/* SPDX-License-Identifier: MIT */
#include "common/process_end.h"

#include <stdio.h>
#include <string.h>

const char *process_end_text(int signal, int exit_code, char ret_text[PROCESS_END_BYTES])
{
    const char *name = sigabbrev_np(signal); /* real-time signals have no name */
    if (signal == 0)
        (void)snprintf(ret_text, PROCESS_END_BYTES, "exited with code %d", exit_code);
    else
        (void)snprintf(ret_text, PROCESS_END_BYTES, "was killed by signal %d (SIG%s)", signal,
                       name != NULL ? name : "?");
    return ret_text;
}
