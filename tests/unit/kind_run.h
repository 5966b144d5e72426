/* SPDX-License-Identifier: MIT */
/*
 * kind_run.h - drives one stage of a topology by hand, for the tests of kinds
 *
 * The topology is checked like any other, and the stage is opened by the runner of the real hosts,
 * with its real store or cursor in a directory of its own in /dev/shm. The output is collected as
 * text, one line "OUTPUT {json}" for each record, where OUTPUT is "out", the name of an output, or
 * "dead".
 *
 * kind_story.h builds on this: whole lists of records as text, with kills and with several workers.
 * That is shorter for most tests. Use this one for what cannot be written that way, such as values
 * with a newline or a NUL and records of many MiB, and for what concerns a single process.
 */
#ifndef BULKHEAD_TESTS_UNIT_KIND_RUN_H
#define BULKHEAD_TESTS_UNIT_KIND_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/check.h"
#include "common/value_json.h"
#include "stages/host/layout.h"
#include "stages/host/runner.h"
#include "stages/kinds/kinds.h"
#include "stages/stage.h"
#include "tests/unit/cases.h"
#include "topology/load.h"

struct kind_run {
    struct topology *topology;
    const struct stage *stage;
    struct runner runner;
    char directory[40]; /* the state directory */
    int stages_fd;      /* the directory "stages" in it */
    int image_fd;       /* the memory of a store that a killed process leaves; -1: none */
    bool lived;         /* the stage has had a process before */
    emit_function *emit;
    void *host;
    struct buf seen; /* the output, unless it goes elsewhere */
};

/* --- the output --- */

/* The reasons of all dead letters of this program, for kind_run_reasons_unseen(). */
static const struct dead_reason *kind_run_reasons[64];

/* Appends a record as JSON. */
static inline void kind_run_print(const struct contract *contract, const struct value *fields,
                                  struct buf *out)
{
    for (size_t i = 0; i < contract->count; i++) {
        buf_add_format(out, "%s\"%s\":", i != 0 ? "," : "{", contract->fields[i].name);
        value_write_json(&fields[i], contract->fields[i].type, out);
    }
    buf_add_text(out, "}\n");
}

static inline void kind_run_note_reason(const struct kind *kind, const struct value *reason)
{
    size_t count = 0;
    while (kind_run_reasons[count] != NULL)
        count++;
    for (size_t i = 0; kind->reasons != NULL && kind->reasons[i] != NULL; i++) {
        const char *text = kind->reasons[i]->text;
        if (strlen(text) != reason->len || memcmp(text, reason->bytes, reason->len) != 0)
            continue;
        for (size_t k = 0; k < count; k++) {
            if (kind_run_reasons[k] == kind->reasons[i])
                return;
        }
        kind_run_reasons[count] = kind->reasons[i];
        return;
    }
}

/* Appends an output of a stage as "OUTPUT {json}\n", and remembers the reason of a dead letter. */
static inline void kind_run_print_output(const struct kind_run *run, port_number port,
                                         const struct record *record, struct buf *out)
{
    const struct contract *contract = &run->stage->out;
    const char *name = "out";
    if (port == PORT_DEAD) {
        contract = &run->topology->dead_letter;
        name = "dead";
        kind_run_note_reason(run->stage->kind, &record->fields[DEAD_LETTER_REASON]);
    } else if (port >= PORT_NAMED) {
        contract = &run->stage->outputs[port - PORT_NAMED].contract;
        name = run->stage->outputs[port - PORT_NAMED].name;
    }
    assert_int_equal(record->count, contract->count);
    buf_add_format(out, "%s ", name);
    kind_run_print(contract, record->fields, out);
}

static inline void kind_run_on_emit(void *host, port_number port, const struct record *record)
{
    struct kind_run *run = host;
    if (record->kind == RECORD_DATA)
        kind_run_print_output(run, port, record, &run->seen);
}

/*
 * Counts the reasons that a kind declares but no dead letter of this program had, and prints each.
 * Returns 0 if a case has failed: it may have ended before its dead letters came. Add the result to
 * what main() returns.
 *
 *   argc       of main(): if only some cases were chosen, returns 0
 *   elsewhere  the texts of reasons that this program cannot cause, ending with NULL; may be NULL
 */
static inline int kind_run_reasons_unseen(int argc, const struct kind *kind,
                                          const char *const *elsewhere)
{
    int unseen = 0;
    if (argc > 1 || cases_failed)
        return 0;
    for (size_t i = 0; kind->reasons != NULL && kind->reasons[i] != NULL; i++) {
        bool seen = false;
        for (size_t k = 0; kind_run_reasons[k] != NULL; k++)
            seen |= kind_run_reasons[k] == kind->reasons[i];
        for (size_t k = 0; elsewhere != NULL && elsewhere[k] != NULL; k++)
            seen |= strcmp(elsewhere[k], kind->reasons[i]->text) == 0;
        if (!seen) {
            print_error("no case of %s has the reason '%s'\n", kind->name, kind->reasons[i]->text);
            unseen++;
        }
    }
    return unseen;
}

/* --- the life of a stage --- */

/*
 * Checks a topology, with a setting as for --set, or NULL; the caller frees it. If it has errors,
 * returns NULL and appends them to ret_errors.
 */
static inline struct topology *kind_run_try_load(const char *text, enum topology_form form,
                                                 const char *setting, struct buf *ret_errors)
{
    struct topology *topology = NULL;
    struct settings settings = {0};
    struct diagnostics d;
    struct err e;
    if (setting != NULL)
        assert_int_equal(settings_add(&settings, setting, &e), 0);
    diagnostics_init(&d, "t.yaml", text, strlen(text));
    d.settings = &settings;
    if (topology_load("t.yaml", text, strlen(text), bulkhead_kinds, form, &d, &topology) != 0) {
        diagnostics_print(&d, ret_errors);
        return NULL;
    }
    diagnostics_done(&d);
    topology->durability = DURABILITY_PROCESS; /* the host does not crash, so no syncs are needed */
    return topology;
}

/* The same for a topology without errors. */
static inline struct topology *kind_run_load_set(const char *text, enum topology_form form,
                                                 const char *setting)
{
    struct buf errors = {0};
    struct topology *topology = kind_run_try_load(text, form, setting, &errors);
    if (topology == NULL)
        fail_msg("%s", buf_text(&errors));
    return topology;
}

/* The same without a setting. */
static inline struct topology *kind_run_load(const char *text, enum topology_form form)
{
    return kind_run_load_set(text, form, NULL);
}

static inline void kind_run_begin_life(struct kind_run *run)
{
    struct runner_config config = {.topology = run->topology,
                                   .stage = run->stage,
                                   .stages_fd = run->stages_fd,
                                   .image_fd = run->image_fd,
                                   .first = !run->lived,
                                   .emit = run->emit,
                                   .host = run->host};
    struct err e;
    if (runner_open(&run->runner, &config, &e) != 0)
        fail_msg("%s", e.text);
    run->lived = true;
}

/* Opens a stage of a topology that outlives the run; the output goes to emit(), with host. */
static inline void kind_run_start_to(struct kind_run *run, struct topology *topology,
                                     const char *stage, emit_function *emit, void *host)
{
    struct err e;
    *run = (struct kind_run){.topology = topology,
                             .stage = topology_find_stage(topology, stage),
                             .directory = "/dev/shm/bulkhead-kind-XXXXXX",
                             .image_fd = -1,
                             .emit = emit,
                             .host = host};
    assert_non_null(run->stage);
    assert_non_null(mkdtemp(run->directory));
    int fd = open(run->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdirat(fd, "stages", 0700), 0);
    run->stages_fd = openat(fd, "stages", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)close(fd);
    if (run->stage->kind->store_spec != NULL)
        run->image_fd = memfd_create("test-image", MFD_CLOEXEC);
    if (layout_prepare(run->stages_fd, topology, NULL, NULL, &e) != 0)
        fail_msg("%s", e.text);
    kind_run_begin_life(run);
}

/* The same, but the output is added to run->seen. */
static inline void kind_run_start(struct kind_run *run, struct topology *topology,
                                  const char *stage)
{
    kind_run_start_to(run, topology, stage, kind_run_on_emit, run);
}

/* Checks a topology and opens one of its stages. */
static inline void kind_run_open(struct kind_run *run, const char *text, const char *stage)
{
    kind_run_start(run, kind_run_load(text, TOPOLOGY_LOGICAL), stage);
}

/* Gives the stage a record, a tick or an end, with the seq that this has. */
static inline void kind_run_take(struct kind_run *run, const struct record *record)
{
    struct err e;
    if (runner_take(&run->runner, record, &e) != 0)
        fail_msg("seq %llu: %s", (unsigned long long)record->seq, e.text);
}

/* Gives the stage one record on an input, with the next seq. */
static inline void kind_run_step(struct kind_run *run, uint32_t input, const struct value *fields)
{
    struct record record = {.seq = run->runner.begun + 1,
                            .fields = fields,
                            .count = run->stage->inputs[input].contract->count,
                            .input = input};
    kind_run_take(run, &record);
    runner_complete(&run->runner, record.seq);
}

/* Makes everything up to seq safe. Requires: the stage has done it. */
static inline void kind_run_commit(struct kind_run *run, seq_number seq)
{
    struct err e;
    if (runner_commit(&run->runner, seq, &e) != 0)
        fail_msg("seq %llu: %s", (unsigned long long)seq, e.text);
}

/*
 * The process of a step dies, and the next one opens what it leaves: the state of the last commit.
 * (Closing a step writes nothing, so this leaves the same as a kill. A sink is closed in order.)
 *
 *   image_lost  the memory of the store is lost too, so only the files are left
 */
static inline void kind_run_kill(struct kind_run *run, bool image_lost)
{
    runner_close(&run->runner);
    if (image_lost && run->image_fd >= 0)
        assert_int_equal(ftruncate(run->image_fd, 0), 0);
    kind_run_begin_life(run);
}

static inline int kind_run_remove(const char *path, const struct stat *st, int flag,
                                  struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

/* Closes what kind_run_start() opened, and removes its state. */
static inline void kind_run_stop(struct kind_run *run)
{
    runner_close(&run->runner);
    buf_done(&run->seen);
    if (run->image_fd >= 0)
        (void)close(run->image_fd);
    (void)close(run->stages_fd);
    assert_int_equal(nftw(run->directory, kind_run_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* Closes what kind_run_open() opened. */
static inline void kind_run_close(struct kind_run *run)
{
    kind_run_stop(run);
    topology_free(run->topology);
}

#endif
