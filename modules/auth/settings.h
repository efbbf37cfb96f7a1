/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The settings of the auth module in relay.yaml. */
#ifndef AUTH_SETTINGS_H
#define AUTH_SETTINGS_H

#include <relay/module.h>

#include "token/token.h"

struct auth_lists {
    const char *const *publish, *const *subscribe;
    size_t publish_count, subscribe_count;
};

struct auth_callback {
    const char *url, *ca;
    uint64_t timeout_ns, max_age_ns, concurrency;
};

struct auth_config {
    const char *keys;
    struct auth_lists anonymous;
    struct auth_callback callback;
};

extern const struct relay_schema auth_schema; /* of struct auth_config */

/* As token_keys_load. A pipe or a device is refused: it would be waited for. */
struct token_keys *auth_load_keys(const char *file, char why[TOKEN_WHY_BYTES]);

/* Reports what makes no sense, and a file of keys that cannot be used. */
void auth_check(struct relay_check *check, const void *config);

/* The libraries that keep something for the whole process. False: out of memory. */
bool auth_start_libraries(void);
void auth_stop_libraries(void);

#endif
