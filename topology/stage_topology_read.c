/* SPDX-License-Identifier: MIT */
/*
 * After an error, reading continues with empty values, and the first error is reported at the end,
 * so that no function in between has to pass on errors. Then the kind in this program derives its
 * outputs from the options: they must be those that the supervisor derived.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "common/memory.h"
#include "common/packed.h"
#include "common/type.h"
#include "topology/kind_check.h"
#include "topology/node.h"
#include "topology/option_keys.h"
#include "topology/options_read.h"
#include "topology/stage_topology.h"

struct reader {
    const char *wrong; /* the key of the first error; NULL: no error */
    struct topology *topology;
    struct stage *stage;
    kind_registry registry;
    char *file;
};

static void note_wrong(struct reader *r, const char *what)
{
    if (r->wrong == NULL)
        r->wrong = what;
}

static int64_t read_number(struct reader *r, struct packed_value value, const char *what,
                           int64_t min, int64_t max)
{
    int64_t number = 0;
    if (!packed_get_int(value, &number) || number < min || number > max) {
        note_wrong(r, what);
        return min;
    }
    return number;
}

static int64_t find_number(struct reader *r, struct packed_value map, const char *key, int64_t min,
                           int64_t max)
{
    return read_number(r, packed_find(map, key), key, min, max);
}

static bool read_bool(struct reader *r, struct packed_value value, const char *what)
{
    bool truth = false;
    if (!packed_get_bool(value, &truth))
        note_wrong(r, what);
    return truth;
}

/* Reads a text of at most len_max bytes; the caller frees it. */
static char *read_text(struct reader *r, struct packed_value value, const char *what,
                       size_t len_max)
{
    const char *text = "";
    size_t len = 0;
    if (!packed_get_text(value, &text, &len) || len > len_max) {
        note_wrong(r, what);
        len = 0;
    }
    return memory_dup(text, len);
}

/* ret_name has room for len_max bytes and a NUL. */
static void read_name(struct reader *r, struct packed_value value, const char *what, char *ret_name,
                      size_t len_max)
{
    char *name = read_text(r, value, what, len_max);
    memcpy(ret_name, name, strlen(name) + 1);
    free(name);
}

/* The index of a text in a list of words. */
static int find_word(struct reader *r, struct packed_value map, const char *key,
                     const char *const *words, int count)
{
    char *text = read_text(r, packed_find(map, key), key, NAME_BYTES_MAX);
    int found = 0;
    while (found < count && strcmp(text, words[found]) != 0)
        found++;
    if (found == count)
        note_wrong(r, key);
    free(text);
    return found < count ? found : 0;
}

static size_t count_of(struct reader *r, struct packed_value list, const char *what, size_t max)
{
    size_t count = packed_count(list);
    if (!packed_is_list(list) || count > max) {
        note_wrong(r, what);
        return 0;
    }
    return count;
}

static struct place read_place(struct reader *r, struct packed_value list)
{
    int numbers[4];
    for (size_t i = 0; i < 4; i++)
        numbers[i] = (int)read_number(r, packed_item(list, i), "place", 0, INT32_MAX);
    return (struct place){
        .line = numbers[0], .column = numbers[1], .width = numbers[2], .setting = numbers[3]};
}

static void read_contract(struct reader *r, struct packed_value list, const char *what,
                          struct contract *ret_contract)
{
    size_t count = count_of(r, list, what, FIELDS_MAX);
    for (size_t i = 0; i < count; i++) {
        struct packed_value field = packed_item(list, i);
        char name[NAME_BYTES_MAX + 1];
        read_name(r, packed_item(field, 0), what, name, NAME_BYTES_MAX);
        char *text = read_text(r, packed_item(field, 1), what, TYPE_FORM_BYTES_MAX);
        bool optional = read_bool(r, packed_item(field, 2), what);
        struct type type;
        struct err e;
        if (type_parse_name(text, &type, &e) != 0 ||
            contract_add(ret_contract, name, optional ? type_optional(type) : type) != 0)
            note_wrong(r, what);
        free(text);
    }
}

static struct node *read_node(struct reader *r, struct packed_value value)
{
    struct node *node = memory_new(1, sizeof *node);
    *node = (struct node){.tag = NODE_SCALAR, .place = r->stage->place, .as_it_is = true};
    size_t count = packed_count(value);
    if (packed_is_list(value)) {
        node->tag = NODE_LIST;
        node->items = memory_new(count + 1, sizeof(struct node *));
        for (; node->count < count; node->count++)
            node->items[node->count] = read_node(r, packed_item(value, node->count));
    } else if (packed_is_map(value)) {
        node->tag = NODE_MAP;
        node->pairs = memory_new(count + 1, sizeof *node->pairs);
        for (size_t i = 0; i < count; i++)
            node->pairs[node->count++] = (struct node_pair){
                .key = read_text(r, packed_pair_key(value, i), "options", TOPOLOGY_BYTES_MAX),
                .key_place = r->stage->place,
                .value = read_node(r, packed_pair_value(value, i))};
    } else if (packed_is_nil(value)) {
        node->nothing = true;
        node->text = memory_dup("", 0);
    } else {
        node->text = read_text(r, value, "options", STAGE_TOPOLOGY_BYTES_MAX);
    }
    return node;
}

/* Reads what is given of the stage and of its peers alike. Returns the entry; NULL on error. */
static struct stage *read_identity(struct reader *r, struct packed_value map)
{
    static const char *const lines[] = {
        [KIND_LINES_ANY] = "any", [KIND_LINES_READ] = "read", [KIND_LINES_MADE] = "made"};
    struct topology *t = r->topology;
    int64_t index = find_number(r, map, "index", 0, (int64_t)t->stage_count - 1);
    struct stage *stage = &t->stages[index];
    if (stage->workers != 0) {
        note_wrong(r, "index");
        return NULL;
    }
    char kind[NAME_BYTES_MAX + 1];
    read_name(r, packed_find(map, "name"), "name", stage->base, NAME_BYTES_MAX);
    read_name(r, packed_find(map, "kind"), "kind", kind, NAME_BYTES_MAX);
    stage->index = (size_t)index;
    stage->workers = (size_t)find_number(r, map, "workers", 1, WORKERS_MAX);
    stage->worker = (size_t)find_number(r, map, "worker", 0, (int64_t)stage->workers - 1);
    stage->kind = kind_find(r->registry, kind);
    stage->lines = (enum kind_lines)find_word(r, map, "lines", lines, 3);
    stage->reads_packed = read_bool(r, packed_find(map, "reads_packed"), "reads_packed");
    stage->clock_field = (int)find_number(r, map, "clock_field", -1, FIELDS_MAX - 1);
    if (*stage->base != '\0')
        stage_set_name(stage);
    else
        note_wrong(r, "name");
    struct packed_value by = packed_find(map, "by");
    size_t *fields = memory_new(FIELDS_MAX, sizeof *fields);
    stage->by_count = count_of(r, by, "by", FIELDS_MAX);
    for (size_t i = 0; i < stage->by_count; i++)
        fields[i] = (size_t)read_number(r, packed_item(by, i), "by", 0, FIELDS_MAX - 1);
    stage->by = fields;
    return stage;
}

static void read_timeline(struct reader *r, struct packed_value list)
{
    struct timeline *timeline = &r->topology->timeline;
    size_t count = count_of(r, list, "timeline", MAP_ENTRIES_MAX);
    for (size_t i = 0; i < count; i++) {
        struct packed_value item = packed_item(list, i);
        char *version = read_text(r, packed_item(item, 1), "timeline", DIGEST_DIGITS);
        uint64_t first = 0;
        bool valid = packed_get_uint(packed_item(item, 0), &first) && digest_is_one(version) &&
                     (i == 0 || (timeline->count == i && first > timeline->entries[i - 1].first));
        int64_t number = read_number(r, packed_item(item, 2), "timeline", 0, INT32_MAX);
        if (valid)
            timeline_add(timeline, first, version, number);
        else
            note_wrong(r, "timeline");
        free(version);
    }
}

static void read_head(struct reader *r, struct packed_value root)
{
    static const char *const durabilities[] = {
        [DURABILITY_HOST] = "host", [DURABILITY_PROCESS] = "process"};
    struct topology *t = r->topology;
    read_name(r, packed_find(root, "topology"), "topology", t->name, NAME_BYTES_MAX);
    r->file = read_text(r, packed_find(root, "file"), "file", STAGE_TOPOLOGY_BYTES_MAX);
    t->version = find_number(r, root, "version", 0, INT64_MAX);
    t->durability = (enum durability)find_word(r, root, "durability", durabilities, 2);
    t->marks_end = read_bool(r, packed_find(root, "marks_end"), "marks_end");
    t->stall_timeout_ms = (uint64_t)find_number(r, root, "stall_timeout_ms", 0, INT64_MAX);
    t->stage_count = (size_t)find_number(r, root, "stages", 1, PROCESSES_MAX);
    t->stages = memory_new(t->stage_count + 1, sizeof *t->stages);
    read_timeline(r, packed_find(root, "timeline"));
    struct packed_value types = packed_find(root, "types");
    t->type_count = count_of(r, types, "types", MAP_ENTRIES_MAX);
    t->types = memory_new(t->type_count + 1, sizeof *t->types);
    for (size_t i = 0; i < t->type_count; i++) {
        struct packed_value type = packed_item(types, i);
        read_name(r, packed_item(type, 0), "types", t->types[i].name, NAME_BYTES_MAX);
        read_contract(r, packed_item(type, 1), "types", &t->types[i].contract);
    }
    topology_make_dead_letter(&t->dead_letter);
}

static void read_inputs(struct reader *r, struct stage *stage, struct packed_value list)
{
    size_t count = count_of(r, list, "inputs", PROCESSES_MAX);
    if (count == 0)
        return;
    struct input *inputs = memory_new(count, sizeof *inputs);
    r->topology->contracts = memory_new(count, sizeof *r->topology->contracts);
    for (size_t i = 0; i < count; i++) {
        struct packed_value input = packed_item(list, i);
        read_name(r, packed_item(input, 0), "inputs", inputs[i].from, sizeof inputs[i].from - 1);
        read_contract(r, packed_item(input, 1), "inputs", &r->topology->contracts[i]);
        inputs[i].contract = &r->topology->contracts[i];
    }
    stage->inputs = inputs;
    stage->input_count = count;
    stage->in = inputs[0].contract;
}

static void read_outputs(struct reader *r, struct stage *stage, struct packed_value map)
{
    read_contract(r, packed_find(map, "out"), "out", &stage->out);
    struct packed_value list = packed_find(map, "outputs");
    size_t count = count_of(r, list, "outputs", MAP_ENTRIES_MAX);
    struct output *outputs = memory_new(count + 1, sizeof *outputs);
    for (size_t i = 0; i < count; i++) {
        struct packed_value output = packed_item(list, i);
        read_name(r, packed_item(output, 0), "outputs", outputs[i].name, NAME_BYTES_MAX);
        read_contract(r, packed_item(output, 1), "outputs", &outputs[i].contract);
    }
    stage->outputs = outputs;
    stage->output_count = count;
}

static void read_stage(struct reader *r, struct packed_value map)
{
    struct stage *stage = r->stage = read_identity(r, map);
    if (stage == NULL)
        return;
    stage->place = read_place(r, packed_find(map, "place"));
    stage->memory_bytes_max = (uint64_t)find_number(r, map, "memory_bytes_max", 0, INT64_MAX);
    read_inputs(r, stage, packed_find(map, "inputs"));
    read_outputs(r, stage, map);
    struct packed_value options = packed_find(map, "options");
    if (packed_is_map(options))
        stage->resolved = read_node(r, options);
    else if (!packed_is_nil(options))
        note_wrong(r, "options");
}

/* The contract of an edge of the stage. */
static const struct contract *edge_contract(struct reader *r, const struct edge *edge)
{
    const struct stage *stage = r->stage;
    const struct topology *t = r->topology;
    if (edge->from != stage->index)
        return edge->input < stage->input_count ? stage->inputs[edge->input].contract : NULL;
    if (edge->port == PORT_OUT)
        return &stage->out;
    if (edge->port == PORT_DEAD)
        return &t->dead_letter;
    size_t output = edge->port - PORT_NAMED;
    return output < stage->output_count ? &stage->outputs[output].contract : NULL;
}

/* Whether the input of a stage has the fields that its `by` and its clock refer to. */
static bool fields_are_there(const struct stage *to, const struct contract *contract)
{
    size_t count = contract != NULL ? contract->count : 0;
    bool good = to->clock_field < (int)count;
    for (size_t i = 0; i < to->by_count; i++)
        good &= to->by[i] < count;
    return good;
}

static void read_edges(struct reader *r, struct packed_value list)
{
    struct topology *t = r->topology;
    size_t count = count_of(r, list, "edges", STAGE_EDGES_MAX);
    t->edges = memory_new(count + 1, sizeof *t->edges);
    for (size_t i = 0; i < count && r->stage != NULL; i++) {
        struct packed_value item = packed_item(list, i);
        int64_t numbers[5];
        static const int64_t most[] = {UINT32_MAX, PROCESSES_MAX - 1, UINT32_MAX, PROCESSES_MAX - 1,
                                       UINT32_MAX};
        for (size_t k = 0; k < 5; k++)
            numbers[k] = read_number(r, packed_item(item, k), "edges", 0, most[k]);
        struct edge *edge = &t->edges[t->edge_count++];
        *edge = (struct edge){.index = (size_t)numbers[0],
                              .from = (size_t)numbers[1],
                              .port = (port_number)numbers[2],
                              .to = (size_t)numbers[3],
                              .input = (size_t)numbers[4],
                              .ordered = read_bool(r, packed_item(item, 5), "edges")};
        edge->contract = edge_contract(r, edge);
        bool known = edge->from < t->stage_count && edge->to < t->stage_count &&
                     t->stages[edge->from].workers != 0 && t->stages[edge->to].workers != 0 &&
                     (edge->from == r->stage->index) != (edge->to == r->stage->index);
        if (!packed_get_uint(packed_item(item, 6), &edge->fingerprint) || !known ||
            edge->contract == NULL || contract_fingerprint(edge->contract) != edge->fingerprint ||
            !fields_are_there(&t->stages[edge->to], edge->contract))
            note_wrong(r, "edges");
    }
}

static void read_peers(struct reader *r, struct packed_value list)
{
    size_t count = count_of(r, list, "peers", PROCESSES_MAX);
    for (size_t i = 0; i < count; i++)
        (void)read_identity(r, packed_item(list, i));
}

/* --- what this program derives from it --- */

static bool same_outputs(const struct stage *stage, const struct kind_check *check)
{
    bool same = check->output_count == stage->output_count &&
                contract_fingerprint(check->out) == contract_fingerprint(&stage->out);
    for (size_t i = 0; same && i < stage->output_count; i++)
        same = strcmp(check->outputs[i].name, stage->outputs[i].name) == 0 &&
               contract_fingerprint(&check->outputs[i].contract) ==
                   contract_fingerprint(&stage->outputs[i].contract);
    return same;
}

static int refuse(const struct reader *r, struct diagnostics *d, struct err *e)
{
    if (d->count == 0)
        return err_set(
            e, ERR_MISMATCH,
            "kind '%s' of this program makes different fields from the same options than the "
            "supervisor does; their versions differ, install both from one version",
            r->stage->kind->name);
    return err_set(e, ERR_MISMATCH,
                   "kind '%s' of this program refuses options that the supervisor accepted; their "
                   "versions differ, install both from one version: %s:%d:%d: %s",
                   r->stage->kind->name, r->file, d->items[0].place.line, d->items[0].place.column,
                   d->items[0].message);
}

static int derive(struct reader *r, struct err *e)
{
    struct stage *stage = r->stage;
    struct diagnostics d;
    diagnostics_init(&d, r->file, "", 0);
    struct contract out = {0};
    struct kind_check check = {.diagnostics = &d,
                               .directory = "",
                               .types = r->topology->types,
                               .type_count = r->topology->type_count,
                               .stage = stage->base,
                               .place = stage->place,
                               .in = stage->in,
                               .from = stage->input_count != 0 ? stage->inputs[0].from : "",
                               .inputs = stage->inputs,
                               .input_count = stage->input_count,
                               .out = &out};
    static const char *const others[] = {"kind", "from", NULL};
    struct option_keys keys = {
        .own = stage->kind->options, .common = kind_common_options, .others = others};
    char *owner = memory_format("kind '%s'", stage->kind->name);
    check.options = stage->options =
        options_read(stage->resolved, &keys, stage->place, owner, &check);
    free(owner);
    int rc = 0;
    if (d.count == 0)
        stage->kind->derive(&check);
    stage->plan = check.plan;
    if (d.count != 0 || !same_outputs(stage, &check) || check.reads_packed != stage->reads_packed)
        rc = refuse(r, &d, e);
    free(check.outputs);
    diagnostics_done(&d);
    return rc;
}

static int finish(struct reader *r, struct err *e)
{
    struct stage *stage = r->stage;
    if (r->wrong == NULL && !fields_are_there(stage, stage->in))
        r->wrong = "by";
    if (r->wrong != NULL)
        return err_set(e, ERR_PROTOCOL, "its '%s' entry is not valid", r->wrong);
    const struct kind *kind = stage->kind;
    stage->ops = kind != NULL ? kind_ops(r->registry, kind) : NULL;
    if (stage->ops == NULL)
        return err_set(e, ERR_MISMATCH, "this program has no code for the kind of stage '%s'",
                       stage->name);
    if (stage->resolved != NULL)
        return derive(r, e);
    if (!kind->internal)
        return err_set(e, ERR_PROTOCOL, "the options of stage '%s' are missing", stage->name);
    stage->options = memory_new(1, sizeof(struct options));
    stage->in = &r->topology->dead_letter;
    return 0;
}

int stage_topology_read(const uint8_t *bytes, size_t len, kind_registry registry,
                        struct topology **ret_topology, const struct stage **ret_stage,
                        struct err *e)
{
    struct packed *packed;
    int rc = packed_read(bytes, len, &packed, e);
    if (rc != 0)
        return err_wrap(e, "the topology as given to this stage");
    struct reader r = {.registry = registry, .topology = memory_new(1, sizeof *r.topology)};
    struct packed_value root = packed_root(packed);
    int64_t format = 0;
    if (!packed_get_int(packed_find(root, "format"), &format) || format != STAGE_TOPOLOGY_FORMAT)
        rc = err_set(e, ERR_MISMATCH,
                     "the supervisor writes topologies in format %lld, but this program reads "
                     "format %d; their versions differ, install both from one version",
                     (long long)format, STAGE_TOPOLOGY_FORMAT);
    if (rc == 0) {
        read_head(&r, root);
        read_stage(&r, packed_find(root, "stage"));
        read_peers(&r, packed_find(root, "peers"));
        read_edges(&r, packed_find(root, "edges"));
        rc = finish(&r, e);
    }
    packed_free(packed);
    free(r.file);
    if (rc != 0) {
        topology_free(r.topology);
        return err_wrap(e, "the topology as given to this stage");
    }
    *ret_topology = r.topology;
    *ret_stage = r.stage;
    return 0;
}
