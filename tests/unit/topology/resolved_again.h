/* SPDX-License-Identifier: MIT */
/*
 * resolved_again.h - that a topology, written as it was resolved and read again under another name,
 * without an environment and without settings, is the same
 */
#ifndef BULKHEAD_TESTS_UNIT_TOPOLOGY_RESOLVED_AGAIN_H
#define BULKHEAD_TESTS_UNIT_TOPOLOGY_RESOLVED_AGAIN_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "stages/kinds/kinds.h"
#include "stages/stage.h"
#include "tests/unit/cases.h"
#include "topology/load.h"
#include "topology/node.h"
#include "topology/resolved.h"
#include "topology/stage_topology.h"

#define RESOLVED_DIRECTORY "/where it/was $$started"

/* NULL if it has errors, which ret_errors then has. */
static inline struct topology *resolved_try_load(const char *file, const char *text,
                                                 const struct settings *s, kind_registry kinds,
                                                 struct buf *ret_errors)
{
    struct topology *topology = NULL;
    struct diagnostics d;
    diagnostics_init(&d, file, text, strlen(text));
    d.settings = s;
    (void)topology_load(file, text, strlen(text), kinds, TOPOLOGY_PROCESSES, &d, &topology);
    diagnostics_print(&d, ret_errors);
    diagnostics_done(&d);
    return topology;
}

static inline struct topology *resolved_load(const char *file, const char *text,
                                             const struct settings *s, kind_registry kinds)
{
    struct buf errors = {0};
    struct topology *topology = resolved_try_load(file, text, s, kinds, &errors);
    if (topology == NULL)
        fail_msg("%s", buf_text(&errors));
    buf_done(&errors);
    return topology;
}

static inline void resolved_write_to(const struct topology *topology, const char *directory,
                                     struct buf *out)
{
    struct err e;
    if (resolved_write(topology, directory, out, &e) != 0)
        fail_msg("%s", e.text);
}

/* Loads a text that was written, where nobody has set a variable. */
static inline struct topology *resolved_load_again(struct buf *text, kind_registry kinds)
{
    static char *nothing[] = {NULL};
    char **saved = environ;
    environ = nothing;
    struct topology *topology = resolved_load("/else/where.yaml", buf_text(text), NULL, kinds);
    environ = saved;
    return topology;
}

/* In the tree that a stage is given; only one at the top of its options. */
static inline void resolved_make_paths_absolute(const struct stage *stage)
{
    for (const struct option_spec *spec = stage->kind->options; spec->name != NULL; spec++) {
        const struct node_pair *pair = stage->resolved != NULL && option_is_path(spec->tag)
                                           ? node_find(stage->resolved, spec->name)
                                           : NULL;
        if (pair == NULL || pair->value->text[0] == '/')
            continue;
        char *whole = memory_format("%s/%s", RESOLVED_DIRECTORY, pair->value->text);
        free(pair->value->text);
        pair->value->text = whole;
    }
}

/* What a stage is given, but for the place of its name in the file. */
static inline void resolved_pack(struct topology *topology, size_t index, struct buf *out)
{
    struct err e;
    topology->stages[index].place = (struct place){0};
    assert_int_equal(stage_topology_pack(topology, &topology->stages[index], "t.yaml", out, &e), 0);
}

static inline void resolved_expect_same(struct topology *first, struct topology *again)
{
    assert_int_equal(again->stage_count, first->stage_count);
    for (size_t i = 0; i < first->stage_count; i++) {
        struct buf before = {0}, after = {0};
        if (first->stages[i].worker == 0)
            resolved_make_paths_absolute(&first->stages[i]);
        resolved_pack(first, i, &before);
        resolved_pack(again, i, &after);
        if (before.len != after.len || memcmp(before.data, after.data, after.len) != 0)
            fail_msg("stage '%s' is given something else", first->stages[i].name);
        buf_done(&before);
        buf_done(&after);
    }
}

/* Frees the topology. ret_text: empty. */
static inline void resolved_expect_again(struct topology *first, kind_registry kinds,
                                         struct buf *ret_text)
{
    struct buf second = {0};
    resolved_write_to(first, RESOLVED_DIRECTORY, ret_text);
    struct topology *again = resolved_load_again(ret_text, kinds);
    resolved_write_to(again, "/another", &second);
    assert_string_equal(buf_text(&second), buf_text(ret_text));
    resolved_expect_same(first, again);
    topology_free(first);
    topology_free(again);
    buf_done(&second);
}

#endif
