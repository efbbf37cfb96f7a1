/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Of the next frames of all tracks, the earliest is delivered. A track that has no next frame yet
 * makes the others wait, but no longer than the latency. */
#include "tools/player.h"

#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"

/* The most that is kept of a track while the output is too slow. */
enum { CACHE_BYTES = 128 << 20 };
#define CACHE_EXTRA_NS (5 * NS_PER_S)
/* How long to wait for a group that a newer one has overtaken: streams arrive in any order. */
#define GAP_PATIENCE_NS (2 * NS_PER_S)
/* A broadcast that has ended is over when nothing has arrived for this long. */
#define QUIET_NS NS_PER_S
/* The longest time that frames of one track wait for those of another. */
#define WEAVE_PATIENCE_NS (2 * NS_PER_S)
/* After a wait in vain, other tracks do not wait for a track again for this long. It may be silent,
 * or have a picture only every few seconds. */
#define WEAVE_PAUSE_NS (30 * NS_PER_S)
/* The pause before a failed subscription is made again. It doubles each time. */
#define RETRY_FIRST_NS NS_PER_S
#define RETRY_MOST_NS (30 * NS_PER_S)

enum found { FOUND_FRAME, FOUND_NOTHING_YET, FOUND_END };

static uint64_t player_now_ns(const struct player *player)
{
    return player->clock->now_ns;
}

static uint64_t smaller_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- One track: groups to frames ------------------------------------------------------------- */

static struct player_mark *mark_of_track(const struct player_track *track)
{
    return &track->player->marks[track->index];
}

/* Whether the end of the current group is still to come, or a group before one that has arrived. */
static bool is_part_missing(const struct player_track *track)
{
    const struct moq_group *newest = moq_track_newest(track->track);
    bool is_group_open =
        track->is_reading && !track->is_group_over && !mark_of_track(track)->is_finished;
    bool is_gap = newest && track->expected != MOQ_NO_GROUP && newest->sequence > track->expected;
    return !track->over_ns && (is_group_open || is_gap);
}

/* Whether the player no longer waits for what has not arrived after player_end(). If something is
 * known to be missing and no other instance waits, it may take the whole latency. Otherwise
 * QUIET_NS of silence is enough. */
static bool is_past_end(const struct player_track *track)
{
    const struct player *player = track->player;
    if (!player->ended_ns)
        return false;
    uint64_t now = player_now_ns(player);
    uint64_t since = player->grown_ns > player->ended_ns ? player->grown_ns : player->ended_ns;
    bool is_silent = now - since > QUIET_NS;
    bool is_complete = player->has_successor || !is_part_missing(track);
    return (is_silent && is_complete) || now - player->ended_ns > player->latency_ns + QUIET_NS;
}

static void stop_reading(struct player_track *track)
{
    if (track->is_reading)
        moq_group_reader_deinit(&track->reader);
    track->is_reading = track->has_frame = false;
}

static void start_reading(struct player_track *track, struct moq_group *group)
{
    struct player *player = track->player;
    struct player_mark *mark = mark_of_track(track);
    bool is_known = mark->has_begun && group->sequence <= mark->group;
    uint64_t first = track->expected;
    if (mark->has_begun && !is_known && !mark->is_finished) {
        player->groups_cut++;
        first = first == mark->group ? first + 1 : first;
    }
    bool is_missed = mark->has_begun || !player->start.may_lack_start;
    if (is_missed && first != MOQ_NO_GROUP && group->sequence > first)
        player->groups_skipped += group->sequence - first;
    stop_reading(track);
    moq_group_reader_init(&track->reader, group);
    track->is_reading = true;
    track->is_group_over = is_known && group->sequence < mark->group;
    track->to_pass = is_known ? mark->frames : 0;
    track->is_group_start = track->to_pass == 0;
    track->expected = group->sequence + 1;
    if (is_known)
        return;
    mark->has_begun = true;
    mark->is_finished = false;
    mark->group = group->sequence;
    mark->frames = 0;
}

/* The group to read next. NULL: there is none, or an earlier one may still come. */
static struct moq_group *next_group(struct player_track *track)
{
    const struct player *player = track->player;
    struct moq_group *next = track->is_reading ? moq_track_after(track->track, track->reader.group)
                                               : moq_track_oldest(track->track);
    if (!next || track->expected == MOQ_NO_GROUP || next->sequence <= track->expected)
        return next;
    bool is_told = track->lost_first <= track->expected && track->lost_last >= next->sequence - 1;
    uint64_t patience = smaller_of(GAP_PATIENCE_NS, player->latency_ns);
    bool is_waited = track->over_ns || player_now_ns(player) - next->started_ns > patience;
    return is_told || is_waited ? next : NULL;
}

static int read_frame(struct player_track *track)
{
    const uint8_t *data = NULL;
    size_t size = 0, payload = 0;
    int error = 0;
    do {
        error = moq_group_reader_next(&track->reader, &data, &size);
    } while (!error && track->to_pass > 0 && track->to_pass--);
    if (error)
        return error;
    error = karp_frame_parse(data, size, &track->frame.timestamp_us, &payload);
    if (error)
        return error;
    struct player *player = track->player;
    track->frame.track = track->index;
    track->frame.is_group_start = track->is_group_start;
    track->frame.payload = data + payload;
    track->frame.size = size - payload;
    track->frame.timestamp_us =
        karp_timeline_place(&player->timeline, player->catalog->tracks[track->index].kind,
                            &track->frame, track->reader.group->sequence);
    track->is_group_start = false;
    track->has_frame = true;
    return 0;
}

/* Whether the rest of the current group is given up, because newer groups have superseded it for
 * longer than the latency. */
static bool is_too_late(const struct player_track *track)
{
    const struct player *player = track->player;
    uint64_t superseded_ns = track->reader.group->superseded_ns;
    if (is_past_end(track))
        return true;
    return superseded_ns && player_now_ns(player) - superseded_ns > player->latency_ns;
}

static enum found found_nothing(const struct player_track *track)
{
    bool is_over = track->over_ns || is_past_end(track);
    return is_over ? FOUND_END : FOUND_NOTHING_YET;
}

/* Reads the next frame of the current group. Returns false if there is none at the moment. */
static bool read_next_frame(struct player_track *track)
{
    int error = read_frame(track);
    if (error == 0)
        return true;
    if (error == MOQ_ERR_END)
        mark_of_track(track)->is_finished = true;
    track->is_group_over = error != MOQ_ERR_AGAIN || is_too_late(track);
    if (track->is_group_over && error != MOQ_ERR_END)
        log_debug(LOG_TOOL, "left group %llu: %s",
                  (unsigned long long)track->reader.group->sequence, moq_error_words(error));
    return false;
}

static enum found find_frame(struct player_track *track)
{
    while (!track->has_frame) {
        bool is_at_group = track->is_reading && !track->is_group_over;
        if (is_at_group && read_next_frame(track))
            break;
        if (is_at_group && !track->is_group_over)
            return FOUND_NOTHING_YET;
        struct moq_group *next = next_group(track);
        if (!next)
            return found_nothing(track);
        start_reading(track, next);
    }
    return FOUND_FRAME;
}

/* ---- All tracks: frames in order ------------------------------------------------------------- */

static void pass_frames_on(struct player *player, struct player_track *track)
{
    struct karp_frame frame = track->frame;
    track->has_frame = false;
    mark_of_track(track)->frames++;
    mark_of_track(track)->failures = 0;
    int error = player->events->on_frame(player->user, &frame);
    if (error == MOQ_ERR_EXPIRED) {
        track->is_group_over = true;
        return;
    }
    player->error = error;
    player->frames++;
    player->bytes += frame.size;
}

/* Whether other tracks wait for this one, which has no next frame at the moment. */
static bool is_waited_for(struct player_track *track)
{
    uint64_t now = player_now_ns(track->player);
    if (now - track->idle_since_ns >= smaller_of(WEAVE_PATIENCE_NS, track->player->latency_ns))
        track->vain_ns = now;
    return !track->vain_ns || now - track->vain_ns > WEAVE_PAUSE_NS;
}

/* The track with the earliest frame. NULL: there is none, or another track may still have an
 * earlier one. */
static struct player_track *choose_track(struct player *player)
{
    struct player_track *best = NULL;
    bool is_one_behind = false;
    for (size_t i = 0; i < player->catalog->track_count; i++) {
        struct player_track *track = &player->tracks[i];
        enum found found = track->track ? find_frame(track) : FOUND_END;
        if (found == FOUND_FRAME)
            track->idle_since_ns = 0;
        else if (!track->idle_since_ns)
            track->idle_since_ns = player_now_ns(player);
        is_one_behind |= found == FOUND_NOTHING_YET && is_waited_for(track);
        if (found == FOUND_FRAME && (!best || track->frame.timestamp_us < best->frame.timestamp_us))
            best = track;
    }
    return is_one_behind ? NULL : best;
}

static bool is_full(const struct player *player)
{
    return player->events->is_full && player->events->is_full(player->user);
}

void player_pump(struct player *player)
{
    struct player_track *track = NULL;
    if (!player->is_playing || player->is_pumping)
        return;
    player->is_pumping = true;
    while (!player->error && !is_full(player) && (track = choose_track(player)) != NULL)
        pass_frames_on(player, track);
    player->is_pumping = false;
}

static bool is_track_over(const struct player_track *track)
{
    if (!track->track)
        return true;
    if (track->has_frame || (!track->over_ns && !is_past_end(track)))
        return false;
    const struct moq_group *at_hand = track->is_reading ? track->reader.group : NULL;
    const struct moq_group *newest = moq_track_newest(track->track);
    return !newest || (at_hand && newest->sequence <= at_hand->sequence);
}

bool player_is_over(const struct player *player)
{
    if (is_full(player))
        return false; /* frames that have arrived wait for room */
    for (size_t i = 0; i < player->catalog->track_count; i++)
        if (!is_track_over(&player->tracks[i]))
            return false;
    return true;
}

/* ---- Subscriptions --------------------------------------------------------------------------- */

static void on_track(struct moq_watcher *watcher, struct moq_group *group)
{
    struct player_track *track = container_of(watcher, struct player_track, watcher);
    (void)group;
    track->player->grown_ns = player_now_ns(track->player);
    player_pump(track->player);
}

static void on_gap(struct moq_watcher *watcher, uint64_t first, uint64_t last, int error)
{
    struct player_track *track = container_of(watcher, struct player_track, watcher);
    (void)error;
    bool is_touching = track->lost_first <= track->lost_last && first == track->lost_last + 1;
    track->lost_first = is_touching ? track->lost_first : first;
    track->lost_last = last;
}

static void on_subscription_closed(struct moq_subscription *subscription, int error)
{
    struct player_track *track = moq_subscription_user(subscription);
    struct player *player = track->player;
    track->subscription = NULL;
    track->over_ns = player_now_ns(player);
    track->error = error;
    log_debug(LOG_TOOL, "track %s ended: %s", player->catalog->tracks[track->index].name,
              moq_error_words(error));
    player_pump(player);
}

static void close_track(struct player_track *track)
{
    if (track->track)
        moq_track_unwatch(track->track, &track->watcher);
    stop_reading(track);
    if (track->subscription)
        moq_subscription_close(&track->subscription);
    moq_track_unref(&track->track);
}

/* Subscribes to a track: from the start that the player was given, or from where it was delivered
 * up to. */
static int open_track(struct player *player, size_t index)
{
    static const struct moq_watcher_ops ops = {
        .on_group = on_track, .on_growth = on_track, .on_gap = on_gap};
    static const struct moq_subscription_events events = {.on_closed = on_subscription_closed};
    const struct player_start *start = &player->start;
    const struct karp_track *described = &player->catalog->tracks[index];
    struct player_track *track = &player->tracks[index];
    const struct player_mark *mark = &player->marks[index];
    uint64_t next = mark->has_begun ? mark->group + (mark->is_finished ? 1 : 0) : start->first;
    const struct moq_wish wish = {(uint8_t)(described->priority + 128), MOQ_ORDER_OLDEST, 0, next,
                                  MOQ_NO_GROUP};
    struct moq_track_config config = {
        .clock = player->clock,
        .priority = wish.priority,
        .order = wish.order,
        .cache = {.age_ns = player->latency_ns + CACHE_EXTRA_NS, .bytes = CACHE_BYTES},
    };
    *track =
        (struct player_track){.player = player, .index = index, .lost_first = 1, .expected = next};
    struct moq_path *path = NULL;
    int error = start->make_path(player->user, described->name, &path);
    if (error)
        return error;
    track->track = moq_track_new(path, &config);
    moq_path_unref(&path);
    if (!track->track)
        return MOQ_ERR_NOMEM;
    track->watcher.ops = &ops;
    moq_track_watch(track->track, &track->watcher);
    track->subscription =
        moq_session_subscribe(start->session, track->track, &wish, &events, track);
    if (!track->subscription) {
        track->over_ns = player_now_ns(player) + 1;
        track->error = MOQ_ERR_CLOSED;
    }
    return 0;
}

/* ---- What fails ------------------------------------------------------------------------------ */

static bool has_begun(const struct player *player)
{
    for (size_t i = 0; i < KARP_CATALOG_MAX_TRACKS; i++)
        if (player->marks[i].has_begun)
            return true;
    return false;
}

static void note_failure(struct player_track *track)
{
    struct player_mark *mark = mark_of_track(track);
    if (!track->error || track->is_error_noted)
        return;
    track->is_error_noted = true;
    mark->failures++;
    mark->was_refused |= !mark->has_begun;
}

static void tell_failure(const struct player_track *track, const char *what_then)
{
    log_warn(LOG_TOOL, "track %s: its subscription failed (%s)%s",
             track->player->catalog->tracks[track->index].name, moq_error_words(track->error),
             what_then);
}

static void retry_track(struct player_track *track)
{
    struct player *player = track->player;
    struct player_mark *mark = mark_of_track(track);
    bool is_whole_asked = player->start.first != MOQ_NO_GROUP && !player->start.may_lack_start;
    uint64_t vain_ns = track->vain_ns;
    if (mark->failures == 1)
        tell_failure(track, "; trying again");
    mark->is_late |= !mark->has_begun && !is_whole_asked && has_begun(player);
    close_track(track);
    int error = open_track(player, track->index);
    track->vain_ns = vain_ns;
    if (error) {
        track->error = error;
        track->over_ns = player_now_ns(player);
    }
}

static uint64_t pause_after(unsigned failures)
{
    uint64_t pause_ns = RETRY_FIRST_NS;
    for (unsigned i = 1; i < failures && pause_ns < RETRY_MOST_NS; i++)
        pause_ns *= 2;
    return smaller_of(pause_ns, RETRY_MOST_NS);
}

void player_retry(struct player *player, struct moq_session *session)
{
    if (player->ended_ns || player->error)
        return;
    player->start.session = session;
    for (size_t i = 0; i < player->catalog->track_count; i++) {
        struct player_track *track = &player->tracks[i];
        note_failure(track);
        bool is_due =
            player_now_ns(player) - track->over_ns >= pause_after(player->marks[i].failures);
        if (track->error && is_due && is_track_over(track))
            retry_track(track);
    }
}

bool player_has_broken_off(const struct player *player)
{
    for (size_t i = 0; i < player->catalog->track_count; i++)
        if (player->tracks[i].error && player->marks[i].has_begun)
            return true;
    return false;
}

/* Counts the groups after the last one read that will never come. */
static void count_last_gap(struct player_track *track)
{
    struct player_mark *mark = mark_of_track(track);
    bool is_missed = mark->has_begun || !track->player->start.may_lack_start;
    bool is_gap = track->lost_first <= track->lost_last && track->lost_last >= track->expected;
    if (!track->track || !is_missed || !is_gap || track->expected == MOQ_NO_GROUP)
        return;
    uint64_t first = track->lost_first > track->expected ? track->lost_first : track->expected;
    bool is_cut_one = mark->has_begun && !mark->is_finished && first == mark->group;
    track->player->groups_skipped += track->lost_last - first + !is_cut_one;
    track->lost_first = track->lost_last + 1;
    track->expected = track->lost_last + 1;
}

/* Counts what was still under way as missing. */
static void settle_marks(struct player *player)
{
    for (size_t i = 0; i < KARP_CATALOG_MAX_TRACKS; i++) {
        struct player_mark *mark = &player->marks[i];
        player->groups_cut += mark->has_begun && !mark->is_finished;
        player->tracks_refused += mark->was_refused && !mark->has_begun;
        player->tracks_late += mark->is_late && mark->has_begun;
        mark->is_finished = true;
        mark->was_refused = mark->is_late = false;
    }
}

void player_settle(struct player *player)
{
    for (size_t i = 0; player->catalog && i < player->catalog->track_count; i++) {
        struct player_track *track = &player->tracks[i];
        if (track->error && !track->is_error_noted && !player->marks[i].has_begun)
            tell_failure(track, "");
        note_failure(track);
        count_last_gap(track);
    }
    settle_marks(player);
}

/* ---- One instance ---------------------------------------------------------------------------- */

static void forget_marks(struct player *player)
{
    settle_marks(player);
    memset(player->marks, 0, sizeof player->marks);
    player->timeline = (struct karp_timeline){.has_begun = false};
}

int player_open(struct player *player, struct karp_catalog *catalog,
                const struct player_start *start)
{
    player->catalog = catalog;
    player->start = *start;
    player->is_playing = player->has_successor = false;
    player->ended_ns = player->grown_ns = 0;
    player->error = 0;
    if (!start->is_resuming)
        forget_marks(player);
    for (size_t i = 0; i < catalog->track_count; i++) {
        int error = open_track(player, i);
        if (error) {
            player_close(player);
            return error;
        }
    }
    return 0;
}

void player_close(struct player *player)
{
    for (size_t i = 0; player->catalog && i < player->catalog->track_count; i++)
        close_track(&player->tracks[i]);
    karp_catalog_free(player->catalog);
    player->catalog = NULL;
    player->is_playing = false;
}

bool player_is_open(const struct player *player)
{
    return player->catalog != NULL;
}

void player_play(struct player *player)
{
    player->is_playing = true;
    player_pump(player);
}

void player_end(struct player *player, bool has_successor)
{
    player->has_successor |= has_successor;
    if (!player->ended_ns)
        player->ended_ns = player_now_ns(player);
}

bool player_differs(const struct player *player, const struct karp_catalog *catalog)
{
    for (size_t i = 0; i < catalog->track_count; i++) {
        const struct karp_track *known =
            karp_catalog_find(player->catalog, catalog->tracks[i].name);
        if (!known || !karp_track_equals(known, &catalog->tracks[i]))
            return true;
    }
    return false;
}
