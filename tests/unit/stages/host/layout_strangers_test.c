/* SPDX-License-Identifier: MIT */
/*
 * Which files below stages/ are ours. Ours may be removed with everything in them; the first other
 * file is named, wherever it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stages/host/layout.h"
#include "tests/unit/cases.h"

static char directory[64];
static int stages_fd;

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "strangers-%ld", (long)getpid());
    if (mkdir(directory, 0700) != 0)
        return -1;
    stages_fd = open(directory, O_RDONLY | O_DIRECTORY);
    return stages_fd >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    (void)close(stages_fd);
    return rmdir(directory);
}

/* Makes "a/b/": directories; "a/b": a file in them; "a/b>": a link to nowhere. */
static void make(const char *path)
{
    char part[128];
    size_t len = strlen(path);
    for (size_t i = 1; i < len; i++) {
        if (path[i] != '/')
            continue;
        (void)snprintf(part, sizeof part, "%.*s", (int)i, path);
        assert_true(mkdirat(stages_fd, part, 0700) == 0 || errno == EEXIST);
    }
    if (path[len - 1] == '/')
        return;
    (void)snprintf(part, sizeof part, "%s", path);
    if (part[len - 1] == '>') {
        part[len - 1] = '\0';
        assert_int_equal(symlinkat("/nowhere", stages_fd, part), 0);
        return;
    }
    int fd = openat(stages_fd, part, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
}

/* Removes what make() has created. */
static void unmake(const char *path)
{
    char part[128];
    (void)snprintf(part, sizeof part, "%.*s", (int)strcspn(path, ">"), path);
    size_t len = strlen(part);
    if (part[len - 1] != '/')
        assert_int_equal(unlinkat(stages_fd, part, 0), 0);
    for (char *slash; (slash = strrchr(part, '/')) != NULL;) {
        *slash = '\0';
        (void)unlinkat(stages_fd, part, AT_REMOVEDIR);
    }
}

static void assert_found(const char *base, const char *expected)
{
    char *found = NULL;
    struct err e;
    if (layout_find_stranger(stages_fd, base, &found, &e) != 0)
        fail_msg("%s", e.text);
    if (strcmp(found != NULL ? found : "none", expected != NULL ? expected : "none") != 0)
        fail_msg("of %s: %s, not %s", base != NULL ? base : "all", found, expected);
    free(found);
}

static void what_is_not_ours_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *found; /* NULL: it is ours */
    } rows[] = {
        /* The files of a stage or of its workers. */
        {"read/", NULL},
        {"read/cursor", NULL},
        {"read/cursor.new", NULL},
        {"read/quarantine", NULL},
        {"read/workers", NULL},
        {"read/store.log", NULL},
        {"read/journal.0000000000000001", NULL},
        {"read/0/cursor", NULL},
        {"read/15/store.checkpoint", NULL},
        /* A directory of a stage may have any name. */
        {"no-stage-of-ours/", NULL},
        /* Other files. */
        {"cursor", "stages/cursor"},
        {"read/notes", "stages/read/notes"},
        {"read/.hidden", "stages/read/.hidden"},
        {"read/store", "stages/read/store"},
        {"read/mycursor", "stages/read/mycursor"},
        {"read/cursor/", "stages/read/cursor"},
        {"read/workers/", "stages/read/workers"},
        {"read/0x/", "stages/read/0x"},
        {"read/-1/", "stages/read/-1"},
        {"read/0/notes", "stages/read/0/notes"},
        {"read/0/1/", "stages/read/0/1"},
        {"read/0/1/cursor", "stages/read/0/1"},
        /* A link is judged by its name: one of ours is removed, but not its target. */
        {"read>", "stages/read"},
        {"read/0>", "stages/read/0"},
        {"read/cursor>", NULL},
        {"read/notes>", "stages/read/notes"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        make(rows[i].path);
        assert_found(NULL, rows[i].found);
        if (strncmp(rows[i].path, "read", 4) == 0)
            assert_found("read", rows[i].found);
        assert_found("other", NULL);
        unmake(rows[i].path);
    }
}

static void each_stage_is_looked_at_alone(void **state)
{
    (void)state;
    make("a/notes");
    make("b/cursor");
    assert_found("a", "stages/a/notes");
    assert_found("b", NULL);
    assert_found(NULL, "stages/a/notes");
    unmake("a/notes");
    unmake("b/cursor");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_ours_is_named),
        cmocka_unit_test(each_stage_is_looked_at_alone),
    };
    return CASES_RUN(argc, argv, tests, set_up, tear_down);
}
