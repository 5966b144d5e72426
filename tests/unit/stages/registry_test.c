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
    struct kind elsewhere = dedupe_kind, nowhere = dedupe_kind;
    elsewhere.name = "elsewhere";
    elsewhere.program = "other";
    nowhere.name = "nowhere";
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

/* A declaration is asked for alone: its functions are elsewhere. */
static void expect(const struct kind *kind, const char *message)
{
    const struct kind_entry entries[] = {{.kind = kind}, {0}};
    char said[1024];
    ask(entries, said, sizeof said);
    if (*message == '\0' ? *said != '\0' : strstr(said, message) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", message, said);
}

static void derive(struct kind_check *check)
{
    (void)check;
}

static const struct kind whole = {.name = "test.kind",
                                  .summary = "tests",
                                  .manual = "For tests.",
                                  .reads = "anything",
                                  .makes = "what it reads",
                                  .role = KIND_STEP,
                                  .partition = KIND_ANYHOW,
                                  .program = "other",
                                  .options = (const struct option_spec[]){{0}},
                                  .derive = derive};

static void a_missing_member_is_named(void **state)
{
    (void)state;
    expect(&whole, "");
    struct kind kind = whole;
    kind.name = "Test.Kind";
    expect(&kind, "kind 'Test.Kind' has a name that is not in small letters");
    kind = whole;
    kind.summary = NULL;
    expect(&kind, "kind 'test.kind' has no .summary");
    kind = whole;
    kind.manual = "";
    expect(&kind, "kind 'test.kind' has no .manual");
    kind = whole;
    kind.reads = NULL;
    expect(&kind, "kind 'test.kind' has no .reads");
    kind = whole;
    kind.makes = NULL;
    expect(&kind, "kind 'test.kind' has no .makes");
    kind = whole;
    kind.options = NULL;
    expect(&kind, "kind 'test.kind' has no .options");
    kind = whole;
    kind.derive = NULL;
    expect(&kind, "kind 'test.kind' has no .derive");
    kind = whole;
    kind.partition = KIND_BY_KEY;
    expect(&kind, "kind 'test.kind' is KIND_BY_KEY, but has no option 'key'");
    kind = whole;
    kind.clock_option = "at";
    expect(&kind, "kind 'test.kind' has a .clock_option that is not one of its options");
}

#define TEXT .tag = OPTION_TEXT, .meaning = "a text"

static void an_option_is_complete(void **state)
{
    (void)state;
    static const char *const choices[] = {"one", "two", NULL};
    static const struct option_spec good[] = {{.name = "good", TEXT}, {0}};
    static const struct option_spec bad[] = {{.name = "bad", .tag = OPTION_BOOL}, {0}};
    const struct {
        struct option_spec specs[3];
        const char *said;
    } rows[] = {
        {{{.name = "a_text", TEXT, .fallback = "\\N"}}, ""},
        {{{.name = "n", .tag = OPTION_INT, .max = 9, .fallback = "9", .meaning = "m"}}, ""},
        {{{.name = "c",
           .tag = OPTION_CHOICE,
           .choices = choices,
           .fallback = "two",
           .meaning = "m"}},
         ""},
        {{{.name = "g", .tag = OPTION_GROUP, .members = good, .meaning = "m"}}, ""},
        {{{.name = "nullText", TEXT}},
         "has an option 'nullText', which should be in small letters"},
        {{{.name = "by", TEXT}}, "has an option 'by', a key that all stages have"},
        {{{.name = "from", TEXT}}, "has an option 'from', a key that all stages have"},
        {{{.name = "a", TEXT}, {.name = "a", TEXT}}, "has two options 'a'"},
        {{{.name = "a", .tag = OPTION_TEXT}}, "has no .meaning of the option 'a'"},
        {{{.name = "a", TEXT, .required = true, .fallback = "b"}},
         "has a .fallback of the option 'a', which is .required"},
        {{{.name = "a", TEXT, .fallback = ""}},
         "has a .fallback '' of the option 'a', which is not a value of it"},
        {{{.name = "a", TEXT, .choices = choices}},
         "has useless .choices of the option 'a', whose type is text"},
        {{{.name = "a", .tag = OPTION_CHOICE, .meaning = "m"}},
         "has no .choices of the option 'a'"},
        {{{.name = "a",
           .tag = OPTION_CHOICE,
           .choices = choices,
           .fallback = "three",
           .meaning = "m"}},
         "has a .fallback 'three' of the option 'a', which is not a value of it"},
        {{{.name = "a", .tag = OPTION_BOOL, .fallback = "no", .meaning = "m"}},
         "has a .fallback 'no' of the option 'a'"},
        {{{.name = "a", .tag = OPTION_SIZE, .meaning = "m"}},
         "has no .min and .max of the option 'a'"},
        {{{.name = "a", .tag = OPTION_SIZE, .max = 1024, .fallback = "2KiB", .meaning = "m"}},
         "has a .fallback '2KiB' of the option 'a'"},
        {{{.name = "a", .tag = OPTION_DURATION, .max = 9, .fallback = "soon", .meaning = "m"}},
         "has a .fallback 'soon' of the option 'a'"},
        {{{.name = "a", .tag = OPTION_FIELDS, .fallback = "b", .meaning = "m"}},
         "has a .fallback 'b' of the option 'a'"},
        {{{.name = "a", .tag = OPTION_GROUPS, .meaning = "m"}},
         "has no .members of the option 'a'"},
        {{{.name = "a", TEXT, .members = good}}, "has useless .members of the option 'a'"},
        {{{.name = "a", .tag = OPTION_GROUP, .members = bad, .meaning = "m"}},
         "has no .meaning of the option 'a.bad'"},
        {{{.name = "a",
           .tag = OPTION_FIELD_GROUPS,
           .members = good,
           .alone = "bad",
           .meaning = "m"}},
         "has an .alone of the option 'a', which is not one of its members"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kind kind = whole;
        kind.options = rows[i].specs;
        expect(&kind, rows[i].said);
    }
}

static void a_reason_is_complete(void **state)
{
    (void)state;
    static const struct dead_reason wrong = {"wrongCell", "m"}, mute = {.text = "mute"};
    static const struct dead_reason one = {"one", "m"}, other = {"one", "n"};
    static const struct dead_reason *const rows[][3] = {{&one}, {&wrong}, {&mute}, {&one, &other}};
    static const char *const said[] = {
        "", "kind 'test.kind' has a reason 'wrongCell', which should be in small letters",
        "kind 'test.kind' has no .meaning of the reason 'mute'",
        "kind 'test.kind' has the reason 'one' twice"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kind kind = whole;
        kind.reasons = rows[i];
        expect(&kind, said[i]);
    }
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
        cmocka_unit_test(a_missing_member_is_named),
        cmocka_unit_test(an_option_is_complete),
        cmocka_unit_test(a_reason_is_complete),
        cmocka_unit_test(the_kinds_of_the_program_are_whole),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
