/* SPDX-License-Identifier: MIT */
#include "supervisor/run/state_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/buf.h"
#include "common/file.h"
#include "common/file_replace.h"
#include "common/memory.h"
#include "ipc/lock_holder.h"

#define LAST_RUN_TEXT_FILE "last-run"
#define LAST_RUN_JSON_FILE "last-run.json"
#define LAST_RUN_BYTES_MAX (1u << 20)
#define LOCK_RETRY_MS 10
/* Stages of a dead supervisor die at once, except for one that is waiting for a disk. */
#define LOCK_ORPHANS_MS_MAX 5000u
/* How long a new holder of the lock may take to write its pid. */
#define LOCK_PID_MS_MAX 1000u

char *state_dir_root(void)
{
    const char *xdg = getenv("XDG_STATE_HOME");
    if (xdg != NULL && xdg[0] == '/')
        return memory_format("%s/bulkhead", xdg);
    if (geteuid() == 0)
        return memory_dup("/var/lib/bulkhead", strlen("/var/lib/bulkhead"));
    const char *home = getenv("HOME");
    if (home != NULL && home[0] == '/')
        return memory_format("%s/.local/state/bulkhead", home);
    return NULL;
}

/* Whether make_path() can have created a directory: it is ours, and closed to others. */
static bool may_be_made(const char *path)
{
    struct stat st;
    return fstatat(AT_FDCWD, path, &st, 0) == 0 && st.st_uid == geteuid() &&
           (st.st_mode & 0077) == 0;
}

/*
 * Makes the entry of a directory in its parent durable. An earlier start may have been killed
 * before it did that, so it is done for directories that already exist, too; for these a failure is
 * ignored.
 */
static int sync_entry(const char *path, bool is_new, struct err *e)
{
    int rc = file_sync_entry(AT_FDCWD, path, e);
    if (rc != 0 && is_new)
        (void)err_wrap(e, "cannot create the directory '%s'", path);
    return is_new ? rc : 0;
}

/* Creates a directory and its missing parents. Existing directories are not changed. */
static int make_path(const char *path, struct err *e)
{
    char *partial = memory_dup(path, strlen(path));
    int rc = 0;
    for (char *at = partial + 1; rc == 0; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char saved = *at;
        *at = '\0';
        bool is_new = mkdirat(AT_FDCWD, partial, 0700) == 0;
        if (!is_new && errno != EEXIST) {
            rc = err_set_errno(e, "cannot create or enter the directory '%s'", partial);
            err_note_new(e, AT_FDCWD, partial);
        } else if (is_new || saved == '\0' || may_be_made(partial)) {
            rc = sync_entry(partial, is_new, e);
        }
        *at = saved;
        if (saved == '\0')
            break;
    }
    free(partial);
    return rc;
}

/* Makes the path absolute, so that messages name the directory whatever the current one is. */
static void use_whole_path(struct state_dir *d)
{
    char *whole = realpath(d->path, NULL);
    if (whole == NULL)
        return;
    free(d->path);
    d->path = whole;
}

/* Any user who can write here, or owns what is here, controls what we do. */
static int check_ours(const struct state_dir *d, int fd, const char *name, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_set_errno(e, "cannot stat '%s%s'", d->path, name);
    if (st.st_uid != geteuid())
        return err_set(e, ERR_MISMATCH,
                       "'%s%s' belongs to user %u, but bulkhead runs as user %u; change its owner, "
                       "or use another directory",
                       d->path, name, st.st_uid, geteuid());
    if ((st.st_mode & 0022) != 0)
        return err_set(e, ERR_MISMATCH,
                       "'%s%s' can be written by others (mode %04o), but a state directory must be "
                       "private; use chmod 0700",
                       d->path, name, st.st_mode & 07777);
    return 0;
}

/* Opens or creates a directory in ours. A symbolic link is not accepted. */
static int open_inner(const struct state_dir *d, const char *name, int *ret_fd, struct err *e)
{
    struct stat st;
    if (fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode))
        return err_set(e, ERR_MISMATCH,
                       "'%s/%s' is not a directory; bulkhead created one there, and it has been "
                       "replaced; restore it, or use another directory",
                       d->path, name);
    int rc = file_make_dir(d->fd, name, ret_fd, e);
    char *shown = memory_format("/%s", name);
    if (rc == 0)
        rc = check_ours(d, *ret_fd, shown, e);
    free(shown);
    return rc;
}

/*
 * Tries to lock the directory, and then the file in it. Nothing is created before the directory is
 * locked. Some file systems, such as NFS, lock only files that can be written, and no directories.
 */
static int try_lock(struct state_dir *d, struct err *e)
{
    d->locks_file_only = flock(d->fd, LOCK_EX | LOCK_NB) != 0;
    if (d->locks_file_only && errno == EWOULDBLOCK)
        return ERR_BUSY;
    int rc = 0;
    if (d->lock_fd < 0)
        rc =
            file_open(d->fd, LOCK_HOLDER_FILE, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &d->lock_fd, e);
    if (rc != 0)
        return err_wrap(e, "'%s'", d->path);
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? ERR_BUSY : err_set_errno(e, "cannot lock '%s'", d->path);
    d->held_fd = d->locks_file_only ? d->lock_fd : d->fd;
    return 0;
}

static int say_busy(const struct state_dir *d, long pid, struct err *e)
{
    char who[32] = "";
    if (pid > 0)
        (void)snprintf(who, sizeof who, " (pid %ld)", pid);
    return err_set(e, ERR_BUSY,
                   "another supervisor%s is running in '%s'; stop it (bulkhead stop --state %s), "
                   "or use --state DIR to give this one its own directory",
                   who, d->path, d->path);
}

static int take_lock(struct state_dir *d, struct err *e)
{
    for (unsigned waited_ms = 0;; waited_ms += LOCK_RETRY_MS) {
        int rc = try_lock(d, e);
        if (rc != ERR_BUSY)
            return rc;
        /*
         * The stages of a killed supervisor hold its lock for the short time that they outlive it.
         * A supervisor that has just begun may not have written its pid yet.
         */
        long pid = lock_holder_pid(d->fd);
        if (lock_holder_is_at_work(d->fd, pid) ||
            waited_ms >= (pid > 0 ? LOCK_ORPHANS_MS_MAX : LOCK_PID_MS_MAX))
            return say_busy(d, pid != (long)getpid() ? pid : 0, e);
        const struct timespec pause = {.tv_nsec = LOCK_RETRY_MS * 1000000L};
        (void)nanosleep(&pause, NULL);
    }
}

static int write_pid(const struct state_dir *d, struct err *e)
{
    char pid[32];
    int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    int rc = file_truncate(d->lock_fd, 0, e);
    if (rc == 0)
        rc = file_write_at(d->lock_fd, 0, pid, (size_t)len, e);
    return rc == 0 ? 0 : err_wrap(e, "'%s/" LOCK_HOLDER_FILE "'", d->path);
}

/* Whether it is a socket such as "3-1-2-5.17", which a stage has created, now or earlier. */
static bool is_socket_of_link(int links_fd, const char *name)
{
    struct stat st;
    size_t digits = strspn(name, "0123456789");
    return digits != 0 && name[digits] == '-' &&
           fstatat(links_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode);
}

/*
 * Checks all files whose names begin with a prefix, and removes them if `remove` is set. A file
 * that is not one of our sockets is left alone, and is an error. e may be NULL.
 */
static int each_socket(int links_fd, const char *prefix, bool remove, const char *path,
                       struct err *e)
{
    int copy = openat(links_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (dir == NULL) {
        (void)err_set_errno(e, "cannot list '%s/links'", path);
        if (copy >= 0)
            (void)close(copy);
        return ERR_IO;
    }
    int rc = 0;
    const struct dirent *entry;
    while (rc == 0 && (errno = 0, entry = readdir(dir)) != NULL) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            strncmp(name, prefix, strlen(prefix)) != 0)
            continue;
        if (is_socket_of_link(links_fd, name))
            rc = remove ? file_remove(links_fd, name, e) : 0;
        else if (faccessat(links_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            rc = err_set(e, ERR_MISMATCH,
                         "'%s/links/%s' is not the socket of a link, and bulkhead creates nothing "
                         "else there; move it away, or use another directory",
                         path, name);
    }
    if (rc == 0 && errno != 0)
        rc = err_set_errno(e, "cannot list '%s/links'", path);
    (void)closedir(dir);
    return rc;
}

/* To be called before anything is created here: a foreign directory may have a "links", too. */
static int check_links(const struct state_dir *d, struct err *e)
{
    int fd;
    int rc = file_open(d->fd, "links", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, NULL);
    if (rc != 0)
        return 0; /* there is none, or open_inner() reports what is wrong with it */
    rc = each_socket(fd, "", false, d->path, e);
    (void)close(fd);
    return rc;
}

int state_dir_empty(int dir_fd, unsigned depth, struct err *e)
{
    return file_remove_in(dir_fd, "", depth, e);
}

int state_dir_remove_links(const struct state_dir *d, unsigned edge, struct err *e)
{
    char prefix[16];
    (void)snprintf(prefix, sizeof prefix, "%u-", edge);
    return each_socket(d->links_fd, prefix, true, d->path, e);
}

/* Begins with a directory that is not open, at the path given or the default one for the name. */
static int choose_path(struct state_dir *d, const char *path, const char *name, struct err *e)
{
    *d =
        (struct state_dir){.fd = -1, .lock_fd = -1, .held_fd = -1, .links_fd = -1, .stages_fd = -1};
    if (path != NULL && path[0] == '\0')
        return err_set(e, ERR_MISMATCH, "the name of the state directory is empty");
    if (path != NULL) {
        d->path = memory_dup(path, strlen(path));
    } else {
        char *root = state_dir_root();
        if (root == NULL)
            return err_set(e, ERR_MISMATCH,
                           "there is no default state directory; set HOME or XDG_STATE_HOME, or "
                           "use --state DIR");
        d->path = memory_format("%s/%s", root, name);
        free(root);
    }
    return 0;
}

int state_dir_look(struct state_dir *d, const char *path, const char *name, struct err *e)
{
    int rc = choose_path(d, path, name, e);
    if (rc == 0)
        rc = file_open(AT_FDCWD, d->path, O_RDONLY | O_DIRECTORY, 0, &d->fd, e);
    if (rc == ERR_NOT_FOUND)
        return 0;
    if (rc == 0)
        use_whole_path(d);
    if (rc == 0)
        rc = check_ours(d, d->fd, "", e);
    if (rc == 0)
        rc = file_open(d->fd, "stages", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &d->stages_fd, e);
    if (rc == ERR_NOT_FOUND)
        rc = 0;
    if (rc != 0)
        state_dir_close(d);
    return rc;
}

int state_dir_open(struct state_dir *d, const char *path, const char *name, struct err *e)
{
    int rc = choose_path(d, path, name, e);
    if (rc == 0)
        rc = make_path(d->path, e);
    if (rc == 0)
        rc = file_open(AT_FDCWD, d->path, O_RDONLY | O_DIRECTORY, 0, &d->fd, e);
    if (rc == 0)
        use_whole_path(d);
    if (rc == 0)
        rc = check_ours(d, d->fd, "", e);
    if (rc == 0)
        rc = check_links(d, e);
    if (rc == 0)
        rc = take_lock(d, e);
    if (rc == 0)
        rc = write_pid(d, e);
    if (rc == 0)
        rc = open_inner(d, "stages", &d->stages_fd, e);
    if (rc == 0)
        rc = open_inner(d, "links", &d->links_fd, e);
    if (rc != 0)
        state_dir_close(d);
    return rc;
}

int state_dir_begin_run(const struct state_dir *d, struct err *e)
{
    int rc = each_socket(d->links_fd, "", true, d->path, e);
    if (rc == 0)
        rc = file_remove(d->fd, LAST_RUN_TEXT_FILE, e);
    if (rc == 0)
        rc = file_remove(d->fd, LAST_RUN_JSON_FILE, e);
    return rc;
}

static int keep_file(const struct state_dir *d, const char *name, const struct buf *content,
                     struct err *e)
{
    int rc = file_replace(d->fd, name, content->data, content->len, false, e);
    return rc == 0 ? 0 : err_wrap(e, "keeping the status of this run");
}

int state_dir_keep_last_run(const struct state_dir *d, const struct buf *text,
                            const struct buf *json, struct err *e)
{
    int rc = keep_file(d, LAST_RUN_TEXT_FILE, text, e);
    return rc == 0 ? keep_file(d, LAST_RUN_JSON_FILE, json, e) : rc;
}

void state_dir_read_last_run(const char *path, bool json, struct buf *out)
{
    int dir_fd = -1, fd = -1;
    if (file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &dir_fd, NULL) == 0 &&
        file_open(dir_fd, json ? LAST_RUN_JSON_FILE : LAST_RUN_TEXT_FILE, O_RDONLY | O_NOFOLLOW, 0,
                  &fd, NULL) == 0)
        (void)file_read_whole(fd, LAST_RUN_BYTES_MAX, out, NULL);
    if (fd >= 0)
        (void)close(fd);
    if (dir_fd >= 0)
        (void)close(dir_fd);
}

void state_dir_close(struct state_dir *d)
{
    if (d->path == NULL)
        return;
    if (d->links_fd >= 0) {
        (void)each_socket(d->links_fd, "", true, d->path, NULL);
        (void)close(d->links_fd);
    }
    if (d->stages_fd >= 0)
        (void)close(d->stages_fd);
    if (d->lock_fd >= 0)
        (void)close(d->lock_fd);
    if (d->fd >= 0)
        (void)close(d->fd);
    free(d->path);
    *d =
        (struct state_dir){.fd = -1, .lock_fd = -1, .held_fd = -1, .links_fd = -1, .stages_fd = -1};
}
