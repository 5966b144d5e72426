/* SPDX-License-Identifier: MIT */
/*
 * The space of an image against a list. Tables come and go in random order. They never overlap,
 * read as zeros when they are created, keep what is written to them, and give their memory back
 * when they are gone. Sizes go far beyond the point where huge pages are requested.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "stages/store/store_space.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define FIRST_PAGE (STORE_CHUNK_BYTES / STORE_PAGE_BYTES)
#define TABLES_MAX 40u
#define WORDS_PER_PAGE (STORE_PAGE_BYTES / sizeof(uint64_t))

struct table {
    uint64_t page, pages, mark;
};

/* Replaces that of the C library: a test decides how requests for huge pages end. */
static struct {
    bool is_fake;
    useconds_t takes_us;
    unsigned calls;
    size_t len_max;
    uint64_t beats_min; /* the fewest beats between two calls */
    uint64_t beats_before;
    _Atomic uint64_t beats;
} huge;

int madvise(void *at, size_t len, int advice)
{
    if (advice != 25 || !huge.is_fake) /* MADV_COLLAPSE of linux/mman.h */
        return (int)syscall(SYS_madvise, at, len, advice);
    huge.calls++;
    huge.len_max = len > huge.len_max ? len : huge.len_max;
    uint64_t beats = atomic_load(&huge.beats);
    if (beats - huge.beats_before < huge.beats_min)
        huge.beats_min = beats - huge.beats_before;
    huge.beats_before = beats;
    (void)usleep(huge.takes_us);
    return 0;
}

struct fixture {
    int fd;
    struct store_map map;
    struct store_space *space;
    bool is_later; /* this is not the first process of its stage */
    struct table tables[TABLES_MAX];
    size_t count;
};

static uint64_t *words_of(const struct fixture *f, const struct table *table)
{
    return (uint64_t *)(f->map.base + table->page * STORE_PAGE_BYTES);
}

/* Two words of every page are enough to detect a page of another table, or an old one. */
static void check_words(const struct fixture *f, const struct table *table, uint64_t expected)
{
    const uint64_t *words = words_of(f, table);
    for (uint64_t i = 0; i < table->pages; i++) {
        assert_int_equal(words[i * WORDS_PER_PAGE], expected);
        assert_int_equal(words[i * WORDS_PER_PAGE + WORDS_PER_PAGE - 1], expected);
    }
}

static void mark_words(const struct fixture *f, const struct table *table)
{
    uint64_t *words = words_of(f, table);
    for (uint64_t i = 0; i < table->pages; i++)
        words[i * WORDS_PER_PAGE] = words[i * WORDS_PER_PAGE + WORDS_PER_PAGE - 1] = table->mark;
}

static uint64_t take_pages(struct fixture *f, uint64_t pages)
{
    uint64_t page;
    struct err e;
    if (store_space_take(f->space, pages, &page, &e) != 0)
        fail_msg("%s", e.text);
    return page;
}

static void take(struct fixture *f, uint64_t pages_max)
{
    struct table *table = &f->tables[f->count++];
    table->pages = 1 + random_bits() % pages_max;
    table->page = take_pages(f, table->pages);
    table->mark = random_bits() | 1;
    assert_true(table->page >= FIRST_PAGE);
    check_words(f, table, 0);
    mark_words(f, table);
}

static void give_back(struct fixture *f)
{
    size_t i = random_bits() % f->count;
    check_words(f, &f->tables[i], f->tables[i].mark);
    store_space_give_back(f->space, f->tables[i].page);
    f->tables[i] = f->tables[--f->count];
}

/* As in a new process, which knows only where the tables are. */
static void begin_anew(struct fixture *f)
{
    struct err e;
    bool strict = f->map.strict;
    store_map_close(&f->map);
    if (store_map_open(&f->map, f->fd, &e) != 0)
        fail_msg("%s", e.text);
    f->map.strict = strict;
    store_space_init(f->space, &f->map, FIRST_PAGE);
    if (!f->is_later)
        store_space_ask_for_huge(f->space);
    f->space->beats = &huge.beats;
    for (size_t i = 0; i < f->count; i++)
        store_space_note(f->space, f->tables[i].page, f->tables[i].pages);
    store_space_tidy(f->space);
}

static uint64_t memory_bytes(const struct fixture *f)
{
    struct stat status;
    assert_int_equal(fstat(f->fd, &status), 0);
    return (uint64_t)status.st_blocks * 512;
}

static void play(struct fixture *f, uint64_t pages_max, unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        uint64_t what = random_bits() % 100;
        if (what < 2)
            begin_anew(f);
        else if (f->count == TABLES_MAX || (what < 50 && f->count != 0))
            give_back(f);
        else
            take(f, pages_max);
    }
    for (size_t i = 0; i < f->count; i++)
        check_words(f, &f->tables[i], f->tables[i].mark);
}

static void set_up(struct fixture *f, bool strict)
{
    *f = (struct fixture){.fd = memfd_create("test-space", MFD_CLOEXEC), .map = {.strict = strict}};
    assert_true(f->fd >= 0);
    f->space = calloc(1, sizeof *f->space);
    assert_non_null(f->space);
    begin_anew(f);
}

static void tear_down(struct fixture *f)
{
    store_map_close(&f->map);
    (void)close(f->fd);
    free(f->space);
}

static void tables_keep_apart(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {1, 7, 300, 1500};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int strict = 0; strict < 2; strict++) {
            struct fixture f;
            set_up(&f, strict != 0);
            play(&f, sizes[i], 400);
            tear_down(&f);
        }
    }
}

/* Creates tables of 16 MiB, enough for huge pages; returns how often these were requested. */
static unsigned calls_for_large_tables(bool is_later, useconds_t takes_us)
{
    struct fixture f;
    set_up(&f, false);
    f.is_later = is_later;
    begin_anew(&f);
    huge.is_fake = true;
    huge.takes_us = takes_us;
    huge.calls = 0;
    huge.len_max = 0;
    huge.beats_min = UINT64_MAX;
    for (unsigned i = 0; i < 12; i++)
        (void)take_pages(&f, 8 * FIRST_PAGE);
    huge.is_fake = false;
    tear_down(&f);
    return huge.calls;
}

/* A call may take a second if all processors are busy: calls are small, with beats between. */
static void huge_pages_are_asked_for_in_small_calls(void **state)
{
    (void)state;
    assert_true(calls_for_large_tables(false, 0) > 0);
    assert_true(huge.len_max <= 8 * STORE_CHUNK_BYTES);
    assert_true(huge.beats_min > 0);
}

static void a_call_that_takes_long_is_the_last(void **state)
{
    (void)state;
    assert_int_equal(calls_for_large_tables(false, 100000), 1);
}

static void a_later_process_does_not_ask(void **state)
{
    (void)state;
    assert_int_equal(calls_for_large_tables(true, 0), 0);
}

/* Something is mapped after it, so it must move, with its contents, to a multiple of a chunk. */
static void it_moves_where_it_cannot_grow(void **state)
{
    (void)state;
    struct fixture f;
    struct err e;
    set_up(&f, false);
    unsigned moves = 0;
    for (int i = 0; i < 12; i++) {
        const uint8_t *before = f.map.base;
        void *behind = f.map.base + f.map.len;
        void *wall = mmap(behind, STORE_PAGE_BYTES, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        take(&f, 1500);
        if (store_map_reserve(&f.map, f.map.len + 1, &e) != 0)
            fail_msg("%s", e.text);
        moves += f.map.base != before ? 1 : 0;
        assert_int_equal((uintptr_t)f.map.base % STORE_CHUNK_BYTES, 0);
        for (size_t t = 0; t < f.count; t++)
            check_words(&f, &f.tables[t], f.tables[t].mark);
        if (wall != MAP_FAILED)
            (void)munmap(wall, STORE_PAGE_BYTES);
    }
    assert_true(moves > 0);
    begin_anew(&f);
    for (size_t t = 0; t < f.count; t++)
        check_words(&f, &f.tables[t], f.tables[t].mark);
    tear_down(&f);
}

/* Grows until it reaches a limit. The contents are unchanged, and no signal was raised. */
static void grow_under(int resource, uint64_t room, const char *name)
{
    struct fixture f;
    struct err e;
    struct rlimit old, low;
    set_up(&f, false);
    take(&f, 10);
    assert_int_equal(getrlimit((__rlimit_resource_t)resource, &old), 0);
    low = (struct rlimit){.rlim_cur = room, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit((__rlimit_resource_t)resource, &low), 0);
    uint64_t page;
    int rc = 0;
    unsigned taken = 0;
    while (rc == 0 && taken++ < IMAGE_SHARDS - 1)
        rc = store_space_take(f.space, 500, &page, &e);
    assert_int_equal(setrlimit((__rlimit_resource_t)resource, &old), 0);
    assert_int_equal(rc, ERR_NO_SPACE);
    assert_non_null(strstr(e.text, name));
    assert_true(taken > 1 && f.map.len <= room);
    for (size_t t = 0; t < f.count; t++)
        check_words(&f, &f.tables[t], f.tables[t].mark);
    /* It continues when there is room again. */
    take(&f, 500);
    tear_down(&f);
}

static uint64_t addresses_now(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu", &pages), 1);
    (void)fclose(file);
    return pages * STORE_PAGE_BYTES;
}

static void limits_are_told_by_their_names(void **state)
{
    (void)state;
    /* Not a multiple of a chunk: the last piece is usable as well. */
    grow_under(RLIMIT_FSIZE, (UINT64_C(48) << 20) + 3 * STORE_PAGE_BYTES, "ulimit -f");
    uint64_t now = addresses_now();
    if (now > UINT64_C(1) << 40)
        return; /* a sanitizer uses more addresses than any limit allows */
    grow_under(RLIMIT_AS, now + (UINT64_C(100) << 20), "ulimit -v");
}

/* With strict accounting, the memory of a table is allocated before it is touched. */
static void strict_memory_is_had_before(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, true);
    (void)take_pages(&f, 100);
    assert_true(memory_bytes(&f) >= 100 * STORE_PAGE_BYTES);
    tear_down(&f);
    set_up(&f, false);
    (void)take_pages(&f, 100);
    assert_int_equal(memory_bytes(&f), 0);
    tear_down(&f);
}

static void what_has_gone_gives_its_memory_back(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, false);
    play(&f, 2000, 300);
    while (f.count != 0)
        give_back(&f);
    /* At most a chunk that is partly before the first table, and what was requested ahead. */
    begin_anew(&f);
    assert_int_equal(memory_bytes(&f), 0);
    tear_down(&f);
}

static void a_gap_is_used_again(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, false);
    uint64_t first = take_pages(&f, 10);
    uint64_t second = take_pages(&f, 10);
    uint64_t third = take_pages(&f, 10);
    assert_int_equal(second, first + 10);
    assert_int_equal(third, second + 10);
    store_space_give_back(f.space, second);
    assert_int_equal(take_pages(&f, 11), third + 10);
    assert_int_equal(take_pages(&f, 4), second);
    assert_int_equal(take_pages(&f, 6), second + 4);
    tear_down(&f);
}

/* Creating a table of a GiB takes seconds, during which its stage would look hung. */
static void large_tables_beat(void **state)
{
    (void)state;
    enum { BYTES = 256 << 20 };
    static _Atomic uint64_t beats;
    struct fixture f;
    set_up(&f, false);
    f.space->beats = &beats;
    uint64_t small = take_pages(&f, (STORE_HUGE_BYTES_MIN + (64u << 10)) / STORE_PAGE_BYTES);
    uint64_t before = beats;
    /* Huge pages are used until a request has taken long once, as on a busy host. */
    uint64_t page = take_pages(&f, BYTES / STORE_PAGE_BYTES);
    assert_true(beats - before >= BYTES >> 26 || !f.space->asks);
    before = beats;
    store_space_give_back(f.space, page);
    assert_true(beats - before >= BYTES >> 26);
    page = take_pages(&f, BYTES / STORE_PAGE_BYTES);
    before = beats;
    store_space_give_back(f.space, small);
    store_space_give_back(f.space, page);
    assert_true(beats - before >= BYTES >> 26);
    tear_down(&f);
}

int main(int argc, char **argv)
{
    random_init("store_space_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_keep_apart),
        cmocka_unit_test(huge_pages_are_asked_for_in_small_calls),
        cmocka_unit_test(a_call_that_takes_long_is_the_last),
        cmocka_unit_test(a_later_process_does_not_ask),
        cmocka_unit_test(what_has_gone_gives_its_memory_back),
        cmocka_unit_test(a_gap_is_used_again),
        cmocka_unit_test(it_moves_where_it_cannot_grow),
        cmocka_unit_test(limits_are_told_by_their_names),
        cmocka_unit_test(strict_memory_is_had_before),
        cmocka_unit_test(large_tables_beat),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
