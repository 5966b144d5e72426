/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/status_page.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

/* All counters of a publication say the same, so that a mixture of two would show. */
static _Noreturn void publish_for_ever(struct status_page *page)
{
    for (uint64_t n = status_page_counts(page).through + 1;; n++) {
        struct status_counts counts = {.through = n, .in = n, .out = n, .dropped = n, .dead = n};
        status_page_publish(page, &counts);
    }
}

static void a_killed_writer_leaves_a_whole_publication(void **state)
{
    (void)state;
    int fd;
    struct status_page *page;
    struct err e;
    assert_int_equal(status_page_create(&fd, &e), 0);
    assert_int_equal(status_page_map(fd, &page, &e), 0);
    uint64_t before = 0;
    for (int round = 0; round < 30; round++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            publish_for_ever(page);
        while (status_page_counts(page).through == before) {
        }
        (void)usleep((useconds_t)random_below(2000)); /* a random moment */
        (void)kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        struct status_counts counts = status_page_counts(page);
        assert_true(counts.through > before);
        assert_true(counts.in == counts.through && counts.out == counts.through);
        assert_true(counts.dropped == counts.through && counts.dead == counts.through);
        before = counts.through;
    }
    status_page_unmap(page);
    (void)close(fd);
}

static void another_file_is_no_status_page(void **state)
{
    (void)state;
    int fd = memfd_create("no-status", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, STATUS_PAGE_BYTES), 0);
    struct status_page *page;
    struct err e;
    assert_int_equal(status_page_map(fd, &page, &e), ERR_PROTOCOL);
    (void)close(fd);
}

/* What a stage can do with its descriptor takes nothing away from who has mapped the page. */
static void the_page_cannot_be_cut(void **state)
{
    (void)state;
    int fd;
    struct err e;
    struct status_page *page;
    assert_int_equal(status_page_create(&fd, &e), 0);
    assert_int_equal(status_page_map(fd, &page, &e), 0);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(ftruncate(fd, STATUS_PAGE_BYTES - 1), -1);
    assert_int_equal(ftruncate(fd, 2 * STATUS_PAGE_BYTES), -1);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1);
    assert_true(status_page_counts(page).through == 0);
    status_page_unmap(page);
    (void)close(fd);
}

/* A writer that does nothing else all the time stops no reader. */
static void a_mad_writer_stops_nobody(void **state)
{
    (void)state;
    int fd;
    struct err e;
    struct status_page *page;
    assert_int_equal(status_page_create(&fd, &e), 0);
    assert_int_equal(status_page_map(fd, &page, &e), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        for (;;)
            atomic_fetch_add_explicit(&page->publications, 1, memory_order_relaxed);
    }
    while (atomic_load(&page->publications) == 0)
        ;
    for (unsigned i = 0; i < 10000; i++)
        (void)status_page_counts(page);
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    status_page_unmap(page);
    (void)close(fd);
}

int main(int argc, char **argv)
{
    random_init("status_page");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_writer_leaves_a_whole_publication),
        cmocka_unit_test(another_file_is_no_status_page),
        cmocka_unit_test(the_page_cannot_be_cut),
        cmocka_unit_test(a_mad_writer_stops_nobody),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
