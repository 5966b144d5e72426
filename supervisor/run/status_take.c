/* SPDX-License-Identifier: MIT */
/*
 * Puts what the supervisor knows and what the pages of its stages show into a snapshot. The rows of
 * ipc/status_fields.h say where each field comes from. For each field that the supervisor knows,
 * there must be a variable of that name here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "supervisor/run/status.h"
#include "supervisor/run/supervisor.h"

/* A snapshot, and the texts of it that are stored nowhere else. */
struct taken {
    struct status_snapshot snapshot;
    uint8_t reason[];
};

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

/*
 * Writes why the topology failed: the stage, what happened, and its last words if they add to that.
 */
static void write_reason(const struct supervisor *s, struct buf *out)
{
    if (s->driver.core.reason[0] == '\0')
        return;
    const struct supervised_stage *stage = &s->stages[s->driver.core.reason_stage];
    buf_add_format(out, "stage '%s': %s", s->topology->stages[s->driver.core.reason_stage].name,
                   s->driver.core.reason);
    if (s->driver.core.outcome != CORE_OUTCOME_STORM || stage->words.last.len == 0)
        return;
    char words[STATUS_WORDS_SHOWN_BYTES];
    status_last_words(stage->words.last.data, stage->words.last.len, words, sizeof words);
    buf_add_format(out, "; its last words: %s", words);
}

static struct status_text text_of(const char *text)
{
    return (struct status_text){.bytes = text, .len = strlen(text)};
}

/* A field is set by the function that is named after its type. */
static void set_name(char (*field)[STATUS_NAME_BYTES_MAX + 1], const char *value)
{
    (void)snprintf(*field, sizeof *field, "%s", value);
}

static void set_text(struct status_text *field, struct status_text value)
{
    *field = value;
}

static void set_flag(bool *field, bool value)
{
    *field = value;
}

static void set_number(uint64_t *field, uint64_t value)
{
    *field = value;
}

static void set_pid(uint64_t *field, uint64_t value)
{
    *field = value;
}

/* A killed process may take long to exit. Until then the state of its stage is "killed". */
static void take_stage(const struct supervisor *s, size_t index, struct status_stage *ret)
{
    const struct supervised_stage *supervised = &s->stages[index];
    const struct driver_stage *driven = &s->driver.stages[index];
    const struct core_stage *core = &s->driver.core.stages[index];
    const struct status_page *page = driven->page;
    struct status_counts counts = status_page_counts(page);
    enum want want = core_stage_want(&s->driver.core, index);

    const char *stage = s->topology->stages[index].name;
    const char *kind = s->topology->stages[index].kind->name;
    const char *state = core_is_dying(core) ? "killed" : core_stage_state_text(core->is);
    struct status_text killed_for = text_of(core_is_dying(core) ? core->killed_for : "");
    bool paused = want != WANT_NOTHING;
    const char *wants = paused ? want_text(want) : "";
    uint64_t pid = driven->alive ? (uint64_t)supervised->process.pid : 0;
    uint64_t generation = core->generation;
    uint64_t restarts = core->restarts;
    uint64_t memory_bytes = driven->alive ? resident_bytes(supervised->process.pid) : 0;
    struct status_text last_end = text_of(driven->last_end);
    uint64_t last_seq = driven->last_seq;
    struct status_text last_words = {.bytes = supervised->words.last.data,
                                     .len = supervised->words.last.len};

#define S(type, name, ...) set_##type(&ret->name, name);
#define P(type, name, ...) set_##type(&ret->name, atomic_load(&page->name));
#define C(type, name, ...) set_##type(&ret->name, counts.name);
    STATUS_STAGE_LIST(S, P, C)
#undef S
#undef P
#undef C
}

struct status_snapshot *status_take(const struct supervisor *s)
{
    uint64_t lost = log_lost();
    struct buf why = {0};
    write_reason(s, &why);
    struct taken *taken = memory_new(1, sizeof *taken + why.len);
    if (why.len != 0)
        memcpy(taken->reason, why.data, why.len);

    const char *topology = s->topology->name;
    const struct timeline *timeline = &s->topology->timeline;
    REQUIRE(timeline->count != 0);
    const struct timeline_entry *newest = &timeline->entries[timeline->count - 1];
    const char *version = newest->version.text;
    uint64_t version_number = (uint64_t)newest->number;
    uint64_t version_from = newest->first;
    uint64_t pid = (uint64_t)getpid();
    uint64_t up_ms = clock_monotonic_ms() - s->started_ms;
    const char *state = core_pipeline_state_text(s->driver.core.is);
    struct status_text state_directory = text_of(s->state->path);
    struct status_text reason = {.bytes = taken->reason, .len = why.len};
    buf_done(&why);

    uint64_t log_lost = lost;

    struct status_snapshot *ret = &taken->snapshot;
#define X(type, name, ...) set_##type(&ret->name, name);
    STATUS_RUN_LIST(X)
#undef X
    ret->stage_count = s->topology->stage_count;
    for (size_t i = 0; i < ret->stage_count; i++)
        take_stage(s, i, &ret->stages[i]);
    return ret;
}
