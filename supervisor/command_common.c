/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "common/file.h"
#include "common/limits.h"
#include "common/log.h"
#include "stages/stage.h"
#include "supervisor/command.h"
#include "supervisor/inherited.h"

int command_usage(const char *usage)
{
    inherited_set_late_stops(EXIT_USAGE); /* nobody may read this */
    fprintf(stderr, "usage: bulkhead %s\n", usage);
    return EXIT_USAGE;
}

static int read_file(const char *file, struct buf *text, struct err *e)
{
    int fd;
    int rc = file_open(AT_FDCWD, file, O_RDONLY, 0, &fd, e);
    if (rc != 0)
        return rc;
    rc = file_read_whole(fd, TOPOLOGY_BYTES_MAX, text, e);
    (void)close(fd);
    return rc == 0 ? 0 : err_wrap(e, "'%s'", file);
}

int command_add_setting(struct settings *settings, const char *text)
{
    struct err e;
    if (settings_add(settings, text, &e) == 0)
        return EXIT_OK;
    log_line(LOG_ERROR, "%s", e.text);
    return EXIT_USAGE;
}

int command_load_topology(const char *file, const struct settings *settings,
                          enum topology_form form, struct buf *ret_text,
                          struct topology **ret_topology)
{
    *ret_text = (struct buf){0};
    struct err e;
    if (read_file(file, ret_text, &e) != 0) {
        log_line(LOG_ERROR, "%s", e.text);
        return EXIT_INVALID;
    }
    (void)buf_text(ret_text);
    struct diagnostics d;
    diagnostics_init(&d, file, (const char *)ret_text->data, ret_text->len);
    d.settings = settings;
    int code = EXIT_OK;
    if (topology_load(file, (const char *)ret_text->data, ret_text->len, stage_registry, form, &d,
                      ret_topology) != 0) {
        struct buf out = {0};
        diagnostics_print(&d, &out);
        inherited_set_late_stops(EXIT_INVALID);
        buf_add_format(&out, "%s: %zu error%s\n", file, d.count, d.count == 1 ? "" : "s");
        (void)fwrite(out.data, 1, out.len, stderr);
        buf_done(&out);
        code = EXIT_INVALID;
    }
    diagnostics_done(&d);
    return code;
}

/* Whoever shares the descriptor may have made it one that does not block: then we wait here. */
int command_write(int fd, const struct buf *out, struct err *e)
{
    for (size_t done = 0; done < out->len;) {
        ssize_t n = write(fd, out->data + done, out->len - done);
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        if (n > 0)
            done += (size_t)n;
        else if (n < 0 && errno == EAGAIN)
            (void)poll(&ready, 1, -1);
        else if (n < 0 && errno != EINTR)
            return err_set_errno(e, "after %zu bytes", done);
    }
    return 0;
}

int command_print(const struct buf *out, int code)
{
    struct err e;
    if (command_write(STDOUT_FILENO, out, &e) == 0)
        return code;
    log_line(LOG_ERROR, "cannot write to standard output: %s", e.text);
    return EXIT_FAILED;
}
