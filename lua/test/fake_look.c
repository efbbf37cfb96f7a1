/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a relay that is not there tells of itself, and what it is asked to end.
 * Tested by tests/unit/lua/test_fake.c. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "lua/test/fake.h"

/* ---- Posts ----------------------------------------------------------------------------------- */

int relay_worker_post(struct relay_worker *worker,
                      void (*run)(struct relay_worker *worker, void *arg), void *arg)
{
    if (worker->post_count == FAKE_POSTS_MAX)
        return RELAY_ERR_BOUNDS;
    worker->posts[worker->post_count++] = (struct fake_post){run, arg};
    return 0;
}

void fake_run_posts(struct relay_self *self)
{
    struct relay_worker *worker = &self->worker;
    while (worker->post_count > 0) {
        struct fake_post post = worker->posts[0];
        worker->post_count--;
        memmove(worker->posts, worker->posts + 1, worker->post_count * sizeof post);
        post.run(worker, post.arg);
    }
}

/* ---- Ends ------------------------------------------------------------------------------------ */

void relay_viewer_deny(struct relay_viewer *viewer, enum relay_denial code, const char *reason)
{
    if (viewer->is_gone)
        return;
    viewer->reason = strdup(reason);
    relay_viewer_close(viewer, code);
}

void relay_peer_close(struct relay_peer *peer, enum relay_denial code, const char *reason)
{
    (void)code;
    if (peer->is_gone)
        return;
    free(peer->closed_why);
    peer->closed_why = strdup(reason);
    fake_disconnect(peer);
}

/* ---- Numbers --------------------------------------------------------------------------------- */

static size_t copied_bytes(uint32_t size, size_t ours)
{
    return size < ours ? size : ours;
}

void relay_worker_stats(const struct relay_worker *worker, struct relay_worker_stats *stats)
{
    struct relay_worker_stats all = {.size = stats->size, .workers = 1};
    for (const struct relay_peer *peer = worker->self->peers; peer; peer = peer->next) {
        all.sessions += !peer->is_gone;
        for (const struct relay_viewer *viewer = peer->viewers; viewer; viewer = viewer->next)
            all.viewers += !viewer->is_gone;
    }
    all.all_sessions = all.sessions;
    all.all_viewers = all.viewers;
    memcpy(stats, &all, copied_bytes(stats->size, sizeof all));
}

int relay_track_stats(struct relay_worker *worker, const char *path,
                      struct relay_track_stats *stats)
{
    struct relay_track_stats all = {.size = stats->size, .newest = RELAY_ANY_GROUP};
    for (const struct relay_peer *peer = worker->self->peers; peer; peer = peer->next)
        for (const struct relay_viewer *viewer = peer->viewers; viewer; viewer = viewer->next)
            all.viewers += !viewer->is_gone && strcmp(viewer->track, path) == 0;
    all.all_viewers = all.viewers;
    memcpy(stats, &all, copied_bytes(stats->size, sizeof all));
    return all.viewers > 0 ? 0 : RELAY_ERR_NOT_FOUND;
}

static bool is_matched(const char *pattern, const struct relay_viewer *viewer)
{
    int flags = pattern && strstr(pattern, "**") ? 0 : FNM_PATHNAME;
    return !viewer->is_gone && (!pattern || fnmatch(pattern, viewer->path, flags) == 0);
}

int relay_viewers(struct relay_worker *worker, const char *pattern, uint64_t *place,
                  relay_each_viewer *each, void *user)
{
    int count = 0;
    bool goes_on = true;
    for (struct relay_peer *peer = worker->self->peers; peer && goes_on; peer = peer->next)
        for (struct relay_viewer *viewer = peer->viewers; viewer && goes_on; viewer = viewer->next)
            if (is_matched(pattern, viewer)) {
                count++;
                goes_on = each(viewer, user);
            }
    if (place)
        *place = 0;
    return count;
}

/* ---- Choices --------------------------------------------------------------------------------- */

enum relay_choice_cause relay_choice_cause(const struct relay_choice *choice)
{
    return choice->cause;
}

const char *relay_choice_path(const struct relay_choice *choice, char *out, size_t size)
{
    size_t n = strlen(choice->path);
    n = n < size ? n : size - 1;
    memcpy(out, choice->path, n);
    out[n] = 0;
    return out;
}

int relay_choice_candidate(const struct relay_choice *choice, size_t index,
                           struct relay_candidate *candidate)
{
    if (!choice || index >= choice->count)
        return RELAY_ERR_NOT_FOUND;
    memcpy(candidate, &choice->candidates[index], copied_bytes(candidate->size, sizeof *candidate));
    return 0;
}

int relay_request_candidate(const struct relay_request *request, size_t index,
                            struct relay_candidate *candidate)
{
    return relay_choice_candidate(request->choice, index, candidate);
}

int relay_request_set_source(struct relay_request *request, uint64_t number)
{
    struct relay_candidate candidate = {.size = sizeof candidate};
    for (size_t i = 0; relay_request_candidate(request, i, &candidate) == 0; i++)
        if (candidate.number == number)
            request->source = i + 1;
    return request->source ? 0 : RELAY_ERR_NOT_FOUND;
}

int fake_choose(struct relay_self *self, const struct relay_choice *choice)
{
    return self->module->hooks->choose_source(&self->worker, choice);
}
