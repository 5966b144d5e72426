/* SPDX-License-Identifier: MIT */
/*
 * The records of one seq are sent in as many frames as they need. This connects an outlet and an
 * inlet with real links, which are replaced in the middle of a seq, by a sender that may have been
 * restarted. A seq is passed on as a whole, once and in order, or not at all.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/memory.h"
#include "stages/host/inlet.h"
#include "stages/host/outlet.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

/* nng frees closed links in a thread of its own. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libnng";
}

#define SEQS 8u

static char directory[64];
static int dir_fd;
static uint8_t *text; /* as long as the longest record */
static struct contract contract;
static struct edge edge;

/* The output of each seq: this many records, all of the same length. */
static unsigned counts[SEQS + 1];
static size_t lens[SEQS + 1];

static void no_thread(const struct err *e)
{
    (void)fprintf(stderr, "%s\n", e->text);
    _exit(1);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "/tmp/bulkhead-parts-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    text = memory_new(3 * FRAME_BYTES_TARGET, 1);
    memset(text, 'x', 3 * FRAME_BYTES_TARGET);
    contract.count = 1;
    contract.fields[0] = (struct field){.name = "x", .type = {.tag = VALUE_STRING}};
    edge = (struct edge){
        .index = 3, .contract = &contract, .fingerprint = contract_fingerprint(&contract)};
    struct err e;
    return link_start(no_thread, &e);
}

static int tear_down(void **state)
{
    (void)state;
    free(text);
    (void)close(dir_fd);
    return rmdir(directory);
}

static void draw_seqs(void)
{
    for (unsigned seq = 1; seq <= SEQS; seq++) {
        counts[seq] = (unsigned)random_below(5);
        lens[seq] = random_below(3) == 0 ? random_below(3 * FRAME_BYTES_TARGET) : random_below(100);
    }
}

/* Processes a seq: all its records go to the outlet, with their numbers as positions. */
static void work(struct outlet *o, seq_number seq)
{
    for (unsigned i = 0; i < counts[seq]; i++) {
        struct value value = value_of_bytes(VALUE_STRING, text, lens[seq]);
        struct record record = {.seq = seq, .position = i, .fields = &value, .count = 1};
        outlet_add(o, &record, -1);
    }
}

static void connect_ends(struct outlet *o, struct inlet *in, seq_number acked)
{
    static uint64_t serial = 2000;
    struct link_id id = {.edge = 3, .serial = ++serial};
    struct link *receiver, *sender = NULL;
    struct err e;
    inlet_set_link(in, NULL);
    if (link_listen(dir_fd, &id, &receiver, &e) != 0 || link_dial(dir_fd, &id, &sender, &e) != 0)
        fail_msg("%s", e.text);
    inlet_set_link(in, receiver);
    outlet_connect_take(o, sender, acked, in->expected);
    assert_int_equal(outlet_rewind(o), 0);
}

/* Receives complete seqs, and compares them. */
static void take(struct inlet *in, seq_number *seq, unsigned *number)
{
    struct err e;
    for (;;) {
        while (*seq <= inlet_covered(in) && *number == counts[*seq]) {
            ++*seq;
            *number = 0;
        }
        if (inlet_is_read_out(in) && inlet_read(in, &e) != 0)
            fail_msg("%s", e.text);
        const struct record *record = inlet_peek(in, 0);
        if (record == NULL || record->seq > inlet_covered(in))
            break;
        assert_int_equal(record->seq, *seq);
        assert_int_equal(record->position, *number);
        assert_int_equal(record->fields[0].len, lens[*seq]);
        ++*number;
        inlet_pop(in);
    }
    assert_true(*seq == inlet_covered(in) + 1 && *number == 0);
}

static void move_some(struct outlet *o, struct inlet *in)
{
    struct err e;
    if (outlet_send(o, &e) != 0 || inlet_receive(in, &e) != 0)
        fail_msg("%s", e.text);
    struct pollfd fds[] = {{.fd = link_receive_fd(in->link), .events = POLLIN},
                           {.fd = link_send_fd(o->link), .events = POLLIN}};
    (void)poll(fds, o->window.sent < o->window.count ? 2 : 1, 1);
}

static void a_seq_is_handed_out_whole_whatever_breaks(void **state)
{
    (void)state;
    unsigned in_midst = 0;
    for (int round = 0; round < 60; round++) {
        draw_seqs();
        struct inlet in;
        struct outlet o;
        inlet_init(&in, &edge);
        outlet_init(&o, &edge);
        outlet_set_position(&o, 0);
        connect_ends(&o, &in, 0);
        seq_number worked = 0, taken = 1, acked = 0;
        unsigned number = 0, breaks = 0;
        while (taken <= SEQS) {
            if (worked < SEQS && random_below(2) == 0)
                work(&o, ++worked);
            if (random_below(3) == 0 || worked == SEQS)
                outlet_flush(&o, worked);
            move_some(&o, &in);
            take(&in, &taken, &number);
            if (random_below(4) == 0)
                acked = taken - 1;
            bool midst = in.part != 0 && breaks < 3 && random_below(2) == 0;
            if (!midst && random_below(64) != 0)
                continue;
            breaks += midst ? 1 : 0;
            in_midst += in.part != 0 ? 1 : 0;
            if (random_below(2) == 0) { /* the sender was killed */
                outlet_done(&o);
                outlet_init(&o, &edge);
                outlet_set_position(&o, acked);
                worked = acked;
            }
            connect_ends(&o, &in, acked);
        }
        assert_int_equal(in.refused, 0);
        inlet_done(&in);
        outlet_done(&o);
    }
    print_message("%u links were made anew in the middle of a seq\n", in_midst);
    assert_true(in_midst > 5);
}

/* Sends frames as they are; returns the inlet's result for the last one. */
static int send_raw(struct inlet *in, struct link *sender, struct frame_builder *b)
{
    struct err e;
    frame_stamp(b->bytes.data, link_id(sender)->serial);
    struct pollfd fd = {.fd = link_send_fd(sender), .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 10000), 1);
    assert_int_equal(link_send(sender, b->bytes.data, b->bytes.len, &e), 0);
    fd.fd = link_receive_fd(in->link);
    assert_int_equal(poll(&fd, 1, 10000), 1);
    return inlet_receive(in, &e);
}

static void parts_that_do_not_follow_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        seq_number first;
        uint32_t part;
        int rc;
    } cases[] = {
        {"the next part", 1, 1, 0},
        {"the same part", 1, 0, ERR_PROTOCOL},
        {"a part left out", 1, 2, ERR_PROTOCOL},
        {"the next seq", 2, 0, ERR_PROTOCOL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct inlet in;
        struct outlet o;
        inlet_init(&in, &edge);
        outlet_init(&o, &edge);
        outlet_set_position(&o, 0);
        connect_ends(&o, &in, 0);
        struct value value = value_of_bytes(VALUE_STRING, text, 5);
        struct record record = {.seq = 1, .fields = &value, .count = 1};
        struct frame_builder b;
        frame_builder_init(&b, 3, &contract, edge.fingerprint, false);
        frame_builder_add(&b, &record);
        assert_int_equal(frame_builder_finish_part(&b), 1);
        assert_int_equal(send_raw(&in, o.link, &b), 0);
        assert_int_equal(inlet_covered(&in), 0);
        assert_true(inlet_has_room(&in));
        frame_builder_start(&b, cases[i].first);
        b.part = cases[i].part;
        record.seq = cases[i].first;
        frame_builder_add(&b, &record);
        frame_builder_finish(&b, cases[i].first);
        if (send_raw(&in, o.link, &b) != cases[i].rc)
            fail_msg("%s: taken otherwise", cases[i].name);
        assert_int_equal(inlet_covered(&in), cases[i].rc == 0 ? 1 : 0);
        frame_builder_done(&b);
        inlet_done(&in);
        outlet_done(&o);
    }
}

int main(int argc, char **argv)
{
    random_init("seq_in_parts");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seq_is_handed_out_whole_whatever_breaks),
        cmocka_unit_test(parts_that_do_not_follow_are_refused),
    };
    return CASES_RUN(argc, argv, tests, set_up, tear_down);
}
