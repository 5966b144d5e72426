/* SPDX-License-Identifier: MIT */
/*
 * How far the stages are, according to their files, before anything is opened.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/bytes.h"
#include "common/file.h"
#include "stages/host/layout_p.h"
#include "stages/stage.h"
#include "stages/store/cursor.h"

/* Reads the position of one of the workers that the stage is laid out for. */
static int read_worker(const struct topology *topology, const struct stage *stage, int dir_fd,
                       const struct layout_file *layout, size_t worker, bool *ret_found,
                       seq_number *ret_seq, seq_number *ret_most, struct err *e)
{
    if (stage->kind->store_spec == NULL) {
        uint8_t payload[CURSOR_PAYLOAD_BYTES];
        int rc = cursor_read(dir_fd, stage->kind->cursor_magic, payload, ret_found, e);
        if (rc == 0 && *ret_found)
            *ret_seq = *ret_most = bytes_get_u64(payload);
        return rc;
    }
    struct store_spec spec;
    int rc = layout_read_spec(topology, stage, dir_fd, layout, worker, &spec, ret_found, e);
    return rc == 0 && *ret_found
               ? store_read_position(dir_fd, &spec, ret_found, ret_seq, ret_most, e)
               : rc;
}

static void add(struct layout_position *position, size_t before, bool found, seq_number seq,
                seq_number most)
{
    /* A worker without a position is at the beginning. */
    if (!found)
        seq = most = 0;
    if (seq < position->least)
        position->least = seq;
    if (most > position->most)
        position->most = most;
    position->partial |= before != 0 && position->found != found;
    position->found |= found;
}

static int read_workers(const struct topology *topology, const struct stage *stage, int base_fd,
                        struct layout_position *position, struct err *e)
{
    struct layout_file layout;
    int rc = layout_file_read(base_fd, &layout, e);
    for (size_t i = 0; rc == 0 && i < layout.workers; i++) {
        int dir_fd = base_fd;
        bool found = false;
        seq_number seq = 0, most = 0;
        if (layout.workers > 1)
            rc = layout_open_worker(base_fd, i, &dir_fd, e);
        if (rc == 0)
            rc = read_worker(topology, stage, dir_fd, &layout, i, &found, &seq, &most, e);
        if (rc == 0 && most > SEQ_MAX)
            rc = err_set(e, ERR_CORRUPT,
                         "it has the position %" PRIu64 ", which is beyond any possible seq", most);
        if (rc == 0)
            add(position, i, found, seq, most);
        if (dir_fd >= 0 && dir_fd != base_fd)
            (void)close(dir_fd);
    }
    return rc;
}

int layout_read_position(int stages_fd, const struct topology *topology, const struct stage *stage,
                         struct layout_position *ret_position, struct err *e)
{
    *ret_position = (struct layout_position){.kept = kind_keeps(stage->kind)};
    if (!ret_position->kept)
        return 0;
    int base_fd;
    int rc = file_open(stages_fd, stage->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &base_fd, e);
    if (rc == ERR_NOT_FOUND)
        return 0;
    if (rc != 0)
        return rc;
    struct layout_position position = {.kept = true, .least = UINT64_MAX};
    rc = read_workers(topology, stage, base_fd, &position, e);
    (void)close(base_fd);
    if (rc != 0)
        return err_wrap(e, "'stages/%s'", stage->base);
    if (position.found)
        *ret_position = position;
    return 0;
}
