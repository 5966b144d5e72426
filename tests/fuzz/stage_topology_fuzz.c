/* SPDX-License-Identifier: MIT */
/*
 * What a stage is given of its topology, from the memory of another process. What is refused has a
 * reason; what is taken, packed again, is read again and packed to the same bytes; and neither
 * costs more memory than bounds.h lets a stage have of types, fields and peers.
 */
#include "tests/fuzz/binary.h"
#include "tests/fuzz/packed_tree.h"

#include "common/bounds.h"
#include "stages/kinds/kinds.h"
#include "topology/diagnostics.h"
#include "topology/load.h"
#include "topology/stage_topology.h"

/* Contracts of FIELDS_MAX fields: of 256 types, inputs, outputs and stages each. */
#define MEMORY_BYTES_FIXED (16u << 20)
/* An option is a node, a type may have a pattern that is made ready to match. */
#define MEMORY_BYTES_PER_BYTE 1024u

static const char topology_text[] =
    "topology: given\n"
    "version: 7\n"
    "durability: process\n"
    "types:\n"
    "  Load: { id: 'string(1..20)', customer: 'string(/^[a-z ]*$/)', amount: money(USD),\n"
    "          time: timestamp, kind: 'optional(enum(a, b))', tags: list(string),\n"
    "          more: 'map(decimal(6,2))' }\n"
    "stages:\n"
    "  in: { kind: file.source, path: in.jsonl, follow: false }\n"
    "  parse: { kind: json.decode, from: in, type: Load, workers: 3 }\n"
    "  once: { kind: dedupe, from: parse, key: [customer, id], workers: 2, by: [customer] }\n"
    "  sort: { kind: route, from: once, outputs: { big: { amount: { above: '100.00' } } },\n"
    "          otherwise: small }\n"
    "  all: { kind: merge, from: [sort.big, sort.small] }\n"
    "  some: { kind: filter, from: all, where: { customer: { matches: '^a' } } }\n"
    "  limits:\n"
    "    kind: limits\n"
    "    from: some\n"
    "    key: customer\n"
    "    amount: amount\n"
    "    at: time\n"
    "    calendar: { zone: UTC, week_starts: monday }\n"
    "    rules: { a-day: { per: day, sum: '5000.00', count: 3 } }\n"
    "    memory_max: 64MiB\n"
    "  per-hour: { kind: window.count, from: limits, key: [customer], at: time, per: hour,\n"
    "              lateness: 1m }\n"
    "  write: { kind: json.encode, from: per-hour, fields: [customer, count] }\n"
    "  out: { kind: file.sink, from: write, path: out }\n"
    "  bad: { kind: json.encode, from: parse.dead, fields: [reason, message] }\n"
    "  bad-out: { kind: stdout.sink, from: bad }\n";

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_mutate_own = tree_mutate;
    struct diagnostics d;
    diagnostics_init(&d, "t.yaml", topology_text, strlen(topology_text));
    struct topology *topology = NULL;
    ALWAYS(topology_load("t.yaml", topology_text, strlen(topology_text), bulkhead_kinds,
                         TOPOLOGY_PROCESSES, &d, &topology) == 0);
    diagnostics_done(&d);
    timeline_add(&topology->timeline, 1, digest_of("first", 5).text, 7);
    timeline_add(&topology->timeline, 41, digest_of("second", 6).text, 0);
    for (size_t i = 0; i < topology->stage_count; i++) {
        struct buf doc = {0}, seed = {0};
        struct err e;
        ALWAYS(stage_topology_pack(topology, &topology->stages[i], "t.yaml", &doc, &e) == 0);
        fuzz_add_part(&seed, NULL, 0);
        fuzz_add_part(&seed, doc.data, doc.len);
        fuzz_seed(&seed);
        buf_done(&doc);
        buf_done(&seed);
    }
    topology_free(topology);
    return 0;
}

/* A peer of a kind that this program does not have cannot be packed by it. */
static bool kinds_are_there(const struct topology *topology)
{
    for (size_t i = 0; i < topology->stage_count; i++) {
        if (topology->stages[i].workers != 0 && topology->stages[i].kind == NULL)
            return false;
    }
    return true;
}

static int read_and_pack(const uint8_t *bytes, size_t len, struct buf *ret_again)
{
    struct topology *topology = NULL;
    const struct stage *stage = NULL;
    struct err e = {0};
    fuzz_memory_begin();
    int rc = stage_topology_read(bytes, len, bulkhead_kinds, &topology, &stage, &e);
    fuzz_memory_end(MEMORY_BYTES_FIXED + MEMORY_BYTES_PER_BYTE * len);
    if (rc != 0) {
        ALWAYS_REASON(rc, &e);
        ALWAYS(rc == ERR_PROTOCOL || rc == ERR_MISMATCH);
        ALWAYS(topology == NULL && stage == NULL);
        return rc;
    }
    ALWAYS(stage >= topology->stages && stage < topology->stages + topology->stage_count);
    ALWAYS(stage->index == (size_t)(stage - topology->stages) && stage->ops != NULL &&
           stage->options != NULL && stage->worker < stage->workers);
    /* The name of the file is for messages, and is not kept. */
    bool packs = kinds_are_there(topology);
    ALWAYS(!packs || stage_topology_pack(topology, stage, "t.yaml", ret_again, &e) == 0);
    topology_free(topology);
    return packs ? 0 : ERR_NOT_FOUND;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_parts parts = fuzz_split(data, size);
    struct fuzz_part doc = fuzz_part(&parts, 1);
    uint8_t *bytes = malloc(doc.len != 0 ? doc.len : 1);
    if (doc.len != 0)
        memcpy(bytes, doc.bytes, doc.len);
    struct buf first = {0}, second = {0};
    if (read_and_pack(bytes, doc.len, &first) == 0) {
        ALWAYS(read_and_pack(first.data, first.len, &second) == 0);
        ALWAYS(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    }
    free(bytes);
    buf_done(&first);
    buf_done(&second);
    return 0;
}
