/* SPDX-License-Identifier: MIT */
/*
 * From drafts without errors to the graph. The workers of a stage are next to each other and share
 * its data, as do the edges that lead to them. The first worker owns it.
 */
#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "common/memory.h"
#include "topology/check_p.h"
#include "topology/expand.h"

/* What is being built, and the index of the first worker of each draft in it. */
struct build {
    struct checker *checker;
    struct topology *topology;
    size_t place_of[STAGES_MAX];
    size_t dead_letters; /* the index of the stage that gets them */
    size_t edge_capacity;
    struct input *dead_inputs;
    size_t dead_input_count;
};

static uint64_t memory_max_of(const struct options *options)
{
    const struct option_value *limit = options_get(options, "memory_max");
    return limit->present ? (uint64_t)limit->number : 0;
}

static int clock_field_of(const struct kind *kind, const struct options *options)
{
    if (kind->clock_option == NULL)
        return -1;
    const struct option_value *at = options_get(options, kind->clock_option);
    return at->present ? (int)at->number : -1;
}

/* The fields that divide records among workers: `by`, or else the key of a keyed stage. */
static void set_by(struct stage *stage)
{
    const struct option_value *by = options_get(stage->options, "by");
    if (!by->present && stage->kind->partition == KIND_BY_KEY)
        by = options_get(stage->options, "key");
    if (by->count == 0)
        return;
    size_t *fields = memory_new(by->count, sizeof *fields);
    for (size_t i = 0; i < by->count; i++)
        fields[i] = (size_t)by->fields[i].index;
    stage->by = fields;
    stage->by_count = by->count;
}

static const char *renamed_from_of(const struct options *options)
{
    const struct option_value *former = options_get(options, "renamed_from");
    return former->present ? former->text : NULL;
}

static void add_stage(struct build *b, struct draft_stage *draft, size_t draft_index)
{
    struct topology *t = b->topology;
    struct stage stage = {.kind = draft->kind,
                          .ops = kind_ops(b->checker->registry, draft->kind),
                          .options = draft->options,
                          .resolved = expand_node(draft->map, b->checker->directory),
                          .lines = draft->kind->lines,
                          .reads_packed = draft->reads_packed,
                          .plan = draft->plan,
                          .out = draft->out,
                          .outputs = draft->outputs,
                          .output_count = draft->output_count,
                          .input_count = draft->input_count,
                          .clock_field = clock_field_of(draft->kind, draft->options),
                          .workers = check_workers(b->checker, draft),
                          .memory_bytes_max = memory_max_of(draft->options),
                          .renamed_from = renamed_from_of(draft->options),
                          .place = draft->place};
    memcpy(stage.base, draft->name, strlen(draft->name) + 1);
    set_by(&stage);
    t->marks_end |= draft->kind->at_end;
    draft->options = NULL; /* the graph owns them now */
    draft->outputs = NULL;
    draft->plan = NULL;
    b->place_of[draft_index] = t->stage_count;
    for (; stage.worker < stage.workers; stage.worker++) {
        stage.index = t->stage_count;
        stage_set_name(&stage);
        stage.shares = stage.worker != 0;
        t->stages[t->stage_count++] = stage;
    }
}

static void add_dead_letters(struct build *b)
{
    struct topology *t = b->topology;
    b->dead_letters = t->stage_count;
    struct stage *dead = &t->stages[b->dead_letters];
    b->dead_inputs = memory_new(b->checker->order_count, sizeof *b->dead_inputs);
    *dead = (struct stage){.name = DEAD_LETTERS_STAGE,
                           .base = DEAD_LETTERS_STAGE,
                           .index = t->stage_count,
                           .workers = 1,
                           .clock_field = -1,
                           .kind = kind_find(b->checker->registry, DEAD_LETTERS_KIND),
                           .options = memory_new(1, sizeof(struct options)),
                           .inputs = b->dead_inputs,
                           .in = &t->dead_letter};
    INVARIANT(dead->kind != NULL);
    dead->ops = kind_ops(b->checker->registry, dead->kind);
    t->stage_count++;
}

/* The contract of an output in the graph. */
static const struct contract *graph_contract(const struct topology *t, const struct stage *from,
                                             port_number port)
{
    if (port == PORT_DEAD)
        return &t->dead_letter;
    return port == PORT_OUT ? &from->out : &from->outputs[port - PORT_NAMED].contract;
}

static void add_edge(struct build *b, const struct stage *from, port_number port,
                     const struct stage *to, size_t input, const struct contract *contract)
{
    struct topology *t = b->topology;
    if (t->edge_count == b->edge_capacity) {
        b->edge_capacity = b->edge_capacity != 0 ? 2 * b->edge_capacity : 64;
        t->edges = memory_resize(t->edges, b->edge_capacity, sizeof *t->edges);
    }
    t->edges[t->edge_count] = (struct edge){.index = t->edge_count,
                                            .from = from->index,
                                            .port = port,
                                            .to = to->index,
                                            .input = input,
                                            .ordered = from->workers > 1 || to->workers > 1,
                                            .contract = contract,
                                            .fingerprint = contract_fingerprint(contract)};
    t->edge_count++;
}

static void set_inputs(struct build *b, const struct draft_stage *draft, struct stage *first)
{
    struct topology *t = b->topology;
    if (draft->input_count == 0)
        return;
    struct input *inputs = memory_new(draft->input_count, sizeof *inputs);
    for (size_t i = 0; i < draft->input_count; i++) {
        const struct draft_input *input = &draft->inputs[i];
        const struct stage *from = &t->stages[b->place_of[input->from]];
        (void)snprintf(inputs[i].from, sizeof inputs[i].from, "%s", input->node->text);
        inputs[i].contract = graph_contract(t, from, (port_number)input->port);
    }
    for (size_t i = 0; i < first->workers; i++) {
        first[i].inputs = inputs;
        first[i].in = inputs[0].contract;
    }
}

/*
 * Adds all edges to a worker, in the order of its inputs, then its edge to the dead letters.
 * Returns whether it has that one.
 */
static bool connect_worker(struct build *b, const struct draft_stage *draft,
                           const struct stage *worker)
{
    struct topology *t = b->topology;
    for (size_t i = 0; i < draft->input_count; i++) {
        const struct draft_input *input = &draft->inputs[i];
        const struct stage *from = &t->stages[b->place_of[input->from]];
        for (size_t k = 0; k < from->workers; k++)
            add_edge(b, &from[k], (port_number)input->port, worker, i, worker->inputs[i].contract);
    }
    bool may_refuse = worker->kind->reasons != NULL || topology_may_quarantine(t, worker->index);
    if (draft->dead_read || !may_refuse)
        return false;
    add_edge(b, worker, PORT_DEAD, &t->stages[b->dead_letters], b->dead_input_count,
             &t->dead_letter);
    return true;
}

static void connect_stage(struct build *b, size_t draft_index)
{
    struct topology *t = b->topology;
    const struct draft_stage *draft = &b->checker->drafts[draft_index];
    struct stage *first = &t->stages[b->place_of[draft_index]];
    set_inputs(b, draft, first);
    bool has_dead_letters = false;
    for (size_t i = 0; i < first->workers; i++)
        has_dead_letters |= connect_worker(b, draft, &first[i]);
    if (!has_dead_letters)
        return;
    struct input *input = &b->dead_inputs[b->dead_input_count++];
    (void)snprintf(input->from, sizeof input->from, "%s", first->base);
    input->contract = &t->dead_letter;
}

void check_build_graph(struct checker *c)
{
    struct build b = {.checker = c, .topology = c->topology};
    size_t processes = 1;
    for (size_t i = 0; i < c->order_count; i++)
        processes += check_workers(c, &c->drafts[c->order[i]]);
    b.topology->stages = memory_new(processes, sizeof *b.topology->stages);
    for (size_t i = 0; i < c->order_count; i++)
        add_stage(&b, &c->drafts[c->order[i]], c->order[i]);
    add_dead_letters(&b);
    INVARIANT(b.topology->stage_count == processes);
    for (size_t i = 0; i < c->order_count; i++)
        connect_stage(&b, c->order[i]);
    b.topology->stages[b.dead_letters].input_count = b.dead_input_count;
}
