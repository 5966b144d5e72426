/* SPDX-License-Identifier: MIT */
/*
 * The normal path: journal_take() splices bytes to after the place of the next header, reads them
 * once to count lines, writes the header, and syncs. The reader was at the end, and continues in
 * the buffer that they were read into.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/file.h"
#include "common/memory.h"
#include "stages/journal/journal_p.h"

int journal_boot_id(uint8_t ret_boot[JOURNAL_BOOT_BYTES], struct err *e)
{
    char text[64];
    size_t got, digits = 0;
    int fd;
    int rc = file_open(AT_FDCWD, "/proc/sys/kernel/random/boot_id", O_RDONLY, 0, &fd, e);
    if (rc != 0)
        return rc;
    rc = file_read_at(fd, 0, text, sizeof text, &got, e);
    (void)close(fd);
    if (rc != 0)
        return rc;
    uint8_t boot[JOURNAL_BOOT_BYTES] = {0};
    for (size_t i = 0; i < got && digits < 2 * sizeof boot; i++) {
        static const char alphabet[] = "0123456789abcdef";
        const char *digit = memchr(alphabet, text[i], 16);
        if (digit == NULL)
            continue;
        boot[digits / 2] = (uint8_t)(boot[digits / 2] << 4 | (uint8_t)(digit - alphabet));
        digits++;
    }
    if (digits != 2 * sizeof boot)
        return err_set(e, ERR_INVALID, "the boot_id of the kernel has an unexpected format");
    memcpy(ret_boot, boot, sizeof boot);
    return 0;
}

void journal_add_segment(struct journal *j, const struct journal_segment *segment)
{
    if (j->segment_count == j->segment_capacity) {
        j->segment_capacity = j->segment_capacity != 0 ? 2 * j->segment_capacity : 8;
        j->segments = memory_resize(j->segments, j->segment_capacity, sizeof *j->segments);
    }
    j->segments[j->segment_count++] = *segment;
}

bool journal_same_stream(const struct journal *j)
{
    uint64_t last = last_segment(j)->begin.stream, next = j->config.stream;
    return last == next || (j->config.stream_kept && (uint32_t)last == (uint32_t)next);
}

int journal_rotate(struct journal *j, struct err *e)
{
    struct journal_segment next = {.fd = -1,
                                   .number =
                                       j->segment_count != 0 ? last_segment(j)->number + 1 : 1,
                                   .owner = j->config.owner,
                                   .begin = j->state,
                                   .previous_chain = j->state.chain};
    if (j->segment_count == 0 || !journal_same_stream(j)) {
        next.begin.first = true;
        next.begin.lost = false;
    }
    next.begin.stream = j->config.stream;
    memcpy(next.boot, j->config.boot, sizeof next.boot);
    int rc = journal_segment_create(j->config.dir_fd, &next, j->config.durable, e);
    if (rc != 0)
        return rc;
    if (j->segment_count != 0) {
        (void)close(last_segment(j)->fd);
        last_segment(j)->fd = -1;
    }
    j->removed = false; /* the directory was synced */
    journal_add_segment(j, &next);
    j->state = next.begin;
    j->at = JOURNAL_HEADER_BYTES;
    j->blocks = 0;
    return 0;
}

/* Writes the header of a block whose bytes are already in the file, and makes both safe. */
static int write_block(struct journal *j, const uint8_t *bytes, uint32_t len,
                       struct journal_block *ret_block, struct err *e)
{
    uint8_t header[JOURNAL_BLOCK_HEADER_BYTES];
    struct journal_block block;
    int fd = last_segment(j)->fd;
    journal_block_make(j->at, &j->state, bytes, len, &block, header);
    int rc = file_write_at(fd, j->at, header, sizeof header, e);
    if (rc == 0 && j->config.durable && file_sync(fd, e) != 0)
        rc = journal_segment_renew(last_segment(j), header, &block, bytes, e);
    j->usable = j->usable && (rc == 0 || rc == ERR_NO_SPACE);
    if (rc != 0)
        return err_wrap(e, "%s", last_segment(j)->name);
    j->landed = 0;
    j->state = block.after;
    j->at = journal_block_end(&block);
    j->blocks++;
    *ret_block = block;
    return 0;
}

int journal_commit_landed(struct journal *j, struct journal_block *ret_block, struct err *e)
{
    size_t got = 0;
    int rc = file_read_at(last_segment(j)->fd, j->at + JOURNAL_BLOCK_HEADER_BYTES, j->fresh,
                          (size_t)j->landed, &got, e);
    if (rc == 0 && got < j->landed)
        rc = err_set(e, ERR_CORRUPT, "truncated while being written");
    if (rc != 0)
        return err_wrap(e, "%s", last_segment(j)->name);
    return write_block(j, j->fresh, (uint32_t)j->landed, ret_block, e);
}

/* A segment is read completely when it is opened, so its bytes and blocks are limited. */
static bool segment_is_full(const struct journal *j)
{
    return j->at >= JOURNAL_SEGMENT_BYTES || j->blocks >= JOURNAL_SEGMENT_BLOCKS;
}

/* What has landed so far stays where it is; the next call continues after it. */
static int no_space(const struct journal *j, struct err *e)
{
    (void)err_set_errno(e, "%s: cannot store input", last_segment(j)->name);
    if (e != NULL)
        e->code = ERR_NO_SPACE;
    return ERR_NO_SPACE;
}

/*
 * Checks, before more is taken out of the pipe, that the last segment is in its place and complete.
 * Input would be lost in a file that was removed, and a part that was cut off would be read as NUL
 * bytes. (The padding after a block is not written.)
 */
static int check_last(const struct journal *j, struct err *e)
{
    const struct journal_segment *s = last_segment(j);
    uint64_t written = j->landed != 0 ? j->at + JOURNAL_BLOCK_HEADER_BYTES + j->landed
                                      : j->at - (JOURNAL_BLOCK_HEADER_BYTES - 1);
    return file_check_in_place(j->config.dir_fd, s->name, s->fd, written, e);
}

/* Moves bytes from the pipe to after the place of the next header, as many as fit in a block. */
static int move(struct journal *j, int pipe_fd, struct err *e)
{
    int fd = last_segment(j)->fd;
    while (j->landed < JOURNAL_BLOCK_BYTES) {
        off_t to = (off_t)(j->at + JOURNAL_BLOCK_HEADER_BYTES + j->landed);
        ssize_t n = splice(pipe_fd, NULL, fd, &to, (size_t)(JOURNAL_BLOCK_BYTES - j->landed),
                           SPLICE_F_NONBLOCK);
        if (n == 0)
            return ERR_END;
        if (n > 0)
            j->landed += (uint64_t)n;
        else if (errno == EAGAIN)
            return ERR_AGAIN;
        else if (errno == EINVAL)
            return err_set(e, ERR_MISMATCH,
                           "the file system of the state directory does not support splice(2) "
                           "from a pipe, without which a kill would lose input; use --state DIR "
                           "on another file system");
        else if (errno == ENOSPC || errno == EDQUOT)
            return no_space(j, e);
        else if (errno != EINTR)
            return err_set_errno(e, "%s: cannot store input", last_segment(j)->name);
    }
    return 0;
}

/*
 * Lets the disk write the next block while the records of this one are processed. An error here
 * will be met again when that block is taken.
 */
static void fetch_ahead(struct journal *j, int pipe_fd)
{
    if (segment_is_full(j))
        return;
    struct err ignored;
    (void)move(j, pipe_fd, &ignored);
    if (j->landed != 0 && j->config.durable)
        (void)sync_file_range(last_segment(j)->fd, (off_t)j->at, 0, SYNC_FILE_RANGE_WRITE);
}

int journal_take(struct journal *j, int pipe_fd, struct err *e)
{
    REQUIRE(reader_at_end(j));
    int rc = 0;
    if (segment_is_full(j) && j->landed == 0) {
        rc = journal_rotate(j, e);
        if (rc == 0)
            rc = journal_reader_enter(j, j->segment_count - 1, e);
        if (rc != 0)
            return rc;
    }
    rc = check_last(j, e);
    if (rc != 0)
        return rc;
    rc = move(j, pipe_fd, e);
    if (j->landed == 0 || (rc != 0 && rc != ERR_AGAIN && rc != ERR_END))
        return rc;
    struct journal_block block;
    rc = journal_commit_landed(j, &block, e);
    if (rc != 0)
        return rc;
    journal_adopt(j, &block);
    fetch_ahead(j, pipe_fd);
    return 0;
}

int journal_flush(struct journal *j, struct err *e)
{
    REQUIRE(reader_at_end(j));
    struct journal_block block;
    if (j->landed == 0)
        return ERR_AGAIN;
    int rc = journal_commit_landed(j, &block, e);
    if (rc == 0)
        journal_adopt(j, &block);
    return rc;
}

int journal_end(struct journal *j, struct err *e)
{
    REQUIRE(j->landed == 0);
    if (j->state.carry == 0)
        return 0;
    struct journal_block block;
    return write_block(j, j->fresh, 0, &block, e);
}

int journal_mark_end(struct journal *j, struct err *e)
{
    REQUIRE(j->landed == 0 && j->state.carry == 0);
    if (j->state.ended || j->state.next_seq == 1)
        return 0;
    struct journal_block block;
    return write_block(j, j->fresh, 0, &block, e);
}

int journal_trim(struct journal *j, uint64_t offset, seq_number seq, struct err *e)
{
    size_t count = 0;
    while (count < j->reading && j->segments[count + 1].begin.offset <= offset &&
           j->segments[count + 1].begin.next_seq <= seq + 1)
        count++;
    if (count == 0)
        return 0;
    /* Oldest first, and each only once the removal of the one before is safe, so that a kill or a
       power failure leaves no holes. */
    for (size_t i = 0; i < count; i++) {
        int rc = j->config.durable && j->removed ? file_sync_dir(j->config.dir_fd, e) : 0;
        if (rc == 0)
            rc = file_remove(j->config.dir_fd, j->segments[i].name, e);
        j->removed = true;
        if (rc == 0)
            rc = journal_segment_remove_torn(j->config.dir_fd, j->segments[i].number, e);
        if (rc != 0)
            return rc;
    }
    j->segment_count -= count;
    j->reading -= count;
    memmove(j->segments, j->segments + count, j->segment_count * sizeof *j->segments);
    return 0;
}

void journal_free(struct journal *j)
{
    if (j == NULL)
        return;
    /* After a power failure, the next process could not tell whether these bytes are complete. */
    struct journal_block block;
    struct err ignored;
    if (j->landed != 0 && j->usable)
        (void)journal_commit_landed(j, &block, &ignored);
    if (j->segment_count != 0 && last_segment(j)->fd >= 0)
        (void)close(last_segment(j)->fd);
    if (j->source.fd >= 0)
        (void)close(j->source.fd);
    free(j->segments);
    free(j->payload);
    free(j->fresh);
    free(j);
}

int journal_last_stream(int dir_fd, uint64_t *ret_stream, struct err *e)
{
    uint64_t *numbers = NULL;
    size_t count = 0;
    struct journal_segment last;
    int rc = journal_segment_list(dir_fd, &numbers, &count, e);
    if (rc == 0 && count == 0)
        rc = err_set(e, ERR_NOT_FOUND, "there is no journal");
    if (rc == 0)
        rc = journal_segment_open(dir_fd, numbers[count - 1], O_RDONLY, &last, e);
    free(numbers);
    if (rc != 0)
        return rc;
    (void)close(last.fd);
    *ret_stream = last.begin.stream;
    return 0;
}

seq_number journal_last(const struct journal *j)
{
    return j->state.next_seq - 1;
}

uint64_t journal_bytes(const struct journal *j)
{
    return j->state.offset;
}

uint64_t journal_cut_bytes(const struct journal *j)
{
    return j->cut_bytes;
}
