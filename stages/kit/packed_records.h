/* SPDX-License-Identifier: MIT */
/*
 * packed_records.h - values of msgpack, as record_reader.h cuts them out of a stream
 *
 * Every value is a record; one that is no map is a dead letter. A byte that begins no value ends
 * the record in hand, which is a dead letter, and all that follows it in that file or stream is a
 * rest without records. What the end of the input finds unfinished is a dead letter.
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

/* What a value is that begins with this byte, in the words of packed_type_name(); a timestamp is an
 * extension. */
const char *packed_records_type_name(uint8_t first);

#endif
