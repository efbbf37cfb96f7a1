/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What happens to the module: it starts, time goes on, peers come and go.
 * Tested by tests/unit/lua/test_fake.c. */
#include "lua/test/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The relay ------------------------------------------------------------------------------- */

struct relay_self *fake_new(const struct relay_module *module,
                            void (*on_log)(void *user, int level, const char *text), void *user)
{
    struct relay_self *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->module = module;
    self->on_log = on_log;
    self->user = user;
    self->worker.self = self;
    self->worker.is_sampling = true;
    self->worker.now_ns = UINT64_C(1000000000);
    return self;
}

static void free_pairs(struct fake_pair *pairs)
{
    while (pairs) {
        struct fake_pair *pair = pairs;
        HASH_DEL(pairs, pair);
        free(pair);
    }
}

static void free_peer(struct relay_peer *peer)
{
    char *texts[] = {peer->address, peer->sni,      peer->path,   peer->query,
                     peer->page,    peer->identity, peer->claims, peer->closed_why};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    while (peer->viewers) {
        struct relay_viewer *viewer = peer->viewers;
        peer->viewers = viewer->next;
        free(viewer->reason);
        free(viewer);
    }
    free(peer);
}

static void stop_module(struct relay_self *self)
{
    for (struct relay_peer *peer = self->peers; peer; peer = peer->next)
        fake_disconnect(peer);
    self->module->worker_stop(&self->worker);
    self->module->stop(self);
    free(self->worker.slot);
}

void fake_free(struct relay_self **pointer)
{
    struct relay_self *self = *pointer;
    *pointer = NULL;
    if (!self)
        return;
    if (self->worker.slot)
        stop_module(self);
    while (self->peers) {
        struct relay_peer *peer = self->peers;
        self->peers = peer->next;
        free_peer(peer);
    }
    free_pairs(self->shared);
    free_pairs(self->notes);
    free(self);
}

int fake_start(struct relay_self *self, const void *config)
{
    const struct relay_module *module = self->module;
    int error = module->start(self, config);
    if (error)
        return error;
    self->worker.slot = calloc(1, module->worker_slot_bytes);
    error = self->worker.slot ? module->worker_start(&self->worker, config) : RELAY_ERR_NOMEM;
    if (!error)
        return 0;
    module->stop(self);
    free(self->worker.slot);
    self->worker.slot = NULL;
    return error;
}

int fake_reload(struct relay_self *self, const void *config)
{
    int error = self->module->reload(self, config);
    if (error)
        return error;
    self->module->worker_reload(&self->worker, config);
    self->module->reload_done(self, true);
    return 0;
}

/* ---- Peers ----------------------------------------------------------------------------------- */

static char *copy_text(const char *text)
{
    return strdup(text ? text : "");
}

struct relay_peer *fake_connect(struct relay_self *self, const struct fake_info *info,
                                struct relay_request *request)
{
    struct relay_peer *peer = calloc(1, sizeof *peer + self->module->peer_slot_bytes);
    if (!peer)
        return NULL;
    peer->self = self;
    peer->next = self->peers;
    self->peers = peer;
    peer->number = ++self->last_number;
    peer->address = copy_text(info->address);
    peer->sni = copy_text(info->sni);
    peer->path = copy_text(info->path);
    peer->query = copy_text(info->query);
    peer->page = copy_text(info->page);
    peer->identity = copy_text(info->identity);
    peer->claims = copy_text(info->claims);
    peer->protocol = info->protocol;
    peer->version = info->version;
    peer->is_cluster = info->is_cluster;
    *request = (struct relay_request){.kind = RELAY_REQUEST_SESSION, .peer = peer};
    request->verdict = self->module->hooks->session_open(peer, request);
    if (request->verdict == RELAY_DENY)
        fake_disconnect(peer);
    return peer;
}

void fake_announce(struct relay_peer *peer, const char *path, struct relay_request *request)
{
    *request = (struct relay_request){.kind = RELAY_REQUEST_ANNOUNCE, .peer = peer};
    snprintf(request->path, sizeof request->path, "%s", path);
    request->verdict = peer->self->module->hooks->announce(peer, request);
}

void fake_disconnect(struct relay_peer *peer)
{
    if (peer->is_gone)
        return;
    for (struct relay_viewer *viewer = peer->viewers; viewer; viewer = viewer->next)
        fake_leave(viewer);
    peer->is_gone = true;
    peer->self->module->hooks->session_close(peer);
}

/* ---- Viewers --------------------------------------------------------------------------------- */

/* What relay.yaml would say. */
static const struct relay_policy usual = {
    .latency_ns = UINT64_C(1000000000), .priority = 128, .order = RELAY_ORDER_NEWEST};

static void apply_policy(struct relay_policy *now, const struct relay_policy *change)
{
    if (change->set & RELAY_SET_LATENCY)
        now->latency_ns = change->latency_ns;
    if (change->set & RELAY_SET_PRIORITY)
        now->priority = change->priority;
    if (change->set & RELAY_SET_ORDER)
        now->order = change->order;
    if (change->set & RELAY_SET_RATE)
        now->rate_bps = change->rate_bps;
    if (change->set & RELAY_SET_IDENTITY_RATE)
        now->identity_rate_bps = change->identity_rate_bps;
}

static struct relay_viewer *add_viewer(const struct relay_request *request, const char *path)
{
    struct relay_peer *peer = request->peer;
    struct relay_viewer *viewer = calloc(1, sizeof *viewer + peer->self->module->viewer_slot_bytes);
    if (!viewer)
        return NULL;
    viewer->peer = peer;
    viewer->next = peer->viewers;
    peer->viewers = viewer;
    viewer->number = request->viewer;
    viewer->ladder = peer->ladder;
    snprintf(viewer->path, sizeof viewer->path, "%s", path);
    snprintf(viewer->track, sizeof viewer->track, "%s", request->path);
    viewer->policy = usual;
    apply_policy(&viewer->policy, &request->policy);
    return viewer;
}

struct relay_viewer *fake_subscribe(struct relay_peer *peer, const char *path,
                                    struct relay_request *request)
{
    bool is_subscription = request->kind == RELAY_REQUEST_SUBSCRIBE;
    const struct relay_hooks *hooks = peer->self->module->hooks;
    *request = (struct relay_request){.kind = request->kind,
                                      .choice = request->choice,
                                      .peer = peer,
                                      .asked = {.priority = 128, .order = RELAY_ORDER_ANY}};
    request->viewer = is_subscription ? ++peer->self->last_number : 0;
    snprintf(request->path, sizeof request->path, "%s", path);
    request->verdict = hooks->subscribe(peer, request);
    bool is_served = is_subscription && request->verdict != RELAY_DENY;
    struct relay_viewer *viewer = is_served ? add_viewer(request, path) : NULL;
    if (viewer && hooks->viewer_open)
        hooks->viewer_open(viewer);
    return viewer;
}

void fake_sample(struct relay_viewer *viewer)
{
    if (!viewer->is_gone && viewer->peer->self->worker.is_sampling)
        viewer->peer->self->module->hooks->viewer_sample(viewer);
}

void fake_leave(struct relay_viewer *viewer)
{
    if (viewer->is_gone)
        return;
    viewer->is_gone = true;
    viewer->peer->self->module->hooks->viewer_close(viewer);
}

void relay_viewer_close(struct relay_viewer *viewer, enum relay_denial code)
{
    if (viewer->is_gone)
        return;
    viewer->is_closed = true;
    viewer->code = code;
    fake_leave(viewer);
}

int relay_viewer_set_policy(struct relay_viewer *viewer, const struct relay_policy *policy)
{
    apply_policy(&viewer->policy, policy);
    return 0;
}

void relay_viewer_clear_policy(struct relay_viewer *viewer, uint32_t bits)
{
    struct relay_policy cleared = usual;
    cleared.set = bits;
    apply_policy(&viewer->policy, &cleared);
}
