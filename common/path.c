/* SPDX-License-Identifier: MIT */
/*
 * path_is_of_process() walks along a path as the kernel would, name by name, with a descriptor of
 * the current directory. So it notices where the path enters a process, under whatever name.
 */
#include "common/path.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/memory.h"

/* How many links are followed: as many as in the kernel. */
#define LINKS_MAX 40u
/* The number of the root directory of every proc file system. */
#define PROC_ROOT_INODE 1u

enum step {
    STEP_ON,
    STEP_OVER,      /* the path ends here, or cannot be followed any further */
    STEP_OF_PROCESS /* it enters the process */
};

struct walk {
    int dir_fd;      /* the directory that was reached */
    struct buf rest; /* the rest of the path */
    unsigned links;
};

static void enter(struct walk *w, int fd)
{
    if (w->dir_fd >= 0)
        (void)close(w->dir_fd);
    w->dir_fd = fd;
}

/* Continues with a path instead of the rest. One that begins with '/' starts at the root. */
static void set_rest(struct walk *w, const char *path, const char *rest)
{
    struct buf next = {0};
    buf_add_format(&next, "%s/%s", path, rest);
    buf_done(&w->rest);
    w->rest = next;
    if (path[0] == '/')
        enter(w, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

static bool is_proc(int dir_fd)
{
    struct statfs fs;
    return fstatfs(dir_fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

static bool is_proc_root(int dir_fd)
{
    struct stat st;
    return is_proc(dir_fd) && fstat(dir_fd, &st) == 0 && st.st_ino == PROC_ROOT_INODE;
}

/* Whether a name in the root of a proc file system is this process. */
static bool is_self(const char *name)
{
    char pid[32];
    (void)snprintf(pid, sizeof pid, "%ld", (long)getpid());
    return strcmp(name, "self") == 0 || strcmp(name, "thread-self") == 0 || strcmp(name, pid) == 0;
}

/* Removes the next name from the rest. Returns false if there is none. */
static bool take_name(struct walk *w, char ret_name[NAME_MAX + 1])
{
    const char *at = buf_text(&w->rest);
    at += strspn(at, "/");
    size_t len = strcspn(at, "/");
    if (len == 0 || len > NAME_MAX)
        return false;
    memcpy(ret_name, at, len);
    ret_name[len] = '\0';
    buf_drop_front(&w->rest, (size_t)(at - buf_text(&w->rest)) + len);
    return true;
}

/* Links in the directory of a process have a text for readlink(2), but it is not their target. */
static enum step follow_link(struct walk *w, const char *name)
{
    char target[PATH_MAX];
    if (++w->links > LINKS_MAX)
        return STEP_OVER;
    if (is_proc(w->dir_fd) && !is_proc_root(w->dir_fd)) {
        int fd = openat(w->dir_fd, name, O_PATH | O_CLOEXEC);
        enter(w, fd);
        return fd >= 0 ? STEP_ON : STEP_OVER;
    }
    ssize_t len = readlinkat(w->dir_fd, name, target, sizeof target);
    if (len <= 0 || (size_t)len == sizeof target)
        return STEP_OVER;
    target[len] = '\0';
    set_rest(w, target, buf_text(&w->rest));
    return w->dir_fd >= 0 ? STEP_ON : STEP_OVER;
}

static enum step step(struct walk *w, struct buf *ret_way)
{
    char name[NAME_MAX + 1];
    struct stat st;
    if (!take_name(w, name))
        return STEP_OVER;
    if (is_proc_root(w->dir_fd) && is_self(name)) {
        buf_add_format(ret_way, "/proc/%s", name);
        while (take_name(w, name))
            buf_add_format(ret_way, "/%s", name);
        return STEP_OF_PROCESS;
    }
    if (fstatat(w->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return STEP_OVER;
    if (S_ISLNK(st.st_mode))
        return follow_link(w, name);
    if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(5, 0)) {
        buf_add_text(ret_way, "/dev/tty");
        return STEP_OF_PROCESS;
    }
    int fd = openat(w->dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    enter(w, fd);
    return fd >= 0 ? STEP_ON : STEP_OVER;
}

char *path_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return memory_dup(".", 1);
    return memory_dup(path, slash == path ? 1 : (size_t)(slash - path));
}

bool path_is_of_process(const char *path, struct buf *ret_way)
{
    struct walk w = {.dir_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)};
    set_rest(&w, path, "");
    enum step last = w.dir_fd >= 0 ? STEP_ON : STEP_OVER;
    while (last == STEP_ON)
        last = step(&w, ret_way);
    if (w.dir_fd >= 0)
        (void)close(w.dir_fd);
    buf_done(&w.rest);
    return last == STEP_OF_PROCESS;
}
