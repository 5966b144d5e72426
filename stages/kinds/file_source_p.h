/* SPDX-License-Identifier: MIT */
/*
 * file_source_p.h - the parts of file.source; private to file_source*.c
 *
 * file_source.c        options, reading, acks
 * file_source_place.c  where it is in which file, as the cursor tells it
 * file_source_resume.c a new process finds that place again
 * file_source_follow.c files that others append to, rotate and truncate
 *
 * All that return an int return 0 or a code of common/err.h; ERR_IO unless said.
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

/* With follow: what the end of the file that is open means. */
enum follow_state {
    FOLLOW_OPEN,      /* there may be more */
    FOLLOW_LEAVING,   /* its writer has gone on to the next file: what there is now is all */
    FOLLOW_TRUNCATED, /* it is shorter than what was read of it */
};

/* Where the input was at its end the last time. */
struct input_end {
    seq_number seq; /* its own; 0: never */
    uint64_t line;
};

/* With follow: the last bytes that were read. If others stand there, the file was written anew. */
struct tail {
    uint8_t bytes[FILE_TAIL_BYTES];
    size_t len;
    uint64_t end; /* their offset in the file, behind the last one */
};

/*
 * How far the file that the cursor tells of was given out, which is further than it is acked; of
 * one that was just begun, its first bytes. So it is known again where it was not acked either.
 */
struct source_given {
    seq_number seq;
    uint64_t offset;
    uint32_t crc;      /* of everything before it */
    bool unterminated; /* the last record ended with the file: whoever has it has all of it */
    seq_number record; /* its seq; an end of the input may have the one behind it */
};

/* What may only seem so, while files are renamed; it is so if it stays. */
struct doubt {
    bool is;
    uint64_t since_ms, looked_ms;
};

/* What was beside the file while it was at its path. */
struct stock {
    bool waits;        /* to be taken for true when the file is still there a while later */
    uint64_t taken_ms; /* 0: never */
    struct file_past past;
    struct timespec directory_time; /* of its last change then */
};

/* The last look for a copy that goes on otherwise than the open file. */
struct cut_look {
    bool waits; /* there is one that is longer than what was read */
    struct timespec directory_time;
    uint64_t first_ms; /* the first time that the directory had this one */
};

struct file_source {
    char *path;
    int fd;
    _Atomic uint64_t *beats;
    seq_number let_go; /* the last record when others last had a turn before a long look */
    struct record_reader records;
    bool is_packed; /* they are values of msgpack */
    struct cursor cursor;
    struct source_mark at; /* behind the last record that was read */
    struct source_mark committed;
    struct source_marks marks;
    struct source_given given; /* as the cursor says; of this life, where that must not be lost */
    bool is_doubtful;          /* the file may not be the one that was read, behind proven_seq */
    seq_number proven_seq;
    bool marks_end;       /* the end of the input is given out */
    struct input_end end; /* as it is in the cursor */
    uint64_t file_bytes;  /* length of the file, as its size said when it was last looked at */

    bool follow;
    enum follow_state state;
    void (*note)(const char *text);
    int notify_fd; /* an inotify that watches the open file; -1: none */
    int watch;     /* in it */
    struct tail tail;
    seq_number peer_seq;   /* that stage downstream which has most has records up to here; */
    const char *peer_name; /* a number that it has is not given to another record */
    bool begun_anew;       /* it was found truncated, and nothing was given out since */
    struct doubt too_few;  /* there is less to read than that stage has had */
    struct doubt gap;      /* a rotated file is missing */
    struct stock stock;
    struct cut_look cut_look;
    uint64_t cut_bytes;            /* of a record that the truncated file does not have any more */
    char *trouble;                 /* what failed and is tried again; NULL: nothing */
    uint64_t lost_begin, lost_end; /* the record with the byte behind which no more is read of the
                                      file; 0: not known */
    bool noted_rest;               /* that no more is read of the file was said */
    bool noted_no_map;             /* and that there are values of msgpack that are not maps */
    bool read_fails;               /* reading does */
    bool gave_all;                 /* the last look found nothing behind what was given out */
    bool is_lost;        /* the file that the cursor tells of could not be looked for yet */
    bool noted_other;    /* a file that may be of another log was mentioned */
    char *elsewhere;     /* another directory with rotated files, which was mentioned */
    int left_fd;         /* the file that was read before this one; -1: none */
    uint64_t left_bytes; /* its length then */
};

/* --- file_source_place.c --- */

/* Whether fd is a regular file, which can be read twice. Otherwise ERR_MISMATCH. */
int file_source_check_regular(int fd, const char *path, struct stat *ret_st, struct err *e);

/* Takes the open file for the one to be read, from where `at` stands. May be ERR_MISMATCH. */
int file_source_begin(struct file_source *self, struct err *e);

/* Has the reader go on where `at` stands; what it has read is forgotten. */
void file_source_read_on(struct file_source *self);

/* Goes on at the beginning of a file, the same one or another; file_source_begin() comes next. */
void file_source_begin_again(struct file_source *self);

/* CRC of the file's bytes in [from, to), read anew. ERR_MISMATCH: it has become shorter. */
int file_source_crc(const struct file_source *self, uint64_t from, uint64_t to, uint32_t *ret_crc,
                    struct err *e);

/*
 * Whether the file ends before an offset. What can be read decides, not its size, which is 0 for
 * files of the kernel and a guess for others.
 */
int file_source_is_shorter(const struct file_source *self, uint64_t offset, bool *ret_shorter,
                           struct err *e);

/* As file_source_crc(), of bytes behind others that have the CRC `before`. */
int file_source_crc_behind(const struct file_source *self, uint32_t before, uint64_t from,
                           uint64_t to, uint32_t *ret_crc, struct err *e);

/* CRC of the last bytes before an offset, read anew. */
int file_source_tail_crc(const struct file_source *self, uint64_t offset, uint32_t *ret_crc,
                         struct err *e);

/* Takes what stands before an offset for what was read. */
int file_source_load_tail(struct file_source *self, uint64_t offset, struct err *e);

/* Adds what was read behind it. */
void file_source_add_to_tail(struct tail *tail, const uint8_t *bytes, size_t len);

/*
 * Looks whether what was read before an offset is still in the file; if not, it was truncated from
 * now on. It is called when more was read: so that is known to be behind the same bytes, whatever
 * happened to the file and when.
 */
int file_source_check_tail(struct file_source *self, uint64_t offset, struct err *e);

/* At the end of a file that could not be cut into records any more: says what was not read of it. */
void file_source_note_rest(struct file_source *self);

/* Says that nothing more of the file is read: at a start, and, from where on, when that begins. */
void file_source_note_lost(const struct file_source *self);

/* Says what is more than a dead letter of a record that is one. */
void file_source_note_fault(struct file_source *self, const struct record_cut *cut);

/*
 * There is nothing more to read now: says, once for a record, that the one in hand is too long and
 * has no end yet.
 */
void file_source_note_overlong(struct file_source *self);

/* Tells the user that the file was truncated after `offset` bytes of it were read. */
void file_source_note_truncated(const struct file_source *self, uint64_t offset);

/*
 * Where the source is, with what tells the file again. In one that was truncated what was read is
 * not there any more, which the mark says.
 */
int file_source_take_mark(struct file_source *self, struct source_mark *ret_mark, struct err *e);

/* Takes one, and keeps it for an ack to come. */
int file_source_add_mark(struct file_source *self, struct err *e);

/* Makes a mark and an end of the input the cursor, which is safe when it returns. */
int file_source_write_cursor(struct file_source *self, const struct source_mark *mark,
                             const struct input_end *end, struct err *e);

/*
 * Takes the cursor's payload for where the source is. ERR_MISMATCH: what lies before that was cut
 * into records of another format.
 */
int file_source_take_payload(struct file_source *self, const uint8_t *payload, struct err *e);

/*
 * In a file that is begun again: whether the numbers of its records are free. Those that downstream
 * has are not, and what they were is not in the file any more: ERR_MISMATCH.
 */
int file_source_check_numbers(const struct file_source *self, struct err *e);

/*
 * Has the cursor tell of the file before anything of it is given out: it may be rotated, or grow
 * until it looks like what was there before, and a new process must find this one.
 */
int file_source_remember(struct file_source *self, struct err *e);

/* --- file_source_beside.c: what lies beside the open file --- */

/* The open file as rotation.h wants it. */
struct rotation_view file_source_view(const struct file_source *self);

/*
 * With follow, ERR_IO is trouble that may pass, such as a directory that is away, a permission that
 * is not given yet, or too many open files: it is said once, and ERR_AGAIN returned. Other codes
 * come back as they are.
 */
int file_source_pass(struct file_source *self, int rc, struct err *e);

/* Nothing that lies beside the open file now comes after it. Returns 0, ERR_AGAIN, ERR_IO. */
int file_source_begin_past(struct file_source *self, struct err *e);

/*
 * Opens the file that was read before this one, if it is found and the cursor knows how long it
 * was: so records that were written to it since are not passed over without a word.
 */
void file_source_find_left(struct file_source *self);

/* --- file_source_resume.c --- */

/*
 * Opens the input, with `found` where the cursor says, and begins with it. With follow, what is not
 * there or fails may come later: the source then has no file, and self->is_lost says which it is.
 */
int file_source_open(struct file_source *self, bool found, struct err *e);

/*
 * Finds the file that the cursor tells of, and checks that it is that. ERR_MISMATCH: it is not, or
 * not there any more; e says what to do.
 */
int file_source_resume(struct file_source *self, struct err *e);

/*
 * As file_source_finish_record(), of such a record that was given out before and not acked, if others
 * have it: it comes again, and must be the same. For use before the source has gone on behind it.
 */
int file_source_check_given_record(const struct file_source *self, struct err *e);

/*
 * A last line without a newline was taken as complete, or a packed record as cut off. The line may
 * have got its newline since, which is passed over; but if it went on, what was read was half of it:
 * ERR_MISMATCH.
 */
int file_source_finish_record(struct file_source *self, struct err *e);

/* --- file_source_follow.c --- */

/*
 * Of the open file nothing was read yet: whether it was truncated after it was begun, so that all
 * it had is in a copy; then it is FOLLOW_TRUNCATED. Returns 0, ERR_AGAIN, ERR_MISMATCH, ERR_IO.
 */
int file_source_check_unread(struct file_source *self, struct err *e);

/*
 * The bytes in [from, to) were just read behind others: whether the file was cut off before that,
 * and begins again with what was read, as rotation_find_cut() tells; then it is FOLLOW_TRUNCATED.
 */
int file_source_check_cut(struct file_source *self, uint64_t from, uint64_t to, struct err *e);

/* Takes the news of the open file. All together say no more than: look again. They go before the
 * look, so that none is missed. */
void file_source_take_events(struct file_source *self);

/*
 * At the end of what is there: whether to go on in another file. Its writer must be seen there
 * before this one is read to its end for the last time.
 * Returns 0 (read again), ERR_AGAIN (there is nothing now), ERR_UNFINISHED (what was read is to be
 * given out first), or an error.
 */
int file_source_look_around(struct file_source *self, struct err *e);

/*
 * The open file is at its end for good: goes on in the next one, or in the same that was truncated.
 * Returns 0 (read again), ERR_AGAIN (not now), ERR_UNFINISHED (as above), or an error.
 */
int file_source_leave(struct file_source *self, struct err *e);

#endif
