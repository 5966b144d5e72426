/* SPDX-License-Identifier: MIT */
#include "supervisor/client/status_read.h"

#include <stdbool.h>
#include <string.h>

#include "common/json.h"
#include "common/utf8.h"

/* A member that a status must have. */
struct wanted {
    const char *key;
    uint64_t *number; /* where it goes; NULL: it is the name */
    bool found;
};

struct stage_reader {
    struct status_seen_stage stage;
    struct wanted wanted[8];
};

struct reader {
    struct status_seen seen;
    bool has_topology, has_pid, has_up, has_stages, bad;
};

static bool key_is(const struct json_span *key, const char *name)
{
    return key->len == strlen(name) && memcmp(key->start, name, key->len) == 0;
}

/* A whole number that is not negative; null is 0, nobody. */
static bool read_count(const struct json_span *value, uint64_t *ret_number)
{
    uint64_t number = 0;
    if (value->type == JSON_NULL) {
        *ret_number = 0;
        return true;
    }
    for (size_t i = 0; i < value->len; i++) {
        uint8_t c = value->start[i];
        if (c < '0' || c > '9' || number > (UINT64_MAX - (uint64_t)(c - '0')) / 10)
            return false;
        number = number * 10 + (uint64_t)(c - '0');
    }
    *ret_number = number;
    return value->type == JSON_NUMBER;
}

static bool read_name(const struct json_span *value, char *name, size_t max)
{
    if (value->type != JSON_STRING || value->escaped || value->len > max)
        return false;
    memcpy(name, value->start, value->len);
    name[value->len] = '\0';
    return true;
}

static void on_stage_member(void *context, const struct json_span *key,
                            const struct json_span *value)
{
    struct stage_reader *r = context;
    for (size_t i = 0; i < sizeof r->wanted / sizeof r->wanted[0]; i++) {
        struct wanted *w = &r->wanted[i];
        if (key_is(key, w->key))
            w->found = w->number != NULL ? read_count(value, w->number)
                                         : read_name(value, r->stage.name, STAGE_NAME_BYTES_MAX);
    }
}

static void on_stage(void *context, const struct json_span *item)
{
    struct reader *r = context;
    struct stage_reader s = {.wanted = {{.key = "stage"},
                                        {.key = "pid", .number = &s.stage.pid},
                                        {.key = "generation", .number = &s.stage.generation},
                                        {.key = "acked", .number = &s.stage.acked},
                                        {.key = "restarts", .number = &s.stage.restarts},
                                        {.key = "processed", .number = &s.stage.processed},
                                        {.key = "in", .number = &s.stage.in},
                                        {.key = "out", .number = &s.stage.out}}};
    enum json_type type;
    bool good = r->seen.stage_count < PROCESSES_MAX && item->type == JSON_OBJECT &&
                json_read(item->start, item->len, on_stage_member, &s, &type, NULL) == 0;
    for (size_t i = 0; i < sizeof s.wanted / sizeof s.wanted[0]; i++)
        good &= s.wanted[i].found;
    if (good)
        r->seen.stages[r->seen.stage_count++] = s.stage;
    r->bad |= !good;
}

static void on_member(void *context, const struct json_span *key, const struct json_span *value)
{
    struct reader *r = context;
    if (key_is(key, "pid")) {
        r->has_pid = read_count(value, &r->seen.pid);
    } else if (key_is(key, "topology")) {
        r->has_topology = read_name(value, r->seen.topology, NAME_BYTES_MAX);
    } else if (key_is(key, "up_ms")) {
        r->has_up = read_count(value, &r->seen.up_ms);
    } else if (key_is(key, "stages") && value->type == JSON_ARRAY) {
        r->has_stages = true;
        json_read_items(value, on_stage, r);
    }
}

int status_read(const uint8_t *text, size_t len, struct status_seen *ret_seen, struct err *e)
{
    struct reader r = {0};
    enum json_type type;
    size_t bad_at;
    if (!utf8_valid(text, len, &bad_at))
        return err_set(e, ERR_INVALID, "a status that is not UTF-8");
    int rc = json_read(text, len, on_member, &r, &type, e);
    if (rc != 0)
        return rc;
    if (r.bad || !r.has_topology || !r.has_pid || !r.has_up || !r.has_stages)
        return err_set(e, ERR_INVALID, "a status of an unknown form");
    *ret_seen = r.seen;
    return 0;
}
