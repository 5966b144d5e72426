/* SPDX-License-Identifier: MIT */
#include "stages/store/store_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/file.h"
#include "common/file_replace.h"
#include "common/hash.h"
#include "common/random.h"

#define TORN_KEPT 8u    /* for how many checkpoints a torn piece is kept */
#define MOVED_NUMBER 2u /* the first number of a state that was redistributed; see store_parts.c */
#define FORMAT_VERSION 4u
/* Up to this version the header was shorter. */
#define SHORT_VERSION_LAST 3u
#define SHORT_AT_CRC 316u

/* Offsets in the header of a file. The CRC covers everything before it. */
enum {
    AT_MAGIC = 0,
    AT_VERSION = 4,
    AT_NUMBER = 8,
    AT_START_SEQ = STORE_HEADER_START_SEQ_OFFSET,
    AT_VALUE_LEN = 24,
    AT_SCHEMA = 28,
    AT_SECRET = STORE_HEADER_SECRET_OFFSET,
    AT_CLOCK = 300,
    AT_FLAGS = 308,
    AT_NONCE = 312,
    AT_CRC = 324,
};
_Static_assert(AT_SCHEMA + STORE_SCHEMA_BYTES_MAX + 1 == AT_SECRET, "schema fits");
_Static_assert(AT_CRC + 4 == STORE_HEADER_BYTES, "the CRC ends the header");

#define FLAG_EXPIRES 1u

static bool parse_number(const char *name, const char *suffix, uint64_t *ret_number)
{
    static const char prefix[] = "store.";
    if (strncmp(name, prefix, sizeof prefix - 1) != 0)
        return false;
    const char *digits = name + sizeof prefix - 1;
    size_t count = strspn(digits, "0123456789");
    if (count == 0 || count > 19 || strcmp(digits + count, suffix) != 0)
        return false;
    *ret_number = strtoull(digits, NULL, 10);
    return true;
}

typedef int store_file_fn(int dir_fd, const char *name, void *context, struct err *e);

static int for_each_file(int dir_fd, store_file_fn *visit, void *context, struct err *e)
{
    int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (dir == NULL) {
        (void)err_set_errno(e, "cannot list the directory of the state");
        if (copy >= 0)
            (void)close(copy);
        return ERR_IO;
    }
    int rc = 0;
    struct dirent *entry;
    while (rc == 0 && (errno = 0, entry = readdir(dir)) != NULL)
        rc = visit(dir_fd, entry->d_name, context, e);
    /* An incomplete list is an error: a store that overlooks its files would start from scratch. */
    if (rc == 0 && errno != 0)
        rc = err_set_errno(e, "cannot list the directory of the state");
    (void)closedir(dir);
    return rc;
}

static int note_checkpoint(int dir_fd, const char *name, void *context, struct err *e)
{
    (void)dir_fd;
    (void)e;
    struct store_files *files = context;
    uint64_t number;
    if (parse_number(name, ".checkpoint", &number) && number > files->checkpoint)
        files->checkpoint = number;
    return 0;
}

static int note_log(int dir_fd, const char *name, void *context, struct err *e)
{
    (void)dir_fd;
    (void)e;
    struct store_files *files = context;
    uint64_t number;
    if (!parse_number(name, ".log", &number) || number < files->checkpoint)
        return 0;
    if (files->log_first == 0 || number < files->log_first)
        files->log_first = number;
    if (number > files->log_last)
        files->log_last = number;
    return 0;
}

int store_files_find(int dir_fd, struct store_files *ret_files, struct err *e)
{
    *ret_files = (struct store_files){0};
    int rc = for_each_file(dir_fd, note_checkpoint, ret_files, e);
    return rc != 0 ? rc : for_each_file(dir_fd, note_log, ret_files, e);
}

static int remove_below(int dir_fd, const char *name, void *context, struct err *e)
{
    uint64_t limit = *(const uint64_t *)context;
    uint64_t number;
    bool unfinished = parse_number(name, ".checkpoint" FILE_REPLACE_SUFFIX, &number) ||
                      parse_number(name, ".log" FILE_REPLACE_SUFFIX, &number);
    bool old =
        (parse_number(name, ".checkpoint", &number) || parse_number(name, ".log", &number)) &&
        number < limit;
    /* Kept as evidence for people, who have had time to look at it. */
    bool torn = parse_number(name, ".torn", &number) && number + TORN_KEPT < limit;
    /* Pieces from other workers have numbers of their own; the state that came with them has 2. */
    size_t len = strlen(name);
    bool moved = strncmp(name, "from-", 5) == 0 && len > 5 &&
                 strcmp(name + len - 5, ".torn") == 0 && MOVED_NUMBER + TORN_KEPT < limit;
    return unfinished || old || torn || moved ? file_remove(dir_fd, name, e) : 0;
}

int store_files_remove_below(int dir_fd, uint64_t number, struct err *e)
{
    return for_each_file(dir_fd, remove_below, &number, e);
}

static void header_encode(const struct store_file_header *header, uint32_t magic,
                          uint8_t out[STORE_HEADER_BYTES])
{
    memset(out, 0, STORE_HEADER_BYTES);
    bytes_put_u32(out + AT_MAGIC, magic);
    bytes_put_u32(out + AT_VERSION, FORMAT_VERSION);
    bytes_put_u64(out + AT_NUMBER, header->number);
    bytes_put_u64(out + AT_START_SEQ, header->start_seq);
    bytes_put_u32(out + AT_VALUE_LEN, header->value_len);
    memcpy(out + AT_SCHEMA, header->schema, sizeof header->schema);
    memcpy(out + AT_SECRET, header->secret, sizeof header->secret);
    bytes_put_u64(out + AT_CLOCK, (uint64_t)header->clock);
    bytes_put_u32(out + AT_FLAGS, header->expires ? FLAG_EXPIRES : 0);
    bytes_put_u64(out + AT_NONCE, header->nonce);
    bytes_put_u32(out + AT_CRC, hash_crc32c(0, out, AT_CRC));
}

/* Whether the CRC of a header, of this version or an earlier one, is right. */
static bool header_verifies(const uint8_t in[STORE_HEADER_BYTES])
{
    bool is_short = bytes_get_u32(in + AT_VERSION) <= SHORT_VERSION_LAST;
    size_t crc_at = is_short ? SHORT_AT_CRC : AT_CRC;
    return bytes_get_u32(in + crc_at) == hash_crc32c(0, in, crc_at);
}

static int header_decode(const uint8_t in[STORE_HEADER_BYTES], uint32_t magic,
                         struct store_file_header *ret_header, struct err *e)
{
    if (bytes_get_u32(in + AT_MAGIC) != magic)
        return err_set(e, ERR_CORRUPT, "not a file of a store (offset 0)");
    if (!header_verifies(in))
        return err_set(e, ERR_CORRUPT, "the header does not verify (offset 0)");
    if (bytes_get_u32(in + AT_VERSION) != FORMAT_VERSION)
        return err_set(e, ERR_MISMATCH,
                       "format version %u; this bulkhead reads version %u; use the one that wrote "
                       "it, or start over with --fresh, which removes all state and empties the "
                       "outputs",
                       bytes_get_u32(in + AT_VERSION), FORMAT_VERSION);
    if (in[AT_SECRET - 1] != '\0' || bytes_get_u32(in + AT_VALUE_LEN) > STORE_VALUE_BYTES_MAX ||
        bytes_get_u32(in + AT_FLAGS) > FLAG_EXPIRES)
        return err_set(e, ERR_CORRUPT, "the header has invalid values (offset 0)");
    ret_header->number = bytes_get_u64(in + AT_NUMBER);
    ret_header->start_seq = bytes_get_u64(in + AT_START_SEQ);
    ret_header->clock = (int64_t)bytes_get_u64(in + AT_CLOCK);
    ret_header->value_len = bytes_get_u32(in + AT_VALUE_LEN);
    ret_header->expires = bytes_get_u32(in + AT_FLAGS) == FLAG_EXPIRES;
    memcpy(ret_header->schema, in + AT_SCHEMA, sizeof ret_header->schema);
    memcpy(ret_header->secret, in + AT_SECRET, sizeof ret_header->secret);
    ret_header->nonce = bytes_get_u64(in + AT_NONCE);
    return 0;
}

int store_file_open(int dir_fd, const char *name, uint32_t magic, uint64_t number, int *ret_fd,
                    struct store_file_header *ret_header, struct err *e)
{
    int fd;
    int rc = file_open(dir_fd, name, O_RDWR | O_NOFOLLOW, 0, &fd, e);
    if (rc != 0)
        return rc;
    uint8_t bytes[STORE_HEADER_BYTES] = {0};
    size_t got;
    rc = file_read_at(fd, 0, bytes, sizeof bytes, &got, e);
    if (rc == 0 && got < sizeof bytes && !(got >= SHORT_AT_CRC + 4 && header_verifies(bytes)))
        rc = err_set(e, ERR_CORRUPT, "cut off in its header (offset %zu)", got);
    if (rc == 0)
        rc = header_decode(bytes, magic, ret_header, e);
    if (rc == 0 && ret_header->number != number)
        rc = err_set(e, ERR_CORRUPT, "its header has number %" PRIu64 " (offset %d)",
                     ret_header->number, AT_NUMBER);
    if (rc != 0) {
        (void)close(fd);
        return err_wrap(e, "%s", name);
    }
    *ret_fd = fd;
    return 0;
}

uint32_t store_file_seed(const struct store_file_header *header)
{
    uint8_t nonce[8];
    bytes_put_u64(nonce, header->nonce);
    return hash_crc32c(0, nonce, sizeof nonce);
}

int store_file_begin(int dir_fd, const char *name, uint32_t magic, struct store_file_header *header,
                     int *ret_fd, struct err *e)
{
    int fd;
    int rc = random_nonce(&header->nonce, e);
    if (rc == 0)
        rc = file_replace_begin(dir_fd, name, &fd, e);
    if (rc != 0)
        return rc;
    uint8_t bytes[STORE_HEADER_BYTES];
    header_encode(header, magic, bytes);
    rc = file_write_at(fd, 0, bytes, sizeof bytes, e);
    if (rc != 0) {
        (void)close(fd);
        return err_wrap(e, "%s", name);
    }
    *ret_fd = fd;
    return 0;
}
