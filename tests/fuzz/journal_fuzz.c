/* SPDX-License-Identifier: MIT */
/*
 * The segments of a journal, as a kill, a loss of power, a bad disk or somebody else has left them.
 * What is refused has a reason and nothing on the disk is changed; what is opened gives the bytes
 * of its blocks and no others, opens again as the same, and goes on from there; and where a bit of
 * a block or of a header flips, what is given is still nothing but what was written.
 */
#include "tests/fuzz/binary.h"

#include <inttypes.h>

#include "common/hash.h"
#include "common/memory.h"
#include "stages/journal/journal.h"

#define OWNER UINT64_C(0x0123456789abcdef)
#define STREAM UINT64_C(0x100000001)
#define SEGMENTS_MAX 4u
/* Two blocks, a window, what the segments say, and some for each name and error. */
#define ASKED_BYTES_MAX (2 * (size_t)JOURNAL_BLOCK_BYTES + (1u << 20))

/* The parts of an input: choices, then the segments. */
enum {
    CHOICE_UNFIT,
    CHOICE_HOW,
    CHOICE_ACKED, /* which of the places between two lines */
    CHOICE_SEQ,   /* 8 bytes; with UNFIT_ACKED, as are the next two */
    CHOICE_LINE = CHOICE_SEQ + 8,
    CHOICE_OFFSET = CHOICE_LINE + 8,
    CHOICE_FLIP = CHOICE_OFFSET + 8,
    CHOICES = CHOICE_FLIP + 8,
};

enum {
    UNFIT_SEGMENT_CRC = 1u,
    UNFIT_NUMBER = 2u,
    UNFIT_FOLLOWING = 4u, /* a segment does not follow from the one before */
    UNFIT_BLOCK = 8u,     /* a header is not that of its block; only its CRC fits */
    UNFIT_BLOCK_CRC = 16u,
    UNFIT_ACKED = 32u,
};

enum {
    HOW_OTHER_BOOT = 1u,
    HOW_OTHER_STREAM = 2u,
    HOW_KEPT = 4u,
    HOW_DURABLE = 8u,
    HOW_BEGINS = 16u,
    HOW_ONCE = 32u, /* makes a run shorter */
    HOW_GAP = 64u,  /* the second segment is missing */
};

/* Places in the header of a segment, as docs/protocol.md has them. */
enum {
    AT_NUMBER = 8,
    AT_NEXT_SEQ = 24,
    AT_LINES = 32,
    AT_OFFSET = 40,
    AT_CARRY = 48,
    AT_STREAM = 56,
    AT_FLAGS = 64,
    AT_CHAIN = 68,
    AT_NONCE = 88,
    AT_CRC = 124,
};

/* --- what lies in the segments of an input --- */

#define PLACES_MAX 256u

struct content {
    size_t gap; /* between the first number and the others */
    struct buf segments[SEGMENTS_MAX];
    size_t ends[SEGMENTS_MAX]; /* behind the last block of each */
    size_t count;
    struct buf bytes;   /* of all blocks, and behind them what landed without a header */
    size_t in_blocks;   /* so many of them are */
    size_t before_last; /* so many of them lie before the last block */
    struct journal_state begin;
    struct journal_place places[PLACES_MAX]; /* where a line or an input ends */
    size_t place_count;
    bool fits; /* no header says anything else than what follows from the blocks */
};

static void content_done(struct content *c)
{
    for (size_t i = 0; i < c->count; i++)
        buf_done(&c->segments[i]);
    buf_done(&c->bytes);
}

static size_t number_of(const struct content *c, size_t i)
{
    return i + 1 + (i != 0 ? c->gap : 0);
}

static void note_place(struct content *c, const struct journal_state *state)
{
    if (c->place_count < PLACES_MAX && state->carry == 0)
        c->places[c->place_count++] = (struct journal_place){
            .seq = state->next_seq - 1, .line = state->lines, .offset = state->offset};
}

static void note_lines(struct content *c, struct journal_state state, const uint8_t *bytes,
                       size_t len)
{
    for (size_t at = 0; at < len;) {
        const uint8_t *newline = memchr(bytes + at, '\n', len - at);
        size_t piece = newline != NULL ? (size_t)(newline + 1 - (bytes + at)) : len - at;
        journal_state_count(&state, bytes + at, piece);
        at += piece;
        note_place(c, &state);
    }
}

/* Makes the header of the block fit what the input says that it must; moves on behind it. */
static bool fit_block(struct content *c, struct buf *segment, size_t *at,
                      struct journal_state *state, uint8_t unfit)
{
    uint8_t made[JOURNAL_BLOCK_HEADER_BYTES];
    struct journal_block block;
    uint8_t *header = segment->data + *at;
    size_t room = segment->len - *at;
    if (room < sizeof made || bytes_get_u32(header + BLOCK_AT_MAGIC) != JOURNAL_BLOCK_MAGIC)
        return false;
    uint32_t len = bytes_get_u32(header + BLOCK_AT_LEN);
    len = len < room - sizeof made ? len : (uint32_t)(room - sizeof made);
    len = len < JOURNAL_BLOCK_BYTES ? len : JOURNAL_BLOCK_BYTES;
    journal_block_make(*at, state, header + sizeof made, len, &block, made);
    if ((unfit & UNFIT_BLOCK) == 0)
        memcpy(header, made, sizeof made);
    else if ((unfit & UNFIT_BLOCK_CRC) == 0)
        bytes_put_u32(header + BLOCK_AT_CRC, hash_crc32c(state->chain, header, BLOCK_AT_CRC));
    c->fits = c->fits && memcmp(header, made, sizeof made) == 0;
    note_lines(c, *state, header + sizeof made, len);
    c->before_last = c->bytes.len;
    buf_add(&c->bytes, header + sizeof made, len);
    *state = block.after;
    if (len == 0)
        note_place(c, state);
    *at = (size_t)journal_block_end(&block);
    return true;
}

static void fit_header(struct buf *segment, size_t number, const struct journal_state *end,
                       uint8_t unfit)
{
    uint8_t *h = segment->data;
    if ((unfit & UNFIT_NUMBER) == 0)
        bytes_put_u64(h + AT_NUMBER, number);
    if ((unfit & UNFIT_FOLLOWING) == 0 && end != NULL) {
        bytes_put_u64(h + AT_NEXT_SEQ, end->next_seq);
        bytes_put_u64(h + AT_LINES, end->lines);
        bytes_put_u64(h + AT_OFFSET, end->offset);
        bytes_put_u64(h + AT_CARRY, end->carry);
        uint32_t first = bytes_get_u32(h + AT_FLAGS) & 4u;
        bytes_put_u32(h + AT_FLAGS, first | (end->carry_blank ? 1u : 0) | (end->ended ? 2u : 0) |
                                        (end->carry_mark ? 8u : 0));
        bytes_put_u32(h + AT_CHAIN, end->chain);
    }
    if ((unfit & UNFIT_SEGMENT_CRC) == 0)
        bytes_put_u32(h + AT_CRC, hash_crc32c(0, h, AT_CRC));
}

static struct journal_state state_of(const uint8_t *h)
{
    uint32_t flags = bytes_get_u32(h + AT_FLAGS);
    return (struct journal_state){.next_seq = bytes_get_u64(h + AT_NEXT_SEQ),
                                  .lines = bytes_get_u64(h + AT_LINES),
                                  .offset = bytes_get_u64(h + AT_OFFSET),
                                  .carry = bytes_get_u64(h + AT_CARRY),
                                  .carry_blank = (flags & 1u) != 0,
                                  .ended = (flags & 2u) != 0,
                                  .first = (flags & 4u) != 0,
                                  .carry_mark = (flags & 8u) != 0,
                                  .stream = bytes_get_u64(h + AT_STREAM),
                                  .nonce = bytes_get_u64(h + AT_NONCE),
                                  .chain = bytes_get_u32(h + AT_CRC)};
}

static struct content content_of(const struct fuzz_parts *parts)
{
    struct content c = {.fits = true};
    c.gap = (fuzz_u8(fuzz_part(parts, 0), CHOICE_HOW) & HOW_GAP) != 0 ? 1 : 0;
    uint8_t unfit = fuzz_u8(fuzz_part(parts, 0), CHOICE_UNFIT);
    struct journal_state end = {.next_seq = 0};
    c.fits = (unfit & (UNFIT_SEGMENT_CRC | UNFIT_NUMBER | UNFIT_FOLLOWING)) == 0;
    for (size_t i = 1; i < parts->count && c.count < SEGMENTS_MAX; i++) {
        struct fuzz_part part = parts->part[i];
        struct buf *segment = &c.segments[c.count];
        buf_add(segment, part.bytes, part.len);
        size_t at = JOURNAL_HEADER_BYTES;
        c.ends[c.count] = segment->len;
        c.count++;
        if (segment->len < at) {
            c.fits = false;
            continue;
        }
        fit_header(segment, number_of(&c, c.count - 1), c.count > 1 ? &end : NULL, unfit);
        end = state_of(segment->data);
        if (c.count == 1) {
            c.begin = end;
            note_place(&c, &end);
        }
        while (at < segment->len && fit_block(&c, segment, &at, &end, unfit))
            c.ends[c.count - 1] = at < segment->len ? at : segment->len;
        c.in_blocks = c.bytes.len;
        if (at + JOURNAL_BLOCK_HEADER_BYTES < segment->len)
            buf_add(&c.bytes, segment->data + at + JOURNAL_BLOCK_HEADER_BYTES,
                    segment->len - at - JOURNAL_BLOCK_HEADER_BYTES);
        c.fits = c.fits && (i + 1 == parts->count || at >= segment->len);
    }
    return c;
}

static void put_segments(int dir_fd, const struct content *c)
{
    fuzz_empty(dir_fd);
    for (size_t i = 0; i < c->count; i++) {
        char name[JOURNAL_NAME_BYTES];
        (void)snprintf(name, sizeof name, "journal.%08zu", number_of(c, i));
        fuzz_put_file(dir_fd, name, c->segments[i].data, c->segments[i].len);
    }
}

/* Whether the directory holds what was put there, and nothing else. */
static void expect_unchanged(int dir_fd, const struct content *c)
{
    size_t files = 0;
    DIR *dir = fdopendir(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        files += entry->d_name[0] != '.' ? 1 : 0;
    (void)closedir(dir);
    ALWAYS(files == c->count);
    for (size_t i = 0; i < c->count; i++) {
        struct buf now = {0};
        char name[JOURNAL_NAME_BYTES];
        (void)snprintf(name, sizeof name, "journal.%08zu", number_of(c, i));
        ALWAYS(fuzz_get_file(dir_fd, name, &now) && now.len == c->segments[i].len);
        ALWAYS(now.len == 0 || memcmp(now.data, c->segments[i].data, now.len) == 0);
        buf_done(&now);
    }
}

/* --- what the journal gives --- */

struct given {
    int rc;         /* of the open, or of the read that was no more */
    struct buf all; /* bytes, and marks where ERR_END was said */
    struct buf bytes;
    uint64_t end;
    seq_number last;
};

static void given_done(struct given *g)
{
    buf_done(&g->all);
    buf_done(&g->bytes);
}

/* Whether the end that was said is one that is acked: that may be said once more, or not. */
static bool end_is_acked(const struct journal *j, uint64_t offset,
                         const struct journal_place *acked)
{
    return offset == acked->offset && journal_marked(j) <= acked->seq;
}

static void read_all(struct journal *j, const struct journal_place *acked, uint64_t *offset,
                     struct given *g)
{
    uint8_t bytes[4096];
    size_t got, looks = 0, looks_max = (1u << 20) + 16;
    struct err e = {0};
    do {
        g->rc = journal_read(j, *offset, bytes, sizeof bytes, &got, &e);
        if (g->rc == 0) {
            ALWAYS(got > 0 && got <= sizeof bytes);
            buf_add(&g->bytes, bytes, got);
            buf_add(&g->all, bytes, got);
            *offset += got;
        } else if (g->rc == ERR_END && !end_is_acked(j, *offset, acked)) {
            buf_add_format(&g->all, "<end %" PRIu64 ">", journal_marked(j));
        }
        ALWAYS(++looks < looks_max);
    } while (g->rc == 0 || g->rc == ERR_END);
    if (g->rc == ERR_CORRUPT)
        ALWAYS_REASON(g->rc, &e);
    ALWAYS(g->rc == ERR_AGAIN || g->rc == ERR_CORRUPT || g->rc == ERR_MISMATCH);
}

/* Opens it and reads what there is; *ret_journal is NULL where it is refused. */
static struct given open_and_read(const struct journal_config *config, struct journal **ret_journal,
                                  uint64_t *offset)
{
    struct given g = {.rc = 0};
    struct err e = {0};
    *ret_journal = NULL;
    *offset = config->acked.offset;
    fuzz_memory_begin();
    g.rc = journal_open(config, ret_journal, &e);
    fuzz_memory_end(ASKED_BYTES_MAX);
    if (g.rc != 0) {
        ALWAYS_REASON(g.rc, &e);
        ALWAYS((g.rc == ERR_CORRUPT || g.rc == ERR_MISMATCH) && strstr(e.text, "journal") != NULL);
        return g;
    }
    read_all(*ret_journal, &config->acked, offset, &g);
    g.end = journal_bytes(*ret_journal);
    g.last = journal_last(*ret_journal);
    return g;
}

static bool begins_with(const struct buf *whole, size_t from, const struct buf *beginning)
{
    return from <= whole->len && beginning->len <= whole->len - from &&
           (beginning->len == 0 ||
            memcmp(whole->data + from, beginning->data, beginning->len) == 0);
}

static bool same(const struct buf *a, const struct buf *b)
{
    return a->len == b->len && begins_with(a, 0, b);
}

/* More comes in, and is all that is new. */
static void take_more(struct journal *j, const struct journal_place *acked, uint64_t *offset,
                      struct given *g)
{
    int pipe_fds[2];
    struct err e;
    struct given more = {.rc = 0};
    ALWAYS(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) == 0 && write(pipe_fds[1], "more\n", 5) == 5);
    ALWAYS(journal_take(j, pipe_fds[0], &e) == 0);
    read_all(j, acked, offset, &more);
    ALWAYS(more.rc == ERR_AGAIN && more.all.len == 5 && memcmp(more.all.data, "more\n", 5) == 0);
    buf_add(&g->all, more.all.data, more.all.len);
    g->end = journal_bytes(j);
    g->last = journal_last(j);
    given_done(&more);
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
}

static void try_damage(const struct journal_config *config, struct content *c,
                       const struct given *before, uint64_t flip)
{
    size_t i = flip % c->count;
    if (c->ends[i] == 0)
        return;
    uint64_t place = flip / 4 % (8 * c->ends[i]), offset;
    c->segments[i].data[place / 8] ^= (uint8_t)(1u << place % 8);
    put_segments(config->dir_fd, c);
    struct journal *j;
    struct given after = open_and_read(config, &j, &offset);
    ALWAYS(begins_with(&before->bytes, 0, &after.bytes));
    /* No more than the last block can look like one that was torn while it was written. */
    ALWAYS(j == NULL || after.rc != ERR_AGAIN ||
           config->acked.offset - c->begin.offset + after.bytes.len >= c->before_last);
    if (j == NULL)
        expect_unchanged(config->dir_fd, c);
    journal_free(j);
    given_done(&after);
}

static void try_content(const struct journal_config *config, struct content *c, bool once,
                        uint64_t flip)
{
    struct journal *j;
    uint64_t offset, ignored;
    put_segments(config->dir_fd, c);
    struct given first = open_and_read(config, &j, &offset);
    if (j == NULL)
        expect_unchanged(config->dir_fd, c);
    if (j != NULL && c->fits)
        ALWAYS(
            begins_with(&c->bytes, (size_t)(config->acked.offset - c->begin.offset), &first.bytes));
    if (j != NULL && first.rc == ERR_AGAIN && !once) {
        size_t came = first.bytes.len;
        take_more(j, &config->acked, &offset, &first);
        journal_free(j);
        struct given again = open_and_read(config, &j, &ignored);
        ALWAYS(j != NULL && again.rc == ERR_AGAIN && same(&first.all, &again.all));
        ALWAYS(again.end == first.end && again.last == first.last);
        given_done(&again);
        /* What landed has no checksum yet. */
        if (c->count != 0 && c->fits && came <= c->in_blocks && c->in_blocks == c->bytes.len)
            try_damage(config, c, &first, flip);
    }
    journal_free(j);
    given_done(&first);
}

static struct journal_config config_of(const struct fuzz_parts *parts, const struct content *c)
{
    struct fuzz_part choices = fuzz_part(parts, 0);
    uint8_t how = fuzz_u8(choices, CHOICE_HOW);
    struct journal_config config = {.dir_fd = fuzz_directory(),
                                    .owner = OWNER,
                                    .boot = "boot 1",
                                    .durable = (how & HOW_DURABLE) != 0,
                                    .stream = STREAM,
                                    .stream_kept = (how & HOW_KEPT) != 0,
                                    .begins = (how & HOW_BEGINS) != 0};
    if ((how & HOW_OTHER_BOOT) != 0)
        memcpy(config.boot, "boot 2", 6);
    if ((how & HOW_OTHER_STREAM) != 0)
        config.stream = STREAM + (how & HOW_KEPT ? UINT64_C(1) << 32 : 1);
    if ((fuzz_u8(choices, CHOICE_UNFIT) & UNFIT_ACKED) != 0)
        config.acked = (struct journal_place){.seq = fuzz_u64(choices, CHOICE_SEQ) & SEQ_MAX,
                                              .line = fuzz_u64(choices, CHOICE_LINE),
                                              .offset = fuzz_u64(choices, CHOICE_OFFSET)};
    else if (c->place_count != 0)
        config.acked = c->places[fuzz_u8(choices, CHOICE_ACKED) % c->place_count];
    config.acked.seq &= SEQ_MAX; /* as a cursor has it */
    return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_parts parts = fuzz_split(data, size);
    struct content c = content_of(&parts);
    struct journal_config config = config_of(&parts, &c);
    uint64_t stream;
    struct err e = {0};
    struct fuzz_part choices = fuzz_part(&parts, 0);
    bool once = (fuzz_u8(choices, CHOICE_HOW) & HOW_ONCE) != 0;
    try_content(&config, &c, once, fuzz_u64(choices, CHOICE_FLIP));
    int rc = journal_last_stream(config.dir_fd, &stream, &e);
    if (rc != 0)
        ALWAYS_REASON(rc, &e);
    content_done(&c);
    return 0;
}

/* --- seeds, and how they change --- */

static size_t mutate(uint8_t *bytes, size_t len, size_t len_max, size_t number, unsigned seed)
{
    static const struct fuzz_chunks blocks = {.first = JOURNAL_HEADER_BYTES,
                                              .head_bytes = JOURNAL_BLOCK_HEADER_BYTES,
                                              .len_at = BLOCK_AT_LEN,
                                              .unit = 1,
                                              .align = JOURNAL_BLOCK_HEADER_BYTES};
    return number == 0 ? LLVMFuzzerMutate(bytes, len, len_max)
                       : fuzz_mutate_chunk(&blocks, bytes, len, len_max, seed);
}

static void add_seed(int dir_fd, uint8_t how, uint8_t acked, const char *landed)
{
    uint8_t choices[CHOICES] = {[CHOICE_HOW] = how, [CHOICE_ACKED] = acked};
    struct buf seed = {0};
    choices[CHOICE_HOW] |= fuzz_seed_count % 2 != 0 ? HOW_ONCE : 0;
    fuzz_add_part(&seed, choices, sizeof choices);
    for (size_t i = 1; i <= SEGMENTS_MAX; i++) {
        char name[JOURNAL_NAME_BYTES], next[JOURNAL_NAME_BYTES];
        struct buf segment = {0};
        (void)snprintf(name, sizeof name, "journal.%08zu", i);
        (void)snprintf(next, sizeof next, "journal.%08zu", i + 1);
        if (!fuzz_get_file(dir_fd, name, &segment))
            break;
        bool last = faccessat(dir_fd, next, F_OK, 0) != 0;
        if (last && landed != NULL) {
            static const uint8_t zeros[2 * JOURNAL_BLOCK_HEADER_BYTES];
            buf_add(&segment, zeros, (64 - segment.len % 64) % 64 + JOURNAL_BLOCK_HEADER_BYTES);
            buf_add_text(&segment, landed);
        }
        fuzz_add_part(&seed, segment.data, segment.len);
        buf_done(&segment);
    }
    fuzz_seed(&seed);
    buf_done(&seed);
}

/* What one life of a source puts into the journal; a new boot or stream has a segment of its own. */
static void write_life(int dir_fd, unsigned boot, uint64_t stream, const char *const *texts)
{
    struct journal_config config = {
        .dir_fd = dir_fd, .owner = OWNER, .boot = "boot 0", .stream = stream};
    struct journal *j;
    struct err e;
    int pipe_fds[2];
    uint64_t offset = 0;
    config.boot[5] = (uint8_t)('0' + boot);
    ALWAYS(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) == 0);
    ALWAYS(journal_open(&config, &j, &e) == 0);
    for (; *texts != NULL; texts++) {
        struct given skipped = {.rc = 0};
        read_all(j, &config.acked, &offset, &skipped);
        given_done(&skipped);
        if (strcmp(*texts, "end") == 0) {
            ALWAYS(journal_end(j, &e) == 0 && journal_mark_end(j, &e) == 0);
            continue;
        }
        ALWAYS(write(pipe_fds[1], *texts, strlen(*texts)) > 0);
        ALWAYS(journal_take(j, pipe_fds[0], &e) == 0);
    }
    journal_free(j);
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char *const first[] = {"a line\n", "\xef\xbb", "\xbf \n\nhalf a", " line\nhalf",
                                        NULL};
    static const char *const second[] = {"\xef\xbb\xbf{}\n", "end", "more\n \t", NULL};
    static const char *const third[] = {"x\ny\nz\n", "end", NULL};
    (void)argc;
    (void)argv;
    fuzz_mutate_own = mutate;
    int dir_fd = fuzz_directory();
    write_life(dir_fd, 1, STREAM, third + 2);
    add_seed(dir_fd, 0, 0, NULL);
    write_life(dir_fd, 1, STREAM, first);
    add_seed(dir_fd, HOW_DURABLE, 0, NULL);
    add_seed(dir_fd, 0, 1, " that has landed\nand");
    add_seed(dir_fd, HOW_OTHER_BOOT, 0, "torn\n");
    write_life(dir_fd, 1, STREAM + 1, second);
    add_seed(dir_fd, HOW_OTHER_STREAM, 2, NULL);
    write_life(dir_fd, 2, STREAM, third);
    add_seed(dir_fd, HOW_OTHER_BOOT, 5, NULL);
    add_seed(dir_fd, HOW_KEPT | HOW_OTHER_STREAM, 3, NULL);
    return 0;
}
