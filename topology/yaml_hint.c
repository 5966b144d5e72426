/* SPDX-License-Identifier: MIT */
#include "topology/yaml_hint.h"

#include <stdbool.h>
#include <string.h>

/* Whether "${" stands outside of quotes in the line. */
static bool has_bare_variable(const char *line, size_t len)
{
    char quote = '\0';
    for (size_t i = 0; i + 1 < len; i++) {
        if (quote == '\0' && line[i] == '$' && line[i + 1] == '{')
            return true;
        if (quote == '\0' && (line[i] == '"' || line[i] == '\''))
            quote = line[i];
        else if (line[i] == quote)
            quote = '\0';
    }
    return false;
}

const char *yaml_hint(const char *line, size_t len, const char *message)
{
    size_t blanks = 0;
    while (blanks < len && (line[blanks] == ' ' || line[blanks] == '\t'))
        blanks++;
    if (has_bare_variable(line, len))
        return "; inside of { } and [ ] a variable needs quotes: \"${NAME}\"";
    if (memchr(line, '\t', blanks) != NULL)
        return "; lines are indented with spaces, not with tabs";
    if (strstr(message, "invalid escape") != NULL || strstr(message, "hex escape") != NULL)
        return "; in double quotes a backslash begins an escape: write '...' instead, as for a "
               "regular expression, or \\\\ for a backslash";
    return "";
}
