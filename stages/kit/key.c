/* SPDX-License-Identifier: MIT */
#include "stages/kit/key.h"

#include "common/bytes.h"
#include "common/check.h"
#include "common/type.h"

void key_add_fields(const struct option_value *fields, const struct record *record, struct buf *out)
{
    for (size_t i = 0; i < fields->count; i++) {
        const struct value *value = &record->fields[fields->fields[i].index];
        uint8_t fixed[8];
        switch (value->tag) {
        case VALUE_STRING:
        case VALUE_BYTES:
            /* With the length in front, ("ab", "c") and ("a", "bc") differ. */
            bytes_put_u32(fixed, value->len);
            buf_add(out, fixed, 4);
            buf_add(out, value->bytes, value->len);
            break;
        case VALUE_BOOL:
            buf_add_byte(out, value->boolean ? 1 : 0);
            break;
        case VALUE_LIST:
        case VALUE_MAP:
        case VALUE_OPTIONAL:
            UNREACHABLE(); /* the checker rejects them in `key` */
        default:
            bytes_put_u64(fixed, (uint64_t)value->integer);
            buf_add(out, fixed, 8);
        }
    }
}

void key_describe(const struct option_value *fields, const struct contract *in, struct buf *out)
{
    for (size_t i = 0; i < fields->count; i++) {
        char type[TYPE_NAME_BYTES_MAX];
        buf_add_format(out, "%s%s:%s", i != 0 ? "," : "", fields->fields[i].name,
                       type_name(in->fields[fields->fields[i].index].type, type));
    }
}
