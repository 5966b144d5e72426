/* SPDX-License-Identifier: MIT */
/*
 * The allocator of the simulated processes. The linker redirects their malloc() and free() to us
 * (--wrap). Everything that a process has allocated is in its list. It is freed when the process is
 * killed, and is a leak if the process ends in order. Pointers are found by hash; nothing ever
 * depends on their values.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_base.h"

void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);

/* Open addressing with tombstones; enough for all processes together. */
#define TABLE_SLOTS (1u << 16)
#define TOMBSTONE ((struct slot *)1)

struct slot {
    struct allocation link;
    struct memory_owner *owner;
};

static struct memory_owner *present;
static struct slot *table[TABLE_SLOTS];
static size_t table_used; /* with tombstones */
static struct slot *spares;

static void *checked(void *memory)
{
    if (memory == NULL) {
        (void)fputs("simulation: out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *sim_new(size_t count, size_t size)
{
    return checked(__real_calloc(count != 0 ? count : 1, size != 0 ? size : 1));
}

void *sim_resize(void *memory, size_t count, size_t size)
{
    return checked(__real_realloc(memory, count * size != 0 ? count * size : 1));
}

void sim_free(void *memory)
{
    __real_free(memory);
}

void memory_set_owner(struct memory_owner *owner)
{
    present = owner;
}

static size_t hash_of(const void *memory)
{
    uint64_t bits = (uint64_t)(uintptr_t)memory >> 4;
    return (size_t)((bits * 0x9e3779b97f4a7c15u) >> 40) % TABLE_SLOTS;
}

static struct slot **find(const void *memory)
{
    for (size_t i = hash_of(memory);; i = (i + 1) % TABLE_SLOTS) {
        if (table[i] == NULL)
            return NULL;
        if (table[i] != TOMBSTONE && table[i]->link.memory == memory)
            return &table[i];
    }
}

static void insert(struct slot *slot)
{
    size_t i = hash_of(slot->link.memory);
    while (table[i] != NULL && table[i] != TOMBSTONE)
        i = (i + 1) % TABLE_SLOTS;
    table_used += table[i] == NULL ? 1 : 0;
    table[i] = slot;
}

/* Inserts all slots again, without the tombstones. */
static void rehash(void)
{
    static struct slot *live[TABLE_SLOTS];
    size_t count = 0;
    for (size_t i = 0; i < TABLE_SLOTS; i++) {
        if (table[i] != NULL && table[i] != TOMBSTONE)
            live[count++] = table[i];
    }
    memset(table, 0, sizeof table);
    table_used = 0;
    for (size_t i = 0; i < count; i++)
        insert(live[i]);
    if (count > TABLE_SLOTS / 2)
        fail("the simulated processes have %zu allocations", count);
}

static void *track(void *memory)
{
    if (present == NULL)
        return memory;
    struct slot *slot = spares;
    if (slot != NULL)
        spares = (struct slot *)slot->link.next;
    else
        slot = sim_new(1, sizeof *slot);
    *slot = (struct slot){.link = {.next = present->first, .memory = memory}, .owner = present};
    if (present->first != NULL)
        present->first->previous = &slot->link;
    present->first = &slot->link;
    present->count++;
    if (table_used > TABLE_SLOTS / 2)
        rehash();
    insert(slot);
    return memory;
}

static void untrack(struct slot **at)
{
    struct slot *slot = *at;
    *at = TOMBSTONE;
    struct memory_owner *owner = slot->owner;
    if (slot->link.previous != NULL)
        slot->link.previous->next = slot->link.next;
    else
        owner->first = slot->link.next;
    if (slot->link.next != NULL)
        slot->link.next->previous = slot->link.previous;
    owner->count--;
    slot->link.next = (struct allocation *)spares;
    spares = slot;
}

void memory_free_all(struct memory_owner *owner)
{
    while (owner->first != NULL) {
        void *memory = owner->first->memory;
        untrack(find(memory));
        __real_free(memory);
    }
}

void *__wrap_malloc(size_t size)
{
    return track(checked(__real_calloc(1, size != 0 ? size : 1)));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return track(checked(__real_calloc(count, size)));
}

void *__wrap_realloc(void *memory, size_t size)
{
    struct slot **at = memory != NULL ? find(memory) : NULL;
    struct memory_owner *before = present;
    if (at != NULL) {
        present = (*at)->owner;
        untrack(at);
    } else if (memory != NULL) {
        present = NULL; /* it had no owner, and gets none */
    }
    void *resized = track(checked(__real_realloc(memory, size)));
    present = before;
    return resized;
}

void __wrap_free(void *memory)
{
    struct slot **at = memory != NULL ? find(memory) : NULL;
    if (at != NULL)
        untrack(at);
    __real_free(memory);
}
