/* SPDX-License-Identifier: MIT */
/*
 * follow_story.h - a source in the world of follow_world.h, and what a story does by hand
 *
 * Every record is compared with the expected line: number N is "N-N", or a map that holds that.
 */
#ifndef BULKHEAD_TESTS_UNIT_STAGES_KINDS_FOLLOW_STORY_H
#define BULKHEAD_TESTS_UNIT_STAGES_KINDS_FOLLOW_STORY_H

#include "common/file.h"
#include "stages/kinds/kinds.h"
#include "tests/unit/stages/kinds/follow_world.h"
#include "topology/load.h"

/* --- the source --- */

/* Whether the story of the world explains a note of the source. */
static inline bool is_of_story(const struct world *w, const char *text)
{
    return (w->truncated && strstr(text, "was truncated or rewritten") != NULL) ||
           (w->truncated && strstr(text, "is read from its copy first") != NULL) ||
           (w->naming == MOVED && strstr(text, "/old/'; files there") != NULL) ||
           (w->fails != 0 && strstr(text, "trying again until it works") != NULL) ||
           (strstr(w->path, "/a.log") != NULL &&
            strstr(text, "is read as a rotated file of") != NULL) ||
           strstr(text, "keep being renamed; trying again") != NULL;
}

static inline void on_note(const char *text)
{
    struct world *w = the_world;
    bool may_be_lost = (w->is_rash && strstr(text, "what came in between is not read") != NULL) ||
                       (w->gives_again && strstr(text, "was truncated or rewritten") != NULL);
    if (may_be_lost)
        w->warned = true;
    else if (w->note != NULL && strstr(text, w->note) != NULL)
        w->note = NULL;
    else if (!is_of_story(w, text))
        fail_msg("%s", text);
}

/* Whether the source has given out no line of the file that it reads. */
static inline bool is_at_beginning(const struct world *w)
{
    bool is = w->source != NULL && position(w) == 0;
    for (unsigned i = 0; w->source != NULL && i < w->rotated; i++)
        is |= position(w) == w->last_line[i];
    return is;
}

/* Whether a refusal says that the order of files cannot be known. */
static inline bool is_unsure(const char *text)
{
    static const char *const words[] = {"cannot tell whether", "is unknown", "may be a copy",
                                        "too few to tell", "do not show which"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strstr(text, words[i]) != NULL)
            return true;
    }
    return false;
}

/*
 * Whether the source may refuse with this text: it is true in a story that loses files, or the
 * order of the files cannot be known.
 */
static inline bool may_refuse(const struct world *w, const char *text)
{
    static const char *const lost[] = {"was compressed before it was read", "rotated in between",
                                       "is gone: it was rotated", "was rotated more than once"};
    /* Two files of the same tick or second, or without birth times. */
    bool may_be = w->tick_ns > 1 || w->may_stop || w->in_seconds || !w->has_births ||
                  w->naming == COPIED || w->is_rash;
    if (may_be && is_unsure(text))
        return true;
    /*
     * The source had read half of the first line of a file. That file was renamed, and written to
     * when the next one was there already; and the next one begins with the same half, because
     * numbers begin alike. So it looks as if the first had been copied to the second, truncated and
     * begun again.
     */
    if (strstr(text, "begins with all that was read of the file that was rotated") != NULL)
        return is_at_beginning(w);
    if (w->may_go_back && strstr(text, "is older than the file that was read last") != NULL)
        return true;
    for (size_t i = 0; w->is_rash && i < sizeof lost / sizeof lost[0]; i++) {
        if (strstr(text, lost[i]) != NULL)
            return true;
    }
    return false;
}

static inline void on_emit(void *host, port_number port, const struct record *record)
{
    struct world *w = host;
    char wanted[64], begun[32];
    assert_int_equal(port, PORT_OUT);
    assert_true(record->seq <= w->seen + 1);
    begin_line(w, (unsigned)record->seq, begun);
    (void)snprintf(wanted, sizeof wanted, "%s-%u", begun, (unsigned)record->seq);
    if (w->warned) /* it was reported that something is missing */
        return;
    if (record->fields[0].len != strlen(wanted) ||
        memcmp(record->fields[0].bytes, wanted, strlen(wanted)) != 0)
        fail_msg("seq %u is '%.*s', naming %u%s%s%s%s", (unsigned)record->seq,
                 (int)record->fields[0].len, (const char *)record->fields[0].bytes, w->naming,
                 w->has_births ? "" : ", no births", w->tick_ns > 1 ? ", ticks" : "",
                 w->fails != 0 ? ", calls fail" : "", w->is_rash ? ", rash" : "");
    w->seen = record->seq > w->seen ? record->seq : w->seen;
}

static inline void open_source(struct world *w)
{
    struct stage_env env = {.topology = w->topology,
                            .stage = &w->topology->stages[0],
                            .state_fd = w->state_fd,
                            .note = on_note};
    struct err e;
    int rc = ops(w)->open(&env, &w->source, &e);
    w->refused = rc == ERR_MISMATCH && (w->is_rash || w->naming == COPIED) && may_refuse(w, e.text);
    if (rc != 0 && !w->refused)
        fail_msg("at line %u of %u: %s", (unsigned)w->seen, w->lines, e.text);
}

/* Reads on through everything that takes several calls. */
static inline int read_on(struct world *w, struct err *e)
{
    int rc;
    while ((rc = ops(w)->read(w->source, &w->emitter, e)) == ERR_UNFINISHED)
        ;
    return rc;
}

static inline void commit(struct world *w, seq_number seq)
{
    struct err e;
    if (ops(w)->commit(w->source, seq, &e) != 0)
        fail_msg("%s", e.text);
    w->acked = seq;
}

/* Reads once; whether there was a record. */
static inline bool read_one(struct world *w)
{
    struct err e;
    int rc = read_on(w, &e);
    w->refused = w->warned || (rc == ERR_MISMATCH && may_refuse(w, e.text));
    if (rc != 0 && rc != ERR_AGAIN && !w->refused)
        fail_msg("at line %u of %u, naming %u: %s", (unsigned)w->seen, w->lines, w->naming, e.text);
    return rc == 0;
}

static inline void go_on(struct world *w)
{
    bool any = read_one(w);
    if (w->refused)
        return;
    if (position(w) > w->acked && random_below(6) == 0)
        commit(w, w->acked + 1 + random_below(position(w) - w->acked));
    if (random_below(20) == 0 && w->gone <= w->acked) {
        ops(w)->close(w->source);
        w->source = NULL;
        open_source(w);
        if (w->refused)
            return;
    } else if (!any && random_below(8) == 0) {
        truncate_input(w);
    }
    if (random_below(16) == 0) { /* for the clock of files, too */
        uint64_t seconds = random_below(3);
        seconds_ahead += (time_t)seconds;
        w->now_ns += seconds * 1000000000;
    }
}

/* --- a story --- */

static inline void load(struct world *w, bool follow)
{
    char *text = memory_format("topology: t\nstages:\n"
                               "  read: { kind: file.source, path: %s, follow: %s, records: %s }\n"
                               "  write: { kind: discard, from: read }\n",
                               w->path, follow ? "true" : "false", w->packed ? "msgpack" : "lines");
    struct diagnostics d;
    diagnostics_init(&d, "t.yaml", text, strlen(text));
    assert_int_equal(topology_load("t.yaml", text, strlen(text), bulkhead_kinds, TOPOLOGY_PROCESSES,
                                   &d, &w->topology),
                     0);
    diagnostics_done(&d);
    free(text);
    emitter_init(&w->emitter, &w->topology->stages[0], false, on_emit, w);
}

static inline void make_directory(const struct world *w, const char *name)
{
    char path[NAME_MAX_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", w->directory, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static inline void begin_as(struct world *w, enum naming naming, bool packed)
{
    *w = (struct world){.naming = naming,
                        .packed = packed,
                        .speed = 1 + (unsigned)random_below(12),
                        .wanted = 1 + (unsigned)random_below(LINES_MAX),
                        .has_births = true,
                        .keeps_times = true,
                        .now_ns = 1772300000112000000u, /* on a tick, but no whole second */
                        .tick_ns = 1,
                        .step_ns = 2000000,
                        .fd = -1,
                        .copy_fd = -1};
    (void)snprintf(w->directory, sizeof w->directory, "/tmp/bulkhead-follow-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    (void)snprintf(w->path, sizeof w->path, "%s/input%s", w->directory,
                   naming == EXTENDED ? ".log" : "");
    (void)snprintf(w->real, sizeof w->real, "%s", w->path);
    make_directory(w, "state");
    make_directory(w, "state/kept");
    if (naming == MOVED)
        make_directory(w, "old");
    if (naming == LINKED) {
        make_directory(w, "p");
        (void)snprintf(w->real, sizeof w->real, "%s/p/0.log", w->directory);
        assert_int_equal(symlink("p/0.log", w->path), 0);
    }
    char state[80];
    (void)snprintf(state, sizeof state, "%s/state", w->directory);
    w->state_fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    load(w, true);
    write_text(w, ""); /* a file that was rotated before it was first seen is not one of ours */
    the_world = w;
}

static inline void begin_with(struct world *w, enum naming naming)
{
    begin_as(w, naming, false);
}

static inline void begin(struct world *w)
{
    begin_with(w, FALLING);
    w->tick_ns = 1;
}

static inline void finish(struct world *w)
{
    the_world = NULL;
    struct err e;
    int fd = open(w->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(file_remove_in(fd, "", 3, &e), 0);
    (void)close(fd);
    assert_int_equal(rmdir(w->directory), 0);
    (void)close(w->state_fd);
    topology_free(w->topology);
    emitter_done(&w->emitter);
}

/* --- by hand --- */

static inline void name_with(const struct world *w, const char *suffix, char name[NAME_MAX_BYTES])
{
    (void)snprintf(name, NAME_MAX_BYTES, "%s%s", w->path, suffix);
}

/* Creates a file, or writes it from scratch. */
static inline void make_file(struct world *w, const char *suffix, const char *text)
{
    char name[NAME_MAX_BYTES];
    name_with(w, suffix, name);
    w->now_ns += 1000000;
    int fd = open_to_write(w, name);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    note_times(w, fd, false, true);
    (void)close(fd);
}

static inline void begin_with_one_line(struct world *w)
{
    begin(w);
    make_file(w, "", "1-1\n");
    open_source(w);
    assert_true(read_one(w));
}

static inline void rename_file(struct world *w, const char *from_suffix, const char *to_suffix)
{
    char from[NAME_MAX_BYTES], to[NAME_MAX_BYTES];
    name_with(w, from_suffix, from);
    name_with(w, to_suffix, to);
    w->now_ns += 1000000;
    rename_to(w, from, to);
}

static inline void end_story(struct world *w)
{
    ops(w)->close(w->source);
    (void)close(w->fd);
    finish(w);
}

/* Reads repeatedly at the end: there is nothing at first, and then there is the error. */
static inline void refused_after_a_while(struct world *w, const char *text)
{
    struct err e;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(read_on(w, &e), ERR_AGAIN);
    seconds_ahead += 1;
    assert_int_equal(read_on(w, &e), ERR_AGAIN);
    seconds_ahead += 1;
    assert_int_equal(read_on(w, &e), ERR_MISMATCH);
    if (strstr(e.text, text) == NULL)
        fail_msg("%s", e.text);
}

/* Opens the source, which refuses, and ends the story. */
static inline void refused_at_once(struct world *w, const char *text)
{
    struct err e;
    struct stage_env env = {.topology = w->topology,
                            .stage = &w->topology->stages[0],
                            .state_fd = w->state_fd,
                            .note = on_note};
    ops(w)->close(w->source);
    assert_int_equal(ops(w)->open(&env, &w->source, &e), ERR_MISMATCH);
    if (strstr(e.text, text) == NULL)
        fail_msg("%s", e.text);
    (void)close(w->fd);
    finish(w);
}

/* The path's last name from now on. */
static inline void name_path(struct world *w, const char *base)
{
    char *path = memory_format("%s/%s", w->directory, base);
    assert_true(strlen(path) < sizeof w->path);
    memcpy(w->path, path, strlen(path) + 1);
    free(path);
}

/* Gives the path another name before anything else happens. */
static inline void at(struct world *w, const char *base)
{
    char *before = memory_dup(w->path, strlen(w->path));
    name_path(w, base);
    assert_int_equal(rename(before, w->path), 0);
    free(before);
    topology_free(w->topology);
    load(w, true);
}

static inline void rename_within(struct world *w, const char *from, const char *to)
{
    char *from_path = memory_format("%s/%s", w->directory, from);
    char *to_path = memory_format("%s/%s", w->directory, to);
    w->now_ns += 1000000;
    rename_to(w, from_path, to_path);
    free(from_path);
    free(to_path);
}

static inline void make_within(struct world *w, const char *name, const char *text)
{
    char *path = memory_dup(w->path, strlen(w->path));
    name_path(w, name);
    make_file(w, "", text);
    memcpy(w->path, path, strlen(path) + 1);
    free(path);
}

static inline void reopen(struct world *w)
{
    ops(w)->close(w->source);
    open_source(w);
}

/* Moves to the beginning of the next tick of the clock of files, which then lasts a while. */
static inline void next_tick(struct world *w)
{
    w->tick_ns = 64000000;
    w->now_ns += w->tick_ns - w->now_ns % w->tick_ns;
}

/* A copy that has the time of the last write to the file, as cp -p makes it. */
static inline void make_kept(struct world *w, const char *suffix, const char *text)
{
    char name[NAME_MAX_BYTES];
    struct stat of_path, of_copy;
    name_with(w, suffix, name);
    make_file(w, suffix, text);
    assert_int_equal(lstat(w->path, &of_path), 0);
    assert_int_equal(lstat(name, &of_copy), 0);
    times_of(w, of_copy.st_ino)->written_ns = times_of(w, of_path.st_ino)->written_ns;
}

static inline uint32_t crc32_of(const char *text)
{
    uint32_t crc = 0xffffffff;
    for (; *text != '\0'; text++) {
        crc ^= (uint8_t)*text;
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc & 1 ? (crc >> 1) ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

/* A gzip file of which the ends are right, with the time of its making. */
static inline void make_packed(struct world *w, const char *suffix, const char *text)
{
    char name[NAME_MAX_BYTES];
    uint8_t bytes[22] = {0x1f, 0x8b, 8};
    uint32_t ends[2] = {crc32_of(text), (uint32_t)strlen(text)};
    memcpy(bytes + 14, ends, sizeof ends);
    name_with(w, suffix, name);
    w->now_ns += 1000000;
    int fd = open_to_write(w, name);
    assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes);
    (void)close(fd);
}

/* Leads the path to another file. */
static inline void lead_to(struct world *w, const char *name)
{
    char *link = memory_format("%s.new", w->path);
    assert_int_equal(symlink(name, link), 0);
    assert_int_equal(rename(link, w->path), 0);
    free(link);
}

static inline void remove_file(struct world *w, const char *suffix)
{
    char name[NAME_MAX_BYTES];
    name_with(w, suffix, name);
    w->now_ns += 1000000;
    remove_name(w, name);
}

#endif
