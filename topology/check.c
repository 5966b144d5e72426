/* SPDX-License-Identifier: MIT */
/*
 * From a tree of YAML to a proved graph, in this order: the head, the types, each stage's name,
 * kind and `from`, the order of the flow, then stage by stage along the flow its options and what
 * it makes of its input. A stage whose input could not be found out is checked as far as it goes
 * without adding errors that only follow from the first one.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/err.h"
#include "common/memory.h"
#include "common/text.h"
#include "topology/graph.h"

#define NS_PER_MS 1000000ll

struct draft_stage {
    const char *name;
    struct place place;
    const struct node *map;  /* NULL if what stands there is no map */
    const struct kind *kind; /* NULL if there is no such kind */
    int from;                /* index of a draft, -1 if none or unknown */
    struct place from_place;
    int reader;  /* index of the draft that reads this one, -1 if none */
    bool placed; /* is in the order already */
    struct options *options;
    struct contract out;
};

struct checker {
    struct diagnostics *diagnostics;
    kind_registry registry;
    char *directory;
    struct topology *topology;
    bool types_failed; /* what stands under types: could not all be read */
    bool connected;    /* every from: is there and good */
    struct draft_stage *drafts;
    size_t draft_count;
    size_t order[STAGES_MAX];
    size_t order_count;
};

static const char *const durability_choices[] = {"host", "process", NULL};

static const struct option_spec head_specs[] = {
    {.name = "topology", .tag = OPTION_TEXT, .required = true, .meaning = "its name"},
    {.name = "version",
     .tag = OPTION_INT,
     .fallback = "1",
     .min = 1,
     .max = INT32_MAX,
     .meaning = "number of this revision"},
    {.name = "description", .tag = OPTION_TEXT, .meaning = "what it is for"},
    {.name = "durability",
     .tag = OPTION_CHOICE,
     .fallback = "host",
     .choices = durability_choices,
     .meaning = "what acked records survive"},
    {.name = "stall_timeout",
     .tag = OPTION_DURATION,
     .fallback = "30s",
     .min = STALL_TIMEOUT_MS_MIN * NS_PER_MS,
     .max = STALL_TIMEOUT_MS_MAX * NS_PER_MS,
     .meaning = "a stage that is busy with one record for so long is hung, and restarted"},
    {0},
};
static const char *const head_skip[] = {"types", "stages", NULL};
static const char *const stage_skip[] = {"kind", "from", NULL};

static void check_head(struct checker *c, const struct node *root)
{
    struct options_context context = {.diagnostics = c->diagnostics,
                                      .owner = "a topology",
                                      .directory = c->directory,
                                      .skip = head_skip};
    struct options *head = options_read(root, head_specs, root->place, &context);
    const struct option_value *name = options_get(head, "topology");
    if (name->text != NULL && !text_is_name(name->text))
        diagnostics_add(c->diagnostics, name->place,
                        "'%s' is no name; use a letter, then letters, digits, '-' and '_', %u "
                        "characters at most",
                        name->text, NAME_BYTES_MAX);
    else if (name->text != NULL)
        memcpy(c->topology->name, name->text, strlen(name->text) + 1);
    c->topology->version = options_get(head, "version")->number;
    c->topology->durability =
        options_get(head, "durability")->number == 1 ? DURABILITY_PROCESS : DURABILITY_HOST;
    c->topology->stall_timeout_ms =
        (uint64_t)(options_get(head, "stall_timeout")->number / NS_PER_MS);
    options_free(head);
}

static const char *nearest_type(const char *text)
{
    static const char *const names[] = {
#define X(tag, name, meaning) tag == VALUE_MONEY ? "money(USD)" : name,
        VALUE_TAG_LIST(X)
#undef X
    };
    return text_nearest(text, names, VALUE_TAG_COUNT);
}

/* money(ABC) with a code that is well-formed, but not in the table. */
static bool is_unknown_currency(const char *text)
{
    return strlen(text) == 10 && strncmp(text, "money(", 6) == 0 && text[9] == ')' &&
           strspn(text + 6, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
}

static void add_unknown_type(struct checker *c, const struct node *node)
{
    const char *nearest = nearest_type(node->text);
    if (is_unknown_currency(node->text))
        diagnostics_add(c->diagnostics, node->place,
                        "'%s' is no type; '%.3s' is no ISO 4217 code that bulkhead knows",
                        node->text, node->text + 6);
    else
        diagnostics_add(c->diagnostics, node->place, "'%s' is no type; %s%s%s", node->text,
                        nearest != NULL ? "did you mean '" : "",
                        nearest != NULL ? nearest
                                        : "it can be string, bytes, int, bool, timestamp, or "
                                          "money(CODE) with an ISO 4217 code",
                        nearest != NULL ? "'?" : "");
}

static void check_type_field(struct checker *c, struct contract *contract,
                             const struct node_pair *pair)
{
    struct type type;
    if (pair->value->tag != NODE_SCALAR) {
        diagnostics_add(c->diagnostics, pair->value->place, "the field '%s' should have a type",
                        pair->key);
        return;
    }
    if (type_parse(pair->value->text, &type) != 0) {
        add_unknown_type(c, pair->value);
        type = (struct type){.tag = VALUE_STRING}; /* the field is there, whatever its type */
    }
    if (!text_is_name(pair->key) || contract_add(contract, pair->key, type) != 0)
        diagnostics_add(c->diagnostics, pair->key_place,
                        "'%s' cannot be a field: names are a letter, then letters, digits, '-' "
                        "and '_', and a type has %u fields at most",
                        pair->key, FIELDS_MAX);
}

static void check_types(struct checker *c, const struct node *root)
{
    const struct node_pair *types = node_find(root, "types");
    if (types == NULL) {
        c->types_failed = options_misspelt(root, head_specs, NULL, head_skip, "types");
        return;
    }
    if (types->value->tag != NODE_MAP) {
        c->types_failed = true;
        diagnostics_add(c->diagnostics, types->value->place,
                        "'types:' should be a map of names, each with a map of fields");
        return;
    }
    c->topology->types = memory_new(types->value->count, sizeof *c->topology->types);
    for (size_t i = 0; i < types->value->count; i++) {
        const struct node_pair *pair = &types->value->pairs[i];
        if (!text_is_name(pair->key)) {
            diagnostics_add(c->diagnostics, pair->key_place,
                            "'%s' is no name for a type; use a letter, then letters, digits, '-' "
                            "and '_', %u characters at most",
                            pair->key, NAME_BYTES_MAX);
            c->types_failed = true;
            continue;
        }
        struct named_type *type = &c->topology->types[c->topology->type_count++];
        memcpy(type->name, pair->key, strlen(pair->key) + 1);
        if (pair->value->tag != NODE_MAP || pair->value->count == 0)
            diagnostics_add(c->diagnostics, pair->value->place,
                            "the type '%s' should be a map of fields: { id: string }", pair->key);
        for (size_t k = 0; pair->value->tag == NODE_MAP && k < pair->value->count; k++)
            check_type_field(c, &type->contract, &pair->value->pairs[k]);
    }
}

static void find_kind(struct checker *c, struct draft_stage *draft)
{
    const struct node_pair *pair = node_find(draft->map, "kind");
    if (pair == NULL || pair->value->tag != NODE_SCALAR || *pair->value->text == '\0') {
        diagnostics_add(c->diagnostics, pair != NULL ? pair->value->place : draft->place,
                        "stage '%s' needs 'kind:'; `bulkhead kinds` lists them", draft->name);
        return;
    }
    const struct kind *kind = kind_find(c->registry, pair->value->text);
    if (kind != NULL && !kind->internal) {
        draft->kind = kind;
        return;
    }
    const char *names[STAGES_MAX];
    size_t count = 0;
    for (kind_registry k = c->registry; *k != NULL && count < STAGES_MAX; k++)
        names[count++] = (*k)->internal ? NULL : (*k)->name;
    const char *nearest = text_nearest(pair->value->text, names, count);
    diagnostics_add(c->diagnostics, pair->value->place, "there is no kind '%s'%s%s%s",
                    pair->value->text,
                    nearest != NULL ? "; did you mean '" : "; `bulkhead kinds` lists them",
                    nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

static void read_drafts(struct checker *c, const struct node *stages)
{
    c->drafts = memory_new(stages->count, sizeof *c->drafts);
    for (size_t i = 0; i < stages->count; i++) {
        const struct node_pair *pair = &stages->pairs[i];
        struct draft_stage *draft = &c->drafts[c->draft_count++];
        *draft = (struct draft_stage){
            .name = pair->key, .place = pair->key_place, .from = -1, .reader = -1};
        if (!text_is_name(pair->key) || strcmp(pair->key, DEAD_LETTERS_STAGE) == 0)
            diagnostics_add(c->diagnostics, pair->key_place,
                            strcmp(pair->key, DEAD_LETTERS_STAGE) == 0
                                ? "'%s' is the name of the stage that every topology has"
                                : "'%s' is no name; use a letter, then letters, digits, '-' "
                                  "and '_', 63 characters at most",
                            pair->key);
        if (pair->value->tag != NODE_MAP) {
            diagnostics_add(c->diagnostics, pair->value->place,
                            "stage '%s' should be a map: { kind: …, from: … }", pair->key);
            continue;
        }
        draft->map = pair->value;
        find_kind(c, draft);
    }
}

static int find_draft(const struct checker *c, const char *name)
{
    for (size_t i = 0; i < c->draft_count; i++) {
        if (strcmp(c->drafts[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

static void add_unknown_stage(struct checker *c, const struct node *node)
{
    const char *names[STAGES_MAX];
    size_t count = c->draft_count < STAGES_MAX ? c->draft_count : STAGES_MAX;
    for (size_t i = 0; i < count; i++)
        names[i] = c->drafts[i].name;
    const char *nearest = text_nearest(node->text, names, count);
    diagnostics_add(c->diagnostics, node->place, "there is no stage '%s'%s%s%s", node->text,
                    nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
                    nearest != NULL ? "'?" : "");
}

/* Finds what feeds a stage, and notes with that one who reads it. */
static void connect_draft(struct checker *c, size_t index)
{
    struct draft_stage *draft = &c->drafts[index];
    if (draft->map == NULL)
        return;
    const struct node_pair *pair = node_find(draft->map, "from");
    bool is_source = draft->kind != NULL && draft->kind->role == KIND_SOURCE;
    if (pair == NULL) {
        c->connected &= is_source;
        if (draft->kind != NULL && !is_source &&
            !options_misspelt(draft->map, draft->kind->options, kind_common_options, stage_skip,
                              "from"))
            diagnostics_add(c->diagnostics, draft->place,
                            "stage '%s' needs 'from:', the stage that feeds it", draft->name);
        return;
    }
    if (is_source) {
        diagnostics_add(c->diagnostics, pair->key_place, "'%s' is a source; nothing feeds it",
                        draft->name);
        return;
    }
    if (pair->value->tag != NODE_SCALAR || *pair->value->text == '\0') {
        diagnostics_add(c->diagnostics, pair->value->place, "'from:' names one stage");
        return;
    }
    draft->from_place = pair->value->place;
    int from = find_draft(c, pair->value->text);
    if (from < 0) {
        add_unknown_stage(c, pair->value);
        return;
    }
    struct draft_stage *feeder = &c->drafts[from];
    if (feeder->kind != NULL && feeder->kind->role == KIND_SINK)
        diagnostics_add(c->diagnostics, pair->value->place, "'%s' is a sink; it has no output",
                        feeder->name);
    else if (feeder->reader >= 0)
        diagnostics_add(c->diagnostics, pair->value->place,
                        "'%s' feeds '%s' already; one output has one reader", feeder->name,
                        c->drafts[feeder->reader].name);
    else
        feeder->reader = (int)index;
    draft->from = from;
}

/* Whether the stage lies on a circle and is the first one of it in the file. */
static bool begins_circle(const struct checker *c, size_t index)
{
    size_t at = index;
    for (size_t step = 0; step < c->draft_count; step++) {
        at = (size_t)c->drafts[at].from;
        if (at <= index)
            return at == index;
    }
    return false; /* it lies behind one */
}

/* Puts the drafts in the order of the flow; what is left over lies on a circle or behind one. */
static void order_drafts(struct checker *c)
{
    bool moved = true;
    while (moved) {
        moved = false;
        for (size_t i = 0; i < c->draft_count; i++) {
            struct draft_stage *draft = &c->drafts[i];
            if (draft->placed || (draft->from >= 0 && !c->drafts[draft->from].placed))
                continue;
            draft->placed = true;
            c->order[c->order_count++] = i;
            moved = true;
        }
    }
    for (size_t i = 0; i < c->draft_count; i++) {
        const struct draft_stage *draft = &c->drafts[i];
        if (draft->placed || !begins_circle(c, i))
            continue;
        bool alone = (size_t)draft->from == i;
        diagnostics_add(c->diagnostics, draft->from_place,
                        "stage '%s' feeds itself%s%s%s; a flow has no circles", draft->name,
                        alone ? "" : " by way of '", alone ? "" : c->drafts[draft->from].name,
                        alone ? "" : "'");
    }
}

/* That a stage is unread is an error of its own only if every from: leads somewhere. */
static void check_ends(struct checker *c, struct place place)
{
    size_t sources = 0;
    for (size_t i = 0; i < c->draft_count; i++) {
        const struct draft_stage *draft = &c->drafts[i];
        if (draft->kind == NULL)
            return; /* who knows what it would have been */
        if (draft->kind->role == KIND_SOURCE && ++sources > 1)
            diagnostics_add(c->diagnostics, draft->place,
                            "'%s' is a second source; a topology has one", draft->name);
        if (c->connected && draft->kind->role != KIND_SINK && draft->reader < 0)
            diagnostics_add(c->diagnostics, draft->place,
                            "nothing reads what '%s' makes; end the flow in a sink", draft->name);
    }
    if (sources == 0)
        diagnostics_add(c->diagnostics, place, "a topology needs a source, such as file.source");
}

/* Whether the stage has a flag that only one may have; *first then is the one that had it first. */
static void check_alone(struct checker *c, const struct draft_stage *draft, bool takes,
                        const struct draft_stage **first, const char *what)
{
    if (takes && *first != NULL)
        diagnostics_add(c->diagnostics, draft->place, "'%s' needs standard %s, which '%s' has",
                        draft->name, what, (*first)->name);
    else if (takes)
        *first = draft;
}

/* There is one standard input, and one standard output. */
static void check_streams(struct checker *c)
{
    const struct draft_stage *reader = NULL, *writer = NULL;
    for (size_t i = 0; i < c->draft_count; i++) {
        const struct draft_stage *draft = &c->drafts[i];
        if (draft->kind == NULL)
            continue;
        check_alone(c, draft, draft->kind->takes_stdin, &reader, "input");
        check_alone(c, draft, draft->kind->takes_stdout, &writer, "output");
    }
}

/* A type option that was left open because the types themselves have errors. */
static bool has_open_type(const struct options *options)
{
    for (size_t i = 0; i < options->count; i++) {
        const struct option_value *o = &options->items[i];
        if (o->spec->tag == OPTION_TYPE && o->present && o->number < 0)
            return true;
    }
    return false;
}

static void derive_draft(struct checker *c, struct draft_stage *draft)
{
    if (draft->map == NULL || draft->kind == NULL)
        return;
    static const struct contract unknown = {.count = 0};
    const struct draft_stage *feeder = draft->from >= 0 ? &c->drafts[draft->from] : NULL;
    bool is_source = draft->kind->role == KIND_SOURCE;
    const struct contract *in = feeder != NULL ? &feeder->out : &unknown;
    char *owner = memory_format("kind '%s'", draft->kind->name);
    struct options_context context = {.diagnostics = c->diagnostics,
                                      .owner = owner,
                                      .from = feeder != NULL ? feeder->name : "",
                                      .in = is_source ? NULL : in,
                                      .types = c->topology->types,
                                      .type_count = c->topology->type_count,
                                      .types_failed = c->types_failed,
                                      .directory = c->directory,
                                      .skip = stage_skip,
                                      .common = kind_common_options};
    size_t errors_before = c->diagnostics->count;
    draft->options = options_read(draft->map, draft->kind->options, draft->place, &context);
    free(owner);
    if (c->diagnostics->count != errors_before || (!is_source && in->count == 0) ||
        has_open_type(draft->options))
        return;
    struct kind_check check = {.options = draft->options,
                               .in = is_source ? NULL : in,
                               .types = c->topology->types,
                               .type_count = c->topology->type_count,
                               .diagnostics = c->diagnostics,
                               .stage = draft->name,
                               .from = context.from,
                               .place = draft->place,
                               .out = &draft->out};
    draft->kind->derive(&check);
}

static void check_stages(struct checker *c, const struct node *root)
{
    const struct node_pair *stages = node_find(root, "stages");
    if (stages == NULL && options_misspelt(root, head_specs, NULL, head_skip, "stages"))
        return; /* reported as the key that it was written as */
    if (stages == NULL || stages->value->tag != NODE_MAP || stages->value->count == 0) {
        diagnostics_add(c->diagnostics, stages != NULL ? stages->value->place : root->place,
                        "a topology needs 'stages:', a map of names, each with its kind");
        return;
    }
    if (stages->value->count > STAGES_MAX - 1) {
        diagnostics_add(c->diagnostics, stages->key_place, "more than %u stages", STAGES_MAX - 1);
        return;
    }
    read_drafts(c, stages->value);
    size_t errors_before = c->diagnostics->count;
    c->connected = true;
    for (size_t i = 0; i < c->draft_count; i++)
        connect_draft(c, i);
    order_drafts(c);
    c->connected &= c->diagnostics->count == errors_before;
    check_ends(c, stages->key_place);
    check_streams(c);
    for (size_t i = 0; i < c->order_count; i++)
        derive_draft(c, &c->drafts[c->order[i]]);
}

static void make_dead_letter_contract(struct contract *contract)
{
    static const struct type text = {.tag = VALUE_STRING};
    static const struct type bytes = {.tag = VALUE_BYTES};
    static const struct type truth = {.tag = VALUE_BOOL};
    int rc = contract_add(contract, "stage", text);
    rc |= contract_add(contract, "reason", text);
    rc |= contract_add(contract, "message", text);
    rc |= contract_add(contract, "content", bytes);
    rc |= contract_add(contract, "content_is_json", truth);
    INVARIANT(rc == 0 && contract->count == DEAD_LETTER_FIELDS);
}

static void add_edge(struct topology *t, size_t from, port_number port, size_t to,
                     const struct contract *contract)
{
    t->edges[t->edge_count] = (struct edge){.index = t->edge_count,
                                            .from = from,
                                            .port = port,
                                            .to = to,
                                            .contract = contract,
                                            .fingerprint = contract_fingerprint(contract)};
    t->edge_count++;
}

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

/* Takes the checked drafts over into the topology. Called only when there was no error. */
static void build_graph(struct checker *c)
{
    struct topology *t = c->topology;
    size_t place_of[STAGES_MAX];
    t->stages = memory_new(c->order_count + 1, sizeof *t->stages);
    t->edges = memory_new(2 * (c->order_count + 1), sizeof *t->edges);
    make_dead_letter_contract(&t->dead_letter);
    for (size_t i = 0; i < c->order_count; i++) {
        struct draft_stage *draft = &c->drafts[c->order[i]];
        struct stage *stage = &t->stages[t->stage_count];
        place_of[c->order[i]] = t->stage_count;
        *stage = (struct stage){.index = t->stage_count,
                                .kind = draft->kind,
                                .workers = 1,
                                .options = draft->options,
                                .out = draft->out,
                                .clock_field = clock_field_of(draft->kind, draft->options),
                                .memory_bytes_max = memory_max_of(draft->options),
                                .place = draft->place};
        memcpy(stage->name, draft->name, strlen(draft->name) + 1);
        memcpy(stage->base, draft->name, strlen(draft->name) + 1);
        draft->options = NULL;
        t->stage_count++;
    }
    struct stage *dead = &t->stages[t->stage_count];
    *dead = (struct stage){.name = DEAD_LETTERS_STAGE,
                           .base = DEAD_LETTERS_STAGE,
                           .index = t->stage_count,
                           .workers = 1,
                           .clock_field = -1,
                           .kind = kind_find(c->registry, DEAD_LETTERS_KIND),
                           .options = memory_new(1, sizeof(struct options)),
                           .in = &t->dead_letter};
    INVARIANT(dead->kind != NULL);
    t->stage_count++;
    for (size_t i = 0; i < c->order_count; i++) {
        const struct draft_stage *draft = &c->drafts[c->order[i]];
        struct stage *stage = &t->stages[i];
        if (draft->from >= 0) {
            size_t from = place_of[draft->from];
            stage->in = &t->stages[from].out;
            struct input *input = memory_new(1, sizeof *input);
            (void)snprintf(input->from, sizeof input->from, "%s", t->stages[from].name);
            input->contract = stage->in;
            stage->inputs = input;
            stage->input_count = 1;
            add_edge(t, from, PORT_OUT, i, stage->in);
        }
        if (stage->kind->dead_letters || topology_may_quarantine(t, i))
            add_edge(t, i, PORT_DEAD, dead->index, &t->dead_letter);
    }
}

static void checker_done(struct checker *c)
{
    for (size_t i = 0; i < c->draft_count; i++)
        options_free(c->drafts[i].options);
    free(c->drafts);
    free(c->directory);
}

static char *directory_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    if (slash == NULL)
        return memory_dup(".", 1);
    return memory_dup(file, slash == file ? 1 : (size_t)(slash - file));
}

int topology_load(const char *file, const char *text, size_t len, kind_registry registry,
                  enum topology_form form, struct diagnostics *d, struct topology **ret_topology)
{
    (void)form;
    size_t errors_before = d->count;
    struct node *root = NULL;
    if (node_read_yaml(text, len, d, &root) != 0)
        return ERR_INVALID;
    struct checker c = {.diagnostics = d,
                        .registry = registry,
                        .directory = directory_of(file),
                        .topology = memory_new(1, sizeof *c.topology)};
    if (root->tag != NODE_MAP) {
        diagnostics_add(d, root->place, "a topology is a map that begins with 'topology: NAME'");
    } else {
        settings_apply(d->settings, root, d);
        check_head(&c, root);
        check_types(&c, root);
        check_stages(&c, root);
    }
    if (d->count == errors_before)
        build_graph(&c);
    checker_done(&c);
    node_free(root);
    if (d->count != errors_before) {
        topology_free(c.topology);
        return ERR_INVALID;
    }
    *ret_topology = c.topology;
    return 0;
}

void topology_free(struct topology *topology)
{
    if (topology == NULL)
        return;
    for (size_t i = 0; i < topology->stage_count; i++) {
        options_free((struct options *)topology->stages[i].options);
        free((void *)(uintptr_t)topology->stages[i].inputs);
    }
    free(topology->stages);
    free(topology->edges);
    free(topology->types);
    free(topology);
}

bool topology_may_quarantine(const struct topology *topology, size_t stage)
{
    const struct kind *kind = topology->stages[stage].kind;
    return kind->role != KIND_SOURCE && !kind->internal;
}

const struct stage *topology_find_stage(const struct topology *topology, const char *name)
{
    for (size_t i = 0; i < topology->stage_count; i++) {
        if (strcmp(topology->stages[i].name, name) == 0)
            return &topology->stages[i];
    }
    return NULL;
}
