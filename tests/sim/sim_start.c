/* SPDX-License-Identifier: MIT */
/*
 * The start of a supervisor, as command_run.c does it: the state directory is created, locked and
 * prepared by a process to which everything may happen that happens to stages. If it succeeds, it
 * keeps what it has opened and becomes the supervisor.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/digest.h"
#include "stages/host/layout.h"
#include "supervisor/run/manifest.h"
#include "supervisor/run/version_copies.h"
#include "tests/sim/sim_world.h"

int state_find(const struct disk *disk)
{
    static const char *const parts[] = {"var", "lib", "state"};
    int node = DISK_ROOT;
    for (size_t i = 0; i < 3 && node >= 0; i++)
        node = disk_find(disk, node, parts[i]);
    return node;
}

/* Whether the copy of a version that the manifest names is there, and whole. */
static void check_copy(const struct disk *disk, int versions, const char *id)
{
    int copy = versions >= 0 ? disk_find(disk, versions, id) : -1;
    int text = copy >= 0 ? disk_find(disk, copy, VERSION_COPY_TEXT) : -1;
    int topology = copy >= 0 ? disk_find(disk, copy, VERSION_COPY_TOPOLOGY) : -1;
    if (text < 0 || topology < 0 || disk_length(disk, topology) == 0)
        fail("the manifest names version %s, of which there is no copy", id);
    if (strcmp(digest_of(disk_bytes(disk, text), disk_length(disk, text)).text, id) != 0)
        fail("the copy of version %s has another text", id);
}

void state_check_copies(const struct disk *disk)
{
    int state = state_find(disk);
    int manifest = state >= 0 ? disk_find(disk, state, MANIFEST_FILE) : -1;
    if (manifest < 0)
        return;
    int versions = disk_find(disk, state, VERSION_COPIES);
    const char *line = (const char *)disk_bytes(disk, manifest);
    const char *end = line + disk_length(disk, manifest);
    while (line < end) {
        char start[128], id[DIGEST_DIGITS + 1];
        const char *next = memchr(line, '\n', (size_t)(end - line));
        size_t len = (size_t)((next != NULL ? next : end) - line);
        (void)snprintf(start, sizeof start, "%.*s", (int)len, line);
        if (sscanf(start, "version %*u %64[0-9a-f] ", id) == 1)
            check_copy(disk, versions, id);
        line += len + 1;
    }
}

/* Finds out which pipe it is. */
static int take_stdin(struct start_sim *s, struct err *e)
{
    int fd;
    int rc = layout_open(s->state.stages_fd, &world.topology->stages[0], &fd, NULL, e);
    if (rc != 0)
        return rc;
    rc = stage_input_open(STDIN_FILENO, fd, &s->input, e);
    (void)close(fd);
    return rc;
}

/* Runs in the present process: everything before the first spawn. */
static void prepare(struct start_sim *s)
{
    struct start_report report = {0};
    struct err e = {0};
    s->rc = state_dir_open(&s->state, STATE_PATH, world.topology->name, &e);
    bool is_open = s->rc == 0;
    struct version version = {0};
    struct timeline timeline = {0};
    if (s->rc == 0)
        s->rc = version_describe(world.topology, &version, &e);
    struct start_request request = {.state_fd = s->state.fd,
                                    .stages_fd = s->state.stages_fd,
                                    .path = s->state.path,
                                    .file = "t.yaml",
                                    .topology = world.topology,
                                    .version = &version,
                                    .options = &s->options};
    if (s->rc == 0)
        s->rc = start_prepare(&request, s->begins_after, &timeline, &report);
    version_done(&version);
    timeline_done(&timeline);
    if (s->rc == 0)
        s->rc = state_dir_begin_run(&s->state, &e);
    if (s->rc == 0 && world.by_pipe)
        s->rc = take_stdin(s, &e);
    (void)snprintf(s->why, sizeof s->why, "%s",
                   report.errors.len != 0 ? buf_text(&report.errors) : e.text);
    buf_done(&report.warnings);
    buf_done(&report.notes);
    buf_done(&report.errors);
    if (is_open && s->rc != 0)
        state_dir_close(&s->state);
}

void state_prepare(struct disk *disk, seq_number *ret_begins_after)
{
    struct process tool = {.disk = disk, .name = "supervisor"};
    static struct start_sim start;
    start = (struct start_sim){0};
    process_enter(&tool);
    prepare(&start);
    if (start.rc != 0)
        fail("nothing starts: %s", start.why);
    state_dir_close(&start.state);
    process_leave();
    process_check_nothing_left(&tool);
    memcpy(ret_begins_after, start.begins_after, sizeof start.begins_after);
}

static void live(void *opaque)
{
    (void)opaque;
    struct start_sim *s = &world.supervisor.start;
    prepare(s);
    process_exit(s->rc != 0 ? 1 : 0);
}

void start_begin(void)
{
    struct supervisor_sim *s = &world.supervisor;
    world.attempts++;
    s->faults_before = world.faults.happened;
    s->start = (struct start_sim){0};
    /* The records of a journal would be lost, and could not be read again. */
    s->start.options.fresh = world.attempts > 1 && world.source == SOURCE_FILE &&
                             fault_one_in(world.faults.fresh_one_in);
    world.may_be_fresh |= s->start.options.fresh;
    TRACE("supervisor prepares its start%s, attempt %llu",
          s->start.options.fresh ? " with --fresh" : "", (unsigned long long)world.attempts);
    s->self = process_new_start(live);
    /* At any of its calls, each as likely as the others. */
    if (fault_one_in(world.faults.start_one_in))
        s->self->calls_left = 1 + chance_below(world.start_calls + 50);
}

/* Whether no former state is left. */
static bool is_begun_anew(void)
{
    int stages = disk_find(world.disk, state_find(world.disk), "stages");
    for (size_t i = 0; i < world.logical->stage_count; i++) {
        int dir = disk_find(world.disk, stages, world.logical->stages[i].name);
        for (size_t k = 0; dir >= 0 && disk_entry(world.disk, dir, k) != NULL; k++) {
            if (strcmp(disk_entry(world.disk, dir, k), "cursor") == 0)
                return false;
        }
    }
    return true;
}

/* After --fresh, of this start or of one that was killed: all is as it was, or all is gone. */
static void judge_fresh(void)
{
    const struct supervisor_sim *s = &world.supervisor;
    if (!world.may_be_fresh)
        return;
    world.may_be_fresh = false;
    if (!is_begun_anew()) {
        if (s->start.options.fresh)
            fail("--fresh was said, and something is kept");
        return;
    }
    for (size_t i = 0; i < world.reference.output_count; i++) {
        int node = reference_find(world.disk, &world.reference.outputs[i]);
        if (node >= 0 && disk_length(world.disk, node) != 0)
            fail("'%s' is not empty after --fresh", world.reference.outputs[i].name);
    }
    memset(world.said, 0, sizeof world.said);
}

bool start_judge(void)
{
    struct supervisor_sim *s = &world.supervisor;
    struct process_end end = s->self->end;
    if (s->self->calls > world.start_calls)
        world.start_calls = s->self->calls;
    if (end.signal == 0 && end.exit_code == 0) {
        s->self->suffers = false;
        judge_fresh();
        /* It holds even if the power fails before anything else is written. */
        world.check_wanted = true;
        return true;
    }
    const struct start_sim *start = &s->start;
    bool may_pass =
        start->rc == ERR_IO || start->rc == ERR_NO_SPACE || start->rc == ERR_NO_SPACE_LOST;
    bool is_disturbed = world.faults.happened != s->faults_before ||
                        sim_report.now_us <= world.disk_full_until_us + 1000000;
    if (end.signal == 0 && !(may_pass && is_disturbed))
        fail("nothing starts (%d): %s", start->rc, start->why);
    process_kill(s->self, SIGKILL);
    process_free(s->self);
    s->self = NULL;
    s->starts_us = sim_report.now_us + chance_below(100000);
    return false;
}

void start_leave(void)
{
    struct supervisor_sim *s = &world.supervisor;
    struct buf text = {0};
    struct err e;
    process_enter(s->self);
    buf_add_text(&text, "how it ended\n");
    if (state_dir_keep_last_run(&s->start.state, &text, &text, &e) != 0)
        fail("the status of the run is not kept: %s", e.text);
    buf_done(&text);
    state_dir_close(&s->start.state);
    process_leave();
    process_check_nothing_left(s->self);
}
