/* SPDX-License-Identifier: MIT */
/*
 * What becomes of the state of window.count when its options change. The clock stays where it is,
 * even with another lateness; see window_rewrite.h.
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
    if (!schema_word_durations(&pairs[i], &change->shift_ns, change))
        return;
    schema_word_says(&pairs[i], STATE_CONVERTED,
                     change->shift_ns > 0
                         ? "windows that are open stay open for longer; those that have closed "
                           "stay closed"
                         : "windows that are open close sooner, once a record comes or the input "
                           "ends",
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
