/* SPDX-License-Identifier: MIT */
#include "ipc/status_page.h"

#include <sys/mman.h>
#include <unistd.h>

#define STATUS_MAGIC 0x54534842u /* "BHST" */
#define STATUS_VERSION 2u

int status_page_create(int *ret_fd, struct err *e)
{
    int fd = memfd_create("bulkhead-status", MFD_CLOEXEC);
    if (fd < 0)
        return err_set_errno(e, "cannot make a status page");
    if (ftruncate(fd, STATUS_PAGE_BYTES) != 0) {
        int rc = err_set_errno(e, "cannot size a status page");
        (void)close(fd);
        return rc;
    }
    void *page = mmap(NULL, STATUS_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        int rc = err_set_errno(e, "cannot map a status page");
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
        return err_set(e, ERR_PROTOCOL, "what was inherited is no status page");
    }
    *ret_page = page;
    return 0;
}

void status_page_unmap(struct status_page *page)
{
    if (page != NULL)
        (void)munmap(page, STATUS_PAGE_BYTES);
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
    do {
        before = atomic_load_explicit(&page->publications, memory_order_acquire);
        counts = page->slots[before & 1];
        atomic_thread_fence(memory_order_acquire);
        /* The next publication goes to the other slot; the one after it would write into ours. */
        after = atomic_load_explicit(&page->publications, memory_order_relaxed);
    } while (after != before);
    return counts;
}
