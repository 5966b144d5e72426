/* SPDX-License-Identifier: MIT */
/*
 * Standard input: a pipe that a writer keeps open and writes to in pieces, at random times. It
 * outlives processes and supervisors. A loss of power destroys it, with all that was not read.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/check.h"
#include "common/file.h"
#include "stages/journal/journal.h"
#include "stages/store/cursor.h"
#include "tests/sim/sim_calls_p.h"
#include "tests/sim/sim_world.h"

#define SIZE_OF_NEW 65536
#define BOOT_DIR "proc/sys/kernel/random"

struct pipe {
    const uint8_t *bytes; /* borrowed; [0, written) of it is written, [0, read) read */
    size_t read, written, to;
    bool is_closed;
    bool is_named;
    uint64_t inode;
    int size;
    uint64_t writes_us;
    uint64_t pause_us_max;
};

static struct pipe host_pipe, reference_pipe;

/* --- the writer --- */

void pipe_begin(const uint8_t *bytes, size_t from, size_t to)
{
    static const uint64_t pauses[] = {100, 5000, 300000, 3000000};
    host_pipe = (struct pipe){.bytes = bytes,
                              .read = from,
                              .written = from,
                              .to = to,
                              .is_named = chance_one_in(2),
                              .inode = host_pipe.inode + 1,
                              .size = SIZE_OF_NEW,
                              .writes_us = sim_report.now_us + chance_below(10000)};
    host_pipe.pause_us_max = pauses[chance_below(sizeof pauses / sizeof pauses[0])];
    TRACE("a pipe for bytes %zu to %zu", from, to);
}

void pipe_begin_reference(const uint8_t *bytes, size_t len)
{
    reference_pipe = (struct pipe){
        .bytes = bytes, .written = len, .to = len, .is_closed = true, .inode = 1, .size = 4096};
}

uint64_t pipe_writes_at_us(void)
{
    const struct pipe *p = &host_pipe;
    bool has_room = p->written - p->read < (size_t)p->size;
    return !world.by_pipe || p->is_closed || !has_room ? UINT64_MAX : p->writes_us;
}

void pipe_step(void)
{
    struct pipe *p = &host_pipe;
    if (sim_report.now_us < pipe_writes_at_us())
        return;
    size_t room = (size_t)p->size - (p->written - p->read), left = p->to - p->written;
    p->writes_us = sim_report.now_us + chance_below(p->pause_us_max);
    if (left == 0) {
        p->is_closed = true;
        TRACE("the pipe is closed");
        return;
    }
    size_t len = 1 + chance_below(chance_one_in(3) ? 4000 : 200);
    len = len < left ? len : left;
    p->written += len < room ? len : room;
    TRACE("%zu bytes are in the pipe", p->written - p->read);
}

bool pipe_is_over(void)
{
    return !world.by_pipe || (host_pipe.is_closed && host_pipe.read == host_pipe.to);
}

/* --- the reader --- */

static struct pipe *present_pipe(void)
{
    return present == NULL || present->disk == world.disk ? &host_pipe : &reference_pipe;
}

bool pipe_is_ready(void)
{
    const struct pipe *p = present_pipe();
    return p->is_closed || p->written != p->read;
}

void pipe_describe(struct stat *st)
{
    *st = (struct stat){.st_dev = 2, .st_ino = present_pipe()->inode, .st_mode = S_IFIFO | 0600};
}

int pipe_fcntl(int command, long argument)
{
    struct pipe *p = present_pipe();
    switch (command) {
    case F_GETFL:
        return O_RDONLY;
    case F_GETPIPE_SZ:
        return p->size;
    case F_SETPIPE_SZ:
        /* Some users may not have larger pipes. */
        if ((argument > SIZE_OF_NEW && chance_one_in(2)) || (size_t)argument < p->written - p->read)
            return fail_with(argument > SIZE_OF_NEW ? EPERM : EBUSY);
        p->size = (int)argument;
        return p->size;
    default:
        return fail_with(EINVAL);
    }
}

int __wrap_fstatfs(int fd, struct statfs *fs)
{
    if (present == NULL)
        return __real_fstatfs(fd, fs);
    *fs = (struct statfs){.f_type = present_pipe()->is_named ? EXT4_SUPER_MAGIC : PIPEFS_MAGIC};
    return 0;
}

/* Bytes are in the pipe or in the file, whichever process is killed. */
ssize_t __wrap_splice(int from_fd, off64_t *from, int to_fd, off64_t *to, size_t len,
                      unsigned flags)
{
    if (present == NULL)
        return __real_splice(from_fd, from, to_fd, to, len, flags);
    struct pipe *p = present_pipe();
    INVARIANT(from_fd == STDIN_FILENO);
    int node = node_of(to_fd);
    if (node < 0)
        return fail_with(EBADF);
    process_call("splice", disk_name(present->disk, node), (uint64_t)*to);
    size_t there = p->written - p->read;
    if (there == 0)
        return p->is_closed ? 0 : fail_with(EAGAIN);
    if (present->suffers && chance_one_in(world.faults.interrupt_one_in))
        return fail_with(EINTR);
    if (disk_is_full())
        return fail_with(ENOSPC);
    len = len < there ? len : there;
    if (present->suffers && len > 1 && chance_one_in(world.faults.short_one_in))
        len = 1 + chance_below(len - 1);
    disk_write(present->disk, node, (uint64_t)*to, p->bytes + p->read, len);
    *to += (off64_t)len;
    p->read += len;
    TRACE("%s gen %llu splices %zu bytes to %s", present->name,
          (unsigned long long)present->generation, len, disk_name(present->disk, node));
    return (ssize_t)len;
}

/* --- the boot, and what is left after it --- */

void boot_begin(struct disk *disk)
{
    int dir = DISK_ROOT;
    static const char *const parts[] = {"proc", "sys", "kernel", "random"};
    for (size_t i = 0; i < 4; i++) {
        int next = disk_find(disk, dir, parts[i]);
        if (next < 0)
            next = disk_make(disk, dir, parts[i], true);
        disk_sync(disk, dir);
        dir = next;
    }
    int node = disk_find(disk, dir, "boot_id");
    if (node < 0)
        node = disk_make(disk, dir, "boot_id", false);
    disk_sync(disk, dir);
    char text[40];
    uint64_t high = chance_bits(), low = chance_bits();
    (void)snprintf(text, sizeof text, "%016llx%016llx\n", (unsigned long long)high,
                   (unsigned long long)low);
    disk_write(disk, node, 0, text, strlen(text));
    disk_sync(disk, node);
}

/* Opens the journal as stdin_source.c does, for another stream. */
static int open_journal(int dir_fd, struct journal **ret_journal, struct err *e)
{
    enum {
        AT_SEQ = 0,
        AT_OFFSET = 8,
        AT_LINE = 16
    };                                  /* docs/protocol.md, "Payload of stdin.source" */
    const uint32_t magic = 0x4e4a4842u; /* "BHJN" */
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    bool found;
    int rc = cursor_read(dir_fd, magic, payload, &found, e);
    if (rc != 0)
        return rc;
    struct journal_config config = {
        .dir_fd = dir_fd,
        .owner = journal_owner(world.topology->name, world.topology->stages[0].name),
        .durable = world.durable,
        .stream = UINT64_MAX,
        .begins = !found};
    if (found)
        config.acked = (struct journal_place){.seq = bytes_get_u64(payload + AT_SEQ),
                                              .line = bytes_get_u64(payload + AT_LINE),
                                              .offset = bytes_get_u64(payload + AT_OFFSET)};
    rc = journal_boot_id(config.boot, e);
    return rc == 0 ? journal_open(&config, ret_journal, e) : rc;
}

struct journal_kept pipe_find_kept(const struct disk *disk, bool loses_power)
{
    struct journal_kept kept = {0};
    struct process probe = {.disk = disk_clone(disk), .name = "probe"};
    char path[128];
    struct journal *journal = NULL;
    struct err e;
    int fd;
    if (loses_power) {
        disk_lose_power(probe.disk);
        boot_begin(probe.disk);
    }
    (void)snprintf(path, sizeof path, STATE_PATH "/stages/%s", world.topology->stages[0].base);
    process_enter(&probe);
    if (file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &fd, &e) == 0) {
        if (open_journal(fd, &journal, &e) != 0)
            fail("the journal would not go on: %s", e.text);
        kept =
            (struct journal_kept){.bytes = journal_bytes(journal), .last = journal_last(journal)};
        journal_free(journal);
        (void)close(fd);
    }
    process_leave();
    process_check_nothing_left(&probe);
    disk_free(probe.disk);
    return kept;
}
