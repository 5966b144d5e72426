/* SPDX-License-Identifier: MIT */
/*
 * The stages as they are in the file: their names and kinds, what feeds them, and their order in
 * the flow.
 */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"
#include "topology/check_p.h"

const char *const check_stage_others[] = {"kind", "from", NULL};

static void find_kind(struct checker *c, struct draft_stage *draft)
{
    const struct node_pair *pair = node_find(draft->map, "kind");
    if (pair == NULL || pair->value->tag != NODE_SCALAR || *pair->value->text == '\0') {
        diagnostics_add(c->diagnostics, pair != NULL ? pair->value->place : draft->place,
                        "stage '%s' needs 'kind:'; `bulkhead kinds` lists the kinds", draft->name);
        return;
    }
    const struct kind *kind = kind_find(c->registry, pair->value->text);
    if (kind != NULL && !kind->internal) {
        draft->kind = kind;
        return;
    }
    const char *names[STAGES_MAX];
    size_t count = 0;
    for (kind_registry k = c->registry; k->kind != NULL && count < STAGES_MAX; k++)
        names[count++] = k->kind->internal ? NULL : k->kind->name;
    const char *nearest = text_nearest(pair->value->text, names, count);
    char hint[TEXT_SUGGESTION_BYTES];
    diagnostics_add(c->diagnostics, pair->value->place, "there is no kind '%s'%s",
                    pair->value->text,
                    text_suggestion(nearest, "; `bulkhead kinds` lists them all", hint));
}

static void read_drafts(struct checker *c, const struct node *stages)
{
    c->drafts = memory_new(stages->count, sizeof *c->drafts);
    for (size_t i = 0; i < stages->count; i++) {
        const struct node_pair *pair = &stages->pairs[i];
        struct draft_stage *draft = &c->drafts[c->draft_count++];
        *draft = (struct draft_stage){.name = pair->key, .place = pair->key_place};
        if (diagnostics_check_name(c->diagnostics, pair->key_place, pair->key) &&
            strcmp(pair->key, DEAD_LETTERS_STAGE) == 0)
            diagnostics_add(c->diagnostics, pair->key_place,
                            "'%s' is a stage that every topology already has; choose another name",
                            pair->key);
        if (pair->value->tag != NODE_MAP) {
            diagnostics_add(c->diagnostics, pair->value->place,
                            "stage '%s' should be a map: { kind: …, from: … }", pair->key);
            c->connected = false; /* it may read any other stage */
            continue;
        }
        draft->map = pair->value;
        find_kind(c, draft);
    }
}

/* The index of the draft with a name of len bytes, or -1. */
static int find_draft(const struct checker *c, const char *name, size_t len)
{
    for (size_t i = 0; i < c->draft_count; i++) {
        if (strlen(c->drafts[i].name) == len && memcmp(c->drafts[i].name, name, len) == 0)
            return (int)i;
    }
    return -1;
}

static void add_unknown_stage(struct checker *c, struct place place, const char *name)
{
    const char *names[STAGES_MAX];
    size_t count = c->draft_count < STAGES_MAX ? c->draft_count : STAGES_MAX;
    for (size_t i = 0; i < count; i++)
        names[i] = c->drafts[i].name;
    const char *nearest = text_nearest(name, names, count);
    char hint[TEXT_SUGGESTION_BYTES];
    diagnostics_add(c->diagnostics, place, "there is no stage '%s'%s", name,
                    text_suggestion(nearest, "", hint));
}

/* Whether a stage has dead letters: by the rules of its kind, or because a record may kill it. */
static bool has_dead_letters(const struct kind *kind)
{
    return kind->reasons != NULL || kind->role != KIND_SOURCE;
}

/* Adds the error of an invalid input, which then causes no others. */
static void add_bad_input(struct checker *c, struct draft_input *input, const char *name,
                          const char *why)
{
    diagnostics_add(c->diagnostics, input->node->place, "'%s' %s", name, why);
    input->from = -1;
}

/* Finds the stage of "parse", "route.vip" or "parse.dead", and its output as far as it is known. */
static void connect_input(struct checker *c, struct draft_input *input)
{
    const char *text = input->node->text;
    const char *dot = strchr(text, '.');
    size_t len = dot != NULL ? (size_t)(dot - text) : strlen(text);
    input->from = find_draft(c, text, len);
    input->port = -1;
    if (input->from < 0) {
        char *name = memory_dup(text, len);
        add_unknown_stage(c, input->node->place, name);
        free(name);
        return;
    }
    struct draft_stage *feeder = &c->drafts[input->from];
    if (dot != NULL && strcmp(dot + 1, "dead") == 0) {
        input->port = PORT_DEAD;
        feeder->dead_read = true;
        if (feeder->kind != NULL && !has_dead_letters(feeder->kind))
            add_bad_input(c, input, feeder->name, "has no dead letters");
    } else if (feeder->kind != NULL && feeder->kind->role == KIND_SINK) {
        add_bad_input(c, input, feeder->name, "is a sink; it has no output");
    } else if (dot == NULL) {
        input->port = PORT_OUT;
        feeder->main_read = true;
    } else if (!text_is_name(dot + 1)) {
        add_bad_input(c, input, text, "is not an output; write STAGE, STAGE.OUTPUT or STAGE.dead");
    } else {
        memcpy(input->port_name, dot + 1, strlen(dot + 1) + 1);
    }
}

static bool is_source(const struct draft_stage *draft)
{
    return draft->kind != NULL && draft->kind->role == KIND_SOURCE;
}

/* Adds one item of `from:`, which may appear only once. */
static void add_input(struct checker *c, struct draft_stage *draft, const struct node *node)
{
    if (node->tag != NODE_SCALAR || *node->text == '\0') {
        diagnostics_add(c->diagnostics, node->place,
                        "'from:' should be the name of a stage, or a list of names");
        return;
    }
    for (size_t i = 0; i < draft->input_count; i++) {
        if (strcmp(draft->inputs[i].node->text, node->text) == 0) {
            diagnostics_add(c->diagnostics, node->place, "'%s' is listed twice", node->text);
            return;
        }
    }
    struct draft_input *input = &draft->inputs[draft->input_count++];
    input->node = node;
    connect_input(c, input);
}

/* Adds an error for a missing `from:`, unless there is a key that looks like a misspelling. */
static void add_no_from(struct checker *c, const struct draft_stage *draft)
{
    struct option_keys keys = {
        .own = draft->kind->options, .common = kind_common_options, .others = check_stage_others};
    if (!option_keys_misspelt(&keys, draft->map, "from"))
        diagnostics_add(c->diagnostics, draft->place,
                        "stage '%s' needs 'from:', the stage that feeds it", draft->name);
}

/* Finds the stages that feed a stage, and marks their outputs as read. */
static void connect_draft(struct checker *c, struct draft_stage *draft)
{
    if (draft->map == NULL)
        return;
    const struct node_pair *pair = node_find(draft->map, "from");
    if (pair == NULL) {
        c->connected &= is_source(draft);
        if (draft->kind != NULL && !is_source(draft))
            add_no_from(c, draft);
        return;
    }
    if (is_source(draft)) {
        diagnostics_add(c->diagnostics, pair->key_place,
                        "'%s' is a source, which has no input; remove 'from:'", draft->name);
        return;
    }
    const struct node *from = pair->value;
    bool is_list = from->tag == NODE_LIST && from->count != 0;
    if (is_list && from->count > INPUTS_MAX) {
        diagnostics_add(c->diagnostics, from->place, "too many inputs; a stage can have at most %u",
                        INPUTS_MAX);
        return;
    }
    draft->inputs = memory_new(is_list ? from->count : 1, sizeof *draft->inputs);
    if (!is_list)
        add_input(c, draft, from);
    for (size_t i = 0; is_list && i < from->count; i++)
        add_input(c, draft, from->items[i]);
}

/* The input of `at` by which a cycle leads back to `first`, through later stages of the file. */
static const struct draft_input *way_back(const struct checker *c, size_t at, size_t first,
                                          bool *seen)
{
    for (size_t i = 0; i < c->drafts[at].input_count; i++) {
        const struct draft_input *input = &c->drafts[at].inputs[i];
        if (input->from < 0 || (size_t)input->from < first || seen[input->from])
            continue;
        if ((size_t)input->from == first)
            return input;
        seen[input->from] = true;
        if (way_back(c, (size_t)input->from, first, seen) != NULL)
            return input;
    }
    return NULL;
}

static bool all_placed_before(const struct checker *c, const struct draft_stage *draft)
{
    for (size_t i = 0; i < draft->input_count; i++) {
        if (draft->inputs[i].from >= 0 && !c->drafts[draft->inputs[i].from].placed)
            return false;
    }
    return true;
}

/*
 * Puts the drafts in the order of the flow. Those left over are on a cycle or downstream of one.
 * They come last, in the order of the file, and their inputs may be unknown.
 */
static void order_drafts(struct checker *c)
{
    bool moved = true;
    while (moved) {
        moved = false;
        for (size_t i = 0; i < c->draft_count; i++) {
            struct draft_stage *draft = &c->drafts[i];
            if (draft->placed || !all_placed_before(c, draft))
                continue;
            draft->placed = true;
            c->order[c->order_count++] = i;
            moved = true;
        }
    }
    for (size_t i = 0; i < c->draft_count; i++) {
        const struct draft_stage *draft = &c->drafts[i];
        bool seen[STAGES_MAX] = {false};
        if (draft->placed)
            continue;
        c->order[c->order_count++] = i;
        const struct draft_input *input = way_back(c, i, i, seen);
        if (input == NULL)
            continue; /* downstream of a cycle, or not the first stage of one in the file */
        bool alone = (size_t)input->from == i;
        diagnostics_add(c->diagnostics, input->node->place,
                        "stage '%s' feeds itself%s%s%s; a topology cannot contain a cycle",
                        draft->name, alone ? "" : " by way of '",
                        alone ? "" : c->drafts[input->from].name, alone ? "" : "'");
    }
}

/* An unread stage is an error of its own only if every from: is valid. */
static void check_ends(struct checker *c)
{
    size_t sources = 0, unknown = 0;
    for (size_t i = 0; i < c->draft_count; i++) {
        const struct draft_stage *draft = &c->drafts[i];
        if (draft->kind == NULL) {
            unknown++; /* it may be a source */
            continue;
        }
        if (draft->kind->role == KIND_SOURCE && ++sources > 1)
            diagnostics_add(c->diagnostics, draft->place,
                            "'%s' is a second source; a topology has only one", draft->name);
        if (c->connected && draft->kind->role != KIND_SINK && !draft->kind->named_outputs &&
            !draft->main_read)
            diagnostics_add(c->diagnostics, draft->place,
                            "nothing reads the output of '%s'; end the flow in a sink",
                            draft->name);
    }
    if (sources + unknown == 0)
        diagnostics_add(c->diagnostics, c->stages_place,
                        "a topology needs a source, like file.source");
}

/* Adds an error if the stage takes something that *first has taken; else *first is this stage. */
static void check_alone(struct checker *c, const struct draft_stage *draft, bool takes,
                        const struct draft_stage **first, const char *what)
{
    if (takes && *first != NULL)
        diagnostics_add(c->diagnostics, draft->place,
                        "'%s' needs standard %s, which '%s' already uses", draft->name, what,
                        (*first)->name);
    else if (takes)
        *first = draft;
}

/* Only one stage can use standard input, and one standard output. */
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

static void check_drafts(struct checker *c, const struct node *stages)
{
    c->connected = true;
    read_drafts(c, stages);
    size_t errors_before = c->diagnostics->count;
    for (size_t i = 0; i < c->draft_count; i++)
        connect_draft(c, &c->drafts[i]);
    order_drafts(c);
    c->connected &= c->diagnostics->count == errors_before;
    check_ends(c);
    check_streams(c);
}

void check_stages(struct checker *c, const struct node *root)
{
    const struct node_pair *stages = node_find(root, "stages");
    if (stages == NULL && check_head_misspelt(root, "stages"))
        return; /* reported as the key that it was written as */
    if (stages == NULL || stages->value->tag != NODE_MAP || stages->value->count == 0) {
        diagnostics_add(c->diagnostics, stages != NULL ? stages->value->place : root->place,
                        "a topology needs 'stages:', a map of stages by name");
        return;
    }
    if (stages->value->count > STAGES_MAX - 1) {
        diagnostics_add(c->diagnostics, stages->key_place,
                        "too many stages; a topology can have at most %u", STAGES_MAX - 1);
        return;
    }
    c->stages_place = stages->key_place;
    check_drafts(c, stages->value);
}
