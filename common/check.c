/* SPDX-License-Identifier: MIT */
#include "common/check.h"

#include <stdio.h>
#include <stdlib.h>

void panic(const char *what, const char *condition, const char *file, int line)
{
    fprintf(stderr, "bulkhead: %s broken at %s:%d: %s (a bug in bulkhead; please report it)\n",
            what, file, line, condition);
    abort();
}
