/* SPDX-License-Identifier: MIT */
/*
 * Takes some bytes for bounds and for how a text comes, and the rest for the text. However it is cut
 * into reads, and wherever a reader goes on that stood behind a line, the lines are those that the
 * whole text has.
 */
#include "common/bounds.h"
#include "common/hash.h"
#include "stages/kit/line_records.h"
#include "tests/fuzz/fuzz.h"

/* The text, and how it comes: by so many bytes at a time, over and over; 0: nothing now. */
struct source {
    const uint8_t *bytes;
    size_t len;
    uint8_t cuts[8];
    size_t reads;
    bool begins_twice; /* another text begins in the middle, as after a rotation */
};

static int fill(void *context, uint64_t offset, uint8_t *bytes, size_t len, size_t *ret_len,
                struct err *e)
{
    struct source *s = context;
    (void)e;
    ALWAYS(offset <= s->len && len > 0);
    if (offset == s->len)
        return ERR_END;
    size_t wanted = s->cuts[s->reads++ % sizeof s->cuts];
    if (wanted == 0 && s->reads % sizeof s->cuts != 0)
        return ERR_AGAIN;
    wanted = wanted == 0 || wanted > len ? len : wanted;
    *ret_len = wanted < s->len - offset ? wanted : s->len - (size_t)offset;
    memcpy(bytes, s->bytes + offset, *ret_len);
    return 0;
}

static bool begins(const void *context, uint64_t offset)
{
    const struct source *s = context;
    return offset == 0 || (s->begins_twice && offset == s->len / 2);
}

/* What the next call gives that is no pause. */
static int next_line(struct record_reader *r, struct record_cut *line)
{
    struct err e;
    int rc;
    do {
        rc = record_reader_next(r, line, &e);
    } while (rc == ERR_AGAIN || rc == ERR_UNFINISHED);
    ALWAYS(rc == 0 || rc == ERR_END);
    return rc;
}

/* The line that the whole text has at an offset, and whether the text is foreign from there on. */
static struct record_cut line_at(const struct source *s, uint64_t offset, size_t max, bool *foreign)
{
    const uint8_t *at = s->bytes + offset;
    size_t left = s->len - (size_t)offset, mark = 0;
    const uint8_t *newline = memchr(at, '\n', left);
    size_t len = newline != NULL ? (size_t)(newline - at) : left;
    if (begins(s, offset)) {
        *foreign = line_is_foreign(at, len);
        mark = len >= 3 && memcmp(at, LINE_MARK, 3) == 0 ? 3 : 0;
    }
    struct record_cut line = {.unterminated = newline == NULL, .blank = true};
    for (size_t i = mark; i < len; i++)
        line.blank = line.blank && (at[i] == ' ' || at[i] == '\t' || at[i] == '\r');
    len -= mark;
    at += mark;
    len -= len > 0 && at[len - 1] == '\r' ? 1 : 0;
    line.bytes = at;
    line.whole_len = len;
    line.fault = len > max ? RECORD_TOO_LONG : *foreign ? RECORD_UNREADABLE : RECORD_GOOD;
    line.len = len > max && len > DEAD_EXCERPT_BYTES ? DEAD_EXCERPT_BYTES : len;
    return line;
}

static void check_line(const struct record_cut *line, const struct record_cut *wanted)
{
    ALWAYS(line->whole_len == wanted->whole_len && line->fault == wanted->fault);
    ALWAYS(line->len == wanted->len && memcmp(line->bytes, wanted->bytes, line->len) == 0);
    ALWAYS(line->blank == wanted->blank && line->unterminated == wanted->unterminated);
    ALWAYS(!line->rest);
}

/* Reads on to the end; and now and then, from behind a line, another reader does so. */
static void check_lines(struct source *s, size_t max, uint64_t offset, bool foreign, unsigned depth)
{
    struct record_reader r;
    record_reader_init(&r, &line_records, max, fill, begins, s);
    record_reader_set(&r, offset, hash_crc32c(0, s->bytes, (size_t)offset), foreign);
    struct record_cut line;
    for (size_t count = 1; next_line(&r, &line) == 0; count++) {
        struct record_cut wanted = line_at(s, offset, max, &foreign);
        check_line(&line, &wanted);
        const uint8_t *newline = memchr(s->bytes + offset, '\n', s->len - (size_t)offset);
        offset = newline != NULL ? (uint64_t)(newline - s->bytes) + 1 : s->len;
        ALWAYS(r.offset == offset);
        ALWAYS(r.unreadable == foreign);
        ALWAYS(r.crc == hash_crc32c(0, s->bytes, (size_t)offset));
        if (depth == 0 && count % 8 == 1)
            check_lines(s, max, offset, foreign, depth + 1);
    }
    ALWAYS(offset == s->len && record_reader_unfinished(&r) == 0);
    record_reader_done(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, data + size};
    struct source s = {0};
    size_t max = (size_t)fuzz_byte(&in) * 4 + 1;
    s.begins_twice = fuzz_byte(&in) % 2 != 0;
    for (size_t i = 0; i < sizeof s.cuts; i++)
        s.cuts[i] = fuzz_byte(&in);
    s.bytes = in.at;
    s.len = fuzz_left(&in);
    check_lines(&s, max, 0, false, 0);
    return 0;
}
