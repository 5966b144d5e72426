/* SPDX-License-Identifier: MIT */
#include "stages/kit/record_notes.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/memory.h"
#include "stages/kit/packed_records.h"

/* What an offset counts from. */
static const char *of_what(const struct record_reader *r)
{
    return r->is_stream ? " of everything read from it" : "";
}

char *record_note_overlong(struct record_reader *r, const char *input)
{
    if (!record_reader_tell_overlong(r))
        return NULL;
    return memory_format("%s: the %s that begins at offset %" PRIu64
                         "%s is already longer than max_line_bytes (%zu), and its end has not come "
                         "yet; nothing after it is read until then%s",
                         input, r->format->unit, r->offset, of_what(r), r->record_bytes_max,
                         r->format->is_chain ? ", which may be never if a length in it is damaged"
                                             : "");
}

char *record_note_no_map(const struct record_reader *r, const struct record_cut *cut,
                         const char *input)
{
    uint8_t first = cut->bytes[0];
    const char *question = "";
    char what[64];
    if (first >= ' ' && first <= '~') {
        (void)snprintf(what, sizeof what, "'%c' as a character", first);
        question = r->is_stream ? "; are these lines?" : "; is this a file of lines?";
    } else {
        (void)snprintf(what, sizeof what, "%s", packed_records_type_name(first));
    }
    return memory_format(
        "%s: the msgpack value at offset %" PRIu64
        "%s is not a map (its first byte is 0x%02x, %s); each such value is a dead letter%s",
        input, r->offset - cut->whole_len, of_what(r), first, what, question);
}
