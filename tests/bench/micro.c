/* SPDX-License-Identifier: MIT */
/*
 * Measures single functions of the program, for those who would write them otherwise:
 *
 *   micro crc32c    bytes a second of the ways to sum up
 *   micro frame     a frame of 1,000 loads, as `parse` sends them in W2: packed, summed up, read
 *
 * Each figure is the median of ROUNDS rounds, by the time of the processor. The instructions of one
 * function are counted by `valgrind --tool=callgrind`.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/hash.h"
#include "common/memory.h"
#include "common/type.h"
#include "ipc/frame.h"

#define ROUNDS 21
#define ROUND_SECONDS 0.02
#define CRC_BYTES_MAX ((size_t)256 << 10)
#define RECORDS 1000
#define FIELDS 4

static double cpu_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* What is measured, once; its result goes where the compiler must leave it. */
typedef void work_fn(void *context);
static volatile uint64_t result;

/* Seconds that it takes: the median of all rounds, each long enough for the clock. */
static double measure(work_fn *work, void *context)
{
    double seconds[ROUNDS];
    size_t times = 1;
    for (int round = -1; round < ROUNDS;) {
        double begin = cpu_seconds();
        for (size_t i = 0; i < times; i++)
            work(context);
        double took = cpu_seconds() - begin;
        if (round < 0 && took < ROUND_SECONDS) {
            times *= 2;
            continue;
        }
        if (round >= 0)
            seconds[round] = took / (double)times;
        round++;
    }
    qsort(seconds, ROUNDS, sizeof seconds[0], compare);
    return seconds[ROUNDS / 2];
}

/* --- CRC32C --- */

static uint32_t crc32c_by_bits(uint32_t crc, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint32_t sum = ~crc;
    for (size_t i = 0; i < len; i++) {
        sum ^= at[i];
        for (int bit = 0; bit < 8; bit++)
            sum = (sum >> 1) ^ (0x82f63b78u & (0u - (sum & 1u)));
    }
    return ~sum;
}

struct summing {
    uint32_t (*crc32c)(uint32_t crc, const void *bytes, size_t len);
    size_t len;
    const uint8_t *bytes;
};

static void sum_up(void *context)
{
    struct summing *s = context;
    result += s->crc32c(0, s->bytes, s->len);
}

static void measure_crc32c(void)
{
    static const struct {
        const char *name;
        uint32_t (*crc32c)(uint32_t crc, const void *bytes, size_t len);
    } ways[] = {{"bit by bit", crc32c_by_bits},
                {"by table", hash_crc32c_portable},
                {"as this processor has it", hash_crc32c}};
    /* 512: with instructions, but too short for lanes. */
    static const size_t lengths[] = {64, 512, 4096, CRC_BYTES_MAX};
    uint8_t *bytes = memory_new(CRC_BYTES_MAX, 1);
    for (size_t i = 0; i < CRC_BYTES_MAX; i++)
        bytes[i] = (uint8_t)hash_mix64(i);
    for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++) {
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            struct summing s = {ways[way].crc32c, lengths[i], bytes};
            printf("%-26s %7zu bytes: %8.3f GB/s\n", ways[way].name, s.len,
                   1e-9 * (double)s.len / measure(sum_up, &s));
        }
    }
    free(bytes);
}

/* --- frames --- */

struct loads {
    struct contract contract;
    struct frame_builder builder;
    struct value fields[RECORDS][FIELDS];
    char ids[RECORDS][8], customers[RECORDS][8];
    struct frame_header header;
};

static void loads_make(struct loads *loads)
{
    static const char *const names[FIELDS] = {"id", "customer_id", "load_amount", "time"};
    static const char *const types[FIELDS] = {"string", "string", "money(USD)", "timestamp"};
    for (size_t i = 0; i < FIELDS; i++) {
        struct type type;
        if (type_parse(types[i], &type, NULL) != 0 ||
            contract_add(&loads->contract, names[i], type) != 0)
            abort();
    }
    for (size_t i = 0; i < RECORDS; i++) {
        int id_len = snprintf(loads->ids[i], sizeof loads->ids[i], "%" PRIu64,
                              100000 + hash_mix64(i) % 200000);
        int customer_len = snprintf(loads->customers[i], sizeof loads->customers[i], "%" PRIu64,
                                    1000 + hash_mix64(i + RECORDS) % 5000);
        loads->fields[i][0] = value_of_bytes(VALUE_STRING, loads->ids[i], (size_t)id_len);
        loads->fields[i][1] =
            value_of_bytes(VALUE_STRING, loads->customers[i], (size_t)customer_len);
        loads->fields[i][2] = value_of_integer(VALUE_MONEY, (int64_t)(hash_mix64(i) % 600000));
        loads->fields[i][3] =
            value_of_integer(VALUE_TIMESTAMP, (946684800 + (int64_t)i * 60) * 1000000000);
    }
    frame_builder_init(&loads->builder, 1, &loads->contract, 1, false);
}

static void pack(void *context)
{
    struct loads *loads = context;
    frame_builder_start(&loads->builder, 1);
    for (size_t i = 0; i < RECORDS; i++)
        frame_builder_add(&loads->builder, &(struct record){.seq = i + 1,
                                                            .position = i + 1,
                                                            .fields = loads->fields[i],
                                                            .count = FIELDS});
    result += loads->builder.bytes.len;
}

static void finish(void *context)
{
    struct loads *loads = context;
    frame_builder_finish(&loads->builder, RECORDS);
    frame_stamp(loads->builder.bytes.data, 1);
}

static void read_back(void *context)
{
    struct loads *loads = context;
    struct frame_reader reader;
    struct value fields[FIELDS];
    struct record record;
    frame_reader_init(&reader, &loads->header, loads->builder.bytes.data, &loads->contract, false);
    while (frame_reader_next(&reader, fields, &record, NULL) == 0)
        result += record.seq;
    if (record.seq != RECORDS)
        abort();
}

static void measure_frame(void)
{
    struct loads *loads = memory_new(1, sizeof *loads);
    loads_make(loads);
    double packing = measure(pack, loads);
    double finishing = measure(finish, loads);
    const struct buf *bytes = &loads->builder.bytes;
    if (frame_open(bytes->data, bytes->len, &loads->header, NULL) != 0)
        abort();
    double reading = measure(read_back, loads);
    printf(
        "%zu bytes for %d records; of each: packing %.1f ns, summing up %.2f ns, reading %.1f ns\n",
        bytes->len, RECORDS, 1e9 * packing / RECORDS, 1e9 * finishing / RECORDS,
        1e9 * reading / RECORDS);
    frame_builder_done(&loads->builder);
    free(loads);
}

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";
    if (strcmp(what, "crc32c") == 0)
        measure_crc32c();
    else if (strcmp(what, "frame") == 0)
        measure_frame();
    else {
        (void)fprintf(stderr, "usage: micro crc32c|frame\n");
        return 2;
    }
    return 0;
}
