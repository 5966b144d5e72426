/* SPDX-License-Identifier: MIT */
#include "stages/store/mapped_file.h"

#include "common/beat.h"
#include "common/file.h"

#define WINDOW_READ_BYTES (256u << 10)

void mapped_file_init(struct mapped_file *w, int fd, _Atomic uint64_t *beats, struct err *e)
{
    *w = (struct mapped_file){.fd = fd, .e = e, .beats = beats};
    w->rc = file_length(fd, &w->length, e);
}

void mapped_file_done(struct mapped_file *w)
{
    buf_done(&w->bytes);
}

const uint8_t *mapped_file_at(struct mapped_file *w, uint64_t offset, uint64_t len)
{
    if (w->rc != 0 || offset > w->length || len > w->length - offset)
        return NULL;
    if (offset >= w->start && offset + len <= w->start + w->bytes.len)
        return w->bytes.data + (offset - w->start);
    uint64_t wanted = len > WINDOW_READ_BYTES ? len : WINDOW_READ_BYTES;
    if (wanted > w->length - offset)
        wanted = w->length - offset;
    beat_once(w->beats);
    buf_reset(&w->bytes);
    w->start = offset;
    size_t got = 0;
    w->rc = file_read_at(w->fd, offset, buf_reserve(&w->bytes, (size_t)wanted), (size_t)wanted,
                         &got, w->e);
    if (w->rc == 0 && got < wanted)
        w->rc = err_set(w->e, ERR_CORRUPT, "truncated while being read (offset %llu)",
                        (unsigned long long)(offset + got));
    if (w->rc != 0)
        return NULL;
    w->bytes.len = got;
    return w->bytes.data;
}
