/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The scripted input: groups that have arrived wait in it until they are read. */
#include "tests/unit/karp/input_script.h"

#include "tests/unit/prologue.h"

#include <string.h>

#include "base/error.h"

static int open_track(void *user, struct karp_playback_track *playing,
                      const struct karp_wanted *wanted, void **handle)
{
    struct input_script *script = user;
    struct script_track *track = &script->tracks[strcmp(wanted->name, "v") == 0 ? 0 : 1];
    assert_null(track->playing);
    track->opened++;
    track->first = wanted->first;
    if (track->open_error)
        return track->open_error;
    track->script = script;
    track->playing = playing;
    track->at = NULL;
    track->is_left = track->is_told = false;
    *handle = track;
    return 0;
}

static void close_track(void *user, void *handle)
{
    struct script_track *track = handle;
    const struct input_script *script = user;
    assert_non_null(track->playing);
    track->playing = NULL;
    if (script->is_forgetful)
        script_clear(track);
}

static bool is_wanted(const struct script_track *track, const struct script_group *group)
{
    if (track->at)
        return group->sequence > track->at->sequence;
    return track->first == KARP_ANY_GROUP || group->sequence >= track->first;
}

static struct script_group *find_next(struct script_track *track)
{
    struct script_group *best = NULL;
    for (size_t i = 0; i < track->count; i++) {
        struct script_group *group = &track->groups[i];
        if (is_wanted(track, group) && (!best || group->sequence < best->sequence))
            best = group;
    }
    return best;
}

static bool is_in_group(const struct script_track *track)
{
    const struct script_group *at = track->at;
    return at && !track->is_left && !(at->is_ended && track->next_frame == at->count);
}

static bool next_group(void *user, void *handle, struct karp_input_group *group)
{
    struct script_track *track = handle;
    struct input_script *script = user;
    assert_non_null(track->playing);
    if (script->is_pull_only && is_in_group(track))
        return false;
    const struct script_group *next = find_next(track);
    if (next)
        *group = (struct karp_input_group){next->sequence, next->began_ns};
    if (!next && script->is_pull_only && track->is_ended && !track->is_told) {
        track->is_told = true;
        karp_playback_on_end(track->playing, track->error);
    }
    return next != NULL;
}

static void begin_group(void *user, void *handle)
{
    struct script_track *track = handle;
    (void)user;
    track->at = find_next(track);
    assert_non_null(track->at);
    track->next_frame = 0;
    track->is_left = false;
}

static int read_frame(void *user, void *handle, const uint8_t **data, size_t *size)
{
    struct script_track *track = handle;
    struct script_group *group = track->at;
    (void)user;
    assert_non_null(group);
    assert_false(track->is_left);
    if (track->next_frame == group->count)
        return !group->is_ended ? MOQ_ERR_AGAIN : group->error ? group->error : MOQ_ERR_END;
    const struct script_frame *frame = &group->frames[track->next_frame++];
    *data = frame->data;
    *size = frame->size;
    return 0;
}

static uint64_t superseded_ns(void *user, const void *handle)
{
    const struct input_script *script = user;
    const struct script_track *track = handle;
    return script->is_pull_only ? 0 : track->at->superseded_ns;
}

static void leave_group(void *user, void *handle, int error)
{
    struct script_track *track = handle;
    (void)user;
    assert_int_not_equal(error, 0);
    track->is_left = true;
    track->left++;
}

const struct karp_input input_script = {
    .open_track = open_track,
    .close_track = close_track,
    .next_group = next_group,
    .begin_group = begin_group,
    .read_frame = read_frame,
    .superseded_ns = superseded_ns,
    .leave_group = leave_group,
};

void script_clear(struct script_track *track)
{
    assert_null(track->playing);
    track->count = 0;
    track->at = NULL;
    track->is_ended = false;
    track->error = 0;
}

static void tell_growth(const struct script_track *track)
{
    if (track->playing)
        karp_playback_on_growth(track->playing);
}

struct script_group *script_begin(struct input_script *script, size_t index, uint64_t sequence)
{
    struct script_track *track = &script->tracks[index];
    assert_true(track->count < SCRIPT_GROUPS);
    for (size_t i = 0; i < track->count; i++)
        if (track->groups[i].sequence < sequence && !track->groups[i].superseded_ns)
            track->groups[i].superseded_ns = script->clock->now_ns;
    struct script_group *group = &track->groups[track->count++];
    *group = (struct script_group){
        .track = track, .sequence = sequence, .began_ns = script->clock->now_ns};
    tell_growth(track);
    return group;
}

void script_write(struct script_group *group, uint64_t from_us, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_true(group->count < SCRIPT_FRAMES);
        struct script_frame *frame = &group->frames[group->count];
        frame->size = karp_frame_header(from_us + i * SCRIPT_FRAME_US, frame->data);
        frame->data[frame->size++] = 'x';
        group->count++;
        tell_growth(group->track);
    }
}

void script_finish(struct script_group *group, int error)
{
    group->is_ended = true;
    group->error = error;
    tell_growth(group->track);
}

void script_end(struct input_script *script, size_t index, int error)
{
    struct script_track *track = &script->tracks[index];
    track->is_ended = true;
    track->error = error;
    if (track->playing && !script->is_pull_only)
        karp_playback_on_end(track->playing, error);
}

void script_publish(struct input_script *script, size_t track, uint64_t sequence, size_t count)
{
    struct script_group *group = script_begin(script, track, sequence);
    script_write(group, sequence * 1000000, count);
    script_finish(group, 0);
}
