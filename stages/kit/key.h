/* SPDX-License-Identifier: MIT */
/*
 * key.h - the fields of a key as bytes: two keys are equal if and only if their bytes are equal
 */
#ifndef BULKHEAD_STAGES_KIT_KEY_H
#define BULKHEAD_STAGES_KIT_KEY_H

#include "common/buf.h"
#include "common/contract.h"
#include "common/value.h"
#include "topology/options.h"

/*
 * Appends the fields that an option of the type "list of fields" names: a text with its length in
 * front, a bool as 1 byte, anything else as 8 bytes.
 */
void key_add_fields(const struct option_value *fields, const struct record *record,
                    struct buf *out);

/* Appends the names and types of the fields for the schema of a store: "a:string,b:int". */
void key_describe(const struct option_value *fields, const struct contract *in, struct buf *out);

#endif
