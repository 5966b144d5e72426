/* SPDX-License-Identifier: MIT */
/*
 * What `bulkhead plan` prints, as whole texts: for people and as JSON, of stages of which everything
 * can be said, with texts that nobody should see as they are.
 */
#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "common/memory.h"
#include "supervisor/run/start_view.h"
#include "tests/unit/cases.h"

#define A "aaaaaaaa00000000000000000000000000000000000000000000000000000000"
#define B "bbbbbbbb00000000000000000000000000000000000000000000000000000000"

static char *copy(const char *text)
{
    return text != NULL ? memory_dup(text, strlen(text)) : NULL;
}

static void add(struct start_view *view, struct start_view_stage stage)
{
    stage.name = copy(stage.name);
    stage.was = copy(stage.was);
    stage.kind = copy(stage.kind);
    stage.changes = copy(stage.changes != NULL ? stage.changes : "");
    stage.conversion = copy(stage.conversion != NULL ? stage.conversion : "");
    stage.output = copy(stage.output);
    view->stages = memory_resize(view->stages, view->stage_count + 1, sizeof *view->stages);
    view->stages[view->stage_count++] = stage;
}

/* Writes a view, compares all, and frees it. */
static void expect(struct start_view *view, const char *text, const char *json)
{
    struct buf out = {0};
    start_view_write(view, "shop", &out);
    assert_string_equal(buf_text(&out), text);
    buf_reset(&out);
    start_view_write_json(view, "shop", &out);
    assert_string_equal(buf_text(&out), json);
    buf_done(&out);
    start_view_done(view);
    assert_int_equal(view->stage_count, 0);
}

static void of_a_first_start(void **state)
{
    (void)state;
    struct start_view view = {.is_first = true,
                              .state_path = memory_dup("/s", 2),
                              .is = {.id = {A}, .number = 7, .first = 1}};
    add(&view,
        (struct start_view_stage){
            .name = "in", .kind = "file.source", .becomes = START_BEGINS, .keeps = true, .at = 1});
    add(&view, (struct start_view_stage){
                   .name = "parse", .kind = "json.decode", .becomes = START_BEGINS, .at = 1});
    add(&view, (struct start_view_stage){.name = "out",
                                         .kind = "file.sink",
                                         .becomes = START_BEGINS,
                                         .keeps = true,
                                         .at = 1,
                                         .output = (char[]){"/out"}});
    expect(
        &view,
        "shop: there is no state yet in '/s'\n"
        "  version 7 aaaaaaaa from seq 1 on\n"
        "  in     begins at 1\n"
        "  parse  begins\n"
        "  out    begins at 1\n",
        "{\"topology\":\"shop\",\"running\":false,\"was\":null,"
        "\"is\":{\"id\":\"" A "\",\"number\":7,\"from\":1},\"stages\":["
        "{\"stage\":\"in\",\"was\":null,\"kind\":\"file.source\",\"becomes\":\"begins\",\"at\":1,"
        "\"changes\":\"\",\"conversion\":\"\",\"output\":null,\"output_changes\":false},"
        "{\"stage\":\"parse\",\"was\":null,\"kind\":\"json.decode\",\"becomes\":\"begins\","
        "\"at\":null,\"changes\":\"\",\"conversion\":\"\",\"output\":null,"
        "\"output_changes\":false},"
        "{\"stage\":\"out\",\"was\":null,\"kind\":\"file.sink\",\"becomes\":\"begins\",\"at\":1,"
        "\"changes\":\"\",\"conversion\":\"\",\"output\":\"/out\",\"output_changes\":false}"
        "]}\n");
}

static void of_everything_that_can_become_of_a_stage(void **state)
{
    (void)state;
    struct start_view view = {.was = {.id = {A}, .first = 1},
                              .is = {.id = {B}, .number = 2, .first = SEQ_MAX}};
    struct start_view_stage stages[] = {
        {.name = "goes",
         .kind = "dedupe",
         .becomes = START_GOES_ON,
         .keeps = true,
         .has_state = true,
         .at = 41},
        {.name = "turns",
         .was = "old",
         .kind = "limits",
         .becomes = START_CONVERTED,
         .keeps = true,
         .has_state = true,
         .at = 42,
         .changes = "lateness was 1d, is 2d",
         .conversion = "windows stay open"},
        {.name = "new",
         .kind = "dedupe",
         .becomes = START_BEGINS,
         .keeps = true,
         .has_state = true,
         .at = 41},
        {.name = "again",
         .kind = "dedupe",
         .becomes = START_BEGINS_AGAIN,
         .keeps = true,
         .has_state = true,
         .at = 41},
        {.name = "lost",
         .kind = "limits",
         .becomes = START_LOST,
         .keeps = true,
         .has_state = true,
         .changes = "key was a, is b"},
        {.name = "cursor",
         .kind = "file.sink",
         .becomes = START_GOES_ON,
         .keeps = true,
         .at = SEQ_MAX,
         .output = "/x",
         .output_changes = true},
        {.name = "same",
         .kind = "file.sink",
         .becomes = START_GOES_ON,
         .keeps = true,
         .at = 41,
         .output = "/y"},
        {.name = "no-more", .kind = "dedupe", .becomes = START_REMOVED, .keeps = true},
    };
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++)
        add(&view, stages[i]);
    expect(&view,
           "shop: version aaaaaaaa from seq 1 on\n"
           "  then version 2 bbbbbbbb from seq 9223372036854775807 on\n"
           "  goes     goes on at 41, with its state\n"
           "  turns    converted, goes on at 42, was called old\n"
           "             lateness was 1d, is 2d\n"
           "             windows stay open\n"
           "  new      begins at 41, with nothing kept\n"
           "  again    begins again at 41, with nothing kept\n"
           "  lost     lost\n"
           "             key was a, is b\n"
           "  cursor   goes on at 9223372036854775807\n"
           "  same     goes on at 41\n"
           "  no-more  removed\n"
           "outputs that the new version may write otherwise:\n"
           "  cursor   /x\n",
           "{\"topology\":\"shop\",\"running\":false,"
           "\"was\":{\"id\":\"" A "\",\"number\":0,\"from\":1},"
           "\"is\":{\"id\":\"" B "\",\"number\":2,\"from\":9223372036854775807},\"stages\":["
           "{\"stage\":\"goes\",\"was\":null,\"kind\":\"dedupe\","
           "\"becomes\":\"goes on\",\"at\":41,\"changes\":\"\","
           "\"conversion\":\"\",\"output\":null,\"output_changes\":false},"
           "{\"stage\":\"turns\",\"was\":\"old\",\"kind\":\"limits\","
           "\"becomes\":\"converted\",\"at\":42,\"changes\":\"lateness was 1d, is 2d\","
           "\"conversion\":\"windows stay open\",\"output\":null,\"output_changes\":false},"
           "{\"stage\":\"new\",\"was\":null,\"kind\":\"dedupe\","
           "\"becomes\":\"begins\",\"at\":41,\"changes\":\"\","
           "\"conversion\":\"\",\"output\":null,\"output_changes\":false},"
           "{\"stage\":\"again\",\"was\":null,\"kind\":\"dedupe\","
           "\"becomes\":\"begins again\",\"at\":41,\"changes\":\"\","
           "\"conversion\":\"\",\"output\":null,\"output_changes\":false},"
           "{\"stage\":\"lost\",\"was\":null,\"kind\":\"limits\","
           "\"becomes\":\"lost\",\"at\":null,\"changes\":\"key was a, is b\","
           "\"conversion\":\"\",\"output\":null,\"output_changes\":false},"
           "{\"stage\":\"cursor\",\"was\":null,\"kind\":\"file.sink\","
           "\"becomes\":\"goes on\",\"at\":9223372036854775807,\"changes\":\"\","
           "\"conversion\":\"\",\"output\":\"/x\",\"output_changes\":true},"
           "{\"stage\":\"same\",\"was\":null,\"kind\":\"file.sink\","
           "\"becomes\":\"goes on\",\"at\":41,\"changes\":\"\","
           "\"conversion\":\"\",\"output\":\"/y\",\"output_changes\":false},"
           "{\"stage\":\"no-more\",\"was\":null,\"kind\":\"dedupe\","
           "\"becomes\":\"removed\",\"at\":null,\"changes\":\"\","
           "\"conversion\":\"\",\"output\":null,\"output_changes\":false}"
           "]}\n");
}

static void of_a_topology_that_runs(void **state)
{
    (void)state;
    struct start_view view = {
        .running = true, .was = {.id = {A}, .number = 1, .first = 5}, .is = {.id = {B}}};
    add(&view, (struct start_view_stage){.name = "once",
                                         .kind = "dedupe",
                                         .keeps = true,
                                         .has_state = true,
                                         .becomes = START_GOES_ON});
    expect(&view,
           "shop: running; version 1 aaaaaaaa from seq 5 on\n"
           "  then version bbbbbbbb from the next start on\n"
           "  once  goes on, with its state\n"
           "no output is written otherwise\n",
           "{\"topology\":\"shop\",\"running\":true,"
           "\"was\":{\"id\":\"" A "\",\"number\":1,\"from\":5},"
           "\"is\":{\"id\":\"" B "\",\"number\":0,\"from\":null},\"stages\":["
           "{\"stage\":\"once\",\"was\":null,\"kind\":\"dedupe\",\"becomes\":\"goes on\","
           "\"at\":null,\"changes\":\"\",\"conversion\":\"\",\"output\":null,"
           "\"output_changes\":false}]}\n");
}

/* Options and paths may hold any text: a terminal must not be given what is in them. */
static void texts_are_shown_and_not_obeyed(void **state)
{
    (void)state;
    struct start_view view = {.was = {.id = {A}, .first = 1}, .is = {.id = {A}, .first = 1}};
    add(&view, (struct start_view_stage){.name = "out",
                                         .kind = "file.sink",
                                         .becomes = START_GOES_ON,
                                         .keeps = true,
                                         .at = 3,
                                         .changes = (char[]){"path was a\nb, is \x1b[2J\"\\é"},
                                         .output = (char[]){"/a\nb\x1b[2J\"\\é"},
                                         .output_changes = true});
    expect(
        &view,
        "shop: version aaaaaaaa from seq 1 on, unchanged\n"
        "  out  goes on at 3\n"
        "         path was a\\x0ab, is \\x1b[2J\"\\é\n"
        "outputs that the new version may write otherwise:\n"
        "  out  /a\\x0ab\\x1b[2J\"\\é\n",
        "{\"topology\":\"shop\",\"running\":false,"
        "\"was\":{\"id\":\"" A "\",\"number\":0,\"from\":1},"
        "\"is\":{\"id\":\"" A "\",\"number\":0,\"from\":1},\"stages\":["
        "{\"stage\":\"out\",\"was\":null,\"kind\":\"file.sink\",\"becomes\":\"goes on\",\"at\":3,"
        "\"changes\":\"path was a\\nb, is \\u001b[2J\\\"\\\\é\","
        "\"conversion\":\"\",\"output\":\"/"
        "a\\nb\\u001b[2J\\\"\\\\é\",\"output_changes\":true}]}\n");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_first_start),
        cmocka_unit_test(of_everything_that_can_become_of_a_stage),
        cmocka_unit_test(of_a_topology_that_runs),
        cmocka_unit_test(texts_are_shown_and_not_obeyed),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
