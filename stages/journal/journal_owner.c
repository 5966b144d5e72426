/* SPDX-License-Identifier: MIT */
#include "stages/journal/journal_owner.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/file.h"
#include "stages/journal/journal_segment.h"

#define FORMER_PREFIX "journal.was."
#define FORMER_NAME_BYTES (sizeof FORMER_PREFIX + 16)

static const char *name_of(uint64_t owner, char ret_name[FORMER_NAME_BYTES])
{
    (void)snprintf(ret_name, FORMER_NAME_BYTES, FORMER_PREFIX "%016" PRIx64, owner);
    return ret_name;
}

bool journal_is_owned(int dir_fd, uint64_t of_segment, uint64_t of_stage)
{
    char name[FORMER_NAME_BYTES];
    return of_segment == of_stage ||
           faccessat(dir_fd, name_of(of_segment, name), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Whether a segment has this owner. */
static int find_owner(int dir_fd, uint64_t owner, bool *ret_found, struct err *e)
{
    uint64_t *numbers = NULL;
    size_t count = 0;
    *ret_found = false;
    int rc = journal_segment_list(dir_fd, &numbers, &count, e);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct journal_segment s;
        rc = journal_segment_open(dir_fd, numbers[i], O_RDONLY, &s, e);
        if (rc != 0)
            continue;
        *ret_found |= s.owner == owner;
        (void)close(s.fd);
    }
    free(numbers);
    return rc;
}

int journal_rename(int dir_fd, uint64_t former, struct err *e)
{
    char name[FORMER_NAME_BYTES];
    bool found;
    int fd;
    int rc = find_owner(dir_fd, former, &found, e);
    if (rc != 0 || !found)
        return rc;
    rc = file_open(dir_fd, name_of(former, name), O_WRONLY | O_CREAT | O_NOFOLLOW, 0600, &fd, e);
    if (rc != 0)
        return rc;
    (void)close(fd);
    return file_sync_dir(dir_fd, e);
}
