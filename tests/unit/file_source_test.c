/* SPDX-License-Identifier: MIT */
/*
 * file.source driven directly, with a file that changes between two reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"
#include "stages/stage.h"

struct fixture {
    char directory[64];
    char path[80];
    int state_fd;
    struct topology *topology;
    struct emitter emitter;
    struct buf seen; /* "seq:line|" of every record */
};

static void on_emit(struct emitter *out, port_number port, const struct record *record)
{
    struct fixture *f = (struct fixture *)((char *)out - offsetof(struct fixture, emitter));
    assert_int_equal(port, PORT_OUT);
    buf_add_format(&f->seen, "%llu:%.*s|", (unsigned long long)record->seq,
                   (int)record->fields[0].len, (const char *)record->fields[0].bytes);
}

static int set_up(void **state)
{
    struct fixture *f = memory_new(1, sizeof *f);
    (void)snprintf(f->directory, sizeof f->directory, "/tmp/bulkhead-source-XXXXXX");
    if (mkdtemp(f->directory) == NULL)
        return -1;
    (void)snprintf(f->path, sizeof f->path, "%s/input", f->directory);
    f->state_fd = open(f->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char *text = memory_format("topology: t\nstages:\n  read: { kind: file.source, path: %s }\n"
                               "  write: { kind: file.sink, from: read, path: %s.out }\n",
                               f->path, f->path);
    struct diagnostics d;
    diagnostics_init(&d, "t.yaml", text, strlen(text));
    assert_int_equal(topology_load("t.yaml", text, strlen(text), stage_registry, TOPOLOGY_PROCESSES,
                                   &d, &f->topology),
                     0);
    diagnostics_done(&d);
    free(text);
    f->emitter = (struct emitter){.emit = on_emit, .stage = &f->topology->stages[0]};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    (void)unlink(f->path);
    (void)unlinkat(f->state_fd, "cursor", 0);
    (void)close(f->state_fd);
    int rc = rmdir(f->directory);
    topology_free(f->topology);
    buf_done(&f->seen);
    buf_done(&f->emitter.scratch);
    free(f);
    return rc;
}

static void append(const struct fixture *f, const char *text)
{
    FILE *file = fopen(f->path, "ae");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void *open_source(struct fixture *f)
{
    struct stage_env env = {
        .topology = f->topology, .stage = &f->topology->stages[0], .state_fd = f->state_fd};
    void *self;
    struct err e;
    if (f->topology->stages[0].kind->ops->open(&env, &self, &e) != 0)
        fail_msg("%s", e.text);
    return self;
}

static int read_one(struct fixture *f, void *self, struct err *e)
{
    return f->topology->stages[0].kind->ops->read(self, &f->emitter, e);
}

/* The end of the file is taken for the end of a line only if it stays one. */
static void a_line_that_goes_on_after_it_was_read_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err e;
    append(f, "one\ntw");
    void *self = open_source(f);
    assert_int_equal(read_one(f, self, &e), 0);
    assert_int_equal(read_one(f, self, &e), 0);
    append(f, "o\nthree\n");
    assert_int_equal(read_one(f, self, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "input:2: this line had no newline"));
    assert_string_equal(buf_text(&f->seen), "1:one|2:tw|");
    f->topology->stages[0].kind->ops->close(self);
}

static void a_newline_that_comes_late_is_no_record(void **state)
{
    struct fixture *f = *state;
    struct err e;
    append(f, "one\ntwo");
    void *self = open_source(f);
    assert_int_equal(read_one(f, self, &e), 0);
    assert_int_equal(read_one(f, self, &e), 0);
    assert_int_equal(read_one(f, self, &e), ERR_END);
    append(f, "\r\nthree\n");
    assert_int_equal(read_one(f, self, &e), 0);
    assert_int_equal(read_one(f, self, &e), ERR_END);
    assert_string_equal(buf_text(&f->seen), "1:one|2:two|3:three|");
    f->topology->stages[0].kind->ops->close(self);
}

static void a_commit_moves_the_start_of_the_next_life(void **state)
{
    struct fixture *f = *state;
    struct err e;
    append(f, "one\n\n  \ntwo\n");
    void *self = open_source(f);
    assert_int_equal(read_one(f, self, &e), 0);
    assert_int_equal(read_one(f, self, &e), 0);
    assert_int_equal(f->emitter.position, 4); /* blank lines count as lines, not as records */
    assert_int_equal(f->topology->stages[0].kind->ops->commit(self, 2, &e), 0);
    f->topology->stages[0].kind->ops->close(self);
    append(f, "three\n");
    self = open_source(f);
    assert_true(f->topology->stages[0].kind->ops->position(self) == 2);
    assert_int_equal(read_one(f, self, &e), 0);
    assert_int_equal(f->emitter.position, 5);
    assert_string_equal(buf_text(&f->seen), "1:one|2:two|3:three|");
    f->topology->stages[0].kind->ops->close(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(a_line_that_goes_on_after_it_was_read_is_refused),
        TEST(a_newline_that_comes_late_is_no_record),
        TEST(a_commit_moves_the_start_of_the_next_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
