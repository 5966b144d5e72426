/* SPDX-License-Identifier: MIT */
/*
 * What becomes of the state of limits when its options change.
 *
 * The state has sums and counts by key, period and window. Nothing in it depends on the clock being
 * the latest time seen: it only decides which windows have closed. So with another `lateness` the
 * clock moves with the expiry of all windows: those that have closed stay closed, and those that
 * are open close by the new lateness.
 */
#include <string.h>

#include "common/buf.h"
#include "stages/kinds/limits_change.h"
#include "stages/kit/schema_words.h"

/* The words, as they are in the schema. */
enum {
    KEY,
    AMOUNT,
    AT,
    ZONE,
    WEEK,
    LATENESS,
    ATTEMPTS,
    PERIODS,
};

/* The periods, in the order of the schema. */
enum {
    DAY,
    WEEK_LONG,
    PERIOD_COUNT,
};

static const char *const names[PERIOD_COUNT] = {"day", "week"};

#define LEFT_MARK "periods="

/* What is kept for a period, or what an earlier change left of it. */
struct kept {
    bool entries; /* its windows, or all of them */
    bool sums;    /* and sums in them, or only these */
};

/* Reads "day+sum;week;"; the last sign may be missing. False: it is nothing like it. */
static bool read_periods(const char *text, struct kept ret_kept[PERIOD_COUNT])
{
    memset(ret_kept, 0, PERIOD_COUNT * sizeof ret_kept[0]);
    for (size_t p = 0; p < PERIOD_COUNT; p++) {
        size_t len = strlen(names[p]);
        if (strncmp(text, names[p], len) != 0)
            continue;
        text += len;
        ret_kept[p].entries = true;
        ret_kept[p].sums = strncmp(text, "+sum", 4) == 0;
        text += ret_kept[p].sums ? 4 : 0;
        if (*text == ';')
            text++;
        else if (*text != '\0')
            return false;
    }
    return *text == '\0';
}

/* Reads what earlier changes left: "periods=day+sum;week" are sums of days, and all of weeks. */
static bool read_left(const char *text, struct kept ret_left[PERIOD_COUNT])
{
    memset(ret_left, 0, PERIOD_COUNT * sizeof ret_left[0]);
    if (*text == '\0')
        return true;
    if (strncmp(text, LEFT_MARK, strlen(LEFT_MARK)) != 0 ||
        !read_periods(text + strlen(LEFT_MARK), ret_left))
        return false;
    for (size_t p = 0; p < PERIOD_COUNT; p++)
        ret_left[p].entries &= !ret_left[p].sums;
    return true;
}

static void write_left(const struct kept left[PERIOD_COUNT], struct buf *out)
{
    buf_reset(out);
    for (size_t p = 0; p < PERIOD_COUNT; p++) {
        if (left[p].entries || left[p].sums)
            buf_add_format(out, "%s%s%s", out->len == 0 ? LEFT_MARK : ";", names[p],
                           left[p].entries ? "" : "+sum");
    }
}

static void change_key(const struct schema_word_pair *pairs, size_t i, const char *left,
                       struct state_change *change)
{
    (void)left;
    schema_word_says(&pairs[i], STATE_LOST, "sums and counts are kept for each key", change);
}

/* Whether the state has sums that go on. */
static bool sums_go_on(const struct schema_word_pair *pairs)
{
    struct kept was[PERIOD_COUNT], is[PERIOD_COUNT];
    if (!read_periods(pairs[PERIODS].was, was) || !read_periods(pairs[PERIODS].is, is))
        return true;
    return (was[DAY].sums && is[DAY].sums) || (was[WEEK_LONG].sums && is[WEEK_LONG].sums);
}

/* "paid:money(USD)" */
static void change_amount(const struct schema_word_pair *pairs, size_t i, const char *left,
                          struct state_change *change)
{
    (void)left;
    const char *was = strchr(pairs[i].was, ':'), *is = strchr(pairs[i].is, ':');
    if (was == NULL || is == NULL)
        schema_word_is_unknown(&pairs[i], change);
    else if (!sums_go_on(pairs))
        schema_word_says(&pairs[i], STATE_CONVERTED, "it has no sums of it that go on", change);
    else if (strcmp(was, is) == 0)
        schema_word_says(&pairs[i], STATE_CONVERTED,
                         "sums go on, and from now on the other field is added to them", change);
    else
        schema_word_says(&pairs[i], STATE_LOST, "its sums are in the former currency", change);
}

static void change_at(const struct schema_word_pair *pairs, size_t i, const char *left,
                      struct state_change *change)
{
    (void)left;
    schema_word_says(&pairs[i], STATE_CONVERTED,
                     "sums and counts go on, and windows close, by the times of the other field; "
                     "those that have closed stay closed",
                     change);
}

static void change_zone(const struct schema_word_pair *pairs, size_t i, const char *left,
                        struct state_change *change)
{
    (void)left;
    schema_word_says(&pairs[i], STATE_LOST,
                     "days begin at other times, and sums and counts cannot be divided", change);
}

static void change_week(const struct schema_word_pair *pairs, size_t i, const char *left,
                        struct state_change *change)
{
    struct kept was[PERIOD_COUNT], is[PERIOD_COUNT], before[PERIOD_COUNT];
    if (!read_periods(pairs[PERIODS].was, was) || !read_periods(pairs[PERIODS].is, is) ||
        !read_left(left, before))
        return; /* limits_change_state() says so */
    if (was[WEEK_LONG].entries && is[WEEK_LONG].entries)
        schema_word_says(&pairs[i], STATE_LOST,
                         "weeks begin on another day, and sums and counts cannot be divided",
                         change);
    else
        schema_word_says(&pairs[i], STATE_CONVERTED, "it has no weeks that go on", change);
}

static void change_lateness(const struct schema_word_pair *pairs, size_t i, const char *left,
                            struct state_change *change)
{
    (void)left;
    if (!schema_word_durations(&pairs[i], &change->shift_ns, change))
        return;
    change->shifts_clock = true;
    schema_word_says(&pairs[i], STATE_CONVERTED,
                     change->shift_ns > 0
                         ? "windows that are open stay open for longer; those that have closed "
                           "stay closed"
                         : "windows that are open close sooner, once a record comes",
                     change);
}

static void change_attempts(const struct schema_word_pair *pairs, size_t i, const char *left,
                            struct state_change *change)
{
    (void)left;
    schema_word_says(&pairs[i], STATE_CONVERTED,
                     "counts go on from what was counted by the former rule", change);
}

static void add_clause(struct buf *out, const char *before, const char *period, const char *after)
{
    buf_add_format(out, "%s%s%ss%s", out->len != 0 ? ", and " : "", before, period, after);
}

/* Says what becomes of one period, and notes what is left of it. */
static enum state_verdict change_period(const char *name, struct kept was, struct kept is,
                                        struct kept *left, struct buf *out)
{
    if (was.entries && !is.entries) {
        add_clause(out, "what it has of ", name, " is not used any more");
        *left = (struct kept){.entries = true};
    } else if (is.entries && !was.entries) {
        if (left->entries || left->sums) {
            add_clause(out, "it still has ", name,
                       " of an earlier time, which lack what came in between");
            return STATE_LOST;
        }
        add_clause(out, "its ", name, " begin with nothing in them");
    } else if (was.sums && !is.sums) {
        add_clause(out, "sums of ", name, " are not kept any more");
        left->sums = true;
    } else if (is.sums && !was.sums) {
        if (left->sums) {
            add_clause(out, "it still has sums of ", name,
                       " of an earlier time, which lack what came in between");
            return STATE_LOST;
        }
        add_clause(out, "sums of ", name, " begin at 0, and counts go on");
    }
    return STATE_CONVERTED;
}

static void change_periods(const struct schema_word_pair *pairs, size_t i, const char *left,
                           struct state_change *change)
{
    struct kept was[PERIOD_COUNT], is[PERIOD_COUNT], before[PERIOD_COUNT];
    if (!read_periods(pairs[i].was, was) || !read_periods(pairs[i].is, is)) {
        schema_word_is_unknown(&pairs[i], change);
        return;
    }
    if (!read_left(left, before))
        return; /* limits_change_state() says so */
    struct buf text = {0};
    enum state_verdict verdict = STATE_CONVERTED;
    for (size_t p = 0; p < PERIOD_COUNT; p++) {
        enum state_verdict of_period = change_period(names[p], was[p], is[p], &before[p], &text);
        verdict = of_period > verdict ? of_period : verdict;
    }
    schema_word_says(&pairs[i], verdict, buf_text(&text), change);
    buf_done(&text);
    write_left(before, &change->left);
}

void limits_change_state(const char *was, const char *is, const char *left,
                         struct state_change *change)
{
    static const struct schema_word words[] = {
        [KEY] = {.name = "key", .change = change_key},
        [AMOUNT] = {.name = "amount", .change = change_amount},
        [AT] = {.name = "at", .change = change_at},
        [ZONE] = {.name = "zone", .change = change_zone},
        [WEEK] = {.name = "week", .change = change_week},
        [LATENESS] = {.name = "lateness", .change = change_lateness},
        [ATTEMPTS] = {.name = "attempts", .change = change_attempts},
        [PERIODS] = {.name = "periods", .change = change_periods},
        {0},
    };
    struct kept before[PERIOD_COUNT];
    if (!read_left(left, before))
        state_change_add(change, STATE_LOST,
                         "what an earlier change left of it is not what this bulkhead knows");
    schema_words_compare(was, is, left, "limits 2", words, change);
}
