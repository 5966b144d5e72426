/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a state that was written for another form of its stage.
 *
 * A schema in a file is "TOPOLOGY/STAGE[.WORKER/WORKERS] SCHEMA[ by=FIELD,FIELD]", see
 * layout_store_spec(). Only the part in the middle is the business of the kind. Long texts are
 * shortened. Then whole texts can still be compared, and nothing else.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/check.h"
#include "common/file.h"
#include "common/memory.h"
#include "common/text.h"
#include "stages/host/layout_p.h"

#define BY_MARK " by="

/* A schema without its owner. */
struct parts {
    char kind[STORE_SCHEMA_BYTES_MAX + 1]; /* what the kind has written */
    const char *by;                        /* "k,n", or "" */
};

/* If a schema begins with this owner, returns where the rest begins; otherwise NULL. */
static const char *after_owner(const char *schema, const char *topology, const char *base,
                               size_t worker, size_t workers)
{
    struct buf owner = {0};
    layout_add_owner(topology, base, worker, workers, &owner);
    buf_add_byte(&owner, ' ');
    bool fits = strncmp(schema, buf_text(&owner), owner.len) == 0;
    const char *rest = fits ? schema + owner.len : NULL;
    buf_done(&owner);
    return rest;
}

/* Finds the name of the stage in the owner of a schema. Returns whether there may be one. */
static bool read_base(const char *schema, const struct topology *topology,
                      char ret_base[NAME_BYTES_MAX + 1])
{
    size_t len = strlen(topology->name);
    if (strncmp(schema, topology->name, len) != 0 || schema[len] != '/')
        return false;
    const char *base = schema + len + 1;
    size_t base_len = strcspn(base, ". /");
    if (base_len == 0 || base_len > NAME_BYTES_MAX)
        return false;
    (void)snprintf(ret_base, NAME_BYTES_MAX + 1, "%.*s", (int)base_len, base);
    return true;
}

/* Whether a store in a directory belongs to a stage, by the name that this has or has had. */
static bool is_owned(const char *schema, const struct topology *topology, const struct stage *stage,
                     int dir_fd, size_t worker, size_t workers)
{
    char base[NAME_BYTES_MAX + 1], former[sizeof LAYOUT_FORMER_PREFIX + NAME_BYTES_MAX];
    if (!read_base(schema, topology, base) ||
        after_owner(schema, topology->name, base, worker, workers) == NULL)
        return false;
    (void)snprintf(former, sizeof former, LAYOUT_FORMER_PREFIX "%s", base);
    return strcmp(base, stage->base) == 0 ||
           (stage->renamed_from != NULL && strcmp(base, stage->renamed_from) == 0) ||
           faccessat(dir_fd, former, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int refuse_owner(const char *schema, const struct topology *topology,
                        const struct stage *stage, size_t worker, size_t workers, struct err *e)
{
    struct buf was = {0}, is = {0};
    text_printable(schema, strcspn(schema, " "), STORE_SCHEMA_BYTES_MAX, &was);
    layout_add_owner(topology->name, stage->base, worker, workers, &is);
    int rc =
        err_set(e, ERR_MISMATCH,
                "the state was written for '%s', and not for '%s'; restore the state directory "
                "as it was, or use --discard %s to discard the state of this stage and begin "
                "with an empty one",
                buf_text(&was), buf_text(&is), stage->base);
    buf_done(&was);
    buf_done(&is);
    return rc;
}

int layout_read_spec(const struct topology *topology, const struct stage *stage, int dir_fd,
                     const struct layout_file *layout, size_t worker, struct store_spec *ret_spec,
                     bool *ret_found, struct err *e)
{
    layout_store_spec(topology, stage, worker, layout->workers, ret_spec);
    ret_spec->has_secret = layout->workers > 1;
    memcpy(ret_spec->secret, layout->secret, sizeof ret_spec->secret);
    int rc = store_read_spec(dir_fd, ret_found, ret_spec, e);
    if (rc == 0 && *ret_found &&
        !is_owned(ret_spec->schema, topology, stage, dir_fd, worker, layout->workers))
        rc = refuse_owner(ret_spec->schema, topology, stage, worker, layout->workers, e);
    return rc;
}

/* Splits what comes after the owner. A shortened text has its end cut off. */
static void split(const char *rest, struct parts *ret_parts)
{
    (void)snprintf(ret_parts->kind, sizeof ret_parts->kind, "%s", rest);
    ret_parts->by = "";
    char *by = NULL;
    for (char *at = strstr(ret_parts->kind, BY_MARK); at != NULL; at = strstr(at + 1, BY_MARK))
        by = at;
    if (by == NULL || store_spec_is_shortened(ret_parts->kind))
        return;
    *by = '\0';
    ret_parts->by = by + strlen(BY_MARK);
}

/* Key groups are by the hash of these fields, and the fingerprints of the store begin with them. */
static void compare_by(const char *was, const char *is, struct state_change *change)
{
    struct buf text = {0};
    if (change->verdict == STATE_LOST || strcmp(was, is) == 0)
        return;
    text_printable(was, strlen(was), STORE_SCHEMA_BYTES_MAX, &text);
    state_change_add(change, STATE_LOST,
                     "by was %s, is %s: its entries are kept in groups by these fields",
                     buf_text(&text), is);
    buf_done(&text);
    buf_reset(&change->left);
}

/* What the kind says of schemas without their owners that are not the same. */
static void compare_parts(const struct kind *kind, const struct parts *was, const struct parts *is,
                          const char *left, struct state_change *change)
{
    if (strcmp(was->kind, is->kind) == 0)
        buf_add_text(&change->left, left);
    else if (kind->change_state != NULL)
        kind->change_state(was->kind, is->kind, left, change);
    else
        state_change_add(change, STATE_LOST, "a state of kind '%s' cannot be converted",
                         kind->name);
    compare_by(was->by, is->by, change);
    /* Only the owner is another. */
    if (change->verdict == STATE_GOES_ON)
        change->verdict = STATE_CONVERTED;
}

/* Whether a schema is what the topology would have written when the stage had its former name. */
static bool is_as_renamed(const struct topology *topology, const struct stage *stage, size_t worker,
                          size_t workers, const char *schema)
{
    struct store_spec spec;
    struct stage former = *stage;
    (void)read_base(schema, topology, former.base);
    layout_store_spec(topology, &former, worker, workers, &spec);
    return strcmp(spec.schema, schema) == 0;
}

/* Compares what the store of a worker was written for with what the topology has for it. */
static void compare(const struct topology *topology, const struct stage *stage, size_t worker,
                    size_t workers, const struct store_spec *was, const char *left,
                    struct state_change *change)
{
    struct store_spec is;
    struct parts old, new;
    layout_store_spec(topology, stage, worker, workers, &is);
    bool same = strcmp(was->schema, is.schema) == 0;
    if (same || is_as_renamed(topology, stage, worker, workers, was->schema)) {
        change->verdict = same ? STATE_GOES_ON : STATE_CONVERTED;
        buf_add_text(&change->left, left);
    } else {
        split(was->schema + strcspn(was->schema, " ") + 1, &old);
        split(after_owner(is.schema, topology->name, stage->base, worker, workers), &new);
        compare_parts(stage->kind, &old, &new, left, change);
    }
    if (change->verdict != STATE_LOST &&
        (was->value_len != is.value_len ||
         (was->expires != is.expires && change->verdict == STATE_GOES_ON))) {
        state_change_add(change, STATE_LOST, "its entries have another form");
        buf_reset(&change->left);
    }
}

/* Refuses a conversion while key groups would be ahead of others; see store_parts.h. */
int layout_refuse_unlevel(const struct stage *stage, size_t workers, struct err *e)
{
    if (workers != stage->workers)
        return err_set(e, ERR_MISMATCH,
                       "its workers were killed at different records, so it cannot be given other "
                       "options and another number of workers at once; start first with %zu "
                       "worker%s, or with the former options",
                       workers, workers == 1 ? "" : "s");
    return err_set(e, ERR_MISMATCH,
                   "some of its key groups are ahead of others since they were given to other "
                   "workers after a kill, so it cannot be given other options yet; start first "
                   "with the former options, until it has read on");
}

struct finding {
    const struct topology *topology;
    const struct stage *stage;
    const struct layout_file *layout;
    const char *left;
    struct layout_specs *specs;
    struct state_change *change;
    seq_number least, most; /* of the workers and their key groups */
    bool ahead;             /* a key group is ahead of its worker */
};

/* Looks at the store of one worker. The first that is found decides, and the others are like it. */
static int find_in_worker(struct finding *f, int dir_fd, size_t worker, struct err *e)
{
    size_t workers = f->layout->workers;
    struct store_spec *spec = &f->specs->of[worker];
    bool found;
    seq_number seq = 0, most = 0;
    int rc = layout_read_spec(f->topology, f->stage, dir_fd, f->layout, worker, spec, &found, e);
    if (rc == 0 && found)
        rc = store_read_position(dir_fd, spec, &found, &seq, &most, e);
    if (rc != 0)
        return rc;
    f->least = seq < f->least ? seq : f->least;
    f->most = most > f->most ? most : f->most;
    f->ahead |= most > seq;
    if (!found)
        return 0;
    struct state_change one = {.verdict = STATE_GOES_ON};
    compare(f->topology, f->stage, worker, workers, spec, f->left, &one);
    bool first = f->specs->found == NULL;
    bool differs = !first && (one.verdict != f->change->verdict ||
                              strcmp(buf_text(&one.says), buf_text(&f->change->says)) != 0);
    if (first) {
        state_change_done(f->change);
        *f->change = one;
        f->specs->found = spec;
        return 0;
    }
    state_change_done(&one);
    return !differs ? 0
                    : err_set(e, ERR_MISMATCH,
                              "the states of its workers were written for different options; "
                              "restore the state directory as a whole");
}

int layout_find_change(const struct topology *topology, const struct stage *stage, int base_fd,
                       const struct layout_file *layout, const char *left,
                       struct layout_specs *ret_specs, struct state_change *ret_change,
                       struct err *e)
{
    struct finding f = {.topology = topology,
                        .stage = stage,
                        .layout = layout,
                        .left = left,
                        .specs = ret_specs,
                        .change = ret_change,
                        .least = UINT64_MAX};
    int rc = 0;
    ret_specs->found = NULL;
    for (size_t i = 0; rc == 0 && i < layout->workers; i++) {
        int dir_fd = base_fd;
        if (layout->workers > 1)
            rc = layout_open_worker(base_fd, i, &dir_fd, e);
        if (rc == 0)
            rc = find_in_worker(&f, dir_fd, i, e);
        if (dir_fd >= 0 && dir_fd != base_fd)
            (void)close(dir_fd);
    }
    if (rc == 0 && ret_specs->found == NULL)
        buf_add_text(&ret_change->left, left);
    bool is_level = !f.ahead && (layout->workers == stage->workers || f.least == f.most);
    if (rc == 0 && layout_is_conversion(ret_change) && !is_level)
        rc = layout_refuse_unlevel(stage, layout->workers, e);
    return rc;
}

bool layout_is_conversion(const struct state_change *change)
{
    return change->verdict == STATE_CONVERTED && change->says.len != 0;
}

int layout_read_change(int stages_fd, const struct topology *topology, const struct stage *stage,
                       const char *left, struct state_change *ret_change, struct err *e)
{
    *ret_change = (struct state_change){.verdict = STATE_GOES_ON};
    if (stage->kind->store_spec == NULL)
        return 0;
    int base_fd;
    int rc = file_open(stages_fd, stage->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &base_fd, e);
    if (rc == ERR_NOT_FOUND) {
        buf_add_text(&ret_change->left, left);
        return 0;
    }
    if (rc != 0)
        return rc;
    struct layout_file layout;
    struct layout_specs *specs = memory_new(1, sizeof *specs);
    rc = layout_file_read(base_fd, &layout, e);
    if (rc == 0)
        rc = layout_find_change(topology, stage, base_fd, &layout, left, specs, ret_change, e);
    free(specs);
    (void)close(base_fd);
    if (rc == 0)
        return 0;
    state_change_done(ret_change);
    return err_wrap(e, "'stages/%s'", stage->base);
}
