/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/buf.h"
#include "common/bytes.h"
#include "common/check.h"
#include "common/file.h"
#include "common/hash.h"
#include "stages/host/layout_p.h"

#define LAYOUT_MAGIC 0x4b574842u /* "BHWK" */
#define LAYOUT_VERSION 1u

enum {
    AT_MAGIC = 0,
    AT_VERSION = 4,
    AT_WORKERS = 8,
    AT_SECRET = 12,
    AT_CRC = AT_SECRET + STORE_SECRET_BYTES,
    FILE_BYTES = AT_CRC + 4,
};

int layout_file_read(int base_fd, struct layout_file *ret_file, struct err *e)
{
    int fd;
    int rc = file_open(base_fd, LAYOUT_FILE, O_RDONLY | O_NOFOLLOW, 0, &fd, e);
    if (rc == ERR_NOT_FOUND) {
        *ret_file = (struct layout_file){.workers = 1};
        return 0;
    }
    if (rc != 0)
        return rc;
    uint8_t bytes[FILE_BYTES + 1];
    size_t len;
    rc = file_read_at(fd, 0, bytes, sizeof bytes, &len, e);
    (void)close(fd);
    if (rc != 0)
        return err_wrap(e, LAYOUT_FILE);
    if (len != FILE_BYTES || bytes_get_u32(bytes + AT_MAGIC) != LAYOUT_MAGIC ||
        bytes_get_u32(bytes + AT_CRC) != hash_crc32c(0, bytes, AT_CRC))
        return err_set(e, ERR_CORRUPT, LAYOUT_FILE ": does not verify (offset 0)");
    if (bytes_get_u32(bytes + AT_VERSION) != LAYOUT_VERSION)
        return err_set(e, ERR_MISMATCH,
                       LAYOUT_FILE ": format version %u; this bulkhead reads version %u; use the "
                                   "one that wrote it, or start over with --fresh, which removes "
                                   "all state and empties the outputs",
                       bytes_get_u32(bytes + AT_VERSION), LAYOUT_VERSION);
    size_t workers = bytes_get_u32(bytes + AT_WORKERS);
    if (workers < 2 || workers > WORKERS_MAX)
        return err_set(e, ERR_CORRUPT, LAYOUT_FILE ": has %zu as the number of workers (offset %d)",
                       workers, AT_WORKERS);
    ret_file->workers = workers;
    memcpy(ret_file->secret, bytes + AT_SECRET, sizeof ret_file->secret);
    return 0;
}

int layout_file_write(int base_fd, const struct layout_file *file, struct err *e)
{
    REQUIRE(file->workers >= 2 && file->workers <= WORKERS_MAX);
    uint8_t bytes[FILE_BYTES];
    bytes_put_u32(bytes + AT_MAGIC, LAYOUT_MAGIC);
    bytes_put_u32(bytes + AT_VERSION, LAYOUT_VERSION);
    bytes_put_u32(bytes + AT_WORKERS, (uint32_t)file->workers);
    memcpy(bytes + AT_SECRET, file->secret, sizeof file->secret);
    bytes_put_u32(bytes + AT_CRC, hash_crc32c(0, bytes, AT_CRC));
    int fd;
    int rc =
        file_open(base_fd, LAYOUT_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, &fd, e);
    if (rc != 0)
        return rc;
    rc = file_write_at(fd, 0, bytes, sizeof bytes, e);
    if (rc == 0)
        rc = file_sync(fd, e);
    (void)close(fd);
    return rc == 0 ? 0 : err_wrap(e, LAYOUT_FILE);
}

int layout_open_worker(int base_fd, size_t worker, int *ret_fd, struct err *e)
{
    char name[24];
    (void)snprintf(name, sizeof name, "%zu", worker);
    int rc = file_open(base_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, ret_fd, e);
    if (rc == ERR_NOT_FOUND)
        rc = err_set(e, ERR_CORRUPT, "the directory '%s' of a worker is missing", name);
    return rc;
}
