/* SPDX-License-Identifier: MIT */
/*
 * The only file that includes nng. Paths go through /proc/self/fd/<directory>, so that an address
 * fits the 107 bytes of a socket's address however deep the state directory is.
 */
#include "ipc/link.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/beat.h"
#include "common/bounds.h"
#include "common/check.h"
#include "common/memory.h"

#define ADDRESS_BYTES_MAX 120u
#define ACK_SOCKET_BYTES_MAX 4096u
/* Room for a frame and the beginning of the next. */
#define LINK_SOCKET_BYTES (512 * 1024)
/* A close takes a millisecond or for ever. So does a dial if the other end does not respond. */
#define CLOSE_MS_MAX 1000u
#define DIAL_MS_MAX LINK_DEADLINE_MS
/* How often the stage shows progress while it waits for one. */
#define BEAT_MS 100u

/* Connections that may be lost at once: each link has two, and a stage at most 64 links. */
#define LOST_MAX 1024u
#define LINK_STACK_BYTES ((size_t)2 << 20)

/*
 * What nng's threads report of lost connections: serials of links, and a wake-up. There is one for
 * the process, as with nng itself, because a callback may come while its link is being closed and
 * must use nothing that is freed then.
 */
static struct {
    int event_fd;
    _Atomic uint32_t next;
    _Atomic uint32_t told; /* how many serials were reported */
    _Atomic uint64_t serials[LOST_MAX];
} lost = {.event_fd = -1};

struct link {
    struct link_id id;
    nng_socket push;
    nng_socket pull;
    bool push_open;
    bool pull_open;
    int send_fd;
    int receive_fd;
    bool lost;
    uint32_t
        told; /* how many lost connections had been reported when this link was last searched */
};

/* The resource whose shortage an error of nng reports. */
static enum want want_of_nng(int rc)
{
    if ((rc & NNG_ESYSERR) != 0)
        return want_of_errno(rc & ~NNG_ESYSERR);
    return rc == NNG_ENOSPC     ? WANT_SPACE
           : rc == NNG_ENOFILES ? WANT_DESCRIPTORS
           : rc == NNG_ENOMEM   ? WANT_MEMORY
                                : WANT_NOTHING;
}

static int nng_error(struct err *e, int rc, const char *doing, const struct link_id *id)
{
    (void)err_set(e, ERR_IO, "%s link %u (number %" PRIu64 "): %s", doing, id->edge, id->serial,
                  nng_strerror(rc));
    e->want = want_of_nng(rc);
    return ERR_IO;
}

/*
 * nng starts threads in proportion to the number of processors, and four more to resolve names for
 * TCP. A stage has a few links within one machine, and starting these threads delays every restart.
 * A static program is linked with these two functions in place of nng's (--wrap in the Makefile).
 */
int __wrap_nni_plat_ncpu(void);
int __wrap_nni_posix_resolv_sysinit(void);

int __wrap_nni_plat_ncpu(void)
{
    return 1;
}

int __wrap_nni_posix_resolv_sysinit(void)
{
    return 0;
}

/*
 * nng must not resolve names either: for that the C library loads other libraries at run time, on
 * which a static program must not depend.
 */
int __wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                       struct addrinfo **ret_addresses);
void __wrap_freeaddrinfo(struct addrinfo *addresses);

int __wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                       struct addrinfo **ret_addresses)
{
    (void)name;
    (void)service;
    (void)hints;
    *ret_addresses = NULL;
    return EAI_FAIL;
}

void __wrap_freeaddrinfo(struct addrinfo *addresses)
{
    (void)addresses; /* none was ever allocated */
}

/*
 * A unix socket holds some 200 KiB by default, and nng has no option to change that. Frames are
 * larger: they went in four or five pieces, and two processes woke each other for each piece.
 */
int __wrap_socket(int domain, int type, int protocol);

int __wrap_socket(int domain, int type, int protocol)
{
    /* Not __real_socket(), which exists only in a program that is linked with --wrap. */
    int fd = (int)syscall(SYS_socket, domain, type, protocol);
    int bytes = LINK_SOCKET_BYTES;
    /* The kernel grants what it allows (net.core.wmem_max). With less, links are only slower. */
    if (fd >= 0 && domain == AF_UNIX)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    return fd;
}

/*
 * nng 1.5.2 crashes or deadlocks if it cannot create a thread, because it then ends threads that it
 * has not started. So the failure never reaches it: this function ends the process first.
 */
static void (*no_thread)(const struct err *e);

/* These exist only in a program that is linked with --wrap. */
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument) __attribute__((weak));
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument)
{
    int rc = __real_pthread_create(thread, attributes, run, argument);
    if (rc == 0 || no_thread == NULL)
        return rc;
    /* The error is the same for a lack of threads and of memory for the stack. */
    void *stack = mmap(NULL, LINK_STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    bool lacks_memory = stack == MAP_FAILED && errno == ENOMEM;
    struct err e;
    errno = lacks_memory ? ENOMEM : rc;
    (void)err_set_errno(&e, "cannot create a thread");
    e.want = lacks_memory ? WANT_MEMORY : want_of_fork(rc);
    no_thread(&e);
    return rc;
}

/* The stacks of nng's threads count as memory of the process. None needs more than this. */
static void bound_stacks(void)
{
    pthread_attr_t attributes;
    size_t bytes;
    if (pthread_getattr_default_np(&attributes) != 0)
        return;
    if (pthread_attr_getstacksize(&attributes, &bytes) == 0 && bytes > LINK_STACK_BYTES &&
        pthread_attr_setstacksize(&attributes, LINK_STACK_BYTES) == 0)
        (void)pthread_setattr_default_np(&attributes);
    (void)pthread_attr_destroy(&attributes);
}

int link_start(void (*on_no_thread)(const struct err *e), struct err *e)
{
    nng_socket socket;
    bound_stacks();
    lost.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (lost.event_fd < 0)
        return err_set_errno(e, "cannot start nng");
    no_thread = on_no_thread;
    int rc = nng_push0_open(&socket);
    no_thread = NULL;
    if (rc == 0)
        rc = nng_close(socket);
    if (rc == 0)
        return 0;
    (void)err_set(e, ERR_IO, "cannot start nng: %s", nng_strerror(rc));
    e->want = want_of_nng(rc);
    return ERR_IO;
}

/* Called by nng's threads. nng's dialer would reconnect although data in flight was lost. */
static void on_connection_lost(nng_pipe pipe, nng_pipe_ev event, void *serial)
{
    (void)pipe;
    (void)event;
    uint32_t slot = atomic_fetch_add(&lost.next, 1) % LOST_MAX;
    atomic_store(&lost.serials[slot], (uint64_t)(uintptr_t)serial);
    atomic_fetch_add(&lost.told, 1);
    uint64_t one = 1;
    ssize_t ignored = write(lost.event_fd, &one, sizeof one);
    (void)ignored; /* if it is full, it is readable */
}

/* Whether the link has lost its other end. Searches only if a new loss was reported. */
static bool look_whether_lost(struct link *link)
{
    uint32_t told = atomic_load(&lost.told);
    if (link->lost || told == link->told)
        return link->lost;
    link->told = told;
    for (size_t i = 0; i < LOST_MAX; i++)
        link->lost = link->lost || atomic_load(&lost.serials[i]) == link->id.serial;
    return link->lost;
}

int link_lost_fd(void)
{
    return lost.event_fd;
}

void link_lost_seen(void)
{
    uint64_t count;
    ssize_t ignored = read(lost.event_fd, &count, sizeof count);
    (void)ignored;
}

static void address(char out[ADDRESS_BYTES_MAX], int dir_fd, const struct link_id *id,
                    const char *suffix)
{
    int len = snprintf(out, ADDRESS_BYTES_MAX,
                       "ipc:///proc/self/fd/%d/%u-%" PRIu64 "-%" PRIu64 "-%" PRIu64 ".%s", dir_fd,
                       id->edge, id->from_generation, id->to_generation, id->serial, suffix);
    INVARIANT(len > 0 && (size_t)len < ADDRESS_BYTES_MAX);
}

/* Opens both sockets and sets all options that must be set before they connect. */
static int open_sockets(struct link *link, struct err *e)
{
    int rc = nng_push0_open(&link->push);
    if (rc == 0) {
        link->push_open = true;
        rc = nng_pull0_open(&link->pull);
    }
    if (rc == 0) {
        link->pull_open = true;
        /* Without it nng would allocate whatever length a hostile message claims. */
        rc = nng_socket_set_size(link->pull, NNG_OPT_RECVMAXSZ, FRAME_BYTES_MAX);
    }
    if (rc == 0) /* a PUSH socket receives nothing, but would allocate a buffer for it */
        rc = nng_socket_set_size(link->push, NNG_OPT_RECVMAXSZ, ACK_SOCKET_BYTES_MAX);
    void *serial = (void *)(uintptr_t)link->id.serial;
    if (rc == 0)
        rc = nng_pipe_notify(link->push, NNG_PIPE_EV_REM_POST, on_connection_lost, serial);
    if (rc == 0)
        rc = nng_pipe_notify(link->pull, NNG_PIPE_EV_REM_POST, on_connection_lost, serial);
    if (rc == 0)
        rc = nng_socket_get_int(link->push, NNG_OPT_SENDFD, &link->send_fd);
    if (rc == 0)
        rc = nng_socket_get_int(link->pull, NNG_OPT_RECVFD, &link->receive_fd);
    return rc == 0 ? 0 : nng_error(e, rc, "cannot open sockets for", &link->id);
}

/* --- calls from which nng may not return --- */

/*
 * A call that runs in a thread of its own and is waited for only up to a deadline. The thread or
 * the caller frees it, whichever needs it last.
 */
struct errand {
    void (*run)(struct errand *errand);
    nng_socket push, pull;
    bool push_open, pull_open;
    char frames[ADDRESS_BYTES_MAX], acks[ADDRESS_BYTES_MAX];
    int nng_rc;
    bool done, left_behind;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

static _Atomic uint64_t *beats;

void link_use_beats(_Atomic uint64_t *of_process)
{
    beats = of_process;
}

static struct errand *errand_new(const struct link *link, void (*run)(struct errand *errand))
{
    struct errand *errand = memory_new(1, sizeof *errand);
    *errand = (struct errand){.run = run,
                              .push = link->push,
                              .pull = link->pull,
                              .push_open = link->push_open,
                              .pull_open = link->pull_open,
                              .mutex = PTHREAD_MUTEX_INITIALIZER,
                              .changed = PTHREAD_COND_INITIALIZER};
    return errand;
}

static void errand_free(struct errand *errand)
{
    (void)pthread_cond_destroy(&errand->changed);
    (void)pthread_mutex_destroy(&errand->mutex);
    free(errand);
}

static void *run_errand(void *opaque)
{
    struct errand *errand = opaque;
    errand->run(errand);
    (void)pthread_mutex_lock(&errand->mutex);
    bool left_behind = errand->left_behind;
    errand->done = true;
    (void)pthread_cond_signal(&errand->changed);
    (void)pthread_mutex_unlock(&errand->mutex);
    if (left_behind)
        errand_free(errand);
    return NULL;
}

/* Starts its thread, in which all signals are blocked. Returns whether it runs. */
static bool start_errand(struct errand *errand)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    pthread_t thread;
    bool runs = pthread_create(&thread, NULL, run_errand, errand) == 0;
    if (runs)
        (void)pthread_detach(thread);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return runs;
}

static void add_ms(struct timespec *at, uint64_t ms)
{
    uint64_t ns = (uint64_t)at->tv_nsec + ms * 1000000;
    at->tv_sec += (time_t)(ns / 1000000000);
    at->tv_nsec = (long)(ns % 1000000000);
}

/*
 * Runs an errand. Returns true if it has ended; then the caller frees it. Otherwise its thread
 * continues alone, and frees it if the call ever returns.
 */
static bool do_errand(struct errand *errand, uint64_t ms_max)
{
    if (!start_errand(errand)) {
        errand->run(errand);
        return true;
    }
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    (void)pthread_mutex_lock(&errand->mutex);
    for (uint64_t ms = 0; !errand->done && ms < ms_max; ms += BEAT_MS) {
        beat_once(beats);
        add_ms(&until, BEAT_MS);
        int rc = 0;
        while (!errand->done && rc == 0)
            rc = pthread_cond_clockwait(&errand->changed, &errand->mutex, CLOCK_MONOTONIC, &until);
    }
    bool done = errand->done;
    errand->left_behind = !done;
    (void)pthread_mutex_unlock(&errand->mutex);
    return done;
}

/* --- beginning and end --- */

/* Connects both sockets with those of the other end, at the addresses. Returns as nng does. */
typedef int meet_fn(const struct link *link, const char *frames, const char *acks);

static int meet_listening(const struct link *link, const char *frames, const char *acks)
{
    int rc = nng_listen(link->pull, frames, NULL, 0);
    return rc == 0 ? nng_listen(link->push, acks, NULL, 0) : rc;
}

/* Without NNG_FLAG_NONBLOCK a dial tries once and returns the result. */
static void run_dialing(struct errand *errand)
{
    errand->nng_rc = nng_dial(errand->push, errand->frames, NULL, 0);
    if (errand->nng_rc == 0)
        errand->nng_rc = nng_dial(errand->pull, errand->acks, NULL, 0);
}

/* A dial waits for the handshake of the other end, which may hang. This end must not. */
static int meet_dialing(const struct link *link, const char *frames, const char *acks)
{
    struct errand *dialing = errand_new(link, run_dialing);
    (void)snprintf(dialing->frames, sizeof dialing->frames, "%s", frames);
    (void)snprintf(dialing->acks, sizeof dialing->acks, "%s", acks);
    if (!do_errand(dialing, DIAL_MS_MAX))
        return NNG_ETIMEDOUT;
    int rc = dialing->nng_rc;
    errand_free(dialing);
    return rc;
}

static int make_end(int dir_fd, const struct link_id *id, meet_fn *meet, const char *doing,
                    struct link **ret_link, struct err *e)
{
    struct link *link = memory_new(1, sizeof *link);
    link->id = *id;
    int rc = open_sockets(link, e);
    if (rc == 0) {
        char frames[ADDRESS_BYTES_MAX], acks[ADDRESS_BYTES_MAX];
        address(frames, dir_fd, id, "frames");
        address(acks, dir_fd, id, "acks");
        int nng_rc = meet(link, frames, acks);
        if (nng_rc != 0)
            rc = nng_error(e, nng_rc, doing, id);
        if (nng_rc == NNG_ENOSPC)
            e->want = want_of_new(dir_fd, frames);
    }
    if (rc != 0) {
        link_close(link);
        return rc;
    }
    *ret_link = link;
    return 0;
}

int link_listen(int dir_fd, const struct link_id *id, struct link **ret_link, struct err *e)
{
    return make_end(dir_fd, id, meet_listening, "cannot listen for", ret_link, e);
}

int link_dial(int dir_fd, const struct link_id *id, struct link **ret_link, struct err *e)
{
    return make_end(dir_fd, id, meet_dialing, "cannot connect", ret_link, e);
}

static void run_closing(struct errand *errand)
{
    if (errand->push_open)
        (void)nng_close(errand->push);
    if (errand->pull_open)
        (void)nng_close(errand->pull);
}

/*
 * nng_close() waits for nng's threads. If it meets a handshake at the wrong moment, it waits for
 * ever. A stage must not, or it would be neither alive nor dead.
 */
void link_close(struct link *link)
{
    if (link == NULL)
        return;
    struct errand *closing = errand_new(link, run_closing);
    free(link);
    if (do_errand(closing, CLOSE_MS_MAX))
        errand_free(closing);
}

const struct link_id *link_id(const struct link *link)
{
    return &link->id;
}

int link_send(struct link *link, const void *bytes, size_t len, struct err *e)
{
    /* nng copies: the frame stays in the window for a replay. */
    int rc = nng_send(link->push, (void *)bytes, len, NNG_FLAG_NONBLOCK);
    if (rc == NNG_EAGAIN)
        return ERR_AGAIN;
    return rc == 0 ? 0 : nng_error(e, rc, "cannot send on", &link->id);
}

int link_receive(struct link *link, uint8_t **ret_bytes, size_t *ret_len, struct err *e)
{
    void *bytes = NULL;
    size_t len = 0;
    /* Checked before the messages: those that were sent before the loss are still received. */
    bool is_lost = look_whether_lost(link);
    int rc = nng_recv(link->pull, &bytes, &len, NNG_FLAG_NONBLOCK | NNG_FLAG_ALLOC);
    if (rc == NNG_EAGAIN && is_lost)
        return err_set(e, ERR_IO, "the other end is gone");
    if (rc == NNG_EAGAIN)
        return ERR_AGAIN;
    if (rc != 0)
        return nng_error(e, rc, "cannot receive on", &link->id);
    *ret_bytes = bytes;
    *ret_len = len;
    return 0;
}

void link_free(uint8_t *bytes, size_t len)
{
    nng_free(bytes, len);
}

int link_send_fd(const struct link *link)
{
    return link->send_fd;
}

int link_receive_fd(const struct link *link)
{
    return link->receive_fd;
}
