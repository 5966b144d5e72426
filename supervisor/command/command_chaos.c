/* SPDX-License-Identifier: MIT */
/*
 * chaos: runs the topology once undisturbed in one process, then as processes that are killed, in
 * as many rounds as the kills need, and compares the bytes of the outputs.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"
#include "supervisor/chaos/chaos_round.h"
#include "supervisor/command/command.h"
#include "supervisor/run/inherited.h"
#include "supervisor/run/state_dir.h"
#include "supervisor/run/surroundings.h"

#define KILLS_DEFAULT 100
#define TEXT_OF_(number) #number
#define TEXT_OF(number) TEXT_OF_(number)
#define KILLS_MAX 10000000
/* The limit of rounds in a row that end before anything was killed. */
#define EMPTY_ROUNDS_MAX 20u
#define SCRATCH_DEPTH_MAX 8u

struct chaos {
    kind_registry kinds;
    const char *file, *keep;
    const char *targets; /* NULL: all */
    bool quiet, verbose, has_seed;
    struct settings settings;
    struct topology_source source;
    struct topology *topology;
    struct chaos_plan plan;
    struct chaos_run run;
    struct chaos_report report;
    int refused_code; /* exit code of the reference run if it was refused, else 0 */
};

static int read_number(const char *option, const char *text, int64_t min, int64_t max,
                       uint64_t *ret_number)
{
    int64_t number;
    if (text_parse_int(text, &number) != 0 || number < min || number > max) {
        log_line(LOG_ERROR, "--%s takes a whole number from %lld to %lld, not '%s'", option,
                 (long long)min, (long long)max, text);
        return EXIT_USAGE;
    }
    *ret_number = (uint64_t)number;
    return EXIT_OK;
}

enum { CHAOS_KILLS, CHAOS_SEED, CHAOS_TARGETS, CHAOS_KEEP, CHAOS_SET, CHAOS_QUIET, CHAOS_VERBOSE };

static const struct command_option options[] = {
    [CHAOS_KILLS] = {"kills", "N", "total number of SIGKILLs; default: " TEXT_OF(KILLS_DEFAULT),
                     COMMAND_OPTION_ALONE},
    [CHAOS_SEED] = {"seed", "S",
                    "determines the order, the targets and the times of the disturbances; default: "
                    "random, and shown",
                    COMMAND_OPTION_ALONE},
    [CHAOS_TARGETS] = {"targets", "STAGE,...",
                       "disturb only these stages or workers, or the supervisor; default: all",
                       COMMAND_OPTION_ALONE},
    [CHAOS_KEEP] = {"keep", "DIR",
                    "use and keep DIR for scratch files; default: a temporary directory, removed "
                    "after success",
                    COMMAND_OPTION_ALONE},
    [CHAOS_SET] = COMMAND_OPTION_SET,
    [CHAOS_QUIET] = {"quiet", NULL, "show no progress", COMMAND_OPTION_ALONE},
    [CHAOS_VERBOSE] = {"verbose", NULL, "show every disturbance", COMMAND_OPTION_ALONE},
    {0}};

const struct command_syntax command_chaos_syntax = {
    "chaos", COMMAND_OPERAND_TOPOLOGY,
    "kill stages at random and prove that the output is the same", options};

static int take_option(void *context, size_t option, const char *value)
{
    struct chaos *c = context;
    switch (option) {
    case CHAOS_KILLS:
        return read_number("kills", value, 1, KILLS_MAX, &c->report.kills_wanted);
    case CHAOS_SEED:
        c->has_seed = true;
        return read_number("seed", value, 0, INT64_MAX, &c->report.seed);
    case CHAOS_SET:
        return command_add_setting(&c->settings, value);
    case CHAOS_TARGETS:
        c->targets = value;
        break;
    case CHAOS_KEEP:
        c->keep = value;
        break;
    case CHAOS_QUIET:
        c->quiet = true;
        break;
    case CHAOS_VERBOSE:
        c->verbose = true;
        break;
    default:
        UNREACHABLE();
    }
    return EXIT_OK;
}

/* --- targets --- */

struct chosen {
    bool stages[PROCESSES_MAX];
    bool supervisor;
};

static int unknown_target(const struct topology *t, const char *name)
{
    const char *names[2 * PROCESSES_MAX + 2];
    size_t count = 0;
    for (size_t i = 0; i < t->stage_count; i++) {
        names[count++] = t->stages[i].name;
        names[count++] = t->stages[i].base;
    }
    names[count++] = "supervisor";
    names[count++] = "all";
    const char *nearest = text_nearest(name, names, count);
    char hint[TEXT_SUGGESTION_BYTES];
    log_line(LOG_ERROR, "--targets: there is no stage '%s'%s", name,
             text_suggestion(nearest, "", hint));
    return EXIT_USAGE;
}

static void choose_all(const struct topology *t, struct chosen *chosen)
{
    for (size_t i = 0; i < t->stage_count; i++)
        chosen->stages[i] = true;
    chosen->supervisor = true;
}

/* A stage may be named `all` or `supervisor`; then the name means that stage. */
static int choose(const struct topology *t, const char *name, struct chosen *chosen)
{
    bool is_stage = false;
    for (size_t i = 0; i < t->stage_count; i++) {
        if (strcmp(t->stages[i].name, name) == 0 || strcmp(t->stages[i].base, name) == 0)
            chosen->stages[i] = is_stage = true;
    }
    if (is_stage)
        return EXIT_OK;
    if (strcmp(name, "supervisor") == 0)
        chosen->supervisor = true;
    else if (strcmp(name, "all") == 0)
        choose_all(t, chosen);
    else
        return unknown_target(t, name);
    return EXIT_OK;
}

static int make_plan(struct chaos *c)
{
    struct chosen chosen = {0};
    int code = EXIT_OK;
    if (c->targets == NULL)
        choose_all(c->topology, &chosen);
    for (const char *at = c->targets; code == EXIT_OK && at != NULL;) {
        const char *comma = strchr(at, ',');
        char *name = memory_dup(at, comma != NULL ? (size_t)(comma - at) : strlen(at));
        code = choose(c->topology, name, &chosen);
        free(name);
        at = comma != NULL ? comma + 1 : NULL;
    }
    size_t stages[PROCESSES_MAX], count = 0;
    for (size_t i = 0; i < c->topology->stage_count; i++) {
        if (chosen.stages[i])
            stages[count++] = i;
    }
    if (code == EXIT_OK)
        chaos_plan_init(&c->plan, c->report.seed, stages, count, chosen.supervisor);
    return code;
}

/* --- the scratch directory --- */

static bool is_empty(const char *path)
{
    DIR *dir = opendir(path);
    size_t count = 0;
    while (dir != NULL && readdir(dir) != NULL)
        count++;
    if (dir != NULL)
        (void)closedir(dir);
    return dir != NULL && count == 2;
}

/* Makes the scratch directory. Its path is made absolute, for the runs and for messages. */
static int make_scratch(struct chaos *c)
{
    const char *parent = getenv("TMPDIR");
    char *path = c->keep != NULL
                     ? memory_dup(c->keep, strlen(c->keep))
                     : memory_format("%s/bulkhead-chaos-XXXXXX",
                                     parent != NULL && *parent != '\0' ? parent : "/tmp");
    bool made = c->keep != NULL ? mkdir(path, 0700) == 0 || (errno == EEXIST && is_empty(path))
                                : mkdtemp(path) != NULL;
    if (!made) {
        struct err e;
        bool is_taken = c->keep != NULL && errno == EEXIST;
        (void)err_set_errno(&e, "cannot create the directory '%s'", path);
        err_note_new(&e, AT_FDCWD, path);
        log_line(LOG_ERROR, "%s%s", e.text,
                 is_taken ? "; --keep needs a new or empty directory" : "");
    }
    c->run.scratch = made ? realpath(path, NULL) : NULL;
    free(path);
    return c->run.scratch != NULL ? EXIT_OK : EXIT_REFUSED;
}

static void end_scratch(struct chaos *c)
{
    if (c->run.scratch == NULL)
        return;
    int fd;
    struct err e;
    if (c->keep != NULL || c->report.verdict == CHAOS_FAILED) {
        log_line(LOG_INFO, "the scratch directory is kept: %s", c->run.scratch);
    } else if (file_open(AT_FDCWD, c->run.scratch, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd,
                         &e) == 0) {
        if (state_dir_empty(fd, SCRATCH_DEPTH_MAX, &e) != 0 || rmdir(c->run.scratch) != 0)
            log_line(LOG_WARNING, "cannot remove '%s'", c->run.scratch);
        (void)close(fd);
    }
    free(c->run.scratch);
    c->run.scratch = NULL;
}

/* --- the rounds --- */

static void set_verdict(struct chaos *c, enum chaos_end end, const char *when)
{
    c->report.verdict = end == CHAOS_END_GOOD     ? CHAOS_SAME
                        : end == CHAOS_END_FAILED ? CHAOS_FAILED
                                                  : CHAOS_UNPROVEN;
    if (end == CHAOS_END_INTERRUPTED)
        buf_add_format(&c->report.reason, "interrupted %s\n", when);
}

static enum chaos_end run_round(struct chaos *c, struct chaos_display *display)
{
    struct err e;
    if (chaos_run_prepare(&c->run, &e) != 0) {
        buf_add_format(&c->report.reason, "%s\n", e.text);
        return CHAOS_END_FAILED;
    }
    enum chaos_end end = chaos_round(&c->run, &c->plan, display);
    if (end == CHAOS_END_GOOD && !chaos_run_check(&c->run))
        end = CHAOS_END_FAILED;
    if (end == CHAOS_END_GOOD)
        c->report.rounds++;
    return end;
}

static void run_rounds(struct chaos *c)
{
    struct chaos_display display;
    unsigned empty = 0;
    enum chaos_end end = CHAOS_END_GOOD;
    chaos_display_init(&display, c->topology->name, c->quiet);
    uint64_t kills = 0;
    while (end == CHAOS_END_GOOD && kills < c->report.kills_wanted && empty < EMPTY_ROUNDS_MAX) {
        end = run_round(c, &display);
        empty = chaos_report_kills(&c->report) == kills ? empty + 1 : 0;
        kills = chaos_report_kills(&c->report);
    }
    chaos_display_done(&display);
    set_verdict(c, end, "before all kills were done");
    if (end == CHAOS_END_GOOD && kills >= c->report.kills_wanted && c->report.bytes_compared == 0) {
        c->report.verdict = CHAOS_UNPROVEN;
        buf_add_text(&c->report.reason,
                     "there was no output to compare; give the topology more input\n");
    }
    if (end != CHAOS_END_GOOD || kills >= c->report.kills_wanted)
        return;
    c->report.verdict = CHAOS_UNPROVEN;
    buf_add_format(&c->report.reason,
                   "%u rounds in a row ended before anything could be killed; give the "
                   "topology more input\n",
                   EMPTY_ROUNDS_MAX);
}

static void run_all(struct chaos *c)
{
    struct err e;
    int code = -1;
    if (chaos_run_prepare(&c->run, &e) != 0) {
        buf_add_format(&c->report.reason, "%s\n", e.text);
        c->report.verdict = CHAOS_FAILED;
        return;
    }
    if (!c->quiet)
        log_line(LOG_INFO, "%s: seed %llu, reference run", c->topology->name,
                 (unsigned long long)c->report.seed);
    enum chaos_end end = chaos_run_reference(&c->run, &code);
    if (end == CHAOS_END_GOOD)
        run_rounds(c);
    else
        set_verdict(c, end, "in the reference run");
    /* A topology that is refused even undisturbed was not tested. */
    if (end == CHAOS_END_FAILED && code > 0)
        c->refused_code = code;
}

static int report(struct chaos *c)
{
    static const int codes[] = {
        [CHAOS_SAME] = EXIT_OK, [CHAOS_FAILED] = EXIT_DIFFERENT, [CHAOS_UNPROVEN] = EXIT_UNPROVEN};
    struct buf out = {0};
    if (c->refused_code != 0) {
        fprintf(stderr, "bulkhead: error: %s", buf_text(&c->report.reason));
        c->report.verdict = CHAOS_UNPROVEN;
        return c->refused_code;
    }
    chaos_report_write(&c->report, c->topology, &out);
    int code = codes[c->report.verdict];
    end_scratch(c);
    inherited_set_late_stops(code);
    code = command_print(&out, code);
    buf_done(&out);
    return code;
}

static bool is_followed(const struct stage *stage)
{
    for (size_t i = 0; i < stage->options->count; i++) {
        const struct option_value *o = &stage->options->items[i];
        if (strcmp(o->spec->name, "follow") == 0)
            return o->number == 1;
    }
    return false;
}

/* The outputs are compared after two runs, both from the beginning of the input to its end. */
static int check_repeatable(const struct topology *t)
{
    for (size_t i = 0; i < t->stage_count; i++) {
        const struct kind *kind = t->stages[i].kind;
        if (is_followed(&t->stages[i])) {
            log_line(LOG_ERROR,
                     "stage '%s': an input that is followed has no end at which to compare; use "
                     "--set %s.follow=false",
                     t->stages[i].name, t->stages[i].name);
            return EXIT_REFUSED;
        }
        if (t->stages[i].ops == NULL) {
            log_line(LOG_ERROR,
                     "stage '%s': kind '%s' is in the program '%s', so it cannot take part in the "
                     "reference run of chaos, which is a single process",
                     t->stages[i].name, kind->name, kind->program);
            return EXIT_REFUSED;
        }
        if (!kind->takes_stdin && !kind->takes_stdout)
            continue;
        log_line(LOG_ERROR,
                 "stage '%s': the records of %s cannot be read twice and compared; run chaos on "
                 "files",
                 t->stages[i].name, kind->name);
        return EXIT_REFUSED;
    }
    return EXIT_OK;
}

static int prepare(struct chaos *c)
{
    uint32_t drawn;
    int code = surroundings_require(true);
    if (code == EXIT_OK)
        code = command_load_topology(c->kinds, c->file, &c->settings, TOPOLOGY_PROCESSES,
                                     &c->source, &c->topology);
    if (code == EXIT_OK)
        code = check_repeatable(c->topology);
    if (code == EXIT_OK)
        code = command_check_files(c->topology, &c->source, NULL);
    if (code != EXIT_OK)
        return code;
    if (!c->has_seed && getrandom(&drawn, sizeof drawn, 0) == (ssize_t)sizeof drawn)
        c->report.seed = drawn;
    code = make_plan(c);
    /* From here on a signal does not end this process, so the directory is always removed. */
    struct err e;
    if (code == EXIT_OK && chaos_children_init(&e) != 0) {
        log_line(LOG_ERROR, "%s", e.text);
        code = EXIT_FAILED;
    }
    return code == EXIT_OK ? make_scratch(c) : code;
}

int command_chaos(kind_registry kinds, int argc, char **argv)
{
    struct chaos c = {.kinds = kinds, .report = {.kills_wanted = KILLS_DEFAULT}};
    int code = command_parse(&command_chaos_syntax, argc, argv, take_option, &c, &c.file);
    if (code != EXIT_OK)
        return code;
    log_init("bulkhead", c.verbose ? LOG_DEBUG : LOG_INFO);
    code = prepare(&c);
    if (code == EXIT_OK) {
        c.run.topology = c.topology;
        c.run.source = &c.source;
        c.run.user = &c.settings;
        c.run.verbose = c.verbose;
        c.run.report = &c.report;
        uint64_t started_ms = clock_monotonic_ms();
        run_all(&c);
        c.report.elapsed_ms = clock_monotonic_ms() - started_ms;
        code = report(&c);
    }
    end_scratch(&c);
    chaos_report_done(&c.report);
    topology_free(c.topology);
    topology_source_done(&c.source);
    return code;
}
