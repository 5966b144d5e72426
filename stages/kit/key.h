/* SPDX-License-Identifier: MIT */
/*
 * key.h - the fields that make a key, as bytes: two keys are equal if and only if their bytes are
 */
#ifndef BULKHEAD_STAGES_KIT_KEY_H
#define BULKHEAD_STAGES_KIT_KEY_H

#include "common/buf.h"
#include "common/contract.h"
#include "common/value.h"
#include "topology/options.h"

/* Appends the fields that a "list of fields" option names, each with its length or as 8 bytes. */
void key_add_fields(const struct option_value *fields, const struct record *record,
                    struct buf *out);

/* Appends names and types of the fields to a store's schema: "a:string,b:int". */
void key_describe(const struct option_value *fields, const struct contract *in, struct buf *out);

#endif
