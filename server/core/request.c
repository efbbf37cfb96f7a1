/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Requests as hooks see them.
 * Tested by tests/unit/core/test_entry.c and tests/sim/relay/test_hooks.c. */
#include "server/core/request.h"

#include <stdio.h>

/* ---- Denials --------------------------------------------------------------------------------- */

static const struct {
    int error;
    const char *words;
} denials[] = {
    [CORE_DENIAL_REFUSED] = {MOQ_ERR_REFUSED, "refused"},
    [CORE_DENIAL_UNAUTHORIZED] = {MOQ_ERR_UNAUTHORIZED, "no valid credentials"},
    [CORE_DENIAL_FORBIDDEN] = {MOQ_ERR_REFUSED, "not allowed"},
    [CORE_DENIAL_NOT_FOUND] = {MOQ_ERR_NOT_FOUND, "not found"},
    [CORE_DENIAL_BUSY] = {MOQ_ERR_BOUNDS, "too busy"},
    [CORE_DENIAL_EXPIRED] = {MOQ_ERR_UNAUTHORIZED, "expired"},
};

/* An entry may have given any number. */
enum core_denial request_denial(const struct core_request *request)
{
    bool is_known = request->denial < sizeof denials / sizeof denials[0];
    return is_known ? (enum core_denial)request->denial : CORE_DENIAL_REFUSED;
}

int core_denial_error(enum core_denial denial)
{
    return denials[denial].error;
}

enum core_denial core_denial_of_error(int error)
{
    for (size_t i = 0; i < sizeof denials / sizeof denials[0]; i++)
        if (denials[i].error == error)
            return (enum core_denial)i;
    return CORE_DENIAL_REFUSED;
}

int request_error(const struct core_request *request)
{
    return core_denial_error(request_denial(request));
}

const char *request_words(const struct core_request *request)
{
    return request->reason[0] ? request->reason : denials[request_denial(request)].words;
}

void request_blame_grants(struct core_request *request)
{
    if (request->grants_error == MOQ_ERR_EXPIRED)
        core_request_set_denial(request, CORE_DENIAL_EXPIRED, "token expired");
    else
        core_request_set_denial(request, CORE_DENIAL_REFUSED, "its grants cannot be kept");
}

/* ---- For the chain --------------------------------------------------------------------------- */

void request_note(struct core_request *request)
{
    request_forget_notes(request);
    request->path_before = request->path ? moq_path_ref(request->path) : NULL;
    request->override_before = request->override;
    request->notes_before = policy_notes_ref(request->notes);
    request->source_before = request->source;
    request->ladder_before = core_ladder_ref(request->ladder);
    request->grants_before = request->grants ? grants_ref(*request->grants) : NULL;
    request->grants_error_before = request->grants_error;
}

void request_undo(struct core_request *request)
{
    moq_path_unref(&request->path);
    request->path = request->path_before;
    request->path_before = NULL;
    request->override = request->override_before;
    policy_notes_unref(&request->notes);
    request->notes = request->notes_before;
    request->notes_before = NULL;
    request->source = request->source_before;
    core_ladder_unref(&request->ladder);
    request->ladder = request->ladder_before;
    request->ladder_before = NULL;
    request->grants_error = request->grants_error_before;
    if (!request->grants)
        return;
    grants_unref(request->grants);
    *request->grants = request->grants_before;
    request->grants_before = NULL;
}

void request_forget_notes(struct core_request *request)
{
    moq_path_unref(&request->path_before);
    policy_notes_unref(&request->notes_before);
    grants_unref(&request->grants_before);
    core_ladder_unref(&request->ladder_before);
}

/* ---- For hooks ------------------------------------------------------------------------------- */

enum core_request_kind core_request_kind(const struct core_request *request)
{
    return request->kind;
}

struct core_peer *core_request_peer(const struct core_request *request)
{
    return request->peer;
}

const struct moq_path *core_request_path(const struct core_request *request)
{
    return request->path;
}

void core_request_set_path(struct core_request *request, struct moq_path *path)
{
    struct moq_path *before = request->path;
    request->path = moq_path_ref(path);
    moq_path_unref(&before);
}

uint64_t core_request_number(const struct core_request *request)
{
    return request->number;
}

const struct moq_wish *core_request_wish(const struct core_request *request)
{
    return request->wish;
}

uint64_t core_request_group(const struct core_request *request)
{
    return request->group;
}

uint64_t core_request_viewer(const struct core_request *request)
{
    return request->viewer;
}

int core_request_set_ladder(struct core_request *request, struct core_ladder *ladder)
{
    if (!request->wish)
        return MOQ_ERR_INVALID;
    core_ladder_ref(ladder);
    core_ladder_unref(&request->ladder);
    request->ladder = ladder;
    return 0;
}

const struct core_ladder *core_request_ladder(const struct core_request *request)
{
    return request->ladder;
}

void core_request_set_denial(struct core_request *request, enum core_denial denial,
                             const char *reason)
{
    request->denial = (uint8_t)denial;
    core_request_set_reason(request, reason ? reason : "");
}

void core_request_set_reason(struct core_request *request, const char *reason)
{
    snprintf(request->reason, sizeof request->reason, "%s", reason);
}

void core_request_set_user(struct core_request *request, void *user)
{
    request->held_user = user;
}

const struct core_hook *core_request_entry(const struct core_request *request)
{
    return request->current;
}

void *core_request_user(const struct core_request *request)
{
    return request->held_user;
}

void core_request_override(struct core_request *request, const struct core_hook *hook,
                           const struct core_override *change)
{
    policy_override_set(&request->override, hook->name, change);
    if (request->wish)
        policy_notes_set(&request->notes, change->set, change->note);
}
