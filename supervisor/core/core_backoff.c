/* SPDX-License-Identifier: MIT */
/*
 * How long to wait before the next try. Only arithmetic.
 */
#include "common/bounds.h"
#include "supervisor/core/core.h"

uint64_t core_backoff_ms(unsigned strikes)
{
    if (strikes == 0)
        return 0;
    uint64_t backoff_ms = RESTART_BACKOFF_MS_FIRST;
    for (unsigned i = 1; i < strikes && backoff_ms < RESTART_BACKOFF_MS_MAX; i++)
        backoff_ms *= 2;
    return backoff_ms < RESTART_BACKOFF_MS_MAX ? backoff_ms : RESTART_BACKOFF_MS_MAX;
}

uint64_t core_want_wait_ms(unsigned tries)
{
    uint64_t wait_ms = SPACE_RETRY_MS;
    for (unsigned i = 1; i < tries && wait_ms < RESTART_BACKOFF_MS_MAX; i++)
        wait_ms *= 2;
    return wait_ms < RESTART_BACKOFF_MS_MAX ? wait_ms : RESTART_BACKOFF_MS_MAX;
}
