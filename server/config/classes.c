/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The classes of the policy: which of them a viewer belongs to, and what it gets there. */
#include <string.h>

#include "server/config/internal.h"

enum { CONDITION_MAX_BYTES = 1023 };

const char *config_condition_problem(const char *text)
{
    const char *equal = strchr(text, '=');
    if (!equal || equal == text)
        return "is not name=value; write both, such as mode=live, or name=* for any value";
    if (equal - text >= CONFIG_CONDITION_NAME_BYTES)
        return "has a name of more than 127 bytes; shorten it";
    return strlen(text) > CONDITION_MAX_BYTES ? "is longer than 1023 bytes; shorten it" : NULL;
}

/* Whether all of them hold. */
static bool conditions_hold(char *const *conditions, size_t count, config_has *has,
                            const void *self)
{
    char name[CONFIG_CONDITION_NAME_BYTES];
    for (size_t i = 0; i < count; i++) {
        size_t n = strcspn(conditions[i], "=");
        memcpy(name, conditions[i], n);
        name[n] = '\0';
        if (!has || !has(self, name, conditions[i] + n + 1))
            return false;
    }
    return true;
}

static bool is_for(const struct config_class *class, const struct config_asker *asker)
{
    return config_pattern_matches(class->match, asker->path) &&
           conditions_hold(class->query, class->query_count, asker->has_query, asker->self) &&
           conditions_hold(class->claims, class->claim_count, asker->has_claim, asker->self);
}

struct config_verdict config_policy_for(const struct config_policy *policy,
                                        const struct config_asker *asker)
{
    for (size_t i = 0; i < policy->class_count; i++) {
        const struct config_class *class = &policy->classes[i];
        if (is_for(class, asker))
            return (struct config_verdict){
                .latency_ns = class->latency_ns,
                .order = class->order,
                .priority = (uint8_t) class->priority,
                .rate_bps = class->rate_bps,
                .identity_rate_bps = class->identity_rate_bps,
                .start_ns = class->start_ns,
                .class_number = (uint32_t)i + 1,
            };
    }
    return (struct config_verdict){
        .latency_ns = policy->latency_ns,
        .order = policy->order,
        .priority = (uint8_t)policy->priority,
        .rate_bps = policy->rate_bps,
        .identity_rate_bps = policy->identity_rate_bps,
        .start_ns = policy->start_ns,
    };
}

/* ---- Words ----------------------------------------------------------------------------------- */

static size_t add_words(char *out, size_t size, size_t used, char *const *words, size_t count)
{
    for (size_t i = 0; i < count && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, ", %s", words[i]);
    return used;
}

char *config_class_text(const struct config_class *class, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "%s", class->match);
    used = add_words(out, size, used, class->query, class->query_count);
    add_words(out, size, used, class->claims, class->claim_count);
    return out;
}
