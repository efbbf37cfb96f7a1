/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Values that cross the border: errors, paths, policies. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/host/internal.h"

static const struct {
    int theirs, ours;
    const char *words;
} errors[] = {
    {0, 0, "success"},
    {RELAY_ERR_INVALID, MOQ_ERR_INVALID, "an argument is invalid"},
    {RELAY_ERR_NOMEM, MOQ_ERR_NOMEM, "out of memory"},
    {RELAY_ERR_BOUNDS, MOQ_ERR_BOUNDS, "a limit is exceeded"},
    {RELAY_ERR_NOT_FOUND, MOQ_ERR_NOT_FOUND, "not found"},
    {RELAY_ERR_DUPLICATE, MOQ_ERR_DUPLICATE, "it already exists"},
    {RELAY_ERR_CLOSED, MOQ_ERR_CLOSED, "already closed"},
    {RELAY_ERR_EXPIRED, MOQ_ERR_EXPIRED, "too late to be useful"},
    {RELAY_ERR_AGAIN, MOQ_ERR_AGAIN, "not now, try again later"},
    {RELAY_ERR_REFUSED, MOQ_ERR_REFUSED, "refused"},
    {RELAY_ERR_OFFLINE, MOQ_ERR_OFFLINE, "nobody publishes it"},
    {RELAY_ERR_CANCELLED, MOQ_ERR_CANCELLED, "cancelled"},
    {RELAY_ERR_IO, MOQ_ERR_IO, "input or output failed"},
    {RELAY_ERR_MEDIA, MOQ_ERR_MEDIA, "the media is malformed"},
    {RELAY_ERR_FAILED, MOQ_ERR_CANCELLED, "failed"},
};
enum { ERROR_COUNT = sizeof errors / sizeof errors[0] };

int host_error(int core_error)
{
    for (int i = 0; i < ERROR_COUNT; i++)
        if (errors[i].ours == core_error)
            return errors[i].theirs;
    return RELAY_ERR_FAILED;
}

int host_core_error(int error)
{
    for (int i = 0; i < ERROR_COUNT; i++)
        if (errors[i].theirs == error)
            return errors[i].ours;
    return MOQ_ERR_CANCELLED;
}

const char *relay_error_words(int error)
{
    for (int i = 0; i < ERROR_COUNT; i++)
        if (errors[i].theirs == error)
            return errors[i].words;
    return "unknown error";
}

void host_problem(char *problem, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem, CONFIG_PROBLEM_BYTES, format, arguments);
    va_end(arguments);
}

size_t host_struct_bytes(uint32_t size, size_t ours)
{
    return size < ours ? size : ours;
}

_Static_assert(MOQ_NO_GROUP == RELAY_ANY_GROUP, "one is the other");

void host_asked(const struct moq_wish *wish, struct relay_asked *asked)
{
    static const enum relay_order orders[] = {[MOQ_ORDER_OLDEST] = RELAY_ORDER_OLDEST,
                                              [MOQ_ORDER_NEWEST] = RELAY_ORDER_NEWEST,
                                              [MOQ_ORDER_ANY] = RELAY_ORDER_ANY};
    const struct relay_asked all = {
        .size = asked->size,
        .priority = wish->priority,
        .order = wish->order <= MOQ_ORDER_ANY ? orders[wish->order] : RELAY_ORDER_ANY,
        .first = wish->min,
        .last = wish->max,
    };
    memcpy(asked, &all, host_struct_bytes(asked->size, sizeof all));
}

void host_candidate(const struct core_candidate *core, struct relay_candidate *candidate)
{
    uint32_t size = candidate->size;
    const struct relay_candidate all = {
        .size = size,
        .worker = core->worker,
        .number = core->number,
        .peer = core->peer,
        .age_ns = core->age_ns,
        .is_newest = core->is_newest,
        .is_next = core->is_next,
        .has_failed = core->has_failed,
        .is_silent = core->is_silent,
        .is_feeding = core->is_feeding,
        .group_age_ns = core->group_age_ns,
        .rate_bps = core->rate_bps,
        .group_interval_ns = core->interval_ns,
        .hops = core->hops,
        .identity = core->identity,
        .address = core->address,
        .url_path = core->url_path,
        .query = core->query,
        .claims = core->claims,
    };
    memcpy(candidate, &all, host_struct_bytes(size, sizeof all));
}

_Static_assert(RELAY_BEGIN_OLDEST == MOQ_START_OLDEST, "one is the other");
_Static_assert(RELAY_BEGIN_NEXT == MOQ_START_NEXT, "one is the other");

uint32_t host_policy_bits(uint32_t size)
{
    static const struct {
        uint32_t bit;
        size_t end;
    } fields[] = {
        {RELAY_SET_LATENCY, offsetof(struct relay_policy, priority)},
        {RELAY_SET_PRIORITY, offsetof(struct relay_policy, order)},
        {RELAY_SET_ORDER, offsetof(struct relay_policy, rate_bps)},
        {RELAY_SET_RATE, offsetof(struct relay_policy, identity_rate_bps)},
        {RELAY_SET_IDENTITY_RATE, offsetof(struct relay_policy, start_ns)},
        {RELAY_SET_START, offsetof(struct relay_policy, note)},
    };
    uint32_t bits = 0;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        bits |= fields[i].end <= size ? fields[i].bit : 0;
    return bits;
}

static bool is_rate(uint64_t rate_bps)
{
    return rate_bps == 0 || (rate_bps >= MOQ_RATE_MIN_BPS && rate_bps <= MOQ_RATE_MAX_BPS);
}

int host_override(const struct relay_policy *policy, struct core_override *override)
{
    struct relay_policy given = {.size = 0};
    memcpy(&given, policy, host_struct_bytes(policy->size, sizeof given));
    bool is_good = policy->size >= sizeof given.size + sizeof given.set &&
                   (given.set & ~host_policy_bits(policy->size)) == 0 &&
                   given.priority <= UINT8_MAX && given.order <= RELAY_ORDER_NEWEST &&
                   is_rate(given.rate_bps) && is_rate(given.identity_rate_bps);
    *override = (struct core_override){
        .set = given.set,
        .latency_ns = given.latency_ns,
        .priority = (uint8_t)given.priority,
        .order = (uint8_t)given.order,
        .rate_bps = given.rate_bps,
        .identity_rate_bps = given.identity_rate_bps,
        .start_ns = given.start_ns,
        .note = given.note,
    };
    return is_good ? 0 : RELAY_ERR_INVALID;
}

/* ---- Denials --------------------------------------------------------------------------------- */

static const enum core_denial denials[] = {
    [RELAY_DENIED_REFUSED] = CORE_DENIAL_REFUSED,
    [RELAY_DENIED_UNAUTHORIZED] = CORE_DENIAL_UNAUTHORIZED,
    [RELAY_DENIED_FORBIDDEN] = CORE_DENIAL_FORBIDDEN,
    [RELAY_DENIED_NOT_FOUND] = CORE_DENIAL_NOT_FOUND,
    [RELAY_DENIED_BUSY] = CORE_DENIAL_BUSY,
    [RELAY_DENIED_EXPIRED] = CORE_DENIAL_EXPIRED,
};

enum core_denial host_denial(enum relay_denial code)
{
    bool is_known = (unsigned)code < sizeof denials / sizeof denials[0];
    return is_known ? denials[code] : CORE_DENIAL_REFUSED;
}

enum relay_denial host_denial_back(enum core_denial denial)
{
    for (size_t i = 0; i < sizeof denials / sizeof denials[0]; i++)
        if (denials[i] == denial)
            return (enum relay_denial)i;
    return RELAY_DENIED_REFUSED;
}

/* ---- Paths ----------------------------------------------------------------------------------- */

_Static_assert((int)RELAY_PATH_BYTES == (int)MOQ_PATH_TEXT_BYTES, "any path must fit");

const char *host_path_text(const struct moq_path *path, char *out, size_t size)
{
    if (path)
        return moq_path_text(path, out, size);
    if (size > 0)
        out[0] = '\0';
    return out;
}

struct moq_path *host_path(const char *text)
{
    struct moq_path *path = text ? moq_path_from_text(text) : NULL;
    if (path && moq_path_count(path) == 0)
        moq_path_unref(&path);
    return path;
}

bool relay_path_is_valid(const char *path)
{
    struct moq_path *parsed = host_path(path);
    bool is_valid = parsed != NULL;
    moq_path_unref(&parsed);
    return is_valid;
}

bool relay_path_has_prefix(const char *path, const char *prefix)
{
    struct moq_path *whole = moq_path_from_text(path), *start = moq_path_from_text(prefix);
    bool has_prefix = whole && start && moq_path_has_prefix(whole, start);
    moq_path_unref(&whole);
    moq_path_unref(&start);
    return has_prefix;
}

bool relay_path_matches(const char *pattern, const char *path)
{
    return config_pattern_matches(pattern, path);
}
