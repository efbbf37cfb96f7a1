/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The settings, and what is checked of them before the module starts.
 * Tested by tests/e2e/test_auth.py. */
#include "modules/auth/settings.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <curl/curl.h>
#include <gnutls/gnutls.h>

#define PATTERNS(name_, member, words)                                                             \
    {                                                                                              \
        .name = name_, .type = RELAY_FIELD_STRINGS,                                                \
        .flags = RELAY_FIELD_RELOADS | RELAY_FIELD_IS_PATTERN,                                     \
        .offset = offsetof(struct auth_lists, member),                                             \
        .count_offset = offsetof(struct auth_lists, member##_count), .help = words                 \
    }

static const struct relay_field list_fields[] = {
    PATTERNS("publish", publish, "paths that everybody may publish"),
    PATTERNS("subscribe", subscribe, "paths that everybody may watch"),
};
static const struct relay_schema list_schema = RELAY_SCHEMA(struct auth_lists, list_fields);

#define MS UINT64_C(1000000)

static const struct relay_field callback_fields[] = {
    {.name = "url",
     .type = RELAY_FIELD_STRING,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct auth_callback, url),
     .help = "http or https URL that is asked about each session, in place of keys"},
    {.name = "ca",
     .type = RELAY_FIELD_FILE,
     .flags = RELAY_FIELD_RELOADS | RELAY_FIELD_READABLE,
     .offset = offsetof(struct auth_callback, ca),
     .help = "PEM file of authorities for its certificate; \"\": those of the system"},
    {.name = "timeout",
     .type = RELAY_FIELD_DURATION,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct auth_callback, timeout_ns),
     .min = 50 * MS,
     .max = 4500 * MS,
     .fallback = "3s",
     .help = "a session is refused if the answer takes longer"},
    {.name = "max_age",
     .type = RELAY_FIELD_DURATION,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct auth_callback, max_age_ns),
     .max = 86400 * UINT64_C(1000) * MS,
     .fallback = "0s",
     .help = "how long an answer that does not say so may be used again"},
    {.name = "concurrency",
     .type = RELAY_FIELD_INT,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct auth_callback, concurrency),
     .min = 1,
     .max = 1024,
     .fallback = "64",
     .help = "requests of each worker at a time; more sessions are refused"},
};
static const struct relay_schema callback_schema =
    RELAY_SCHEMA(struct auth_callback, callback_fields);

static const struct relay_field fields[] = {
    {.name = "keys",
     .type = RELAY_FIELD_FILE,
     .flags = RELAY_FIELD_RELOADS | RELAY_FIELD_READABLE,
     .offset = offsetof(struct auth_config, keys),
     .help = "file of JSON Web Keys that tokens are checked with; read again when it changes"},
    {.name = "anonymous",
     .type = RELAY_FIELD_SECTION,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct auth_config, anonymous),
     .section = &list_schema,
     .help = "what everybody may do, also without a token"},
    {.name = "callback",
     .type = RELAY_FIELD_SECTION,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct auth_config, callback),
     .section = &callback_schema,
     .help = "an auth server"},
};
const struct relay_schema auth_schema = RELAY_SCHEMA(struct auth_config, fields);

/* ---- Checks ---------------------------------------------------------------------------------- */

bool auth_start_libraries(void)
{
    if (token_library_start())
        return false;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
        return true;
    token_library_stop();
    return false;
}

void auth_stop_libraries(void)
{
    curl_global_cleanup();
    token_library_stop();
}

static bool is_text(const char *text)
{
    return text && *text;
}

static void check_patterns(struct relay_check *check, const char *list, const char *const *patterns,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct token_prefixes parsed = {.count = 0};
        char why[TOKEN_WHY_BYTES], setting[64];
        snprintf(setting, sizeof setting, "anonymous.%s[%zu]", list, i);
        if (token_prefixes_add_pattern(&parsed, patterns[i], why))
            relay_check_fail(check, setting, "%s", why);
        token_prefixes_clear(&parsed);
    }
}

/* The parts of `url` that are needed; only http and https. */
static bool is_web_url(const char *url)
{
    char *scheme = NULL, *host = NULL;
    CURLU *parts = curl_url();
    bool is_url = parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
                  curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                  curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                  (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(parts);
    return is_url;
}

/* Pipes and devices are waited for when they are opened or read. */
static bool is_other_than_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

struct token_keys *auth_load_keys(const char *file, char why[TOKEN_WHY_BYTES])
{
    if (!is_other_than_file(file))
        return token_keys_load(file, why);
    snprintf(why, TOKEN_WHY_BYTES, "cannot read %.200s: it is not a regular file", file);
    return NULL;
}

static void check_keys(struct relay_check *check, const char *file)
{
    char why[TOKEN_WHY_BYTES];
    if (!auth_start_libraries())
        return;
    struct token_keys *keys = auth_load_keys(file, why);
    if (!keys)
        relay_check_fail(check, "keys", "%s", why);
    token_keys_free(&keys);
    auth_stop_libraries();
}

/* A file without certificates would only show when every session is refused. */
static void check_authorities(struct relay_check *check, const char *file)
{
    gnutls_certificate_credentials_t credentials;
    if (is_other_than_file(file)) {
        relay_check_fail(check, "callback.ca", "cannot read %s: it is not a regular file", file);
        return;
    }
    if (gnutls_certificate_allocate_credentials(&credentials) != 0)
        return;
    int count = gnutls_certificate_set_x509_trust_file(credentials, file, GNUTLS_X509_FMT_PEM);
    gnutls_certificate_free_credentials(credentials);
    if (count <= 0)
        relay_check_fail(check, "callback.ca",
                         "there are no certificates in %s that can be used%s%s; name a PEM file of "
                         "authorities",
                         file, count < 0 ? ": " : "", count < 0 ? gnutls_strerror(count) : "");
}

void auth_check(struct relay_check *check, const void *config)
{
    const struct auth_config *auth = config;
    const struct auth_lists *lists = &auth->anonymous;
    bool has_keys = is_text(auth->keys), has_url = is_text(auth->callback.url);
    if (!has_keys && !has_url && lists->publish_count + lists->subscribe_count == 0)
        relay_check_fail(check, "",
                         "nobody could come in: name a file of keys, callback.url, or paths in "
                         "anonymous.publish or anonymous.subscribe");
    if (has_keys && has_url)
        relay_check_fail(check, "callback.url",
                         "tokens are checked with keys or by an auth server: remove this or keys");
    if (has_url && !is_web_url(auth->callback.url))
        relay_check_fail(check, "callback.url",
                         "no URL such as https://auth.example/moq or http://127.0.0.1:8000/");
    if (is_text(auth->callback.ca) && !has_url)
        relay_check_fail(check, "callback.ca", "there is no callback.url that needs it");
    else if (is_text(auth->callback.ca))
        check_authorities(check, auth->callback.ca);
    if (has_keys)
        check_keys(check, auth->keys);
    check_patterns(check, "publish", lists->publish, lists->publish_count);
    check_patterns(check, "subscribe", lists->subscribe, lists->subscribe_count);
}
