/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module as an entry of a worker's hook chain: turns core's calls into those of relay/module.h.
 * Only what the module has is filled in, so what it lacks costs nothing.
 * Tested by tests/e2e/test_modules.py. */
#include "server/host/internal.h"

static const struct relay_hooks *hooks_of(const struct relay_worker *worker)
{
    return &worker->self->kind->hooks;
}

/* ---- Peers and viewers ----------------------------------------------------------------------- */

struct relay_peer *hooks_peer(struct relay_worker *worker, struct core_peer *peer)
{
    return core_peer_slot(peer, &worker->hook);
}

static void on_peer_born(void *self, struct core_peer *core)
{
    struct relay_peer *peer = hooks_peer(self, core);
    peer->head = (struct host_handle){HOST_PEER, self};
    peer->core = core;
}

static void on_peer_died(void *self, struct core_peer *core)
{
    struct relay_peer *peer = hooks_peer(self, core);
    const struct relay_hooks *hooks = hooks_of(self);
    if (hooks->session_close && (peer->was_asked || !hooks->session_open))
        hooks->session_close(peer);
    peer->head.magic = 0;
}

static void on_viewer_born(void *self, struct core_viewer *core)
{
    struct relay_worker *worker = self;
    struct relay_viewer *viewer = core_viewer_slot(core, &worker->hook);
    viewer->head = (struct host_handle){HOST_VIEWER, worker};
    viewer->core = core;
    if (hooks_of(worker)->viewer_open)
        hooks_of(worker)->viewer_open(viewer);
}

static void on_viewer_died(void *self, struct core_viewer *core)
{
    struct relay_worker *worker = self;
    struct relay_viewer *viewer = core_viewer_slot(core, &worker->hook);
    if (hooks_of(worker)->viewer_close)
        hooks_of(worker)->viewer_close(viewer);
    viewer->head.magic = 0;
}

static void on_viewer_sample(void *self, struct core_viewer *core)
{
    struct relay_worker *worker = self;
    hooks_of(worker)->viewer_sample(core_viewer_slot(core, &worker->hook));
}

/* ---- Requests -------------------------------------------------------------------------------- */

typedef enum relay_verdict ask_module(struct relay_peer *peer, struct relay_request *request);

static enum core_verdict verdict_of(const struct relay_worker *worker, enum relay_verdict verdict)
{
    switch (verdict) {
    case RELAY_PASS:
        return CORE_PASS;
    case RELAY_ALLOW:
        return CORE_ALLOW;
    case RELAY_DENY:
        return CORE_DENY;
    case RELAY_LATER:
        return CORE_LATER;
    }
    log_error(LOG_MODULE, "module %s: a hook returned %d, which is no verdict: taken as a refusal",
              worker->self->kind->module.name, (int)verdict);
    return CORE_DENY;
}

static enum core_verdict ask_hook(struct relay_worker *worker, struct core_request *core,
                                  ask_module *hook)
{
    struct relay_peer *peer = hooks_peer(worker, core_request_peer(core));
    struct relay_request request = {
        .head = {HOST_REQUEST, worker}, .core = core, .number = core_request_number(core)};
    enum relay_verdict verdict = hook(peer, &request);
    request.head.magic = 0;
    return verdict_of(worker, verdict);
}

static enum core_verdict on_session_open(void *self, struct core_request *request)
{
    struct relay_worker *worker = self;
    hooks_peer(worker, core_request_peer(request))->was_asked = true;
    return ask_hook(worker, request, hooks_of(worker)->session_open);
}

static enum core_verdict on_announce(void *self, struct core_request *request)
{
    return ask_hook(self, request, hooks_of(self)->announce);
}

static enum core_verdict on_subscribe(void *self, struct core_request *request)
{
    return ask_hook(self, request, hooks_of(self)->subscribe);
}

static void on_withdrawn(void *self, struct core_request *core)
{
    struct relay_worker *worker = self;
    struct relay_request request = {
        .head = {HOST_REQUEST, worker}, .core = core, .number = core_request_number(core)};
    request_let_go(core);
    if (hooks_of(worker)->withdrawn)
        hooks_of(worker)->withdrawn(hooks_peer(worker, core_request_peer(core)), &request);
    request.head.magic = 0;
}

/* ---- Tracks and events ----------------------------------------------------------------------- */

static void on_track_live(void *self, const struct moq_path *path)
{
    char text[MOQ_PATH_TEXT_BYTES];
    hooks_of(self)->track_live(self, moq_path_text(path, text, sizeof text));
}

static void on_track_idle(void *self, const struct moq_path *path)
{
    char text[MOQ_PATH_TEXT_BYTES];
    hooks_of(self)->track_idle(self, moq_path_text(path, text, sizeof text));
}

static int on_choose_source(void *self, const struct core_choice *core)
{
    struct relay_worker *worker = self;
    struct relay_choice choice = {.head = {HOST_CHOICE, worker}, .core = core};
    int index = hooks_of(worker)->choose_source(worker, &choice);
    choice.head.magic = 0;
    return index;
}

static void on_event(void *self, const char *name, const struct moq_path *path)
{
    char text[MOQ_PATH_TEXT_BYTES];
    hooks_of(self)->event(self, name, path ? moq_path_text(path, text, sizeof text) : NULL);
}

/* ---- The entry ------------------------------------------------------------------------------- */

static bool wants_requests(const struct relay_hooks *hooks)
{
    return hooks->session_open || hooks->announce || hooks->subscribe;
}

/* Whether the module ever sees a peer; viewers lead to their peers. */
static bool wants_peers(const struct relay_module *module, const struct relay_hooks *hooks)
{
    return module->peer_slot_bytes > 0 || module->viewer_slot_bytes > 0 || wants_requests(hooks) ||
           hooks->session_close || hooks->viewer_open || hooks->viewer_close ||
           hooks->viewer_sample;
}

static bool wants_viewers(const struct relay_module *module, const struct relay_hooks *hooks)
{
    return module->viewer_slot_bytes > 0 || hooks->viewer_open || hooks->viewer_close ||
           hooks->viewer_sample;
}

static void fill_members(struct core_hook_ops *ops, const struct relay_module *module,
                         const struct relay_hooks *hooks)
{
    if (wants_peers(module, hooks)) {
        ops->peer_slot_bytes = sizeof(struct relay_peer) + module->peer_slot_bytes;
        ops->peer_born = on_peer_born;
        ops->peer_died = on_peer_died;
    }
    if (wants_viewers(module, hooks)) {
        ops->viewer_slot_bytes = sizeof(struct relay_viewer) + module->viewer_slot_bytes;
        ops->viewer_born = on_viewer_born;
        ops->viewer_died = on_viewer_died;
    }
}

void hooks_fill(struct relay_worker *worker)
{
    const struct relay_module *module = &worker->self->kind->module;
    const struct relay_hooks *hooks = hooks_of(worker);
    worker->ops = (struct core_hook_ops){
        .name = module->name,
        .session_open = hooks->session_open ? on_session_open : NULL,
        .announce = hooks->announce ? on_announce : NULL,
        .subscribe = hooks->subscribe ? on_subscribe : NULL,
        .withdrawn = wants_requests(hooks) ? on_withdrawn : NULL,
        .viewer_sample = hooks->viewer_sample ? on_viewer_sample : NULL,
        .track_live = hooks->track_live ? on_track_live : NULL,
        .track_idle = hooks->track_idle ? on_track_idle : NULL,
        .choose_source = hooks->choose_source ? on_choose_source : NULL,
        .event = hooks->event ? on_event : NULL,
    };
    fill_members(&worker->ops, module, hooks);
    worker->hook = (struct core_hook){.ops = &worker->ops, .self = worker};
}

/* The chain looks at `ops` each time. */
void relay_worker_set_sampling(struct relay_worker *worker, bool is_wanted)
{
    if (FITS(worker, HOST_WORKER))
        worker->ops.viewer_sample =
            is_wanted && hooks_of(worker)->viewer_sample ? on_viewer_sample : NULL;
}
