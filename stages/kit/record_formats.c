/* SPDX-License-Identifier: MIT */
#include "stages/kit/record_formats.h"

#include "stages/kit/line_records.h"
#include "stages/kit/packed_records.h"

const char *const record_format_names[] = {
    [RECORDS_LINES] = "lines", [RECORDS_MSGPACK] = "msgpack", NULL};

static const struct record_format *const formats[] = {
    [RECORDS_LINES] = &line_records, [RECORDS_MSGPACK] = &packed_records};

const struct dead_reason *const record_format_reasons[] = {LINE_RECORDS_REASONS,
                                                           PACKED_RECORDS_REASONS, NULL};

void record_formats_derive(struct kind_check *check)
{
    const struct option_value *records = options_get(check->options, "records");
    if (records->bad)
        check->out->open = true;
    else
        kind_check_makes(check, formats[records->number]->field, (struct type){.tag = VALUE_BYTES},
                         check->place);
    check->reads_packed = !records->bad && records->number == RECORDS_MSGPACK;
}

enum record_format_number record_format_chosen(const struct options *options)
{
    return (enum record_format_number)options_get(options, "records")->number;
}

const char *record_format_field(enum record_format_number number)
{
    return formats[number]->field;
}

void record_format_open(const struct options *options, record_fill *fill, record_begins *begins,
                        void *context, struct record_reader *ret_reader)
{
    record_reader_init(ret_reader, formats[record_format_chosen(options)],
                       (size_t)options_get(options, "max_line_bytes")->number, fill, begins,
                       context);
}
