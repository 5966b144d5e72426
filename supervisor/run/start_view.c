/* SPDX-License-Identifier: MIT */
#include "supervisor/run/start_view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "topology/timeline.h"

static const char *const names[] = {
#define X(value, name) [value] = name,
    START_BECOMES_LIST(X)
#undef X
};

void start_view_done(struct start_view *view)
{
    for (size_t i = 0; i < view->stage_count; i++) {
        struct start_view_stage *stage = &view->stages[i];
        free(stage->name);
        free(stage->was);
        free(stage->kind);
        free(stage->changes);
        free(stage->conversion);
        free(stage->output);
    }
    free(view->stages);
    free(view->state_path);
    *view = (struct start_view){0};
}

/* --- for people --- */

static bool is_same_version(const struct start_view *view)
{
    return strcmp(view->was.id.text, view->is.id.text) == 0 && view->was.first == view->is.first &&
           view->was.number == view->is.number;
}

static void write_since(const struct start_view *view, const struct start_version *version,
                        struct buf *out)
{
    char text[VERSION_SHOWN_BYTES];
    buf_add_format(out, "version %s",
                   timeline_show_version(version->id.text, version->number, text));
    if (version->first != 0)
        buf_add_format(out, " from seq %" PRIu64 " on", version->first);
    else if (view->running)
        buf_add_text(out, " from the next start on");
}

static void write_head(const struct start_view *view, const char *topology, struct buf *out)
{
    buf_add_format(out, "%s: ", topology);
    if (view->running)
        buf_add_text(out, "running; ");
    if (view->is_first) {
        buf_add_text(out, "there is no state yet in '");
        text_printable(view->state_path, strlen(view->state_path), strlen(view->state_path), out);
        buf_add_text(out, "'\n  ");
    }
    bool same = is_same_version(view);
    if (view->was.id.text[0] != '\0' && !same) {
        write_since(view, &view->was, out);
        buf_add_text(out,
                     view->was_is_unused ? ", which has decided no record\n  then " : "\n  then ");
    }
    write_since(view, &view->is, out);
    buf_add_text(out, same ? ", unchanged\n" : "\n");
}

/* "goes on at 1001, with its state", "begins at 1001, with nothing kept" */
static void write_becomes(const struct start_view *view, const struct start_view_stage *stage,
                          struct buf *out)
{
    buf_add_text(out, names[stage->becomes]);
    if (stage->becomes == START_CONVERTED)
        buf_add_text(out, ", goes on");
    if (stage->at != 0 && stage->keeps)
        buf_add_format(out, " at %" PRIu64, stage->at);
    if (stage->becomes == START_GOES_ON && stage->has_state)
        buf_add_text(out, ", with its state");
    bool is_empty = stage->becomes == START_BEGINS || stage->becomes == START_BEGINS_AGAIN;
    if (is_empty && stage->keeps && !view->is_first)
        buf_add_text(out, ", with nothing kept");
    if (stage->was != NULL)
        buf_add_format(out, ", was called %s", stage->was);
}

/* Options may hold any text. */
static void write_more(const char *text, int width, struct buf *out)
{
    if (*text == '\0')
        return;
    buf_add_format(out, "  %-*s    ", width, "");
    text_printable(text, strlen(text), strlen(text), out);
    buf_add_byte(out, '\n');
}

static void write_stage(const struct start_view *view, const struct start_view_stage *stage,
                        int width, struct buf *out)
{
    buf_add_format(out, "  %-*s  ", width, stage->name);
    write_becomes(view, stage, out);
    buf_add_byte(out, '\n');
    write_more(stage->changes, width, out);
    write_more(stage->conversion, width, out);
}

static void write_outputs(const struct start_view *view, int width, struct buf *out)
{
    size_t count = 0;
    for (size_t i = 0; i < view->stage_count; i++) {
        const struct start_view_stage *stage = &view->stages[i];
        if (stage->output == NULL || !stage->output_changes)
            continue;
        if (count++ == 0)
            buf_add_text(out, "outputs that the new version may write otherwise:\n");
        buf_add_format(out, "  %-*s  ", width, stage->name);
        text_printable(stage->output, strlen(stage->output), strlen(stage->output), out);
        buf_add_text(out, stage->becomes == START_REMOVED ? ", which gets no more\n" : "\n");
    }
    if (count == 0 && !view->is_first && !view->refused)
        buf_add_text(out, "no output is written otherwise\n");
}

void start_view_write(const struct start_view *view, const char *topology, struct buf *out)
{
    int width = 0;
    for (size_t i = 0; i < view->stage_count; i++) {
        if ((int)strlen(view->stages[i].name) > width)
            width = (int)strlen(view->stages[i].name);
    }
    write_head(view, topology, out);
    for (size_t i = 0; i < view->stage_count; i++)
        write_stage(view, &view->stages[i], width, out);
    write_outputs(view, width, out);
}

/* --- for programs --- */

static void add_text(const char *name, const char *text, struct buf *out)
{
    buf_add_format(out, "\"%s\":", name);
    if (text != NULL)
        json_write_string((const uint8_t *)text, strlen(text), out);
    else
        buf_add_text(out, "null");
}

static void add_seq(const char *name, seq_number seq, struct buf *out)
{
    buf_add_format(out, "\"%s\":", name);
    if (seq != 0)
        buf_add_format(out, "%" PRIu64, seq);
    else
        buf_add_text(out, "null");
}

static void add_version(const char *name, const struct start_version *version, struct buf *out)
{
    if (version->id.text[0] == '\0') {
        buf_add_format(out, "\"%s\":null", name);
        return;
    }
    buf_add_format(out, "\"%s\":{\"id\":\"%s\",\"number\":%" PRId64 ",", name, version->id.text,
                   version->number);
    add_seq("from", version->first, out);
    buf_add_byte(out, '}');
}

static void add_stage(const struct start_view_stage *stage, struct buf *out)
{
    buf_add_byte(out, '{');
    add_text("stage", stage->name, out);
    buf_add_byte(out, ',');
    add_text("was", stage->was, out);
    buf_add_byte(out, ',');
    add_text("kind", stage->kind, out);
    buf_add_byte(out, ',');
    add_text("becomes", names[stage->becomes], out);
    buf_add_byte(out, ',');
    add_seq("at", stage->keeps ? stage->at : 0, out);
    buf_add_byte(out, ',');
    add_text("changes", stage->changes, out);
    buf_add_byte(out, ',');
    add_text("conversion", stage->conversion, out);
    buf_add_byte(out, ',');
    add_text("output", stage->output, out);
    buf_add_format(out, ",\"output_changes\":%s}",
                   stage->output != NULL && stage->output_changes ? "true" : "false");
}

void start_view_write_json(const struct start_view *view, const char *topology, struct buf *out)
{
    buf_add_byte(out, '{');
    add_text("topology", topology, out);
    buf_add_format(out, ",\"running\":%s,", view->running ? "true" : "false");
    add_version("was", &view->was, out);
    buf_add_byte(out, ',');
    add_version("is", &view->is, out);
    buf_add_text(out, ",\"stages\":[");
    for (size_t i = 0; i < view->stage_count; i++) {
        buf_add_text(out, i != 0 ? "," : "");
        add_stage(&view->stages[i], out);
    }
    buf_add_text(out, "]}\n");
}
