/* SPDX-License-Identifier: MIT */
/*
 * store_file_p.h - the header that logs and checkpoints share; private to store_*.c
 */
#ifndef BULKHEAD_STAGES_STORE_STORE_FILE_P_H
#define BULKHEAD_STAGES_STORE_STORE_FILE_P_H

#include "stages/store/store_log.h"

/* Opens a file and checks its header. Returns 0, ERR_NOT_FOUND, ERR_CORRUPT, ERR_MISMATCH, ERR_IO.
 */
int store_file_open(int dir_fd, const char *name, uint32_t magic, uint64_t number, int *ret_fd,
                    struct store_file_header *ret_header, struct err *e);

/*
 * Begins a file that file_replace_finish() gives the name: draws its nonce and writes its header.
 * The caller closes ret_fd. Returns: as file_replace_begin() and file_write_at().
 */
int store_file_begin(int dir_fd, const char *name, uint32_t magic, struct store_file_header *header,
                     int *ret_fd, struct err *e);

/* What the CRCs behind a header go on from, where they bind what is there to this file. */
uint32_t store_file_seed(const struct store_file_header *header);

#endif
