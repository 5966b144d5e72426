/* SPDX-License-Identifier: MIT */
/*
 * The order of records of one seq. Two paths of numbers, integers and bytes, of the same forms, are
 * compared as bytes just as they are part by part; no part is the beginning of another of its form;
 * and order_compare() is an order of any bytes.
 */
#include "tests/fuzz/binary.h"

#include "ipc/order.h"

#define PATH_PARTS_MAX 6u

/* The parts of an input: the forms of a path, and two paths; these are any bytes, too. */
enum { PART_FORMS, PART_A, PART_B, PART_C };

enum form { NUMBER, INTEGER, BYTES, FORMS };

struct step {
    enum form form;
    uint64_t number;
    const uint8_t *bytes;
    size_t len;
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const uint8_t forms[] = {NUMBER, INTEGER, BYTES, NUMBER};
    static const uint8_t a[] = {247, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 128, 2, 0, 255, 3};
    static const uint8_t b[] = {248, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 127, 1, 0, 1, 255};
    (void)argc;
    (void)argv;
    struct buf seed = {0};
    fuzz_add_part(&seed, forms, sizeof forms);
    fuzz_add_part(&seed, a, sizeof a);
    fuzz_add_part(&seed, b, sizeof b);
    fuzz_add_part(&seed, a, sizeof a);
    fuzz_seed(&seed);
    buf_done(&seed);
    return 0;
}

static int sign(int number)
{
    return number < 0 ? -1 : number > 0 ? 1 : 0;
}

static void take_path(struct fuzz_part forms, struct fuzz_part part, struct step *ret_steps,
                      size_t count)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        struct step *step = &ret_steps[i];
        step->form = (enum form)(forms.bytes[i] % FORMS);
        step->number = fuzz_u64(part, at);
        /* Small ones are as many as large ones. */
        step->number >>= step->form == NUMBER ? forms.bytes[i] / FORMS % 64 : 0;
        at += 8;
        if (step->form == BYTES) {
            at -= 7;
            size_t left = at < part.len ? part.len - at : 0, len = step->number & 15;
            step->len = len < left ? len : left;
            step->bytes = step->len != 0 ? part.bytes + at : NULL;
            at += step->len;
        }
    }
}

static int compare_steps(const struct step *a, const struct step *b)
{
    int64_t x = (int64_t)a->number, y = (int64_t)b->number;
    size_t common = a->len < b->len ? a->len : b->len;
    switch (a->form) {
    case NUMBER:
        return a->number < b->number ? -1 : a->number > b->number ? 1 : 0;
    case INTEGER:
        return x < y ? -1 : x > y ? 1 : 0;
    default:
        for (size_t i = 0; i < common; i++) {
            if (a->bytes[i] != b->bytes[i])
                return a->bytes[i] < b->bytes[i] ? -1 : 1;
        }
        return a->len < b->len ? -1 : a->len > b->len ? 1 : 0;
    }
}

static void add_step(const struct step *step, struct buf *out)
{
    if (step->form == NUMBER)
        order_add_number(out, step->number);
    else if (step->form == INTEGER)
        order_add_integer(out, (int64_t)step->number);
    else
        order_add_bytes(out, step->bytes, step->len);
}

static void try_paths(struct fuzz_part forms, struct fuzz_part a, struct fuzz_part b)
{
    struct step x[PATH_PARTS_MAX] = {{0}}, y[PATH_PARTS_MAX] = {{0}};
    size_t count = forms.len < PATH_PARTS_MAX ? forms.len : PATH_PARTS_MAX;
    struct buf all_x = {0}, all_y = {0};
    int expected = 0;
    take_path(forms, a, x, count);
    take_path(forms, b, y, count);
    for (size_t i = 0; i < count; i++) {
        struct buf one_x = {0}, one_y = {0};
        int by_parts = compare_steps(&x[i], &y[i]);
        add_step(&x[i], &one_x);
        add_step(&y[i], &one_y);
        ALWAYS(sign(order_compare(one_x.data, one_x.len, one_y.data, one_y.len)) == by_parts);
        size_t shorter = one_x.len < one_y.len ? one_x.len : one_y.len;
        ALWAYS(by_parts == 0 || memcmp(one_x.data, one_y.data, shorter) != 0);
        expected = expected != 0 ? expected : by_parts;
        buf_add(&all_x, one_x.data, one_x.len);
        buf_add(&all_y, one_y.data, one_y.len);
        buf_done(&one_x);
        buf_done(&one_y);
    }
    ALWAYS(sign(order_compare(all_x.data, all_x.len, all_y.data, all_y.len)) == expected);
    buf_done(&all_x);
    buf_done(&all_y);
}

static int compare(struct fuzz_part a, struct fuzz_part b)
{
    return sign(order_compare(a.bytes, a.len, b.bytes, b.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_parts parts = fuzz_split(data, size);
    struct fuzz_part a = fuzz_part(&parts, PART_A), b = fuzz_part(&parts, PART_B),
                     c = fuzz_part(&parts, PART_C);
    ALWAYS(compare(a, b) == -compare(b, a) && compare(a, a) == 0);
    ALWAYS(compare(a, b) > 0 || compare(b, c) > 0 || compare(a, c) <= 0);
    ALWAYS((compare(a, b) == 0) ==
           (a.len == b.len && (a.len == 0 || memcmp(a.bytes, b.bytes, a.len) == 0)));
    try_paths(fuzz_part(&parts, PART_FORMS), a, b);
    return 0;
}
