/* SPDX-License-Identifier: MIT */
/*
 * Takes some bytes for bounds and for how a text comes, and the rest for the text. However it is cut
 * into reads, and wherever a reader goes on that stood behind a line, the lines are those that the
 * whole text has.
 */
#include "common/bounds.h"
#include "common/hash.h"
#include "stages/kit/line_reader.h"
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
static int next_line(struct line_reader *r, struct line *line)
{
    struct err e;
    int rc;
    do {
        rc = line_reader_next(r, line, &e);
    } while (rc == ERR_AGAIN || rc == ERR_UNFINISHED);
    ALWAYS(rc == 0 || rc == ERR_END);
    return rc;
}

/* The line that the whole text has at an offset, and whether the text is foreign from there on. */
static struct line line_at(const struct source *s, uint64_t offset, size_t max, bool *foreign)
{
    const uint8_t *at = s->bytes + offset;
    size_t left = s->len - (size_t)offset, mark = 0;
    const uint8_t *newline = memchr(at, '\n', left);
    size_t len = newline != NULL ? (size_t)(newline - at) : left;
    if (begins(s, offset)) {
        *foreign = line_is_foreign(at, len);
        mark = len >= 3 && memcmp(at, LINE_MARK, 3) == 0 ? 3 : 0;
    }
    struct line line = {.unterminated = newline == NULL, .foreign = *foreign, .blank = true};
    for (size_t i = mark; i < len; i++)
        line.blank = line.blank && (at[i] == ' ' || at[i] == '\t' || at[i] == '\r');
    len -= mark;
    at += mark;
    len -= len > 0 && at[len - 1] == '\r' ? 1 : 0;
    line.bytes = at;
    line.whole_len = len;
    line.too_long = len > max;
    line.len = line.too_long && len > DEAD_EXCERPT_BYTES ? DEAD_EXCERPT_BYTES : len;
    return line;
}

static void check_line(const struct line *line, const struct line *wanted)
{
    ALWAYS(line->whole_len == wanted->whole_len && line->too_long == wanted->too_long);
    ALWAYS(line->len == wanted->len && memcmp(line->bytes, wanted->bytes, line->len) == 0);
    ALWAYS(line->blank == wanted->blank && line->unterminated == wanted->unterminated);
    ALWAYS(line->foreign == wanted->foreign);
}

/* Reads on to the end; and now and then, from behind a line, another reader does so. */
static void check_lines(struct source *s, size_t max, uint64_t offset, bool foreign, unsigned depth)
{
    struct line_reader r;
    line_reader_init(&r, max, fill, begins, s);
    line_reader_set(&r, offset, hash_crc32c(0, s->bytes, (size_t)offset));
    r.foreign = foreign;
    struct line line;
    for (size_t count = 1; next_line(&r, &line) == 0; count++) {
        struct line wanted = line_at(s, offset, max, &foreign);
        check_line(&line, &wanted);
        const uint8_t *newline = memchr(s->bytes + offset, '\n', s->len - (size_t)offset);
        offset = newline != NULL ? (uint64_t)(newline - s->bytes) + 1 : s->len;
        ALWAYS(r.offset == offset);
        ALWAYS(r.crc == hash_crc32c(0, s->bytes, (size_t)offset));
        if (depth == 0 && count % 8 == 1)
            check_lines(s, max, offset, foreign, depth + 1);
    }
    ALWAYS(offset == s->len && line_reader_unfinished(&r) == 0);
    line_reader_done(&r);
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
