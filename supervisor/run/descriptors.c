/* SPDX-License-Identifier: MIT */
/*
 * Links need the most descriptors: nng has sockets, listeners and events for each. The numbers here
 * were measured (nng 1.5.2); integration/1752 checks them.
 */
#include "supervisor/run/descriptors.h"

#include <dirent.h>
#include <sys/resource.h>

#include "common/count.h"

#define INLET_DESCRIPTORS 8u
#define OUTLET_DESCRIPTORS 6u
/* Its channels, files and threads, files that it opens briefly, and links that are closing. */
#define STAGE_DESCRIPTORS 48u
/* Its channels, pidfd, status page and store image, and those needed briefly at its birth. */
#define CHILD_DESCRIPTORS 6u
/* Its own files, its clients, and the descriptors that a child gets. */
#define SUPERVISOR_DESCRIPTORS 64u

static uint64_t need_of(const struct topology *t, size_t stage, uint64_t *ret_in, uint64_t *ret_out)
{
    *ret_in = *ret_out = 0;
    for (size_t i = 0; i < t->edge_count; i++) {
        *ret_in += t->edges[i].to == stage;
        *ret_out += t->edges[i].from == stage;
    }
    return *ret_in * INLET_DESCRIPTORS + *ret_out * OUTLET_DESCRIPTORS + STAGE_DESCRIPTORS;
}

int descriptors_check(const struct topology *t, uint64_t open_count, uint64_t allowed,
                      struct err *e)
{
    static const char what_to_do[] = "raise it (ulimit -n, LimitNOFILE=), or use fewer workers";
    size_t busiest = 0;
    uint64_t most = 0, in, out;
    for (size_t i = 0; i < t->stage_count; i++) {
        uint64_t need = need_of(t, i, &in, &out);
        busiest = need > most ? i : busiest;
        most = need > most ? need : most;
    }
    uint64_t supervisor = t->stage_count * CHILD_DESCRIPTORS + SUPERVISOR_DESCRIPTORS + open_count;
    if (supervisor > most && supervisor > allowed)
        return err_set(e, ERR_MISMATCH,
                       "the supervisor of %zu processes needs up to %ju open files, and the hard "
                       "limit is %ju; %s",
                       t->stage_count, (uintmax_t)supervisor, (uintmax_t)allowed, what_to_do);
    if (most <= allowed)
        return 0;
    (void)need_of(t, busiest, &in, &out);
    return err_set(e, ERR_MISMATCH,
                   "stage '%s' needs up to %ju open files for its %ju %s and %ju %s, and the hard "
                   "limit is %ju; %s",
                   t->stages[busiest].name, (uintmax_t)most, (uintmax_t)in,
                   count_word(in, "input", "inputs"), (uintmax_t)out,
                   count_word(out, "output", "outputs"), (uintmax_t)allowed, what_to_do);
}

uint64_t descriptors_open(void)
{
    DIR *dir = opendir("/proc/self/fd");
    uint64_t count = 0;
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    if (dir != NULL)
        (void)closedir(dir);
    return count;
}

uint64_t descriptors_allowed(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : UINT64_MAX;
}
