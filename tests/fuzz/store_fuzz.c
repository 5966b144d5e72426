/* SPDX-License-Identifier: MIT */
/*
 * The files of a store, as a kill, a loss of power, a bad disk or somebody else has left them: a
 * checkpoint and logs. What is refused has a reason and nothing on the disk is changed; whoever only
 * looks finds what is opened; what is opened opens again as the same, with what was committed
 * since; and where a bit flips, the state is still one that was committed.
 */
#include "tests/fuzz/binary.h"

#include <sys/mman.h>

#include "common/bounds.h"
#include "common/hash.h"
#include "stages/store/store_image_p.h"
#include "stages/store/store_p.h"

/* Reading goes by windows; an index of the image, names. */
#define ASKED_BYTES_MAX(len) ((4u << 20) + 8 * (len))
#define SEQ_STEPS_MAX 1000u

/* The parts of an input: choices, and files that may be empty. */
enum { PART_CHECKPOINT = 1, PART_LOG, PART_LOG_2, PARTS };

enum {
    CHOICE_UNFIT,
    CHOICE_UNFIT_2,
    CHOICE_HOW,
    CHOICE_FLIP, /* 8 bytes */
    CHOICES = CHOICE_FLIP + 8,
};

enum {
    UNFIT_HEADER_CRC = 1u,
    UNFIT_NUMBER = 2u,
    UNFIT_SECRET = 4u,
    UNFIT_SEQS = 8u,
    UNFIT_NONCE = 16u,
    UNFIT_CRC = 32u, /* of groups and blocks */
    UNFIT_LEN = 64u,
    UNFIT_KEYS = 128u,
};

enum {
    UNFIT_BLOCKS = 1u,
    UNFIT_END = 2u,
};

enum {
    HOW_EXPIRES = 1u, /* entries do, and have values of 16 bytes */
    HOW_DURABLE = 2u,
    HOW_NO_DAMAGE = 4u, /* these two make a run shorter */
    HOW_NO_MORE = 8u,
    HOW_BEHIND = 16u,
    HOW_IMAGE = 32u, /* its memory outlives a process */
    HOW_SECRET = 64u,
    HOW_LOOK = 128u, /* nothing is opened */
};

/* Places in the files, as docs/protocol.md has them. */
enum {
    AT_NUMBER = 8,
    AT_START_SEQ = STORE_HEADER_START_SEQ_OFFSET,
    AT_SECRET = STORE_HEADER_SECRET_OFFSET,
    AT_NONCE = 312,
    AT_CRC = 324,
    GROUP_AT_BODY_LEN = 4,
    GROUP_AT_FIRST = 8,
    GROUP_AT_LAST = 16,
    GROUP_AT_NONCE = 24,
    GROUP_AT_CRC = 36,
    BLOCK_AT_GROUP = 4,
    BLOCK_AT_COUNT = 8,
    BLOCK_AT_CRC = 20,
    BLOCK_HEADER_BYTES = 24,
    END_AT_ENTRIES = 4,
    END_AT_CRC = 12,
    END_BYTES = 16,
};

static struct store_spec spec_of(uint8_t how)
{
    struct store_spec spec = {.value_len = (how & HOW_EXPIRES) != 0 ? 16 : 8,
                              .expires = (how & HOW_EXPIRES) != 0,
                              .begins_after = (how & HOW_BEHIND) != 0 ? 40 : 0};
    spec.has_secret = (how & HOW_SECRET) != 0;
    store_spec_set_schema(&spec, "fuzz");
    return spec;
}

static size_t slot_bytes(const struct store_spec *spec)
{
    return (spec->expires ? 24 : 16) + (size_t)spec->value_len;
}

/* --- what lies in the files of an input --- */

struct files {
    struct buf bytes[PARTS];
    size_t ends[PARTS];      /* behind the last group */
    size_t last_group;       /* where that of the last log begins; 0: it has none */
    uint64_t last_group_seq; /* before it */
    uint64_t first_number;
};

static void files_done(struct files *f)
{
    for (size_t i = 0; i < PARTS; i++)
        buf_done(&f->bytes[i]);
}

static size_t last_log(const struct files *f)
{
    return f->bytes[PART_LOG_2].len != 0 ? PART_LOG_2 : PART_LOG;
}

static void name_of(const struct files *f, size_t part, char ret_name[STORE_FILE_NAME_BYTES_MAX])
{
    unsigned long number = f->first_number + (part == PART_LOG_2 ? 1 : 0);
    (void)snprintf(ret_name, STORE_FILE_NAME_BYTES_MAX, "store.%lu.%s", number,
                   part == PART_CHECKPOINT ? "checkpoint" : "log");
}

static void fit_header(struct files *f, size_t part, const uint8_t *secret, uint64_t start_seq,
                       uint8_t unfit)
{
    uint8_t *h = f->bytes[part].data;
    if ((unfit & UNFIT_NUMBER) == 0)
        bytes_put_u64(h + AT_NUMBER, f->first_number + (part == PART_LOG_2 ? 1 : 0));
    if ((unfit & UNFIT_SECRET) == 0 && secret != NULL)
        memmove(h + AT_SECRET, secret, STORE_SECRET_BYTES);
    if ((unfit & UNFIT_SEQS) == 0)
        bytes_put_u64(h + AT_START_SEQ, start_seq);
    if ((unfit & UNFIT_HEADER_CRC) == 0)
        bytes_put_u32(h + AT_CRC, hash_crc32c(0, h, AT_CRC));
}

/* Makes the groups of a log fit what the input says that they must. Returns the last seq. */
static uint64_t fit_groups(struct files *f, size_t part, uint8_t unfit)
{
    uint8_t *bytes = f->bytes[part].data;
    size_t len = f->bytes[part].len, at = STORE_HEADER_BYTES;
    uint64_t nonce = bytes_get_u64(bytes + AT_NONCE), seq = bytes_get_u64(bytes + AT_START_SEQ);
    f->ends[part] = at;
    while (at + STORE_GROUP_HEADER_BYTES <= len && memcmp(bytes + at, "BHGR", 4) == 0) {
        uint8_t *group = bytes + at;
        size_t body_len = bytes_get_u32(group + GROUP_AT_BODY_LEN);
        size_t room = len - at - STORE_GROUP_HEADER_BYTES;
        if (body_len > room && (unfit & UNFIT_LEN) == 0)
            bytes_put_u32(group + GROUP_AT_BODY_LEN, (uint32_t)room);
        body_len = body_len < room ? body_len : room;
        if ((unfit & UNFIT_SEQS) == 0) {
            uint64_t steps = bytes_get_u64(group + GROUP_AT_LAST) % SEQ_STEPS_MAX;
            bytes_put_u64(group + GROUP_AT_FIRST, seq + 1);
            bytes_put_u64(group + GROUP_AT_LAST, seq + 1 + steps);
        }
        if ((unfit & UNFIT_NONCE) == 0)
            bytes_put_u64(group + GROUP_AT_NONCE, nonce ^ at);
        uint32_t crc = hash_crc32c(0, group, GROUP_AT_CRC);
        if ((unfit & UNFIT_CRC) == 0)
            bytes_put_u32(group + GROUP_AT_CRC,
                          hash_crc32c(crc, group + STORE_GROUP_HEADER_BYTES, body_len));
        f->last_group = at;
        f->last_group_seq = seq;
        seq = bytes_get_u64(group + GROUP_AT_LAST);
        at += STORE_GROUP_HEADER_BYTES + body_len;
        f->ends[part] = at;
    }
    return seq;
}

static uint32_t fit_block(uint8_t *block, unsigned group, size_t count, size_t slot, uint32_t seed,
                          uint8_t unfit)
{
    memcpy(block, "BHLK", 4);
    bytes_put_u32(block + BLOCK_AT_GROUP, group);
    bytes_put_u32(block + BLOCK_AT_COUNT, (uint32_t)count);
    for (size_t i = 0; i < count && (unfit & UNFIT_KEYS) == 0; i++)
        block[BLOCK_HEADER_BYTES + i * slot + 15] = (uint8_t)group; /* the top byte of the key */
    uint32_t crc = hash_crc32c(seed, block, BLOCK_AT_CRC);
    crc = hash_crc32c(crc, block + BLOCK_HEADER_BYTES, count * slot);
    if ((unfit & UNFIT_CRC) == 0)
        bytes_put_u32(block + BLOCK_AT_CRC, crc);
    return crc;
}

/* Makes the blocks of a checkpoint fit, and adds those that are missing. */
static void fit_blocks(struct buf *file, size_t slot, uint8_t unfit, uint8_t unfit_2)
{
    size_t at = STORE_HEADER_BYTES, len = file->len, entries = 0;
    /* What is missing are empty blocks, and the end. */
    size_t room = (KEY_GROUPS + 1) * BLOCK_HEADER_BYTES;
    memset(buf_reserve(file, room), 0, room);
    uint8_t nonce[8];
    bytes_put_u64(nonce, bytes_get_u64(file->data + AT_NONCE));
    uint32_t seed = hash_crc32c(0, nonce, sizeof nonce);
    if ((unfit_2 & UNFIT_BLOCKS) != 0)
        return;
    for (unsigned group = 0; group < KEY_GROUPS; group++) {
        size_t count =
            at + BLOCK_HEADER_BYTES <= len ? bytes_get_u32(file->data + at + BLOCK_AT_COUNT) : 0;
        size_t most = at + BLOCK_HEADER_BYTES <= len ? (len - at - BLOCK_HEADER_BYTES) / slot : 0;
        count = count < most ? count : most;
        (void)fit_block(file->data + at, group, count, slot, seed, unfit);
        entries += count;
        at += BLOCK_HEADER_BYTES + count * slot;
    }
    if ((unfit_2 & UNFIT_END) != 0) {
        file->len = at < len ? len : at;
        return;
    }
    uint8_t *end = file->data + at;
    memcpy(end, "BHND", 4);
    bytes_put_u64(end + END_AT_ENTRIES, entries);
    bytes_put_u32(end + END_AT_CRC, hash_crc32c(seed, end, END_AT_CRC));
    file->len = at + END_BYTES;
}

static struct files files_of(const struct fuzz_parts *parts, const struct store_spec *spec)
{
    struct files f = {.first_number = fuzz_part(parts, PART_CHECKPOINT).len != 0 ? 2 : 1};
    uint8_t unfit = fuzz_u8(fuzz_part(parts, 0), CHOICE_UNFIT);
    uint8_t unfit_2 = fuzz_u8(fuzz_part(parts, 0), CHOICE_UNFIT_2), secret[STORE_SECRET_BYTES];
    bool secret_known = false, first = true;
    uint64_t seq = 0;
    for (size_t i = PART_CHECKPOINT; i < PARTS; i++) {
        struct fuzz_part part = fuzz_part(parts, i);
        struct buf *file = &f.bytes[i];
        buf_add(file, part.bytes, part.len);
        f.ends[i] = part.len;
        if (part.len < STORE_HEADER_BYTES)
            continue;
        if (!secret_known)
            memcpy(secret, file->data + AT_SECRET, sizeof secret);
        secret_known = true;
        if (first)
            seq = bytes_get_u64(file->data + AT_START_SEQ) & 0xffffff;
        first = false;
        fit_header(&f, i, secret, seq, unfit);
        if (i == PART_CHECKPOINT)
            fit_blocks(file, slot_bytes(spec), unfit, unfit_2);
        else
            seq = fit_groups(&f, i, unfit);
        f.ends[i] = i == PART_CHECKPOINT ? file->len : f.ends[i];
    }
    return f;
}

static void put_files(int dir_fd, const struct files *f)
{
    fuzz_empty(dir_fd);
    for (size_t i = PART_CHECKPOINT; i < PARTS; i++) {
        char name[STORE_FILE_NAME_BYTES_MAX];
        name_of(f, i, name);
        if (f->bytes[i].len != 0)
            fuzz_put_file(dir_fd, name, f->bytes[i].data, f->bytes[i].len);
    }
}

/* Whether the directory holds what was put there, and nothing else. */
static void expect_unchanged(int dir_fd, const struct files *f)
{
    size_t found = 0, put = 0;
    DIR *dir = fdopendir(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        found += entry->d_name[0] != '.' ? 1 : 0;
    (void)closedir(dir);
    for (size_t i = PART_CHECKPOINT; i < PARTS; i++) {
        struct buf now = {0};
        char name[STORE_FILE_NAME_BYTES_MAX];
        name_of(f, i, name);
        if (f->bytes[i].len == 0)
            continue;
        ALWAYS(fuzz_get_file(dir_fd, name, &now) && now.len == f->bytes[i].len &&
               memcmp(now.data, f->bytes[i].data, now.len) == 0);
        buf_done(&now);
        put++;
    }
    ALWAYS(found == put);
}

/* --- what a store holds --- */

struct state {
    int rc;
    seq_number committed;
    struct buf entries; /* sorted, then the clock and what is ahead */
};

struct entry {
    uint64_t high, low;
    int64_t expires_at;
    uint8_t value[16];
};

static void state_done(struct state *s)
{
    buf_done(&s->entries);
}

static void note_entry(void *context, struct hash128 key, int64_t expires_at, const void *value)
{
    const struct state *s = ((void **)context)[0];
    const struct store_spec *spec = ((void **)context)[1];
    struct entry entry = {.high = key.high, .low = key.low, .expires_at = expires_at};
    memcpy(entry.value, value, spec->value_len);
    buf_add((struct buf *)(uintptr_t)&s->entries, &entry, sizeof entry);
}

static int by_key(const void *a, const void *b)
{
    return memcmp(a, b, 2 * sizeof(uint64_t));
}

static struct state state_of(struct store *store, const struct store_spec *spec)
{
    struct state s = {.committed = store_committed(store)};
    void *context[] = {&s, (void *)(uintptr_t)spec};
    for (unsigned shard = 0; shard < IMAGE_SHARDS; shard++) {
        if (store->image.header->used[shard] != 0)
            image_each_live(&store->image, shard, NULL, note_entry, context);
    }
    if (s.entries.len != 0)
        qsort(s.entries.data, s.entries.len / sizeof(struct entry), sizeof(struct entry), by_key);
    int64_t clock = store_clock(store);
    buf_add(&s.entries, &clock, sizeof clock);
    for (unsigned group = 0; group < KEY_GROUPS; group++) {
        seq_number position = image_position(&store->image, group);
        buf_add(&s.entries, &position, sizeof position);
    }
    return s;
}

static bool same(const struct state *a, const struct state *b)
{
    return a->committed == b->committed && a->entries.len == b->entries.len &&
           memcmp(a->entries.data, b->entries.data, a->entries.len) == 0;
}

static struct state refused(int rc, const struct err *e)
{
    ALWAYS_REASON(rc, e);
    ALWAYS(rc == ERR_CORRUPT || rc == ERR_MISMATCH);
    return (struct state){.rc = rc};
}

static struct state look(int dir_fd, const struct store_spec *spec, size_t len)
{
    struct store *store;
    struct err e = {0};
    bool torn;
    fuzz_memory_begin();
    int rc = store_load(dir_fd, spec, &store, &torn, &e);
    fuzz_memory_end(ASKED_BYTES_MAX(len));
    if (rc != 0)
        return refused(rc, &e);
    struct state s = state_of(store, spec);
    store_close(store);
    return s;
}

static int image_fd;

static struct state open_it(int dir_fd, const struct store_spec *spec, bool durable, size_t len,
                            struct store **ret_store)
{
    struct err e = {0};
    *ret_store = NULL;
    fuzz_memory_begin();
    int rc = store_open(dir_fd, image_fd, spec, durable, ret_store, &e);
    fuzz_memory_end(ASKED_BYTES_MAX(len));
    return rc != 0 ? refused(rc, &e) : state_of(*ret_store, spec);
}

/* Whoever asks how far it is hears what an open store says. */
static void expect_position(int dir_fd, const struct store_spec *spec, const struct state *s,
                            bool any)
{
    struct err e = {0};
    bool found = false;
    seq_number seq = 0, most = 0;
    int rc = store_read_position(dir_fd, spec, &found, &seq, &most, &e);
    if (rc != 0) {
        ALWAYS_REASON(rc, &e);
        ALWAYS(s->rc != 0);
    } else if (s->rc == 0) {
        ALWAYS(found == any && (!found || (seq == s->committed && most >= seq)));
    }
}

/* Commits some more, and opens again. */
static void go_on(int dir_fd, const struct store_spec *spec, struct store *store, bool durable,
                  size_t len)
{
    struct err e = {0};
    seq_number seq = store_committed(store);
    uint8_t value[16] = "a value of more";
    if (seq >= SEQ_MAX - 2)
        return;
    for (unsigned i = 0; i < 2; i++) {
        store_begin(store, ++seq);
        for (unsigned group = i; group < 4; group++) {
            struct hash128 key = store_key(store, group * 5, "key", 3);
            if (!store_is_ahead(store, group * 5))
                store_put(store, key, STORE_NEVER, value);
        }
        if (store_clock(store) < INT64_MAX - 1)
            store_advance(store, store_clock(store) + 1);
        ALWAYS(store_commit(store, seq, &e) == 0);
    }
    struct state before = state_of(store, spec);
    /* What is not committed goes with the process. */
    store_begin(store, ++seq);
    if (!store_is_ahead(store, 0))
        store_put(store, store_key(store, 0, "key", 3), STORE_NEVER, before.entries.data);
    if (store_clock(store) < INT64_MAX)
        store_advance(store, store_clock(store) + 1);
    store_close(store);
    struct store *again;
    struct state after = open_it(dir_fd, spec, durable, len + 4096, &again);
    ALWAYS(again != NULL && same(&before, &after));
    store_close(again);
    state_done(&before);
    state_done(&after);
}

static void try_damage(int dir_fd, const struct store_spec *spec, struct files *f,
                       const struct state *before, uint64_t flip, size_t len)
{
    size_t part = PART_CHECKPOINT + flip % 3;
    if (f->bytes[part].len == 0)
        return;
    uint64_t place = flip / 4 % (8 * f->ends[part]);
    f->bytes[part].data[place / 8] ^= (uint8_t)(1u << place % 8);
    put_files(dir_fd, f);
    struct state after = look(dir_fd, spec, len);
    expect_unchanged(dir_fd, f);
    if (after.rc == 0 && !same(&after, before)) {
        /* The last group looks like one that was torn while it was written. */
        ALWAYS(part == last_log(f) && f->last_group != 0 && place / 8 >= f->last_group);
        f->bytes[part].len = f->last_group;
        put_files(dir_fd, f);
        struct state earlier = look(dir_fd, spec, len);
        ALWAYS(earlier.rc == 0 && same(&earlier, &after) && after.committed == f->last_group_seq);
        state_done(&earlier);
    }
    state_done(&after);
}

/* Opens it, which finds what was seen, and goes on. */
static void try_open(int dir_fd, const struct store_spec *spec, const struct files *f,
                     const struct state *seen, uint8_t how, size_t len)
{
    struct store *store;
    image_fd = (how & HOW_IMAGE) != 0 ? memfd_create("fuzz", MFD_CLOEXEC) : -1;
    struct state opened = open_it(dir_fd, spec, (how & HOW_DURABLE) != 0, len, &store);
    ALWAYS(seen->rc == opened.rc);
    if (store == NULL)
        expect_unchanged(dir_fd, f);
    else
        ALWAYS(same(seen, &opened) ||
               (seen->committed < spec->begins_after && opened.committed == spec->begins_after));
    if (store != NULL && (how & HOW_NO_MORE) == 0)
        go_on(dir_fd, spec, store, (how & HOW_DURABLE) != 0, len);
    else
        store_close(store);
    if (image_fd >= 0)
        (void)close(image_fd);
    state_done(&opened);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_parts parts = fuzz_split(data, size);
    uint8_t how = fuzz_u8(fuzz_part(&parts, 0), CHOICE_HOW);
    struct store_spec spec = spec_of(how);
    struct files f = files_of(&parts, &spec);
    int dir_fd = fuzz_directory();
    bool any = f.bytes[PART_CHECKPOINT].len + f.bytes[PART_LOG].len + f.bytes[PART_LOG_2].len != 0;
    put_files(dir_fd, &f);
    struct state seen = look(dir_fd, &spec, size);
    expect_position(dir_fd, &spec, &seen, any);
    expect_unchanged(dir_fd, &f);
    if ((how & HOW_LOOK) == 0)
        try_open(dir_fd, &spec, &f, &seen, how, size);
    if (seen.rc == 0 && (how & HOW_NO_DAMAGE) == 0)
        try_damage(dir_fd, &spec, &f, &seen, fuzz_u64(fuzz_part(&parts, 0), CHOICE_FLIP), size);
    state_done(&seen);
    files_done(&f);
    return 0;
}

/* --- seeds, and how they change --- */

static size_t mutate(uint8_t *bytes, size_t len, size_t len_max, size_t number, unsigned seed)
{
    static const struct fuzz_chunks blocks = {.first = STORE_HEADER_BYTES,
                                              .head_bytes = BLOCK_HEADER_BYTES,
                                              .len_at = BLOCK_AT_COUNT,
                                              .unit = 24, /* of entries that do not expire */
                                              .align = 1};
    static const struct fuzz_chunks groups = {.first = STORE_HEADER_BYTES,
                                              .head_bytes = STORE_GROUP_HEADER_BYTES,
                                              .len_at = GROUP_AT_BODY_LEN,
                                              .unit = 1,
                                              .align = 1};
    if (number == PART_CHECKPOINT)
        return fuzz_mutate_chunk(&blocks, bytes, len, len_max, seed);
    if (number == PART_LOG || number == PART_LOG_2)
        return fuzz_mutate_chunk(&groups, bytes, len, len_max, seed);
    return LLVMFuzzerMutate(bytes, len, len_max);
}

static void add_seed(int dir_fd, uint8_t how, uint64_t first_number, bool checkpoint)
{
    struct files f = {.first_number = first_number};
    uint8_t choices[CHOICES] = {[CHOICE_HOW] = how};
    struct buf seed = {0};
    static const uint8_t less[] = {0, HOW_LOOK | HOW_NO_DAMAGE, HOW_LOOK,
                                   HOW_NO_MORE}; /* it takes long */
    choices[CHOICE_HOW] |= less[fuzz_seed_count % sizeof less];
    fuzz_add_part(&seed, choices, sizeof choices);
    for (size_t i = PART_CHECKPOINT; i < PARTS; i++) {
        char name[STORE_FILE_NAME_BYTES_MAX];
        struct buf file = {0};
        name_of(&f, i, name);
        if (i != PART_CHECKPOINT || checkpoint)
            (void)fuzz_get_file(dir_fd, name, &file);
        fuzz_add_part(&seed, file.data, file.len);
        buf_done(&file);
    }
    fuzz_seed(&seed);
    buf_done(&seed);
}

static void change(struct store *store, seq_number seq, bool expires)
{
    struct err e;
    store_begin(store, seq);
    for (unsigned i = 0; i < 3; i++) {
        uint8_t value[16] = {(uint8_t)seq, (uint8_t)i};
        unsigned group = (unsigned)(seq + i) * 17 % 32;
        store_put(store, store_key(store, group, &i, sizeof i),
                  expires ? (int64_t)(100 + seq) : STORE_NEVER, value);
    }
    if (seq % 2 == 0)
        store_advance(store, (int64_t)seq);
    ALWAYS(store_commit(store, seq, &e) == 0);
}

/* What store_maintain() does when a log is long: the next log, and a checkpoint before it. */
static void write_checkpoint(int dir_fd, struct store *store, uint64_t number)
{
    struct store_checkpoint c;
    struct err e;
    struct buf scratch = {0};
    struct store_file_header header = store_header(store, number);
    int fd;
    ALWAYS(store_log_create(dir_fd, &header, false, &fd, &e) == 0);
    (void)close(fd);
    header = store_header(store, number);
    ALWAYS(store_checkpoint_begin(&c, dir_fd, &header, NULL, &e) == 0);
    for (unsigned group = 0; group < KEY_GROUPS; group++)
        ALWAYS(store_checkpoint_write_group(&c, &store->image, group == 9 ? 33 : 0, &scratch, &e) ==
               0);
    ALWAYS(store_checkpoint_finish(&c, dir_fd, number, false, NULL, &e) == 0);
    buf_done(&scratch);
}

static void add_seeds(uint8_t how)
{
    int dir_fd = fuzz_directory();
    struct store_spec spec = spec_of(how);
    struct store *store;
    struct err e;
    ALWAYS(store_open(dir_fd, -1, &spec, false, &store, &e) == 0);
    add_seed(dir_fd, how, 1, false);
    for (seq_number seq = 1; seq < 6; seq++)
        change(store, seq, spec.expires);
    add_seed(dir_fd, how, 1, false);
    write_checkpoint(dir_fd, store, 2);
    add_seed(dir_fd, how, 1, false);
    store_close(store);
    ALWAYS(store_open(dir_fd, -1, &spec, false, &store, &e) == 0);
    for (seq_number seq = 6; seq < 9; seq++)
        change(store, seq + 30, spec.expires);
    add_seed(dir_fd, how, 2, true);
    add_seed(dir_fd, how | HOW_DURABLE | HOW_BEHIND, 2, true);
    write_checkpoint(dir_fd, store, 3);
    add_seed(dir_fd, how, 2, true);
    store_close(store);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_mutate_own = mutate;
    add_seeds(0);
    add_seeds(HOW_EXPIRES);
    add_seeds(HOW_IMAGE);
    add_seeds(HOW_EXPIRES | HOW_IMAGE);
    return 0;
}
