/* SPDX-License-Identifier: MIT */
#include "supervisor/run/state_ops.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "stages/host/layout.h"
#include "supervisor/run/status.h"

int state_quarantine(const struct supervisor *s, size_t stage, struct quarantine_entry *entry,
                     struct err *e)
{
    const struct stage *named = &s->topology->stages[stage];
    const struct buf *said = &s->stages[stage].words.said;
    status_last_words(said->data, said->len, entry->words, sizeof entry->words);
    char *owner = layout_owner(s->topology, named);
    int fd = -1;
    int rc = layout_open(s->state->stages_fd, named, &fd, NULL, e);
    if (rc == 0)
        rc = quarantine_add(fd, owner, entry, e);
    if (fd >= 0)
        (void)close(fd);
    free(owner);
    return rc;
}

void state_remove_sockets(const struct supervisor *s, size_t edge)
{
    struct err e;
    if (state_dir_remove_links(s->state, (unsigned)edge, &e) != 0)
        log_line(LOG_WARNING, "%s", e.text);
}

bool state_links_are_removed(const struct supervisor *s)
{
    struct stat st;
    return fstat(s->state->links_fd, &st) == 0 && st.st_nlink == 0;
}
