/* SPDX-License-Identifier: MIT */
/*
 * kind_story.h - what a step makes of a list of records, with one worker or two, killed anywhere
 *
 * A story is a row of a table: what it shows, options of the stage, and a text, written by hand
 * from the manual. Each line of the text is a record that the stage is given. Below it, indented by
 * two spaces, is the expected output:
 *
 *     {"a repeat is dropped", "key: id",
 *      "{'id':'a','n':1}\n"
 *      "  out {'id':'a','n':1}\n"
 *      "{'id':'a','n':2}\n"
 *      "{'id':'','n':3}\n"
 *      "  dead some-reason\n"},
 *
 * How a line is read depends on the stage upstream: a json.decode reads the line; otherwise the
 * line is the field `line` of the record, whatever it contains. Even an empty line, which no source
 * emits, is a record. A ' stands for a ". A line cannot begin with two spaces. If it begins with
 * "& ", the rest is a record with the seq of the record before; every other record has a seq of its
 * own. "<end>" is the end of the input. If a stage has several inputs, a record of any but the
 * first begins with the name of its input, as in "other: {'id':'a'}"; those of one seq come in the
 * order of the inputs.
 *
 * The outputs of a seq come below the last of its records, in the order of the outputs of the
 * stage, followed by the reasons of dead letters.
 *
 * kind_stories_play() plays each story many times, on the real store and the real runner. All runs
 * must emit the same bytes, including the dead letters:
 *
 *   - undisturbed, with one worker: the output must be that of the row
 *   - killed after every record, even in the middle of a seq: once with everything committed that
 *     is done, once with half of it, once with nothing. The next process continues from there, and
 *     what it emits again must be the same. It inherits the memory of the store from the killed
 *     one; every fourth time that is lost too, and it has only the files
 *   - with two workers, killed with half committed: each is given its own records, and the times of
 *     the others' as ticks. Their outputs are merged as their readers would merge them
 *   - with half committed, also with the next records announced, as hosts do (stage_ops.prepare)
 */
#ifndef BULKHEAD_TESTS_UNIT_KIND_STORY_H
#define BULKHEAD_TESTS_UNIT_KIND_STORY_H

#include "tests/unit/kind_run.h"

#include "common/memory.h"
#include "ipc/order.h"
#include "topology/partition.h"

#define KIND_STORY_RECORDS_MAX 64u
#define KIND_STORY_WORKERS 2u
#define KIND_STORY_ANNOUNCED 3u /* how many records are announced before they come */

struct kind_story {
    const char *name;
    const char *options; /* replaces OPTIONS in the topology; NULL: that has none */
    const char *text;
};

/* What a stage is given. The records own what they point to. */
struct kind_input {
    struct record records[KIND_STORY_RECORDS_MAX];
    size_t count;
};

/* One output of a stage. */
struct kind_output {
    seq_number seq;
    port_number port;
    struct buf order;     /* see ipc/order.h */
    size_t worker, place; /* place: its number among the outputs of its worker */
    struct buf text;      /* all of its fields */
    char *reason;         /* of a dead letter; else NULL */
};

struct kind_outputs {
    struct kind_output *items;
    size_t count;
};

/* One worker of the stage, with the outputs of all its processes. */
struct kind_worker {
    const char *story; /* its name */
    struct kind_run run;
    struct kind_outputs outputs;
    size_t again;  /* if below their count: the output that must come again now */
    size_t killed; /* the number of the record after which it was killed last, from 1; 0: never */
};

/* How the processes of a stage are disturbed. */
enum kind_lag {
    KIND_NEVER_KILLED, /* undisturbed */
    KIND_LAG_HALF,     /* killed after every record, with half of what was done committed */
    KIND_LAG_NONE,     /* the same, with everything committed */
    KIND_LAG_ALL,      /* the same, with nothing committed */
    KIND_LAG_COUNT
};

static const char *const kind_lag_names[KIND_LAG_COUNT] = {
    "undisturbed", "killed with half committed", "killed with all committed",
    "killed with nothing committed"};

/* --- what a stage is given --- */

/* A copy with " for '. */
static inline char *kind_story_unquote(const char *text)
{
    char *copy = memory_dup(text, strlen(text));
    for (char *at = copy; *at != '\0'; at++)
        *at = *at == '\'' ? '"' : *at;
    return copy;
}

static inline struct topology *kind_story_load(const char *text, const char *stage,
                                               const struct kind_story *story, unsigned workers)
{
    const char *at = strstr(text, "OPTIONS");
    char *whole = at == NULL ? memory_dup(text, strlen(text))
                             : memory_format("%.*s%s%s", (int)(at - text), text, story->options,
                                             at + strlen("OPTIONS"));
    char *setting = memory_format("%s.workers=%u", stage, workers);
    struct buf errors = {0};
    struct topology *topology =
        kind_run_try_load(whole, TOPOLOGY_PROCESSES, workers > 1 ? setting : NULL, &errors);
    if (topology == NULL)
        fail_msg("story '%s': its topology has errors:\n%s", story->name, buf_text(&errors));
    free(setting);
    free(whole);
    return topology;
}

/* Receives a record that the stage upstream has made. */
static inline void kind_input_take(void *host, port_number port, const struct record *record)
{
    struct kind_input *input = host;
    if (port != PORT_OUT)
        fail_msg("record %zu is refused by the stage upstream: %.*s", input->count + 1,
                 (int)record->fields[DEAD_LETTER_MESSAGE].len,
                 (const char *)record->fields[DEAD_LETTER_MESSAGE].bytes);
    struct value *fields = memory_new(record->count, sizeof *fields);
    for (size_t i = 0; i < record->count; i++) {
        fields[i] = record->fields[i];
        if (value_has_bytes(&fields[i]))
            fields[i].bytes = (const uint8_t *)memory_dup(fields[i].bytes, fields[i].len);
    }
    input->records[input->count] = (struct record){.fields = fields, .count = record->count};
}

/* Lets the stage upstream of an input make a record of a line; returns the number of the input. */
static inline uint32_t kind_input_decode(struct kind_input *input, struct topology *topology,
                                         const struct stage *to, const char *line, size_t len)
{
    uint32_t number = 0;
    for (size_t i = 1; i < to->input_count; i++) {
        size_t name_len = strlen(to->inputs[i].from);
        if (len < name_len + 2 || memcmp(line, to->inputs[i].from, name_len) != 0 ||
            memcmp(line + name_len, ": ", 2) != 0)
            continue;
        number = (uint32_t)i;
        line += name_len + 2;
        len -= name_len + 2;
        break;
    }
    struct value value = value_of_bytes(VALUE_BYTES, line, len);
    const struct stage *from = topology_find_stage(topology, to->inputs[number].from);
    if (from == NULL || strcmp(from->kind->name, "json.decode") != 0) {
        kind_input_take(input, PORT_OUT, &(struct record){.fields = &value, .count = 1});
        return number;
    }
    struct kind_run before;
    kind_run_start_to(&before, topology, from->name, kind_input_take, input);
    kind_run_step(&before, 0, &value);
    kind_run_stop(&before);
    return number;
}

/* Reads the records of a story. */
static inline void kind_input_read(struct kind_input *input, struct topology *topology,
                                   const char *stage, const char *text)
{
    char *copy = kind_story_unquote(text);
    *input = (struct kind_input){0};
    seq_number seq = 0;
    for (char *line = copy, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        if (strncmp(line, "  ", 2) == 0)
            continue;
        assert_true(input->count < KIND_STORY_RECORDS_MAX);
        bool same_seq = strncmp(line, "& ", 2) == 0;
        seq += same_seq ? 0 : 1;
        line += same_seq ? 2 : 0;
        struct record *record = &input->records[input->count];
        uint32_t number = 0;
        if (strncmp(line, "<end>\n", 6) == 0)
            *record = (struct record){.kind = RECORD_END};
        else
            number = kind_input_decode(input, topology, topology_find_stage(topology, stage), line,
                                       (size_t)(end - line));
        record->input = number;
        record->seq = record->position = seq;
        input->count++;
    }
    free(copy);
}

static inline void kind_input_done(struct kind_input *input)
{
    for (size_t i = 0; i < input->count; i++) {
        const struct record *record = &input->records[i];
        for (size_t k = 0; k < record->count; k++) {
            if (value_has_bytes(&record->fields[k]))
                free((void *)record->fields[k].bytes);
        }
        free((void *)record->fields);
    }
}

/* Whether the record with this number is the last of its seq. */
static inline bool kind_input_ends_seq(const struct kind_input *input, size_t number)
{
    const struct record *record = &input->records[number];
    return number + 1 == input->count || record[1].seq != record->seq;
}

/* --- what a stage emits --- */

static inline void kind_output_done(struct kind_output *output)
{
    buf_done(&output->order);
    buf_done(&output->text);
    free(output->reason);
}

static inline void kind_outputs_done(struct kind_outputs *outputs)
{
    for (size_t i = 0; i < outputs->count; i++)
        kind_output_done(&outputs->items[i]);
    free(outputs->items);
}

static inline void kind_outputs_add(struct kind_outputs *outputs, struct kind_output output)
{
    outputs->items = memory_resize(outputs->items, outputs->count + 1, sizeof output);
    outputs->items[outputs->count++] = output;
}

/* The order in which a reader of all workers receives outputs: by seq, output, order. */
static inline int kind_output_compare(const void *a, const void *b)
{
    const struct kind_output *x = a, *y = b;
    if (x->seq != y->seq)
        return x->seq < y->seq ? -1 : 1;
    if (x->port != y->port) /* dead letters come last */
        return x->port != PORT_DEAD && (y->port == PORT_DEAD || x->port < y->port) ? -1 : 1;
    int order = order_compare(x->order.data, x->order.len, y->order.data, y->order.len);
    if (order != 0)
        return order;
    if (x->worker != y->worker)
        return x->worker < y->worker ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place ? 1 : 0;
}

/* What comes again after a kill must be what came before it. */
static inline void kind_worker_compare(const struct kind_worker *worker, struct kind_output *before,
                                       struct kind_output *now)
{
    bool same_place =
        before->seq == now->seq && before->port == now->port &&
        order_compare(before->order.data, before->order.len, now->order.data, now->order.len) == 0;
    if (!same_place || strcmp(buf_text(&before->text), buf_text(&now->text)) != 0)
        fail_msg("story '%s': killed after record %zu, the stage emitted something else again\n"
                 "came, at seq %llu:\n%sexpected, at seq %llu, as before the kill:\n%s",
                 worker->story, worker->killed, (unsigned long long)now->seq, buf_text(&now->text),
                 (unsigned long long)before->seq, buf_text(&before->text));
}

static inline void kind_worker_on_emit(void *host, port_number port, const struct record *record)
{
    struct kind_worker *worker = host;
    struct kind_output output = {.seq = record->seq,
                                 .port = port,
                                 .worker = worker->run.stage->worker,
                                 .place = worker->outputs.count};
    if (record->kind != RECORD_DATA)
        return;
    kind_run_print_output(&worker->run, port, record, &output.text);
    buf_add(&output.order, record->order, record->order_len);
    if (port == PORT_DEAD)
        output.reason = memory_dup(record->fields[DEAD_LETTER_REASON].bytes,
                                   record->fields[DEAD_LETTER_REASON].len);
    if (worker->again == worker->outputs.count) {
        kind_outputs_add(&worker->outputs, output);
    } else {
        kind_worker_compare(worker, &worker->outputs.items[worker->again], &output);
        kind_output_done(&output);
    }
    worker->again++;
}

/* --- one process --- */

/* Which of two workers were given a record, or would have been if only seqs decided. */
static bool kind_story_given[KIND_STORY_WORKERS];

/* Gives a process its share of the record with this number: the record, a tick, or nothing. */
static inline void kind_worker_give(struct kind_worker *worker, const struct kind_input *input,
                                    size_t number)
{
    const struct stage *stage = worker->run.stage;
    struct record record = input->records[number];
    struct buf order = {0};
    size_t in_seq = 0;
    while (in_seq < number && input->records[number - in_seq - 1].seq == record.seq)
        in_seq++;
    order_add_number(&order, in_seq);
    record.order = order.data;
    record.order_len = (uint32_t)order.len;
    if (record.kind == RECORD_DATA && partition_worker(stage, &record) == stage->worker)
        kind_story_given[stage->worker] |= stage->workers > 1;
    if (record.kind == RECORD_DATA && partition_worker(stage, &record) != stage->worker) {
        kind_story_given[stage->worker] |= stage->by_count == 0;
        record.kind = RECORD_TICK;
        record.time = stage->clock_field >= 0 ? record.fields[stage->clock_field].integer : 0;
    }
    size_t times = record.kind == RECORD_END ? stage->input_count : 1; /* it comes on each input */
    for (; times != 0 && (record.kind != RECORD_TICK || stage->clock_field >= 0); times--)
        kind_run_take(&worker->run, &record);
    buf_done(&order);
    if (kind_input_ends_seq(input, number))
        runner_complete(&worker->run.runner, record.seq);
}

/* Announces the next records to a process. */
static inline void kind_worker_announce(struct kind_worker *worker, struct kind_input *input,
                                        size_t first)
{
    const struct stage *stage = worker->run.stage;
    for (size_t i = first; i < first + KIND_STORY_ANNOUNCED && i < input->count; i++) {
        struct record *record = &input->records[i];
        if (record->kind == RECORD_DATA && partition_worker(stage, record) == stage->worker)
            runner_announce(&worker->run.runner, record, i % (KIND_STORY_ANNOUNCED + 1));
    }
}

/* No record was announced to a new process. */
static inline void kind_worker_forget(struct kind_input *input)
{
    for (size_t i = 0; i < input->count; i++)
        input->records[i].ahead = 0;
}

/* How much is committed before a kill. */
static inline seq_number kind_lag_committed(enum kind_lag lag, seq_number done)
{
    switch (lag) {
    case KIND_LAG_NONE:
        return done;
    case KIND_LAG_HALF:
        return done / 2;
    default:
        return 0;
    }
}

/* Gives a process the records from first to last. With one lag they are announced before. */
static inline void kind_worker_give_all(struct kind_worker *worker, struct kind_input *input,
                                        size_t first, size_t last, enum kind_lag lag)
{
    for (size_t i = first; i <= last; i++) {
        if (lag == KIND_LAG_HALF)
            kind_worker_announce(worker, input, i);
        kind_worker_give(worker, input, i);
    }
}

/* Kills a process after a record, and lets the next one do again what was not committed. */
static inline void kind_worker_kill(struct kind_worker *worker, struct kind_input *input,
                                    size_t behind, enum kind_lag lag)
{
    struct runner *runner = &worker->run.runner;
    struct kind_outputs *outputs = &worker->outputs;
    worker->killed = behind + 1;
    seq_number committed = kind_lag_committed(lag, runner->done);
    if (committed != 0)
        kind_run_commit(&worker->run, committed);
    kind_run_kill(&worker->run, behind % 4 == 3);
    if (runner_has_position(runner))
        assert_int_equal(runner_position(runner), committed);
    runner_complete(runner, committed);
    for (worker->again = outputs->count; worker->again != 0; worker->again--) {
        if (outputs->items[worker->again - 1].seq <= committed)
            break;
    }
    size_t next = 0;
    while (next < input->count && input->records[next].seq <= committed)
        next++;
    kind_worker_forget(input);
    kind_worker_give_all(worker, input, next, behind, lag);
    if (worker->again != outputs->count)
        fail_msg("story '%s': %s, after record %zu: outputs that did not come again: %zu; the "
                 "first:\n%s",
                 worker->story, kind_lag_names[lag], worker->killed, outputs->count - worker->again,
                 buf_text(&outputs->items[worker->again].text));
}

/* Gives a process the whole input. */
static inline void kind_worker_play(struct kind_worker *worker, struct kind_input *input,
                                    enum kind_lag lag)
{
    kind_worker_forget(input);
    for (size_t i = 0; i < input->count; i++) {
        kind_worker_give_all(worker, input, i, i, lag);
        if (lag != KIND_NEVER_KILLED)
            kind_worker_kill(worker, input, i, lag);
    }
}

/* --- all processes --- */

/* Plays a story once, all workers disturbed alike. Returns their outputs, merged. */
static inline struct kind_outputs kind_story_once(const struct kind_story *story,
                                                  struct topology *topology, const char *stage,
                                                  struct kind_input *input, enum kind_lag lag)
{
    struct kind_outputs all = {0};
    for (size_t i = 0; i < topology->stage_count; i++) {
        if (strcmp(topology->stages[i].base, stage) != 0)
            continue;
        struct kind_worker worker = {.story = story->name};
        kind_run_start_to(&worker.run, topology, topology->stages[i].name, kind_worker_on_emit,
                          &worker);
        kind_worker_play(&worker, input, lag);
        kind_run_stop(&worker.run);
        for (size_t k = 0; k < worker.outputs.count; k++)
            kind_outputs_add(&all, worker.outputs.items[k]);
        free(worker.outputs.items);
    }
    if (all.count != 0)
        qsort(all.items, all.count, sizeof *all.items, kind_output_compare);
    return all;
}

/* The text of a story, with the actual outputs. */
static inline char *kind_story_tell(const struct kind_story *story, const struct kind_input *input,
                                    const struct kind_outputs *outputs)
{
    struct buf told = {0};
    char *text = kind_story_unquote(story->text);
    size_t number = 0, k = 0;
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        if (strncmp(line, "  ", 2) == 0)
            continue;
        buf_add(&told, line, (size_t)(end + 1 - line));
        for (; kind_input_ends_seq(input, number) && k < outputs->count &&
               outputs->items[k].seq == input->records[number].seq;
             k++) {
            const struct kind_output *output = &outputs->items[k];
            buf_add_text(&told, output->reason != NULL ? "  dead " : "  ");
            if (output->reason != NULL)
                buf_add_format(&told, "%s\n", output->reason);
            else
                buf_add(&told, output->text.data, output->text.len);
        }
        number++;
    }
    free(text);
    text = memory_dup(told.data, told.len);
    buf_done(&told);
    return text;
}

/* Shows a story with its actual outputs, and as it should be. */
static inline void kind_story_differs(const struct kind_story *story, const char *came,
                                      const char *expected)
{
    (void)fprintf(stderr, "story '%s'\ncame:\n%sexpected:\n%s", story->name, came, expected);
}

/* --- the property --- */

/* Kills the workers of a stage, and compares the outputs with those of an undisturbed run. */
static inline void kind_story_disturb(const struct kind_story *story, struct topology *topology,
                                      const char *stage, struct kind_input *input, unsigned workers,
                                      const struct kind_outputs *wanted)
{
    enum kind_lag last = workers == 1 ? KIND_LAG_ALL : KIND_LAG_HALF;
    for (enum kind_lag lag = KIND_LAG_HALF; lag <= last; lag++) {
        struct kind_outputs got = kind_story_once(story, topology, stage, input, lag);
        bool same = wanted->count == got.count;
        for (size_t i = 0; same && i < got.count; i++)
            same = wanted->items[i].seq == got.items[i].seq &&
                   strcmp(buf_text(&wanted->items[i].text), buf_text(&got.items[i].text)) == 0;
        if (!same) {
            kind_story_differs(story, kind_story_tell(story, input, &got),
                               kind_story_tell(story, input, wanted));
            fail_msg("story '%s': %u %s, %s: not the output of the undisturbed run", story->name,
                     workers, workers == 1 ? "worker" : "workers", kind_lag_names[lag]);
        }
        kind_outputs_done(&got);
    }
}

/* Plays one story in all ways. */
static inline void kind_story_play(const char *text, const char *stage,
                                   const struct kind_story *story)
{
    struct topology *topology = kind_story_load(text, stage, story, 1);
    struct kind_input input;
    kind_input_read(&input, topology, stage, story->text);
    struct kind_outputs outputs =
        kind_story_once(story, topology, stage, &input, KIND_NEVER_KILLED);
    char *told = kind_story_tell(story, &input, &outputs);
    char *wanted = kind_story_unquote(story->text);
    if (strcmp(told, wanted) != 0) {
        kind_story_differs(story, told, wanted);
        fail_msg("story '%s': not the expected output", story->name);
    }
    free(told);
    free(wanted);
    kind_story_disturb(story, topology, stage, &input, 1, &outputs);
    topology_free(topology);
    topology = kind_story_load(text, stage, story, KIND_STORY_WORKERS);
    kind_story_disturb(story, topology, stage, &input, KIND_STORY_WORKERS, &outputs);
    topology_free(topology);
    kind_outputs_done(&outputs);
    kind_input_done(&input);
}

/*
 * Plays the stories of a table: see above.
 * Requires: if records go to the workers by a key, or `by`, each worker is given some.
 */
static inline void kind_stories_play(const char *text, const char *stage,
                                     const struct kind_story *stories, size_t count)
{
    memset(kind_story_given, 0, sizeof kind_story_given);
    for (size_t i = 0; i < count; i++)
        kind_story_play(text, stage, &stories[i]);
    for (size_t worker = 0; worker < KIND_STORY_WORKERS; worker++) {
        if (!kind_story_given[worker])
            fail_msg("no record of the stories comes to worker %zu; choose other keys", worker);
    }
}

#endif
