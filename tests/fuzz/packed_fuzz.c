/* SPDX-License-Identifier: MIT */
/*
 * Documents in msgpack from another process. What is refused has a place and cost no memory; what
 * is taken costs a bound for each byte, is whole (nothing less and nothing more is taken), and,
 * written again, is the same document.
 */
#include "tests/fuzz/binary.h"
#include "tests/fuzz/packed_tree.h"

#include "common/bounds.h"

/* msgpack-c has an object of 24 bytes for each value, of which a byte makes one, and chunks. */
#define MEMORY_BYTES_PER_BYTE 64u
#define MEMORY_BYTES_FIXED (64u << 10)

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_mutate_own = tree_mutate;
    struct buf doc = {0}, seed = {0};
    packed_add_map(&doc, 4);
    packed_add_text(&doc, "a");
    packed_add_int(&doc, -5);
    packed_add_text(&doc, "list");
    packed_add_list(&doc, 7);
    packed_add_nil(&doc);
    packed_add_bool(&doc, true);
    packed_add_uint(&doc, UINT64_MAX);
    packed_add_uint(&doc, 70000);
    packed_add_int(&doc, -70000);
    packed_add_list(&doc, 0);
    packed_add_text(&doc, "forty characters and some more than that");
    packed_add_text(&doc, "map");
    packed_add_map(&doc, 0);
    packed_add_text(&doc, "deep");
    for (unsigned i = 0; i < PACKED_DEPTH_MAX - 1; i++)
        packed_add_list(&doc, 1);
    packed_add_nil(&doc);
    fuzz_add_part(&seed, NULL, 0);
    fuzz_add_part(&seed, doc.data, doc.len);
    fuzz_seed(&seed);
    buf_done(&doc);
    buf_done(&seed);
    return 0;
}

/* Reads it; *ret_again is what is written of what was read. */
static int read_and_write(const uint8_t *bytes, size_t len, struct buf *ret_again)
{
    struct packed *packed = NULL;
    struct err e = {0};
    fuzz_memory_begin();
    int rc = packed_read(bytes, len, &packed, &e);
    fuzz_memory_end(rc != 0 ? 0 : MEMORY_BYTES_FIXED + MEMORY_BYTES_PER_BYTE * len);
    if (rc != 0) {
        ALWAYS_REASON(rc, &e);
        ALWAYS(rc == ERR_PROTOCOL && packed == NULL);
        return rc;
    }
    struct tree tree;
    tree_take(packed_root(packed), &tree);
    packed_free(packed);
    tree_put(&tree, ret_again);
    tree_done(&tree);
    return 0;
}

/* Looks for what is not there. */
static void look_around(const uint8_t *bytes, size_t len)
{
    struct packed *packed;
    struct err e;
    ALWAYS(packed_read(bytes, len, &packed, &e) == 0);
    struct packed_value root = packed_root(packed);
    size_t count = packed_count(root);
    struct packed_value nothing = packed_item(root, count);
    ALWAYS(packed_is_nil(nothing) && packed_is_nil(packed_pair_key(root, count)) &&
           packed_is_nil(packed_pair_value(root, count)));
    ALWAYS(packed_is_map(root) || packed_is_nil(packed_find(root, "a")));
    ALWAYS(packed_count(nothing) == 0 &&
           packed_is_nil(packed_find(packed_item(packed_find(nothing, "a"), 3), "a")));
    packed_free(packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_parts parts = fuzz_split(data, size);
    struct fuzz_part choices = fuzz_part(&parts, 0), doc = fuzz_part(&parts, 1);
    struct buf first = {0}, second = {0}, ignored = {0};
    uint8_t *bytes = malloc(doc.len + 1);
    if (doc.len != 0)
        memcpy(bytes, doc.bytes, doc.len);
    bytes[doc.len] = fuzz_u8(choices, 0);
    uint8_t *exact = malloc(doc.len != 0 ? doc.len : 1);
    memcpy(exact, bytes, doc.len);
    if (read_and_write(exact, doc.len, &first) == 0) {
        look_around(exact, doc.len);
        ALWAYS(read_and_write(first.data, first.len, &second) == 0);
        ALWAYS(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
        ALWAYS(read_and_write(bytes, fuzz_u64(choices, 1) % doc.len, &ignored) == ERR_PROTOCOL);
        ALWAYS(read_and_write(bytes, doc.len + 1, &ignored) == ERR_PROTOCOL);
    }
    free(exact);
    free(bytes);
    buf_done(&first);
    buf_done(&second);
    buf_done(&ignored);
    return 0;
}
