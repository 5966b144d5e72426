/* SPDX-License-Identifier: MIT */
/*
 * err.h - errors as values: a code to branch on and a text for people
 *
 * Functions return 0 or one of these negative codes. Where people must read the reason, the
 * function takes a `struct err *` as its last argument and fills its text. Each layer above may put
 * context in front of it with err_wrap(). Library code never logs and never exits.
 */
#ifndef BULKHEAD_COMMON_ERR_H
#define BULKHEAD_COMMON_ERR_H

#include "common/want.h"

#define ERR_TEXT_BYTES_MAX 768

/* code, name, meaning */
#define ERR_LIST(X)                                                                                \
    X(ERR_IO, -1, "an operation of the system failed")                                             \
    X(ERR_INVALID, -2, "the input is not of the required form")                                    \
    X(ERR_RANGE, -3, "a number or a size is out of range")                                         \
    X(ERR_PROTOCOL, -4, "a peer broke the protocol")                                               \
    X(ERR_CORRUPT, -5, "one of our files does not verify")                                         \
    X(ERR_MISMATCH, -6, "state and its surroundings do not belong together")                       \
    X(ERR_BUSY, -7, "another process holds it")                                                    \
    X(ERR_AGAIN, -8, "not now; nothing has happened")                                              \
    X(ERR_END, -9, "there is no more")                                                             \
    X(ERR_NOT_FOUND, -10, "there is no such thing")                                                \
    X(ERR_NO_SPACE, -11, "no space, inodes or quota; the same call may work later")                \
    X(ERR_NO_SPACE_LOST, -12, "no space for what seemed written; start from what verifies")        \
    X(ERR_UNREAD, -13, "the output has no reader")                                                 \
    X(ERR_UNFINISHED, -14, "a part of it is done; call again for the rest")                        \
    X(ERR_TOO_HARD, -15, "it takes more work than is allowed")

enum err_code {
    ERR_OK = 0,
#define X(name, number, text) name = number,
    ERR_LIST(X)
#undef X
};

struct err {
    int code;
    enum want want; /* the resource that was short; WANT_NOTHING: another cause */
    char text[ERR_TEXT_BYTES_MAX];
};

/*
 * Sets code and text. A text that is too long is cut. e may be NULL.
 * Returns: code, so that a function can `return err_set(...)`.
 */
int err_set(struct err *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As err_set() with ERR_IO. Appends the text of the current errno, and sets want from it. */
int err_set_errno(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Called after err_set_errno() for a call that was to create a file, a directory or a socket. If
 * the file system has run out of inodes, sets want and text accordingly.
 *
 *   path   of the new one, relative to dir_fd (AT_FDCWD: to the current directory)
 */
void err_note_new(struct err *e, int dir_fd, const char *path);

/* Puts "format: " in front of the text and keeps the code. e may be NULL. Returns: e's code. */
int err_wrap(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Completes the advice of an error from code that did not know its stage: replaces STAGE in
 * "--discard STAGE" by a name, and adds what to do about a damaged file (ERR_CORRUPT) if the text
 * does not say it.
 * Returns: e's code.
 */
int err_name_stage(struct err *e, const char *name);

/* The meaning of a code, for tests and where there is no text. Never NULL. */
const char *err_meaning(int code);

#endif
