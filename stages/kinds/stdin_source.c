/* SPDX-License-Identifier: MIT */
/*
 * stdin.source: reads the records of standard input, by way of a journal.
 *
 * read_record() emits the records that the journal holds. When none is left, it takes in more
 * input: what is available, but at most a block. So the journal is never far ahead of what was
 * emitted, and input that is not needed yet stays in the pipe. Where the topology marks the end of
 * the input, the journal holds that end like a record.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/bytes.h"
#include "common/check.h"
#include "common/memory.h"
#include "stages/journal/journal.h"
#include "stages/journal/stage_input.h"
#include "stages/kinds/kinds.h"
#include "stages/kit/record_formats.h"
#include "stages/kit/record_notes.h"
#include "stages/kit/source_marks.h"
#include "stages/kit/terminal_input.h"
#include "stages/stage.h"
#include "stages/store/cursor.h"

#define CURSOR_MAGIC 0x4e4a4842u /* "BHJN" */

/* Offsets in the cursor's payload. */
enum {
    AT_SEQ = 0,
    AT_OFFSET = 8,
    AT_LINE = 16,
    AT_UNREADABLE = 24,
};

/* How often to check whether the run is in the foreground of its terminal again. */
#define BACKGROUND_LOOK_MS 200

struct stdin_source {
    const struct stage_input *input;
    void (*note)(const char *text);
    bool in_background; /* of the terminal that is the input: what is typed there is for others */
    bool is_null;
    struct journal *journal;
    struct record_reader records;
    struct cursor cursor;
    struct source_mark at; /* after the last record that was emitted */
    struct source_mark committed;
    struct source_marks marks;
    bool marks_end; /* the end of the input is emitted */
    bool ended;     /* the input is at its end */
    bool draining;  /* nothing more must be taken in */
    /* The last record with a byte that cannot begin a value; 0: unknown. */
    uint64_t lost_begin, lost_end;
    bool noted_no_map; /* the note about msgpack values that are not maps was made */
};

static const struct option_spec specs[] = {
    RECORD_FORMAT_OPTIONS,
    {0},
};

static int preflight(const struct topology *topology, const struct stage *stage, struct err *e)
{
    (void)topology;
    (void)stage;
    return stage_input_check(STDIN_FILENO, e);
}

static void close_source(void *opaque)
{
    struct stdin_source *self = opaque;
    journal_free(self->journal);
    cursor_close(&self->cursor);
    record_reader_done(&self->records);
    source_marks_done(&self->marks);
    free(self);
}

static void note_cut(const struct stage_env *env, uint64_t bytes)
{
    char text[512];
    (void)snprintf(text, sizeof text,
                   "a power failure or crash of the host interrupted the writing of input: no "
                   "stage is known to have used the last %" PRIu64
                   " byte%s of the journal, and %s cannot be verified; %s "
                   "cut off, and kept in stages/%s/journal.*.torn",
                   bytes, bytes == 1 ? "" : "s", bytes == 1 ? "it" : "they",
                   bytes == 1 ? "it is" : "they are", env->stage->name);
    env->note(text);
}

static int open_journal(struct stdin_source *self, const struct stage_env *env, bool begins,
                        struct err *e)
{
    struct journal_config config = {
        .dir_fd = env->state_fd,
        .owner = journal_owner(env->topology->name, env->stage->name),
        .packed = record_format_chosen(env->stage->options) == RECORDS_MSGPACK,
        .durable = env->durable,
        .beats = env->beats,
        .stream = env->input->stream,
        .stream_kept = env->input->kept,
        .acked = {.seq = self->at.seq, .line = self->at.line, .offset = self->at.offset},
        .begins = begins};
    int rc = journal_boot_id(config.boot, e);
    if (rc == 0)
        rc = journal_open(&config, &self->journal, e);
    if (rc != 0)
        return err_wrap(e, "stages/%s", env->stage->name);
    if (journal_cut_bytes(self->journal) != 0)
        note_cut(env, journal_cut_bytes(self->journal));
    return 0;
}

static int put_cursor(struct stdin_source *self, const struct source_mark *mark, struct err *e)
{
    uint8_t payload[CURSOR_PAYLOAD_BYTES] = {0};
    bytes_put_u64(payload + AT_SEQ, mark->seq);
    bytes_put_u64(payload + AT_OFFSET, mark->offset);
    bytes_put_u64(payload + AT_LINE, mark->line);
    bytes_put_u32(payload + AT_UNREADABLE, mark->unreadable ? 1 : 0);
    return cursor_write(&self->cursor, CURSOR_MAGIC, payload, e);
}

/* Reports a text and frees it. Does nothing if it is NULL. */
static void say(const struct stdin_source *self, char *text)
{
    if (text != NULL)
        self->note(text);
    free(text);
}

#define LOST_WHY "because of the dead letter with the reason lost-framing"

/* Reported at once, because the stream may never end. */
static void note_lost(const struct stdin_source *self)
{
    if (self->lost_end == 0)
        say(self, memory_format("standard input: the rest of the stream is discarded, " LOST_WHY));
    else
        say(self, memory_format("standard input: the rest of the stream, from offset %" PRIu64
                                " of everything read from it on, is discarded, " LOST_WHY
                                " (its record begins at offset %" PRIu64 ")",
                                self->lost_end, self->lost_begin));
}

/* Reports what was discarded after a byte that cannot begin a packed record. */
static void note_rest(const struct stdin_source *self)
{
    if (!self->at.unreadable || !self->records.format->is_chain)
        return;
    if (self->lost_end == 0)
        say(self, memory_format("standard input: what came after the dead letter with the reason "
                                "lost-framing, up to offset %" PRIu64
                                " of everything read from it, was discarded",
                                self->at.offset));
    else if (self->at.offset != self->lost_end)
        say(self, memory_format("standard input: what came from offset %" PRIu64 " to %" PRIu64
                                " of everything read from it was discarded, " LOST_WHY,
                                self->lost_end, self->at.offset));
}

/* Reports what the user must know about a faulty record beyond its dead letter. */
static void note_fault(struct stdin_source *self, const struct record_cut *cut)
{
    if (cut->fault == RECORD_LOST) {
        self->lost_end = self->records.offset;
        self->lost_begin = self->lost_end - cut->whole_len;
        note_lost(self);
    } else if (cut->fault == RECORD_NO_MAP && !self->noted_no_map) {
        self->noted_no_map = true;
        say(self, record_note_no_map(&self->records, cut, "standard input"));
    }
}

static int open_source(const struct stage_env *env, void **ret_self, struct err *e)
{
    struct stdin_source *self = memory_new(1, sizeof *self);
    self->input = env->input;
    self->note = env->note;
    self->marks_end = env->topology->marks_end;
    self->is_null = stage_input_is_null(env->input);
    self->cursor.fd = -1;
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    bool found = false;
    int rc =
        cursor_open(&self->cursor, env->state_fd, CURSOR_MAGIC, env->durable, payload, &found, e);
    if (rc == 0 && found)
        self->at = (struct source_mark){.seq = bytes_get_u64(payload + AT_SEQ),
                                        .offset = bytes_get_u64(payload + AT_OFFSET),
                                        .line = bytes_get_u64(payload + AT_LINE),
                                        .unreadable = bytes_get_u32(payload + AT_UNREADABLE) != 0};
    if (self->at.seq < env->begins_after)
        self->at.seq = env->begins_after;
    if (rc == 0)
        rc = open_journal(self, env, !found, e);
    if (rc != 0) {
        close_source(self);
        return rc;
    }
    self->committed = self->at;
    if (!found && (rc = put_cursor(self, &self->at, e)) != 0) {
        close_source(self);
        return rc;
    }
    record_format_open(env->stage->options, journal_read, journal_begins_stream, self->journal,
                       &self->records);
    self->records.is_stream = true;
    record_reader_set(&self->records, self->at.offset, 0, self->at.unreadable);
    if (self->records.format->is_chain && self->at.unreadable)
        note_lost(self);
    *ret_self = self;
    return 0;
}

/* Whether what is typed is for others now. Reports it when that begins. */
static bool is_in_background(struct stdin_source *self)
{
    bool was = self->in_background;
    self->in_background = terminal_is_elsewhere(self->input->fd);
    if (self->in_background && !was)
        self->note("standard input is a terminal, and this run is in its background: nothing is "
                   "read until it is in the foreground (fg)");
    return self->in_background;
}

/* Moves the available input into our own pipe. */
static int relay(struct stdin_source *self, struct err *e)
{
    const struct stage_input *input = self->input;
    struct pollfd ready = {.fd = input->fd, .events = POLLIN};
    if (is_in_background(self) || poll(&ready, 1, 0) == 0)
        return ERR_AGAIN;
    ssize_t n = splice(input->fd, NULL, input->relay_write_fd, NULL, JOURNAL_BLOCK_BYTES,
                       SPLICE_F_NONBLOCK);
    if (n > 0)
        return 0;
    if (n == 0)
        return ERR_END;
    if (errno == EAGAIN || errno == EINTR)
        return ERR_AGAIN;
    if (errno == EINVAL && terminal_is_gone(input->fd))
        return err_set(e, ERR_MISMATCH,
                       "standard input was a terminal that is gone; what was read is safe, and the "
                       "next run continues after it");
    if (errno == EINVAL)
        return err_set(e, ERR_MISMATCH,
                       "splice(2) cannot move standard input, and without that a kill would lose "
                       "input; put 'cat |' in front");
    return err_set_errno(e, "cannot read standard input");
}

/* Takes in more input. Returns 0, ERR_AGAIN, ERR_END, or an error. */
static int take(struct stdin_source *self, struct err *e)
{
    if (self->is_null)
        return ERR_END;
    if (self->input->relay_read_fd < 0)
        return journal_take(self->journal, self->input->fd, e);
    /* What an earlier process left in our pipe comes first. */
    int rc = journal_take(self->journal, self->input->relay_read_fd, e);
    if (rc == ERR_AGAIN)
        rc = relay(self, e);
    return rc;
}

static int take_or_end(struct stdin_source *self, struct err *e)
{
    if (self->ended)
        return ERR_END;
    if (self->draining) {
        /* Input that was already moved is in our own pipe, which ends with the run. */
        int relay_rc = self->is_null || self->input->relay_read_fd < 0
                           ? ERR_AGAIN
                           : journal_take(self->journal, self->input->relay_read_fd, e);
        if (relay_rc != ERR_AGAIN && relay_rc != ERR_END)
            return relay_rc;
        int flush_rc = journal_flush(self->journal, e);
        return flush_rc == ERR_AGAIN ? ERR_END : flush_rc;
    }
    int rc = take(self, e);
    if (rc != ERR_END)
        return rc;
    /* The last record may lack its terminator. */
    rc = journal_end(self->journal, e);
    if (rc == 0 && self->marks_end)
        rc = journal_mark_end(self->journal, e);
    self->ended = rc == 0;
    if (self->ended)
        note_rest(self);
    return rc;
}

static int write_cursor(struct stdin_source *self, const struct source_mark *mark, struct err *e)
{
    int rc = put_cursor(self, mark, e);
    if (rc != 0)
        return rc;
    self->committed = *mark;
    return journal_trim(self->journal, mark->offset, mark->seq, e);
}

/*
 * Input without a record is never acked. If there is much of it, the cursor moves past it here;
 * otherwise the journal would be kept for long.
 */
static int pass_blanks(struct stdin_source *self, struct err *e)
{
    bool is_acked = self->at.seq == self->committed.seq;
    bool is_much = self->at.offset - self->committed.offset >= JOURNAL_SEGMENT_BYTES;
    return is_acked && is_much ? write_cursor(self, &self->at, e) : 0;
}

/* Finds the next record, or the end of the input, and moves past it. */
static int next_record(struct stdin_source *self, struct record_cut *cut, bool *ret_ends,
                       struct err *e)
{
    *ret_ends = false;
    for (unsigned blanks = 0, takes = 0;; blanks++) {
        if (takes == SOURCE_READS_PER_TURN || blanks == SOURCE_BLANKS_PER_TURN)
            return ERR_UNFINISHED;
        int rc = record_reader_next(&self->records, cut, e);
        if (rc == ERR_AGAIN) {
            rc = take_or_end(self, e);
            takes++;
        } else if (rc == ERR_END) {
            /* Otherwise a stream or an input ended here that is already acked. */
            *ret_ends = journal_marked(self->journal) == self->at.seq + 1;
            self->at.seq += *ret_ends ? 1 : 0;
            if (*ret_ends)
                return 0;
            rc = 0;
        } else if (rc == 0) {
            self->at.line += cut->rest ? 0 : 1;
            self->at.seq += cut->blank ? 0 : 1;
            self->at.offset = self->records.offset;
            self->at.unreadable = self->records.unreadable;
            if (!cut->blank)
                return 0;
            rc = pass_blanks(self, e);
            /* A broken stream may be followed by very much: let other work run. */
            if (rc == 0 && cut->rest)
                return ERR_UNFINISHED;
        }
        if (rc != 0)
            return rc;
    }
}

static int read_record(void *opaque, struct emitter *out, struct err *e)
{
    struct stdin_source *self = opaque;
    struct record_cut cut;
    bool ends;
    int rc = next_record(self, &cut, &ends, e);
    if (rc != 0) {
        /* There is nothing more to read now, or very much was read of one record. */
        if (rc == ERR_AGAIN || self->records.skipped >= JOURNAL_SEGMENT_BYTES)
            say(self, record_note_overlong(&self->records, "standard input"));
        return rc;
    }
    emitter_at(out, self->at.seq, self->at.line);
    if (ends)
        emitter_end(out);
    else
        record_emit(&self->records, &cut, out);
    if (!ends && cut.fault != RECORD_GOOD)
        note_fault(self, &cut);
    if (self->at.seq % SOURCE_RECORDS_PER_MARK == 0)
        source_marks_add(&self->marks, &self->at);
    return 0;
}

static void wait_for_input(const void *opaque, struct pollfd *ret_sign, int *ret_timeout_ms)
{
    const struct stdin_source *self = opaque;
    int fd = self->in_background ? -1 : self->input->fd;
    *ret_sign = (struct pollfd){.fd = fd, .events = POLLIN};
    *ret_timeout_ms = self->in_background ? BACKGROUND_LOOK_MS : -1;
}

static void drain(void *opaque)
{
    ((struct stdin_source *)opaque)->draining = true;
}

static int peer_has(void *opaque, const char *name, seq_number seq, struct err *e)
{
    seq_number last = journal_last(((const struct stdin_source *)opaque)->journal);
    if (seq <= last)
        return 0;
    return err_set(e, ERR_CORRUPT,
                   "stage '%s' has record %" PRIu64
                   ", but the journal of the input ends with record %" PRIu64
                   ": its end is lost; restore the state directory as a whole",
                   name, seq, last);
}

static seq_number position(const void *opaque)
{
    return ((const struct stdin_source *)opaque)->at.seq;
}

static int commit(void *opaque, seq_number seq, struct err *e)
{
    struct stdin_source *self = opaque;
    REQUIRE(seq <= self->at.seq);
    struct source_mark reached = self->committed;
    (void)source_marks_find(&self->marks, seq, &reached);
    if (seq == self->at.seq)
        reached = self->at;
    bool moved = reached.offset != self->committed.offset || reached.seq != self->committed.seq;
    int rc = moved ? write_cursor(self, &reached, e) : 0;
    if (rc == 0)
        source_marks_drop(&self->marks, seq);
    return rc;
}

static void progress(const void *opaque, uint64_t *ret_done, uint64_t *ret_total)
{
    *ret_done = ((const struct stdin_source *)opaque)->at.offset;
    *ret_total = 0; /* unknown */
}

const struct stage_ops stdin_source_ops = {
    .preflight = preflight,
    .open = open_source,
    .close = close_source,
    .read = read_record,
    .drain = drain,
    .peer_has = peer_has,
    .wait = wait_for_input,
    .position = position,
    .commit = commit,
    .progress = progress,
};

const struct kind stdin_source_kind = {
    .name = "stdin.source",
    .summary = "reads records from standard input",
    .manual =
        "Reads standard input to its end, or until the run is stopped: line by line, or as a "
        "sequence of msgpack values, each of which must be a map. All input is written to a "
        "journal in the state directory before any record is made of it, so it survives every "
        "kill; `bulkhead journal` shows it. Lines end with LF or CRLF; the last one may have "
        "neither. Blank lines are skipped, and so is a byte order mark at the beginning. After a "
        "byte that cannot begin a msgpack value, the rest of the input is not read. What a later "
        "run reads follows what this one has read.",
    .role = KIND_SOURCE,
    .takes_stdin = true,
    .lines = KIND_LINES_READ,
    .reads = "nothing",
    .makes = RECORD_FORMATS_MAKE,
    .reasons = record_format_reasons,
    .options = specs,
    .derive = record_formats_derive,
    .cursor_magic = CURSOR_MAGIC,
};
