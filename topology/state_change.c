/* SPDX-License-Identifier: MIT */
#include "topology/state_change.h"

#include <stdarg.h>
#include <stdio.h>

/* Clauses name words of schemas, which are short. */
#define CLAUSE_BYTES_MAX 2048u

void state_change_done(struct state_change *change)
{
    buf_done(&change->says);
    buf_done(&change->left);
    *change = (struct state_change){.verdict = STATE_GOES_ON};
}

void state_change_add(struct state_change *change, enum state_verdict verdict, const char *format,
                      ...)
{
    char clause[CLAUSE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(clause, sizeof clause, format, args);
    va_end(args);
    if (change->says.len != 0)
        buf_add_text(&change->says, "; ");
    buf_add_text(&change->says, clause);
    if (verdict > change->verdict)
        change->verdict = verdict;
}
