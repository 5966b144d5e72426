/* SPDX-License-Identifier: MIT */
/*
 * The life of a change: store_put() notes the undo, changes the image, and keeps what the key
 * became (the redo) in private memory under its seq. store_commit(n) writes the redo up to n to the
 * log as one group, syncs it, and moves the image's commit. Only then may the stage ack n.
 *
 * The life of a store: attach to the image that the last process left, or rebuild it from the
 * newest checkpoint and its log. When the log has grown larger than the table, begin a new log, and
 * write the next checkpoint while the stage works, key group by key group.
 */
#include "stages/store/store.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/beat.h"
#include "common/bounds.h"
#include "common/check.h"
#include "common/file.h"
#include "common/memory.h"
#include "stages/store/store_p.h"

/*
 * The most changes that one step, tick or end may make, some of them in every key group.
 * store_is_full() keeps room for them. A seq of several steps may need more; then the undo log
 * grows.
 */
#define CHANGES_PER_STEP_MAX (KEY_GROUPS + 64u)
_Static_assert(CHANGES_PER_STEP_MAX < STORE_UNDO_ENTRIES_MAX, "a store is not always full");

struct store_file_header store_header(const struct store *s, uint64_t number)
{
    struct store_file_header header = {.number = number,
                                       .start_seq = image_commit_get(&s->image).seq,
                                       .clock = image_committed_clock(&s->image),
                                       .value_len = s->spec.value_len,
                                       .expires = s->spec.expires};
    memcpy(header.schema, s->spec.schema, sizeof header.schema);
    memcpy(header.secret, image_secret(&s->image), sizeof header.secret);
    return header;
}

seq_number store_committed(const struct store *s)
{
    return image_commit_get(&s->image).seq;
}

struct hash128 store_key(const struct store *s, unsigned group, const void *bytes, size_t len)
{
    REQUIRE(group < KEY_GROUPS);
    struct hash128 key = hash_siphash128(image_secret(&s->image), bytes, len);
    key.high = (key.high & (UINT64_MAX >> 8)) | (uint64_t)group << 56;
    return key;
}

/*
 * The key is a secret of 120 bits. What is added to it (by exclusive or) depends only on n. So two
 * keys stay different for the same n, and for different n they are equal only by chance, like any
 * two fingerprints. The subkeys of one key are never equal: hash_mix64() never maps two numbers to
 * the same one, and 2 n + 1 is different for all numbers that a window can have.
 */
struct hash128 store_subkey(struct hash128 key, uint64_t n)
{
    key.low ^= hash_mix64(2 * n + 1);
    key.high ^= hash_mix64(2 * n + 2) >> 8;
    return key;
}

void store_begin(struct store *s, seq_number seq)
{
    REQUIRE(seq >= s->seq && seq > store_committed(s));
    s->seq = seq;
}

static bool is_ahead(const struct store *s, unsigned group)
{
    return s->seq <= s->level && s->seq <= image_position(&s->image, group);
}

bool store_is_level(const struct store *s)
{
    return s->seq > s->level;
}

bool store_is_ahead(const struct store *s, unsigned group)
{
    REQUIRE(s->seq != 0 && group < KEY_GROUPS);
    return is_ahead(s, group);
}

void store_prefetch(const struct store *s, struct hash128 key)
{
    image_prefetch(&s->image, key);
}

const void *store_find(const struct store *s, struct hash128 key)
{
    return image_find(&s->image, key);
}

/* Notes that the redo now holds changes of the current seq. */
static void mark_redo(struct store *s)
{
    struct redo_mark *mark = seq_queue_last(&s->redo_marks);
    if (mark == NULL || mark->seq != s->seq)
        mark = seq_queue_add(&s->redo_marks, s->seq);
    mark->end = s->redo_dropped + s->redo.len;
}

void store_put(struct store *s, struct hash128 key, int64_t expires_at, const void *value)
{
    REQUIRE(s->seq != 0 && !is_ahead(s, image_group(key)));
    image_put(&s->image, s->seq, key, expires_at, value);
    store_expiry_note(&s->expiry, &s->image, key, expires_at);
    store_log_add_put(&s->redo, &s->spec, key, expires_at, value);
    mark_redo(s);
}

int64_t store_clock(const struct store *s)
{
    return image_clock(&s->image);
}

void store_advance(struct store *s, int64_t now)
{
    REQUIRE(s->seq != 0 && now >= image_clock(&s->image));
    if (now == image_clock(&s->image))
        return;
    image_set_clock(&s->image, s->seq, now);
    store_log_add_clock(&s->redo, now);
    mark_redo(s);
}

struct each_expiring {
    const struct store *store;
    store_visit *visit;
    void *context;
};

static void visit_expiring(void *context, struct hash128 key, int64_t expires_at, const void *value)
{
    const struct each_expiring *each = context;
    if (!is_ahead(each->store, image_group(key)))
        each->visit(each->context, key, expires_at, value);
}

void store_each_expiring(struct store *s, int64_t until, store_visit *visit, void *context)
{
    REQUIRE(s->seq != 0);
    struct each_expiring each = {.store = s, .visit = visit, .context = context};
    store_expiry_each(&s->expiry, &s->image, until, visit_expiring, &each);
}

void store_each_live(const struct store *s, store_visit *visit, void *context)
{
    for (unsigned i = 0; i < IMAGE_SHARDS; i++)
        image_each_live(&s->image, i, s->spec.beats, visit, context);
}

int64_t store_next_expiry(struct store *s)
{
    return store_expiry_next(&s->expiry, &s->image);
}

bool store_is_full(const struct store *s)
{
    return image_undo_count(&s->image) + CHANGES_PER_STEP_MAX > STORE_UNDO_ENTRIES_MAX;
}

/* How many bytes at the front of the redo are changes up to a seq. */
static size_t redo_until(const struct store *s, seq_number seq)
{
    size_t count = seq_queue_until(&s->redo_marks, seq);
    if (count == 0)
        return 0;
    const struct redo_mark *last = seq_queue_at(&s->redo_marks, count - 1);
    return (size_t)(last->end - s->redo_dropped);
}

static void redo_forget(struct store *s, seq_number seq, size_t len)
{
    seq_queue_drop(&s->redo_marks, seq_queue_until(&s->redo_marks, seq));
    buf_drop_front(&s->redo, len);
    s->redo_dropped += len;
}

/* The changes of a seq cannot be split: after a power failure a part of them would be replayed. */
static int check_group_len(const struct store *s, seq_number seq, size_t len, struct err *e)
{
    if (len <= STORE_GROUP_BODY_BYTES_MAX)
        return 0;
    return err_set(e, ERR_MISMATCH,
                   "the changes that seq %llu to %llu make to the state are %zu bytes long, but at "
                   "most %u can be committed at once; make one record cause fewer changes (merge "
                   "fewer branches, use smaller windows), or give the stage more workers",
                   (unsigned long long)store_committed(s) + 1, (unsigned long long)seq, len,
                   STORE_GROUP_BODY_BYTES_MAX);
}

int store_commit(struct store *s, seq_number seq, struct err *e)
{
    struct image_commit commit = image_commit_get(&s->image);
    if (seq <= commit.seq)
        return 0;
    size_t len = redo_until(s, seq);
    char name[STORE_FILE_NAME_BYTES_MAX];
    int rc = check_group_len(s, seq, len, e);
    if (rc == 0)
        rc = file_check_in_place(s->dir_fd, store_log_name(commit.log_number, name), s->log_fd,
                                 commit.log_len, e);
    if (rc == 0)
        rc = store_log_write(s->log_fd, s->log_nonce, commit.log_len, commit.seq + 1, seq,
                             s->redo.data, len, &s->scratch, s->spec.beats, e);
    if (rc == 0 && s->durable)
        rc = store_log_sync(s->log_fd, commit.log_len, STORE_GROUP_HEADER_BYTES + len,
                            s->spec.beats, e);
    if (rc != 0)
        return err_wrap(e, "cannot commit the state at seq %llu", (unsigned long long)seq);
    commit.seq = seq;
    commit.log_len += STORE_GROUP_HEADER_BYTES + len;
    image_commit_set(&s->image, &commit);
    redo_forget(s, seq, len);
    return 0;
}

/* Begins a new log, unless there is one already whose checkpoint is missing. */
static int begin_checkpoint(struct store *s, struct err *e)
{
    struct image_commit commit = image_commit_get(&s->image);
    uint64_t base = s->checkpoint_number != 0 ? s->checkpoint_number : 1;
    if (commit.log_number == base) {
        struct store_file_header header = store_header(s, base + 1);
        int fd;
        int rc = store_log_create(s->dir_fd, &header, s->durable, &fd, e);
        if (rc != 0)
            return rc;
        (void)close(s->log_fd);
        s->log_fd = fd;
        s->log_nonce = header.nonce;
        commit.log_number = base + 1;
        commit.log_len = STORE_HEADER_BYTES;
        image_commit_set(&s->image, &commit);
    }
    /* The header says where the log begins: everything from there on is replayed on top. */
    struct store_file_header log_header;
    int log_fd;
    int rc = store_log_open(s->dir_fd, commit.log_number, &log_fd, &log_header, e);
    if (rc != 0)
        return rc;
    (void)close(log_fd);
    return store_checkpoint_begin(&s->checkpoint, s->dir_fd, &log_header, NULL, e);
}

static int finish_checkpoint(struct store *s, struct err *e)
{
    uint64_t number = image_commit_get(&s->image).log_number;
    int rc =
        store_checkpoint_finish(&s->checkpoint, s->dir_fd, number, s->durable, s->spec.beats, e);
    if (rc != 0)
        return rc;
    s->checkpoint_number = number;
    return store_files_remove_below(s->dir_fd, number, e);
}

static bool checkpoint_due(const struct store *s)
{
    struct image_commit commit = image_commit_get(&s->image);
    uint64_t base = s->checkpoint_number != 0 ? s->checkpoint_number : 1;
    uint64_t enough = image_bytes(&s->image) / STORE_CHECKPOINT_TABLE_DIVISOR;
    if (enough < STORE_CHECKPOINT_LOG_BYTES_MIN)
        enough = STORE_CHECKPOINT_LOG_BYTES_MIN;
    return commit.log_number != base || commit.log_len > enough;
}

int store_maintain(struct store *s, struct err *e)
{
    if (s->checkpoint.fd < 0) {
        if (!checkpoint_due(s))
            return 0;
        return begin_checkpoint(s, e);
    }
    uint64_t start = s->checkpoint.len;
    while (s->checkpoint.next_group < KEY_GROUPS &&
           s->checkpoint.len - start < STORE_CHECKPOINT_PIECE_BYTES) {
        beat_once(s->spec.beats);
        int rc = store_checkpoint_write_group(&s->checkpoint, &s->image,
                                              image_position(&s->image, s->checkpoint.next_group),
                                              &s->scratch, e);
        if (rc != 0)
            return rc;
    }
    return s->checkpoint.next_group == KEY_GROUPS ? finish_checkpoint(s, e) : 0;
}

uint64_t store_uncommitted_bytes(const struct store *s)
{
    return s->redo.capacity + s->redo_marks.capacity * s->redo_marks.item_bytes;
}

uint64_t store_entries(const struct store *s)
{
    return image_entries(&s->image);
}
