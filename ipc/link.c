/* SPDX-License-Identifier: MIT */
/*
 * The only file that includes nng. Paths go through /proc/self/fd/<directory>, so that however
 * deep the state directory lies, the address stays below the 107 bytes that a socket's may have.
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
/* Room for a frame, and for the next to begin. */
#define LINK_SOCKET_BYTES (512 * 1024)
/* A close takes a millisecond, or for ever. So does a dial, if the other end does not move. */
#define CLOSE_MS_MAX 1000u
#define DIAL_MS_MAX LINK_DEADLINE_MS
/* While one is waited for, this often the stage shows that it moves. */
#define BEAT_MS 100u

/* Connections that are lost at a time; each link has two, and a stage 64 links at most. */
#define LOST_MAX 1024u
#define LINK_STACK_BYTES ((size_t)2 << 20)

/*
 * What nng's threads tell of lost connections: numbers of links, and a wake-up. It is the
 * process's, as nng is, because a callback may come while its link is being closed: it must find
 * nothing that goes away.
 */
static struct {
    int event_fd;
    _Atomic uint32_t next;
    _Atomic uint32_t told; /* so many serials are there to be seen */
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
    uint32_t told; /* of lost connections, when this link was looked for among them */
};

/* Of what there was none, as nng says it. */
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
 * nng starts threads by the number of processors, and four more to look up names for TCP. A stage
 * has a few links within one machine, and its users wait for these threads when it is started
 * again. A static program is linked with these two in place of nng's own (--wrap in the Makefile).
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
 * Nor does nng get to look up names. The C library does that by loading others at run time, which a
 * static program must not need.
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
    (void)addresses; /* there are none */
}

/*
 * A unix socket holds some 200 KiB if nobody says otherwise, and nng has no way to say so. A frame
 * is larger, and went in four or five pieces, with two processes waking each other for each.
 */
int __wrap_socket(int domain, int type, int protocol);

int __wrap_socket(int domain, int type, int protocol)
{
    /* Not __real_socket(), which only a program that is linked with --wrap would have. */
    int fd = (int)syscall(SYS_socket, domain, type, protocol);
    int bytes = LINK_SOCKET_BYTES;
    /* The kernel gives what it allows (net.core.wmem_max); less is slower, no more. */
    if (fd >= 0 && domain == AF_UNIX)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    return fd;
}

/*
 * nng crashes, or waits for itself for ever, if it cannot make a thread (1.5.2: it ends what it has
 * not begun). So it never learns of that: whoever starts it ends the process first.
 */
static void (*no_thread)(const struct err *e);

/* Only a program that is linked with --wrap has these. */
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
    /* It says the same whether there is no thread or no memory for its stack. */
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

/* Stacks of nng's threads count as memory of the process; none of them needs more than this. */
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
        return err_set_errno(e, "starting nng");
    no_thread = on_no_thread;
    int rc = nng_push0_open(&socket);
    no_thread = NULL;
    if (rc == 0)
        rc = nng_close(socket);
    if (rc == 0)
        return 0;
    (void)err_set(e, ERR_IO, "starting nng: %s", nng_strerror(rc));
    e->want = want_of_nng(rc);
    return ERR_IO;
}

/* Called by nng's threads. A dialer would connect again, with what was under way lost. */
static void on_connection_lost(nng_pipe pipe, nng_pipe_ev event, void *serial)
{
    (void)pipe;
    (void)event;
    uint32_t slot = atomic_fetch_add(&lost.next, 1) % LOST_MAX;
    atomic_store(&lost.serials[slot], (uint64_t)(uintptr_t)serial);
    atomic_fetch_add(&lost.told, 1);
    uint64_t one = 1;
    ssize_t ignored = write(lost.event_fd, &one, sizeof one);
    (void)ignored; /* full: then it is readable */
}

/* Whether the link has lost its other end; looks only if there is news of any link. */
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

/* Opens both sockets and sets everything that must be set before they meet anybody. */
static int open_sockets(struct link *link, struct err *e)
{
    int rc = nng_push0_open(&link->push);
    if (rc == 0) {
        link->push_open = true;
        rc = nng_pull0_open(&link->pull);
    }
    if (rc == 0) {
        link->pull_open = true;
        /* Unset, one hostile length would make nng allocate it. */
        rc = nng_socket_set_size(link->pull, NNG_OPT_RECVMAXSZ, FRAME_BYTES_MAX);
    }
    if (rc == 0) /* a PUSH receives nothing, but would allocate for it */
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
    return rc == 0 ? 0 : nng_error(e, rc, "opening sockets for", &link->id);
}

/* --- what nng may not come back from --- */

/*
 * Something that is done in a thread of its own, and waited for so long and no longer; freed by
 * whoever is the last to need it.
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

/* A thread of its own, that no signal reaches. Returns whether it runs. */
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
 * Does an errand. Returns whether it is done; then it is the caller's, who frees it. Else it is
 * left to itself, and frees itself if it ever ends.
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

/* How both sockets meet those of the other end, at the addresses. Returns as nng does. */
typedef int meet_fn(const struct link *link, const char *frames, const char *acks);

static int meet_listening(const struct link *link, const char *frames, const char *acks)
{
    int rc = nng_listen(link->pull, frames, NULL, 0);
    return rc == 0 ? nng_listen(link->push, acks, NULL, 0) : rc;
}

/* Without NNG_FLAG_NONBLOCK a dial tries once and tells how it went. */
static void run_dialing(struct errand *errand)
{
    errand->nng_rc = nng_dial(errand->push, errand->frames, NULL, 0);
    if (errand->nng_rc == 0)
        errand->nng_rc = nng_dial(errand->pull, errand->acks, NULL, 0);
}

/* A dial waits until the other end has said who it is; that one may hang, and this one must not. */
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
    return make_end(dir_fd, id, meet_listening, "listening for", ret_link, e);
}

int link_dial(int dir_fd, const struct link_id *id, struct link **ret_link, struct err *e)
{
    return make_end(dir_fd, id, meet_dialing, "connecting", ret_link, e);
}

static void run_closing(struct errand *errand)
{
    if (errand->push_open)
        (void)nng_close(errand->push);
    if (errand->pull_open)
        (void)nng_close(errand->pull);
}

/*
 * nng_close() waits for its own threads, and when it meets a handshake in the wrong moment it
 * waits for ever. A stage must not: it would be neither alive nor dead.
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
    return rc == 0 ? 0 : nng_error(e, rc, "sending on", &link->id);
}

int link_receive(struct link *link, uint8_t **ret_bytes, size_t *ret_len, struct err *e)
{
    void *bytes = NULL;
    size_t len = 0;
    /* Looked at before the messages, which came before it. */
    bool is_lost = look_whether_lost(link);
    int rc = nng_recv(link->pull, &bytes, &len, NNG_FLAG_NONBLOCK | NNG_FLAG_ALLOC);
    if (rc == NNG_EAGAIN && is_lost)
        return err_set(e, ERR_IO, "the other end is gone");
    if (rc == NNG_EAGAIN)
        return ERR_AGAIN;
    if (rc != 0)
        return nng_error(e, rc, "receiving on", &link->id);
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
