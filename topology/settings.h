/* SPDX-License-Identifier: MIT */
/*
 * settings.h - `--set STAGE.OPTION=VALUE`: options of stages that the command line overrides
 *
 * A setting takes the place of what the file says before the file is checked, so that everything
 * that follows from it is checked too. The value is the scalar as it would stand in the YAML, but
 * without quotes and with no meaning for ${}. A stage process is given what came of it.
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
 * Returns: 0; ERR_INVALID: it has not this form, is too long, holds control characters, or the
 *          list sets this option already; ERR_RANGE: the list is full. e says which.
 */
int settings_add(struct settings *settings, const char *text, struct err *e);

/* What a setting says: views into its text, of which only the value ends with a NUL. */
struct setting_parts {
    const char *stage, *option, *value;
    size_t stage_len, option_len;
};

/* Takes a setting apart. Returns whether it has the form STAGE.OPTION=VALUE. */
bool settings_split(const char *text, struct setting_parts *ret_parts);

/* Whether a setting is for this option of this stage. Requires: text was added to a list. */
bool settings_is_for(const char *text, const char *stage, const char *option);

#endif
