/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Viewers as JSON. An answer may be shorter than asked for, because it is full or because workers
 * are busy; then `next` says where the next one begins.
 * Tested by tests/e2e/test_viewers.py. */
#include "server/admin/viewers.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/utf8.h"
#include "server/config/config.h"

enum { FIRST_ROOM_BYTES = 16 << 10, TAIL_BYTES = 64 };

struct writer {
    char *text;
    size_t used, room;
    size_t count, limit; /* of viewers */
    uint64_t wall_ms;
    bool is_full;
};

/* ---- Text ------------------------------------------------------------------------------------ */

/* Room for `n` bytes and a zero, and for the tail that ends the page. */
static bool make_room(struct writer *writer, size_t n)
{
    size_t wanted = writer->used + n + TAIL_BYTES, room = writer->room;
    if (wanted <= room)
        return true;
    while (room < wanted)
        room = room ? 2 * room : FIRST_ROOM_BYTES;
    char *text = room <= VIEWERS_ANSWER_MAX_BYTES ? realloc(writer->text, room) : NULL;
    writer->is_full |= text == NULL;
    if (!text)
        return false;
    writer->text = text;
    writer->room = room;
    return true;
}

static void add_bytes(struct writer *writer, const char *text, size_t n)
{
    if (writer->is_full || !make_room(writer, n))
        return;
    memcpy(writer->text + writer->used, text, n);
    writer->used += n;
}

__attribute__((format(printf, 2, 3))) static void add(struct writer *writer, const char *format,
                                                      ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    add_bytes(writer, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

/* As a JSON string. Names come from outside: control characters are escaped, and what is no UTF-8
 * becomes the replacement character. */
static void add_string(struct writer *writer, const char *text)
{
    add_bytes(writer, "\"", 1);
    for (size_t size; *text; text += size) {
        unsigned char c = (unsigned char)*text;
        size = utf8_size((const unsigned char *)text);
        if (c == '"' || c == '\\')
            add(writer, "\\%c", c);
        else if (size == 0)
            add(writer, "\\ufffd");
        else if (c < 0x20)
            add(writer, "\\u%04x", c);
        else
            add_bytes(writer, text, size);
        size = size ? size : 1;
    }
    add_bytes(writer, "\"", 1);
}

static void add_member(struct writer *writer, const char *name, const char *text)
{
    add(writer, ",\"%s\":", name);
    add_string(writer, text);
}

static void add_time(struct writer *writer, const char *name, uint64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    char text[40];
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    add_member(writer, name, text);
}

/* ---- One viewer ------------------------------------------------------------------------------ */

static const char *protocol_name(enum quic_protocol protocol)
{
    return protocol == QUIC_PROTOCOL_WEBTRANSPORT ? "webtransport" : "quic";
}

static void add_who(struct writer *writer, const struct core_viewer_row *row)
{
    add(writer, "{\"viewer\":%llu,\"peer\":%llu,\"worker\":%u", (unsigned long long)row->number,
        (unsigned long long)row->peer, row->worker);
    add_member(writer, "address", row->address);
    add_member(writer, "identity", row->identity);
    add_member(writer, "protocol", protocol_name(row->protocol));
    add(writer, ",\"version\":%u", row->version);
    add_member(writer, "path", row->path);
    add_member(writer, "track", row->track);
    add_time(writer, "since", writer->wall_ms - row->watched_ns / NS_PER_MS);
}

static void add_numbers(struct writer *writer, const struct core_viewer_row *row)
{
#define NUMBER(name, value) add(writer, ",\"" name "\":%llu", (unsigned long long)(value))
    NUMBER("watched_ms", row->watched_ns / NS_PER_MS);
    NUMBER("delay_ms", row->lag_ns / NS_PER_MS);
    NUMBER("backlog_bytes", row->backlog_bytes);
    NUMBER("rate_bps", row->rate_bps);
    NUMBER("rtt_us", row->rtt_ns / 1000);
    NUMBER("groups_sent", row->groups_sent);
    NUMBER("groups_skipped", row->groups_skipped);
    NUMBER("groups_reset", row->groups_reset);
    NUMBER("bytes_sent", row->bytes_sent);
#undef NUMBER
}

/* A word, or how long ago the group was the newest with which it began. */
static void add_start(struct writer *writer, uint64_t start_ns)
{
    char text[32];
    snprintf(text, sizeof text, "%llums", (unsigned long long)(start_ns / NS_PER_MS));
    add_member(writer, "start",
               start_ns == MOQ_START_NEWEST   ? "newest"
               : start_ns == MOQ_START_OLDEST ? "oldest"
               : start_ns == MOQ_START_NEXT   ? "next"
                                              : text);
}

static void add_policy(struct writer *writer, const struct core_viewer_row *row)
{
    add(writer, ",\"policy\":{\"latency_ms\":%llu,\"priority\":%u,\"order\":\"%s\"",
        (unsigned long long)(row->policy.latency_ns / NS_PER_MS), row->policy.priority,
        row->policy.order == MOQ_ORDER_OLDEST ? "oldest" : "newest");
    add(writer, ",\"rate_bps\":%llu,\"identity_rate_bps\":%llu",
        (unsigned long long)row->policy.rate_bps, (unsigned long long)row->policy.shared_rate_bps);
    add_start(writer, row->policy.start_ns);
    add(writer, "},\"set_by\":{\"latency\":");
    add_string(writer, row->latency_by);
    add_member(writer, "priority", row->priority_by);
    add_member(writer, "order", row->order_by);
    add_member(writer, "rate", row->rate_by);
    add_member(writer, "identity_rate", row->identity_rate_by);
    add_member(writer, "start", row->start_by);
    if (row->rendition_by[0])
        add_member(writer, "rendition", row->rendition_by);
    add(writer, "}}");
}

/* A viewer for which there is no room is taken back, and is the first of the next answer. */
static bool add_viewer(void *user, const struct core_viewer_row *row)
{
    struct writer *writer = user;
    size_t before = writer->used;
    if (writer->count == writer->limit)
        return false;
    add(writer, "%s\n", writer->count ? "," : "");
    add_who(writer, row);
    add_numbers(writer, row);
    add_policy(writer, row);
    if (writer->is_full) {
        writer->used = before;
        return false;
    }
    writer->count++;
    return true;
}

/* ---- The page -------------------------------------------------------------------------------- */

/* The number with which `text` begins. Returns what follows; NULL: it is none, or over `most`. */
static const char *read_number(const char *text, uint64_t most, uint64_t *number)
{
    const char *digit = text;
    for (*number = 0; *digit >= '0' && *digit <= '9'; digit++) {
        unsigned value = (unsigned)(*digit - '0');
        if (*number > (most - value) / 10)
            return NULL;
        *number = *number * 10 + value;
    }
    return digit > text ? digit : NULL;
}

/* Of the form worker-place. */
static bool read_place(const char *text, struct core_place *place)
{
    uint64_t worker;
    const char *rest = read_number(text, CORE_WORKERS_MAX, &worker);
    if (!rest || *rest != '-')
        return false;
    rest = read_number(rest + 1, UINT64_MAX, &place->after);
    place->worker = (uint32_t)worker;
    return rest && *rest == '\0';
}

static const char *read_question(const struct viewers_question *question,
                                 struct core_viewers_query *query, size_t *limit)
{
    uint64_t number = VIEWERS_USUALLY;
    const char *rest = question->limit ? read_number(question->limit, VIEWERS_MAX, &number) : "";
    if (!rest || *rest || number == 0)
        return "limit: a number from 1 to 10000, please\n";
    if (question->after && !read_place(question->after, &query->place))
        return "after: the value of \"next\" in an earlier answer, please\n";
    if (question->path && config_pattern_problem(question->path))
        return "path: a path such as demo/bbb, or a pattern such as demo/** or */chat, please\n";
    query->path = question->path;
    *limit = (size_t)number;
    return NULL;
}

void viewers_list(struct core *core, const struct viewers_question *question,
                  struct viewers_answer *answer)
{
    struct core_viewers_query query = {.path = NULL};
    struct writer writer = {.wall_ms = clock_wall_ms()};
    struct core_place next;
    *answer = (struct viewers_answer){.problem = read_question(question, &query, &writer.limit)};
    if (answer->problem)
        return;
    add(&writer, "{\"viewers\":[");
    if (!writer.text)
        return;
    bool is_all = core_list_viewers(core, &query, add_viewer, &writer, &next);
    char *tail = writer.text + writer.used;
    int n = is_all ? snprintf(tail, TAIL_BYTES, "]}\n")
                   : snprintf(tail, TAIL_BYTES, "],\"next\":\"%u-%llu\"}\n", next.worker,
                              (unsigned long long)next.after);
    answer->body = writer.text;
    answer->size = writer.used + (size_t)n;
}
