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

struct fault_stage {
    int field;
    enum fault fault;
    char *on; /* the texts, parted by commas */
    void *sink;
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
