/* SPDX-License-Identifier: MIT */
#include "stages/host/inline_host.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/check.h"
#include "common/memory.h"
#include "stages/host/runner.h"

#define ARENA_BLOCK_BYTES (64u << 10)

/* Memory for the records of one seq: allocated piece by piece, freed all at once. */
struct arena_block {
    struct arena_block *next;
    size_t size;
    size_t used;
    uint8_t bytes[];
};

struct edge_buffer {
    const struct edge *edge;
    struct record *records;
    size_t taken; /* how many of the records the stage downstream has processed */
    size_t count;
    size_t capacity;
};

struct inline_stage {
    struct runner runner;
    struct inline_host *host;
    seq_number position; /* the stage already has everything up to this seq */
    size_t in_count, out_count;
    struct edge_buffer **ins;  /* in the order of the inputs */
    struct edge_buffer **outs; /* those of all ports */
};

struct inline_host {
    const struct topology *topology;
    size_t source; /* the index of the stage that reads the input */
    struct inline_stage *stages;
    struct edge_buffer *buffers;    /* one for every edge */
    struct edge_buffer **of_stages; /* the memory of all ins and outs */
    struct arena_block *arena;
    seq_number done;
    size_t next_stage; /* the next stage to process the current seq; 0: there is no current seq */
    bool all_given;    /* the source had nothing more the last time it was asked */
    size_t waiting;    /* the stage that last returned ERR_AGAIN */
};

static void add_block(struct inline_host *h, size_t room)
{
    struct arena_block *block = memory_new(1, sizeof *block + room);
    block->size = room;
    block->next = h->arena;
    h->arena = block;
}

static void *arena_take(struct inline_host *h, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (h->arena->size - h->arena->used < size)
        add_block(h, size > ARENA_BLOCK_BYTES ? size : ARENA_BLOCK_BYTES);
    void *memory = h->arena->bytes + h->arena->used;
    h->arena->used += size;
    return memory;
}

/* Keeps one block for the next seq. */
static void arena_reset(struct inline_host *h)
{
    while (h->arena->next != NULL) {
        struct arena_block *next = h->arena->next;
        free(h->arena);
        h->arena = next;
    }
    h->arena->used = 0;
}

struct span {
    uintptr_t begin;
    size_t len;
};

static bool is_in(struct span span, const void *memory)
{
    return (uintptr_t)memory - span.begin < span.len;
}

/*
 * Returns fields that stay valid for the whole seq: the given ones if they do, otherwise a copy of
 * them, and of those bytes that do not. What stages pass on is nearly always in the last block of
 * the arena.
 */
static const struct value *keep_fields(struct inline_host *h, const struct value *from,
                                       size_t count)
{
    struct span lasting = {.begin = (uintptr_t)h->arena->bytes, .len = h->arena->used};
    if (is_in(lasting, from))
        return from;
    size_t size = count * sizeof *from;
    for (size_t i = 0; i < count; i++) {
        if (value_has_bytes(&from[i]) && !is_in(lasting, from[i].bytes))
            size += from[i].len;
    }
    struct value *fields = arena_take(h, size);
    uint8_t *to = (uint8_t *)(fields + count);
    for (size_t i = 0; i < count; i++) {
        fields[i] = from[i];
        if (!value_has_bytes(&from[i]) || is_in(lasting, from[i].bytes))
            continue;
        if (from[i].len != 0)
            memcpy(to, from[i].bytes, from[i].len);
        fields[i].bytes = to;
        to += from[i].len;
    }
    return fields;
}

static struct record *push(struct edge_buffer *buffer, const struct record *record)
{
    if (buffer->count == buffer->capacity) {
        buffer->capacity = buffer->capacity != 0 ? 2 * buffer->capacity : 4;
        buffer->records = memory_resize(buffer->records, buffer->capacity, sizeof *buffer->records);
    }
    struct record *place = &buffer->records[buffer->count++];
    *place = *record;
    place->input = (uint32_t)buffer->edge->input;
    return place;
}

static void on_emit(void *opaque, port_number port, const struct record *record)
{
    struct inline_stage *stage = opaque;
    const struct value *kept = NULL;
    for (size_t i = 0; i < stage->out_count; i++) {
        struct edge_buffer *buffer = stage->outs[i];
        if (buffer->edge->port != port)
            continue;
        if (kept == NULL)
            kept = keep_fields(stage->host, record->fields, record->count);
        push(buffer, record)->fields = kept;
    }
}

/* Returns rc. If it is a failure, puts the name of the stage before the reason. */
static int in_stage(struct inline_host *h, size_t index, int rc, struct err *e)
{
    if (rc == ERR_AGAIN)
        h->waiting = index;
    else if (rc != 0 && rc != ERR_END && rc != ERR_UNFINISHED &&
             err_name_stage(e, h->topology->stages[index].base) != 0)
        (void)err_wrap(e, "stage '%s'", h->topology->stages[index].name);
    return rc;
}

/* Checks that the source can still produce everything that the other stages have received. */
static int check_kept(const struct inline_host *h, struct err *e)
{
    const struct runner *source = &h->stages[h->source].runner;
    int rc = 0;
    for (size_t i = 0; rc == 0 && source->ops->peer_has != NULL && i < h->topology->stage_count;
         i++) {
        if (i != h->source)
            rc = source->ops->peer_has(source->self, h->topology->stages[i].name,
                                       h->stages[i].position, e);
    }
    return rc;
}

/* Gives every stage its buffers. */
static void make_buffers(struct inline_host *h)
{
    const struct topology *t = h->topology;
    h->buffers = memory_new(t->edge_count, sizeof *h->buffers);
    h->of_stages = memory_new(2 * t->edge_count, sizeof(struct edge_buffer *));
    struct edge_buffer **next = h->of_stages;
    for (size_t i = 0; i < t->stage_count; i++) {
        struct inline_stage *stage = &h->stages[i];
        stage->ins = next;
        for (size_t k = 0; k < t->edge_count; k++) {
            h->buffers[k].edge = &t->edges[k];
            if (t->edges[k].to == i)
                stage->ins[stage->in_count++] = &h->buffers[k];
        }
        stage->outs = stage->ins + stage->in_count;
        for (size_t k = 0; k < t->edge_count; k++) {
            if (t->edges[k].from == i)
                stage->outs[stage->out_count++] = &h->buffers[k];
        }
        next = stage->outs + stage->out_count;
    }
}

int inline_host_new(const struct topology *topology, int stages_fd, const seq_number *begins_after,
                    const struct inline_io *io, struct inline_host **ret_host, struct err *e)
{
    struct inline_host *h = memory_new(1, sizeof *h);
    h->topology = topology;
    h->source = topology_source(topology)->index;
    add_block(h, ARENA_BLOCK_BYTES);
    h->stages = memory_new(topology->stage_count, sizeof *h->stages);
    make_buffers(h);
    for (size_t i = 0; i < topology->stage_count; i++) {
        struct runner_config config = {.topology = topology,
                                       .stage = &topology->stages[i],
                                       .stages_fd = stages_fd,
                                       .image_fd = -1,
                                       .begins_after = begins_after != NULL ? begins_after[i] : 0,
                                       .first = true,
                                       .input = io->input,
                                       .note = io->note,
                                       .emit = on_emit,
                                       .host = &h->stages[i]};
        h->stages[i].host = h;
        int rc = in_stage(h, i, runner_open(&h->stages[i].runner, &config, e), e);
        if (rc != 0) {
            inline_host_free(h);
            return rc;
        }
        if (runner_has_position(&h->stages[i].runner))
            h->stages[i].position = runner_position(&h->stages[i].runner);
    }
    /* A source commits last, so everything up to its position is done everywhere. */
    h->done = h->stages[h->source].position;
    for (size_t i = 0; i < topology->stage_count; i++)
        runner_complete(&h->stages[i].runner, h->done);
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
    free(h->of_stages);
    free(h);
}

/* Passes a stage the records that its inputs hold for the current seq, edge by edge. */
static int run_stage(struct inline_host *h, size_t index, struct err *e)
{
    struct inline_stage *stage = &h->stages[index];
    for (size_t i = 0; i < stage->in_count; i++) {
        struct edge_buffer *buffer = stage->ins[i];
        for (; buffer->taken < buffer->count; buffer->taken++) {
            const struct record *record = &buffer->records[buffer->taken];
            /* After a kill, a stage may already have what the stages upstream must do again. */
            if (record->seq <= stage->position)
                continue;
            int rc = in_stage(h, index, runner_take(&stage->runner, record, e), e);
            if (rc != 0)
                return rc;
        }
        buffer->taken = buffer->count = 0;
    }
    return 0;
}

static bool any_full(const struct inline_host *h)
{
    for (size_t i = 0; i < h->topology->stage_count; i++) {
        const struct runner *runner = &h->stages[i].runner;
        if ((runner->store != NULL || runner->full) && runner_is_full(runner))
            return true;
    }
    return false;
}

static int read_source(struct inline_host *h, struct err *e)
{
    int rc = in_stage(h, h->source, runner_read(&h->stages[h->source].runner, e), e);
    h->all_given = rc == ERR_AGAIN || rc == ERR_END;
    return rc;
}

int inline_host_run(struct inline_host *h, size_t records, struct err *e)
{
    const struct runner *source = &h->stages[h->source].runner;
    for (size_t n = 0; n < records; n++) {
        int rc = h->next_stage == 0 && any_full(h) ? inline_host_commit(h, e) : 0;
        while (rc == 0 && h->next_stage < h->topology->stage_count) {
            rc = h->next_stage == h->source ? read_source(h, e) : run_stage(h, h->next_stage, e);
            if (rc == 0)
                runner_complete(&h->stages[h->next_stage++].runner, source->given);
        }
        if (rc != 0)
            return rc;
        h->next_stage = 0;
        h->done = source->given;
        arena_reset(h);
    }
    return 0;
}

int inline_host_wait(const struct inline_host *h, const sigset_t *signals, struct err *e)
{
    const struct runner *runner = &h->stages[h->waiting].runner;
    struct pollfd sign;
    int timeout_ms;
    runner->ops->wait(runner->self, &sign, &timeout_ms);
    struct timespec timeout = {.tv_sec = timeout_ms / 1000,
                               .tv_nsec = (timeout_ms % 1000) * 1000000L};
    if (ppoll(&sign, 1, timeout_ms >= 0 ? &timeout : NULL, signals) < 0 && errno != EINTR)
        return err_set_errno(e, "cannot wait for stage '%s'", runner->stage->name);
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

int inline_host_settle(struct inline_host *h, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && h->all_given && i < h->topology->stage_count; i++)
        rc = in_stage(h, i, runner_settle(&h->stages[i].runner, e), e);
    return rc;
}

struct status_counts inline_host_counts(const struct inline_host *h, size_t stage)
{
    return h->stages[stage].runner.counts;
}

void inline_host_progress(const struct inline_host *h, uint64_t *ret_done, uint64_t *ret_total)
{
    const struct runner *source = &h->stages[h->source].runner;
    *ret_done = *ret_total = 0;
    if (source->ops->progress != NULL)
        source->ops->progress(source->self, ret_done, ret_total);
}
