/* SPDX-License-Identifier: MIT */
/*
 * file_source_p.h - the parts of file.source; private to file_source*.c
 *
 *   file_source.c         options, reading, acks
 *   file_source_place.c   the place in the file, as the cursor describes it
 *   file_source_resume.c  how a new process finds that place again
 *   file_source_beside.c  the other files of the log
 *   file_source_follow.c  files that other programs append to, rotate and truncate
 *
 * Functions that return an int return 0 or a code of common/err.h; that is ERR_IO unless stated
 * otherwise.
 */
#ifndef BULKHEAD_STAGES_KINDS_FILE_SOURCE_P_H
#define BULKHEAD_STAGES_KINDS_FILE_SOURCE_P_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "common/err.h"
#include "stages/kit/file_tail.h"
#include "stages/kit/record_reader.h"
#include "stages/kit/rotation.h"
#include "stages/kit/source_marks.h"
#include "stages/store/cursor.h"

#define SOURCE_MAGIC 0x4f534842u /* "BHSO" */

/* With follow: what the end of the open file means. */
enum follow_state {
    FOLLOW_OPEN,      /* more may come */
    FOLLOW_LEAVING,   /* its writer has moved on to the next file, so this is the end of it */
    FOLLOW_TRUNCATED, /* the file no longer holds what was read of it */
};

/* The last end of the input that was recorded. */
struct input_end {
    seq_number seq; /* its seq; 0: never */
    uint64_t line;
};

/* With follow: the last bytes that were read. If the file holds others there, it was rewritten. */
struct tail {
    uint8_t bytes[FILE_TAIL_BYTES];
    size_t len;
    uint64_t end; /* the offset where they end */
};

/*
 * How far the file of the cursor was emitted, which is further than it is acked. For a file that
 * was just begun: its first bytes. With this, the file can be recognized beyond the acked part too.
 */
struct source_given {
    seq_number seq;
    uint64_t offset;
    uint32_t crc; /* CRC-32C of everything before offset */
    /* The last record ended with the file, and stages that have it have all of it. */
    bool unterminated;
    seq_number record; /* the seq of that record; an end of the input may have the next one */
};

/*
 * A condition that may only seem to be true while files are being renamed. It counts once it has
 * lasted for a while.
 */
struct doubt {
    bool is;
    uint64_t since_ms, looked_ms;
};

/* What was next to the file while it was at its path. */
struct stock {
    bool waits;        /* it counts if the file is still there a while later */
    uint64_t taken_ms; /* 0: never */
    struct file_past past;
    struct timespec directory_time; /* time of the directory's last change then */
};

/* The last search for a copy that continues differently from the open file. */
struct cut_look {
    bool waits; /* there is a copy that is longer than what was read */
    struct timespec directory_time;
    uint64_t first_ms; /* when the directory was first seen with this time */
};

/* The last search for copies of the open file that was made when it had nothing to read. */
struct empty_look {
    struct timespec file_time; /* time of the file's last change then */
    uint64_t first_ms;         /* when the file was first seen with this time */
};

/* The source: a place in a file, and with follow what is known about the files around it. */
struct file_source {
    char *path;
    int fd;
    _Atomic uint64_t *beats;
    seq_number let_go; /* the last seq when other work last ran before a long look */
    struct record_reader records;
    bool is_packed; /* records are msgpack values */
    struct cursor cursor;
    struct source_mark at; /* after the last record that was read */
    struct source_mark committed;
    struct source_marks marks;
    /* As in the cursor; later, as of this process where it must not be lost. */
    struct source_given given;
    bool is_doubtful; /* after proven_seq, the file may not be the one that was read */
    seq_number proven_seq;
    bool marks_end;       /* the end of the input is emitted */
    struct input_end end; /* as in the cursor */
    uint64_t file_bytes;  /* the size of the file when it was last looked at */

    bool follow;
    enum follow_state state;
    void (*note)(const char *text);
    int notify_fd; /* inotify descriptor that watches the open file; -1: none */
    int watch;     /* the watch in it */
    struct tail tail;
    /* Seq up to which a stage downstream has records; the highest of all stages. */
    seq_number peer_seq;
    const char *peer_name; /* the name of that stage; no number it has is given to another record */
    bool begun_anew;       /* it was found truncated, and nothing was emitted since */
    struct doubt too_few;  /* there is less to read than that stage has */
    struct doubt gap;      /* a rotated file is missing */
    struct stock stock;
    struct cut_look cut_look;
    struct empty_look empty_look;
    /* Bytes read of a record that the truncated file no longer has. */
    uint64_t cut_bytes;
    char *trouble; /* what failed and is being retried; NULL: nothing */
    /* The record with the byte after which nothing more of the file is read; 0: unknown. */
    uint64_t lost_begin, lost_end;
    bool noted_rest;     /* the note that nothing more of the file is read was made */
    bool noted_no_map;   /* the note about msgpack values that are not maps was made */
    bool read_fails;     /* reading fails */
    bool gave_all;       /* the last look found nothing after what was emitted */
    bool is_lost;        /* the file of the cursor could not be searched for yet */
    bool noted_other;    /* the note about a file that may belong to another log was made */
    char *elsewhere;     /* another directory with rotated files, as in the last note about it */
    int left_fd;         /* the file that was read before this one; -1: none */
    uint64_t left_bytes; /* the length of that file then */
};

/* --- file_source_place.c --- */

/* Checks that fd is a regular file, which can be read twice. ERR_MISMATCH: it is not. */
int file_source_check_regular(int fd, const char *path, struct stat *ret_st, struct err *e);

/* Makes the open file the one to be read, from where `at` is. May return ERR_MISMATCH. */
int file_source_begin(struct file_source *self, struct err *e);

/* Makes the reader continue where `at` is. What it has buffered is discarded. */
void file_source_read_on(struct file_source *self);

/* Moves to the beginning of a file, the same one or another. Call file_source_begin() next. */
void file_source_begin_again(struct file_source *self);

/*
 * Computes the CRC-32C of the file's bytes in [from, to), read again. ERR_MISMATCH: the file has
 * become shorter.
 */
int file_source_crc(const struct file_source *self, uint64_t from, uint64_t to, uint32_t *ret_crc,
                    struct err *e);

/*
 * Whether the file ends before an offset. What can be read decides this, not the size, which is 0
 * for files of the kernel and a guess for others.
 */
int file_source_is_shorter(const struct file_source *self, uint64_t offset, bool *ret_shorter,
                           struct err *e);

/* Same as file_source_crc(), for bytes that follow others with the CRC `before`. */
int file_source_crc_behind(const struct file_source *self, uint32_t before, uint64_t from,
                           uint64_t to, uint32_t *ret_crc, struct err *e);

/* Computes the CRC-32C of the tail before an offset, read again. */
int file_source_tail_crc(const struct file_source *self, uint64_t offset, uint32_t *ret_crc,
                         struct err *e);

/* Loads the tail before an offset from the file, as what was read. */
int file_source_load_tail(struct file_source *self, uint64_t offset, struct err *e);

/* Adds what was read after it. */
void file_source_add_to_tail(struct tail *tail, const uint8_t *bytes, size_t len);

/*
 * Checks that the file still holds what was read before an offset. If not, it counts as truncated
 * from now on. This is called after more was read, so that the new bytes are known to follow the
 * same bytes, whatever happened to the file and when.
 */
int file_source_check_tail(struct file_source *self, uint64_t offset, struct err *e);

/*
 * At the end of a file that could no longer be cut into records: reports what was not read of it.
 */
void file_source_note_rest(struct file_source *self);

/*
 * Reports that nothing more of the file is read: at a start, and when that begins, with the offset.
 */
void file_source_note_lost(const struct file_source *self);

/* Reports what the user must know about a faulty record beyond its dead letter. */
void file_source_note_fault(struct file_source *self, const struct record_cut *cut);

/*
 * To be called when there is nothing more to read now. Reports, once per record, that the current
 * record is too long and has no end yet.
 */
void file_source_note_overlong(struct file_source *self);

/* Reports that the file was truncated after `offset` bytes of it were read. */
void file_source_note_truncated(const struct file_source *self, uint64_t offset);

/*
 * Makes a mark of where the source is, with what identifies the file. If the file was truncated, it
 * no longer holds what was read, and the mark says so.
 */
int file_source_take_mark(struct file_source *self, struct source_mark *ret_mark, struct err *e);

/* Makes a mark and keeps it for a later ack. */
int file_source_add_mark(struct file_source *self, struct err *e);

/* Writes a mark and an end of the input as the cursor, which is safe when this returns. */
int file_source_write_cursor(struct file_source *self, const struct source_mark *mark,
                             const struct input_end *end, struct err *e);

/*
 * Sets where the source is from the cursor's payload. ERR_MISMATCH: the bytes before that were cut
 * into records of another format.
 */
int file_source_take_payload(struct file_source *self, const uint8_t *payload, struct err *e);

/*
 * In a file that is read from its beginning again: checks that the numbers of its records are free.
 * If a stage downstream has them already, the file no longer shows what they were: ERR_MISMATCH.
 */
int file_source_check_numbers(const struct file_source *self, struct err *e);

/*
 * Makes the cursor describe the file before anything of it is emitted. The file may be rotated, or
 * grow until it looks like the one before it, and a new process must find this one.
 */
int file_source_remember(struct file_source *self, struct err *e);

/* --- file_source_beside.c: the files next to the open one --- */

/* The open file in the form that rotation.h needs. */
struct rotation_view file_source_view(const struct file_source *self);

/*
 * With follow, ERR_IO means trouble that may pass, such as a missing directory, a missing
 * permission, or too many open files. It is reported once, and ERR_AGAIN is returned. Other codes
 * are returned unchanged.
 */
int file_source_pass(struct file_source *self, int rc, struct err *e);

/* Notes that no file next to the open one now comes after it. Returns 0, ERR_AGAIN, ERR_IO. */
int file_source_begin_past(struct file_source *self, struct err *e);

/*
 * Opens the file that was read before this one, if it is found and the cursor holds how long it
 * was. So records that were written to it since do not go unnoticed.
 */
void file_source_find_left(struct file_source *self);

/* --- file_source_resume.c --- */

/*
 * Opens the input, with `found` at the place in the cursor, and begins with it. With follow, a file
 * that is missing or cannot be opened may come later: the source then has no file, and
 * self->is_lost says which of the two it is.
 */
int file_source_open(struct file_source *self, bool found, struct err *e);

/*
 * Finds the file of the cursor and checks that it is the same. ERR_MISMATCH: it is not, or it is
 * gone; e says what to do.
 */
int file_source_resume(struct file_source *self, struct err *e);

/*
 * Same as file_source_finish_record(), for such a record that was emitted before and not acked, if
 * a stage has it: it comes again and must be the same. For use before the source has moved past it.
 */
int file_source_check_given_record(const struct file_source *self, struct err *e);

/*
 * A last line without a newline was accepted as complete, or a packed record as cut off. If the
 * line has got its newline since, this moves past it. If it was continued, only a part of it was
 * read: ERR_MISMATCH.
 */
int file_source_finish_record(struct file_source *self, struct err *e);

/* --- file_source_follow.c --- */

/*
 * To be called when nothing of the open file was read before: finds out whether it was truncated
 * after it was begun, so that everything it had is in a copy. Then the state is FOLLOW_TRUNCATED.
 *
 *   is_empty   the file has nothing to read now; it is only checked if it has changed since the
 *              last check
 *
 * Returns 0, ERR_AGAIN, ERR_IO.
 */
int file_source_check_unread(struct file_source *self, bool is_empty, struct err *e);

/*
 * To be called when the bytes in [from, to) were just read after others: finds out whether the file
 * was truncated before that and begins with the same bytes again; see rotation_find_cut(). Then the
 * state is FOLLOW_TRUNCATED.
 */
int file_source_check_cut(struct file_source *self, uint64_t from, uint64_t to, struct err *e);

/*
 * Removes the pending events of the open file. All of them only mean: look again. To be called
 * before the look, so that no event is missed.
 */
void file_source_take_events(struct file_source *self);

/*
 * To be called at the present end of the file: finds out whether to continue in another file. The
 * writer must have been seen there before this file is read to its end for the last time.
 *
 * Returns: 0 (read again), ERR_AGAIN (there is nothing now), ERR_UNFINISHED (emit first what was
 * read), or an error.
 */
int file_source_look_around(struct file_source *self, struct err *e);

/*
 * To be called when the open file is at its final end: continues in the next file, or in the same
 * one if that was truncated.
 *
 * Returns: 0 (read again), ERR_AGAIN (not now), ERR_UNFINISHED (as above), or an error.
 */
int file_source_leave(struct file_source *self, struct err *e);

#endif
