/* SPDX-License-Identifier: MIT */
#include "supervisor/run/topology_source.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/file.h"
#include "common/path.h"

#define STDIN_ARGUMENT "-"

static bool is_stdin(const struct stat *st)
{
    struct stat in;
    return fstat(STDIN_FILENO, &in) == 0 && in.st_dev == st->st_dev && in.st_ino == st->st_ino;
}

/* Whether the name is another file in every process, such as /dev/stdin or /proc/self/fd/3. */
static bool is_of_process(const char *name)
{
    struct buf way = {0};
    bool is = path_is_of_process(name, &way);
    buf_done(&way);
    return is;
}

static int read_text(int fd, struct topology_source *source, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_set_errno(e, "cannot read it");
    if (S_ISDIR(st.st_mode))
        return err_set(e, ERR_INVALID, "it is a directory; name the topology file in it");
    source->is_once = fd == STDIN_FILENO || !S_ISREG(st.st_mode) || is_of_process(source->name);
    /* If a file was opened by its own name, nothing was read from standard input. */
    source->is_stdin = source->is_once && is_stdin(&st);
    if (source->is_once)
        source->beside = STDIN_ARGUMENT;
    else
        source->file = source->name;
    return file_read_stream(fd, TOPOLOGY_BYTES_MAX, &source->text, e);
}

int topology_source_read(const char *file, struct topology_source *ret_source, struct err *e)
{
    *ret_source = (struct topology_source){.name = file, .beside = file};
    int fd = STDIN_FILENO;
    int rc = 0;
    if (*file == '\0')
        return err_set(e, ERR_INVALID, "the name of the topology file is empty");
    if (strcmp(file, STDIN_ARGUMENT) == 0)
        ret_source->name = "<stdin>";
    else
        rc = file_open(AT_FDCWD, file, O_RDONLY | O_NOCTTY, 0, &fd, e);
    if (rc != 0)
        return rc;
    rc = read_text(fd, ret_source, e);
    if (fd != STDIN_FILENO)
        (void)close(fd);
    (void)buf_text(&ret_source->text);
    if (rc == ERR_RANGE)
        return err_set(e, ERR_RANGE,
                       "'%s' has more than %u bytes, the most that a topology can have",
                       ret_source->name, TOPOLOGY_BYTES_MAX);
    return rc == 0 ? 0 : err_wrap(e, "'%s'", ret_source->name);
}

void topology_source_done(struct topology_source *source)
{
    buf_done(&source->text);
}
