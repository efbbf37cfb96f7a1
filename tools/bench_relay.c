/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Finds the relay before a run begins: its address, its process and, for an http: URL, its
 * certificate, so that the viewers need not ask for the fingerprint one by one.
 * Tested by tests/meter/run. */
#include "tools/bench.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench_process.h"

int bench_say_failed(const char *what, const char *why)
{
    fprintf(stderr, "moq-bench: %s: %s\n", what, why);
    return TOOL_FAILED;
}

static int find_address(struct bench *bench)
{
    const struct moq_url *url = &bench->options.url;
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *found = NULL;
    char port[8];
    snprintf(port, sizeof port, "%u", url->port);
    if (getaddrinfo(url->host, port, &hints, &found))
        return bench_say_failed(url->host, "no such host");
    memcpy(&bench->relay, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return TOOL_OK;
}

static int find_process(struct bench_options *options)
{
    struct process_sample sample;
    if (options->is_pid_auto && !(options->pid = process_of_udp_port(options->url.port)))
        return bench_say_failed(
            "--pid auto",
            "no process that this user may inspect has the relay's port; give its number");
    if (options->pid && !process_sample(options->pid, &sample))
        return bench_say_failed("--pid", "there is no such process");
    return TOOL_OK;
}

/* ---- Its certificate ------------------------------------------------------------------------- */

static void on_fingerprint(void *user, const uint8_t *sha256, const char *reason)
{
    struct bench *bench = user;
    bench->is_pinned = sha256 != NULL;
    if (sha256)
        memcpy(bench->pinned_sha256, sha256, sizeof bench->pinned_sha256);
    else
        snprintf(bench->reason, sizeof bench->reason, "%s", reason);
}

static int find_certificate(struct bench *bench)
{
    struct moq_url *url = &bench->options.url;
    uv_loop_t loop;
    if (!url->is_fingerprint_fetched)
        return TOOL_OK;
    if (uv_loop_init(&loop))
        return bench_say_failed("start", "cannot make an event loop");
    struct moq_native_config config = {.loop = &loop};
    struct moq_native *native = moq_native_new(&config);
    if (!native || moq_fingerprint_fetch(native, url, on_fingerprint, bench))
        return bench_say_failed("start", "out of memory"); /* nothing freed: the process ends */
    moq_native_close(&native, NULL, NULL);                 /* closes after the answer has come */
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    url->is_fingerprint_fetched = false;
    return bench->is_pinned ? TOOL_OK : bench_say_failed(url->host, bench->reason);
}

int bench_find_relay(struct bench *bench)
{
    int status = find_address(bench);
    if (status == TOOL_OK)
        status = find_process(&bench->options);
    return status == TOOL_OK ? find_certificate(bench) : status;
}
