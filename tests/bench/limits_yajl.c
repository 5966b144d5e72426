/* SPDX-License-Identifier: MIT */
/*
 * The job of topology/library/velocity-limits.yaml in one process: limits_yajl [--huge] IN OUT
 *
 * Decodes loads, drops those whose (customer_id, id) was seen before, and decides for each other
 * one whether it is within 5000.00 and 3 loads a day and 20000.00 a week. Nothing is made safe:
 * what is lost with the process is all of it. --huge asks for huge pages for the tables.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/yardstick.h"

#define NS_PER_DAY INT64_C(86400000000000)
#define LATENESS_DAYS 14
#define DAY_SUM_MAX 500000
#define DAY_COUNT_MAX 3
#define WEEK_SUM_MAX 2000000

enum { ID, CUSTOMER, AMOUNT, TIME };
static const char *const names[] = {"id", "customer_id", "load_amount", "time", NULL};

/* ---- The ids that were seen: open addressing, at most three quarters full ------------------ */

struct seen {
    struct hash *slots; /* 0, 0: free */
    size_t mask, count;
    bool huge;
};

static void seen_init(struct seen *seen, size_t slots, bool huge)
{
    *seen = (struct seen){
        .slots = table_new(slots * sizeof *seen->slots, huge), .mask = slots - 1, .huge = huge};
}

/* Where a hash is, or would go. */
static struct hash *seen_find(const struct seen *seen, struct hash hash)
{
    for (size_t i = (size_t)hash.low & seen->mask;; i = (i + 1) & seen->mask) {
        struct hash *slot = &seen->slots[i];
        if ((slot->low == hash.low && slot->high == hash.high) || (slot->low | slot->high) == 0)
            return slot;
    }
}

static void seen_grow(struct seen *seen)
{
    struct seen larger;
    seen_init(&larger, 2 * (seen->mask + 1), seen->huge);
    larger.count = seen->count;
    for (size_t i = 0; i <= seen->mask; i++) {
        if ((seen->slots[i].low | seen->slots[i].high) != 0)
            *seen_find(&larger, seen->slots[i]) = seen->slots[i];
    }
    table_free(seen->slots, (seen->mask + 1) * sizeof *seen->slots);
    *seen = larger;
}

/* True if the hash is new; it is remembered then. */
static bool seen_add(struct seen *seen, struct hash hash)
{
    struct hash *slot = seen_find(seen, hash);
    if ((slot->low | slot->high) != 0)
        return false;
    *slot = hash;
    if (++seen->count * 4 > (seen->mask + 1) * 3)
        seen_grow(seen);
    return true;
}

/* ---- The customers ----------------------------------------------------------------------- */

/* What was accepted in a day or a week. */
struct window {
    int32_t number; /* of the day or the week; the slot is free for every other */
    uint32_t count;
    int64_t sum;
};

/*
 * With 14 days of lateness a time is in one of 15 days and 3 weeks that are open, so these slots
 * are never needed by two open windows.
 */
#define DAY_SLOTS 16
#define WEEK_SLOTS 4

struct customer {
    struct hash key; /* 0, 0: free */
    struct window days[DAY_SLOTS];
    struct window weeks[WEEK_SLOTS];
};

struct customers {
    struct customer *slots;
    size_t mask, count;
    bool huge;
};

static void customers_init(struct customers *customers, size_t slots, bool huge)
{
    *customers = (struct customers){.slots = table_new(slots * sizeof *customers->slots, huge),
                                    .mask = slots - 1,
                                    .huge = huge};
}

static struct customer *customers_find(const struct customers *customers, struct hash key)
{
    for (size_t i = (size_t)key.low & customers->mask;; i = (i + 1) & customers->mask) {
        struct customer *slot = &customers->slots[i];
        if ((slot->key.low == key.low && slot->key.high == key.high) ||
            (slot->key.low | slot->key.high) == 0)
            return slot;
    }
}

static void customers_grow(struct customers *customers)
{
    struct customers larger;
    customers_init(&larger, 2 * (customers->mask + 1), customers->huge);
    larger.count = customers->count;
    for (size_t i = 0; i <= customers->mask; i++) {
        const struct customer *customer = &customers->slots[i];
        if ((customer->key.low | customer->key.high) != 0)
            *customers_find(&larger, customer->key) = *customer;
    }
    table_free(customers->slots, (customers->mask + 1) * sizeof *customers->slots);
    *customers = larger;
}

static struct customer *customers_take(struct customers *customers, struct hash key)
{
    struct customer *customer = customers_find(customers, key);
    if ((customer->key.low | customer->key.high) != 0)
        return customer;
    if ((customers->count + 1) * 4 > (customers->mask + 1) * 3) {
        customers_grow(customers);
        customer = customers_find(customers, key);
    }
    customers->count++;
    customer->key = key;
    return customer;
}

/* ---- The job ----------------------------------------------------------------------------- */

struct job {
    struct seen seen;
    struct customers customers;
    int64_t clock_ns; /* the latest time that was seen */
    struct output out;
    uint64_t refused;
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

static struct window *window_at(struct window *slots, unsigned mask, int64_t number)
{
    struct window *window = &slots[(uint64_t)number & mask];
    if (window->number != (int32_t)number)
        *window = (struct window){.number = (int32_t)number};
    return window;
}

/* Whether a load is accepted; false without an answer if its day or week is closed. */
static bool decide(struct job *job, struct hash key, int64_t cents, int64_t at_ns,
                   bool *ret_accepted)
{
    if (job->clock_ns < at_ns)
        job->clock_ns = at_ns;
    int64_t day = floor_div(at_ns, NS_PER_DAY);
    int64_t week = floor_div(day + 3, 7); /* 1970-01-01 was a Thursday, weeks begin on Monday */
    /* A day ends before its week does, so it is also the first to close. */
    if (cents < 0 || day + 1 + LATENESS_DAYS <= floor_div(job->clock_ns, NS_PER_DAY))
        return false;
    struct customer *customer = customers_take(&job->customers, key);
    struct window *of_day = window_at(customer->days, DAY_SLOTS - 1, day);
    struct window *of_week = window_at(customer->weeks, WEEK_SLOTS - 1, week);
    *ret_accepted = cents <= DAY_SUM_MAX - of_day->sum && of_day->count < DAY_COUNT_MAX &&
                    cents <= WEEK_SUM_MAX - of_week->sum;
    if (*ret_accepted) {
        of_day->sum += cents;
        of_day->count++;
        of_week->sum += cents;
    }
    return true;
}

/* Answers one load; false if it was refused. */
static bool answer(struct job *job, const struct member *members)
{
    const struct member *id = &members[ID], *customer = &members[CUSTOMER];
    int64_t cents, at_ns;
    for (size_t i = ID; i <= TIME; i++) {
        if (members[i].type != MEMBER_STRING)
            return false;
    }
    if (!parse_cents(members[AMOUNT].text, members[AMOUNT].len, &cents) ||
        !parse_time(members[TIME].text, members[TIME].len, &at_ns))
        return false;
    if (!seen_add(&job->seen, hash_of(customer->text, customer->len, id->text, id->len)))
        return true;
    bool accepted;
    struct hash key = hash_of(customer->text, customer->len, "", 0);
    if (!decide(job, key, cents, at_ns, &accepted))
        return false;
    OUTPUT_ADD_LITERAL(&job->out, "{\"id\":");
    output_add_string(&job->out, id->text, id->len);
    OUTPUT_ADD_LITERAL(&job->out, ",\"customer_id\":");
    output_add_string(&job->out, customer->text, customer->len);
    if (accepted)
        OUTPUT_ADD_LITERAL(&job->out, ",\"accepted\":true}\n");
    else
        OUTPUT_ADD_LITERAL(&job->out, ",\"accepted\":false}\n");
    return true;
}

int main(int argc, char **argv)
{
    bool huge = argc == 4 && strcmp(argv[1], "--huge") == 0;
    if (argc != (huge ? 4 : 3)) {
        (void)fprintf(stderr, "usage: limits_yajl [--huge] IN OUT\n");
        return 2;
    }
    struct lines lines;
    struct objects objects;
    struct job job = {.clock_ns = INT64_MIN};
    lines_open(&lines, argv[argc - 2]);
    output_open(&job.out, argv[argc - 1]);
    objects_init(&objects, names);
    seen_init(&job.seen, 1u << 16, huge);
    customers_init(&job.customers, 1u << 10, huge);
    char *line;
    size_t len;
    while (lines_next(&lines, &line, &len)) {
        if (!objects_read(&objects, line, len) || !answer(&job, objects.members))
            job.refused++;
    }
    output_close(&job.out);
    objects_done(&objects);
    lines_close(&lines);
    if (job.refused != 0)
        (void)fprintf(stderr, "%" PRIu64 " lines refused\n", job.refused);
    return 0;
}
