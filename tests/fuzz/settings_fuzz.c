/* SPDX-License-Identifier: MIT */
/*
 * Takes lines for what stands behind --set, for a topology whose stages have options of every sort. A
 * setting is taken apart into what it is made of; the topology is refused with errors or taken without
 * any; what its options then are as text sets them to the same again; and a manifest keeps it.
 */
#include "common/bounds.h"
#include "common/buf.h"
#include "common/text.h"
#include "common/utf8.h"
#include "stages/kinds/kinds.h"
#include "supervisor/run/manifest.h"
#include "tests/fuzz/fuzz.h"
#include "topology/load.h"
#include "topology/options_text.h"

static const char text[] =
    "topology: t\n"
    "types:\n"
    "  Load: { id: string, amount: money(USD), time: timestamp, n: optional(int) }\n"
    "  Other: { id: string, time: timestamp, x: optional(int) }\n"
    "stages:\n"
    "  lines: { kind: file.source, path: in.txt, max_line_bytes: 64KiB, follow: false }\n"
    "  parse: { kind: json.decode, from: lines, type: Load, workers: 2 }\n"
    "  once: { kind: dedupe, from: parse, key: id, keep: 14d, at: time }\n"
    "  limits: { kind: limits, from: once, key: id, amount: amount, at: time, lateness: 1h30m,\n"
    "    attempts: all, rules: { daily: { per: day, count: 3 } } }\n"
    "  texts: { kind: regex.parse, from: lines, type: Other, absent: '-', field: line,\n"
    "    timestamp_format: '%s', pattern: '^(?<id>[a-z]+) (?<x>-|[0-9]+) (?<time>.*)$' }\n"
    "  counts: { kind: window.count, from: texts, key: id, at: time, per: hour,\n"
    "    window_field: hour, count_field: n, memory_max: 64MiB }\n"
    "  all: { kind: json.encode, from: [counts.dead, lines.dead] }\n"
    "  loads: { kind: json.encode, from: limits }\n"
    "  answers: { kind: stdout.sink, from: loads }\n"
    "  out: { kind: file.sink, from: all, path: /tmp/out.txt }\n"
    "  end: { kind: discard, from: counts }\n";

static void check_parts(const char *setting)
{
    struct setting_parts parts;
    struct buf again = {0};
    ALWAYS(settings_split(setting, &parts));
    ALWAYS(parts.stage_len > 0 && parts.option_len > 0);
    buf_add(&again, parts.stage, parts.stage_len);
    buf_add_byte(&again, '\0');
    buf_add(&again, parts.option, parts.option_len);
    buf_add_byte(&again, '\0');
    const char *stage = buf_text(&again), *option = stage + parts.stage_len + 1;
    ALWAYS(settings_is_for(setting, stage, option));
    ALWAYS(!settings_is_for(setting, stage, "") && !settings_is_for(setting, "", option));
    char *whole = malloc(strlen(setting) + 1);
    ALWAYS(whole != NULL);
    (void)snprintf(whole, strlen(setting) + 1, "%s.%s=%s", stage, option, parts.value);
    ALWAYS(strcmp(whole, setting) == 0);
    free(whole);
    buf_done(&again);
}

/* Adds a setting if it is one; a second one for the same option is none. */
static void add(struct settings *settings, const char *setting)
{
    struct err e = {0};
    size_t count = settings->count;
    int rc = settings_add(settings, setting, &e);
    ALWAYS(settings->count == count + (rc == 0 ? 1 : 0));
    ALWAYS(rc == 0 || ((rc == ERR_INVALID || rc == ERR_RANGE) && e.text[0] != '\0'));
    if (rc != 0)
        return;
    check_parts(setting);
    ALWAYS(strlen(setting) <= SETTING_BYTES_MAX && text_not_plain(setting) == NULL);
    ALWAYS(settings_add(settings, setting, &e) == ERR_INVALID);
}

static struct topology *load(const struct settings *settings)
{
    struct topology *topology = NULL;
    struct diagnostics d;
    diagnostics_init(&d, "t.yaml", text, strlen(text));
    d.settings = settings;
    int rc = topology_load("t.yaml", text, strlen(text), bulkhead_kinds, TOPOLOGY_LOGICAL, &d,
                           &topology);
    ALWAYS((rc == 0) == (d.count == 0) && (rc == 0) == (topology != NULL));
    struct buf out = {0};
    size_t bad_at;
    diagnostics_print(&d, &out);
    ALWAYS((rc == 0) == (out.len == 0));
    ALWAYS(utf8_valid((const uint8_t *)buf_text(&out), out.len, &bad_at));
    buf_done(&out);
    diagnostics_done(&d);
    return topology;
}

/* --- the options of all stages --- */

/* All of them in a manifest; and those that a setting can set, as settings. */
struct telling {
    struct manifest kept;
    const char *stage;
    char *set[SETTINGS_MAX];
    size_t count;
};

static void tell(void *context, enum option_tag tag, const char *name, const char *value)
{
    struct telling *t = context;
    const unsigned scalars = 1u << OPTION_TEXT | 1u << OPTION_PATH_IN | 1u << OPTION_PATH_OUT |
                             1u << OPTION_BOOL | 1u << OPTION_INT | 1u << OPTION_SIZE |
                             1u << OPTION_DURATION | 1u << OPTION_CHOICE | 1u << OPTION_FIELD |
                             1u << OPTION_TYPE;
    manifest_add_option(&t->kept.stages[t->kept.stage_count - 1], name, value);
    if ((scalars >> tag & 1) == 0 || strchr(name, '.') != NULL || t->count == SETTINGS_MAX ||
        strcmp(t->stage, DEAD_LETTERS_STAGE) == 0)
        return;
    size_t len = strlen(t->stage) + strlen(name) + strlen(value) + sizeof ".=";
    t->set[t->count] = malloc(len);
    ALWAYS(t->set[t->count] != NULL);
    (void)snprintf(t->set[t->count++], len, "%s.%s=%s", t->stage, name, value);
}

static void tell_all(struct telling *t, const struct topology *topology)
{
    *t = (struct telling){.kept = {.topology = "t"}};
    for (size_t i = 0; i < topology->stage_count; i++) {
        const struct stage *stage = &topology->stages[i];
        (void)manifest_add_stage(&t->kept, stage->base, stage->kind->name);
        t->stage = stage->base;
        options_text_each(stage->options, tell, t);
    }
}

static void telling_done(struct telling *t)
{
    while (t->count > 0)
        free(t->set[--t->count]);
    manifest_done(&t->kept);
}

static void check_same(const struct manifest *a, const struct manifest *b)
{
    ALWAYS(a->stage_count == b->stage_count);
    for (size_t i = 0; i < a->stage_count; i++) {
        const struct manifest_stage *one = &a->stages[i], *other = &b->stages[i];
        ALWAYS(strcmp(one->name, other->name) == 0 && one->option_count == other->option_count);
        for (size_t k = 0; k < one->option_count; k++)
            ALWAYS(strcmp(one->options[k].name, other->options[k].name) == 0 &&
                   strcmp(one->options[k].text, other->options[k].text) == 0);
    }
}

static bool is_set(const struct settings *settings, const char *key, size_t key_len)
{
    for (size_t i = 0; i < settings->count; i++) {
        if (strncmp(settings->items[i], key, key_len) == 0)
            return true;
    }
    return false;
}

/* What the options are, set again, with what only a list or a map can say as it was set before. */
static void check_again(const struct telling *t, const struct settings *before)
{
    struct settings settings = {0};
    struct err e;
    for (size_t i = 0; i < t->count; i++) {
        int rc = settings_add(&settings, t->set[i], &e);
        ALWAYS(rc == 0 || strlen(t->set[i]) > SETTING_BYTES_MAX);
    }
    for (size_t i = 0; i < before->count; i++) {
        if (!is_set(&settings, before->items[i], strcspn(before->items[i], "=") + 1) &&
            settings_add(&settings, before->items[i], &e) != 0)
            return;
    }
    struct topology *topology = load(&settings);
    ALWAYS(topology != NULL);
    struct telling again;
    tell_all(&again, topology);
    check_same(&t->kept, &again.kept);
    telling_done(&again);
    topology_free(topology);
}

static void check_manifest(const struct manifest *m)
{
    struct buf written = {0};
    struct manifest again = {0};
    struct err e;
    manifest_write(m, &written);
    ALWAYS(manifest_read(written.data, written.len, &again, &e) == 0);
    check_same(m, &again);
    manifest_done(&again);
    buf_done(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, data + size};
    struct settings settings = {0};
    char *lines[SETTINGS_MAX];
    size_t count = 0;
    static bool is_good;
    if (!is_good) {
        struct topology *topology = load(&settings);
        ALWAYS(topology != NULL);
        topology_free(topology);
        is_good = true;
    }
    for (; fuzz_left(&in) != 0 && count < SETTINGS_MAX; count++) {
        lines[count] = fuzz_line(&in);
        add(&settings, lines[count]);
    }
    struct topology *topology = load(&settings);
    if (topology != NULL) {
        struct telling t;
        tell_all(&t, topology);
        check_manifest(&t.kept);
        check_again(&t, &settings);
        telling_done(&t);
    }
    topology_free(topology);
    while (count > 0)
        free(lines[--count]);
    return 0;
}
