/* SPDX-License-Identifier: MIT */
/*
 * yardstick.h - what the single-process programs of the benchmark are made of
 *
 * They do the job of a topology in one process, as a good engineer would by hand with yajl: lines
 * from a buffer in place, one parser for all of them, values as views, output in large writes. No
 * function of Bulkhead is used, so nothing that makes Bulkhead faster makes its yardstick faster.
 * What goes wrong with a file ends the program.
 */
#ifndef BULKHEAD_TESTS_BENCH_YARDSTICK_H
#define BULKHEAD_TESTS_BENCH_YARDSTICK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ends the program with exit code 1, and errno's text if there is one. */
_Noreturn void give_up(const char *what);

/* Lines of a file, read in pieces of 256 KiB. A line is valid until the next is asked for. */
struct lines {
    int fd;
    char *buffer;
    size_t capacity, start, end;
    bool at_end;
};

void lines_open(struct lines *lines, const char *path);
/*
 * The next line that is not blank, without its newline. The byte behind it may be written to. One
 * of more than a MiB is given out too. False at the end.
 */
bool lines_next(struct lines *lines, char **ret_line, size_t *ret_len);
void lines_close(struct lines *lines);

/* A file that is written in pieces of 256 KiB. */
struct output {
    int fd;
    char *buffer;
    size_t len;
};

void output_open(struct output *out, const char *path);
void output_add(struct output *out, const char *bytes, size_t len);
/* Adds a JSON string with its quotes. */
void output_add_string(struct output *out, const char *bytes, size_t len);
void output_close(struct output *out);
#define OUTPUT_ADD_LITERAL(out, text) output_add(out, text, sizeof(text) - 1)

enum member_type { MEMBER_STRING, MEMBER_NUMBER, MEMBER_OTHER };

/* A member of an object. */
struct member {
    unsigned times;
    enum member_type type;
    const char *text; /* as in the text; a string without its escapes */
    size_t len;
};

#define MEMBERS_MAX 8

/* Reads one JSON object a line, and of it the members that are asked for. */
struct objects {
    void *yajl;
    const char *const *names; /* ends with NULL */
    size_t name_len[MEMBERS_MAX];
    size_t name_count;
    struct member members[MEMBERS_MAX];
    const char *line;
    size_t line_len;
    char *unescaped; /* strings that had escapes; yajl overwrites its own */
    size_t unescaped_len, unescaped_capacity;
    unsigned depth, texts;
    int current; /* the member whose value comes next; -1: one that nobody asked for */
    bool is_object, had_escapes;
};

void objects_init(struct objects *objects, const char *const *names);
/*
 * Reads a line into objects->members. False if it is not one object, is not strict JSON in UTF-8,
 * is nested more than 32 deep, or lacks a member or has it twice.
 */
bool objects_read(struct objects *objects, char *line, size_t len);
void objects_done(struct objects *objects);

/* An amount in US dollars, "$12.34" or "USD 12.34", in cents; false if it is none. */
bool parse_cents(const char *text, size_t len, int64_t *ret_cents);

/* An RFC 3339 time in nanoseconds since 1970; false if it is none, or beyond 64 bits. */
bool parse_time(const char *text, size_t len, int64_t *ret_ns);

/* 128 bits of hash; the two of different texts are taken to be different. */
struct hash {
    uint64_t low, high;
};
struct hash hash_of(const char *a, size_t a_len, const char *b, size_t b_len);

/* Zeroed memory for a table; with huge, in pages of 2 MiB if the kernel has some. */
void *table_new(size_t bytes, bool huge);
void table_free(void *table, size_t bytes);

#endif
