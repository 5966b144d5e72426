/* SPDX-License-Identifier: MIT */
#include "common/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/bounds.h"
#include "common/err.h"
#include "common/utf8.h"

#define WORD_BYTES_MAX NAME_BYTES_MAX

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Edit distance with swaps of neighbors ("optimal string alignment"), by rows. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    if (a_len > WORD_BYTES_MAX || b_len > WORD_BYTES_MAX)
        return SIZE_MAX;
    size_t rows[3][WORD_BYTES_MAX + 1];
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        const size_t *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t replace = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = min3(above[j] + 1, row[j - 1] + 1, replace);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                two_above[j - 2] + 1 < row[j])
                row[j] = two_above[j - 2] + 1;
        }
    }
    return rows[a_len % 3][b_len];
}

const char *text_nearest(const char *word, const char *const *candidates, size_t count)
{
    size_t limit = strlen(word) / 3;
    const char *nearest = NULL;
    size_t nearest_distance = limit > 0 ? limit : 1;
    for (size_t i = 0; i < count; i++) {
        if (candidates[i] == NULL)
            continue;
        size_t distance = edit_distance(word, candidates[i]);
        if (distance < nearest_distance || (distance == nearest_distance && nearest == NULL)) {
            nearest = candidates[i];
            nearest_distance = distance;
        }
    }
    return nearest;
}

const char *text_suggestion(const char *nearest, const char *otherwise,
                            char ret_text[TEXT_SUGGESTION_BYTES])
{
    if (nearest == NULL)
        return otherwise;
    (void)snprintf(ret_text, TEXT_SUGGESTION_BYTES, "; did you mean '%s'?", nearest);
    return ret_text;
}

struct unit {
    const char *name;
    int64_t ns;
};

/* Where a name begins with another one, the longer one comes first. */
static const struct unit units[] = {
    {"w", INT64_C(604800000000000)}, {"d", INT64_C(86400000000000)},
    {"h", INT64_C(3600000000000)},   {"ms", INT64_C(1000000)},
    {"m", INT64_C(60000000000)},     {"s", INT64_C(1000000000)},
    {"us", INT64_C(1000)},           {"ns", INT64_C(1)},
};
#define UNIT_COUNT (sizeof units / sizeof units[0])

static const struct unit *take_unit(const char **at)
{
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        size_t len = strlen(units[i].name);
        if (strncmp(*at, units[i].name, len) == 0) {
            *at += len;
            return &units[i];
        }
    }
    return NULL;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Consumes all digits at the front, however large the number. */
static int take_digits(const char **at, int64_t *ret_number)
{
    if (!is_digit(**at))
        return ERR_INVALID;
    int64_t number = 0;
    bool fits = true;
    for (; is_digit(**at); (*at)++) {
        fits = fits && !__builtin_mul_overflow(number, 10, &number) &&
               !__builtin_add_overflow(number, **at - '0', &number);
    }
    *ret_number = number;
    return fits ? 0 : ERR_RANGE;
}

int text_parse_duration(const char *text, int64_t *ret_ns)
{
    int64_t total = 0;
    bool fits = true;
    do {
        int64_t number;
        int rc = take_digits(&text, &number);
        const struct unit *unit = rc != ERR_INVALID ? take_unit(&text) : NULL;
        if (unit == NULL)
            return ERR_INVALID;
        fits = fits && rc == 0 && !__builtin_mul_overflow(number, unit->ns, &number) &&
               !__builtin_add_overflow(total, number, &total);
    } while (*text != '\0');
    if (!fits)
        return ERR_RANGE;
    *ret_ns = total;
    return 0;
}

void text_format_duration(int64_t ns, struct buf *out)
{
    if (ns == 0) {
        buf_add_text(out, "0s");
        return;
    }
    /* Weeks are read but not written: people count in days. */
    static const char *const order[] = {"d", "h", "m", "s", "ms", "us", "ns"};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        const char *name = order[i];
        const struct unit *unit = take_unit(&name);
        if (ns / unit->ns != 0) {
            buf_add_int(out, ns / unit->ns);
            buf_add_text(out, unit->name);
        }
        ns %= unit->ns;
    }
}

int text_parse_int(const char *text, int64_t *ret_number)
{
    return text_read_int(text, strlen(text), ret_number);
}

static bool are_digits(const char *at, const char *end)
{
    while (at != end && is_digit(*at))
        at++;
    return at == end;
}

int text_read_int(const char *text, size_t len, int64_t *ret_number)
{
    const char *at = text, *end = text + len;
    bool negative = at != end && *at == '-';
    at += negative ? 1 : 0;
    if (at == end || !is_digit(*at))
        return ERR_INVALID;
    int64_t number = 0;
    for (; at != end && is_digit(*at); at++) {
        /* Counts down for a negative number, whose range is larger by one. */
        int digit = *at - '0';
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, negative ? -digit : digit, &number))
            return are_digits(at, end) ? ERR_RANGE : ERR_INVALID;
    }
    if (at != end)
        return ERR_INVALID;
    *ret_number = number;
    return 0;
}

int text_parse_size(const char *text, int64_t *ret_bytes)
{
    int64_t number;
    int rc = take_digits(&text, &number);
    if (rc == ERR_INVALID)
        return rc;
    while (*text == ' ')
        text++;
    int64_t factor = 0;
    if (*text == '\0')
        factor = 1;
    else if (strcmp(text, "KiB") == 0)
        factor = INT64_C(1) << 10;
    else if (strcmp(text, "MiB") == 0)
        factor = INT64_C(1) << 20;
    else if (strcmp(text, "GiB") == 0)
        factor = INT64_C(1) << 30;
    else if (strcmp(text, "TiB") == 0)
        factor = INT64_C(1) << 40;
    if (factor == 0)
        return ERR_INVALID;
    if (rc != 0 || __builtin_mul_overflow(number, factor, &number))
        return ERR_RANGE;
    *ret_bytes = number;
    return 0;
}

void text_format_size(int64_t bytes, struct buf *out)
{
    static const char *const names[] = {"", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    for (; bytes != 0 && bytes % 1024 == 0 && unit + 1 < sizeof names / sizeof names[0]; unit++)
        bytes /= 1024;
    buf_add_int(out, bytes);
    buf_add_text(out, names[unit]);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

_Static_assert(NAME_BYTES_MAX == 63, "TEXT_NAME_RULE says how many characters");

bool text_is_name(const char *text)
{
    if (!is_letter(*text))
        return false;
    size_t len = 0;
    for (; text[len] != '\0'; len++) {
        char c = text[len];
        if (!is_letter(c) && !(c >= '0' && c <= '9') && c != '_' && c != '-')
            return false;
    }
    return len <= NAME_BYTES_MAX;
}

void text_format_count(uint64_t number, struct buf *out)
{
    char digits[24];
    struct buf plain = {0};
    buf_add_format(&plain, "%" PRIu64, number);
    memcpy(digits, plain.data, plain.len);
    size_t len = plain.len;
    buf_done(&plain);
    for (size_t i = 0; i < len; i++) {
        if (i != 0 && (len - i) % 3 == 0)
            buf_add_byte(out, ',');
        buf_add_byte(out, (uint8_t)digits[i]);
    }
}

/* The length of the character at `at` if it may be shown; 0 if it may not. */
static size_t shown_len(const uint8_t *at, size_t len)
{
    if (at[0] < 0x80)
        return at[0] >= 0x20 && at[0] != 0x7f ? 1 : 0;
    /* U+0080 to U+009F are control characters too; some terminals obey them. */
    if (at[0] == 0xc2 && len > 1 && at[1] < 0xa0)
        return 0;
    size_t bad_at;
    for (size_t n = 2; n <= 4 && n <= len; n++) {
        if (utf8_valid(at, n, &bad_at))
            return n;
    }
    return 0;
}

void text_escape(const char *text, uint8_t lowest, struct buf *out)
{
    for (const char *at = text; *at != '\0'; at++) {
        uint8_t byte = (uint8_t)*at;
        if (byte < lowest || byte == 0x7f || byte == '\\')
            buf_add_format(out, "\\x%02x", byte);
        else
            buf_add_byte(out, byte);
    }
}

void text_printable(const void *bytes, size_t len, size_t max, struct buf *out)
{
    const uint8_t *at = bytes;
    size_t shown = len < max ? len : max, i = 0;
    while (i < shown) {
        size_t n = shown_len(at + i, len - i);
        if (n != 0)
            buf_add(out, at + i, n);
        else
            buf_add_format(out, "\\x%02x", at[i]);
        i += n != 0 ? n : 1;
    }
    if (i < len)
        buf_add_text(out, "…");
}

const char *text_not_plain(const char *text)
{
    size_t bad_at;
    if (!utf8_valid((const uint8_t *)text, strlen(text), &bad_at))
        return "is not UTF-8";
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (*at == '\n')
            return "contains a newline";
        bool high = *at == 0xc2 && at[1] < 0xa0; /* U+0080 to U+009F */
        if ((*at < 0x20 && *at != '\t') || *at == 0x7f || high)
            return "contains a control character";
    }
    return NULL;
}
