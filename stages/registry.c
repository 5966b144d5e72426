/* SPDX-License-Identifier: MIT */
#include "stages/registry.h"

#include <stdio.h>

#include "common/check.h"
#include "stages/stage.h"

/* The name of a function that the role of this kind requires and the kind lacks; NULL: none. */
static const char *missing_function(const struct kind *kind, const struct stage_ops *ops)
{
    if (ops->open == NULL)
        return "open";
    if (ops->close == NULL)
        return "close";
    if (kind->role == KIND_STEP)
        return ops->step == NULL ? "step" : NULL;
    if (kind->role == KIND_SOURCE && ops->read == NULL)
        return "read";
    if (kind->role == KIND_SINK && ops->write == NULL)
        return "write";
    if (ops->position == NULL)
        return "position";
    return ops->commit == NULL ? "commit" : NULL;
}

static void require(bool good, const struct kind *kind, const char *what)
{
    if (good)
        return;
    char text[256];
    (void)snprintf(text, sizeof text, "kind '%s' %s", kind->name, what);
    panic("requirement", text, __FILE__, __LINE__);
}

void registry_require(kind_registry kinds)
{
    for (const struct kind_entry *entry = kinds; entry->kind != NULL; entry++) {
        const struct kind *kind = entry->kind;
        require(kind_find(kinds, kind->name) == kind, kind, "is registered twice");
        require(entry->ops != NULL || kind->program != NULL, kind,
                "has no functions and names no program that has them");
        const char *missing = entry->ops != NULL ? missing_function(kind, entry->ops) : NULL;
        char what[64];
        (void)snprintf(what, sizeof what, "has no function %s()", missing != NULL ? missing : "");
        require(missing == NULL, kind, what);
    }
}
