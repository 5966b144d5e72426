/* SPDX-License-Identifier: MIT */
#include "common/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u /* linux/memfd.h of Linux 6.3 */
#endif

int memfd_new(const char *name, int *ret_fd, struct err *e)
{
    /* Hosts may refuse executable memory (vm.memfd_noexec); older ones do not know the flag. */
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return err_set_errno(e, "cannot create shared memory");
    *ret_fd = fd;
    return 0;
}

int memfd_seal(int fd, enum memfd_seals seals, struct err *e)
{
    static const int bits[] = {
        [MEMFD_GROWS] = F_SEAL_SHRINK | F_SEAL_SEAL,
        [MEMFD_STAYS] = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
        [MEMFD_READ_ONLY] = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL,
    };
    return fcntl(fd, F_ADD_SEALS, bits[seals]) == 0 ? 0
                                                    : err_set_errno(e, "cannot seal shared memory");
}
