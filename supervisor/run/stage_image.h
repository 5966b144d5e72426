/* SPDX-License-Identifier: MIT */
/*
 * stage_image.h - the shared memory that holds the state of a stage, so that it survives a kill
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_STAGE_IMAGE_H
#define BULKHEAD_SUPERVISOR_RUN_STAGE_IMAGE_H

#include "common/err.h"

/* Makes empty memory: a memfd, which the caller closes. Returns 0 or ERR_IO. */
int stage_image_new(int *ret_fd, struct err *e);

/* Replaces memory with empty memory. Returns 0, or ERR_IO; *fd is then unchanged. */
int stage_image_renew(int *fd, struct err *e);

#endif
