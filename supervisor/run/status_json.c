/* SPDX-License-Identifier: MIT */
/*
 * A status as JSON: one flat object for the run and one for each stage, with the fields of
 * ipc/status_fields.h in that order.
 */
#include <inttypes.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "supervisor/run/status.h"

/* How much of a text is shown. */
#define TEXT_BYTES_MAX 1024u

/* Text may hold any bytes. A zero byte ends it. */
static void write_bytes(const void *bytes, size_t len, struct buf *out)
{
    struct buf printable = {0};
    size_t text_len = len != 0 ? strnlen(bytes, len) : 0;
    text_printable(bytes, text_len, TEXT_BYTES_MAX, &printable);
    json_write_string((const uint8_t *)buf_text(&printable), printable.len, out);
    buf_done(&printable);
}

/* The value of a field is written by the function that is named after its type. */
static void write_name(const char (*field)[STATUS_NAME_BYTES_MAX + 1], struct buf *out)
{
    write_bytes(*field, strlen(*field), out);
}

static void write_text(const struct status_text *field, struct buf *out)
{
    write_bytes(field->bytes, field->len, out);
}

static void write_flag(const bool *field, struct buf *out)
{
    buf_add_text(out, *field ? "true" : "false");
}

static void write_number(const uint64_t *field, struct buf *out)
{
    buf_add_format(out, "%" PRIu64, *field);
}

static void write_pid(const uint64_t *field, struct buf *out)
{
    if (*field != 0)
        write_number(field, out);
    else
        buf_add_text(out, "null");
}

static void write_stage(const struct status_stage *stage, struct buf *out)
{
    const char *before = "{";
#define X(type, name, ...)                                                                         \
    buf_add_format(out, "%s\"" #name "\":", before);                                               \
    write_##type(&stage->name, out);                                                               \
    before = ",";
    STATUS_STAGE_LIST(X, X, X)
#undef X
    buf_add_byte(out, '}');
}

void status_write_json(const struct status_snapshot *snapshot, struct buf *out)
{
    buf_add_byte(out, '{');
#define X(type, name, ...)                                                                         \
    buf_add_text(out, "\"" #name "\":");                                                           \
    write_##type(&snapshot->name, out);                                                            \
    buf_add_byte(out, ',');
    STATUS_RUN_LIST(X)
#undef X
    buf_add_text(out, "\"stages\":[");
    for (size_t i = 0; i < snapshot->stage_count; i++) {
        buf_add_text(out, i != 0 ? "," : "");
        write_stage(&snapshot->stages[i], out);
    }
    buf_add_text(out, "]}\n");
}
