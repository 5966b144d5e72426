/* SPDX-License-Identifier: MIT */
/*
 * What becomes of the state of window.count when its options change.
 *
 * Another `lateness` is not a matter of moving expiries and the clock. At the end of the input all
 * windows close up to the one that holds the clock, so it must be the latest time seen. If it had
 * moved ahead, windows would close that have not begun. If it had moved back, some would stay open.
 * And the floors, which say how far windows have closed at an end, are times in values, which a
 * conversion does not look into.
 */
#include "stages/kinds/window_change.h"

#include <string.h>

#include "stages/kit/schema_words.h"

#define OPEN_WINDOWS "the counts of open windows would be lost"

/* The words, as they are in the schema. */
enum {
    KEY,
    AT,
    PER,
    ZONE,
    WEEK,
    LATENESS,
};

static void change_key(const struct schema_word_pair *pairs, size_t i, const char *left,
                       struct state_change *change)
{
    (void)left;
    schema_word_says(&pairs[i], STATE_LOST, "it counts by other keys, and " OPEN_WINDOWS, change);
}

static void change_at(const struct schema_word_pair *pairs, size_t i, const char *left,
                      struct state_change *change)
{
    (void)left;
    schema_word_says(&pairs[i], STATE_CONVERTED,
                     "counts go on, and windows close, by the times of the other field; those that "
                     "have closed stay closed",
                     change);
}

static void change_calendar(const struct schema_word_pair *pairs, size_t i, const char *left,
                            struct state_change *change)
{
    (void)left;
    schema_word_says(&pairs[i], STATE_LOST,
                     "windows begin and end at other times, and " OPEN_WINDOWS, change);
}

static void change_week(const struct schema_word_pair *pairs, size_t i, const char *left,
                        struct state_change *change)
{
    if (strcmp(pairs[PER].was, "week") == 0 && strcmp(pairs[PER].is, "week") == 0)
        change_calendar(pairs, i, left, change);
    else
        schema_word_says(&pairs[i], STATE_CONVERTED, "it has no weeks", change);
}

static void change_lateness(const struct schema_word_pair *pairs, size_t i, const char *left,
                            struct state_change *change)
{
    (void)left;
    schema_word_says(&pairs[i], STATE_LOST,
                     "what has closed, at the end of an input or by time, was noted by the former "
                     "lateness, and " OPEN_WINDOWS,
                     change);
}

void window_count_change_state(const char *was, const char *is, const char *left,
                               struct state_change *change)
{
    static const struct schema_word words[] = {
        [KEY] = {.name = "key", .change = change_key},
        [AT] = {.name = "at", .change = change_at},
        [PER] = {.name = "per", .change = change_calendar},
        [ZONE] = {.name = "zone", .change = change_calendar},
        [WEEK] = {.name = "week", .change = change_week},
        [LATENESS] = {.name = "lateness", .change = change_lateness},
        {0},
    };
    schema_words_compare(was, is, left, "window.count 1", words, change);
}
