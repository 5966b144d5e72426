/* SPDX-License-Identifier: MIT */
#include "stages/kit/rotation_name.h"

#include <string.h>

/* Longer numbers are dates or times, where one may be missing between two others. */
#define NUMBER_DIGITS_MAX 7u
/* A time as seconds since 1970, or in smaller units, has at least this many digits. */
#define EPOCH_DIGITS_MIN 10u

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_in_run(char c)
{
    return is_digit(c) || is_letter(c);
}

/* A run: a piece of a name with only letters and digits. */
struct run {
    const char *text;
    size_t len, digits;
};

static struct run run_at(const char *text, size_t len)
{
    struct run run = {.text = text};
    while (run.len < len && is_in_run(text[run.len]))
        run.digits += is_digit(text[run.len++]) ? 1 : 0;
    return run;
}

static bool is_number(const struct run *run)
{
    return run->len > 0 && run->digits == run->len;
}

static bool runs_are_same(const struct run *a, const struct run *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* Whether a run is the name of a month or a day, as in dates. */
static bool is_of_date(const struct run *run)
{
    static const char words[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
                                    "Aug", "Sep", "Oct", "Nov", "Dec", "Mon", "Tue",
                                    "Wed", "Thu", "Fri", "Sat", "Sun"};
    for (size_t i = 0; run->len == 3 && i < sizeof words / sizeof words[0]; i++) {
        if ((run->text[0] | 0x20) == (words[i][0] | 0x20) &&
            memcmp(run->text + 1, words[i] + 1, 2) == 0)
            return true;
    }
    return false;
}

/* Whether two runs can be in the same place of two names of one rotation. */
static bool runs_are_alike(const struct run *a, const struct run *b)
{
    if (a->digits == 0 || b->digits == 0)
        return runs_are_same(a, b) || (is_of_date(a) && is_of_date(b));
    if (a->len == b->len)
        return true;
    bool counters = a->len <= NUMBER_DIGITS_MAX && b->len <= NUMBER_DIGITS_MAX;
    bool moments = a->len >= EPOCH_DIGITS_MIN && b->len >= EPOCH_DIGITS_MIN;
    return is_number(a) && is_number(b) && (counters || moments);
}

/* Whether there are only separators and numbers, and how many numbers. */
static bool only_numbers(const char *text, size_t len, size_t *ret_count)
{
    *ret_count = 0;
    for (size_t at = 0; at < len;) {
        struct run run = run_at(text + at, len - at);
        if (run.len > 0 && !is_number(&run))
            return false;
        *ret_count += run.len > 0 ? 1 : 0;
        at += run.len > 0 ? run.len : 1;
    }
    return true;
}

/* How two names of the same form differ. */
struct difference {
    size_t count; /* number of runs that differ */
    /* Number of equal numbers of two digits or more: parts of a date, or of a time. */
    size_t numbers;
    struct run a, b; /* the first runs that differ */
    bool in_date;    /* they belong to a date that begins with the year, or to the time after it */
    int longer;      /* 1: a has more numbers at its end; -1: b has */
};

static bool begins_with_year(const struct run *run)
{
    bool length = run->len == 4 || run->len == 8 || run->len == 12 || run->len == 14;
    return is_number(run) && length &&
           (memcmp(run->text, "19", 2) == 0 || memcmp(run->text, "20", 2) == 0);
}

/* Whether a run is a complete time: seconds since 1970, or the label of svlogd and multilog. */
static bool is_moment(const struct run *run, bool labelled)
{
    return (is_number(run) && run->len >= EPOCH_DIGITS_MIN) || (labelled && run->len == 24);
}

/* Parts of a date or a time have two digits, or several pairs of digits. */
static bool goes_on_date(const struct run *run)
{
    return is_number(run) && (run->len == 2 || run->len == 4 || run->len == 6);
}

/*
 * Compares two names piece by piece. Returns whether they have the same form: the same separators
 * and words, digits where the other has digits, and only more numbers where one is longer.
 */
static bool compare(const char *a, size_t a_len, const char *b, size_t b_len,
                    struct difference *ret_difference)
{
    struct difference d = {0};
    bool dated = false, labelled = false;
    size_t i = 0, j = 0;
    while (i < a_len && j < b_len) {
        struct run ra = run_at(a + i, a_len - i), rb = run_at(b + j, b_len - j);
        if (ra.len == 0 || rb.len == 0) {
            if (a[i] != b[j])
                return false;
            labelled = a[i] == '@';
            i++;
            j++;
            continue;
        }
        if (!runs_are_alike(&ra, &rb))
            return false;
        dated = dated ? goes_on_date(&ra) && goes_on_date(&rb)
                      : begins_with_year(&ra) && begins_with_year(&rb);
        d.numbers += runs_are_same(&ra, &rb) && is_number(&ra) && ra.len > 1 ? 1 : 0;
        if (!runs_are_same(&ra, &rb) && d.count++ == 0) {
            d.a = ra;
            d.b = rb;
            d.in_date = (dated || (is_moment(&ra, labelled) && is_moment(&rb, labelled)));
        }
        i += ra.len;
        j += rb.len;
    }
    size_t more;
    const char *rest = i < a_len ? a + i : b + j;
    size_t rest_len = i < a_len ? a_len - i : b_len - j;
    if (!only_numbers(rest, rest_len, &more))
        return false;
    d.longer = more == 0 ? 0 : i < a_len ? 1 : -1;
    *ret_difference = d;
    return true;
}

/* Compares two numbers as texts of any length. */
static int number_order(const struct run *a, const struct run *b)
{
    if (a->len != b->len)
        return a->len > b->len ? 1 : -1;
    int order = memcmp(a->text, b->text, a->len);
    return order > 0 ? 1 : order < 0 ? -1 : 0;
}

static uint64_t value_of(const struct run *run)
{
    uint64_t value = 0;
    for (size_t i = 0; i < run->len; i++)
        value = 10 * value + (uint64_t)(run->text[i] - '0');
    return value;
}

static bool is_counter(const struct run *run)
{
    return is_number(run) && run->len <= NUMBER_DIGITS_MAX;
}

/* Whether the only difference is one number that is not part of a date. */
static bool differ_in_number(const struct difference *d)
{
    return d->count == 1 && d->longer == 0 && d->numbers == 0 && !d->in_date && is_counter(&d->a) &&
           is_counter(&d->b) && value_of(&d->a) != value_of(&d->b);
}

int rotation_name_order(const char *a, size_t a_len, const char *b, size_t b_len, int direction)
{
    struct difference d;
    if (!compare(a, a_len, b, b_len, &d))
        return 0;
    if (d.count == 0)
        return d.longer; /* another file of the same day */
    if (d.in_date)
        return number_order(&d.a, &d.b);
    if (!differ_in_number(&d))
        return 0;
    return value_of(&d.a) > value_of(&d.b) ? direction : -direction;
}

bool rotation_name_is_peer(const char *a, size_t a_len, const char *b, size_t b_len)
{
    struct difference d;
    return compare(a, a_len, b, b_len, &d) && d.count > 0;
}

bool rotation_name_numbers(const char *a, size_t a_len, const char *b, size_t b_len,
                           uint64_t *ret_a, uint64_t *ret_b)
{
    struct difference d;
    if (!compare(a, a_len, b, b_len, &d) || !differ_in_number(&d))
        return false;
    *ret_a = value_of(&d.a);
    *ret_b = value_of(&d.b);
    return true;
}

bool rotation_name_number(const char *base, const char *name, size_t len, uint64_t *ret_number)
{
    size_t base_len = strlen(base);
    if (len <= base_len + 1 || strncmp(name, base, base_len) != 0 || name[base_len] != '.')
        return false;
    struct run run = run_at(name + base_len + 1, len - base_len - 1);
    if (base_len + 1 + run.len != len || !is_counter(&run))
        return false;
    *ret_number = value_of(&run);
    return true;
}

/* --- which names belong to the log --- */

/* What every name of the log begins and ends with, as taken from one of them. */
struct frame {
    size_t begin, end;
};

static bool begins_with(const char *name, size_t len, const char *with, size_t with_len)
{
    return len > with_len && memcmp(name, with, with_len) == 0;
}

/*
 * Whether a name is made from a base: something follows the base (app.log.1), or precedes its
 * suffix (app-1.log).
 */
static bool frame_of(const char *base, const char *name, size_t len, struct frame *ret_frame)
{
    size_t base_len = strlen(base);
    const char *dot = strrchr(base, '.');
    size_t stem = dot != NULL ? (size_t)(dot - base) : 0;
    if (begins_with(name, len, base, base_len)) {
        *ret_frame = (struct frame){.begin = base_len};
        return true;
    }
    if (stem == 0 || len <= base_len || !begins_with(name, len, base, stem) ||
        is_in_run(name[stem]) || memcmp(name + len - (base_len - stem), dot, base_len - stem) != 0)
        return false;
    *ret_frame = (struct frame){.begin = stem, .end = base_len - stem};
    return true;
}

/* Words for the previous file, used where there is only one. */
static bool is_word_for_last(const char *text, size_t len)
{
    static const char *const words[] = {".old", "-old", "_old", ".prev", ".last", "~"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strlen(words[i]) == len && memcmp(words[i], text, len) == 0)
            return true;
    }
    return false;
}

static bool has_digits(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (is_digit(text[i]))
            return true;
    }
    return false;
}

/*
 * Whether a name made from a base can be that of a rotated file. If ours has no name to compare it
 * with, any digit in it will do: nothing is read because of that, it only stops the run.
 */
static bool is_made_of(const char *base, const char *name, size_t len, bool any)
{
    struct frame f;
    size_t count;
    if (!frame_of(base, name, len, &f))
        return false;
    const char *middle = name + f.begin;
    size_t middle_len = len - f.begin - f.end;
    return (only_numbers(middle, middle_len, &count) && count > 0) ||
           is_word_for_last(middle, middle_len) || (any && has_digits(middle, middle_len));
}

/* Whether a name has the form of ours, and the same words around it. */
static bool is_like_ours(const struct rotation_family *f, const char *name, size_t len)
{
    const char *ours = f->ours;
    size_t ours_len = strlen(ours);
    struct frame frame = {0}, other;
    bool framed = frame_of(f->base, ours, ours_len, &frame);
    if (framed && (!frame_of(f->base, name, len, &other) || other.begin != frame.begin))
        return false;
    if (!framed && f->target != NULL && frame_of(f->target, ours, ours_len, &frame) &&
        (!frame_of(f->target, name, len, &other) || other.begin != frame.begin))
        return false;
    struct difference d;
    return len > frame.begin + frame.end &&
           compare(ours + frame.begin, ours_len - frame.begin - frame.end, name + frame.begin,
                   len - frame.begin - frame.end, &d);
}

bool rotation_name_may_be_other(const char *base, const char *name, size_t len)
{
    struct frame f;
    size_t base_len = strlen(base);
    if (!frame_of(base, name, len, &f) || f.end == 0 || len < base_len + 2)
        return false;
    struct run run = run_at(name + f.begin + 1, len - f.begin - f.end - 1);
    return f.begin + 1 + run.len + f.end == len && is_counter(&run);
}

static bool is_member(const struct rotation_family *f, const char *name, size_t len)
{
    bool any = f->ours == NULL;
    return (!any && is_like_ours(f, name, len)) || is_made_of(f->base, name, len, any) ||
           (f->target != NULL && is_made_of(f->target, name, len, any));
}

size_t rotation_name_plain_len(const struct rotation_family *f, const char *name)
{
    size_t len = strlen(name);
    const char *dot = strrchr(name, '.');
    bool ends = dot != NULL && dot != name && is_letter(dot[1]);
    size_t plain = ends ? (size_t)(dot - name) : len;
    /*
     * With no name to compare with, a suffix counts as one of compression: app.log.1.gz has digits
     * too.
     */
    bool loose = f->ours == NULL;
    if (loose && ends && is_member(f, name, plain))
        return plain;
    if (is_member(f, name, len))
        return len;
    return ends && is_member(f, name, plain) ? plain : 0;
}
