/* SPDX-License-Identifier: MIT */
/*
 * Gives json.decode lines, with types of every sort. Every line gives one record or one dead letter,
 * the same whatever came before it; and a record that is written as JSON is decoded as itself.
 */
#include "tests/fuzz/fuzz_kind.h"

static const char text[] = "topology: t\n"
                           "types:\n"
                           "  T:\n"
                           "    i: int\n"
                           "    s: string\n"
                           "    b: optional(bool)\n"
                           "    n: optional(string(1..4))\n"
                           "    p: optional(string(0..64, /^(?:[a-z]+-)*[a-z]+$/))\n"
                           "    usd: optional(money(USD))\n"
                           "    chf: optional(money(CHF))\n"
                           "    jpy: optional(money(JPY))\n"
                           "    at: optional(timestamp)\n"
                           "    day: optional(date)\n"
                           "    for: optional(duration)\n"
                           "    c: optional(decimal(10,2))\n"
                           "    wide: optional(decimal(18,18))\n"
                           "    e: optional(enum(open, closed, half-open))\n"
                           "    l: optional(list(int))\n"
                           "    m: optional(map(string))\n"
                           "    deep: optional(list(map(list(decimal(3,1)))))\n"
                           "    holes: optional(map(list(optional(enum(a, b)))))\n"
                           "stages:\n"
                           "  lines: { kind: file.source, path: x }\n"
                           "  parse: { kind: json.decode, from: lines, type: T }\n"
                           "  end: { kind: discard, from: parse }\n";

static void decode_again(struct fuzz_kind *run, struct fuzz_kind *other)
{
    const size_t head = strlen("out ");
    if (memcmp(run->seen.data, "out ", head) != 0)
        return;
    fuzz_kind_step(other, run->seen.data + head, run->seen.len - head);
    ALWAYS(fuzz_kind_is_same(run, other));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct topology *topology;
    if (topology == NULL)
        topology = fuzz_kind_load(text);
    struct fuzz_input in = {data, data + size};
    struct fuzz_kind kept;
    fuzz_kind_open(&kept, topology, "parse");
    while (fuzz_left(&in) != 0) {
        struct fuzz_kind fresh;
        fuzz_kind_open(&fresh, topology, "parse");
        size_t len = fuzz_line_len(&in);
        fuzz_kind_step(&kept, in.at, len);
        ALWAYS(kept.seen.len != 0);
        ALWAYS(memchr(kept.seen.data, '\n', kept.seen.len) == kept.seen.data + kept.seen.len - 1);
        fresh.emitter.seq = kept.emitter.seq - 1;
        fuzz_kind_step(&fresh, in.at, len);
        ALWAYS(fuzz_kind_is_same(&kept, &fresh));
        decode_again(&kept, &fresh);
        fuzz_kind_close(&fresh);
        fuzz_take_line(&in, len);
    }
    fuzz_kind_close(&kept);
    return 0;
}
