/* SPDX-License-Identifier: MIT */
#include "stages/store/store_spec.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Between the beginning of a long text and the hash of all of it. */
#define CUT "… "

void store_spec_set_schema(struct store_spec *spec, const char *text)
{
    size_t len = strlen(text);
    memset(spec->schema, 0, sizeof spec->schema);
    if (len <= STORE_SCHEMA_BYTES_MAX) {
        memcpy(spec->schema, text, len);
        return;
    }
    char tail[32];
    int tail_len = snprintf(tail, sizeof tail, CUT "%016" PRIx64, hash_fnv1a(text, len));
    size_t head_len = STORE_SCHEMA_BYTES_MAX - (size_t)tail_len;
    memcpy(spec->schema, text, head_len);
    memcpy(spec->schema + head_len, tail, (size_t)tail_len);
}

bool store_spec_is_shortened(const char *schema)
{
    return strstr(schema, CUT) != NULL;
}
