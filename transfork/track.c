/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tracks: groups in order of their sequences. Step 8 of a frame's walk ends here and step 9 begins:
 * the watchers are told (transfork/watchers.c). track_cache.c decides how much is kept.
 *
 * No group comes back below one that was dropped (MOQ_ERR_EXPIRED), so a viewer never gets the same
 * group twice. If a publisher starts again with lower numbers, its groups are dropped until its
 * numbers exceed that, or until it announces the path anew, which makes a new track. */
#include "transfork/track.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/objects.h"
#include "base/varint.h"
#include "transfork/group.h"

/* ---- Life ------------------------------------------------------------------------------------ */

struct moq_track *moq_track_new(struct moq_path *path, const struct moq_track_config *config)
{
    REQUIRE(path && config->clock);
    struct moq_track *track = calloc(1, sizeof *track);
    if (!track)
        return NULL;
    track->path = moq_path_ref(path);
    track->config = *config;
    track->refs = 1;
    list_init(&track->groups);
    list_init(&track->followed);
    track_init_watchers(track);
    object_born(OBJECT_track);
    return track;
}

struct moq_track *moq_track_ref(struct moq_track *track)
{
    track->refs++;
    return track;
}

void track_end_group(struct moq_track *track, struct moq_group *group, int error)
{
    if (group->is_ended)
        return;
    group_end(group, error, track_stamp(track));
    track->open_count--;
    track_tell_growth(track, group);
}

void track_forget_group(struct moq_track *track, struct moq_group *group)
{
    list_remove(&kept_of(group)->node);
    track->group_count--;
    track->dropped_count++;
    track->cached_bytes -= group->counted_bytes;
    if (track->floor <= group->sequence)
        track->floor = group->sequence + 1;
    moq_group_unref(&group);
}

void moq_track_unref(struct moq_track **track)
{
    struct moq_track *mine = *track;
    *track = NULL;
    REQUIRE(!mine || mine->refs > 0);
    if (!mine || --mine->refs > 0)
        return;
    track_drop_watchers(mine);
    while (!list_is_empty(&mine->groups)) {
        struct moq_group *group = track_group_at(mine->groups.next);
        group_end(group, MOQ_ERR_CANCELLED, track_stamp(mine));
        track_forget_group(mine, group);
    }
    moq_path_unref(&mine->path);
    free(mine);
    object_died(OBJECT_track);
}

struct moq_path *moq_track_path(const struct moq_track *track)
{
    return track->path;
}

const struct moq_track_config *moq_track_config(const struct moq_track *track)
{
    return &track->config;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* The node after which `sequence` belongs: the head, or a group with a lower or the same one. The
 * search begins at the newest, where most groups belong. */
static struct list *find_group_place(const struct moq_track *track, uint64_t sequence)
{
    struct list *node = track->groups.prev;
    while (node != &track->groups && track_group_at(node)->sequence > sequence)
        node = node->prev;
    return node;
}

static int admit_sequence(const struct moq_track *track, const struct list *place,
                          uint64_t sequence)
{
    if (track->has_ended)
        return MOQ_ERR_CLOSED;
    if (sequence > VARINT_MAX)
        return MOQ_ERR_INVALID;
    if (place != &track->groups && track_group_at(place)->sequence == sequence)
        return MOQ_ERR_DUPLICATE;
    if (sequence < track->floor || track_is_full_for(track, sequence))
        return MOQ_ERR_EXPIRED;
    return 0;
}

static void insert_group(struct moq_track *track, struct list *place, struct moq_group *group)
{
    list_insert_between(&kept_of(group)->node, place, place->next);
    if (kept_of(group)->node.next != &track->groups)
        group->superseded_ns = track_group_at(kept_of(group)->node.next)->started_ns;
    if (place != &track->groups && track_group_at(place)->superseded_ns == 0)
        track_group_at(place)->superseded_ns = group->started_ns;
    if (group->sequence > track->latest)
        track->latest = group->sequence;
    track->group_count++;
    track->open_count++;
}

/* Drops the references that were held while watchers were told, and returns the group unless there
 * was an error. */
static int hand_out_group(struct moq_track *track, struct moq_group *made, int error,
                          struct moq_group **group)
{
    if (track->refs == 1)
        error = MOQ_ERR_CLOSED; /* a watcher dropped the last other reference */
    if (!error)
        *group = made;
    moq_group_unref(&made);
    moq_track_unref(&track);
    return error;
}

int moq_track_open_group(struct moq_track *track, uint64_t sequence, struct moq_group **group)
{
    struct list *place = find_group_place(track, sequence);
    int error = admit_sequence(track, place, sequence);
    if (error)
        return error;
    struct moq_group *made = group_new(sequence, track_stamp(track));
    if (!made)
        return MOQ_ERR_NOMEM;

    struct moq_track *kept = moq_track_ref(track);
    insert_group(track, place, moq_group_ref(made));
    track_tell_group(track, made);
    track_make_room(track);
    return hand_out_group(kept, made, made->is_ended ? MOQ_ERR_EXPIRED : 0, group);
}

static void count_bytes(struct moq_track *track, struct moq_group *group, uint64_t bytes)
{
    track->cached_bytes += bytes - group->counted_bytes;
    group->counted_bytes = bytes;
}

void moq_track_drop_read(struct moq_track *track, const struct moq_group_reader *reader)
{
    struct moq_group *group = reader->group;
    struct moq_group_body *body = group->body;
    if (group->is_adopted || __atomic_load_n(&body->refs, __ATOMIC_ACQUIRE) > 1)
        return;
    bytes_log_trim(&body->log, reader->position);
    if (!list_is_empty(&kept_of(group)->node))
        count_bytes(track, group, bytes_log_footprint(&body->log));
}

/* Follows what the writer of the body has published since the last time. The caller holds
 * references to both. */
static void follow_group(struct moq_track *track, struct moq_group *group)
{
    if (group->is_ended)
        return;
    /* Asked before the length, so that it is the last one. */
    bool has_ended = body_has_ended(group->body);
    uint64_t length = moq_group_length(group);
    bool has_grown = length > group->counted_bytes;
    count_bytes(track, group, length);
    if (has_ended)
        track_end_group(track, group, group->body->error);
    else if (has_grown)
        track_tell_growth(track, group);
    if (has_grown)
        track_trim(track);
}

/* Each goes back into the list before it is looked at, because a watcher may end any of them, adopt
 * others, or call this again. */
void moq_track_follow(struct moq_track *track)
{
    if (list_is_empty(&track->followed))
        return;
    struct moq_track *kept = moq_track_ref(track);
    struct list todo;
    list_init(&todo);
    list_move_all(&track->followed, &todo);
    for (struct list *node; (node = list_pop_front(&todo));) {
        struct kept_group *followed = container_of(node, struct kept_group, follow_node);
        struct moq_group *group = moq_group_ref(&followed->group);
        list_push_back(&track->followed, node);
        follow_group(track, group);
        moq_group_unref(&group);
    }
    moq_track_unref(&kept);
}

/* The first that is adopted and grows. `followed` may lack it while moq_track_follow walks. */
static struct moq_group *first_followed(const struct moq_track *track)
{
    list_for_each (node, &track->groups)
        if (track_group_at(node)->is_adopted && !track_group_at(node)->is_ended)
            return track_group_at(node);
    return NULL;
}

void moq_track_unfollow(struct moq_track *track, int error)
{
    struct moq_track *kept = moq_track_ref(track);
    struct moq_group *group;
    moq_track_follow(track); /* groups whose body has ended end the same way here */
    while ((group = first_followed(track))) {
        moq_group_ref(group);
        track_end_group(track, group, error);
        moq_group_unref(&group);
    }
    moq_track_unref(&kept);
}

static int adopt_body(struct moq_track *track, uint64_t sequence, struct moq_group_body *body,
                      struct moq_group **made)
{
    struct list *place = find_group_place(track, sequence);
    int error = admit_sequence(track, place, sequence);
    if (error)
        return error;
    *made = group_adopt(sequence, track_stamp(track), body);
    if (!*made)
        return MOQ_ERR_NOMEM;
    insert_group(track, place, moq_group_ref(*made));
    list_push_back(&track->followed, &kept_of(*made)->follow_node);
    track_tell_group(track, *made);
    follow_group(track, *made);
    track_make_room(track);
    return list_is_empty(&kept_of(*made)->node) ? MOQ_ERR_EXPIRED : 0;
}

int moq_track_adopt_group(struct moq_track *track, uint64_t sequence, struct moq_group_body *body,
                          struct moq_group **group)
{
    struct moq_track *kept = moq_track_ref(track);
    struct moq_group *made = NULL;
    moq_track_follow(track);
    int error = adopt_body(track, sequence, body, &made);
    return hand_out_group(kept, made, error, group);
}

/* Turns the group into one that grows again, without bytes. */
static void restart_group(struct moq_track *track, struct moq_group *group,
                          struct moq_group_body *body)
{
    if (group->is_ended)
        track->open_count++;
    count_bytes(track, group, 0);
    group_replace(group, body);
    if (list_is_empty(&kept_of(group)->follow_node))
        list_push_back(&track->followed, &kept_of(group)->follow_node);
}

int moq_track_replace_group(struct moq_track *track, struct moq_group *group,
                            struct moq_group_body *body)
{
    if (!group->is_adopted || list_is_empty(&kept_of(group)->node) || track->has_ended)
        return MOQ_ERR_INVALID;
    struct moq_track *kept = moq_track_ref(track);
    moq_group_ref(group);
    restart_group(track, group, body);
    track_tell_replaced(track, group);
    follow_group(track, group);
    track_make_room(track);
    moq_group_unref(&group);
    moq_track_unref(&kept);
    return 0;
}

/* Adds bytes; nobody is told yet. */
static int add_bytes(struct moq_track *track, struct moq_group *group, const void *data, size_t n)
{
    int error = group_append(group, data, n);
    if (!error)
        count_bytes(track, group, bytes_log_footprint(&group->body->log));
    return error;
}

/* Tells watchers of bytes that were added. MOQ_ERR_CLOSED: they were too many for the track, which
 * cut this group. */
static int tell_bytes_added(struct moq_track *track, struct moq_group *group)
{
    struct moq_track *kept = moq_track_ref(track);
    moq_group_ref(group);
    track_tell_growth(track, group);
    track_trim(track);
    int error = group->is_ended ? MOQ_ERR_CLOSED : 0;
    moq_group_unref(&group);
    moq_track_unref(&kept);
    return error;
}

int moq_track_append(struct moq_track *track, struct moq_group *group, const void *data, size_t n)
{
    int error = add_bytes(track, group, data, n);
    return error || n == 0 ? error : tell_bytes_added(track, group);
}

int moq_track_write_frame(struct moq_track *track, struct moq_group *group, const void *payload,
                          size_t size)
{
    uint8_t header[VARINT_MAX_BYTES];
    size_t header_bytes = varint_encode(header, size);
    if (group->is_ended || group->is_adopted)
        return MOQ_ERR_CLOSED;
    if (size > MOQ_FRAME_MAX_BYTES ||
        header_bytes + size > MOQ_GROUP_MAX_BYTES - moq_group_length(group))
        return MOQ_ERR_BOUNDS;

    int error = add_bytes(track, group, header, header_bytes);
    if (error)
        return error;
    error = add_bytes(track, group, payload, size);
    if (error) { /* half a frame has been published and cannot be withdrawn */
        moq_track_abort_group(track, group, error);
        return error;
    }
    return tell_bytes_added(track, group);
}

void moq_track_abort_group(struct moq_track *track, struct moq_group *group, int error)
{
    if (group->is_adopted && !error)
        return; /* its last bytes may still be on their way */
    struct moq_track *kept = moq_track_ref(track);
    moq_group_ref(group);
    track_end_group(track, group, error);
    moq_group_unref(&group);
    moq_track_unref(&kept);
}

void moq_track_finish_group(struct moq_track *track, struct moq_group *group)
{
    moq_track_abort_group(track, group, 0);
}

void moq_track_end(struct moq_track *track, int error)
{
    if (track->has_ended)
        return;
    struct moq_track *kept = moq_track_ref(track);
    track->has_ended = true;
    track->error = error;
    while (error && track_cut_lowest(track, error))
        ;
    if (error && !list_is_empty(&track->groups))
        moq_track_abort_group(track, moq_track_newest(track), error);
    track_tell_end(track, error);
    moq_track_unref(&kept);
}

bool moq_track_has_ended(const struct moq_track *track, int *error)
{
    if (error)
        *error = track->error;
    return track->has_ended;
}

void moq_track_expect(struct moq_track *track, uint64_t first, uint64_t until_ns)
{
    bool is_pending = track_stamp(track) < track->expected_until_ns;
    track->expected_from =
        is_pending && track->expected_from < first ? track->expected_from : first;
    track->expected_until_ns = until_ns;
}

/* ---- Looking --------------------------------------------------------------------------------- */

static struct moq_group *group_or_null(const struct moq_track *track, struct list *node)
{
    return node == &track->groups ? NULL : track_group_at(node);
}

struct moq_group *moq_track_newest(const struct moq_track *track)
{
    return group_or_null(track, track->groups.prev);
}

struct moq_group *moq_track_oldest(const struct moq_track *track)
{
    return group_or_null(track, track->groups.next);
}

struct moq_group *moq_track_find(const struct moq_track *track, uint64_t sequence)
{
    struct moq_group *group = group_or_null(track, find_group_place(track, sequence));
    return group && group->sequence == sequence ? group : NULL;
}

struct moq_group *moq_track_after(const struct moq_track *track, const struct moq_group *group)
{
    bool is_kept = !list_is_empty(&kept_of(group)->node);
    return group_or_null(track, is_kept ? kept_of(group)->node.next
                                        : find_group_place(track, group->sequence)->next);
}

uint64_t moq_track_latest(const struct moq_track *track)
{
    return track->latest;
}

uint64_t moq_track_cached_bytes(const struct moq_track *track)
{
    return track->cached_bytes;
}
