/* SPDX-License-Identifier: MIT */
/*
 * run: checks the topology and whether its files can be opened, locks the state directory, runs in
 * one of the two hosts, and prints what was done.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/count.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"
#include "stages/host/inline_host.h"
#include "stages/host/layout.h"
#include "stages/journal/stage_input.h"
#include "stages/kit/record_formats.h"
#include "stages/stage.h"
#include "supervisor/command/command.h"
#include "supervisor/run/descriptors.h"
#include "supervisor/run/inherited.h"
#include "supervisor/run/start.h"
#include "supervisor/run/start_watch.h"
#include "supervisor/run/state_dir.h"
#include "supervisor/run/status.h"
#include "supervisor/run/supervisor.h"
#include "supervisor/run/surroundings.h"
#include "supervisor/run/version.h"

/* How often the inline host checks for signals and reads the clock. */
#define INLINE_RECORDS_PER_ROUND 4096u
#define INLINE_COMMIT_MS 100u

struct run {
    kind_registry kinds;
    const char *file;
    const char *state_path;
    bool inline_host, quiet, verbose;
    struct start_options start;
    seq_number *begins_after; /* for each stage, the seq after which it begins */
    struct settings settings;
    bool takes_stdin;  /* a stage reads standard input */
    bool takes_stdout; /* a stage writes to standard output */
    struct stage_input input;
    struct topology_source source;
    struct topology *topology;
    struct version version;
    struct state_dir state;
    enum core_outcome outcome;
    char reason[CONTROL_TEXT_BYTES_MAX + 128];
    struct status_row *rows;
    uint64_t elapsed_ms;
};

enum {
    RUN_INLINE,
    RUN_FRESH,
    RUN_DISCARD,
    RUN_ACCEPT_GAP,
    RUN_STATE,
    RUN_SET,
    RUN_QUIET,
    RUN_VERBOSE
};

static const struct command_option options[] = {
    [RUN_INLINE] = {"inline", NULL,
                    "run all stages in one process, without isolation; the output is the same",
                    COMMAND_OPTION_ALONE},
    [RUN_FRESH] = {"fresh", NULL,
                   "start over: remove the state and the dead letters, empty the output files that "
                   "this state directory has written",
                   COMMAND_OPTION_ALONE},
    [RUN_DISCARD] =
        {"discard", "STAGE",
         "discard the state of a stage; it begins again, empty, after the last record done",
         COMMAND_OPTION_REPEATS},
    [RUN_ACCEPT_GAP] = {"accept-gap", NULL,
                        "continue even if stages lack records that can no longer be sent to them",
                        COMMAND_OPTION_ALONE},
    [RUN_STATE] = COMMAND_OPTION_STATE,
    [RUN_SET] = COMMAND_OPTION_SET,
    [RUN_QUIET] = {"quiet", NULL,
                   "show no progress and log only warnings and errors; the table at "
                   "the end is printed",
                   COMMAND_OPTION_ALONE},
    [RUN_VERBOSE] = {"verbose", NULL, "log more; no effect with --quiet", COMMAND_OPTION_ALONE},
    {0}};

const struct command_syntax command_run_syntax = {
    "run", COMMAND_OPERAND_TOPOLOGY, "run a topology, each stage in its own process", options};

static int take_option(void *context, size_t option, const char *value)
{
    struct run *run = context;
    switch (option) {
    case RUN_DISCARD:
        return command_add_discard(&run->start, value);
    case RUN_SET:
        return command_add_setting(&run->settings, value);
    case RUN_INLINE:
        run->inline_host = true;
        break;
    case RUN_FRESH:
        run->start.fresh = true;
        break;
    case RUN_ACCEPT_GAP:
        run->start.accept_gap = true;
        break;
    case RUN_STATE:
        run->state_path = value;
        break;
    case RUN_QUIET:
        run->quiet = true;
        break;
    case RUN_VERBOSE:
        run->verbose = true;
        break;
    default:
        UNREACHABLE();
    }
    return EXIT_OK;
}

static int check_descriptors(const struct topology *t)
{
    struct err e;
    if (descriptors_check(t, descriptors_open(), descriptors_allowed(), &e) == 0)
        return EXIT_OK;
    log_line(LOG_ERROR, "%s", e.text);
    return EXIT_REFUSED;
}

static void say(const char *text)
{
    log_line(LOG_INFO, "%s", text);
}

/* What the topology makes of a record, and the programs that it does it with. */
static int describe_version(struct run *run)
{
    struct err e;
    if (version_describe(run->topology, &run->version, &e) == 0)
        return EXIT_OK;
    log_line(LOG_ERROR, "%s", e.text);
    return EXIT_REFUSED;
}

/* On success the watch over the start continues; the host ends it once it is ready. */
static int open_state(struct run *run)
{
    struct err e;
    int rc = state_dir_open(&run->state, run->state_path, run->topology->name, &e);
    if (rc != 0) {
        log_line(LOG_ERROR, "%s", e.text);
        return rc == ERR_BUSY ? EXIT_BUSY : EXIT_REFUSED;
    }
    if (run->state.locks_file_only)
        log_line(LOG_WARNING,
                 "the file system of '%s' cannot lock a directory: do not remove '%s/lock' while "
                 "this runs, or a second supervisor could start in the directory",
                 run->state.path, run->state.path);
    start_watch_begin();
    run->begins_after = memory_new(run->topology->stage_count, sizeof *run->begins_after);
    struct start_request request = {.state_fd = run->state.fd,
                                    .stages_fd = run->state.stages_fd,
                                    .path = run->state.path,
                                    .file = run->source.name,
                                    .topology = run->topology,
                                    .version = &run->version,
                                    .options = &run->start,
                                    .note = say};
    struct start_report report = {0};
    rc = start_prepare(&request, run->begins_after, &run->topology->timeline, &report);
    if (rc == 0 && (rc = state_dir_begin_run(&run->state, &e)) != 0)
        buf_add_format(&report.errors, "%s\n", e.text);
    command_log_lines(LOG_WARNING, &report.warnings);
    command_log_lines(LOG_INFO, &report.notes);
    command_log_lines(LOG_ERROR, &report.errors);
    if (rc == 0)
        return EXIT_OK;
    start_watch_end();
    state_dir_close(&run->state);
    return command_start_code(rc);
}

static void make_rows(struct run *run)
{
    run->rows = memory_new(run->topology->stage_count, sizeof *run->rows);
    for (size_t i = 0; i < run->topology->stage_count; i++) {
        run->rows[i].stage = run->topology->stages[i].name;
        run->rows[i].kind = run->topology->stages[i].kind->name;
    }
}

static int run_processes(struct run *run)
{
    struct supervisor_config config = {.topology = run->topology,
                                       .topology_file = run->source.beside,
                                       .state = &run->state,
                                       .input = run->takes_stdin ? &run->input : NULL,
                                       .begins_after = run->begins_after,
                                       .verbose = run->verbose,
                                       .quiet = run->quiet};
    struct supervisor_report report;
    struct err e;
    start_watch_end();
    if (supervisor_run(&config, &report, &e) != 0) {
        log_line(LOG_ERROR, "%s", e.text);
        return EXIT_FAILED;
    }
    run->outcome = report.outcome;
    memcpy(run->reason, report.reason, sizeof run->reason);
    run->elapsed_ms = report.elapsed_ms;
    for (size_t i = 0; i < run->topology->stage_count; i++) {
        run->rows[i].counts = report.counts[i];
        run->rows[i].restarts = report.restarts[i];
    }
    free(report.counts);
    free(report.restarts);
    return EXIT_OK;
}

static volatile sig_atomic_t stops_asked;

static void on_stop_signal(int signal_number)
{
    (void)signal_number;
    stops_asked++;
}

static void note(const char *text)
{
    log_line(LOG_WARNING, "%s", text);
}

/* Waits until the host can continue, or until one more stop signal arrives than `stops_before`. */
static int wait_inline(const struct inline_host *host, int stops_before, struct err *e)
{
    sigset_t stops, before;
    (void)sigemptyset(&stops);
    (void)sigaddset(&stops, SIGTERM);
    (void)sigaddset(&stops, SIGINT);
    (void)sigaddset(&stops, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &stops, &before);
    int rc = stops_asked == stops_before ? inline_host_wait(host, &before, e) : 0;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return rc;
}

/* Runs to the end of the input, or until a signal, and commits regularly. */
static int drive_inline(struct inline_host *host, struct err *e)
{
    uint64_t committed_ms = clock_monotonic_ms();
    int rc = 0;
    while (rc == 0 && stops_asked == 0) {
        rc = inline_host_run(host, INLINE_RECORDS_PER_ROUND, e);
        rc = rc == ERR_UNFINISHED ? 0 : rc;
        bool waits = rc == ERR_AGAIN;
        if (waits || (rc == 0 && clock_monotonic_ms() - committed_ms >= INLINE_COMMIT_MS)) {
            rc = inline_host_commit(host, e);
            rc = rc == 0 ? inline_host_settle(host, e) : rc;
            committed_ms = clock_monotonic_ms();
        }
        waits = waits || rc == ERR_AGAIN;
        if (waits && (rc == 0 || rc == ERR_AGAIN))
            rc = wait_inline(host, 0, e);
    }
    if (rc != 0 && rc != ERR_END)
        return rc;
    /* A second signal ends the wait for a reader; the next run repeats what is not safe. */
    int stops = stops_asked != 0 ? 1 : 0;
    while ((rc = inline_host_commit(host, e)) == ERR_AGAIN && stops_asked <= 1)
        if ((rc = wait_inline(host, stops, e)) != 0)
            break;
    return rc == 0 ? inline_host_settle(host, e) : rc;
}

static int run_inline(struct run *run)
{
    inherited_set_stops(on_stop_signal);
    (void)signal(SIGCHLD, SIG_IGN); /* as PID 1 we inherit children; the kernel reaps them */
    uint64_t started_ms = clock_monotonic_ms();
    struct inline_host *host = NULL;
    struct inline_io io = {.input = run->takes_stdin ? &run->input : NULL, .note = note};
    struct err e;
    start_watch_say("opening the states of all stages", NULL);
    int rc =
        inline_host_new(run->topology, run->state.stages_fd, run->begins_after, &io, &host, &e);
    start_watch_end();
    if (rc == 0)
        rc = drive_inline(host, &e);
    run->elapsed_ms = clock_monotonic_ms() - started_ms;
    for (size_t i = 0; host != NULL && i < run->topology->stage_count; i++)
        run->rows[i].counts = inline_host_counts(host, i);
    inline_host_free(host);
    run->outcome = rc == ERR_AGAIN    ? CORE_OUTCOME_FORCED
                   : stops_asked != 0 ? CORE_OUTCOME_STOPPED
                                      : CORE_OUTCOME_DONE;
    if (rc != 0 && rc != ERR_AGAIN) {
        log_line(LOG_ERROR, "%s", e.text);
        return command_start_code(rc);
    }
    return EXIT_OK;
}

static int outcome_code(enum core_outcome outcome)
{
    switch (outcome) {
    case CORE_OUTCOME_REFUSED:
        return EXIT_REFUSED;
    case CORE_OUTCOME_UNREAD:
        return EXIT_UNREAD;
    case CORE_OUTCOME_STORM:
    case CORE_OUTCOME_NONE:
        return EXIT_FAILED;
    case CORE_OUTCOME_DONE:
    case CORE_OUTCOME_STOPPED:
    case CORE_OUTCOME_FORCED:
        break;
    }
    return EXIT_OK;
}

/* Dead letters that went to the dead-letters stage; a topology may read others itself. */
static uint64_t total_dead(const struct run *run)
{
    size_t dead_letters = topology_dead_letters(run->topology)->index;
    uint64_t dead = 0;
    for (size_t i = 0; i < run->topology->edge_count; i++) {
        const struct edge *edge = &run->topology->edges[i];
        if (edge->port == PORT_DEAD && edge->to == dead_letters)
            dead += run->rows[edge->from].counts.dead;
    }
    return dead;
}

static void print_outcome(const struct run *run, struct buf *out)
{
    uint64_t records = run->rows[topology_source(run->topology)->index].counts.in;
    const char *name = run->topology->name;
    /* Unread bytes may remain, such as an unfinished line; only the source knows, and logs it. */
    if (records == 0 && run->outcome == CORE_OUTCOME_DONE) {
        buf_add_format(out, "%s: nothing new; no records were read\n", name);
        return;
    }
    buf_add_format(out, "%s: ", name);
    text_format_count(records, out);
    buf_add_format(out, " %s in %.2f s (", count_word(records, "record", "records"),
                   (double)run->elapsed_ms / 1000.0);
    text_format_count(run->elapsed_ms != 0 ? records * 1000 / run->elapsed_ms : records, out);
    buf_add_text(out, "/s)");
    switch (run->outcome) {
    case CORE_OUTCOME_STOPPED:
        buf_add_text(out, "; stopped; the next run continues from here");
        break;
    case CORE_OUTCOME_FORCED:
        buf_add_text(out, "; stopped without waiting; the next run repeats what was not safe");
        break;
    default:
        break;
    }
    buf_add_byte(out, '\n');
    if (total_dead(run) != 0) {
        text_format_count(total_dead(run), out);
        buf_add_format(out, " %s: %s/" DEAD_LETTERS_FILE "\n",
                       count_word(total_dead(run), "dead letter", "dead letters"), run->state.path);
    }
}

static int report(const struct run *run)
{
    struct buf out = {0};
    status_write_summary(run->rows, run->topology->stage_count, &out);
    print_outcome(run, &out);
    int code = outcome_code(run->outcome);
    inherited_set_late_stops(code);
    if (run->takes_stdout)
        (void)command_write(STDERR_FILENO, &out, NULL); /* stdout is for the output only */
    else if (!inherited_was_closed(STDOUT_FILENO))      /* if it was closed, no summary is wanted */
        code = command_print(&out, code);
    buf_done(&out);
    if (run->reason[0] != '\0')
        log_line(LOG_ERROR, "stopped: %s", run->reason);
    return code;
}

static int take_stdin(struct run *run, const struct stage *stage, struct err *e)
{
    int fd;
    int rc = layout_open(run->state.stages_fd, stage, &fd, NULL, e);
    if (rc != 0)
        return rc;
    rc = stage_input_open(STDIN_FILENO, fd, &run->input, e);
    (void)close(fd);
    if (rc == 0 && run->input.unmarked)
        log_line(
            LOG_WARNING,
            "standard input is a named pipe whose size cannot be changed (too many pipes of "
            "this user, see /proc/sys/fs/pipe-user-pages-soft, or too much in it), so the "
            "next run would not recognize it: a line that was only partly read when this run is "
            "killed would be cut in two");
    return rc;
}

/* Opens standard input and output for the stages that use them. */
static int open_streams(struct run *run)
{
    run->input.relay_read_fd = run->input.relay_write_fd = -1;
    const struct stage *taker = NULL;
    for (size_t i = 0; i < run->topology->stage_count; i++) {
        if (run->topology->stages[i].kind->takes_stdin)
            taker = &run->topology->stages[i];
        run->takes_stdout |= run->topology->stages[i].kind->takes_stdout;
    }
    run->takes_stdin = taker != NULL;
    struct err e;
    if (run->takes_stdin && take_stdin(run, taker, &e) != 0) {
        log_line(LOG_ERROR, "%s", e.text);
        return EXIT_REFUSED;
    }
    bool typed = run->takes_stdin && isatty(STDIN_FILENO) == 1;
    if (typed && !run->quiet)
        log_line(LOG_INFO, "reading %s from the terminal; Ctrl-D ends the input",
                 record_format_chosen(taker->options) == RECORDS_MSGPACK ? "packed records"
                                                                         : "lines");
    /* Progress would appear in the middle of what is typed, or of the output. */
    run->quiet |= typed || (run->takes_stdout && isatty(STDOUT_FILENO) == 1);
    return EXIT_OK;
}

static void say_version(const struct run *run)
{
    const struct timeline *timeline = &run->topology->timeline;
    char version[VERSION_SHOWN_BYTES];
    const struct timeline_entry *newest = &timeline->entries[timeline->count - 1];
    log_line(LOG_INFO, "version %s from seq %" PRIu64 " on",
             timeline_show_version(newest->version.text, newest->number, version), newest->first);
}

static int run_all(struct run *run)
{
    int code = surroundings_require(!run->inline_host);
    if (code == EXIT_OK)
        code = command_load_topology(run->kinds, run->file, &run->settings,
                                     run->inline_host ? TOPOLOGY_LOGICAL : TOPOLOGY_PROCESSES,
                                     &run->source, &run->topology);
    if (code == EXIT_OK)
        code = command_preflight(run->topology, &run->source, run->state_path,
                                 run->inline_host ? PREFLIGHT_INLINE : PREFLIGHT_RUN);
    if (code == EXIT_OK && !run->inline_host)
        code = check_descriptors(run->topology);
    if (code == EXIT_OK)
        code = describe_version(run);
    if (code == EXIT_OK)
        code = open_state(run);
    if (code != EXIT_OK)
        return code;
    code = open_streams(run);
    if (code != EXIT_OK) {
        start_watch_end();
        state_dir_close(&run->state);
        return code;
    }
    make_rows(run);
    log_begin_times(); /* messages of a run have times; those of a refused start have none */
    say_version(run);
    code = run->inline_host ? run_inline(run) : run_processes(run);
    if (code == EXIT_OK)
        code = report(run);
    stage_input_close(&run->input);
    state_dir_close(&run->state);
    return code;
}

int command_run(kind_registry kinds, int argc, char **argv)
{
    struct run run = {.kinds = kinds};
    int code = command_parse(&command_run_syntax, argc, argv, take_option, &run, &run.file);
    if (code != EXIT_OK)
        return code;
    log_init("bulkhead", run.quiet ? LOG_WARNING : run.verbose ? LOG_DEBUG : LOG_INFO);
    if (inherited_was_real_time())
        log_line(LOG_WARNING,
                 "the real-time scheduling policy is replaced by the default one: the processes of "
                 "a run wait for each other, and one of them could block the others");
    code = run_all(&run);
    free(run.rows);
    free(run.begins_after);
    version_done(&run.version);
    topology_free(run.topology);
    topology_source_done(&run.source);
    return code;
}
