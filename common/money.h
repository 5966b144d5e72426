/* SPDX-License-Identifier: MIT */
/*
 * money.h - exact amounts with their currency
 *
 * An amount is a whole number of the currency's minor unit (cents for USD), in 64 bits. There is
 * no binary floating point and no rounding: an amount with more decimals than its currency has is
 * refused. Codes and decimals are those of ISO 4217.
 */
#ifndef BULKHEAD_COMMON_MONEY_H
#define BULKHEAD_COMMON_MONEY_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/* A currency by its index in the table of money.c; 0 is none. */
struct currency {
    uint8_t index;
};

enum money_result {
    MONEY_OK,
    MONEY_BAD_FORM,
    MONEY_WRONG_CURRENCY,
    MONEY_TOO_MANY_DECIMALS,
    MONEY_OVERFLOW,
};

/* Finds a currency by its ISO code of len letters. Returns 0, or ERR_NOT_FOUND. */
int money_currency_find(const char *code, size_t len, struct currency *ret_currency);

/* The ISO code of a currency, for instance "USD". Requires: one that was found. */
const char *money_currency_code(struct currency currency);

/* How many decimals the currency has. Requires: one that was found. */
unsigned money_currency_decimals(struct currency currency);

/*
 * Reads an amount as people write it in data: [-] then a symbol ("$") or a code with at most one
 * space ("USD "), then digits, then optionally a point and digits. The currency must be stated:
 * a bare number is MONEY_BAD_FORM.
 *
 *   expected    the currency that the amount must be in
 *   ret_minor   the amount in minor units; set only if MONEY_OK
 *
 * Of several faults, the first in enum money_result is returned.
 */
enum money_result money_parse(const char *text, size_t len, struct currency expected,
                              int64_t *ret_minor);

/* Reads a bare decimal such as "5000.00" as an amount of the currency, for topology options. */
enum money_result money_parse_bare(const char *text, size_t len, struct currency currency,
                                   int64_t *ret_minor);

/* Appends the amount with its symbol or code and all decimals: "$3318.47", "-$0.05", "CHF 1.00". */
void money_format(int64_t minor, struct currency currency, struct buf *out);

#endif
