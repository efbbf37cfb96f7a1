/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fills slices. The cursor stays in the worker's roster between two slices of a listing, and also
 * between two listings that continue each other, so nothing is looked at twice. */
#include "server/core/slice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "server/core/viewer.h"

struct slice *slice_new(void)
{
    struct slice *slice = calloc(1, sizeof *slice);
    if (!slice)
        return NULL;
    uv_mutex_init(&slice->mutex);
    uv_cond_init(&slice->answered);
    roster_cursor_init(&slice->cursor);
    return slice;
}

void slice_free(struct slice **pointer)
{
    struct slice *slice = *pointer;
    *pointer = NULL;
    if (!slice)
        return;
    roster_cursor_close(&slice->cursor);
    uv_cond_destroy(&slice->answered);
    uv_mutex_destroy(&slice->mutex);
    free(slice);
}

/* ---- Asking ---------------------------------------------------------------------------------- */

static void run_slice(struct post *post, void *owner)
{
    struct slice *slice = container_of(post, struct slice, post);
    slice_fill(slice, owner);
    uv_mutex_lock(&slice->mutex);
    slice->is_asked = false;
    uv_cond_signal(&slice->answered);
    uv_mutex_unlock(&slice->mutex);
}

void slice_ask(struct slice *slice, struct mailbox *mailbox, const char *pattern, uint64_t after)
{
    uv_mutex_lock(&slice->mutex);
    REQUIRE(!slice->is_asked);
    slice->is_asked = true;
    uv_mutex_unlock(&slice->mutex);
    snprintf(slice->pattern, sizeof slice->pattern, "%s", pattern ? pattern : "");
    slice->after = after;
    slice->post.run = run_slice;
    mailbox_send(mailbox, &slice->post);
}

bool slice_wait(struct slice *slice, uint64_t deadline_ns)
{
    uv_mutex_lock(&slice->mutex);
    for (uint64_t now = clock_monotonic_ns(); slice->is_asked && now < deadline_ns;
         now = clock_monotonic_ns())
        uv_cond_timedwait(&slice->answered, &slice->mutex, deadline_ns - now);
    bool is_answered = !slice->is_asked;
    uv_mutex_unlock(&slice->mutex);
    return is_answered;
}

/* ---- Filling --------------------------------------------------------------------------------- */

/* Copies a text of `n` bytes. NULL: no room. */
static const char *keep_bytes(struct slice *slice, const char *text, size_t n)
{
    if (n >= SLICE_TEXT_BYTES - slice->text_bytes)
        return NULL;
    char *copy = slice->text + slice->text_bytes;
    memcpy(copy, text, n);
    copy[n] = '\0';
    slice->text_bytes += n + 1;
    return copy;
}

static const char *keep_text(struct slice *slice, const char *text)
{
    return keep_bytes(slice, text, strlen(text));
}

static const char *keep_path(struct slice *slice, const struct moq_path *path)
{
    char text[MOQ_PATH_TEXT_BYTES];
    return keep_text(slice, moq_path_text(path, text, sizeof text));
}

/* Whom the class is for is known as long as the configuration is the one of its arrival. */
static void name_class(const struct core_viewer *viewer, char out[CORE_SETTER_BYTES])
{
    const struct router *router = viewer->router;
    uint32_t number = viewer->policy_class.class_number;
    char whom[CORE_SETTER_BYTES - 32];
    bool is_old = viewer->configuration != router->configuration;
    if (number == 0)
        snprintf(out, CORE_SETTER_BYTES, "default%s", is_old ? " (before a reload)" : "");
    else if (is_old)
        snprintf(out, CORE_SETTER_BYTES, "class %u (before a reload)", number);
    else
        snprintf(out, CORE_SETTER_BYTES, "class %u (%s)", number,
                 config_class_text(&router->config->policy.classes[number - 1], whom, sizeof whom));
}

static const char *keep_setter(struct slice *slice, const struct core_viewer *viewer,
                               const struct core_policy_reason *reason, unsigned bit)
{
    char text[CORE_SETTER_BYTES];
    const char *note = policy_notes_of(viewer->notes, bit);
    switch (reason->decider) {
    case CORE_DECIDED_BY_CLASS:
        name_class(viewer, text);
        break;
    case CORE_DECIDED_BY_WISH:
        snprintf(text, sizeof text, "viewer");
        break;
    case CORE_DECIDED_BY_LIMIT:
        snprintf(text, sizeof text, "limit");
        break;
    case CORE_DECIDED_BY_HOOK:
        snprintf(text, sizeof text, note[0] ? "%s (%s)" : "%s", reason->hook, note);
        break;
    }
    return keep_text(slice, text);
}

static bool fill_texts(struct slice *slice, const struct core_viewer *viewer,
                       struct core_viewer_row *row)
{
    const struct core_peer *peer = core_viewer_peer(viewer);
    struct core_policy_reasons why;
    core_viewer_reasons(viewer, &why);
    row->address = keep_text(slice, core_peer_address(peer));
    row->identity = keep_text(slice, core_peer_identity(peer));
    row->path = keep_path(slice, viewer->path);
    row->track = keep_path(slice, core_viewer_track(viewer));
    row->latency_by = keep_setter(slice, viewer, &why.latency, CORE_SET_LATENCY);
    row->priority_by = keep_setter(slice, viewer, &why.priority, CORE_SET_PRIORITY);
    row->order_by = keep_setter(slice, viewer, &why.order, CORE_SET_ORDER);
    row->rate_by = keep_setter(slice, viewer, &why.rate, CORE_SET_RATE);
    row->identity_rate_by = keep_setter(slice, viewer, &why.identity_rate, CORE_SET_IDENTITY_RATE);
    row->start_by = keep_setter(slice, viewer, &why.start, CORE_SET_START);
    row->rendition_by = viewer->rendition_by ? viewer->rendition_by : ""; /* the chain's copy */
    return row->address && row->identity && row->path && row->track && row->latency_by &&
           row->priority_by && row->order_by && row->rate_by && row->identity_rate_by &&
           row->start_by;
}

static void fill_numbers(const struct core_viewer *viewer, struct core_viewer_row *row)
{
    const struct core_peer *peer = core_viewer_peer(viewer);
    struct moq_viewer_stats stats;
    struct quic_conn_stats conn;
    core_viewer_stats(viewer, &stats);
    core_peer_transport(peer, &conn);
    *row = (struct core_viewer_row){
        .number = viewer->number,
        .peer = core_peer_number(peer),
        .worker = viewer->router->worker,
        .version = core_peer_version(peer),
        .protocol = core_peer_protocol(peer),
        .watched_ns = core_viewer_watched_ns(viewer),
        .lag_ns = stats.backlog_ns,
        .backlog_bytes = stats.backlog_bytes,
        .rate_bps = conn.delivery_rate_bps,
        .rtt_ns = conn.smoothed_rtt_ns,
        .groups_sent = stats.groups_sent,
        .groups_skipped = stats.groups_skipped,
        .groups_reset = stats.groups_reset,
        .bytes_sent = stats.bytes_sent,
        .policy = *core_viewer_policy(viewer),
        .place = viewer->entry.place,
    };
}

/* False: there is no room left in the slice. One row always fits into an empty one. */
static bool add_row(struct slice *slice, const struct core_viewer *viewer)
{
    if (slice->count == SLICE_ROWS_MAX)
        return false;
    struct core_viewer_row *row = &slice->rows[slice->count];
    fill_numbers(viewer, row);
    if (!fill_texts(slice, viewer, row))
        return false;
    slice->count++;
    return true;
}

/* Whether its path matches; adds what it costs to find out. */
static bool is_wanted(const struct slice *slice, const struct core_viewer *viewer, uint64_t *steps)
{
    char text[MOQ_PATH_TEXT_BYTES];
    if (slice->pattern[0] == '\0')
        return true;
    moq_path_text(viewer->path, text, sizeof text);
    *steps += strlen(text) * strlen(slice->pattern);
    return config_pattern_matches(slice->pattern, text);
}

/* False: the slice has no room for it. */
static bool look_at(struct slice *slice, const struct roster_entry *entry, uint64_t *steps)
{
    const struct core_viewer *viewer = container_of(entry, struct core_viewer, entry);
    *steps += SLICE_STEPS_VISIT;
    if (entry->place <= slice->after)
        return true;
    if (!is_wanted(slice, viewer, steps))
        return true;
    *steps += SLICE_STEPS_ROW;
    return add_row(slice, viewer);
}

void slice_fill(struct slice *slice, struct router *router)
{
    uint64_t steps = 0;
    slice->count = slice->text_bytes = 0;
    slice->is_end = false;
    slice->reached = slice->after;
    if (slice->cursor.place == 0 || slice->cursor.place > slice->after)
        roster_cursor_rewind(&router->roster, &slice->cursor);
    while (steps < SLICE_STEPS_MAX) {
        struct roster_entry *entry = roster_cursor_next(&router->roster, &slice->cursor);
        if (!entry) {
            slice->is_end = true;
            return;
        }
        if (!look_at(slice, entry, &steps))
            return; /* the next slice goes back for it */
        slice->reached = entry->place > slice->after ? entry->place : slice->after;
    }
}
