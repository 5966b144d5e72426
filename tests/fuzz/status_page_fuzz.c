/* SPDX-License-Identifier: MIT */
/*
 * What a stage shows on its page, which a stage that has gone wrong may have filled with anything. One
 * that is no page is refused with a reason; all others give numbers, which come into the JSON of a
 * status, and back out of it, as they are.
 */
#include "tests/fuzz/binary.h"

#include <sys/mman.h>

#include "common/memory.h"
#include "ipc/status_page.h"
#include "supervisor/client/status_read.h"
#include "supervisor/run/status.h"

/* The parts of an input: nothing, and the bytes of a page; behind them it has zeros. */
enum { PART_PAGE = 1 };

static struct status_snapshot *taken, *read_back;
static uint8_t *page_bytes;
static int page_fd;

/* As the supervisor does it: of the page's fields, those that are numbers. */
static void take(const struct status_page *page, struct status_stage *ret)
{
    struct status_counts counts = status_page_counts(page);
    (void)snprintf(ret->stage, sizeof ret->stage, "stage");
    (void)snprintf(ret->kind, sizeof ret->kind, "kind");
    (void)snprintf(ret->state, sizeof ret->state, "running");
#define P(type, name, ...) ret->name = atomic_load(&page->name);
#define C(type, name, ...) ret->name = counts.name;
    STATUS_STAGE_LIST(STATUS_SKIP, P, C)
#undef P
#undef C
}

static void expect_numbers(const struct status_stage *a, const struct status_stage *b)
{
#define SAME(type, name, ...) ALWAYS(a->name == b->name);
    STATUS_STAGE_LIST(STATUS_SKIP, SAME, SAME)
#undef SAME
}

static void try_page(const uint8_t *bytes, size_t len)
{
    struct status_page *page;
    struct err e = {0};
    memset(page_bytes, 0, STATUS_PAGE_BYTES);
    if (len != 0)
        memcpy(page_bytes, bytes, len < STATUS_PAGE_BYTES ? len : STATUS_PAGE_BYTES);
    int rc = status_page_map(page_fd, &page, &e);
    if (rc != 0) {
        ALWAYS_REASON(rc, &e);
        return;
    }
    ALWAYS(status_work_text(status_page_work(page))[0] != '\0');
    memset(taken, 0, sizeof *taken);
    (void)snprintf(taken->topology, sizeof taken->topology, "t");
    taken->stage_count = 1;
    take(page, &taken->stages[0]);
    struct buf json = {0}, text = {0};
    status_write_json(taken, &json);
    status_write_text(taken, &text);
    ALWAYS(status_read(json.data, json.len, read_back, &e) == 0 && read_back->stage_count == 1);
    expect_numbers(&taken->stages[0], &read_back->stages[0]);
    buf_done(&json);
    buf_done(&text);
    status_page_unmap(page);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_parts parts = fuzz_split(data, size);
    struct fuzz_part content = fuzz_part(&parts, PART_PAGE);
    try_page(content.bytes, content.len);
    return 0;
}

/* --- seeds --- */

static void add_seed(const void *bytes, size_t len)
{
    struct buf seed = {0};
    fuzz_add_part(&seed, NULL, 0);
    fuzz_add_part(&seed, bytes, len);
    fuzz_seed(&seed);
    buf_done(&seed);
}

static void add_page(void)
{
    struct status_page *page;
    struct err e;
    ALWAYS(status_page_map(page_fd, &page, &e) == 0);
    add_seed(page_bytes, 256);
    for (unsigned i = 1; i < 3; i++) {
        struct status_counts counts = {.through = i};
        counts.in = counts.out = 1000 * i;
        status_page_publish(page, &counts);
        status_page_show_link(page, i, i, i);
        add_seed(page_bytes, STATUS_PAGE_BYTES);
    }
    status_page_unmap(page);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    struct err e;
    ALWAYS(status_page_create(&page_fd, &e) == 0);
    void *mapped = mmap(NULL, STATUS_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, page_fd, 0);
    ALWAYS(mapped != MAP_FAILED);
    page_bytes = mapped;
    taken = memory_new(1, sizeof *taken);
    read_back = memory_new(1, sizeof *read_back);
    add_page();
    return 0;
}
