/* SPDX-License-Identifier: MIT */
/*
 * The old stores are rebuilt in memory. A new store is written as a checkpoint and an empty log.
 * The blocks of a checkpoint are key groups, so each is written from the image of its old owner.
 * Both files have the number 2, so that a missing checkpoint is noticed: only number 1 has none.
 *
 * Entries that had expired for their old owner are left out. So no entry of a group that is ahead
 * expires before the group is level, and a search for what expires until then does not find any.
 *
 * A conversion would break this, for what it moves is the time of all groups at once, but the clock
 * of a group that is ahead is not known here. Workers that were killed at different seqs can be
 * converted if each keeps its groups, its position and its clock.
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
        image_dump_init(&dump, &p->stores[part]->image, group, NULL);
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

/* The old store with the position and the clock of a new one. */
static const struct store *base_of(const struct store_parts *p, size_t worker, size_t workers)
{
    return workers == p->count ? p->stores[worker] : p->least;
}

static bool is_unused(const struct store *s)
{
    return store_committed(s) == 0 && s->level == 0;
}

/* Whether there is nothing to write for a new store. */
static bool is_empty(const struct store_parts *p, size_t worker, size_t workers)
{
    bool empty = true;
    for (size_t i = 0; i < p->count; i++)
        empty &= is_unused(p->stores[i]) || (workers == p->count && i != worker);
    return empty;
}

/* The position of a group, which may already have been ahead of its old owner. */
static seq_number position_of(const struct store *owner, unsigned group)
{
    seq_number position = image_position(&owner->image, group);
    return position > store_committed(owner) ? position : store_committed(owner);
}

bool store_parts_are_level(const struct store_parts *p, size_t workers)
{
    for (unsigned group = 0; group < KEY_GROUPS; group++) {
        const struct store *owner = p->stores[partition_worker_of_group(group, p->count)];
        const struct store *base = base_of(p, partition_worker_of_group(group, workers), workers);
        if (position_of(owner, group) > store_committed(base))
            return false;
    }
    return true;
}

static int write_groups(const struct store_parts *p, struct store_checkpoint *c, size_t worker,
                        size_t workers, struct err *e)
{
    seq_number committed = store_committed(base_of(p, worker, workers));
    struct buf scratch = {0};
    int rc = 0;
    while (rc == 0 && c->next_group < KEY_GROUPS) {
        bool own = partition_worker_of_group(c->next_group, workers) == worker;
        const struct store *owner = p->stores[partition_worker_of_group(c->next_group, p->count)];
        seq_number position = position_of(owner, c->next_group);
        const struct store_rewrite *rewrite = c->form != NULL ? c->form->rewrite : NULL;
        if (own && rewrite != NULL)
            rewrite->begin(rewrite->context, owner, c->next_group);
        rc = store_checkpoint_write_group(c, own ? &owner->image : NULL,
                                          own && position > committed ? position : 0, &scratch, e);
    }
    buf_done(&scratch);
    return rc;
}

/* Moves the clock. One that was never advanced stays so. */
static int shift_clock(int64_t *clock, int64_t shift_ns, struct err *e)
{
    int64_t moved;
    if (*clock == STORE_CLOCK_START)
        return 0;
    if (__builtin_add_overflow(*clock, shift_ns, &moved) || moved == STORE_CLOCK_START ||
        moved == STORE_NEVER)
        return err_set(
            e, ERR_MISMATCH,
            "its clock would be moved beyond the first or the last moment of time; use a "
            "duration that is closer to the former one");
    *clock = moved;
    return 0;
}

/* Finds out what the entries become in a new store with this header, and its clock. */
static int make_form(const struct store_conversion *conversion, struct store_file_header *header,
                     struct image_form *ret_form, struct err *e)
{
    int rc = conversion->shifts_clock ? shift_clock(&header->clock, conversion->shift_ns, e) : 0;
    *ret_form = (struct image_form){.expires = header->expires,
                                    .never = conversion->forgets_expiry || !header->expires,
                                    .shift_ns = conversion->shift_ns,
                                    .clock = header->clock,
                                    .rewrite = conversion->rewrite};
    return rc;
}

int store_parts_write(const struct store_parts *p, size_t worker, size_t workers, int dir_fd,
                      const struct store_spec *spec, const struct store_conversion *conversion,
                      struct err *e)
{
    REQUIRE(!spec->has_secret ||
            memcmp(spec->secret, store_parts_secret(p), STORE_SECRET_BYTES) == 0);
    REQUIRE(conversion == NULL || store_parts_are_level(p, workers));
    if (is_empty(p, worker, workers))
        return 0;
    const struct store *base = base_of(p, worker, workers);
    REQUIRE(spec->value_len == base->spec.value_len &&
            (conversion != NULL || spec->expires == base->spec.expires));
    struct store_file_header header = store_header(base, FIRST_NUMBER);
    struct image_form form;
    header.expires = spec->expires;
    memcpy(header.schema, spec->schema, sizeof header.schema);
    int rc = conversion != NULL ? make_form(conversion, &header, &form, e) : 0;
    if (rc != 0)
        return rc;
    struct store_checkpoint checkpoint;
    rc = store_checkpoint_begin(&checkpoint, dir_fd, &header, conversion != NULL ? &form : NULL, e);
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
