/* SPDX-License-Identifier: MIT */
#include "stages/kit/output_line.h"

#include <string.h>

#include "stages/kit/line_records.h"

const struct dead_reason output_line_not_a_line = {
    "not-a-line", "a text that contains a newline, is empty or blank, ends with CR, or would begin "
                  "the output with a byte order mark"};

enum kind_lines output_line_sure(const struct topology *topology, const struct stage *stage)
{
    enum kind_lines sure = KIND_LINES_MADE;
    for (size_t i = 0; i < topology->edge_count; i++) {
        const struct edge *edge = &topology->edges[i];
        if (edge->to != stage->index)
            continue;
        enum kind_lines lines =
            edge->port == PORT_OUT ? topology->stages[edge->from].lines : KIND_LINES_ANY;
        sure = lines < sure ? lines : sure;
    }
    return sure;
}

bool output_line_refuse(const struct record *in, size_t field, bool begins, struct emitter *out)
{
    const struct value *line = &in->fields[field];
    const uint8_t *newline = line->len != 0 ? memchr(line->bytes, '\n', line->len) : NULL;
    if (newline != NULL)
        emitter_dead_record(out, &output_line_not_a_line, in,
                            "it has a newline at byte %zu, so it would become two lines; "
                            "json.encode makes one line of any text",
                            (size_t)(newline - line->bytes) + 1);
    else if (line_is_blank(line->bytes, line->len))
        emitter_dead_record(out, &output_line_not_a_line, in,
                            "it is %s, and a blank line would not be read back as a record",
                            line->len == 0 ? "empty" : "blank");
    else if (line->bytes[line->len - 1] == '\r')
        emitter_dead_record(
            out, &output_line_not_a_line, in,
            "it ends with a carriage return, which would be read back as part of the line ending");
    else if (begins && line->len >= LINE_MARK_BYTES &&
             memcmp(line->bytes, LINE_MARK, LINE_MARK_BYTES) == 0)
        emitter_dead_record(out, &output_line_not_a_line, in,
                            "it would be the first line and begins with a byte order mark, which "
                            "would not be read back as part of it");
    else
        return false;
    return true;
}
