/* SPDX-License-Identifier: MIT */
#include "common/contract.h"

#include <string.h>

#include "common/check.h"
#include "common/err.h"
#include "common/hash.h"
#include "common/type.h"

int contract_add(struct contract *c, const char *name, struct type type)
{
    size_t len = strlen(name);
    if (c->count == FIELDS_MAX || len > NAME_BYTES_MAX)
        return ERR_RANGE;
    if (contract_find(c, name) >= 0)
        return ERR_INVALID;
    memcpy(c->fields[c->count].name, name, len + 1);
    c->fields[c->count].type = type;
    c->count++;
    return 0;
}

void contract_add_doubtful(struct contract *c, const char *name, enum type_doubt doubt)
{
    (void)contract_add(c, name, (struct type){.tag = VALUE_STRING, .doubt = (uint8_t)doubt});
}

int contract_find(const struct contract *c, const char *name)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->fields[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

uint64_t contract_fingerprint(const struct contract *c)
{
    struct buf text = {0};
    for (size_t i = 0; i < c->count; i++) {
        char name[TYPE_NAME_BYTES_MAX];
        buf_add_format(&text, "%s:%s\n", c->fields[i].name, type_name(c->fields[i].type, name));
    }
    uint64_t fingerprint = hash_fnv1a(text.data, text.len);
    buf_done(&text);
    return fingerprint;
}

bool contract_value_fits(const struct contract *c, size_t field, const struct value *value)
{
    REQUIRE(field < c->count);
    struct type type = c->fields[field].type;
    return type.tag == value->tag ||
           (type.tag == VALUE_OPTIONAL && type_item(type).tag == value->tag);
}
