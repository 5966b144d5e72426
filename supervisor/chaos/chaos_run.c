/* SPDX-License-Identifier: MIT */
#include "supervisor/chaos/chaos_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"
#include "common/process_end.h"
#include "common/text.h"
#include "supervisor/run/state_dir.h"

#define EXPECTED_DIR "expected"
#define OUTPUTS_DIR "outputs"
#define LOG_FILE "log"
/* Levels: scratch, state, stages, one stage, and two for what a kind keeps there. */
#define REMOVE_DEPTH_MAX 6u
#define LAST_WORDS_MAX 2000u
#define LAST_LINES_MAX 8u
/* More than a run needs to drain, stop and give up waiting. */
#define STOP_MS_MAX (DRAIN_DEADLINE_MS + STOP_DEADLINE_MS + 5000u)

char *chaos_run_path(const struct chaos_run *run, const char *name, const char *stage)
{
    return stage == NULL ? memory_format("%s/%s", run->scratch, name)
                         : memory_format("%s/%s/%s", run->scratch, name, stage);
}

/* The arguments of a command, followed by a NULL. */
struct arguments {
    char *items[16 + 2 * (SETTINGS_MAX + PROCESSES_MAX)];
    size_t count;
};

static void add_argument(struct arguments *a, const char *text)
{
    a->items[a->count++] = memory_dup(text, strlen(text));
}

static void arguments_done(struct arguments *a)
{
    for (size_t i = 0; i < a->count; i++)
        free(a->items[i]);
}

static bool is_redirected(const struct topology *topology, const char *setting)
{
    for (size_t i = 0; i < topology->stage_count; i++) {
        const struct option_spec *output = kind_output_option(topology->stages[i].kind);
        if (output != NULL && settings_is_for(setting, topology->stages[i].name, output->name))
            return true;
    }
    return false;
}

/* Adds the user's settings, and one for each output that moves it to the scratch directory. */
static int add_settings(const struct chaos_run *run, const char *directory, struct arguments *a,
                        struct err *e)
{
    struct settings all = {0}; /* only checks that they are not too many or too long */
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < run->user->count; i++) {
        if (is_redirected(run->topology, run->user->items[i]))
            continue;
        add_argument(a, "--set");
        add_argument(a, run->user->items[i]);
        rc = settings_add(&all, a->items[a->count - 1], e);
    }
    for (size_t i = 0; rc == 0 && i < run->topology->stage_count; i++) {
        const struct stage *stage = &run->topology->stages[i];
        const struct option_spec *output = kind_output_option(stage->kind);
        if (output == NULL)
            continue;
        add_argument(a, "--set");
        a->items[a->count++] = memory_format("%s.%s=%s/%s/%s", stage->name, output->name,
                                             run->scratch, directory, stage->name);
        rc = settings_add(&all, a->items[a->count - 1], e);
    }
    return rc;
}

/* A topology that cannot be read again is given to every run as its standard input. */
static int write_topology(const struct chaos_run *run, const char *path, struct err *e)
{
    int fd;
    int rc = file_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600, &fd, e);
    if (rc != 0)
        return rc;
    rc = file_write_at(fd, 0, run->source->text.data, run->source->text.len, e);
    (void)close(fd);
    return rc == 0 ? 0 : err_wrap(e, "'%s'", path);
}

int chaos_run_start(const struct chaos_run *run, bool inline_host, struct chaos_child *child,
                    struct err *e)
{
    struct arguments a = {0};
    char *state = chaos_run_path(run, inline_host ? "inline" : "state", NULL);
    char *summary = chaos_run_path(run, "summary", NULL);
    char *log = chaos_run_path(run, LOG_FILE, NULL);
    char *topology = chaos_run_path(run, "topology.yaml", NULL);
    add_argument(&a, "bulkhead");
    add_argument(&a, "run");
    add_argument(&a, "--quiet");
    if (inline_host)
        add_argument(&a, "--inline");
    if (run->verbose)
        add_argument(&a, "--verbose");
    add_argument(&a, "--state");
    add_argument(&a, state);
    int rc = add_settings(run, inline_host ? EXPECTED_DIR : OUTPUTS_DIR, &a, e);
    add_argument(&a, "--");
    add_argument(&a, run->source->is_once ? run->source->beside : run->source->name);
    if (rc == 0 && run->source->is_once)
        rc = write_topology(run, topology, e);
    if (rc == 0)
        rc = chaos_child_start(child, (const char *const *)a.items,
                               run->source->is_once ? topology : "/dev/null", summary, log, e);
    arguments_done(&a);
    free(state);
    free(summary);
    free(log);
    free(topology);
    return rc;
}

void chaos_run_stop(struct chaos_child *child)
{
    uint64_t until_ms = clock_monotonic_ms() + STOP_MS_MAX;
    chaos_child_signal(child, SIGCONT);
    chaos_child_signal(child, SIGTERM);
    while (!chaos_children_reap(child) && child->pid != 0) {
        if (chaos_pause(10000) || clock_monotonic_ms() >= until_ms)
            chaos_child_signal(child, SIGKILL);
    }
}

/* Appends the last lines of a text; none if it is empty. */
static void add_last_lines(const uint8_t *text, size_t len, struct buf *out)
{
    size_t at = len;
    for (unsigned lines = 0; at > 0; at--) {
        if (text[at - 1] == '\n' && at != len && ++lines == LAST_LINES_MAX)
            break;
    }
    while (at < len) {
        const uint8_t *newline = memchr(text + at, '\n', len - at);
        size_t line_len = newline != NULL ? (size_t)(newline - text) - at : len - at;
        buf_add_text(out, "  ");
        text_printable(text + at, line_len, LAST_WORDS_MAX, out);
        buf_add_byte(out, '\n');
        at += line_len + 1;
    }
}

void chaos_run_describe_end(const struct chaos_run *run, int status, struct buf *out)
{
    char end[PROCESS_END_BYTES];
    int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    buf_add_text(out, process_end_text(signal, WEXITSTATUS(status), end));
    char *path = chaos_run_path(run, LOG_FILE, NULL);
    uint8_t words[LAST_WORDS_MAX];
    size_t len = 0;
    uint64_t total = 0;
    int fd;
    if (file_open(AT_FDCWD, path, O_RDONLY, 0, &fd, NULL) == 0) {
        if (file_length(fd, &total, NULL) != 0 ||
            file_read_at(fd, total > sizeof words ? total - sizeof words : 0, words, sizeof words,
                         &len, NULL) != 0)
            len = 0;
        (void)close(fd);
    }
    buf_add_text(out, len != 0 ? "; its last words:\n" : "\n");
    add_last_lines(words, len, out);
    free(path);
}

enum chaos_end chaos_run_reference(struct chaos_run *run, int *ret_code)
{
    struct chaos_child child;
    struct err e;
    *ret_code = -1;
    if (chaos_run_start(run, true, &child, &e) != 0) {
        buf_add_text(&run->report->reason, e.text);
        return CHAOS_END_FAILED;
    }
    while (!chaos_children_reap(&child)) {
        if (chaos_pause(100000)) {
            chaos_run_stop(&child);
            return CHAOS_END_INTERRUPTED;
        }
    }
    if (WIFEXITED(child.status) && WEXITSTATUS(child.status) == 0)
        return CHAOS_END_GOOD;
    if (WIFEXITED(child.status))
        *ret_code = WEXITSTATUS(child.status);
    buf_add_text(&run->report->reason, "the reference run with the inline host ");
    chaos_run_describe_end(run, child.status, &run->report->reason);
    return CHAOS_END_FAILED;
}

static int make_dir(const struct chaos_run *run, const char *name, struct err *e)
{
    char *path = chaos_run_path(run, name, NULL);
    int rc = mkdir(path, 0700) == 0 || errno == EEXIST
                 ? 0
                 : err_set_errno(e, "cannot create the directory '%s'", path);
    if (rc != 0)
        err_note_new(e, AT_FDCWD, path);
    free(path);
    return rc;
}

static int empty_dir(const struct chaos_run *run, const char *name, struct err *e)
{
    char *path = chaos_run_path(run, name, NULL);
    int fd;
    int rc = file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e);
    if (rc == 0) {
        rc = state_dir_empty(fd, REMOVE_DEPTH_MAX, e);
        (void)close(fd);
    }
    free(path);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

int chaos_run_prepare(const struct chaos_run *run, struct err *e)
{
    int rc = make_dir(run, EXPECTED_DIR, e);
    if (rc == 0)
        rc = make_dir(run, OUTPUTS_DIR, e);
    if (rc == 0)
        rc = empty_dir(run, OUTPUTS_DIR, e);
    if (rc == 0)
        rc = empty_dir(run, "state", e);
    char *log = chaos_run_path(run, LOG_FILE, NULL);
    if (rc == 0)
        rc = file_remove(AT_FDCWD, log, e);
    free(log);
    return rc;
}
