/* SPDX-License-Identifier: MIT */
#include "topology/timeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/memory.h"

void timeline_add(struct timeline *timeline, seq_number first, const char *version, int64_t number)
{
    REQUIRE(timeline->count == 0 || first > timeline->entries[timeline->count - 1].first);
    timeline->entries =
        memory_resize(timeline->entries, timeline->count + 1, sizeof *timeline->entries);
    struct timeline_entry *entry = &timeline->entries[timeline->count++];
    entry->first = first;
    entry->number = number;
    (void)snprintf(entry->version.text, sizeof entry->version.text, "%s", version);
}

const char *timeline_at(const struct timeline *timeline, seq_number seq)
{
    size_t i = timeline->count;
    while (i > 0 && timeline->entries[i - 1].first > seq)
        i--;
    return i != 0 ? timeline->entries[i - 1].version.text : NULL;
}

const char *timeline_show_version(const char *version, int64_t number,
                                  char ret_text[VERSION_SHOWN_BYTES])
{
    if (number != 0)
        (void)snprintf(ret_text, VERSION_SHOWN_BYTES, "%" PRId64 " %.*s", number,
                       (int)DIGEST_DIGITS_SHOWN, version);
    else
        (void)snprintf(ret_text, VERSION_SHOWN_BYTES, "%.*s", (int)DIGEST_DIGITS_SHOWN, version);
    return ret_text;
}

void timeline_done(struct timeline *timeline)
{
    free(timeline->entries);
    *timeline = (struct timeline){0};
}
