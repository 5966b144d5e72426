/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/memory.h"
#include "common/text.h"
#include "supervisor/run/manifest_p.h"

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

static bool read_left(struct manifest_stage *stage, char *line)
{
    if (stage == NULL || stage->left != NULL || *line == '\0' || !unescape(line))
        return false;
    manifest_set_left(stage, line);
    return true;
}

static bool take_digest(char **line, struct digest *ret_digest)
{
    const char *word = take_word(line, false);
    if (word == NULL || !digest_is_one(word))
        return false;
    memcpy(ret_digest->text, word, sizeof ret_digest->text);
    return true;
}

static bool read_version(struct manifest *m, char *line)
{
    struct manifest_version version;
    uint64_t number;
    if (!take_seq(&line, false, &version.first) || !take_digest(&line, &version.id) ||
        !take_digest(&line, &version.written) || !take_number(&line, true, &number) ||
        number > INT32_MAX || version.first == 0 ||
        (m->version_count != 0 && version.first <= m->versions[m->version_count - 1].first))
        return false;
    version.number = (int64_t)number;
    manifest_add_version(m, &version);
    return true;
}

static bool read_rename(struct manifest *m, char *line)
{
    const char *from = take_word(&line, false);
    const char *to = from != NULL ? take_word(&line, true) : NULL;
    if (to == NULL || !text_is_name(from) || !text_is_name(to) || strcmp(from, to) == 0)
        return false;
    manifest_add_rename(m, from, to);
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
    if (strcmp(word, "left") == 0)
        return read_left(last, line);
    if (strcmp(word, "version") == 0)
        return read_version(m, line);
    if (strcmp(word, "rename") == 0)
        return read_rename(m, line);
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
    size_t len = strlen(MANIFEST_FIRST_LINE);
    if (strncmp(line, MANIFEST_FIRST_LINE, len) != 0 || text_parse_int(line + len, &version) != 0)
        return err_set(e, ERR_CORRUPT,
                       MANIFEST_FILE ":1: it does not begin with '" MANIFEST_FIRST_LINE "'");
    if (version < 1 || version > MANIFEST_FORMAT)
        return err_set(e, ERR_MISMATCH,
                       MANIFEST_FILE ":1: format version %" PRId64
                                     "; this bulkhead reads up to version %d: use the one that "
                                     "wrote it, or another state directory",
                       version, MANIFEST_FORMAT);
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
