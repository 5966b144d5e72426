/* SPDX-License-Identifier: MIT */
/*
 * Shortages of resources of the host, such as space on a disk: which stage waits for which of them.
 * Each shortage is logged once.
 */
#include <stdio.h>
#include <string.h>

#include "supervisor/core/core_p.h"

/* Whether two texts differ only in numbers, such as how many bytes were to be written and where. */
static bool is_said(const char *text, const char *known)
{
    for (;;) {
        text += strspn(text, "0123456789");
        known += strspn(known, "0123456789");
        if (*text != *known)
            return false;
        if (*text == '\0')
            return true;
        text++;
        known++;
    }
}

void step_note_want(struct step *s, size_t index, enum want want, const char *text)
{
    struct core_stage *stage = &s->core->stages[index];
    stage->paused = true;
    stage->want = want != WANT_NOTHING ? want : WANT_SPACE;
    stage->want_at_work |= stage->ready;
    char short_text[sizeof stage->want_text];
    (void)snprintf(short_text, sizeof short_text, "%s", text);
    if (is_said(short_text, stage->want_text))
        return;
    memcpy(stage->want_text, short_text, sizeof short_text);
    step_warn(s, index, "%s; waiting for %s", text, want_text(stage->want));
}

void step_on_paused(struct step *s)
{
    if (step_is_alive(&s->core->stages[s->event->stage]))
        step_note_want(s, s->event->stage, s->event->want, s->event->text);
}

void step_on_resumed(struct step *s)
{
    struct core_stage *stage = &s->core->stages[s->event->stage];
    if (!step_is_alive(stage))
        return;
    bool was_told = stage->want_text[0] != '\0';
    stage->paused = stage->want_at_work = false;
    stage->want_text[0] = '\0';
    if (was_told)
        step_warn(s, s->event->stage, "has %s again; continuing", want_text(stage->want));
}

enum want core_stage_want(const struct core *core, size_t index)
{
    if (core->stages[index].paused)
        return core->stages[index].want;
    for (size_t i = 0; i < core->edge_count; i++) {
        if (core->edges[i].want != WANT_NOTHING && core->edges[i].want_stage == index)
            return core->edges[i].want;
    }
    return WANT_NOTHING;
}
