/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Viewers as JSON. An answer may be shorter than asked for, because it is full or because workers
 * are busy; then `next` says where the next one begins.
 * Tested by tests/e2e/test_viewers.py. */
#include "server/admin/viewers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/admin/json.h"
#include "server/admin/number.h"
#include "server/config/config.h"

enum { TAIL_BYTES = 64 };

struct writer {
    struct json json;
    size_t count, limit; /* of viewers */
    uint64_t wall_ms;
};

static void add_time(struct json *json, const char *name, uint64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    char text[40];
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    json_member(json, name, text);
}

/* ---- One viewer ------------------------------------------------------------------------------ */

static const char *protocol_name(enum quic_protocol protocol)
{
    return protocol == QUIC_PROTOCOL_WEBTRANSPORT ? "webtransport" : "quic";
}

static void add_who(struct json *json, const struct core_viewer_row *row, uint64_t wall_ms)
{
    json_print(json, "{\"viewer\":%llu,\"peer\":%llu,\"worker\":%u",
               (unsigned long long)row->number, (unsigned long long)row->peer, row->worker);
    json_member(json, "address", row->address);
    json_member(json, "identity", row->identity);
    json_member(json, "protocol", protocol_name(row->protocol));
    json_print(json, ",\"version\":%u", row->version);
    json_member(json, "path", row->path);
    json_member(json, "track", row->track);
    add_time(json, "since", wall_ms - row->watched_ns / NS_PER_MS);
}

static void add_numbers(struct json *json, const struct core_viewer_row *row)
{
#define NUMBER(name, value) json_print(json, ",\"" name "\":%llu", (unsigned long long)(value))
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
static void add_start(struct json *json, uint64_t start_ns)
{
    char text[32];
    snprintf(text, sizeof text, "%llums", (unsigned long long)(start_ns / NS_PER_MS));
    json_member(json, "start",
                start_ns == MOQ_START_NEWEST   ? "newest"
                : start_ns == MOQ_START_OLDEST ? "oldest"
                : start_ns == MOQ_START_NEXT   ? "next"
                                               : text);
}

static void add_policy(struct json *json, const struct core_viewer_row *row)
{
    json_print(json, ",\"policy\":{\"latency_ms\":%llu,\"priority\":%u,\"order\":\"%s\"",
               (unsigned long long)(row->policy.latency_ns / NS_PER_MS), row->policy.priority,
               row->policy.order == MOQ_ORDER_OLDEST ? "oldest" : "newest");
    json_print(json, ",\"rate_bps\":%llu,\"identity_rate_bps\":%llu",
               (unsigned long long)row->policy.rate_bps,
               (unsigned long long)row->policy.shared_rate_bps);
    add_start(json, row->policy.start_ns);
    json_print(json, "},\"set_by\":{\"latency\":");
    json_string(json, row->latency_by);
    json_member(json, "priority", row->priority_by);
    json_member(json, "order", row->order_by);
    json_member(json, "rate", row->rate_by);
    json_member(json, "identity_rate", row->identity_rate_by);
    json_member(json, "start", row->start_by);
    if (row->rendition_by[0])
        json_member(json, "rendition", row->rendition_by);
    json_print(json, "}}");
}

/* A viewer for which there is no room is taken back, and is the first of the next answer. */
static bool add_viewer(void *user, const struct core_viewer_row *row)
{
    struct writer *writer = user;
    struct json *json = &writer->json;
    size_t before = json->used;
    if (writer->count == writer->limit)
        return false;
    json_print(json, "%s\n", writer->count ? "," : "");
    add_who(json, row, writer->wall_ms);
    add_numbers(json, row);
    add_policy(json, row);
    if (json->is_full) {
        json->used = before;
        return false;
    }
    writer->count++;
    return true;
}

/* ---- The page -------------------------------------------------------------------------------- */

/* Of the form worker-place. */
static bool read_place(const char *text, struct core_place *place)
{
    uint64_t worker;
    const char *rest = number_read(text, CORE_WORKERS_MAX, &worker);
    if (!rest || *rest != '-')
        return false;
    rest = number_read(rest + 1, UINT64_MAX, &place->after);
    place->worker = (uint32_t)worker;
    return rest && *rest == '\0';
}

static const char *read_question(const struct viewers_question *question,
                                 struct core_viewers_query *query, size_t *limit)
{
    *limit = number_read_limit(question->limit, VIEWERS_USUALLY, VIEWERS_MAX);
    if (*limit == 0)
        return "limit: a number from 1 to 10000, please\n";
    if (question->after && !read_place(question->after, &query->place))
        return "after: the value of \"next\" in an earlier answer, please\n";
    if (question->path && config_pattern_problem(question->path))
        return "path: a path such as demo/bbb, or a pattern such as demo/** or */chat, please\n";
    query->path = question->path;
    return NULL;
}

void viewers_list(struct core *core, const struct viewers_question *question,
                  struct viewers_answer *answer)
{
    struct core_viewers_query query = {.path = NULL};
    struct writer writer = {.wall_ms = clock_wall_ms()};
    struct json *json = &writer.json;
    struct core_place next;
    *answer = (struct viewers_answer){.problem = read_question(question, &query, &writer.limit)};
    if (answer->problem)
        return;
    json_init(json, VIEWERS_ANSWER_MAX_BYTES, TAIL_BYTES);
    json_print(json, "{\"viewers\":[");
    if (core_list_viewers(core, &query, add_viewer, &writer, &next))
        json_end(json, "]}\n");
    else
        json_end(json, "],\"next\":\"%u-%llu\"}\n", next.worker, (unsigned long long)next.after);
    answer->body = json->text;
    answer->size = json->used;
}
