/* SPDX-License-Identifier: MIT */
/*
 * Takes any bytes for the status that a supervisor answers. What is read of it can be shown, and is
 * written as JSON that is read as the same, as far as its names can be shown as they are.
 */
#include "common/buf.h"
#include "common/text.h"
#include "common/utf8.h"
#include "supervisor/client/status_read.h"
#include "supervisor/run/status.h"
#include "tests/fuzz/fuzz.h"

static bool is_plain(const char *name)
{
    return text_not_plain(name) == NULL && strpbrk(name, "\t\"\\") == NULL;
}

/* The value of a field is asked by the macro that is called after its type. */
#define is_plain_name(name) is_plain(*(name))
#define is_plain_text(text) true
#define is_plain_flag(flag) true
#define is_plain_number(number) true
#define is_plain_pid(pid) true

static bool all_plain(const struct status_snapshot *snapshot)
{
    bool plain = true;
#define X(type, name, ...) plain = plain && is_plain_##type(&snapshot->name);
    STATUS_RUN_LIST(X)
#undef X
    for (size_t i = 0; i < snapshot->stage_count; i++) {
        const struct status_stage *stage = &snapshot->stages[i];
#define X(type, name, ...) plain = plain && is_plain_##type(&stage->name);
        STATUS_STAGE_LIST(X, X, X)
#undef X
    }
    return plain;
}

static struct status_snapshot *read_status(const uint8_t *text, size_t len)
{
    struct status_snapshot *snapshot = malloc(sizeof *snapshot);
    struct err e = {0};
    ALWAYS(snapshot != NULL);
    int rc = status_read(text, len, snapshot, &e);
    ALWAYS(rc == 0 || (rc == ERR_INVALID && e.text[0] != '\0'));
    if (rc == 0)
        return snapshot;
    free(snapshot);
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct status_snapshot *snapshot = read_status(data, size);
    if (snapshot == NULL)
        return 0;
    struct buf json = {0}, table = {0}, second = {0};
    size_t bad_at;
    status_write_text(snapshot, &table);
    ALWAYS(utf8_valid(table.data, table.len, &bad_at));
    status_write_json(snapshot, &json);
    struct status_snapshot *again = read_status(json.data, json.len);
    ALWAYS(again != NULL || !all_plain(snapshot));
    if (again != NULL) {
        status_write_json(again, &second);
        ALWAYS(json.len == second.len && memcmp(json.data, second.data, json.len) == 0);
    }
    free(again);
    free(snapshot);
    buf_done(&json);
    buf_done(&table);
    buf_done(&second);
    return 0;
}
