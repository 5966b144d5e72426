/* SPDX-License-Identifier: MIT */
#include "stages/kit/line_records.h"

#include <inttypes.h>
#include <string.h>

#include "common/utf8.h"

const struct dead_reason line_records_too_long = {"line-too-long", "longer than max_line_bytes"};
const struct dead_reason line_records_foreign = {
    "not-utf8", "the input begins with a UTF-16 or UTF-32 byte order mark"};

bool line_is_blank(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != ' ' && bytes[i] != '\t' && bytes[i] != '\r')
            return false;
    }
    return true;
}

bool line_is_foreign(const uint8_t *bytes, size_t len)
{
    return (len >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0)) ||
           (len >= 4 && memcmp(bytes, "\0\0\xfe\xff", 4) == 0);
}

/*
 * Looks for a mark at the beginning of the current line. The bytes are the first of the line: all
 * of it, or at least more than a mark has.
 */
static void find_mark(struct record_reader *r, const uint8_t *bytes, size_t len)
{
    if (!r->begins(r->context, r->offset))
        return;
    r->unreadable = line_is_foreign(bytes, len);
    if (len >= LINE_MARK_BYTES && memcmp(bytes, LINE_MARK, LINE_MARK_BYTES) == 0)
        r->mark_len = LINE_MARK_BYTES;
}

/* The first byte nearly always shows that there is none. */
static inline void look_for_mark(struct record_reader *r, const uint8_t *bytes, size_t len)
{
    if ((len != 0 && (bytes[0] >= 0xef || bytes[0] == 0)) || r->unreadable)
        find_mark(r, bytes, len);
}

static size_t find_end(struct record_reader *r, const uint8_t *bytes, size_t len)
{
    (void)r;
    const uint8_t *newline = memchr(bytes, '\n', len);
    return newline != NULL ? (size_t)(newline - bytes) + 1 : 0;
}

static void drop(struct record_reader *r, const uint8_t *bytes, size_t len)
{
    size_t mark_len = 0;
    if (!r->skipping) {
        look_for_mark(r, bytes, len);
        mark_len = r->mark_len;
        r->skipped_blank = true;
    }
    r->skipped_last = bytes[len - 1];
    r->skipped_blank = r->skipped_blank && line_is_blank(bytes + mark_len, len - mark_len);
}

static void describe(struct record_reader *r, size_t len, struct record_cut *cut)
{
    const uint8_t *bytes = r->buffer + r->start;
    if (!cut->unterminated)
        len--; /* the newline */
    uint64_t whole_len = r->skipped + len;
    uint8_t last = len > 0 ? bytes[len - 1] : r->skipped_last;
    if (!r->skipping) {
        look_for_mark(r, bytes, len);
        bytes += r->mark_len;
        len -= r->mark_len;
    }
    whole_len -= r->mark_len;
    cut->blank = line_is_blank(bytes, len) && (!r->skipping || r->skipped_blank);
    if (whole_len > 0 && last == '\r') {
        whole_len--;
        len -= len > 0 ? 1 : 0;
    }
    bool too_long = r->skipping || whole_len > r->record_bytes_max;
    cut->whole_len = whole_len;
    cut->fault = too_long ? RECORD_TOO_LONG : r->unreadable ? RECORD_UNREADABLE : RECORD_GOOD;
    cut->bytes = r->skipping ? r->excerpt + r->mark_len : bytes;
    cut->len = r->skipping || (too_long && len > DEAD_EXCERPT_BYTES) ? DEAD_EXCERPT_BYTES : len;
}

static void refuse(const struct record_reader *r, const struct record_cut *cut, struct emitter *out)
{
    if (cut->fault == RECORD_UNREADABLE) {
        emitter_dead(out, &line_records_foreign, cut->bytes, cut->len, false,
                     "the input begins with the byte order mark of UTF-16 or UTF-32; convert it to "
                     "UTF-8, for example with iconv -t UTF-8");
        return;
    }
    /* The excerpt must not end within a character. */
    size_t shown = cut->len, bad_at;
    if (!utf8_valid(cut->bytes, shown, &bad_at) && shown - bad_at < UTF8_BYTES_MAX)
        shown = bad_at;
    emitter_dead(out, &line_records_too_long, cut->bytes, shown, false,
                 "the line is %" PRIu64
                 " bytes long, and max_line_bytes is %zu; the input shown is its beginning",
                 cut->whole_len, r->record_bytes_max);
}

const struct record_format line_records = {
    .field = "line",
    .unit = "line",
    .find_end = find_end,
    .drop = drop,
    .describe = describe,
    .refuse = refuse,
};
