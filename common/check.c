/* SPDX-License-Identifier: MIT */
#include "common/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/standard_error.h"

void panic(const char *what, const char *condition, const char *file, int line)
{
    char text[512];
    (void)snprintf(text, sizeof text,
                   "bulkhead: %s broken at %s:%d: %s (a bug in bulkhead; please report it)\n", what,
                   file, line, condition);
    standard_error_last_words(text);
    abort();
}
