/* SPDX-License-Identifier: MIT */
/*
 * The only file that includes PCRE2. PCRE2's own match limit starts again at every position of the
 * subject where a match may begin, so it does not bound a match. Nor does it count characters:
 * [a-y]+x takes seconds for some hundred kilobytes without ever reaching it. Therefore every
 * pattern is compiled with a call to count_step() before each of its items. That adds up all tries,
 * the characters in between, and the possible work of each item (pattern_cost.h).
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "common/pattern.h"

#include <pcre2.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "common/check.h"
#include "common/memory.h"
#include "common/pattern_cost.h"
#include "common/pattern_text.h"

_Static_assert((int)PATTERN_NEWLINE_CR == PCRE2_NEWLINE_CR &&
                   (int)PATTERN_NEWLINE_LF == PCRE2_NEWLINE_LF &&
                   (int)PATTERN_NEWLINE_CRLF == PCRE2_NEWLINE_CRLF &&
                   (int)PATTERN_NEWLINE_ANY == PCRE2_NEWLINE_ANY &&
                   (int)PATTERN_NEWLINE_ANYCRLF == PCRE2_NEWLINE_ANYCRLF &&
                   (int)PATTERN_NEWLINE_NUL == PCRE2_NEWLINE_NUL,
               "they are passed on as they are");

/* Lower than any error number of PCRE2, whose match returns what the callout returned. */
#define OUT_OF_STEPS (-100000)
#define SHOWN_BYTES_MAX 64u
#define STEPS_PER_BEAT (UINT64_C(1) << 20)

/* One name; with (?J) several groups may share it. */
struct group_name {
    const char *text;        /* in the memory of the code */
    const uint32_t *numbers; /* of its groups, as they begin in the pattern */
    size_t group_count;
};

struct pattern {
    /* Used by a match. */
    pcre2_match_context *bounds;
    pcre2_match_data *match;

    /* The compiled form. */
    pcre2_general_context *memory;
    pcre2_code *code;
    struct group_name *names; /* in the order of their first groups */
    size_t name_count;
    uint32_t *numbers;
    char *text;
    char *plain; /* the text in the form from which costs are read */
    char shown[SHOWN_BYTES_MAX + sizeof "…"];
    struct pattern_cost *costs; /* of the item that begins at a byte of the text */
    size_t text_len;
    uint32_t lookbehind; /* the most characters by which any item goes back */
    uint32_t branches;
    uint32_t copying; /* the steps for copying all captures, which each try does */
    bool recurses;
    bool repeats_calls; /* some call repeats without a bound */
    bool is_shared;     /* another pattern owns the compiled form */

    /* The current match. */
    uint64_t steps;
    size_t at;
    uint32_t weight; /* of the item that was tried last */
};

static _Atomic uint64_t *beats;

void pattern_use_beats(_Atomic uint64_t *of_process)
{
    beats = of_process;
}

static void *take_memory(size_t bytes, void *context)
{
    (void)context;
    return memory_resize(NULL, 1, bytes);
}

static void give_memory(void *memory, void *context)
{
    (void)context;
    free(memory);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/*
 * The most work that trying an item can be at a position with this much of the subject after it.
 * Each try and each end of a repeat copies all captures.
 */
static uint64_t steps_of(const struct pattern *pattern, const struct pattern_cost *cost, size_t at,
                         size_t rest)
{
    uint64_t steps = cost->weight * (rest > 0 ? least(cost->characters, rest) : 1) +
                     pattern->copying + cost->copies * (pattern->copying + UINT64_C(1));
    if (cost->item == PATTERN_ITEM_LOOKBEHIND)
        steps += least(pattern->lookbehind, at) * pattern->branches;
    else if (cost->item == PATTERN_ITEM_RECURSION)
        steps += PATTERN_RECURSION_STEPS;
    return steps;
}

static void beat(void)
{
    if (beats != NULL)
        (void)atomic_fetch_add_explicit(beats, 1, memory_order_relaxed);
}

/*
 * Counts the possible work of the item that is tried, and one step for each byte since the last
 * try.
 */
static int count_step(pcre2_callout_block *block, void *opaque)
{
    struct pattern *pattern = opaque;
    size_t at = block->current_position;
    uint64_t moved = at > pattern->at ? at - pattern->at : pattern->at - at,
             before = pattern->steps;
    INVARIANT(block->pattern_position <= pattern->text_len);
    const struct pattern_cost *cost = &pattern->costs[block->pattern_position];
    pattern->steps +=
        moved * pattern->weight + steps_of(pattern, cost, at, block->subject_length - at);
    pattern->at = at;
    pattern->weight = cost->weight;
    if (before / STEPS_PER_BEAT != pattern->steps / STEPS_PER_BEAT)
        beat();
    return pattern->steps > PATTERN_STEPS_MAX ? OUT_OF_STEPS : 0;
}

/* Notes the cost of an item. Returns 1 + its position if it has no bound, which ends the walk. */
static int note_item(pcre2_callout_enumerate_block *block, void *opaque)
{
    struct pattern *pattern = opaque;
    size_t at = block->pattern_position, len = block->next_item_length;
    INVARIANT(at <= pattern->text_len);
    /* After a (?) at the end, PCRE2 10.42 passes a length that it never set. */
    len = len < pattern->text_len - at ? len : pattern->text_len - at;
    struct pattern_cost *cost = &pattern->costs[at];
    if (cost->weight != 0)
        return 0; /* of a group that is repeated */
    *cost = pattern_cost_of(pattern->plain + at, len);
    pattern->branches += cost->is_alternative ? 1 : 0;
    pattern->recurses = pattern->recurses || cost->item == PATTERN_ITEM_RECURSION;
    pattern->repeats_calls = pattern->repeats_calls || cost->repeats_freely;
    return cost->item == PATTERN_ITEM_BOUNDLESS ? (int)at + 1 : 0;
}

static pcre2_code *compile(pcre2_general_context *memory, const char *text, size_t len,
                           int *ret_error, size_t *ret_at)
{
    pcre2_compile_context *how = pcre2_compile_context_create(memory);
    INVARIANT(how != NULL);
    (void)pcre2_set_newline(how, PCRE2_NEWLINE_LF);
    (void)pcre2_set_bsr(how, PCRE2_BSR_ANYCRLF);
    (void)pcre2_set_parens_nest_limit(how, PATTERN_DEPTH_MAX);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)text, len,
                                     PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY |
                                         PCRE2_AUTO_CALLOUT,
                                     ret_error, ret_at, how);
    pcre2_compile_context_free(how);
    return code;
}

/* The comparison of a back reference is not counted, and can be as long as the subject. */
static bool refers_back(const pcre2_code *code)
{
    uint32_t highest = 0;
    (void)pcre2_pattern_info(code, PCRE2_INFO_BACKREFMAX, &highest);
    return highest != 0;
}

static int compare_names(const void *a, const void *b)
{
    const struct group_name *x = a, *y = b;
    return x->numbers[0] < y->numbers[0] ? -1 : x->numbers[0] > y->numbers[0];
}

/*
 * PCRE2 keeps the names in alphabetical order: two bytes of number, the name, a NUL. Groups with
 * the same name are next to each other, in the order in which they begin in the pattern.
 */
static void read_names(struct pattern *pattern)
{
    uint32_t count = 0, entry_bytes = 0;
    PCRE2_SPTR table = NULL;
    (void)pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMECOUNT, &count);
    (void)pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMEENTRYSIZE, &entry_bytes);
    (void)pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMETABLE, &table);
    if (count == 0)
        return;
    pattern->names = memory_new(count, sizeof *pattern->names);
    pattern->numbers = memory_new(count, sizeof *pattern->numbers);
    for (size_t i = 0; i < count; i++, table += entry_bytes) {
        const char *text = (const char *)table + 2;
        pattern->numbers[i] = (uint32_t)table[0] << 8 | table[1];
        if (i == 0 || strcmp(pattern->names[pattern->name_count - 1].text, text) != 0)
            pattern->names[pattern->name_count++] =
                (struct group_name){.text = text, .numbers = pattern->numbers + i};
        pattern->names[pattern->name_count - 1].group_count++;
    }
    qsort(pattern->names, pattern->name_count, sizeof *pattern->names, compare_names);
}

/*
 * An optional repeat of a group is a group of its own within the one before it, and a match that
 * leaves one leaves them all. Only the end of the group and its first item are called back for
 * these, so they cost as many steps as there are such repeats. Similarly, a call that repeats
 * without a bound is seen only at the first item of what it calls, which may be any group or the
 * whole pattern.
 */
static bool note_repeats(struct pattern *pattern)
{
    size_t firsts[PATTERN_DEPTH_MAX + 2], depth = 0;
    uint32_t call = pattern->repeats_calls ? PATTERN_RECURSION_STEPS : 0;
    bool is_first = false, is_begin = true;
    for (size_t at = 0; at <= pattern->text_len; at++) {
        struct pattern_cost *cost = &pattern->costs[at];
        if (cost->weight == 0)
            continue;
        if (is_first)
            firsts[depth - 1] = at;
        cost->copies += is_first || is_begin ? call : 0;
        is_begin = false;
        is_first = cost->item == PATTERN_ITEM_GROUP || cost->item == PATTERN_ITEM_LOOKBEHIND;
        if (is_first && depth++ == sizeof firsts / sizeof firsts[0])
            return false;
        if (cost->item != PATTERN_ITEM_END)
            continue;
        if (depth-- == 0)
            return false;
        if (firsts[depth] != at)
            pattern->costs[firsts[depth]].copies += cost->copies;
    }
    return depth == 0;
}

/* Copies the beginning of the text, cut between characters. */
static void show(struct pattern *pattern)
{
    size_t len = pattern->text_len;
    if (len > SHOWN_BYTES_MAX)
        for (len = SHOWN_BYTES_MAX; ((uint8_t)pattern->text[len] & 0xc0) == 0x80;)
            len--;
    memcpy(pattern->shown, pattern->text, len);
    if (len < pattern->text_len)
        memcpy(pattern->shown + len, "…", sizeof "…");
}

static bool read_text(struct pattern *pattern)
{
    uint32_t newline = PCRE2_NEWLINE_LF;
    (void)pcre2_pattern_info(pattern->code, PCRE2_INFO_NEWLINE, &newline);
    return pattern_text_read(pattern->text, pattern->text_len, (enum pattern_newline)newline,
                             pattern->plain);
}

/* Reads the cost of each item of the pattern, and refuses items without a bound. */
static int read_items(struct pattern *pattern, size_t *ret_at, struct err *e)
{
    *ret_at = 0;
    if (refers_back(pattern->code))
        return err_set(e, ERR_INVALID,
                       "it has a back reference to a group, which may take unbounded time");
    pattern->costs = memory_new(pattern->text_len + 1, sizeof *pattern->costs);
    pattern->plain = memory_new(pattern->text_len + 1, 1);
    pattern->branches = 1;
    (void)pcre2_pattern_info(pattern->code, PCRE2_INFO_CAPTURECOUNT, &pattern->copying);
    pattern->copying /= PATTERN_CAPTURES_PER_STEP;
    (void)pcre2_pattern_info(pattern->code, PCRE2_INFO_MAXLOOKBEHIND, &pattern->lookbehind);
    bool known = read_text(pattern);
    int boundless = pcre2_callout_enumerate(pattern->code, note_item, pattern);
    INVARIANT(boundless >= 0);
    if (boundless == 0 && known && note_repeats(pattern))
        return 0;
    if (boundless == 0)
        return err_set(e, ERR_INVALID,
                       "its groups are written in a way whose cost has no known bound");
    *ret_at = (size_t)boundless - 1;
    return err_set(e, ERR_INVALID, "it has \\X or a script run, which may take unbounded time");
}

static void make_match(struct pattern *pattern)
{
    pattern->bounds = pcre2_match_context_create(pattern->memory);
    pattern->match = pcre2_match_data_create_from_pattern(pattern->code, pattern->memory);
    INVARIANT(pattern->bounds != NULL && pattern->match != NULL);
    (void)pcre2_set_callout(pattern->bounds, count_step, pattern);
    (void)pcre2_set_match_limit(pattern->bounds, PATTERN_STEPS_MAX);
    (void)pcre2_set_depth_limit(pattern->bounds, pattern->recurses ? PATTERN_RECURSION_DEPTH_MAX
                                                                   : PATTERN_STEPS_MAX);
    (void)pcre2_set_heap_limit(pattern->bounds, PATTERN_HEAP_BYTES_MAX / 1024);
}

int pattern_compile(const char *text, size_t len, struct pattern **ret_pattern, size_t *ret_at,
                    struct err *e)
{
    if (len > PATTERN_BYTES_MAX) {
        *ret_at = PATTERN_BYTES_MAX;
        return err_set(e, ERR_RANGE, "it is longer than %u bytes", PATTERN_BYTES_MAX);
    }
    int error = 0;
    pcre2_general_context *memory = pcre2_general_context_create(take_memory, give_memory, NULL);
    INVARIANT(memory != NULL);
    pcre2_code *code = compile(memory, text, len, &error, ret_at);
    if (code == NULL) {
        PCRE2_UCHAR why[128];
        pcre2_general_context_free(memory);
        (void)pcre2_get_error_message(error, why, sizeof why);
        return err_set(e, error == PCRE2_ERROR_PATTERN_TOO_LARGE ? ERR_RANGE : ERR_INVALID, "%s",
                       (const char *)why);
    }
    struct pattern *pattern = memory_new(1, sizeof *pattern);
    pattern->memory = memory;
    pattern->code = code;
    pattern->text = memory_new(len + 1, 1);
    memcpy(pattern->text, text, len);
    pattern->text_len = len;
    show(pattern);
    int rc = read_items(pattern, ret_at, e);
    if (rc != 0) {
        pattern_free(pattern);
        return rc;
    }
    make_match(pattern);
    read_names(pattern);
    *ret_pattern = pattern;
    return 0;
}

struct pattern *pattern_share(const struct pattern *compiled)
{
    struct pattern *pattern = memory_new(1, sizeof *pattern);
    *pattern = *compiled;
    pattern->is_shared = true;
    make_match(pattern);
    return pattern;
}

static void free_compiled(struct pattern *pattern)
{
    free(pattern->names);
    free(pattern->numbers);
    free(pattern->costs);
    free(pattern->text);
    free(pattern->plain);
    pcre2_code_free(pattern->code);
    pcre2_general_context_free(pattern->memory);
}

void pattern_free(struct pattern *pattern)
{
    if (pattern == NULL)
        return;
    pcre2_match_data_free(pattern->match);
    pcre2_match_context_free(pattern->bounds);
    if (!pattern->is_shared)
        free_compiled(pattern);
    free(pattern);
}

enum pattern_result pattern_match(struct pattern *pattern, const uint8_t *subject, size_t len)
{
    pattern->steps = 0;
    pattern->at = 0;
    pattern->weight = 1;
    int rc = pcre2_match(pattern->code, len != 0 ? subject : (PCRE2_SPTR) "", len, 0, 0,
                         pattern->match, pattern->bounds);
    if (rc > 0)
        return PATTERN_MATCH;
    if (rc == PCRE2_ERROR_NOMATCH)
        return PATTERN_NO_MATCH;
    if (rc <= PCRE2_ERROR_UTF8_ERR1 && rc >= PCRE2_ERROR_UTF8_ERR21)
        return PATTERN_NOT_UTF8;
    /* A bound on steps or heap, or a recursion that returns to the same position for ever. */
    return PATTERN_TOO_HARD;
}

const char *pattern_shown(const struct pattern *pattern)
{
    return pattern->shown;
}

uint64_t pattern_steps(const struct pattern *pattern)
{
    return pattern->steps;
}

size_t pattern_name_count(const struct pattern *pattern)
{
    return pattern->name_count;
}

const char *pattern_name(const struct pattern *pattern, size_t index)
{
    REQUIRE(index < pattern->name_count);
    return pattern->names[index].text;
}

bool pattern_span(const struct pattern *pattern, size_t index, size_t *ret_start, size_t *ret_len)
{
    REQUIRE(index < pattern->name_count);
    const struct group_name *name = &pattern->names[index];
    for (size_t i = 0; i < name->group_count; i++) {
        REQUIRE(name->numbers[i] < pcre2_get_ovector_count(pattern->match));
        const size_t *ends =
            pcre2_get_ovector_pointer(pattern->match) + 2 * (size_t)name->numbers[i];
        if (ends[0] == PCRE2_UNSET)
            continue;
        INVARIANT(ends[0] <= ends[1]);
        *ret_start = ends[0];
        *ret_len = ends[1] - ends[0];
        return true;
    }
    return false;
}
