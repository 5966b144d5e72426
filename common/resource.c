/* SPDX-License-Identifier: MIT */
#include "common/resource.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>

struct limit {
    int error;
    int resource;
    const char *name;
    const char *unit;
};

/* Of several for one error, the first that is set is named. */
static const struct limit limits[] = {
    {EFBIG, RLIMIT_FSIZE, "ulimit -f", " bytes in one file"},
    {EMFILE, RLIMIT_NOFILE, "ulimit -n", ""},
    {ENOMEM, RLIMIT_AS, "ulimit -v", " bytes"},
    {ENOMEM, RLIMIT_DATA, "memory_max or ulimit -d", " bytes"},
};

void resource_limit_text(int error, char ret_text[RESOURCE_TEXT_BYTES])
{
    int saved_errno = errno;
    ret_text[0] = '\0';
    for (size_t i = 0; i < sizeof limits / sizeof limits[0] && ret_text[0] == '\0'; i++) {
        struct rlimit limit;
        if (limits[i].error == error &&
            getrlimit((__rlimit_resource_t)limits[i].resource, &limit) == 0 &&
            limit.rlim_cur != RLIM_INFINITY)
            (void)snprintf(ret_text, RESOURCE_TEXT_BYTES, " (%s allows %ju%s)", limits[i].name,
                           (uintmax_t)limit.rlim_cur, limits[i].unit);
    }
    errno = saved_errno;
}
