/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Counts of live objects by kind. Tests read them to prove that nothing leaks over thousands of
 * connections; a debug build checks at exit that every count is back at zero. */
#ifndef MOQ_BASE_OBJECTS_H
#define MOQ_BASE_OBJECTS_H

#include <stdint.h>
#include <stdio.h>

#include "base/symbols.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

#define OBJECT_KINDS(X)                                                                            \
    X(chunk)                                                                                       \
    X(group)                                                                                       \
    X(group_body)                                                                                  \
    X(track)                                                                                       \
    X(cursor)                                                                                      \
    X(path)                                                                                        \
    X(sight)                                                                                       \
    X(session)                                                                                     \
    X(stream)                                                                                      \
    X(announced)                                                                                   \
    X(announce_answer)                                                                             \
    X(request)                                                                                     \
    X(viewer)                                                                                      \
    X(send_group)                                                                                  \
    X(subscription)                                                                                \
    X(recv_group)                                                                                  \
    X(fetch)                                                                                       \
    X(fetch_reply)                                                                                 \
    X(info_query)                                                                                  \
    X(endpoint)                                                                                    \
    X(conn)                                                                                        \
    X(quic_stream)                                                                                 \
    X(native)                                                                                      \
    X(client)                                                                                      \
    X(listener)                                                                                    \
    X(native_link)                                                                                 \
    X(importer)                                                                                    \
    X(exporter)                                                                                    \
    X(catalog)                                                                                     \
    X(config)                                                                                      \
    X(watch)                                                                                       \
    X(announced_paths)                                                                             \
    X(route)                                                                                       \
    X(source)                                                                                      \
    X(link)                                                                                        \
    X(ladder)                                                                                      \
    X(mix)                                                                                         \
    X(identity)                                                                                    \
    X(audience)                                                                                    \
    X(dial)

enum object_kind {
#define OBJECT_KIND_ENUM(name) OBJECT_##name,
    OBJECT_KINDS(OBJECT_KIND_ENUM)
#undef OBJECT_KIND_ENUM
        OBJECT_KIND_COUNT
};

void object_born(enum object_kind kind); /* any thread */
void object_died(enum object_kind kind); /* any thread */

/* How many objects of `kind` live now, over all threads. */
int64_t object_count(enum object_kind kind);

/* Prints every kind whose count is not zero to `out`. Returns the number of such kinds: 0 means
 * nothing leaked. */
int objects_report(FILE *out);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
