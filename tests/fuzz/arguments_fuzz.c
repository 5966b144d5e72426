/* SPDX-License-Identifier: MIT */
/*
 * Takes lines for the command line of a stage program. What is read of it is what is written of that
 * and read again.
 */
#include "common/bounds.h"
#include "ipc/stage_protocol.h"
#include "tests/fuzz/fuzz.h"

#define WORDS_MAX (STAGE_ARGUMENT_COUNT + 2)

static bool is_same(const struct stage_arguments *a, const struct stage_arguments *b)
{
    return strcmp(a->name, b->name) == 0 && a->generation == b->generation &&
           a->begins_after == b->begins_after && a->verbose == b->verbose &&
           a->stream.is == b->stream.is && a->stream.id == b->stream.id &&
           a->stream.kept == b->stream.kept && a->stream.relayed == b->stream.relayed;
}

static void check_again(const struct stage_arguments *arguments)
{
    struct stage_argument_texts texts;
    const char *argv[STAGE_ARGUMENT_COUNT + 1];
    struct stage_arguments again;
    struct err e;
    stage_arguments_write(arguments, "program", &texts, argv);
    ALWAYS(stage_arguments_read(STAGE_ARGUMENT_COUNT, (char *const *)argv, &again, &e) == 0);
    ALWAYS(is_same(arguments, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, data + size};
    char *argv[WORDS_MAX + 1] = {NULL};
    int argc = 0;
    while (fuzz_left(&in) != 0 && argc < (int)WORDS_MAX)
        argv[argc++] = fuzz_line(&in);
    struct stage_arguments arguments;
    struct err e = {0};
    int rc = stage_arguments_read(argc, argv, &arguments, &e);
    ALWAYS(rc == 0 || ((rc == ERR_INVALID || rc == ERR_MISMATCH) && e.text[0] != '\0'));
    if (rc == 0)
        check_again(&arguments);
    while (argc > 0)
        free(argv[--argc]);
    return 0;
}
