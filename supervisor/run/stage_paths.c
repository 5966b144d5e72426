/* SPDX-License-Identifier: MIT */
#include "supervisor/run/stage_paths.h"

#include "common/path.h"

static int check_option(const struct stage *stage, const struct option_value *option, struct err *e)
{
    static const char *const hints[] = {
        [KIND_SOURCE] = "; to read standard input, use stdin.source",
        [KIND_STEP] = "",
        [KIND_SINK] = "; to write standard output, use stdout.sink",
    };
    struct buf way = {0};
    int rc = 0;
    if (path_is_of_process(option->text, &way))
        rc = err_set(e, ERR_MISMATCH,
                     "'%s: %s' leads to %s, which is another file in every process, and a stage is "
                     "a process of its own; give the name of the file itself%s",
                     option->spec->name, option->text, buf_text(&way), hints[stage->kind->role]);
    buf_done(&way);
    return rc;
}

static int check_options(const struct stage *stage, const struct options *options, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < options->count; i++) {
        const struct option_value *option = &options->items[i];
        if (option->spec->tag == OPTION_PATH && option->present)
            rc = check_option(stage, option, e);
        bool has_groups = option->spec->tag == OPTION_GROUP || option->spec->tag == OPTION_GROUPS;
        for (size_t k = 0; has_groups && rc == 0 && k < option->count; k++)
            rc = check_options(stage, option->groups[k].options, e);
    }
    return rc;
}

int stage_paths_check(const struct stage *stage, struct err *e)
{
    return check_options(stage, stage->options, e);
}
