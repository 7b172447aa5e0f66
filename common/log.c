/* SPDX-License-Identifier: MIT
 *
 * log: one write(2) a line, so that lines of several processes on one terminal or file do not mix.
 */
#include "common/log.h"

#include "common/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 2048

static const char *const names[] = {"error", "warning", "info", "debug"};
static const char *log_role = "";
static enum log_level log_limit = LOG_WARN;

/* Sets the level from its name ("warn" is one too); what it does not know it leaves alone. */
static int level_parse(const char *name, enum log_level *level)
{
    if (strcmp(name, "warn") == 0)
        name = names[LOG_WARN];
    for (int i = LOG_ERROR; i <= LOG_DEBUG; i++) {
        if (strcmp(name, names[i]) == 0) {
            *level = (enum log_level)i;
            return 0;
        }
    }
    return -1;
}

void log_init(const char *role, enum log_level level)
{
    log_role = role;
    log_limit = level;
    const char *wanted = getenv("SHEAF_LOG");
    if (wanted != NULL && wanted[0] != '\0' && level_parse(wanted, &log_limit) != 0)
        log_warn("SHEAF_LOG=%s is no level; use error, warn, info or debug", wanted);
}

/* Blocking or interrupted writes go on; a stderr that is gone must not stop the process. */
static void write_all(const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        text += n;
        len -= (size_t)n;
    }
}

void log_at(enum log_level level, const char *fmt, ...)
{
    if (level > log_limit)
        return;
    int saved = errno;
    char line[LINE_BYTES];
    const size_t room = sizeof(line) - 1; /* the newline's place */
    int head = snprintf(line, room, "sheaf%s%s: %s: ", log_role[0] == '\0' ? "" : " ", log_role, names[level]);
    if (head > 0 && (size_t)head < room) {
        va_list ap;
        va_start(ap, fmt);
        if (vsnprintf(line + head, room - (size_t)head, fmt, ap) < 0)
            line[head] = '\0';
        va_end(ap);
    }
    text_one_line(line);
    size_t len = strlen(line);
    line[len] = '\n';
    write_all(line, len + 1);
    errno = saved;
}
