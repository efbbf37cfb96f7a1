/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which groups a viewer is done with, and telling its peer which groups it will not get. */
#include "transfork/message.h"
#include "transfork/track.h"
#include "transfork/viewer.h"

static bool has_gap(const struct moq_viewer *viewer)
{
    return viewer->gap.first <= viewer->gap.last;
}

void viewer_clear_gap(struct moq_viewer *viewer)
{
    viewer->gap = (struct sequence_run){1, 0};
}

void viewer_tell_gap(struct moq_viewer *viewer)
{
    if (!has_gap(viewer))
        return;
    struct msg_gap msg = {viewer->gap.first, viewer->gap.last - viewer->gap.first,
                          moq_error_to_wire(viewer->gap_error)};
    struct stream_message message;
    int error = message_encode_gap(stream_compose(&message), &msg);
    error = stream_send(viewer->stream, &message, error);
    viewer_clear_gap(viewer);
    if (error && error != MOQ_ERR_CLOSED)
        viewer->failure = error;
}

void viewer_add_gap(struct moq_viewer *viewer, struct sequence_run run, int error)
{
    if (viewer->wish.max != MOQ_NO_GROUP && run.last > viewer->wish.max)
        run.last = viewer->wish.max;
    if (run.first > run.last)
        return;
    bool is_same = moq_error_to_wire(error) == moq_error_to_wire(viewer->gap_error);
    if (has_gap(viewer) && is_same && run.first == viewer->gap.last + 1) {
        viewer->gap.last = run.last;
        return;
    }
    viewer_tell_gap(viewer);
    viewer->gap = run;
    viewer->gap_error = error;
}

uint64_t viewer_missed_in_hole(const struct moq_track *track, struct sequence_run hole,
                               uint64_t *dropped_counted)
{
    uint64_t end = hole.last < track->floor ? hole.last + 1 : track->floor;
    uint64_t count = end > hole.first ? end - hole.first : 0;
    uint64_t most = track->dropped_count - *dropped_counted;
    count = count < most ? count : most;
    *dropped_counted += count;
    return count;
}

static uint64_t missed_in_hole(struct moq_viewer *viewer, struct sequence_run hole)
{
    return viewer_missed_in_hole(viewer->track, hole, &viewer->dropped_counted);
}

void viewer_mark_done(struct moq_viewer *viewer, struct sequence_run run)
{
    struct sequence_run given_up;
    if (!sequences_add(&viewer->done, run.first, run.last, &given_up))
        return;
    viewer->stats.groups_skipped += missed_in_hole(viewer, given_up);
    viewer_add_gap(viewer, given_up, MOQ_ERR_EXPIRED);
}

void viewer_lose(struct moq_viewer *viewer, struct sequence_run run, int error)
{
    viewer->stats.groups_skipped +=
        error == MOQ_ERR_NOT_FOUND ? missed_in_hole(viewer, run) : run.last - run.first + 1;
    viewer_pass_on_loss(viewer, run, error);
}

/* How many groups of `run` are in the track. */
static uint64_t count_kept(const struct moq_track *track, struct sequence_run run)
{
    uint64_t count = 0;
    list_for_each (node, &track->groups) {
        uint64_t sequence = track_group_at(node)->sequence;
        count += run.first <= sequence && sequence <= run.last;
    }
    return count;
}

void viewer_skip_run(struct moq_viewer *viewer, struct sequence_run run)
{
    viewer->stats.groups_skipped += count_kept(viewer->track, run) + missed_in_hole(viewer, run);
    viewer_pass_on_loss(viewer, run, MOQ_ERR_EXPIRED);
}

void viewer_pass_on_loss(struct moq_viewer *viewer, struct sequence_run run, int error)
{
    viewer_mark_done(viewer, run);
    viewer_add_gap(viewer, run, error);
}
