/* SPDX-License-Identifier: MIT */
/*
 * The log where nobody reads it, or slowly: lines come whole and in their order, and as many as are
 * missing are said to be lost, in their place. Each case is a process of its own, which is also the
 * reader of its standard error.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/log.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("line %d: %s\n", __LINE__, #condition);                                         \
            (void)fflush(stdout);                                                                  \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

/* Runs a case with fd[0] as the other end of its standard error. */
static void run(void (*body)(int reader), bool is_socket)
{
    (void)fflush(NULL);
    uint64_t seed = random_bits();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int ends[2], least = 1;
        (void)alarm(60);
        random_state = seed;
        CHECK((is_socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends)) == 0);
        if (is_socket)
            CHECK(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &least, sizeof least) == 0);
        else
            CHECK(fcntl(ends[1], F_SETPIPE_SZ, 4096) >= 0);
        CHECK(dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
        (void)close(ends[1]);
        body(ends[0]);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Reads so many bytes at the most, of those that are there. */
static void read_some(int reader, size_t max, struct buf *seen)
{
    struct pollfd ready = {.fd = reader, .events = POLLIN};
    while (max > 0 && poll(&ready, 1, 0) > 0) {
        ssize_t n = read(reader, buf_reserve(seen, max), max);
        CHECK(n > 0);
        seen->len += (size_t)n;
        max -= (size_t)n;
    }
}

static void assert_seen(int reader, const char *expected)
{
    struct buf seen = {0};
    read_some(reader, 100000, &seen);
    if (strcmp(buf_text(&seen), expected) != 0) {
        printf("'%s'\nis not '%s'\n", buf_text(&seen), expected);
        (void)fflush(stdout);
        _exit(1);
    }
    buf_done(&seen);
}

static void clear(void)
{
    log_raw("<clear>", 7);
}

static void say_lines(int reader)
{
    log_init("t", LOG_INFO);
    log_line(LOG_ERROR, "it is %d", 7);
    log_line(LOG_WARNING, "so");
    log_line(LOG_INFO, "and");
    log_line(LOG_DEBUG, "not this");
    log_flush();
    assert_seen(reader, "t: error: it is 7\nt: warning: so\nt: and\n");
    log_init("", LOG_DEBUG);
    log_line(LOG_DEBUG, "this");
    log_line(LOG_INFO, "%s", "two\nlines\x1b[0m \xff \xc3\xa9");
    assert_seen(reader, "debug: this\ntwo\\x0alines\\x1b[0m \\xff \xc3\xa9\n");
    log_raw("as it is\r", 9);
    log_set_before_line(clear);
    log_line(LOG_INFO, "a");
    log_set_before_line(NULL);
    log_line(LOG_INFO, "b");
    assert_seen(reader, "as it is\r<clear>a\nb\n");
    CHECK(log_lost() == 0);
}

static void a_line_says_who_and_what(void **state)
{
    (void)state;
    run(say_lines, false);
}

static void say_times(int reader)
{
    struct buf seen = {0};
    int year, month, day, hour, minute, second, ms, len = 0;
    log_init("t", LOG_INFO);
    log_begin_times();
    log_line(LOG_ERROR, "x");
    read_some(reader, 1000, &seen);
    CHECK(sscanf(buf_text(&seen), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ t: error: x%n", &year, &month, &day,
                 &hour, &minute, &second, &ms, &len) == 7);
    CHECK(len == (int)seen.len - 1 && seen.len == strlen("2026-11-30T04:31:29.123Z t: error: x\n"));
    buf_done(&seen);
}

static void a_line_says_when(void **state)
{
    (void)state;
    run(say_times, false);
}

static void say_too_much(int reader)
{
    struct buf seen = {0};
    static char text[3000], control[2000];
    memset(text, 'x', sizeof text - 1);
    memset(control, 1, sizeof control - 1);
    log_init("t", LOG_INFO);
    log_line(LOG_INFO, "%s", text);
    read_some(reader, 10000, &seen);
    CHECK(seen.len <= 4096 && seen.data[seen.len - 1] == '\n');
    CHECK(strspn(buf_text(&seen) + 3, "x") == seen.len - 4);
    buf_reset(&seen);
    log_line(LOG_INFO, "%s", control);
    read_some(reader, 10000, &seen);
    CHECK(seen.len == 4096 && seen.data[seen.len - 1] == '\n');
    buf_done(&seen);
}

static void a_long_line_is_cut_and_ends(void **state)
{
    (void)state;
    run(say_too_much, false);
}

/*
 * Goes over what was seen: line N is "N \x01\x01", or says that so many before the next are lost.
 */
static uint64_t check_lines(struct buf *seen, uint64_t said)
{
    uint64_t next = 0, lost_all = 0;
    const char *line = buf_text(seen);
    CHECK(seen->len != 0 && seen->data[seen->len - 1] == '\n');
    while (*line != '\0') {
        unsigned long long number, lost;
        int len = -1;
        (void)sscanf(
            line, "t: warning: %llu log line%*[s] were lost: standard error was not being read%n",
            &lost, &len);
        if (len < 0)
            (void)sscanf(line,
                         "t: warning: %llu log line was lost: standard error was not being read%n",
                         &lost, &len);
        if (len >= 0) {
            CHECK(lost > 0);
            next += lost;
            lost_all += lost;
        } else {
            (void)sscanf(line, "t: %llu%n", &number, &len);
            CHECK(len > 0 && line[len++] == ' ');
            CHECK(number == next);
            len += (int)strspn(line + len, "\\x01");
            next++;
        }
        CHECK(len > 0 && line[len] == '\n');
        line += len + 1;
    }
    CHECK(next == said);
    return lost_all;
}

/* Says lines of all lengths, and reads now and then. */
static void say_and_read(int reader)
{
    static char text[1010]; /* four bytes each: a socket takes a part of such a line */
    struct buf seen = {0};
    memset(text, 1, sizeof text - 1);
    log_init("t", LOG_INFO);
    uint64_t said = 0;
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t wanted = random_below(10);
        if (wanted < 6)
            log_line(LOG_INFO, "%llu %.*s", (unsigned long long)said++,
                     (int)random_below(random_below(4) == 0 ? 1000 : 10), text);
        else if (wanted < 9)
            read_some(reader, random_below(3) == 0 ? 10000 : 1 + random_below(500), &seen);
        else
            log_flush();
    }
    for (unsigned i = 0; i < 10; i++) {
        read_some(reader, 1000000, &seen);
        log_flush();
    }
    uint64_t lost = check_lines(&seen, said);
    CHECK(lost == log_lost());
    CHECK(lost > 0 && lost < said); /* or this tries nothing */
    buf_done(&seen);
}

static void lines_are_whole_or_counted(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        run(say_and_read, false);
        run(say_and_read, true);
    }
}

static void a_prefix_is_skipped(void **state)
{
    (void)state;
    static const struct {
        const char *line, *rest;
        enum log_level level;
    } lines[] = {
        {"warning: a", "a", LOG_WARNING},
        {"error: a", "a", LOG_ERROR},
        {"debug: ", "", LOG_DEBUG},
        {"bulkhead: error: a: b", "a: b", LOG_ERROR},
        {"bulkhead: out of memory", "out of memory", LOG_WARNING},
        {"bulkhead: warning: error: a", "error: a", LOG_WARNING},
        {"error:a", "error:a", LOG_WARNING},
        {"an error: a", "an error: a", LOG_WARNING},
        {"warning:", "warning:", LOG_WARNING},
        {"", "", LOG_WARNING},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        const char *line = lines[i].line;
        size_t len = strlen(line);
        assert_int_equal(log_skip_prefix(&line, &len), lines[i].level);
        assert_string_equal(line, lines[i].rest);
        assert_int_equal(len, strlen(lines[i].rest));
    }
}

int main(int argc, char **argv)
{
    random_init("log_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_says_who_and_what),    cmocka_unit_test(a_line_says_when),
        cmocka_unit_test(a_long_line_is_cut_and_ends), cmocka_unit_test(lines_are_whole_or_counted),
        cmocka_unit_test(a_prefix_is_skipped),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
