/* SPDX-License-Identifier: MIT */
#include "ipc/stage_protocol.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

/* "0123456789abcdef", k or n (kept or not), r or p (relayed or a pipe). */
#define STREAM_DIGITS 16u
#define STREAM_CHARS 18u

void stage_arguments_write(const struct stage_arguments *arguments, const char *program,
                           struct stage_argument_texts *ret_texts, const char **ret_argv)
{
    struct stage_argument_texts *t = ret_texts;
    const struct stage_stream *stream = &arguments->stream;
    (void)snprintf(t->generation, sizeof t->generation, "%" PRIu64, arguments->generation);
    (void)snprintf(t->begins_after, sizeof t->begins_after, "%" PRIu64, arguments->begins_after);
    (void)snprintf(t->protocol, sizeof t->protocol, "%d", STAGE_PROTOCOL_VERSION);
    (void)snprintf(t->stream, sizeof t->stream, "-");
    if (stream->is)
        (void)snprintf(t->stream, sizeof t->stream, "%016" PRIx64 "%c%c", stream->id,
                       stream->kept ? 'k' : 'n', stream->relayed ? 'r' : 'p');
    ret_argv[STAGE_ARGUMENT_PROGRAM] = program;
    ret_argv[STAGE_ARGUMENT_MARK] = STAGE_ARGUMENT;
    ret_argv[STAGE_ARGUMENT_NAME] = arguments->name;
    ret_argv[STAGE_ARGUMENT_GENERATION] = t->generation;
    ret_argv[STAGE_ARGUMENT_BEGINS_AFTER] = t->begins_after;
    ret_argv[STAGE_ARGUMENT_LOG] = arguments->verbose ? "verbose" : "quiet";
    ret_argv[STAGE_ARGUMENT_STREAM] = t->stream;
    ret_argv[STAGE_ARGUMENT_PROTOCOL] = t->protocol;
    ret_argv[STAGE_ARGUMENT_COUNT] = NULL;
}

/* Reads exactly the form in which it is written. */
static bool read_number(const char *text, uint64_t *ret_number)
{
    int64_t number;
    bool padded = text[0] == '-' || (text[0] == '0' && text[1] != '\0');
    if (padded || text_parse_int(text, &number) != 0)
        return false;
    *ret_number = (uint64_t)number;
    return true;
}

static bool read_stream(const char *text, struct stage_stream *ret_stream)
{
    *ret_stream = (struct stage_stream){0};
    if (strcmp(text, "-") == 0)
        return true;
    if (strlen(text) != STREAM_CHARS || strspn(text, "0123456789abcdef") != STREAM_DIGITS ||
        strchr("kn", text[STREAM_DIGITS]) == NULL || strchr("rp", text[STREAM_DIGITS + 1]) == NULL)
        return false;
    *ret_stream = (struct stage_stream){.is = true,
                                        .id = strtoull(text, NULL, 16),
                                        .kept = text[STREAM_DIGITS] == 'k',
                                        .relayed = text[STREAM_DIGITS + 1] == 'r'};
    return true;
}

static bool read_log(const char *text, bool *ret_verbose)
{
    *ret_verbose = strcmp(text, "verbose") == 0;
    return *ret_verbose || strcmp(text, "quiet") == 0;
}

int stage_arguments_read(int argc, char *const *argv, struct stage_arguments *ret_arguments,
                         struct err *e)
{
    if (argc <= STAGE_ARGUMENT_MARK || strcmp(argv[STAGE_ARGUMENT_MARK], STAGE_ARGUMENT) != 0)
        return err_set(e, ERR_INVALID, "this is a stage program; only the supervisor can start it");
    uint64_t protocol = 0;
    if (argc > STAGE_ARGUMENT_PROTOCOL)
        (void)read_number(argv[STAGE_ARGUMENT_PROTOCOL], &protocol);
    if (argc > STAGE_ARGUMENT_PROTOCOL && protocol != STAGE_PROTOCOL_VERSION)
        return err_set(e, ERR_MISMATCH,
                       "the supervisor speaks version %s of the stage protocol, but this program "
                       "speaks version %d; install both from one version",
                       argv[STAGE_ARGUMENT_PROTOCOL], STAGE_PROTOCOL_VERSION);
    struct stage_arguments *a = ret_arguments;
    *a = (struct stage_arguments){0};
    if (argc != STAGE_ARGUMENT_COUNT || !read_log(argv[STAGE_ARGUMENT_LOG], &a->verbose) ||
        !read_number(argv[STAGE_ARGUMENT_GENERATION], &a->generation) || a->generation == 0 ||
        !read_number(argv[STAGE_ARGUMENT_BEGINS_AFTER], &a->begins_after) ||
        !read_stream(argv[STAGE_ARGUMENT_STREAM], &a->stream))
        return err_set(e, ERR_INVALID, "%s is only for the supervisor", STAGE_ARGUMENT);
    a->name = argv[STAGE_ARGUMENT_NAME];
    return 0;
}
