/* SPDX-License-Identifier: MIT */
/*
 * contract.h - the fields of the records of one link: names and types by position
 *
 * The checker gives both ends of a link the same contract. Every frame carries its fingerprint, so
 * that a frame of another contract is refused instead of misread. A contract does not change once
 * the topology is checked.
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
    bool open; /* there may be fields that are not listed; see enum type_doubt */
};

/*
 * Adds a field at the end.
 * Returns:  0
 *           ERR_RANGE    FIELDS_MAX is reached or the name is too long
 *           ERR_INVALID  there is a field of that name already
 */
int contract_add(struct contract *c, const char *name, struct type type);

/* Adds a field whose type is in doubt, unless there is no room or already one of this name. */
void contract_add_doubtful(struct contract *c, const char *name, enum type_doubt doubt);

/* The index of the field with a name, or -1. */
int contract_find(const struct contract *c, const char *name);

/* A hash of names and types in order. Contracts with equal hashes are assumed to be equal. */
uint64_t contract_fingerprint(const struct contract *c);

/* Whether a value's tag is allowed in the field. type_admits() checks everything else. */
bool contract_value_fits(const struct contract *c, size_t field, const struct value *value);

#endif
