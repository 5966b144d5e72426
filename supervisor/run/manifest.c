/* SPDX-License-Identifier: MIT */
#include "supervisor/run/manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/memory.h"
#include "common/text.h"

#define FIRST_LINE "bulkhead state "
/*
 * Versions 1 and 2 join the items of lists without escapes, and version 1 has no number of the
 * state. Both can be read. They keep their version when they are rewritten after unfinished work
 * was done.
 */
#define FORMAT_VERSION 3

static int format_version(const struct manifest *m)
{
    return !m->has_plain_lists ? FORMAT_VERSION : m->state != 0 ? 2 : 1;
}

static void stage_done(struct manifest_stage *stage)
{
    for (size_t i = 0; i < stage->option_count; i++) {
        free(stage->options[i].name);
        free(stage->options[i].text);
    }
    free(stage->options);
    free(stage->gaps);
    free(stage->kind);
}

void manifest_done(struct manifest *m)
{
    for (size_t i = 0; i < m->stage_count; i++)
        stage_done(&m->stages[i]);
    for (size_t i = 0; i < m->remove_count; i++)
        free(m->removes[i]);
    for (size_t i = 0; i < m->empty_count; i++)
        free(m->empties[i].path);
    free(m->stages);
    free(m->removes);
    free(m->empties);
    *m = (struct manifest){0};
}

static char *copy(const char *text)
{
    return memory_dup(text, strlen(text));
}

struct manifest_stage *manifest_add_stage(struct manifest *m, const char *name, const char *kind)
{
    m->stages = memory_resize(m->stages, m->stage_count + 1, sizeof *m->stages);
    struct manifest_stage *stage = &m->stages[m->stage_count++];
    *stage = (struct manifest_stage){.kind = copy(kind)};
    (void)snprintf(stage->name, sizeof stage->name, "%s", name);
    return stage;
}

void manifest_add_option(struct manifest_stage *stage, const char *name, const char *text)
{
    stage->options = memory_resize(stage->options, stage->option_count + 1, sizeof *stage->options);
    stage->options[stage->option_count++] =
        (struct manifest_option){.name = copy(name), .text = copy(text)};
}

void manifest_add_gap(struct manifest_stage *stage, seq_number first, seq_number last)
{
    stage->gaps = memory_resize(stage->gaps, stage->gap_count + 1, sizeof *stage->gaps);
    stage->gaps[stage->gap_count++] = (struct manifest_gap){.first = first, .last = last};
}

void manifest_add_remove(struct manifest *m, const char *name)
{
    m->removes = memory_resize(m->removes, m->remove_count + 1, sizeof *m->removes);
    m->removes[m->remove_count++] = copy(name);
}

void manifest_add_empty(struct manifest *m, const char *path, uint64_t device, uint64_t inode,
                        uint64_t length)
{
    m->empties = memory_resize(m->empties, m->empty_count + 1, sizeof *m->empties);
    m->empties[m->empty_count++] = (struct manifest_empty){
        .path = copy(path), .device = device, .inode = inode, .length = length};
}

const struct manifest_stage *manifest_find(const struct manifest *m, const char *name)
{
    for (size_t i = 0; i < m->stage_count; i++) {
        if (strcmp(m->stages[i].name, name) == 0)
            return &m->stages[i];
    }
    return NULL;
}

const char *manifest_option_text(const struct manifest_stage *stage, const char *name)
{
    for (size_t i = 0; i < stage->option_count; i++) {
        if (strcmp(stage->options[i].name, name) == 0)
            return stage->options[i].text;
    }
    return NULL;
}

bool manifest_has_work(const struct manifest *m)
{
    return m->remove_count != 0 || m->empty_count != 0 || m->removes_all || m->claims;
}

/* --- writing --- */

/* Appends any text, with backslashes, DEL and bytes below `lowest` as \xHH. */
static void add_escaped(struct buf *out, const char *text, uint8_t lowest)
{
    for (const char *at = text; *at != '\0'; at++) {
        uint8_t byte = (uint8_t)*at;
        if (byte < lowest || byte == 0x7f || byte == '\\')
            buf_add_format(out, "\\x%02x", byte);
        else
            buf_add_byte(out, byte);
    }
}

/* Appends the rest of a line. */
static void add_rest(struct buf *out, const char *text)
{
    add_escaped(out, text, ' ');
    buf_add_byte(out, '\n');
}

static void write_stage(const struct manifest_stage *stage, struct buf *out)
{
    buf_add_format(out, "stage %s %s %s %" PRIu64 "\n", stage->name, stage->kind,
                   stage->keeps ? "keeps" : "passes", stage->begins_after);
    for (size_t i = 0; i < stage->option_count; i++) {
        buf_add_text(out, "option ");
        add_escaped(out, stage->options[i].name, ' ' + 1);
        buf_add_byte(out, ' ');
        add_rest(out, stage->options[i].text);
    }
    for (size_t i = 0; i < stage->gap_count; i++)
        buf_add_format(out, "gap %" PRIu64 " %" PRIu64 "\n", stage->gaps[i].first,
                       stage->gaps[i].last);
}

void manifest_write(const struct manifest *m, struct buf *out)
{
    size_t start = out->len;
    buf_add_format(out, FIRST_LINE "%d\ntopology %s\n", format_version(m), m->topology);
    if (m->state != 0)
        buf_add_format(out, "state %" PRIu64 "\n", m->state);
    for (size_t i = 0; i < m->stage_count; i++)
        write_stage(&m->stages[i], out);
    for (size_t i = 0; i < m->empty_count; i++) {
        buf_add_format(out, "empty %" PRIu64 " %" PRIu64 " %" PRIu64 " ", m->empties[i].device,
                       m->empties[i].inode, m->empties[i].length);
        add_rest(out, m->empties[i].path);
    }
    for (size_t i = 0; i < m->remove_count; i++)
        buf_add_format(out, "remove %s\n", m->removes[i]);
    if (m->removes_all)
        buf_add_text(out, "remove-all\n");
    if (m->claims)
        buf_add_text(out, "claim\n");
    buf_add_format(out, "crc32c %08" PRIx32 "\n",
                   hash_crc32c(0, out->data + start, out->len - start));
}

/* --- reading --- */

/*
 * Takes the word up to the next space, or, if is_last, up to the end of the line. Returns NULL if
 * it is empty, or if there is a space where none should be, or the other way round.
 */
static char *take_word(char **line, bool is_last)
{
    char *word = *line;
    char *space = strchr(word, ' ');
    if (*word == '\0' || space == word || (space == NULL) != is_last)
        return NULL;
    if (space != NULL)
        *space = '\0';
    *line = space != NULL ? space + 1 : word + strlen(word);
    return word;
}

static bool take_number(char **line, bool is_last, uint64_t *ret_number)
{
    const char *word = take_word(line, is_last);
    if (word == NULL || strspn(word, "0123456789") != strlen(word) || strlen(word) > 20)
        return false;
    uint64_t number = 0;
    for (const char *at = word; *at != '\0'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (number > (UINT64_MAX - digit) / 10)
            return false;
        number = 10 * number + digit;
    }
    *ret_number = number;
    return true;
}

static bool take_seq(char **line, bool is_last, seq_number *ret_seq)
{
    return take_number(line, is_last, ret_seq) && *ret_seq <= SEQ_MAX;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes add_rest() in place. */
static bool unescape(char *text)
{
    char *to = text;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at != '\\') {
            *to++ = *at;
            continue;
        }
        int high = at[1] == 'x' ? hex_digit(at[2]) : -1;
        int low = high >= 0 ? hex_digit(at[3]) : -1;
        if (low < 0 || high * 16 + low == 0)
            return false;
        *to++ = (char)(high * 16 + low);
        at += 3;
    }
    *to = '\0';
    return true;
}

static bool read_stage(struct manifest *m, char *line)
{
    const char *name = take_word(&line, false);
    const char *kind = name != NULL ? take_word(&line, false) : NULL;
    const char *keeps = kind != NULL ? take_word(&line, false) : NULL;
    uint64_t begins_after;
    if (keeps == NULL || !take_seq(&line, true, &begins_after) || !text_is_name(name) ||
        manifest_find(m, name) != NULL ||
        (strcmp(keeps, "keeps") != 0 && strcmp(keeps, "passes") != 0))
        return false;
    struct manifest_stage *stage = manifest_add_stage(m, name, kind);
    stage->keeps = strcmp(keeps, "keeps") == 0;
    stage->begins_after = begins_after;
    return true;
}

static bool read_option(struct manifest_stage *stage, char *line)
{
    char *name = stage != NULL ? take_word(&line, false) : NULL;
    if (name == NULL || !unescape(name) || !unescape(line))
        return false;
    manifest_add_option(stage, name, line);
    return true;
}

static bool read_gap(struct manifest_stage *stage, char *line)
{
    uint64_t first, last;
    if (stage == NULL || !take_seq(&line, false, &first) || !take_seq(&line, true, &last) ||
        first == 0 || last < first)
        return false;
    manifest_add_gap(stage, first, last);
    return true;
}

static bool read_empty(struct manifest *m, char *line)
{
    uint64_t device, inode, length;
    if (!take_number(&line, false, &device) || !take_number(&line, false, &inode) ||
        !take_number(&line, false, &length) || length > INT64_MAX || *line != '/' ||
        !unescape(line))
        return false;
    manifest_add_empty(m, line, device, inode, length);
    return true;
}

/* Reads one line after the first. */
static bool read_line(struct manifest *m, char *line)
{
    struct manifest_stage *last = m->stage_count != 0 ? &m->stages[m->stage_count - 1] : NULL;
    if (strcmp(line, "remove-all") == 0)
        return m->removes_all = true;
    if (strcmp(line, "claim") == 0)
        return m->claims = m->state != 0;
    const char *word = take_word(&line, false);
    if (word == NULL)
        return false;
    if (strcmp(word, "topology") == 0) {
        if (m->topology[0] != '\0' || !text_is_name(line))
            return false;
        (void)snprintf(m->topology, sizeof m->topology, "%s", line);
        return true;
    }
    if (strcmp(word, "state") == 0)
        return m->state == 0 && take_number(&line, true, &m->state) && m->state != 0;
    if (strcmp(word, "stage") == 0)
        return read_stage(m, line);
    if (strcmp(word, "option") == 0)
        return read_option(last, line);
    if (strcmp(word, "gap") == 0)
        return read_gap(last, line);
    if (strcmp(word, "empty") == 0)
        return read_empty(m, line);
    if (strcmp(word, "remove") != 0 || !text_is_name(line))
        return false;
    manifest_add_remove(m, line);
    return true;
}

/* Checks the last line, the checksum of all before it. Returns where it begins; 0: a mismatch. */
static size_t check_crc(const uint8_t *text, size_t len)
{
    enum { LAST_LINE_BYTES = sizeof "crc32c 00000000\n" - 1 };
    char wanted[LAST_LINE_BYTES + 1];
    if (len <= LAST_LINE_BYTES)
        return 0;
    (void)snprintf(wanted, sizeof wanted, "crc32c %08" PRIx32 "\n",
                   hash_crc32c(0, text, len - LAST_LINE_BYTES));
    return memcmp(text + len - LAST_LINE_BYTES, wanted, LAST_LINE_BYTES) == 0
               ? len - LAST_LINE_BYTES
               : 0;
}

static int read_first(struct manifest *m, const char *line, struct err *e)
{
    int64_t version;
    size_t len = strlen(FIRST_LINE);
    if (strncmp(line, FIRST_LINE, len) != 0 || text_parse_int(line + len, &version) != 0)
        return err_set(e, ERR_CORRUPT, MANIFEST_FILE ":1: it does not begin with '" FIRST_LINE "'");
    if (version < 1 || version > FORMAT_VERSION)
        return err_set(e, ERR_MISMATCH,
                       MANIFEST_FILE ":1: format version %" PRId64
                                     "; this bulkhead reads up to version %d: use the one that "
                                     "wrote it, or another state directory",
                       version, FORMAT_VERSION);
    m->has_plain_lists = version < 3;
    return 0;
}

int manifest_read(const uint8_t *text, size_t len, struct manifest *ret_manifest, struct err *e)
{
    struct manifest m = {0};
    size_t end = check_crc(text, len);
    if (end == 0 || memchr(text, '\0', len) != NULL || text[end - 1] != '\n')
        return err_set(e, ERR_CORRUPT, MANIFEST_FILE ": it does not verify");
    char *copied = memory_dup((const char *)text, end);
    int rc = 0;
    unsigned number = 0;
    char *next;
    for (char *line = copied; rc == 0 && *line != '\0'; line = next) {
        char *newline = strchr(line, '\n');
        *newline = '\0';
        next = newline + 1;
        if (++number == 1)
            rc = read_first(&m, line, e);
        else if (!read_line(&m, line))
            rc = err_set(e, ERR_CORRUPT, MANIFEST_FILE ":%u: this is not a valid line", number);
    }
    if (rc == 0 && m.topology[0] == '\0')
        rc = err_set(e, ERR_CORRUPT, MANIFEST_FILE ": it names no topology");
    free(copied);
    if (rc == 0)
        *ret_manifest = m;
    else
        manifest_done(&m);
    return rc;
}
