/* SPDX-License-Identifier: MIT */
/*
 * dead_letter.sink: writes the records that could not be processed to dead-letters.jsonl in the
 * state directory, one JSON object per line. docs/protocol.md, "Dead letters".
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/memory.h"
#include "common/utf8.h"
#include "common/value_json.h"
#include "stages/kinds/kinds.h"
#include "stages/kit/output_file.h"
#include "stages/stage.h"

/* In the state directory itself, where the user finds it, not in the directory of the stage. */
#define DEAD_LETTERS_PATH "../../" DEAD_LETTERS_FILE

struct dead_letter_sink {
    struct output_file output;
    const struct stage **packed; /* the stages whose input is packed */
    size_t packed_count;
    const struct timeline *timeline;
};

static const struct option_spec specs[] = {{0}};

static void derive(struct kind_check *check)
{
    (void)check; /* the graph sets its contract to that of dead letters; a topology never does */
}

static int check(const struct stage_env *env, struct err *e)
{
    if (env->state_fd < 0)
        return 0;
    return output_file_check(env->state_fd, DEAD_LETTERS_PATH, RECORDS_LINES, env->stages_fd,
                             env->state_fd, e);
}

static int open_sink(const struct stage_env *env, void **ret_self, struct err *e)
{
    struct dead_letter_sink *self = memory_new(1, sizeof *self);
    int rc = output_file_open(&self->output, env->state_fd, DEAD_LETTERS_PATH, RECORDS_LINES,
                              env->state_fd, env->durable, env->begins_after, e);
    if (rc != 0) {
        free(self);
        return rc;
    }
    const struct topology *t = env->topology;
    self->packed = memory_new(t->stage_count + 1, sizeof *self->packed);
    for (size_t i = 0; i < t->stage_count; i++) {
        if (t->stages[i].reads_packed)
            self->packed[self->packed_count++] = &t->stages[i];
    }
    self->timeline = &t->timeline;
    self->output.note = env->note;
    self->output.full = env->full;
    *ret_self = self;
    return 0;
}

static void close_sink(void *opaque)
{
    struct dead_letter_sink *self = opaque;
    output_file_close(&self->output);
    free(self->packed);
    free(self);
}

static void write_string_member(struct buf *out, const char *name, const struct value *value)
{
    buf_add_format(out, ",\"%s\":", name);
    json_write_string(value->bytes, value->len, out);
}

static bool reads_packed(const struct dead_letter_sink *self, const struct value *stage)
{
    for (size_t i = 0; i < self->packed_count; i++) {
        const char *name = self->packed[i]->base;
        if (strlen(name) == stage->len && memcmp(name, stage->bytes, stage->len) == 0)
            return true;
    }
    return false;
}

/*
 * Writes the content as an object, as text, or in base64 if it is not valid text. A packed record
 * is always written in base64; otherwise it would be unclear which of its bytes are the text that
 * they look like.
 */
static void write_content(struct buf *out, const struct value *content, bool is_json,
                          bool is_packed)
{
    size_t bad_at;
    if (is_json) {
        buf_add_text(out, ",\"record\":");
        buf_add(out, content->bytes, content->len);
    } else if (!is_packed && utf8_valid(content->bytes, content->len, &bad_at)) {
        write_string_member(out, "input", content);
    } else {
        buf_add_text(out, ",\"input_base64\":\"");
        value_write_base64(content->bytes, content->len, out);
        buf_add_byte(out, '"');
    }
}

static int write_record(void *opaque, const struct record *in, struct err *e)
{
    struct dead_letter_sink *self = opaque;
    struct buf *out;
    int rc = output_file_begin(&self->output, in->seq, &out, e);
    if (rc != 0)
        return rc;
    buf_add_format(out, "{\"seq\":%" PRId64 ",\"line\":%" PRId64,
                   in->fields[DEAD_LETTER_SEQ].integer, in->fields[DEAD_LETTER_LINE].integer);
    write_string_member(out, "stage", &in->fields[DEAD_LETTER_STAGE]);
    write_string_member(out, "reason", &in->fields[DEAD_LETTER_REASON]);
    write_string_member(out, "message", &in->fields[DEAD_LETTER_MESSAGE]);
    write_content(out, &in->fields[DEAD_LETTER_CONTENT],
                  in->fields[DEAD_LETTER_CONTENT_IS_JSON].boolean,
                  reads_packed(self, &in->fields[DEAD_LETTER_STAGE]));
    const char *version = timeline_at(self->timeline, in->seq);
    if (version != NULL)
        buf_add_format(out, ",\"version\":\"%.*s\"", (int)DIGEST_DIGITS_SHOWN, version);
    buf_add_text(out, "}\n");
    return 0;
}

static int flush(void *opaque, struct err *e)
{
    return output_file_flush(&((struct dead_letter_sink *)opaque)->output, e);
}

static bool is_unsettled(const void *opaque)
{
    return output_file_is_unsettled(&((const struct dead_letter_sink *)opaque)->output);
}

static int settle(void *opaque, struct err *e)
{
    return output_file_settle(&((struct dead_letter_sink *)opaque)->output, e);
}

static seq_number position(const void *opaque)
{
    return ((const struct dead_letter_sink *)opaque)->output.committed;
}

static int commit(void *opaque, seq_number seq, struct err *e)
{
    return output_file_commit(&((struct dead_letter_sink *)opaque)->output, seq, e);
}

const struct stage_ops dead_letter_sink_ops = {
    .check = check,
    .open = open_sink,
    .close = close_sink,
    .write = write_record,
    .flush = flush,
    .is_unsettled = is_unsettled,
    .settle = settle,
    .position = position,
    .commit = commit,
};

const struct kind dead_letter_sink_kind = {
    .name = DEAD_LETTERS_KIND,
    .summary = "keeps the records that other stages refused",
    .manual = "Every topology has one; it cannot be declared.",
    .role = KIND_SINK,
    .internal = true,
    .reads = "dead letters of all stages",
    .makes = "nothing",
    .options = specs,
    .derive = derive,
    .cursor_magic = OUTPUT_MAGIC,
};
