/* SPDX-License-Identifier: MIT */
/*
 * The expected output: what the inline host makes from the input with one worker of each stage, on
 * a disk on which nothing ever goes wrong.
 */
#include <string.h>

#include "stages/stage.h"
#include "tests/sim/sim_world.h"

#define SEQS_MAX 1024u

int reference_find(const struct disk *disk, const struct reference_output *output)
{
    int dir = output->in_state ? state_find(disk) : DISK_ROOT;
    return dir < 0 ? -1 : disk_find(disk, dir, output->name);
}

static size_t length_of(const struct disk *disk, const struct reference_output *output)
{
    int node = reference_find(disk, output);
    return node < 0 ? 0 : disk_length(disk, node);
}

const struct reference_output *reference_output(const char *stage)
{
    struct reference *r = &world.reference;
    for (size_t i = 0; i < r->output_count; i++) {
        if (strcmp(r->outputs[i].stage, stage) == 0)
            return &r->outputs[i];
    }
    return NULL;
}

/* The files that the sinks of the topology write. */
static void find_outputs(void)
{
    struct reference *r = &world.reference;
    for (size_t i = 0; i < world.logical->stage_count; i++) {
        const struct stage *stage = &world.logical->stages[i];
        bool in_state = strcmp(stage->name, DEAD_LETTERS_STAGE) == 0;
        if (!in_state && strcmp(stage->kind->name, "file.sink") != 0)
            continue;
        if (r->output_count == WORLD_OUTPUTS_MAX)
            fail("more than %u outputs", WORLD_OUTPUTS_MAX);
        r->outputs[r->output_count++] = (struct reference_output){
            .stage = stage->name,
            .name = in_state ? "dead-letters.jsonl" : options_get(stage->options, "path")->text,
            .in_state = in_state,
            .at = sim_new(SEQS_MAX, sizeof(size_t))};
    }
}

/* Lets the log grow. False: nothing more will come, and that was checked long enough. */
static bool wait_for_more(struct disk *disk, unsigned *looks)
{
    sim_report.now_us += 300000;
    *looks = follow_step_reference(disk) ? 0 : *looks + 1;
    return *looks < 30;
}

static void run_inline(struct disk *disk)
{
    struct reference *r = &world.reference;
    struct inline_host *host;
    struct err e;
    const struct stage_input input = {.relay_read_fd = -1, .relay_write_fd = -1, .stream = 1};
    const struct inline_io io = {.input = world.by_pipe ? &input : NULL};
    if (inline_host_new(world.logical, STAGE_FD_STAGES, NULL, &io, &host, &e) != 0)
        fail("the inline host does not start: %s", e.text);
    int rc;
    unsigned looks = 0; /* checks since the log last grew */
    while ((rc = inline_host_run(host, 1, &e)) == 0 || rc == ERR_UNFINISHED || rc == ERR_AGAIN) {
        if (rc == ERR_AGAIN && !wait_for_more(disk, &looks))
            break;
        if (rc != 0)
            continue;
        if (++r->seqs == SEQS_MAX)
            fail("the input has more than %u seqs", SEQS_MAX);
        if (inline_host_commit(host, &e) != 0)
            fail("the inline host cannot commit: %s", e.text);
        for (size_t i = 0; i < r->output_count; i++)
            r->outputs[i].at[r->seqs] = length_of(disk, &r->outputs[i]);
    }
    if (rc != (world.by_follow ? ERR_AGAIN : ERR_END))
        fail("the inline host failed: %s", e.text);
    for (size_t i = 0; i < world.logical->stage_count; i++)
        r->counts[i] = inline_host_counts(host, i);
    inline_host_free(host);
}

void reference_make(const uint8_t *input, size_t input_len)
{
    struct reference *r = &world.reference;
    struct disk *disk = disk_new(false);
    int node = disk_make(disk, DISK_ROOT, INPUT_NAME, false);
    if (world.by_follow)
        follow_begin_reference();
    else
        disk_write(disk, node, 0, input, input_len);
    int state = disk_make(
        disk, disk_make(disk, disk_make(disk, DISK_ROOT, "var", true), "lib", true), "state", true);
    (void)disk_make(disk, state, "stages", true);
    boot_begin(disk);
    pipe_begin_reference(input, input_len);
    struct process process = {.disk = disk, .name = "inline"};
    find_outputs();
    process_enter(&process);
    run_inline(disk);
    process_leave();
    if (process.memory.count != 0 || calls_forget(&process) != 0)
        fail("the inline host leaves something behind");
    for (size_t i = 0; i < r->output_count; i++) {
        struct reference_output *output = &r->outputs[i];
        output->len = length_of(disk, output);
        output->bytes = sim_new(output->len, 1);
        if (output->len != 0)
            memcpy(output->bytes, disk_bytes(disk, reference_find(disk, output)), output->len);
    }
    disk_free(disk);
}

void reference_free(void)
{
    struct reference *r = &world.reference;
    for (size_t i = 0; i < r->output_count; i++) {
        sim_free(r->outputs[i].bytes);
        sim_free(r->outputs[i].at);
    }
    *r = (struct reference){0};
}
