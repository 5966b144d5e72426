/* SPDX-License-Identifier: MIT */
/*
 * Gives msgpack.decode a record, with types of every sort. It gives one record or one dead letter,
 * the same whatever came before it. A record that msgpack.encode writes is decoded as itself, and
 * what it writes of that is the same bytes.
 */
#include "tests/fuzz/fuzz_kind.h"

static const char text[] = "topology: t\n"
                           "types:\n"
                           "  T:\n"
                           "    i: optional(int)\n"
                           "    s: optional(string)\n"
                           "    r: optional(bytes)\n"
                           "    b: optional(bool)\n"
                           "    n: optional(string(1..4))\n"
                           "    p: optional(string(0..64, /^(?:[a-z]+-)*[a-z]+$/))\n"
                           "    usd: optional(money(USD))\n"
                           "    jpy: optional(money(JPY))\n"
                           "    at: optional(timestamp)\n"
                           "    day: optional(date)\n"
                           "    for: optional(duration)\n"
                           "    c: optional(decimal(10,2))\n"
                           "    wide: optional(decimal(18,18))\n"
                           "    e: optional(enum(open, closed, half-open))\n"
                           "    l: optional(list(int))\n"
                           "    m: optional(map(bytes))\n"
                           "    deep: optional(list(map(list(decimal(3,1)))))\n"
                           "    holes: optional(map(list(optional(timestamp))))\n"
                           "stages:\n"
                           "  packed: { kind: file.source, path: x, records: msgpack }\n"
                           "  parse: { kind: msgpack.decode, from: packed, type: T }\n"
                           "  pack: { kind: msgpack.encode, from: parse }\n"
                           "  end: { kind: file.sink, from: pack, path: y, records: msgpack }\n";

/* msgpack.decode, and behind it msgpack.encode. */
struct pair {
    struct fuzz_kind decode, encode;
    struct buf written; /* what was encoded last */
};

static void on_written(void *host, port_number port, const struct record *record)
{
    struct pair *pair = host;
    ALWAYS(port == PORT_OUT && record->count == 1);
    buf_reset(&pair->written);
    buf_add(&pair->written, record->fields[0].bytes, record->fields[0].len);
}

static void on_decoded(void *host, port_number port, const struct record *record)
{
    struct pair *pair = host;
    fuzz_kind_on_emit(&pair->decode, port, record);
    if (port != PORT_OUT)
        return;
    emitter_begin(&pair->encode.emitter, record);
    pair->encode.stage->ops->step(pair->encode.self, record, &pair->encode.emitter);
}

static void open_pair(struct pair *pair, const struct topology *topology)
{
    *pair = (struct pair){.written = {0}};
    fuzz_kind_open(&pair->decode, topology, "parse");
    fuzz_kind_open(&pair->encode, topology, "pack");
    pair->decode.emitter.emit = on_decoded;
    pair->encode.emitter.emit = on_written;
    pair->decode.emitter.host = pair->encode.emitter.host = pair;
}

static void close_pair(struct pair *pair)
{
    fuzz_kind_close(&pair->decode);
    fuzz_kind_close(&pair->encode);
    buf_done(&pair->written);
}

/* Gives bytes in memory of just their size. */
static void give(struct pair *pair, const uint8_t *bytes, size_t len)
{
    uint8_t *exact = malloc(len != 0 ? len : 1);
    ALWAYS(exact != NULL);
    if (len != 0)
        memcpy(exact, bytes, len);
    buf_reset(&pair->written);
    fuzz_kind_step(&pair->decode, exact, len);
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct topology *topology;
    if (topology == NULL)
        topology = fuzz_kind_load(text);
    struct pair first, again;
    struct buf kept = {0};
    open_pair(&first, topology);
    open_pair(&again, topology);
    give(&again, data, size);
    again.decode.emitter.seq = 0;
    give(&again, data, size / 2); /* nothing of it is in what comes next */
    again.decode.emitter.seq = 0;
    give(&first, data, size);
    give(&again, data, size);
    ALWAYS(fuzz_kind_is_same(&first.decode, &again.decode));
    ALWAYS(memchr(first.decode.seen.data, '\n', first.decode.seen.len) ==
           first.decode.seen.data + first.decode.seen.len - 1);
    if (first.written.len != 0) {
        buf_add(&kept, first.written.data, first.written.len);
        again.decode.emitter.seq = 0;
        give(&again, kept.data, kept.len);
        ALWAYS(fuzz_kind_is_same(&first.decode, &again.decode));
        ALWAYS(again.written.len == kept.len &&
               memcmp(again.written.data, kept.data, kept.len) == 0);
    }
    close_pair(&first);
    close_pair(&again);
    buf_done(&kept);
    return 0;
}
