/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Looks into the JSON of claims. */
#include "server/core/claims.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "server/config/config.h"

enum { NUMBER_BYTES = 32 };

struct json_t *claims_parse(const char *text)
{
    json_t *claims = *text ? json_loads(text, 0, NULL) : NULL;
    if (json_is_object(claims))
        return claims;
    json_decref(claims);
    return NULL;
}

void claims_free(struct json_t **claims)
{
    json_decref(*claims);
    *claims = NULL;
}

static bool number_matches(const json_t *number, const char *pattern)
{
    char text[NUMBER_BYTES];
    if (json_is_integer(number))
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(number));
    else
        snprintf(text, sizeof text, "%.15g", json_real_value(number));
    return config_value_matches(pattern, text);
}

static bool scalar_matches(const json_t *value, const char *pattern)
{
    if (json_is_string(value))
        return config_value_matches(pattern, json_string_value(value));
    if (json_is_boolean(value))
        return config_value_matches(pattern, json_is_true(value) ? "true" : "false");
    return json_is_number(value) && number_matches(value, pattern);
}

static bool value_matches(const json_t *value, const char *pattern)
{
    for (size_t i = 0; i < json_array_size(value); i++)
        if (scalar_matches(json_array_get(value, i), pattern))
            return true;
    return scalar_matches(value, pattern);
}

/* What `name` leads to; NULL: nothing. Each dot may be the end of an object's name. No object is
 * looked into twice, because only one beginning of the name leads to it. */
static const json_t *find_claim(const json_t *object, const char *name)
{
    char head[CONFIG_CONDITION_NAME_BYTES];
    const json_t *found = json_object_get(object, name);
    for (const char *dot = strchr(name, '.'); !found && dot; dot = strchr(dot + 1, '.')) {
        snprintf(head, sizeof head, "%.*s", (int)(dot - name), name);
        const json_t *within = json_object_get(object, head);
        found = json_is_object(within) ? find_claim(within, dot + 1) : NULL;
    }
    return found;
}

bool claims_have(const struct json_t *claims, const char *name, const char *pattern)
{
    return value_matches(find_claim(claims, name), pattern);
}
