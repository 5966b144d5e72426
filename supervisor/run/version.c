/* SPDX-License-Identifier: MIT */
#include "supervisor/run/version.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/memory.h"
#include "common/text.h"
#include "common/type.h"
#include "stages/host/layout.h"
#include "stages/stage.h"
#include "supervisor/run/stage_program.h"
#include "topology/options_text.h"
#include "topology/resolved.h"

#define FIRST_LINE "bulkhead version 1\n"
/* Between the two parts. */
#define MIDDLE_LINE "derived\n"

/* --- what people wrote --- */

/* The declaration of an option, which may be a member of a group: "rules.daily.sum". */
static const struct option_spec *find_spec(const struct kind *kind, const char *name)
{
    size_t len = strcspn(name, ".");
    char *first = memory_dup(name, len);
    const struct option_spec *spec = option_find(kind->options, first);
    if (spec == NULL)
        spec = option_find(kind_common_options, first);
    free(first);
    if (spec == NULL || name[len] == '\0' || spec->members == NULL)
        return spec;
    const struct option_spec *member = option_find(spec->members, strrchr(name, '.') + 1);
    return member != NULL ? member : spec;
}

bool version_is_neutral(const struct kind *kind, const char *option)
{
    const struct option_spec *spec = find_spec(kind, option);
    return spec != NULL && spec->neutral;
}

struct option_sink {
    struct buf *out;
    const struct kind *kind;
};

/*
 * An option that is not given has its default, and is left out, so that a program that knows more
 * options gives the same text. Defaults do not change from one release to another.
 */
static void add_option(void *context, enum option_tag tag, const char *name, const char *text)
{
    const struct option_sink *sink = context;
    const struct option_spec *spec = find_spec(sink->kind, name);
    bool is_default = spec != NULL && spec->fallback != NULL && strcmp(spec->fallback, text) == 0;
    (void)tag;
    if (is_default || version_is_neutral(sink->kind, name))
        return;
    buf_add_text(sink->out, "option ");
    text_escape(name, ' ' + 1, sink->out);
    buf_add_byte(sink->out, ' ');
    text_escape(text, ' ', sink->out);
    buf_add_byte(sink->out, '\n');
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The stages that read the dead letters of a stage, in the order of their names. */
static void add_dead_readers(const struct topology *t, const struct stage *stage, struct buf *out)
{
    const char **readers = memory_new(t->edge_count + 1, sizeof *readers);
    size_t count = 0;
    for (size_t i = 0; i < t->edge_count; i++) {
        const struct stage *to = &t->stages[t->edges[i].to];
        if (t->edges[i].from == stage->index && t->edges[i].port == PORT_DEAD && to->worker == 0 &&
            !to->kind->internal)
            readers[count++] = to->base;
    }
    qsort(readers, count, sizeof *readers, by_text);
    for (size_t i = 0; i < count; i++)
        buf_add_format(out, "%s%s", i != 0 ? " " : "dead ", readers[i]);
    buf_add_text(out, count != 0 ? "\n" : "");
    free(readers);
}

static void add_field(const char *word, const struct field *field, struct buf *out)
{
    char type[TYPE_NAME_BYTES_MAX];
    buf_add_format(out, "%s %s ", word, field->name);
    text_escape(type_name(field->type, type), ' ', out);
    buf_add_byte(out, '\n');
}

static void add_stage(const struct topology *t, const struct stage *stage, struct buf *out)
{
    buf_add_format(out, "stage %s %s\n", stage->base, stage->kind->name);
    for (size_t i = 0; i < stage->input_count; i++)
        buf_add_format(out, "%s%s", i != 0 ? " " : "from ", stage->inputs[i].from);
    buf_add_text(out, stage->input_count != 0 ? "\n" : "");
    struct option_sink sink = {.out = out, .kind = stage->kind};
    options_text_each(stage->options, add_option, &sink);
    add_dead_readers(t, stage, out);
}

static int by_type_name(const void *a, const void *b)
{
    const struct named_type *const *first = a, *const *second = b;
    return strcmp((*first)->name, (*second)->name);
}

static void add_types(const struct topology *t, struct buf *out)
{
    const struct named_type **types = memory_new(t->type_count + 1, sizeof *types);
    for (size_t i = 0; i < t->type_count; i++)
        types[i] = &t->types[i];
    qsort(types, t->type_count, sizeof *types, by_type_name);
    for (size_t i = 0; i < t->type_count; i++) {
        buf_add_format(out, "type %s\n", types[i]->name);
        for (size_t k = 0; k < types[i]->contract.count; k++)
            add_field("field", &types[i]->contract.fields[k], out);
    }
    free(types);
}

/* --- what the program and the host make of it --- */

static int add_program(const struct stage *stage, struct buf *out, struct err *e)
{
    char path[PATH_MAX];
    struct digest digest;
    int fd;
    if (stage->kind->program == NULL)
        return 0;
    int rc = stage_program_find(stage->kind, path, e);
    if (rc != 0)
        return rc;
    rc = file_open(AT_FDCWD, path, O_RDONLY | O_NOCTTY, 0, &fd, e);
    if (rc != 0)
        return rc;
    rc = digest_of_file(fd, &digest, e);
    (void)close(fd);
    if (rc != 0)
        return err_wrap(e, "'%s'", path);
    buf_add_format(out, "program %s %s\n", stage->kind->program, digest.text);
    return 0;
}

static int add_derived(const struct stage *stage, struct buf *out, struct err *e)
{
    buf_add_format(out, "stage %s\n", stage->base);
    int rc = add_program(stage, out, e);
    for (size_t i = 0; i < stage->out.count; i++)
        add_field("makes", &stage->out.fields[i], out);
    for (size_t i = 0; i < stage->output_count; i++) {
        buf_add_format(out, "output %s\n", stage->outputs[i].name);
        for (size_t k = 0; k < stage->outputs[i].contract.count; k++)
            add_field("makes", &stage->outputs[i].contract.fields[k], out);
    }
    if (stage->kind->store_spec != NULL) {
        struct store_spec spec;
        stage->kind->store_spec(stage, &spec);
        buf_add_text(out, "state ");
        text_escape(spec.schema, ' ', out);
        buf_add_byte(out, '\n');
    }
    return rc;
}

/* --- all of it --- */

static int by_stage_name(const void *a, const void *b)
{
    const struct stage *const *first = a, *const *second = b;
    return strcmp((*first)->base, (*second)->base);
}

/* The stages of the topology file, each once, in the order of their names. */
static const struct stage **sort_stages(const struct topology *t, size_t *ret_count)
{
    const struct stage **stages = memory_new(t->stage_count, sizeof *stages);
    *ret_count = 0;
    for (size_t i = 0; i < t->stage_count; i++) {
        if (t->stages[i].worker == 0 && !t->stages[i].kind->internal)
            stages[(*ret_count)++] = &t->stages[i];
    }
    qsort(stages, *ret_count, sizeof *stages, by_stage_name);
    return stages;
}

static int add_resolved(const struct topology *topology, struct buf *out, struct err *e)
{
    char directory[PATH_MAX];
    if (getcwd(directory, sizeof directory) == NULL)
        (void)memcpy(directory, ".", 2);
    return resolved_write(topology, directory, out, e);
}

int version_describe(const struct topology *topology, struct version *ret_version, struct err *e)
{
    struct buf text = {0};
    size_t count;
    const struct stage **stages = sort_stages(topology, &count);
    *ret_version = (struct version){.number = topology->version};
    buf_add_text(&text, FIRST_LINE);
    add_types(topology, &text);
    for (size_t i = 0; i < count; i++)
        add_stage(topology, stages[i], &text);
    ret_version->written = digest_of(text.data, text.len);
    buf_add_text(&text, MIDDLE_LINE);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = add_derived(stages[i], &text, e);
        if (rc != 0)
            (void)err_wrap(e, "stage '%s'", stages[i]->base);
    }
    free(stages);
    if (rc == 0)
        rc = add_resolved(topology, &ret_version->resolved, e);
    if (rc != 0) {
        buf_done(&text);
        return rc;
    }
    ret_version->id = digest_of(text.data, text.len);
    ret_version->text = text;
    return 0;
}

void version_done(struct version *version)
{
    buf_done(&version->text);
    buf_done(&version->resolved);
}
