/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One pair of functions for all messages of the codec, so that a table (or a fuzzer) can go through
 * all of them. */
#ifndef TEST_ANY_MESSAGE_H
#define TEST_ANY_MESSAGE_H

#include <stdarg.h>
#include <stdio.h>

#include "transfork/message.h"

enum any_kind {
    ANY_STREAM_TYPE,
    ANY_SESSION_CLIENT,
    ANY_SESSION_SERVER,
    ANY_SESSION_UPDATE,
    ANY_ANNOUNCE_PLEASE,
    ANY_ANNOUNCE,
    ANY_SUBSCRIBE,
    ANY_SUBSCRIBE_UPDATE,
    ANY_LAST_UPDATE, /* the stream ends after it */
    ANY_INFO,
    ANY_GAP,
    ANY_GROUP,
    ANY_FRAME,
    ANY_FETCH,
    ANY_FETCH_UPDATE,
    ANY_INFO_PLEASE,
    ANY_COUNT
};

/* As the vectors call them. */
static const char *const any_kind_names[ANY_COUNT] = {
    "stream_type", "session_client", "session_server", "session_update", "announce_please",
    "announce",    "subscribe",      "update",         "last_update",    "info",
    "gap",         "group",          "frame",          "fetch",          "fetch_update",
    "info_please",
};

struct any_message {
    enum any_kind kind;
    uint32_t version;
    union {
        uint64_t number;
        struct moq_path *path;
        struct msg_session_client client;
        struct msg_session_server server;
        struct msg_announce announce;
        struct msg_subscribe subscribe;
        struct msg_wish update;
        struct msg_info info;
        struct msg_gap gap;
        struct msg_group group;
        struct msg_fetch fetch;
    } is;
};

/* Decodes the kind of message, in the version, that `any` says, into `any`. */
static inline int any_decode(struct any_message *any, const uint8_t *in, size_t n, size_t *used)
{
    uint32_t version = any->version;
    switch (any->kind) {
    case ANY_STREAM_TYPE:
        return message_decode_stream_type(in, n, used, &any->is.number);
    case ANY_SESSION_CLIENT:
        return message_decode_session_client(in, n, used, &any->is.client);
    case ANY_SESSION_SERVER:
        return message_decode_session_server(in, n, used, &any->is.server);
    case ANY_SESSION_UPDATE:
        return message_decode_session_update(in, n, used, &any->is.number);
    case ANY_ANNOUNCE_PLEASE:
        return message_decode_announce_please(in, n, used, &any->is.path);
    case ANY_ANNOUNCE:
        return message_decode_announce(version, in, n, used, &any->is.announce);
    case ANY_SUBSCRIBE:
        return message_decode_subscribe(version, in, n, used, &any->is.subscribe);
    case ANY_SUBSCRIBE_UPDATE:
        return message_decode_subscribe_update(version, in, n, false, used, &any->is.update);
    case ANY_LAST_UPDATE:
        return message_decode_subscribe_update(version, in, n, true, used, &any->is.update);
    case ANY_INFO:
        return message_decode_info(version, in, n, used, &any->is.info);
    case ANY_GAP:
        return message_decode_gap(in, n, used, &any->is.gap);
    case ANY_GROUP:
        return message_decode_group(in, n, used, &any->is.group);
    case ANY_FRAME:
        return message_decode_frame(in, n, used, &any->is.number);
    case ANY_FETCH:
        return message_decode_fetch(version, in, n, used, &any->is.fetch);
    case ANY_FETCH_UPDATE:
        return message_decode_fetch_update(in, n, used, &any->is.number);
    case ANY_INFO_PLEASE:
    default:
        return message_decode_info_please(in, n, used, &any->is.path);
    }
}

static inline int any_encode(const struct any_message *any, struct byte_buf *out)
{
    uint32_t version = any->version;
    switch (any->kind) {
    case ANY_STREAM_TYPE:
        return message_encode_stream_type(out, any->is.number);
    case ANY_SESSION_CLIENT:
        return message_encode_session_client(out, &any->is.client);
    case ANY_SESSION_SERVER:
        return message_encode_session_server(out, &any->is.server);
    case ANY_SESSION_UPDATE:
        return message_encode_session_update(out, any->is.number);
    case ANY_ANNOUNCE_PLEASE:
        return message_encode_announce_please(out, any->is.path);
    case ANY_ANNOUNCE:
        return message_encode_announce(version, out, &any->is.announce);
    case ANY_SUBSCRIBE:
        return message_encode_subscribe(version, out, &any->is.subscribe);
    case ANY_SUBSCRIBE_UPDATE:
    case ANY_LAST_UPDATE:
        return message_encode_subscribe_update(version, out, &any->is.update);
    case ANY_INFO:
        return message_encode_info(version, out, &any->is.info);
    case ANY_GAP:
        return message_encode_gap(out, &any->is.gap);
    case ANY_GROUP:
        return message_encode_group(out, &any->is.group);
    case ANY_FRAME:
        return message_encode_frame(out, any->is.number);
    case ANY_FETCH:
        return message_encode_fetch(version, out, &any->is.fetch);
    case ANY_FETCH_UPDATE:
        return message_encode_fetch_update(out, any->is.number);
    case ANY_INFO_PLEASE:
    default:
        return message_encode_info_please(out, any->is.path);
    }
}

static inline struct moq_path **any_path(struct any_message *any)
{
    switch (any->kind) {
    case ANY_ANNOUNCE_PLEASE:
    case ANY_INFO_PLEASE:
        return &any->is.path;
    case ANY_ANNOUNCE:
        return &any->is.announce.suffix;
    case ANY_SUBSCRIBE:
        return &any->is.subscribe.path;
    case ANY_FETCH:
        return &any->is.fetch.path;
    default:
        return NULL;
    }
}

static inline void any_free(struct any_message *any)
{
    struct moq_path **path = any_path(any);
    if (path)
        moq_path_unref(path);
}

/* ---- As words -------------------------------------------------------------------------------- */

enum { ANY_TEXT_BYTES = 4 * MESSAGE_MAX_BYTES };

struct any_text {
    char out[ANY_TEXT_BYTES];
    size_t used;
};

static inline void any_say(struct any_text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text->out + text->used, sizeof text->out - text->used, format, args);
    va_end(args);
    size_t left = sizeof text->out - 1 - text->used;
    text->used += (size_t)n < left ? (size_t)n : left;
}

static inline void any_say_extensions(struct any_text *text, const struct msg_extension *extensions,
                                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        any_say(text, " ext %llu=", (unsigned long long)extensions[i].id);
        for (size_t k = 0; k < extensions[i].size; k++)
            any_say(text, "%02x", extensions[i].data[k]);
    }
}

static inline void any_say_ranks(struct any_text *text, uint64_t priority, uint64_t order,
                                 uint64_t expires_ms)
{
    any_say(text, "priority %llu order %llu expires %llu", (unsigned long long)priority,
            (unsigned long long)order, (unsigned long long)expires_ms);
}

static inline void any_say_wish(struct any_text *text, const struct msg_wish *wish)
{
    any_say_ranks(text, wish->priority, wish->order, wish->expires_ms);
    if (wish->min != MOQ_NO_GROUP)
        any_say(text, " from %llu", (unsigned long long)wish->min);
    if (wish->max != MOQ_NO_GROUP)
        any_say(text, " to %llu", (unsigned long long)wish->max);
}

static inline void any_say_body(struct any_text *text, const struct any_message *any)
{
    static const char *const status[] = {"ended ", "active ", "live"};
    switch (any->kind) {
    case ANY_SESSION_CLIENT:
        any_say(text, "offers");
        for (size_t i = 0; i < any->is.client.version_count; i++)
            any_say(text, " %llx", (unsigned long long)any->is.client.versions[i]);
        any_say_extensions(text, any->is.client.extensions, any->is.client.extension_count);
        break;
    case ANY_SESSION_SERVER:
        any_say(text, "picks %llx", (unsigned long long)any->is.server.version);
        any_say_extensions(text, any->is.server.extensions, any->is.server.extension_count);
        break;
    case ANY_ANNOUNCE:
        any_say(text, "%s", status[any->is.announce.status]);
        break;
    case ANY_SUBSCRIBE:
        any_say(text, "id %llu ", (unsigned long long)any->is.subscribe.id);
        any_say_wish(text, &any->is.subscribe.wish);
        any_say(text, " path ");
        break;
    case ANY_SUBSCRIBE_UPDATE:
    case ANY_LAST_UPDATE:
        any_say_wish(text, &any->is.update);
        break;
    case ANY_INFO:
        any_say_ranks(text, any->is.info.priority, any->is.info.order, any->is.info.expires_ms);
        any_say(text, " latest %llu", (unsigned long long)any->is.info.latest);
        break;
    case ANY_GAP:
        any_say(text, "start %llu count %llu code %llu", (unsigned long long)any->is.gap.start,
                (unsigned long long)any->is.gap.count, (unsigned long long)any->is.gap.code);
        break;
    case ANY_GROUP:
        any_say(text, "subscription %llu sequence %llu",
                (unsigned long long)any->is.group.subscription,
                (unsigned long long)any->is.group.sequence);
        break;
    case ANY_FETCH:
        any_say(text, "priority %llu group %llu offset %llu path ",
                (unsigned long long)any->is.fetch.priority, (unsigned long long)any->is.fetch.group,
                (unsigned long long)any->is.fetch.offset);
        break;
    case ANY_ANNOUNCE_PLEASE:
    case ANY_INFO_PLEASE:
        break;
    default:
        any_say(text, "%llu", (unsigned long long)any->is.number);
        break;
    }
}

/* Prints a message as a line. Equal messages give equal lines. */
static inline const char *any_words(struct any_message *any, struct any_text *text)
{
    char path_text[MOQ_PATH_TEXT_BYTES] = "";
    struct moq_path **path = any_path(any);
    text->used = 0;
    text->out[0] = '\0';
    any_say_body(text, any);
    if (path && *path) {
        const char *name = moq_path_text(*path, path_text, sizeof path_text);
        any_say(text, "[%zu]%s%s", moq_path_count(*path), *name ? " " : "", name);
    }
    return text->out;
}

#endif
