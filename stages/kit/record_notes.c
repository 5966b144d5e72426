/* SPDX-License-Identifier: MIT */
#include "stages/kit/record_notes.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/memory.h"
#include "stages/kit/packed_records.h"

/* What an offset counts. */
static const char *of_what(const struct record_reader *r)
{
    return r->is_stream ? " of all that was read from it" : "";
}

char *record_note_overlong(struct record_reader *r, const char *input)
{
    if (!record_reader_tell_overlong(r))
        return NULL;
    return memory_format(
        "%s: the %s that begins at offset %" PRIu64
        "%s is longer than max_line_bytes (%zu) already, and its end has not come yet; "
        "nothing after it is read before that%s",
        input, r->format->unit, r->offset, of_what(r), r->record_bytes_max,
        r->format->is_chain ? ", and if a length in it is damaged, it may never come" : "");
}

char *record_note_no_map(const struct record_reader *r, const struct record_cut *cut,
                         const char *input)
{
    uint8_t first = cut->bytes[0];
    const char *question = "";
    char what[64];
    if (first >= ' ' && first <= '~') {
        (void)snprintf(what, sizeof what, "'%c' as a character", first);
        question = r->is_stream ? " are these lines?" : " is this a file of lines?";
    } else {
        (void)snprintf(what, sizeof what, "%s", packed_records_type_name(first));
    }
    return memory_format("%s: a value of msgpack that is not a map, at offset %" PRIu64
                         "%s (byte 0x%02x, %s):%s each such value is a dead letter",
                         input, r->offset - cut->whole_len, of_what(r), first, what, question);
}
