/* SPDX-License-Identifier: MIT */
/*
 * options_text.h - the options of a stage as pairs of name and text, to be stored and compared
 *
 * An option with parts has a pair for every part: "rules.daily-amount.sum", "where.status.range".
 * Lists are joined by commas; in those of a test, a comma or backslash of a value is escaped by a
 * backslash. Defaults are included, so that the pairs of two stages differ where the stages do.
 */
#ifndef BULKHEAD_TOPOLOGY_OPTIONS_TEXT_H
#define BULKHEAD_TOPOLOGY_OPTIONS_TEXT_H

#include "topology/options.h"

/* Called with one pair and the type of the option. Both texts are valid only during the call. */
typedef void options_text_visit(void *context, enum option_tag tag, const char *name,
                                const char *text);

/* Calls visit for all options that are present, in the order of their declaration. */
void options_text_each(const struct options *options, options_text_visit *visit, void *context);

/*
 * Converts the text of an option, in place, to its form in manifests before version 3, which had no
 * escapes before commas and backslashes of values. For most options nothing changes.
 */
void options_text_plain(const char *name, char *text);

#endif
