/* SPDX-License-Identifier: MIT */
#include "common/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/resource.h"
#include "common/standard_error.h"

static void (*none_function)(const char *text, size_t bytes);

void memory_on_none(void (*function)(const char *text, size_t bytes))
{
    none_function = function;
}

static _Noreturn void out_of_memory(size_t count, size_t size)
{
    char limit[RESOURCE_TEXT_BYTES], text[RESOURCE_TEXT_BYTES + 96], words[sizeof text + 16];
    resource_limit_text(ENOMEM, limit);
    (void)snprintf(text, sizeof text, "out of memory allocating %zu x %zu bytes%s", count, size,
                   limit);
    void (*function)(const char *, size_t) = none_function;
    none_function = NULL;
    if (function != NULL)
        function(text, size != 0 && count <= SIZE_MAX / size ? count * size : SIZE_MAX);
    (void)snprintf(words, sizeof words, "bulkhead: %s\n", text);
    standard_error_last_words(words);
    abort();
}

void memory_none(size_t bytes)
{
    out_of_memory(1, bytes);
}

uint64_t memory_private_bytes(void)
{
    char text[128] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        (void)close(fd);
    const char *at = n > 0 ? text : "";
    for (unsigned i = 0; i < 5 && at != NULL; i++) /* the sixth number; proc_pid_statm(5) */
        at = strchr(at, ' ') != NULL ? strchr(at, ' ') + 1 : NULL;
    return at != NULL ? strtoull(at, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

void memory_trim(void)
{
    (void)malloc_trim(0);
}

void memory_bound_private(uint64_t bytes)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_DATA, &limit) != 0)
        return;
    limit.rlim_cur =
        limit.rlim_max == RLIM_INFINITY || bytes < limit.rlim_max ? bytes : limit.rlim_max;
    (void)setrlimit(RLIMIT_DATA, &limit);
}

uint64_t memory_private_bound(void)
{
    struct rlimit limit;
    bool bound = getrlimit(RLIMIT_DATA, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return bound ? limit.rlim_cur : UINT64_MAX;
}

void *memory_new(size_t count, size_t size)
{
    void *memory = calloc(count != 0 ? count : 1, size != 0 ? size : 1);
    if (memory == NULL)
        out_of_memory(count, size);
    return memory;
}

void *memory_resize(void *memory, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        out_of_memory(count, size);
    void *resized = realloc(memory, count * size != 0 ? count * size : 1);
    if (resized == NULL)
        out_of_memory(count, size);
    return resized;
}

char *memory_dup(const void *bytes, size_t len)
{
    char *copy = memory_new(len + 1, 1);
    if (len != 0)
        memcpy(copy, bytes, len);
    return copy;
}

char *memory_format(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        out_of_memory(1, 0);
    char *text = memory_new((size_t)len + 1, 1);
    va_start(args, format);
    (void)vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}
