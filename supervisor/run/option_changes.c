/* SPDX-License-Identifier: MIT */
#include "supervisor/run/option_changes.h"

#include <string.h>

#include "supervisor/run/version.h"

/* Notes what follows from a changed option. */
static void note_change(const struct kind *kind, const char *name, struct option_changes *changes)
{
    bool is_wiring = strcmp(name, "from") == 0 || strcmp(name, "dead") == 0;
    changes->wiring |= is_wiring;
    bool is_neutral = !is_wiring && version_is_neutral(kind, name);
    /* What a sink writes has an influence on no other stage, because a sink feeds nothing. */
    changes->records |= !is_wiring && !is_neutral && kind->role != KIND_SINK;
    changes->version |= !is_neutral;
}

/*
 * Whether an option that is missing from the manifest has its default. Every option with a default
 * is written to the manifest, so the build that wrote it did not know this option, and behaved as
 * the default says.
 */
static bool is_new_default(const struct kind *kind, const struct manifest_option *option)
{
    const struct option_spec *spec = option_find(kind->options, option->name);
    return spec != NULL && spec->fallback != NULL && strcmp(spec->fallback, option->text) == 0;
}

/* Whether an option of the manifest is part of an option of the topology. */
static bool is_part(const char *name, const char *option)
{
    size_t len = strlen(option);
    return strncmp(name, option, len) == 0 && name[len] == '.';
}

/* Appends the parts in order: "vip.n.above, others.n.below". */
static void list_parts(const struct manifest_stage *stage, const char *option, struct buf *list)
{
    for (size_t i = 0; i < stage->option_count; i++) {
        const char *name = stage->options[i].name;
        if (is_part(name, option))
            buf_add_format(list, "%s%s", list->len != 0 ? ", " : "", name + strlen(option) + 1);
    }
}

/* Whether a stage has every part of an option that the other one has, with the same text. */
static bool has_parts(const struct manifest_stage *stage, const struct manifest_stage *other,
                      const char *option)
{
    for (size_t i = 0; i < other->option_count; i++) {
        const struct manifest_option *part = &other->options[i];
        const char *text = manifest_option_text(stage, part->name);
        if (is_part(part->name, option) && (text == NULL || strcmp(text, part->text) != 0))
            return false;
    }
    return true;
}

/* Finds conditions that are the same but in another order: a different one may now decide. */
static void find_order(const struct manifest_stage *was, const struct manifest_stage *is,
                       const struct kind *kind, struct option_changes *changes, struct buf *out)
{
    for (const struct option_spec *spec = kind->options; spec->name != NULL; spec++) {
        bool is_tried = spec->tag == OPTION_CONDITIONS || spec->tag == OPTION_NAMED_CONDITIONS;
        if (!is_tried || !has_parts(was, is, spec->name) || !has_parts(is, was, spec->name))
            continue;
        struct buf before = {0}, now = {0};
        list_parts(was, spec->name, &before);
        list_parts(is, spec->name, &now);
        if (strcmp(buf_text(&before), buf_text(&now)) != 0) {
            note_change(kind, spec->name, changes);
            buf_add_format(out, "%s%s was in the order %s, ", out->len != 0 ? "; " : "", spec->name,
                           buf_text(&before));
            buf_add_format(out, "is now in the order %s", buf_text(&now));
        }
        buf_done(&before);
        buf_done(&now);
    }
}

struct option_changes option_changes_find(const struct manifest_stage *was,
                                          const struct manifest_stage *is, const struct kind *kind,
                                          struct buf *out)
{
    struct option_changes changes = {0};
    for (size_t i = 0; i < was->option_count; i++) {
        const struct manifest_option *option = &was->options[i];
        const char *now = manifest_option_text(is, option->name);
        if (now != NULL && strcmp(now, option->text) == 0)
            continue;
        note_change(kind, option->name, &changes);
        buf_add_format(out, "%s%s was %s, ", out->len != 0 ? "; " : "", option->name, option->text);
        buf_add_format(out, now != NULL ? "is now %s" : "is no longer given", now);
    }
    for (size_t i = 0; i < is->option_count; i++) {
        const struct manifest_option *option = &is->options[i];
        if (manifest_option_text(was, option->name) != NULL || is_new_default(kind, option))
            continue;
        note_change(kind, option->name, &changes);
        buf_add_format(out, "%s%s was not given, is now %s", out->len != 0 ? "; " : "",
                       option->name, option->text);
    }
    find_order(was, is, kind, &changes, out);
    return changes;
}
