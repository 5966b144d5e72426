/* SPDX-License-Identifier: MIT */
/*
 * timestamp_form.h - times in the forms of other programs: "%d/%b/%Y:%H:%M:%S %z"
 *
 * A form is text with directives. All other characters stand for themselves.
 *
 *     %Y  year, four digits            %H  hour, 00 to 23
 *     %m  month, 01 to 12              %M  minute, 00 to 59
 *     %b  month in English: Jan        %S  second, 00 to 59
 *     %d  day, 01 to 31                %f  decimals of the second, 1 to 9 digits
 *     %e  day, one or two digits; one digit may have a space before it
 *     %a  day of the week in English: Mon; it must fit the date
 *     %z  zone: +hhmm, +hh:mm or Z; without it the time is in UTC
 *     %s  seconds since 1970-01-01T00:00:00Z, instead of all others but %f
 *     %%  a percent sign
 *
 * Names of months and days may be in upper or lower case. Nothing depends on the locale.
 */
#ifndef BULKHEAD_COMMON_TIMESTAMP_FORM_H
#define BULKHEAD_COMMON_TIMESTAMP_FORM_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/timestamp.h"

#define TIMESTAMP_FORM_ITEMS_MAX 64

/* Plain data, without pointers: it may be copied. */
struct timestamp_form {
    size_t count;
    struct {
        char directive; /* 0: a literal character */
        char character;
    } items[TIMESTAMP_FORM_ITEMS_MAX];
};

/*
 * Reads a form.
 * Returns: 0, or ERR_INVALID: a directive is unknown or appears twice, the form has no complete
 *          date, or it is too long. e says which.
 */
int timestamp_form_read(const char *text, struct timestamp_form *ret_form, struct err *e);

/* Reads a time that is written in the form. Returns as timestamp_parse(). */
enum timestamp_result timestamp_form_parse(const struct timestamp_form *form, const char *text,
                                           size_t len, int64_t *ret_ns);

#endif
