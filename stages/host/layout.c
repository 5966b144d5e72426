/* SPDX-License-Identifier: MIT */
#include "stages/host/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/buf.h"
#include "common/file.h"
#include "common/memory.h"
#include "stages/host/layout_p.h"
#include "stages/stage.h"

const char *layout_path(const struct stage *stage, char ret_path[LAYOUT_PATH_BYTES_MAX])
{
    int len = snprintf(ret_path, LAYOUT_PATH_BYTES_MAX, "stages/%s", stage->base);
    if (stage->workers > 1)
        (void)snprintf(ret_path + len, LAYOUT_PATH_BYTES_MAX - (size_t)len, "/%zu", stage->worker);
    return ret_path;
}

struct layout_names layout_names_of(const char *base)
{
    struct layout_names names;
    (void)snprintf(names.built, sizeof names.built, "%s.new", base);
    (void)snprintf(names.replaced, sizeof names.replaced, "%s.old", base);
    return names;
}

char *layout_owner(const struct topology *topology, const struct stage *stage)
{
    return memory_format("%s/%s", topology->name, stage->base);
}

void layout_add_owner(const char *topology, const char *base, size_t worker, size_t workers,
                      struct buf *out)
{
    buf_add_format(out, "%s/%s", topology, base);
    if (workers > 1)
        buf_add_format(out, ".%zu/%zu", worker, workers);
}

void layout_store_spec(const struct topology *topology, const struct stage *stage, size_t worker,
                       size_t workers, struct store_spec *ret_spec)
{
    stage->kind->store_spec(stage, ret_spec);
    struct buf text = {0};
    layout_add_owner(topology->name, stage->base, worker, workers, &text);
    buf_add_format(&text, " %s", ret_spec->schema);
    for (size_t i = 0; i < stage->by_count; i++)
        buf_add_format(&text, "%s%s", i == 0 ? " by=" : ",", stage->in->fields[stage->by[i]].name);
    store_spec_set_schema(ret_spec, buf_text(&text));
    buf_done(&text);
}

int layout_open(int stages_fd, const struct stage *stage, int *ret_fd, struct store_spec *ret_spec,
                struct err *e)
{
    int base_fd;
    int rc = file_make_dir(stages_fd, stage->base, &base_fd, e);
    if (rc != 0)
        return rc;
    struct layout_file file;
    rc = layout_file_read(base_fd, &file, e);
    if (rc == 0 && file.workers != stage->workers)
        rc = err_set(e, ERR_MISMATCH,
                     "it is laid out for %zu worker%s, not %zu: another program is changing the "
                     "state directory; stop that program, and start again",
                     file.workers, file.workers == 1 ? "" : "s", stage->workers);
    if (rc != 0 || stage->workers == 1) {
        if (rc == 0)
            *ret_fd = base_fd;
        else
            (void)close(base_fd);
        return rc == 0 ? 0 : err_wrap(e, "'stages/%s'", stage->base);
    }
    if (ret_spec != NULL) {
        ret_spec->has_secret = true;
        memcpy(ret_spec->secret, file.secret, sizeof ret_spec->secret);
    }
    rc = layout_open_worker(base_fd, stage->worker, ret_fd, e);
    (void)close(base_fd);
    return rc == 0 ? 0 : err_wrap(e, "'stages/%s'", stage->base);
}
