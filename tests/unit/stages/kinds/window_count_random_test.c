/* SPDX-License-Identifier: MIT */
/*
 * Tests window.count on a real store against a second way to do it: a list of windows, and glibc
 * for the calendar. The workers of a stage run one after the other, are killed and restarted, and
 * their output is merged as a reader would merge it.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/memory.h"
#include "common/timestamp.h"
#include "common/value_json.h"
#include "ipc/order.h"
#include "stages/host/layout.h"
#include "stages/host/quarantine.h"
#include "stages/host/runner.h"
#include "stages/kinds/kinds.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"
#include "topology/load.h"
#include "topology/partition.h"

#define SEQS 400u
#define WORKERS_TRIED 5u
#define NAME_BYTES 227u /* with the other fields, as long as a key can be */
#define SECOND TIMESTAMP_NS_PER_SECOND

/* Fields of the input. */
enum { NAME, NUMBER, FLAG, AT, FIELDS };

struct input_record {
    bool is_end;
    uint8_t name[NAME_BYTES];
    uint32_t name_len;
    int64_t number, at;
    bool flag;
};

/* One thing that came out: its place, and all of it as text. */
struct emitted {
    struct buf order, text;
};

struct outputs {
    struct emitted *items;
    size_t count;
};

struct setting {
    const char *per, *week_starts, *by;
    unsigned week_start;
    int64_t lateness_s;
};

static char directory[64];
static struct topology *topology;
static struct outputs *collecting;
static _Atomic uint64_t beats;        /* of every worker */
static struct quarantine quarantined; /* what every worker does without */

/* --- running it --- */

static void print_fields(const struct contract *contract, const struct value *fields,
                         struct buf *out)
{
    for (size_t i = 0; i < contract->count; i++) {
        buf_add_format(out, "%s=", contract->fields[i].name);
        value_write_json(&fields[i], contract->fields[i].type, out);
        buf_add_byte(out, ' ');
    }
    buf_add_byte(out, '\n');
}

static void on_emit(void *host, port_number port, const struct record *record)
{
    if (record->kind == RECORD_END)
        return;
    size_t count = collecting->count++;
    collecting->items = memory_resize(collecting->items, count + 1, sizeof *collecting->items);
    struct emitted *item = &collecting->items[count];
    *item = (struct emitted){0};
    buf_add(&item->order, record->order, record->order_len);
    if (port == PORT_DEAD) {
        const struct value *reason = &record->fields[DEAD_LETTER_REASON];
        buf_add_format(&item->text, "dead %.*s\n", (int)reason->len, (const char *)reason->bytes);
    } else {
        print_fields(&((const struct runner *)host)->stage->out, record->fields, &item->text);
    }
}

static void load_topology(const struct setting *s, unsigned workers)
{
    char *text = memory_format(
        "topology: t\ndurability: process\ntypes:\n"
        "  R: { name: string, number: int, flag: bool, at: timestamp }\nstages:\n"
        "  in: { kind: file.source, path: x }\n"
        "  parse: { kind: json.decode, from: in, type: R }\n"
        "  counts: { kind: window.count, from: parse, key: [flag, name, number], at: at, per: %s,\n"
        "            calendar: { week_starts: %s }, lateness: %llds, workers: %u, by: [%s] }\n"
        "  out: { kind: discard, from: counts }\n",
        s->per, s->week_starts, (long long)s->lateness_s, workers,
        s->by != NULL ? s->by : "flag, name, number");
    struct diagnostics d;
    diagnostics_init(&d, "t.yaml", text, strlen(text));
    if (topology_load("t.yaml", text, strlen(text), bulkhead_kinds, TOPOLOGY_PROCESSES, &d,
                      &topology) != 0) {
        struct buf errors = {0};
        diagnostics_print(&d, &errors);
        fail_msg("%s", buf_text(&errors));
    }
    diagnostics_done(&d);
    free(text);
    assert_true(topology->marks_end);
}

static const struct stage *first_worker(void)
{
    for (size_t i = 0; i < topology->stage_count; i++) {
        if (strcmp(topology->stages[i].base, "counts") == 0)
            return &topology->stages[i];
    }
    fail_msg("there is no stage");
    return NULL;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    return ftw->level == 0 ? 0 : remove(path);
}

static void clear_directory(void)
{
    assert_int_equal(nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* Prepares the state for the workers of the topology. */
static void prepare(int stages_fd)
{
    struct err e;
    if (layout_prepare(stages_fd, topology, NULL, NULL, &e) != 0)
        fail_msg("%s", e.text);
}

/* Writes down which seqs a worker skips, as the supervisor would. */
static void put_into_quarantine(const struct stage *stage, int stages_fd)
{
    if (quarantined.count == 0)
        return;
    struct err e;
    int fd;
    assert_int_equal(layout_open(stages_fd, stage, &fd, NULL, &e), 0);
    char *owner = layout_owner(topology, stage);
    assert_int_equal(quarantine_write(fd, owner, &quarantined, &e), 0);
    free(owner);
    (void)close(fd);
}

static void open_worker_to(struct runner *r, const struct stage *stage, int stages_fd,
                           emit_function *emit)
{
    struct runner_config config = {.topology = topology,
                                   .stage = stage,
                                   .stages_fd = stages_fd,
                                   .image_fd = -1,
                                   .beats = &beats,
                                   .emit = emit,
                                   .host = r};
    struct err e;
    if (runner_open(r, &config, &e) != 0)
        fail_msg("%s", e.text);
}

static void open_worker(struct runner *r, const struct stage *stage, int stages_fd)
{
    open_worker_to(r, stage, stages_fd, on_emit);
}

static void fill_fields(const struct input_record *in, struct value *fields)
{
    fields[NAME] = value_of_bytes(VALUE_STRING, in->name, in->name_len);
    fields[NUMBER] = value_of_integer(VALUE_INT, in->number);
    fields[FLAG] = value_of_bool(in->flag);
    fields[AT] = value_of_integer(VALUE_TIMESTAMP, in->at);
}

/* Gives a worker its input at a seq: the record, or its time, or the end. */
static void give(struct runner *r, const struct input_record *in, seq_number seq)
{
    struct value fields[FIELDS];
    fill_fields(in, fields);
    uint8_t order = 0;
    struct record record = {.seq = seq, .order = &order, .order_len = 1};
    if (in->is_end) {
        record.kind = RECORD_END;
    } else {
        record.fields = fields;
        record.count = FIELDS;
        if (partition_worker(r->stage, &record) != r->stage->worker)
            record = (struct record){
                .seq = seq, .kind = RECORD_TICK, .time = in->at, .order = &order, .order_len = 1};
    }
    struct err e;
    assert_int_equal(runner_take(r, &record, &e), 0);
}

static int commit(struct runner *r, seq_number seq, struct err *e)
{
    runner_complete(r, seq);
    return runner_commit(r, seq, e);
}

static void free_outputs(struct outputs *outputs)
{
    for (size_t i = 0; i < outputs->count; i++) {
        buf_done(&outputs->items[i].order);
        buf_done(&outputs->items[i].text);
    }
    free(outputs->items);
    *outputs = (struct outputs){0};
}

static void assert_same_outputs(const struct outputs *a, const struct outputs *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++)
        assert_string_equal(buf_text(&a->items[i].text), buf_text(&b->items[i].text));
}

/*
 * Runs one worker over all seqs, with commits and kills. Its output at seq n is added to
 * results[n]; output that it repeats must be the same.
 */
static void run_worker(const struct stage *stage, const struct input_record *input,
                       struct outputs *results, bool kills)
{
    struct outputs *mine = memory_new(SEQS + 1, sizeof *mine);
    int stages_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct runner r;
    struct err e;
    prepare(stages_fd);
    put_into_quarantine(stage, stages_fd);
    open_worker(&r, stage, stages_fd);
    seq_number done = 0;
    for (seq_number seq = 1; seq <= SEQS; seq++) {
        struct outputs now = {0};
        collecting = &now;
        if (runner_is_full(&r))
            assert_int_equal(commit(&r, seq - 1, &e), 0);
        give(&r, &input[seq], seq);
        if (seq <= done) {
            assert_same_outputs(&now, &mine[seq]);
            free_outputs(&now);
        } else {
            mine[seq] = now;
            done = seq;
        }
        if (kills && random_below(20) == 0)
            assert_int_equal(commit(&r, seq - random_below(seq < 5 ? seq : 5), &e), 0);
        if (kills && random_below(60) == 0) {
            runner_close(&r);
            open_worker(&r, stage, stages_fd);
            seq = runner_position(&r);
        }
    }
    runner_close(&r);
    (void)close(stages_fd);
    for (seq_number seq = 1; seq <= SEQS; seq++) {
        struct outputs *all = &results[seq];
        all->items =
            memory_resize(all->items, all->count + mine[seq].count + 1, sizeof *all->items);
        for (size_t i = 0; i < mine[seq].count; i++)
            all->items[all->count++] = mine[seq].items[i];
        free(mine[seq].items);
    }
    free(mine);
}

static int compare_outputs(const void *a, const void *b)
{
    const struct emitted *x = a, *y = b;
    return order_compare(x->order.data, x->order.len, y->order.data, y->order.len);
}

/* --- the second way --- */

struct naive_window {
    struct input_record key;
    __int128 start, closes;
    uint64_t count;
    unsigned group;
};

struct naive {
    const struct setting *setting;
    struct naive_window windows[SEQS];
    size_t count;
    int64_t clock, changed_at;
    __int128 floors[KEY_GROUPS];
};

static struct naive *naive_new(const struct setting *setting)
{
    struct naive *naive = memory_new(1, sizeof *naive);
    naive->setting = setting;
    naive->clock = naive->changed_at = INT64_MIN;
    for (unsigned group = 0; group < KEY_GROUPS; group++)
        naive->floors[group] = INT64_MIN;
    return naive;
}

/* Start and end of the window of a time, by glibc. They may be outside of representable time. */
static void naive_span(const struct setting *s, int64_t at, __int128 *ret_start, __int128 *ret_end)
{
    time_t seconds = (time_t)(at / SECOND) - (at % SECOND < 0 ? 1 : 0);
    struct tm tm;
    assert_non_null(gmtime_r(&seconds, &tm));
    tm.tm_sec = 0;
    if (strcmp(s->per, "minute") != 0)
        tm.tm_min = 0;
    if (strcmp(s->per, "minute") != 0 && strcmp(s->per, "hour") != 0)
        tm.tm_hour = 0;
    if (strcmp(s->per, "week") == 0)
        tm.tm_mday -= (tm.tm_wday + 6 + 7 - (int)s->week_start) % 7;
    if (strcmp(s->per, "month") == 0)
        tm.tm_mday = 1;
    struct tm behind = tm;
    if (strcmp(s->per, "minute") == 0)
        behind.tm_min++;
    else if (strcmp(s->per, "hour") == 0)
        behind.tm_hour++;
    else if (strcmp(s->per, "month") == 0)
        behind.tm_mon++;
    else
        behind.tm_mday += strcmp(s->per, "week") == 0 ? 7 : 1;
    *ret_start = (__int128)timegm(&tm) * SECOND;
    *ret_end = (__int128)timegm(&behind) * SECOND;
}

/* By flag, name and number: the order of the option. */
static int compare_keys(const struct input_record *a, const struct input_record *b)
{
    if (a->flag != b->flag)
        return a->flag ? 1 : -1;
    uint32_t common = a->name_len < b->name_len ? a->name_len : b->name_len;
    int result = memcmp(a->name, b->name, common);
    if (result != 0)
        return result;
    if (a->name_len != b->name_len)
        return a->name_len < b->name_len ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number ? 1 : 0;
}

static int compare_windows(const void *a, const void *b)
{
    const struct naive_window *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return compare_keys(&x->key, &y->key);
}

/* Emits and removes what closes until then. */
static void naive_close(struct naive *n, __int128 until, struct buf *out)
{
    qsort(n->windows, n->count, sizeof n->windows[0], compare_windows);
    size_t kept = 0;
    for (size_t i = 0; i < n->count; i++) {
        const struct naive_window *w = &n->windows[i];
        if (w->closes > until) {
            n->windows[kept++] = *w;
            continue;
        }
        struct value key[FIELDS];
        fill_fields(&w->key, key);
        int64_t start = w->start < INT64_MIN ? INT64_MIN : (int64_t)w->start;
        const struct value fields[] = {value_of_integer(VALUE_TIMESTAMP, start), key[FLAG],
                                       key[NAME], key[NUMBER],
                                       value_of_integer(VALUE_INT, (int64_t)w->count)};
        print_fields(&first_worker()->out, fields, out);
    }
    n->count = kept;
}

/* At the end of the input; only a group with windows has seen a record at the first moment. */
static void naive_end(struct naive *n, struct buf *out)
{
    __int128 start, end;
    bool open[KEY_GROUPS] = {false};
    for (size_t i = 0; i < n->count; i++)
        open[n->windows[i].group] = true;
    naive_span(n->setting, n->clock, &start, &end);
    for (unsigned group = 0; group < KEY_GROUPS; group++) {
        if (n->clock != INT64_MIN || open[group])
            n->floors[group] = end + n->setting->lateness_s * SECOND;
    }
    naive_close(n, end + n->setting->lateness_s * SECOND, out);
    assert_int_equal(n->count, 0);
}

/* A record in quarantine moves the clock like any other, and is not counted. */
static void naive_take(struct naive *n, const struct input_record *in, bool poison, struct buf *out)
{
    if (in->is_end) {
        naive_end(n, out);
        return;
    }
    if (in->at > n->clock) {
        n->clock = in->at;
        /* A window that would close at the last moment is never closed by time. */
        naive_close(n, n->clock < INT64_MAX ? n->clock : INT64_MAX - 1, out);
    }
    if (poison) {
        buf_add_text(out, "dead poison\n");
        return;
    }
    struct value fields[FIELDS];
    fill_fields(in, fields);
    struct record record = {.fields = fields, .count = FIELDS};
    unsigned group = partition_group(first_worker(), &record);
    __int128 start, end;
    naive_span(n->setting, in->at, &start, &end);
    __int128 closes = end + n->setting->lateness_s * SECOND;
    if ((closes <= n->clock && closes < INT64_MAX) || closes <= n->floors[group]) {
        buf_add_text(out, "dead late\n");
        return;
    }
    size_t i = 0;
    while (i < n->count &&
           (n->windows[i].start != start || compare_keys(&n->windows[i].key, in) != 0))
        i++;
    if (i == n->count) {
        struct naive_window window = {.key = *in, .start = start, .closes = closes, .group = group};
        n->windows[n->count++] = window;
    }
    n->windows[i].count++;
}

/* --- the comparison --- */

/* The nearest that is a time. */
static int64_t clamp(__int128 at)
{
    return at > INT64_MAX ? INT64_MAX : at < INT64_MIN ? INT64_MIN : (int64_t)at;
}

/* Somewhere in time: now, or at one of its ends. */
static int64_t any_second(void)
{
    if (random_below(2) == 0)
        return 1700000000 + (int64_t)random_below(100000000);
    int64_t off = (int64_t)random_below(random_below(2) == 0 ? 1000 : 4000000);
    return random_below(2) == 0 ? INT64_MAX / SECOND - off : INT64_MIN / SECOND - 1 + off / 100;
}

static void make_input(const struct setting *setting, struct input_record *input)
{
    int64_t now = any_second();
    /* Steps that let some windows close, whatever the period. */
    int64_t step_s = 1 + (int64_t)random_below(random_below(2) == 0 ? 100 : 200000);
    bool ends = random_below(2) == 0, long_names = random_below(2) == 0;
    __int128 closed = 0; /* the end of a window that the record before has closed */
    for (size_t seq = 1; seq <= SEQS; seq++) {
        struct input_record *in = &input[seq];
        *in = (struct input_record){.is_end = seq == SEQS || (ends && random_below(50) == 0)};
        now += (int64_t)random_below((uint64_t)step_s);
        __int128 at = (__int128)now * SECOND + (__int128)random_below((uint64_t)SECOND);
        if (random_below(3) == 0)
            at -= (__int128)random_below((uint64_t)step_s * 20) * SECOND;
        if (random_below(10) == 0)
            at -= at % (3600 * SECOND); /* the first moment of windows */
        if (closed != 0) {
            at = closed - 1; /* its last moment: late */
            closed = 0;
        } else if (!in->is_end && random_below(40) == 0) {
            __int128 start;
            naive_span(setting, clamp((__int128)now * SECOND), &start, &closed);
            at = closed + setting->lateness_s * SECOND; /* the moment that closes it */
            now = clamp(at) / SECOND;
        }
        in->at = clamp(at);
        static const uint8_t letters[] = {0, 1, 'a', 'b', '"'};
        in->name_len = (uint32_t)random_below(4);
        for (uint32_t i = 0; i < in->name_len; i++)
            in->name[i] = letters[random_below(sizeof letters)];
        if (long_names) {
            in->name_len = NAME_BYTES;
            in->name[0] = (uint8_t)(' ' + random_below(90));
        }
        in->number = (int64_t)random_below(3) - 1;
        in->flag = random_below(2) == 0;
    }
}

static struct setting any_setting(void)
{
    static const char *const periods[] = {"minute", "hour", "day", "week", "month"};
    static const char *const weekdays[] = {"monday", "tuesday",  "wednesday", "thursday",
                                           "friday", "saturday", "sunday"};
    static const int64_t latenesses[] = {0, 1, 60, 3600, 86400, 86400 * 10, INT64_MAX / SECOND};
    unsigned week_start = (unsigned)random_below(7);
    return (struct setting){.per = periods[random_below(5)],
                            .week_starts = weekdays[week_start],
                            .week_start = week_start,
                            .by = random_below(2) == 0 ? "flag, number" : NULL,
                            .lateness_s = latenesses[random_below(7)]};
}

/* Runs all workers over the input and checks what they make of every seq. */
static void compare(const struct setting *setting, const struct input_record *input,
                    unsigned workers, bool kills)
{
    clear_directory();
    load_topology(setting, workers);
    struct outputs *results = memory_new(SEQS + 1, sizeof *results);
    for (unsigned i = 0; i < workers; i++)
        run_worker(first_worker() + i, input, results, kills);
    struct naive *naive = naive_new(setting);
    for (seq_number seq = 1; seq <= SEQS; seq++) {
        struct buf wanted = {0}, got = {0};
        naive_take(naive, &input[seq], quarantine_find(&quarantined, seq) != NULL, &wanted);
        struct outputs *now = &results[seq];
        /* Closed windows come before the dead letter of a record, which goes another way. */
        size_t dead = 0;
        for (size_t i = 0; i < now->count; i++) {
            struct emitted item = now->items[i];
            if (strncmp(buf_text(&item.text), "dead", 4) == 0) {
                now->items[i] = now->items[now->count - 1];
                now->items[now->count - 1] = item;
                dead++;
                break;
            }
        }
        if (workers > 1)
            qsort(now->items, now->count - dead, sizeof *now->items, compare_outputs);
        for (size_t i = 0; i < now->count; i++)
            buf_add(&got, now->items[i].text.data, now->items[i].text.len);
        assert_string_equal(buf_text(&got), buf_text(&wanted));
        buf_done(&wanted);
        buf_done(&got);
        free_outputs(now);
    }
    free(results);
    free(naive);
    topology_free(topology);
}

static void any_workers_and_kills_give_what_a_list_gives(void **state)
{
    (void)state;
    struct input_record *input = memory_new(SEQS + 1, sizeof *input);
    for (unsigned round = 0; round < 3; round++) {
        struct setting setting = any_setting();
        make_input(&setting, input);
        compare(&setting, input, 1, false);
        compare(&setting, input, 1, true);
        compare(&setting, input, 2, true);
        compare(&setting, input, WORKERS_TRIED, true);
    }
    free(input);
}

/* --- quarantine --- */

static void quarantine_any(void)
{
    quarantined.entries = memory_new(SEQS, sizeof *quarantined.entries);
    for (seq_number seq = 1; seq <= SEQS; seq++) {
        if (random_below(10) == 0 || seq == SEQS)
            quarantined.entries[quarantined.count++] =
                (struct quarantine_entry){.seq = seq, .cause = "hung"};
    }
}

/*
 * The quarantine also holds the seqs of ends, and those of records of other workers; neither is a
 * record that can be skipped.
 */
static void a_record_in_quarantine_is_not_counted_but_moves_all_clocks(void **state)
{
    (void)state;
    struct input_record *input = memory_new(SEQS + 1, sizeof *input);
    for (unsigned round = 0; round < 2; round++) {
        struct setting setting = any_setting();
        make_input(&setting, input);
        quarantine_any();
        compare(&setting, input, 1, false);
        compare(&setting, input, 1, true);
        compare(&setting, input, 2, true);
        compare(&setting, input, WORKERS_TRIED, true);
        quarantine_done(&quarantined);
    }
    free(input);
}

/* --- other numbers of workers --- */

/*
 * Runs one worker from where its state is to a seq, and leaves it as a kill would: its output of
 * what it had not committed is lost, and comes again from the workers that follow.
 */
static void run_until(const struct stage *stage, const struct input_record *input,
                      struct outputs *results, seq_number until, bool commit_all, int stages_fd)
{
    struct outputs *mine = memory_new(SEQS + 1, sizeof *mine);
    struct runner r;
    struct err e;
    open_worker(&r, stage, stages_fd);
    seq_number begin = runner_position(&r);
    for (seq_number seq = begin + 1; seq <= until; seq++) {
        collecting = &mine[seq];
        give(&r, &input[seq], seq);
        if (random_below(20) == 0)
            assert_int_equal(commit(&r, seq - random_below(seq < 5 ? seq : 5), &e), 0);
        if (random_below(60) == 0) {
            runner_close(&r);
            open_worker(&r, stage, stages_fd);
            for (seq_number again = runner_position(&r) + 1; again <= seq; again++)
                free_outputs(&mine[again]);
            seq = runner_position(&r);
        }
    }
    if (until > begin)
        assert_int_equal(commit(&r, commit_all ? until : until - random_below(until - begin), &e),
                         0);
    seq_number committed = runner_position(&r);
    runner_close(&r);
    for (seq_number seq = begin + 1; seq <= SEQS; seq++) {
        struct outputs *all = &results[seq];
        for (size_t i = 0; seq <= committed && i < mine[seq].count; i++) {
            all->items = memory_resize(all->items, all->count + 1, sizeof *all->items);
            all->items[all->count++] = mine[seq].items[i];
        }
        if (seq <= committed)
            free(mine[seq].items);
        else
            free_outputs(&mine[seq]);
    }
    free(mine);
}

/* The same, to any seq or the last one. */
static void run_some(const struct stage *stage, const struct input_record *input,
                     struct outputs *results, bool to_the_end, int stages_fd)
{
    struct runner r;
    open_worker(&r, stage, stages_fd);
    /* Often near the others: where they differ is then a step or an end. */
    seq_number until = runner_position(&r) + random_below(random_below(2) == 0 ? 8 : SEQS / 3);
    runner_close(&r);
    run_until(stage, input, results, to_the_end || until > SEQS ? SEQS : until, to_the_end,
              stages_fd);
}

static int compare_texts(const void *a, const void *b)
{
    struct buf x = ((const struct emitted *)a)->text, y = ((const struct emitted *)b)->text;
    return strcmp(buf_text(&x), buf_text(&y));
}

/* Splits a text into its lines. */
static struct outputs lines_of(struct buf *text)
{
    struct outputs lines = {0};
    for (const char *at = buf_text(text); *at != '\0';) {
        const char *end = strchr(at, '\n') + 1;
        lines.items = memory_resize(lines.items, lines.count + 1, sizeof *lines.items);
        lines.items[lines.count] = (struct emitted){0};
        buf_add(&lines.items[lines.count++].text, at, (size_t)(end - at));
        at = end;
    }
    return lines;
}

/*
 * Every seq up to one yields what it should, once, from whichever worker. A receiver that has a
 * part of a seq has all of it, so the order among earlier workers never matters.
 */
static void assert_same_until(struct naive *naive, seq_number from, seq_number until,
                              const struct input_record *input, struct outputs *results)
{
    for (seq_number seq = from; seq <= until; seq++) {
        struct buf text = {0};
        naive_take(naive, &input[seq], quarantine_find(&quarantined, seq) != NULL, &text);
        struct outputs wanted = lines_of(&text), *got = &results[seq];
        if (wanted.count != got->count)
            print_error("seq %llu: %zu outputs, not %zu\n", (unsigned long long)seq, got->count,
                        wanted.count);
        if (wanted.count != 0)
            qsort(wanted.items, wanted.count, sizeof *wanted.items, compare_texts);
        if (got->count != 0)
            qsort(got->items, got->count, sizeof *got->items, compare_texts);
        assert_same_outputs(got, &wanted);
        buf_done(&text);
        free_outputs(&wanted);
        free_outputs(got);
    }
}

static void assert_same_by_seq(const struct setting *setting, const struct input_record *input,
                               struct outputs *results)
{
    struct naive *naive = naive_new(setting);
    assert_same_until(naive, 1, SEQS, input, results);
    free(naive);
}

static void the_number_of_workers_changes_with_all_at_different_seqs(void **state)
{
    (void)state;
    struct input_record *input = memory_new(SEQS + 1, sizeof *input);
    for (unsigned round = 0; round < 3; round++) {
        struct setting setting = any_setting();
        make_input(&setting, input);
        clear_directory();
        int stages_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct outputs *results = memory_new(SEQS + 1, sizeof *results);
        if (random_below(2) == 0)
            quarantine_any();
        unsigned changes = 2 + (unsigned)random_below(5);
        for (unsigned change = 0; change <= changes; change++) {
            unsigned workers = 1 + (unsigned)random_below(random_below(3) == 0 ? WORKERS_MAX : 5);
            load_topology(&setting, workers);
            prepare(stages_fd);
            for (unsigned i = 0; i < workers; i++) {
                put_into_quarantine(first_worker() + i, stages_fd);
                run_some(first_worker() + i, input, results, change == changes, stages_fd);
            }
            if (change == changes)
                assert_same_by_seq(&setting, input, results);
            topology_free(topology);
        }
        (void)close(stages_fd);
        quarantine_done(&quarantined);
        free(results);
    }
    free(input);
}

/* --- another lateness --- */

/* What is open closes by the new lateness, and what has closed, by time or at an end, stays so. */
static void naive_change(struct naive *n, const struct setting *setting)
{
    __int128 shift = (__int128)(setting->lateness_s - n->setting->lateness_s) * SECOND;
    __int128 clock = n->clock < INT64_MAX ? n->clock : INT64_MAX - 1;
    for (size_t i = 0; i < n->count; i++)
        n->windows[i].closes += shift;
    for (unsigned group = 0; group < KEY_GROUPS; group++) {
        /* What should have closed at the last change is open until time goes on. */
        __int128 closed =
            n->clock > n->changed_at && clock > n->floors[group] ? clock : n->floors[group];
        if (closed > INT64_MIN)
            n->floors[group] = closed + shift;
    }
    n->setting = setting;
    n->changed_at = n->clock;
}

static void another_lateness_opens_nothing_and_loses_nothing(void **state)
{
    (void)state;
    struct input_record *input = memory_new(SEQS + 1, sizeof *input);
    for (unsigned round = 0; round < 12; round++) {
        struct setting settings[2] = {any_setting()}, *setting = &settings[0];
        make_input(setting, input);
        clear_directory();
        int stages_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct outputs *results = memory_new(SEQS + 1, sizeof *results);
        struct naive *naive = naive_new(setting);
        seq_number done = 0;
        while (done < SEQS) {
            unsigned workers = 1 + (unsigned)random_below(4);
            seq_number until = done + 1 + random_below(SEQS / 4);
            until = until < SEQS ? until : SEQS;
            load_topology(setting, workers);
            prepare(stages_fd);
            for (unsigned i = 0; i < workers; i++)
                run_until(first_worker() + i, input, results, until, true, stages_fd);
            assert_same_until(naive, done + 1, until, input, results);
            topology_free(topology);
            done = until;
            struct setting *next = &settings[setting == &settings[0] ? 1 : 0];
            *next = *setting;
            next->lateness_s = any_setting().lateness_s;
            naive_change(naive, next);
            setting = next;
        }
        (void)close(stages_fd);
        free(naive);
        free(results);
    }
    free(input);
}

/* --- bounds --- */

#define CHOSEN_KEYS 20000u
#define CHOSEN_GROUP 7u

static struct {
    size_t count;
    int64_t last;
} put_out;

static void chosen_emit(void *host, port_number port, const struct record *record)
{
    (void)host;
    if (record->kind == RECORD_END)
        return;
    assert_int_not_equal(port, PORT_DEAD);
    int64_t number = record->fields[3].integer; /* after window, flag and name */
    assert_true(number > put_out.last);
    put_out.last = number;
    put_out.count++;
}

/* The next record of the group; the hash of groups is not secret. */
static void choose_key(const struct stage *stage, const struct record *record, struct value *number)
{
    do
        number->integer++;
    while (partition_group(stage, record) != CHOSEN_GROUP);
}

/*
 * However many keys an attacker chooses for one group, all are counted and emitted, also at one
 * seq.
 */
static void keys_of_one_group_are_not_limited(void **state)
{
    (void)state;
    struct setting setting = {.per = "day", .week_starts = "monday"};
    clear_directory();
    load_topology(&setting, 1);
    int stages_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct runner r;
    struct err e;
    open_worker_to(&r, first_worker(), stages_fd, chosen_emit);
    put_out.last = -1;
    uint8_t name[] = "name", order = 0;
    struct value fields[FIELDS] = {
        [NAME] = value_of_bytes(VALUE_STRING, name, 4),
        [NUMBER] = value_of_integer(VALUE_INT, 0),
        [FLAG] = value_of_bool(true),
        [AT] = value_of_integer(VALUE_TIMESTAMP, INT64_C(1700000000) * SECOND)};
    struct record record = {.fields = fields, .count = FIELDS, .order = &order, .order_len = 1};
    for (seq_number seq = 1; seq <= CHOSEN_KEYS; seq++) {
        choose_key(r.stage, &record, &fields[NUMBER]);
        record.seq = seq;
        assert_int_equal(runner_take(&r, &record, &e), 0);
        if (seq != CHOSEN_KEYS / 2)
            continue;
        assert_int_equal(commit(&r, seq, &e), 0);
        runner_close(&r);
        open_worker_to(&r, first_worker(), stages_fd, chosen_emit);
    }
    struct record end = {
        .seq = CHOSEN_KEYS + 1, .kind = RECORD_END, .order = &order, .order_len = 1};
    uint64_t before = beats;
    assert_int_equal(runner_take(&r, &end, &e), 0);
    assert_int_equal(put_out.count, CHOSEN_KEYS);
    /* It shows progress while it gathers, far more often while it sorts, and as it emits. */
    assert_true(beats - before > 10 * CHOSEN_KEYS / 4096);
    runner_close(&r);
    (void)close(stages_fd);
    topology_free(topology);
}

int main(int argc, char **argv)
{
    random_init("window_count_random_test");
    (void)snprintf(directory, sizeof directory, "/tmp/bulkhead-window-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_workers_and_kills_give_what_a_list_gives),
        cmocka_unit_test(a_record_in_quarantine_is_not_counted_but_moves_all_clocks),
        cmocka_unit_test(the_number_of_workers_changes_with_all_at_different_seqs),
        cmocka_unit_test(another_lateness_opens_nothing_and_loses_nothing),
        cmocka_unit_test(keys_of_one_group_are_not_limited),
    };
    int rc = CASES_RUN(argc, argv, tests, NULL, NULL);
    clear_directory();
    (void)rmdir(directory);
    return rc;
}
