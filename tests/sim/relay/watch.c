/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Groups are compared when they end, before the watch's cache drops them. */
#include "tests/sim/relay/watch.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

enum { KEPT_GROUPS = 4 };

static struct watch *watch_of(struct moq_watcher *watcher)
{
    return container_of(watcher, struct watch, watcher);
}

static uint8_t *fate_of(struct watch *watch, uint64_t sequence)
{
    return sequence < WATCH_MAX_SEQUENCES ? &watch->fates[sequence] : &watch->beyond;
}

static void on_group(struct moq_watcher *watcher, struct moq_group *group)
{
    struct watch *watch = watch_of(watcher);
    *fate_of(watch, group->sequence) = FATE_GROWING;
    watch->begun++;
    if (watch->has_any && group->sequence < watch->highest)
        watch->backwards++;
    else
        watch->highest = group->sequence;
    watch->has_any = true;
}

static void on_growth(struct moq_watcher *watcher, struct moq_group *group)
{
    struct watch *watch = watch_of(watcher);
    if (!group->is_ended)
        return;
    *fate_of(watch, group->sequence) = group->error ? FATE_CUT : FATE_WHOLE;
    if (watch->camera && !camera_wrote(watch->camera, group))
        watch->wrong++;
}

static void on_gap(struct moq_watcher *watcher, uint64_t first, uint64_t last, int error)
{
    struct watch *watch = watch_of(watcher);
    (void)error;
    for (uint64_t sequence = first; sequence <= last && sequence < WATCH_MAX_SEQUENCES;
         sequence++) {
        uint8_t *fate = fate_of(watch, sequence);
        if (*fate == FATE_NONE)
            *fate = FATE_GAP;
    }
}

static const struct moq_watcher_ops watcher_ops = {
    .on_group = on_group, .on_growth = on_growth, .on_gap = on_gap};

static void on_info(struct moq_subscription *subscription, const struct moq_info *info)
{
    struct watch *watch = moq_subscription_user(subscription);
    watch->infos++;
    watch->info = *info;
}

static void on_closed(struct moq_subscription *subscription, int error)
{
    struct watch *watch = moq_subscription_user(subscription);
    watch->subscription = NULL;
    watch->closed++;
    watch->close_error = error;
}

static const struct moq_subscription_events events = {.on_info = on_info, .on_closed = on_closed};

void watch_init(struct watch *watch, struct client *client, const char *text,
                const struct moq_wish *wish)
{
    struct moq_path *path = moq_path_from_text(text);
    const struct moq_track_config config = {.clock = sim_clock(client->host->world->sim),
                                            .cache = {.groups = KEPT_GROUPS}};
    *watch = (struct watch){.client = client, .watcher.ops = &watcher_ops};
    watch->track = moq_track_new(path, &config);
    REQUIRE(watch->track);
    moq_path_unref(&path);
    moq_track_watch(watch->track, &watch->watcher);
    watch->subscription =
        moq_session_subscribe(client->session, watch->track, wish, &events, watch);
    if (watch->subscription)
        return;
    watch->closed = 1;
    watch->close_error = MOQ_ERR_CLOSED; /* the session is about to end */
}

void watch_deinit(struct watch *watch)
{
    moq_subscription_close(&watch->subscription);
    moq_track_unwatch(watch->track, &watch->watcher);
    moq_track_unref(&watch->track);
}

bool watch_is_closed(void *watch)
{
    return ((struct watch *)watch)->closed > 0;
}

int watch_count(const struct watch *watch, enum fate fate)
{
    int count = 0;
    for (size_t i = 0; i < WATCH_MAX_SEQUENCES; i++)
        count += watch->fates[i] == fate;
    return count;
}

bool watch_knows(const struct watch *watch, uint64_t first, uint64_t last)
{
    for (uint64_t sequence = first; sequence <= last; sequence++)
        if (watch->fates[sequence] == FATE_NONE || watch->fates[sequence] == FATE_GROWING)
            return false;
    return true;
}

const char *watch_text(const struct watch *watch, uint64_t sequence, char out[WATCH_TEXT_BYTES])
{
    struct moq_group *group = moq_track_find(watch->track, sequence);
    if (!group)
        return strcpy(out, "-");

    struct moq_group_reader reader;
    const uint8_t *data;
    size_t size, used = 0;
    int error;
    out[0] = '\0';
    moq_group_reader_init(&reader, group);
    while ((error = moq_group_reader_next(&reader, &data, &size)) == 0)
        used += (size_t)snprintf(out + used, WATCH_TEXT_BYTES - used, "%s%.*s", used ? "|" : "",
                                 (int)size, (const char *)data);
    const char *end = error == MOQ_ERR_END ? "" : error == MOQ_ERR_AGAIN ? "..." : "!";
    snprintf(out + used, WATCH_TEXT_BYTES - used, "%s", end);
    moq_group_reader_deinit(&reader);
    return out;
}
