/* SPDX-License-Identifier: MIT */
/*
 * Takes the bytes up to the first 0xff, which no pattern has, for a pattern, and what is behind it for
 * a subject, which is repeated so often as the first byte says. A pattern that compiles matches the
 * same whenever it is asked, in steps that have a bound, and what its groups took lies in the subject;
 * and no text hides the price of what stands behind it. Nothing here measures time: a match that takes
 * longer than its steps say meets the time limit of the fuzzer.
 */
#include "common/bounds.h"
#include "common/buf.h"
#include "common/pattern.h"
#include "common/pattern_text.h"
#include "common/utf8.h"
#include "tests/fuzz/fuzz.h"

#define SUBJECT_BYTES_MAX (64u << 10)

static void check_spans(const struct pattern *pattern, const uint8_t *subject, size_t len)
{
    for (size_t i = 0; i < pattern_name_count(pattern); i++) {
        size_t start = 0, span = 0, bad_at;
        ALWAYS(pattern_name(pattern, i)[0] != '\0');
        if (!pattern_span(pattern, i, &start, &span))
            continue;
        ALWAYS(start <= len && span <= len - start);
        ALWAYS(utf8_valid(subject + start, span, &bad_at));
    }
}

static void check_match(struct pattern *pattern, const uint8_t *subject, size_t len)
{
    size_t bad_at;
    struct pattern *shared = pattern_share(pattern);
    enum pattern_result result = pattern_match(pattern, subject, len);
    uint64_t steps = pattern_steps(pattern);
    ALWAYS((result == PATTERN_NOT_UTF8) == !utf8_valid(subject, len, &bad_at));
    /* What the last step cost comes on top. */
    ALWAYS(result == PATTERN_TOO_HARD || steps <= PATTERN_STEPS_MAX);
    if (result == PATTERN_MATCH)
        check_spans(pattern, subject, len);
    ALWAYS(pattern_match(shared, subject, len) == result);
    ALWAYS(pattern_steps(shared) == steps);
    pattern_free(shared);
}

/* The text as it is read for what its items cost: each byte is itself, or stands for nothing. */
static void check_plain(const char *text, size_t len)
{
    char *plain = malloc(len + 1);
    ALWAYS(plain != NULL);
    memset(plain, '!', len);
    if (pattern_text_read(text, len, PATTERN_NEWLINE_LF, plain)) {
        for (size_t i = 0; i < len; i++)
            ALWAYS(plain[i] == text[i] || plain[i] == PATTERN_TEXT_NOTHING ||
                   plain[i] == PATTERN_TEXT_LETTER);
    }
    free(plain);
}

/* NULL: it is refused, for its syntax or what the manual names, and never since it was misread. */
static struct pattern *compiled(const char *text, size_t len)
{
    struct pattern *pattern = NULL;
    size_t at = 0, bad_at;
    struct err e = {0};
    int rc = pattern_compile(text, len, &pattern, &at, &e);
    ALWAYS(rc == 0 || rc == ERR_INVALID || rc == ERR_RANGE);
    ALWAYS((rc == 0) == (pattern != NULL) && at <= len);
    ALWAYS((rc == 0) == (e.text[0] == '\0') && strstr(e.text, "no known bound") == NULL);
    if (rc == 0) {
        const char *shown = pattern_shown(pattern);
        ALWAYS(utf8_valid((const uint8_t *)shown, strlen(shown), &bad_at));
    }
    return pattern;
}

/* As the unit test has it: what stands behind the text is no part of a comment in it. */
static void check_behind(const char *text, size_t len)
{
    static const char before[] = "(*NO_START_OPT)(?:", behind[] = "){0}[xy]{40}[zq]";
    static const uint8_t subject[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxw";
    struct buf whole = {0};
    buf_add_text(&whole, before);
    buf_add(&whole, text, len);
    buf_add_text(&whole, behind);
    struct pattern *pattern = compiled((const char *)whole.data, whole.len);
    if (pattern != NULL) {
        enum pattern_result result = pattern_match(pattern, subject, sizeof subject - 1);
        ALWAYS(result != PATTERN_NO_MATCH || pattern_steps(pattern) >= 40);
    }
    pattern_free(pattern);
    buf_done(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, data + size};
    size_t times = (size_t)1 << fuzz_byte(&in) % 16;
    const uint8_t *end = fuzz_left(&in) != 0 ? memchr(in.at, 0xff, fuzz_left(&in)) : NULL;
    const char *text = (const char *)in.at;
    size_t len = end != NULL ? (size_t)(end - in.at) : fuzz_left(&in);
    struct pattern *pattern = compiled(text, len);
    if (pattern == NULL)
        return 0;
    check_plain(text, len);
    check_behind(text, len);
    in.at = end != NULL ? end + 1 : in.end;
    size_t once = fuzz_left(&in);
    while (times > 1 && once * times > SUBJECT_BYTES_MAX)
        times /= 2;
    uint8_t *subject = malloc(once * times + 1);
    ALWAYS(subject != NULL);
    for (size_t i = 0; i < times; i++)
        memcpy(subject + i * once, in.at, once);
    check_match(pattern, subject, once * times);
    free(subject);
    pattern_free(pattern);
    return 0;
}
