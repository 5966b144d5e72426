/* SPDX-License-Identifier: MIT */
/*
 * rotation_view.h - what is known of a file that is followed through rotations
 */
#ifndef BULKHEAD_STAGES_KIT_ROTATION_VIEW_H
#define BULKHEAD_STAGES_KIT_ROTATION_VIEW_H

#include <stdatomic.h>
#include <stdint.h>

#include "stages/kit/source_marks.h"

/* The file that is read, and what is known of those beside it. */
struct rotation_view {
    const char *path;
    int fd;                       /* it */
    int left_fd;                  /* the one that was read before it; -1: not open */
    const struct source_mark *at; /* how far it was read */
    const uint8_t *bytes;         /* all that was read of it; NULL: it is not kept */
    _Atomic uint64_t *beats;
};

#endif
