/* SPDX-License-Identifier: MIT */
/*
 * All good topologies of the project, those of files and those within scripts and documents, are the
 * same when they are written as they were resolved and read again.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/topology/resolved_again.h"

static void read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len;
    while ((len = fread(buf_reserve(out, 4096), 1, 4096, file)) != 0)
        out->len += len;
    (void)fclose(file);
}

/* The files that match a pattern below the root of the project. */
static void find_files(const char *pattern, glob_t *ret_files)
{
    const char *root = getenv("ROOT"); /* tests/run sets it */
    char *whole = memory_format("%s/%s", root != NULL ? root : ".", pattern);
    if (glob(whole, 0, NULL, ret_files) != 0)
        fail_msg("there is no file %s; start this in the root of the project", whole);
    free(whole);
}

static void set_variables(void)
{
    (void)setenv("INPUT", "in put.jsonl", 1);
    (void)setenv("OUTPUT", "/tmp/output.jsonl", 1);
    (void)unsetenv("REJECTS");
}

static void every_topology_file_is_read_again(void **state)
{
    (void)state;
    static const char *const patterns[] = {"topology/library/*.yaml", "tests/chaos/*.yaml",
                                           "tests/bench/*.yaml",
                                           "tests/fuzz/corpus/topology/*.yaml"};
    set_variables();
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        glob_t files;
        find_files(patterns[i], &files);
        for (size_t k = 0; k < files.gl_pathc; k++) {
            struct buf text = {0}, written = {0};
            read_file(files.gl_pathv[k], &text);
            resolved_expect_again(
                resolved_load(files.gl_pathv[k], buf_text(&text), NULL, bulkhead_kinds),
                bulkhead_kinds, &written);
            buf_done(&text);
            buf_done(&written);
        }
        globfree(&files);
    }
}

/* The end of a line; of the text, if that is its last one. */
static char *line_end(char *at)
{
    return at + strcspn(at, "\n");
}

/* Whether a line ends what is shown or quoted: ``` or END, EOF and the like, or a rule of cases. */
static bool is_end(const char *line)
{
    size_t len = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ`");
    return (len != 0 && (line[len] == '\n' || line[len] == '\0')) || strncmp(line, "=== ", 4) == 0;
}

/* The good ones of those that a script or a document contains: whole lines, up to the end mark. */
static size_t read_contained(char *text)
{
    size_t count = 0;
    for (char *line = text, *after; *line != '\0'; line = after) {
        after = *line_end(line) != '\0' ? line_end(line) + 1 : line_end(line);
        if (strncmp(line, "topology: ", strlen("topology: ")) != 0)
            continue;
        while (*after != '\0' && !is_end(after))
            after = *line_end(after) != '\0' ? line_end(after) + 1 : line_end(after);
        struct buf errors = {0}, written = {0};
        char *contained = memory_dup(line, (size_t)(after - line));
        struct topology *topology =
            resolved_try_load("t.yaml", contained, NULL, bulkhead_kinds, &errors);
        if (topology != NULL)
            resolved_expect_again(topology, bulkhead_kinds, &written);
        count += topology != NULL;
        free(contained);
        buf_done(&errors);
        buf_done(&written);
    }
    return count;
}

static void every_topology_of_scripts_and_documents_is_read_again(void **state)
{
    (void)state;
    static const char *const patterns[] = {"tests/integration/*.sh", "docs/*.md",
                                           "docs/how-to/*.md"};
    size_t count = 0;
    set_variables();
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        glob_t files;
        find_files(patterns[i], &files);
        for (size_t k = 0; k < files.gl_pathc; k++) {
            struct buf text = {0};
            read_file(files.gl_pathv[k], &text);
            (void)buf_text(&text);
            count += read_contained((char *)text.data);
            buf_done(&text);
        }
        globfree(&files);
    }
    if (count < 50)
        fail_msg("only %zu good topologies were found", count);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_topology_file_is_read_again),
        cmocka_unit_test(every_topology_of_scripts_and_documents_is_read_again),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
