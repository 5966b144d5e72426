/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/contract.h"
#include "common/err.h"
#include "common/type.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

static struct type type_of(const char *name)
{
    struct type type;
    assert_int_equal(type_parse(name, &type, NULL), 0);
    return type;
}

/* Adds fields as "name:type name:type"; all must be accepted. */
static struct contract contract_of(const char *fields)
{
    struct contract c = {0};
    while (*fields != '\0') {
        char name[NAME_BYTES_MAX + 1], type[TYPE_NAME_BYTES_MAX];
        int used = 0;
        assert_int_equal(sscanf(fields, "%63[^:]:%15s %n", name, type, &used), 2);
        assert_int_equal(contract_add(&c, name, type_of(type)), 0);
        fields += used;
    }
    return c;
}

static void fields_are_found_where_they_were_added(void **state)
{
    (void)state;
    const struct contract c = contract_of("id:string amount:money(USD) at:timestamp");
    assert_int_equal(c.count, 3);
    assert_int_equal(contract_find(&c, "id"), 0);
    assert_int_equal(contract_find(&c, "amount"), 1);
    assert_int_equal(contract_find(&c, "at"), 2);
    assert_true(type_equal(c.fields[1].type, type_of("money(USD)")));
    assert_string_equal(c.fields[2].name, "at");
    static const char *const absent[] = {"", "i", "idx", "ID", "amoun", "money(USD)"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
        assert_int_equal(contract_find(&c, absent[i]), -1);
    const struct contract empty = {0};
    assert_int_equal(contract_find(&empty, "id"), -1);
    assert_int_equal(contract_find(&empty, ""), -1);
}

static void a_name_is_taken_once(void **state)
{
    (void)state;
    struct contract c = contract_of("a:int b:string");
    const struct contract before = c;
    assert_int_equal(contract_add(&c, "a", type_of("int")), ERR_INVALID);
    assert_int_equal(contract_add(&c, "b", type_of("int")), ERR_INVALID);
    assert_memory_equal(&c, &before, sizeof c);
    assert_int_equal(contract_add(&c, "A", type_of("int")), 0);
}

static void names_have_a_longest(void **state)
{
    (void)state;
    struct contract c = {0};
    char name[NAME_BYTES_MAX + 2];
    memset(name, 'n', sizeof name);
    name[NAME_BYTES_MAX + 1] = '\0';
    assert_int_equal(contract_add(&c, name, type_of("int")), ERR_RANGE);
    assert_int_equal(c.count, 0);
    name[NAME_BYTES_MAX] = '\0';
    assert_int_equal(contract_add(&c, name, type_of("int")), 0);
    assert_int_equal(contract_find(&c, name), 0);
    assert_int_equal(strlen(c.fields[0].name), NAME_BYTES_MAX);
}

static void fields_have_a_limit(void **state)
{
    (void)state;
    struct contract c = {0};
    char name[16];
    for (size_t i = 0; i < FIELDS_MAX; i++) {
        (void)snprintf(name, sizeof name, "f%zu", i);
        assert_int_equal(contract_add(&c, name, type_of("bool")), 0);
    }
    assert_int_equal(contract_add(&c, "more", type_of("bool")), ERR_RANGE);
    assert_int_equal(c.count, FIELDS_MAX);
    for (size_t i = 0; i < FIELDS_MAX; i++) {
        (void)snprintf(name, sizeof name, "f%zu", i);
        assert_int_equal(contract_find(&c, name), (int)i);
    }
}

/* All of these are different. */
static const char *const different[] = {
    "",
    "a:int",
    "b:int",
    "A:int",
    "a:string",
    "a:bytes",
    "a:bool",
    "a:timestamp",
    "a:money(USD)",
    "a:money(EUR)",
    "a:int b:int",
    "b:int a:int",
    "a:int b:string",
    "a:string b:int",
    "ab:int",
    "aintb:string",
    "a:int b:int c:int",
    "a:int bc:int",
    "ab:int c:int",
};

static void fingerprints_tell_contracts_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof different / sizeof different[0]; i++) {
        const struct contract c = contract_of(different[i]);
        for (size_t k = 0; k < sizeof different / sizeof different[0]; k++) {
            const struct contract other = contract_of(different[k]);
            if ((contract_fingerprint(&c) == contract_fingerprint(&other)) != (i == k))
                fail_msg("'%s' and '%s'", different[i], different[k]);
        }
    }
}

/* What stands in a name's memory behind its NUL, or behind the last field, does not count. */
static void fingerprints_see_nothing_else(void **state)
{
    (void)state;
    struct contract c = contract_of("a:int b:money(GBP)");
    uint64_t fingerprint = contract_fingerprint(&c);
    struct contract dirty;
    memset(&dirty, 0xa5, sizeof dirty);
    dirty.count = 0;
    assert_int_equal(contract_add(&dirty, "a", type_of("int")), 0);
    assert_int_equal(contract_add(&dirty, "b", type_of("money(GBP)")), 0);
    assert_true(contract_fingerprint(&dirty) == fingerprint);
}

static struct type random_type(void)
{
    static const char *const names[] = {"string",    "bytes",      "int",       "bool",
                                        "timestamp", "money(USD)", "money(KWD)"};
    return type_of(names[random_below(sizeof names / sizeof names[0])]);
}

static struct contract random_contract(void)
{
    struct contract c = {0};
    for (uint64_t n = random_below(5); n > 0; n--) {
        static const char *const names[] = {"a", "b", "ab", "ba", "aa"};
        const char *name = names[random_below(sizeof names / sizeof names[0])];
        (void)contract_add(&c, name, random_type());
    }
    return c;
}

static bool slow_equal(const struct contract *a, const struct contract *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->fields[i].name, b->fields[i].name) != 0 ||
            !type_equal(a->fields[i].type, b->fields[i].type))
            return false;
    }
    return true;
}

static void fingerprints_are_equal_as_contracts_are(void **state)
{
    (void)state;
    unsigned same = 0;
    for (int i = 0; i < 20000; i++) {
        const struct contract a = random_contract();
        const struct contract b = random_below(4) == 0 ? a : random_contract();
        bool equal = slow_equal(&a, &b);
        assert_int_equal(contract_fingerprint(&a) == contract_fingerprint(&b), equal);
        same += equal;
    }
    assert_true(same > 1000);
}

static void values_fit_by_their_tag(void **state)
{
    (void)state;
    const struct contract c = contract_of("s:string b:bytes i:int f:bool m:money(USD) t:timestamp");
    static const enum value_tag tags[] = {VALUE_STRING, VALUE_BYTES, VALUE_INT,
                                          VALUE_BOOL,   VALUE_MONEY, VALUE_TIMESTAMP};
    for (size_t field = 0; field < c.count; field++) {
        for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
            const struct value value = {.tag = tags[i]};
            assert_int_equal(contract_value_fits(&c, field, &value), field == i);
        }
    }
}

int main(int argc, char **argv)
{
    random_init("contract_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_found_where_they_were_added),
        cmocka_unit_test(a_name_is_taken_once),
        cmocka_unit_test(names_have_a_longest),
        cmocka_unit_test(fields_have_a_limit),
        cmocka_unit_test(fingerprints_tell_contracts_apart),
        cmocka_unit_test(fingerprints_see_nothing_else),
        cmocka_unit_test(fingerprints_are_equal_as_contracts_are),
        cmocka_unit_test(values_fit_by_their_tag),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
