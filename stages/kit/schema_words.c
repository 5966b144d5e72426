/* SPDX-License-Identifier: MIT */
/*
 * Values may contain spaces, since types may ("a:enum(open, closed)"). So a schema is not split at
 * spaces, but where " NAME=" of the table is, in this order. A value that then still has something
 * like a word in it is refused: it could be a word that is there twice, or one that is not known.
 */
#include "stages/kit/schema_words.h"

#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "common/text.h"
#include "stages/store/store_spec.h"

#define NAME_MARK_BYTES 32u

/* A schema, cut into its values. */
struct schema {
    char text[STORE_SCHEMA_BYTES_MAX + 1];
    const char *values[SCHEMA_WORDS_MAX]; /* into text; NULL: not there */
};

static void make_mark(const char *name, char ret_mark[NAME_MARK_BYTES])
{
    int len = snprintf(ret_mark, NAME_MARK_BYTES, " %s=", name);
    REQUIRE(len > 0 && (size_t)len < NAME_MARK_BYTES);
}

/* Finds the words in the text behind the head, without cutting it. */
static bool find_words(struct schema *s, const struct schema_word *words, char *at)
{
    for (size_t i = 0; words[i].name != NULL; i++) {
        REQUIRE(i < SCHEMA_WORDS_MAX);
        char mark[NAME_MARK_BYTES];
        make_mark(words[i].name, mark);
        char *found = strstr(at, mark);
        if (found == NULL && words[i].optional && strstr(s->text, mark) == NULL)
            continue;
        if (found == NULL)
            return false;
        /* What is before the first word belongs to none. */
        if (s->values[0] == NULL && found != at)
            return false;
        at = found + strlen(mark);
        s->values[i] = at;
    }
    return s->values[0] != NULL;
}

/* Whether an unknown word hides in a value: names of words are lower-case letters. */
static bool hides_word(const char *value)
{
    for (const char *at = strchr(value, ' '); at != NULL; at = strchr(at + 1, ' ')) {
        size_t len = strspn(at + 1, "abcdefghijklmnopqrstuvwxyz_");
        if (len != 0 && at[1 + len] == '=')
            return true;
    }
    return false;
}

/* Cuts a schema into values. False: it is not one of this head and these words. */
static bool read_schema(struct schema *s, const char *text, const char *head,
                        const struct schema_word *words)
{
    size_t len = strlen(text), head_len = strlen(head);
    *s = (struct schema){.text = ""};
    if (len > STORE_SCHEMA_BYTES_MAX || strncmp(text, head, head_len) != 0)
        return false;
    memcpy(s->text, text, len + 1);
    if (!find_words(s, words, s->text + head_len))
        return false;
    for (size_t i = 0; words[i].name != NULL; i++) {
        char mark[NAME_MARK_BYTES];
        make_mark(words[i].name, mark);
        if (s->values[i] != NULL)
            s->text[(size_t)(s->values[i] - s->text) - strlen(mark)] = '\0';
    }
    for (size_t i = 0; words[i].name != NULL; i++) {
        if (s->values[i] != NULL && hides_word(s->values[i]))
            return false;
    }
    return true;
}

/* The first two words of a schema: its kind and number. */
static void add_head(const char *text, struct buf *out)
{
    size_t len = strcspn(text, " ");
    len += text[len] == ' ' ? 1 + strcspn(text + len + 1, " ") : 0;
    text_printable(text, len, 64, out);
}

static bool has_head(const char *text, const char *head)
{
    size_t len = strlen(head);
    return strncmp(text, head, len) == 0 && (text[len] == ' ' || text[len] == '\0');
}

/* Says why schemas that could not be read cannot be compared. */
static void say_unknown(const char *was, const char *is, const char *head,
                        struct state_change *change)
{
    const char *other = !has_head(was, head) ? was : is;
    if (store_spec_is_shortened(was) || store_spec_is_shortened(is)) {
        state_change_add(change, STATE_LOST,
                         "its description is so long that only a part of it is kept, so it cannot "
                         "be said what has changed");
    } else if (!has_head(other, head)) {
        struct buf text = {0};
        add_head(other, &text);
        state_change_add(change, STATE_LOST, "it is one of '%s', and here it would be one of '%s'",
                         buf_text(&text), head);
        buf_done(&text);
    } else {
        state_change_add(change, STATE_LOST, "its description is not one that this bulkhead knows");
    }
}

static void compare_words(const struct schema *was, const struct schema *is, const char *left,
                          const struct schema_word *words, struct state_change *change)
{
    struct schema_word_pair pairs[SCHEMA_WORDS_MAX];
    for (size_t i = 0; words[i].name != NULL; i++)
        pairs[i] = (struct schema_word_pair){words[i].name, was->values[i], is->values[i]};
    for (size_t i = 0; words[i].name != NULL; i++) {
        bool both = pairs[i].was != NULL && pairs[i].is != NULL;
        if (both ? strcmp(pairs[i].was, pairs[i].is) != 0 : pairs[i].was != pairs[i].is)
            words[i].change(pairs, i, left, change);
    }
}

void schema_words_compare(const char *was, const char *is, const char *left, const char *head,
                          const struct schema_word *words, struct state_change *change)
{
    struct schema old, new;
    buf_add_text(&change->left, left);
    if (store_spec_is_shortened(was) || store_spec_is_shortened(is) ||
        !read_schema(&old, was, head, words) || !read_schema(&new, is, head, words))
        say_unknown(was, is, head, change);
    else
        compare_words(&old, &new, left, words, change);
    if (change->verdict == STATE_LOST)
        buf_reset(&change->left);
}

/* Without the sign that ends a list, which would end a clause. */
static void add_value(const char *value, struct buf *out)
{
    size_t len = value != NULL ? strlen(value) : 0;
    if (value == NULL)
        buf_add_text(out, "not given");
    else
        text_printable(value, len != 0 && value[len - 1] == ';' ? len - 1 : len,
                       STORE_SCHEMA_BYTES_MAX, out);
}

void schema_word_says(const struct schema_word_pair *pair, enum state_verdict verdict,
                      const char *what, struct state_change *change)
{
    struct buf was = {0}, is = {0};
    add_value(pair->was, &was);
    add_value(pair->is, &is);
    state_change_add(change, verdict, "%s was %s, is %s: %s", pair->name, buf_text(&was),
                     buf_text(&is), what);
    buf_done(&was);
    buf_done(&is);
}

void schema_word_is_unknown(const struct schema_word_pair *pair, struct state_change *change)
{
    schema_word_says(pair, STATE_LOST, "this bulkhead does not know what one of them means",
                     change);
}

bool schema_word_durations(const struct schema_word_pair *pair, int64_t *ret_difference_ns,
                           struct state_change *change)
{
    int64_t was, is;
    if (pair->was != NULL && pair->is != NULL && text_parse_duration(pair->was, &was) == 0 &&
        text_parse_duration(pair->is, &is) == 0 &&
        !__builtin_sub_overflow(is, was, ret_difference_ns))
        return true;
    schema_word_is_unknown(pair, change);
    return false;
}
