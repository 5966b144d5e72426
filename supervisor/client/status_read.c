/* SPDX-License-Identifier: MIT */
#include "supervisor/client/status_read.h"

#include <stdbool.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "common/utf8.h"

/* A field of a status: its member in JSON, and where its value goes. */
struct member {
    const char *key;
    bool (*read)(const struct json_span *value, void *field);
    size_t offset;
};

struct reader {
    struct status_snapshot *snapshot;
    const struct member *members; /* of the object that is being read */
    size_t member_count;
    void *into;     /* the struct that it is read into */
    uint64_t found; /* the members that were present and valid, one bit each */
    bool has_stages, bad;
};

/* The value of a field is read by the function that is named after its type. */
static bool read_name(const struct json_span *value, void *field)
{
    char *name = field;
    if (value->type != JSON_STRING || value->escaped || value->len > STATUS_NAME_BYTES_MAX)
        return false;
    memcpy(name, value->start, value->len);
    name[value->len] = '\0';
    /* Names are shown on terminals. */
    return text_not_plain(name) == NULL;
}

static bool read_text(const struct json_span *value, void *field)
{
    (void)field; /* texts are for people, and stay empty */
    return value->type == JSON_STRING;
}

static bool read_flag(const struct json_span *value, void *field)
{
    *(bool *)field = value->type == JSON_TRUE;
    return value->type == JSON_TRUE || value->type == JSON_FALSE;
}

static bool read_number(const struct json_span *value, void *field)
{
    uint64_t number = 0;
    for (size_t i = 0; i < value->len; i++) {
        uint8_t c = value->start[i];
        if (c < '0' || c > '9' || number > (UINT64_MAX - (uint64_t)(c - '0')) / 10)
            return false;
        number = number * 10 + (uint64_t)(c - '0');
    }
    *(uint64_t *)field = number;
    return value->type == JSON_NUMBER;
}

static bool read_pid(const struct json_span *value, void *field)
{
    if (value->type != JSON_NULL)
        return read_number(value, field);
    *(uint64_t *)field = 0;
    return true;
}

#define X(type, name, ...) {#name, read_##type, offsetof(struct status_snapshot, name)},
static const struct member run_members[] = {STATUS_RUN_LIST(X)};
#undef X
#define X(type, name, ...) {#name, read_##type, offsetof(struct status_stage, name)},
static const struct member stage_members[] = {STATUS_STAGE_LIST(X, X, X)};
#undef X

/* The members that a status must have. A supervisor of another version may lack the others. */
#define X(type, name, ...) RUN_##name,
enum { STATUS_RUN_LIST(X) };
#undef X
#define X(type, name, ...) STAGE_##name,
enum { STATUS_STAGE_LIST(X, X, X) };
#undef X
#define BIT(member) (UINT64_C(1) << (member))
static const uint64_t run_needed = BIT(RUN_topology) | BIT(RUN_pid) | BIT(RUN_up_ms);
static const uint64_t stage_needed = BIT(STAGE_stage) | BIT(STAGE_pid) | BIT(STAGE_generation) |
                                     BIT(STAGE_processed) | BIT(STAGE_acked) | BIT(STAGE_restarts) |
                                     BIT(STAGE_in) | BIT(STAGE_out);

static bool key_is(const struct json_span *key, const char *name)
{
    return key->len == strlen(name) && memcmp(key->start, name, key->len) == 0;
}

static void read_member(struct reader *r, const struct json_span *key,
                        const struct json_span *value)
{
    for (size_t i = 0; i < r->member_count; i++) {
        const struct member *member = &r->members[i];
        if (!key_is(key, member->key))
            continue;
        if (member->read(value, (uint8_t *)r->into + member->offset))
            r->found |= BIT(i);
        else
            r->bad = true;
    }
}

static void on_stage_member(void *context, const struct json_span *key,
                            const struct json_span *value)
{
    read_member(context, key, value);
}

static void on_stage(void *context, const struct json_span *item)
{
    struct reader *r = context;
    struct status_stage stage = {0};
    struct reader of_stage = {.members = stage_members,
                              .member_count = sizeof stage_members / sizeof stage_members[0],
                              .into = &stage};
    enum json_type type;
    bool good = r->snapshot->stage_count < PROCESSES_MAX && item->type == JSON_OBJECT &&
                json_read(item->start, item->len, on_stage_member, &of_stage, &type, NULL) == 0 &&
                !of_stage.bad && (of_stage.found & stage_needed) == stage_needed;
    if (good)
        r->snapshot->stages[r->snapshot->stage_count++] = stage;
    r->bad |= !good;
}

static void on_member(void *context, const struct json_span *key, const struct json_span *value)
{
    struct reader *r = context;
    if (key_is(key, "stages") && value->type == JSON_ARRAY) {
        r->has_stages = true;
        json_read_items(value, on_stage, r);
    } else {
        read_member(r, key, value);
    }
}

int status_read(const uint8_t *text, size_t len, struct status_snapshot *ret_snapshot,
                struct err *e)
{
    struct reader r = {.snapshot = ret_snapshot,
                       .members = run_members,
                       .member_count = sizeof run_members / sizeof run_members[0],
                       .into = ret_snapshot};
    enum json_type type;
    size_t bad_at;
    if (!utf8_valid(text, len, &bad_at))
        return err_set(e, ERR_INVALID, "the status is not UTF-8");
    memset(ret_snapshot, 0, sizeof *ret_snapshot);
    int rc = json_read(text, len, on_member, &r, &type, e);
    if (rc == 0 && (r.bad || !r.has_stages || (r.found & run_needed) != run_needed))
        rc = err_set(e, ERR_INVALID, "the status is malformed");
    return rc;
}
