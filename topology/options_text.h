/* SPDX-License-Identifier: MIT */
/*
 * options_text.h - the options of a stage as pairs of name and text, to be kept and compared
 *
 * Those with parts have a pair for every part: "rules.daily-amount.sum", "where.status.range".
 * Lists are joined by commas; in those of a test, a comma or backslash of a value has a backslash
 * before it.
 * Defaults are among them, so that two lists differ where the stage does.
 */
#ifndef BULKHEAD_TOPOLOGY_OPTIONS_TEXT_H
#define BULKHEAD_TOPOLOGY_OPTIONS_TEXT_H

#include "topology/options.h"

/* Is told one pair, and what the option is; both texts are dead after the call. */
typedef void options_text_visit(void *context, enum option_tag tag, const char *name,
                                const char *text);

/* Tells all options that are present, in the order of their declaration. */
void options_text_each(const struct options *options, options_text_visit *visit, void *context);

/*
 * Makes the text of an option what builds before manifests of version 3 had in its place, where
 * nothing stood before a comma or backslash of a value. In place; of most options nothing changes.
 */
void options_text_plain(const char *name, char *text);

#endif
