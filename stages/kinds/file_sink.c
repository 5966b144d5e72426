/* SPDX-License-Identifier: MIT */
/* file.sink: writes every record to a file, as a line or as a map in msgpack. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/path.h"
#include "stages/kinds/kinds.h"
#include "stages/kit/output_file.h"
#include "stages/kit/output_line.h"
#include "stages/kit/record_field.h"
#include "stages/stage.h"

struct file_sink {
    struct output_file output;
    enum record_format_number format;
    size_t field; /* the field that is written */
    enum kind_lines sure;
};

static const struct option_spec specs[] = {
    {.name = "path",
     .tag = OPTION_PATH_OUT,
     .required = true,
     .neutral = true,
     .meaning = "the file to write; a relative path starts where bulkhead is started"},
    RECORD_FIELD_OPTION,
    {0},
};

static void derive(struct kind_check *check)
{
    record_field_sink_needs(check);
}

static int preflight(const struct topology *topology, const struct stage *stage, struct err *e)
{
    const char *path = options_get(stage->options, "path")->text;
    struct stat st;
    (void)topology;
    if (stat(path, &st) == 0) {
        if (!S_ISREG(st.st_mode))
            return err_set(e, ERR_MISMATCH, "'%s' is not a regular file", path);
        if (access(path, W_OK) != 0)
            return err_set_errno(e, "cannot write to '%s'", path);
        return 0;
    }
    if (errno != ENOENT)
        return err_set_errno(e, "cannot open '%s'", path);
    char *parent = path_directory(path);
    int rc = access(parent, W_OK | X_OK) == 0
                 ? 0
                 : err_set_errno(e, "cannot create '%s' in the directory '%s'", path, parent);
    free(parent);
    return rc;
}

static int check(const struct stage_env *env, struct err *e)
{
    return output_file_check(AT_FDCWD, options_get(env->stage->options, "path")->text,
                             record_format_chosen(env->stage->options), env->stages_fd,
                             env->state_fd, e);
}

static int open_sink(const struct stage_env *env, void **ret_self, struct err *e)
{
    struct file_sink *self = memory_new(1, sizeof *self);
    self->format = record_format_chosen(env->stage->options);
    self->field = (size_t)contract_find(env->stage->in, record_format_field(self->format));
    self->sure = output_line_sure(env->topology, env->stage);
    int rc =
        output_file_open(&self->output, AT_FDCWD, options_get(env->stage->options, "path")->text,
                         self->format, env->state_fd, env->durable, env->begins_after, e);
    if (rc != 0) {
        free(self);
        return rc;
    }
    self->output.note = env->note;
    self->output.full = env->full;
    *ret_self = self;
    return 0;
}

static void close_sink(void *opaque)
{
    struct file_sink *self = opaque;
    output_file_close(&self->output);
    free(self);
}

static bool refuse(const void *opaque, const struct record *in, struct emitter *out)
{
    const struct file_sink *self = opaque;
    if (self->format == RECORDS_MSGPACK)
        return record_field_refuse_packed(in, self->field, out);
    if (output_line_is_plain(self->sure, &in->fields[self->field]))
        return false;
    bool begins = output_file_is_empty(&self->output);
    return output_line_refuse(in, self->field, begins, out);
}

static int write_record(void *opaque, const struct record *in, struct err *e)
{
    struct file_sink *self = opaque;
    struct buf *out;
    int rc = output_file_begin(&self->output, in->seq, &out, e);
    if (rc != 0)
        return rc;
    const struct value *record = &in->fields[self->field];
    buf_add(out, record->bytes, record->len);
    if (self->format == RECORDS_LINES)
        buf_add_byte(out, '\n');
    return 0;
}

static int flush(void *opaque, struct err *e)
{
    return output_file_flush(&((struct file_sink *)opaque)->output, e);
}

static bool is_unsettled(const void *opaque)
{
    return output_file_is_unsettled(&((const struct file_sink *)opaque)->output);
}

static int settle(void *opaque, struct err *e)
{
    return output_file_settle(&((struct file_sink *)opaque)->output, e);
}

static seq_number position(const void *opaque)
{
    return ((const struct file_sink *)opaque)->output.committed;
}

static int commit(void *opaque, seq_number seq, struct err *e)
{
    return output_file_commit(&((struct file_sink *)opaque)->output, seq, e);
}

const struct stage_ops file_sink_ops = {
    .preflight = preflight,
    .check = check,
    .open = open_sink,
    .close = close_sink,
    .refuse = refuse,
    .write = write_record,
    .flush = flush,
    .is_unsettled = is_unsettled,
    .settle = settle,
    .position = position,
    .commit = commit,
};

const struct kind file_sink_kind = {
    .name = "file.sink",
    .summary = "writes records to a file, each exactly once",
    .manual =
        "Writes the field 'line' of every record and a newline. With 'records: msgpack' it writes "
        "only the field 'packed', which must be a single msgpack map. A text that is not a single "
        "line, because it contains a newline, is empty or blank, or ends with a carriage return, "
        "is a dead letter; json.encode makes a single line of any text. After a kill, writing "
        "resumes after the committed records. Lines beyond that, which may have been seen, come "
        "again as the same bytes and are overwritten in place, so a program that follows the file "
        "never sees it shrink. Lines that do not come again, because the input has changed, are "
        "cut off with a warning when all input has been read, and stay until then. The file must "
        "belong to this stage. It is refused before anything starts, and left as it is, if it "
        "contains bytes but the state directory knows of none, if the 4096 bytes before the "
        "committed length have changed, if it is shorter or missing, if bytes were added to it "
        "after an orderly end, if it is a copy that continues after the committed length, if it "
        "contains the other format of records, or if another run is writing it. A file that is "
        "truncated, overwritten, appended to, moved away or replaced while it is being written "
        "stops the run, and the next run is refused until the file is put back. So do not rotate "
        "it.",
    .role = KIND_SINK,
    .reads = RECORD_FIELD_SINK_READS,
    .makes = "nothing",
    .reasons = DEAD_REASONS(OUTPUT_LINE_REASONS, RECORD_FIELD_REASONS),
    .options = specs,
    .derive = derive,
    .cursor_magic = OUTPUT_MAGIC,
};
