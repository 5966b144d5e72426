/* SPDX-License-Identifier: MIT */
/*
 * sim_world.h - one simulated host with its processes, disk, links and supervisor
 *
 * There is one world at a time. A simulated process is a coroutine that runs the real host_run().
 * Its system calls and its calls of link.h come to us (sim_calls.c, sim_link.c). At each of them it
 * may be interrupted, made to wait, or killed. If it is killed, all that it owned is gone.
 */
#ifndef BULKHEAD_TESTS_SIM_WORLD_H
#define BULKHEAD_TESTS_SIM_WORLD_H

#include <poll.h>

#include "stages/host/inline_host.h"
#include "stages/host/process_host_p.h"
#include "supervisor/run/driver.h"
#include "supervisor/run/start.h"
#include "supervisor/run/state_dir.h"
#include "tests/sim/sim_base.h"
#include "tests/sim/sim_disk.h"
#include "tests/sim/sim_input.h"
#include "tests/sim/sim_topology.h"

#define WORLD_STAGES_MAX 64u
#define WORLD_EDGES_MAX 320u
#define WORLD_OUTPUTS_MAX 16u
#define INPUT_NAME "in"
/* It does not exist before the first start. */
#define STATE_PATH "var/lib/state"

/* What may go wrong: each once in this many occasions; 0: never. Drawn again for every seed. */
struct faults {
    uint64_t kill_one_in;        /* a process, at a call */
    uint64_t taint_one_in;       /* of those kills: it dies of SIGSEGV and its memory is wrong */
    uint64_t freeze_one_in;      /* SIGSTOP or a debugger, at a turn of the scheduler */
    uint64_t user_kill_one_in;   /* `bulkhead kill`, at a turn */
    uint64_t supervisor_one_in;  /* the supervisor is killed, at a turn */
    uint64_t power_one_in;       /* power is lost, at a turn */
    uint64_t start_one_in;       /* a supervisor is killed, or the power lost, in its start */
    uint64_t fresh_one_in;       /* a start gets --fresh */
    uint64_t stop_one_in;        /* a user asks for a stop, at a turn */
    uint64_t jump_one_in;        /* time jumps forward, at a turn */
    uint64_t spawn_one_in;       /* a spawn fails */
    uint64_t listen_one_in;      /* listening or connecting fails */
    uint64_t break_one_in;       /* a link breaks, at a send or receive */
    uint64_t silent_one_in;      /* a link loses everything from now on, and neither end notices */
    uint64_t garbage_one_in;     /* a message is inserted or damaged, at a send */
    uint64_t control_one_in;     /* a stage sends an invalid message, at a send */
    uint64_t write_error_one_in; /* EIO */
    uint64_t sync_error_one_in;
    uint64_t disk_full_one_in; /* the disk is full for a while, at a write */
    uint64_t short_one_in;     /* a read or write is partial; not a fault, always handled */
    uint64_t interrupt_one_in; /* EINTR; not a fault either */
    uint64_t yield_one_in;     /* the process is interrupted at a call */
    uint64_t sync_us_max;
    uint64_t delay_us_max; /* how long a message on a link may take */
    uint64_t link_messages_max;
    uint64_t again_one_in;   /* a new process dies at one of its first calls */
    uint64_t workers_one_in; /* stages get another number of workers in the next life */
    uint64_t rest_one_in;    /* the unread rest of the input changes between two lives */
    uint64_t left;           /* how many more faults may happen */
    uint64_t happened;
};

struct message {
    uint8_t *bytes;
    size_t len;
    uint64_t arrives_us;
    bool garbage; /* it must be refused, and counted */
    struct message *next;
};

struct queue {
    struct message *first, *last;
    size_t count;
};

void queue_push(struct queue *queue, const void *bytes, size_t len, uint64_t arrives_us,
                bool garbage);
/* Takes the first message, which the caller frees with sim_free() (and its bytes). */
struct message *queue_pop(struct queue *queue);
void queue_clear(struct queue *queue);

struct map {
    void *base;
    size_t len;
};

struct process {
    struct memory_owner memory;
    struct disk *disk;
    const char *name;
    uint64_t generation;
    struct host host;
    struct process_host_config config;
    size_t stage;

    bool suffers;  /* a coroutine; otherwise part of the simulation, to which nothing happens */
    bool is_stage; /* otherwise, if it suffers, a supervisor that prepares its start */
    void *context; /* the coroutine's */
    bool started;
    bool ended;
    bool frozen;
    bool doomed;         /* it dies at its next call */
    uint64_t calls_left; /* it dies after this many calls; 0: it does not */
    uint64_t calls;      /* so far */
    struct process_end end;
    uint64_t resumes_us;
    const struct pollfd *waits; /* what it waits for in poll(); NULL: it does not wait */
    nfds_t wait_count;
    uint64_t wait_until_us; /* UINT64_MAX: no limit */
    uint64_t garbage_taken;
    struct {
        enum record_kind kind;
        seq_number seq; /* 0: none */
        uint32_t input;
        uint8_t *order;
        size_t order_len;
    } taken; /* the last record that its stage was given */

    int status_fd, image_fd; /* of its memory, see memory_file_*() */
    struct queue from_supervisor, to_supervisor;
    bool supervisor_gone;
    struct map maps[16]; /* an inline host has those of all stages */
};

/* What the driver's operations keep for a stage. */
struct supervised {
    struct process *process; /* NULL: none, or not yet reaped */
    int status_fd, image_fd;
    struct status_page *page;
    bool is_stopped; /* stopped by SIGSTOP, which was not noticed yet */
};

/* What a start is given, and what it finds. */
struct start_sim {
    struct start_options options;
    struct state_dir state;
    struct stage_input input;
    seq_number begins_after[WORLD_STAGES_MAX];
    int rc;
    char why[1024];
};

struct supervisor_sim {
    struct process *self; /* prepares the start until it has ended; NULL: there is none */
    struct start_sim start;
    bool alive;
    bool exits;
    uint64_t starts_us; /* when the next life begins, if it is not alive */
    struct driver driver;
    struct supervised stages[WORLD_STAGES_MAX];
    uint64_t faults_before; /* faults.happened when this life began */
    uint64_t deadline_ms;   /* as set by the driver */
    uint64_t observes_us;   /* when the stages are next observed */
    bool link_silent;       /* a link was silent in this life */
    bool stop_asked;
};

/* Prints what every stage is doing, for runs that hang. */
void world_dump(void);

/* A file that a sink writes. */
struct reference_output {
    const char *stage;
    const char *name;
    bool in_state; /* it is in the state directory, not next to it */
    uint8_t *bytes;
    size_t len;
    size_t *at; /* its length after each seq, from 0 */
};

/* What the inline host makes from the same input. */
struct reference {
    seq_number seqs; /* seqs of the input */
    struct reference_output outputs[WORLD_OUTPUTS_MAX];
    size_t output_count;
    struct status_counts counts[WORLD_STAGES_MAX]; /* one for each stage of world.logical */
};

struct world {
    const struct topology_forms *forms;
    const struct topology *topology; /* its processes, in this life of the supervisor */
    const struct topology *logical;  /* the same with one worker of each stage */
    bool durable;
    struct disk *disk;
    struct faults faults;
    struct supervisor_sim supervisor;
    struct reference reference;
    uint64_t disk_full_until_us;
    uint64_t steps;
    uint64_t attempts;                         /* attempts to start a supervisor */
    uint64_t start_calls;                      /* the most calls that a start has made */
    uint64_t lives;                            /* lives of the supervisor */
    bool power_fails;                          /* it fails now */
    bool may_be_fresh;                         /* a start got --fresh, and none has ended since */
    seq_number begins_after[WORLD_STAGES_MAX]; /* for each stage, as set by start.h */
    seq_number said[WORLD_STAGES_MAX];         /* the highest seq that a stage ever called acked */
    seq_number input_seqs;                     /* seqs of the input as it is now */
    bool check_wanted;                         /* check_recovery() must come next */
    struct sim_input *input;
    bool gives_whole; /* the writer gives the whole input, not only its first part */
    size_t piped;     /* bytes that this pipe and former ones get */
    size_t newlines;  /* newlines added for lines that a loss of power cut */
    enum topology_source source;
    bool by_follow;    /* the input comes in a file that is followed */
    bool by_pipe;      /* the input comes through standard input */
    seq_number given;  /* the last record that any stage was given */
    bool rest_changed; /* output of the former input may not come again */
    uint64_t checks;   /* how often check_recovery() ran */
    uint64_t kills, power_losses;
};

extern struct world world;

/* --- sim_follow.c --- */

/* Plans how a writer appends these bytes to a file and rotates it now and then. */
void follow_plan(const uint8_t *bytes, size_t len);
/* When the writer acts next; UINT64_MAX: not known. */
uint64_t follow_acts_at_us(void);
bool follow_is_over(void);
/* Does the writer's next step, if it is time. */
void follow_step(void);
/* The same on the disk of the inline host, each time it has read all; false: that was all. */
void follow_begin_reference(void);
bool follow_step_reference(struct disk *disk);

/* --- sim_pipe.c --- */

/* Puts a file into /proc that identifies the boot of the host: a new one at every call. */
void boot_begin(struct disk *disk);

/* Makes a new pipe, to which bytes [from, to) will be written piece by piece. */
void pipe_begin(const uint8_t *bytes, size_t from, size_t to);
/* The same for the inline host: all bytes are there at once. */
void pipe_begin_reference(const uint8_t *bytes, size_t len);
bool pipe_is_ready(void);
/* When the next piece is written; UINT64_MAX: not before something is read, or never. */
uint64_t pipe_writes_at_us(void);
/* Writes a piece, or closes the pipe, if it is time. */
void pipe_step(void);
/* Whether everything was written and the pipe was closed. */
bool pipe_is_over(void);

/* What the journal on a disk holds, as the next run would find it; it must verify. */
struct journal_kept {
    uint64_t bytes;
    seq_number last;
};
struct journal_kept pipe_find_kept(const struct disk *disk, bool loses_power);

/* --- sim_start.c --- */

/* The state directory on a disk; -1: it does not exist. */
int state_find(const struct disk *disk);

/* Fails unless there is a whole copy of every version that the manifest on a disk names. */
void state_check_copies(const struct disk *disk);

/*
 * Does what a supervisor does in the state directory of a disk before it starts anything. It must
 * not be refused.
 */
void state_prepare(struct disk *disk, seq_number *ret_begins_after);

/* Begins the start of a supervisor: world.supervisor.self. */
void start_begin(void);
/* Called when it has ended. Returns whether the supervisor lives now; if not, it is tried again. */
bool start_judge(void);
/* Ends a supervisor that was not killed. */
void start_leave(void);

/* Whether a fault happens now; counts it. */
bool fault_one_in(uint64_t n);

/* --- sim_process.c --- */

/* The process that runs now; NULL: the simulation itself. */
extern struct process *present;

struct process *process_new(size_t stage, uint64_t generation);
/* A process that prepares a start. It runs life(process), which must end in process_exit(). */
struct process *process_new_start(void (*life)(void *process));
_Noreturn void process_exit(int code);
/* A process that ended by itself must leave nothing behind. */
void process_check_nothing_left(struct process *process);

/* Lets a stage process run until it yields, waits or ends. */
void process_run(struct process *process);

/* Kills it; all that it had is gone. */
void process_kill(struct process *process, int signal);
void process_free(struct process *process);

/* A process to which nothing ever happens, for code of the product that the simulation calls. */
void process_enter(struct process *process);
void process_leave(void);

/* Begins every call of a stage into the world. May switch to the scheduler, or never return.
 */
void process_call(const char *what, const char *of, uint64_t detail);

/* Waits for the events in process->waits. */
void process_pause(void);

/* Waits in the simulated time. */
void process_sleep(uint64_t us);

/* Whether the scheduler may run it; if not, from when on (UINT64_MAX: never by itself). */
bool process_is_ready(const struct process *process);
uint64_t process_ready_at_us(const struct process *process);

/* --- sim_calls.c --- */

/* Memory in the place of a memfd. */
int memory_file_new(bool large);
void memory_file_free(int fd);
void *memory_file_base(int fd);
/* Corrupts pages of an image, as a process does that writes through a wild pointer. */
void memory_file_taint(int fd);

/* Closes the descriptors and unmaps the memory of a process; returns how many it had open. */
size_t calls_forget(struct process *process);

/* --- sim_control.c --- */

/* The supervisor's end of a stage's control channel, as a descriptor. */
int control_fd_of(size_t stage);

/* Whether a descriptor polls as readable, and when it will (UINT64_MAX: not known). */
bool fd_is_ready(const struct process *process, int fd);
uint64_t fd_ready_at_us(const struct process *process, int fd);

/* --- sim_link.c --- */

bool link_fd_is_ready(const struct process *process, int fd);
uint64_t link_fd_ready_at_us(const struct process *process, int fd);
size_t links_forget(struct process *process);
void links_reset(void);

/* --- sim_supervisor.c --- */

/* Begins when start_judge() says so. */
void supervisor_start(void);
/* It exits by itself. */
void supervisor_exit(void);
/* Takes one of the events that are waiting, by chance. Returns whether there was one. */
bool supervisor_step(void);
bool supervisor_is_ready(void);
uint64_t supervisor_ready_at_us(void);
void supervisor_ask_stop(void);
void supervisor_ask_kill(size_t stage);
void supervisor_freeze(size_t stage);
/* Ends this life, in order or not: its memory and the shared memory are gone. */
void supervisor_end(void);
/* Between two lives: removes the dead processes of the last one. Returns whether all are dead. */
bool supervisor_bury_orphans(void);

/* --- sim_check.c --- */

void check_process(const struct process *process);
void check_ack(size_t stage, seq_number acked);
/*
 * A stage writes to a file, or cuts it. If it is an output, what can be seen of it must only grow,
 * and must always be right.
 */
void check_write(int node, uint64_t offset, const uint8_t *bytes, size_t len);
void check_cut(int node, uint64_t len);
/* Frees what it keeps about a process. */
void check_forget(struct process *process);
/*
 * Checks what would be if everything died now, with or without a power failure. Returns the highest
 * seq after which any stage would resume.
 */
seq_number check_recovery(bool loses_power);
/* Checks at the end of a run that everything is there, and nothing else. */
void check_done(void);

/* --- sim_reference.c --- */

void reference_make(const uint8_t *input, size_t input_len);
void reference_free(void);
/* The output of the sink of this name; NULL if it does not write a file. */
const struct reference_output *reference_output(const char *stage);
/* The file of an output on a disk; -1: none. */
int reference_find(const struct disk *disk, const struct reference_output *output);

#endif
