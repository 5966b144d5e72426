/* SPDX-License-Identifier: MIT */
#include "common/timestamp_form.h"

#include <stdbool.h>
#include <string.h>

#include "common/check.h"
#include "common/floor.h"

#define DIRECTIVES "YmbdeHMSfazs"

static const char *const month_names[12] = {"jan", "feb", "mar", "apr", "may", "jun",
                                            "jul", "aug", "sep", "oct", "nov", "dec"};
/* 1970-01-01 was a Thursday. */
static const char *const day_names[7] = {"thu", "fri", "sat", "sun", "mon", "tue", "wed"};

static bool has(const struct timestamp_form *form, char directive)
{
    for (size_t i = 0; i < form->count; i++) {
        if (form->items[i].directive == directive)
            return true;
    }
    return false;
}

static int add_directive(struct timestamp_form *form, char directive, struct err *e)
{
    if (directive == '\0' || strchr(DIRECTIVES, directive) == NULL)
        return err_set(
            e, ERR_INVALID,
            "'%%%c' is not a part of a time; the parts are %%Y %%m %%b %%d %%e %%H %%M %%S %%f "
            "%%a %%z %%s %%%%",
            directive != '\0' ? directive : ' ');
    if (has(form, directive))
        return err_set(e, ERR_INVALID, "it has '%%%c' twice", directive);
    form->items[form->count++].directive = directive;
    return 0;
}

/* Checks that the form defines a time: a complete date and nothing twice, or only seconds. */
static int check_form(const struct timestamp_form *form, struct err *e)
{
    if (has(form, 's')) {
        for (const char *d = DIRECTIVES; *d != '\0'; d++) {
            if (*d != 's' && *d != 'f' && has(form, *d))
                return err_set(e, ERR_INVALID, "'%%s' is the whole time; remove '%%%c'", *d);
        }
        return 0;
    }
    if (has(form, 'm') && has(form, 'b'))
        return err_set(e, ERR_INVALID, "'%%m' and '%%b' are both the month");
    if (has(form, 'd') && has(form, 'e'))
        return err_set(e, ERR_INVALID, "'%%d' and '%%e' are both the day");
    if (!has(form, 'Y') || !(has(form, 'm') || has(form, 'b')) ||
        !(has(form, 'd') || has(form, 'e')))
        return err_set(e, ERR_INVALID,
                       "it has no complete date; use %%Y, %%m or %%b, and %%d or %%e, or else %%s");
    if (has(form, 'f') && !has(form, 'S'))
        return err_set(e, ERR_INVALID, "'%%f' is a fraction of a second, but there is no '%%S'");
    return 0;
}

int timestamp_form_read(const char *text, struct timestamp_form *ret_form, struct err *e)
{
    struct timestamp_form form = {0};
    for (; *text != '\0'; text++) {
        if (form.count == TIMESTAMP_FORM_ITEMS_MAX)
            return err_set(e, ERR_INVALID, "it has more than %d parts", TIMESTAMP_FORM_ITEMS_MAX);
        if (*text == '%' && *++text != '%') {
            int rc = add_directive(&form, *text, e);
            if (rc != 0)
                return rc;
        } else {
            form.items[form.count++].character = *text;
        }
    }
    int rc = check_form(&form, e);
    if (rc == 0)
        *ret_form = form;
    return rc;
}

/* What was read of a text, and the position in it. */
struct reading {
    const char *at, *end;
    struct timestamp_parts parts;
    int weekday;     /* index in day_names; -1: none was read */
    int64_t seconds; /* of %s */
};

/* Reads min to max digits; false if there are fewer. */
static bool take_digits(struct reading *r, int min, int max, int64_t *ret_number, int *ret_count)
{
    int64_t number = 0;
    int count = 0;
    for (; count < max && r->at < r->end && *r->at >= '0' && *r->at <= '9'; count++, r->at++)
        number = number * 10 + (*r->at - '0');
    *ret_number = number;
    *ret_count = count;
    return count >= min;
}

static bool take_two(struct reading *r, unsigned *ret_number)
{
    int64_t number;
    int count;
    bool good = take_digits(r, 2, 2, &number, &count);
    *ret_number = (unsigned)number;
    return good;
}

static bool take_character(struct reading *r, char wanted)
{
    if (r->at == r->end || *r->at != wanted)
        return false;
    r->at++;
    return true;
}

/* Reads a name of three letters. Returns its index in the list, or -1. */
static int take_name(struct reading *r, const char *const *names, int count)
{
    if (r->end - r->at < 3)
        return -1;
    char name[3];
    for (int i = 0; i < 3; i++)
        name[i] = (char)(r->at[i] >= 'A' && r->at[i] <= 'Z' ? r->at[i] + ('a' - 'A') : r->at[i]);
    for (int i = 0; i < count; i++) {
        if (memcmp(names[i], name, 3) == 0) {
            r->at += 3;
            return i;
        }
    }
    return -1;
}

static bool take_fraction(struct reading *r)
{
    int digits;
    if (!take_digits(r, 1, 9, &r->parts.fraction_ns, &digits))
        return false;
    for (; digits < 9; digits++)
        r->parts.fraction_ns *= 10;
    return true;
}

static bool take_zone(struct reading *r)
{
    if (take_character(r, 'Z'))
        return true;
    bool west = r->at < r->end && *r->at == '-';
    unsigned hours, minutes;
    if (!take_character(r, west ? '-' : '+') || !take_two(r, &hours))
        return false;
    (void)take_character(r, ':');
    if (!take_two(r, &minutes) || hours > 23 || minutes > 59)
        return false;
    int64_t seconds = (int64_t)hours * 3600 + (int64_t)minutes * 60;
    r->parts.offset_seconds = west ? -seconds : seconds;
    return true;
}

static bool take_seconds(struct reading *r)
{
    bool negative = take_character(r, '-');
    int digits;
    /* 12 digits are more than the years up to 2262 need, and cannot overflow below. */
    if (!take_digits(r, 1, 12, &r->seconds, &digits))
        return false;
    if (negative)
        r->seconds = -r->seconds;
    return true;
}

static bool take_year(struct reading *r)
{
    int64_t number;
    int count;
    bool good = take_digits(r, 4, 4, &number, &count);
    r->parts.year = (unsigned)number;
    return good;
}

static bool take_day(struct reading *r)
{
    int64_t number;
    int count;
    bool spaced = take_character(r, ' ');
    bool good = take_digits(r, 1, spaced ? 1 : 2, &number, &count);
    r->parts.day = (unsigned)number;
    return good;
}

static bool take_directive(struct reading *r, char directive)
{
    switch (directive) {
    case 'Y':
        return take_year(r);
    case 'm':
        return take_two(r, &r->parts.month);
    case 'b':
        r->parts.month = (unsigned)(take_name(r, month_names, 12) + 1);
        return r->parts.month != 0;
    case 'd':
        return take_two(r, &r->parts.day);
    case 'e':
        return take_day(r);
    case 'H':
        return take_two(r, &r->parts.hour);
    case 'M':
        return take_two(r, &r->parts.minute);
    case 'S':
        return take_two(r, &r->parts.second);
    case 'f':
        return take_fraction(r);
    case 'a':
        r->weekday = take_name(r, day_names, 7);
        return r->weekday >= 0;
    case 'z':
        return take_zone(r);
    case 's':
        return take_seconds(r);
    default:
        UNREACHABLE();
    }
}

/* The weekday is that of the date as written, in its own zone. */
static bool weekday_is_right(const struct reading *r)
{
    if (r->weekday < 0)
        return true;
    int64_t days = timestamp_days_from_civil(r->parts.year, r->parts.month, r->parts.day);
    return floor_mod(days, 7) == r->weekday;
}

/* Seconds since 1970. The decimals of a negative number count away from 0, as in -1.5. */
static enum timestamp_result of_seconds(const struct reading *r, bool negative, int64_t *ret_ns)
{
    int64_t fraction_ns = negative ? -r->parts.fraction_ns : r->parts.fraction_ns;
    __int128 ns = (__int128)r->seconds * TIMESTAMP_NS_PER_SECOND + fraction_ns;
    if (ns > INT64_MAX || ns < INT64_MIN)
        return TIMESTAMP_OVERFLOW;
    *ret_ns = (int64_t)ns;
    return TIMESTAMP_OK;
}

enum timestamp_result timestamp_form_parse(const struct timestamp_form *form, const char *text,
                                           size_t len, int64_t *ret_ns)
{
    struct reading r = {.at = text, .end = text + len, .weekday = -1};
    bool by_seconds = false, negative = false;
    for (size_t i = 0; i < form->count; i++) {
        char directive = form->items[i].directive;
        if (directive == 's') {
            by_seconds = true;
            negative = r.at < r.end && *r.at == '-';
        }
        if (directive != 0 ? !take_directive(&r, directive)
                           : !take_character(&r, form->items[i].character))
            return TIMESTAMP_BAD_FORM;
    }
    if (r.at != r.end)
        return TIMESTAMP_BAD_FORM;
    if (by_seconds)
        return of_seconds(&r, negative, ret_ns);
    int64_t ns;
    enum timestamp_result result = timestamp_from_parts(&r.parts, &ns);
    if (result == TIMESTAMP_BAD_FORM || !weekday_is_right(&r))
        return TIMESTAMP_BAD_FORM;
    if (result == TIMESTAMP_OK)
        *ret_ns = ns;
    return result;
}
