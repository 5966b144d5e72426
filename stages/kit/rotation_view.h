/* SPDX-License-Identifier: MIT */
/*
 * rotation_view.h - what is known about a file that is followed through rotations
 */
#ifndef BULKHEAD_STAGES_KIT_ROTATION_VIEW_H
#define BULKHEAD_STAGES_KIT_ROTATION_VIEW_H

#include <stdatomic.h>
#include <stdint.h>

#include "stages/kit/source_marks.h"

/* The file that is read, and what is known about those around it. */
struct rotation_view {
    const char *path;
    int fd;                       /* the open file */
    int left_fd;                  /* the file that was read before it; -1: not open */
    const struct source_mark *at; /* how far it was read */
    const uint8_t *bytes;         /* all bytes that were read of it; NULL: not kept */
    _Atomic uint64_t *beats;
};

#endif
