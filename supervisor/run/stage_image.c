/* SPDX-License-Identifier: MIT */
#include "supervisor/run/stage_image.h"

#include <unistd.h>

#include "common/memfd.h"

int stage_image_new(int *ret_fd, struct err *e)
{
    int fd;
    int rc = memfd_new("bulkhead-store", &fd, e);
    if (rc != 0)
        return err_wrap(e, "memory for the state");
    rc = memfd_seal(fd, MEMFD_GROWS, e);
    if (rc != 0) {
        (void)close(fd);
        return err_wrap(e, "memory for the state");
    }
    *ret_fd = fd;
    return 0;
}

int stage_image_renew(int *fd, struct err *e)
{
    int renewed;
    int rc = stage_image_new(&renewed, e);
    if (rc != 0)
        return rc;
    (void)close(*fd);
    *fd = renewed;
    return 0;
}
