/* SPDX-License-Identifier: MIT */
/*
 * calendar_option.h - the option `calendar`, shared by the kinds that count in calendar windows
 */
#ifndef BULKHEAD_STAGES_KIT_CALENDAR_OPTION_H
#define BULKHEAD_STAGES_KIT_CALENDAR_OPTION_H

#include "common/calendar.h"
#include "topology/options.h"

/* The members of the option, for option_spec.members. The last row has no name. */
extern const struct option_spec calendar_option_members[];

/*
 * Returns the calendar that the option `calendar` describes. Requires: the option was read without
 * an error.
 */
struct calendar calendar_option_read(const struct options *options);

/* Returns the first day of the calendar's weeks as text, for the schema of a store. Static. */
const char *calendar_option_week(const struct calendar *c);

#endif
