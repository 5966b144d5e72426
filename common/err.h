/* SPDX-License-Identifier: MIT */
/*
 * err.h - an error is a value: a code to branch on and a text for a person
 *
 * Functions return 0 or one of these negative codes. Where a person must read the reason, the
 * function takes a `struct err *` last and fills its text; each layer above may put "while doing
 * X" in front with err_wrap(). Library code never logs and never exits.
 */
#ifndef BULKHEAD_COMMON_ERR_H
#define BULKHEAD_COMMON_ERR_H

#include "common/want.h"

#define ERR_TEXT_BYTES_MAX 768

/* code, name, meaning */
#define ERR_LIST(X)                                                                                \
    X(ERR_IO, -1, "an operation of the system failed")                                             \
    X(ERR_INVALID, -2, "the input is not of the required form")                                    \
    X(ERR_RANGE, -3, "a number or a size is out of its bounds")                                    \
    X(ERR_PROTOCOL, -4, "a peer broke the protocol")                                               \
    X(ERR_CORRUPT, -5, "a file of ours does not verify")                                           \
    X(ERR_MISMATCH, -6, "state and its surroundings do not belong together")                       \
    X(ERR_BUSY, -7, "somebody else holds it")                                                      \
    X(ERR_AGAIN, -8, "not now; nothing has happened")                                              \
    X(ERR_END, -9, "there is no more")                                                             \
    X(ERR_NOT_FOUND, -10, "there is no such thing")                                                \
    X(ERR_NO_SPACE, -11, "no space, inodes or quota; the same call may work later")                \
    X(ERR_NO_SPACE_LOST, -12, "no space for what seemed written; start from what verifies")        \
    X(ERR_UNREAD, -13, "nobody reads what is written")                                             \
    X(ERR_UNFINISHED, -14, "a part of it is done; call again for the rest")                        \
    X(ERR_TOO_HARD, -15, "it takes more work than it may")

enum err_code {
    ERR_OK = 0,
#define X(name, number, text) name = number,
    ERR_LIST(X)
#undef X
};

struct err {
    int code;
    enum want want; /* of what there was none, if that is what it was */
    char text[ERR_TEXT_BYTES_MAX];
};

/*
 * Sets code and text; a text that is too long is cut. e may be NULL.
 * Returns: code, so that a function can `return err_set(...)`.
 */
int err_set(struct err *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As err_set with ERR_IO, and appends the text of the errno it was called with; it may be a want.
 */
int err_set_errno(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * After err_set_errno() of a call that was to make something new, whose path is in dir_fd or, with
 * AT_FDCWD, whole: if it was inodes that there were none of, the want and the text say so.
 */
void err_note_new(struct err *e, int dir_fd, const char *path);

/* Puts "format: " in front of the text; the code stays. e may be NULL. Returns: e's code. */
int err_wrap(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Puts the name of a stage into the advice "--discard STAGE", which those give who do not know it.
 * Returns: e's code.
 */
int err_name_stage(struct err *e, const char *name);

/* The meaning of a code, for tests and last resorts. Never NULL. */
const char *err_meaning(int code);

#endif
