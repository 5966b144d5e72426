/* SPDX-License-Identifier: MIT */
#include "supervisor/run/manifest_p.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/memory.h"
#include "common/text.h"

/*
 * Versions 1 and 2 join the items of lists without escapes, version 1 has no number of the state,
 * and version 4 is the first that knows the versions of the topology. All can be read. They keep
 * their version when they are rewritten after unfinished work was done.
 */
static int format_version(const struct manifest *m)
{
    if (!m->has_plain_lists)
        return m->version_count != 0 ? MANIFEST_FORMAT : 3;
    return m->state != 0 ? 2 : 1;
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
    free(stage->left);
}

void manifest_done(struct manifest *m)
{
    for (size_t i = 0; i < m->stage_count; i++)
        stage_done(&m->stages[i]);
    for (size_t i = 0; i < m->remove_count; i++)
        free(m->removes[i]);
    for (size_t i = 0; i < m->empty_count; i++)
        free(m->empties[i].path);
    for (size_t i = 0; i < m->rename_count; i++) {
        free(m->renames[i].from);
        free(m->renames[i].to);
    }
    free(m->stages);
    free(m->versions);
    free(m->renames);
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

void manifest_set_left(struct manifest_stage *stage, const char *left)
{
    free(stage->left);
    stage->left = left != NULL && *left != '\0' ? copy(left) : NULL;
}

void manifest_add_version(struct manifest *m, const struct manifest_version *version)
{
    m->versions = memory_resize(m->versions, m->version_count + 1, sizeof *m->versions);
    m->versions[m->version_count++] = *version;
}

void manifest_add_rename(struct manifest *m, const char *from, const char *to)
{
    m->renames = memory_resize(m->renames, m->rename_count + 1, sizeof *m->renames);
    m->renames[m->rename_count++] = (struct manifest_rename){.from = copy(from), .to = copy(to)};
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
    return m->remove_count != 0 || m->rename_count != 0 || m->empty_count != 0 || m->removes_all ||
           m->claims;
}

/* Appends the rest of a line. */
static void add_rest(struct buf *out, const char *text)
{
    text_escape(text, ' ', out);
    buf_add_byte(out, '\n');
}

static void write_stage(const struct manifest_stage *stage, struct buf *out)
{
    buf_add_format(out, "stage %s %s %s %" PRIu64 "\n", stage->name, stage->kind,
                   stage->keeps ? "keeps" : "passes", stage->begins_after);
    for (size_t i = 0; i < stage->option_count; i++) {
        buf_add_text(out, "option ");
        text_escape(stage->options[i].name, ' ' + 1, out);
        buf_add_byte(out, ' ');
        add_rest(out, stage->options[i].text);
    }
    for (size_t i = 0; i < stage->gap_count; i++)
        buf_add_format(out, "gap %" PRIu64 " %" PRIu64 "\n", stage->gaps[i].first,
                       stage->gaps[i].last);
    if (stage->left != NULL) {
        buf_add_text(out, "left ");
        add_rest(out, stage->left);
    }
}

void manifest_write(const struct manifest *m, struct buf *out)
{
    size_t start = out->len;
    buf_add_format(out, MANIFEST_FIRST_LINE "%d\ntopology %s\n", format_version(m), m->topology);
    if (m->state != 0)
        buf_add_format(out, "state %" PRIu64 "\n", m->state);
    for (size_t i = 0; i < m->version_count; i++)
        buf_add_format(out, "version %" PRIu64 " %s %s %" PRId64 "\n", m->versions[i].first,
                       m->versions[i].id.text, m->versions[i].written.text, m->versions[i].number);
    for (size_t i = 0; i < m->stage_count; i++)
        write_stage(&m->stages[i], out);
    for (size_t i = 0; i < m->empty_count; i++) {
        buf_add_format(out, "empty %" PRIu64 " %" PRIu64 " %" PRIu64 " ", m->empties[i].device,
                       m->empties[i].inode, m->empties[i].length);
        add_rest(out, m->empties[i].path);
    }
    for (size_t i = 0; i < m->remove_count; i++)
        buf_add_format(out, "remove %s\n", m->removes[i]);
    for (size_t i = 0; i < m->rename_count; i++)
        buf_add_format(out, "rename %s %s\n", m->renames[i].from, m->renames[i].to);
    if (m->removes_all)
        buf_add_text(out, "remove-all\n");
    if (m->claims)
        buf_add_text(out, "claim\n");
    buf_add_format(out, "crc32c %08" PRIx32 "\n",
                   hash_crc32c(0, out->data + start, out->len - start));
}
