/* SPDX-License-Identifier: MIT */
#include "supervisor/command_options.h"

#include <stdbool.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "supervisor/exit_codes.h"

#define OPTIONS_MAX 16u

static int say_unknown(const char *text, size_t len, const struct option *options)
{
    const char *names[OPTIONS_MAX], *nearest = NULL;
    size_t count = 0;
    for (; options[count].name != NULL && count < OPTIONS_MAX; count++) {
        names[count] = options[count].name;
        /* What other programs take for the whole option. */
        if (len > 2 && strncmp(text + 2, names[count], len - 2) == 0)
            nearest = names[count];
    }
    if (nearest == NULL && strncmp(text, "--", 2) == 0)
        nearest = text_nearest(text + 2, names, count);
    log_line(LOG_ERROR, "there is no option '%.*s'%s%s%s", (int)len, text,
             nearest != NULL ? "; did you mean '--" : "", nearest != NULL ? nearest : "",
             nearest != NULL ? "'?" : "");
    return EXIT_USAGE;
}

static const struct option *find_option(const char *name, size_t len, const struct option *options)
{
    for (; options->name != NULL; options++) {
        if (strlen(options->name) == len && strncmp(options->name, name, len) == 0)
            return options;
    }
    return NULL;
}

int command_check_options(int argc, char **argv, const struct option *options)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *text = argv[i];
        if (text[0] != '-' || text[1] == '\0')
            continue;
        size_t len = strcspn(text, "=");
        bool has_value = text[len] == '=';
        const struct option *option =
            text[1] == '-' && len > 2 ? find_option(text + 2, len - 2, options) : NULL;
        if (option == NULL)
            return say_unknown(text, len, options);
        if (option->has_arg == no_argument && has_value) {
            log_line(LOG_ERROR, "--%s takes no value, and not '%s'", option->name, text + len + 1);
            return EXIT_USAGE;
        }
        if (option->has_arg != required_argument || has_value)
            continue;
        if (++i == argc) {
            log_line(LOG_ERROR, "--%s wants a value behind it", option->name);
            return EXIT_USAGE;
        }
    }
    return EXIT_OK;
}
