/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Counts the descriptors that a relay needs: those of libuv's loops and those that the other rooms
 * open once. A test compares these numbers with what a relay has open.
 * Tested by tests/e2e/test_limits.py. */
#include "server/descriptors.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "server/admin/admin.h"
#include "server/core/core.h"

enum {
    STANDARD = 3,
    LOOP = 4,     /* of a worker: epoll, a pipe, wake-ups */
    LISTENER = 2, /* of each worker: the socket and a fine timer */
    HTTP = 2,     /* the socket and epoll */
    HTTPS = 2,    /* another epoll, and one for connections that have sent nothing yet */
    BRIEFLY = 8,  /* files that are read at a reload */
};

struct need {
    uint64_t workers, listeners;
    uint64_t to_start, at_most;
    uint64_t of_http; /* its connections, and the files that they are sent */
    bool has_http, has_qlog;
};

/* The number of open descriptors, inherited ones included. */
static uint64_t count_open(void)
{
    uint64_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    if (folder)
        closedir(folder);
    return count > STANDARD ? count - 1 : STANDARD; /* without that of the folder */
}

static struct need need_of(const struct relay_config *config)
{
    const struct config_address *http = &config->http.address;
    struct need need = {
        .workers = core_workers_of(config),
        .listeners = config->listen_count,
        .has_http = http->is_listen || http->size > 0,
        .has_qlog = config->quic.qlog != NULL,
    };
    need.of_http = need.has_http ? ADMIN_CONNECTIONS_MAX * (config->http.files ? 2 : 1) : 0;
    bool has_key_log = config->quic.has_key_log && getenv("SSLKEYLOGFILE");
    uint64_t of_listener = LISTENER + (has_key_log ? 1 : 0);
    need.to_start = count_open() + DESCRIPTORS_FIRST_LOOP +
                    need.workers * (LOOP + need.listeners * of_listener) +
                    (need.has_http ? HTTP : 0) +
                    (need.has_http && config->http.has_tls ? HTTPS : 0);
    need.at_most =
        need.to_start + BRIEFLY + need.of_http + (need.has_qlog ? config->limits.connections : 0);
    return need;
}

enum descriptors_verdict descriptors_judge(const struct relay_config *config,
                                           char text[DESCRIPTORS_TEXT_BYTES])
{
    const struct need need = need_of(config);
    struct rlimit limit = {0};
    text[0] = '\0';
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need.at_most)
        return DESCRIPTORS_SUFFICE;
    bool is_enough = limit.rlim_cur >= need.to_start;
    snprintf(text, DESCRIPTORS_TEXT_BYTES,
             "at most %" PRIu64 " open files are allowed; this configuration needs %" PRIu64
             " to start (%" PRIu64 " workers, %" PRIu64 " listeners) and up to %" PRIu64
             " at a time%s%s; allow %" PRIu64 " (ulimit -n %" PRIu64 ", LimitNOFILE=%" PRIu64 ")%s",
             (uint64_t)limit.rlim_cur, need.to_start, need.workers, need.listeners, need.at_most,
             need.has_http ? ", with the connections of HTTP" : "",
             need.has_qlog ? ", with one qlog for each of limits.connections" : "", need.at_most,
             need.at_most, need.at_most, is_enough ? "" : " or set fewer workers");
    return is_enough ? DESCRIPTORS_MAY_RUN_OUT : DESCRIPTORS_TOO_FEW;
}
