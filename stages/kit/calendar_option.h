/* SPDX-License-Identifier: MIT */
/*
 * calendar_option.h - the option `calendar` of the kinds that count by days, weeks and the like
 */
#ifndef BULKHEAD_STAGES_KIT_CALENDAR_OPTION_H
#define BULKHEAD_STAGES_KIT_CALENDAR_OPTION_H

#include "common/calendar.h"
#include "topology/options.h"

/* The members of the option; ends with a row without a name. */
extern const struct option_spec calendar_option_members[];

/* What the option named calendar says. */
struct calendar calendar_option_read(const struct options *options);

/* The first day of its weeks as text, for the schema of a store. */
const char *calendar_option_week(const struct calendar *c);

#endif
