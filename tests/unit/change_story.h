/* SPDX-License-Identifier: MIT */
/*
 * change_story.h - what a kind says of a change of its state, whole, as a text
 */
#ifndef BULKHEAD_TESTS_UNIT_CHANGE_STORY_H
#define BULKHEAD_TESTS_UNIT_CHANGE_STORY_H

#include "common/text.h"
#include "tests/unit/cases.h"
#include "topology/kind.h"

struct change_story {
    const char *was, *is, *left;
    const char *told; /* "VERDICT [shift=…] [clock] [never]|SAYS|LEFT" */
};

static inline void change_story_check(const struct kind *kind, const struct change_story *story)
{
    static const char *const verdicts[] = {"goes on", "converted", "lost"};
    struct state_change change = {.verdict = STATE_GOES_ON};
    struct buf told = {0};
    kind->change_state(story->was, story->is, story->left, &change);
    buf_add_text(&told, verdicts[change.verdict]);
    if (change.shift_ns != 0) {
        buf_add_text(&told, change.shift_ns < 0 ? " shift=-" : " shift=");
        text_format_duration(change.shift_ns < 0 ? -change.shift_ns : change.shift_ns, &told);
    }
    buf_add_text(&told, change.shifts_clock ? " clock" : "");
    buf_add_text(&told, change.forgets_expiry ? " never" : "");
    buf_add_format(&told, "|%s|", buf_text(&change.says));
    buf_add_text(&told, buf_text(&change.left));
    assert_string_equal(buf_text(&told), story->told);
    buf_done(&told);
    state_change_done(&change);
}

#define CHANGE_STORIES_CHECK(kind, stories)                                                        \
    do {                                                                                           \
        for (size_t story_i = 0; story_i < sizeof(stories) / sizeof((stories)[0]); story_i++)      \
            change_story_check((kind), &(stories)[story_i]);                                       \
    } while (0)

#endif
