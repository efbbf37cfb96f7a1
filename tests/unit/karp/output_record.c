/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tracks stay in the record after they are withdrawn, so that a test can look at them. */
#include "tests/unit/karp/output_record.h"

#include "tests/unit/prologue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

void output_record_init(struct output_record *record)
{
    *record = (struct output_record){.offers_allowed = RECORD_TRACKS,
                                     .group_max_bytes = KARP_BROADCAST_GROUP_MAX_BYTES};
}

void output_record_deinit(struct output_record *record)
{
    for (size_t i = 0; i < record->track_count; i++)
        free(record->tracks[i]);
    record->track_count = 0;
}

struct record_track *record_track_of(const struct output_record *record, const char *name)
{
    for (size_t i = record->track_count; i-- > 0;)
        if (strcmp(record->tracks[i]->name, name) == 0)
            return record->tracks[i];
    fail_msg("there is no track \"%s\"", name);
    return NULL;
}

static struct record_track *open_track(void *user, void *handle)
{
    struct record_track *track = handle;
    assert_ptr_equal(track->record, user);
    assert_false(track->is_withdrawn);
    return track;
}

static int offer_track(void *user, const struct karp_offer *offer, void **handle)
{
    struct output_record *record = user;
    if (record->track_count == record->offers_allowed)
        return MOQ_ERR_BOUNDS;
    struct record_track *track = calloc(1, sizeof *track);
    assert_non_null(track);
    track->record = record;
    track->priority = offer->priority;
    track->hash = UINT64_C(1469598103934665603);
    snprintf(track->id, sizeof track->id, "%s", offer->id);
    snprintf(track->name, sizeof track->name, "%s", offer->name ? offer->name : "");
    record->tracks[record->track_count++] = track;
    record->offered++;
    *handle = track;
    return 0;
}

static int open_group(void *user, void *handle, uint64_t sequence, void **group)
{
    struct record_track *track = open_track(user, handle);
    assert_false(track->is_ended);
    assert_false(track->is_group_open);
    assert_true(track->groups == 0 || sequence > track->group.sequence);
    track->is_group_open = true;
    track->group = (struct record_group){.sequence = sequence};
    track->groups++;
    *group = &track->group;
    return 0;
}

static void add_bytes(struct record_track *track, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) /* FNV-1a */
        track->hash = (track->hash ^ data[i]) * UINT64_C(1099511628211);
    track->bytes += size;
}

static int write_frame(void *user, void *handle, void *group, const struct karp_frame_bytes *frame)
{
    struct record_track *track = open_track(user, handle);
    assert_true(track->is_group_open);
    assert_ptr_equal(group, &track->group);
    track->group.bytes += frame->head_size + frame->body_size;
    if (track->group.bytes > track->record->group_max_bytes)
        return MOQ_ERR_BOUNDS;
    add_bytes(track, frame->head, frame->head_size);
    add_bytes(track, frame->body, frame->body_size);
    track->frames++;
    if (frame->body_size < sizeof track->last) {
        memcpy(track->last, frame->body, frame->body_size);
        track->last[frame->body_size] = '\0';
    }
    return 0;
}

static void close_group(void *user, void *handle, void *group, int error)
{
    struct record_track *track = open_track(user, handle);
    assert_true(track->is_group_open);
    assert_ptr_equal(group, &track->group);
    track->is_group_open = false;
    track->group_error = error;
}

static void end_track(void *user, void *handle)
{
    struct record_track *track = open_track(user, handle);
    assert_false(track->is_group_open);
    track->is_ended = true;
}

static void withdraw_track(void *user, void *handle, int error)
{
    struct record_track *track = open_track(user, handle);
    assert_false(track->is_group_open);
    track->is_withdrawn = true;
    track->withdraw_error = error;
    track->record->offered--;
}

static void on_warning(void *user, const char *line)
{
    struct output_record *record = user;
    size_t used = strlen(record->warnings);
    snprintf(record->warnings + used, sizeof record->warnings - used, "%s\n", line);
}

const struct karp_output output_recorder = {
    .offer_track = offer_track,
    .open_group = open_group,
    .write_frame = write_frame,
    .close_group = close_group,
    .end_track = end_track,
    .withdraw_track = withdraw_track,
    .on_warning = on_warning,
};
