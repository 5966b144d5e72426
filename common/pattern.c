/* SPDX-License-Identifier: MIT */
/*
 * The only file that includes PCRE2. Its own match limit begins again at every place of the subject
 * where a match may start, so it does not bound a match; and it counts no characters, so that
 * [a-y]+x takes seconds for some hundred kilobytes without ever meeting it. Therefore every pattern
 * is compiled with a call to count_step() before each of its items, and that sums up both.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "common/pattern.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/limits.h"
#include "common/memory.h"

/* Of PCRE2's numbers for errors, none is so low; its match returns what the callout returned. */
#define OUT_OF_STEPS (-100000)

/* One name; with (?J) several groups have it. */
struct group_name {
    const char *text;        /* in the memory of the code */
    const uint32_t *numbers; /* of its groups, as they begin in the pattern */
    size_t group_count;
};

struct pattern {
    pcre2_general_context *memory;
    pcre2_code *code;
    pcre2_match_context *bounds;
    pcre2_match_data *match;
    struct group_name *names; /* in the order of their first groups */
    size_t name_count;
    uint32_t *numbers;
    /* Of the match that is going on. */
    size_t steps;
    size_t at;
};

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

/* One step for each item that is tried, and one for each byte from where the last one was tried. */
static int count_step(pcre2_callout_block *block, void *opaque)
{
    struct pattern *pattern = opaque;
    size_t at = block->current_position;
    pattern->steps += 1 + (at > pattern->at ? at - pattern->at : pattern->at - at);
    pattern->at = at;
    return pattern->steps > PATTERN_STEPS_MAX ? OUT_OF_STEPS : 0;
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

/* What a back reference compares is no step, and can be as long as the subject. */
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
 * PCRE2 keeps them in the order of the alphabet: two bytes of number, the name, a NUL. Groups with
 * one name stand side by side, as they begin in the pattern.
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
    if (refers_back(code)) {
        pcre2_code_free(code);
        pcre2_general_context_free(memory);
        *ret_at = 0;
        return err_set(e, ERR_INVALID, "it refers back to a group, which has no bound in time");
    }
    struct pattern *pattern = memory_new(1, sizeof *pattern);
    pattern->memory = memory;
    pattern->code = code;
    pattern->bounds = pcre2_match_context_create(memory);
    pattern->match = pcre2_match_data_create_from_pattern(code, memory);
    INVARIANT(pattern->bounds != NULL && pattern->match != NULL);
    (void)pcre2_set_callout(pattern->bounds, count_step, pattern);
    (void)pcre2_set_match_limit(pattern->bounds, PATTERN_STEPS_MAX);
    (void)pcre2_set_depth_limit(pattern->bounds, PATTERN_STEPS_MAX);
    (void)pcre2_set_heap_limit(pattern->bounds, PATTERN_HEAP_BYTES_MAX / 1024);
    read_names(pattern);
    *ret_pattern = pattern;
    return 0;
}

void pattern_free(struct pattern *pattern)
{
    if (pattern == NULL)
        return;
    free(pattern->names);
    free(pattern->numbers);
    pcre2_match_data_free(pattern->match);
    pcre2_match_context_free(pattern->bounds);
    pcre2_code_free(pattern->code);
    pcre2_general_context_free(pattern->memory);
    free(pattern);
}

enum pattern_result pattern_match(struct pattern *pattern, const uint8_t *subject, size_t len)
{
    pattern->steps = 0;
    pattern->at = 0;
    int rc = pcre2_match(pattern->code, len != 0 ? subject : (PCRE2_SPTR) "", len, 0, 0,
                         pattern->match, pattern->bounds);
    if (rc > 0)
        return PATTERN_MATCH;
    if (rc == PCRE2_ERROR_NOMATCH)
        return PATTERN_NO_MATCH;
    if (rc <= PCRE2_ERROR_UTF8_ERR1 && rc >= PCRE2_ERROR_UTF8_ERR21)
        return PATTERN_NOT_UTF8;
    /* The steps, the heap, or a recursion that comes to the same place for ever. */
    return PATTERN_TOO_HARD;
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
