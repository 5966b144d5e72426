/* SPDX-License-Identifier: MIT */
#include "topology/options_text.h"

#include <string.h>

#include "common/buf.h"

struct walk {
    options_text_visit *visit;
    void *context;
};

static void tell(const struct walk *w, enum option_tag tag, struct buf *name, struct buf *text)
{
    w->visit(w->context, tag, buf_text(name), buf_text(text));
    buf_done(text);
}

static bool has_list(enum test_tag tag)
{
    return tag == TEST_ONE_OF || tag == TEST_RANGE;
}

/* In a list, a comma or backslash of a value is escaped by a backslash: ["a, b"] is not [a, b]. */
static void add_value(struct buf *text, const struct test *test, const struct test_value *value)
{
    for (const char *at = value->text; *at != '\0'; at++) {
        if (has_list(test->tag) && (*at == ',' || *at == '\\'))
            buf_add_byte(text, '\\');
        buf_add_byte(text, (uint8_t)*at);
    }
}

static void tell_test(const struct walk *w, const char *prefix, const struct condition *condition,
                      const struct test *test)
{
    struct buf name = {0}, text = {0};
    buf_add_format(&name, "%s.%s.%s", prefix, condition->name, test_names[test->tag]);
    for (size_t i = 0; i < test->value_count; i++) {
        buf_add_text(&text, i != 0 ? ", " : "");
        add_value(&text, test, &test->values[i]);
    }
    if (test->tag == TEST_MATCHES)
        buf_add_text(&text, test->pattern_text);
    if (test->tag == TEST_EXISTS)
        buf_add_text(&text, test->wanted ? "true" : "false");
    tell(w, OPTION_CONDITIONS, &name, &text);
    buf_done(&name);
}

/* Several sets, of which one must hold, are distinguished by numbers. */
static void tell_conditions(const struct walk *w, const char *name,
                            const struct conditions *conditions)
{
    for (size_t i = 0; i < conditions->count; i++) {
        struct buf prefix = {0};
        buf_add_text(&prefix, name);
        if (conditions->count > 1)
            buf_add_format(&prefix, ".%zu", i + 1);
        const struct condition_set *set = &conditions->sets[i];
        for (size_t k = 0; k < set->count; k++) {
            for (size_t n = 0; n < set->items[k].test_count; n++)
                tell_test(w, buf_text(&prefix), &set->items[k], &set->items[k].tests[n]);
        }
        buf_done(&prefix);
    }
}

static void tell_options(const struct walk *w, const char *prefix, const struct options *options);

static void tell_parts(const struct walk *w, const char *name, const struct option_value *o)
{
    bool one = o->spec->tag == OPTION_GROUP || o->spec->tag == OPTION_CONDITIONS;
    for (size_t i = 0; i < o->count; i++) {
        struct buf inner = {0};
        buf_add_text(&inner, name);
        if (!one)
            buf_add_format(&inner, ".%s",
                           o->groups != NULL ? o->groups[i].name : o->conditions[i].name);
        if (o->groups != NULL) {
            buf_add_byte(&inner, '.');
            tell_options(w, buf_text(&inner), o->groups[i].options);
        } else {
            tell_conditions(w, buf_text(&inner), o->conditions[i].conditions);
        }
        buf_done(&inner);
    }
}

static void tell_option(const struct walk *w, const char *prefix, const struct option_value *o)
{
    struct buf name = {0}, text = {0};
    buf_add_format(&name, "%s%s", prefix, o->spec->name);
    if (o->groups != NULL || o->conditions != NULL) {
        tell_parts(w, buf_text(&name), o);
    } else {
        for (size_t i = 0; o->fields != NULL && i < o->count; i++)
            buf_add_format(&text, "%s%s", i != 0 ? ", " : "", o->fields[i].name);
        if (o->fields == NULL && o->text != NULL)
            buf_add_text(&text, o->text);
        tell(w, o->spec->tag, &name, &text);
    }
    buf_done(&name);
}

static void tell_options(const struct walk *w, const char *prefix, const struct options *options)
{
    for (size_t i = 0; options != NULL && i < options->count; i++) {
        if (options->items[i].present)
            tell_option(w, prefix, &options->items[i]);
    }
}

void options_text_each(const struct options *options, options_text_visit *visit, void *context)
{
    struct walk w = {.visit = visit, .context = context};
    tell_options(&w, "", options);
}

void options_text_plain(const char *name, char *text)
{
    /* Only the names of conditions end with a dot and the name of a test. */
    const char *dot = strrchr(name, '.');
    bool is_list = false;
    for (size_t tag = 0; dot != NULL && tag < sizeof test_names / sizeof test_names[0]; tag++)
        is_list |= has_list((enum test_tag)tag) && strcmp(dot + 1, test_names[tag]) == 0;
    char *to = text;
    for (const char *at = text; is_list && *at != '\0'; at++) {
        if (*at == '\\' && at[1] != '\0')
            at++;
        *to++ = *at;
    }
    if (is_list)
        *to = '\0';
}
