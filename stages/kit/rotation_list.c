/* SPDX-License-Identifier: MIT */
#include "stages/kit/rotation_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/file.h"
#include "common/memory.h"

/* How often the files are listed at most until two listings are the same. */
#define LISTINGS_MAX 32u
/*
 * The directories that are listed at most: three, and their subdirectories if ours is searched for.
 */
#define FOLDERS_MAX 64u

/* --- one file --- */

static uint64_t ns_of(const struct statx_timestamp *t)
{
    return (uint64_t)t->tv_sec * 1000000000u + t->tv_nsec;
}

/* Same as statx(2). Returns 0, ERR_NOT_FOUND, ERR_IO. */
static int look(int dir_fd, const char *name, int flags, struct file_look *ret_look, struct err *e)
{
    struct statx stx;
    if (statx(dir_fd, name, flags, STATX_BASIC_STATS | STATX_BTIME, &stx) != 0)
        return errno == ENOENT ? ERR_NOT_FOUND : err_set_errno(e, "cannot stat '%s'", name);
    bool born = (stx.stx_mask & STATX_BTIME) != 0;
    *ret_look = (struct file_look){
        .id = {.device = makedev(stx.stx_dev_major, stx.stx_dev_minor),
               .inode = stx.stx_ino,
               .birth_ns = born ? ns_of(&stx.stx_btime) : 0},
        .size = stx.stx_size,
        .written_ns = ns_of(&stx.stx_mtime),
        .changed_ns = ns_of(&stx.stx_ctime),
        .links = stx.stx_nlink,
        .is_regular = S_ISREG(stx.stx_mode),
    };
    return 0;
}

int file_look_at(int fd, struct file_look *ret_look, struct err *e)
{
    int rc = look(fd, "", AT_EMPTY_PATH, ret_look, e);
    return rc == ERR_NOT_FOUND ? err_set(e, ERR_IO, "cannot stat an open file") : rc;
}

static bool is_same_inode(const struct file_look *a, const struct file_look *b)
{
    return a->id.device == b->id.device && a->id.inode == b->id.inode;
}

bool file_look_is(const struct file_look *look, const struct file_identity *file)
{
    const struct file_identity *id = &look->id;
    return id->device == file->device && id->inode == file->inode &&
           (id->birth_ns == file->birth_ns || id->birth_ns == 0 || file->birth_ns == 0);
}

/* --- where to look --- */

/*
 * The length of what precedes the last name, including the slash: "log/", or "" for the current
 * directory.
 */
static size_t prefix_len_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

/* Directories, each of them once. */
struct folders {
    struct folder {
        char *prefix;
        int fd;
        struct stat st;
    } items[FOLDERS_MAX];
    size_t count;
};

static void folders_done(struct folders *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->items[i].prefix);
        if (p->items[i].fd >= 0)
            (void)close(p->items[i].fd);
    }
    p->count = 0;
}

/* Adds the directory part of a path. *ret_hidden: there is none, or it must not be read. */
static int add_folder(struct folders *p, const char *path, int flags, bool *ret_hidden,
                      struct err *e)
{
    struct folder folder = {.prefix = memory_dup(path, prefix_len_of(path))};
    const char *name = *folder.prefix == '\0' ? "." : folder.prefix;
    folder.fd = openat(AT_FDCWD, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags, 0);
    int error = folder.fd < 0 || fstat(folder.fd, &folder.st) != 0 ? errno : 0;
    bool known = error != 0 || p->count == FOLDERS_MAX;
    for (size_t i = 0; error == 0 && i < p->count; i++)
        known |=
            p->items[i].st.st_dev == folder.st.st_dev && p->items[i].st.st_ino == folder.st.st_ino;
    *ret_hidden = error == ENOENT || error == ENOTDIR || error == ELOOP || error == EACCES;
    if (!known) {
        p->items[p->count++] = folder;
        return 0;
    }
    if (folder.fd >= 0)
        (void)close(folder.fd);
    errno = error;
    int rc = error != 0 ? err_set_errno(e, "cannot read the directory '%s'", name) : 0;
    free(folder.prefix);
    return rc;
}

/* The present path of an open file; NULL: it has no name, or none that can be reached from here. */
static char *place_of(int fd)
{
    char link[64], path[PATH_MAX], before[PATH_MAX] = "";
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    for (unsigned i = 0; i < LISTINGS_MAX; i++) {
        ssize_t len = readlink(link, path, sizeof path - 1);
        if (len <= 0 || path[0] != '/')
            return NULL;
        path[len] = '\0';
        struct file_look there, ours;
        if (look(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, &there, NULL) == 0 &&
            file_look_at(fd, &ours, NULL) == 0 && is_same_inode(&there, &ours))
            return memory_dup(path, (size_t)len);
        if (strcmp(path, before) == 0) /* otherwise the file was renamed meanwhile */
            return NULL;
        memcpy(before, path, (size_t)len + 1);
    }
    return NULL;
}

/* The target of a link, whether or not it exists; NULL: the path is not a link. */
static char *target_of(const char *path)
{
    char target[PATH_MAX], found[PATH_MAX];
    struct stat link;
    if (lstat(path, &link) != 0 || !S_ISLNK(link.st_mode))
        return NULL;
    if (realpath(path, found) != NULL)
        return memory_dup(found, strlen(found));
    ssize_t len = readlink(path, target, sizeof target - 1);
    if (len <= 0)
        return NULL;
    target[len] = '\0';
    size_t prefix_len = target[0] == '/' ? 0 : prefix_len_of(path);
    return memory_format("%.*s%s", (int)prefix_len, path, target);
}

/* --- the files --- */

static const char *base_of(const char *path)
{
    return path + prefix_len_of(path);
}

void rotation_list_done(struct rotation_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->entries[i].name);
    free(l->entries);
    free(l->target);
    free(l->place);
    free((char *)l->family.ours);
    *l = (struct rotation_list){0};
}

static bool are_same_text(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static bool lists_are_same(const struct rotation_list *a, const struct rotation_list *b)
{
    if (a->is_torn || b->is_torn || a->count != b->count || a->there != b->there ||
        !are_same_text(a->target, b->target) || !are_same_text(a->place, b->place) ||
        !are_same_text(a->family.ours, b->family.ours) ||
        (a->there && !file_look_is(&a->path, &b->path.id)))
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!file_look_is(&a->entries[i].look, &b->entries[i].look.id) ||
            a->entries[i].listed != b->entries[i].listed ||
            strcmp(a->entries[i].name, b->entries[i].name) != 0)
            return false;
    }
    return true;
}

/* Adds a file whose name can be one of the log's, and ours whatever its name is. */
static int add_entry(struct rotation_list *l, const struct folder *folder,
                     const struct dirent *item, const struct file_identity *ours, struct err *e)
{
    size_t plain_len = rotation_name_plain_len(&l->family, item->d_name);
    if (plain_len == 0 && item->d_ino != ours->inode)
        return 0;
    struct rotation_entry entry = {.plain_len = plain_len, .listed = item->d_ino};
    int rc = look(folder->fd, item->d_name, AT_SYMLINK_NOFOLLOW, &entry.look, e);
    l->is_torn |= rc == ERR_NOT_FOUND;
    if (rc == ERR_NOT_FOUND || (rc == 0 && !entry.look.is_regular))
        return 0;
    bool is_ours = rc == 0 && file_look_is(&entry.look, ours);
    if (rc != 0 || (plain_len == 0 && !is_ours))
        return rc;
    entry.name = memory_format("%s%s", folder->prefix, item->d_name);
    entry.base = base_of(entry.name);
    if (l->count == l->capacity) {
        l->capacity = l->capacity != 0 ? 2 * l->capacity : 16;
        l->entries = memory_resize(l->entries, l->capacity, sizeof *l->entries);
    }
    l->entries[l->count++] = entry;
    return 0;
}

static int read_folder(struct rotation_list *l, struct folders *folders, size_t index,
                       const struct file_identity *ours, bool deeper, struct err *e)
{
    DIR *dir = fdopendir(folders->items[index].fd);
    if (dir == NULL)
        return err_set_errno(e, "cannot read the directory '%s'", folders->items[index].prefix);
    const struct dirent *item;
    int rc = 0;
    errno = 0;
    while (rc == 0 && (item = readdir(dir)) != NULL) {
        bool inner = deeper && item->d_name[0] != '.' &&
                     (item->d_type == DT_DIR || item->d_type == DT_UNKNOWN);
        if (inner) {
            char *name = memory_format("%s%s/", folders->items[index].prefix, item->d_name);
            bool hidden;
            rc = add_folder(folders, name, O_NOFOLLOW, &hidden, e);
            rc = hidden ? 0 : rc;
            free(name);
        }
        if (rc == 0)
            rc = add_entry(l, &folders->items[index], item, ours, e);
        errno = 0;
    }
    if (rc == 0 && errno != 0)
        rc = err_set_errno(e, "cannot read the directory '%s'", folders->items[index].prefix);
    folders->items[index].fd = -1;
    (void)closedir(dir);
    return rc;
}

/* Finds the entry that is ours. If it has several names, finds the one of its descriptor. */
static void find_ours(struct rotation_list *l, const struct file_identity *ours)
{
    for (size_t i = 0; i < l->count; i++) {
        if (!file_look_is(&l->entries[i].look, ours))
            continue;
        if (l->ours == NULL ||
            (l->family.ours != NULL && strcmp(l->entries[i].base, l->family.ours) == 0))
            l->ours = &l->entries[i];
    }
}

/*
 * A path that is one of several hard links to a file is moved from file to file like a symbolic
 * link.
 */
static void find_hard_target(struct rotation_list *l, const char *path)
{
    if (!l->there || l->path.links < 2 || l->target != NULL)
        return;
    for (size_t i = 0; l->family.target == NULL && i < l->count; i++) {
        const struct rotation_entry *entry = &l->entries[i];
        if (is_same_inode(&entry->look, &l->path) && strcmp(entry->name, path) != 0)
            l->family.target = entry->base;
    }
}

static int list_folders(struct rotation_list *l, const char *path, const struct file_identity *ours,
                        bool deeper, struct err *e)
{
    struct folders folders = {.count = 0};
    bool hidden;
    int rc = add_folder(&folders, path, 0, &hidden, e);
    if (rc == 0 && l->target != NULL)
        rc = add_folder(&folders, l->target, 0, &hidden, e);
    size_t known = folders.count;
    if (rc == 0 && l->place != NULL)
        rc = add_folder(&folders, l->place, 0, &hidden, e);
    l->ours_elsewhere = folders.count > known;
    size_t count = folders.count; /* the subdirectories are added after these */
    for (size_t i = 0; rc == 0 && i < folders.count; i++)
        rc = read_folder(l, &folders, i, ours, deeper && i < count, e);
    folders_done(&folders);
    return rc;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct rotation_entry *)a)->name,
                  ((const struct rotation_entry *)b)->name);
}

/* A link may be pointed elsewhere and back between reading its target and looking at the file. */
static bool is_at(const char *name, const struct file_look *file)
{
    struct file_look found;
    return look(AT_FDCWD, name, 0, &found, NULL) == 0 && is_same_inode(&found, file);
}

/* Lists the files as they are at this moment, or nearly. */
static int list_once(const char *path, int fd, const struct file_identity *ours, bool deeper,
                     const char *ours_name, struct rotation_list *l, struct err *e)
{
    *l = (struct rotation_list){0};
    l->target = target_of(path);
    l->place = fd >= 0 ? place_of(fd) : NULL;
    int rc = look(AT_FDCWD, path, 0, &l->path, e);
    l->there = rc == 0;
    l->is_torn = l->there && l->target != NULL && !is_at(l->target, &l->path);
    if (l->place != NULL)
        ours_name = base_of(l->place);
    if (ours_name != NULL && !(l->there && file_look_is(&l->path, ours)))
        l->family.ours = memory_dup(ours_name, strlen(ours_name));
    l->family.base = base_of(path);
    l->family.target = l->target != NULL ? base_of(l->target) : NULL;
    if (rc == 0 || rc == ERR_NOT_FOUND)
        rc = list_folders(l, path, ours, deeper, e);
    if (rc == 0) {
        /* Directories have no fixed order, but two lists of the same files must be equal. */
        if (l->count > 1)
            qsort(l->entries, l->count, sizeof *l->entries, compare_names);
        find_ours(l, ours);
        find_hard_target(l, path);
    }
    l->is_torn |= l->place != NULL && l->ours == NULL;
    return rc;
}

int rotation_list_make(const char *path, int fd, const struct file_identity *file, bool deeper,
                       struct rotation_list *ret_list, struct err *e)
{
    struct rotation_list before = {0}, now;
    int rc = ERR_AGAIN;
    for (unsigned i = 0; rc == ERR_AGAIN && i <= LISTINGS_MAX; i++) {
        /* If /proc has no name for the descriptor, the previous list shows what ours is called. */
        const char *ours_name = fd >= 0 && before.ours != NULL ? before.ours->base : NULL;
        rc = list_once(path, fd, file, deeper, ours_name, &now, e);
        if (rc == 0 && (i == 0 || !lists_are_same(&before, &now)))
            rc = ERR_AGAIN;
        rotation_list_done(&before);
        before = now;
    }
    if (rc != 0)
        rotation_list_done(&before);
    else
        *ret_list = before;
    return rc;
}

int rotation_list_open(const char *name, const struct file_look *look, int *ret_fd, struct err *e)
{
    int fd;
    struct file_look found;
    int rc = file_open(AT_FDCWD, name, O_RDONLY | O_NONBLOCK, 0, &fd, e);
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? ERR_AGAIN : rc;
    rc = file_look_at(fd, &found, e);
    if (rc == 0 && file_look_is(&found, &look->id)) {
        *ret_fd = fd;
        return 0;
    }
    (void)close(fd);
    return rc == 0 ? ERR_AGAIN : rc;
}
