/* SPDX-License-Identifier: MIT */
/*
 * follow_world.h - the world around a followed file: its writer, its rotation, and the system
 *
 * The calls by which the source looks at files are here, in place of the library's. Before each of
 * them the world may make a step. Its writer behaves: it writes whole lines in the end, stays with
 * the file that it has open until it opens the new one, and never goes back.
 *
 * The times of its files are the world's own: births, last writes and changes, by a clock that
 * advances with every step. If the story says so, its ticks are as coarse as those of a kernel, or
 * there are no birth times at all. The system does not reuse inode numbers, because every file
 * keeps a name. The world does so where the story says so: it gives a number to the next file that
 * is created when no process has the old one open any more. So a seed means the same on every
 * machine.
 */
#ifndef BULKHEAD_TESTS_UNIT_STAGES_KINDS_FOLLOW_WORLD_H
#define BULKHEAD_TESTS_UNIT_STAGES_KINDS_FOLLOW_WORLD_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/memory.h"
#include "stages/emitter.h"
#include "stages/stage.h"
#include "tests/unit/random.h"

#define ROTATIONS_MAX 12u       /* that steps begin */
#define ROTATIONS_AT_END_MAX 3u /* and that a story adds at its end */
#define LINES_MAX 400u
#define NAME_MAX_BYTES 160u

/* How rotated files are named, and by what they are rotated. */
enum naming {
    FALLING,   /* input.1 is the latest */
    RISING,    /* input.1 is the first, input.2 the next */
    COUNTED,   /* input-9, input-10 */
    DATED,     /* input-20260225, input-20260226 */
    DOTTED,    /* input.20260225 */
    EXTENDED,  /* input-20260225.log next to input.log */
    DAY_FIRST, /* input-30-01-2026, input-01-02-2026 */
    EPOCH,     /* input.1772300000 */
    MOVED,     /* old/input-20260225 */
    LINKED,    /* the path is a link to p/0.log, and p/0.log.20260225-101010 is next to that */
    COPIED,    /* as FALLING, but copied and truncated */
    NAMINGS
};

/*
 * Files that were read are compressed one rotation later: gzip(1) creates the new file, then
 * removes the old one.
 */
enum compression { PLAIN, BOTH, COMPRESSED };

struct file_times {
    ino_t inode;
    bool gone; /* it has no name except the one by which the world keeps it */
    uint64_t born_ns, written_ns, changed_ns;
};

struct world {
    char directory[64];
    char path[80]; /* of the source */
    char real[96]; /* that it leads to */
    bool turns;    /* at the calls of the system, too */
    enum naming naming;
    bool packed;      /* what is called a line here is a map of msgpack that holds it */
    unsigned speed;   /* one in this many calls has a step */
    unsigned fails;   /* one in this many calls fails; 0: none */
    bool has_births;  /* the file system knows them */
    bool keeps_times; /* the compression gives the new file the times of the old one */
    bool in_seconds;  /* in whole seconds, as bzip2 does */
    bool gives_again; /* numbers of inodes */
    bool is_rash;     /* it compresses what was not read yet, as if it was never to be read */
    uint64_t now_ns;  /* of its clock */
    uint64_t tick_ns; /* which the times of files have */
    uint64_t step_ns; /* between two steps, at most */
    struct file_times times[64];
    size_t time_count;

    /* The writer. */
    int fd;          /* the file that it writes to, */
    unsigned index;  /* which is this one of all */
    unsigned lines;  /* that it has begun */
    bool half;       /* and it has not ended the last one */
    unsigned wanted; /* how many lines it writes */

    /* The rotation: renames from the oldest to the newest. */
    unsigned rotated;                                         /* files next to the path */
    unsigned last_line[ROTATIONS_MAX + ROTATIONS_AT_END_MAX]; /* of each, the oldest first */
    enum compression compressed[ROTATIONS_MAX + ROTATIONS_AT_END_MAX]; /* of each */
    unsigned renaming; /* the number of the file that is renamed next, plus 1; 0: no rotation */
    bool left;         /* the path was renamed, and the writer has not opened a new one */
    bool there;        /* there is a file at the path */
    bool copied;       /* it was copied, or is being copied to copy_fd, and is truncated next */
    int copy_fd;       /* -1: all is in it */

    /* The source. */
    struct topology *topology;
    struct emitter emitter;
    int state_fd;
    void *source;
    seq_number seen, acked;
    seq_number gone; /* what was read up to here was truncated since */
    bool truncated;
    bool refused;                 /* it reported that the order is unknown, or what is lost */
    bool warned;                  /* or that something may be */
    const char *note;             /* that is expected; NULL: none but those of the story */
    void (*act)(struct world *w); /* what a story does before a call; NULL: nothing any more */
    unsigned calls_before_act;
    bool may_stop, may_go_back;    /* names do not help; a path may lead to an older file */
    void (*step)(struct world *w); /* replaces the world of this file; NULL: it does not */
};

static struct world *the_world;

/* --- times --- */

static inline uint64_t tick(struct world *w)
{
    return w->now_ns - w->now_ns % w->tick_ns;
}

/* The times of a file of the world; NULL: it has those of the system. */
static inline struct file_times *times_of(struct world *w, ino_t inode)
{
    for (size_t i = 0; w != NULL && i < w->time_count; i++) {
        if (w->times[i].inode == inode)
            return &w->times[i];
    }
    return NULL;
}

static inline ino_t inode_of(int fd)
{
    struct stat st;
    return syscall(SYS_fstat, fd, &st) == 0 ? st.st_ino : 0;
}

/* Whether a process has it open, of which there is only ours. */
static inline bool is_open(ino_t inode)
{
    for (int fd = 0; fd < 64; fd++) {
        if (inode_of(fd) == inode)
            return true;
    }
    return false;
}

static inline void name_kept(const struct world *w, ino_t inode, char name[NAME_MAX_BYTES])
{
    (void)snprintf(name, NAME_MAX_BYTES, "%s/state/kept/%ju", w->directory, (uintmax_t)inode);
}

/*
 * To be called before a name of a file is removed: its inode is kept, and looks as if it was not.
 * Otherwise the system could reuse its number in the tick of its birth, in which the two files
 * cannot be told apart.
 */
static inline void keep_inode(struct world *w, const char *name, int fd)
{
    char kept[NAME_MAX_BYTES];
    struct file_times *times = times_of(w, inode_of(fd));
    if (times == NULL)
        return;
    name_kept(w, times->inode, kept);
    assert_int_equal(link(name, kept), 0);
    times->gone = true;
}

/*
 * Gives an inode that no process has open to a file that is about to be created. Not in the tick in
 * which it was born: then both look like one file if only device, inode and birth are known.
 */
static inline void give_again(struct world *w, const char *name)
{
    char kept[NAME_MAX_BYTES];
    for (size_t i = 0; i < w->time_count; i++) {
        struct file_times *times = &w->times[i];
        if (!times->gone || times->born_ns == tick(w) || is_open(times->inode))
            continue;
        name_kept(w, times->inode, kept);
        assert_int_equal(truncate(kept, 0), 0);
        assert_int_equal(rename(kept, name), 0);
        times->gone = false;
        return;
    }
}

static inline void note_times(struct world *w, int fd, bool born, bool written)
{
    ino_t inode = inode_of(fd);
    struct file_times *times = times_of(w, inode);
    if (times == NULL) {
        assert_true(w->time_count < sizeof w->times / sizeof w->times[0]);
        times = &w->times[w->time_count++];
        born = true;
    }
    times->inode = inode;
    times->changed_ns = tick(w);
    if (born)
        times->born_ns = tick(w);
    if (born || written)
        times->written_ns = tick(w);
}

/* --- the world's steps --- */

/* Creates a file, or opens the existing one. */
static inline int open_to_write(struct world *w, const char *name)
{
    bool is_new = access(name, F_OK) != 0;
    if (is_new && w->gives_again)
        give_again(w, name);
    int fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    if (is_new)
        note_times(w, fd, true, true);
    return fd;
}

static inline void rename_to(struct world *w, const char *from, const char *to)
{
    int fd = open(from, O_RDONLY | O_CLOEXEC), replaced = open(to, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    if (replaced >= 0)
        keep_inode(w, to, replaced);
    assert_int_equal(rename(from, to), 0);
    note_times(w, fd, false, false);
    (void)close(fd);
    if (replaced >= 0) {
        note_times(w, replaced, false, false);
        (void)close(replaced);
    }
}

static inline void remove_name(struct world *w, const char *name)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    keep_inode(w, name, fd);
    assert_int_equal(unlink(name), 0);
    note_times(w, fd, false, false);
    (void)close(fd);
}

static inline void write_text(struct world *w, const char *text)
{
    if (w->fd < 0) { /* a rotation is over when something is in the new file */
        w->fd = open_to_write(w, w->real);
        w->left = false;
        w->there = true;
        w->index = w->rotated;
    }
    assert_int_equal(write(w->fd, text, strlen(text)), strlen(text));
    note_times(w, w->fd, false, *text != '\0');
}

/* The first half of a line, which is its number, with what precedes it. */
static inline void begin_line(const struct world *w, unsigned number, char text[32])
{
    int digits = snprintf(text, 32, "%u", number);
    if (w->packed)
        (void)snprintf(text, 32, "\x81\xa1k%c%u", 0xa0 | (2 * digits + 1), number);
}

static inline void write_lines(struct world *w)
{
    char text[64], begun[32];
    const char *end = w->packed ? "" : "\n";
    if (w->half) {
        (void)snprintf(text, sizeof text, "-%u%s", w->lines, end);
        w->half = false;
    } else if (w->lines == w->wanted) {
        return;
    } else if (random_below(4) == 0) {
        begin_line(w, ++w->lines, text);
        w->half = true;
    } else {
        begin_line(w, ++w->lines, begun);
        (void)snprintf(text, sizeof text, "%s-%u%s", begun, w->lines, end);
    }
    write_text(w, text);
}

static inline bool shifts(const struct world *w)
{
    return w->naming == FALLING || w->naming == COPIED;
}

/* The name of a rotated file; of those that are shifted, 0 is the path, and 1 the latest. */
static inline void name_of(const struct world *w, unsigned index, unsigned number,
                           const char *ending, char name[NAME_MAX_BYTES])
{
    unsigned day = 25 + index, date = 20260200 + day;
    char tail[40] = "";
    if (shifts(w) && number > 0)
        (void)snprintf(tail, sizeof tail, ".%u", number);
    else if (w->naming == RISING)
        (void)snprintf(tail, sizeof tail, ".%u", index + 1);
    else if (w->naming == COUNTED)
        (void)snprintf(tail, sizeof tail, "-%u", index + 9);
    else if (w->naming == DATED)
        (void)snprintf(tail, sizeof tail, "-%u", date);
    else if (w->naming == DOTTED)
        (void)snprintf(tail, sizeof tail, ".%u", date);
    else if (w->naming == DAY_FIRST)
        (void)snprintf(tail, sizeof tail, "-%02u-%02u-2026", day > 28 ? day - 28 : day,
                       day > 28 ? 3 : 2);
    else if (w->naming == EPOCH)
        (void)snprintf(tail, sizeof tail, ".%u", 1772300000 + 1000 * index);
    else if (w->naming == LINKED)
        (void)snprintf(tail, sizeof tail, ".%u-101010", date);
    if (w->naming == MOVED)
        (void)snprintf(name, NAME_MAX_BYTES, "%s/old/input-%u%s", w->directory, date, ending);
    else if (w->naming == EXTENDED)
        (void)snprintf(name, NAME_MAX_BYTES, "%s/input-%u.log%s", w->directory, date, ending);
    else
        (void)snprintf(name, NAME_MAX_BYTES, "%s%s%s", w->real, tail, ending);
}

/* Continues a copy of the file at the path: copies nothing, some, or all of the rest. */
static inline void copy_on(struct world *w)
{
    char bytes[16 * LINES_MAX];
    int from = open(w->real, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(from, bytes, sizeof bytes);
    assert_true(len >= 0 && len < (ssize_t)sizeof bytes);
    (void)close(from);
    struct stat st;
    assert_int_equal(syscall(SYS_fstat, w->copy_fd, &st), 0);
    size_t left = (size_t)(len - st.st_size);
    size_t part = random_below(2) == 0 ? left : (size_t)random_below(left + 1);
    assert_int_equal(write(w->copy_fd, bytes + st.st_size, part), part);
    note_times(w, w->copy_fd, false, part > 0);
    if (part == left) {
        (void)close(w->copy_fd);
        w->copy_fd = -1;
    }
}

static inline void rename_one(struct world *w)
{
    char from[NAME_MAX_BYTES], to[NAME_MAX_BYTES];
    unsigned number = --w->renaming;
    unsigned index = w->rotated - number;
    const char *ending = number > 0 && w->compressed[index] == COMPRESSED ? ".gz" : "";
    name_of(w, index, number, ending, from);
    name_of(w, index, number + 1, ending, to);
    if (number > 0) {
        rename_to(w, from, to);
        return;
    }
    w->copied = w->naming == COPIED;
    if (w->copied) {
        w->copy_fd = open_to_write(w, to);
        copy_on(w);
    } else {
        rename_to(w, w->real, to);
    }
    w->last_line[w->rotated++] = w->copied ? w->lines : LINES_MAX; /* until its writer leaves it */
    w->left = !w->copied;
    w->there = w->copied;
    if (w->copied)
        w->index = w->rotated;
}

/*
 * When the compressed file was written, as its times show: a program that compresses gives it the
 * time of the old file.
 */
static inline uint64_t kept_time(const struct world *w, uint64_t written_ns)
{
    return w->in_seconds ? written_ns - written_ns % 1000000000u : written_ns;
}

/* Continues the compression of some file other than the latest; it is removed when it is acked. */
static inline void compress_one(struct world *w)
{
    char plain[NAME_MAX_BYTES], compressed[NAME_MAX_BYTES];
    for (unsigned i = 0; i + (w->is_rash ? 0 : 1) < w->rotated; i++) {
        bool needed = w->last_line[i] >= w->acked && !w->is_rash;
        if (w->compressed[i] == COMPRESSED || (w->compressed[i] == BOTH && needed))
            continue;
        name_of(w, i, w->rotated - i, "", plain);
        name_of(w, i, w->rotated - i, ".gz", compressed);
        if (w->compressed[i] == BOTH) {
            remove_name(w, plain);
        } else {
            int from = open(plain, O_RDONLY | O_CLOEXEC), to = open_to_write(w, compressed);
            assert_true(from >= 0);
            assert_int_equal(write(to, "z", 1), 1);
            if (w->keeps_times)
                times_of(w, inode_of(to))->written_ns =
                    kept_time(w, times_of(w, inode_of(from))->written_ns);
            (void)close(from);
            (void)close(to);
        }
        w->compressed[i]++;
        return;
    }
}

/* A rotation begins when nothing is being compressed. */
static inline bool may_rotate(const struct world *w)
{
    for (unsigned i = 0; i < w->rotated; i++) {
        if (w->compressed[i] == BOTH)
            return false;
    }
    return w->there && w->fd >= 0 && w->renaming == 0;
}

static inline const struct stage_ops *ops(const struct world *w)
{
    return w->topology->stages[0].ops;
}

static inline seq_number position(const struct world *w)
{
    return ops(w)->position(w->source);
}

static inline void cut_off(struct world *w)
{
    assert_int_equal(ftruncate(w->fd, 0), 0);
    note_times(w, w->fd, false, true);
    w->truncated = true;
}

/* Truncated, when all of it was read. */
static inline void truncate_input(struct world *w)
{
    if (w->source == NULL || w->fd < 0 || w->left || w->half || w->copied || w->renaming > 0 ||
        w->lines == 0 || position(w) != w->lines)
        return;
    cut_off(w);
    w->gone = w->lines;
    for (uint64_t n = random_below(6); n > 0; n--)
        write_lines(w);
}

/* One step of what other programs do to the files. */
static inline void world_step(struct world *w)
{
    w->now_ns += 1000 + random_below(w->step_ns);
    bool created = w->left && w->fd >= 0 && !w->there && w->renaming == 0 && random_below(3) == 0;
    bool reopens = w->left && w->fd >= 0 && w->renaming == 0 && !w->half && random_below(3) == 0;
    bool whole = w->naming != COPIED || (!w->half && w->lines > 0);
    bool begins = may_rotate(w) && w->rotated < ROTATIONS_MAX && whole && random_below(6) == 0;
    if (w->copied && w->copy_fd >= 0) {
        copy_on(w);
    } else if (w->copied) {
        w->copied = random_below(3) != 0;
        if (!w->copied)
            cut_off(w);
    } else if (created) { /* by the rotation, and its writer does not know it yet */
        (void)close(open_to_write(w, w->real));
        w->there = true;
    } else if (w->renaming > 0) {
        if (w->naming == COPIED || random_below(2) == 0)
            rename_one(w);
        else
            write_lines(w);
    } else if (reopens) {
        (void)close(w->fd);
        w->fd = -1;
        for (unsigned i = w->index; i < w->rotated; i++)
            w->last_line[i] = w->lines;
    } else if (begins) {
        w->renaming = shifts(w) ? w->rotated + 1 : 1;
    } else if (!w->left && random_below(4) == 0) {
        compress_one(w);
    } else if (random_below(8) == 0) {
        truncate_input(w);
    } else {
        write_lines(w);
    }
}

/* --- the system --- */

static inline void before_a_call(void)
{
    struct world *w = the_world;
    if (w != NULL && w->act != NULL && w->calls_before_act-- == 0) {
        void (*act)(struct world *) = w->act;
        w->act = NULL; /* it makes calls itself */
        act(w);
    }
    if (w == NULL || !w->turns || random_below(w->speed) != 0)
        return;
    w->turns = false; /* the steps make calls themselves */
    (w->step != NULL ? w->step : world_step)(w);
    w->turns = true;
}

/* Whether a call fails that would succeed, and will succeed the next time; errno has the reason. */
static inline bool fails(void)
{
    static const int errors[] = {EACCES, EMFILE, ENFILE, ESTALE, ENOMEM, EIO};
    struct world *w = the_world;
    if (w == NULL || !w->turns || w->fails == 0 || random_below(w->fails) != 0)
        return false;
    errno = errors[random_below(sizeof errors / sizeof errors[0])];
    return true;
}

static inline bool is_of_world(const char *path)
{
    return the_world != NULL && strstr(path, "/bulkhead-follow-") != NULL;
}

static inline struct timespec timespec_of(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000u),
                             .tv_nsec = (long)(ns % 1000000000u)};
}

static inline int with_times(int rc, struct stat *st)
{
    const struct file_times *times = rc == 0 ? times_of(the_world, st->st_ino) : NULL;
    if (times != NULL) {
        st->st_mtim = timespec_of(times->written_ns);
        st->st_ctim = timespec_of(times->changed_ns);
    }
    return rc;
}

int fstat(int fd, struct stat *ret_st)
{
    before_a_call();
    return with_times((int)syscall(SYS_fstat, fd, ret_st), ret_st);
}

int stat(const char *path, struct stat *ret_st)
{
    before_a_call();
    if (is_of_world(path) && fails())
        return -1;
    return with_times((int)syscall(SYS_stat, path, ret_st), ret_st);
}

int lstat(const char *path, struct stat *ret_st)
{
    before_a_call();
    return (int)syscall(SYS_lstat, path, ret_st);
}

int fstatat(int fd, const char *path, struct stat *ret_st, int flags)
{
    before_a_call();
    return with_times((int)syscall(SYS_newfstatat, fd, path, ret_st, flags), ret_st);
}

static inline struct statx_timestamp statx_time_of(uint64_t ns)
{
    return (struct statx_timestamp){.tv_sec = (int64_t)(ns / 1000000000u),
                                    .tv_nsec = (uint32_t)(ns % 1000000000u)};
}

int statx(int fd, const char *path, int flags, unsigned mask, struct statx *ret_stx)
{
    before_a_call();
    if (*path != '\0' && fails())
        return -1;
    int rc = (int)syscall(SYS_statx, fd, path, flags, mask, ret_stx);
    const struct file_times *times = rc == 0 ? times_of(the_world, ret_stx->stx_ino) : NULL;
    if (times == NULL)
        return rc;
    ret_stx->stx_nlink = times->gone ? 0 : ret_stx->stx_nlink;
    ret_stx->stx_btime = statx_time_of(times->born_ns);
    ret_stx->stx_mtime = statx_time_of(times->written_ns);
    ret_stx->stx_ctime = statx_time_of(times->changed_ns);
    if (!the_world->has_births)
        ret_stx->stx_mask &= ~(unsigned)STATX_BTIME;
    return rc;
}

ssize_t readlink(const char *path, char *ret_target, size_t len)
{
    before_a_call();
    return syscall(SYS_readlink, path, ret_target, len);
}

ssize_t pread(int fd, void *bytes, size_t len, off_t offset)
{
    before_a_call();
    return syscall(SYS_pread64, fd, bytes, len, offset);
}

int openat(int fd, const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    before_a_call();
    /* A directory that must not be read is skipped if it can only hold rotated files. */
    if (is_of_world(path) && fails() && (errno != EACCES || (flags & O_NOFOLLOW) == 0))
        return -1;
    return (int)syscall(SYS_openat, fd, path, flags, mode);
}

/* How far the source's clock is ahead of the library's. */
static time_t seconds_ahead;

int clock_gettime(clockid_t clock, struct timespec *ret_now)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, ret_now);
    ret_now->tv_sec += seconds_ahead;
    return rc;
}

/* There usually is none, as if a limit forbade it: closing one takes the kernel milliseconds. */
int inotify_init1(int flags)
{
    if (random_below(64) == 0)
        return (int)syscall(SYS_inotify_init1, flags);
    errno = EMFILE;
    return -1;
}

#endif
