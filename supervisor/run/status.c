/* SPDX-License-Identifier: MIT */
#include "supervisor/run/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/text.h"
#include "supervisor/command/table.h"

#define BAR_CELLS 24u
#define LAST_WORDS_SHOWN_BYTES 256u

/* Resident memory of a process in bytes; 0 if it is gone. */
static uint64_t resident_bytes(pid_t pid)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
    FILE *file = fopen(path, "re");
    unsigned long total = 0, resident = 0;
    if (file != NULL) {
        if (fscanf(file, "%lu %lu", &total, &resident) != 2)
            resident = 0;
        (void)fclose(file);
    }
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Puts bytes into one line: newlines become " | ". */
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

void status_last_words(const struct buf *words, char *ret_text, size_t size)
{
    REQUIRE(size > 0);
    size_t end = words->len, start = 0;
    while (end > 0 && words->data[end - 1] == '\n')
        end--;
    struct buf line = {0};
    for (;;) {
        buf_reset(&line);
        if (end > start)
            join_lines(words->data + start, end - start, &line);
        if (line.len < size)
            break;
        /* A byte gives four at most (\\xNN), so this drops no more than it must, or little. */
        size_t excess = line.len - size + 1;
        start += excess / 4 + 1;
    }
    memcpy(ret_text, buf_text(&line), line.len + 1);
    buf_done(&line);
}

void status_write_reason(const struct supervisor *s, struct buf *out)
{
    if (s->core.reason[0] == '\0')
        return;
    const struct supervised_stage *stage = &s->stages[s->core.reason_stage];
    buf_add_format(out, "stage '%s': %s", s->topology->stages[s->core.reason_stage].name,
                   s->core.reason);
    if (s->core.outcome != CORE_OUTCOME_STORM || stage->last_words.len == 0)
        return;
    char words[LAST_WORDS_SHOWN_BYTES];
    status_last_words(&stage->last_words, words, sizeof words);
    buf_add_format(out, "; its last words: %s", words);
}

/* A process that was killed may not be gone for long: then the stage does not run, whatever it was.
 */
static const char *state_text(const struct core_stage *stage)
{
    return core_is_dying(stage) ? "killed" : core_stage_state_text(stage->is);
}

/* What a stage is, or what it lacks. */
static const char *state_of(const struct supervisor *s, size_t index, char room[32])
{
    enum want want = core_stage_want(&s->core, index);
    if (want == WANT_NOTHING || core_is_dying(&s->core.stages[index]))
        return state_text(&s->core.stages[index]);
    (void)snprintf(room, 32, "no %s", want_text(want));
    return room;
}

static void write_stages(const struct supervisor *s, struct buf *out)
{
    static const char *const head[] = {"stage", "state",    "pid",    "gen", "in hand",
                                       "acked", "restarts", "memory", NULL};
    struct table table;
    table_init(&table, 8, 2);
    table_add_texts(&table, head);
    for (size_t i = 0; i < s->topology->stage_count; i++) {
        const struct supervised_stage *stage = &s->stages[i];
        const struct core_stage *core = &s->core.stages[i];
        char wants[32];
        uint64_t seq_in_hand = atomic_load(&stage->page->seq_in_hand);
        table_add(&table, "%s", s->topology->stages[i].name);
        table_add(&table, "%s", state_of(s, i, wants));
        if (stage->alive)
            table_add(&table, "%ld", (long)stage->process.pid);
        else
            table_add(&table, "-");
        table_add(&table, "%" PRIu64, core->generation);
        if (seq_in_hand != 0)
            table_add(&table, "%" PRIu64, seq_in_hand);
        else
            table_add(&table, "-");
        table_add(&table, "%" PRIu64, (uint64_t)atomic_load(&stage->page->acked));
        table_add(&table, "%" PRIu64, core->restarts);
        table_add(&table, "%.1f MiB",
                  (double)(stage->alive ? resident_bytes(stage->process.pid) : 0) / 1048576.0);
    }
    table_write(&table, out);
}

void status_write_text(const struct supervisor *s, struct buf *out)
{
    const struct topology *t = s->topology;
    buf_add_format(out, "%s (version %" PRId64 "), %s, pid %ld, up %" PRIu64 " s, state %s\n",
                   t->name, t->version, core_pipeline_state_text(s->core.is), (long)getpid(),
                   (clock_monotonic_ms() - s->started_ms) / 1000, s->state->path);
    write_stages(s, out);
    for (size_t i = 0; i < t->stage_count; i++) {
        const struct supervised_stage *stage = &s->stages[i];
        if (core_is_dying(&s->core.stages[i]))
            buf_add_format(out, "%s: its process %s, and is not gone yet\n", t->stages[i].name,
                           s->core.stages[i].killed_for);
        if (stage->last_end[0] == '\0')
            continue;
        buf_add_format(out, "%s: the last process %s", t->stages[i].name, stage->last_end);
        if (stage->last_seq != 0)
            buf_add_format(out, " with seq %" PRIu64 " in hand", stage->last_seq);
        if (stage->last_words.len != 0) {
            char words[LAST_WORDS_SHOWN_BYTES];
            status_last_words(&stage->last_words, words, sizeof words);
            buf_add_format(out, "; it said: %s", words);
        }
        buf_add_byte(out, '\n');
    }
    if (log_lost() != 0)
        buf_add_format(out, "%" PRIu64 " lines of log were lost: nobody reads standard error\n",
                       log_lost());
    struct buf reason = {0};
    status_write_reason(s, &reason);
    if (reason.len != 0)
        buf_add_format(out, "stopped: %s\n", buf_text(&reason));
    buf_done(&reason);
}

static void write_json_text(struct buf *out, const char *name, const char *text)
{
    buf_add_format(out, "\"%s\":", name);
    struct buf printable = {0};
    text_printable(text, strlen(text), LAST_WORDS_BYTES_MAX, &printable);
    json_write_string(printable.data, printable.len, out);
    buf_done(&printable);
}

static void write_json_stage(const struct supervisor *s, size_t i, struct buf *out)
{
    const struct stage *declared = &s->topology->stages[i];
    const struct supervised_stage *stage = &s->stages[i];
    const struct core_stage *core = &s->core.stages[i];
    const struct status_page *page = stage->page;
    struct status_counts counts = status_page_counts(page);
    buf_add_byte(out, '{');
    write_json_text(out, "stage", declared->name);
    buf_add_byte(out, ',');
    write_json_text(out, "kind", declared->kind->name);
    buf_add_byte(out, ',');
    write_json_text(out, "state", state_text(core));
    buf_add_byte(out, ',');
    write_json_text(out, "killed_for", core_is_dying(core) ? core->killed_for : "");
    enum want want = core_stage_want(&s->core, i);
    buf_add_format(out, ",\"paused\":%s,", want != WANT_NOTHING ? "true" : "false");
    write_json_text(out, "wants", want != WANT_NOTHING ? want_text(want) : "");
    if (stage->alive)
        buf_add_format(out, ",\"pid\":%ld", (long)stage->process.pid);
    else
        buf_add_text(out, ",\"pid\":null");
    buf_add_format(out,
                   ",\"generation\":%" PRIu64 ",\"seq_in_hand\":%" PRIu64 ",\"processed\":%" PRIu64
                   ",\"acked\":%" PRIu64 ",\"restarts\":%" PRIu64 ",\"memory_bytes\":%" PRIu64
                   ",\"window_bytes\":%" PRIu64 ",\"entries\":%" PRIu64 ",\"refused\":%" PRIu64,
                   core->generation, (uint64_t)atomic_load(&page->seq_in_hand),
                   (uint64_t)atomic_load(&page->processed), (uint64_t)atomic_load(&page->acked),
                   core->restarts, stage->alive ? resident_bytes(stage->process.pid) : 0,
                   (uint64_t)atomic_load(&page->window_bytes),
                   (uint64_t)atomic_load(&page->entries), (uint64_t)atomic_load(&page->refused));
    buf_add_format(out, ",\"bytes_done\":%" PRIu64 ",\"bytes_total\":%" PRIu64,
                   (uint64_t)atomic_load(&page->bytes_done),
                   (uint64_t)atomic_load(&page->bytes_total));
#define X(name, meaning) buf_add_format(out, ",\"" #name "\":%" PRIu64, counts.name);
    STATUS_COUNT_LIST(X)
#undef X
    buf_add_byte(out, ',');
    write_json_text(out, "last_end", stage->last_end);
    buf_add_format(out, ",\"last_seq\":%" PRIu64 ",", stage->last_seq);
    struct buf words = {0};
    buf_add(&words, stage->last_words.data, stage->last_words.len);
    write_json_text(out, "last_words", buf_text(&words));
    buf_done(&words);
    buf_add_byte(out, '}');
}

void status_write_json(const struct supervisor *s, struct buf *out)
{
    buf_add_byte(out, '{');
    write_json_text(out, "topology", s->topology->name);
    buf_add_format(out, ",\"version\":%" PRId64 ",\"pid\":%ld,\"up_ms\":%" PRIu64 ",",
                   s->topology->version, (long)getpid(), clock_monotonic_ms() - s->started_ms);
    write_json_text(out, "state", core_pipeline_state_text(s->core.is));
    buf_add_byte(out, ',');
    write_json_text(out, "state_directory", s->state->path);
    struct buf reason = {0};
    status_write_reason(s, &reason);
    buf_add_byte(out, ',');
    write_json_text(out, "reason", buf_text(&reason));
    buf_done(&reason);
    buf_add_format(out, ",\"log_lost\":%" PRIu64 ",\"stages\":[", log_lost());
    for (size_t i = 0; i < s->topology->stage_count; i++) {
        buf_add_text(out, i != 0 ? "," : "");
        write_json_stage(s, i, out);
    }
    buf_add_text(out, "]}\n");
}

void status_write_summary(const struct status_row *rows, size_t count, struct buf *out)
{
    static const char *const head[] = {"stage",   "kind", "in",       "out",
                                       "dropped", "dead", "restarts", NULL};
    struct table table;
    table_init(&table, 7, 2);
    table_add_texts(&table, head);
    for (size_t i = 0; i < count; i++) {
        const struct status_row *row = &rows[i];
        table_add(&table, "%s", row->stage);
        table_add(&table, "%s", row->kind);
        const uint64_t numbers[] = {row->counts.in, row->counts.out, row->counts.dropped,
                                    row->counts.dead, row->restarts};
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++)
            table_add(&table, "%" PRIu64, numbers[k]);
    }
    table_write(&table, out);
}

void status_write_progress(const struct status_progress *p, const char *name, bool bar,
                           struct buf *out)
{
    /* Nobody knows how long a stream will be. */
    bool known = p->bytes_total != 0 || p->bytes_done == 0;
    /* A file that grows may have given more than it had. */
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
    buf_add_text(out, " records, ");
    text_format_count((uint64_t)p->records_per_second, out);
    buf_add_text(out, "/s");
    if (p->restarts != 0)
        buf_add_format(out, ", %" PRIu64 " restarts", p->restarts);
}
