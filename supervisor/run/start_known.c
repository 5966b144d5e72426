/* SPDX-License-Identifier: MIT */
/*
 * What is known of a stage that has run before: under which name, with which options, how far it
 * is, and what becomes of its state.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "stages/host/layout.h"
#include "stages/stage.h"
#include "supervisor/run/option_changes.h"
#include "supervisor/run/start_p.h"
#include "topology/options_text.h"

/* How often a file that a run may be replacing is read again. */
#define READS_OF_A_RUN 10u

bool start_is_discarded(const struct start *s, const char *name)
{
    for (size_t i = 0; i < s->options->discard_count; i++) {
        if (strcmp(s->options->discards[i], name) == 0)
            return true;
    }
    return false;
}

const char *start_former_name(const struct start *s, const struct stage *stage)
{
    const char *former = stage->renamed_from;
    const struct manifest_stage *was = former != NULL ? manifest_find(&s->old, former) : NULL;
    bool is_renamed = was != NULL && strcmp(was->kind, stage->kind->name) == 0 &&
                      manifest_find(&s->old, stage->base) == NULL &&
                      !start_is_discarded(s, stage->base) && !start_is_discarded(s, former);
    return is_renamed ? former : NULL;
}

/* Drops the notes of a check: the stage repeats them when it is opened. */
static void say_nothing(const char *text)
{
    (void)text;
}

int start_check_files(struct start *s, const struct stage *stage, bool is_new, struct err *e)
{
    if (stage->ops == NULL || stage->ops->check == NULL)
        return 0;
    struct stage_env env = {.topology = s->topology,
                            .stage = stage,
                            .stages_fd = s->stages_fd,
                            .state_fd = -1,
                            .note = say_nothing};
    int rc = 0;
    if (!is_new)
        rc = file_open(s->stages_fd, stage->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                       &env.state_fd, e);
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    rc = stage->ops->check(&env, e);
    if (env.state_fd >= 0)
        (void)close(env.state_fd);
    return rc;
}

/* A state that was copied from elsewhere may look right, and still be that of other records. */
static int check_claim(struct start *s, const struct stage *stage, struct err *e)
{
    bool foreign = false;
    if (s->old.state == 0) /* an earlier build wrote it, which did not mark directories */
        return 0;
    int rc = layout_is_foreign(s->stages_fd, stage->base, s->new.state, &foreign, e);
    if (rc == 0 && foreign)
        rc = err_set(e, ERR_MISMATCH,
                     "'stages/%s' is part of another state, or of this one before --fresh; restore "
                     "the state directory as a whole, or use --discard %s to discard it and begin "
                     "with an empty state",
                     stage->base, stage->base);
    return rc;
}

/* Reads how far a stage is that has run before. */
static int find_position(struct start *s, const struct stage *stage,
                         const struct manifest_stage *was, struct start_stage *facts, struct err *e)
{
    struct layout_position position;
    struct stat st;
    facts->begins_after = was->begins_after;
    facts->missing = fstatat(s->stages_fd, stage->base, &st, AT_SYMLINK_NOFOLLOW) != 0;
    int rc = check_claim(s, stage, e);
    if (rc != 0 || s->running)
        return rc;
    rc = layout_read_position(s->stages_fd, s->topology, stage, &position, e);
    if (rc != 0)
        return rc;
    facts->found = position.found;
    facts->least = position.least;
    facts->most = position.most;
    facts->missing |= position.partial && position.most > was->begins_after;
    return start_check_files(s, stage, false, e);
}

/* Appends a list with the former name of every stage replaced by the present one. */
static void add_renamed(const struct start *s, const char *list, struct buf *out)
{
    while (*list != '\0') {
        size_t len = strcspn(list, ", .");
        const char *is = NULL;
        for (size_t i = 0; i < s->topology->stage_count && is == NULL; i++) {
            const char *former = start_former_name(s, &s->topology->stages[i]);
            if (former != NULL && strlen(former) == len && memcmp(former, list, len) == 0)
                is = s->topology->stages[i].base;
        }
        buf_add(out, is != NULL ? is : list, is != NULL ? strlen(is) : len);
        size_t rest =
            strcspn(list + len, ",") + strspn(list + len + strcspn(list + len, ","), ", ");
        buf_add(out, list + len, rest);
        list += len + rest;
    }
}

/* What the manifest says of a stage, with the stages that it is wired to under their new names. */
static void copy_renamed(const struct start *s, const struct manifest_stage *was,
                         struct manifest_stage *ret_copy)
{
    for (size_t i = 0; i < was->option_count; i++) {
        const struct manifest_option *option = &was->options[i];
        struct buf text = {0};
        bool is_wiring = strcmp(option->name, "from") == 0 || strcmp(option->name, "dead") == 0;
        if (is_wiring)
            add_renamed(s, option->text, &text);
        else
            buf_add_text(&text, option->text);
        manifest_add_option(ret_copy, option->name, buf_text(&text));
        buf_done(&text);
    }
}

/* Finds the options that have changed. The present ones are written as the old build wrote them. */
static struct option_changes find_changes(const struct start *s, const struct stage *stage,
                                          const struct manifest_stage *was,
                                          const struct manifest_stage *is, struct buf *out)
{
    struct manifest older = {0};
    if (s->old.has_plain_lists) {
        struct manifest_stage *plain = manifest_add_stage(&older, is->name, is->kind);
        for (size_t i = 0; i < is->option_count; i++) {
            manifest_add_option(plain, is->options[i].name, is->options[i].text);
            options_text_plain(plain->options[i].name, plain->options[i].text);
        }
        is = plain;
    }
    struct manifest before = {0};
    struct manifest_stage *renamed = manifest_add_stage(&before, was->name, was->kind);
    copy_renamed(s, was, renamed);
    struct option_changes found = option_changes_find(renamed, is, stage->kind, out);
    manifest_done(&before);
    manifest_done(&older);
    return found;
}

/*
 * A stage as its directory has it: under the name that it had so far, and if it is running with as
 * many workers as it has, because they will be level when it is stopped.
 */
static struct stage as_in_directory(const struct start *s, const struct stage *stage,
                                    const struct manifest_stage *was, const char *former)
{
    struct stage shown = *stage;
    int64_t workers;
    const char *text = manifest_option_text(was, "workers");
    if (former != NULL)
        (void)snprintf(shown.base, sizeof shown.base, "%s", former);
    if (s->running && text != NULL && text_parse_int(text, &workers) == 0 && workers > 0)
        shown.workers = (size_t)workers;
    return shown;
}

static void refuse_known(struct start *s, const struct stage *stage, const char *why)
{
    const struct buf *changes = &s->facts[stage->index].changes;
    start_plan_refuse(&s->plan, "stage '%s': %s%s%s", stage->base,
                      changes->len != 0 ? buf_text((struct buf *)changes) : "",
                      changes->len != 0 ? "; " : "", why);
}

/*
 * Asks the files. The stages of a run may be replacing them at this very moment, so it is asked
 * several times.
 */
static int read_change(const struct start *s, const struct stage *shown,
                       const struct manifest_stage *was, struct state_change *change, struct err *e)
{
    const char *left = was->left != NULL ? was->left : "";
    int rc = layout_read_change(s->stages_fd, s->topology, shown, left, change, e);
    for (unsigned again = 0; s->running && rc != 0 && again < READS_OF_A_RUN; again++)
        rc = layout_read_change(s->stages_fd, s->topology, shown, left, change, e);
    return rc;
}

/* Finds out what becomes of a state whose form is another one now. */
static int find_conversion(struct start *s, const struct stage *stage, const struct stage *shown,
                           const struct manifest_stage *was, struct manifest_stage *is,
                           struct err *e)
{
    struct start_facts *facts = &s->facts[stage->index];
    struct state_change change = {0};
    int rc = read_change(s, shown, was, &change, e);
    facts->converted = rc == 0 && change.verdict == STATE_CONVERTED;
    manifest_set_left(is, facts->converted ? buf_text(&change.left) : was->left);
    if (rc == 0 && change.verdict == STATE_LOST) {
        facts->lost = true;
        struct buf why = {0};
        buf_add_format(&why,
                       "its state cannot continue: %s; undo the change, or use --discard %s to "
                       "discard that state and begin with an empty one",
                       buf_text(&change.says), stage->base);
        refuse_known(s, stage, buf_text(&why));
        buf_done(&why);
    }
    buf_add(&facts->conversion, change.says.data, change.says.len);
    state_change_done(&change);
    return rc;
}

/*
 * What a version would have left of a state that has decided no record is not there: the state is
 * still that of the version before it.
 */
static void forget_unused(struct start *s, const struct manifest_stage *was,
                          struct manifest_stage *is, const struct start_stage *verdict)
{
    const struct manifest *old = &s->old;
    if (old->version_count != 0 && verdict->found &&
        verdict->most < old->versions[old->version_count - 1].first)
        manifest_set_left(is, was->left);
}

/* A stage that has another name takes its directory with it. */
static void take_name(struct start *s, const struct stage *stage, const char *former)
{
    s->facts[stage->index].was = former;
    if (layout_is_kept(s->stages_fd, stage->base))
        start_plan_refuse(&s->plan,
                          "stage '%s': it was called '%s', but 'stages/%s' holds a state as well; "
                          "move it away, or use --discard %s to discard both",
                          stage->base, former, stage->base, stage->base);
    else
        manifest_add_rename(&s->new, former, stage->base);
}

static void say_changes(struct start *s, const struct stage *stage)
{
    struct start_facts *facts = &s->facts[stage->index];
    if (facts->was != NULL)
        start_plan_note(&s->plan, "stage '%s' was called '%s', and goes on from its state",
                        stage->base, facts->was);
    if (facts->changes.len != 0)
        start_plan_note(&s->plan, "stage '%s': %s", stage->base, buf_text(&facts->changes));
    if (facts->conversion.len != 0)
        start_plan_note(&s->plan, "stage '%s': its state: %s", stage->base,
                        buf_text(&facts->conversion));
}

int start_find_known(struct start *s, const struct stage *stage, const struct manifest_stage *was,
                     struct start_stage *verdict, struct err *e)
{
    struct manifest_stage *is = start_new_stage(s, stage->base);
    const char *former = start_former_name(s, stage);
    struct stage shown = as_in_directory(s, stage, was, former);
    struct option_changes found = find_changes(s, stage, was, is, &s->facts[stage->index].changes);
    verdict->changed = found.records;
    verdict->rewired = found.wiring;
    for (size_t i = 0; i < was->gap_count; i++)
        manifest_add_gap(is, was->gaps[i].first, was->gaps[i].last);
    if (former != NULL)
        take_name(s, stage, former);
    int rc = find_conversion(s, stage, &shown, was, is, e);
    verdict->alters = found.version || s->facts[stage->index].converted;
    if (rc == 0 && s->facts[stage->index].lost)
        return 0;
    if (rc == 0)
        rc = find_position(s, &shown, was, verdict, e);
    if (rc == 0)
        forget_unused(s, was, is, verdict);
    if (rc == ERR_MISMATCH || rc == ERR_CORRUPT) {
        err_name_stage(e, stage->base);
        refuse_known(s, stage, e->text);
        return 0;
    }
    if (rc == 0)
        say_changes(s, stage);
    return rc;
}
