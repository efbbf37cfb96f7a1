/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads the answers of an auth server, strictly. */
#include "modules/auth/answer.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_MAX 253402300800.0 /* the year 10000 */

struct reading {
    const json_t *json;
    struct token *token;
    uint64_t *max_age_ns;
    char *why;
};

static int complain_of(const struct reading *reading, const char *name, const char *what)
{
    snprintf(reading->why, TOKEN_WHY_BYTES, "%s is %s", name, what);
    return TOKEN_ERR_CLAIM;
}

/* NULL: missing. A null is not: it is of the wrong type, and would grant more than was meant where
 * a program failed to find the time when the session ends. */
static const json_t *find_member(const struct reading *reading, const char *name)
{
    return json_object_get(reading->json, name);
}

static int read_prefixes(const struct reading *reading, const char *name,
                         struct token_prefixes *list)
{
    const json_t *value = find_member(reading, name);
    if (value && !json_is_array(value))
        return complain_of(reading, name, "no list of texts");
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *text = json_string_value(json_array_get(value, i));
        if (!text)
            return complain_of(reading, name, "no list of texts");
        int error = token_prefixes_add_pattern(list, text, reading->why);
        if (error)
            return error;
    }
    return 0;
}

/* Seconds, perhaps with a fraction; *seconds stays as it is if there are none. */
static int read_seconds(const struct reading *reading, const char *name, double *seconds)
{
    const json_t *value = find_member(reading, name);
    if (!value)
        return 0;
    double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= 0 && number < SECONDS_MAX))
        return complain_of(reading, name, "no number of seconds");
    *seconds = number;
    return 0;
}

static int read_times(const struct reading *reading)
{
    double expires = -1, max_age = -1;
    int error = read_seconds(reading, "expires", &expires);
    if (!error)
        error = read_seconds(reading, "max_age", &max_age);
    if (error)
        return error;
    reading->token->expires_ms = expires >= 0 ? (int64_t)floor(expires * 1000) : TOKEN_NEVER;
    if (max_age >= 0)
        *reading->max_age_ns = (uint64_t)(fmin(max_age, ANSWER_MAX_AGE_S) * 1e9);
    return 0;
}

static int read_texts(const struct reading *reading)
{
    const json_t *identity = find_member(reading, "identity");
    const json_t *cluster = find_member(reading, "cluster");
    const json_t *claims = find_member(reading, "claims");
    if (identity && !json_is_string(identity))
        return complain_of(reading, "identity", "no text");
    if (cluster && !json_is_boolean(cluster))
        return complain_of(reading, "cluster", "neither true nor false");
    reading->token->is_cluster = json_is_true(cluster);
    reading->token->identity = strdup(identity ? json_string_value(identity) : "");
    reading->token->claims = claims && !json_is_null(claims)
                                 ? json_dumps(claims, JSON_COMPACT | JSON_ENCODE_ANY)
                                 : strdup("");
    if (reading->token->identity && reading->token->claims)
        return 0;
    snprintf(reading->why, TOKEN_WHY_BYTES, "out of memory");
    return TOKEN_ERR_NOMEM;
}

static int read_members(const struct reading *reading)
{
    struct token_grants *grants = &reading->token->grants;
    int error = read_prefixes(reading, "publish", &grants->publish);
    if (!error)
        error = read_prefixes(reading, "subscribe", &grants->subscribe);
    if (!error)
        error = read_times(reading);
    return error ? error : read_texts(reading);
}

int answer_read(const char *text, size_t n, struct token *token, uint64_t *max_age_ns,
                char why[TOKEN_WHY_BYTES])
{
    json_error_t wrong;
    *token = (struct token){.identity = NULL};
    json_t *json = json_loadb(text, n, JSON_REJECT_DUPLICATES, &wrong);
    const struct reading reading = {json, token, max_age_ns, why};
    int error = TOKEN_ERR_FORM;
    if (json_is_object(json))
        error = read_members(&reading);
    else
        snprintf(why, TOKEN_WHY_BYTES, "it is no JSON object");
    json_decref(json);
    if (error)
        token_clear(token);
    return error;
}
