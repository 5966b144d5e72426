/* SPDX-License-Identifier: MIT */
/* discard: a sink that drops every record, for outputs that are deliberately unused. */
#include <stdlib.h>

#include "common/bytes.h"
#include "common/memory.h"
#include "stages/kinds/kinds.h"
#include "stages/stage.h"
#include "stages/store/cursor.h"

#define CURSOR_MAGIC 0x49444842u /* "BHDI" */

struct discard {
    struct cursor cursor;
    seq_number committed;
};

static const struct option_spec specs[] = {{0}};

static void derive(struct kind_check *check)
{
    (void)check; /* it accepts any input */
}

static void close_sink(void *opaque)
{
    struct discard *self = opaque;
    cursor_close(&self->cursor);
    free(self);
}

static int open_sink(const struct stage_env *env, void **ret_self, struct err *e)
{
    struct discard *self = memory_new(1, sizeof *self);
    self->cursor.fd = -1;
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    bool found = false;
    int rc =
        cursor_open(&self->cursor, env->state_fd, CURSOR_MAGIC, env->durable, payload, &found, e);
    if (rc != 0) {
        close_sink(self);
        return rc;
    }
    if (found)
        self->committed = bytes_get_u64(payload);
    if (self->committed < env->begins_after)
        self->committed = env->begins_after;
    *ret_self = self;
    return 0;
}

static int write_record(void *opaque, const struct record *in, struct err *e)
{
    (void)opaque;
    (void)in;
    (void)e;
    return 0; /* the host counts the record */
}

static seq_number position(const void *opaque)
{
    return ((const struct discard *)opaque)->committed;
}

static int commit(void *opaque, seq_number seq, struct err *e)
{
    struct discard *self = opaque;
    uint8_t payload[CURSOR_PAYLOAD_BYTES] = {0};
    bytes_put_u64(payload, seq);
    int rc = cursor_write(&self->cursor, CURSOR_MAGIC, payload, e);
    if (rc == 0)
        self->committed = seq;
    return rc;
}

const struct stage_ops discard_ops = {
    .open = open_sink,
    .close = close_sink,
    .write = write_record,
    .position = position,
    .commit = commit,
};

const struct kind discard_kind = {
    .name = "discard",
    .summary = "drops all records, on purpose",
    .manual =
        "Use it for an output that is not needed. Every record is counted and dropped; the stage "
        "keeps only its position.",
    .role = KIND_SINK,
    .reads = "anything",
    .makes = "nothing",
    .options = specs,
    .derive = derive,
    .cursor_magic = CURSOR_MAGIC,
};
