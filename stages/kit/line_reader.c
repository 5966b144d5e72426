/* SPDX-License-Identifier: MIT */
#include "stages/kit/line_reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/hash.h"
#include "common/memory.h"
#include "common/utf8.h"

const struct dead_reason line_reader_too_long = {"line-too-long", "longer than max_line_bytes"};
const struct dead_reason line_reader_foreign = {
    "not-utf8", "the input begins with the byte order mark of UTF-16 or UTF-32"};

void line_reader_init(struct line_reader *r, size_t line_bytes_max, line_fill *fill,
                      line_begins *begins, void *context)
{
    *r = (struct line_reader){
        .fill = fill, .begins = begins, .context = context, .line_bytes_max = line_bytes_max};
    /* Not before all is there that its dead letter shows, wherever the blocks that are read end. */
    r->skip_above = LINE_MARK_BYTES + line_bytes_max + 1;
    if (r->skip_above < LINE_MARK_BYTES + DEAD_EXCERPT_BYTES + 1)
        r->skip_above = LINE_MARK_BYTES + DEAD_EXCERPT_BYTES + 1;
    /* Room for the longest line with its mark and "\r\n", and a whole read behind it. */
    r->capacity = r->skip_above + 1 + 2 * SOURCE_READ_BYTES;
    r->buffer = memory_new(r->capacity, 1);
}

void line_reader_done(struct line_reader *r)
{
    free(r->buffer);
    r->buffer = NULL;
}

void line_reader_set(struct line_reader *r, uint64_t offset, uint32_t crc)
{
    r->offset = offset;
    r->crc = crc;
    r->start = r->end = r->searched = 0;
    r->skipping = false;
    r->skipped = 0;
    r->mark_len = 0;
}

uint64_t line_reader_unfinished(const struct line_reader *r)
{
    return r->skipped + (r->end - r->start);
}

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
 * Looks for a mark at the beginning of the line in hand, of which these bytes are the first; all of
 * it, or more than a mark has.
 */
static void find_mark(struct line_reader *r, const uint8_t *bytes, size_t len)
{
    if (!r->begins(r->context, r->offset))
        return;
    r->foreign = line_is_foreign(bytes, len);
    if (len >= LINE_MARK_BYTES && memcmp(bytes, LINE_MARK, LINE_MARK_BYTES) == 0)
        r->mark_len = LINE_MARK_BYTES;
}

/* The first byte tells nearly always that there is none. */
static inline void look_for_mark(struct line_reader *r, const uint8_t *bytes, size_t len)
{
    if ((len != 0 && (bytes[0] >= 0xef || bytes[0] == 0)) || r->foreign)
        find_mark(r, bytes, len);
}

/* Buffers more of the input. */
static int fill(struct line_reader *r, struct err *e)
{
    size_t buffered = r->end - r->start;
    if (r->capacity - r->end < SOURCE_READ_BYTES) {
        memmove(r->buffer, r->buffer + r->start, buffered);
        r->start = 0;
        r->end = buffered;
    }
    size_t got;
    int rc = r->fill(r->context, r->offset + r->skipped + buffered, r->buffer + r->end,
                     SOURCE_READ_BYTES, &got, e);
    if (rc == 0)
        r->end += got;
    return rc;
}

/* Counts what is buffered of a line that is too long, and drops it. */
static void skip_buffered(struct line_reader *r)
{
    size_t len = r->end - r->start;
    const uint8_t *bytes = r->buffer + r->start;
    if (len == 0)
        return;
    size_t mark_len = 0;
    if (!r->skipping) {
        look_for_mark(r, bytes, len);
        mark_len = r->mark_len;
        r->skipping = true;
        r->skipped_blank = true;
        REQUIRE(len >= sizeof r->excerpt); /* see skip_above */
        memcpy(r->excerpt, bytes, sizeof r->excerpt);
    }
    r->crc = hash_crc32c(r->crc, bytes, len);
    r->skipped += len;
    r->skipped_last = bytes[len - 1];
    r->skipped_blank = r->skipped_blank && line_is_blank(bytes + mark_len, len - mark_len);
    r->start = r->end = r->searched = 0;
}

/*
 * Buffers until a line is complete. *ret_len is what of it is in the buffer, *ret_end how many
 * bytes end it there: 1 for a newline, 0 at the end of the input.
 */
static int find_line(struct line_reader *r, size_t *ret_len, size_t *ret_end, struct err *e)
{
    for (unsigned reads = 0;; reads++) {
        const uint8_t *from = r->buffer + r->start + r->searched;
        const uint8_t *newline = memchr(from, '\n', r->end - r->start - r->searched);
        if (newline != NULL) {
            *ret_len = (size_t)(newline - r->buffer) - r->start;
            *ret_end = 1;
            return 0;
        }
        r->searched = r->end - r->start;
        if (r->searched > r->skip_above || r->skipping)
            skip_buffered(r);
        if (reads == SOURCE_READS_PER_TURN)
            return ERR_UNFINISHED;
        int rc = fill(r, e);
        if (rc == ERR_END && line_reader_unfinished(r) != 0) {
            *ret_len = r->end - r->start;
            *ret_end = 0;
            return 0;
        }
        if (rc != 0)
            return rc;
    }
}

/* Says what the line is, of which `len` bytes are in the buffer and more may be skipped. */
static void describe(struct line_reader *r, size_t len, struct line *line)
{
    const uint8_t *bytes = r->buffer + r->start;
    uint64_t whole_len = r->skipped + len;
    uint8_t last = len > 0 ? bytes[len - 1] : r->skipped_last;
    if (!r->skipping) {
        look_for_mark(r, bytes, len);
        bytes += r->mark_len;
        len -= r->mark_len;
    }
    whole_len -= r->mark_len;
    line->blank = line_is_blank(bytes, len) && (!r->skipping || r->skipped_blank);
    if (whole_len > 0 && last == '\r') {
        whole_len--;
        len -= len > 0 ? 1 : 0;
    }
    line->whole_len = whole_len;
    line->foreign = r->foreign;
    line->too_long = r->skipping || whole_len > r->line_bytes_max;
    line->bytes = r->skipping ? r->excerpt + r->mark_len : bytes;
    line->len =
        r->skipping || (line->too_long && len > DEAD_EXCERPT_BYTES) ? DEAD_EXCERPT_BYTES : len;
}

/* Moves behind the line that was found; its bytes stay in the buffer until the next fill. */
static void pass_line(struct line_reader *r, size_t len)
{
    r->crc = hash_crc32c(r->crc, r->buffer + r->start, len);
    r->offset += r->skipped + len;
    r->start += len;
    r->searched = 0;
    r->skipping = false;
    r->skipped = 0;
    r->mark_len = 0;
}

int line_reader_next(struct line_reader *r, struct line *ret_line, struct err *e)
{
    size_t len, end;
    int rc = find_line(r, &len, &end, e);
    if (rc != 0)
        return rc;
    describe(r, len, ret_line);
    ret_line->unterminated = end == 0;
    pass_line(r, len + end);
    return 0;
}

void line_emit(const struct line_reader *r, const struct line *line, struct emitter *out)
{
    if (!line->too_long && !line->foreign) {
        struct value value = value_of_bytes(VALUE_BYTES, line->bytes, line->len);
        emitter_emit(out, &value);
        return;
    }
    if (!line->too_long) {
        emitter_dead(out, &line_reader_foreign, line->bytes, line->len, false,
                     "the mark at the beginning of the input says that it is in UTF-16 or UTF-32; "
                     "it must be in UTF-8, as iconv -t UTF-8 makes it");
        return;
    }
    /* The beginning does not end within a character. */
    size_t shown = line->len, bad_at;
    if (!utf8_valid(line->bytes, shown, &bad_at) && shown - bad_at < UTF8_BYTES_MAX)
        shown = bad_at;
    emitter_dead(out, &line_reader_too_long, line->bytes, shown, false,
                 "%" PRIu64 " bytes; max_line_bytes is %zu; the input shown is its beginning",
                 line->whole_len, r->line_bytes_max);
}
