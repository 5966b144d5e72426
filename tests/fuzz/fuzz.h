/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h - what the fuzz targets share
 *
 * A target is tests/fuzz/NAME_fuzz.c with LLVMFuzzerTestOneInput(), which takes any bytes and
 * returns 0. A crash, a hang, a leak and what the sanitizers know are found by themselves; what else
 * is always so, it says with ALWAYS(). tests/README.md says what may lie beside it.
 */
#ifndef BULKHEAD_TESTS_FUZZ_FUZZ_H
#define BULKHEAD_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is so for every input. If not, it is said, and the input is kept as one that crashes. */
#define ALWAYS(condition) ((condition) ? (void)0 : fuzz_not_always(#condition, __FILE__, __LINE__))

static inline void fuzz_not_always(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "%s:%d: this is not always so: %s\n", file, line, condition);
    abort();
}

/* What is left of an input, for targets that take several things of it. */
struct fuzz_input {
    const uint8_t *at, *end;
};

static inline size_t fuzz_left(const struct fuzz_input *in)
{
    return (size_t)(in->end - in->at);
}

/* The next byte; 0 behind the end. */
static inline uint8_t fuzz_byte(struct fuzz_input *in)
{
    return (uint8_t)(in->at < in->end ? *in->at++ : 0);
}

/* A number of the next eight bytes, the highest first; those behind the end are 0. */
static inline uint64_t fuzz_number(struct fuzz_input *in)
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++)
        number = number << 8 | fuzz_byte(in);
    return number;
}

/* The bytes before the next newline, or before the end. */
static inline size_t fuzz_line_len(const struct fuzz_input *in)
{
    const uint8_t *newline = in->at == in->end ? NULL : memchr(in->at, '\n', fuzz_left(in));
    return newline != NULL ? (size_t)(newline - in->at) : fuzz_left(in);
}

/* Moves on behind a line of so many bytes. */
static inline void fuzz_take_line(struct fuzz_input *in, size_t len)
{
    in->at += len < fuzz_left(in) ? len + 1 : fuzz_left(in);
}

/*
 * The next line, or what is left, as a text, cut at a NUL. It lies in memory of just its size, so
 * that a sanitizer sees who reads behind it. The caller frees it.
 */
static inline char *fuzz_line(struct fuzz_input *in)
{
    size_t whole = fuzz_line_len(in), len = strnlen((const char *)in->at, whole);
    char *text = malloc(len + 1);
    ALWAYS(text != NULL);
    memcpy(text, in->at, len);
    text[len] = '\0';
    fuzz_take_line(in, whole);
    return text;
}

#endif
