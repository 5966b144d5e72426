/* SPDX-License-Identifier: MIT */
/*
 * What the files of a store say while it is not open.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "stages/store/store_p.h"

int store_read_spec(int dir_fd, bool *ret_found, struct store_spec *spec, struct err *e)
{
    struct store_files files;
    struct store_file_header header;
    int fd;
    int rc = store_files_find(dir_fd, &files, e);
    *ret_found = rc == 0 && (files.log_last != 0 || files.checkpoint != 0);
    if (rc != 0 || !*ret_found)
        return rc;
    if (files.log_last == 0)
        return err_set(e, ERR_CORRUPT, "store.%" PRIu64 ".log is missing", files.checkpoint);
    rc = store_log_open(dir_fd, files.log_last, &fd, &header, e);
    if (rc != 0)
        return rc;
    (void)close(fd);
    if (header.value_len % 8 != 0)
        return err_set(e, ERR_CORRUPT,
                       "store.%" PRIu64 ".log: the header has invalid values "
                       "(offset 0)",
                       files.log_last);
    spec->value_len = header.value_len;
    spec->expires = header.expires;
    memcpy(spec->schema, header.schema, sizeof spec->schema);
    return 0;
}

/* Reads the last log, which must be of this store, and verify apart from a piece at its end. */
static int read_last_log(struct store *s, uint64_t number, seq_number *ret_seq, struct err *e)
{
    struct store_file_header header;
    uint64_t len, tail;
    int fd;
    int rc = store_log_open(s->dir_fd, number, &fd, &header, e);
    if (rc != 0)
        return rc;
    rc = store_check_schema(s, &header, e);
    if (rc == 0)
        rc = store_check_secret(s, &header, "log", e);
    if (rc == 0)
        rc = store_log_replay(fd, &header, true, NULL, NULL, &len, ret_seq, &tail, e);
    (void)close(fd);
    return rc;
}

/* Raises *most to the position of a key group that is ahead. */
static int read_groups(int dir_fd, uint64_t number, seq_number *most, struct err *e)
{
    struct store_file_header header;
    int fd;
    int rc = store_checkpoint_open(dir_fd, number, &fd, &header, e);
    /* Opening the store finds out whether the checkpoint is needed, and what is wrong with it. */
    if (rc != 0)
        return rc == ERR_CORRUPT || rc == ERR_NOT_FOUND ? 0 : rc;
    rc = store_checkpoint_raise(fd, &header, most, e);
    (void)close(fd);
    return rc;
}

int store_read_position(int dir_fd, const struct store_spec *spec, bool *ret_found,
                        seq_number *ret_seq, seq_number *ret_most, struct err *e)
{
    struct store_files files;
    int rc = store_files_find(dir_fd, &files, e);
    if (rc != 0)
        return rc;
    *ret_found = files.log_last != 0 || files.checkpoint != 0;
    if (!*ret_found)
        return 0;
    struct store s = {.dir_fd = dir_fd, .spec = *spec};
    if (files.log_last == 0)
        return err_set(e, ERR_CORRUPT, "store.%" PRIu64 ".log is missing", files.checkpoint);
    rc = read_last_log(&s, files.log_last, ret_seq, e);
    *ret_most = *ret_seq;
    return rc == 0 && files.checkpoint != 0 ? read_groups(dir_fd, files.checkpoint, ret_most, e)
                                            : rc;
}
