/* SPDX-License-Identifier: MIT */
/*
 * Gives regex.parse lines, with forms of every sort: a line of a web server, one of fields of many
 * types, and one with groups of one name. Every line gives one record or one dead letter; and a record
 * that is written as the lines have it is read as itself.
 */
#include "common/type.h"
#include "tests/fuzz/fuzz_kind.h"

#define FIELDS_END "|"

static const char text[] =
    "topology: t\n"
    "types:\n"
    "  Hit: { host: string, user: string, time: timestamp, request: string, status: int,\n"
    "    agent: string }\n"
    "  Fields:\n"
    "    s: string\n"
    "    b: optional(bytes)\n"
    "    i: optional(int)\n"
    "    f: optional(bool)\n"
    "    usd: optional(money(USD))\n"
    "    bhd: optional(money(BHD))\n"
    "    at: optional(timestamp)\n"
    "    day: optional(date)\n"
    "    for: optional(duration)\n"
    "    c: optional(decimal(9,3))\n"
    "    e: optional(enum(open, closed))\n"
    "    w: optional(string(2..8, /^[a-z]+$/))\n"
    "  One: { a: string, b: optional(timestamp) }\n"
    "stages:\n"
    "  lines: { kind: file.source, path: x }\n"
    "  hits:\n"
    "    kind: regex.parse\n"
    "    from: lines\n"
    "    type: Hit\n"
    "    timestamp_format: '%d/%b/%Y:%H:%M:%S %z'\n"
    "    pattern: >-\n"
    "      ^(?<host>[^ ]+) [^ ]+ (?<user>(?!- (?!\\[)).+?) \\[(?<time>[^\\[\\]]{1,40}+)\\]\n"
    "      \"(?<request>(?:[^\"\\\\]++|\\\\.)*+)\" (?<status>[1-5]\\d\\d) (?:\\d+|-)\n"
    "      \"(?:[^\"\\\\]++|\\\\.)*+\" \"(?<agent>(?:[^\"\\\\]++|\\\\.)*+)\"$\n"
    "  fields:\n"
    "    kind: regex.parse\n"
    "    from: lines\n"
    "    type: Fields\n"
    "    absent: '-'\n"
    "    pattern: "
    "'^(?<s>[^|]*)\\|(?<b>[^|]*)\\|(?<i>[^|]*)\\|(?<f>[^|]*)\\|(?<usd>[^|]*)\\|(?<bhd>[^|]*)\\|"
    "(?<at>[^|]*)\\|(?<day>[^|]*)\\|(?<for>[^|]*)\\|(?<c>[^|]*)\\|(?<e>[^|]*)\\|(?<w>[^|]*)$'\n"
    "  one:\n"
    "    kind: regex.parse\n"
    "    from: lines\n"
    "    type: One\n"
    "    timestamp_format: '%s.%f'\n"
    "    pattern: '(?J)^(?:\"(?<a>[^\"]*)\"|(?<a>[^|]*))(?:\\|(?<b>.*))?$'\n"
    "  end-1: { kind: discard, from: hits }\n"
    "  end-2: { kind: discard, from: fields }\n"
    "  end-3: { kind: discard, from: one }\n";

/* A record of the stage `fields`, as a line of it. */
static void write_line(const struct contract *contract, const struct value *fields, struct buf *out)
{
    for (size_t i = 0; i < contract->count; i++) {
        const struct value *value = &fields[i];
        buf_add_text(out, i != 0 ? FIELDS_END : "");
        if (value->tag == VALUE_OPTIONAL) {
            buf_add_byte(out, '-');
        } else if (value_has_bytes(value)) {
            buf_add(out, value->bytes, value->len);
        } else {
            struct buf json = {0};
            value_write_json(value, contract->fields[i].type, &json);
            size_t quote = json.data[0] == '"' ? 1 : 0;
            buf_add(out, json.data + quote, json.len - 2 * quote);
            buf_done(&json);
        }
    }
}

/* What the stage `fields` puts out is kept as a line, too. */
struct again {
    struct fuzz_kind run;
    struct buf line;
};

static void on_emit(void *host, port_number port, const struct record *record)
{
    struct again *again = host;
    fuzz_kind_on_emit(&again->run, port, record);
    buf_reset(&again->line);
    if (port == PORT_OUT)
        write_line(&again->run.stage->out, record->fields, &again->line);
}

static bool has_one_line(const struct buf *seen)
{
    return seen->len != 0 && memchr(seen->data, '\n', seen->len) == seen->data + seen->len - 1;
}

static void check_fields(const struct topology *topology, const uint8_t *line, size_t len)
{
    struct again first, second;
    first.line = second.line = (struct buf){0};
    fuzz_kind_open(&first.run, topology, "fields");
    fuzz_kind_open(&second.run, topology, "fields");
    first.run.emitter.emit = second.run.emitter.emit = on_emit;
    first.run.emitter.host = &first;
    second.run.emitter.host = &second;
    fuzz_kind_step(&first.run, line, len);
    ALWAYS(has_one_line(&first.run.seen));
    if (first.line.len != 0) {
        fuzz_kind_step(&second.run, first.line.data, first.line.len);
        ALWAYS(fuzz_kind_is_same(&first.run, &second.run));
        ALWAYS(first.line.len == second.line.len);
    }
    fuzz_kind_close(&first.run);
    fuzz_kind_close(&second.run);
    buf_done(&first.line);
    buf_done(&second.line);
}

static void check_other(const struct topology *topology, const char *stage, const uint8_t *line,
                        size_t len)
{
    struct fuzz_kind run;
    fuzz_kind_open(&run, topology, stage);
    fuzz_kind_step(&run, line, len);
    ALWAYS(has_one_line(&run.seen));
    fuzz_kind_close(&run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct topology *topology;
    if (topology == NULL)
        topology = fuzz_kind_load(text);
    struct fuzz_input in = {data, data + size};
    while (fuzz_left(&in) != 0) {
        size_t len = fuzz_line_len(&in);
        check_fields(topology, in.at, len);
        check_other(topology, "hits", in.at, len);
        check_other(topology, "one", in.at, len);
        fuzz_take_line(&in, len);
    }
    return 0;
}
