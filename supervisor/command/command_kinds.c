/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "stages/dead_reasons.h"
#include "supervisor/command/command.h"
#include "supervisor/command/wrapped.h"
#include "topology/conditions.h"

static void print_bounds(const struct option_spec *spec, struct buf *out)
{
    for (size_t i = 0; spec->choices != NULL && spec->choices[i] != NULL; i++)
        buf_add_format(out, "%s%s", i != 0 ? " | " : "one of: ", spec->choices[i]);
    option_write_bounds(spec, out);
}

/* In quotes where the text could be confused with the punctuation of the line, or is invisible. */
static void print_default(const struct option_spec *spec, struct buf *out)
{
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    const char *text = spec->fallback;
    bool plain = spec->tag != OPTION_TEXT || (*text != '\0' && text[strspn(text, word)] == '\0');
    buf_add_format(out, plain ? ", default %s" : ", default \"%s\"", text);
}

static void print_options(const struct option_spec *specs, unsigned indent, struct buf *out);

static void print_option(const struct option_spec *spec, unsigned indent, struct buf *out)
{
    buf_add_format(out, "%*s%s: %s", (int)indent, "", spec->name, option_tag_name(spec->tag));
    if (spec->required)
        buf_add_text(out, ", required");
    else if (spec->fallback != NULL)
        print_default(spec, out);
    else
        buf_add_text(out, ", optional");
    buf_add_byte(out, '\n');
    wrapped_add_paragraph(out, spec->meaning, indent + 4);
    struct buf bounds = {0};
    print_bounds(spec, &bounds);
    if (bounds.len != 0)
        wrapped_add_paragraph(out, buf_text(&bounds), indent + 4);
    buf_done(&bounds);
    if (spec->members != NULL)
        print_options(spec->members, indent + 4, out);
}

static void print_options(const struct option_spec *specs, unsigned indent, struct buf *out)
{
    for (; specs->name != NULL; specs++)
        print_option(specs, indent, out);
}

static bool is_among(const char *const *names, const char *name)
{
    while (names != NULL && *names != NULL) {
        if (strcmp(*names++, name) == 0)
            return true;
    }
    return false;
}

static bool has_conditions(const struct option_spec *specs)
{
    bool has = false;
    for (; specs != NULL && specs->name != NULL && !has; specs++)
        has = specs->tag == OPTION_CONDITIONS || specs->tag == OPTION_NAMED_CONDITIONS ||
              has_conditions(specs->members);
    return has;
}

static void print_tests(struct buf *out)
{
    buf_add_text(out, "\n  tests of conditions, as in { status: { range: [200, 299] } }:\n");
    for (enum test_tag tag = 0; tag < TEST_TAG_COUNT; tag++)
        buf_add_format(out, "    %-9s %s\n", test_names[tag], test_meanings[tag]);
}

/* The options that all stages have, without those that have no use in this kind. */
static void print_common_options(const struct kind *kind, struct buf *out)
{
    buf_add_text(out, "\n  options of any stage:\n");
    for (const struct option_spec *spec = kind_common_options; spec->name != NULL; spec++) {
        if (!is_among(kind_useless_keys(kind), spec->name))
            print_option(spec, 4, out);
    }
}

static void print_reason(const struct dead_reason *reason, struct buf *out)
{
    buf_add_format(out, "    %s\n", reason->text);
    wrapped_add_paragraph(out, reason->meaning, 8);
}

/* The reasons of the kind, and `poison` for records that kill it; a source receives no records. */
static void print_reasons(const struct kind *kind, struct buf *out)
{
    buf_add_text(out, "\n  reasons of dead letters:\n");
    for (size_t i = 0; kind->reasons != NULL && kind->reasons[i] != NULL; i++)
        print_reason(kind->reasons[i], out);
    if (kind->role != KIND_SOURCE)
        print_reason(&dead_poison, out);
}

static void print_kind(const struct kind *kind, struct buf *out)
{
    static const char *const roles[] = {
        [KIND_SOURCE] = "source", [KIND_STEP] = "step", [KIND_SINK] = "sink"};
    bool has_state = kind->role == KIND_STEP && kind->store_spec != NULL;
    buf_add_format(out, "%s - %s\n\n", kind->name, kind->summary);
    wrapped_add_paragraph(out, kind->manual, 2);
    buf_add_format(out, "\n  role:         %s%s\n  reads:        %s\n  makes:        %s\n",
                   roles[kind->role], has_state ? " with state" : "", kind->reads, kind->makes);
    if (kind->program != NULL)
        buf_add_format(out, "  program:      %s\n", kind->program);
    if (kind->options[0].name != NULL)
        buf_add_text(out, "\n  options:\n");
    print_options(kind->options, 4, out);
    if (has_conditions(kind->options))
        print_tests(out);
    print_common_options(kind, out);
    print_reasons(kind, out);
}

static void print_all(kind_registry kinds, struct buf *out)
{
    for (; kinds->kind != NULL; kinds++) {
        if (!kinds->kind->internal)
            buf_add_format(out, "%-14s %s\n", kinds->kind->name, kinds->kind->summary);
    }
}

static int unknown_kind(kind_registry kinds, const char *name)
{
    const char *names[STAGES_MAX];
    size_t count = 0;
    for (; kinds[count].kind != NULL && count < STAGES_MAX; count++)
        names[count] = kinds[count].kind->internal ? NULL : kinds[count].kind->name;
    const char *nearest = text_nearest(name, names, count);
    char hint[TEXT_SUGGESTION_BYTES];
    log_line(LOG_ERROR, "there is no kind '%s'%s", name,
             text_suggestion(nearest, "; `bulkhead kinds` lists them", hint));
    return EXIT_USAGE;
}

static const struct command_option options[] = {{0}};

const struct command_syntax command_kinds_syntax = {
    "kinds", "[KIND]", "list the kinds of stages, or describe one", options};

int command_kinds(kind_registry kinds, int argc, char **argv)
{
    const char *name;
    int code = command_parse(&command_kinds_syntax, argc, argv, NULL, NULL, &name);
    if (code != EXIT_OK)
        return code;
    struct buf out = {0};
    if (name == NULL) {
        print_all(kinds, &out);
    } else {
        const struct kind *kind = kind_find(kinds, name);
        if (kind == NULL || kind->internal)
            return unknown_kind(kinds, name);
        print_kind(kind, &out);
    }
    code = command_print(&out, EXIT_OK);
    buf_done(&out);
    return code;
}
