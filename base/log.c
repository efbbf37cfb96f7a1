/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Log lines: formatted into one buffer and written with one call, so lines of several threads do
 * not mix. */
#include "base/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/logging.h"
#include "base/utf8.h"

#define TOPIC_NAME(name, text) text,
static void (*sink)(void *user, enum log_level level, const char *message);
static void *sink_user;

static const char *const topic_names[] = {LOG_TOPICS(TOPIC_NAME)};
#undef TOPIC_NAME

static const char *const level_names[] = {"off", "error", "warn", "info", "debug", "trace"};

/* A level plus one. 0 means "not set", which is info (see log_enabled), so no initialiser is
 * needed. */
static uint8_t levels[LOG_TOPIC_COUNT];
static bool is_json_format;
static uint64_t dropped;

static int index_of(const char *name, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

int log_topic_by_name(const char *name)
{
    return index_of(name, topic_names, LOG_TOPIC_COUNT);
}

int log_level_by_name(const char *name)
{
    return index_of(name, level_names, LOG_LEVEL_TRACE + 1);
}

void log_set_topic_level(enum log_topic topic, enum log_level level)
{
    __atomic_store_n(&levels[topic], (uint8_t)(level + 1), __ATOMIC_RELAXED);
}

void log_set_level(enum log_level level)
{
    for (int topic = 0; topic < LOG_TOPIC_COUNT; topic++)
        log_set_topic_level((enum log_topic)topic, level);
}

int moq_log_set(const char *topic, const char *level)
{
    int topic_number = topic ? log_topic_by_name(topic) : 0;
    int level_number = log_level_by_name(level);
    if (topic_number < 0 || level_number < 0)
        return MOQ_ERR_INVALID;
    if (topic)
        log_set_topic_level((enum log_topic)topic_number, (enum log_level)level_number);
    else
        log_set_level((enum log_level)level_number);
    return 0;
}

void log_set_json(bool is_json)
{
    __atomic_store_n(&is_json_format, is_json, __ATOMIC_RELAXED);
}

bool log_enabled(enum log_topic topic, enum log_level level)
{
    uint8_t set = __atomic_load_n(&levels[topic], __ATOMIC_RELAXED);
    enum log_level limit = set ? (enum log_level)(set - 1) : LOG_LEVEL_INFO;
    return level <= limit;
}

uint64_t log_dropped_lines(void)
{
    return __atomic_load_n(&dropped, __ATOMIC_RELAXED);
}

void log_set_sink(void (*new_sink)(void *user, enum log_level level, const char *message),
                  void *user)
{
    sink = new_sink;
    sink_user = user;
}

/* Whether this line may be written. In the first line of a second, sets *held to the number of
 * lines that were held back before it; else to 0. */
static bool site_allows(struct log_site *site, uint32_t *held)
{
    uint64_t second = clock_monotonic_ns() / NS_PER_S;
    *held = 0;
    if (__atomic_exchange_n(&site->second, second, __ATOMIC_RELAXED) != second) {
        *held = __atomic_exchange_n(&site->held, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&site->count, 0, __ATOMIC_RELAXED);
    }
    if (__atomic_add_fetch(&site->count, 1, __ATOMIC_RELAXED) <= LOG_SITE_BURST)
        return true;
    __atomic_add_fetch(&site->held, 1, __ATOMIC_RELAXED);
    return false;
}

/* Room for the two characters that end a JSON line. */
enum { LINE_TAIL_BYTES = 2 };

/* A line under construction. It is cut to fit, but never inside a piece (an escape, a UTF-8
 * character). */
struct line {
    char text[LOG_LINE_MAX_BYTES + LINE_TAIL_BYTES + 1];
    size_t size;
    bool is_cut; /* nothing is added after the first piece that did not fit */
};

static void add_piece(struct line *line, const char *text, size_t n)
{
    if (line->is_cut || n > LOG_LINE_MAX_BYTES - line->size) {
        line->is_cut = true;
        return;
    }
    memcpy(line->text + line->size, text, n);
    line->size += n;
}

static void add_text(struct line *line, const char *text)
{
    add_piece(line, text, strlen(text));
}

/* Escapes control characters and malformed UTF-8, which a peer may have put into the text, so that
 * a log line stays one line and valid JSON. */
static void add_escaped(struct line *line, const char *text, bool is_json)
{
    for (size_t size; *text; text += size) {
        unsigned char c = (unsigned char)*text;
        char code[8];
        size = utf8_size((const unsigned char *)text);
        if (is_json && (c == '"' || c == '\\')) {
            add_piece(line, (char[]){'\\', (char)c}, 2);
        } else if (size > 0 && c >= 0x20 && c != 0x7f) {
            add_piece(line, text, size);
        } else {
            size = 1;
            snprintf(code, sizeof code, is_json ? "\\u%04x" : "\\x%02x", c);
            add_text(line, code);
        }
    }
}

static void add_time(struct line *line)
{
    uint64_t now_ms = clock_wall_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm tm;
    char text[40];
    gmtime_r(&seconds, &tm);
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + n, sizeof text - n, ".%03uZ", (unsigned)(now_ms % 1000));
    add_text(line, text);
}

static void put_line(struct line *line)
{
    line->text[line->size++] = '\n';
    struct pollfd target = {.fd = STDERR_FILENO, .events = POLLOUT};
    bool is_ready = poll(&target, 1, 0) == 1 && (target.revents & POLLOUT);
    if (!is_ready || write(STDERR_FILENO, line->text, line->size) < 0)
        __atomic_add_fetch(&dropped, 1, __ATOMIC_RELAXED);
}

static void write_line(enum log_topic topic, enum log_level level, const char *message)
{
    bool is_json = __atomic_load_n(&is_json_format, __ATOMIC_RELAXED);
    struct line line = {.size = 0};

    if (sink) {
        sink(sink_user, level, message);
        return;
    }
    add_text(&line, is_json ? "{\"time\":\"" : "");
    add_time(&line);
    add_text(&line, is_json ? "\",\"level\":\"" : " ");
    add_text(&line, level_names[level]);
    add_text(&line, is_json ? "\",\"topic\":\"" : " ");
    add_text(&line, topic_names[topic]);
    add_text(&line, is_json ? "\",\"message\":\"" : ": ");
    add_escaped(&line, message, is_json);
    if (is_json) {
        memcpy(line.text + line.size, "\"}", LINE_TAIL_BYTES);
        line.size += LINE_TAIL_BYTES;
    }
    put_line(&line);
}

void log_write(struct log_site *site, enum log_topic topic, enum log_level level,
               const char *format, ...)
{
    uint32_t held;
    if (!site_allows(site, &held))
        return;

    char message[LOG_LINE_MAX_BYTES * 3 / 4];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    write_line(topic, level, message);

    if (held > 0) {
        snprintf(message, sizeof message, "%u more lines like the last were held back", held);
        write_line(topic, level, message);
    }
}
