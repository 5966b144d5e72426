/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/count.h"
#include "common/log.h"
#include "stages/stage.h"
#include "supervisor/command/command.h"
#include "supervisor/run/inherited.h"
#include "supervisor/run/stage_files.h"
#include "supervisor/run/stage_paths.h"
#include "supervisor/run/stage_program.h"
#include "topology/load.h"

int command_add_setting(struct settings *settings, const char *text)
{
    struct err e;
    if (settings_add(settings, text, &e) == 0)
        return EXIT_OK;
    log_line(LOG_ERROR, "%s", e.text);
    return EXIT_USAGE;
}

int command_add_discard(struct start_options *options, const char *stage)
{
    if (options->discard_count == START_DISCARDS_MAX) {
        log_line(LOG_ERROR, "--discard can be given at most %u times", START_DISCARDS_MAX);
        return EXIT_USAGE;
    }
    options->discards[options->discard_count++] = stage;
    return EXIT_OK;
}

int command_start_code(int rc)
{
    if (rc == 0)
        return EXIT_OK;
    if (rc == ERR_UNREAD)
        return EXIT_UNREAD;
    return rc == ERR_MISMATCH || rc == ERR_CORRUPT ? EXIT_REFUSED : EXIT_FAILED;
}

void command_log_lines(enum log_level level, struct buf *lines)
{
    char *line = lines->len != 0 ? (char *)lines->data : NULL;
    for (char *end; line != NULL && (end = memchr(line, '\n', lines->len)) != NULL;
         line = end + 1) {
        *end = '\0';
        log_line(level, "%s", line);
        lines->len -= (size_t)(end + 1 - line);
    }
    buf_done(lines);
}

/* Prints all errors and returns EXIT_INVALID. */
static int print_errors(struct diagnostics *d)
{
    struct buf out = {0};
    inherited_set_late_stops(EXIT_INVALID); /* printing may wait for a reader that never comes */
    diagnostics_print(d, &out);
    buf_add_format(&out, "%s: %zu %s\n", d->file, d->count,
                   count_word(d->count, "error", "errors"));
    (void)fwrite(out.data, 1, out.len, stderr);
    buf_done(&out);
    return EXIT_INVALID;
}

static void add_error(void *context, const char *stage, struct place place, const char *message)
{
    diagnostics_add(context, place, "stage '%s': %s", stage, message);
}

/* Reports every stage whose program does not exist. Returns how many there are. */
static size_t check_programs(const struct topology_draft *draft, stage_files_tell *tell,
                             void *context)
{
    size_t told = 0;
    for (size_t i = 0; i < draft->stage_count; i++) {
        const struct stage_options *stage = &draft->stages[i];
        char path[PATH_MAX];
        struct err e;
        if (stage_program_find(stage->kind, path, &e) == 0)
            continue;
        tell(context, stage->name, stage->place, e.text);
        told++;
    }
    return told;
}

static void compare_files(void *context, const struct topology_draft *draft, struct diagnostics *d)
{
    const struct topology_source *source = context;
    (void)check_programs(draft, add_error, d);
    (void)stage_files_check(draft, source->file, NULL, add_error, d);
}

static int load(kind_registry kinds, const char *file, const struct settings *settings,
                enum topology_form form, topology_compare *compare,
                struct topology_source *ret_source, struct topology **ret_topology)
{
    struct err e;
    if (topology_source_read(file, ret_source, &e) != 0) {
        log_line(LOG_ERROR, "%s", e.text);
        return EXIT_INVALID;
    }
    const char *text = (const char *)ret_source->text.data;
    size_t len = ret_source->text.len;
    struct diagnostics d;
    diagnostics_init(&d, ret_source->name, text, len);
    d.settings = settings;
    int code = EXIT_OK;
    if (topology_load_compared(ret_source->beside, text, len, kinds, form, &d, compare, ret_source,
                               ret_topology) != 0)
        code = print_errors(&d);
    diagnostics_done(&d);
    return code;
}

int command_load_topology(kind_registry kinds, const char *file, const struct settings *settings,
                          enum topology_form form, struct topology_source *ret_source,
                          struct topology **ret_topology)
{
    return load(kinds, file, settings, form, NULL, ret_source, ret_topology);
}

int command_check_topology(kind_registry kinds, const char *file, const struct settings *settings,
                           enum topology_form form, struct topology_source *ret_source,
                           struct topology **ret_topology)
{
    return load(kinds, file, settings, form, compare_files, ret_source, ret_topology);
}

static void say_error(void *context, const char *stage, struct place place, const char *message)
{
    (void)context;
    (void)place;
    log_line(LOG_ERROR, "stage '%s': %s", stage, message);
}

int command_check_files(const struct topology *topology, const struct topology_source *source,
                        const char *state_path)
{
    struct stage_options stages[STAGES_MAX];
    struct topology_draft draft = {.name = topology->name, .stages = stages};
    for (size_t i = 0; i < topology->stage_count; i++) {
        const struct stage *stage = &topology->stages[i];
        if (stage->worker == 0)
            stages[draft.stage_count++] = (struct stage_options){.name = stage->base,
                                                                 .place = stage->place,
                                                                 .kind = stage->kind,
                                                                 .options = stage->options};
    }
    size_t told = check_programs(&draft, say_error, NULL);
    told += stage_files_check(&draft, source->file, state_path, say_error, NULL);
    return told == 0 ? EXIT_OK : EXIT_REFUSED;
}

/* Standard input cannot be both the topology and the input of a stage. */
static int check_stdin(const struct stage *stage, const struct topology_source *source,
                       struct err *e)
{
    if (!stage->kind->takes_stdin || !source->is_stdin)
        return 0;
    return err_set(
        e, ERR_MISMATCH,
        "it reads standard input, but the topology '%s' was already read from there; give "
        "the topology as a file",
        source->name);
}

int command_preflight(const struct topology *t, const struct topology_source *source,
                      const char *state_path, enum preflight purpose)
{
    int code = command_check_files(t, source, state_path);
    for (size_t i = 0; i < t->stage_count; i++) {
        const struct stage_ops *ops = t->stages[i].ops;
        bool is_stream = t->stages[i].kind->takes_stdin || t->stages[i].kind->takes_stdout;
        struct err e;
        /* The streams of a plan are not those of the run. */
        bool checks = purpose != PREFLIGHT_PLAN || !is_stream;
        int rc = checks ? stage_paths_check(&t->stages[i], &e) : 0;
        if (rc == 0 && purpose == PREFLIGHT_INLINE && ops == NULL)
            rc = err_set(&e, ERR_MISMATCH,
                         "kind '%s' is in the program '%s', which --inline cannot run; run it "
                         "without --inline",
                         t->stages[i].kind->name, t->stages[i].kind->program);
        if (rc == 0)
            rc = check_stdin(&t->stages[i], source, &e);
        if (rc == 0 && checks && ops != NULL && ops->preflight != NULL)
            rc = ops->preflight(t, &t->stages[i], &e);
        if (rc != 0) {
            log_line(LOG_ERROR, "stage '%s': %s", t->stages[i].name, e.text);
            code = EXIT_REFUSED;
        }
    }
    return code;
}

/* A process that shares the descriptor may have made it non-blocking; then this waits itself. */
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
            return err_set_errno(e, "after %zu %s", done, count_word(done, "byte", "bytes"));
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
