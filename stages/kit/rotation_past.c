/* SPDX-License-Identifier: MIT */
#include "stages/kit/rotation_past.h"

/*
 * One number for device and inode. The pair is unique; a collision of the combined number is rare.
 */
static uint64_t key_of(const struct file_identity *file)
{
    return file->inode + file->device * 0x9e3779b97f4a7c15u;
}

/* The file's place in the list; PASSED_FILES_MAX: it is not there. */
static uint32_t index_of(const struct passed_files *passed, const struct file_identity *file)
{
    uint64_t key = key_of(file);
    for (uint32_t i = 0; i < passed->count && i < PASSED_FILES_MAX; i++) {
        if (passed->keys[i] == key)
            return i;
    }
    return PASSED_FILES_MAX;
}

void rotation_past_add(struct file_past *past, const struct file_identity *file)
{
    if (file->birth_ns > past->since_ns) {
        past->since_ns = file->birth_ns;
        past->passed = (struct passed_files){0};
    }
    rotation_past_add_known(past, file);
}

void rotation_past_add_known(struct file_past *past, const struct file_identity *file)
{
    struct passed_files *passed = &past->passed;
    if (file->birth_ns != past->since_ns || passed->all ||
        index_of(passed, file) < PASSED_FILES_MAX)
        return;
    if (passed->count < PASSED_FILES_MAX)
        passed->keys[passed->count] = key_of(file);
    if (passed->count <= PASSED_FILES_MAX)
        passed->count++;
}

void rotation_past_remove(struct file_past *past, const struct file_identity *file)
{
    struct passed_files *passed = &past->passed;
    uint32_t i = index_of(passed, file);
    if (file->birth_ns != past->since_ns || i == PASSED_FILES_MAX)
        return;
    bool all_listed = passed->count <= PASSED_FILES_MAX;
    uint32_t last = (all_listed ? passed->count : PASSED_FILES_MAX) - 1;
    passed->keys[i] = passed->keys[last];
    passed->keys[last] = 0;
    if (all_listed)
        passed->count--;
}

enum passed rotation_past_has(const struct file_past *past, const struct file_identity *file)
{
    const struct passed_files *passed = &past->passed;
    if (file->birth_ns != past->since_ns)
        return file->birth_ns < past->since_ns ? PASSED : PASSED_NOT;
    if (passed->all || index_of(passed, file) < PASSED_FILES_MAX)
        return PASSED;
    return passed->count > PASSED_FILES_MAX ? PASSED_UNKNOWN : PASSED_NOT;
}

bool rotation_past_is_same(const struct file_past *a, const struct file_past *b)
{
    const struct passed_files *of_a = &a->passed, *of_b = &b->passed;
    bool same = a->since_ns == b->since_ns && a->lowest == b->lowest && of_a->all == of_b->all &&
                of_a->count == of_b->count;
    for (uint32_t i = 0; same && i < of_a->count && i < PASSED_FILES_MAX; i++) {
        bool found = false;
        for (uint32_t k = 0; k < PASSED_FILES_MAX; k++)
            found |= of_a->keys[i] == of_b->keys[k];
        same = found;
    }
    return same;
}
