/* SPDX-License-Identifier: MIT */
/*
 * settings.h - `--set STAGE.OPTION=VALUE`: options that the command line overrides
 *
 * A setting replaces the option in the file before the file is checked, so that all its
 * consequences are checked too. The value is a scalar as in the YAML, but without quotes, and ${}
 * has no meaning in it. A stage process is given only the result.
 */
#ifndef BULKHEAD_TOPOLOGY_SETTINGS_H
#define BULKHEAD_TOPOLOGY_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bounds.h"
#include "common/err.h"

/* `struct settings s = {0}` is an empty list. The texts are borrowed and must outlive it. */
struct settings {
    const char *items[SETTINGS_MAX];
    size_t count;
};

/*
 * Adds "STAGE.OPTION=VALUE".
 * Returns: 0
 *          ERR_INVALID  it is not of this form, is too long, is not plain text, or the list sets
 *                       this option already; e says which
 *          ERR_RANGE    the list is full
 */
int settings_add(struct settings *settings, const char *text, struct err *e);

/* The parts of a setting: views of its text, of which only the value ends with a NUL. */
struct setting_parts {
    const char *stage, *option, *value;
    size_t stage_len, option_len;
};

/* Splits a setting into its parts. Returns whether it has the form STAGE.OPTION=VALUE. */
bool settings_split(const char *text, struct setting_parts *ret_parts);

/* Whether a setting is for this option of this stage. Requires: text was added to a list. */
bool settings_is_for(const char *text, const char *stage, const char *option);

#endif
