/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/type.h"
#include "supervisor/run/start_p.h"
#include "topology/options_text.h"

struct option_sink {
    struct manifest_stage *stage;
    const char *directory; /* the directory that relative paths start from */
};

static void add_option(void *context, enum option_tag tag, const char *name, const char *text)
{
    const struct option_sink *sink = context;
    /* add_wiring() adds `by`, even if it is not given. What a stage was called says nothing. */
    if (strcmp(name, "by") == 0 || strcmp(name, "renamed_from") == 0)
        return;
    if (!option_is_path(tag) || text[0] == '/') {
        manifest_add_option(sink->stage, name, text);
        return;
    }
    char *whole = memory_format("%s/%s", sink->directory, text);
    manifest_add_option(sink->stage, name, whole);
    free(whole);
}

static void add_list(struct manifest_stage *to, const char *name, struct buf *list)
{
    if (list->len != 0)
        manifest_add_option(to, name, buf_text(list));
    buf_done(list);
}

static void add_word(struct buf *list, const char *word)
{
    buf_add_format(list, "%s%s", list->len != 0 ? ", " : "", word);
}

/* Lists the stages that read the dead letters of a stage, except for the default sink. */
static void list_dead_readers(const struct topology *t, const struct stage *stage, struct buf *list)
{
    for (size_t i = 0; i < t->edge_count; i++) {
        const struct edge *edge = &t->edges[i];
        const struct stage *to = &t->stages[edge->to];
        if (edge->from == stage->index && edge->port == PORT_DEAD && to->worker == 0 &&
            !to->kind->internal)
            add_word(list, to->base);
    }
}

static void add_field(struct buf *list, const struct field *field)
{
    char type[TYPE_NAME_BYTES_MAX];
    buf_add_format(list, "%s%s: %s", list->len != 0 ? ", " : "", field->name,
                   type_name(field->type, type));
}

/* Adds where its records come from, what it emits, and where its dead letters go. */
static void add_wiring(struct manifest_stage *to, const struct topology *t,
                       const struct stage *stage)
{
    struct buf from = {0}, by = {0}, makes = {0}, dead = {0};
    for (size_t i = 0; i < stage->input_count && !stage->kind->internal; i++)
        add_word(&from, stage->inputs[i].from);
    for (size_t i = 0; i < stage->by_count; i++)
        add_word(&by, stage->in->fields[stage->by[i]].name);
    for (size_t i = 0; i < stage->out.count; i++)
        add_field(&makes, &stage->out.fields[i]);
    list_dead_readers(t, stage, &dead);
    add_list(to, "from", &from);
    add_list(to, "by", &by);
    add_list(to, "makes", &makes);
    add_list(to, "dead", &dead);
}

void start_describe(struct start *s)
{
    char directory[PATH_MAX];
    if (getcwd(directory, sizeof directory) == NULL)
        (void)memcpy(directory, ".", 2);
    (void)memcpy(s->new.topology, s->topology->name, sizeof s->new.topology);
    for (size_t i = 0; i < s->topology->stage_count; i++) {
        const struct stage *stage = &s->topology->stages[i];
        if (stage->worker != 0)
            continue;
        struct manifest_stage *to = manifest_add_stage(&s->new, stage->base, stage->kind->name);
        to->keeps = kind_keeps(stage->kind);
        add_wiring(to, s->topology, stage);
        struct option_sink sink = {.stage = to, .directory = directory};
        options_text_each(stage->options, add_option, &sink);
    }
}

struct manifest_stage *start_new_stage(struct start *s, const char *name)
{
    for (size_t i = 0; i < s->new.stage_count; i++) {
        if (strcmp(s->new.stages[i].name, name) == 0)
            return &s->new.stages[i];
    }
    return NULL;
}
