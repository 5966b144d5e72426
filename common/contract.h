/* SPDX-License-Identifier: MIT */
/*
 * contract.h - what the records of one link are made of: names and types by position
 *
 * Both ends of a link are given the same contract by the checker; its fingerprint goes with every
 * frame, so that a frame of another contract is refused, not guessed at. A contract does not
 * change once the topology is checked.
 */
#ifndef BULKHEAD_COMMON_CONTRACT_H
#define BULKHEAD_COMMON_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bounds.h"
#include "common/value.h"

struct field {
    char name[NAME_BYTES_MAX + 1];
    struct type type;
};

struct contract {
    struct field fields[FIELDS_MAX];
    size_t count;
    bool open; /* as type_doubt: there may be fields that are not listed */
};

/*
 * Adds a field at the end.
 * Returns:  0
 *           ERR_RANGE    FIELDS_MAX is reached or the name is too long
 *           ERR_INVALID  the name is there already
 */
int contract_add(struct contract *c, const char *name, struct type type);

/* Adds a field of which little is known, if there is room and none of this name. */
void contract_add_doubtful(struct contract *c, const char *name, enum type_doubt doubt);

/* The place of a field by name, or -1. */
int contract_find(const struct contract *c, const char *name);

/* Hash of names and types in order. Contracts with the same one are taken for the same. */
uint64_t contract_fingerprint(const struct contract *c);

/* Whether a value has a tag that may stand in the field; for all else, type_admits(). */
bool contract_value_fits(const struct contract *c, size_t field, const struct value *value);

#endif
