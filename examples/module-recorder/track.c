/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A watch gives one group after the other, and itself skips what is late. A group that was
 * overtaken by a newer one that is read already comes too late, and is skipped.
 * Tested by tests/e2e/test_module_recorder.py. */
#include "track.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

struct track {
    struct track_source *source;
    struct karp_playback_track *playing;
    struct relay_watch *watch;
    struct karp_input_group next; /* with has_next: its beginning was read */
    bool has_next;
    bool is_in_group; /* more of the group `sequence`, or of one that is skipped, may come */
    bool is_skipping; /* that is not wanted */
    bool is_over;
    uint64_t expected; /* the lowest group that is still wanted; KARP_ANY_GROUP: any */
};

int track_error(int relay_error)
{
    switch (relay_error) {
    case 0:
        return 0;
    case RELAY_ERR_NOMEM:
        return MOQ_ERR_NOMEM;
    case RELAY_ERR_BOUNDS:
        return MOQ_ERR_BOUNDS;
    case RELAY_ERR_NOT_FOUND:
        return MOQ_ERR_NOT_FOUND;
    case RELAY_ERR_CLOSED:
        return MOQ_ERR_CLOSED;
    case RELAY_ERR_EXPIRED:
        return MOQ_ERR_EXPIRED;
    case RELAY_ERR_OFFLINE:
        return MOQ_ERR_OFFLINE;
    default:
        return MOQ_ERR_CANCELLED;
    }
}

static void set_clock(const struct track_source *source)
{
    source->clock->now_ns = relay_worker_now_ns(source->worker);
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* The beginning of a group was read. */
static void take_group(struct track *track, uint64_t sequence)
{
    track->is_in_group = true;
    track->is_skipping = track->expected != KARP_ANY_GROUP && sequence < track->expected;
    if (track->is_skipping)
        return;
    if (track->expected != KARP_ANY_GROUP && sequence > track->expected)
        karp_playback_on_gap(track->playing, track->expected, sequence - 1);
    track->has_next = true;
    track->next = (struct karp_input_group){sequence, track->source->clock->now_ns};
    track->expected = sequence + 1;
}

static void take_end(struct track *track, int error)
{
    track->is_over = true;
    karp_playback_on_end(track->playing, track_error(error));
}

static bool next_group(void *user, void *handle, struct karp_input_group *group)
{
    struct track *track = handle;
    struct relay_item item = {.size = sizeof item};
    (void)user;
    bool can_read = !track->is_in_group || track->is_skipping;
    while (!track->has_next && can_read && !track->is_over &&
           relay_watch_read(track->watch, &item) == 1) {
        if (item.kind == RELAY_ITEM_GROUP)
            take_group(track, item.sequence);
        else if (item.kind == RELAY_ITEM_GROUP_END)
            track->is_in_group = track->is_skipping = false;
        else if (item.kind == RELAY_ITEM_GAP)
            karp_playback_on_gap(track->playing, item.sequence, item.last);
        else if (item.kind == RELAY_ITEM_END)
            take_end(track, item.error);
    }
    if (track->has_next)
        *group = track->next;
    return track->has_next;
}

static void begin_group(void *user, void *handle)
{
    struct track *track = handle;
    (void)user;
    track->has_next = false;
}

static int read_frame(void *user, void *handle, const uint8_t **data, size_t *size)
{
    struct track *track = handle;
    struct relay_item item = {.size = sizeof item};
    (void)user;
    if (relay_watch_read(track->watch, &item) != 1)
        return MOQ_ERR_AGAIN;
    if (item.kind == RELAY_ITEM_FRAME) {
        *data = item.data;
        *size = item.data_bytes;
        return 0;
    }
    track->is_in_group = false;
    return item.error ? track_error(item.error) : MOQ_ERR_END;
}

static uint64_t superseded_ns(void *user, const void *handle)
{
    (void)user;
    (void)handle;
    return 0;
}

static void leave_group(void *user, void *handle, int error)
{
    struct track *track = handle;
    (void)user;
    (void)error;
    track->is_skipping = track->is_in_group;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static void on_readable(struct relay_watch *watch, void *user)
{
    const struct track *track = user;
    (void)watch;
    set_clock(track->source);
    karp_playback_on_growth(track->playing);
}

/* Writes a name as a part of a path, see relay/module.h. */
static size_t put_part(char *out, size_t size, const char *name)
{
    size_t used = 0;
    for (const char *at = name; *at && used < size; at++) {
        bool is_plain = *at > ' ' && *at < 0x7f && !strchr("/?#\"<>`{}", *at);
        int n = snprintf(out + used, size - used, is_plain ? "%c" : "{%02x}", (unsigned char)*at);
        used += (size_t)n;
    }
    return used;
}

static int open_watch(struct track *track, const struct karp_wanted *wanted)
{
    char path[RELAY_PATH_BYTES];
    const struct track_source *source = track->source;
    size_t used = (size_t)snprintf(path, sizeof path, "%s/%s/", source->broadcast, source->id);
    if (used < sizeof path)
        used += put_part(path + used, sizeof path - used, wanted->name);
    if (used >= sizeof path)
        return RELAY_ERR_INVALID;
    const struct relay_wish wish = {
        .size = sizeof wish,
        .start = wanted->first == KARP_ANY_GROUP ? RELAY_START_NEWEST : RELAY_START_OLDEST,
        .path = path,
        .latency_ns = source->latency_ns,
        .order = RELAY_ORDER_OLDEST,
    };
    return relay_watch_open(source->worker, &wish, on_readable, track, &track->watch);
}

static void close_track(void *user, void *handle)
{
    struct track *track = handle;
    (void)user;
    if (track->watch)
        relay_watch_close(&track->watch);
    free(track);
}

static int open_track(void *user, struct karp_playback_track *playing,
                      const struct karp_wanted *wanted, void **handle)
{
    struct track *track = calloc(1, sizeof *track);
    if (!track)
        return MOQ_ERR_NOMEM;
    track->source = user;
    track->playing = playing;
    track->expected = wanted->first;
    int error = open_watch(track, wanted);
    if (!error) {
        *handle = track;
        return 0;
    }
    close_track(user, track);
    if (error == RELAY_ERR_INVALID)
        return MOQ_ERR_BOUNDS; /* the name makes the path too long */
    return error == RELAY_ERR_NOMEM ? MOQ_ERR_NOMEM : MOQ_ERR_CLOSED;
}

const struct karp_input track_input = {
    .open_track = open_track,
    .close_track = close_track,
    .next_group = next_group,
    .begin_group = begin_group,
    .read_frame = read_frame,
    .superseded_ns = superseded_ns,
    .leave_group = leave_group,
};
