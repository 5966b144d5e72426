/* SPDX-License-Identifier: MIT */
/*
 * manifest_p.h - what the writer and the reader of the manifest share; private to manifest*.c
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_MANIFEST_P_H
#define BULKHEAD_SUPERVISOR_RUN_MANIFEST_P_H

#include "supervisor/run/manifest.h"

#define MANIFEST_FIRST_LINE "bulkhead state "
#define MANIFEST_FORMAT 4

#endif
