/* SPDX-License-Identifier: MIT */
#include "topology/kind.h"

#include <string.h>

#include "common/bounds.h"
#include "common/check.h"

const struct option_spec kind_common_options[] = {
    {.name = "memory_max",
     .tag = OPTION_SIZE,
     .min = MEMORY_BYTES_MIN,
     .max = MEMORY_BYTES_MAX,
     .neutral = true,
     .meaning = "the limit on the memory of each worker process, including what it keeps about "
                "keys"},
    {.name = "workers",
     .tag = OPTION_INT,
     .fallback = "1",
     .min = 1,
     .max = WORKERS_MAX,
     .neutral = true,
     .meaning = "the number of processes that share the work; it does not affect the output"},
    {.name = "by",
     .tag = OPTION_FIELDS,
     .neutral = true,
     .meaning = "records with the same values in these fields go to the same worker"},
    {.name = "renamed_from",
     .tag = OPTION_TEXT,
     .neutral = true,
     .meaning =
         "the former name of the stage, whose state goes on under the new one; has no effect "
         "once that is done"},
    {0},
};

const char *const *kind_useless_keys(const struct kind *kind)
{
    static const char *const of_source[] = {"from", "workers", "by", NULL};
    static const char *const of_one[] = {"workers", "by", NULL};
    static const char *const of_merge[] = {"by", NULL};
    if (kind->role == KIND_SOURCE)
        return of_source;
    if (kind->partition == KIND_ALONE)
        return of_one;
    return kind->merges ? of_merge : NULL;
}

const struct kind *kind_find(kind_registry registry, const char *name)
{
    for (; registry->kind != NULL; registry++) {
        if (strcmp(registry->kind->name, name) == 0)
            return registry->kind;
    }
    return NULL;
}

const struct option_spec *kind_output_option(const struct kind *kind)
{
    const struct option_spec *output = NULL;
    for (const struct option_spec *spec = kind->options; spec->name != NULL; spec++) {
        if (spec->tag != OPTION_PATH_OUT)
            continue;
        INVARIANT(output == NULL);
        output = spec;
    }
    return output;
}

const struct stage_ops *kind_ops(kind_registry registry, const struct kind *kind)
{
    while (registry->kind != kind) {
        INVARIANT(registry->kind != NULL);
        registry++;
    }
    return registry->ops;
}
