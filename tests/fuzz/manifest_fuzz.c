/* SPDX-License-Identifier: MIT */
/*
 * Takes any bytes for a manifest: as they are, and as one that verifies. What is read of it is what is
 * written of that and read again.
 */
#include <inttypes.h>

#include "common/bounds.h"
#include "common/buf.h"
#include "common/hash.h"
#include "common/text.h"
#include "supervisor/run/manifest.h"
#include "tests/fuzz/fuzz.h"

static void check_content(const struct manifest *m)
{
    ALWAYS(text_is_name(m->topology));
    for (size_t i = 0; i < m->stage_count; i++) {
        const struct manifest_stage *stage = &m->stages[i];
        ALWAYS(text_is_name(stage->name) && manifest_find(m, stage->name) == stage);
        ALWAYS(stage->begins_after <= SEQ_MAX && stage->kind[0] != '\0');
        for (size_t k = 0; k < stage->gap_count; k++)
            ALWAYS(stage->gaps[k].first > 0 && stage->gaps[k].first <= stage->gaps[k].last &&
                   stage->gaps[k].last <= SEQ_MAX);
    }
    for (size_t i = 0; i < m->version_count; i++) {
        const struct manifest_version *version = &m->versions[i];
        ALWAYS(digest_is_one(version->id.text) && digest_is_one(version->written.text));
        ALWAYS(version->first > (i != 0 ? m->versions[i - 1].first : 0));
        ALWAYS(version->first <= SEQ_MAX && version->number >= 0);
    }
    for (size_t i = 0; i < m->rename_count; i++)
        ALWAYS(text_is_name(m->renames[i].from) && text_is_name(m->renames[i].to));
    for (size_t i = 0; i < m->remove_count; i++)
        ALWAYS(text_is_name(m->removes[i]));
    for (size_t i = 0; i < m->empty_count; i++)
        ALWAYS(m->empties[i].path[0] == '/' && m->empties[i].length <= INT64_MAX);
    ALWAYS(!m->claims || m->state != 0);
}

/* Returns whether it is one; then *ret_written is what is written of it. */
static bool read_and_write(const uint8_t *bytes, size_t len, struct buf *ret_written)
{
    struct manifest m = {0};
    struct err e = {0};
    int rc = manifest_read(bytes, len, &m, &e);
    ALWAYS(rc == 0 || ((rc == ERR_CORRUPT || rc == ERR_MISMATCH) && e.text[0] != '\0'));
    if (rc != 0)
        return false;
    check_content(&m);
    manifest_write(&m, ret_written);
    manifest_done(&m);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf text = {0}, first = {0}, second = {0};
    /* The checksum of the bytes is all but certainly none. */
    if (read_and_write(data, size, &first))
        ALWAYS(first.len != 0);
    buf_reset(&first);
    buf_add(&text, data, size);
    buf_add_format(&text, "crc32c %08" PRIx32 "\n", hash_crc32c(0, data, size));
    if (read_and_write(text.data, text.len, &first)) {
        ALWAYS(read_and_write(first.data, first.len, &second));
        ALWAYS(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    }
    buf_done(&text);
    buf_done(&first);
    buf_done(&second);
    return 0;
}
