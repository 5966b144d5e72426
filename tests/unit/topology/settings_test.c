/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "tests/unit/cases.h"
#include "topology/settings.h"

static void only_the_form_is_taken(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
    } rows[] = {
        {"a.b=c", 0},
        {"a.c=", 0},
        {"a.d=x=y.z", 0},
        {"b.b=${c}\t ü", 0},
        {"", ERR_INVALID},
        {"=", ERR_INVALID},
        {"a=c", ERR_INVALID},
        {"a.b", ERR_INVALID},
        {".b=c", ERR_INVALID},
        {"a.=c", ERR_INVALID},
        {"a=b.c", ERR_INVALID},
        {"a.e=\n", ERR_INVALID},
        {"a.e=\x7f", ERR_INVALID},
        {"a.b=d", ERR_INVALID}, /* the second one for it */
        {"a.b2=d", 0},
    };
    struct settings s = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = {0};
        size_t before = s.count;
        int rc = settings_add(&s, rows[i].text, &e);
        if (rc != rows[i].rc)
            fail_msg("'%s': %d, not %d", rows[i].text, rc, rows[i].rc);
        assert_int_equal(s.count, before + (rc == 0));
        assert_true(rc == 0 || strlen(e.text) != 0);
    }
}

static void the_list_and_its_texts_are_bounded(void **state)
{
    (void)state;
    static char texts[SETTINGS_MAX + 1][16];
    struct settings s = {0};
    struct err e;
    for (size_t i = 0; i <= SETTINGS_MAX; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "a.b%zu=", i);
        assert_int_equal(settings_add(&s, texts[i], &e), i < SETTINGS_MAX ? 0 : ERR_RANGE);
    }
    assert_int_equal(s.count, SETTINGS_MAX);

    static char longest[SETTING_BYTES_MAX + 2];
    memset(longest, 'x', SETTING_BYTES_MAX + 1);
    memcpy(longest, "a.b=", 4);
    struct settings other = {0};
    assert_int_equal(settings_add(&other, longest, &e), ERR_INVALID);
    longest[SETTING_BYTES_MAX] = '\0';
    assert_int_equal(settings_add(&other, longest, &e), 0);
}

static void a_setting_knows_what_it_is_for(void **state)
{
    (void)state;
    assert_true(settings_is_for("answers.path=x", "answers", "path"));
    assert_false(settings_is_for("answers.path=x", "answer", "path"));
    assert_false(settings_is_for("answers.path=x", "answers", "pat"));
    assert_false(settings_is_for("answers.paths=x", "answers", "path"));
    assert_false(settings_is_for("answersx.path=x", "answers", "path"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_form_is_taken),
        cmocka_unit_test(the_list_and_its_texts_are_bounded),
        cmocka_unit_test(a_setting_knows_what_it_is_for),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
