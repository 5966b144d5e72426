/* SPDX-License-Identifier: MIT */
/*
 * Takes any bytes for what comes from outside and is looked at, shown or put into a text: UTF-8 is
 * what its definition says, looking for a byte finds the first, wherever the text lies in memory, and
 * what is made to be shown can be.
 */
#include "common/bounds.h"
#include "common/err.h"
#include "common/json.h"
#include "common/scan.h"
#include "common/table.h"
#include "common/text.h"
#include "common/utf8.h"
#include "common/value_json.h"
#include "supervisor/run/status.h"
#include "tests/fuzz/fuzz.h"
#include "topology/expand.h"

/* --- UTF-8, by its definition: the code point, and whether so many bytes are its one form --- */

static size_t sequence(const uint8_t *at, size_t left, uint32_t *ret_code_point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = at[0] < 0x80 ? 1 : at[0] < 0xc0 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    if (len == 0 || len > left || at[0] > 0xf7)
        return 0;
    uint32_t code_point = len == 1 ? at[0] : at[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code_point = code_point << 6 | (at[i] & 0x3f);
    }
    *ret_code_point = code_point;
    bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
    return code_point >= least[len] && code_point <= 0x10ffff && !surrogate ? len : 0;
}

static bool check_utf8(const uint8_t *bytes, size_t len)
{
    size_t at = 0, count = 0, n = 1, bad_at = SIZE_MAX;
    struct buf again = {0};
    while (at < len) {
        uint32_t code_point;
        n = sequence(bytes + at, len - at, &code_point);
        if (n == 0)
            break;
        utf8_add(&again, code_point);
        at += n;
        count++;
    }
    ALWAYS(utf8_valid(bytes, len, &bad_at) == (at == len));
    ALWAYS(at == len || bad_at == at);
    ALWAYS(again.len == at && (at == 0 || memcmp(again.data, bytes, at) == 0));
    ALWAYS(utf8_count(bytes, at) == count);
    buf_done(&again);
    return at == len;
}

/* --- looking for bytes --- */

static void check_scan(const uint8_t *bytes, size_t len)
{
    const uint8_t *end = bytes + len;
    for (size_t from = 0; from <= len && from < 40; from++) {
        const uint8_t *ascii = bytes + from, *plain = bytes + from;
        while (ascii < end && *ascii < 0x80)
            ascii++;
        while (plain < end && *plain >= 0x20 && *plain != '"' && *plain != '\\')
            plain++;
        ALWAYS(scan_ascii(bytes + from, end) == ascii);
        ALWAYS(scan_plain(bytes + from, end) == plain);
        ALWAYS(scan_plain_far(bytes + from, end) == plain);
    }
}

/* --- showing --- */

static bool is_shown(const uint8_t *bytes, size_t len)
{
    for (size_t at = 0, n; at < len; at += n) {
        uint32_t code_point;
        n = sequence(bytes + at, len - at, &code_point);
        if (n == 0 || code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0))
            return false;
    }
    return true;
}

static void check_printable(const uint8_t *bytes, size_t len, size_t max)
{
    struct buf out = {0};
    text_printable(bytes, len, max, &out);
    ALWAYS(is_shown(out.data, out.len));
    /* What can be shown is, as it is. */
    if (is_shown(bytes, len) && len <= max)
        ALWAYS(out.len == len && (len == 0 || memcmp(out.data, bytes, len) == 0));
    ALWAYS(out.len <= 4 * max + UTF8_BYTES_MAX + strlen("…"));
    /* It says that there is more only where there is. */
    struct buf all = {0};
    text_printable(bytes, len, len, &all);
    bool is_all = out.len == all.len && (all.len == 0 || memcmp(out.data, all.data, all.len) == 0);
    ALWAYS(is_all || memcmp(out.data + out.len - strlen("…"), "…", strlen("…")) == 0);
    ALWAYS(is_all || out.len - strlen("…") < all.len);
    buf_done(&all);
    buf_done(&out);
}

/* The end of what a stage has said. */
static void check_last_words(const uint8_t *bytes, size_t len, size_t size)
{
    char *words = malloc(size);
    ALWAYS(words != NULL);
    status_last_words(bytes, len, words, size);
    ALWAYS(strlen(words) < size && is_shown((const uint8_t *)words, strlen(words)));
    free(words);
}

static void check_plain(const char *text, bool valid)
{
    const char *why = text_not_plain(text);
    ALWAYS(valid || (why != NULL && strcmp(why, "is not UTF-8") == 0));
    bool plain = true;
    for (const uint8_t *at = (const uint8_t *)text; *at != '\0'; at++)
        plain = plain && (*at == '\t' || (*at >= 0x20 && *at != 0x7f)) &&
                !(at[0] == 0xc2 && at[1] < 0xa0);
    ALWAYS(!valid || plain == (why == NULL));
}

static void check_json_string(const uint8_t *bytes, size_t len)
{
    struct buf text = {0}, again = {0};
    json_write_string(bytes, len, &text);
    struct json_span span = {.start = text.data + 1, .len = text.len - 2, .type = JSON_STRING};
    json_unescape(&span, &again);
    ALWAYS(again.len == len && (len == 0 || memcmp(again.data, bytes, len) == 0));
    buf_done(&text);
    buf_done(&again);
}

static int sextet(uint8_t c)
{
    const char *all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c != '\0' ? strchr(all, c) : NULL;
    return found != NULL ? (int)(found - all) : -1;
}

static void check_base64(const uint8_t *bytes, size_t len)
{
    struct buf text = {0};
    value_write_base64(bytes, len, &text);
    ALWAYS(text.len == (len + 2) / 3 * 4);
    for (size_t i = 0; i < text.len / 4 * 3; i++) {
        int high = sextet(text.data[i / 3 * 4 + i % 3]),
            low = sextet(text.data[i / 3 * 4 + i % 3 + 1]);
        if (i >= len) {
            ALWAYS(low == -1);
            continue;
        }
        low = low >= 0 ? low : 0;
        ALWAYS(high >= 0);
        ALWAYS(bytes[i] == (uint8_t)(high << (2 + 2 * (i % 3)) | low >> (4 - 2 * (i % 3))));
    }
    buf_done(&text);
}

/* --- texts of a topology, and words --- */

static bool is_name(const char *text)
{
    size_t len = strlen(text);
    const char *digits_and_more = "0123456789_-";
    for (size_t i = 0; i < len; i++) {
        bool letter = (text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'z';
        if (!letter && (i == 0 || strchr(digits_and_more, text[i]) == NULL))
            return false;
    }
    return len > 0 && len <= NAME_BYTES_MAX;
}

static void check_words(const char *text)
{
    static const char *const candidates[] = {
        "",        "a",
        NULL,      "kind",
        "from",    "file.source",
        "pattern", "0123456789012345678901234567890123456789012345678901234"};
    const size_t count = sizeof candidates / sizeof candidates[0];
    const char *nearest = text_nearest(text, candidates, count);
    char hint[TEXT_SUGGESTION_BYTES];
    ALWAYS(text_is_name(text) == is_name(text));
    bool known = false;
    for (size_t i = 0; i < count; i++) {
        known = known || candidates[i] == nearest;
        ALWAYS(candidates[i] == NULL || strcmp(candidates[i], text) != 0 ||
               strcmp(nearest, text) == 0);
    }
    ALWAYS(known || nearest == NULL);
    ALWAYS(strlen(text_suggestion(nearest, "; what else", hint)) < TEXT_SUGGESTION_BYTES);
}

/* Without a '$' a text is as it is, and a doubled one is one. */
static void check_expansion(const char *text)
{
    struct buf out = {0};
    struct err e = {0};
    int rc = expand_text(text, "/a/b", &out, &e);
    ALWAYS(rc == 0 || (rc == ERR_INVALID && e.text[0] != '\0'));
    if (strchr(text, '$') == NULL)
        ALWAYS(rc == 0 && strcmp(buf_text(&out), text) == 0);
    buf_reset(&out);
    struct buf doubled = {0};
    for (const char *at = text; *at != '\0'; at++)
        buf_add_format(&doubled, "%s%c", *at == '$' ? "$" : "", *at);
    ALWAYS(expand_text(buf_text(&doubled), "/a/b", &out, &e) == 0);
    ALWAYS(strcmp(buf_text(&out), text) == 0);
    buf_done(&doubled);
    buf_done(&out);
}

/* Rows of two cells: a line each, or two if the first is too long; no cell of ASCII is lost. */
static void check_table(const char *text)
{
    struct table t;
    struct buf out = {0};
    const size_t len = strlen(text);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~')
            return;
    }
    table_init(&t, 2, 1);
    table_add(&t, "%s", "name");
    table_add(&t, "%s", "count");
    table_add(&t, "%s", text);
    table_add(&t, "%zu", len);
    table_write(&t, &out);
    const char *all = buf_text(&out);
    size_t lines = 0;
    for (const char *at = all; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    ALWAYS(lines == 2 || lines == 3);
    ALWAYS(len > 255 || strstr(all, text) != NULL);
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, data + size};
    size_t max = fuzz_byte(&in);
    const uint8_t *bytes = in.at;
    size_t len = fuzz_left(&in);
    bool valid = check_utf8(bytes, len);
    check_scan(bytes, len);
    check_printable(bytes, len, max);
    check_printable(bytes, len, len);
    check_last_words(bytes, len, max + 1);
    check_base64(bytes, len);
    if (valid)
        check_json_string(bytes, len);
    while (fuzz_left(&in) != 0) {
        char *text = fuzz_line(&in);
        size_t bad_at;
        check_plain(text, utf8_valid((const uint8_t *)text, strlen(text), &bad_at));
        check_words(text);
        check_expansion(text);
        check_table(text);
        free(text);
    }
    return 0;
}
