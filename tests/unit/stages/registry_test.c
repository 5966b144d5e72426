/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stages/kinds/kinds.h"
#include "stages/registry.h"
#include "tests/unit/cases.h"

/* What the program would say; "" if it is content with the registry. */
static void ask(kind_registry kinds, char *ret_said, size_t size)
{
    int said[2];
    assert_int_equal(pipe(said), 0);
    pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit no_core = {0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGABRT, SIG_DFL);
        (void)dup2(said[1], STDERR_FILENO);
        registry_require(kinds);
        _exit(0);
    }
    (void)close(said[1]);
    size_t len = 0;
    for (ssize_t n; (n = read(said[0], ret_said + len, size - 1 - len)) > 0;)
        len += (size_t)n;
    ret_said[len] = '\0';
    (void)close(said[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (len == 0)
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    else
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void what_is_not_whole_is_told(void **state)
{
    (void)state;
    static const struct kind elsewhere = {.name = "elsewhere", .program = "other"};
    static const struct kind nowhere = {.name = "nowhere"};
    struct stage_ops no_step = dedupe_ops, no_close = dedupe_ops, no_read = file_source_ops;
    struct stage_ops no_commit = file_sink_ops, no_position = file_source_ops;
    struct stage_ops no_write = file_sink_ops;
    no_step.step = NULL;
    no_close.close = NULL;
    no_read.read = NULL;
    no_commit.commit = NULL;
    no_position.position = NULL;
    no_write.write = NULL;
    const struct {
        struct kind_entry entries[3];
        const char *said;
    } rows[] = {
        {{KIND_ENTRY(dedupe) KIND_ENTRY(file_source){0}}, ""},
        {{{.kind = &elsewhere}, {0}}, ""},
        {{{.kind = &nowhere}, {0}}, "kind 'nowhere' has no functions and names no program"},
        {{{&dedupe_kind, &no_step}, {0}}, "kind 'dedupe' has no function step()"},
        {{{&dedupe_kind, &no_close}, {0}}, "kind 'dedupe' has no function close()"},
        {{{&file_source_kind, &no_read}, {0}}, "kind 'file.source' has no function read()"},
        {{{&file_source_kind, &no_position}, {0}}, "has no function position()"},
        {{{&file_sink_kind, &no_commit}, {0}}, "kind 'file.sink' has no function commit()"},
        {{{&file_sink_kind, &no_write}, {0}}, "kind 'file.sink' has no function write()"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char said[1024];
        ask(rows[i].entries, said, sizeof said);
        if (*rows[i].said == '\0' ? *said != '\0' : strstr(said, rows[i].said) == NULL)
            fail_msg("row %zu: \"%s\"", i, said);
    }
    struct kind twin = dedupe_kind;
    const struct kind_entry twice[] = {KIND_ENTRY(dedupe){&twin, &dedupe_ops}, {0}};
    char said[1024];
    ask(twice, said, sizeof said);
    assert_non_null(strstr(said, "kind 'dedupe' is registered twice"));
}

static void the_kinds_of_the_program_are_whole(void **state)
{
    (void)state;
    registry_require(bulkhead_kinds);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_whole_is_told),
        cmocka_unit_test(the_kinds_of_the_program_are_whole),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
