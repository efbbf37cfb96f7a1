/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The module `lua` with a script, on a relay that is not there. */
#ifndef MOQ_TESTS_UNIT_LUA_RELAY_H
#define MOQ_TESTS_UNIT_LUA_RELAY_H

#include "tests/unit/prologue.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lua/host/script.h"
#include "lua/test/fake.h"

extern const struct relay_module relay_module;

enum { RELAY_LOG_BYTES = 4096 };

struct scripted { /* a relay with a script */
    char file[64], log[RELAY_LOG_BYTES];
    pthread_t thread;
    struct script_config config;
    struct relay_self *self;
};

/* On a busy machine, the watchdog's thread may have something to say. */
static inline void scripted_note(void *user, int level, const char *text)
{
    struct scripted *scripted = (struct scripted *)user;
    (void)level;
    if (!pthread_equal(pthread_self(), scripted->thread))
        return;
    size_t n = strlen(scripted->log);
    snprintf(scripted->log + n, sizeof scripted->log - n, "%s\n", text);
}

static inline void scripted_write(struct scripted *scripted, const char *text)
{
    FILE *file = fopen(scripted->file, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* Starts it with this script. */
static inline void scripted_start(struct scripted *scripted, const char *text)
{
    *scripted = (struct scripted){.thread = pthread_self(),
                                  .config = {.file = scripted->file,
                                             .budget_ns = UINT64_C(50000000),
                                             .load_budget_ns = UINT64_C(1000000000),
                                             .memory_bytes = 8 << 20,
                                             .faults = 5}};
    strcpy(scripted->file, "/tmp/moq-lua-XXXXXX");
    int file = mkstemp(scripted->file);
    assert_true(file >= 0);
    close(file);
    scripted_write(scripted, text);
    scripted->self = fake_new(&relay_module, scripted_note, scripted);
    assert_non_null(scripted->self);
    if (fake_start(scripted->self, &scripted->config) != 0)
        fail_msg("%s", scripted->self->failure);
}

static inline void scripted_reload(struct scripted *scripted, const char *text)
{
    scripted_write(scripted, text);
    if (fake_reload(scripted->self, &scripted->config) != 0)
        fail_msg("%s", scripted->self->failure);
}

static inline void scripted_end(struct scripted *scripted)
{
    fake_free(&scripted->self);
    unlink(scripted->file);
}

static inline struct relay_peer *scripted_peer(struct scripted *scripted)
{
    static const struct fake_info info = {.address = "192.0.2.1:5",
                                          .path = "/room",
                                          .query = "mode=live",
                                          .claims = "{\"plan\": \"gold\"}",
                                          .protocol = RELAY_PROTOCOL_QUIC,
                                          .version = 3};
    struct relay_request request;
    struct relay_peer *peer = fake_connect(scripted->self, &info, &request);
    assert_non_null(peer);
    return peer;
}

static inline struct relay_viewer *scripted_viewer(struct relay_peer *peer, const char *path)
{
    struct relay_request request = {.kind = RELAY_REQUEST_SUBSCRIBE};
    struct relay_viewer *viewer = fake_subscribe(peer, path, &request);
    assert_non_null(viewer);
    return viewer;
}

/* The log has these words. */
static inline void scripted_said(const struct scripted *scripted, const char *words)
{
    if (!strstr(scripted->log, words))
        fail_msg("no \"%s\" in the log:\n%s", words, scripted->log);
}

#endif
