/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Mirrors: a source that is fed by a publisher of another worker. The groups are this worker's own, their
 * bytes are the home's: nothing is copied, and each viewer here is woken by this worker. Part of step 10 of
 * a frame's walk: on_growth. */
#include "server/core/internal.h"

static void on_group(void *user, uint64_t sequence, struct moq_group_body *body)
{
    struct source *source = user;
    struct moq_group *group;
    /* What was seen before or is too old is missed by nobody. */
    if (moq_sequence_raise(&source->mirror.raise, &sequence))
        moq_track_adopt_group(source->track, sequence, body, &group);
}

static void on_growth(void *user)
{
    struct source *source = user;
    moq_track_follow(source->track);
}

static void on_gap(void *user, uint64_t first, uint64_t last, int error)
{
    struct source *source = user;
    if (moq_sequence_raise_run(&source->mirror.raise, &first, &last))
        moq_track_gap(source->track, first, last, error);
}

/* Groups came before this: those who wait for them are served. */
static void hear(struct source *source)
{
    bool is_first = !source->mirror.has_heard;
    source->mirror.has_heard = true;
    if (is_first && source->route)
        demands_wake(source->router, source->route);
}

static void on_info(void *user, const struct moq_info *info)
{
    (void)info;
    hear(user);
}

/* Whoever waits becomes a viewer first, and sees the end as all others do; none of them opens the link
 * again. */
static void on_end(void *user, int error)
{
    struct source *source = user;
    source->mirror.link = NULL;
    source->mirror.is_ending = true;
    hear(source);
    source->mirror.is_ending = false;
    source_lost(source, error);
}

static const struct link_events events = {.on_group = on_group,
                                          .on_growth = on_growth,
                                          .on_gap = on_gap,
                                          .on_info = on_info,
                                          .on_end = on_end};

bool mirror_is_ready(const struct source *source)
{
    bool is_foreign = source->origin && !announcement_is_local(source->origin);
    return !is_foreign || source->mirror.has_heard || moq_track_newest(source->track);
}

static int mirror_open(struct source *source, const struct moq_wish *wish)
{
    struct mirror *mirror = &source->mirror;
    const struct link_ask ask = {
        .kind = LINK_TRACK,
        .path = source->origin->path,
        .wish = *wish,
        .is_continued = source->is_continued,
    };
    *mirror = (struct mirror){.home = source->origin->worker, .wish = *wish};
    if (source->is_continued)
        moq_sequence_raise_after(&mirror->raise, moq_track_latest(source->track));
    mirror->link = link_open(source->router, mirror->home, &ask, &events, source);
    return mirror->link ? 0 : MOQ_ERR_NOMEM;
}

int mirror_adjust(struct source *source, const struct moq_wish *wish)
{
    struct mirror *mirror = &source->mirror;
    if (mirror->is_ending)
        return 0;
    if (!mirror->link)
        return mirror_open(source, wish);
    if (!moq_wish_equal(&mirror->wish, wish) || mirror->is_resting)
        link_set_wish(mirror->link, wish);
    mirror->wish = *wish;
    mirror->is_resting = false;
    return 0;
}

void mirror_rest(struct source *source)
{
    struct mirror *mirror = &source->mirror;
    if (mirror->link && !mirror->is_resting)
        link_rest(mirror->link);
    mirror->is_resting = true;
}

void mirror_close(struct source *source)
{
    link_close(&source->mirror.link);
    moq_track_unfollow(source->track, MOQ_ERR_CANCELLED); /* as recv_groups_cut does for legs */
}
