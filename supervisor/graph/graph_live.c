/* SPDX-License-Identifier: MIT */
/*
 * Asks for the status of the run every second. Signals are blocked, and waited for together with
 * the time, so everything happens in one place: restoring the terminal, being stopped and
 * continued, a change of its size. On a terminal the pictures are drawn on the alternate screen,
 * and the last one is left on the normal screen.
 */
#include "supervisor/graph/graph_live.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/count.h"
#include "common/log.h"
#include "common/memory.h"
#include "ipc/lock_holder.h"
#include "supervisor/client/control_client.h"
#include "supervisor/run/exit_codes.h"
#include "supervisor/run/inherited.h"
#include "supervisor/run/state_dir.h"

#define LOOK_SECONDS 1

/* Switches to the alternate screen, hides the cursor and turns line wrap off; and back. */
#define SCREEN_ENTER "\033[?1049h\033[?25l\033[?7l"
#define SCREEN_LEAVE "\033[?7h\033[?25h\033[?1049l"

struct live {
    const struct graph_view *view;
    struct graph_style style;
    char *state_path;
    struct status_snapshot before; /* the status before the last one */
    struct status_snapshot now;    /* the last status */
    struct status_snapshot next;   /* the status that is being read */
    struct graph_numbers numbers[STAGES_MAX];
    sigset_t signals;        /* the signals that are blocked and waited for */
    sigset_t before_signals; /* the signal mask as it was before */
    int out_fd;
    bool stuck;      /* stdout accepted nothing until a signal came; we no longer wait for it */
    bool unanswered; /* a supervisor is running, but did not answer the last request */
};

static void on_stop(int number)
{
    (void)number; /* its only purpose is to interrupt a call */
}

/*
 * Writes to stdout through a descriptor that does not block: the user may have stopped the
 * terminal. Returns false if stdout accepts nothing, or if a signal that asks to stop came first.
 */
static bool write_text(struct live *live, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    while (len > 0) {
        ssize_t n = write(live->out_fd, at, len);
        struct pollfd ready = {.fd = live->out_fd, .events = POLLOUT};
        if (n < 0 && errno == EAGAIN)
            live->stuck = live->stuck || ppoll(&ready, 1, NULL, &live->before_signals) < 0;
        if (n < 0 && !live->stuck && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

/* Blocks the signals that we wait for, together with the time or with stdout. */
static void take_signals(struct live *live)
{
    (void)sigemptyset(&live->signals);
    inherited_heed_stops(&live->signals);
    inherited_set_stops(on_stop);
    inherited_heed(&live->signals, SIGTSTP);
    inherited_heed(&live->signals, SIGWINCH);
    (void)sigprocmask(SIG_BLOCK, &live->signals, &live->before_signals);
    /* A file never blocks; if it were opened again, it would be overwritten from its beginning. */
    struct stat st;
    bool blocks = fstat(STDOUT_FILENO, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode));
    live->out_fd =
        blocks ? open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
    if (live->out_fd < 0)
        live->out_fd = STDOUT_FILENO;
}

/*
 * Asks the supervisor, and reads its status into live->next.
 * Returns: 0; ERR_NOT_FOUND: there is none; ERR_BUSY: it does not answer; ERR_INVALID: the answer
 *          is not a status.
 */
static int look(struct live *live, struct err *e)
{
    int fd = control_client_connect(live->state_path);
    if (fd < 0)
        return control_client_explain(live->state_path, e);
    struct buf answer = {0};
    int rc = control_client_exchange(fd, "status json", &answer);
    (void)close(fd);
    if (rc != 0 || answer.len < 3 || memcmp(answer.data, "ok\n", 3) != 0)
        rc = lock_holder_of(live->state_path) != 0
                 ? err_set(e, ERR_BUSY, "the supervisor does not answer")
                 : err_set(e, ERR_NOT_FOUND, "the supervisor is gone");
    else
        rc = status_read(answer.data + 3, answer.len - 3, &live->next, e);
    buf_done(&answer);
    return rc;
}

/* Asks again. Returns what look() returns, or ERR_MISMATCH: something else is running there now. */
static int look_again(struct live *live, struct err *e)
{
    int rc = look(live, e);
    if (rc != 0)
        return rc;
    if (strcmp(live->next.topology, live->view->name) != 0)
        return err_set(e, ERR_MISMATCH, "'%s' is running topology '%s', not '%s'", live->state_path,
                       live->next.topology, live->view->name);
    live->before = live->now.pid != 0 ? live->now : live->next;
    live->now = live->next;
    if (!graph_numbers_make(live->view, &live->before, &live->now, live->numbers))
        return err_set(e, ERR_MISMATCH, "'%s' is running another version of topology '%s'",
                       live->state_path, live->view->name);
    return 0;
}

static size_t rows_of(const struct buf *text)
{
    size_t rows = 0;
    for (size_t i = 0; i < text->len; i++)
        rows += text->data[i] == '\n';
    return rows;
}

static void write_head(const struct live *live, struct buf *out)
{
    uint64_t restarts = 0;
    for (size_t i = 0; i < live->now.stage_count; i++)
        restarts += live->now.stages[i].restarts;
    char version[VERSION_SHOWN_BYTES];
    buf_add_format(
        out, "%s (version %s), pid %" PRIu64 ", up %" PRIu64 " s, %" PRIu64 " %s%s\n",
        live->view->name,
        timeline_show_version(live->now.version, (int64_t)live->now.version_number, version),
        live->now.pid, live->now.up_ms / 1000, restarts,
        count_word(restarts, "restart", "restarts"), live->unanswered ? ", not answering now" : "");
}

/* Writes the picture with the numbers, or the list if the picture needs more than `rows` rows. */
static void write_picture(const struct live *live, size_t rows, struct buf *out)
{
    write_head(live, out);
    graph_write_picture(live->view, &live->style, out);
    if (rows_of(out) <= rows)
        return;
    buf_reset(out);
    write_head(live, out);
    graph_write_list(live->view, &live->style, out);
}

/* Draws over the present contents of the screen. What does not fit below is cut. */
static bool draw_screen(struct live *live)
{
    struct winsize size;
    size_t rows = SIZE_MAX;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 && size.ws_col > 0) {
        rows = size.ws_row;
        live->style.columns = size.ws_col;
    }
    struct buf picture = {0}, out = {0};
    write_picture(live, rows, &picture);
    bool cut = rows_of(&picture) > rows;
    buf_add_text(&out, "\033[H");
    const uint8_t *line = picture.data, *end = picture.data + picture.len;
    for (size_t row = 1; line < end && row <= rows; row++) {
        size_t len = (size_t)((const uint8_t *)memchr(line, '\n', (size_t)(end - line)) - line);
        if (cut && row == rows)
            buf_add_text(&out, "... the terminal has too few lines");
        else
            buf_add(&out, line, len);
        /* No newline after the last row: the screen would scroll. */
        buf_add_text(&out, row < rows ? "\033[K\n" : "\033[K");
        line += len + 1;
    }
    buf_add_text(&out, "\033[J");
    bool good = write_text(live, out.data, out.len);
    buf_done(&picture);
    buf_done(&out);
    return good;
}

/* Waits until it is time or a signal comes. Returns the signal, or 0 if it is time. */
static int wait_signal(const struct live *live, const struct timespec *until)
{
    struct timespec now, rest = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t rest_ns = (int64_t)(until->tv_sec - now.tv_sec) * 1000000000 +
                      (int64_t)(until->tv_nsec - now.tv_nsec);
    if (rest_ns > 0) {
        rest.tv_sec = (time_t)(rest_ns / 1000000000);
        rest.tv_nsec = (long)(rest_ns % 1000000000);
    }
    int signal = sigtimedwait(&live->signals, NULL, &rest);
    return signal > 0 ? signal : 0;
}

/* Shows the run until it is over or a signal ends us. Returns what look_again() last returned. */
static int show(struct live *live, struct err *e)
{
    int rc = 0;
    bool go_on = write_text(live, SCREEN_ENTER, sizeof SCREEN_ENTER - 1);
    while (go_on && rc == 0) {
        go_on = draw_screen(live);
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += LOOK_SECONDS;
        int signal;
        while (go_on && (signal = wait_signal(live, &until)) != 0) {
            if (signal == SIGTSTP) {
                (void)write_text(live, SCREEN_LEAVE, sizeof SCREEN_LEAVE - 1);
                (void)raise(SIGSTOP);
                go_on =
                    write_text(live, SCREEN_ENTER, sizeof SCREEN_ENTER - 1) && draw_screen(live);
            } else if (signal == SIGWINCH) {
                go_on = draw_screen(live);
            } else {
                go_on = false;
            }
        }
        if (go_on)
            rc = look_again(live, e);
        /* It may be suspended, or be about to replace a socket that was removed. */
        live->unanswered = rc == ERR_BUSY;
        rc = live->unanswered ? 0 : rc;
    }
    (void)write_text(live, SCREEN_LEAVE, sizeof SCREEN_LEAVE - 1);
    return rc;
}

/* Without a terminal: asks a second time, so that there are rates. */
static int look_twice(struct live *live, struct err *e)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_SECONDS;
    return wait_signal(live, &until) == 0 ? look_again(live, e) : 0;
}

/* Whether stdout is a terminal that can move its cursor. All others get the picture once. */
static bool shows_screen(void)
{
    return isatty(STDOUT_FILENO) == 1 && !inherited_terminal_is_dumb();
}

int graph_live(const struct graph_view *view, const struct graph_style *style,
               const char *state_path)
{
    char *root = state_path == NULL ? state_dir_root() : NULL;
    if (state_path == NULL && root == NULL) {
        log_line(LOG_ERROR, "there is no default state directory; use --state DIR");
        return EXIT_REFUSED;
    }
    struct live *live = memory_new(1, sizeof *live);
    live->view = view;
    live->style = *style;
    live->style.numbers = live->numbers;
    live->state_path = state_path != NULL ? memory_dup(state_path, strlen(state_path))
                                          : memory_format("%s/%s", root, view->name);
    take_signals(live);
    struct err e;
    int rc = look_again(live, &e), code = EXIT_OK;
    if (rc != 0) {
        code = rc == ERR_MISMATCH ? EXIT_REFUSED : EXIT_NOT_RUNNING;
        log_line(LOG_ERROR, "%s", e.text);
    } else {
        rc = shows_screen() ? show(live, &e) : look_twice(live, &e);
        struct buf out = {0};
        write_picture(live, SIZE_MAX, &out);
        if (!write_text(live, out.data, out.len))
            code = EXIT_FAILED;
        buf_done(&out);
        if (rc == ERR_MISMATCH || rc == ERR_BUSY) {
            code = rc == ERR_BUSY ? EXIT_NOT_RUNNING : EXIT_REFUSED;
            log_line(LOG_ERROR, "%s", e.text);
        } else if (rc != 0) {
            log_line(LOG_INFO, "the run is over");
        }
    }
    if (live->out_fd != STDOUT_FILENO)
        (void)close(live->out_fd);
    free(live->state_path);
    free(live);
    free(root);
    return code;
}
