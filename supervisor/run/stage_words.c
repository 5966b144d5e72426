/* SPDX-License-Identifier: MIT */
#include "supervisor/run/stage_words.h"

#include <string.h>
#include <unistd.h>

#include "common/log.h"

/* A stage that writes without end must not keep us from the others. This many empty a full pipe. */
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
        size_t line_len = (size_t)(newline - words->line.data), text_len = line_len;
        const char *text = (const char *)words->line.data;
        enum log_level level = log_skip_prefix(&text, &text_len);
        log_line(level, "%s: %.*s", stage, (int)text_len, text);
        buf_drop_front(&words->line, line_len + 1);
    }
    if (words->line.len > LAST_WORDS_BYTES_MAX)
        buf_reset(&words->line); /* too long for the log; `said` has its end */
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
