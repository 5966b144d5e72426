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
    "  Other: { id: string, time: timestamp }\n"
    "stages:\n"
    "  lines: { kind: file.source, path: in.txt, max_line_bytes: 64KiB, follow: false }\n"
    "  parse: { kind: json.decode, from: lines, type: Load, workers: 2 }\n"
    "  once: { kind: dedupe, from: parse, key: id, keep: 14d, at: time }\n"
    "  limits: { kind: limits, from: once, key: id, amount: amount, at: time, lateness: 1h30m,\n"
    "    attempts: all, rules: { daily: { per: day, count: 3 } } }\n"
    "  texts: { kind: regex.parse, from: lines, type: Other, absent: '-', field: line,\n"
    "    timestamp_format: '%s', pattern: '^(?<id>[a-z]+) (?<time>.*)$' }\n"
    "  counts: { kind: window.count, from: texts, key: id, at: time, per: hour,\n"
    "    window_field: hour, count_field: n, memory_max: 64MiB }\n"
    "  all: { kind: json.encode, from: [limits, counts.dead, lines.dead] }\n"
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
    ALWAYS((rc == 0) == (out.len == 0) && utf8_valid(out.data, out.len, &bad_at));
    buf_done(&out);
    diagnostics_done(&d);
    return topology;
}

/* --- the options of a stage --- */

struct telling {
    struct manifest_stage *kept;
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
    manifest_add_option(t->kept, name, value);
    if ((scalars >> tag & 1) == 0 || strchr(name, '.') != NULL || t->count == SETTINGS_MAX)
        return;
    size_t len = strlen(t->stage) + strlen(name) + strlen(value) + sizeof ".=";
    t->set[t->count] = malloc(len);
    ALWAYS(t->set[t->count] != NULL);
    (void)snprintf(t->set[t->count++], len, "%s.%s=%s", t->stage, name, value);
}

static struct telling tell_stage(struct manifest *m, const struct stage *stage)
{
    struct telling t = {.stage = stage->base};
    t.kept = manifest_add_stage(m, stage->base, stage->kind->name);
    options_text_each(stage->options, tell, &t);
    return t;
}

static bool options_are_same(const struct manifest_stage *a, const struct manifest_stage *b)
{
    bool same = a->option_count == b->option_count && strcmp(a->name, b->name) == 0;
    for (size_t i = 0; same && i < a->option_count; i++)
        same = strcmp(a->options[i].name, b->options[i].name) == 0 &&
               strcmp(a->options[i].text, b->options[i].text) == 0;
    return same;
}

/* What the options of a stage are, set again. */
static void check_again(struct telling *t, const struct manifest_stage *wanted,
                        const struct settings *before)
{
    struct settings settings = *before;
    struct err e;
    for (size_t i = 0; i < t->count; i++) {
        /* One that sets it already is taken out. */
        for (size_t k = 0; k < settings.count; k++) {
            size_t key_len = strcspn(t->set[i], "=") + 1;
            if (strncmp(settings.items[k], t->set[i], key_len) == 0)
                settings.items[k--] = settings.items[--settings.count];
        }
        int rc = settings_add(&settings, t->set[i], &e);
        ALWAYS(rc == 0 || rc == ERR_RANGE || strlen(t->set[i]) > SETTING_BYTES_MAX);
    }
    struct topology *topology = load(&settings);
    ALWAYS(topology != NULL);
    struct manifest m = {0};
    struct telling again = tell_stage(&m, topology_find_stage(topology, t->stage));
    ALWAYS(options_are_same(wanted, &m.stages[0]));
    for (size_t i = 0; i < again.count; i++)
        free(again.set[i]);
    manifest_done(&m);
    topology_free(topology);
}

static void check_manifest(const struct manifest *m)
{
    struct buf written = {0};
    struct manifest again = {0};
    struct err e;
    manifest_write(m, &written);
    ALWAYS(manifest_read(written.data, written.len, &again, &e) == 0);
    ALWAYS(again.stage_count == m->stage_count);
    for (size_t i = 0; i < m->stage_count; i++)
        ALWAYS(options_are_same(&m->stages[i], &again.stages[i]));
    manifest_done(&again);
    buf_done(&written);
}

static void check_topology(const struct topology *topology, const struct settings *settings)
{
    struct manifest m = {.topology = "t"};
    for (size_t i = 0; i < topology->stage_count; i++) {
        const struct stage *stage = &topology->stages[i];
        struct telling t = tell_stage(&m, stage);
        if (strcmp(stage->name, DEAD_LETTERS_STAGE) != 0 && t.count > 0)
            check_again(&t, &m.stages[m.stage_count - 1], settings);
        for (size_t k = 0; k < t.count; k++)
            free(t.set[k]);
    }
    check_manifest(&m);
    manifest_done(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, data + size};
    struct settings settings = {0};
    char *lines[SETTINGS_MAX];
    size_t count = 0;
    for (; fuzz_left(&in) != 0 && count < SETTINGS_MAX; count++) {
        lines[count] = fuzz_line(&in);
        add(&settings, lines[count]);
    }
    struct topology *topology = load(&settings);
    if (topology != NULL)
        check_topology(topology, &settings);
    topology_free(topology);
    while (count > 0)
        free(lines[--count]);
    return 0;
}
