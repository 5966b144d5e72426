/* SPDX-License-Identifier: MIT */
/*
 * Where a topology comes from: what can be read again, which file's directory is ${TOPOLOGY_DIR},
 * and what is refused.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bounds.h"
#include "supervisor/run/topology_source.h"
#include "tests/unit/cases.h"

static const char text[] = "topology: t\n";

static void write_file(const char *name, size_t len)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    for (size_t i = 0; i < len; i++)
        assert_true(fputc(text[i % (sizeof text - 1)], file) != EOF);
    assert_int_equal(fclose(file), 0);
}

static void assert_read(const char *name, struct topology_source *ret)
{
    struct err e;
    if (topology_source_read(name, ret, &e) != 0)
        fail_msg("%s: %s", name, e.text);
    assert_string_equal(buf_text(&ret->text), text);
}

static void a_file_can_be_read_again(void **state)
{
    (void)state;
    struct topology_source s;
    write_file("t.yaml", sizeof text - 1);
    assert_read("t.yaml", &s);
    assert_string_equal(s.name, "t.yaml");
    assert_string_equal(s.file, "t.yaml");
    assert_string_equal(s.beside, "t.yaml");
    assert_false(s.is_once || s.is_stdin);
    topology_source_done(&s);
    /* By another name, too. */
    assert_int_equal(symlink("t.yaml", "link"), 0);
    assert_read("link", &s);
    assert_string_equal(s.file, "link");
    assert_false(s.is_once);
    topology_source_done(&s);
    assert_int_equal(unlink("link"), 0);
    assert_int_equal(unlink("t.yaml"), 0);
}

/* Makes standard input the file t.yaml, or a pipe with its text, and reads it. */
static void read_stdin(const char *name, bool is_pipe, struct topology_source *ret)
{
    int ends[2], saved = dup(STDIN_FILENO);
    if (is_pipe) {
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(write(ends[1], text, sizeof text - 1), sizeof text - 1);
        (void)close(ends[1]);
    } else {
        write_file("t.yaml", sizeof text - 1);
        ends[0] = open("t.yaml", O_RDONLY);
    }
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    (void)close(ends[0]);
    assert_read(name, ret);
    if (saved >= 0)
        assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
    (void)close(saved);
    (void)unlink("t.yaml");
}

static void standard_input_is_read_once(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool is_pipe;
        const char *shown;
    } rows[] = {
        {"-", false, "<stdin>"},
        {"-", true, "<stdin>"},
        {"/dev/stdin", true, "/dev/stdin"},
        {"/dev/stdin", false, "/dev/stdin"},
        {"/proc/self/fd/0", true, "/proc/self/fd/0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct topology_source s;
        read_stdin(rows[i].name, rows[i].is_pipe, &s);
        assert_string_equal(s.name, rows[i].shown);
        assert_null(s.file);
        assert_string_equal(s.beside, "-"); /* the current directory */
        assert_true(s.is_once && s.is_stdin);
        topology_source_done(&s);
    }
}

/* As a shell's <(...), and through the number of an open descriptor. */
static void another_pipe_is_no_standard_input(void **state)
{
    (void)state;
    struct topology_source s;
    int ends[2];
    char name[32];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, sizeof text - 1), sizeof text - 1);
    (void)close(ends[1]);
    (void)snprintf(name, sizeof name, "/dev/fd/%d", ends[0]);
    assert_read(name, &s);
    assert_null(s.file);
    assert_true(s.is_once && !s.is_stdin);
    topology_source_done(&s);
    (void)close(ends[0]);
    /* A file through its descriptor in this process. */
    write_file("t.yaml", sizeof text - 1);
    int fd = open("t.yaml", O_RDONLY);
    (void)snprintf(name, sizeof name, "/dev/fd/%d", fd);
    assert_read(name, &s);
    assert_null(s.file);
    assert_string_equal(s.beside, "-");
    assert_true(s.is_once && !s.is_stdin);
    topology_source_done(&s);
    (void)close(fd);
    (void)unlink("t.yaml");
}

static void assert_refused(const char *name, int rc, const char *words)
{
    struct topology_source s;
    struct err e;
    assert_int_equal(topology_source_read(name, &s, &e), rc);
    assert_string_equal(e.text, words);
    topology_source_done(&s);
}

static void what_is_no_topology_is_refused_by_name(void **state)
{
    (void)state;
    assert_refused("", ERR_INVALID, "the name of the topology file is empty");
    assert_int_equal(mkdir("directory", 0700), 0);
    assert_refused("directory", ERR_INVALID,
                   "'directory': it is a directory; name the topology file in it");
    assert_int_equal(rmdir("directory"), 0);
    write_file("large.yaml", TOPOLOGY_BYTES_MAX + 1);
    assert_refused("large.yaml", ERR_RANGE,
                   "'large.yaml' has more than 1048576 bytes, the most that a topology can have");
    assert_int_equal(truncate("large.yaml", TOPOLOGY_BYTES_MAX), 0);
    struct topology_source s;
    struct err e;
    assert_int_equal(topology_source_read("large.yaml", &s, &e), 0);
    assert_int_equal(s.text.len, TOPOLOGY_BYTES_MAX);
    topology_source_done(&s);
    assert_int_equal(unlink("large.yaml"), 0);
    assert_int_equal(topology_source_read("nowhere.yaml", &s, &e), ERR_NOT_FOUND);
    assert_non_null(strstr(e.text, "'nowhere.yaml'"));
    topology_source_done(&s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_can_be_read_again),
        cmocka_unit_test(standard_input_is_read_once),
        cmocka_unit_test(another_pipe_is_no_standard_input),
        cmocka_unit_test(what_is_no_topology_is_refused_by_name),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
