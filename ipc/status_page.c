/* SPDX-License-Identifier: MIT */
#include "ipc/status_page.h"

#include <sys/mman.h>
#include <unistd.h>

#include "common/file.h"
#include "common/memfd.h"

#define STATUS_MAGIC 0x54534842u /* "BHST" */
#define STATUS_VERSION 4u
/* A stage publishes a few times in a millisecond. More than this during one read is nonsense. */
#define READS_MAX 64u

int status_page_create(int *ret_fd, struct err *e)
{
    int fd;
    int rc = memfd_new("bulkhead-status", &fd, e);
    if (rc != 0)
        return err_wrap(e, "status page");
    rc = file_truncate(fd, STATUS_PAGE_BYTES, e);
    /* A faulty stage must not be able to take the page away from its supervisor. */
    if (rc == 0)
        rc = memfd_seal(fd, MEMFD_STAYS, e);
    if (rc != 0) {
        (void)close(fd);
        return err_wrap(e, "status page");
    }
    void *page = mmap(NULL, STATUS_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        rc = err_set_errno(e, "cannot map a status page");
        (void)close(fd);
        return rc;
    }
    ((struct status_page *)page)->magic = STATUS_MAGIC;
    ((struct status_page *)page)->version = STATUS_VERSION;
    (void)munmap(page, STATUS_PAGE_BYTES);
    *ret_fd = fd;
    return 0;
}

int status_page_map(int fd, struct status_page **ret_page, struct err *e)
{
    void *mapped = mmap(NULL, STATUS_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED)
        return err_set_errno(e, "cannot map the status page");
    struct status_page *page = mapped;
    if (page->magic != STATUS_MAGIC || page->version != STATUS_VERSION) {
        (void)munmap(mapped, STATUS_PAGE_BYTES);
        return err_set(e, ERR_PROTOCOL, "the inherited memory is not a status page");
    }
    *ret_page = page;
    return 0;
}

void status_page_unmap(struct status_page *page)
{
    if (page != NULL)
        (void)munmap(page, STATUS_PAGE_BYTES);
}

static const char *const work_texts[] = {
#define X(name, text) [name] = (text),
    STATUS_WORK_LIST(X)
#undef X
};

enum status_work status_page_work(const struct status_page *page)
{
    uint32_t work = atomic_load(&page->work);
    return work < sizeof work_texts / sizeof work_texts[0] ? (enum status_work)work
                                                           : STATUS_ON_RECORD;
}

const char *status_work_text(enum status_work work)
{
    return work_texts[work];
}

void status_page_publish(struct status_page *page, const struct status_counts *counts)
{
    uint64_t next = atomic_load_explicit(&page->publications, memory_order_relaxed) + 1;
    page->slots[next & 1] = *counts;
    atomic_store_explicit(&page->publications, next, memory_order_release);
}

struct status_counts status_page_counts(const struct status_page *page)
{
    struct status_counts counts;
    uint64_t before, after;
    unsigned reads = 0;
    do {
        before = atomic_load_explicit(&page->publications, memory_order_acquire);
        counts = page->slots[before & 1];
        atomic_thread_fence(memory_order_acquire);
        /* The next publication goes to the other slot; only the one after it overwrites ours. */
        after = atomic_load_explicit(&page->publications, memory_order_relaxed);
    } while (after != before && ++reads < READS_MAX);
    return counts;
}
