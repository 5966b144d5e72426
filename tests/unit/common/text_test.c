/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/bounds.h"
#include "common/err.h"
#include "common/text.h"
#include "common/utf8.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define UNTOUCHED INT64_C(-7777777)
#define SECOND INT64_C(1000000000)
#define DAY (86400 * SECOND)

static const char *const words[] = {"file.source", "file.sink", NULL, "dedup", "rules", "window"};
#define WORD_COUNT (sizeof words / sizeof words[0])

static const struct {
    const char *name;
    const char *word;
    const char *nearest;
} nearest_cases[] = {
    {"itself", "dedup", "dedup"},
    {"a letter missing", "dedu", "dedup"},
    {"a letter too many", "dedupe", "dedup"},
    {"a letter wrong", "dedap", "dedup"},
    {"neighbours swapped", "dedpu", "dedup"},
    {"two of five", "dadap", NULL},
    {"one of six", "windaw", "window"},
    {"two of six", "wandaw", "window"},
    {"three of six", "wandax", NULL},
    {"three of eleven", "file.saarca", "file.source"},
    {"the nearer of two", "file.sonk", "file.sink"},
    {"a short word may miss by one", "rule", "rules"},
    {"nothing alike", "kafka", NULL},
    {"case counts", "DEDUP", NULL},
    {"empty", "", NULL},
};

static void mistyped_words_find_their_meaning(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof nearest_cases / sizeof nearest_cases[0]; i++) {
        const char *nearest = text_nearest(nearest_cases[i].word, words, WORD_COUNT);
        const char *expected = nearest_cases[i].nearest;
        if (nearest == NULL || expected == NULL ? nearest != expected
                                                : strcmp(nearest, expected) != 0)
            fail_msg("%s: %s", nearest_cases[i].name, nearest != NULL ? nearest : "nothing");
    }
    assert_null(text_nearest("dedup", words, 0));
    static const char *const nobody[] = {NULL, NULL};
    assert_null(text_nearest("dedup", nobody, 2));
}

/* Of two that are as near as each other, the first. */
static void ties_go_to_the_first(void **state)
{
    (void)state;
    static const char *const both[] = {"cart", "card"};
    static const char *const other[] = {"card", "cart"};
    assert_string_equal(text_nearest("carx", both, 2), "cart");
    assert_string_equal(text_nearest("carx", other, 2), "card");
}

static void long_words_are_compared(void **state)
{
    (void)state;
    char word[NAME_BYTES_MAX + 1], other[NAME_BYTES_MAX + 1];
    memset(word, 'a', NAME_BYTES_MAX);
    word[NAME_BYTES_MAX] = '\0';
    memcpy(other, word, sizeof word);
    const char *const candidates[] = {other};
    for (size_t wrong = 0; wrong <= NAME_BYTES_MAX; wrong++) {
        const char *nearest = text_nearest(word, candidates, 1);
        if ((nearest != NULL) != (wrong <= NAME_BYTES_MAX / 3))
            fail_msg("%zu letters wrong", wrong);
        if (wrong < NAME_BYTES_MAX)
            other[wrong] = 'b';
    }
}

/* A word of any length has nothing in common with these. */
static void very_long_words_mean_nothing(void **state)
{
    (void)state;
    char word[400];
    for (size_t len = 1; len < sizeof word; len++) {
        memset(word, 'q', len);
        word[len] = '\0';
        const char *nearest = text_nearest(word, words, WORD_COUNT);
        if (nearest != NULL)
            fail_msg("%zu times 'q' is said to mean '%s'", len, nearest);
    }
}

static void suggestions_end_an_error(void **state)
{
    (void)state;
    char text[TEXT_SUGGESTION_BYTES];
    assert_string_equal(text_suggestion("dedupe", "; there are: a, b", text),
                        "; did you mean 'dedupe'?");
    assert_string_equal(text_suggestion(NULL, "; there are: a, b", text), "; there are: a, b");
    assert_string_equal(text_suggestion(NULL, "", text), "");
    /* The longest: STAGE.OUTPUT. */
    char longest[2 * NAME_BYTES_MAX + 2];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    const char *whole = text_suggestion(longest, "", text);
    assert_int_equal(strlen(whole), strlen("; did you mean ''?") + sizeof longest - 1);
}

/* The edit distance by its definition, without a table. */
static size_t slow_distance(const char *a, const char *b)
{
    if (*a == '\0' || *b == '\0')
        return strlen(a) + strlen(b);
    if (*a == *b)
        return slow_distance(a + 1, b + 1);
    size_t best = slow_distance(a + 1, b);
    size_t next = slow_distance(a, b + 1);
    best = next < best ? next : best;
    next = slow_distance(a + 1, b + 1);
    best = next < best ? next : best;
    if (a[1] == b[0] && a[0] == b[1]) {
        next = slow_distance(a + 2, b + 2);
        best = next < best ? next : best;
    }
    return best + 1;
}

static void random_word(char *word, size_t len_max)
{
    size_t len = random_below(len_max + 1);
    for (size_t i = 0; i < len; i++)
        word[i] = (char)('a' + random_below(3));
    word[len] = '\0';
}

static void nearest_agrees_with_the_definition(void **state)
{
    (void)state;
    for (int i = 0; i < 10000; i++) {
        char word[8], near[4][8];
        const char *candidates[4];
        random_word(word, 7);
        size_t limit = strlen(word) / 3 > 1 ? strlen(word) / 3 : 1;
        const char *expected = NULL;
        size_t least = limit + 1;
        for (size_t k = 0; k < 4; k++) {
            random_word(near[k], 7);
            candidates[k] = random_below(8) == 0 ? NULL : near[k];
            size_t distance = slow_distance(word, near[k]);
            if (candidates[k] != NULL && distance < least) {
                least = distance;
                expected = candidates[k];
            }
        }
        const char *nearest = text_nearest(word, candidates, 4);
        if (nearest != expected)
            fail_msg("'%s': '%s', expected '%s'", word, nearest != NULL ? nearest : "nothing",
                     expected != NULL ? expected : "nothing");
    }
}

static const struct {
    const char *text;
    int rc;
    int64_t ns;
} duration_cases[] = {
    {"0s", 0, 0},
    {"1ns", 0, 1},
    {"1us", 0, 1000},
    {"1ms", 0, 1000000},
    {"1s", 0, SECOND},
    {"1m", 0, 60 * SECOND},
    {"1h", 0, 3600 * SECOND},
    {"1d", 0, DAY},
    {"1w", 0, 7 * DAY},
    {"14d", 0, 14 * DAY},
    {"1h30m", 0, 5400 * SECOND},
    {"1m1ms", 0, 60 * SECOND + 1000000},
    {"1w1d1h1m1s1ms1us1ns", 0, 8 * DAY + 3661 * SECOND + 1001001},
    {"007s", 0, 7 * SECOND},
    {"9223372036854775807ns", 0, INT64_MAX},
    {"106751d23h47m16s854ms775us807ns", 0, INT64_MAX},
    {"9223372036854775808ns", ERR_RANGE, 0},
    {"106751d23h47m16s854ms775us808ns", ERR_RANGE, 0},
    {"9223372036854775807ns1ns", ERR_RANGE, 0},
    {"106752d", ERR_RANGE, 0},
    {"15251w", ERR_RANGE, 0},
    {"99999999999999999999s", ERR_RANGE, 0},
    {"99999999999999999999", ERR_INVALID, 0},
    {"99999999999999999999x", ERR_INVALID, 0},
    {"15251w1", ERR_INVALID, 0},
    {"1s99999999999999999999y", ERR_INVALID, 0},
    {"", ERR_INVALID, 0},
    {"5", ERR_INVALID, 0},
    {"s", ERR_INVALID, 0},
    {"5x", ERR_INVALID, 0},
    {"5S", ERR_INVALID, 0},
    {"5 s", ERR_INVALID, 0},
    {" 5s", ERR_INVALID, 0},
    {"5s ", ERR_INVALID, 0},
    {"-5s", ERR_INVALID, 0},
    {"+5s", ERR_INVALID, 0},
    {"1.5s", ERR_INVALID, 0},
    {"1h30", ERR_INVALID, 0},
    {"1hour", ERR_INVALID, 0},
    {"1min", ERR_INVALID, 0},
};

static void durations_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof duration_cases / sizeof duration_cases[0]; i++) {
        int64_t ns = UNTOUCHED;
        int rc = text_parse_duration(duration_cases[i].text, &ns);
        if (rc != duration_cases[i].rc || ns != (rc == 0 ? duration_cases[i].ns : UNTOUCHED))
            fail_msg("'%s': %d, %" PRId64, duration_cases[i].text, rc, ns);
    }
}

static const struct {
    int64_t ns;
    const char *text;
} format_duration_cases[] = {
    {0, "0s"},
    {1, "1ns"},
    {1000, "1us"},
    {1500, "1us500ns"},
    {SECOND, "1s"},
    {90 * SECOND, "1m30s"},
    {5400 * SECOND, "1h30m"},
    {14 * DAY, "14d"},
    {DAY + 1, "1d1ns"},
    {INT64_MAX, "106751d23h47m16s854ms775us807ns"},
};

static void durations_are_written(void **state)
{
    (void)state;
    struct buf text = {0};
    for (size_t i = 0; i < sizeof format_duration_cases / sizeof format_duration_cases[0]; i++) {
        buf_reset(&text);
        text_format_duration(format_duration_cases[i].ns, &text);
        assert_string_equal(buf_text(&text), format_duration_cases[i].text);
    }
    buf_done(&text);
}

static void durations_round_trip(void **state)
{
    (void)state;
    struct buf text = {0};
    for (int i = 0; i < 50000; i++) {
        int64_t ns = random_integer() & INT64_MAX;
        static const int64_t units[] = {1, 1000, 1000000, SECOND, 60 * SECOND, DAY};
        ns -= ns % units[random_below(sizeof units / sizeof units[0])];
        buf_reset(&text);
        text_format_duration(ns, &text);
        int64_t read = UNTOUCHED;
        if (text_parse_duration(buf_text(&text), &read) != 0 || read != ns)
            fail_msg("%" PRId64 " as '%s' is read as %" PRId64, ns, buf_text(&text), read);
    }
    buf_done(&text);
}

/* A sum of random parts, which 128 bits hold in any case. */
static void durations_add_up_or_overflow(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {{"ns", 1},          {"us", 1000},         {"ms", 1000000}, {"s", SECOND},
                 {"m", 60 * SECOND}, {"h", 3600 * SECOND}, {"d", DAY},      {"w", 7 * DAY}};
    struct buf text = {0};
    for (int i = 0; i < 50000; i++) {
        __int128 expected = 0;
        buf_reset(&text);
        for (uint64_t n = 1 + random_below(4); n > 0; n--) {
            size_t k = random_below(sizeof units / sizeof units[0]);
            int64_t number = (int64_t)random_bits() & INT64_MAX;
            number = (number >> random_below(63)) / units[random_below(k + 1)].ns;
            expected += (__int128)number * units[k].ns;
            buf_add_format(&text, "%" PRId64 "%s", number, units[k].name);
        }
        int64_t ns = UNTOUCHED;
        int rc = text_parse_duration(buf_text(&text), &ns);
        bool fits = expected <= INT64_MAX;
        if (rc != (fits ? 0 : ERR_RANGE) || ns != (fits ? (int64_t)expected : UNTOUCHED))
            fail_msg("'%s': %d, %" PRId64, buf_text(&text), rc, ns);
    }
    buf_done(&text);
}

static const struct {
    const char *text;
    int rc;
    int64_t number;
} int_cases[] = {
    {"0", 0, 0},
    {"-0", 0, 0},
    {"007", 0, 7},
    {"-12", 0, -12},
    {"9223372036854775807", 0, INT64_MAX},
    {"-9223372036854775807", 0, -INT64_MAX},
    {"9223372036854775808", ERR_RANGE, 0},
    {"-9223372036854775809", ERR_RANGE, 0},
    {"99999999999999999999999", ERR_RANGE, 0},
    {"99999999999999999999999 apples", ERR_INVALID, 0},
    {"-9223372036854775809.5", ERR_INVALID, 0},
    {"", ERR_INVALID, 0},
    {"-", ERR_INVALID, 0},
    {"--1", ERR_INVALID, 0},
    {"+1", ERR_INVALID, 0},
    {" 1", ERR_INVALID, 0},
    {"1 ", ERR_INVALID, 0},
    {"1.0", ERR_INVALID, 0},
    {"1e3", ERR_INVALID, 0},
    {"0x1", ERR_INVALID, 0},
    {"x", ERR_INVALID, 0},
};

static void numbers_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof int_cases / sizeof int_cases[0]; i++) {
        int64_t number = UNTOUCHED;
        int rc = text_parse_int(int_cases[i].text, &number);
        if (rc != int_cases[i].rc || number != (rc == 0 ? int_cases[i].number : UNTOUCHED))
            fail_msg("'%s': %d, %" PRId64, int_cases[i].text, rc, number);
    }
}

/* A copy of exactly that size, so that a sanitizer sees reads behind it. */
static void numbers_end_where_they_are_said_to(void **state)
{
    (void)state;
    static const char text[] = "-1234567";
    for (size_t len = 0; len < sizeof text; len++) {
        char *copy = malloc(len != 0 ? len : 1);
        assert_non_null(copy);
        memcpy(copy, text, len);
        int64_t number = UNTOUCHED, wanted = 0;
        for (size_t i = 1; i < len && i < sizeof text - 1; i++)
            wanted = wanted * 10 - (text[i] - '0');
        bool good = len > 1 && len < sizeof text;
        int rc = text_read_int(copy, len, &number);
        assert_int_equal(rc, good ? 0 : ERR_INVALID);
        assert_int_equal(number, good ? wanted : UNTOUCHED);
        free(copy);
    }
    int64_t number = UNTOUCHED;
    assert_int_equal(text_read_int("12\0", 3, &number), ERR_INVALID);
    assert_int_equal(number, UNTOUCHED);
}

static void numbers_round_trip(void **state)
{
    (void)state;
    for (int i = 0; i < 50000; i++) {
        int64_t number = random_integer(), read = UNTOUCHED;
        if (number == INT64_MIN)
            continue; /* has a test of its own */
        char text[32];
        (void)snprintf(text, sizeof text, "%" PRId64, number);
        assert_int_equal(text_parse_int(text, &read), 0);
        assert_int_equal(read, number);
    }
}

/* An int is a whole number of 64 bits, and this is one. */
static void the_least_number_is_read(void **state)
{
    (void)state;
    int64_t number = UNTOUCHED;
    assert_int_equal(text_parse_int("-9223372036854775808", &number), 0);
    assert_int_equal(number, INT64_MIN);
}

static const struct {
    const char *text;
    int rc;
    int64_t bytes;
} size_cases[] = {
    {"0", 0, 0},
    {"1024", 0, 1024},
    {"1KiB", 0, 1024},
    {"1 KiB", 0, 1024},
    {"3MiB", 0, 3 << 20},
    {"2GiB", 0, INT64_C(2) << 30},
    {"1TiB", 0, INT64_C(1) << 40},
    {"9223372036854775807", 0, INT64_MAX},
    {"9007199254740991KiB", 0, INT64_C(9007199254740991) << 10},
    {"8589934591GiB", 0, INT64_C(8589934591) << 30},
    {"9223372036854775808", ERR_RANGE, 0},
    {"99999999999999999999", ERR_RANGE, 0},
    {"99999999999999999999 GiB", ERR_RANGE, 0},
    {"99999999999999999999x", ERR_INVALID, 0},
    {"9007199254740992KiB", ERR_RANGE, 0},
    {"8796093022208MiB", ERR_RANGE, 0},
    {"8589934592GiB", ERR_RANGE, 0},
    {"8388608TiB", ERR_RANGE, 0},
    {"", ERR_INVALID, 0},
    {"KiB", ERR_INVALID, 0},
    {"-1", ERR_INVALID, 0},
    {"+1", ERR_INVALID, 0},
    {"1.5KiB", ERR_INVALID, 0},
    {"1kib", ERR_INVALID, 0},
    {"1KB", ERR_INVALID, 0},
    {"1K", ERR_INVALID, 0},
    {"1B", ERR_INVALID, 0},
    {"1KiBx", ERR_INVALID, 0},
    {"1KiB ", ERR_INVALID, 0},
    {"1PiB", ERR_INVALID, 0},
};

static void sizes_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof size_cases / sizeof size_cases[0]; i++) {
        int64_t bytes = UNTOUCHED;
        int rc = text_parse_size(size_cases[i].text, &bytes);
        if (rc != size_cases[i].rc || (rc == 0 && bytes != size_cases[i].bytes))
            fail_msg("'%s': %d, %" PRId64, size_cases[i].text, rc, bytes);
    }
}

static const struct {
    int64_t bytes;
    const char *text;
} format_size_cases[] = {
    {0, "0"},
    {1, "1"},
    {1000, "1000"},
    {1023, "1023"},
    {1024, "1KiB"},
    {1025, "1025"},
    {1536, "1536"},
    {64 << 20, "64MiB"},
    {INT64_C(3) << 30, "3GiB"},
    {INT64_C(1) << 40, "1TiB"},
    {INT64_C(1) << 50, "1024TiB"},
    {INT64_MAX, "9223372036854775807"},
};

static void sizes_are_written_exactly(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof format_size_cases / sizeof format_size_cases[0]; i++) {
        struct buf out = {0};
        text_format_size(format_size_cases[i].bytes, &out);
        assert_string_equal(buf_text(&out), format_size_cases[i].text);
        int64_t bytes = UNTOUCHED;
        assert_int_equal(text_parse_size(buf_text(&out), &bytes), 0);
        assert_int_equal(bytes, format_size_cases[i].bytes);
        buf_done(&out);
    }
}

/* Results are untouched on failure, as everywhere. */
static void sizes_that_fail_leave_the_result(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof size_cases / sizeof size_cases[0]; i++) {
        int64_t bytes = UNTOUCHED;
        if (text_parse_size(size_cases[i].text, &bytes) != 0 && bytes != UNTOUCHED)
            fail_msg("'%s' left %" PRId64, size_cases[i].text, bytes);
    }
}

static const struct {
    const char *text;
    bool is_name;
} name_cases[] = {
    {"a", true},          {"Z", true},    {"parse", true}, {"a1_-b", true}, {"a-", true},
    {"", false},          {"1a", false},  {"_a", false},   {"-a", false},   {"a b", false},
    {"a.b", false},       {"a/b", false}, {"a\n", false},  {" a", false},   {"\xc3\xa9", false},
    {"a\xc3\xa9", false}, {"@", false},   {"[", false},    {"`", false},    {"{", false},
};

static void names_are_told_from_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof name_cases / sizeof name_cases[0]; i++) {
        if (text_is_name(name_cases[i].text) != name_cases[i].is_name)
            fail_msg("'%s'", name_cases[i].text);
    }
    char longest[NAME_BYTES_MAX + 2];
    memset(longest, 'a', sizeof longest);
    longest[NAME_BYTES_MAX + 1] = '\0';
    assert_false(text_is_name(longest));
    longest[NAME_BYTES_MAX] = '\0';
    assert_true(text_is_name(longest));
}

static const struct {
    uint64_t number;
    const char *text;
} count_cases[] = {
    {0, "0"},
    {999, "999"},
    {1000, "1,000"},
    {12345, "12,345"},
    {999999, "999,999"},
    {1234567, "1,234,567"},
    {UINT64_MAX, "18,446,744,073,709,551,615"},
};

static void counts_are_written(void **state)
{
    (void)state;
    struct buf text = {0};
    for (size_t i = 0; i < sizeof count_cases / sizeof count_cases[0]; i++) {
        buf_reset(&text);
        text_format_count(count_cases[i].number, &text);
        assert_string_equal(buf_text(&text), count_cases[i].text);
    }
    buf_done(&text);
}

static void counts_are_numbers_with_commas(void **state)
{
    (void)state;
    struct buf text = {0};
    for (int i = 0; i < 20000; i++) {
        uint64_t number = (uint64_t)random_integer();
        buf_reset(&text);
        text_format_count(number, &text);
        char digits[32];
        size_t len = 0;
        for (size_t k = 0; k < text.len; k++) {
            bool comma = (text.len - k) % 4 == 0;
            assert_int_equal(text.data[k] == ',', comma);
            if (!comma)
                digits[len++] = (char)text.data[k];
        }
        digits[len] = '\0';
        assert_int_equal(strtoull(digits, NULL, 10), number);
        assert_int_not_equal(text.data[0], ',');
    }
    buf_done(&text);
}

#define ALL SIZE_MAX

struct printable_case {
    const char *name;
    const char *bytes;
    size_t len;
    size_t max;
    const char *text;
};

static const struct printable_case printable_cases[] = {
    {"empty", "", 0, ALL, ""},
    {"plain", "hello", 5, ALL, "hello"},
    {"control characters", "a\nb\x1b[0m\0\x7f", 9, ALL, "a\\x0ab\\x1b[0m\\x00\\x7f"},
    {"UTF-8", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, ALL,
     "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
    {"not UTF-8",
     "a\xff"
     "b",
     3, ALL, "a\\xffb"},
    {"UTF-8 before what is not", "\xc3\xa9\xff", 3, ALL, "\xc3\xa9\\xff"},
    {"overlong", "\xc0\x80", 2, ALL, "\\xc0\\x80"},
    {"as much as wanted", "abcdef", 6, 6, "abcdef"},
    {"more than wanted", "abcdef", 6, 5, "abcde…"},
    {"nothing wanted", "abc", 3, 0, "…"},
    {"wanted up to within the last character", "a\xe2\x82\xac", 4, 2, "a\xe2\x82\xac"},
    {"wanted up to within a character", "a\xe2\x82\xac!", 5, 2, "a\xe2\x82\xac…"},
    {"nothing there and nothing wanted", "", 0, 0, ""},
};

static void assert_printable(const struct printable_case *c)
{
    struct buf text = {0};
    text_printable(c->bytes, c->len, c->max, &text);
    bool same = strcmp(buf_text(&text), c->text) == 0;
    if (!same)
        print_error("%s: '%s'\n", c->name, buf_text(&text));
    buf_done(&text);
    assert_true(same);
}

static void bytes_are_made_printable(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof printable_cases / sizeof printable_cases[0]; i++)
        assert_printable(&printable_cases[i]);
}

/* U+0080..U+009F are control characters too: a terminal may take U+009B for ESC [. */
static void control_characters_of_two_bytes_are_escaped(void **state)
{
    (void)state;
    static const struct printable_case csi = {"CSI",
                                              "\xc2\x9b"
                                              "2J",
                                              4, ALL, "\\xc2\\x9b2J"};
    assert_printable(&csi);
}

/* Only the bytes that are not UTF-8 are escaped, not all that follow them. */
static void text_behind_a_bad_byte_stays_text(void **state)
{
    (void)state;
    static const struct printable_case behind = {"behind", "\xff\xc3\xa9", 3, ALL, "\\xff\xc3\xa9"};
    assert_printable(&behind);
}

/* Whatever comes in, no byte of ASCII control goes out. */
static void nothing_dangerous_is_printed(void **state)
{
    (void)state;
    struct buf text = {0}, all = {0};
    for (int i = 0; i < 20000; i++) {
        uint8_t bytes[40];
        random_fill(bytes, sizeof bytes);
        size_t len = random_below(sizeof bytes + 1);
        size_t max = random_below(sizeof bytes + 1);
        buf_reset(&text);
        text_printable(bytes, len, max, &text);
        size_t plain = 0;
        for (size_t k = 0; k < text.len; k++)
            assert_true(text.data[k] >= 0x20 && text.data[k] != 0x7f);
        size_t shown = len < max ? len : max;
        for (size_t k = 0; k < shown; k++)
            plain += bytes[k] >= 0x20 && bytes[k] < 0x7f;
        assert_true(text.len >= plain);
        assert_true(text.len <= 4 * shown + strlen("…"));
        bool more = text.len >= 3 && memcmp(text.data + text.len - 3, "…", 3) == 0;
        buf_reset(&all);
        text_printable(bytes, len, len, &all);
        bool is_all = strcmp(buf_text(&text), buf_text(&all)) == 0;
        /* All is there also where nothing is left but the end of a character. */
        assert_true(is_all ? len - shown < UTF8_BYTES_MAX : more);
    }
    buf_done(&text);
    buf_done(&all);
}

static void what_is_not_plain_is_told(void **state)
{
    (void)state;
    static const char *const plain[] = {"", "a\tb", "\xc3\xa9 \xf0\x9f\x98\x80", "\xc2\xa0"};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        assert_null(text_not_plain(plain[i]));
    assert_string_equal(text_not_plain("a\nb"), "contains a newline");
    static const char *const control[] = {"\r", "a\x1b[0m", "\x7f", "a\xc2\x80", "\xc2\x9f"};
    for (size_t i = 0; i < sizeof control / sizeof control[0]; i++)
        assert_string_equal(text_not_plain(control[i]), "contains a control character");
    static const char *const other[] = {"\xff", "a\n\xc3", "\xc0\x80"};
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
        assert_string_equal(text_not_plain(other[i]), "is not UTF-8");
}

int main(int argc, char **argv)
{
    random_init("text_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistyped_words_find_their_meaning),
        cmocka_unit_test(ties_go_to_the_first),
        cmocka_unit_test(long_words_are_compared),
        cmocka_unit_test(very_long_words_mean_nothing),
        cmocka_unit_test(suggestions_end_an_error),
        cmocka_unit_test(nearest_agrees_with_the_definition),
        cmocka_unit_test(durations_are_read),
        cmocka_unit_test(durations_are_written),
        cmocka_unit_test(durations_round_trip),
        cmocka_unit_test(durations_add_up_or_overflow),
        cmocka_unit_test(numbers_are_read),
        cmocka_unit_test(numbers_end_where_they_are_said_to),
        cmocka_unit_test(numbers_round_trip),
        cmocka_unit_test(the_least_number_is_read),
        cmocka_unit_test(sizes_are_read),
        cmocka_unit_test(sizes_are_written_exactly),
        cmocka_unit_test(sizes_that_fail_leave_the_result),
        cmocka_unit_test(names_are_told_from_others),
        cmocka_unit_test(counts_are_written),
        cmocka_unit_test(counts_are_numbers_with_commas),
        cmocka_unit_test(bytes_are_made_printable),
        cmocka_unit_test(control_characters_of_two_bytes_are_escaped),
        cmocka_unit_test(text_behind_a_bad_byte_stays_text),
        cmocka_unit_test(nothing_dangerous_is_printed),
        cmocka_unit_test(what_is_not_plain_is_told),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
