/* SPDX-License-Identifier: MIT */
/*
 * fault.step and fault.sink: fail in a chosen way at records with a chosen text; fault.clock fails
 * when event time comes to a chosen second. For tests alone.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/memory.h"
#include "common/timestamp.h"
#include "stages/kinds/kinds.h"
#include "stages/stage.h"
#include "tests/faults/fault.h"

enum fault {
    FAULT_SEGV,
    FAULT_ABORT,
    FAULT_LOOP,
    FAULT_GROW,
    FAULT_EXIT,
    FAULT_KILLED,
};
static const char *const fault_choices[] = {"segv", "abort",  "loop", "grow",
                                            "exit", "killed", NULL};

struct fault_stage {
    int field;
    enum fault fault;
    char *on; /* the texts, parted by commas */
    void *sink;
};

static const struct option_spec step_specs[] = {
    {.name = "field", .tag = OPTION_FIELD, .required = true, .meaning = "a string"},
    {.name = "on", .tag = OPTION_TEXT, .required = true, .meaning = "texts, parted by commas"},
    {.name = "does",
     .tag = OPTION_CHOICE,
     .required = true,
     .choices = fault_choices,
     .meaning = "what happens then"},
    {0},
};

static const struct option_spec sink_specs[] = {
    {.name = "field", .tag = OPTION_FIELD, .required = true, .meaning = "a string"},
    {.name = "on", .tag = OPTION_TEXT, .required = true, .meaning = "texts, parted by commas"},
    {.name = "does",
     .tag = OPTION_CHOICE,
     .required = true,
     .choices = fault_choices,
     .meaning = "what happens then"},
    {.name = "path", .tag = OPTION_PATH, .required = true, .meaning = "as in file.sink"},
    {0},
};

static struct fault_stage *make(const struct stage_env *env)
{
    struct fault_stage *self = memory_new(1, sizeof *self);
    const struct options *options = env->stage->options;
    const char *on = options_get(options, "on")->text;
    self->field = (int)options_get(options, "field")->number;
    self->fault = (enum fault)options_get(options, "does")->number;
    self->on = memory_dup(on, strlen(on));
    return self;
}

static bool is_on(const struct fault_stage *self, const struct value *text)
{
    const char *at = self->on;
    while (*at != '\0') {
        size_t len = strcspn(at, ",");
        if (len == text->len && memcmp(at, text->bytes, len) == 0)
            return true;
        at += len + (at[len] == ',' ? 1 : 0);
    }
    return false;
}

/* Grows until it is stopped; what is not used would not be counted. */
static void grow(void)
{
    for (;;) {
        void *piece = memory_new(1u << 20, 1);
        memset(piece, 0x5a, 1u << 20);
        __asm__ volatile("" : : "r"(piece) : "memory");
    }
}

static void fail_if_on(const struct fault_stage *self, const struct value *text)
{
    if (!is_on(self, text))
        return;
    fprintf(stderr, "about to fail at '%.*s'\n", (int)text->len, (const char *)text->bytes);
    static volatile unsigned turns;
    switch (self->fault) {
    case FAULT_SEGV:
        (void)signal(SIGSEGV, SIG_DFL); /* a sanitizer would make an exit of it */
        (void)raise(SIGSEGV);
        return;
    case FAULT_ABORT:
        panic("test", "a fault was asked for", __FILE__, __LINE__);
    case FAULT_LOOP:
        for (;;)
            turns++;
    case FAULT_GROW:
        grow();
        return;
    case FAULT_EXIT:
        _exit(3);
    case FAULT_KILLED:
        (void)raise(SIGKILL);
        return;
    }
}

static void derive_step(struct kind_check *check)
{
    const struct option_value *field = options_get(check->options, "field");
    (void)kind_check_field_tag(check, field, (int)field->number, field->place, 1u << VALUE_STRING);
    *check->out = *check->in;
}

static int open_step(const struct stage_env *env, void **ret_self, struct err *e)
{
    (void)e;
    *ret_self = make(env);
    return 0;
}

static void close_step(void *opaque)
{
    struct fault_stage *self = opaque;
    free(self->on);
    free(self);
}

static void step(void *opaque, const struct record *in, struct emitter *out)
{
    const struct fault_stage *self = opaque;
    fail_if_on(self, &in->fields[self->field]);
    emitter_emit(out, in->fields);
}

const struct stage_ops fault_step_ops = {.open = open_step, .close = close_step, .step = step};

const struct kind fault_step_kind = {
    .name = "fault.step",
    .summary = "fails on purpose",
    .manual = "For tests.",
    .role = KIND_STEP,
    .reads = "field: string",
    .makes = "what it reads, unchanged",
    .options = step_specs,
    .derive = derive_step,
};

static const struct option_spec clock_specs[] = {
    {.name = "field", .tag = OPTION_FIELD, .required = true, .meaning = "a timestamp"},
    {.name = "on", .tag = OPTION_TEXT, .required = true, .meaning = "seconds, parted by commas"},
    {.name = "does",
     .tag = OPTION_CHOICE,
     .required = true,
     .choices = fault_choices,
     .meaning = "what happens then"},
    {0},
};

static void derive_clock(struct kind_check *check)
{
    const struct option_value *field = options_get(check->options, "field");
    (void)kind_check_field_tag(check, field, (int)field->number, field->place,
                               1u << VALUE_TIMESTAMP);
    *check->out = *check->in;
}

static void store_spec(const struct stage *stage, struct store_spec *ret_spec)
{
    (void)stage;
    *ret_spec = (struct store_spec){0};
    store_spec_set_schema(ret_spec, "fault.clock");
}

static void pass_on(void *opaque, const struct record *in, struct emitter *out)
{
    (void)opaque;
    emitter_emit(out, in->fields);
}

static void tick(void *opaque, int64_t time, struct emitter *out)
{
    (void)out;
    char text[32];
    int len = snprintf(text, sizeof text, "%lld", (long long)(time / TIMESTAMP_NS_PER_SECOND));
    struct value value = value_of_bytes(VALUE_STRING, text, (size_t)len);
    fail_if_on(opaque, &value);
}

const struct stage_ops fault_clock_ops = {
    .open = open_step, .close = close_step, .step = pass_on, .tick = tick};

const struct kind fault_clock_kind = {
    .name = "fault.clock",
    .summary = "fails on purpose",
    .manual = "For tests.",
    .role = KIND_STEP,
    .partition = KIND_ALONE,
    .clock_option = "field",
    .reads = "field: timestamp",
    .makes = "what it reads, unchanged",
    .options = clock_specs,
    .derive = derive_clock,
    .store_spec = store_spec,
};

static void derive_sink(struct kind_check *check)
{
    file_sink_kind.derive(check);
}

static int open_sink(const struct stage_env *env, void **ret_self, struct err *e)
{
    struct fault_stage *self = make(env);
    int rc = file_sink_ops.open(env, &self->sink, e);
    if (rc != 0) {
        close_step(self);
        return rc;
    }
    *ret_self = self;
    return 0;
}

static void close_sink(void *opaque)
{
    struct fault_stage *self = opaque;
    file_sink_ops.close(self->sink);
    close_step(self);
}

static int write_record(void *opaque, const struct record *in, struct err *e)
{
    struct fault_stage *self = opaque;
    fail_if_on(self, &in->fields[self->field]);
    return file_sink_ops.write(self->sink, in, e);
}

static seq_number position(const void *opaque)
{
    return file_sink_ops.position(((const struct fault_stage *)opaque)->sink);
}

static int commit(void *opaque, seq_number seq, struct err *e)
{
    return file_sink_ops.commit(((struct fault_stage *)opaque)->sink, seq, e);
}

const struct stage_ops fault_sink_ops = {
    .open = open_sink,
    .close = close_sink,
    .write = write_record,
    .position = position,
    .commit = commit,
};

const struct kind fault_sink_kind = {
    .name = "fault.sink",
    .summary = "fails on purpose",
    .manual = "For tests.",
    .role = KIND_SINK,
    .reads = "line: string or bytes",
    .makes = "nothing",
    .options = sink_specs,
    .derive = derive_sink,
};
