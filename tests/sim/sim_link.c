/* SPDX-License-Identifier: MIT */
/*
 * link.h without nng: it does what decision 0001 says of nng, and no more. An incarnation is a pair
 * of short queues. What is on its way when an end goes is lost; the other end learns of that from
 * link_lost_fd() a while later. A link may break by itself, or go silent. Garbage gets in, too:
 * what comes out must be judged by its header alone.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "common/bytes.h"
#include "common/check.h"
#include "common/hash.h"
#include "tests/sim/sim_world.h"

#define LINK_FD_BASE (4 << 20)
/* The descriptor through which a process learns of lost links. */
#define LOST_FD (5 << 20)
#define PAIRS_MAX 256u
#define SENDER 0
#define RECEIVER 1

struct link {
    struct link_id id;
    struct process *owner;
    size_t pair;
    int end;
    bool broken;      /* its calls return ERR_IO */
    uint64_t lost_us; /* when it learns that it has lost its other end; 0: it has not */
    bool lost_seen;
};

struct pair {
    bool used;
    struct link_id id;
    struct link *ends[2];
    bool dialed;
    bool silent;        /* it loses all that is sent */
    struct queue to[2]; /* the messages on their way to each end */
};

static struct pair pairs[PAIRS_MAX];
static size_t pairs_end;  /* the pairs from here on are unused */
static size_t links_lost; /* ends that have lost their other end, or are about to */
/* The last frame of each edge, which may come back in a later incarnation. */
static struct message old_frames[WORLD_EDGES_MAX];

static struct queue *way_out(const struct link *link)
{
    return &pairs[link->pair].to[1 - link->end];
}

static struct queue *way_in(const struct link *link)
{
    return &pairs[link->pair].to[link->end];
}

void link_use_beats(_Atomic uint64_t *of_process)
{
    (void)of_process; /* not used here */
}

int link_start(void (*on_no_thread)(const struct err *e), struct err *e)
{
    (void)on_no_thread;
    (void)e;
    return 0;
}

static struct link *make_end(const struct link_id *id, size_t pair, int end)
{
    struct link *link = calloc(1, sizeof *link); /* belongs to the process, as that of nng would */
    *link = (struct link){.id = *id, .owner = present, .pair = pair, .end = end};
    pairs[pair].ends[end] = link;
    return link;
}

static bool same_id(const struct link_id *a, const struct link_id *b)
{
    return a->edge == b->edge && a->serial == b->serial &&
           a->from_generation == b->from_generation && a->to_generation == b->to_generation;
}

int link_listen(int dir_fd, const struct link_id *id, struct link **ret_link, struct err *e)
{
    process_call("link_listen", "", id->serial);
    if (dir_fd != STAGE_FD_LINKS)
        fail("a link was made in directory %d", dir_fd);
    if (fault_one_in(world.faults.listen_one_in))
        return err_set(e, ERR_IO, "cannot listen");
    for (size_t i = 0; i < pairs_end; i++) {
        if (pairs[i].used && same_id(&pairs[i].id, id))
            return err_set(e, ERR_IO, "the address is in use");
    }
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        if (pairs[i].used)
            continue;
        pairs[i] = (struct pair){.used = true, .id = *id};
        pairs_end = i < pairs_end ? pairs_end : i + 1;
        *ret_link = make_end(id, i, RECEIVER);
        return 0;
    }
    fail("more than %u links at once", PAIRS_MAX);
}

int link_dial(int dir_fd, const struct link_id *id, struct link **ret_link, struct err *e)
{
    (void)dir_fd;
    process_call("link_dial", "", id->serial);
    if (fault_one_in(world.faults.listen_one_in))
        return err_set(e, ERR_IO, "cannot connect");
    for (size_t i = 0; i < pairs_end; i++) {
        if (!pairs[i].used || !same_id(&pairs[i].id, id) || pairs[i].ends[RECEIVER] == NULL ||
            pairs[i].dialed)
            continue;
        pairs[i].dialed = true;
        *ret_link = make_end(id, i, SENDER);
        return 0;
    }
    return err_set(e, ERR_IO, "connection refused");
}

/* Tells an end that the other one is gone: a moment later, after all that has arrived. */
static void tell_lost(struct link *link)
{
    if (link == NULL || link->lost_us != 0 || !pairs[link->pair].dialed)
        return;
    link->lost_us = sim_report.now_us + chance_below(1000);
    links_lost += link->lost_us != 0 ? 1 : 0;
}

/*
 * Messages that have not arrived at the other end are lost; of the others, chance keeps the first.
 */
static void lose_end(struct link *link)
{
    struct pair *pair = &pairs[link->pair];
    pair->ends[link->end] = NULL;
    links_lost -= link->lost_us != 0 ? 1 : 0;
    tell_lost(pair->ends[1 - link->end]);
    queue_clear(way_in(link));
    struct queue *out = way_out(link);
    size_t kept = chance_below(out->count + 1);
    struct queue left = {0};
    while (out->count > 0) {
        struct message *message = queue_pop(out);
        if (left.count < kept)
            queue_push(&left, message->bytes, message->len, message->arrives_us, message->garbage);
        sim_free(message->bytes);
        sim_free(message);
    }
    *out = left;
    if (pair->ends[0] == NULL && pair->ends[1] == NULL) {
        queue_clear(&pair->to[0]);
        queue_clear(&pair->to[1]);
        pair->used = false;
    }
    while (pairs_end > 0 && !pairs[pairs_end - 1].used)
        pairs_end--;
}

void link_close(struct link *link)
{
    if (link == NULL)
        return;
    lose_end(link);
    free(link);
}

const struct link_id *link_id(const struct link *link)
{
    return &link->id;
}

/* Breaks the link by chance: this end learns of it at once, or both do later, or neither does. */
static int check_broken(struct link *link, struct err *e)
{
    struct pair *pair = &pairs[link->pair];
    if (pair->dialed && link->lost_us == 0 && fault_one_in(world.faults.break_one_in)) {
        TRACE("link %u serial %" PRIu64 " breaks", link->id.edge, link->id.serial);
        link->broken = chance_one_in(2);
        tell_lost(pair->ends[0]);
        tell_lost(pair->ends[1]);
        queue_clear(&pair->to[0]);
        queue_clear(&pair->to[1]);
    }
    if (pair->dialed && fault_one_in(world.faults.silent_one_in)) {
        TRACE("link %u serial %" PRIu64 " goes silent", link->id.edge, link->id.serial);
        pair->silent = world.supervisor.link_silent = true;
    }
    return link->broken ? err_set(e, ERR_IO, "link %u: connection reset", link->id.edge) : 0;
}

/* --- garbage --- */

enum garbage {
    GARBAGE_FLIPPED,
    GARBAGE_CUT,
    GARBAGE_REPEATED,
    GARBAGE_OLD,
    GARBAGE_EDGE,
    GARBAGE_CONTRACT,
    GARBAGE_SERIAL, /* a frame of an older incarnation */
    GARBAGE_GAP,
    GARBAGE_BYTES,
    GARBAGE_HUGE,
    GARBAGE_KINDS
};

/* Places in a frame's header and in an ack (docs/protocol.md). */
enum {
    FRAME_AT_EDGE = 8,
    FRAME_AT_COUNT = 12,
    FRAME_AT_SERIAL = 16,
    FRAME_AT_FIRST = 24,
    FRAME_AT_LAST = 32,
    FRAME_AT_FINGERPRINT = 40,
    FRAME_AT_BODY_LEN = 48,
    FRAME_AT_BODY_CRC = 52,
    FRAME_AT_CRC = 60,
};

static void seal_frame(uint8_t *frame)
{
    bytes_put_u32(frame + FRAME_AT_CRC, hash_crc32c(0, frame, FRAME_AT_CRC));
}

/* A frame that is right except for what the kind of garbage says. */
static size_t forge_frame(enum garbage kind, uint8_t *frame, size_t len)
{
    switch (kind) {
    case GARBAGE_EDGE:
        bytes_put_u32(frame + FRAME_AT_EDGE, bytes_get_u32(frame + FRAME_AT_EDGE) + 1);
        break;
    case GARBAGE_CONTRACT:
        bytes_put_u64(frame + FRAME_AT_FINGERPRINT, chance_bits());
        break;
    case GARBAGE_SERIAL:
        bytes_put_u64(frame + FRAME_AT_SERIAL, bytes_get_u64(frame + FRAME_AT_SERIAL) - 1);
        bytes_put_u64(frame + FRAME_AT_FIRST, bytes_get_u64(frame + FRAME_AT_LAST) + 1);
        bytes_put_u64(frame + FRAME_AT_LAST, bytes_get_u64(frame + FRAME_AT_LAST) + 3);
        break;
    default: /* GARBAGE_GAP */
        bytes_put_u64(frame + FRAME_AT_FIRST, bytes_get_u64(frame + FRAME_AT_LAST) + 2);
        bytes_put_u64(frame + FRAME_AT_LAST, bytes_get_u64(frame + FRAME_AT_LAST) + 4);
    }
    if (kind == GARBAGE_SERIAL || kind == GARBAGE_GAP) {
        bytes_put_u32(frame + FRAME_AT_COUNT, 0);
        bytes_put_u32(frame + FRAME_AT_BODY_LEN, 0);
        bytes_put_u32(frame + FRAME_AT_BODY_CRC, 0);
        len = FRAME_HEADER_BYTES;
    }
    seal_frame(frame);
    return len;
}

static size_t forge_ack(enum garbage kind, uint8_t *bytes, size_t len)
{
    struct ack ack;
    INVARIANT(ack_decode(bytes, len, &ack, NULL) == 0);
    if (kind == GARBAGE_EDGE)
        ack.edge++;
    else
        ack.serial--;
    ack.acked += 1 + chance_below(20);
    ack_encode(&ack, bytes);
    return len;
}

static void flip_bit(uint8_t *bytes, size_t len)
{
    size_t at = chance_below(len);
    bytes[at] ^= (uint8_t)(1u << chance_below(8));
}

/* Adds garbage after what is being sent, or replaces it. Returns whether it was replaced. */
static bool add_garbage(const struct link *link, const uint8_t *bytes, size_t len, uint64_t at_us)
{
    bool is_frame = link->end == SENDER;
    struct queue *out = way_out(link);
    const struct message *old = &old_frames[link->id.edge];
    enum garbage kind = (enum garbage)chance_below(GARBAGE_KINDS);
    TRACE("link %u serial %" PRIu64 " %s: garbage %d", link->id.edge, link->id.serial,
          is_frame ? "frames" : "acks", (int)kind);
    uint8_t *copy = sim_new(len + 64, 1);
    memcpy(copy, bytes, len);
    bool replaced = false;
    switch (kind) {
    case GARBAGE_FLIPPED:
        flip_bit(copy, len);
        queue_push(out, copy, len, at_us, true);
        replaced = true;
        break;
    case GARBAGE_CUT:
        queue_push(out, copy, chance_below(len), at_us, true);
        replaced = true;
        break;
    case GARBAGE_REPEATED:
        queue_push(out, copy, len, at_us, false);
        break;
    case GARBAGE_OLD:
        if (is_frame && old->bytes != NULL)
            queue_push(out, old->bytes, old->len, at_us,
                       bytes_get_u64(old->bytes + FRAME_AT_SERIAL) != link->id.serial);
        break;
    case GARBAGE_BYTES:
        for (size_t i = 0; i < len + 64; i++)
            copy[i] = (uint8_t)chance_bits();
        queue_push(out, copy, chance_below(len + 64), at_us, true);
        break;
    case GARBAGE_HUGE:
        queue_push(out, NULL, FRAME_BYTES_MAX + 1, at_us, true);
        break;
    default:
        len = is_frame ? forge_frame(kind, copy, len) : forge_ack(kind, copy, len);
        queue_push(out, copy, len, at_us, true);
        break;
    }
    sim_free(copy);
    return replaced;
}

static void remember(const struct link *link, const uint8_t *bytes, size_t len)
{
    struct message *old = &old_frames[link->id.edge];
    if (!chance_one_in(8))
        return;
    old->bytes = sim_resize(old->bytes, len, 1);
    memcpy(old->bytes, bytes, len);
    old->len = len;
}

/* --- sending and receiving --- */

int link_send(struct link *link, const void *bytes, size_t len, struct err *e)
{
    process_call(link->end == SENDER ? "link_send" : "link_send ack", "", link->id.serial);
    int rc = check_broken(link, e);
    if (rc != 0)
        return rc;
    const struct pair *pair = &pairs[link->pair];
    struct queue *out = way_out(link);
    if (!pair->dialed || pair->ends[1 - link->end] == NULL || link->lost_us != 0 ||
        out->count >= world.faults.link_messages_max)
        return ERR_AGAIN;
    uint64_t at_us = sim_report.now_us + chance_below(world.faults.delay_us_max + 1);
    if (out->last != NULL && out->last->arrives_us > at_us)
        at_us = out->last->arrives_us;
    if (link->end == RECEIVER) {
        struct ack ack;
        if (ack_decode(bytes, len, &ack, NULL) != 0)
            fail("%s sends an ack that does not verify", link->owner->name);
        TRACE("%s gen %" PRIu64 " acks %" PRIu64 " on link %u serial %" PRIu64, link->owner->name,
              link->owner->generation, ack.acked, link->id.edge, link->id.serial);
        check_ack(link->owner->stage, ack.acked);
    } else {
        const uint8_t *frame = bytes;
        TRACE("%s gen %" PRIu64 " sends %" PRIu64 "..%" PRIu64 " on link %u serial %" PRIu64,
              link->owner->name, link->owner->generation, bytes_get_u64(frame + FRAME_AT_FIRST),
              bytes_get_u64(frame + FRAME_AT_LAST), link->id.edge, link->id.serial);
        remember(link, bytes, len);
    }
    if (pair->silent)
        return 0;
    bool replaced =
        fault_one_in(world.faults.garbage_one_in) && add_garbage(link, bytes, len, at_us);
    if (!replaced)
        queue_push(out, bytes, len, at_us, false);
    return 0;
}

int link_receive(struct link *link, uint8_t **ret_bytes, size_t *ret_len, struct err *e)
{
    process_call("link_receive", "", link->id.serial);
    int rc = check_broken(link, e);
    if (rc != 0)
        return rc;
    struct queue *in = way_in(link);
    bool is_lost = link->lost_us != 0 && link->lost_us <= sim_report.now_us;
    if (is_lost && (in->first == NULL || in->first->arrives_us > sim_report.now_us))
        return err_set(e, ERR_IO, "the other end is gone");
    if (in->first == NULL || in->first->arrives_us > sim_report.now_us)
        return ERR_AGAIN;
    struct message *message = queue_pop(in);
    *ret_bytes = malloc(message->len);
    *ret_len = message->len;
    if (message->len != 0 && message->len <= FRAME_BYTES_MAX)
        memcpy(*ret_bytes, message->bytes, message->len);
    present->garbage_taken += message->garbage ? 1 : 0;
    sim_free(message->bytes);
    sim_free(message);
    return 0;
}

void link_free(uint8_t *bytes, size_t len)
{
    (void)len;
    free(bytes);
}

int link_send_fd(const struct link *link)
{
    return LINK_FD_BASE + (int)link->pair * 4 + link->end * 2;
}

int link_receive_fd(const struct link *link)
{
    return LINK_FD_BASE + (int)link->pair * 4 + link->end * 2 + 1;
}

/* --- for poll() --- */

int link_lost_fd(void)
{
    return LOST_FD;
}

void link_lost_seen(void)
{
    for (size_t i = 0; i < pairs_end; i++) {
        for (int end = 0; end < 2; end++) {
            struct link *link = pairs[i].used ? pairs[i].ends[end] : NULL;
            if (link != NULL && link->owner == present && link->lost_us != 0 &&
                link->lost_us <= sim_report.now_us)
                link->lost_seen = true;
        }
    }
}

static uint64_t lost_fd_ready_at_us(const struct process *process)
{
    uint64_t at_us = UINT64_MAX;
    for (size_t i = 0; i < pairs_end && links_lost > 0; i++) {
        for (int end = 0; end < 2; end++) {
            const struct link *link = pairs[i].used ? pairs[i].ends[end] : NULL;
            if (link != NULL && link->owner == process && link->lost_us != 0 && !link->lost_seen &&
                link->lost_us < at_us)
                at_us = link->lost_us;
        }
    }
    return at_us;
}

uint64_t link_fd_ready_at_us(const struct process *process, int fd)
{
    if (fd == LOST_FD)
        return lost_fd_ready_at_us(process);
    int at = fd - LINK_FD_BASE;
    if (at < 0 || at >= (int)PAIRS_MAX * 4)
        fail("poll() on descriptor %d, which is nothing", fd);
    const struct link *link = pairs[at / 4].ends[at / 2 % 2];
    if (link == NULL || link->owner != process)
        fail("poll() on a link that was closed");
    if (link->broken)
        return 0;
    if (fd % 2 != 0)
        return way_in(link)->first != NULL ? way_in(link)->first->arrives_us : UINT64_MAX;
    const struct pair *pair = &pairs[link->pair];
    bool room = pair->dialed && pair->ends[1 - link->end] != NULL && link->lost_us == 0 &&
                way_out(link)->count < world.faults.link_messages_max;
    return room ? 0 : UINT64_MAX;
}

bool link_fd_is_ready(const struct process *process, int fd)
{
    return link_fd_ready_at_us(process, fd) <= sim_report.now_us;
}

size_t links_forget(struct process *process)
{
    size_t open = 0;
    for (size_t i = 0; i < pairs_end; i++) {
        for (int end = 0; end < 2; end++) {
            struct link *link = pairs[i].used ? pairs[i].ends[end] : NULL;
            if (link == NULL || link->owner != process)
                continue;
            lose_end(link);
            open++;
        }
    }
    return open;
}

void links_reset(void)
{
    for (size_t i = 0; i < WORLD_EDGES_MAX; i++) {
        sim_free(old_frames[i].bytes);
        old_frames[i] = (struct message){0};
    }
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        queue_clear(&pairs[i].to[0]);
        queue_clear(&pairs[i].to[1]);
        pairs[i] = (struct pair){0};
    }
    pairs_end = links_lost = 0;
}
