/* SPDX-License-Identifier: MIT */
#include "common/count.h"

#include "tests/unit/cases.h"

static void only_one_is_one(void **state)
{
    (void)state;
    assert_string_equal(count_word(0, "record", "records"), "records");
    assert_string_equal(count_word(1, "record", "records"), "record");
    assert_string_equal(count_word(2, "record", "records"), "records");
    assert_string_equal(count_word(21, "record", "records"), "records");
    assert_string_equal(count_word(UINT64_MAX, "process was", "processes were"), "processes were");
}

static void a_range_of_one_is_one(void **state)
{
    (void)state;
    char text[COUNT_RANGE_BYTES];
    assert_string_equal(count_range(7, 7, "record", "records", text), "record 7");
    assert_string_equal(count_range(7, 9, "record", "records", text), "records 7 to 9");
    assert_string_equal(
        count_range(0, UINT64_MAX, "a noun of 20 bytes!!", "the nouns of 20 byte", text),
        "the nouns of 20 byte 0 to 18446744073709551615");
    assert_string_equal(count_range(UINT64_MAX - 1, UINT64_MAX, "record", "records", text),
                        "records 18446744073709551614 to 18446744073709551615");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_one_is_one),
        cmocka_unit_test(a_range_of_one_is_one),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
