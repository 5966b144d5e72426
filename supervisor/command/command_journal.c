/* SPDX-License-Identifier: MIT */
/*
 * journal: shows what a source has read and still keeps. The command only reads and takes no lock,
 * so it works while a supervisor runs. A segment that disappears meanwhile was acked, and bytes
 * without a header at the end of the last segment are just being written.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/count.h"
#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"
#include "common/value_json.h"
#include "stages/journal/journal.h"
#include "stages/journal/journal_owner.h"
#include "stages/journal/journal_tail.h"
#include "stages/kit/line_records.h"
#include "supervisor/command/command.h"
#include "supervisor/run/state_dir.h"

struct reading {
    const char *file;
    const char *state_path;
    bool print, verify;
    uint64_t from, to;
    int dir_fd;
    uint64_t owner;
    uint8_t boot[JOURNAL_BOOT_BYTES]; /* the boot id of this host now */
    bool boot_known;
    uint8_t *payload;
    enum journal_tail tail; /* of the current segment, if it is the last */
    struct buf carry;       /* the unfinished record, as far as it will be shown */
    bool carry_known;       /* the beginning of the unfinished record was seen */
    uint64_t ends;          /* number of ends of an input in the current segment */
    bool failed;            /* something did not verify, and was reported */
    bool printing_failed;
    struct buf out;
};

static int parse_seq(const char *option, const char *text, uint64_t *ret_seq)
{
    int64_t number;
    if (text_parse_int(text, &number) != 0 || number < 1) {
        log_line(LOG_ERROR, "--%s takes the seq of a record, 1 or more, not '%s'", option, text);
        return EXIT_USAGE;
    }
    *ret_seq = (uint64_t)number;
    return EXIT_OK;
}

enum { JOURNAL_STATE, JOURNAL_PRINT, JOURNAL_FROM, JOURNAL_TO, JOURNAL_VERIFY };

static const struct command_option options[] = {
    [JOURNAL_STATE] = COMMAND_OPTION_STATE,
    [JOURNAL_PRINT] = {"print", NULL, "print the records: seq, line number, content",
                       COMMAND_OPTION_ALONE},
    [JOURNAL_FROM] = {"from", "SEQ", "with --print: the first record; default: the first one kept",
                      COMMAND_OPTION_WITH},
    [JOURNAL_TO] = {"to", "SEQ", "with --print: the last record; default: the last one kept",
                    COMMAND_OPTION_WITH},
    [JOURNAL_VERIFY] = {"verify", NULL, "check every block; print a line if all verify",
                        COMMAND_OPTION_ALONE},
    {0}};

const struct command_syntax command_journal_syntax = {
    "journal", COMMAND_OPERAND_TOPOLOGY, "show what is kept of standard input", options};

struct taken {
    struct reading *reading;
    bool range; /* --from or --to is given */
};

static int take_option(void *context, size_t option, const char *value)
{
    struct taken *taken = context;
    struct reading *r = taken->reading;
    taken->range |= option == JOURNAL_FROM || option == JOURNAL_TO;
    if (option == JOURNAL_FROM)
        return parse_seq("from", value, &r->from);
    if (option == JOURNAL_TO)
        return parse_seq("to", value, &r->to);
    if (option == JOURNAL_STATE)
        r->state_path = value;
    r->print |= option == JOURNAL_PRINT;
    r->verify |= option == JOURNAL_VERIFY;
    return EXIT_OK;
}

static int parse_arguments(int argc, char **argv, struct reading *r)
{
    struct taken taken = {.reading = r};
    int code = command_parse(&command_journal_syntax, argc, argv, take_option, &taken, &r->file);
    if (code != EXIT_OK)
        return code;
    if (taken.range && !r->print)
        log_line(LOG_ERROR, "--from and --to select what --print prints; add --print");
    else if (r->from > r->to)
        log_line(LOG_ERROR, "--from %" PRIu64 " is after --to %" PRIu64, r->from, r->to);
    else
        return EXIT_OK;
    return command_usage(&command_journal_syntax);
}

/* Writes what has been collected, so that the memory used does not depend on the journal. */
static void flush(struct reading *r)
{
    if (command_print(&r->out, EXIT_OK) != EXIT_OK)
        r->printing_failed = true;
    buf_reset(&r->out);
}

/* Removes a byte order mark from the beginning of a line. */
static void drop_mark(struct buf *out, size_t begin)
{
    if (out->len - begin < LINE_MARK_BYTES ||
        memcmp(out->data + begin, LINE_MARK, LINE_MARK_BYTES) != 0)
        return;
    out->len -= LINE_MARK_BYTES;
    memmove(out->data + begin, out->data + begin + LINE_MARK_BYTES, out->len - begin);
}

/* Adds the line in the carry, which has no newline. */
static void add_line(struct reading *r, const struct journal_state *state)
{
    size_t begin = r->out.len;
    buf_add(&r->out, r->carry.data, r->carry.len);
    if (state->first && r->carry_known)
        drop_mark(&r->out, begin);
    if (r->out.data[r->out.len - 1] == '\r')
        r->out.len--;
}

/* Prints the record in the carry, which follows `state`. */
static void print_record(struct reading *r, const struct journal_state *state)
{
    if (state->next_seq < r->from || state->next_seq > r->to)
        return;
    buf_add_format(&r->out, "%" PRIu64 "\t%" PRIu64 "\t%s", state->next_seq, state->lines + 1,
                   r->carry_known ? "" : "…");
    if (state->packed)
        value_write_base64(r->carry.data, r->carry.len, &r->out);
    else
        add_line(r, state);
    buf_add_byte(&r->out, '\n');
    if (r->out.len >= JOURNAL_BLOCK_BYTES)
        flush(r);
}

/* Moves past the line or packed record in the carry, and prints it if it is a record. */
static void pass_record(struct reading *r, struct journal_state *state,
                        const struct journal_state *after)
{
    if (after->next_seq != state->next_seq)
        print_record(r, state);
    *state = *after;
    buf_reset(&r->carry);
    r->carry_known = true;
}

/* Prints the end of an input, which is a record without bytes. */
static void print_end(struct reading *r, const struct journal_block *block)
{
    seq_number seq = block->before.next_seq;
    if (seq >= r->from && seq <= r->to)
        buf_add_format(&r->out, "%" PRIu64 "\t-\tend of the input\n", seq);
}

/* Prints the records that a block completes. */
static void print_block(struct reading *r, const struct journal_block *block)
{
    struct journal_state state = block->before;
    if (block->marks) {
        print_end(r, block);
        return;
    }
    if (block->ends) {
        pass_record(r, &state, &block->after);
        return;
    }
    size_t used;
    for (size_t at = 0; at < block->len; at += used) {
        struct journal_state after = state;
        bool ends = journal_state_take(&after, r->payload + at, block->len - at, &used);
        bool newline = ends && !state.packed;
        /* A line longer than any record is a dead letter: its beginning is enough. */
        if ((ends || r->carry.len + used <= LINE_BYTES_MAX) && !state.lost)
            buf_add(&r->carry, r->payload + at, used - (newline ? 1 : 0));
        if (ends)
            pass_record(r, &state, &after);
        else
            state = after;
    }
}

static void complain(struct reading *r, const struct err *e)
{
    log_line(LOG_ERROR, "%s", e->text);
    r->failed = true;
}

/*
 * Reads the block at the end of the last segment, if it has been written meanwhile. If not, judges
 * whether the next start would accept the bytes that are there. They may be in the middle of being
 * written, so they are read twice before they are reported as damaged.
 */
static int read_tail(struct reading *r, const struct journal_segment *s, uint64_t at,
                     const struct journal_state *state, struct journal_block *block, struct err *e)
{
    bool same_boot = !r->boot_known || memcmp(s->boot, r->boot, sizeof s->boot) == 0;
    uint64_t landed;
    int rc = 0;
    for (int tries = 0; tries < 2; tries++) {
        rc = journal_segment_read(s, at, state, r->payload, block, e);
        if (rc == 0)
            return 0;
        rc = journal_tail_judge(s, at, state, same_boot, rc, r->payload, &r->tail, &landed, e);
        if (rc == 0)
            return ERR_END;
    }
    return rc;
}

/* Reads all blocks of a segment; *ret_end is the state after the last one. */
static void read_blocks(struct reading *r, const struct journal_segment *s, bool last,
                        struct journal_state *ret_end, uint64_t *ret_at)
{
    uint64_t at = JOURNAL_HEADER_BYTES;
    struct journal_state state = s->begin;
    struct journal_block block;
    struct err e;
    int rc;
    r->ends = 0;
    r->tail = JOURNAL_TAIL_CLEAN;
    for (;;) {
        rc = last ? read_tail(r, s, at, &state, &block, &e)
                  : journal_segment_read(s, at, &state, r->payload, &block, &e);
        if (rc != 0)
            break;
        if (r->print)
            print_block(r, &block);
        r->ends += block.marks ? 1 : 0;
        at = journal_block_end(&block);
        state = block.after;
    }
    if (rc == ERR_AGAIN && !last)
        rc = err_set(&e, ERR_CORRUPT,
                     "%s does not verify at offset %" PRIu64 ": a block is missing", s->name, at);
    if (rc != ERR_END)
        complain(r, &e);
    *ret_end = state;
    *ret_at = at;
}

static void list_segment(struct reading *r, const struct journal_segment *s, bool last,
                         const struct journal_state *end, uint64_t at)
{
    uint64_t file_len = 0;
    struct err e;
    const char *unit = s->begin.packed ? "packed record" : "line";
    const char *units = s->begin.packed ? "packed records" : "lines";
    (void)file_length(s->fd, &file_len, &e);
    buf_add_format(&r->out, "%-18s ", s->name);
    char range[COUNT_RANGE_BYTES];
    if (end->next_seq > s->begin.next_seq)
        buf_add_format(
            &r->out, "%s, ",
            count_range(s->begin.next_seq, end->next_seq - 1, "record", "records", range));
    else
        buf_add_text(&r->out, "no records, ");
    if (r->ends != 0)
        buf_add_format(&r->out, "%" PRIu64 " of them the end of an input, ", r->ends);
    if (end->lines > s->begin.lines)
        buf_add_format(&r->out, "%s, ",
                       count_range(s->begin.lines + 1, end->lines, unit, units, range));
    else
        buf_add_format(&r->out, "no %s, ", units);
    uint64_t bytes = end->offset - s->begin.offset;
    buf_add_format(&r->out, "%" PRIu64 " %s, ", bytes, count_word(bytes, "byte", "bytes"));
    if (last && end->carry != 0)
        buf_add_format(&r->out, "%" PRIu64 " of them of an unfinished %s, ", end->carry, unit);
    if (last && r->tail == JOURNAL_TAIL_TORN)
        buf_add_format(&r->out,
                       "%" PRIu64 " %s torn by a power failure, which the next start cuts off, ",
                       file_len - at, count_word(file_len - at, "byte", "bytes"));
    else if (last && file_len > at)
        buf_add_text(&r->out, "a block is being written, ");
    buf_add_text(&r->out, last ? "in use\n" : "goes when acked\n");
}

static void read_segments(struct reading *r, const uint64_t *numbers, size_t count)
{
    struct journal_state end = {0};
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        struct journal_segment s;
        struct err e;
        uint64_t at;
        int rc = journal_segment_open(r->dir_fd, numbers[i], O_RDONLY, &s, &e);
        if (rc == ERR_NOT_FOUND && !any)
            continue; /* it was acked after it was listed */
        if (rc == 0 && !journal_is_owned(r->dir_fd, s.owner, r->owner))
            rc = err_set(&e, ERR_MISMATCH, "%s belongs to another topology or stage", s.name);
        if (rc == 0 && any && !journal_segment_follows(&s, &end))
            rc = err_set(&e, ERR_CORRUPT, "%s does not continue the segment before it", s.name);
        if (rc != 0) {
            complain(r, &e);
            return;
        }
        if (!any)
            r->carry_known = s.begin.carry == 0;
        any = true;
        read_blocks(r, &s, i + 1 == count, &end, &at);
        if (!r->print)
            list_segment(r, &s, i + 1 == count, &end, at);
        (void)close(s.fd);
        if (r->failed)
            return;
    }
    if (!r->print && !any)
        buf_add_text(&r->out, "the journal is empty\n");
}

/* Opens the directory of the stage that reads standard input. */
static int open_stage(struct reading *r, const struct topology *t)
{
    const struct stage *stage = NULL;
    for (size_t i = 0; i < t->stage_count && stage == NULL; i++) {
        if (t->stages[i].kind->takes_stdin)
            stage = &t->stages[i];
    }
    if (stage == NULL) {
        log_line(LOG_ERROR, "topology '%s' has no stage with a journal", t->name);
        return EXIT_REFUSED;
    }
    char *root = r->state_path == NULL ? state_dir_root() : NULL;
    if (r->state_path == NULL && root == NULL) {
        log_line(LOG_ERROR, "there is no default state directory; use --state DIR");
        return EXIT_REFUSED;
    }
    char *path = r->state_path != NULL
                     ? memory_format("%s/stages/%s", r->state_path, stage->name)
                     : memory_format("%s/%s/stages/%s", root, t->name, stage->name);
    struct err e;
    int rc = file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &r->dir_fd, &e);
    if (rc != 0)
        log_line(LOG_ERROR, "%s", e.text);
    r->owner = journal_owner(t->name, stage->name);
    free(path);
    free(root);
    return rc == 0 ? EXIT_OK : EXIT_REFUSED;
}

static int read_journal(struct reading *r)
{
    uint64_t *numbers = NULL;
    size_t count = 0;
    struct err e;
    if (journal_segment_list(r->dir_fd, &numbers, &count, &e) != 0) {
        log_line(LOG_ERROR, "%s", e.text);
        return EXIT_REFUSED;
    }
    r->payload = memory_new(JOURNAL_BLOCK_BYTES, 1);
    r->boot_known = journal_boot_id(r->boot, &e) == 0;
    if (!r->boot_known)
        log_line(LOG_WARNING,
                 "%s; what a power failure has torn cannot be distinguished from damage", e.text);
    read_segments(r, numbers, count);
    if (r->verify && !r->failed)
        buf_add_text(&r->out, "every block verifies\n");
    flush(r);
    buf_done(&r->out);
    buf_done(&r->carry);
    free(r->payload);
    free(numbers);
    return r->failed ? EXIT_REFUSED : r->printing_failed ? EXIT_FAILED : EXIT_OK;
}

int command_journal(kind_registry kinds, int argc, char **argv)
{
    struct reading r = {.from = 1, .to = UINT64_MAX, .dir_fd = -1};
    int code = parse_arguments(argc, argv, &r);
    if (code != EXIT_OK)
        return code;
    struct topology_source source;
    struct topology *topology = NULL;
    code = command_load_topology(kinds, r.file, NULL, TOPOLOGY_PROCESSES, &source, &topology);
    if (code == EXIT_OK)
        code = open_stage(&r, topology);
    if (code == EXIT_OK)
        code = read_journal(&r);
    if (r.dir_fd >= 0)
        (void)close(r.dir_fd);
    topology_free(topology);
    topology_source_done(&source);
    return code;
}
