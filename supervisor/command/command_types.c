/* SPDX-License-Identifier: MIT */
/*
 * types: the types of fields, as they are written in a topology, with examples of values.
 */
#include <string.h>

#include "common/check.h"
#include "common/log.h"
#include "common/text.h"
#include "common/value.h"
#include "supervisor/command/command.h"

/*
 * The forms of a type, and values of the first form as json.decode reads them. Alternatives are
 * separated by " | ". A test uses all of them in a topology.
 */
struct example {
    const char *written, *values;
};

static const struct example examples[VALUE_TAG_COUNT] = {
    [VALUE_STRING] = {"string | string(1..64) | string(/^[a-z]+$/) | string(1..64, /^a/)",
                      "\"monday\" | \"Zo\\u00eb\" | \"\""},
    [VALUE_BYTES] = {"bytes", NULL}, /* JSON has no such values */
    [VALUE_INT] = {"int", "0 | -17 | 9223372036854775807"},
    [VALUE_BOOL] = {"bool", "true | false"},
    [VALUE_MONEY] = {"money(USD)", "\"$12.34\" | \"USD 12.34\" | \"-$0.05\""},
    [VALUE_TIMESTAMP] = {"timestamp",
                         "\"2026-11-21T08:30:00Z\" | \"2026-11-21T10:30:00.123+02:00\""},
    [VALUE_DECIMAL] = {"decimal(10,2) | decimal(18,0)", "12.50 | -3 | \"12.5\""},
    [VALUE_DATE] = {"date", "\"2026-11-21\" | \"0000-01-01\""},
    [VALUE_DURATION] = {"duration", "\"1h30m\" | \"-250ms\" | \"2w\""},
    [VALUE_ENUM] = {"enum(open, closed)", "\"open\" | \"closed\""},
    [VALUE_LIST] = {"list(int) | list(list(date))", "[1, 2, 3] | []"},
    [VALUE_MAP] = {"map(int) | map(optional(bool))", "{\"a\": 1, \"b\": 2} | {}"},
    [VALUE_OPTIONAL] = {"optional(int) | optional(string(1..64))", "7 | null"},
};

static const char *const names[VALUE_TAG_COUNT] = {
#define X(tag, name, meaning) [tag] = name,
    VALUE_TAG_LIST(X)
#undef X
};

static const char *const meanings[VALUE_TAG_COUNT] = {
#define X(tag, name, meaning) [tag] = meaning,
    VALUE_TAG_LIST(X)
#undef X
};

static const struct command_option options[] = {{0}};

const struct command_syntax command_types_syntax = {
    "types", "[TYPE]", "list the types of fields, or describe one", options};

static void print_type(size_t tag, struct buf *out)
{
    INVARIANT(examples[tag].written != NULL);
    buf_add_format(out, "%-10s %s\n  types:   %s\n", names[tag], meanings[tag],
                   examples[tag].written);
    if (examples[tag].values != NULL)
        buf_add_format(out, "  values:  %s\n", examples[tag].values);
}

/* Prints the type of a name, which may be followed by parentheses, as in string(1..64). */
static int print_named(const char *text, struct buf *out)
{
    size_t len = strcspn(text, "(");
    for (size_t i = 0; i < VALUE_TAG_COUNT; i++) {
        if (strlen(names[i]) == len && strncmp(names[i], text, len) == 0) {
            print_type(i, out);
            return EXIT_OK;
        }
    }
    char hint[TEXT_SUGGESTION_BYTES];
    log_line(LOG_ERROR, "there is no type '%s'%s", text,
             text_suggestion(text_nearest(text, names, VALUE_TAG_COUNT),
                             "; `bulkhead types` lists them", hint));
    return EXIT_USAGE;
}

int command_types(kind_registry kinds, int argc, char **argv)
{
    (void)kinds;
    const char *name;
    int code = command_parse(&command_types_syntax, argc, argv, NULL, NULL, &name);
    if (code != EXIT_OK)
        return code;
    struct buf out = {0};
    if (name != NULL)
        code = print_named(name, &out);
    else
        for (size_t i = 0; i < VALUE_TAG_COUNT; i++)
            print_type(i, &out);
    if (code == EXIT_OK) {
        buf_add_text(&out,
                     "\nThe values are of the first form of each type, as json.decode reads them.\n"
                     "For their forms in msgpack see 'Values in msgpack' in bulkhead-topology(5).\n"
                     "In a topology, quote a type that contains a comma: 'decimal(10,2)'.\n");
        code = command_print(&out, EXIT_OK);
    }
    buf_done(&out);
    return code;
}
