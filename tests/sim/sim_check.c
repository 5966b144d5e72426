/* SPDX-License-Identifier: MIT */
/*
 * What must hold: for a process whenever it is interrupted, for an ack when it is sent, for the
 * disk if power were lost at that moment, and for everything at the end.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "ipc/order.h"
#include "stages/host/layout.h"
#include "stages/stage.h"
#include "tests/sim/sim_world.h"

/* The linker redirects every record here first. */
int __wrap_runner_take(struct runner *r, const struct record *record, struct err *e);
int __real_runner_take(struct runner *r, const struct record *record, struct err *e);

/* How often an ack is followed by a check of what a power loss would leave. */
#define RECOVERY_ONE_IN 24u

/* --- an interrupted process --- */

#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            TRACE("of %s gen %" PRIu64, process->name, process->generation);                       \
            fail(__VA_ARGS__);                                                                     \
        }                                                                                          \
    } while (0)

static void check_inlet(const struct process *process, const struct inlet *in)
{
    const struct host *h = &process->host;
    seq_number next = 0;
    size_t bytes = 0, newest = 0; /* one seq may have any number of frames */
    for (const struct inlet_frame *f = in->first; f != NULL; f = f->next) {
        CHECK(next == 0 || f->cut_below == next,
              "%s, edge %zu: frames in the inbox go to %" PRIu64 " and then from %" PRIu64,
              process->name, in->edge->index, next - 1, f->cut_below);
        CHECK(f->header.first <= f->cut_below && f->header.last >= f->cut_below,
              "%s, edge %zu: took a frame %" PRIu64 "..%" PRIu64 " when %" PRIu64 " was next",
              process->name, in->edge->index, f->header.first, f->header.last, f->cut_below);
        next = f->header.last + (f->header.goes_on ? 0 : 1);
        bytes += f->len;
        newest = f->len + (f->header.part != 0 ? newest : 0);
    }
    bool in_midst = in->last != NULL && in->last->header.goes_on && in->last->cut_from > next;
    CHECK(in_midst == (in->part != 0), "%s, edge %zu: part %" PRIu32 " of %" PRIu64 " is next",
          process->name, in->edge->index, in->part, in->expected);
    CHECK(next == 0 || next == in->expected,
          "%s, edge %zu: expects %" PRIu64 " behind a frame that ends before %" PRIu64,
          process->name, in->edge->index, in->expected, next);
    CHECK(!h->positioned || in->expected > h->runner.given,
          "%s, edge %zu: has worked on %" PRIu64 " and received up to %" PRIu64, process->name,
          in->edge->index, h->runner.given, in->expected - 1);
    CHECK(bytes == in->queued_bytes && (in->last == NULL || bytes - newest < INBOX_BYTES_MAX),
          "%s, edge %zu: the inbox has %zu bytes, counted as %zu", process->name, in->edge->index,
          bytes, in->queued_bytes);
}

static void check_outlet(const struct process *process, const struct outlet *o)
{
    const struct host *h = &process->host;
    const struct window *w = &o->window;
    seq_number next = 0;
    size_t bytes = 0, newest = 0, before = 0;
    if (!h->positioned)
        return;
    for (size_t i = 0; i < w->count; i++) {
        const struct window_frame *f = &w->frames[(w->head + i) % w->capacity];
        CHECK(next == 0 || f->first == next - (f->continues ? 1 : 0),
              "%s, edge %zu: the window has a gap at %" PRIu64, process->name, o->edge->index,
              next);
        CHECK(i != 0 || f->first <= w->acked + 1,
              "%s, edge %zu: the window begins at %" PRIu64 ", acked is %" PRIu64, process->name,
              o->edge->index, f->first, w->acked);
        next = f->last + 1;
        bytes += f->bytes.len;
        before = f->continues ? before : newest;
        newest = f->bytes.len + (f->continues ? newest : 0);
    }
    CHECK(w->count != 0 || w->acked >= w->pushed,
          "%s, edge %zu: the window is empty, pushed %" PRIu64 ", acked %" PRIu64, process->name,
          o->edge->index, w->pushed, w->acked);
    CHECK(next == 0 || next == w->pushed + (w->goes_on ? 2 : 1),
          "%s, edge %zu: the window ends before %" PRIu64, process->name, o->edge->index,
          w->pushed);
    CHECK(o->builder.first == w->pushed + 1 && w->pushed <= h->runner.done,
          "%s, edge %zu: pushed %" PRIu64 ", builds from %" PRIu64 ", worked on %" PRIu64,
          process->name, o->edge->index, w->pushed, o->builder.first, h->runner.done);
    CHECK(bytes == w->bytes && bytes - newest - before < WINDOW_BYTES_MAX,
          "%s, edge %zu: the window has %zu bytes, counted as %zu", process->name, o->edge->index,
          bytes, w->bytes);
    CHECK(o->peer_acked <= world.said[o->edge->to],
          "%s believes that %s has acked %" PRIu64 ", which never said more than %" PRIu64,
          process->name, world.topology->stages[o->edge->to].name, o->peer_acked,
          world.said[o->edge->to]);
}

/*
 * All links of a stage carry frames of the same ranges. Only the one to the dead letters may wait
 * while it has nothing to send.
 */
static void check_ranges(const struct process *process)
{
    const struct host *h = &process->host;
    for (size_t i = 1; h->positioned && i < h->outlet_count; i++) {
        const struct outlet *a = &h->outlets[0], *b = &h->outlets[i];
        /* It may have been interrupted between the two, in send_all(). */
        bool at_rest = process->waits != NULL;
        bool held = a->quiet || b->quiet;
        CHECK(!at_rest || held || a->window.pushed == b->window.pushed,
              "%s has closed frames up to %" PRIu64 " on edge %zu and %" PRIu64 " on edge %zu",
              process->name, a->window.pushed, a->edge->index, b->window.pushed, b->edge->index);
    }
}

void check_process(const struct process *process)
{
    const struct host *h = &process->host;
    uint64_t refused = 0;
    CHECK(h->committed <= h->runner.done && h->runner.done <= h->runner.given,
          "%s has committed %" PRIu64 " of %" PRIu64 " done and %" PRIu64 " given", process->name,
          h->committed, h->runner.done, h->runner.given);
    for (size_t i = 0; i < h->inlet_count; i++) {
        check_inlet(process, &h->inlets[i]);
        refused += h->inlets[i].refused;
    }
    for (size_t i = 0; i < h->outlet_count; i++) {
        check_outlet(process, &h->outlets[i]);
        refused += h->outlets[i].refused;
    }
    check_ranges(process);
    CHECK(refused >= process->garbage_taken,
          "%s was given %" PRIu64 " pieces of garbage and has refused %" PRIu64, process->name,
          process->garbage_taken, refused);
}

/* --- a record that a stage is given --- */

/*
 * A record comes after the one before by seq, input and order. An end, of which every edge brings
 * one, comes after all other records of its seq.
 */
static void check_order(const struct process *process, const struct record *record)
{
    const struct host *h = &process->host;
    bool is_end = record->kind == RECORD_END, was_end = process->taken.kind == RECORD_END;
    CHECK(record->seq > h->runner.given, "%s is given a record of seq %" PRIu64 " behind %" PRIu64,
          process->name, record->seq, h->runner.given);
    for (size_t i = 0; i < h->inlet_count; i++)
        CHECK(record->seq < h->inlets[i].expected,
              "%s is given a record of seq %" PRIu64 ", and edge %zu has not brought that yet",
              process->name, record->seq, h->inlets[i].edge->index);
    if (process->taken.seq != record->seq) {
        CHECK(process->taken.seq < record->seq, "%s is given seq %" PRIu64 " after %" PRIu64,
              process->name, record->seq, process->taken.seq);
        return;
    }
    CHECK(!was_end || is_end, "%s is given a record of seq %" PRIu64 " behind its end",
          process->name, record->seq);
    if (is_end || process->taken.input < record->input)
        return;
    CHECK(process->taken.input == record->input,
          "%s is given a record of input %u behind one of input %u", process->name, record->input,
          process->taken.input);
    int result = order_compare(process->taken.order, process->taken.order_len, record->order,
                               record->order_len);
    CHECK(result < 0 || (result == 0 && record->order_len == 0),
          "%s is given records of seq %" PRIu64 " in the wrong order", process->name, record->seq);
}

int __wrap_runner_take(struct runner *r, const struct record *record, struct err *e)
{
    struct process *process = present;
    if (process == NULL || !process->is_stage)
        return __real_runner_take(r, record, e);
    check_order(process, record);
    int rc = __real_runner_take(r, record, e);
    if (rc != 0)
        return rc; /* the record will be given again */
    if (record->seq > world.given)
        world.given = record->seq;
    process->taken.kind = record->kind;
    process->taken.seq = record->seq;
    process->taken.input = record->input;
    process->taken.order = sim_resize(process->taken.order, record->order_len, 1);
    process->taken.order_len = record->order_len;
    if (record->order_len != 0)
        memcpy(process->taken.order, record->order, record->order_len);
    return 0;
}

void check_forget(struct process *process)
{
    sim_free(process->taken.order);
    process->taken.order = NULL;
}

/* --- an ack --- */

void check_ack(size_t stage, seq_number acked)
{
    const struct topology *t = world.topology;
    if (acked > world.input_seqs)
        fail("%s acks %" PRIu64 ", the input has %" PRIu64 " seqs", t->stages[stage].name, acked,
             world.input_seqs);
    for (size_t i = 0; i < t->edge_count; i++) {
        if (t->edges[i].from == stage && acked > world.said[t->edges[i].to])
            fail("%s acks %" PRIu64 ", but %s has acked no more than %" PRIu64,
                 t->stages[stage].name, acked, t->stages[t->edges[i].to].name,
                 world.said[t->edges[i].to]);
    }
    if (acked > world.said[stage])
        world.said[stage] = acked;
    if (chance_one_in(RECOVERY_ONE_IN)) {
        world.check_wanted = true;
        process_sleep(0);
    }
}

/* --- what a follower of an output sees --- */

static const struct reference_output *output_of(int node)
{
    for (size_t i = 0; i < world.reference.output_count; i++) {
        if (reference_find(world.disk, &world.reference.outputs[i]) == node)
            return &world.reference.outputs[i];
    }
    return NULL;
}

void check_write(int node, uint64_t offset, const uint8_t *bytes, size_t len)
{
    const struct reference_output *output = output_of(node);
    if (output == NULL)
        return;
    if (offset > disk_length(world.disk, node))
        fail("%s leaves a hole in '%s', from %zu to %" PRIu64, present->name, output->name,
             disk_length(world.disk, node), offset);
    if (offset + len > output->len || memcmp(bytes, output->bytes + offset, len) != 0)
        fail("%s shows in '%s' what is never to be there, at %" PRIu64 "+%zu", present->name,
             output->name, offset, len);
}

/* Only output that does not come again may be cut, which happens only if the input has changed. */
void check_cut(int node, uint64_t len)
{
    const struct reference_output *output = output_of(node);
    if (output != NULL && len < disk_length(world.disk, node) && !world.rest_changed)
        fail("%s cuts '%s', which has %zu bytes, to %" PRIu64, present->name, output->name,
             disk_length(world.disk, node), len);
}

/* --- what would be left --- */

static void ignore_output(void *host, port_number port, const struct record *record)
{
    (void)host;
    (void)port;
    (void)record;
}

static void check_output(const struct disk *disk, const struct reference_output *output,
                         seq_number seq, bool exactly, const char *when)
{
    size_t len = output->at[seq];
    int node = reference_find(disk, output);
    size_t found = node < 0 ? 0 : disk_length(disk, node);
    if (found < len || (exactly && found != len))
        fail("%s: '%s' has %zu bytes; up to seq %" PRIu64 " it should have %zu", when, output->name,
             found, seq, len);
    const uint8_t *bytes = node < 0 ? NULL : disk_bytes(disk, node);
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != output->bytes[i])
            fail("%s: '%s' differs at offset %zu of %zu (up to seq %" PRIu64 ")", when,
                 output->name, i, len, seq);
    }
}

/* All output must come from records in the journal, or it could not be made again. */
static void check_journal(bool loses_power)
{
    struct journal_kept kept = pipe_find_kept(world.disk, loses_power);
    if (kept.last < world.given)
        fail("if everything died now, the journal would end with %" PRIu64 ", but %" PRIu64
             " was given out",
             kept.last, world.given);
}

seq_number check_recovery(bool loses_power)
{
    static const char when[] = "if everything died now";
    struct disk *disk = disk_clone(world.disk);
    bool tracing = sim_report.tracing;
    seq_number furthest = 0;
    sim_report.tracing = false;
    world.checks++;
    if (loses_power) {
        disk_lose_power(disk);
        boot_begin(disk);
    }
    state_check_copies(disk);
    /* Starts as the next supervisor would: it must find nothing to refuse. */
    seq_number begins_after[WORLD_STAGES_MAX];
    state_prepare(disk, begins_after);
    for (size_t i = 1; i < world.topology->stage_count; i++) {
        const struct stage *stage = &world.topology->stages[i];
        struct process probe = {.disk = disk, .name = stage->name};
        struct runner runner;
        struct runner_config config = {.topology = world.topology,
                                       .stage = stage,
                                       .stages_fd = STAGE_FD_STAGES,
                                       .image_fd = -1,
                                       .begins_after = begins_after[i],
                                       .emit = ignore_output};
        struct err e;
        process_enter(&probe);
        if (runner_open(&runner, &config, &e) != 0)
            fail("%s, %s would not go on: %s", when, stage->name, e.text);
        bool has_position = runner_has_position(&runner);
        seq_number position = has_position ? runner_position(&runner) : 0;
        runner_close(&runner);
        process_leave();
        if (probe.memory.count != 0 || calls_forget(&probe) != 0)
            fail("%s leaves something behind when it is closed", stage->name);
        furthest = position > furthest ? position : furthest;
        if (has_position && position < world.said[i] && !world.may_be_fresh)
            fail("%s, %s would go on behind %" PRIu64 ", but it has acked %" PRIu64, when,
                 stage->name, position, world.said[i]);
        const struct reference_output *output = reference_output(stage->name);
        if (output != NULL)
            check_output(disk, output, position, false, when);
    }
    disk_free(disk);
    if (world.by_pipe)
        check_journal(loses_power);
    sim_report.tracing = tracing;
    return furthest;
}

/* --- the end --- */

/* The files that docs/protocol.md allows in the directory of a stage. */
static bool is_documented(const char *name, const char **ret_kind)
{
    static const char *const kinds[] = {".log",     ".checkpoint",     ".torn",
                                        ".log.new", ".checkpoint.new", NULL};
    *ret_kind = "";
    if (strcmp(name, "cursor") == 0 || strncmp(name, "journal.", 8) == 0)
        return true;
    /* What other workers have left to look at. */
    if (strncmp(name, "from-", 5) == 0)
        return strcmp(name + strlen(name) - 5, ".torn") == 0;
    if (strncmp(name, "store.", 6) != 0)
        return false;
    name += 6 + strspn(name + 6, "0123456789");
    for (size_t i = 0; kinds[i] != NULL; i++) {
        *ret_kind = kinds[i];
        if (strcmp(name, kinds[i]) == 0)
            return true;
    }
    return false;
}

/* The mark of the state that a directory belongs to: "state." and a number of 16 digits. */
static bool is_claim(const char *name)
{
    return strncmp(name, "state.", 6) == 0 && strlen(name) == 22 &&
           strspn(name + 6, "0123456789abcdef") == 16;
}

/* Checks the directory of one worker. */
static void check_worker_files(const struct stage *stage, int dir)
{
    char path[LAYOUT_PATH_BYTES_MAX];
    const struct disk *disk = world.disk;
    size_t logs = 0, checkpoints = 0;
    const char *name, *kind;
    (void)layout_path(stage, path);
    for (size_t k = 0; dir >= 0 && (name = disk_entry(disk, dir, k)) != NULL; k++) {
        if (!is_documented(name, &kind) && (stage->workers > 1 || !is_claim(name)))
            fail("the file %s/%s is left", path, name);
        logs += strcmp(kind, ".log") == 0 ? 1 : 0;
        checkpoints += strcmp(kind, ".checkpoint") == 0 ? 1 : 0;
    }
    if (logs > 2 || checkpoints > 1)
        fail("%s has %zu logs and %zu checkpoints", path, logs, checkpoints);
}

/* Checks the directory that all workers of a stage share: it holds only theirs. */
static void check_base_files(const struct stage *stage, int dir)
{
    const char *name;
    for (size_t k = 0; (name = disk_entry(world.disk, dir, k)) != NULL; k++) {
        bool of_worker =
            strspn(name, "0123456789") == strlen(name) && strtoul(name, NULL, 10) < stage->workers;
        if (!of_worker && strcmp(name, "workers") != 0 && !is_claim(name))
            fail("the file stages/%s/%s is left", stage->base, name);
    }
}

/* A file that a kill left half written is replaced when it is written next. */
static bool is_known_in_state(const char *name)
{
    static const char *const names[] = {
        "stages",   "dead-letters.jsonl", "manifest",      "manifest.new",      "lock",    "links",
        "last-run", "last-run.new",       "last-run.json", "last-run.json.new", "versions"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

static void check_files(void)
{
    const struct disk *disk = world.disk;
    int state = state_find(disk);
    int stages = disk_find(disk, state, "stages");
    for (size_t i = 0; i < world.topology->stage_count; i++) {
        const struct stage *stage = &world.topology->stages[i];
        int dir = disk_find(disk, stages, stage->base);
        if (stage->workers > 1 && dir >= 0) {
            char worker[8];
            (void)snprintf(worker, sizeof worker, "%zu", stage->worker);
            check_base_files(stage, dir);
            dir = disk_find(disk, dir, worker);
        }
        check_worker_files(stage, dir);
    }
    const char *name;
    for (size_t k = 0; (name = disk_entry(disk, stages, k)) != NULL; k++) {
        bool known = false;
        for (size_t i = 0; i < world.logical->stage_count; i++)
            known = known || strcmp(world.logical->stages[i].name, name) == 0;
        if (!known)
            fail("the directory stages/%s is left", name);
    }
    for (size_t k = 0; (name = disk_entry(disk, state, k)) != NULL; k++) {
        if (!is_known_in_state(name))
            fail("the file %s is left in the state directory", name);
    }
}

/* Checks the counts of all workers of a stage. */
static struct status_counts counts_of(const char *base)
{
    struct status_counts sum = {0};
    for (size_t i = 0; i < world.topology->stage_count; i++) {
        if (strcmp(world.topology->stages[i].base, base) != 0)
            continue;
        struct status_counts counts = status_page_counts(world.supervisor.stages[i].page);
        sum.in += counts.in;
        sum.out += counts.out;
        sum.dropped += counts.dropped;
        sum.dead += counts.dead;
    }
    return sum;
}

static void check_counts(void)
{
    for (size_t i = 0; i < world.logical->stage_count; i++) {
        struct status_counts found = counts_of(world.logical->stages[i].name);
        const struct status_counts *wanted = &world.reference.counts[i];
        if (found.in != wanted->in || found.out != wanted->out ||
            found.dropped != wanted->dropped || found.dead != wanted->dead)
            fail("%s counted in %" PRIu64 ", out %" PRIu64 ", dropped %" PRIu64 ", dead %" PRIu64
                 "; the inline host in %" PRIu64 ", out %" PRIu64 ", dropped %" PRIu64
                 ", dead %" PRIu64,
                 world.logical->stages[i].name, found.in, found.out, found.dropped, found.dead,
                 wanted->in, wanted->out, wanted->dropped, wanted->dead);
    }
}

void check_done(void)
{
    for (size_t i = 0; i < world.reference.output_count; i++)
        check_output(world.disk, &world.reference.outputs[i], world.input_seqs, true, "at the end");
    check_files();
    if (!pipe_is_over())
        fail("the end of the input was not waited for");
    if (world.lives == 1 && world.input_seqs == world.reference.seqs)
        check_counts();
}
