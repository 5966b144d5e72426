/* SPDX-License-Identifier: MIT */
/*
 * From one number of workers to another, and from one form of the state to another: builds the new
 * directory of a stage beside the old one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/check.h"
#include "common/file.h"
#include "common/memory.h"
#include "common/random.h"
#include "stages/host/layout_p.h"
#include "stages/host/quarantine.h"
#include "stages/stage.h"
#include "stages/store/store_parts.h"

/* The stage whose files move to other workers. */
struct move {
    int stages_fd;
    const struct topology *topology;
    const struct stage *stage; /* the first of the new workers */
    struct layout_file old, new;
    struct layout_specs specs;  /* of the old stores */
    struct state_change change; /* what becomes of them */
    struct store_rewrite rewrite;
    int old_fds[WORKERS_MAX], new_fds[WORKERS_MAX];
    char old_names[WORKERS_MAX][LAYOUT_PATH_BYTES_MAX];
    int new_base_fd;
    struct store_parts *parts; /* NULL for a kind without state */
    struct quarantine quarantine;
};

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

typedef int visit_file(struct move *m, size_t worker, const char *name, struct err *e);

/* Visits every file of an old worker. */
static int each_file(struct move *m, size_t worker, visit_file *visit, struct err *e)
{
    int copy = openat(m->old_fds[worker], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (dir == NULL) {
        (void)err_set_errno(e, "cannot list '%s'", m->old_names[worker]);
        if (copy >= 0)
            (void)close(copy);
        return ERR_IO;
    }
    int rc = 0;
    struct dirent *entry;
    while (rc == 0 && (errno = 0, entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = visit(m, worker, entry->d_name, e);
    }
    if (rc == 0 && errno != 0)
        rc = err_set_errno(e, "cannot list '%s'", m->old_names[worker]);
    (void)closedir(dir);
    return rc;
}

/* Refuses a file that we do not know how to redistribute; it must not be left behind silently. */
static int check_file(struct move *m, size_t worker, const char *name, struct err *e)
{
    bool known = strncmp(name, QUARANTINE_FILE, strlen(QUARANTINE_FILE)) == 0 ||
                 layout_is_claim(name) || ends_with(name, ".torn") ||
                 (m->parts != NULL && strncmp(name, "store.", 6) == 0);
    if (known)
        return 0;
    return err_set(e, ERR_MISMATCH,
                   "'%s/%s' cannot be redistributed to other workers: a stage of kind '%s' keeps "
                   "no such file; restore the stage as it was, use another state directory, or use "
                   "--discard STAGE to discard the state of this stage",
                   m->old_names[worker], name, m->stage->kind->name);
}

/* Keeps a file that is only for people to read, under a new name, with the new workers. */
static int keep_evidence(struct move *m, size_t worker, const char *name, const char *suffix,
                         struct err *e)
{
    bool named = strncmp(name, LAYOUT_EVIDENCE_PREFIX, strlen(LAYOUT_EVIDENCE_PREFIX)) == 0;
    char *kept = named ? memory_dup(name, strlen(name))
                       : memory_format(LAYOUT_EVIDENCE_PREFIX "%zu-of-%zu.%s%s", worker,
                                       m->old.workers, name, suffix);
    int rc = linkat(m->old_fds[worker], name, m->new_fds[0], kept, 0);
    if (rc != 0 && errno != EEXIST)
        rc = err_set_errno(e, "cannot keep '%s/%s'", m->old_names[worker], name);
    else
        rc = 0;
    free(kept);
    return rc;
}

static int keep_torn(struct move *m, size_t worker, const char *name, struct err *e)
{
    return ends_with(name, ".torn") ? keep_evidence(m, worker, name, "", e) : 0;
}

static int open_again(int dir_fd, int *ret_fd, struct err *e)
{
    return file_open(dir_fd, ".", O_RDONLY | O_DIRECTORY, 0, ret_fd, e);
}

static int open_old(struct move *m, int base_fd, struct err *e)
{
    for (size_t i = 0; i < m->old.workers; i++) {
        struct stage worker = *m->stage;
        worker.worker = i;
        worker.workers = m->old.workers;
        (void)layout_path(&worker, m->old_names[i]);
        int rc = 0;
        if (m->old.workers > 1)
            rc = layout_open_worker(base_fd, i, &m->old_fds[i], e);
        else
            rc = open_again(base_fd, &m->old_fds[i], e);
        if (rc != 0)
            return err_wrap(e, "'stages/%s'", m->stage->base);
    }
    return 0;
}

static int load_stores(struct move *m, struct err *e)
{
    struct store_part parts[WORKERS_MAX] = {{0}};
    for (size_t i = 0; i < m->old.workers; i++)
        parts[i] = (struct store_part){
            .dir_fd = m->old_fds[i], .name = m->old_names[i], .spec = m->specs.of[i]};
    int rc = store_parts_load(parts, m->old.workers, &m->parts, e);
    if (rc == 0 && layout_is_conversion(&m->change) &&
        !store_parts_are_level(m->parts, m->stage->workers))
        rc = layout_refuse_unlevel(m->stage, m->old.workers, e);
    return rc;
}

static int load_quarantines(struct move *m, struct err *e)
{
    char *owner = layout_owner(m->topology, m->stage);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < m->old.workers; i++) {
        struct quarantine quarantine = {0};
        rc = quarantine_load(m->old_fds[i], owner, &quarantine, e);
        if (rc != 0)
            (void)err_wrap(e, "'%s'", m->old_names[i]);
        else
            quarantine_merge(&m->quarantine, &quarantine);
        quarantine_done(&quarantine);
    }
    free(owner);
    return rc;
}

/* Reads everything that the old workers have left. If there were none, the stage is new. */
static int load(struct move *m, int base_fd, struct err *e)
{
    int rc = open_old(m, base_fd, e);
    if (rc == 0 && m->old.workers != 0 && m->stage->kind->store_spec != NULL)
        rc = load_stores(m, e);
    for (size_t i = 0; rc == 0 && i < m->old.workers; i++)
        rc = each_file(m, i, check_file, e);
    return rc == 0 ? load_quarantines(m, e) : rc;
}

static int choose_secret(struct move *m, struct err *e)
{
    m->new = (struct layout_file){.workers = m->stage->workers};
    if (m->parts != NULL)
        memcpy(m->new.secret, store_parts_secret(m->parts), sizeof m->new.secret);
    else
        return random_bytes(m->new.secret, sizeof m->new.secret, e);
    return 0;
}

static struct store_conversion conversion_of(const struct move *m)
{
    return (struct store_conversion){.shift_ns = m->change.shift_ns,
                                     .shifts_clock = m->change.shifts_clock,
                                     .forgets_expiry = m->change.forgets_expiry,
                                     .rewrite = m->rewrite.change != NULL ? &m->rewrite : NULL};
}

static int write_worker(struct move *m, size_t worker, struct err *e)
{
    int rc = 0;
    if (m->parts != NULL) {
        struct store_spec spec;
        struct store_conversion conversion = conversion_of(m);
        layout_store_spec(m->topology, m->stage, worker, m->new.workers, &spec);
        rc = store_parts_write(m->parts, worker, m->new.workers, m->new_fds[worker], &spec,
                               layout_is_conversion(&m->change) ? &conversion : NULL, e);
    }
    if (rc == 0 && m->quarantine.count != 0) {
        char *owner = layout_owner(m->topology, m->stage);
        rc = quarantine_write(m->new_fds[worker], owner, &m->quarantine, e);
        free(owner);
    }
    return rc;
}

static int write_evidence(struct move *m, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < m->old.workers; i++) {
        rc = each_file(m, i, keep_torn, e);
        char room[STORE_FILE_NAME_BYTES_MAX];
        const char *name = m->parts != NULL ? store_parts_torn_log(m->parts, i, room) : NULL;
        if (rc == 0 && name != NULL)
            rc = keep_evidence(m, i, name, ".torn", e);
    }
    return rc;
}

static int open_new(struct move *m, struct err *e)
{
    struct layout_names names = layout_names_of(m->stage->base);
    int rc = file_make_dir(m->stages_fd, names.built, &m->new_base_fd, e);
    if (rc == 0 && m->new.workers > 1)
        rc = layout_file_write(m->new_base_fd, &m->new, e);
    for (size_t i = 0; rc == 0 && i < m->new.workers; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "%zu", i);
        if (m->new.workers > 1)
            rc = file_make_dir(m->new_base_fd, name, &m->new_fds[i], e);
        else
            rc = open_again(m->new_base_fd, &m->new_fds[i], e);
    }
    return rc;
}

/* Writes the whole new directory, and makes it safe. */
static int build(struct move *m, int old_base_fd, struct err *e)
{
    int rc = open_new(m, e);
    if (rc == 0 && old_base_fd >= 0)
        rc = layout_copy_claims(old_base_fd, m->new_base_fd, e);
    for (size_t i = 0; rc == 0 && i < m->new.workers; i++)
        rc = write_worker(m, i, e);
    if (rc == 0)
        rc = write_evidence(m, e);
    for (size_t i = 0; rc == 0 && i < m->new.workers; i++)
        rc = file_sync_dir(m->new_fds[i], e);
    if (rc == 0)
        rc = file_sync_dir(m->new_base_fd, e);
    return rc == 0 ? file_sync_dir(m->stages_fd, e) : rc;
}

static void move_done(struct move *m)
{
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        if (m->old_fds[i] >= 0)
            (void)close(m->old_fds[i]);
        if (m->new_fds[i] >= 0)
            (void)close(m->new_fds[i]);
    }
    if (m->new_base_fd >= 0)
        (void)close(m->new_base_fd);
    store_parts_free(m->parts);
    quarantine_done(&m->quarantine);
    state_change_done(&m->change);
    free(m->rewrite.context);
}

/* Reads how a stage is laid out; *ret_fd is -1 if it has no directory. */
static int read_layout(int stages_fd, const struct stage *stage, int *ret_fd,
                       struct layout_file *ret_file, struct err *e)
{
    *ret_fd = -1;
    *ret_file = (struct layout_file){.workers = 0};
    int rc = file_open(stages_fd, stage->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, ret_fd, e);
    if (rc == ERR_NOT_FOUND)
        return 0;
    if (rc == 0)
        rc = layout_file_read(*ret_fd, ret_file, e);
    return rc == 0 ? 0 : err_wrap(e, "'stages/%s'", stage->base);
}

/* Refuses a state that would be lost; the caller has removed it before if that was wanted. */
static int refuse_lost(struct move *m, struct err *e)
{
    struct store_spec is;
    layout_store_spec(m->topology, m->stage, 0, m->old.workers, &is);
    return err_set(e, ERR_MISMATCH,
                   "the state was written for {%s}, but the topology now has {%s}: %s; restore the "
                   "old options, or use --discard %s to discard that state and begin with an empty "
                   "one",
                   m->specs.found->schema, is.schema, buf_text(&m->change.says), m->stage->base);
}

/* Finds out what the stage has, and whether it can be used as it is. */
static int examine(struct move *m, const char *left, int *ret_base_fd, bool *ret_as_it_is,
                   struct err *e)
{
    int rc = read_layout(m->stages_fd, m->stage, ret_base_fd, &m->old, e);
    if (rc != 0)
        return rc;
    /* A directory without files was created, but no stage has begun in it. */
    if (m->old.workers == 1 && m->stage->workers > 1 &&
        !layout_is_kept(m->stages_fd, m->stage->base))
        m->old.workers = 0;
    if (m->old.workers != 0 && m->stage->kind->store_spec != NULL) {
        rc = layout_find_change(m->topology, m->stage, *ret_base_fd, &m->old, left, &m->specs,
                                &m->change, e);
        if (rc == 0 && m->change.verdict == STATE_LOST)
            rc = refuse_lost(m, e);
        if (rc != 0)
            return err_wrap(e, "'stages/%s'", m->stage->base);
    }
    bool as_many = m->old.workers == m->stage->workers || m->old.workers + m->stage->workers == 1;
    *ret_as_it_is = as_many && m->change.verdict == STATE_GOES_ON;
    return 0;
}

static void tell(const struct move *m, void (*note)(const char *text))
{
    bool converted = layout_is_conversion(&m->change);
    struct buf text = {0};
    buf_add_format(&text, "stage '%s': its state is %s", m->stage->base,
                   converted ? "converted" : "redistributed");
    if (m->old.workers != m->stage->workers)
        buf_add_format(&text, "%s from %zu to %zu worker%s", converted ? ", and redistributed" : "",
                       m->old.workers, m->stage->workers, m->stage->workers == 1 ? "" : "s");
    if (converted || m->old.workers != m->stage->workers)
        note(buf_text(&text));
    buf_done(&text);
}

/* Reads what there is, and writes what it becomes. */
static int rebuild(struct move *m, int base_fd, bool *ret_built, struct err *e)
{
    m->new.workers = m->stage->workers;
    int rc = load(m, base_fd, e);
    if (rc == 0)
        rc = choose_secret(m, e);
    if (rc != 0)
        return rc;
    if (layout_is_conversion(&m->change) && m->stage->kind->rewrite_state != NULL)
        m->stage->kind->rewrite_state(m->stage, &m->change, &m->rewrite);
    *ret_built = true;
    rc = build(m, base_fd, e);
    if (rc == 0)
        return 0;
    if (m->change.verdict == STATE_CONVERTED)
        return err_wrap(e, "cannot convert 'stages/%s'", m->stage->base);
    return err_wrap(e, "cannot change the number of workers in 'stages/%s' to %zu", m->stage->base,
                    m->stage->workers);
}

int layout_build(int stages_fd, const struct topology *topology, const struct stage *stage,
                 const char *left, void (*note)(const char *text), bool *ret_built, struct err *e)
{
    struct move *m = memory_new(1, sizeof *m);
    *m = (struct move){
        .stages_fd = stages_fd, .topology = topology, .stage = stage, .new_base_fd = -1};
    for (size_t i = 0; i < WORKERS_MAX; i++)
        m->old_fds[i] = m->new_fds[i] = -1;
    int base_fd = -1;
    bool as_it_is = true;
    int rc = examine(m, left, &base_fd, &as_it_is, e);
    if (rc == 0 && !as_it_is)
        rc = rebuild(m, base_fd, ret_built, e);
    if (rc == 0 && *ret_built && note != NULL && m->old.workers != 0)
        tell(m, note);
    if (base_fd >= 0)
        (void)close(base_fd);
    move_done(m);
    free(m);
    return rc;
}
