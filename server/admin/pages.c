/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tested by tests/e2e/test_relay.py and tests/e2e/test_http.py. */
#include "server/admin/pages.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "server/admin/answer.h"
#include "server/admin/broadcasts.h"
#include "server/admin/files.h"
#include "server/admin/stats.h"
#include "server/admin/viewers.h"

enum { MISSING_BYTES = 512, RELAY_BYTES = 64 };

struct page {
    const char *path; /* without its slash */
    enum answer_readers readers;
    bool (*is_served)(const struct config_http *config);
    enum MHD_Result (*answer)(const struct pages *pages, struct MHD_Connection *connection);
};

/* ---- The pages ------------------------------------------------------------------------------- */

static bool has_fingerprint(const struct config_http *config)
{
    return config->has_fingerprint;
}

static enum MHD_Result answer_fingerprint(const struct pages *pages,
                                          struct MHD_Connection *connection)
{
    uint8_t digest[QUIC_FINGERPRINT_BYTES];
    char text[2 * QUIC_FINGERPRINT_BYTES + 1];
    if (core_fingerprint(pages->subjects.core, digest))
        return answer_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "not available\n");
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return answer_text(connection, MHD_HTTP_OK, text);
}

/* With the fingerprint, it is all that a page needs to connect. */
static enum MHD_Result answer_relay(const struct pages *pages, struct MHD_Connection *connection)
{
    const struct answer ok = {MHD_HTTP_OK, "application/json", ANSWER_FOR_ALL};
    struct sockaddr_storage address;
    struct sockaddr_in in; /* sockaddr_in6 has its port in the same place */
    socklen_t size;
    char *body = malloc(RELAY_BYTES);
    if (!body || core_listener_address(pages->subjects.core, 0, &address, &size))
        return answer_body(connection, &ok, body, 0);
    memcpy(&in, &address, sizeof in);
    int n = snprintf(body, RELAY_BYTES, "{\"port\":%u,\"self_signed\":%s}\n", ntohs(in.sin_port),
                     pages->subjects.is_self_signed ? "true" : "false");
    return answer_body(connection, &ok, body, (size_t)n);
}

static bool has_stats(const struct config_http *config)
{
    return config->has_stats;
}

static enum MHD_Result answer_stats(const struct pages *pages, struct MHD_Connection *connection)
{
    const struct answer answer = {MHD_HTTP_OK, "application/json", ANSWER_FOR_ALL};
    char *body = malloc(STATS_MAX_BYTES);
    size_t size = body ? stats_write(pages->subjects.core, pages->subjects.host, body) : 0;
    return answer_body(connection, &answer, body, size);
}

static const char *parameter_of(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

static bool has_broadcasts(const struct config_http *config)
{
    return config->has_broadcasts;
}

static enum MHD_Result answer_broadcasts(const struct pages *pages,
                                         struct MHD_Connection *connection)
{
    const struct answer ok = {MHD_HTTP_OK, "application/json", ANSWER_FOR_ALL};
    const struct broadcasts_question question = {
        .prefix = parameter_of(connection, "prefix"),
        .limit = parameter_of(connection, "limit"),
        .after = parameter_of(connection, "after"),
    };
    struct broadcasts_answer answer;
    broadcasts_list(pages->directory, &question, &answer);
    if (answer.problem)
        return answer_text(connection, MHD_HTTP_BAD_REQUEST, answer.problem);
    return answer_body(connection, &ok, answer.body, answer.size);
}

static bool has_viewers(const struct config_http *config)
{
    return config->has_viewers;
}

/* It names people, so only those who can reach the address read it, and no page of another origin
 * that they happen to have open. */
static enum MHD_Result answer_viewers(const struct pages *pages, struct MHD_Connection *connection)
{
    const struct answer ok = {MHD_HTTP_OK, "application/json", ANSWER_FOR_OWN};
    const struct viewers_question question = {
        .path = parameter_of(connection, "path"),
        .limit = parameter_of(connection, "limit"),
        .after = parameter_of(connection, "after"),
    };
    struct viewers_answer answer;
    viewers_list(pages->subjects.core, &question, &answer);
    if (answer.problem)
        return answer_text(connection, MHD_HTTP_BAD_REQUEST, answer.problem);
    return answer_body(connection, &ok, answer.body, answer.size);
}

static const struct page all_pages[] = {
    {"fingerprint", ANSWER_FOR_ALL, has_fingerprint, answer_fingerprint},
    {"certificate.sha256", ANSWER_FOR_ALL, has_fingerprint, answer_fingerprint},
    {"api/relay", ANSWER_FOR_ALL, has_fingerprint, answer_relay},
    {"stats", ANSWER_FOR_ALL, has_stats, answer_stats},
    {"api/broadcasts", ANSWER_FOR_ALL, has_broadcasts, answer_broadcasts},
    {"api/viewers", ANSWER_FOR_OWN, has_viewers, answer_viewers},
};
enum { PAGE_COUNT = sizeof all_pages / sizeof all_pages[0] };

/* ---- Answers --------------------------------------------------------------------------------- */

void pages_configure(struct pages *pages, const struct config_http *config)
{
    pages->config = *config;
    files_find_folder(config, pages->folder);
    if (!config->has_broadcasts)
        core_directory_close(&pages->directory);
    else if (!pages->directory && core_directory_open(pages->subjects.core, &pages->directory))
        log_error(LOG_ADMIN, "/api/broadcasts is empty: out of memory; reload to try again");
}

void pages_close(struct pages *pages)
{
    core_directory_close(&pages->directory);
}

static const struct page *find_page(const struct target *target)
{
    for (size_t i = 0; i < PAGE_COUNT; i++)
        if (!target->is_folder && strcmp(all_pages[i].path, target->path) == 0)
            return &all_pages[i];
    return NULL;
}

/* Says which pages there are, and what to do if files are missed. */
static enum MHD_Result answer_missing(const struct pages *pages, struct MHD_Connection *connection)
{
    char text[MISSING_BYTES] = "not found; the pages here are:";
    size_t used = strlen(text);
    for (size_t i = 0; i < PAGE_COUNT; i++)
        if (all_pages[i].is_served(&pages->config))
            used += (size_t)snprintf(text + used, sizeof text - used, " /%s", all_pages[i].path);
    used += (size_t)snprintf(text + used, sizeof text - used,
                             " (http in relay.yaml says which are served)\n");
    if (!files_has_folder(pages->folder))
        snprintf(text + used, sizeof text - used, "no files are served: %s\n",
                 pages->folder[0]
                     ? "their folder is missing; install the player, or name a folder as http.files"
                     : "http.files names no folder");
    return answer_text(connection, MHD_HTTP_NOT_FOUND, text);
}

static enum MHD_Result answer_unfit(const struct pages *pages, struct MHD_Connection *connection,
                                    enum target_verdict verdict)
{
    if (verdict == TARGET_IS_TOO_LONG)
        return answer_text(connection, MHD_HTTP_URI_TOO_LONG, "the path is too long\n");
    if (verdict == TARGET_IS_BROKEN)
        return answer_text(connection, MHD_HTTP_BAD_REQUEST,
                           "the path cannot be read; is a % in it that is not written as %25?\n");
    return answer_missing(pages, connection);
}

static enum MHD_Result answer_get(const struct pages *pages, struct MHD_Connection *connection,
                                  const struct target *target, bool is_head)
{
    const struct page *page = find_page(target);
    const struct files_request request = {connection, target, is_head};
    enum MHD_Result result;
    if (page && page->is_served(&pages->config))
        return page->answer(pages, connection);
    if (files_answer(pages->folder, &request, &result))
        return result;
    return answer_missing(pages, connection);
}

bool pages_know_method(const char *method)
{
    return strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0 ||
           strcmp(method, MHD_HTTP_METHOD_OPTIONS) == 0;
}

enum MHD_Result pages_answer(const struct pages *pages, struct MHD_Connection *connection,
                             const struct target *target, const char *method)
{
    const struct page *page = find_page(target);
    if (!pages_know_method(method))
        return answer_wrong_method(connection);
    if (strcmp(method, MHD_HTTP_METHOD_OPTIONS) == 0)
        return answer_options(connection, page ? page->readers : ANSWER_FOR_ALL);
    if (target->verdict != TARGET_FITS)
        return answer_unfit(pages, connection, target->verdict);
    return answer_get(pages, connection, target, strcmp(method, MHD_HTTP_METHOD_HEAD) == 0);
}
