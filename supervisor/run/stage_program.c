/* SPDX-License-Identifier: MIT */
#include "supervisor/run/stage_program.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* This remains our own file even if another one was put in its place. */
#define OURSELVES "/proc/self/exe"

static int our_directory(char ret_directory[PATH_MAX], struct err *e)
{
    ssize_t len = readlink(OURSELVES, ret_directory, PATH_MAX - 1);
    if (len < 0)
        return err_set_errno(e, "cannot find out where this program is (" OURSELVES ")");
    ret_directory[len] = '\0';
    char *slash = strrchr(ret_directory, '/');
    if (slash == NULL)
        return err_set(e, ERR_IO, "'%s' (" OURSELVES ") is not a path", ret_directory);
    *slash = '\0';
    return 0;
}

static bool is_executable(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int stage_program_find(const struct kind *kind, char ret_path[PATH_MAX], struct err *e)
{
    if (kind->program == NULL) {
        memcpy(ret_path, OURSELVES, sizeof OURSELVES);
        return 0;
    }
    char directory[PATH_MAX], packaged[PATH_MAX];
    int rc = our_directory(directory, e);
    if (rc != 0)
        return rc;
    int len = snprintf(ret_path, PATH_MAX, "%s/%s", directory, kind->program);
    if (len < PATH_MAX && is_executable(ret_path))
        return 0;
    char *slash = strrchr(directory, '/');
    if (slash != NULL)
        *slash = '\0';
    len = snprintf(packaged, PATH_MAX, "%s/lib/bulkhead/%s", directory, kind->program);
    if (len < PATH_MAX && is_executable(packaged)) {
        memcpy(ret_path, packaged, (size_t)len + 1);
        return 0;
    }
    return err_set(e, ERR_NOT_FOUND,
                   "kind '%s' needs the program '%s', and neither '%s' nor '%s' can be executed; "
                   "install it there",
                   kind->name, kind->program, ret_path, packaged);
}
