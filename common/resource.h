/* SPDX-License-Identifier: MIT */
/*
 * resource.h - which limit of this process (ulimit) an error comes from
 */
#ifndef BULKHEAD_COMMON_RESOURCE_H
#define BULKHEAD_COMMON_RESOURCE_H

#define RESOURCE_TEXT_BYTES 96

/*
 * Writes the limits that may be the cause of an errno, as " (ulimit -n allows 1024)", or "" if no
 * limit belongs to the errno or none is set. Keeps errno.
 */
void resource_limit_text(int error, char ret_text[RESOURCE_TEXT_BYTES]);

#endif
