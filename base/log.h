/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Log lines by topic and level, as text for people or one JSON object per line, on standard error.
 *
 * The level is checked before the arguments are evaluated. A site that repeats itself is limited to
 * LOG_SITE_BURST lines per second and then says how many it held back. If standard error is full or
 * closed, the caller does not wait: the line is dropped and counted. */
#ifndef MOQ_BASE_LOG_H
#define MOQ_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/symbols.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

#define LOG_TOPICS(X)                                                                              \
    X(CORE, "core")                                                                                \
    X(QUIC, "quic")                                                                                \
    X(TLS, "tls")                                                                                  \
    X(H3, "h3")                                                                                    \
    X(SESSION, "session")                                                                          \
    X(ROUTE, "route")                                                                              \
    X(FANOUT, "fanout")                                                                            \
    X(POLICY, "policy")                                                                            \
    X(SCRIPT, "script")                                                                            \
    X(MODULE, "module")                                                                            \
    X(CONFIG, "config")                                                                            \
    X(ADMIN, "admin")                                                                              \
    X(MEDIA, "media")                                                                              \
    X(TOOL, "tool")

enum log_topic {
#define LOG_TOPIC_ENUM(name, text) LOG_##name,
    LOG_TOPICS(LOG_TOPIC_ENUM)
#undef LOG_TOPIC_ENUM
        LOG_TOPIC_COUNT
};

enum log_level {
    LOG_LEVEL_OFF,
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_TRACE
};

enum { LOG_SITE_BURST = 10, LOG_LINE_MAX_BYTES = 4000 };

struct log_site { /* private: one per place that logs */
    uint64_t second;
    uint32_t count, held;
};

/* Any thread, at any time. The defaults are level info and text. */
void log_set_level(enum log_level level); /* all topics */
void log_set_topic_level(enum log_topic topic, enum log_level level);
void log_set_json(bool is_json);

/* Gives lines to `sink` instead of standard error; NULL: not any more. For a copy of this file
 * inside somebody else's program. To be called while nothing is logged. */
void log_set_sink(void (*sink)(void *user, enum log_level level, const char *message), void *user);

/* The number of the topic or level with this name, or -1. */
int log_topic_by_name(const char *name);
int log_level_by_name(const char *name);

bool log_enabled(enum log_topic topic, enum log_level level);
uint64_t log_dropped_lines(void); /* lines that standard error did not take */

void log_write(struct log_site *site, enum log_topic topic, enum log_level level,
               const char *format, ...) __attribute__((format(printf, 4, 5)));

#define log_at(topic, level, ...)                                                                  \
    do {                                                                                           \
        static struct log_site site_;                                                              \
        if (log_enabled(topic, level))                                                             \
            log_write(&site_, topic, level, __VA_ARGS__);                                          \
    } while (0)
#define log_error(topic, ...) log_at(topic, LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(topic, ...) log_at(topic, LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(topic, ...) log_at(topic, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(topic, ...) log_at(topic, LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_trace(topic, ...) log_at(topic, LOG_LEVEL_TRACE, __VA_ARGS__)

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
