/* SPDX-License-Identifier: MIT */
/*
 * The simulation of whole pipelines, see README.md in this directory. Without arguments it plays
 * the seeds of CI. Workers are processes that share the seeds. A seed that fails is played once
 * more, with its trace.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/sim_base.h"
#include "tests/sim/sim_story.h"
#include "tests/sim/sim_topology.h"

/* The seeds that CI plays with each build; sanitizers make that several times slower. */
#if defined(__SANITIZE_ADDRESS__)
#define SEEDS_OF_CI 200u
#else
#define SEEDS_OF_CI 5000u
#endif
#define WORKERS_MAX 16u

struct play_options {
    uint64_t first, last;
    bool graphs; /* random topologies only */
    int profile; /* -1: each seed has its own */
    unsigned minutes;
    unsigned workers;
    bool verbose;
    bool one; /* --seed: play it in this process, with the trace */
};

/* Shared by the workers and their parent. */
struct worker {
    uint64_t seed; /* the one being played */
    bool playing;
    struct story_totals totals;
};

static char replay[256];

/* Real time: the calls of the program itself return the simulated one. */
static double now_seconds(void)
{
    struct timeval now;
    (void)gettimeofday(&now, NULL);
    return (double)now.tv_sec + (double)now.tv_usec / 1e6;
}

static enum profile profile_of(const struct play_options *options, uint64_t seed)
{
    return options->profile >= 0 ? (enum profile)options->profile : story_profile(seed);
}

static void on_crash(int number)
{
    (void)signal(number, SIG_DFL);
    trace_dump();
    printf("FAILED: signal %d\nreplay: %s\n", number, replay);
    (void)fflush(stdout);
    (void)raise(number);
}

static int play_one(const char *program, const struct play_options *options, uint64_t seed)
{
    enum profile profile = profile_of(options, seed);
    struct story_totals totals = {0};
    (void)snprintf(replay, sizeof replay, "%s%s --seed %" PRIu64 " --profile %s", program,
                   options->graphs ? " --graphs" : "", seed, profile_name(profile));
    sim_report =
        (struct sim_report){.tracing = true, .verbose = options->verbose, .replay = replay};
    (void)signal(SIGABRT, on_crash);
    (void)signal(SIGSEGV, on_crash);
    story_play(seed, profile, &totals);
    printf("seed %" PRIu64 " (%s): %" PRIu64 " steps, %" PRIu64 " faults, ok\n", seed,
           profile_name(profile), totals.steps, totals.faults);
    return 0;
}

static void be_worker(const struct play_options *options, struct worker *worker, unsigned index)
{
    double until = now_seconds() + 60.0 * options->minutes;
    sim_report.replay = "";
    for (uint64_t seed = options->first + index;
         seed <= options->last && (options->minutes == 0 || now_seconds() < until);
         seed += options->workers) {
        worker->seed = seed;
        worker->playing = true;
        story_play(seed, profile_of(options, seed), &worker->totals);
        worker->playing = false;
    }
    story_done();
    exit(0);
}

static void add_up(const struct worker *workers, unsigned count, struct story_totals *sum)
{
    for (unsigned i = 0; i < count; i++) {
        const struct story_totals *t = &workers[i].totals;
        sum->seeds += t->seeds;
        sum->steps += t->steps;
        sum->kills += t->kills;
        sum->lives += t->lives;
        sum->power_losses += t->power_losses;
        sum->faults += t->faults;
        sum->checks += t->checks;
    }
}

static int play_all(const char *program, const struct play_options *options)
{
    struct worker *workers = mmap(NULL, WORKERS_MAX * sizeof *workers, PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[WORKERS_MAX];
    if (workers == MAP_FAILED)
        return 1;
    double started = now_seconds();
    (void)fflush(stdout);
    for (unsigned i = 0; i < options->workers; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            /* The replay prints the failure again. */
            if (freopen("/dev/null", "w", stdout) == NULL)
                exit(1);
            be_worker(options, &workers[i], i);
        }
    }
    uint64_t failed = UINT64_MAX;
    for (unsigned i = 0; i < options->workers; i++) {
        int status = 0;
        if (pids[i] < 0 || waitpid(pids[i], &status, 0) < 0 || status != 0)
            failed = workers[i].seed < failed ? workers[i].seed : failed;
    }
    struct story_totals sum = {0};
    add_up(workers, options->workers, &sum);
    printf("%" PRIu64 " seeds in %.1f s: %" PRIu64 " steps, %" PRIu64 " faults, %" PRIu64
           " processes killed, %" PRIu64 " supervisors, %" PRIu64 " power losses, %" PRIu64
           " recoveries checked\n",
           sum.seeds, now_seconds() - started, sum.steps, sum.faults, sum.kills, sum.lives,
           sum.power_losses, sum.checks);
    if (failed == UINT64_MAX)
        return 0;
    printf("seed %" PRIu64 " fails:\n", failed);
    (void)fflush(stdout);
    (void)play_one(program, options, failed);
    printf("FAILED: seed %" PRIu64 " failed in a worker, and not when it was played alone\n",
           failed);
    return 1;
}

static int usage(void)
{
    fputs("usage: pipeline_test [--seeds FIRST..LAST | --seed N] [--minutes M] [--workers N]\n"
          "                     [--profile kills|power|network|disk|all] [--graphs] [--verbose]\n",
          stderr);
    return 2;
}

static bool parse_profile(const char *text, int *ret_profile)
{
    for (int i = 0; i < PROFILES; i++) {
        if (strcmp(text, profile_name((enum profile)i)) == 0) {
            *ret_profile = i;
            return true;
        }
    }
    return false;
}

static bool parse(int argc, char **argv, struct play_options *o)
{
    static const struct option table[] = {
        {"seeds", required_argument, NULL, 's'},   {"seed", required_argument, NULL, '1'},
        {"minutes", required_argument, NULL, 'm'}, {"workers", required_argument, NULL, 'w'},
        {"profile", required_argument, NULL, 'p'}, {"graphs", no_argument, NULL, 'g'},
        {"verbose", no_argument, NULL, 'v'},       {0}};
    int c;
    while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
        switch (c) {
        case 's':
            if (sscanf(optarg, "%" SCNu64 "..%" SCNu64, &o->first, &o->last) != 2)
                return false;
            break;
        case '1':
            o->first = o->last = strtoull(optarg, NULL, 0);
            o->one = true;
            break;
        case 'm':
            o->minutes = (unsigned)strtoul(optarg, NULL, 10);
            o->last = UINT64_MAX - WORKERS_MAX;
            break;
        case 'w':
            o->workers = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'p':
            if (!parse_profile(optarg, &o->profile))
                return false;
            break;
        case 'g':
            o->graphs = true;
            topologies_random_only();
            break;
        case 'v':
            o->verbose = true;
            break;
        default:
            return false;
        }
    }
    return optind == argc && o->first <= o->last && o->workers >= 1 && o->workers <= WORKERS_MAX;
}

int main(int argc, char **argv)
{
    struct play_options options = {.first = 1, .last = SEEDS_OF_CI, .profile = -1, .workers = 2};
    if (!parse(argc, argv, &options))
        return usage();
    story_init();
    int code =
        options.one ? play_one(argv[0], &options, options.first) : play_all(argv[0], &options);
    story_done();
    return code;
}
