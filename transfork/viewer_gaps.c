/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a viewer is done with, and what its peer is told that it will not get.
 * Tested by tests/unit/transfork/test_ranges.c. */
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

void viewer_mark_done(struct moq_viewer *viewer, struct sequence_run run)
{
    struct sequence_run given_up;
    if (!sequences_add(&viewer->done, run.first, run.last, &given_up))
        return;
    viewer->stats.groups_skipped += given_up.last - given_up.first + 1;
    viewer_add_gap(viewer, given_up, MOQ_ERR_EXPIRED);
}

void viewer_lose(struct moq_viewer *viewer, struct sequence_run run, int error)
{
    /* Nobody knows whether there were groups in a hole, except below what the cache dropped. */
    uint64_t floor = viewer->track->floor, end = run.last + 1;
    if (error == MOQ_ERR_NOT_FOUND && end > floor)
        end = floor;
    viewer_mark_done(viewer, run);
    if (end > run.first)
        viewer->stats.groups_skipped += end - run.first;
    viewer_add_gap(viewer, run, error);
}
