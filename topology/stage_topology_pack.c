/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/bounds.h"
#include "common/packed.h"
#include "common/type.h"
#include "topology/node.h"
#include "topology/stage_topology.h"

static void add_pair(struct buf *out, const char *key, const char *text)
{
    packed_add_text(out, key);
    packed_add_text(out, text);
}

static void add_number(struct buf *out, const char *key, int64_t number)
{
    packed_add_text(out, key);
    packed_add_int(out, number);
}

static void add_place(struct buf *out, struct place place)
{
    packed_add_list(out, 4);
    packed_add_int(out, place.line);
    packed_add_int(out, place.column);
    packed_add_int(out, place.width);
    packed_add_int(out, place.setting);
}

/* For each field [name, type, whether it is optional]; an optional type by the type it holds. */
static void add_contract(struct buf *out, const struct contract *contract)
{
    packed_add_list(out, contract->count);
    for (size_t i = 0; i < contract->count; i++) {
        struct type type = contract->fields[i].type;
        char name[TYPE_NAME_BYTES_MAX];
        packed_add_list(out, 3);
        packed_add_text(out, contract->fields[i].name);
        packed_add_text(out, type_name(type_held(type), name));
        packed_add_bool(out, type.tag == VALUE_OPTIONAL);
    }
}

/* As in the file: a text, a list or a map. */
static void add_node(struct buf *out, const struct node *node)
{
    if (node->nothing) {
        packed_add_nil(out);
    } else if (node->tag == NODE_SCALAR) {
        packed_add_text(out, node->text);
    } else if (node->tag == NODE_LIST) {
        packed_add_list(out, node->count);
        for (size_t i = 0; i < node->count; i++)
            add_node(out, node->items[i]);
    } else {
        packed_add_map(out, node->count);
        for (size_t i = 0; i < node->count; i++) {
            packed_add_text(out, node->pairs[i].key);
            add_node(out, node->pairs[i].value);
        }
    }
}

/* What a stage is given about itself and about each of its peers. */
#define IDENTITY_PAIRS 9u
static void add_identity(struct buf *out, const struct stage *stage)
{
    static const char *const lines[] = {
        [KIND_LINES_ANY] = "any", [KIND_LINES_READ] = "read", [KIND_LINES_MADE] = "made"};
    add_number(out, "index", (int64_t)stage->index);
    add_pair(out, "name", stage->base);
    add_number(out, "worker", (int64_t)stage->worker);
    add_number(out, "workers", (int64_t)stage->workers);
    add_pair(out, "kind", stage->kind->name);
    add_pair(out, "lines", lines[stage->lines]);
    packed_add_text(out, "reads_packed");
    packed_add_bool(out, stage->reads_packed);
    packed_add_text(out, "by");
    packed_add_list(out, stage->by_count);
    for (size_t i = 0; i < stage->by_count; i++)
        packed_add_uint(out, stage->by[i]);
    add_number(out, "clock_field", stage->clock_field);
}

static void add_inputs(struct buf *out, const struct stage *stage)
{
    packed_add_text(out, "inputs");
    packed_add_list(out, stage->input_count);
    for (size_t i = 0; i < stage->input_count; i++) {
        packed_add_list(out, 2);
        packed_add_text(out, stage->inputs[i].from);
        add_contract(out, stage->inputs[i].contract);
    }
}

static void add_outputs(struct buf *out, const struct stage *stage)
{
    packed_add_text(out, "out");
    add_contract(out, &stage->out);
    packed_add_text(out, "outputs");
    packed_add_list(out, stage->output_count);
    for (size_t i = 0; i < stage->output_count; i++) {
        packed_add_list(out, 2);
        packed_add_text(out, stage->outputs[i].name);
        add_contract(out, &stage->outputs[i].contract);
    }
}

static void add_stage(struct buf *out, const struct stage *stage)
{
    packed_add_text(out, "stage");
    packed_add_map(out, IDENTITY_PAIRS + 6);
    add_identity(out, stage);
    packed_add_text(out, "place");
    add_place(out, stage->place);
    add_number(out, "memory_bytes_max", (int64_t)stage->memory_bytes_max);
    add_inputs(out, stage);
    add_outputs(out, stage);
    packed_add_text(out, "options");
    if (stage->resolved != NULL)
        add_node(out, stage->resolved);
    else
        packed_add_nil(out);
}

static bool touches(const struct edge *edge, size_t index)
{
    return edge->from == index || edge->to == index;
}

static void add_peers(struct buf *out, const struct topology *t, const struct stage *stage)
{
    bool is_peer[PROCESSES_MAX] = {false};
    size_t count = 0;
    for (size_t i = 0; i < t->edge_count; i++) {
        const struct edge *edge = &t->edges[i];
        if (!touches(edge, stage->index))
            continue;
        size_t peer = edge->from == stage->index ? edge->to : edge->from;
        count += !is_peer[peer];
        is_peer[peer] = true;
    }
    packed_add_text(out, "peers");
    packed_add_list(out, count);
    for (size_t i = 0; i < t->stage_count; i++) {
        if (!is_peer[i])
            continue;
        packed_add_map(out, IDENTITY_PAIRS);
        add_identity(out, &t->stages[i]);
    }
}

static void add_edges(struct buf *out, const struct topology *t, const struct stage *stage)
{
    size_t count = 0;
    for (size_t i = 0; i < t->edge_count; i++)
        count += touches(&t->edges[i], stage->index);
    packed_add_text(out, "edges");
    packed_add_list(out, count);
    for (size_t i = 0; i < t->edge_count; i++) {
        const struct edge *edge = &t->edges[i];
        if (!touches(edge, stage->index))
            continue;
        packed_add_list(out, 7);
        packed_add_uint(out, edge->index);
        packed_add_uint(out, edge->from);
        packed_add_uint(out, edge->port);
        packed_add_uint(out, edge->to);
        packed_add_uint(out, edge->input);
        packed_add_bool(out, edge->ordered);
        packed_add_uint(out, edge->fingerprint);
    }
}

static void add_types(struct buf *out, const struct topology *t)
{
    packed_add_text(out, "types");
    packed_add_list(out, t->type_count);
    for (size_t i = 0; i < t->type_count; i++) {
        packed_add_list(out, 2);
        packed_add_text(out, t->types[i].name);
        add_contract(out, &t->types[i].contract);
    }
}

static void add_timeline(struct buf *out, const struct timeline *timeline)
{
    packed_add_text(out, "timeline");
    packed_add_list(out, timeline->count);
    for (size_t i = 0; i < timeline->count; i++) {
        packed_add_list(out, 3);
        packed_add_uint(out, timeline->entries[i].first);
        packed_add_text(out, timeline->entries[i].version.text);
        packed_add_uint(out, (uint64_t)timeline->entries[i].number);
    }
}

int stage_topology_pack(const struct topology *topology, const struct stage *stage,
                        const char *file, struct buf *out, struct err *e)
{
    size_t before = out->len;
    packed_add_map(out, 13);
    add_number(out, "format", STAGE_TOPOLOGY_FORMAT);
    add_pair(out, "file", file);
    add_pair(out, "topology", topology->name);
    add_number(out, "version", topology->version);
    add_pair(out, "durability", topology->durability == DURABILITY_HOST ? "host" : "process");
    packed_add_text(out, "marks_end");
    packed_add_bool(out, topology->marks_end);
    add_number(out, "stall_timeout_ms", (int64_t)topology->stall_timeout_ms);
    add_number(out, "stages", (int64_t)topology->stage_count);
    add_timeline(out, &topology->timeline);
    add_types(out, topology);
    add_stage(out, stage);
    add_peers(out, topology, stage);
    add_edges(out, topology, stage);
    if (out->len - before > STAGE_TOPOLOGY_BYTES_MAX)
        return err_set(e, ERR_RANGE,
                       "what stage '%s' needs of the topology has %zu bytes with all variables "
                       "replaced; the maximum is %u",
                       stage->name, out->len - before, STAGE_TOPOLOGY_BYTES_MAX);
    return 0;
}
