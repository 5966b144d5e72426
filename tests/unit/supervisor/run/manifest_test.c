/* SPDX-License-Identifier: MIT */
/*
 * The manifest: what is written is read back unchanged. Bytes that are damaged or made up, with a
 * checksum that matches, are either refused or a valid manifest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "supervisor/run/manifest.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ZERO64 "0000000000000000000000000000000000000000000000000000000000000000"

static void add_crc(struct buf *text)
{
    buf_add_format(text, "crc32c %08x\n", hash_crc32c(0, text->data, text->len));
}

static void make_sample(struct manifest *m)
{
    *m = (struct manifest){0};
    (void)snprintf(m->topology, sizeof m->topology, "t-1");
    struct manifest_version version = {.first = 1};
    memset(version.id.text, 'a', DIGEST_DIGITS);
    memset(version.written.text, '0', DIGEST_DIGITS);
    manifest_add_version(m, &version);
    version.first = SEQ_MAX;
    version.number = INT32_MAX;
    manifest_add_version(m, &version);
    struct manifest_stage *stage = manifest_add_stage(m, "in", "file.source");
    stage->keeps = true;
    manifest_add_option(stage, "path", "/a b/c\\d\n\x01\xff");
    manifest_add_option(stage, "where.odd name.equals", "");
    stage = manifest_add_stage(m, "dead-letters", "dead_letter.sink");
    stage->keeps = true;
    stage->begins_after = SEQ_MAX;
    manifest_add_gap(stage, 1, 9);
    manifest_add_gap(stage, 11, SEQ_MAX);
    manifest_set_left(stage, "periods=week more=\n");
    (void)manifest_add_stage(m, "pass", "filter");
    manifest_add_remove(m, "gone");
    manifest_add_rename(m, "once", "pass");
    manifest_add_empty(m, "/out \\x41", 1, 2, 3);
    m->removes_all = true;
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    struct manifest m, read;
    struct err e;
    struct buf text = {0}, again = {0};
    make_sample(&m);
    manifest_write(&m, &text);
    assert_string_equal(buf_text(&text),
                        "bulkhead state 4\n"
                        "topology t-1\n"
                        "version 1 " A64 " " ZERO64 " 0\n"
                        "version 9223372036854775807 " A64 " " ZERO64 " 2147483647\n"
                        "stage in file.source keeps 0\n"
                        "option path /a b/c\\x5cd\\x0a\\x01\xff\n"
                        "option where.odd\\x20name.equals \n"
                        "stage dead-letters dead_letter.sink keeps "
                        "9223372036854775807\n"
                        "gap 1 9\n"
                        "gap 11 9223372036854775807\n"
                        "left periods=week more=\\x0a\n"
                        "stage pass filter passes 0\n"
                        "empty 1 2 3 /out \\x5cx41\n"
                        "remove gone\n"
                        "rename once pass\n"
                        "remove-all\n"
                        "crc32c 3c8e6c44\n");
    assert_int_equal(manifest_read(text.data, text.len, &read, &e), 0);
    assert_true(manifest_has_work(&read));
    assert_string_equal(read.stages[0].options[0].text, "/a b/c\\d\n\x01\xff");
    assert_string_equal(read.empties[0].path, "/out \\x41");
    manifest_write(&read, &again);
    assert_int_equal(again.len, text.len);
    assert_memory_equal(again.data, text.data, text.len);
    manifest_done(&m);
    manifest_done(&read);
    buf_done(&text);
    buf_done(&again);
}

static void a_state_may_have_a_number(void **state)
{
    (void)state;
    struct manifest m = {.topology = "t", .state = UINT64_MAX}, read;
    struct err e;
    struct buf text = {0};
    manifest_write(&m, &text);
    static const char wanted[] =
        "bulkhead state 3\ntopology t\nstate 18446744073709551615\ncrc32c ";
    assert_int_equal(strncmp(buf_text(&text), wanted, sizeof wanted - 1), 0);
    assert_int_equal(manifest_read(text.data, text.len, &read, &e), 0);
    assert_true(read.state == UINT64_MAX);
    manifest_done(&read);
    buf_done(&text);
}

/* When the work of a manifest of an older version is done, it is rewritten in that version. */
static void an_older_one_stays_one_when_it_is_written(void **state)
{
    (void)state;
    static const char *const samples[] = {
        "bulkhead state 1\ntopology t\n", "bulkhead state 2\ntopology t\nstate 7\n",
        "bulkhead state 3\ntopology t\nstate 7\n",
        "bulkhead state 4\ntopology t\nversion 1 " A64 " " ZERO64 " 7\n"};
    for (size_t i = 0; i < 4; i++) {
        struct manifest m;
        struct err e;
        struct buf text = {0}, again = {0};
        buf_add_text(&text, samples[i]);
        add_crc(&text);
        assert_int_equal(manifest_read(text.data, text.len, &m, &e), 0);
        assert_true(m.has_plain_lists == (i < 2));
        manifest_write(&m, &again);
        assert_string_equal(buf_text(&again), buf_text(&text));
        manifest_done(&m);
        buf_done(&text);
        buf_done(&again);
    }
}

static void refuse(const char *lines, const char *words)
{
    struct buf text = {0};
    struct manifest m;
    struct err e;
    buf_add_text(&text, lines);
    add_crc(&text);
    int rc = manifest_read(text.data, text.len, &m, &e);
    if (rc == 0 || strstr(e.text, words) == NULL)
        fail_msg("'%s': %d, %s", lines, rc, rc != 0 ? e.text : "");
    buf_done(&text);
}

static void lines_that_cannot_be_are_refused_by_number(void **state)
{
    (void)state;
#define HEAD "bulkhead state 3\ntopology t\n"
    refuse("bulkhead state 5\n", "version 5");
    refuse("bulkhead state 0\n", "version 0");
    refuse("bulkhead state x\n", ":1:");
    refuse("something\n", ":1:");
    refuse("bulkhead state 1\n", "names no topology");
    refuse("bulkhead state 1\ntopology t\ntopology t\n", ":3:");
    refuse(HEAD "stage a  keeps 0\n", ":3:");
    refuse(HEAD "stage a b keeps 0\noption  x\n", ":4:");
    refuse(HEAD "stage a b keeps 0\ngap  1\n", ":4:");
    refuse(HEAD "empty  2 3 /x\n", ":3:");
    refuse("bulkhead state 1\ntopology \n", ":2:");
    refuse(HEAD "state \n", ":3:");
    refuse(HEAD "state 0\n", ":3:");
    refuse(HEAD "state x\n", ":3:");
    refuse(HEAD "state 18446744073709551616\n", ":3:");
    refuse(HEAD "state 1\nstate 1\n", ":4:");
    refuse(HEAD "stage a k keeps\n", ":3:");
    refuse(HEAD "stage a k keeps x\n", ":3:");
    refuse(HEAD "stage a k keeps -1\n", ":3:");
    refuse(HEAD "stage a k keeps 18446744073709551616\n", ":3:");
    refuse(HEAD "stage a k keeps 18446744073709551615\n", ":3:");
    refuse(HEAD "stage a k keeps 9223372036854775808\n", ":3:");
    refuse(HEAD "stage a k holds 1\n", ":3:");
    refuse(HEAD "stage ../a k keeps 1\n", ":3:");
    refuse(HEAD "stage a k keeps 1\nstage a k keeps 1\n", ":4:");
    refuse(HEAD "option a b\n", ":3:");
    refuse(HEAD "stage a k keeps 1\noption a\n", ":4:");
    refuse(HEAD "stage a k keeps 1\noption a \\x0\n", ":4:");
    refuse(HEAD "stage a k keeps 1\noption a \\x00\n", ":4:");
    refuse(HEAD "stage a k keeps 1\noption a \\n\n", ":4:");
    refuse(HEAD "gap 1 2\n", ":3:");
    refuse(HEAD "stage a k keeps 1\ngap 2 1\n", ":4:");
    refuse(HEAD "stage a k keeps 1\ngap 0 1\n", ":4:");
    refuse(HEAD "stage a k keeps 1\ngap 1 9223372036854775808\n", ":4:");
    refuse(HEAD "empty 1 2 9223372036854775808 /a\n", ":3:");
    refuse(HEAD "remove ..\n", ":3:");
    refuse(HEAD "remove a/b\n", ":3:");
    refuse(HEAD "empty 1 2 3 relative\n", ":3:");
    refuse(HEAD "empty 1 2 /a\n", ":3:");
    refuse(HEAD "empty 1 /a\n", ":3:");
    refuse(HEAD "version 1 " A64 " " ZERO64 "\n", ":3:");
    refuse(HEAD "version 1 " A64 " 0 0\n", ":3:");
    refuse(HEAD "version 0 " A64 " " ZERO64 " 0\n", ":3:");
    refuse(HEAD "version 1 " A64 " " ZERO64 " 2147483648\n", ":3:");
    refuse(HEAD "version 2 " A64 " " A64 " 0\nversion 2 " ZERO64 " " A64 " 0\n", ":4:");
    refuse(HEAD "left periods=week\n", ":3:");
    refuse(HEAD "stage a k keeps 1\nleft \n", ":4:");
    refuse(HEAD "stage a k keeps 1\nleft a\nleft b\n", ":5:");
    refuse(HEAD "rename a\n", ":3:");
    refuse(HEAD "rename a a\n", ":3:");
    refuse(HEAD "rename a b c\n", ":3:");
    refuse(HEAD "\n", ":3:");
    refuse(HEAD "other\n", ":3:");
#undef HEAD
}

/* Cuts, changes, doubles and inserts bytes; every second time the checksum is made to match. */
static void whatever_it_holds_is_refused_or_a_manifest(void **state)
{
    (void)state;
    struct manifest m;
    struct buf sample = {0}, text = {0}, again = {0};
    make_sample(&m);
    manifest_write(&m, &sample);
    manifest_done(&m);
    for (unsigned i = 0; i < 20000; i++) {
        buf_reset(&text);
        buf_add(&text, sample.data, sample.len - strlen("crc32c 00000000\n"));
        for (uint64_t n = 1 + random_below(4); n > 0 && text.len > 0; n--) {
            size_t at = random_below(text.len), piece = random_below(text.len - at);
            switch (random_below(4)) {
            case 0:
                text.data[at] = (uint8_t)random_bits();
                break;
            case 1:
                text.len = at;
                break;
            case 2:
                (void)buf_reserve(&text, piece); /* so that the copied bytes do not move */
                buf_add(&text, text.data + at, piece);
                break;
            default:
                text.data[at] = (uint8_t) "\n \\x019/."[random_below(9)];
            }
        }
        if (random_below(8) != 0)
            add_crc(&text);
        struct err e;
        /* In memory of exactly that size, so that a sanitizer notices one byte too many. */
        uint8_t *exact = malloc(text.len + 1);
        memcpy(exact, text.data, text.len);
        if (manifest_read(exact, text.len, &m, &e) == 0) {
            buf_reset(&again);
            manifest_write(&m, &again);
            manifest_done(&m);
            assert_int_equal(manifest_read(again.data, again.len, &m, &e), 0);
            manifest_done(&m);
        }
        free(exact);
    }
    buf_done(&sample);
    buf_done(&text);
    buf_done(&again);
}

int main(int argc, char **argv)
{
    random_init("manifest_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(a_state_may_have_a_number),
        cmocka_unit_test(an_older_one_stays_one_when_it_is_written),
        cmocka_unit_test(lines_that_cannot_be_are_refused_by_number),
        cmocka_unit_test(whatever_it_holds_is_refused_or_a_manifest),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
