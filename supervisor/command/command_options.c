/* SPDX-License-Identifier: MIT */
#include "supervisor/command/command_options.h"

#include <stdbool.h>
#include <string.h>

#include "common/check.h"
#include "common/log.h"
#include "common/text.h"
#include "supervisor/command/exit_codes.h"

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

/* Each of these is another thing every time; of any other option the last would count in silence.
 */
static bool may_repeat(const struct option *option)
{
    return option->has_arg == no_argument || strcmp(option->name, "set") == 0 ||
           strcmp(option->name, "discard") == 0;
}

/* Says what is wrong with an option that there is; value: what stands for one, NULL: nothing. */
static int check_option(const struct option *option, const char *value, bool is_given)
{
    const char *name = option->name;
    int code = EXIT_USAGE;
    if (option->has_arg == no_argument && value != NULL)
        log_line(LOG_ERROR, "--%s takes no value, and not '%s'", name, value);
    else if (option->has_arg == required_argument && value == NULL)
        log_line(LOG_ERROR, "--%s wants a value behind it", name);
    else if (option->has_arg == required_argument && *value == '\0')
        log_line(LOG_ERROR, "--%s wants a value, and this one is empty", name);
    else if (is_given && !may_repeat(option))
        log_line(LOG_ERROR, "--%s is there twice; say it once", name);
    else
        code = EXIT_OK;
    return code;
}

int command_check_options(int argc, char **argv, const struct option *options)
{
    bool given[OPTIONS_MAX] = {false};
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *text = argv[i];
        if (text[0] != '-' || text[1] == '\0')
            continue;
        size_t len = strcspn(text, "=");
        const struct option *option =
            text[1] == '-' && len > 2 ? find_option(text + 2, len - 2, options) : NULL;
        if (option == NULL)
            return say_unknown(text, len, options);
        size_t index = (size_t)(option - options);
        REQUIRE(index < OPTIONS_MAX);
        const char *value = text[len] == '=' ? text + len + 1 : NULL;
        if (value == NULL && option->has_arg == required_argument && i + 1 < argc)
            value = argv[++i];
        if (check_option(option, value, given[index]) != EXIT_OK)
            return EXIT_USAGE;
        given[index] = true;
    }
    return EXIT_OK;
}
