/* SPDX-License-Identifier: MIT */
/*
 * sim_disk.h - a disk that keeps only what was synced
 *
 * Every file and directory exists twice: as the processes see it, and as it is safe. The difference
 * is the changes that were not synced. disk_lose_power() lets the seed decide which of them
 * arrived: for a file, any length that it had since its last sync, and each sector of 512 bytes as
 * of any of the changes; for a directory, any subset of the entries made, renamed and removed.
 */
#ifndef BULKHEAD_TESTS_SIM_DISK_H
#define BULKHEAD_TESTS_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_NAME_BYTES_MAX 80u /* a digest, too */
#define DISK_ROOT 0

struct disk;

/* What is being written: nothing is noted for a power loss if the disk will never see one. */
struct disk *disk_new(bool loses_power);
void disk_free(struct disk *disk);
struct disk *disk_clone(const struct disk *disk);

/* Nodes are numbers; -1: none. */
int disk_find(const struct disk *disk, int dir, const char *name);
int disk_parent(const struct disk *disk, int node);
bool disk_is_dir(const struct disk *disk, int node);
const char *disk_name(const struct disk *disk, int node);

/*
 * When a file or directory was born, last written and last changed, in microseconds. As in kernels,
 * the times come in ticks of 4 ms.
 */
struct disk_times {
    uint64_t born_us, written_us, changed_us;
};
struct disk_times disk_times(const struct disk *disk, int node);

/* Makes a file or directory that does not exist yet. */
int disk_make(struct disk *disk, int dir, const char *name, bool is_dir);
void disk_rename(struct disk *disk, int dir, const char *from, const char *to);
void disk_remove(struct disk *disk, int dir, const char *name);

/* The entries of a directory, in no meaningful order; i counts from 0; NULL after the last. */
const char *disk_entry(const struct disk *disk, int dir, size_t i);

size_t disk_length(const struct disk *disk, int node);
const uint8_t *disk_bytes(const struct disk *disk, int node);
size_t disk_read(const struct disk *disk, int node, uint64_t offset, void *bytes, size_t len);
void disk_write(struct disk *disk, int node, uint64_t offset, const void *bytes, size_t len);
void disk_truncate(struct disk *disk, int node, uint64_t len);

/* fsync() of a file or directory. */
void disk_sync(struct disk *disk, int node);

/*
 * A sync that failed. Chance decides for each sector of a file whether it arrived. Those that did
 * not are considered clean from now on: the processes may see them or not, but no sync will save
 * them. Changes of a directory are not affected. keeps: the processes still see the sectors.
 */
void disk_sync_badly(struct disk *disk, int node, bool keeps);

/* Makes everything safe; for the files that exist before the story begins. */
void disk_sync_all(struct disk *disk);

/* Loses the power: what is safe remains, and of the rest what chance keeps. */
void disk_lose_power(struct disk *disk);

#endif
