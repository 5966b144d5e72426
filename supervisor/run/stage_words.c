/* SPDX-License-Identifier: MIT */
#include "supervisor/run/stage_words.h"

#include <string.h>
#include <unistd.h>

#include "common/log.h"

/* A stage that writes without end must not be all that is listened to; its pipe holds no more. */
#define STDERR_READS_MAX 16u

void stage_words_begin(struct stage_words *words)
{
    buf_reset(&words->line);
    buf_reset(&words->said);
}

static void take(struct stage_words *words, const char *bytes, size_t len, const char *stage)
{
    buf_add(&words->said, bytes, len);
    if (words->said.len > LAST_WORDS_BYTES_MAX)
        buf_drop_front(&words->said, words->said.len - LAST_WORDS_BYTES_MAX);
    buf_add(&words->line, bytes, len);
    const uint8_t *newline;
    while ((newline = memchr(words->line.data, '\n', words->line.len)) != NULL) {
        size_t line_len = (size_t)(newline - words->line.data);
        log_line(LOG_WARNING, "%s: %.*s", stage, (int)line_len, (const char *)words->line.data);
        buf_drop_front(&words->line, line_len + 1);
    }
    if (words->line.len > LAST_WORDS_BYTES_MAX)
        buf_reset(&words->line); /* it is in what is kept, which is bounded */
}

bool stage_words_hear(struct stage_words *words, int fd, const char *stage)
{
    char bytes[4096];
    for (unsigned i = 0; i < STDERR_READS_MAX; i++) {
        ssize_t n = read(fd, bytes, sizeof bytes);
        if (n <= 0)
            return n != 0;
        take(words, bytes, (size_t)n, stage);
    }
    return true;
}

void stage_words_end(struct stage_words *words)
{
    if (words->said.len == 0)
        return;
    buf_reset(&words->last);
    buf_add(&words->last, words->said.data, words->said.len);
}

void stage_words_done(struct stage_words *words)
{
    buf_done(&words->line);
    buf_done(&words->said);
    buf_done(&words->last);
}
