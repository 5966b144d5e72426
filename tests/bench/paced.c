/* SPDX-License-Identifier: MIT */
/*
 * Feeds a running topology at a fixed rate and times every record from its write to its output.
 *
 *   paced --output FILE --results FILE [--to FILE] [--fill N] [--rate N] [--count N]
 *
 * Writes loads as lines to standard output, or to the end of the file --to, and watches the output
 * file, in which line n must be the answer to load n. First come N loads to fill the state, as fast
 * as they are taken; when all have their answers it says "filled" on standard error. Then come
 * `count` loads, `rate` a second, or fewer if SIGTERM comes before. When all have their answers,
 * the results file gets two u64 in nanoseconds of CLOCK_MONOTONIC for each of these: when it was
 * written, and when its answer was seen.
 *
 * A record counts from just before its write. If the one before it could not be written in time,
 * because nobody took it, it counts from when it was due: a stall is not hidden by waiting.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)
#define CUSTOMERS 20000
#define LINE_MAX_BYTES 160
#define READ_BYTES (256u << 10)

struct paced {
    const char *output, *results, *to;
    uint64_t fill, rate, count;
    int write_fd;
    uint64_t *sent_ns, *seen_ns;
    _Atomic uint64_t wanted;  /* answers in all, those of the fill too */
    _Atomic uint64_t answers; /* seen so far */
};

static volatile sig_atomic_t stopped;

static void on_stop(int signal_number)
{
    (void)signal_number;
    stopped = 1;
}

static _Noreturn void give_up(const char *what)
{
    (void)fprintf(stderr, "paced: %s%s%s\n", what, errno != 0 ? ": " : "",
                  errno != 0 ? strerror(errno) : "");
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void sleep_until(uint64_t at_ns)
{
    struct timespec at = {.tv_sec = (time_t)(at_ns / NS_PER_S),
                          .tv_nsec = (long)(at_ns % NS_PER_S)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        ;
}

static void write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            give_up("write");
        bytes += n;
        len -= (size_t)n;
    }
}

/* ---- The answers ------------------------------------------------------------------------- */

/* Every answer begins with the number of its load: nothing lost, doubled or out of order. */
static void check_answer(const char *line, size_t len, uint64_t number)
{
    char wanted[48];
    int n = snprintf(wanted, sizeof wanted, "{\"id\":\"%" PRIu64 "\",", number);
    errno = 0;
    if (len < (size_t)n || memcmp(line, wanted, (size_t)n) != 0)
        give_up("an answer is missing, doubled or out of order");
}

static void take_answer(struct paced *p, const char *line, size_t len, uint64_t at_ns)
{
    uint64_t number = atomic_load_explicit(&p->answers, memory_order_relaxed);
    if (number >= atomic_load_explicit(&p->wanted, memory_order_relaxed))
        give_up("more answers than loads");
    check_answer(line, len, number);
    if (number >= p->fill)
        p->seen_ns[number - p->fill] = at_ns;
    atomic_store_explicit(&p->answers, number + 1, memory_order_release);
}

/* Takes the lines that are whole; returns how many bytes are left. */
static size_t take_lines(struct paced *p, char *buffer, size_t len, uint64_t at_ns)
{
    char *line = buffer, *end = buffer + len, *newline;
    while ((newline = memchr(line, '\n', (size_t)(end - line))) != NULL) {
        take_answer(p, line, (size_t)(newline - line), at_ns);
        line = newline + 1;
    }
    memmove(buffer, line, (size_t)(end - line));
    return (size_t)(end - line);
}

/*
 * What is read behind the last whole line is not yet a line, and may be cut off again by a stage
 * that was killed, so a line counts only with its newline, and reading goes on behind that.
 */
static void *watch(void *opaque)
{
    struct paced *p = opaque;
    int notify_fd = inotify_init1(IN_CLOEXEC), fd = -1;
    char *buffer = malloc(READ_BYTES);
    uint64_t offset = 0;
    if (notify_fd < 0 || buffer == NULL)
        give_up("inotify");
    while ((fd = open(p->output, O_RDONLY | O_CLOEXEC)) < 0)
        sleep_until(now_ns() + NS_PER_S / 1000);
    if (inotify_add_watch(notify_fd, p->output, IN_MODIFY) < 0)
        give_up(p->output);
    while (atomic_load(&p->answers) < atomic_load(&p->wanted)) {
        ssize_t n = pread(fd, buffer, READ_BYTES, (off_t)offset);
        if (n < 0)
            give_up(p->output);
        if (n > 0) {
            size_t left = take_lines(p, buffer, (size_t)n, now_ns());
            offset += (uint64_t)n - left;
            if (left < (size_t)n)
                continue;
        }
        char events[sizeof(struct inotify_event) + NAME_MAX + 1];
        (void)!read(notify_fd, events, sizeof events);
    }
    free(buffer);
    (void)close(fd);
    (void)close(notify_fd);
    return NULL;
}

/* ---- The loads --------------------------------------------------------------------------- */

static size_t format_load(char *line, uint64_t number)
{
    int n = snprintf(line, LINE_MAX_BYTES,
                     "{\"id\":\"%" PRIu64 "\",\"customer_id\":\"%" PRIu64
                     "\",\"load_amount\":\"$%" PRIu64 ".25\",\"time\":\"2000-01-%02" PRIu64
                     "T12:00:00Z\"}\n",
                     number, number % CUSTOMERS, number % 1000, 1 + number / CUSTOMERS % 14);
    return (size_t)n;
}

static void wait_for_answers(struct paced *p, uint64_t wanted)
{
    while (atomic_load_explicit(&p->answers, memory_order_acquire) < wanted)
        sleep_until(now_ns() + NS_PER_S / 1000);
}

static void fill(struct paced *p)
{
    char *buffer = malloc(READ_BYTES);
    size_t len = 0;
    if (buffer == NULL)
        give_up("memory");
    for (uint64_t i = 0; i < p->fill; i++) {
        len += format_load(buffer + len, i);
        if (len > READ_BYTES - LINE_MAX_BYTES || i + 1 == p->fill) {
            write_all(p->write_fd, buffer, len);
            len = 0;
        }
    }
    free(buffer);
    wait_for_answers(p, p->fill);
    (void)fprintf(stderr, "filled\n");
}

static void pace(struct paced *p)
{
    uint64_t start_ns = now_ns(), interval_ns = NS_PER_S / p->rate;
    char line[LINE_MAX_BYTES];
    for (uint64_t i = 0; i < p->count; i++) {
        if (stopped != 0) {
            /* The watcher is woken by the last answer, which it must not have seen before. */
            p->count = i + 1;
            atomic_store(&p->wanted, p->fill + p->count);
        }
        uint64_t due_ns = start_ns + i * interval_ns;
        size_t len = format_load(line, p->fill + i);
        bool late = now_ns() > due_ns;
        if (!late)
            sleep_until(due_ns);
        p->sent_ns[i] = late ? due_ns : now_ns();
        write_all(p->write_fd, line, len);
    }
}

static void write_results(const struct paced *p)
{
    FILE *file = fopen(p->results, "wb");
    if (file == NULL)
        give_up(p->results);
    for (uint64_t i = 0; i < p->count; i++) {
        uint64_t pair[2] = {p->sent_ns[i], p->seen_ns[i]};
        if (fwrite(pair, sizeof pair, 1, file) != 1)
            give_up(p->results);
    }
    if (fclose(file) != 0)
        give_up(p->results);
}

static void parse_arguments(int argc, char **argv, struct paced *p)
{
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"results", required_argument, NULL, 'r'},
                                            {"to", required_argument, NULL, 't'},
                                            {"fill", required_argument, NULL, 'f'},
                                            {"rate", required_argument, NULL, 'R'},
                                            {"count", required_argument, NULL, 'c'},
                                            {0}};
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'o':
            p->output = optarg;
            break;
        case 'r':
            p->results = optarg;
            break;
        case 't':
            p->to = optarg;
            break;
        case 'f':
            p->fill = strtoull(optarg, NULL, 10);
            break;
        case 'R':
            p->rate = strtoull(optarg, NULL, 10);
            break;
        case 'c':
            p->count = strtoull(optarg, NULL, 10);
            break;
        default:
            exit(2);
        }
    }
    if (p->output == NULL || p->results == NULL || p->rate == 0 || p->count == 0) {
        (void)fprintf(stderr, "usage: paced --output FILE --results FILE [--to FILE] [--fill N] "
                              "[--rate N] [--count N]\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    struct paced p = {.rate = 1000, .count = 1000, .write_fd = STDOUT_FILENO};
    parse_arguments(argc, argv, &p);
    (void)prctl(PR_SET_TIMERSLACK, 1);
    if (p.to != NULL)
        p.write_fd = open(p.to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    atomic_store(&p.wanted, p.fill + p.count);
    (void)signal(SIGTERM, on_stop);
    p.sent_ns = calloc(p.count, sizeof *p.sent_ns);
    p.seen_ns = calloc(p.count, sizeof *p.seen_ns);
    if (p.write_fd < 0 || p.sent_ns == NULL || p.seen_ns == NULL)
        give_up("start");
    pthread_t watcher;
    if (pthread_create(&watcher, NULL, watch, &p) != 0)
        give_up("thread");
    fill(&p);
    pace(&p);
    (void)pthread_join(watcher, NULL);
    write_results(&p);
    return 0;
}
