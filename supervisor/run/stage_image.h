/* SPDX-License-Identifier: MIT */
/*
 * stage_image.h - the shared memory in which a stage keeps its state, so that it outlives a kill
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_STAGE_IMAGE_H
#define BULKHEAD_SUPERVISOR_RUN_STAGE_IMAGE_H

#include "common/err.h"

/* Makes empty memory, as a memfd which the caller closes. Returns 0 or ERR_IO. */
int stage_image_new(int *ret_fd, struct err *e);

/* Replaces memory by empty memory. Returns 0, or ERR_IO; then *fd is as it was. */
int stage_image_renew(int *fd, struct err *e);

#endif
