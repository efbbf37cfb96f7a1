/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Turns the texts of a test into grants, and answers as the test says. */
#include "tests/sim/relay/guard.h"

#include <string.h>

#include "base/check.h"

/* ---- Passes ---------------------------------------------------------------------------------- */

struct written { /* grants with the memory of their prefixes */
    struct core_grants grants;
    const struct moq_path *publish[PASS_PREFIXES_MAX], *subscribe[PASS_PREFIXES_MAX];
};

static size_t read_prefixes(const struct moq_path **paths, const char *text)
{
    size_t count = 0;
    while (text && *text) {
        size_t length = strcspn(text, " ");
        bool is_all = length == 1 && *text == '*';
        REQUIRE(count < PASS_PREFIXES_MAX);
        paths[count++] = is_all ? moq_path_new(NULL, 0) : moq_path_from_name(text, length);
        text += length + (text[length] == ' ');
    }
    return count;
}

static void write_pass(const struct pass *pass, struct written *written)
{
    size_t publish_count = read_prefixes(written->publish, pass->publish);
    size_t subscribe_count = read_prefixes(written->subscribe, pass->subscribe);
    written->grants = (struct core_grants){
        .identity = pass->identity,
        .claims = pass->claims,
        .publish = written->publish,
        .subscribe = written->subscribe,
        .publish_count = publish_count,
        .subscribe_count = subscribe_count,
        .is_cluster = pass->is_cluster,
        .expires_ms = pass->expires_ms,
    };
}

static void free_prefixes(const struct moq_path **paths, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct moq_path *path = (struct moq_path *)(uintptr_t)paths[i];
        moq_path_unref(&path);
    }
}

static void free_written(struct written *written)
{
    free_prefixes(written->publish, written->grants.publish_count);
    free_prefixes(written->subscribe, written->grants.subscribe_count);
}

int pass_to_request(const struct pass *pass, struct core_request *request)
{
    struct written written;
    write_pass(pass, &written);
    int error = core_request_set_grants(request, &written.grants);
    free_written(&written);
    return error;
}

int pass_to_peer(const struct pass *pass, struct core_peer *peer)
{
    struct written written;
    write_pass(pass, &written);
    int error = core_peer_set_grants(peer, &written.grants);
    free_written(&written);
    return error;
}

/* ---- The entry ------------------------------------------------------------------------------- */

static enum core_verdict answer(struct guard *guard, struct core_request *request,
                                enum core_verdict verdict)
{
    if (verdict == CORE_DENY)
        core_request_set_denial(request, guard->denial, guard->reason);
    if (verdict != CORE_LATER)
        return verdict;
    guard->held = request;
    guard->number = core_request_number(request);
    return CORE_LATER;
}

static enum core_verdict on_session(void *self, struct core_request *request)
{
    struct guard *guard = self;
    guard->peer = core_request_peer(request);
    if (guard->next)
        guard->error = pass_to_request(guard->next, request);
    return answer(guard, request, guard->session);
}

static enum core_verdict on_announce(void *self, struct core_request *request)
{
    struct guard *guard = self;
    guard->announces++;
    if (guard->rename)
        core_request_set_path(request, guard->rename);
    return answer(guard, request, guard->announce);
}

static enum core_verdict on_question(void *self, struct core_request *request)
{
    struct guard *guard = self;
    guard->questions++;
    return answer(guard, request, guard->others);
}

static void on_withdrawn(void *self, struct core_request *request)
{
    struct guard *guard = self;
    (void)request;
    guard->withdrawn++;
    if (guard->closes)
        core_guest_close(guard->closes);
}

static const struct core_hook_ops guard_ops = {
    .name = "guard",
    .withdrawn = on_withdrawn,
    .session_open = on_session,
    .announce = on_announce,
    .subscribe = on_question,
};

void guard_init(struct guard *guard, struct world *world)
{
    *guard = (struct guard){.world = world};
    for (uint32_t i = 0; i < world->worker_count; i++) {
        guard->hooks[i] = (struct core_hook){.ops = &guard_ops, .self = guard};
        REQUIRE(core_hooks_add(&world->workers[i].router.hooks, &guard->hooks[i]) == 0);
    }
}

void guard_deinit(struct guard *guard)
{
    moq_path_unref(&guard->rename);
}

struct client *guard_admit(struct guard *guard, const struct pass *pass,
                           const struct client_setup *setup)
{
    guard->next = pass;
    struct client *client = client_ready(world_host(guard->world), setup);
    guard->next = NULL;
    return client;
}

/* ---- A relay with a guard -------------------------------------------------------------------- */

void guarded_init(struct guarded *stage)
{
    const struct world_setup setup = {.seed = 23, .link = {.delay_ns = 10 * NS_PER_MS}};
    world_init(&stage->world, &setup);
    guard_init(&stage->guard, &stage->world);
}

void guarded_deinit(struct guarded *stage)
{
    guard_deinit(&stage->guard);
    world_deinit(&stage->world);
}

void guarded_run_ms(struct guarded *stage, uint64_t ms)
{
    world_run(&stage->world, ms * NS_PER_MS);
}

struct client *guarded_admit(struct guarded *stage, const struct pass *pass)
{
    return guard_admit(&stage->guard, pass, NULL);
}
