/* SPDX-License-Identifier: MIT */
#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/text.h"

static struct {
    const char *who;
    enum log_level level;
    void (*before_line)(void);
} log_state = {.who = "", .level = LOG_INFO};

static const char *const level_names[] = {
    [LOG_ERROR] = "error: ", [LOG_WARNING] = "warning: ", [LOG_INFO] = "", [LOG_DEBUG] = "debug: "};

void log_init(const char *who, enum log_level level)
{
    log_state.who = who;
    log_state.level = level;
}

bool log_enabled(enum log_level level)
{
    return level <= log_state.level;
}

void log_set_before_line(void (*before_line)(void))
{
    log_state.before_line = before_line;
}

void log_line(enum log_level level, const char *format, ...)
{
    if (!log_enabled(level))
        return;
    char text[2048];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);

    struct buf line = {0};
    if (log_state.who[0] != '\0')
        buf_add_format(&line, "%s: ", log_state.who);
    buf_add_text(&line, level_names[level]);
    text_printable(text, strlen(text), sizeof text, &line);
    buf_add_byte(&line, '\n');
    if (log_state.before_line != NULL)
        log_state.before_line();
    /* Nobody can be told that stderr is broken. */
    ssize_t ignored = write(STDERR_FILENO, line.data, line.len);
    (void)ignored;
    buf_done(&line);
}
