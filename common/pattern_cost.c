/* SPDX-License-Identifier: MIT */
#include "common/pattern_cost.h"

#include <string.h>

#include "common/bounds.h"
#include "common/pattern_text.h"

/*
 * A class is searched for each character, so its weight rises by one for this many bytes of text.
 */
#define CLASS_BYTES_PER_STEP 32u
/* PCRE2 has no repeats above 65535, so a number that is cut here is not one. */
#define NUMBER_MAX 65535u

struct repeats {
    uint32_t needed, more;
};

static bool begins_with(const char *item, size_t len, const char *head)
{
    size_t head_len = strlen(head);
    return len >= head_len && memcmp(item, head, head_len) == 0;
}

static bool begins_with_any(const char *item, size_t len, const char *const heads[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (begins_with(item, len, heads[i]))
            return true;
    }
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == PATTERN_TEXT_NOTHING;
}

static size_t read_number(const char *item, size_t len, size_t at, uint32_t *ret_number)
{
    *ret_number = 0;
    while (at < len && is_blank(item[at]))
        at++;
    for (; at < len && item[at] >= '0' && item[at] <= '9'; at++) {
        *ret_number = *ret_number * 10 + (uint32_t)(item[at] - '0');
        *ret_number = *ret_number < NUMBER_MAX ? *ret_number : NUMBER_MAX;
    }
    while (at < len && is_blank(item[at]))
        at++;
    return at;
}

/*
 * The largest numbers of a {low,high} in the item: low, and how far high is above it. The number in
 * \x{41}, which no repeat can look like, is left out.
 */
static struct repeats read_repeats(const char *item, size_t len)
{
    struct repeats most = {0};
    for (size_t i = 0; i < len; i++) {
        if (item[i] != '{' || (i == 2 && item[0] == '\\' && (item[1] == 'x' || item[1] == 'o')))
            continue;
        uint32_t low, high = 0;
        size_t at = read_number(item, len, i + 1, &low);
        if (at < len && item[at] == ',')
            (void)read_number(item, len, at + 1, &high);
        uint32_t more = high > low ? high - low : 0;
        most.needed = low > most.needed ? low : most.needed;
        most.more = more > most.more ? more : most.more;
    }
    return most;
}

static bool is_lookbehind(const char *item, size_t len)
{
    static const char *const heads[] = {"(?<=",
                                        "(?<!",
                                        "(?<*",
                                        "(*plb:",
                                        "(*nlb:",
                                        "(*naplb:",
                                        "(*positive_lookbehind:",
                                        "(*negative_lookbehind:",
                                        "(*non_atomic_positive_lookbehind:"};
    return begins_with_any(item, len, heads, sizeof heads / sizeof heads[0]);
}

/* (?R) (?1) (?+1) (?-1) (?&name) (?P>name) \g<name> \g'name' */
static bool is_recursion(const char *item, size_t len)
{
    static const char *const heads[] = {"(?R", "(?&", "(?P>", "\\g<", "\\g'"};
    if (begins_with_any(item, len, heads, sizeof heads / sizeof heads[0]))
        return true;
    size_t at = len > 3 && (item[2] == '+' || item[2] == '-') ? 3 : 2;
    return begins_with(item, len, "(?") && at < len && item[at] >= '0' && item[at] <= '9';
}

/* Whether the call in an item is followed by a repeat without a bound: * + {n,} */
static bool repeats_freely(const char *item, size_t len)
{
    char last = item[0] == '(' ? ')' : item[2] == '<' ? '>' : '\'';
    size_t at = 3;
    uint32_t ignored;
    while (at < len && item[at] != last)
        at++;
    for (at++; at < len && is_blank(item[at]);)
        at++;
    if (at >= len || item[at] != '{')
        return at < len && (item[at] == '*' || item[at] == '+');
    at = read_number(item, len, at + 1, &ignored);
    if (at >= len || item[at] != ',')
        return false;
    for (at++; at < len && is_blank(item[at]);)
        at++;
    return at < len && item[at] == '}';
}

/* Not so: (*VERB) (*:name) (?i) (?^x-m) */
static bool is_group(const char *item, size_t len)
{
    if (begins_with(item, len, "(*"))
        return len > 2 && item[2] >= 'a' && item[2] <= 'z';
    if (!begins_with(item, len, "(?"))
        return item[0] == '(';
    size_t at = 2;
    while (at < len && strchr("imnsxJUarDSWPT^-", item[at]) != NULL)
        at++;
    return at == len || item[at] != ')';
}

static bool is_boundless(const char *item, size_t len)
{
    static const char *const heads[] = {"\\X",
                                        "(*sr:", "(*asr:", "(*script_run:", "(*atomic_script_run:"};
    return begins_with_any(item, len, heads, sizeof heads / sizeof heads[0]);
}

/*
 * Repeats of a call are copies of it without callbacks. The optional ones are left through all
 * copies before them, in as many ways as there are of them.
 */
static uint32_t copies_of_calls(struct repeats repeats)
{
    uint32_t calls = (repeats.needed > 1 ? repeats.needed - 1 : 0) + repeats.more;
    return calls * PATTERN_RECURSION_STEPS + repeats.more * repeats.more / 2;
}

struct pattern_cost pattern_cost_of(const char *item, size_t len)
{
    struct pattern_cost cost = {.weight = 1, .characters = 1};
    for (; len != 0 && *item == PATTERN_TEXT_NOTHING; len--)
        item++;
    if (len == 0)
        return cost;
    struct repeats repeats = read_repeats(item, len);
    cost.is_alternative = item[0] == '|';
    if (item[0] == '[')
        cost.weight += (uint32_t)len / CLASS_BYTES_PER_STEP;
    if (item[0] != ')' && repeats.needed > 1)
        cost.characters = repeats.needed;
    if (is_boundless(item, len))
        cost.item = PATTERN_ITEM_BOUNDLESS;
    else if (is_lookbehind(item, len))
        cost.item = PATTERN_ITEM_LOOKBEHIND;
    else if (is_recursion(item, len))
        cost.item = PATTERN_ITEM_RECURSION;
    else if (item[0] == ')')
        cost.item = PATTERN_ITEM_END;
    else if (is_group(item, len))
        cost.item = PATTERN_ITEM_GROUP;
    if (cost.item == PATTERN_ITEM_END)
        cost.copies = repeats.more;
    if (cost.item == PATTERN_ITEM_RECURSION) {
        cost.copies = copies_of_calls(repeats);
        cost.repeats_freely = repeats_freely(item, len);
    }
    return cost;
}
