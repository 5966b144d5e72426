/* SPDX-License-Identifier: MIT */
/*
 * From one number of workers to another. The new directory is built as NAME.new and synced. Then
 * NAME is renamed to NAME.old, which decides; NAME.new is renamed to NAME; and NAME.old is removed.
 * The directories found at the next start show how far this got. The names of stages have no dots.
 *
 * Nothing is renamed before the directories of all stages are built, so an error at one stage
 * leaves every other as it was.
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

#define REMOVE_DEPTH_MAX 4u

/* The stage whose files move to other workers. */
struct move {
    int stages_fd;
    const struct topology *topology;
    const struct stage *stage; /* the first of the new workers */
    struct layout_file old, new;
    int old_fds[WORKERS_MAX], new_fds[WORKERS_MAX];
    char old_names[WORKERS_MAX][LAYOUT_PATH_BYTES_MAX];
    int new_base_fd;
    struct store_parts *parts; /* NULL for a kind without state */
    struct quarantine quarantine;
};

struct names {
    char built[NAME_BYTES_MAX + 5];
    char replaced[NAME_BYTES_MAX + 5];
};

static struct names names_of(const char *base)
{
    struct names names;
    (void)snprintf(names.built, sizeof names.built, "%s.new", base);
    (void)snprintf(names.replaced, sizeof names.replaced, "%s.old", base);
    return names;
}

static bool is_there(int dir_fd, const char *name)
{
    struct stat st;
    return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int remove_tree(int dir_fd, const char *name, struct err *e)
{
    int fd;
    int rc = file_open(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e);
    if (rc == ERR_NOT_FOUND)
        return 0;
    if (rc != 0)
        return rc;
    rc = file_remove_in(fd, "", REMOVE_DEPTH_MAX, e);
    (void)close(fd);
    if (rc == 0 && unlinkat(dir_fd, name, AT_REMOVEDIR) != 0)
        rc = err_set_errno(e, "cannot remove '%s'", name);
    return rc;
}

int layout_remove(int stages_fd, const char *base, struct err *e)
{
    struct names names = names_of(base);
    /* The directory in use comes last: what a kill leaves of it is found by the next attempt. */
    int rc = remove_tree(stages_fd, names.built, e);
    if (rc == 0)
        rc = remove_tree(stages_fd, names.replaced, e);
    if (rc == 0)
        rc = remove_tree(stages_fd, base, e);
    return rc;
}

/* Finishes a move that an earlier start had decided, and undoes one that it had not. */
static int settle(int stages_fd, const char *base, struct err *e)
{
    struct names names = names_of(base);
    int rc = 0;
    if (is_there(stages_fd, names.replaced) && !is_there(stages_fd, base)) {
        if (!is_there(stages_fd, names.built))
            return err_set(e, ERR_CORRUPT,
                           "'stages/%s' was about to replace 'stages/%s', but is missing",
                           names.built, names.replaced);
        rc = file_rename(stages_fd, names.built, base, true, e);
    } else if (is_there(stages_fd, names.replaced)) {
        /* The rename of the new one may not be safe yet: its process was killed. The old one must
           not be removed before it is. */
        rc = file_sync_dir(stages_fd, e);
    }
    if (rc == 0)
        rc = remove_tree(stages_fd, names.replaced, e);
    if (rc == 0)
        rc = remove_tree(stages_fd, names.built, e);
    return rc;
}

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
    for (size_t i = 0; i < m->old.workers; i++) {
        parts[i] = (struct store_part){.dir_fd = m->old_fds[i], .name = m->old_names[i]};
        layout_store_spec(m->topology, m->stage, i, m->old.workers, &parts[i].spec);
        parts[i].spec.has_secret = m->old.workers > 1;
        memcpy(parts[i].spec.secret, m->old.secret, sizeof m->old.secret);
    }
    return store_parts_load(parts, m->old.workers, &m->parts, e);
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

static int write_worker(struct move *m, size_t worker, struct err *e)
{
    int rc = 0;
    if (m->parts != NULL) {
        struct store_spec spec;
        layout_store_spec(m->topology, m->stage, worker, m->new.workers, &spec);
        rc =
            store_parts_write(m->parts, worker, m->new.workers, m->new_fds[worker], &spec, NULL, e);
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
    struct names names = names_of(m->stage->base);
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

/* Builds the new directory of a stage, if it needs one. */
static int prepare(int stages_fd, const struct topology *topology, const struct stage *stage,
                   void (*note)(const char *text), bool *ret_built, struct err *e)
{
    struct move m = {
        .stages_fd = stages_fd, .topology = topology, .stage = stage, .new_base_fd = -1};
    for (size_t i = 0; i < WORKERS_MAX; i++)
        m.old_fds[i] = m.new_fds[i] = -1;
    int base_fd;
    int rc = read_layout(stages_fd, stage, &base_fd, &m.old, e);
    /* A directory without files was created, but no stage has begun in it. */
    if (rc == 0 && m.old.workers == 1 && stage->workers > 1 &&
        !layout_is_kept(stages_fd, stage->base))
        m.old.workers = 0;
    bool as_it_is = m.old.workers == stage->workers || m.old.workers + stage->workers == 1;
    if (rc == 0 && !as_it_is) {
        m.new.workers = stage->workers;
        rc = load(&m, base_fd, e);
        if (rc == 0)
            rc = choose_secret(&m, e);
        if (rc == 0) {
            *ret_built = true;
            rc = build(&m, base_fd, e);
            if (rc != 0)
                (void)err_wrap(e, "cannot change the number of workers in 'stages/%s' to %zu",
                               stage->base, stage->workers);
        }
    }
    if (rc == 0 && *ret_built && note != NULL && m.old.workers != 0) {
        char *text = memory_format(
            "stage '%s': its state is redistributed from %zu to %zu worker%s", stage->base,
            m.old.workers, stage->workers, stage->workers == 1 ? "" : "s");
        note(text);
        free(text);
    }
    if (base_fd >= 0)
        (void)close(base_fd);
    move_done(&m);
    return rc;
}

/* Puts the new directory in the place of the old one. */
static int replace(int stages_fd, const char *base, struct err *e)
{
    struct names names = names_of(base);
    int rc = 0;
    if (is_there(stages_fd, base))
        rc = file_rename(stages_fd, base, names.replaced, true, e);
    if (rc == 0)
        rc = file_rename(stages_fd, names.built, base, true, e);
    return rc == 0 ? remove_tree(stages_fd, names.replaced, e) : rc;
}

int layout_settle(int stages_fd, const struct topology *topology, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < topology->stage_count; i++) {
        if (topology->stages[i].worker == 0)
            rc = settle(stages_fd, topology->stages[i].base, e);
    }
    return rc;
}

int layout_prepare(int stages_fd, const struct topology *topology, void (*note)(const char *text),
                   struct err *e)
{
    bool *built = memory_new(topology->stage_count, sizeof *built);
    int rc = layout_settle(stages_fd, topology, e);
    for (size_t i = 0; rc == 0 && i < topology->stage_count; i++) {
        if (topology->stages[i].worker == 0)
            rc = prepare(stages_fd, topology, &topology->stages[i], note, &built[i], e);
    }
    if (rc != 0) {
        for (size_t i = 0; i < topology->stage_count; i++) {
            if (built[i])
                (void)remove_tree(stages_fd, names_of(topology->stages[i].base).built, NULL);
        }
    }
    for (size_t i = 0; rc == 0 && i < topology->stage_count; i++) {
        if (built[i])
            rc = replace(stages_fd, topology->stages[i].base, e);
    }
    free(built);
    return rc;
}
