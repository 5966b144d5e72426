/* SPDX-License-Identifier: MIT */
#include "supervisor/run/stage_paths.h"

#include "common/path.h"

struct check {
    const struct stage *stage;
    struct err *e;
    int rc; /* of the first path that is wrong */
};

static void check_path(void *context, const struct option_value *path)
{
    static const char *const hints[] = {
        [KIND_SOURCE] = "; to read standard input, use stdin.source",
        [KIND_STEP] = "",
        [KIND_SINK] = "; to write standard output, use stdout.sink",
    };
    struct check *c = context;
    struct buf way = {0};
    if (c->rc == 0 && path_is_of_process(path->text, &way))
        c->rc = err_set(c->e, ERR_MISMATCH,
                        "'%s: %s' leads to %s, which is a different file in every process, and "
                        "each stage is a process; give the name of the file itself%s",
                        path->spec->name, path->text, buf_text(&way), hints[c->stage->kind->role]);
    buf_done(&way);
}

int stage_paths_check(const struct stage *stage, struct err *e)
{
    struct check check = {.stage = stage, .e = e};
    options_each_path(stage->options, check_path, &check);
    return check.rc;
}
