/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A core with workers on loopback, for tests. */
#ifndef MOQ_TEST_CORE_RUNNING_H
#define MOQ_TEST_CORE_RUNNING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/objects.h"
#include "server/config/config.h"
#include "server/core/core.h"

struct running {
    uv_loop_t loop;
    struct relay_config *config;
    struct core *core;
    struct sockaddr_storage address; /* of the first listener */
    socklen_t address_size;
};

static inline struct relay_config *running_load(const char *text)
{
    struct relay_config *config;
    struct config_errors errors;
    struct config_sources sources = {
        .file = "relay.yaml", .text = text, .text_bytes = strlen(text)};
    config_errors_init(&errors);
    int error = relay_config_load(&config, &sources, &errors);
    config_errors_print(&errors, stderr);
    assert_int_equal(error, 0);
    return config;
}

/* Makes the core: sockets are bound, but nothing is served before core_run(). */
static inline void running_prepare(struct running *running, const char *text)
{
    char error_text[QUIC_ERROR_TEXT_BYTES] = "";
    assert_int_equal(uv_loop_init(&running->loop), 0);
    running->config = running_load(text);
    if (core_new(&running->core, &running->loop, running->config, error_text))
        fail_msg("%s", error_text);
    core_listener_address(running->core, 0, &running->address, &running->address_size);
}

static inline void running_start(struct running *running, const char *text)
{
    running_prepare(running, text);
    core_run(running->core);
}

/* Stops the core and runs the loop to its end, so every other handle on it has to close as well. */
static inline void running_stop(struct running *running)
{
    core_stop(&running->core, NULL, NULL);
    uv_run(&running->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&running->loop), 0);
    relay_config_free(&running->config);
    assert_int_equal(objects_report(stderr), 0);
}

#endif
