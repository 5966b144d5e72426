/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "common/memory.h"
#include "common/pattern.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

static struct pattern *compiled(const char *text)
{
    struct pattern *pattern = NULL;
    size_t at;
    struct err e;
    if (pattern_compile(text, strlen(text), &pattern, &at, &e) != 0)
        fail_msg("%s: %s at %zu", text, e.text, at);
    return pattern;
}

static enum pattern_result match_once(const char *text, const void *subject, size_t len)
{
    struct pattern *pattern = compiled(text);
    enum pattern_result result = pattern_match(pattern, subject, len);
    assert_int_equal(pattern_match(pattern, subject, len), result);
    struct pattern *shared = pattern_share(pattern);
    assert_int_equal(pattern_match(shared, subject, len), result);
    assert_true(pattern_steps(shared) == pattern_steps(pattern));
    pattern_free(shared);
    pattern_free(pattern);
    return result;
}

static const struct {
    const char *pattern;
    const char *subject;
    size_t len;
    enum pattern_result result;
} cases[] = {
    {"b", "abc", 3, PATTERN_MATCH},
    {"^b", "abc", 3, PATTERN_NO_MATCH},
    {"^[A-Z]+$", "ABC", 3, PATTERN_MATCH},
    {"^[A-Z]+$", "ABC\n", 4, PATTERN_NO_MATCH},
    {"^[A-Z]+$", "", 0, PATTERN_NO_MATCH},
    {"^$", "", 0, PATTERN_MATCH},
    {"", "abc", 3, PATTERN_MATCH},
    {"^a.b$", "a\0b", 3, PATTERN_MATCH},
    {"^a.b$", "a\nb", 3, PATTERN_NO_MATCH},
    {"(?s)^a.b$", "a\nb", 3, PATTERN_MATCH},
    {"^..$", "\xc3\xa4\xc3\xb6", 4, PATTERN_MATCH},
    {"^\xc3\xa4", "\xc3\xa4\xc3\xb6", 4, PATTERN_MATCH},
    {"(?i)^\xc3\x84$", "\xc3\xa4", 2, PATTERN_MATCH},
    {"^\\w$", "\xc3\xa4", 2, PATTERN_NO_MATCH},
    {"^\\d$", "\xd9\xa3", 2, PATTERN_NO_MATCH}, /* an arabic 3 */
    {"a", "\xff", 1, PATTERN_NOT_UTF8},
    {"a", "a\xc3", 2, PATTERN_NOT_UTF8},
    {"a", "\xed\xa0\x80", 3, PATTERN_NOT_UTF8},
    {"(?<=a)b(?!c)", "abc abd", 7, PATTERN_MATCH},
    {"^(?:a|b(?R)?c)$", "bac", 3, PATTERN_NO_MATCH},
    {"(?R)?a", "aaa", 3, PATTERN_TOO_HARD},
};

static void test_matches(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum pattern_result result = match_once(cases[i].pattern, cases[i].subject, cases[i].len);
        if (result != cases[i].result)
            fail_msg("row %zu: /%s/ gives %d", i, cases[i].pattern, result);
    }
}

static const struct {
    const char *pattern;
    int code;
    size_t at;
    const char *why;
} bad_patterns[] = {
    {"a(b", ERR_INVALID, 3, "missing closing parenthesis"},
    {"a)b", ERR_INVALID, 1, "unmatched closing parenthesis"},
    {"[a-z", ERR_INVALID, 4, "missing terminating ] for character class"},
    {"a**+*", ERR_INVALID, 2, "quantifier does not follow a repeatable item"},
    {"\\C", ERR_INVALID, 2, "using \\C is disabled by the application"},
    {"(a)\\1", ERR_INVALID, 0, "it has a back reference to a group, which may take unbounded time"},
    {"(?<x>a)\\k<x>", ERR_INVALID, 0,
     "it has a back reference to a group, which may take unbounded time"},
    {"(?<x>a)?(?(<x>)b)", ERR_INVALID, 0,
     "it has a back reference to a group, which may take unbounded time"},
    {"(a)?(?(1)b)", ERR_INVALID, 0,
     "it has a back reference to a group, which may take unbounded time"},
    {"a\\X", ERR_INVALID, 1, "it has \\X or a script run, which may take unbounded time"},
    {"(?:\\Q\\E\\X)", ERR_INVALID, 7, "it has \\X or a script run, which may take unbounded time"},
    {"(?x) a  (*sr:.+)", ERR_INVALID, 8,
     "it has \\X or a script run, which may take unbounded time"},
    {"(*atomic_script_run:a)", ERR_INVALID, 0,
     "it has \\X or a script run, which may take unbounded time"},
    {"(a{65535}){65535}", ERR_RANGE, 17, "regular expression is too large"},
    {"(?<x>a)|(?<x>b)", ERR_INVALID, 13,
     "two named subpatterns have the same name (PCRE2_DUPNAMES not set)"},
    {"\xff", ERR_INVALID, 0, "UTF-8 error: illegal byte (0xfe or 0xff)"},
    {"(?:aaaaaaaa){60000}", ERR_RANGE, 19, "regular expression is too large"},
};

static void test_what_is_no_pattern(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_patterns / sizeof bad_patterns[0]; i++) {
        struct pattern *pattern = NULL;
        size_t at = SIZE_MAX;
        struct err e;
        const char *text = bad_patterns[i].pattern;
        int rc = pattern_compile(text, strlen(text), &pattern, &at, &e);
        if (rc != bad_patterns[i].code || at != bad_patterns[i].at || pattern != NULL ||
            strcmp(e.text, bad_patterns[i].why) != 0)
            fail_msg("/%s/: %d at %zu, %s", text, rc, at, rc != 0 ? e.text : "");
    }
}

static void test_the_longest_pattern(void **state)
{
    (void)state;
    char text[PATTERN_BYTES_MAX + 2];
    memset(text, 'a', sizeof text);
    struct pattern *pattern = NULL;
    size_t at;
    struct err e;
    assert_int_equal(pattern_compile(text, PATTERN_BYTES_MAX, &pattern, &at, &e), 0);
    assert_int_equal(pattern_match(pattern, (uint8_t *)text, sizeof text), PATTERN_MATCH);
    pattern_free(pattern);
    assert_int_equal(pattern_compile(text, PATTERN_BYTES_MAX + 1, &pattern, &at, &e), ERR_RANGE);
    assert_int_equal(at, PATTERN_BYTES_MAX);
    memset(text, '(', sizeof text);
    assert_int_equal(pattern_compile(text, PATTERN_BYTES_MAX, &pattern, &at, &e), ERR_INVALID);
    assert_int_equal(at, PATTERN_DEPTH_MAX + 1);
    pattern_free(NULL);
}

/* Each of these would take from minutes to longer than the sun shines. */
static void test_hostile_subjects(void **state)
{
    (void)state;
    static const char *const hard[] = {
        "[a-y]+x",        "(a+)+$(?!)",
        "(a|aa)+[bc]",    "^(a+)+[bc]",
        ".*[bc]",         "(a*)*[bc]",
        "a{1000}[bc]",    "(?=a+)[bc]|a*[bc]",
        "^(?:a|b)*$(?!)", "^(?<x>(?:a|b(?&x))*)[bc]",
    };
    size_t len = RECORD_TEXT_BYTES_MAX;
    uint8_t *subject = memory_new(len, 1);
    memset(subject, 'a', len);
    for (size_t i = 0; i < sizeof hard / sizeof hard[0]; i++)
        assert_int_equal(match_once(hard[i], subject, len), PATTERN_TOO_HARD);
    subject[len - 1] = 'x';
    assert_int_equal(match_once("^a*x$", subject, len), PATTERN_MATCH);
    free(subject);
}

/* Of what stands in the subject again and again, and what stands between. */
static const struct {
    const char *pattern;
    char again;
    size_t times;
    const char *between;
} hidden[] = {
    {"x{65535}[yz]", 'x', 65534, "z"},
    {"[xy]{65535}$", 'x', 65534, "z"},
    {"\\N{65535}\\h[qr]", 'x', 65534, "\n"},
    {"(?![ab]{65535})\\K[qr]", 'a', 65534, "c"},
    {"(?(?=[ab]{60000})b|c)", 'a', 50000, "c"},
    {"(*napla:[ab]{60000})[qr]", 'a', 50000, "c"},
    {"(?x) [xy] # {7}\n {65535} [qr]", 'x', 65534, "z"},
    {"(?<=[xy]{65535})[yx]", 'x', 65534, "z"},
    {"(?<![xy]{65535}|[xy]{65534}|[xy]{65533}|[xy]{65532})[qr]|x(?<=x{60000})", 'x', 59999, "z"},
    {"^(?<b>a(?&b)?(?:(?&c))*)(?(DEFINE)(?<c>[cd]))[zq]", 'a', 20000,
     "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"},
    {"(?:(?:a?){0,1000})[qr]", 'a', 10000, "b"},
    {"(?!b){0,1000}\\h?[qr]", 'a', 2048, "b"},
    {"(?:(?>(?!b)){0,300}){0,3}\\h?[qr]", 'a', 2048, "b"},
    {"\\p{L}{0,1000}(?|\\N{65535}){0,255}[qr]", 'a', 256, "b"},
};

/*
 * What PCRE2 does within one item, which it asks nobody about. Each took from seconds to hours; a
 * match that is not stopped by its steps meets the time limit of the test.
 */
static void test_work_within_an_item(void **state)
{
    (void)state;
    uint8_t *subject = memory_new(LINE_BYTES_MAX, 1);
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
        size_t between = strlen(hidden[i].between), round = hidden[i].times + between;
        for (size_t at = 0; at < LINE_BYTES_MAX; at++)
            subject[at] = at % round < hidden[i].times
                              ? (uint8_t)hidden[i].again
                              : (uint8_t)hidden[i].between[at % round - hidden[i].times];
        struct pattern *pattern = compiled(hidden[i].pattern);
        if (pattern_match(pattern, subject, LINE_BYTES_MAX) != PATTERN_TOO_HARD)
            fail_msg("row %zu: /%s/ is not too hard", i, hidden[i].pattern);
        uint64_t steps = pattern_steps(pattern);
        assert_true(steps <= PATTERN_STEPS_MAX + LINE_BYTES_MAX * UINT64_C(40));
        pattern_free(pattern);
    }
    free(subject);
}

/* A try copies what all groups captured; copies of a call are tried unseen. */
static void test_work_of_calls_and_captures(void **state)
{
    (void)state;
    static const char subject[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    char many[PATTERN_BYTES_MAX] = "(*NO_START_OPT)(?=a)(?=a)(?=a)x|", *end = many + strlen(many);
    for (size_t i = 0; i < 480; i++, end += 2)
        memcpy(end, "()", 3);
    const struct {
        const char *pattern;
        uint64_t least;
    } rows[] = {
        {"^(?<n>a)(?&n){0,400}(?=!)", 400 * 512 + 80000},
        {"^(?<n>a)(?&n){40}(?=!)", 40 * 512},
        {"^(?<n>a)(?&n)*(?=!)", 50 * 512},
        {"^(a)\\g<1>+(?=!)", 50 * 512},
        {"^(a)\\g'1'*?(?=!)", 50 * 512},
        {"^(a)(?1){1,}+(?=!)", 50 * 512},
        {"(?x)^(a)(?-1) {2,}(?=!)", 50 * 512},
        {many, 480 * 30},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pattern *pattern = compiled(rows[i].pattern);
        (void)pattern_match(pattern, (const uint8_t *)subject, strlen(subject));
        if (pattern_steps(pattern) < rows[i].least)
            fail_msg("row %zu: %llu steps", i, (unsigned long long)pattern_steps(pattern));
        pattern_free(pattern);
    }
}

/* Each call looks through all groups that are open, and those of a repeat ask nobody before. */
static void test_calls_that_repeat_freely(void **state)
{
    (void)state;
    static const char *const hard[] = {
        "^(?<b>a(?&b)?(?=(?&c)*+))(?(DEFINE)(?<c>[cd]))[zq]",
        "^(?<b>a(?&b)?(?!\\g<c>{2,}+z))(?(DEFINE)(?<c>[cd]))[zq]",
    };
    enum { DEPTH = 4000, LEN = 64000 };
    uint8_t *subject = memory_new(LEN, 1);
    memset(subject, 'a', DEPTH);
    memset(subject + DEPTH, 'c', LEN - DEPTH);
    for (size_t i = 0; i < sizeof hard / sizeof hard[0]; i++)
        assert_int_equal(match_once(hard[i], subject, LEN), PATTERN_TOO_HARD);
    free(subject);
}

/* What people write costs a few steps for each character. */
static void test_common_patterns_are_cheap(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *subject;
        uint64_t steps;
    } common[] = {
        {"^[A-Z]{3}-[0-9]{4}$", "ABC-1234", 25},
        {"^(?:[a-z0-9-]{1,63}\\.){1,8}[a-z]+$", "www.example.org", 150},
        {"^\\d{4}-\\d\\d-\\d\\d(?:T\\d{2}(?::\\d{2}){2})?$", "2026-11-30T04:05:06", 70},
        {"^(?:(?&octet)\\.){3}(?&octet)$(?(DEFINE)(?<octet>\\d{1,3}))", "10.11.12.13", 2300},
        {"(?<![ab]{5})x", "aaaaaaaaaaaaaaaax", 40},
    };
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++) {
        struct pattern *pattern = compiled(common[i].pattern);
        (void)pattern_match(pattern, (const uint8_t *)common[i].subject, strlen(common[i].subject));
        if (pattern_steps(pattern) > common[i].steps)
            fail_msg("row %zu: /%s/ takes %llu steps", i, common[i].pattern,
                     (unsigned long long)pattern_steps(pattern));
        pattern_free(pattern);
    }
}

/* PCRE2 leaves the length of what comes last unset here; it is never read as one. */
static void test_empty_options_at_the_end(void **state)
{
    (void)state;
    static const char *const texts[] = {"K(?)", "(?)", "(?i)", "a(?i)", "(a(?))", "a(?)(?)"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct pattern *pattern = compiled(texts[i]);
        (void)pattern_match(pattern, (const uint8_t *)"Ka", 2);
        pattern_free(pattern);
    }
}

/* Long matches show that something is done. */
static void test_beats(void **state)
{
    (void)state;
    static _Atomic uint64_t beats;
    static const uint8_t subject[20000] = {0};
    pattern_use_beats(&beats);
    assert_int_equal(match_once("[^a]*[bc]", subject, 100), PATTERN_NO_MATCH);
    assert_int_equal(beats, 0);
    assert_int_equal(match_once("[^a]*[bc]", subject, sizeof subject), PATTERN_TOO_HARD);
    assert_true(beats >= 2 * (PATTERN_STEPS_MAX >> 20));
    pattern_use_beats(NULL);
}

/* Each has its own last match, and what was compiled is there until the first one is freed. */
static void test_sharing(void **state)
{
    (void)state;
    size_t start, len;
    struct pattern *pattern = compiled("(?<b>b+)");
    struct pattern *one = pattern_share(pattern), *other = pattern_share(one);
    assert_int_equal(pattern_match(pattern, (const uint8_t *)"ab", 2), PATTERN_MATCH);
    assert_int_equal(pattern_match(one, (const uint8_t *)"bb", 2), PATTERN_MATCH);
    assert_int_equal(pattern_match(other, (const uint8_t *)"a", 1), PATTERN_NO_MATCH);
    assert_true(pattern_span(pattern, 0, &start, &len) && start == 1 && len == 1);
    assert_true(pattern_span(one, 0, &start, &len) && start == 0 && len == 2);
    pattern_free(one);
    assert_int_equal(pattern_match(other, (const uint8_t *)"aab", 3), PATTERN_MATCH);
    assert_true(pattern_span(other, 0, &start, &len) && start == 2 && len == 1);
    assert_string_equal(pattern_shown(other), "(?<b>b+)");
    pattern_free(other);
    pattern_free(pattern);
}

static void test_named_groups(void **state)
{
    (void)state;
    struct pattern *pattern = compiled("^(?<year>\\d+)-(?P<month>\\d+)(-(?'day'\\d*))?(?<b>x)?");
    static const char *const names[] = {"year", "month", "day", "b"};
    assert_int_equal(pattern_name_count(pattern), 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(pattern_name(pattern, i), names[i]);
    size_t start, len;
    assert_int_equal(pattern_match(pattern, (const uint8_t *)"2026-11-", 8), PATTERN_MATCH);
    assert_true(pattern_span(pattern, 0, &start, &len));
    assert_true(start == 0 && len == 4);
    assert_true(pattern_span(pattern, 1, &start, &len));
    assert_true(start == 5 && len == 2);
    assert_true(pattern_span(pattern, 2, &start, &len));
    assert_true(start == 8 && len == 0);
    assert_false(pattern_span(pattern, 3, &start, &len));
    assert_int_equal(pattern_match(pattern, (const uint8_t *)"2026-11x", 8), PATTERN_MATCH);
    assert_false(pattern_span(pattern, 2, &start, &len));
    assert_true(pattern_span(pattern, 3, &start, &len));
    assert_true(start == 7 && len == 1);
    pattern_free(pattern);
    pattern = compiled("(a)(b)");
    assert_int_equal(pattern_name_count(pattern), 0);
    pattern_free(pattern);
}

/* Groups of one name: which part of the subject that name has; NULL: none took part. */
static const struct {
    const char *pattern, *subject, *names, *a, *b;
} shared_names[] = {
    {"(?J)^(?:\"(?<a>[^\"]*)\"|(?<a>[^\"]*))$", "bare", "a", "bare", NULL},
    {"(?J)^(?:\"(?<a>[^\"]*)\"|(?<a>[^\"]*))$", "\"quoted\"", "a", "quoted", NULL},
    {"(?J)^(?:\"(?<a>[^\"]*)\"|(?<a>[^\"]*))$", "\"\"", "a", "", NULL},
    {"(?J)^(?<b>.)(?<a>x)?(?<a>y)?(?<b>z)?$", "1y", "ba", "y", "1"},
    {"(?J)^(?<b>.)?(?<a>x)(?<a>y)(?<b>z)$", "xyz", "ba", "x", "z"},
    {"(?J)^(?<b>.)(?<a>x)?(?<a>y)?(?<b>z)?$", "1", "ba", NULL, "1"},
    {"^(?<b>.)(?J:(?<a>x)|(?<a>y)|(?<a>z))$", "1z", "ba", "z", "1"},
    {"^(?:(?J)(?<b>.)(?<a>x)|(?<a>y)(?<b>.))$", "y1", "ba", "y", "1"},
    {"^(?|(?<a>x)(?<b>1)|(?<a>y)(?<b>2))$", "y2", "ab", "y", "2"},
    {"(?J)^(?|(.)(?<a>x)|(?<a>y))$", "1x", "a", "x", NULL},
    {"(?J)^(?|(.)(?<a>x)|(?<a>y))$", "y", "a", "y", NULL},
};

static void test_groups_of_one_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shared_names / sizeof shared_names[0]; i++) {
        const char *subject = shared_names[i].subject;
        struct pattern *pattern = compiled(shared_names[i].pattern);
        assert_int_equal(pattern_name_count(pattern), strlen(shared_names[i].names));
        assert_int_equal(pattern_match(pattern, (const uint8_t *)subject, strlen(subject)),
                         PATTERN_MATCH);
        for (size_t k = 0; k < pattern_name_count(pattern); k++) {
            const char name[2] = {shared_names[i].names[k], '\0'};
            assert_string_equal(pattern_name(pattern, k), name);
            const char *wanted = name[0] == 'a' ? shared_names[i].a : shared_names[i].b;
            size_t start, len;
            bool there = pattern_span(pattern, k, &start, &len);
            if (there != (wanted != NULL) ||
                (there && (len != strlen(wanted) || memcmp(subject + start, wanted, len) != 0)))
                fail_msg("row %zu: '%s' is wrong", i, name);
        }
        pattern_free(pattern);
    }
}

/* Parentheses, braces and \X that are none. */
static const struct {
    const char *pattern, *subject;
} odd_texts[] = {
    {"^\\Q:-)\\E (?<m>.*)$", ":-) yes"},
    {"\\Q(foo\\E.*", "(foo"},
    {"\\Q\\(\\E", "\\("},
    {"^\\Q\\X\\E$", "\\X"},
    {"^(\\Q))\\E)$", "))"},
    {"^a\\Q)\\E{2}\\Q(", "a))("},
    {"^\\Qa[\\E\\[\\Q(", "a[[("},
    {"^[\\Q](\\E]+$", "]("},
    {"^[^\\Q\\E](]\\Q)\\E$", "a)"},
    {"^(a\\E)$", "a"},
    {"^\\\\Q(\\()$", "\\Q("},
    {"^\\\\E\\)$", "\\E)"},
    {"(?x) ^a # a ( in a comment, and \\Q\n b$ # )", "ab"},
    {"^(?#\\Q()a(?# [ )$", "a"},
    {"^a(?#\\X)b(?#{65535})$", "ab"},
    {"(?x) ^ (a # \\X (*sr: {65535}\n) $", "a"},
    {"^(?:(?x) # (\n a) #$", "a #"},
    {"^((?x: # (\n a) #)$", "a #"},
    {"^(?x)(?-x: #\\()#(\n$", " #("},
    {"^(?x)(?^)#(a)$", "#a"},
    {"(?xx)^[ ](]$", "("},
    {"(?x)^[ #(]+$", " #("},
    {"(*CR)(?x)^ # (\ra$", "a"},
    {"(*ANY)(?x)^ # (\xc2\x85"
     "a$",
     "a"},
    {"(*CRLF)(?x)^ # (\n(\r\na$", "a"},
    {"(*NO_START_OPT)(*UTF)^a$", "a"},
    {"^\\c(\\c[\\c\\$", "h\x1b\x1c"},
    {"^[\\c]](\\))$", "\x1d)"},
    {"^\\x28\\o{50}\\N{U+0028}\\x{28}\\050$", "((((("},
    {"^[)(][[:alpha:](][](][^](]$", "((]a"},
    {"^[[:^alpha:])]{2}[[:]]$", "1):]"},
    {"[[:<:]]a[[:>:]]", "a"},
    {"^(?|(a)|(b(?:c)))$", "bc"},
    {"^(a)?(?(?=d)(?:d)|(e))(?<n>h)$", "adh"},
    {"^(?(?!b)(a)|(b))(?<m>e)(?(R)x|y)(?(DEFINE)(?<d>(z)))$", "aey"},
    {"^(?(VERSION>=10.0)(a)|(b))(?(R1)c|d)(f)$", "adf"},
    {"^(*atomic:a|(b))(*pla:(c))c(*negative_lookahead:(d))(*MARK:\\Q(()$", "bc"},
    {"^a(*:({2)b(*PRUNE:[({2)(c)$", "abc"},
    {"(?x)^ (?C1) (a) (?C1) # (\n (?C2) [b]{2} (?C3) $ (?C)", "abb"},
    {"^(?C\"(\"\")\")a(?C{)}})})b(?C'(?#')(?(?C9)(?=c)(c)|d)$", "abc"},
    {"^(?C1)(?C2)(a)(?C3)(?C)$", "a"},
    {"^(?<a1_>a)\\Kb\\R(?&a1_)(?P>a1_)\\g<a1_>\\g'a1_'(?1)(?-1)\\g<1>$", "ab\r\naaaaaaa"},
    {"^(?<=(^))(?<!(a))(?>(b))(?=(c))(?!(d))c$", "bc"},
    {"^(?:a{,3}|\\{(b{2}c|{|}))$", "{}"},
};

static void test_what_looks_like_syntax(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof odd_texts / sizeof odd_texts[0]; i++) {
        const char *subject = odd_texts[i].subject;
        struct pattern *pattern = compiled(odd_texts[i].pattern);
        if (pattern_match(pattern, (const uint8_t *)subject, strlen(subject)) != PATTERN_MATCH)
            fail_msg("row %zu: /%s/ does not match", i, odd_texts[i].pattern);
        if (pattern_steps(pattern) > 4000)
            fail_msg("row %zu: /%s/ takes %llu steps", i, odd_texts[i].pattern,
                     (unsigned long long)pattern_steps(pattern));
        pattern_free(pattern);
    }
}

/* What groups, comments, quotes and classes can be made of. */
static const char *const pieces[] = {
    "(",           "(?:",       "(?x:",      "(?x)",        "(?-x)",     "(?xx)",  "(?^)",
    "(?i-x:",      "(?=",       "(?!",       "(?<=",        "(?<!",      "(?>",    "(?|",
    "(?<a1>",      "(?'b_'",    "(?P<c>",    "(?(1)",       "(?(?=",     "(?(R)",  "(?#",
    "(*pla:",      "(*atomic:", "(*F)",      "(*MARK:\\Q)", "(*:()",     "(?C1)",  "(?C\"(\")",
    "(?C{}}\\Q})", "(?)",       "(?R)",      "(?1)",        "(?&a1)",    "\\g<1>", ")",
    ")",           ")",         ")",         ")",           "|",         "\\Q",    "\\E",
    "\\\\",        "\\(",       "\\)",       "\\[",         "\\]",       "\\c(",   "\\c\\",
    "\\x28",       "\\o{50}",   "\\N{U+28}", "\\N",         "\\K",       "\\R",    "\\b",
    "\\#",         "[",         "[^",        "[]",          "[:alpha:]", "[:",     ":]",
    "]",           "]",         "-",         "^",           "$",         ".",      "a",
    "b",           "#",         "#",         "\n",          "\n",        " ",      "\t",
    "\xc2\x85",    "{",         "}",         "{2}",         "{0,1}",     "{1,}?",  "*",
    "+",           "?",         "??",        "E",           "Q",         "\"",     "'",
    "=",
};

static size_t put_pieces(char *text, size_t room)
{
    size_t len = 0;
    for (uint64_t count = 1 + random_below(12); count > 0; count--) {
        const char *piece = pieces[random_below(sizeof pieces / sizeof pieces[0])];
        if (strlen(piece) > room - len)
            break;
        memcpy(text + len, piece, strlen(piece));
        len += strlen(piece);
    }
    return len;
}

/* BULKHEAD_PATTERNS in the environment: how many random patterns are tried. */
static uint64_t rounds(uint64_t usual)
{
    const char *wanted = getenv("BULKHEAD_PATTERNS");
    return wanted != NULL && *wanted != '\0' ? strtoull(wanted, NULL, 10) : usual;
}

static struct pattern *compiled_if_valid(const char *text, size_t len)
{
    struct pattern *pattern = NULL;
    size_t at = 0;
    struct err e;
    if (pattern_compile(text, len, &pattern, &at, &e) != 0 &&
        strstr(e.text, "no known bound") != NULL)
        fail_msg("/%.*s/ is refused", (int)len, text);
    return pattern;
}

/*
 * A pattern is refused for its syntax or for what the manual names, and never since its groups were
 * misread; and what stands behind any text has its price, so nothing was taken for a comment.
 */
static void test_any_syntax(void **state)
{
    (void)state;
    static const char behind[] = "){0}[xy]{40}[zq]";
    static const uint8_t subject[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxw";
    uint64_t taken = 0;
    for (uint64_t left = rounds(100000); left > 0; left--) {
        char text[256] = "(*NO_START_OPT)(?:";
        size_t head = strlen(text),
               len = put_pieces(text + head, sizeof text - sizeof behind - head);
        struct pattern *pattern = compiled_if_valid(text + head, len);
        if (pattern == NULL)
            continue;
        pattern_free(pattern);
        memcpy(text + head + len, behind, sizeof behind);
        pattern = compiled_if_valid(text, strlen(text));
        if (pattern == NULL)
            continue;
        taken++;
        enum pattern_result result = pattern_match(pattern, subject, sizeof subject - 1);
        if (result == PATTERN_NO_MATCH && pattern_steps(pattern) < 40)
            fail_msg("/%s/ has %llu steps", text, (unsigned long long)pattern_steps(pattern));
        pattern_free(pattern);
    }
    printf("%llu patterns were taken\n", (unsigned long long)taken);
}

/* Any text is a pattern or is refused, and any match of any bytes ends. */
static void test_any_text(void **state)
{
    (void)state;
    static const char letters[] = "ab()[]{}?*+|^$.\\,0123<>!=:-#iJPRkgdwsbKQEGx\xc3\xa4";
    for (uint64_t left = rounds(20000); left > 0; left--) {
        char text[24];
        uint8_t subject[64];
        size_t text_len = random_below(sizeof text), len = random_below(sizeof subject);
        for (size_t i = 0; i < text_len; i++)
            text[i] = letters[random_below(sizeof letters - 1)];
        for (size_t i = 0; i < len; i++)
            subject[i] = (uint8_t)(random_below(64) == 0 ? random_bits() : 'a' + random_below(2));
        struct pattern *pattern = NULL;
        size_t at = 0, start, span;
        struct err e;
        if (pattern_compile(text, text_len, &pattern, &at, &e) != 0) {
            assert_true(at <= text_len);
            continue;
        }
        if (pattern_match(pattern, subject, len) == PATTERN_MATCH) {
            for (size_t i = 0; i < pattern_name_count(pattern); i++)
                assert_true(!pattern_span(pattern, i, &start, &span) || start + span <= len);
        }
        pattern_free(pattern);
    }
}

int main(int argc, char **argv)
{
    random_init("pattern_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_what_is_no_pattern),
        cmocka_unit_test(test_the_longest_pattern),
        cmocka_unit_test(test_hostile_subjects),
        cmocka_unit_test(test_work_within_an_item),
        cmocka_unit_test(test_work_of_calls_and_captures),
        cmocka_unit_test(test_calls_that_repeat_freely),
        cmocka_unit_test(test_common_patterns_are_cheap),
        cmocka_unit_test(test_empty_options_at_the_end),
        cmocka_unit_test(test_beats),
        cmocka_unit_test(test_sharing),
        cmocka_unit_test(test_named_groups),
        cmocka_unit_test(test_groups_of_one_name),
        cmocka_unit_test(test_what_looks_like_syntax),
        cmocka_unit_test(test_any_syntax),
        cmocka_unit_test(test_any_text),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
