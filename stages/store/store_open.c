/* SPDX-License-Identifier: MIT */
/*
 * How a store is opened: attach to the image that the last process left, or rebuild an image from
 * the newest checkpoint and the logs after it, or create an empty one.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/file.h"
#include "common/memory.h"
#include "common/random.h"
#include "stages/store/store_p.h"

static int refuse_secret(uint64_t number, const char *suffix, struct err *e)
{
    return err_set(e, ERR_CORRUPT,
                   "store.%" PRIu64 ".%s belongs to another store: its keys were made with "
                   "another secret (offset %u)",
                   number, suffix, STORE_HEADER_SECRET_OFFSET);
}

int store_check_secret(const struct store *s, const struct store_file_header *header,
                       const char *suffix, struct err *e)
{
    if (!s->spec.has_secret || memcmp(header->secret, s->spec.secret, STORE_SECRET_BYTES) == 0)
        return 0;
    return refuse_secret(header->number, suffix, e);
}

int store_check_schema(const struct store *s, const struct store_file_header *header, struct err *e)
{
    if (header->value_len == s->spec.value_len && header->expires == s->spec.expires &&
        strcmp(header->schema, s->spec.schema) == 0)
        return 0;
    return err_set(
        e, ERR_MISMATCH,
        "the state was written for {%s}, but the topology now has {%s}; restore the old options, "
        "or use --discard STAGE to discard that state and begin with an empty one",
        header->schema, s->spec.schema);
}

/* Creates the image of a store without files. */
static int format_empty(struct store *s, struct err *e)
{
    uint8_t secret[STORE_SECRET_BYTES];
    int rc = 0;
    if (s->spec.has_secret)
        memcpy(secret, s->spec.secret, sizeof secret);
    else
        rc = random_bytes(secret, sizeof secret, e);
    return rc != 0 ? rc : image_format(&s->image, &s->spec, secret, e);
}

static int create_empty(struct store *s, struct err *e)
{
    int rc = format_empty(s, e);
    if (rc != 0)
        return rc;
    struct store_file_header header = store_header(s, 1);
    header.start_seq = s->spec.begins_after;
    rc = store_log_create(s->dir_fd, &header, s->durable, &s->log_fd, e);
    if (rc != 0)
        return rc;
    s->log_nonce = header.nonce;
    struct image_commit commit = {
        .seq = s->spec.begins_after, .log_number = 1, .log_len = STORE_HEADER_BYTES};
    image_complete(&s->image, &commit);
    return 0;
}

/*
 * Cuts off the end of a log, and makes that safe. Otherwise the next log might reach the disk
 * first, and after a power failure what was cut off would be there again.
 */
static int cut(const struct store *s, int fd, uint64_t file_len, uint64_t len, struct err *e)
{
    if (file_len == len)
        return 0;
    int rc = file_truncate(fd, len, e);
    return rc == 0 && s->durable ? file_sync(fd, e) : rc;
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
    bool fits = store_check_schema(s, &header, e) == 0 &&
                store_check_secret(s, &header, "log", e) == 0 &&
                memcmp(header.secret, image_secret(&s->image), STORE_SECRET_BYTES) == 0 &&
                file_length(fd, &len, e) == 0 && len >= commit.log_len &&
                cut(s, fd, len, commit.log_len, e) == 0;
    if (!fits) {
        (void)close(fd);
        return ERR_NOT_FOUND;
    }
    s->log_fd = fd;
    s->log_nonce = header.nonce;
    return 0;
}

static int load_checkpoint(struct store *s, uint64_t number, seq_number *ret_seq, struct err *e)
{
    struct store_file_header header;
    int fd;
    int rc = store_checkpoint_open(s->dir_fd, number, &fd, &header, e);
    if (rc != 0)
        return rc;
    rc = store_check_schema(s, &header, e);
    if (rc == 0)
        rc = store_check_secret(s, &header, "checkpoint", e);
    if (rc == 0)
        rc = image_format(&s->image, &s->spec, header.secret, e);
    if (rc == 0)
        rc = store_checkpoint_load(fd, &header, &s->image, s->spec.beats, e);
    *ret_seq = header.start_seq;
    (void)close(fd);
    return rc;
}

/*
 * Cuts off the piece of a group at the end of a log, and keeps a copy as evidence. It was never
 * acked, unless the disk has damaged what was written; then the copy will be needed.
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
    return rc == 0 ? cut(s, fd, file_len, len, e) : rc;
}

/*
 * Makes the last group safe before we act on it. The process that wrote it may have been killed
 * before it synced, or its sync may have failed, after which the kernel regards the page as clean.
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

static int settle_end(const struct store *s, int fd, uint64_t number, uint64_t tail, uint64_t len,
                      struct err *e)
{
    int rc = cut_torn_end(s, fd, number, len, e);
    return rc == 0 && s->durable ? write_again(fd, tail, len, e) : rc;
}

static int note_torn_end(struct store *s, int fd, uint64_t len, struct err *e)
{
    uint64_t file_len;
    int rc = file_length(fd, &file_len, e);
    s->torn = rc == 0 && file_len != len;
    return rc;
}

/* Applies one log, which must begin where the state before it ends. Leaves the newest one open. */
static int replay_log(struct store *s, uint64_t number, bool newest, seq_number *seq,
                      uint64_t *ret_len, struct err *e)
{
    struct store_file_header header;
    uint64_t tail = 0;
    int fd;
    int rc = store_log_open(s->dir_fd, number, &fd, &header, e);
    if (rc != 0)
        return rc;
    rc = store_check_schema(s, &header, e);
    if (rc == 0)
        rc = store_check_secret(s, &header, "log", e);
    if (rc == 0 && s->checkpoint_number == 0 && number == 1)
        rc = image_format(&s->image, &s->spec, header.secret, e);
    if (rc == 0 && memcmp(header.secret, image_secret(&s->image), STORE_SECRET_BYTES) != 0)
        rc = refuse_secret(number, "log", e);
    /* The very first log says after which seq the store begins. */
    if (rc == 0 && s->checkpoint_number == 0 && number == 1)
        *seq = header.start_seq;
    if (rc == 0 && header.start_seq != *seq)
        rc = err_set(
            e, ERR_CORRUPT,
            "store.%llu.log begins at seq %llu, but the state before it ends at %llu (offset %u)",
            (unsigned long long)number, (unsigned long long)header.start_seq,
            (unsigned long long)*seq, STORE_HEADER_START_SEQ_OFFSET);
    if (rc == 0)
        rc =
            store_log_replay(fd, &header, newest, &s->image, s->spec.beats, ret_len, seq, &tail, e);
    if (rc == 0 && newest)
        rc = s->read_only ? note_torn_end(s, fd, *ret_len, e)
                          : settle_end(s, fd, number, tail, *ret_len, e);
    if (rc != 0 || !newest) {
        (void)close(fd);
        return rc;
    }
    s->log_fd = fd;
    s->log_nonce = header.nonce;
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
 * A log above that of the image was created but not yet used when the process was killed. It is
 * empty, and would not continue what is added to the older log from now on.
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

/* Finds the last seq at which a group is ahead. */
static void find_level(struct store *s)
{
    for (unsigned group = 0; group < KEY_GROUPS; group++) {
        if (image_position(&s->image, group) > s->level)
            s->level = image_position(&s->image, group);
    }
}

static int open_state(struct store *s, struct err *e)
{
    struct store_files files;
    int rc = store_files_find(s->dir_fd, &files, e);
    if (rc != 0)
        return rc;
    bool is_empty = files.log_last == 0 && files.checkpoint == 0;
    s->checkpoint_number = files.checkpoint;
    if (image_attach(&s->image, &s->spec) && attach_log(s, e) == 0)
        rc = remove_unbegun_logs(s, files.log_last, e);
    else if (is_empty && s->read_only)
        rc = format_empty(s, e);
    else
        rc = is_empty ? create_empty(s, e) : rebuild(s, &files, e);
    if (rc == 0)
        find_level(s);
    return rc;
}

static struct store *store_new(int dir_fd, const struct store_spec *spec)
{
    struct store *s = memory_new(1, sizeof *s);
    s->redo_marks.item_bytes = sizeof(struct redo_mark);
    s->dir_fd = dir_fd;
    s->spec = *spec;
    s->log_fd = -1;
    s->checkpoint.fd = -1;
    store_expiry_init(&s->expiry, spec->beats);
    return s;
}

int store_open(int dir_fd, int image_fd, const struct store_spec *spec, bool durable,
               struct store **ret_store, struct err *e)
{
    struct store *s = store_new(dir_fd, spec);
    s->durable = durable;
    int rc = image_init(&s->image, image_fd, spec, e);
    /* The last process may have been killed before it synced files it created or removed. */
    if (rc == 0 && durable)
        rc = file_sync_dir(dir_fd, e);
    if (rc == 0)
        rc = open_state(s, e);
    if (rc == 0)
        image_bound_private(&s->image); /* not done yet if the image was complete already */
    if (rc == 0)
        rc = store_files_remove_below(dir_fd, s->checkpoint_number, e);
    if (rc == 0 && store_committed(s) < spec->begins_after)
        rc = store_commit(s, spec->begins_after, e);
    if (rc != 0) {
        store_close(s);
        return rc;
    }
    *ret_store = s;
    return 0;
}

int store_load(int dir_fd, const struct store_spec *spec, struct store **ret_store, bool *ret_torn,
               struct err *e)
{
    struct store *s = store_new(dir_fd, spec);
    s->read_only = true;
    int rc = image_init(&s->image, -1, spec, e);
    if (rc == 0)
        rc = open_state(s, e);
    if (rc != 0) {
        store_close(s);
        return rc;
    }
    *ret_torn = s->torn;
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
    store_expiry_done(&s->expiry);
    buf_done(&s->scratch);
    seq_queue_done(&s->redo_marks);
    free(s);
}
