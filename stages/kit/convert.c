/* SPDX-License-Identifier: MIT */
#include "stages/kit/convert.h"

#include "common/check.h"
#include "common/decimal.h"
#include "common/floor.h"
#include "common/type.h"
#include "common/value_json.h"

#define TEXT_TAGS (1u << VALUE_STRING | 1u << VALUE_BYTES)
#define NUMBER_TAGS (1u << VALUE_INT | 1u << VALUE_DECIMAL | 1u << VALUE_MONEY)

static bool has_tag(struct type type, unsigned tags)
{
    return (tags & 1u << type.tag) != 0;
}

static struct type bare(struct type type)
{
    return type.tag == VALUE_OPTIONAL ? type_item(type) : type;
}

bool convert_can(struct type from, struct type to)
{
    from = bare(from);
    to = bare(to);
    if (type_equal(from, to))
        return true;
    if (!has_tag(from, VALUE_TAGS_SCALAR) || !has_tag(to, VALUE_TAGS_SCALAR))
        return false;
    if (has_tag(from, TEXT_TAGS) || to.tag == VALUE_STRING)
        return true;
    if (from.tag == VALUE_MONEY && to.tag == VALUE_MONEY)
        return false; /* needs an exchange rate */
    if (has_tag(from, NUMBER_TAGS) && has_tag(to, NUMBER_TAGS))
        return true;
    return (from.tag == VALUE_TIMESTAMP && to.tag == VALUE_DATE) ||
           (from.tag == VALUE_DATE && to.tag == VALUE_TIMESTAMP);
}

static unsigned scale_of(struct type type)
{
    switch (type.tag) {
    case VALUE_DECIMAL:
        return type.scale;
    case VALUE_MONEY:
        return money_currency_decimals(type.currency);
    default:
        return 0;
    }
}

bool convert_can_round(struct type from, struct type to)
{
    from = bare(from);
    to = bare(to);
    return has_tag(from, NUMBER_TAGS) && has_tag(to, NUMBER_TAGS) && scale_of(to) < scale_of(from);
}

static bool is_misfit(struct misfit *ret_misfit, const struct dead_reason *reason, const char *what)
{
    *ret_misfit = (struct misfit){reason, what};
    return false;
}

static bool convert_number(const struct conversion *c, struct type from, struct type to,
                           const struct value *value, struct value *ret_value,
                           struct misfit *ret_misfit)
{
    /* 128 bits cannot overflow: at most 19 digits and 18 more decimals. */
    __int128 number = value->integer;
    unsigned have = scale_of(from), wanted = scale_of(to);
    for (; have < wanted; have++)
        number *= 10;
    __int128 divisor = 1;
    for (; have > wanted; have--)
        divisor *= 10;
    if (number % divisor != 0 && !c->rounds)
        return is_misfit(ret_misfit, &dead_too_many_decimals,
                         "has more decimals than its new type");
    number = rounding_divide(number, divisor, c->mode);
    __int128 bound = to.tag == VALUE_DECIMAL ? decimal_bound(to.precision) - 1 : INT64_MAX;
    /* An amount can be read back only if its opposite is valid too: money_parse(). */
    __int128 low = to.tag == VALUE_INT ? INT64_MIN : -bound;
    if (number > bound || number < low)
        return is_misfit(ret_misfit, &dead_overflow, "does not fit its new type");
    *ret_value = value_of_integer(to.tag, (int64_t)number);
    return true;
}

/*
 * A value that is not text is written as in JSON, without the quotes that some types have there. No
 * bound is needed: convert_can() only lets scalars through, and texts are converted elsewhere.
 */
static bool convert_to_text(struct type from, struct type to, const struct value *value,
                            struct buf *text, struct value *ret_value, struct misfit *ret_misfit)
{
    buf_reset(text);
    value_write_json(value, from, text);
    bool quoted = text->len != 0 && text->data[0] == '"';
    return text_value_read(text->data + (quoted ? 1 : 0), text->len - (quoted ? 2 : 0), to, NULL,
                           ret_value, ret_misfit);
}

static bool convert_time(struct type to, const struct value *value, struct value *ret_value,
                         struct misfit *ret_misfit)
{
    int64_t ns;
    if (to.tag == VALUE_DATE) {
        *ret_value = value_of_integer(VALUE_DATE, floor_div(value->integer, TIMESTAMP_NS_PER_DAY));
        return true;
    }
    if (__builtin_mul_overflow(value->integer, TIMESTAMP_NS_PER_DAY, &ns))
        return is_misfit(ret_misfit, &dead_overflow, "lies outside the years 1677 to 2262");
    *ret_value = value_of_integer(VALUE_TIMESTAMP, ns);
    return true;
}

bool convert_value(const struct conversion *c, const struct value *value, struct buf *text,
                   struct value *ret_value, struct misfit *ret_misfit)
{
    if (value->tag == VALUE_OPTIONAL) {
        *ret_value = c->has_fallback ? c->fallback : *value;
        if (!c->has_fallback && c->to.tag != VALUE_OPTIONAL)
            return is_misfit(ret_misfit, &dead_missing_field, "has no value");
        return true;
    }
    struct type from = bare(c->from), to = bare(c->to);
    if (type_equal(from, to)) {
        *ret_value = *value;
        return true;
    }
    if (has_tag(from, TEXT_TAGS))
        return text_value_read(value->bytes, value->len, to, c->form, ret_value, ret_misfit);
    if (to.tag == VALUE_STRING)
        return convert_to_text(from, to, value, text, ret_value, ret_misfit);
    if (has_tag(from, NUMBER_TAGS))
        return convert_number(c, from, to, value, ret_value, ret_misfit);
    INVARIANT(from.tag == VALUE_TIMESTAMP || from.tag == VALUE_DATE);
    return convert_time(to, value, ret_value, ret_misfit);
}
