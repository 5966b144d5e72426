/* SPDX-License-Identifier: MIT */
#include "supervisor/run/start_watch.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/run/exit_codes.h"
#include "supervisor/run/inherited.h"

/* Most starts take milliseconds. If one takes longer, the user wants to know why. */
#define SAY_SECONDS_FIRST 5
#define SAY_SECONDS_NEXT 30

static struct {
    bool runs;
    pthread_t thread;
    sigset_t stops, before; /* `stops` includes the signal that ends the watch */
    pthread_mutex_t mutex;
    const char *doing, *stage;
} watch = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* Ends the watch. Any signal would do that no other process sends at such a moment. */
#define END_SIGNAL SIGUSR2

static void say_what_is_done(void)
{
    (void)pthread_mutex_lock(&watch.mutex);
    const char *stage = watch.stage;
    if (watch.doing != NULL)
        log_line(LOG_WARNING, "still %s%s%s%s; nothing has been started yet, and SIGTERM ends it",
                 watch.doing, stage != NULL ? " stage '" : "", stage != NULL ? stage : "",
                 stage != NULL ? "'" : "");
    (void)pthread_mutex_unlock(&watch.mutex);
}

static void *run_watch(void *ignored)
{
    struct timespec wait = {.tv_sec = SAY_SECONDS_FIRST};
    for (;;) {
        int signal_number = sigtimedwait(&watch.stops, NULL, &wait);
        if (signal_number == END_SIGNAL)
            return ignored;
        if (signal_number > 0) {
            log_line(LOG_INFO, "SIG%s: asked to stop before any stage was started",
                     sigabbrev_np(signal_number));
            _exit(EXIT_OK);
        }
        if (errno == EAGAIN) {
            say_what_is_done();
            wait.tv_sec = SAY_SECONDS_NEXT;
        }
    }
}

void start_watch_begin(void)
{
    (void)sigemptyset(&watch.stops);
    (void)sigaddset(&watch.stops, END_SIGNAL);
    inherited_heed_stops(&watch.stops);
    (void)pthread_sigmask(SIG_BLOCK, &watch.stops, &watch.before);
    watch.doing = watch.stage = NULL;
    watch.runs = pthread_create(&watch.thread, NULL, run_watch, NULL) == 0;
    if (!watch.runs)
        (void)pthread_sigmask(SIG_SETMASK, &watch.before, NULL);
}

void start_watch_say(const char *doing, const char *stage)
{
    if (!watch.runs)
        return;
    (void)pthread_mutex_lock(&watch.mutex);
    watch.doing = doing;
    watch.stage = stage;
    (void)pthread_mutex_unlock(&watch.mutex);
}

void start_watch_end(void)
{
    if (!watch.runs)
        return;
    (void)pthread_kill(watch.thread, END_SIGNAL);
    (void)pthread_join(watch.thread, NULL);
    watch.runs = false;
    (void)pthread_sigmask(SIG_SETMASK, &watch.before, NULL);
}
