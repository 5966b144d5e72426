/* SPDX-License-Identifier: MIT */
/*
 * The job of tests/bench/rename.yaml in one process: rename_yajl IN OUT
 *
 * Decodes events, keeps those whose level is "warn", and writes them with `text` as `message`.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/bench/yardstick.h"

enum { ID, HOST, LEVEL, TEXT };
static const char *const names[] = {"id", "host", "level", "text", NULL};

/* Whether a JSON number is a whole one of 64 bits. */
static bool is_int64(const char *text, size_t len)
{
    bool negative = *text == '-';
    uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0), value = 0;
    for (size_t i = negative ? 1 : 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        unsigned digit = (unsigned)(text[i] - '0');
        if (value > (limit - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    return true;
}

/* Handles one event; false if it was refused. */
static bool rename_text(struct output *out, const struct member *members)
{
    const struct member *id = &members[ID], *level = &members[LEVEL];
    if (id->type != MEMBER_NUMBER || !is_int64(id->text, id->len))
        return false;
    for (size_t i = HOST; i <= TEXT; i++) {
        if (members[i].type != MEMBER_STRING)
            return false;
    }
    if (level->len != 4 || memcmp(level->text, "warn", 4) != 0)
        return true;
    OUTPUT_ADD_LITERAL(out, "{\"id\":");
    if (id->len == 2 && memcmp(id->text, "-0", 2) == 0)
        OUTPUT_ADD_LITERAL(out, "0");
    else
        output_add(out, id->text, id->len);
    OUTPUT_ADD_LITERAL(out, ",\"host\":");
    output_add_string(out, members[HOST].text, members[HOST].len);
    OUTPUT_ADD_LITERAL(out, ",\"level\":");
    output_add_string(out, level->text, level->len);
    OUTPUT_ADD_LITERAL(out, ",\"message\":");
    output_add_string(out, members[TEXT].text, members[TEXT].len);
    OUTPUT_ADD_LITERAL(out, "}\n");
    return true;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: rename_yajl IN OUT\n");
        return 2;
    }
    struct lines lines;
    struct objects objects;
    struct output out;
    uint64_t refused = 0;
    lines_open(&lines, argv[1]);
    output_open(&out, argv[2]);
    objects_init(&objects, names);
    char *line;
    size_t len;
    while (lines_next(&lines, &line, &len)) {
        if (!objects_read(&objects, line, len) || !rename_text(&out, objects.members))
            refused++;
    }
    output_close(&out);
    objects_done(&objects);
    lines_close(&lines);
    if (refused != 0)
        (void)fprintf(stderr, "%" PRIu64 " lines refused\n", refused);
    return 0;
}
