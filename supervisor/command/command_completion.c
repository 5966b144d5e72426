/* SPDX-License-Identifier: MIT */
/*
 * completion: the scripts with which shells complete our command lines, and what answers them.
 */
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "supervisor/command/command.h"
#include "supervisor/command/completion.h"

static const struct command_option options[] = {{0}};

const struct command_syntax command_completion_syntax = {
    "completion", "SHELL", "print the completion script for bash, zsh or fish", options};

static size_t count_shells(void)
{
    size_t count = 0;
    while (completion_shells[count] != NULL)
        count++;
    return count;
}

int command_completion(kind_registry kinds, int argc, char **argv)
{
    (void)kinds;
    const char *shell = NULL;
    int code = command_parse(&command_completion_syntax, argc, argv, NULL, NULL, &shell);
    if (code != EXIT_OK)
        return code;
    const char *script = completion_script(shell);
    if (script == NULL) {
        char hint[TEXT_SUGGESTION_BYTES];
        log_line(LOG_ERROR, "there is no completion script for '%s'%s", shell,
                 text_suggestion(text_nearest(shell, completion_shells, count_shells()),
                                 "; use bash, zsh or fish", hint));
        return EXIT_USAGE;
    }
    struct buf out = {0};
    buf_add_text(&out, script);
    code = command_print(&out, EXIT_OK);
    buf_done(&out);
    return code;
}

int command_complete(kind_registry kinds, const struct command_syntax *const *commands, int argc,
                     char **argv)
{
    int64_t at = 0;
    if (argc < 4 || text_parse_int(argv[2], &at) != 0 || at < 1 || at > argc - 3) {
        log_line(LOG_ERROR, "%s needs the number of a word, and the words", COMPLETION_ARGUMENT);
        return EXIT_USAGE;
    }
    /* The words follow the number, so that it takes the place of the program's name. */
    struct completion_line line = {
        .kinds = kinds, .commands = commands, .argc = argc - 2, .argv = argv + 2, .at = (int)at};
    struct buf out = {0};
    completion_write(&line, &out);
    int code = command_print(&out, EXIT_OK);
    buf_done(&out);
    return code;
}
