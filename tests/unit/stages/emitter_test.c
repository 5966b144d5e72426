/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/memory.h"
#include "stages/emitter.h"
#include "stages/stage.h"
#include "tests/unit/cases.h"

#define IN_FIELDS 3

/* What came out last. */
static port_number last_port;
static struct record last;

static void on_emit(void *host, port_number port, const struct record *record)
{
    (void)host;
    last_port = port;
    last = *record;
}

static const struct kind kind = {.name = "test",
                                 .reasons = DEAD_REASONS(&dead_bad_value, &dead_record_too_large)};

static const struct kind refuses_some = {.name = "some", .reasons = DEAD_REASONS(&dead_bad_value)};

/* A stage that appends a field to the three that it reads, and a record for it as from a frame. */
struct fixture {
    struct stage stage;
    struct emitter emitter;
    uint8_t packed[16];
    struct value fields[IN_FIELDS + 1];
    struct record in;
};

static void start(struct fixture *f)
{
    static const char *const names[] = {"text", "count", "yes", "more"};
    static const enum value_tag tags[] = {VALUE_STRING, VALUE_INT, VALUE_BOOL, VALUE_INT};
    *f = (struct fixture){.stage = {.base = "test", .kind = &kind}, .packed = "\xa3xyz\x07\xc3"};
    for (size_t i = 0; i < IN_FIELDS + 1; i++)
        assert_int_equal(contract_add(&f->stage.out, names[i], (struct type){.tag = tags[i]}), 0);
    emitter_init(&f->emitter, &f->stage, false, on_emit, f);
    f->fields[0] = value_of_bytes(VALUE_STRING, f->packed + 1, 3);
    f->fields[1] = value_of_integer(VALUE_INT, 7);
    f->fields[2] = value_of_bool(true);
    f->fields[3] = value_of_integer(VALUE_INT, 8);
    f->in = (struct record){.seq = 1,
                            .fields = f->fields,
                            .count = IN_FIELDS,
                            .packed_count = IN_FIELDS,
                            .packed_len = 6,
                            .packed = f->packed};
    emitter_begin(&f->emitter, &f->in);
}

static void done(struct fixture *f)
{
    emitter_done(&f->emitter);
}

static void assert_packed(const struct fixture *f, const struct value *fields)
{
    assert_ptr_equal(last.fields, fields);
    assert_int_equal(last.packed_count, IN_FIELDS);
    assert_int_equal(last.packed_len, 6);
    assert_ptr_equal(last.packed, f->packed);
}

static void what_passes_stays_packed(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    emitter_emit(&f.emitter, f.fields);
    assert_packed(&f, f.fields);
    struct value copy[IN_FIELDS + 1];
    memcpy(copy, f.fields, sizeof copy);
    emitter_emit(&f.emitter, copy);
    assert_packed(&f, copy);
    copy[IN_FIELDS].integer = 9; /* is not of what was read */
    emitter_emit(&f.emitter, copy);
    assert_packed(&f, copy);
    done(&f);
}

static void what_is_new_is_not_packed(void **state)
{
    (void)state;
    static const uint8_t elsewhere[] = "xyz";
    struct fixture f;
    start(&f);
    const struct {
        size_t field;
        struct value value;
    } changes[] = {
        {0, value_of_bytes(VALUE_STRING, elsewhere, 3)},
        {0, value_of_bytes(VALUE_STRING, f.packed + 1, 2)},
        {0, value_of_bytes(VALUE_BYTES, f.packed + 1, 3)},
        {1, value_of_integer(VALUE_INT, 6)},
        {2, value_of_bool(false)},
        {2, value_of_nothing()},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct value copy[IN_FIELDS + 1];
        memcpy(copy, f.fields, sizeof copy);
        copy[changes[i].field] = changes[i].value;
        emitter_emit(&f.emitter, copy);
        if (last.packed_count != 0 || last.packed_len != 0)
            fail_msg("row %zu", i);
    }
    f.stage.out.count = IN_FIELDS - 1; /* one less than was read: nobody knows where it ends */
    emitter_emit(&f.emitter, f.fields);
    assert_int_equal(last.packed_count + last.packed_len, 0);
    emitter_begin(&f.emitter, NULL); /* a source */
    f.stage.out.count = IN_FIELDS;
    emitter_emit(&f.emitter, f.fields);
    assert_int_equal(last.packed_count + last.packed_len, 0);
    done(&f);
}

/* The bound is one of text, whether it came packed, which takes more, or not. */
static void too_large_is_the_same_packed(void **state)
{
    (void)state;
    uint8_t *text = memory_new(RECORD_TEXT_BYTES_MAX + 1, 1);
    for (int packed = 0; packed < 2; packed++) {
        for (uint32_t over = 0; over < 2; over++) {
            struct fixture f;
            start(&f);
            f.fields[0] = value_of_bytes(VALUE_STRING, text, RECORD_TEXT_BYTES_MAX + over);
            f.in.packed_count = packed != 0 ? IN_FIELDS : 0;
            f.in.packed_len = packed != 0 ? RECORD_TEXT_BYTES_MAX + over + 7 : 0;
            emitter_emit(&f.emitter, f.fields);
            assert_int_equal(last_port, over == 0 ? PORT_OUT : PORT_DEAD);
            assert_int_equal(last.packed_len, over == 0 ? f.in.packed_len : 0);
            uint64_t emitted, dead;
            assert_true(emitter_has_put_out(&f.emitter));
            emitter_take_counts(&f.emitter, &emitted, &dead);
            assert_int_equal(emitted, 1 - over);
            assert_int_equal(dead, over);
            assert_false(emitter_has_put_out(&f.emitter));
            done(&f);
        }
    }
    free(text);
}

/* Whether a kind may say why it refuses a record; if not, that is a mistake in it, and fatal. */
static bool may_refuse(const struct kind *of, const struct dead_reason *reason, char said[512])
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        struct fixture f;
        start(&f);
        f.stage.kind = of;
        (void)signal(SIGABRT, SIG_DFL);
        (void)dup2(ends[1], STDERR_FILENO);
        emitter_dead(&f.emitter, reason, "x", 1, false, "why");
        _exit(last_port == PORT_DEAD && f.emitter.dead == 1 ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)close(ends[1]);
    ssize_t len = read(ends[0], said, 511);
    assert_true(len >= 0);
    said[len] = '\0';
    (void)close(ends[0]);
    if (WIFSIGNALED(status))
        assert_int_equal(WTERMSIG(status), SIGABRT);
    else
        assert_int_equal(WEXITSTATUS(status), 0);
    return WIFEXITED(status);
}

static void only_declared_reasons_are_given(void **state)
{
    (void)state;
    static const struct dead_reason same_text = {"bad-value", "another one"};
    static const struct kind refuses_nothing = {.name = "plain"};
    char said[512];
    assert_true(may_refuse(&kind, &dead_bad_value, said));
    assert_true(may_refuse(&kind, &dead_record_too_large, said));
    assert_true(may_refuse(&kind, &dead_poison, said));
    assert_false(may_refuse(&kind, &dead_late, said));
    assert_non_null(strstr(said, "kind 'test' gave the reason 'late', which its declaration does "
                                 "not list"));
    assert_false(may_refuse(&kind, &same_text, said));
    assert_false(may_refuse(&refuses_some, &dead_record_too_large, said));
    assert_true(may_refuse(&refuses_nothing, &dead_poison, said));
    assert_false(may_refuse(&refuses_nothing, &dead_bad_value, said));
}

static char content[64];
static bool content_is_json;

static void on_dead(void *host, port_number port, const struct record *record)
{
    (void)host;
    const struct value *text = &record->fields[DEAD_LETTER_CONTENT];
    assert_int_equal(port, PORT_DEAD);
    (void)snprintf(content, sizeof content, "%.*s", (int)text->len, (const char *)text->bytes);
    content_is_json = record->fields[DEAD_LETTER_CONTENT_IS_JSON].boolean;
}

/* Of a stage that reads packed records, by its own word, it is their bytes. */
static void a_record_is_json_and_a_packed_one_its_bytes(void **state)
{
    (void)state;
    struct contract in = {0};
    assert_int_equal(contract_add(&in, "n", (struct type){.tag = VALUE_INT}), 0);
    assert_int_equal(contract_add(&in, PACKED_FIELD, (struct type){.tag = VALUE_BYTES}), 0);
    const struct input input = {.contract = &in};
    struct stage stage = {.base = "test", .kind = &kind, .inputs = &input, .input_count = 1};
    const struct value fields[] = {value_of_integer(VALUE_INT, 7),
                                   value_of_bytes(VALUE_BYTES, "wQ==", 4)};
    const struct record record = {.seq = 1, .fields = fields, .count = 2};
    struct emitter emitter;
    emitter_init(&emitter, &stage, false, on_dead, NULL);
    emitter_begin(&emitter, &record);
    emitter_dead_record(&emitter, &dead_poison, &record, "it kills");
    assert_string_equal(content, "{\"n\":7,\"packed\":\"wQ==\"}");
    assert_true(content_is_json);
    stage.reads_packed = true;
    emitter_dead_record(&emitter, &dead_poison, &record, "it kills");
    assert_string_equal(content, "wQ==");
    assert_false(content_is_json);
    emitter_done(&emitter);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_passes_stays_packed),
        cmocka_unit_test(what_is_new_is_not_packed),
        cmocka_unit_test(too_large_is_the_same_packed),
        cmocka_unit_test(only_declared_reasons_are_given),
        cmocka_unit_test(a_record_is_json_and_a_packed_one_its_bytes),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
