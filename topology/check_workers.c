/* SPDX-License-Identifier: MIT */
/*
 * How many workers a stage has, and by which fields its records are divided among them.
 */
#include "common/type.h"
#include "topology/check_p.h"

size_t check_workers(const struct checker *c, const struct draft_stage *draft)
{
    if (c->form == TOPOLOGY_LOGICAL)
        return 1;
    return (size_t)options_get(draft->options, "workers")->number;
}

static bool is_in_key(const struct option_value *key, const struct option_field *field)
{
    for (size_t i = 0; i < key->count; i++) {
        if (key->fields[i].index == field->index)
            return true;
    }
    return false;
}

/* Records with the same key must all go to the same worker, which has the state of the key. */
static void check_by_in_key(struct checker *c, const struct draft_stage *draft,
                            const struct option_value *by)
{
    const struct option_value *key = options_get(draft->options, "key");
    if (key->bad)
        return;
    struct buf names = {0};
    for (size_t i = 0; i < key->count; i++)
        buf_add_format(&names, "%s%s", i != 0 ? ", " : "", key->fields[i].name);
    for (size_t i = 0; i < by->count; i++) {
        if (by->fields[i].index < 0 || is_in_key(key, &by->fields[i]))
            continue;
        diagnostics_add(
            c->diagnostics, by->fields[i].place,
            "'by: %s' does not fit 'key: %s': records with the same key but a different '%s' would "
            "go to different workers; use fields of the key, or remove 'by:' to use the whole key",
            by->fields[i].name, buf_text(&names), by->fields[i].name);
    }
    buf_done(&names);
}

/* The fields that decide where a record goes, and which state it uses, must be plain values. */
static void check_key_types(struct checker *c, const struct draft_stage *draft,
                            const struct contract *in, const char *option)
{
    const struct option_value *fields = options_get(draft->options, option);
    for (size_t i = 0; i < fields->count; i++) {
        if (fields->fields[i].index < 0)
            continue; /* reported where the option was read */
        const struct field *field = &in->fields[fields->fields[i].index];
        char name[TYPE_NAME_BYTES_MAX];
        if (field->type.doubt == TYPE_CERTAIN && (VALUE_TAGS_SCALAR & (1u << field->type.tag)) == 0)
            diagnostics_add(c->diagnostics, fields->fields[i].place,
                            "'%s:' cannot use the field '%s', which is %s; its fields must be "
                            "plain values, not lists, maps or optional",
                            option, field->name, type_name(field->type, name));
    }
}

void check_partition(struct checker *c, const struct draft_stage *draft, const struct contract *in)
{
    if (in != NULL)
        check_key_types(c, draft, in, "by");
    if (in != NULL && draft->kind->partition == KIND_BY_KEY)
        check_key_types(c, draft, in, "key");
    const struct option_value *workers = options_get(draft->options, "workers");
    const struct option_value *by = options_get(draft->options, "by");
    static const char *const whys[] = {
        [KIND_SOURCE] = "one process reads the input",
        [KIND_STEP] = "it needs all records in one place",
        [KIND_SINK] = "one process writes the output",
    };
    const char *why = whys[draft->kind->role];
    if (draft->kind->partition == KIND_ALONE && workers->number > 1)
        diagnostics_add(c->diagnostics, workers->place, "'%s' cannot have several workers: %s",
                        draft->kind->name, why);
    if (by->present && (draft->kind->partition == KIND_ALONE || draft->kind->merges))
        diagnostics_add(c->diagnostics, by->place, "'by:' has no effect in '%s': %s",
                        draft->kind->name,
                        draft->kind->merges ? "any worker can take any record" : why);
    if (by->present && draft->kind->partition == KIND_BY_KEY)
        check_by_in_key(c, draft, by);
    if (workers->number > 1 && draft->kind->partition == KIND_BY_KEY &&
        !options_get(draft->options, "key")->present && !options_get(draft->options, "key")->bad)
        diagnostics_add(c->diagnostics, workers->place,
                        "'%s' has no key by which to distribute its records to workers; give it "
                        "'key:' or a single worker",
                        draft->name);
}

void check_process_count(struct checker *c)
{
    size_t count = 1; /* dead-letters */
    for (size_t i = 0; i < c->order_count; i++) {
        const struct draft_stage *draft = &c->drafts[c->order[i]];
        if (draft->options != NULL && !options_get(draft->options, "workers")->bad)
            count += (size_t)options_get(draft->options, "workers")->number;
    }
    if (count > PROCESSES_MAX)
        diagnostics_add(c->diagnostics, c->stages_place,
                        "this topology would need %zu processes; at most %u are allowed", count,
                        PROCESSES_MAX);
}
