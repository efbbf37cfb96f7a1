/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Subscriptions as an input of karp's playback. A track keeps its groups for longer than the
 * latency, so that it is playback that decides what is skipped. */
#include "tools/player.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"

_Static_assert(KARP_ANY_GROUP == MOQ_NO_GROUP, "groups are passed on as they are");

/* The most that is kept of a track while the output is too slow. */
enum { CACHE_BYTES = 128 << 20 };
#define CACHE_EXTRA_NS (5 * NS_PER_S)

/* ---- Reading --------------------------------------------------------------------------------- */

static struct moq_group *group_after(const struct player_track *track)
{
    return track->is_reading ? moq_track_after(track->track, track->reader.group)
                             : moq_track_oldest(track->track);
}

static bool next_group(void *user, void *handle, struct karp_input_group *group)
{
    const struct moq_group *next = group_after(handle);
    (void)user;
    if (next)
        *group = (struct karp_input_group){next->sequence, next->started_ns};
    return next != NULL;
}

static void stop_reading(struct player_track *track)
{
    if (track->is_reading)
        moq_group_reader_deinit(&track->reader);
    track->is_reading = false;
}

static void begin_group(void *user, void *handle)
{
    struct player_track *track = handle;
    struct moq_group *next = group_after(track);
    (void)user;
    stop_reading(track);
    moq_group_reader_init(&track->reader, next);
    track->is_reading = true;
}

static int read_frame(void *user, void *handle, const uint8_t **data, size_t *size)
{
    struct player_track *track = handle;
    (void)user;
    return moq_group_reader_next(&track->reader, data, size);
}

static uint64_t superseded_ns(void *user, const void *handle)
{
    const struct player_track *track = handle;
    (void)user;
    return track->reader.group->superseded_ns;
}

static void leave_group(void *user, void *handle, int error)
{
    const struct player_track *track = handle;
    (void)user;
    log_debug(LOG_TOOL, "left group %llu: %s", (unsigned long long)track->reader.group->sequence,
              moq_error_words(error));
}

/* ---- Subscribing ----------------------------------------------------------------------------- */

static void on_track(struct moq_watcher *watcher, struct moq_group *group)
{
    struct player_track *track = container_of(watcher, struct player_track, watcher);
    (void)group;
    karp_playback_on_growth(track->playing);
}

static void on_gap(struct moq_watcher *watcher, uint64_t first, uint64_t last, int error)
{
    struct player_track *track = container_of(watcher, struct player_track, watcher);
    (void)error;
    karp_playback_on_gap(track->playing, first, last);
}

static void on_subscription_closed(struct moq_subscription *subscription, int error)
{
    struct player_track *track = moq_subscription_user(subscription);
    track->subscription = NULL;
    log_debug(LOG_TOOL, "track %s ended: %s", track->name, moq_error_words(error));
    karp_playback_on_end(track->playing, error);
}

static void close_track(void *user, void *handle)
{
    struct player_track *track = handle;
    (void)user;
    if (track->track)
        moq_track_unwatch(track->track, &track->watcher);
    stop_reading(track);
    if (track->subscription)
        moq_subscription_close(&track->subscription);
    moq_track_unref(&track->track);
    free(track);
}

static struct moq_track *model_of(struct player *player, struct moq_path *path,
                                  const struct moq_wish *wish)
{
    const struct moq_track_config config = {
        .clock = player->playback.clock,
        .priority = wish->priority,
        .order = wish->order,
        .cache = {.age_ns = player->playback.latency_ns + CACHE_EXTRA_NS, .bytes = CACHE_BYTES},
    };
    return moq_track_new(path, &config);
}

static int subscribe_track(struct player_track *track, struct moq_path *path,
                           const struct moq_wish *wish)
{
    static const struct moq_watcher_ops ops = {
        .on_group = on_track, .on_growth = on_track, .on_gap = on_gap};
    static const struct moq_subscription_events events = {.on_closed = on_subscription_closed};
    struct moq_session *session = track->player->session;
    track->track = model_of(track->player, path, wish);
    if (!track->track)
        return MOQ_ERR_NOMEM;
    track->watcher.ops = &ops;
    moq_track_watch(track->track, &track->watcher);
    if (session)
        track->subscription = moq_session_subscribe(session, track->track, wish, &events, track);
    return track->subscription ? 0 : MOQ_ERR_CLOSED;
}

static int open_track(void *user, struct karp_playback_track *playing,
                      const struct karp_wanted *wanted, void **handle)
{
    struct player *player = user;
    const struct moq_wish wish = {(uint8_t)(wanted->priority + 128), MOQ_ORDER_OLDEST, 0,
                                  wanted->first, MOQ_NO_GROUP};
    struct moq_path *path = NULL;
    int error = player->make_path(player->user, wanted->name, &path);
    if (error)
        return error;
    struct player_track *track = calloc(1, sizeof *track);
    if (track)
        *track = (struct player_track){.player = player, .playing = playing, .name = wanted->name};
    error = track ? subscribe_track(track, path, &wish) : MOQ_ERR_NOMEM;
    moq_path_unref(&path);
    if (error && track)
        close_track(player, track);
    else
        *handle = track;
    return error;
}

/* ---- Its life -------------------------------------------------------------------------------- */

void player_init(struct player *player, const struct moq_clock *clock,
                 int (*make_path)(void *user, const char *name, struct moq_path **path), void *user)
{
    static const struct karp_input input = {
        .open_track = open_track,
        .close_track = close_track,
        .next_group = next_group,
        .begin_group = begin_group,
        .read_frame = read_frame,
        .superseded_ns = superseded_ns,
        .leave_group = leave_group,
    };
    player->playback.clock = clock;
    player->playback.input = &input;
    player->playback.input_user = player;
    player->make_path = make_path;
    player->user = user;
}
