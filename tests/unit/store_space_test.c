/* SPDX-License-Identifier: MIT */
/*
 * The space of an image against a list: tables come and go in random order; they never overlap,
 * read as zeros when they are made, keep what is written into them, and what has gone gives its
 * memory back. Sizes go far beyond where huge pages are asked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "stages/store_space.h"
#include "tests/unit/random.h"

#define FIRST_PAGE (STORE_CHUNK_BYTES / STORE_PAGE_BYTES)
#define TABLES_MAX 40u
#define WORDS_PER_PAGE (STORE_PAGE_BYTES / sizeof(uint64_t))

struct table {
    uint64_t page, pages, mark;
};

struct fixture {
    int fd;
    uint8_t *base;
    struct store_space *space;
    struct table tables[TABLES_MAX];
    size_t count;
};

static uint64_t *words_of(const struct fixture *f, const struct table *table)
{
    return (uint64_t *)(f->base + table->page * STORE_PAGE_BYTES);
}

/* Two words of every page are enough to see a page that is somebody else's, or old. */
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

static void take(struct fixture *f, uint64_t pages_max)
{
    struct table *table = &f->tables[f->count++];
    table->pages = 1 + random_bits() % pages_max;
    table->page = store_space_take(f->space, table->pages);
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

/* As a new process does it, which knows nothing but where the tables are. */
static void begin_anew(struct fixture *f)
{
    store_space_unmap(f->base);
    f->base = store_space_map(f->fd);
    assert_non_null(f->base);
    store_space_init(f->space, f->fd, f->base, FIRST_PAGE);
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

static void set_up(struct fixture *f)
{
    *f = (struct fixture){.fd = memfd_create("test-space", MFD_CLOEXEC)};
    assert_true(f->fd >= 0);
    assert_int_equal(ftruncate(f->fd, (off_t)STORE_SPACE_BYTES), 0);
    f->space = calloc(1, sizeof *f->space);
    assert_non_null(f->space);
    begin_anew(f);
}

static void tear_down(struct fixture *f)
{
    store_space_unmap(f->base);
    (void)close(f->fd);
    free(f->space);
}

static void tables_keep_apart(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {1, 7, 300, 1500};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct fixture f;
        set_up(&f);
        play(&f, sizes[i], 400);
        tear_down(&f);
    }
}

static void what_has_gone_gives_its_memory_back(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    play(&f, 2000, 300);
    while (f.count != 0)
        give_back(&f);
    /* At most a chunk that lies half before the first table, and what was taken ahead. */
    begin_anew(&f);
    assert_int_equal(memory_bytes(&f), 0);
    tear_down(&f);
}

static void a_gap_is_used_again(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    uint64_t first = store_space_take(f.space, 10);
    uint64_t second = store_space_take(f.space, 10);
    uint64_t third = store_space_take(f.space, 10);
    assert_int_equal(second, first + 10);
    assert_int_equal(third, second + 10);
    store_space_give_back(f.space, second);
    assert_int_equal(store_space_take(f.space, 11), third + 10);
    assert_int_equal(store_space_take(f.space, 4), second);
    assert_int_equal(store_space_take(f.space, 6), second + 4);
    tear_down(&f);
}

int main(void)
{
    random_init("store_space_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_keep_apart),
        cmocka_unit_test(what_has_gone_gives_its_memory_back),
        cmocka_unit_test(a_gap_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
