/* SPDX-License-Identifier: MIT */
/*
 * timestamp.h - points in time as RFC 3339 text and as nanoseconds
 *
 * A timestamp is the number of nanoseconds since 1970-01-01T00:00:00Z without leap seconds, in 64
 * bits: 1677-09-21 to 2262-04-11. The day arithmetic is the proleptic Gregorian calendar's.
 */
#ifndef BULKHEAD_COMMON_TIMESTAMP_H
#define BULKHEAD_COMMON_TIMESTAMP_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

#define TIMESTAMP_NS_PER_SECOND INT64_C(1000000000)
#define TIMESTAMP_NS_PER_DAY (INT64_C(86400) * TIMESTAMP_NS_PER_SECOND)

enum timestamp_result {
    TIMESTAMP_OK,
    TIMESTAMP_BAD_FORM,
    TIMESTAMP_OVERFLOW,
};

/*
 * Reads RFC 3339 date-time: YYYY-MM-DDThh:mm:ss, 1 to 9 decimals of a second if any, Z or an
 * offset; T and Z in either case. A second of 60 is TIMESTAMP_BAD_FORM (our time has no leap
 * seconds), a date that does not exist as well; a good date outside 64 bits TIMESTAMP_OVERFLOW.
 * *ret_ns is untouched unless TIMESTAMP_OK.
 */
enum timestamp_result timestamp_parse(const char *text, size_t len, int64_t *ret_ns);

/* A date and a time of day as they were read, and how far its zone is ahead of UTC. */
struct timestamp_parts {
    unsigned year, month, day, hour, minute, second;
    int64_t fraction_ns;
    int64_t offset_seconds;
};

/* As timestamp_parse(), of what was read already. Requires: year <= 9999. */
enum timestamp_result timestamp_from_parts(const struct timestamp_parts *parts, int64_t *ret_ns);

/* Appends the timestamp in UTC, with as many decimals as it needs: "2000-01-01T00:00:00Z". */
void timestamp_format(int64_t ns, struct buf *out);

/* The days since 1970 of 0000-01-01 and of 9999-12-31: what a date with four digits can be. */
#define TIMESTAMP_DAYS_MIN INT64_C(-719528)
#define TIMESTAMP_DAYS_MAX INT64_C(2932896)

/* Reads a date, YYYY-MM-DD, as days since 1970-01-01. Returns TIMESTAMP_OK or TIMESTAMP_BAD_FORM.
 */
enum timestamp_result timestamp_parse_date(const char *text, size_t len, int64_t *ret_days);

/* Appends a date. Requires: TIMESTAMP_DAYS_MIN <= days <= TIMESTAMP_DAYS_MAX. */
void timestamp_format_date(int64_t days, struct buf *out);

/* Days since 1970-01-01 of a date. Requires: month 1..12. */
int64_t timestamp_days_from_civil(int64_t year, unsigned month, unsigned day);

#endif
