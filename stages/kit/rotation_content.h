/* SPDX-License-Identifier: MIT */
/*
 * rotation_content.h - whether files hold the same bytes
 *
 * Names and times can be copied and set, so what was read once is recognized by its bytes. Each of
 * these functions may read whole files, and beats while it does. All return 0 or ERR_IO.
 */
#ifndef BULKHEAD_STAGES_KIT_ROTATION_CONTENT_H
#define BULKHEAD_STAGES_KIT_ROTATION_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

/* Whether the first len bytes have this CRC-32C. False if the file is shorter. */
int content_begins_with(int fd, uint64_t len, uint32_t crc, _Atomic uint64_t *beats, bool *ret_same,
                        struct err *e);

/* Whether two files have the same bytes in [from, to). False if one of them is too short. */
int content_is_same(int fd, int than_fd, uint64_t from, uint64_t to, _Atomic uint64_t *beats,
                    bool *ret_same, struct err *e);

/* How long the file was, modulo 2^32, that a gzip file with one member was made from. */
int content_packed_length(int gzip_fd, bool *ret_is_gzip, uint32_t *ret_len, struct err *e);

/*
 * Whether a gzip file with one member was made from the first len bytes of another file. Its last
 * eight bytes hold their length and CRC-32. False for the files of other programs.
 */
int content_is_packed(int gzip_fd, int fd, uint64_t len, _Atomic uint64_t *beats, bool *ret_same,
                      struct err *e);

#endif
