/* SPDX-License-Identifier: MIT */
/*
 * The life of a change: store_put() notes the undo and changes the image, and keeps what the key
 * became (the redo) in private memory under its seq. store_commit(n) writes the redo up to n as
 * one group of the log, syncs it, and moves the image's commit; only then may anybody be told.
 *
 * The life of a store: attach to the image that the last process left, or rebuild an image from
 * the newest checkpoint and its log; when the log has grown past the table, begin a new log and
 * write the next checkpoint beside the work, shard by shard.
 */
#include "stages/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/check.h"
#include "common/file.h"
#include "common/limits.h"
#include "common/memory.h"
#include "stages/store_expiry.h"
#include "stages/store_image.h"
#include "stages/store_log.h"

/* Changes that one step may make at the most; store_is_full() keeps room for them. */
#define CHANGES_PER_STEP_MAX 64u

/* Where the redo of a seq ends in the buffer, counted from the start of the store's life. */
struct redo_mark {
    seq_number seq;
    uint64_t end;
};

struct store {
    int dir_fd;
    bool durable;
    struct store_spec spec;
    struct image image;
    int log_fd;
    uint64_t checkpoint_number; /* the newest complete one; 0 if none */
    struct store_checkpoint checkpoint;
    struct store_expiry expiry;
    seq_number seq; /* that changes belong to now; 0 before the first begin */
    struct buf redo;
    uint64_t redo_dropped;   /* bytes that have left the front of redo */
    struct redo_mark *marks; /* of seqs that made changes, rising */
    size_t mark_first, mark_count, mark_capacity;
    struct buf scratch;
};

void store_spec_set_schema(struct store_spec *spec, const char *text)
{
    size_t len = strlen(text);
    memset(spec->schema, 0, sizeof spec->schema);
    if (len <= STORE_SCHEMA_BYTES_MAX) {
        memcpy(spec->schema, text, len);
        return;
    }
    char tail[32];
    int tail_len = snprintf(tail, sizeof tail, "… %016" PRIx64, hash_fnv1a(text, len));
    size_t head_len = STORE_SCHEMA_BYTES_MAX - (size_t)tail_len;
    memcpy(spec->schema, text, head_len);
    memcpy(spec->schema + head_len, tail, (size_t)tail_len);
}

static struct store_file_header header_for(const struct store *s, uint64_t number)
{
    struct store_file_header header = {.number = number,
                                       .start_seq = image_commit_get(&s->image).seq,
                                       .clock = image_committed_clock(&s->image),
                                       .value_len = s->spec.value_len};
    memcpy(header.schema, s->spec.schema, sizeof header.schema);
    memcpy(header.secret, image_secret(&s->image), sizeof header.secret);
    return header;
}

static int check_schema(const struct store *s, const struct store_file_header *header,
                        struct err *e)
{
    if (header->value_len == s->spec.value_len && strcmp(header->schema, s->spec.schema) == 0)
        return 0;
    return err_set(e, ERR_MISMATCH,
                   "the state was written for {%s}, the topology now says {%s}; go back to the "
                   "old options, use another state directory, or start over with --fresh",
                   header->schema, s->spec.schema);
}

static int create_empty(struct store *s, struct err *e)
{
    uint8_t secret[IMAGE_KEY_BYTES];
    if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret)
        return err_set_errno(e, "cannot get random bytes");
    int rc = image_format(&s->image, &s->spec, secret, e);
    if (rc != 0)
        return rc;
    struct store_file_header header = header_for(s, 1);
    rc = store_log_create(s->dir_fd, &header, s->durable, &s->log_fd, e);
    if (rc != 0)
        return rc;
    struct image_commit commit = {.seq = 0, .log_number = 1, .log_len = STORE_HEADER_BYTES};
    image_complete(&s->image, &commit);
    return 0;
}

/* Opens the newest log where the image left it; ERR_NOT_FOUND if they do not fit together. */
static int attach_log(struct store *s, struct err *e)
{
    struct image_commit commit = image_commit_get(&s->image);
    struct store_file_header header;
    int fd;
    if (store_log_open(s->dir_fd, commit.log_number, &fd, &header, e) != 0)
        return ERR_NOT_FOUND;
    uint64_t len = 0;
    bool fits = check_schema(s, &header, e) == 0 &&
                memcmp(header.secret, image_secret(&s->image), IMAGE_KEY_BYTES) == 0 &&
                file_length(fd, &len, e) == 0 && len >= commit.log_len &&
                file_truncate(fd, commit.log_len, e) == 0;
    if (!fits) {
        (void)close(fd);
        return ERR_NOT_FOUND;
    }
    s->log_fd = fd;
    return 0;
}

static int load_checkpoint(struct store *s, uint64_t number, seq_number *ret_seq, struct err *e)
{
    struct store_file_header header;
    int fd;
    int rc = store_checkpoint_open(s->dir_fd, number, &fd, &header, e);
    if (rc != 0)
        return rc;
    rc = check_schema(s, &header, e);
    if (rc == 0)
        rc = image_format(&s->image, &s->spec, header.secret, e);
    if (rc == 0)
        rc = store_checkpoint_load(fd, &header, &s->image, s->spec.beats, e);
    *ret_seq = header.start_seq;
    (void)close(fd);
    return rc;
}

/*
 * Cuts off the piece of a group at the end of a log, and keeps it beside as evidence: it was never
 * acked, unless the disk has changed what it was given, and then somebody will ask for it.
 */
static int cut_torn_end(const struct store *s, int fd, uint64_t number, uint64_t len, struct err *e)
{
    uint64_t file_len;
    int rc = file_length(fd, &file_len, e);
    if (rc != 0 || file_len == len)
        return rc;
    char name[STORE_FILE_NAME_BYTES_MAX];
    (void)snprintf(name, sizeof name, "store.%" PRIu64 ".torn", number);
    uint8_t *piece = memory_new(file_len - len, 1);
    size_t got;
    int torn_fd = -1;
    rc = file_read_at(fd, len, piece, file_len - len, &got, e);
    if (rc == 0)
        rc = file_open(s->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, &torn_fd,
                       e);
    if (rc == 0)
        rc = file_write_at(torn_fd, 0, piece, got, e);
    if (rc == 0 && s->durable)
        rc = file_sync(torn_fd, e);
    if (torn_fd >= 0)
        (void)close(torn_fd);
    free(piece);
    return rc == 0 ? file_truncate(fd, len, e) : rc;
}

/*
 * Makes the last group safe: a process that was killed before its sync, or whose sync failed, has
 * left what we act upon now, and after a failed sync the kernel takes the page for clean.
 */
static int write_again(int fd, uint64_t from, uint64_t to, struct err *e)
{
    size_t len = (size_t)(to - from), got;
    uint8_t *bytes = memory_new(len, 1);
    int rc = file_read_at(fd, from, bytes, len, &got, e);
    if (rc == 0)
        rc = file_write_at(fd, from, bytes, got, e);
    if (rc == 0)
        rc = file_sync(fd, e);
    free(bytes);
    return rc;
}

/* Applies one log, which must begin where the state before it ends, and leaves it open. */
static int replay_log(struct store *s, uint64_t number, bool newest, seq_number *seq,
                      uint64_t *ret_len, struct err *e)
{
    struct store_file_header header;
    uint64_t tail = 0;
    int fd;
    int rc = store_log_open(s->dir_fd, number, &fd, &header, e);
    if (rc != 0)
        return rc;
    rc = check_schema(s, &header, e);
    if (rc == 0 && s->checkpoint_number == 0 && number == 1)
        rc = image_format(&s->image, &s->spec, header.secret, e);
    if (rc == 0 && memcmp(header.secret, image_secret(&s->image), IMAGE_KEY_BYTES) != 0)
        rc = err_set(e, ERR_CORRUPT,
                     "store.%" PRIu64 ".log belongs to another store: its keys are made with "
                     "another secret (offset %u)",
                     number, STORE_HEADER_SECRET_OFFSET);
    if (rc == 0 && header.start_seq != *seq)
        rc = err_set(
            e, ERR_CORRUPT,
            "store.%llu.log begins at seq %llu, the state before it ends at %llu (offset %u)",
            (unsigned long long)number, (unsigned long long)header.start_seq,
            (unsigned long long)*seq, STORE_HEADER_START_SEQ_OFFSET);
    if (rc == 0)
        rc =
            store_log_replay(fd, &header, newest, &s->image, s->spec.beats, ret_len, seq, &tail, e);
    if (rc == 0 && newest)
        rc = cut_torn_end(s, fd, number, *ret_len, e);
    if (rc == 0 && newest && s->durable)
        rc = write_again(fd, tail, *ret_len, e);
    if (rc != 0 || !newest) {
        (void)close(fd);
        return rc;
    }
    s->log_fd = fd;
    return 0;
}

static int rebuild(struct store *s, const struct store_files *files, struct err *e)
{
    seq_number seq = 0;
    uint64_t len = 0;
    int rc = 0;
    uint64_t first = files->checkpoint != 0 ? files->checkpoint : 1;
    if (files->checkpoint != 0)
        rc = load_checkpoint(s, files->checkpoint, &seq, e);
    if (rc == 0 && files->log_first != first)
        rc = err_set(e, ERR_CORRUPT, "store.%llu.log is missing", (unsigned long long)first);
    for (uint64_t number = first; rc == 0 && number <= files->log_last; number++)
        rc = replay_log(s, number, number == files->log_last, &seq, &len, e);
    if (rc != 0)
        return rc;
    struct image_commit commit = {.seq = seq, .log_number = files->log_last, .log_len = len};
    image_complete(&s->image, &commit);
    return 0;
}

/*
 * A log above the image's own is one that was made but not yet begun when the process was killed.
 * It holds nothing, and would not follow from what the older one gets from now on.
 */
static int remove_unbegun_logs(struct store *s, uint64_t last, struct err *e)
{
    int rc = 0;
    for (uint64_t n = image_commit_get(&s->image).log_number + 1; rc == 0 && n <= last; n++) {
        char name[STORE_FILE_NAME_BYTES_MAX];
        rc = file_remove(s->dir_fd, store_log_name(n, name), e);
        if (rc == 0 && s->durable)
            rc = file_sync_dir(s->dir_fd, e);
    }
    return rc;
}

static int open_state(struct store *s, struct err *e)
{
    struct store_files files;
    int rc = store_files_find(s->dir_fd, &files, e);
    if (rc != 0)
        return rc;
    s->checkpoint_number = files.checkpoint;
    if (image_attach(&s->image, &s->spec) && attach_log(s, e) == 0)
        return remove_unbegun_logs(s, files.log_last, e);
    return files.log_last == 0 && files.checkpoint == 0 ? create_empty(s, e)
                                                        : rebuild(s, &files, e);
}

int store_open(int dir_fd, int image_fd, const struct store_spec *spec, bool durable,
               struct store **ret_store, struct err *e)
{
    struct store *s = memory_new(1, sizeof *s);
    s->dir_fd = dir_fd;
    s->durable = durable;
    s->spec = *spec;
    s->log_fd = -1;
    s->checkpoint.fd = -1;
    store_expiry_init(&s->expiry);
    int rc = image_init(&s->image, image_fd, e);
    /* What the last process made, renamed or removed: it may have been killed before its sync. */
    if (rc == 0 && durable)
        rc = file_sync_dir(dir_fd, e);
    if (rc == 0)
        rc = open_state(s, e);
    if (rc == 0)
        rc = store_files_remove_below(dir_fd, s->checkpoint_number, e);
    if (rc != 0) {
        store_close(s);
        return rc;
    }
    *ret_store = s;
    return 0;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    store_checkpoint_abandon(&s->checkpoint);
    if (s->log_fd >= 0)
        (void)close(s->log_fd);
    image_done(&s->image);
    buf_done(&s->redo);
    buf_done(&s->scratch);
    free(s->marks);
    free(s);
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

void store_begin(struct store *s, seq_number seq)
{
    REQUIRE(seq >= s->seq && seq > store_committed(s));
    s->seq = seq;
}

const void *store_find(const struct store *s, struct hash128 key)
{
    const struct image_slot *slot = image_find(&s->image, key);
    return slot != NULL ? slot->value : NULL;
}

/* Notes that the redo now holds changes of the present seq. */
static void mark_redo(struct store *s)
{
    uint64_t end = s->redo_dropped + s->redo.len;
    if (s->mark_count > s->mark_first && s->marks[s->mark_count - 1].seq == s->seq) {
        s->marks[s->mark_count - 1].end = end;
        return;
    }
    if (s->mark_count == s->mark_capacity) {
        if (s->mark_first > s->mark_capacity / 2) {
            s->mark_count -= s->mark_first;
            memmove(s->marks, s->marks + s->mark_first, s->mark_count * sizeof *s->marks);
            s->mark_first = 0;
        } else {
            s->mark_capacity = s->mark_capacity != 0 ? 2 * s->mark_capacity : 1024;
            s->marks = memory_resize(s->marks, s->mark_capacity, sizeof *s->marks);
        }
    }
    s->marks[s->mark_count++] = (struct redo_mark){.seq = s->seq, .end = end};
}

void store_put(struct store *s, struct hash128 key, int64_t expires_at, const void *value)
{
    REQUIRE(s->seq != 0);
    image_put(&s->image, s->seq, key, expires_at, value);
    store_expiry_note(&s->expiry, &s->image, key, expires_at);
    store_log_add_put(&s->redo, key, expires_at, value, s->spec.value_len);
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

void store_each_expiring(struct store *s, int64_t until, store_visit *visit, void *context)
{
    REQUIRE(s->seq != 0);
    store_expiry_each(&s->expiry, &s->image, until, visit, context);
}

int64_t store_next_expiry(struct store *s)
{
    return store_expiry_next(&s->expiry, &s->image);
}

bool store_is_full(const struct store *s)
{
    return image_undo_count(&s->image) + CHANGES_PER_STEP_MAX > STORE_UNDO_ENTRIES_MAX;
}

/* How many bytes at the front of the redo are of changes up to a seq. */
static size_t redo_until(const struct store *s, seq_number seq)
{
    uint64_t end = s->redo_dropped;
    for (size_t i = s->mark_first; i < s->mark_count && s->marks[i].seq <= seq; i++)
        end = s->marks[i].end;
    return (size_t)(end - s->redo_dropped);
}

static void redo_forget(struct store *s, seq_number seq, size_t len)
{
    while (s->mark_first < s->mark_count && s->marks[s->mark_first].seq <= seq)
        s->mark_first++;
    if (s->mark_first == s->mark_count)
        s->mark_first = s->mark_count = 0;
    buf_drop_front(&s->redo, len);
    s->redo_dropped += len;
}

int store_commit(struct store *s, seq_number seq, struct err *e)
{
    struct image_commit commit = image_commit_get(&s->image);
    if (seq <= commit.seq)
        return 0;
    size_t len = redo_until(s, seq);
    int rc = store_log_write(s->log_fd, commit.log_len, commit.seq + 1, seq, s->redo.data, len,
                             &s->scratch, e);
    if (rc == 0 && s->durable)
        rc = file_sync(s->log_fd, e);
    if (rc != 0)
        return err_wrap(e, "committing the state at seq %llu", (unsigned long long)seq);
    commit.seq = seq;
    commit.log_len += STORE_GROUP_HEADER_BYTES + len;
    image_commit_set(&s->image, &commit);
    redo_forget(s, seq, len);
    return 0;
}

/* Begins a new log, unless one was begun already and only its checkpoint is missing. */
static int begin_checkpoint(struct store *s, struct err *e)
{
    struct image_commit commit = image_commit_get(&s->image);
    uint64_t base = s->checkpoint_number != 0 ? s->checkpoint_number : 1;
    if (commit.log_number == base) {
        struct store_file_header header = header_for(s, base + 1);
        int fd;
        int rc = store_log_create(s->dir_fd, &header, s->durable, &fd, e);
        if (rc != 0)
            return rc;
        (void)close(s->log_fd);
        s->log_fd = fd;
        commit.log_number = base + 1;
        commit.log_len = STORE_HEADER_BYTES;
        image_commit_set(&s->image, &commit);
    }
    /* The header says where the log begins: everything from there on is replayed over it. */
    struct store_file_header log_header;
    int log_fd;
    int rc = store_log_open(s->dir_fd, commit.log_number, &log_fd, &log_header, e);
    if (rc != 0)
        return rc;
    (void)close(log_fd);
    return store_checkpoint_begin(&s->checkpoint, s->dir_fd, &log_header, e);
}

static int finish_checkpoint(struct store *s, struct err *e)
{
    uint64_t number = image_commit_get(&s->image).log_number;
    int rc = store_checkpoint_finish(&s->checkpoint, s->dir_fd, number, s->durable, e);
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
    while (s->checkpoint.next_shard < IMAGE_SHARDS &&
           s->checkpoint.len - start < STORE_CHECKPOINT_PIECE_BYTES) {
        int rc = store_checkpoint_write_shard(&s->checkpoint, &s->image, &s->scratch, e);
        if (rc != 0)
            return rc;
    }
    return s->checkpoint.next_shard == IMAGE_SHARDS ? finish_checkpoint(s, e) : 0;
}

uint64_t store_entries(const struct store *s)
{
    return image_entries(&s->image);
}
