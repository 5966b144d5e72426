/* SPDX-License-Identifier: MIT */
#include "topology/partition.h"

#include "common/bounds.h"
#include "common/bytes.h"
#include "common/check.h"
#include "common/hash.h"

#define FNV_PRIME UINT64_C(0x100000001b3)

/* Adds the four bytes of a length. Of a short one three are 0, and each is only a factor. */
static uint64_t add_len(uint64_t hash, uint32_t len)
{
    if (len <= UINT8_MAX)
        return (hash ^ len) * (FNV_PRIME * FNV_PRIME * FNV_PRIME * FNV_PRIME);
    uint8_t number[4];
    bytes_put_u32(number, len);
    return hash_fnv1a_add(hash, number, sizeof number);
}

static uint64_t add_field(uint64_t hash, const struct value *value)
{
    uint8_t number[8];
    switch (value->tag) {
    case VALUE_STRING:
    case VALUE_BYTES:
        return hash_fnv1a_add(add_len(hash, value->len), value->bytes, value->len);
    case VALUE_BOOL:
        number[0] = value->boolean ? 1 : 0;
        return hash_fnv1a_add(hash, number, 1);
    case VALUE_INT:
    case VALUE_MONEY:
    case VALUE_TIMESTAMP:
    case VALUE_DECIMAL:
    case VALUE_DATE:
    case VALUE_DURATION:
    case VALUE_ENUM:
        bytes_put_u64(number, (uint64_t)value->integer);
        return hash_fnv1a_add(hash, number, sizeof number);
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_OPTIONAL: /* the checker refuses them in `key` and `by` */
    case VALUE_TAG_COUNT:
        break;
    }
    UNREACHABLE();
}

unsigned partition_group(const struct stage *to, const struct record *record)
{
    REQUIRE(record->kind == RECORD_DATA);
    uint64_t hash = HASH_FNV1A_START;
    for (size_t i = 0; i < to->by_count; i++)
        hash = add_field(hash, &record->fields[to->by[i]]);
    return (unsigned)(hash_mix64(hash) / (UINT64_MAX / KEY_GROUPS + 1));
}

size_t partition_worker_of_group(unsigned group, size_t workers)
{
    return group * workers / KEY_GROUPS;
}

size_t partition_worker(const struct stage *to, const struct record *record)
{
    if (to->workers == 1)
        return 0;
    if (to->by_count == 0)
        return (size_t)(record->seq / WORKER_BLOCK_SEQS % to->workers);
    return partition_worker_of_group(partition_group(to, record), to->workers);
}
