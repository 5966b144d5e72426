/* SPDX-License-Identifier: MIT */
/* Every change of a word of the schema of window.count, and what is said of it. */
#include "stages/kinds/kinds.h"
#include "tests/unit/change_story.h"

#define OF(key, at, per, zone, week, lateness)                                                     \
    "window.count 1 key=" key " at=" at " per=" per " zone=" zone " week=" week                    \
    " lateness=" lateness
#define DAYS OF("id:string", "time", "day", "UTC", "monday", "1h")
#define WEEKS OF("id:string", "time", "week", "UTC", "monday", "1h")

static void every_word_has_its_verdict(void **state)
{
    (void)state;
    static const struct change_story stories[] = {
        {DAYS, OF("id:int", "time", "day", "UTC", "monday", "1h"), "",
         "lost|key was id:string, is id:int: it counts by other keys, and the counts of open "
         "windows would be lost|"},
        {DAYS, OF("id:string", "booked", "day", "UTC", "monday", "1h"), "",
         "converted|at was time, is booked: counts go on, and windows close, by the times of the "
         "other field; those that have closed stay closed|"},
        {DAYS, WEEKS, "",
         "lost|per was day, is week: windows begin and end at other times, and the counts of open "
         "windows would be lost|"},
        {DAYS, OF("id:string", "time", "day", "CET", "monday", "1h"), "",
         "lost|zone was UTC, is CET: windows begin and end at other times, and the counts of open "
         "windows would be lost|"},
        {DAYS, OF("id:string", "time", "day", "UTC", "sunday", "1h"), "",
         "converted|week was monday, is sunday: it has no weeks|"},
        {WEEKS, OF("id:string", "time", "week", "UTC", "sunday", "1h"), "",
         "lost|week was monday, is sunday: windows begin and end at other times, and the counts of "
         "open windows would be lost|"},
        {DAYS, OF("id:string", "time", "day", "UTC", "monday", "2h"), "",
         "converted shift=1h|lateness was 1h, is 2h: windows that are open stay open for longer; "
         "those that have closed stay closed|"},
        {DAYS, OF("id:string", "time", "day", "UTC", "monday", "0s"), "",
         "converted shift=-1h|lateness was 1h, is 0s: windows that are open close sooner, once a "
         "record comes or the input ends|"},
        {DAYS, OF("id:string", "time", "day", "UTC", "monday", ""), "",
         "lost|lateness was 1h, is : this bulkhead does not know what one of them means|"},
    };
    CHANGE_STORIES_CHECK(&window_count_kind, stories);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_has_its_verdict),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
