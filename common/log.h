/* SPDX-License-Identifier: MIT
 *
 * log: one line a call on stderr, "sheaf broker: warning: ..."; quiet below the chosen level.
 */
#ifndef SHEAF_COMMON_LOG_H
#define SHEAF_COMMON_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* role: the word after "sheaf" (static storage). Default level LOG_WARN; $SHEAF_LOG overrides it. */
void log_init(const char *role, enum log_level level);
void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

#endif
