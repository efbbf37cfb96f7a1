/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A track of the broadcast is a source, offered under the broadcast's path, the id of the instance
 * and the name of the track. Somebody watches the broadcast while somebody watches any of them.
 * Tested by tests/e2e/test_ingest.py. */
#include "modules/karp/track.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "modules/karp/guest.h"
#include "modules/karp/request.h"

enum {
    /* What is kept for viewers that join late or read slowly, as by moq-karp publish. */
    MEDIA_GROUPS = 127,
    MEDIA_AGE_S = 15,
    NEUTRAL_PRIORITY = 128,
    TRACK_PATH_BYTES = 3 * (REQUEST_PATH_BYTES + KARP_ID_MAX_BYTES + KARP_TRACK_NAME_MAX_BYTES),
};

struct output {
    struct track_writer *writer;
    struct host_offer offer; /* `path` points to the copy below */
    char path[REQUEST_PATH_BYTES];
    struct list tracks;
    bool is_live;
};

struct track {
    struct list link;
    struct output *output;
    struct relay_source *source;
    struct relay_group *group;
    bool is_live;
};

static int moq_error_of(int error)
{
    switch (error) {
    case 0:
        return 0;
    case RELAY_ERR_BOUNDS:
    case RELAY_ERR_CLOSED: /* a group that was cut because the track's memory is used up */
        return MOQ_ERR_BOUNDS;
    case RELAY_ERR_NOMEM:
        return MOQ_ERR_NOMEM;
    case RELAY_ERR_REFUSED:
        return MOQ_ERR_REFUSED;
    case RELAY_ERR_DUPLICATE:
        return MOQ_ERR_DUPLICATE;
    default:
        return MOQ_ERR_INVALID;
    }
}

static int relay_error_of(int error)
{
    switch (error) {
    case 0:
        return 0;
    case MOQ_ERR_BOUNDS:
        return RELAY_ERR_BOUNDS;
    case MOQ_ERR_MEDIA:
        return RELAY_ERR_MEDIA;
    case MOQ_ERR_OFFLINE:
        return RELAY_ERR_OFFLINE;
    default:
        return RELAY_ERR_FAILED;
    }
}

/* ---- Interest -------------------------------------------------------------------------------- */

static bool is_any_live(const struct output *output)
{
    list_for_each (node, &output->tracks)
        if (container_of(node, struct track, link)->is_live)
            return true;
    return false;
}

static void tell_interest(struct output *output)
{
    bool is_live = is_any_live(output);
    if (is_live == output->is_live)
        return;
    output->is_live = is_live;
    if (is_live)
        output->offer.on_live(output->offer.owner);
    else
        output->offer.on_idle(output->offer.owner);
}

static void on_refused(struct relay_source *source, void *user, enum relay_denial code,
                       const char *reason)
{
    const struct track *track = user;
    struct verdict why;
    (void)source;
    guest_explain_denial(&why, code, reason);
    track->output->offer.on_refused(track->output->offer.owner, &why);
}

static void on_live(struct relay_source *source, void *user)
{
    struct track *track = user;
    (void)source;
    track->is_live = true;
    tell_interest(track->output);
}

static void on_idle(struct relay_source *source, void *user)
{
    struct track *track = user;
    (void)source;
    track->is_live = false;
    tell_interest(track->output);
}

/* ---- The table ------------------------------------------------------------------------------- */

/* A name is any text of the catalog; here it is video1, or the like. */
static int write_path(const struct output *output, const struct karp_offer *offer,
                      char path[TRACK_PATH_BYTES])
{
    int n = snprintf(path, TRACK_PATH_BYTES, "%s/%s%s%s", output->path, offer->id,
                     offer->name ? "/" : "", offer->name ? offer->name : "");
    return n < TRACK_PATH_BYTES ? 0 : MOQ_ERR_BOUNDS;
}

static int offer_track(void *user, const struct karp_offer *offer, void **handle)
{
    static const struct relay_source_ops ops = {
        .size = sizeof ops, .on_live = on_live, .on_idle = on_idle, .on_refused = on_refused};
    struct output *output = user;
    char path[TRACK_PATH_BYTES];
    const struct relay_offer relay_offer = {
        .size = sizeof relay_offer,
        .path = path,
        .guest = guest_handle(output->offer.guest),
        .groups = offer->name ? MEDIA_GROUPS : 0,
        .age_ns = offer->name ? MEDIA_AGE_S * NS_PER_S : 0,
        .priority = (uint32_t)(NEUTRAL_PRIORITY + offer->priority),
        .order = RELAY_ORDER_NEWEST,
    };
    if (output->offer.guest && !relay_offer.guest)
        return MOQ_ERR_REFUSED; /* the relay has ended it; without a guest nobody would be asked */
    struct track *track = calloc(1, sizeof *track);
    if (!track || write_path(output, offer, path)) {
        free(track);
        return MOQ_ERR_NOMEM;
    }
    track->output = output;
    int error =
        relay_source_open(output->writer->worker, &relay_offer, &ops, track, &track->source);
    if (error) {
        free(track);
        return moq_error_of(error);
    }
    list_push_back(&output->tracks, &track->link);
    *handle = track;
    return 0;
}

static int open_group(void *user, void *handle, uint64_t sequence, void **group)
{
    struct track *track = handle;
    (void)user;
    *group = track;
    return moq_error_of(relay_group_open(track->source, sequence, &track->group));
}

static int write_frame(void *user, void *handle, void *group, const struct karp_frame_bytes *frame)
{
    struct output *output = user;
    struct track *track = handle;
    struct byte_buf *joined = &output->writer->frame;
    (void)group;
    byte_buf_consume(joined, joined->size);
    int error = byte_buf_append(joined, frame->head, frame->head_size);
    if (!error)
        error = byte_buf_append(joined, frame->body, frame->body_size);
    return error ? error
                 : moq_error_of(relay_group_write(track->group, joined->data, joined->size));
}

static void close_group(void *user, void *handle, void *group, int error)
{
    struct track *track = handle;
    (void)user, (void)group;
    relay_group_close(&track->group, relay_error_of(error));
}

static void end_track(void *user, void *handle)
{
    struct track *track = handle;
    (void)user;
    relay_source_end(track->source, 0);
}

static void withdraw_track(void *user, void *handle, int error)
{
    struct track *track = handle;
    (void)user;
    relay_source_close(&track->source, relay_error_of(error));
    list_remove(&track->link);
    free(track);
}

static void on_warning(void *user, const char *line)
{
    const struct output *output = user;
    host_log(output->writer->host, HOST_WARN, "%s: %s", output->path, line);
}

/* ---- Outputs --------------------------------------------------------------------------------- */

void track_writer_init(struct track_writer *writer, struct relay_worker *worker,
                       const struct host *host)
{
    writer->worker = worker;
    writer->host = host;
    byte_buf_init(&writer->frame, RELAY_FRAME_MAX_BYTES);
}

void track_writer_deinit(struct track_writer *writer)
{
    byte_buf_deinit(&writer->frame);
}

int track_open_output(struct track_writer *writer, const struct host_offer *offer,
                      struct host_output *result)
{
    static const struct karp_output table = {
        .offer_track = offer_track,
        .open_group = open_group,
        .write_frame = write_frame,
        .close_group = close_group,
        .end_track = end_track,
        .withdraw_track = withdraw_track,
        .on_warning = on_warning,
    };
    struct output *output = calloc(1, sizeof *output);
    if (!output)
        return MOQ_ERR_NOMEM;
    output->writer = writer;
    output->offer = *offer;
    snprintf(output->path, sizeof output->path, "%s", offer->path);
    output->offer.path = output->path;
    list_init(&output->tracks);
    *result = (struct host_output){&table, output};
    return 0;
}

bool track_is_decided(const struct host_output *host_output)
{
    const struct output *output = host_output->user;
    list_for_each (node, &output->tracks)
        if (!relay_source_is_decided(container_of(node, struct track, link)->source))
            return false;
    return true;
}

void track_close_output(struct host_output *output)
{
    free(output->user);
    output->user = NULL;
}
