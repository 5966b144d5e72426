/* SPDX-License-Identifier: MIT */
#include "supervisor/run/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "common/count.h"
#include "common/table.h"
#include "common/text.h"
#include "topology/timeline.h"

#define BAR_CELLS 24u

/* Joins lines into one: newlines become " | ". */
static void join_lines(const uint8_t *bytes, size_t len, struct buf *out)
{
    const uint8_t *newline;
    while ((newline = memchr(bytes, '\n', len)) != NULL) {
        size_t line_len = (size_t)(newline - bytes);
        text_printable(bytes, line_len, line_len, out);
        buf_add_text(out, " | ");
        bytes += line_len + 1;
        len -= line_len + 1;
    }
    text_printable(bytes, len, len, out);
}

void status_last_words(const void *words, size_t len, char *ret_text, size_t size)
{
    REQUIRE(size > 0);
    const uint8_t *bytes = words;
    size_t end = len, start = 0;
    while (end > 0 && bytes[end - 1] == '\n')
        end--;
    struct buf line = {0};
    for (;;) {
        buf_reset(&line);
        while (start < end && bytes[start] == '\n')
            start++; /* no separator before the first line */
        if (end > start)
            join_lines(bytes + start, end - start, &line);
        if (line.len < size)
            break;
        /* A byte becomes at most four (\\xNN), so this drops little more than necessary. */
        size_t excess = line.len - size + 1;
        start += excess / 4 + 1;
    }
    memcpy(ret_text, buf_text(&line), line.len + 1);
    buf_done(&line);
}

/* Adds the state of a stage, or the resource that it lacks. */
static void add_state(struct table *table, const struct status_stage *stage)
{
    if (stage->paused && stage->killed_for.len == 0)
        table_add(table, "no %s", stage->wants);
    else
        table_add(table, "%s", stage->state);
}

static void write_stages(const struct status_snapshot *snapshot, struct buf *out)
{
    static const char *const head[] = {"stage", "state", "pid",      "gen", "in hand",
                                       "acked", "dead",  "restarts", "MiB", NULL};
    struct table table;
    table_init(&table, sizeof head / sizeof head[0] - 1, 2);
    table_add_texts(&table, head);
    for (size_t i = 0; i < snapshot->stage_count; i++) {
        const struct status_stage *stage = &snapshot->stages[i];
        table_add(&table, "%s", stage->stage);
        add_state(&table, stage);
        if (stage->pid != 0)
            table_add(&table, "%" PRIu64, stage->pid);
        else
            table_add(&table, "-");
        table_add(&table, "%" PRIu64, stage->generation);
        if (stage->seq_in_hand != 0)
            table_add(&table, "%" PRIu64, stage->seq_in_hand);
        else
            table_add(&table, "-");
        table_add(&table, "%" PRIu64, stage->acked);
        table_add(&table, "%" PRIu64, stage->dead);
        table_add(&table, "%" PRIu64, stage->restarts);
        table_add(&table, "%.1f", (double)stage->memory_bytes / 1048576.0);
    }
    table_write(&table, out);
}

static void add_text(struct buf *out, struct status_text text)
{
    buf_add(out, text.bytes, text.len);
}

/* Writes how the last process of a stage ended, if one has. */
static void write_last_end(const struct status_stage *stage, struct buf *out)
{
    if (stage->last_end.len == 0)
        return;
    buf_add_format(out, "%s: the last process ", stage->stage);
    add_text(out, stage->last_end);
    if (stage->last_seq != 0)
        buf_add_format(out, " with seq %" PRIu64 " in hand", stage->last_seq);
    if (stage->last_words.len != 0) {
        char words[STATUS_WORDS_SHOWN_BYTES];
        status_last_words(stage->last_words.bytes, stage->last_words.len, words, sizeof words);
        buf_add_format(out, "; its last words: %s", words);
    }
    buf_add_byte(out, '\n');
}

void status_write_text(const struct status_snapshot *snapshot, struct buf *out)
{
    char version[VERSION_SHOWN_BYTES];
    buf_add_format(
        out, "%s (version %s from seq %" PRIu64 "), %s, pid %" PRIu64 ", up %" PRIu64 " s, state ",
        snapshot->topology,
        timeline_show_version(snapshot->version, (int64_t)snapshot->version_number, version),
        snapshot->version_from, snapshot->state, snapshot->pid, snapshot->up_ms / 1000);
    add_text(out, snapshot->state_directory);
    buf_add_byte(out, '\n');
    write_stages(snapshot, out);
    for (size_t i = 0; i < snapshot->stage_count; i++) {
        const struct status_stage *stage = &snapshot->stages[i];
        if (stage->killed_for.len != 0) {
            buf_add_format(out, "%s: its process ", stage->stage);
            add_text(out, stage->killed_for);
            buf_add_text(out, ", and is not gone yet\n");
        }
        write_last_end(stage, out);
    }
    if (snapshot->log_lost != 0)
        buf_add_format(out, "%" PRIu64 " %s lost: standard error is not being read\n",
                       snapshot->log_lost,
                       count_word(snapshot->log_lost, "log line was", "log lines were"));
    if (snapshot->reason.len != 0) {
        buf_add_text(out, "stopped: ");
        add_text(out, snapshot->reason);
        buf_add_byte(out, '\n');
    }
}

void status_write_summary(const struct status_row *rows, size_t count, struct buf *out)
{
#define X(type, name, kind, unit, meaning) #name,
    static const char *const head[] = {
        "stage",
        "kind",
        STATUS_STAGE_LIST(STATUS_SKIP, STATUS_SKIP, X) "restarts",
        NULL
    };
#undef X
    struct table table;
    table_init(&table, sizeof head / sizeof head[0] - 1, 2);
    table_add_texts(&table, head);
    for (size_t i = 0; i < count; i++) {
        const struct status_row *row = &rows[i];
        table_add(&table, "%s", row->stage);
        table_add(&table, "%s", row->kind);
#define X(type, name, kind, unit, meaning) table_add(&table, "%" PRIu64, row->counts.name);
        STATUS_STAGE_LIST(STATUS_SKIP, STATUS_SKIP, X)
#undef X
        table_add(&table, "%" PRIu64, row->restarts);
    }
    table_write(&table, out);
}

void status_write_progress(const struct status_progress *p, const char *name, bool bar,
                           struct buf *out)
{
    /* The length of a stream is not known. */
    bool known = p->bytes_total != 0 || p->bytes_done == 0;
    /* More may have been read from a growing file than it held at first. */
    unsigned percent = p->bytes_done < p->bytes_total
                           ? (unsigned)((double)p->bytes_done * 100 / (double)p->bytes_total)
                           : 100;
    if (bar && !known) {
        buf_add_format(out, "%s: ", name);
    } else if (bar) {
        buf_add_format(out, "%s [", name);
        for (unsigned i = 0; i < BAR_CELLS; i++)
            buf_add_byte(out, i * 100 < percent * BAR_CELLS ? '#' : '.');
        buf_add_text(out, "] ");
    }
    if (known)
        buf_add_format(out, "%u %%, ", percent);
    text_format_count(p->records, out);
    buf_add_format(out, " %s, ", count_word(p->records, "record", "records"));
    text_format_count((uint64_t)p->records_per_second, out);
    buf_add_text(out, "/s");
    if (p->restarts != 0)
        buf_add_format(out, ", %" PRIu64 " %s", p->restarts,
                       count_word(p->restarts, "restart", "restarts"));
}
