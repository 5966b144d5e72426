/* SPDX-License-Identifier: MIT */
#include "stages/inline_host.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/check.h"
#include "common/memory.h"
#include "stages/runner.h"

#define ARENA_BLOCK_BYTES (64u << 10)

/* Memory for the records of one seq: handed out bump by bump, taken back all at once. */
struct arena_block {
    struct arena_block *next;
    size_t size;
    size_t used;
    uint8_t bytes[];
};

struct edge_buffer {
    struct record *records;
    size_t taken; /* of these by the stage behind */
    size_t count;
    size_t capacity;
};

struct inline_stage {
    struct runner runner;
    bool at_end;       /* the end of the input has come */
    struct record end; /* as it came */
    struct inline_host *host;
    seq_number position; /* up to here the stage has everything already */
};

struct inline_host {
    const struct topology *topology;
    struct inline_stage *stages;
    struct edge_buffer *buffers; /* one for every edge */
    struct arena_block *arena;
    seq_number done;
    size_t next_stage; /* that has not seen the seq in hand; 0: there is none in hand */
    size_t waiting;    /* the stage that said ERR_AGAIN last */
};

static void *arena_take(struct inline_host *h, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    struct arena_block *block = h->arena;
    if (block == NULL || block->size - block->used < size) {
        size_t room = size > ARENA_BLOCK_BYTES ? size : ARENA_BLOCK_BYTES;
        block = memory_new(1, sizeof *block + room);
        block->size = room;
        block->next = h->arena;
        h->arena = block;
    }
    void *memory = block->bytes + block->used;
    block->used += size;
    return memory;
}

/* Keeps one block for the next seq. */
static void arena_reset(struct inline_host *h)
{
    while (h->arena != NULL && h->arena->next != NULL) {
        struct arena_block *next = h->arena->next;
        free(h->arena);
        h->arena = next;
    }
    if (h->arena != NULL)
        h->arena->used = 0;
}

static struct record copy_record(struct inline_host *h, const struct record *record)
{
    struct value *fields = arena_take(h, record->count * sizeof *fields);
    memcpy(fields, record->fields, record->count * sizeof *fields);
    for (size_t i = 0; i < record->count; i++) {
        if (!value_has_bytes(&fields[i]))
            continue;
        uint8_t *bytes = arena_take(h, fields[i].len);
        if (fields[i].len != 0)
            memcpy(bytes, record->fields[i].bytes, fields[i].len);
        fields[i].bytes = bytes;
    }
    struct record copy = *record;
    copy.fields = fields;
    return copy;
}

static void on_emit(struct emitter *out, port_number port, const struct record *record)
{
    struct runner *runner = (struct runner *)((char *)out - offsetof(struct runner, emitter));
    struct inline_stage *stage =
        (struct inline_stage *)((char *)runner - offsetof(struct inline_stage, runner));
    struct inline_host *h = stage->host;
    const struct topology *t = h->topology;
    for (size_t i = 0; i < t->edge_count; i++) {
        if (t->edges[i].from != out->stage->index)
            continue;
        if (record->kind == RECORD_END) {
            h->stages[t->edges[i].to].at_end = true;
            h->stages[t->edges[i].to].end = *record;
            continue;
        }
        if (t->edges[i].port != port)
            continue;
        struct edge_buffer *buffer = &h->buffers[i];
        if (buffer->count == buffer->capacity) {
            buffer->capacity = buffer->capacity != 0 ? 2 * buffer->capacity : 4;
            buffer->records =
                memory_resize(buffer->records, buffer->capacity, sizeof *buffer->records);
        }
        struct record copy = copy_record(h, record);
        copy.input = (uint32_t)t->edges[i].input;
        buffer->records[buffer->count++] = copy;
    }
}

/* Passes a result on, with the stage in front of the reason if it is one of failure. */
static int in_stage(struct inline_host *h, size_t index, int rc, struct err *e)
{
    if (rc == ERR_AGAIN)
        h->waiting = index;
    else if (rc != 0 && rc != ERR_END)
        (void)err_wrap(e, "stage '%s'", h->topology->stages[index].name);
    return rc;
}

/* A stage that has more than the source can give was given what is gone. */
static int check_kept(const struct inline_host *h, struct err *e)
{
    const struct runner *source = &h->stages[0].runner;
    for (size_t i = 1; source->ops->last != NULL && i < h->topology->stage_count; i++) {
        seq_number last = source->ops->last(source->self);
        if (h->stages[i].position > last)
            return err_set(e, ERR_CORRUPT,
                           "stage '%s' has record %" PRIu64 ", but what is kept of the input ends "
                           "with %" PRIu64 "; restore the state directory as a whole",
                           h->topology->stages[i].name, h->stages[i].position, last);
    }
    return 0;
}

int inline_host_new(const struct topology *topology, int stages_fd, bool fresh,
                    const struct inline_io *io, struct inline_host **ret_host, struct err *e)
{
    struct inline_host *h = memory_new(1, sizeof *h);
    h->topology = topology;
    h->stages = memory_new(topology->stage_count, sizeof *h->stages);
    h->buffers = memory_new(topology->edge_count, sizeof *h->buffers);
    for (size_t i = 0; i < topology->stage_count; i++) {
        struct runner_config config = {.topology = topology,
                                       .stage = &topology->stages[i],
                                       .stages_fd = stages_fd,
                                       .image_fd = -1,
                                       .fresh = fresh,
                                       .first = true,
                                       .input = io->input,
                                       .note = io->note,
                                       .emit = on_emit};
        h->stages[i].host = h;
        int rc = in_stage(h, i, runner_open(&h->stages[i].runner, &config, e), e);
        if (rc != 0) {
            inline_host_free(h);
            return rc;
        }
        if (runner_has_position(&h->stages[i].runner))
            h->stages[i].position = runner_position(&h->stages[i].runner);
    }
    h->done = h->stages[0].position;
    int kept_rc = check_kept(h, e);
    if (kept_rc != 0) {
        inline_host_free(h);
        return kept_rc;
    }
    *ret_host = h;
    return 0;
}

void inline_host_free(struct inline_host *h)
{
    if (h == NULL)
        return;
    for (size_t i = 0; i < h->topology->stage_count; i++) {
        if (h->stages[i].runner.ops != NULL)
            runner_close(&h->stages[i].runner);
    }
    for (size_t i = 0; i < h->topology->edge_count; i++)
        free(h->buffers[i].records);
    while (h->arena != NULL) {
        struct arena_block *next = h->arena->next;
        free(h->arena);
        h->arena = next;
    }
    free(h->stages);
    free(h->buffers);
    free(h);
}

/* Gives a stage what its inputs hold for the seq in hand, edge by edge. */
static int run_stage(struct inline_host *h, size_t index, struct err *e)
{
    struct inline_stage *stage = &h->stages[index];
    const struct topology *t = h->topology;
    for (size_t i = 0; i < t->edge_count; i++) {
        if (t->edges[i].to != index)
            continue;
        struct edge_buffer *buffer = &h->buffers[i];
        for (; buffer->taken < buffer->count; buffer->taken++) {
            const struct record *record = &buffer->records[buffer->taken];
            /* After a kill a stage may have what those before it must do again. */
            if (record->seq <= stage->position)
                continue;
            int rc = in_stage(h, index, runner_take(&stage->runner, record, e), e);
            if (rc != 0)
                return rc;
        }
        buffer->taken = buffer->count = 0;
    }
    if (!stage->at_end)
        return 0;
    stage->at_end = false;
    if (stage->end.seq <= stage->position)
        return 0; /* as all behind it have */
    return in_stage(h, index, runner_take(&stage->runner, &stage->end, e), e);
}

static bool any_full(const struct inline_host *h)
{
    for (size_t i = 0; i < h->topology->stage_count; i++) {
        if (runner_is_full(&h->stages[i].runner))
            return true;
    }
    return false;
}

int inline_host_run(struct inline_host *h, size_t records, struct err *e)
{
    INVARIANT(h->topology->stages[0].kind->role == KIND_SOURCE);
    for (size_t n = 0; n < records; n++) {
        int rc = 0;
        if (h->next_stage == 0) {
            rc = any_full(h) ? inline_host_commit(h, e) : 0;
            if (rc == 0)
                rc = in_stage(h, 0, runner_read(&h->stages[0].runner, e), e);
            h->next_stage = rc == 0 ? 1 : 0;
        }
        while (rc == 0 && h->next_stage < h->topology->stage_count) {
            rc = run_stage(h, h->next_stage, e);
            h->next_stage += rc == 0 ? 1 : 0;
        }
        if (rc != 0)
            return rc;
        h->next_stage = 0;
        h->done = h->stages[0].runner.emitter.seq;
        arena_reset(h);
    }
    return 0;
}

int inline_host_wait(const struct inline_host *h, const sigset_t *signals, struct err *e)
{
    const struct runner *runner = &h->stages[h->waiting].runner;
    struct pollfd fd = {.fd = -1, .events = h->waiting == 0 ? POLLIN : POLLOUT};
    int timeout_ms;
    runner->ops->wait(runner->self, &fd.fd, &timeout_ms);
    struct timespec timeout = {.tv_sec = timeout_ms / 1000,
                               .tv_nsec = (timeout_ms % 1000) * 1000000L};
    if (ppoll(&fd, 1, timeout_ms >= 0 ? &timeout : NULL, signals) < 0 && errno != EINTR)
        return err_set_errno(e, "waiting for stage '%s'", runner->stage->name);
    return 0;
}

int inline_host_commit(struct inline_host *h, struct err *e)
{
    for (size_t i = h->topology->stage_count; i-- > 0;) {
        if (h->done <= h->stages[i].position)
            continue;
        int rc = in_stage(h, i, runner_commit(&h->stages[i].runner, h->done, e), e);
        if (rc != 0)
            return rc;
        h->stages[i].position = h->done;
    }
    return 0;
}

struct status_counts inline_host_counts(const struct inline_host *h, size_t stage)
{
    return h->stages[stage].runner.counts;
}

void inline_host_progress(const struct inline_host *h, uint64_t *ret_done, uint64_t *ret_total)
{
    const struct runner *source = &h->stages[0].runner;
    *ret_done = *ret_total = 0;
    if (source->ops->progress != NULL)
        source->ops->progress(source->self, ret_done, ret_total);
}
