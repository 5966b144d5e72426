/* SPDX-License-Identifier: MIT */
#include "common/seq_queue.h"

#include "tests/unit/cases.h"
#include "tests/unit/random.h"

struct mark {
    seq_number seq;
    uint64_t number; /* counts all that were added */
    uint8_t more[9];
};

static void empty_queue_has_nothing(void **state)
{
    (void)state;
    struct seq_queue q = {.item_bytes = sizeof(struct mark)};
    assert_null(seq_queue_last(&q));
    assert_int_equal(seq_queue_until(&q, UINT64_MAX), 0);
    seq_queue_drop(&q, 0);
    seq_queue_done(&q);
    /* It can be used again. */
    ((struct mark *)seq_queue_add(&q, 7))->number = 1;
    assert_int_equal(((struct mark *)seq_queue_last(&q))->seq, 7);
    seq_queue_done(&q);
    assert_int_equal(q.count, 0);
}

static void equal_seqs_are_found_together(void **state)
{
    (void)state;
    struct seq_queue q = {.item_bytes = sizeof(struct mark)};
    static const seq_number seqs[] = {3, 5, 5, 5, 9};
    for (size_t i = 0; i < sizeof seqs / sizeof seqs[0]; i++)
        ((struct mark *)seq_queue_add(&q, seqs[i]))->number = i;
    assert_int_equal(seq_queue_until(&q, 2), 0);
    assert_int_equal(seq_queue_until(&q, 3), 1);
    assert_int_equal(seq_queue_until(&q, 4), 1);
    assert_int_equal(seq_queue_until(&q, 5), 4);
    assert_int_equal(seq_queue_until(&q, 9), 5);
    seq_queue_drop(&q, 2);
    assert_int_equal(((struct mark *)seq_queue_at(&q, 0))->number, 2);
    assert_int_equal(seq_queue_until(&q, 5), 2);
    seq_queue_done(&q);
}

/* What is in it is what was added last, whatever was moved in between. */
static void items_survive_growth(void **state)
{
    (void)state;
    struct seq_queue q = {.item_bytes = sizeof(struct mark)};
    uint64_t added = 0, dropped = 0;
    size_t most = 0;
    for (int round = 0; round < 20000; round++) {
        uint64_t more = random_below(round % 1000 < 500 ? 12 : 8);
        for (; more > 0; more--) {
            struct mark *mark = seq_queue_add(&q, added / 3);
            mark->number = added++;
        }
        most = q.count > most ? q.count : most;
        uint64_t less = random_below(10);
        less = less < q.count ? less : q.count;
        seq_queue_drop(&q, less);
        dropped += less;
        assert_int_equal(q.count, added - dropped);
        if (q.count == 0)
            continue;
        const struct mark *first = seq_queue_at(&q, 0), *last = seq_queue_last(&q);
        assert_int_equal(first->number, dropped);
        assert_int_equal(first->seq, dropped / 3);
        assert_int_equal(last->number, added - 1);
        assert_int_equal(seq_queue_until(&q, last->seq), q.count);
    }
    /* The room is that of the fullest moment, however much went through. */
    assert_true(q.capacity <= 4 * most + 64);
    seq_queue_done(&q);
}

int main(int argc, char **argv)
{
    random_init("seq_queue_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_queue_has_nothing),
        cmocka_unit_test(equal_seqs_are_found_together),
        cmocka_unit_test(items_survive_growth),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
