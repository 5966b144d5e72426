/* SPDX-License-Identifier: MIT */
/*
 * The old stores are rebuilt in memory. A new store is written as a checkpoint and an empty log.
 * The blocks of a checkpoint are key groups, so each is written from the image of its old owner.
 * Both files have the number 2, so that a missing checkpoint is noticed: only number 1 has none.
 *
 * Entries that had expired for their old owner are left out. So no entry of a group that is ahead
 * expires before the group is level, and a search for what expires until then does not find any.
 */
#include "stages/store/store_parts.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/check.h"
#include "common/memory.h"
#include "stages/store/store_dump.h"
#include "stages/store/store_p.h"
#include "topology/partition.h"

#define FIRST_NUMBER 2u

struct store_parts {
    struct store *stores[WORKERS_MAX];
    bool torn[WORKERS_MAX];
    size_t count;
    const struct store *least; /* the one with the lowest position */
};

/* Refuses a worker with keys of a group of another worker: they were not distributed by us. */
static int check_groups(const struct store_parts *p, size_t part, struct err *e)
{
    int rc = 0;
    for (unsigned group = 0; rc == 0 && group < KEY_GROUPS; group++) {
        if (partition_worker_of_group(group, p->count) == part)
            continue;
        struct image_dump dump;
        image_dump_init(&dump, &p->stores[part]->image, group);
        if (image_dump_left(&dump) != 0)
            rc = err_set(e, ERR_CORRUPT, "has keys of group %u, which belongs to another worker",
                         group);
        image_dump_done(&dump);
    }
    return rc;
}

int store_parts_load(const struct store_part *parts, size_t count, struct store_parts **ret_parts,
                     struct err *e)
{
    REQUIRE(count >= 1 && count <= WORKERS_MAX);
    struct store_parts *p = memory_new(1, sizeof *p);
    p->count = count;
    for (size_t i = 0; i < count; i++) {
        REQUIRE(count == 1 || parts[i].spec.has_secret);
        int rc = store_load(parts[i].dir_fd, &parts[i].spec, &p->stores[i], &p->torn[i], e);
        if (rc == 0)
            rc = check_groups(p, i, e);
        if (rc != 0) {
            store_parts_free(p);
            return err_wrap(e, "state in '%s'", parts[i].name);
        }
        if (p->least == NULL || store_committed(p->stores[i]) < store_committed(p->least))
            p->least = p->stores[i];
    }
    *ret_parts = p;
    return 0;
}

void store_parts_free(struct store_parts *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->count; i++)
        store_close(p->stores[i]);
    free(p);
}

const uint8_t *store_parts_secret(const struct store_parts *p)
{
    return image_secret(&p->stores[0]->image);
}

const char *store_parts_torn_log(const struct store_parts *p, size_t part,
                                 char ret_name[STORE_FILE_NAME_BYTES_MAX])
{
    if (!p->torn[part])
        return NULL;
    return store_log_name(image_commit_get(&p->stores[part]->image).log_number, ret_name);
}

static bool is_empty(const struct store_parts *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (store_committed(p->stores[i]) != 0 || p->stores[i]->level != 0)
            return false;
    }
    return true;
}

/* The position of a group, which may already have been ahead of its old owner. */
static seq_number position_of(const struct store *owner, unsigned group)
{
    seq_number position = image_position(&owner->image, group);
    return position > store_committed(owner) ? position : store_committed(owner);
}

static int write_groups(const struct store_parts *p, struct store_checkpoint *c, size_t worker,
                        size_t workers, struct err *e)
{
    struct buf scratch = {0};
    int rc = 0;
    while (rc == 0 && c->next_group < KEY_GROUPS) {
        bool own = partition_worker_of_group(c->next_group, workers) == worker;
        const struct store *owner = p->stores[partition_worker_of_group(c->next_group, p->count)];
        seq_number position = position_of(owner, c->next_group);
        rc = store_checkpoint_write_group(
            c, own ? &owner->image : NULL,
            own && position > store_committed(p->least) ? position : 0, &scratch, e);
    }
    buf_done(&scratch);
    return rc;
}

int store_parts_write(const struct store_parts *p, size_t worker, size_t workers, int dir_fd,
                      const struct store_spec *spec, struct err *e)
{
    REQUIRE(!spec->has_secret ||
            memcmp(spec->secret, store_parts_secret(p), STORE_SECRET_BYTES) == 0);
    if (is_empty(p))
        return 0;
    struct store_file_header header = store_header(p->least, FIRST_NUMBER);
    header.value_len = spec->value_len;
    header.expires = spec->expires;
    memcpy(header.schema, spec->schema, sizeof header.schema);
    struct store_checkpoint checkpoint;
    int rc = store_checkpoint_begin(&checkpoint, dir_fd, &header, e);
    if (rc == 0)
        rc = write_groups(p, &checkpoint, worker, workers, e);
    if (rc == 0)
        rc = store_checkpoint_finish(&checkpoint, dir_fd, FIRST_NUMBER, true, NULL, e);
    store_checkpoint_abandon(&checkpoint);
    int log_fd = -1;
    if (rc == 0)
        rc = store_log_create(dir_fd, &header, true, &log_fd, e);
    if (log_fd >= 0)
        (void)close(log_fd);
    return rc;
}
