/* SPDX-License-Identifier: MIT */
/*
 * limits: decides for every record whether it stays within its key's limits per day and week.
 *
 * The state has one entry for every key, period and window: the sum and the number of the records
 * accepted in it. A record belongs to the windows of its own time, not to "the current" ones. A
 * window closes when the latest time seen is `lateness` or more past its end. Its entry expires
 * then.
 */
#include <stdlib.h>
#include <string.h>

#include "common/calendar.h"
#include "common/check.h"
#include "common/memory.h"
#include "common/text.h"
#include "common/type.h"
#include "stages/kinds/kinds.h"
#include "stages/kinds/limits_change.h"
#include "stages/kit/calendar_option.h"
#include "stages/kit/key.h"
#include "stages/stage.h"
#include "topology/partition.h"

static const struct dead_reason negative_amount = {"negative-amount",
                                                   "a negative amount, which is not allowed here"};

#define RULES_MAX 32u
/* Rules cover days and weeks. */
#define PERIODS 2

struct rule {
    enum calendar_period period;
    bool has_sum, has_count;
    int64_t sum_max; /* minor units */
    uint64_t count_max;
};

/* The value of an entry. */
struct usage {
    int64_t sum;    /* sum of the accepted amounts; kept only if a rule needs it */
    uint64_t count; /* number of accepted records, or of all records with attempts: all */
};
_Static_assert(sizeof(struct usage) == 16, "what docs/protocol.md says");

/* The key of a window and when it closes. Both follow from the record alone. */
struct window_name {
    struct hash128 key;
    __int128 closes;
};

struct limits_plan {
    const struct option_value *key;
    size_t amount_field, at_field;
    struct calendar calendar;
    int64_t lateness_ns;
    bool count_all;
    struct rule rules[RULES_MAX];
    size_t rule_count;
    bool period_used[PERIODS];
    bool period_sums[PERIODS];
};

struct limits {
    /* A copy, because every record needs it and following a pointer costs time. */
    struct limits_plan plan;
    struct store *store;
    const struct stage *stage;
    struct buf key_bytes;
    /* Windows of the records that prepare() has seen. */
    struct window_name ahead[STAGE_AHEAD_MAX + 1][PERIODS];
    struct value fields[FIELDS_MAX];
};

static const char *const periods[] = {"day", "week", NULL};
static const char *const attempts_choices[] = {"accepted", "all", NULL};

static const struct option_spec rule_specs[] = {
    {.name = "per",
     .tag = OPTION_CHOICE,
     .required = true,
     .choices = periods,
     .meaning = "the calendar window that the rule applies to"},
    {.name = "sum",
     .tag = OPTION_TEXT,
     .meaning = "the maximum sum that may be accepted in a window, in the amount's currency"},
    {.name = "count",
     .tag = OPTION_INT,
     .min = 0,
     .max = INT64_MAX,
     .meaning = "the maximum number of records that may be accepted in a window"},
    {0},
};

static const struct option_spec specs[] = {
    {.name = "key",
     .tag = OPTION_FIELDS,
     .required = true,
     .meaning = "the fields that identify "
                "who or what the limits "
                "apply to"},
    {.name = "amount",
     .tag = OPTION_FIELD,
     .required = true,
     .meaning = "the field with the amount (money)"},
    {.name = "at",
     .tag = OPTION_FIELD,
     .required = true,
     .meaning = "the field with the event time (timestamp)"},
    {.name = "calendar",
     .tag = OPTION_GROUP,
     .members = calendar_option_members,
     .meaning = "when days and weeks begin"},
    {.name = "lateness",
     .tag = OPTION_DURATION,
     .fallback = "14d",
     .min = 0,
     .max = INT64_MAX,
     .meaning = "how long a window stays open after its end, measured by the latest timestamp "
                "seen; a record after that is a dead letter"},
    {.name = "attempts",
     .tag = OPTION_CHOICE,
     .fallback = "accepted",
     .choices = attempts_choices,
     .meaning = "which records a rule with 'count' counts: accepted ones, or all"},
    {.name = "rules",
     .tag = OPTION_GROUPS,
     .required = true,
     .members = rule_specs,
     .meaning = "named rules; a record is accepted only if all of them hold"},
    {0},
};

/*
 * Reads a sum, or adds an error. If the currency of the amount is unknown (NULL), only errors that
 * hold for any currency are added.
 */
static int64_t read_sum(const struct option_value *sum, const struct currency *currency,
                        struct diagnostics *d)
{
    struct currency usual;
    int rc = money_currency_find("USD", 3, &usual);
    INVARIANT(rc == 0);
    int64_t max = 0;
    enum money_result result =
        money_parse_bare(sum->text, strlen(sum->text), currency != NULL ? *currency : usual, &max);
    const char *code = currency != NULL ? money_currency_code(*currency) : "";
    unsigned decimals = currency != NULL ? money_currency_decimals(*currency) : 0;
    if (result == MONEY_OK && max < 0)
        diagnostics_add(d, sum->place, "'sum: %s' is negative; a limit is 0 or more", sum->text);
    else if (result == MONEY_BAD_FORM)
        diagnostics_add(
            d, sum->place, "'sum: %s' should be an amount%s%s without a currency sign, like 100%s",
            sum->text, currency != NULL ? " in " : "", code, decimals == 0 ? "" : ".00");
    else if (result == MONEY_TOO_MANY_DECIMALS && currency != NULL)
        diagnostics_add(d, sum->place, "'sum: %s' has too many decimals; %s has %u", sum->text,
                        code, decimals);
    else if (result == MONEY_OVERFLOW && currency != NULL)
        diagnostics_add(d, sum->place, "'sum: %s' is too large for an amount in %s", sum->text,
                        code);
    return max;
}

/* Reads a rule, or adds an error on top of those for its single options. */
static struct rule read_rule(const struct option_group *group, const struct currency *currency,
                             struct diagnostics *d)
{
    const struct option_value *sum = options_get(group->options, "sum");
    const struct option_value *count = options_get(group->options, "count");
    struct rule rule = {.period = options_get(group->options, "per")->number == 0 ? CALENDAR_DAY
                                                                                  : CALENDAR_WEEK,
                        .has_sum = sum->present,
                        .has_count = count->present,
                        .count_max = count->present ? (uint64_t)count->number : 0};
    if (sum->present && !sum->bad)
        rule.sum_max = read_sum(sum, currency, d);
    else if (!sum->present && !sum->bad && !count->present && !count->bad)
        diagnostics_add(d, group->place, "the rule '%s' needs 'sum:' or 'count:'", group->name);
    return rule;
}

static void read_rules(struct kind_check *check, const struct currency *currency,
                       struct limits_plan *plan)
{
    const struct option_value *rules = options_get(check->options, "rules");
    if (rules->count > RULES_MAX)
        diagnostics_add(check->diagnostics, rules->place,
                        "too many rules; a stage can have at most %u", RULES_MAX);
    for (size_t i = 0; i < rules->count; i++) {
        struct rule rule = read_rule(&rules->groups[i], currency, check->diagnostics);
        if (i >= RULES_MAX)
            continue;
        plan->rules[i] = rule;
        plan->rule_count = i + 1;
        plan->period_used[rule.period] = true;
        plan->period_sums[rule.period] |= rule.has_sum;
    }
}

/* Copies the other options into a form that is fast to use. */
static void read_options(const struct options *options, struct limits_plan *plan)
{
    plan->key = options_get(options, "key");
    plan->amount_field = (size_t)options_get(options, "amount")->number;
    plan->at_field = (size_t)options_get(options, "at")->number;
    plan->lateness_ns = options_get(options, "lateness")->number;
    plan->count_all = options_get(options, "attempts")->number == 1;
    plan->calendar = calendar_option_read(options);
}

static void derive(struct kind_check *check)
{
    const struct option_value *amount = options_get(check->options, "amount");
    const struct option_value *at = options_get(check->options, "at");
    const struct currency *currency = NULL;
    struct limits_plan *plan = memory_new(1, sizeof *plan);
    check->plan = plan;
    if (kind_check_field_tag(check, amount, (int)amount->number, amount->place, 1u << VALUE_MONEY))
        currency = &check->in->fields[amount->number].type.currency;
    (void)kind_check_field_tag(check, at, (int)at->number, at->place, 1u << VALUE_TIMESTAMP);
    read_rules(check, currency, plan);
    if (kind_check_is_good(check))
        read_options(check->options, plan);
    *check->out = *check->in;
    kind_check_makes(check, "accepted", (struct type){.tag = VALUE_BOOL}, check->place);
}

static void store_spec(const struct stage *stage, struct store_spec *ret_spec)
{
    const struct limits_plan *plan = stage->plan;
    struct buf text = {0};
    const struct field *amount = &stage->in->fields[plan->amount_field];
    char type[TYPE_NAME_BYTES_MAX];
    buf_add_text(&text, "limits 2 key=");
    key_describe(plan->key, stage->in, &text);
    buf_add_format(&text, " amount=%s:%s at=%s zone=UTC week=%s lateness=", amount->name,
                   type_name(amount->type, type), stage->in->fields[plan->at_field].name,
                   calendar_option_week(&plan->calendar));
    text_format_duration(plan->lateness_ns, &text);
    buf_add_format(&text, " attempts=%s periods=", attempts_choices[plan->count_all ? 1 : 0]);
    for (int p = 0; p < PERIODS; p++) {
        if (plan->period_used[p])
            buf_add_format(&text, "%s%s", periods[p], plan->period_sums[p] ? "+sum;" : ";");
    }
    *ret_spec = (struct store_spec){.value_len = sizeof(struct usage), .expires = true};
    store_spec_set_schema(ret_spec, buf_text(&text));
    buf_done(&text);
}

static int open_stage(const struct stage_env *env, void **ret_self, struct err *e)
{
    (void)e;
    struct limits *self = memory_new(1, sizeof *self);
    self->plan = *(const struct limits_plan *)env->stage->plan;
    self->store = env->store;
    self->stage = env->stage;
    *ret_self = self;
    return 0;
}

static void close_stage(void *opaque)
{
    struct limits *self = opaque;
    buf_done(&self->key_bytes);
    free(self);
}

/* A window that the current record falls into. */
struct window {
    struct hash128 key;
    struct usage usage;
    int64_t expires_at;
};

static struct window_name name_window(const struct limits *self, enum calendar_period period,
                                      int64_t at, struct hash128 key)
{
    const struct limits_plan *plan = &self->plan;
    int64_t number = calendar_window(&plan->calendar, period, at);
    return (struct window_name){.key = store_subkey(key, (uint64_t)number * PERIODS + period),
                                .closes = calendar_window_end_ns(&plan->calendar, period, number) +
                                          plan->lateness_ns};
}

static void name_windows(struct limits *self, const struct record *in,
                         struct window_name ret_names[PERIODS])
{
    buf_reset(&self->key_bytes);
    key_add_fields(self->plan.key, in, &self->key_bytes);
    struct hash128 key = store_key(self->store, partition_group(self->stage, in),
                                   self->key_bytes.data, self->key_bytes.len);
    for (int p = 0; p < PERIODS; p++) {
        if (self->plan.period_used[p])
            ret_names[p] = name_window(self, (enum calendar_period)p,
                                       in->fields[self->plan.at_field].integer, key);
    }
}

static void prepare(void *opaque, const struct record *in)
{
    struct limits *self = opaque;
    struct window_name *names = self->ahead[in->ahead];
    name_windows(self, in, names);
    for (int p = 0; p < PERIODS; p++) {
        if (self->plan.period_used[p])
            store_prefetch(self->store, names[p].key);
    }
}

/* Finds a window; false if it has closed. */
static bool find_window(struct limits *self, const struct window_name *name,
                        struct window *ret_window)
{
    if (name->closes <= store_clock(self->store))
        return false;
    ret_window->expires_at = name->closes < STORE_NEVER ? (int64_t)name->closes : STORE_NEVER;
    ret_window->key = name->key;
    const void *value = store_find(self->store, ret_window->key);
    ret_window->usage = (struct usage){0};
    if (value != NULL)
        memcpy(&ret_window->usage, value, sizeof ret_window->usage);
    return true;
}

static bool is_within(const struct rule *rule, const struct usage *usage, int64_t amount)
{
    if (rule->has_sum && (__int128)usage->sum + amount > rule->sum_max)
        return false;
    return !rule->has_count || usage->count < rule->count_max;
}

static void count_record(struct limits *self, enum calendar_period period, struct window *window,
                         int64_t amount, bool accepted)
{
    if (!accepted && !self->plan.count_all)
        return;
    if (accepted && self->plan.period_sums[period])
        window->usage.sum += amount; /* at most sum_max, so it fits 64 bits */
    window->usage.count++;
    store_put(self->store, window->key, window->expires_at, &window->usage);
}

static void step(void *opaque, const struct record *in, struct emitter *out)
{
    struct limits *self = opaque;
    const struct limits_plan *plan = &self->plan;
    int64_t amount = in->fields[plan->amount_field].integer;
    if (amount < 0) {
        emitter_dead_record(out, &negative_amount, in,
                            "the amount is negative, and limits need amounts of 0 or more");
        return;
    }
    struct window_name named[PERIODS];
    const struct window_name *names = self->ahead[in->ahead];
    if (in->ahead == 0) {
        name_windows(self, in, named);
        names = named;
    }
    struct window windows[PERIODS];
    for (int p = 0; p < PERIODS; p++) {
        if (plan->period_used[p] && !find_window(self, &names[p], &windows[p])) {
            emitter_dead_record(
                out, &dead_late, in,
                "its %s has closed: the latest time seen is past its end by the lateness or more",
                periods[p]);
            return;
        }
    }
    bool accepted = true;
    for (size_t i = 0; i < plan->rule_count && accepted; i++)
        accepted = is_within(&plan->rules[i], &windows[plan->rules[i].period].usage, amount);
    for (int p = 0; p < PERIODS; p++) {
        if (plan->period_used[p])
            count_record(self, (enum calendar_period)p, &windows[p], amount, accepted);
    }
    memcpy(self->fields, in->fields, in->count * sizeof self->fields[0]);
    self->fields[in->count] = value_of_bool(accepted);
    emitter_emit(out, self->fields);
}

const struct stage_ops limits_ops = {
    .open = open_stage,
    .close = close_stage,
    .prepare = prepare,
    .step = step,
};

const struct kind limits_kind = {
    .name = "limits",
    .summary = "accepts or declines records by sums and counts per day and week",
    .manual =
        "Adds the field 'accepted'. A record is accepted if all rules hold when it is included: a "
        "sum may reach its limit, but not exceed it. Sums include accepted amounts only, and so "
        "do counts unless 'attempts' is all. Records may arrive out of time order: each counts in "
        "the day and the week of its own time, until that window closes.",
    .role = KIND_STEP,
    .partition = KIND_BY_KEY,
    .clock_option = "at",
    .reads = "the fields of key; amount: money; at: timestamp",
    .makes = "what it reads, and accepted: bool",
    .reasons = DEAD_REASONS(&dead_late, &negative_amount),
    .options = specs,
    .derive = derive,
    .free_plan = free,
    .store_spec = store_spec,
    .change_state = limits_change_state,
};
