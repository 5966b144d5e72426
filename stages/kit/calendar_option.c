/* SPDX-License-Identifier: MIT */
#include "stages/kit/calendar_option.h"

static const char *const zones[] = {"UTC", NULL};
static const char *const weekdays[] = {"monday", "tuesday",  "wednesday", "thursday",
                                       "friday", "saturday", "sunday",    NULL};

const struct option_spec calendar_option_members[] = {
    {.name = "zone",
     .tag = OPTION_CHOICE,
     .fallback = "UTC",
     .choices = zones,
     .meaning = "the time zone in which days begin"},
    {.name = "week_starts",
     .tag = OPTION_CHOICE,
     .fallback = "monday",
     .choices = weekdays,
     .meaning = "the first day of a week"},
    {0},
};

struct calendar calendar_option_read(const struct options *options)
{
    const struct options *members = options_get(options, "calendar")->groups[0].options;
    return (struct calendar){.week_starts = (unsigned)options_get(members, "week_starts")->number};
}

const char *calendar_option_week(const struct calendar *c)
{
    return weekdays[c->week_starts];
}
