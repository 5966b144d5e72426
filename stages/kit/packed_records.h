/* SPDX-License-Identifier: MIT */
/*
 * packed_records.h - the record format "msgpack" for record_reader.h
 *
 * Every value of the stream is a record; one that is not a map is a dead letter. A byte that cannot
 * begin a value ends the current record, which is a dead letter. Where the next record begins is
 * then unknown, so the rest of that file or stream holds no more records. A record that the end of
 * the input cuts off is a dead letter too.
 */
#ifndef BULKHEAD_STAGES_KIT_PACKED_RECORDS_H
#define BULKHEAD_STAGES_KIT_PACKED_RECORDS_H

#include "stages/kit/record_reader.h"

extern const struct record_format packed_records;

/* The reasons of dead letters, for kind.reasons. */
extern const struct dead_reason packed_records_too_long, packed_records_no_map, packed_records_lost,
    packed_records_cut_off;
#define PACKED_RECORDS_REASONS                                                                     \
    &packed_records_too_long, &packed_records_no_map, &packed_records_lost, &packed_records_cut_off

/*
 * Names the type of a value that begins with this byte, in the words of packed_type_name(). A
 * timestamp counts as an extension.
 */
const char *packed_records_type_name(uint8_t first);

#endif
