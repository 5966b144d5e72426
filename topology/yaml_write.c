/* SPDX-License-Identifier: MIT */
/*
 * Each function that writes a node begins behind what is before it on its line (a key with its
 * colon, a dash, the indentation), and ends at the beginning of a line.
 */
#include "topology/yaml_write.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/check.h"
#include "common/text.h"

#define INDENT 2u

/* Words that some program or other takes for null or a truth value. */
static bool is_special_word(const char *text)
{
    static const char *const words[] = {"null", "true", "false", "yes", "no",
                                        "on",   "off",  "y",     "n"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(text, words[i]) == 0)
            return true;
    }
    return false;
}

static bool is_truth_value(const char *text)
{
    return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
}

/* A number as everybody writes it: -12.50, but not 007, .5 or 1e3. */
static bool is_plain_number(const char *text)
{
    static const char digits[] = "0123456789";
    text += *text == '-';
    size_t len = strspn(text, digits);
    if (len == 0 || (len > 1 && *text == '0'))
        return false;
    text += len;
    if (*text == '.') {
        len = strspn(++text, digits);
        text += len;
    }
    return len != 0 && *text == '\0';
}

/* A size or a duration: 64KiB, 1h30m. */
static bool is_plain_quantity(const char *text)
{
    int64_t number;
    bool is_octal = text[0] == '0' && isdigit((unsigned char)text[1]) != 0;
    return !is_octal && strchr(text, ' ') == NULL &&
           (text_parse_size(text, &number) == 0 || text_parse_duration(text, &number) == 0);
}

/* A name, a kind, an output, a path, a type. */
static bool is_plain_word(const char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_/"
                                  "0123456789.-()";
    bool is_fit = strspn(text, letters) == strlen(text) &&
                  (isalpha((unsigned char)*text) != 0 || *text == '_' || *text == '/');
    return is_fit && !is_special_word(text);
}

static bool is_plain(const char *text)
{
    return is_plain_word(text) || is_truth_value(text) || is_plain_number(text) ||
           is_plain_quantity(text);
}

/*
 * The number of the character here if yaml_text_check() refuses it in a file, else 0: a control
 * character, an end of a line that not all programs know, a byte order mark, U+FFFE and U+FFFF.
 */
static unsigned unfit_character(const unsigned char *at)
{
    if (at[0] < 0x20 || at[0] == 0x7f)
        return at[0];
    if (at[0] == 0xc2 && at[1] < 0xa0)
        return at[1];
    if (at[0] < 0xe0 || at[0] > 0xef)
        return 0;
    unsigned character = (at[0] & 0xfu) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu);
    bool is_unfit = character == 0x2028 || character == 0x2029 || character == 0xfeff ||
                    character == 0xfffe || character == 0xffff;
    return is_unfit ? character : 0;
}

static void write_quoted(const char *text, struct buf *out)
{
    buf_add_byte(out, '"');
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        unsigned unfit = unfit_character(at);
        if (*at == '\n')
            buf_add_text(out, "\\n");
        else if (*at == '\t')
            buf_add_text(out, "\\t");
        else if (unfit > 0xff)
            buf_add_format(out, "\\u%04X", unfit);
        else if (unfit != 0)
            buf_add_format(out, "\\x%02X", unfit);
        else if (*at == '"' || *at == '\\')
            buf_add_format(out, "\\%c", *at);
        else
            buf_add_byte(out, *at);
        at += unfit > 0x7ff ? 2 : unfit > 0x7f ? 1 : 0;
    }
    buf_add_byte(out, '"');
}

static void write_text(const char *text, struct buf *out)
{
    if (is_plain(text))
        buf_add_text(out, text);
    else
        write_quoted(text, out);
}

static bool is_list_of_texts(const struct node *node)
{
    for (size_t i = 0; i < node->count; i++) {
        if (node->tag != NODE_LIST || node->items[i]->tag != NODE_SCALAR || node->items[i]->nothing)
            return false;
    }
    return true;
}

static void write_block(const struct node *node, size_t indent, struct buf *out);

/* Writes what fits on the line that was begun. Returns false if the node needs lines of its own. */
static bool write_on_line(const struct node *node, struct buf *out)
{
    if (node->tag == NODE_SCALAR) {
        if (!node->nothing) {
            buf_add_byte(out, ' ');
            write_text(node->text, out);
        }
    } else if (node->tag == NODE_MAP && node->count == 0) {
        buf_add_text(out, " {}");
    } else if (node->tag == NODE_LIST && is_list_of_texts(node)) {
        buf_add_text(out, " [");
        for (size_t i = 0; i < node->count; i++) {
            buf_add_text(out, i != 0 ? ", " : "");
            write_text(node->items[i]->text, out);
        }
        buf_add_byte(out, ']');
    } else {
        return false;
    }
    buf_add_byte(out, '\n');
    return true;
}

static void add_spaces(size_t count, struct buf *out)
{
    for (; count != 0; count--)
        buf_add_byte(out, ' ');
}

/* Behind a key. */
static void write_value(const struct node *node, size_t indent, struct buf *out)
{
    buf_add_byte(out, ':');
    if (write_on_line(node, out))
        return;
    buf_add_byte(out, '\n');
    add_spaces(indent + INDENT, out);
    write_block(node, indent + INDENT, out);
}

/* A block within an item begins on the line of the dash. */
static void write_item(const struct node *node, size_t indent, struct buf *out)
{
    buf_add_byte(out, '-');
    if (write_on_line(node, out))
        return;
    buf_add_byte(out, ' ');
    write_block(node, indent + INDENT, out);
}

/* The entries of a map or a list, whose first line is indented already. */
static void write_block(const struct node *node, size_t indent, struct buf *out)
{
    for (size_t i = 0; i < node->count; i++) {
        if (i != 0)
            add_spaces(indent, out);
        if (node->tag == NODE_LIST) {
            write_item(node->items[i], indent, out);
        } else {
            write_text(node->pairs[i].key, out);
            write_value(node->pairs[i].value, indent, out);
        }
    }
}

void yaml_write(const struct node *root, struct buf *out)
{
    REQUIRE(root->tag != NODE_SCALAR && root->count != 0);
    write_block(root, 0, out);
}
