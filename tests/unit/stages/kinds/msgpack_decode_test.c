/* SPDX-License-Identifier: MIT */
/*
 * Tests msgpack.decode row by row, next to json.decode where both can get the same input, and with
 * random records of random types that msgpack.encode has written.
 */
#include "tests/unit/kind_run.h"

#include <stdbool.h>

#include "common/packed.h"
#include "common/value_packed.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"
#include "tests/unit/random_value.h"

#define TOPOLOGY_HEAD "topology: t\ntypes:\n"
#define TOPOLOGY_TAIL                                                                              \
    "stages:\n"                                                                                    \
    "  packed: { kind: file.source, path: x, records: msgpack }\n"                                 \
    "  parse: { kind: msgpack.decode, from: packed, type: T }\n"                                   \
    "  pack: { kind: msgpack.encode, from: parse }\n"                                              \
    "  end: { kind: file.sink, from: pack, path: y, records: msgpack }\n"

/* The same types in lines of JSON. */
#define JSON_TAIL                                                                                  \
    "stages:\n"                                                                                    \
    "  lines: { kind: file.source, path: x }\n"                                                    \
    "  parse: { kind: json.decode, from: lines, type: T }\n"                                       \
    "  end: { kind: discard, from: parse }\n"

static struct topology *load(const char *fields)
{
    char text[8192];
    int len = snprintf(text, sizeof text, TOPOLOGY_HEAD "  T: { %s }\n" TOPOLOGY_TAIL, fields);
    assert_true(len > 0 && (size_t)len < sizeof text);
    return kind_run_load(text, TOPOLOGY_LOGICAL);
}

/* Bytes that are written as pairs of hex digits and, in quotes, as they are. */
static void add_bytes(const char *text, struct buf *out)
{
    for (const char *at = text; *at != '\0'; at++) {
        char pair[3] = {at[0], at[1], '\0'};
        if (*at == ' ')
            continue;
        if (*at == '\'') {
            const char *end = strchr(at + 1, '\'');
            assert_non_null(end);
            buf_add(out, at + 1, (size_t)(end - at - 1));
            at = end;
            continue;
        }
        buf_add_byte(out, (uint8_t)strtoul(pair, NULL, 16));
        at++;
    }
}

static void give(struct kind_run *run, const void *bytes, size_t len)
{
    struct value packed = value_of_bytes(VALUE_BYTES, bytes, len);
    buf_reset(&run->seen);
    kind_run_step(run, 0, &packed);
}

static const struct {
    const char *fields;
    const char *bytes;
    const char *seen; /* is in what comes out */
} rows[] = {
    /* Every type, in each of its forms. */
    {"x: string", "81 a1'x' a2'ab'", "out {\"x\":\"ab\"}\n"},
    {"x: string", "81 a1'x' d902'ab'", "out {\"x\":\"ab\"}\n"},
    {"x: string", "81 a1'x' a3'a'00'b'", "out {\"x\":\"a\\u0000b\"}\n"},
    {"x: bytes", "81 a1'x' c403 ff0041", "out {\"x\":\"/wBB\"}\n"},
    {"x: int", "81 a1'x' ff", "out {\"x\":-1}\n"},
    {"x: int", "81 a1'x' d3ffffffffffffffff", "out {\"x\":-1}\n"},
    {"x: int", "81 a1'x' cf0000000000000007", "out {\"x\":7}\n"},
    {"x: bool", "81 a1'x' c2", "out {\"x\":false}\n"},
    {"x: money(USD)", "81 a1'x' a6'$12.34'", "out {\"x\":\"$12.34\"}\n"},
    {"x: \"decimal(10,2)\"", "81 a1'x' a3'1.5'", "out {\"x\":\"1.50\"}\n"},
    {"x: \"decimal(10,2)\"", "81 a1'x' f4", "out {\"x\":\"-12.00\"}\n"},
    {"x: \"decimal(18,0)\"", "81 a1'x' cf0de0b6b3a763ffff", "out {\"x\":\"999999999999999999\"}\n"},
    {"x: timestamp", "81 a1'x' d6ff 00000001", "out {\"x\":\"1970-01-01T00:00:01Z\"}\n"},
    {"x: timestamp", "81 a1'x' d7ff 0000000400000001",
     "out {\"x\":\"1970-01-01T00:00:01.000000001Z\"}\n"},
    {"x: timestamp", "81 a1'x' c70cff 00000001 ffffffffffffffff",
     "out {\"x\":\"1969-12-31T23:59:59.000000001Z\"}\n"},
    {"x: timestamp", "81 a1'x' b4'2000-01-01T00:00:00Z'", "out {\"x\":\"2000-01-01T00:00:00Z\"}\n"},
    {"x: date", "81 a1'x' aa'2000-01-31'", "out {\"x\":\"2000-01-31\"}\n"},
    {"x: duration", "81 a1'x' a3'-5s'", "out {\"x\":\"-5s\"}\n"},
    {"x: \"enum(open, closed)\"", "81 a1'x' a4'open'", "out {\"x\":\"open\"}\n"},
    {"x: list(int)", "81 a1'x' dc0002 01 d002", "out {\"x\":[1,2]}\n"},
    {"x: list(optional(int))", "81 a1'x' 92 c0 02", "out {\"x\":[null,2]}\n"},
    {"x: map(int)", "81 a1'x' 82 a1'b' 02 a1'a' 01", "out {\"x\":{\"a\":1,\"b\":2}}\n"},
    {"x: map(list(map(bytes)))", "81 a1'x' 81 a1'a' 92 80 81 a0 c400",
     "out {\"x\":{\"a\":[{},{\"\":\"\"}]}}\n"},
    {"x: optional(int)", "81 a1'x' c0", "out {\"x\":null}\n"},
    {"x: optional(int)", "80", "out {\"x\":null}\n"},
    {"x: optional(int)", "de0000", "out {\"x\":null}\n"},
    /* What the type does not name may be anything, as long as it is msgpack. */
    {"x: int", "84 a1'y' cb4000000000000000 a1'x' 01 a1'z' d40100 a1'z' 81 01 02",
     "out {\"x\":1}\n"},
    {"x: int", "82 a1'x' 01 a2'y'ff a1 ff", "out {\"x\":1}\n"},
    /* What is not a map. */
    {"x: int", "", "\"reason\":\"not-msgpack\",\"message\":\"it is empty\""},
    {"x: int", "81 a1'x' 01 01",
     "\"reason\":\"not-msgpack\",\"message\":\"1 byte follows the value\""},
    {"x: int", "df40000000",
     "\"reason\":\"not-msgpack\",\"message\":\"it is cut off inside the value that begins at "
     "offset 0\""},
    {"x: int", "82 a1'x' 01 a1'y' c6 40000000",
     "\"reason\":\"not-msgpack\",\"message\":\"it is cut off inside the value that begins at "
     "offset 6\""},
    {"x: int", "82 a1'x' 01 a1'y' c1",
     "\"reason\":\"not-msgpack\",\"message\":\"the byte at offset 6 (0xc1) does not begin a value "
     "of msgpack\""},
    {"x: int", "81 a1'x' 91919191919191919191919191919191919191919191919191919191919191 9101",
     "\"reason\":\"not-msgpack\",\"message\":\"arrays and maps are nested more than 31 deep\""},
    {"x: int", "01", "\"reason\":\"not-a-map\",\"message\":\"expected a map, found an integer\""},
    {"x: int", "92 a1'x' 01",
     "\"reason\":\"not-a-map\",\"message\":\"expected a map, found an array\""},
    {"x: int", "82 a1'x' 01 07 02",
     "\"reason\":\"key-not-a-string\",\"message\":\"a key of the map is an integer, not a str\""},
    {"x: int", "82 c401'x' 01 07 02",
     "\"reason\":\"key-not-a-string\",\"message\":\"a key of the map is an integer, not a str\""},
    {"x: int", "81 c401'x' 01",
     "\"reason\":\"key-not-a-string\",\"message\":\"a key of the map is a bin, not a str\""},
    /* Fields. */
    {"x: int", "81 a1'y' 01",
     "\"reason\":\"missing-field\",\"message\":\"the field 'x' is missing\""},
    {"x: int", "82 a1'x' 01 a1'x' 01",
     "\"reason\":\"duplicate-field\",\"message\":\"the field 'x' appears more than once\""},
    {"x: optional(int)", "82 a1'x' c0 a1'x' c0", "\"reason\":\"duplicate-field\""},
    {"x: int", "81 a1'x' c0",
     "\"reason\":\"wrong-type\",\"message\":\"the field 'x' has the wrong msgpack type: expected "
     "int, found nil\""},
    {"x: int", "81 a1'x' cb3ff0000000000000",
     "\"reason\":\"wrong-type\",\"message\":\"the field 'x' has the wrong msgpack type: expected "
     "int, found a float\""},
    {"x: \"decimal(10,2)\"", "81 a1'x' ca3f800000",
     "\"reason\":\"wrong-type\",\"message\":\"the field 'x' has the wrong msgpack type: expected "
     "decimal(10,2), found a float\""},
    {"x: money(USD)", "81 a1'x' 0c",
     "\"reason\":\"wrong-type\",\"message\":\"the field 'x' has the wrong msgpack type: expected "
     "money(USD), found an integer\""},
    {"x: string", "81 a1'x' c402'ab'",
     "\"reason\":\"wrong-type\",\"message\":\"the field 'x' has the wrong msgpack type: expected "
     "string, found a bin\""},
    {"x: bytes", "81 a1'x' a2'ab'",
     "\"reason\":\"wrong-type\",\"message\":\"the field 'x' has the wrong msgpack type: expected "
     "bytes, found a str\""},
    {"x: bool", "81 a1'x' 01", "\"reason\":\"wrong-type\""},
    {"x: timestamp", "81 a1'x' 01", "\"reason\":\"wrong-type\""},
    {"x: timestamp", "81 a1'x' d60100000001",
     "\"reason\":\"wrong-type\",\"message\":\"the field 'x' has the wrong msgpack type: expected "
     "timestamp, found an extension\""},
    {"x: string", "81 a1'x' d6ff00000001",
     "\"reason\":\"wrong-type\",\"message\":\"the field 'x' has the wrong msgpack type: expected "
     "string, found a timestamp\""},
    {"x: optional(list(int))", "81 a1'x' 80",
     "\"reason\":\"wrong-type\",\"message\":\"the field 'x' has the wrong msgpack type: expected "
     "list(int), found a map\""},
    {"x: list(int)", "81 a1'x' 92 01 c3",
     "\"reason\":\"wrong-type\",\"message\":\"an item of the field 'x' has the wrong msgpack type: "
     "expected int, found a boolean\""},
    {"x: map(int)", "81 a1'x' 82 a1'a' 01 a1'a' 01",
     "\"reason\":\"duplicate-field\",\"message\":\"the field 'x' has the same key more than "
     "once\""},
    {"x: map(int)", "81 a1'x' 82 a1'a' 01 a1'a' c3",
     "\"reason\":\"duplicate-field\",\"message\":\"the field 'x' has the same key more than "
     "once\""},
    {"x: map(int)", "81 a1'x' 82 a1'a' c3 a1'a' 01",
     "\"reason\":\"duplicate-field\",\"message\":\"the field 'x' has the same key more than "
     "once\""},
    {"x: map(int)", "81 a1'x' 83 a1'b' 01 a1'a' c3 a1'b' 01",
     "\"reason\":\"duplicate-field\",\"message\":\"the field 'x' has the same key more than "
     "once\""},
    {"x: map(int)", "81 a1'x' 82 a1'a' 01 c401'a' 01",
     "\"reason\":\"key-not-a-string\",\"message\":\"the field 'x' has a key that is a bin, not a "
     "str\""},
    {"x: map(int)", "81 a1'x' 81 a1 ff 01",
     "\"reason\":\"not-utf8\",\"message\":\"the field 'x' has a key that is not UTF-8\""},
    {"x: string", "81 a1'x' a2 c328",
     "\"reason\":\"not-utf8\",\"message\":\"the field 'x' is not UTF-8\""},
    {"x: int", "81 a1'x' cf8000000000000000",
     "\"reason\":\"overflow\",\"message\":\"the field 'x' does not fit 64 bits\""},
    {"x: \"decimal(3,1)\"", "81 a1'x' 64",
     "\"reason\":\"overflow\",\"message\":\"the field 'x' has more digits than its type allows\""},
    {"x: \"decimal(18,0)\"", "81 a1'x' cfffffffffffffffff", "\"reason\":\"overflow\""},
    {"x: \"decimal(10,2)\"", "81 a1'x' a5'1.234'", "\"reason\":\"bad-value\""},
    {"x: money(USD)", "81 a1'x' a3'EUR'", "\"reason\":\"bad-money\""},
    {"x: money(USD)", "81 a1'x' a4'EUR1'", "\"reason\":\"wrong-currency\""},
    {"x: money(USD)", "81 a1'x' a6'$1.234'", "\"reason\":\"too-many-decimals\""},
    {"x: timestamp", "81 a1'x' a3'now'", "\"reason\":\"bad-timestamp\""},
    {"x: timestamp", "81 a1'x' d4ff01",
     "\"reason\":\"bad-timestamp\",\"message\":\"the field 'x' is not a timestamp extension of 4, "
     "8 or 12 bytes "
     "with fewer than 1000000000 nanoseconds\""},
    {"x: timestamp", "81 a1'x' c700ff", "\"reason\":\"bad-timestamp\""},
    {"x: timestamp", "81 a1'x' d7ff ee6b2800 00000001", "\"reason\":\"bad-timestamp\""},
    {"x: timestamp", "81 a1'x' c70cff 3b9aca00 0000000000000000", "\"reason\":\"bad-timestamp\""},
    {"x: timestamp", "81 a1'x' c70cff 00000000 7fffffffffffffff",
     "\"reason\":\"overflow\",\"message\":\"the field 'x' lies outside the years 1677 to 2262\""},
    {"x: timestamp", "81 a1'x' c70cff 32f3c400 0000000225c17d04", "\"reason\":\"overflow\""},
    {"x: date", "81 a1'x' a1'x'", "\"reason\":\"bad-value\""},
    {"x: duration", "81 a1'x' a1'5'", "\"reason\":\"bad-value\""},
    {"x: \"enum(open, closed)\"", "81 a1'x' a4'shut'",
     "\"reason\":\"bad-value\",\"message\":\"the field 'x' is not a name of its enum; its type is "
     "enum(open, closed)\""},
    {"x: string(1..2)", "81 a1'x' a3'abc'", "\"reason\":\"bad-value\""},
    {"x: string(/^a/)", "81 a1'x' a1'b'", "\"reason\":\"bad-value\""},
    {"x: 'string(/^((z+)+)+(!|,)$/)'", "81 a1'x' d928'zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz'",
     "\"reason\":\"too-hard\""},
};

static void what_stands_there_is_read_or_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kind_run run;
        struct buf bytes = {0};
        struct topology *topology = load(rows[i].fields);
        kind_run_start(&run, topology, "parse");
        add_bytes(rows[i].bytes, &bytes);
        give(&run, bytes.data, bytes.len);
        if (strstr(buf_text(&run.seen), rows[i].seen) == NULL)
            fail_msg("row %zu, %s, %s: %s", i, rows[i].fields, rows[i].bytes, buf_text(&run.seen));
        kind_run_stop(&run);
        topology_free(topology);
        buf_done(&bytes);
    }
}

/* Reason and message of a dead letter; what was read is another thing in each format. */
static void cut_dead_letter(struct kind_run *run, char ret_text[512])
{
    const char *from = strstr(buf_text(&run->seen), "\"reason\"");
    const char *to = strstr(buf_text(&run->seen), ",\"content\":");
    ret_text[0] = '\0';
    if (from != NULL && to != NULL)
        (void)snprintf(ret_text, 512, "%.*s", (int)(to - from), from);
}

/* The same fault has the same reason and the same words in both formats. */
static void faults_are_those_of_json(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        const char *json;
        const char *bytes;
    } both[] = {
        {"int", "{}", "80"},
        {"int", "{\"x\":1,\"x\":2}", "82 a1'x' 01 a1'x' 02"},
        {"int", "{\"x\":18446744073709551615}", "81 a1'x' cfffffffffffffffff"},
        {"map(int)", "{\"x\":{\"a\":1,\"a\":2}}", "81 a1'x' 82 a1'a' 01 a1'a' 02"},
        {"money(USD)", "{\"x\":\"12\"}", "81 a1'x' a2'12'"},
        {"money(USD)", "{\"x\":\"EUR1\"}", "81 a1'x' a4'EUR1'"},
        {"money(USD)", "{\"x\":\"$1.234\"}", "81 a1'x' a6'$1.234'"},
        {"\"decimal(3,1)\"", "{\"x\":100}", "81 a1'x' 64"},
        {"\"decimal(3,1)\"", "{\"x\":\"1.23\"}", "81 a1'x' a4'1.23'"},
        {"timestamp", "{\"x\":\"9999-01-01T00:00:00Z\"}", "81 a1'x' b4'9999-01-01T00:00:00Z'"},
        {"timestamp", "{\"x\":\"9999-01-01T00:00:00Z\"}",
         "81 a1'x' c70cff 00000000 0000003afff44180"},
        {"date", "{\"x\":\"2000-02-30\"}", "81 a1'x' aa'2000-02-30'"},
        {"duration", "{\"x\":\"5\"}", "81 a1'x' a1'5'"},
        {"\"enum(open, closed)\"", "{\"x\":\"shut\"}", "81 a1'x' a4'shut'"},
        {"string(1..2)", "{\"x\":\"abc\"}", "81 a1'x' a3'abc'"},
        {"list(string(1..2))", "{\"x\":[\"abc\"]}", "81 a1'x' 91 a3'abc'"},
        {"string(/^a/)", "{\"x\":\"b\"}", "81 a1'x' a1'b'"},
    };
    for (size_t i = 0; i < sizeof both / sizeof both[0]; i++) {
        char text[1024], fields[64], of_json[512], of_msgpack[512];
        struct kind_run run;
        struct buf bytes = {0};
        (void)snprintf(fields, sizeof fields, "x: %s", both[i].type);
        (void)snprintf(text, sizeof text, TOPOLOGY_HEAD "  T: { %s }\n" JSON_TAIL, fields);
        kind_run_open(&run, text, "parse");
        give(&run, both[i].json, strlen(both[i].json));
        cut_dead_letter(&run, of_json);
        kind_run_close(&run);
        kind_run_start(&run, load(fields), "parse");
        add_bytes(both[i].bytes, &bytes);
        give(&run, bytes.data, bytes.len);
        cut_dead_letter(&run, of_msgpack);
        kind_run_close(&run);
        assert_true(of_json[0] != '\0');
        if (strcmp(of_json, of_msgpack) != 0)
            fail_msg("row %zu: %s\nnot %s", i, of_msgpack, of_json);
        buf_done(&bytes);
    }
}

/* --- random records of random types --- */

static void add_random_type(unsigned depth, struct buf *out)
{
    static const char *const scalars[] = {"string",
                                          "bytes",
                                          "int",
                                          "bool",
                                          "money(USD)",
                                          "money(JPY)",
                                          "timestamp",
                                          "date",
                                          "duration",
                                          "string(1..20)",
                                          "decimal(18,18)",
                                          "decimal(10, 2)",
                                          "enum(open, closed)"};
    static const char *const holders[] = {"list", "map", "optional"};
    size_t which = depth > 0 ? random_below(6) : 3;
    if (which >= 3) {
        buf_add_text(out, scalars[random_below(sizeof scalars / sizeof scalars[0])]);
        return;
    }
    buf_add_format(out, "%s(", holders[which]);
    size_t from = out->len;
    do {
        out->len = from;
        add_random_type(depth - 1, out);
    } while (which == 2 && strncmp(buf_text(out) + from, "optional", 8) == 0);
    buf_add_byte(out, ')');
}

static struct topology *load_random(void)
{
    struct buf fields = {0};
    size_t count = 1 + random_below(20);
    for (size_t i = 0; i < count; i++) {
        buf_add_format(&fields, "%sf%zu: \"", i != 0 ? ", " : "", i);
        add_random_type(3, &fields);
        buf_add_byte(&fields, '"');
    }
    struct topology *topology = load(buf_text(&fields));
    buf_done(&fields);
    return topology;
}

/* Receives the output of msgpack.encode. */
static void keep_packed(void *host, port_number port, const struct record *record)
{
    struct buf *packed = host;
    assert_int_equal(port, PORT_OUT);
    assert_int_equal(record->count, 1);
    buf_reset(packed);
    buf_add(packed, record->fields[0].bytes, record->fields[0].len);
}

/* Receives the output of msgpack.decode, encodes it again at once, and prints it. */
struct again {
    struct kind_run *decode;
    struct kind_run *encode;
};

static void encode_again(void *host, port_number port, const struct record *record)
{
    struct again *again = host;
    kind_run_on_emit(again->decode, port, record);
    if (port == PORT_OUT)
        kind_run_step(again->encode, 0, record->fields);
}

static void what_was_encoded_is_decoded(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        struct topology *topology = load_random();
        struct kind_run decode, encode;
        struct buf packed = {0}, first = {0}, wanted = {0};
        struct again again = {&decode, &encode};
        kind_run_start_to(&encode, topology, "pack", keep_packed, &packed);
        kind_run_start_to(&decode, topology, "parse", encode_again, &again);
        const struct contract *contract = &decode.stage->out;
        for (int k = 0; k < 30; k++) {
            struct random_values owner = {.count = 0};
            struct value fields[FIELDS_MAX];
            for (size_t f = 0; f < contract->count; f++)
                fields[f] = random_value(contract->fields[f].type, &owner);
            kind_run_step(&encode, 0, fields);
            buf_reset(&first);
            buf_add(&first, packed.data, packed.len);
            buf_reset(&packed);
            give(&decode, first.data, first.len);
            buf_reset(&wanted);
            buf_add_text(&wanted, "out ");
            kind_run_print(contract, fields, &wanted);
            if (strcmp(buf_text(&decode.seen), buf_text(&wanted)) != 0)
                fail_msg("%s\nbecame %s", buf_text(&wanted), buf_text(&decode.seen));
            assert_int_equal(packed.len, first.len);
            assert_memory_equal(packed.data, first.data, first.len);
            random_values_done(&owner);
        }
        kind_run_stop(&decode);
        kind_run_stop(&encode);
        topology_free(topology);
        buf_done(&packed);
        buf_done(&first);
        buf_done(&wanted);
    }
}

/* --- the order of pairs, and damage --- */

#define PAIRS_MAX 12

struct pairs {
    struct buf bytes[PAIRS_MAX];
    size_t count;
};

static void add_pair(struct pairs *pairs, const char *text)
{
    add_bytes(text, &pairs->bytes[pairs->count++]);
}

/* Some pairs, a few of them missing, doubled, wrong or unused. */
static void make_pairs(struct pairs *pairs)
{
    static const char *const often[] = {"a1'a' 01", "a1'b' a1'x'", "a1'm' 82 a1'k' 01 a1'j' 02",
                                        "a1'o' c0"};
    static const char *const seldom[] = {"a1'a' 02",
                                         "a1'a' c2",
                                         "a1'b' c401'x'",
                                         "a1'b' a1 ff",
                                         "a1'm' 82 a1'k' 01 a1'k' 02",
                                         "a1'm' 83 07 01 a1'j' 02 c400 01",
                                         "a1'm' 82 a1'j' c3 a1'i' cb0000000000000000",
                                         "a1'z' d40100",
                                         "07 01",
                                         "c401'a' 01",
                                         "a1'o' cf8000000000000000",
                                         "a1'm' 82 a1 ff 01 07 01"};
    for (size_t i = 0; i < sizeof often / sizeof often[0]; i++) {
        if (random_below(8) != 0)
            add_pair(pairs, often[i]);
    }
    while (pairs->count < PAIRS_MAX && random_below(3) == 0)
        add_pair(pairs, seldom[random_below(sizeof seldom / sizeof seldom[0])]);
}

static void write_pairs(const struct pairs *pairs, struct buf *out)
{
    buf_reset(out);
    packed_add_map(out, pairs->count);
    for (size_t i = 0; i < pairs->count; i++)
        buf_add(out, pairs->bytes[i].data, pairs->bytes[i].len);
}

static void shuffle(struct pairs *pairs)
{
    for (size_t i = pairs->count; i-- > 1;) {
        size_t other = random_below(i + 1);
        struct buf kept = pairs->bytes[i];
        pairs->bytes[i] = pairs->bytes[other];
        pairs->bytes[other] = kept;
    }
}

static void the_order_of_pairs_means_nothing(void **state)
{
    (void)state;
    struct topology *topology = load("a: int, b: string, m: map(int), o: optional(int)");
    struct kind_run run;
    struct buf packed = {0};
    char first[1024], second[1024];
    unsigned dead = 0;
    kind_run_start(&run, topology, "parse");
    for (int i = 0; i < 20000; i++) {
        struct pairs pairs = {.count = 0};
        make_pairs(&pairs);
        for (int k = 0; k < 2; k++) {
            char *told = k == 0 ? first : second;
            write_pairs(&pairs, &packed);
            give(&run, packed.data, packed.len);
            if (strncmp(buf_text(&run.seen), "out ", 4) == 0)
                (void)snprintf(told, sizeof first, "%s", buf_text(&run.seen));
            else
                cut_dead_letter(&run, told);
            shuffle(&pairs);
        }
        dead += strncmp(first, "out ", 4) != 0;
        assert_true(first[0] != '\0');
        assert_string_equal(first, second);
        for (size_t k = 0; k < pairs.count; k++)
            buf_done(&pairs.bytes[k]);
    }
    assert_true(dead > 1000 && dead < 19000);
    kind_run_stop(&run);
    topology_free(topology);
    buf_done(&packed);
}

/* A record with some bytes changed, added or cut off is a record or a dead letter. */
static void damage_does_no_harm(void **state)
{
    (void)state;
    struct topology *topology = load(
        "a: int, b: string, c: bytes, m: map(list(timestamp)), o: \"optional(decimal(10,2))\"");
    struct kind_run run;
    struct buf whole = {0}, packed = {0};
    add_bytes(
        "85 a1'a' cd0100 a1'b' a3'abc' a1'c' c40201ff a1'm' 82 a1'k' 91 d6ff00000000 a1'j' 90 "
        "a1'o' a4'1.50'",
        &whole);
    kind_run_start(&run, topology, "parse");
    for (int i = 0; i < 100000; i++) {
        buf_reset(&packed);
        buf_add(&packed, whole.data, whole.len);
        for (size_t k = random_below(4); k-- > 0;)
            packed.data[random_below(packed.len)] = (uint8_t)random_bits();
        if (random_below(4) == 0)
            packed.len = random_below(packed.len);
        if (random_below(16) == 0)
            buf_add_byte(&packed, (uint8_t)random_bits());
        give(&run, packed.data, packed.len);
        assert_true(strncmp(buf_text(&run.seen), "out ", 4) == 0 ||
                    strncmp(buf_text(&run.seen), "dead ", 5) == 0);
    }
    kind_run_stop(&run);
    topology_free(topology);
    buf_done(&whole);
    buf_done(&packed);
}

/*
 * A timestamp takes six bytes in msgpack and nine in a record, which is too much next to the
 * longest texts.
 */
static void what_would_become_too_large_is_refused(void **state)
{
    (void)state;
    enum { TIMES = 500000, CHARACTERS = 11000000 };
    struct topology *topology = load("s: string, l: list(timestamp)");
    struct kind_run run;
    struct buf packed = {0};
    char *text = memory_new(CHARACTERS, 1);
    memset(text, 'x', CHARACTERS);
    packed_add_map(&packed, 2);
    packed_add_text(&packed, "s");
    packed_add_string(&packed, text, CHARACTERS);
    packed_add_text(&packed, "l");
    packed_add_list(&packed, TIMES);
    for (int i = 0; i < TIMES; i++)
        packed_add_timestamp(&packed, INT64_C(4294967295000000000));
    assert_true(packed.len <= RECORD_TEXT_BYTES_MAX);
    kind_run_start(&run, topology, "parse");
    give(&run, packed.data, packed.len);
    assert_non_null(strstr(buf_text(&run.seen), "\"reason\":\"record-too-large\""));
    kind_run_stop(&run);
    topology_free(topology);
    buf_done(&packed);
    free(text);
}

int main(int argc, char **argv)
{
    random_init("msgpack_decode_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stands_there_is_read_or_told),
        cmocka_unit_test(faults_are_those_of_json),
        cmocka_unit_test(what_was_encoded_is_decoded),
        cmocka_unit_test(the_order_of_pairs_means_nothing),
        cmocka_unit_test(damage_does_no_harm),
        cmocka_unit_test(what_would_become_too_large_is_refused),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL) +
           kind_run_reasons_unseen(argc, &msgpack_decode_kind, NULL);
}
