/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module that has the oldest publisher of a path feed its track, where others take the newest. */
#include "kit.h"

static void look_at_requests_without_candidates(struct relay_request *request)
{
    struct relay_candidate candidate = {.size = sizeof candidate};
    EXPECT(relay_request_candidate(request, 0, &candidate), RELAY_ERR_NOT_FOUND);
    EXPECT(relay_request_set_source(request, 1), RELAY_ERR_INVALID);
}

static enum relay_verdict session_open(struct relay_peer *peer, struct relay_request *request)
{
    (void)peer;
    look_at_requests_without_candidates(request);
    return RELAY_PASS;
}

static enum relay_verdict subscribe(struct relay_peer *peer, struct relay_request *request)
{
    struct relay_candidate candidate = {.size = sizeof candidate}, oldest = candidate;
    size_t count = 0, newest = 0, next = 0;
    (void)peer;
    if (relay_request_kind(request) != RELAY_REQUEST_SUBSCRIBE) {
        look_at_requests_without_candidates(request);
        return RELAY_PASS;
    }
    for (; relay_request_candidate(request, count, &candidate) == 0; count++) {
        newest += candidate.is_newest;
        next += candidate.is_next;
        EXPECT(candidate.has_failed, 0);
        EXPECT(candidate.peer > 0 && candidate.address[0] != '\0', 1);
        EXPECT(candidate.identity[0] == '\0' && candidate.hops == 0, 1);
        EXPECT(candidate.number > 0, 1);
        if (oldest.number == 0 || candidate.number < oldest.number)
            oldest = candidate;
    }
    EXPECT(newest, count > 0);
    EXPECT(next, count > 0);
    EXPECT(relay_request_set_source(request, UINT64_MAX), RELAY_ERR_NOT_FOUND);
#ifndef BY_HOOK
    if (count > 1)
        EXPECT(relay_request_set_source(request, oldest.number), 0);
#endif
    trace("candidates %zu", count);
    return RELAY_PASS;
}

#ifdef BY_HOOK
static int choose_source(struct relay_worker *worker, const struct relay_choice *choice)
{
    struct relay_candidate candidate = {.size = sizeof candidate};
    uint64_t lowest = UINT64_MAX;
    char path[RELAY_PATH_BYTES];
    int oldest = -1, count = 0;
    EXPECT(relay_worker_now_ns(worker) > 0, 1);
    EXPECT(relay_choice_candidate(choice, RELAY_CANDIDATES_MAX, &candidate), RELAY_ERR_NOT_FOUND);
    for (; relay_choice_candidate(choice, (size_t)count, &candidate) == 0; count++) {
        if (candidate.number > lowest)
            continue;
        lowest = candidate.number;
        oldest = count;
    }
    EXPECT(count >= 2, 1);
    trace("choice %u of %s", relay_choice_cause(choice),
          relay_choice_path(choice, path, sizeof path));
    return oldest;
}
#endif

static const struct relay_hooks hooks = {
    .size = sizeof hooks,
    .session_open = session_open,
    .subscribe = subscribe,
#ifdef BY_HOOK
    .choose_source = choose_source,
#endif
};

RELAY_MODULE = {RELAY_MODULE_HEAD, .name = "choose", .version = "1", .hooks = &hooks};
