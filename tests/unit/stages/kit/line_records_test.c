/* SPDX-License-Identifier: MIT */
/*
 * Tests lines against a second way to find them, which has the whole text at once: whatever the
 * pieces in which it comes, and wherever reading resumes in it.
 */
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/memory.h"
#include "stages/kit/line_records.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define LINE_MAX_BYTES 300u
#define TEXT_BYTES_MAX 9000u
#define LINES_MAX 9000u

/* The input, and how much of it is available already. */
struct text {
    uint8_t bytes[TEXT_BYTES_MAX];
    size_t len, there;
    size_t piece_max;
};

static int fill(void *context, uint64_t offset, uint8_t *bytes, size_t len, size_t *ret_len,
                struct err *e)
{
    struct text *text = context;
    (void)e;
    if (offset == text->len)
        return ERR_END;
    if (offset == text->there) {
        text->there += 1 + random_below(text->piece_max);
        text->there = text->there < text->len ? text->there : text->len;
        return random_below(2) == 0 ? ERR_AGAIN : fill(context, offset, bytes, len, ret_len, e);
    }
    size_t left = text->there - (size_t)offset;
    *ret_len = 1 + random_below(text->piece_max);
    *ret_len = *ret_len < left ? *ret_len : left;
    *ret_len = *ret_len < len ? *ret_len : len;
    memcpy(bytes, text->bytes + offset, *ret_len);
    return 0;
}

static bool begins(const void *context, uint64_t offset)
{
    (void)context;
    return offset == 0;
}

struct naive_line {
    size_t from, end; /* without what ends it */
    size_t next;
    bool blank, too_long, unterminated;
};

/* The lines of a text. */
static size_t split(const struct text *text, struct naive_line *lines)
{
    size_t count = 0;
    for (size_t at = 0; at < text->len;) {
        const uint8_t *newline = memchr(text->bytes + at, '\n', text->len - at);
        size_t end = newline != NULL ? (size_t)(newline - text->bytes) : text->len;
        struct naive_line *line = &lines[count++];
        *line = (struct naive_line){
            .from = at, .end = end, .next = end + (newline != NULL), .unterminated = !newline};
        if (at == 0 && end >= 3 && memcmp(text->bytes, "\xef\xbb\xbf", 3) == 0)
            line->from = 3;
        line->blank = true;
        for (size_t i = line->from; i < end; i++)
            line->blank =
                line->blank && strchr(" \t\r", text->bytes[i]) != NULL && text->bytes[i] != '\0';
        if (end > line->from && text->bytes[end - 1] == '\r')
            line->end--;
        line->too_long = line->end - line->from > LINE_MAX_BYTES;
        at = line->next;
    }
    return count;
}

static bool is_foreign(const struct text *text)
{
    static const char *const marks[] = {"\xff\xfe", "\xfe\xff", "\0\0\xfe\xff"};
    static const size_t lens[] = {2, 2, 4};
    for (size_t i = 0; i < 3; i++) {
        if (text->len >= lens[i] && memcmp(text->bytes, marks[i], lens[i]) == 0)
            return true;
    }
    return false;
}

static void add(struct text *text, const void *bytes, size_t len)
{
    if (text->len + len > sizeof text->bytes)
        return;
    memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
}

static void any_text(struct text *text)
{
    static const struct {
        const char *bytes;
        size_t len;
    } parts[] = {{"\xef\xbb\xbf", 3}, {"\xef\xbb", 2}, {"\xef", 1},  {"\xff\xfe", 2},
                 {"\xfe\xff", 2},     {"\0", 1},       {"\n", 1},    {"\r\n", 2},
                 {"\r", 1},           {" ", 1},        {"\t \t", 3}, {"a", 1},
                 {"\0\0\xfe\xff", 4}, {"text", 4}};
    text->len = text->there = 0;
    text->piece_max = random_below(2) == 0 ? 1 + random_below(4) : 1 + random_below(4000);
    for (uint64_t n = random_below(40); n > 0; n--) {
        size_t i = (size_t)random_below(sizeof parts / sizeof parts[0]);
        add(text, parts[i].bytes, parts[i].len);
        /* About as long as a line may be. */
        char c = random_below(4) == 0 ? ' ' : 'x';
        for (uint64_t run = random_below(10) == 0 ? LINE_MAX_BYTES - 5 + random_below(12) : 0;
             run > 0; run--)
            add(text, &c, 1);
        if (random_below(40) == 0) {
            for (uint64_t run = random_below(4000); run > 0; run--)
                add(text, "y", 1);
        }
    }
}

static void assert_same(const struct text *text, const struct naive_line *wanted,
                        const struct record_cut *line, bool foreign)
{
    size_t len = wanted->end - wanted->from;
    assert_int_equal(line->whole_len, len);
    assert_int_equal(line->blank, wanted->blank);
    assert_int_equal(line->fault, wanted->too_long ? RECORD_TOO_LONG
                                  : foreign        ? RECORD_UNREADABLE
                                                   : RECORD_GOOD);
    assert_int_equal(line->unterminated, wanted->unterminated);
    assert_false(line->rest);
    if (wanted->too_long && len > DEAD_EXCERPT_BYTES)
        len = DEAD_EXCERPT_BYTES;
    assert_int_equal(line->len, len);
    if (len != 0)
        assert_memory_equal(line->bytes, text->bytes + wanted->from, len);
}

static void any_pieces_give_the_same_lines(void **state)
{
    (void)state;
    struct text *text = memory_new(1, sizeof *text);
    struct naive_line *lines = memory_new(LINES_MAX, sizeof *lines);
    struct record_reader reader;
    record_reader_init(&reader, &line_records, LINE_MAX_BYTES, fill, begins, text);
    for (unsigned round = 0; round < 3000; round++) {
        any_text(text);
        size_t count = split(text, lines);
        bool foreign = is_foreign(text);
        record_reader_set(&reader, 0, 0, false);
        for (size_t i = 0; i < count; i++) {
            struct record_cut line;
            struct err e;
            int rc;
            do {
                rc = record_reader_next(&reader, &line, &e);
            } while (rc == ERR_AGAIN || rc == ERR_UNFINISHED);
            assert_int_equal(rc, 0);
            assert_same(text, &lines[i], &line, foreign);
            assert_int_equal(reader.offset, lines[i].next);
            assert_int_equal(reader.crc, hash_crc32c(0, text->bytes, lines[i].next));
            if (random_below(8) == 0) { /* another process continues */
                record_reader_done(&reader);
                record_reader_init(&reader, &line_records, LINE_MAX_BYTES, fill, begins, text);
                record_reader_set(&reader, lines[i].next,
                                  hash_crc32c(0, text->bytes, lines[i].next), foreign);
            }
        }
        struct record_cut line;
        struct err e;
        assert_int_equal(record_reader_next(&reader, &line, &e), ERR_END);
    }
    record_reader_done(&reader);
    free(lines);
    free(text);
}

int main(int argc, char **argv)
{
    random_init("line_records_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_pieces_give_the_same_lines),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
