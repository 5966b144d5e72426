/* SPDX-License-Identifier: MIT */
/*
 * The former names of stages: `renamed_from: OLD` says that what is kept of OLD belongs to this
 * stage.
 */
#include <string.h>

#include "topology/check_p.h"

/* The former name of a stage, if it has a good one; otherwise NULL. */
static const struct option_value *former_name(const struct draft_stage *draft)
{
    if (draft->options == NULL)
        return NULL;
    const struct option_value *name = options_get(draft->options, "renamed_from");
    return name->present && !name->bad ? name : NULL;
}

static bool is_a_stage(const struct checker *c, const char *name)
{
    bool is = strcmp(name, DEAD_LETTERS_STAGE) == 0;
    for (size_t i = 0; i < c->draft_count; i++)
        is |= strcmp(c->drafts[i].name, name) == 0;
    return is;
}

/* Another stage, before this one in the file, with the same former name; NULL if there is none. */
static const struct draft_stage *first_of(const struct checker *c, const struct draft_stage *draft,
                                          const char *name)
{
    for (const struct draft_stage *other = c->drafts; other != draft; other++) {
        const struct option_value *former = former_name(other);
        if (former != NULL && strcmp(former->text, name) == 0)
            return other;
    }
    return NULL;
}

static void check_rename(struct checker *c, const struct draft_stage *draft)
{
    const struct option_value *former = former_name(draft);
    if (former == NULL || !diagnostics_check_name(c->diagnostics, former->place, former->text))
        return;
    const struct draft_stage *first = first_of(c, draft, former->text);
    if (strcmp(former->text, draft->name) == 0)
        diagnostics_add(c->diagnostics, former->place,
                        "'%s' is the name that this stage has; remove 'renamed_from:', or give the "
                        "former name",
                        former->text);
    else if (is_a_stage(c, former->text))
        diagnostics_add(c->diagnostics, former->place,
                        "there still is a stage '%s', so '%s' cannot be that stage renamed; remove "
                        "one of them",
                        former->text, draft->name);
    else if (first != NULL)
        diagnostics_add(c->diagnostics, former->place,
                        "stage '%s' is '%s' renamed already; only one stage can be", first->name,
                        former->text);
}

void check_renames(struct checker *c)
{
    for (size_t i = 0; i < c->draft_count; i++)
        check_rename(c, &c->drafts[i]);
}
