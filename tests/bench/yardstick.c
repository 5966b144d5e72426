/* SPDX-License-Identifier: MIT */
#include "tests/bench/yardstick.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <yajl/yajl_parse.h>

#define PIECE_BYTES (256u << 10)
#define LINE_BYTES_MAX (1u << 20)
#define DEPTH_MAX 32

_Noreturn void give_up(const char *what)
{
    (void)fprintf(stderr, "%s%s%s\n", what, errno != 0 ? ": " : "",
                  errno != 0 ? strerror(errno) : "");
    exit(1);
}

/* ---- Lines ------------------------------------------------------------------------------- */

void lines_open(struct lines *lines, const char *path)
{
    *lines = (struct lines){.fd = open(path, O_RDONLY | O_CLOEXEC), .capacity = 2 * PIECE_BYTES};
    lines->buffer = malloc(lines->capacity);
    if (lines->fd < 0 || lines->buffer == NULL)
        give_up(path);
    (void)posix_fadvise(lines->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
}

/* Reads one piece more behind what is left; the newline of the last line may be missing. */
static void read_more(struct lines *lines)
{
    memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
    lines->end -= lines->start;
    lines->start = 0;
    if (lines->capacity - lines->end < PIECE_BYTES) {
        lines->capacity = 2 * lines->capacity;
        lines->buffer = realloc(lines->buffer, lines->capacity);
        if (lines->buffer == NULL)
            give_up("memory");
    }
    ssize_t n = read(lines->fd, lines->buffer + lines->end, PIECE_BYTES - 1);
    if (n < 0)
        give_up("read");
    lines->end += (size_t)n;
    if (n == 0) {
        lines->at_end = true;
        if (lines->end > lines->start)
            lines->buffer[lines->end++] = '\n';
    }
}

static bool is_blank(const char *line, size_t len)
{
    size_t i = 0;
    while (i < len && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r'))
        i++;
    return i == len;
}

bool lines_next(struct lines *lines, char **ret_line, size_t *ret_len)
{
    size_t searched = 0;
    for (;;) {
        char *line = lines->buffer + lines->start;
        size_t left = lines->end - lines->start;
        char *newline = memchr(line + searched, '\n', left - searched);
        if (newline == NULL && lines->at_end)
            return false;
        if (newline == NULL) {
            searched = left;
            read_more(lines);
            continue;
        }
        size_t len = (size_t)(newline - line);
        lines->start += len + 1;
        searched = 0;
        if (is_blank(line, len))
            continue;
        *ret_line = line;
        *ret_len = len;
        return true;
    }
}

void lines_close(struct lines *lines)
{
    (void)close(lines->fd);
    free(lines->buffer);
}

/* ---- Output ------------------------------------------------------------------------------ */

void output_open(struct output *out, const char *path)
{
    *out = (struct output){.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666),
                           .buffer = malloc(PIECE_BYTES)};
    if (out->fd < 0 || out->buffer == NULL)
        give_up(path);
}

static void write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0)
            give_up("write");
        bytes += n;
        len -= (size_t)n;
    }
}

void output_add(struct output *out, const char *bytes, size_t len)
{
    if (len > PIECE_BYTES - out->len) {
        write_all(out->fd, out->buffer, out->len);
        out->len = 0;
        if (len > PIECE_BYTES) {
            write_all(out->fd, bytes, len);
            return;
        }
    }
    memcpy(out->buffer + out->len, bytes, len);
    out->len += len;
}

static void add_escaped(struct output *out, unsigned char c)
{
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (size_t i = 0; i < sizeof named - 1; i += 2) {
        if ((unsigned char)named[i] == c) {
            output_add(out, (char[]){'\\', named[i + 1]}, 2);
            return;
        }
    }
    char text[8];
    int n = snprintf(text, sizeof text, "\\u%04x", c);
    output_add(out, text, (size_t)n);
}

void output_add_string(struct output *out, const char *bytes, size_t len)
{
    OUTPUT_ADD_LITERAL(out, "\"");
    size_t first = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        output_add(out, bytes + first, i - first);
        add_escaped(out, c);
        first = i + 1;
    }
    output_add(out, bytes + first, len - first);
    OUTPUT_ADD_LITERAL(out, "\"");
}

void output_close(struct output *out)
{
    write_all(out->fd, out->buffer, out->len);
    if (close(out->fd) != 0)
        give_up("close");
    free(out->buffer);
}

/* ---- JSON objects ------------------------------------------------------------------------ */

/* At the top there is one object and nothing else; this is told of every other value. */
static int note_value(struct objects *o, enum member_type type, const char *text, size_t len)
{
    if (o->depth == 0) {
        o->texts++;
        return 1;
    }
    if (o->depth > 1 || o->current < 0)
        return 1;
    struct member *member = &o->members[o->current];
    member->times++;
    member->type = type;
    member->text = text;
    member->len = len;
    return 1;
}

static int on_other(void *context)
{
    return note_value(context, MEMBER_OTHER, NULL, 0);
}

static int on_boolean(void *context, int value)
{
    (void)value;
    return on_other(context);
}

static int on_number(void *context, const char *text, size_t len)
{
    return note_value(context, MEMBER_NUMBER, text, len);
}

/* Whether yajl's string is the text itself; if not, it had escapes, and lies where the next will.
 */
static bool is_in_line(struct objects *o, const char *text)
{
    bool in_line = text >= o->line && text <= o->line + o->line_len;
    o->had_escapes |= !in_line;
    return in_line;
}

static int on_string(void *context, const unsigned char *bytes, size_t len)
{
    struct objects *o = context;
    const char *text = (const char *)bytes;
    if (!is_in_line(o, text)) {
        /* What is unescaped is never longer than the line. */
        text = memcpy(o->unescaped + o->unescaped_len, bytes, len);
        o->unescaped_len += len;
    }
    return note_value(o, MEMBER_STRING, text, len);
}

static int on_key(void *context, const unsigned char *key, size_t len)
{
    struct objects *o = context;
    (void)is_in_line(o, (const char *)key);
    if (o->depth != 1)
        return 1;
    o->current = -1;
    for (size_t i = 0; i < o->name_count; i++) {
        if (o->name_len[i] == len && memcmp(o->names[i], key, len) == 0)
            o->current = (int)i;
    }
    return 1;
}

static int on_start(struct objects *o, bool is_object)
{
    (void)on_other(o);
    o->is_object |= o->depth == 0 && is_object;
    return ++o->depth <= DEPTH_MAX;
}

static int on_start_map(void *context)
{
    return on_start(context, true);
}

static int on_start_array(void *context)
{
    return on_start(context, false);
}

static int on_end(void *context)
{
    ((struct objects *)context)->depth--;
    return 1;
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_other,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_start_map,
    .yajl_map_key = on_key,
    .yajl_end_map = on_end,
    .yajl_start_array = on_start_array,
    .yajl_end_array = on_end,
};

/* One parser for all lines: making one for each would cost more than the parsing. */
static void new_parser(struct objects *o)
{
    if (o->yajl != NULL)
        yajl_free(o->yajl);
    o->yajl = yajl_alloc(&callbacks, NULL, o);
    if (o->yajl == NULL || yajl_config(o->yajl, yajl_allow_multiple_values, 1) == 0 ||
        yajl_config(o->yajl, yajl_dont_validate_strings, 1) == 0)
        give_up("yajl");
}

void objects_init(struct objects *o, const char *const *names)
{
    *o = (struct objects){.names = names};
    for (; names[o->name_count] != NULL; o->name_count++)
        o->name_len[o->name_count] = strlen(names[o->name_count]);
    new_parser(o);
}

/* The length of the UTF-8 sequence that begins here; 0 if it is none. */
static size_t sequence_len(const unsigned char *at, const unsigned char *end)
{
    static const struct {
        unsigned char first, last, second_first, second_last, len;
    } forms[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (*at < forms[i].first || *at > forms[i].last)
            continue;
        size_t len = forms[i].len;
        if ((size_t)(end - at) < len)
            return 0;
        if (len > 1 && (at[1] < forms[i].second_first || at[1] > forms[i].second_last))
            return 0;
        for (size_t k = 2; k < len; k++) {
            if (at[k] < 0x80 || at[k] > 0xbf)
                return 0;
        }
        return len;
    }
    return 0;
}

/* yajl's own check lets surrogates and overlong forms pass, and is slower on plain ASCII. */
static bool is_utf8(const char *text, size_t len)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + len;
    while (at < end) {
        uint64_t word;
        if (end - at >= 8) {
            memcpy(&word, at, sizeof word);
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                at += 8;
                continue;
            }
        }
        size_t n = sequence_len(at, end);
        if (n == 0)
            return false;
        at += n;
    }
    return true;
}

static int hex4(const char *text, const char *end)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdefABCDEF";
        const char *digit = text + i < end && text[i] != '\0' ? strchr(digits, text[i]) : NULL;
        if (digit == NULL)
            return -1;
        int n = (int)(digit - digits);
        value = value * 16 + (n < 16 ? n : n - 6);
    }
    return value;
}

/* Half of a surrogate pair, which yajl takes for a question mark. The line is JSON otherwise. */
static bool has_lone_surrogate(const char *line, size_t len)
{
    const char *end = line + len;
    for (const char *at = line; (at = memchr(at, '\\', (size_t)(end - at))) != NULL; at += 2) {
        if (end - at < 6 || at[1] != 'u')
            continue;
        int unit = hex4(at + 2, end);
        if (unit >= 0xdc00 && unit <= 0xdfff)
            return true;
        if (unit < 0xd800 || unit > 0xdbff)
            continue;
        int low = end - at >= 12 && at[6] == '\\' && at[7] == 'u' ? hex4(at + 8, end) : -1;
        if (low < 0xdc00 || low > 0xdfff)
            return true;
        at += 6;
    }
    return false;
}

bool objects_read(struct objects *o, char *line, size_t len)
{
    if (len > LINE_BYTES_MAX || !is_utf8(line, len))
        return false;
    if (o->unescaped_capacity < len) {
        o->unescaped_capacity = 2 * len;
        free(o->unescaped);
        o->unescaped = malloc(o->unescaped_capacity);
        if (o->unescaped == NULL)
            give_up("memory");
    }
    memset(o->members, 0, o->name_count * sizeof o->members[0]);
    o->line = line;
    o->line_len = len;
    o->unescaped_len = 0;
    o->depth = o->texts = 0;
    o->current = -1;
    o->is_object = o->had_escapes = false;
    /* The newline ends a number or a word, so that nothing of this line is seen in the next. */
    line[len] = '\n';
    if (yajl_parse(o->yajl, (const unsigned char *)line, len + 1) != yajl_status_ok ||
        o->depth != 0) {
        new_parser(o);
        return false;
    }
    bool good = o->texts == 1 && o->is_object && !(o->had_escapes && has_lone_surrogate(line, len));
    for (size_t i = 0; good && i < o->name_count; i++)
        good = o->members[i].times == 1;
    return good;
}

void objects_done(struct objects *o)
{
    yajl_free(o->yajl);
    free(o->unescaped);
}

/* ---- Values ------------------------------------------------------------------------------ */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool parse_cents(const char *text, size_t len, int64_t *ret_cents)
{
    const char *at = text, *end = text + len;
    bool negative = at < end && *at == '-';
    at += negative ? 1 : 0;
    if (at < end && *at == '$') {
        at++;
    } else if (end - at > 3 && memcmp(at, "USD", 3) == 0) {
        at += 3;
        at += *at == ' ' ? 1 : 0;
    } else {
        return false;
    }
    int64_t cents = 0;
    const char *whole = at;
    int decimals = -1; /* none, not even a point */
    for (; at < end; at++) {
        if (*at == '.' && decimals < 0 && at > whole) {
            decimals = 0;
            continue;
        }
        if (!is_digit(*at) || decimals == 2 || __builtin_mul_overflow(cents, 10, &cents) ||
            __builtin_add_overflow(cents, *at - '0', &cents))
            return false;
        decimals += decimals >= 0 ? 1 : 0;
    }
    if (at == whole || decimals == 0)
        return false;
    for (int i = decimals < 0 ? 0 : decimals; i < 2; i++) {
        if (__builtin_mul_overflow(cents, 10, &cents))
            return false;
    }
    *ret_cents = negative ? -cents : cents;
    return true;
}

/* Days since 1970 of a date that exists; the year may be 0. */
static bool days_of(unsigned year, unsigned month, unsigned day, int64_t *ret_days)
{
    static const unsigned short before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    static const unsigned char in_month[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (month < 1 || month > 12 || day < 1 ||
        day > in_month[month - 1] + (leap && month == 2 ? 1u : 0u))
        return false;
    int64_t years = (int64_t)year - 1; /* that are over, counted from year 1 */
    int64_t leaps = year == 0 ? -1 : years / 4 - years / 100 + years / 400;
    *ret_days =
        years * 365 + leaps + before[month - 1] + (leap && month > 2 ? 1 : 0) + day - 1 - 719162;
    return true;
}

static unsigned two(const char *at)
{
    return (unsigned)(at[0] - '0') * 10 + (unsigned)(at[1] - '0');
}

/* Whether the text begins as "2000-01-01T00:00:00" and has one byte more at least. */
static bool has_form(const char *text, size_t len)
{
    static const char form[] = "0000-00-00T00:00:00";
    if (len < sizeof form)
        return false;
    for (size_t i = 0; i < sizeof form - 1; i++) {
        if (form[i] == '0' ? !is_digit(text[i])
                           : text[i] != form[i] && !(form[i] == 'T' && text[i] == 't'))
            return false;
    }
    return true;
}

bool parse_time(const char *text, size_t len, int64_t *ret_ns)
{
    if (!has_form(text, len))
        return false;
    unsigned hour = two(text + 11), minute = two(text + 14), second = two(text + 17);
    int64_t days;
    if (hour > 23 || minute > 59 || second > 59 ||
        !days_of(two(text) * 100 + two(text + 2), two(text + 5), two(text + 8), &days))
        return false;
    const char *at = text + 19, *end = text + len;
    int64_t fraction_ns = 0;
    if (*at == '.') {
        int64_t unit = 1000000000;
        for (at++; at < end && is_digit(*at); at++) {
            if (unit == 1)
                return false;
            unit /= 10;
            fraction_ns += (*at - '0') * unit;
        }
        if (unit == 1000000000)
            return false;
    }
    int64_t offset_s = 0;
    if (end - at == 6 && (*at == '+' || *at == '-') && is_digit(at[1]) && is_digit(at[2]) &&
        at[3] == ':' && is_digit(at[4]) && is_digit(at[5]) && two(at + 1) < 24 && two(at + 4) < 60)
        offset_s =
            (*at == '-' ? -1 : 1) * ((int64_t)two(at + 1) * 3600 + (int64_t)two(at + 4) * 60);
    else if (end - at != 1 || (*at != 'Z' && *at != 'z'))
        return false;
    int64_t seconds =
        days * 86400 + (int64_t)hour * 3600 + (int64_t)minute * 60 + second - offset_s;
    __int128 ns = (__int128)seconds * 1000000000 + fraction_ns;
    *ret_ns = (int64_t)ns;
    return ns == *ret_ns;
}

/* ---- Tables ------------------------------------------------------------------------------ */

static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load_8(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Two chains of multiplications over the same words. */
static void hash_add(struct hash *hash, const char *bytes, size_t len)
{
    const uint64_t a = UINT64_C(0x9e3779b97f4a7c15), b = UINT64_C(0xd6e8feb86659fd93);
    uint64_t low = hash->low ^ len, high = hash->high + len;
    for (; len >= 8; bytes += 8, len -= 8) {
        low = mix(low ^ load_8(bytes), a);
        high = mix(high + load_8(bytes), b);
    }
    uint64_t last = 0;
    memcpy(&last, bytes, len);
    hash->low = mix(low ^ last, a);
    hash->high = mix(high + last, b);
}

struct hash hash_of(const char *a, size_t a_len, const char *b, size_t b_len)
{
    struct hash hash = {.low = UINT64_C(0xa0761d6478bd642f), .high = UINT64_C(0xe7037ed1a0b428db)};
    hash_add(&hash, a, a_len);
    hash_add(&hash, b, b_len);
    return hash;
}

#define HUGE_BYTES (2u << 20)

void *table_new(size_t bytes, bool huge)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    /* An alignment of its own, or the kernel could not use huge pages at the ends. */
    size_t slack = huge ? HUGE_BYTES : 0;
    char *table = mmap(NULL, bytes + slack, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (table == MAP_FAILED)
        give_up("memory");
    if (!huge)
        return table;
    size_t before = (HUGE_BYTES - (uintptr_t)table % HUGE_BYTES) % HUGE_BYTES;
    if (before != 0)
        (void)munmap(table, before);
    if (before != slack)
        (void)munmap(table + before + bytes, slack - before);
    (void)madvise(table + before, bytes, MADV_HUGEPAGE);
    return table + before;
}

void table_free(void *table, size_t bytes)
{
    (void)munmap(table, bytes);
}
