/* SPDX-License-Identifier: MIT */
#include "ipc/status_fields.h"

#define X(type, name, kind, unit, meaning)                                                         \
    {#name, STATUS_TYPE_##type, STATUS_KIND_##kind, (unit), (meaning)},
const struct status_field status_run_fields[] = {STATUS_RUN_LIST(X){0}};
const struct status_field status_stage_fields[] = {STATUS_STAGE_LIST(X, X, X){0}};
#undef X

const char *status_type_text(enum status_type type)
{
    static const char *const texts[] = {
#define X(name, json) [STATUS_TYPE_##name] = (json),
        STATUS_TYPE_LIST(X)
#undef X
    };
    return texts[type];
}

const char *status_kind_text(enum status_kind kind)
{
    static const char *const texts[] = {
#define X(name, meaning) [STATUS_KIND_##name] = #name,
        STATUS_KIND_LIST(X)
#undef X
    };
    return texts[kind];
}

const char *status_kind_meaning(enum status_kind kind)
{
    static const char *const meanings[] = {
#define X(name, meaning) [STATUS_KIND_##name] = (meaning),
        STATUS_KIND_LIST(X)
#undef X
    };
    return meanings[kind];
}
