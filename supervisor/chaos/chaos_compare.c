/* SPDX-License-Identifier: MIT */
#include "supervisor/chaos/chaos_compare.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/file.h"
#include "common/memory.h"
#include "common/packed_check.h"
#include "common/text.h"

#define BLOCK_BYTES (256u << 10)
#define SHOWN_BYTES_MAX 240u

struct side {
    const char *path;
    int fd; /* -1: the file does not exist */
    uint8_t *block;
    size_t len;
};

/* Where the files differ first. */
struct parting {
    uint64_t offset;
    uint64_t line;        /* number of the line or record, from 1 */
    uint64_t line_offset; /* where that line or record begins */
    bool packed;          /* the files hold msgpack records */
};

static int open_side(struct side *side, const char *path, struct err *e)
{
    *side = (struct side){.path = path, .fd = -1, .block = memory_new(BLOCK_BYTES, 1)};
    int rc = file_open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0, &side->fd, e);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

static void close_side(struct side *side)
{
    if (side->fd >= 0)
        (void)close(side->fd);
    free(side->block);
}

/* Skips bytes that are the same on both sides. */
static void pass_over(struct parting *at, const uint8_t *bytes, size_t len)
{
    const uint8_t *end = bytes + len;
    for (const uint8_t *b = bytes; (b = memchr(b, '\n', (size_t)(end - b))) != NULL; b++) {
        at->line++;
        at->line_offset = at->offset + (uint64_t)(b - bytes) + 1;
        if (b + 1 == end)
            break;
    }
    at->offset += len;
}

/* Reads until the files differ or end. Returns 0 (they are the same), ERR_MISMATCH, or ERR_IO. */
static int find_parting(struct side sides[2], struct parting *at, struct err *e)
{
    for (;;) {
        for (int i = 0; i < 2; i++) {
            int rc = file_read_at(sides[i].fd, at->offset, sides[i].block, BLOCK_BYTES,
                                  &sides[i].len, e);
            if (rc != 0)
                return err_wrap(e, "'%s'", sides[i].path);
        }
        size_t common = sides[0].len < sides[1].len ? sides[0].len : sides[1].len;
        size_t same = 0;
        if (memcmp(sides[0].block, sides[1].block, common) == 0)
            same = common;
        while (same < common && sides[0].block[same] == sides[1].block[same])
            same++;
        pass_over(at, sides[0].block, same);
        if (same < common || sides[0].len != sides[1].len)
            return ERR_MISMATCH;
        if (common < BLOCK_BYTES)
            return 0;
    }
}

/* Finds the record in which the files differ. Up to that offset both are the same. */
static void find_record(const struct side *side, struct parting *at)
{
    uint64_t length = 0;
    at->line = 1;
    at->line_offset = 0;
    if (file_length(side->fd, &length, NULL) != 0 || length == 0)
        return;
    uint8_t *bytes = mmap(NULL, length, PROT_READ, MAP_PRIVATE, side->fd, 0);
    if (bytes == MAP_FAILED)
        return;
    size_t len;
    while (at->line_offset < at->offset &&
           packed_check(bytes + at->line_offset, length - at->line_offset, &packed_record_rules,
                        &len, NULL) == 0 &&
           at->line_offset + len <= at->offset) {
        at->line_offset += len;
        at->line++;
    }
    (void)munmap(bytes, length);
}

/* Shows the line at the difference, or the part of it around the difference if it is long. */
static void show_line(const struct side *side, const struct parting *at, struct buf *out)
{
    uint64_t from = at->line_offset;
    if (at->offset - from > SHOWN_BYTES_MAX / 2)
        from = at->offset - SHOWN_BYTES_MAX / 2;
    size_t len = 0;
    if (file_read_at(side->fd, from, side->block, SHOWN_BYTES_MAX + 1, &len, NULL) != 0) {
        buf_add_text(out, "(cannot be read)\n");
        return;
    }
    if (len == 0) {
        buf_add_text(out, "(the file ends here)\n");
        return;
    }
    const uint8_t *newline = at->packed ? NULL : memchr(side->block, '\n', len);
    if (newline != NULL)
        len = (size_t)(newline - side->block);
    buf_add_text(out, from != at->line_offset ? "…" : "");
    text_printable(side->block, len, SHOWN_BYTES_MAX, out);
    buf_add_byte(out, '\n');
}

int chaos_compare(const char *expected, const char *actual, bool packed, uint64_t *ret_bytes,
                  struct buf *difference, struct err *e)
{
    struct side sides[2] = {{.fd = -1}, {.fd = -1}};
    struct parting at = {.line = 1, .packed = packed};
    int rc = open_side(&sides[0], expected, e);
    if (rc == 0)
        rc = open_side(&sides[1], actual, e);
    if (rc == 0 && (sides[0].fd < 0) != (sides[1].fd < 0)) {
        buf_add_format(difference, "'%s' does not exist, but '%s' does\n",
                       sides[0].fd < 0 ? expected : actual, sides[0].fd < 0 ? actual : expected);
        rc = ERR_MISMATCH;
    } else if (rc == 0 && sides[0].fd >= 0) {
        rc = find_parting(sides, &at, e);
        if (rc == ERR_MISMATCH) {
            if (packed)
                find_record(&sides[0], &at);
            buf_add_format(difference, "'%s' differs at byte %" PRIu64 ", %s %" PRIu64 "\n", actual,
                           at.offset + 1, packed ? "record" : "line", at.line);
            buf_add_text(difference, "  should be: ");
            show_line(&sides[0], &at, difference);
            buf_add_text(difference, "  is:        ");
            show_line(&sides[1], &at, difference);
        }
    }
    close_side(&sides[0]);
    close_side(&sides[1]);
    if (rc == 0)
        *ret_bytes = at.offset;
    return rc;
}
