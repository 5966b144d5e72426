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
 * Reads an RFC 3339 date-time: YYYY-MM-DDThh:mm:ss, optionally 1 to 9 decimals of a second, then Z
 * or an offset; T and Z in either case. *ret_ns is set only if TIMESTAMP_OK.
 *
 * Returns: TIMESTAMP_OK
 *          TIMESTAMP_BAD_FORM  another form, a date that does not exist, or a second of 60 (there
 *                              are no leap seconds in our time)
 *          TIMESTAMP_OVERFLOW  a valid time that does not fit 64 bits
 */
enum timestamp_result timestamp_parse(const char *text, size_t len, int64_t *ret_ns);

/* A date and a time of day as they were read, and how far their zone is ahead of UTC. */
struct timestamp_parts {
    unsigned year, month, day, hour, minute, second;
    int64_t fraction_ns;
    int64_t offset_seconds;
};

/* As timestamp_parse(), from parts that were read already. Requires: year <= 9999. */
enum timestamp_result timestamp_from_parts(const struct timestamp_parts *parts, int64_t *ret_ns);

/* Appends the timestamp in UTC, with as many decimals as it needs: "2000-01-01T00:00:00Z". */
void timestamp_format(int64_t ns, struct buf *out);

/* Days since 1970 of 0000-01-01 and of 9999-12-31: the range of dates with a four-digit year. */
#define TIMESTAMP_DAYS_MIN INT64_C(-719528)
#define TIMESTAMP_DAYS_MAX INT64_C(2932896)

/*
 * Reads a date, YYYY-MM-DD, as days since 1970-01-01. Returns TIMESTAMP_OK or TIMESTAMP_BAD_FORM.
 */
enum timestamp_result timestamp_parse_date(const char *text, size_t len, int64_t *ret_days);

/* Appends a date. Requires: TIMESTAMP_DAYS_MIN <= days <= TIMESTAMP_DAYS_MAX. */
void timestamp_format_date(int64_t days, struct buf *out);

/* Days since 1970-01-01 of a date. Requires: month 1..12. */
int64_t timestamp_days_from_civil(int64_t year, unsigned month, unsigned day);

#endif
