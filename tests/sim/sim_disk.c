/* SPDX-License-Identifier: MIT */
#include "tests/sim/sim_disk.h"

#include <stdio.h>
#include <string.h>

#include "tests/sim/sim_base.h"

#define SECTOR_BYTES 512u

struct bytes {
    uint8_t *data;
    size_t len;
    size_t capacity;
};

/* A change of a file: a write, or a new length if data is NULL. */
struct file_change {
    uint64_t offset;
    uint8_t *data;
    size_t len;
    size_t length_after;
};

struct entry {
    char name[DISK_NAME_BYTES_MAX];
    int node;
};

struct entries {
    struct entry *items;
    size_t count;
    size_t capacity;
};

/* A change of a directory: remove `from` if it is not "", then let `to` be node if it is not "". */
struct dir_change {
    char from[DISK_NAME_BYTES_MAX];
    char to[DISK_NAME_BYTES_MAX];
    int node;
};

struct node {
    bool is_dir;
    bool lost_some; /* after a failed sync, what is seen differs from what will be safe */
    int parent;
    struct disk_times times;
    char name[DISK_NAME_BYTES_MAX]; /* its last name, for the trace */
    struct bytes seen, safe;
    struct file_change *changes;
    size_t change_count, change_capacity;
    struct entries seen_entries, safe_entries;
    struct dir_change *dir_changes;
    size_t dir_change_count, dir_change_capacity;
};

struct disk {
    bool loses_power;
    struct node *nodes;
    size_t count;
    size_t capacity;
};

/* --- bytes --- */

static void bytes_set_len(struct bytes *b, size_t len)
{
    if (len > b->capacity) {
        size_t capacity = b->capacity != 0 ? b->capacity : 256;
        while (capacity < len)
            capacity *= 2;
        b->data = sim_resize(b->data, capacity, 1);
        b->capacity = capacity;
    }
    if (len > b->len)
        memset(b->data + b->len, 0, len - b->len);
    b->len = len;
}

static void bytes_write(struct bytes *b, uint64_t offset, const uint8_t *data, size_t len)
{
    if (offset + len > b->len)
        bytes_set_len(b, (size_t)offset + len);
    if (len != 0)
        memcpy(b->data + offset, data, len);
}

static struct bytes bytes_copy(const struct bytes *b)
{
    struct bytes copy = {0};
    if (b->len != 0)
        bytes_write(&copy, 0, b->data, b->len);
    return copy;
}

static void apply(struct bytes *b, const struct file_change *change)
{
    if (change->data == NULL)
        bytes_set_len(b, (size_t)change->offset);
    else
        bytes_write(b, change->offset, change->data, change->len);
}

/* --- entries --- */

static struct entry *entries_find(const struct entries *e, const char *name)
{
    for (size_t i = 0; i < e->count; i++) {
        if (strcmp(e->items[i].name, name) == 0)
            return &e->items[i];
    }
    return NULL;
}

static void entries_apply(struct entries *e, const struct dir_change *change)
{
    struct entry *gone = change->from[0] != '\0' ? entries_find(e, change->from) : NULL;
    if (gone != NULL)
        *gone = e->items[--e->count];
    if (change->to[0] == '\0')
        return;
    struct entry *there = entries_find(e, change->to);
    if (there == NULL) {
        if (e->count == e->capacity) {
            e->capacity = e->capacity != 0 ? 2 * e->capacity : 8;
            e->items = sim_resize(e->items, e->capacity, sizeof *e->items);
        }
        there = &e->items[e->count++];
        memcpy(there->name, change->to, sizeof there->name);
    }
    there->node = change->node;
}

static struct entries entries_copy(const struct entries *e)
{
    struct entries copy = {.count = e->count, .capacity = e->count};
    if (e->count != 0) {
        copy.items = sim_new(e->count, sizeof *copy.items);
        memcpy(copy.items, e->items, e->count * sizeof *copy.items);
    }
    return copy;
}

/* --- the disk --- */

static uint64_t tick_us(void)
{
    return sim_report.now_us / 4000 * 4000;
}

struct disk_times disk_times(const struct disk *disk, int node)
{
    return disk->nodes[node].times;
}

static int add_node(struct disk *disk, int parent, const char *name, bool is_dir)
{
    if (disk->count == disk->capacity) {
        disk->capacity = disk->capacity != 0 ? 2 * disk->capacity : 32;
        disk->nodes = sim_resize(disk->nodes, disk->capacity, sizeof *disk->nodes);
    }
    struct node *node = &disk->nodes[disk->count];
    *node = (struct node){.is_dir = is_dir, .parent = parent};
    node->times = (struct disk_times){tick_us(), tick_us(), tick_us()};
    (void)snprintf(node->name, sizeof node->name, "%s", name);
    return (int)disk->count++;
}

struct disk *disk_new(bool loses_power)
{
    struct disk *disk = sim_new(1, sizeof *disk);
    disk->loses_power = loses_power;
    (void)add_node(disk, DISK_ROOT, "", true);
    return disk;
}

static void forget_changes(struct node *node)
{
    for (size_t i = 0; i < node->change_count; i++)
        sim_free(node->changes[i].data);
    node->change_count = 0;
    node->dir_change_count = 0;
}

void disk_free(struct disk *disk)
{
    if (disk == NULL)
        return;
    for (size_t i = 0; i < disk->count; i++) {
        struct node *node = &disk->nodes[i];
        forget_changes(node);
        sim_free(node->changes);
        sim_free(node->dir_changes);
        sim_free(node->seen.data);
        sim_free(node->safe.data);
        sim_free(node->seen_entries.items);
        sim_free(node->safe_entries.items);
    }
    sim_free(disk->nodes);
    sim_free(disk);
}

struct disk *disk_clone(const struct disk *disk)
{
    struct disk *copy = sim_new(1, sizeof *copy);
    *copy = *disk;
    copy->capacity = disk->count;
    copy->nodes = sim_new(disk->count, sizeof *copy->nodes);
    for (size_t i = 0; i < disk->count; i++) {
        const struct node *from = &disk->nodes[i];
        struct node *to = &copy->nodes[i];
        *to = *from;
        to->seen = bytes_copy(&from->seen);
        to->safe = bytes_copy(&from->safe);
        to->seen_entries = entries_copy(&from->seen_entries);
        to->safe_entries = entries_copy(&from->safe_entries);
        to->changes = sim_new(from->change_count, sizeof *to->changes);
        to->change_capacity = from->change_count;
        for (size_t k = 0; k < from->change_count; k++) {
            to->changes[k] = from->changes[k];
            if (from->changes[k].data == NULL)
                continue;
            to->changes[k].data = sim_new(from->changes[k].len, 1);
            memcpy(to->changes[k].data, from->changes[k].data, from->changes[k].len);
        }
        to->dir_changes = sim_new(from->dir_change_count, sizeof *to->dir_changes);
        to->dir_change_capacity = from->dir_change_count;
        if (from->dir_change_count != 0)
            memcpy(to->dir_changes, from->dir_changes,
                   from->dir_change_count * sizeof *to->dir_changes);
    }
    return copy;
}

int disk_find(const struct disk *disk, int dir, const char *name)
{
    const struct entry *entry = entries_find(&disk->nodes[dir].seen_entries, name);
    return entry != NULL ? entry->node : -1;
}

int disk_parent(const struct disk *disk, int node)
{
    return disk->nodes[node].parent;
}

bool disk_is_dir(const struct disk *disk, int node)
{
    return disk->nodes[node].is_dir;
}

const char *disk_name(const struct disk *disk, int node)
{
    return disk->nodes[node].name;
}

static void change_dir(struct disk *disk, int dir, const char *from, const char *to, int child)
{
    struct dir_change change = {.node = child};
    (void)snprintf(change.from, sizeof change.from, "%s", from);
    (void)snprintf(change.to, sizeof change.to, "%s", to);
    struct node *node = &disk->nodes[dir];
    entries_apply(&node->seen_entries, &change);
    node->times.written_us = node->times.changed_us = tick_us();
    if (!disk->loses_power)
        return;
    if (node->dir_change_count == node->dir_change_capacity) {
        node->dir_change_capacity =
            node->dir_change_capacity != 0 ? 2 * node->dir_change_capacity : 8;
        node->dir_changes =
            sim_resize(node->dir_changes, node->dir_change_capacity, sizeof *node->dir_changes);
    }
    node->dir_changes[node->dir_change_count++] = change;
}

int disk_make(struct disk *disk, int dir, const char *name, bool is_dir)
{
    int node = add_node(disk, dir, name, is_dir);
    change_dir(disk, dir, "", name, node);
    return node;
}

void disk_rename(struct disk *disk, int dir, const char *from, const char *to)
{
    int node = disk_find(disk, dir, from);
    change_dir(disk, dir, from, to, node);
    (void)snprintf(disk->nodes[node].name, DISK_NAME_BYTES_MAX, "%s", to);
    disk->nodes[node].times.changed_us = tick_us();
}

void disk_remove(struct disk *disk, int dir, const char *name)
{
    change_dir(disk, dir, name, "", -1);
}

const char *disk_entry(const struct disk *disk, int dir, size_t i)
{
    const struct entries *e = &disk->nodes[dir].seen_entries;
    return i < e->count ? e->items[i].name : NULL;
}

size_t disk_length(const struct disk *disk, int node)
{
    return disk->nodes[node].seen.len;
}

const uint8_t *disk_bytes(const struct disk *disk, int node)
{
    return disk->nodes[node].seen.data;
}

size_t disk_read(const struct disk *disk, int node, uint64_t offset, void *bytes, size_t len)
{
    const struct bytes *seen = &disk->nodes[node].seen;
    if (offset >= seen->len)
        return 0;
    size_t got = seen->len - (size_t)offset < len ? seen->len - (size_t)offset : len;
    memcpy(bytes, seen->data + offset, got);
    return got;
}

/* A sector is written as a whole, with the parts of it that a failed sync has lost. */
static void widen_to_sectors(const struct node *node, struct file_change *change)
{
    uint64_t end = change->offset + change->len + SECTOR_BYTES - 1;
    end -= end % SECTOR_BYTES;
    if (end > node->seen.len)
        end = node->seen.len;
    change->offset -= change->offset % SECTOR_BYTES;
    change->len = (size_t)(end - change->offset);
    change->data = node->seen.data + change->offset;
}

static void change_file(struct disk *disk, int number, struct file_change change)
{
    struct node *node = &disk->nodes[number];
    apply(&node->seen, &change);
    node->times.written_us = node->times.changed_us = tick_us();
    if (!disk->loses_power)
        return;
    if (node->lost_some && change.data != NULL)
        widen_to_sectors(node, &change);
    if (node->change_count == node->change_capacity) {
        node->change_capacity = node->change_capacity != 0 ? 2 * node->change_capacity : 8;
        node->changes = sim_resize(node->changes, node->change_capacity, sizeof *node->changes);
    }
    if (change.data != NULL) {
        uint8_t *copy = sim_new(change.len, 1);
        memcpy(copy, change.data, change.len);
        change.data = copy;
    }
    change.length_after = node->seen.len;
    node->changes[node->change_count++] = change;
}

void disk_write(struct disk *disk, int node, uint64_t offset, const void *bytes, size_t len)
{
    if (len != 0)
        change_file(disk, node,
                    (struct file_change){.offset = offset, .data = (uint8_t *)bytes, .len = len});
}

void disk_truncate(struct disk *disk, int node, uint64_t len)
{
    if (len != disk->nodes[node].seen.len)
        change_file(disk, node, (struct file_change){.offset = len});
}

void disk_sync(struct disk *disk, int number)
{
    struct node *node = &disk->nodes[number];
    if (!disk->loses_power)
        return;
    /* Not a copy of what is seen: what a failed sync has lost is seen, but never written. */
    for (size_t i = 0; i < node->change_count; i++)
        apply(&node->safe, &node->changes[i]);
    for (size_t i = 0; i < node->dir_change_count; i++)
        entries_apply(&node->safe_entries, &node->dir_changes[i]);
    forget_changes(node);
}

/* One sector of a file after its first `changes` changes since the sync; the rest is zero. */
static void sector_as_of(const struct node *node, size_t sector, size_t changes,
                         uint8_t out[SECTOR_BYTES])
{
    uint64_t begin = (uint64_t)sector * SECTOR_BYTES;
    uint64_t end = begin + SECTOR_BYTES;
    memset(out, 0, SECTOR_BYTES);
    if (begin < node->safe.len)
        memcpy(out, node->safe.data + begin,
               node->safe.len < end ? node->safe.len - (size_t)begin : SECTOR_BYTES);
    for (size_t i = 0; i < changes; i++) {
        const struct file_change *change = &node->changes[i];
        uint64_t from = change->offset > begin ? change->offset : begin;
        uint64_t to = change->data == NULL ? end : change->offset + change->len;
        if (to > end)
            to = end;
        if (from >= to)
            continue;
        if (change->data == NULL)
            memset(out + (from - begin), 0, (size_t)(to - from));
        else
            memcpy(out + (from - begin), change->data + (from - change->offset),
                   (size_t)(to - from));
    }
}

/* What is left of a file. keep_one_in: 0 keeps no changes, 1 all, other values a random part. */
static struct bytes what_arrived(const struct node *node, unsigned keep_one_in)
{
    size_t count = node->change_count;
    size_t len_as_of = keep_one_in == 1 ? count : keep_one_in == 0 ? 0 : chance_below(count + 1);
    size_t len = len_as_of == 0 ? node->safe.len : node->changes[len_as_of - 1].length_after;
    struct bytes arrived = {0};
    for (size_t sector = 0; sector * SECTOR_BYTES < len; sector++) {
        uint8_t bytes[SECTOR_BYTES];
        size_t as_of = keep_one_in == 1 ? count : keep_one_in == 0 ? 0 : chance_below(count + 1);
        size_t left = len - sector * SECTOR_BYTES;
        sector_as_of(node, sector, as_of, bytes);
        bytes_write(&arrived, sector * SECTOR_BYTES, bytes,
                    left < SECTOR_BYTES ? left : SECTOR_BYTES);
    }
    return arrived;
}

void disk_sync_badly(struct disk *disk, int number, bool keeps)
{
    struct node *node = &disk->nodes[number];
    /* Entries are in a journal, not in pages, so none are considered clean. */
    if (!disk->loses_power || node->is_dir)
        return;
    struct bytes arrived = what_arrived(node, (unsigned)chance_below(3));
    sim_free(node->safe.data);
    node->safe = arrived;
    node->lost_some = true;
    if (!keeps && chance_one_in(2)) {
        sim_free(node->seen.data);
        node->seen = bytes_copy(&arrived);
    }
    forget_changes(node);
}

void disk_sync_all(struct disk *disk)
{
    for (size_t i = 0; i < disk->count; i++)
        disk_sync(disk, (int)i);
}

void disk_lose_power(struct disk *disk)
{
    unsigned keep_one_in = (unsigned)chance_below(4); /* 0: none, 1: all, more: some */
    for (size_t i = 0; i < disk->count; i++) {
        struct node *node = &disk->nodes[i];
        struct bytes arrived = what_arrived(node, keep_one_in);
        for (size_t k = 0; k < node->dir_change_count; k++) {
            if (keep_one_in == 1 || (keep_one_in > 1 && chance_one_in(2)))
                entries_apply(&node->safe_entries, &node->dir_changes[k]);
        }
        forget_changes(node);
        sim_free(node->seen.data);
        sim_free(node->safe.data);
        node->safe = arrived;
        node->seen = bytes_copy(&arrived);
        node->lost_some = false;
        sim_free(node->seen_entries.items);
        node->seen_entries = entries_copy(&node->safe_entries);
    }
}
