/* SPDX-License-Identifier: MIT */
#include "common/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/resource.h"

int err_set(struct err *e, int code, const char *format, ...)
{
    if (e == NULL)
        return code;
    e->code = code;
    e->want = WANT_NOTHING;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    return code;
}

int err_set_errno(struct err *e, const char *format, ...)
{
    int saved_errno = errno;
    if (e == NULL)
        return ERR_IO;
    e->code = ERR_IO;
    e->want = want_of_errno(saved_errno);
    va_list args;
    va_start(args, format);
    int used = vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    char limit[RESOURCE_TEXT_BYTES];
    resource_limit_text(saved_errno, limit);
    if (used >= 0 && (size_t)used < sizeof e->text)
        (void)snprintf(e->text + used, sizeof e->text - (size_t)used, ": %s%s",
                       strerror(saved_errno), limit);
    return ERR_IO;
}

void err_note_new(struct err *e, int dir_fd, const char *path)
{
    if (e == NULL || e->want != WANT_SPACE || want_of_new(dir_fd, path) != WANT_INODES)
        return;
    e->want = WANT_INODES;
    size_t used = strlen(e->text);
    (void)snprintf(e->text + used, sizeof e->text - used,
                   ": its file system has no inodes left for a new file (df -i)");
}

int err_wrap(struct err *e, const char *format, ...)
{
    if (e == NULL)
        return ERR_IO;
    char front[ERR_TEXT_BYTES_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(front, sizeof front, format, args);
    va_end(args);
    char whole[2 * ERR_TEXT_BYTES_MAX + 2];
    (void)snprintf(whole, sizeof whole, "%s: %s", front, e->text);
    memcpy(e->text, whole, sizeof e->text - 1);
    e->text[sizeof e->text - 1] = '\0';
    return e->code;
}

const char *err_meaning(int code)
{
    switch (code) {
    case ERR_OK:
        return "no error";
#define X(name, number, text)                                                                      \
    case name:                                                                                     \
        return text;
        ERR_LIST(X)
#undef X
    default:
        return "unknown error code";
    }
}

int err_name_stage(struct err *e, const char *name)
{
    static const char advice[] = "--discard ", placeholder[] = "STAGE";
    char *at = strstr(e->text, "--discard STAGE");
    size_t len = strlen(e->text);
    if (at != NULL) {
        char rest[ERR_TEXT_BYTES_MAX];
        at += sizeof advice - 1;
        (void)snprintf(rest, sizeof rest, "%s", at + sizeof placeholder - 1);
        (void)snprintf(at, sizeof e->text - (size_t)(at - e->text), "%s%s", name, rest);
    } else if (e->code == ERR_CORRUPT && strstr(e->text, "restore") == NULL) {
        (void)snprintf(e->text + len, sizeof e->text - len,
                       "; restore the state directory as a whole, or use --discard %s: then all "
                       "that this stage has kept is discarded",
                       name);
    }
    return e->code;
}
