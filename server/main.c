/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* moq-relay: reads its configuration, starts the workers and the HTTP pages, and handles signals.
 * SIGINT and SIGTERM end it cleanly, a second one at once; SIGHUP reads the configuration again.
 * Tested by tests/e2e/test_relay.py. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "base/descriptors.h"
#include "base/objects.h"
#include "base/standard_output.h"
#include "server/admin/admin.h"
#include "server/config/config.h"
#include "server/core/core.h"
#include "server/descriptors.h"
#include "server/host/host.h"
#include "server/ports.h"

enum {
    EXIT_USAGE = 2,
    SIGNAL_COUNT = 3,
    ERROR_TEXT_BYTES = (int)HOST_FAILURE_BYTES > (int)QUIC_ERROR_TEXT_BYTES
                           ? (int)HOST_FAILURE_BYTES
                           : (int)QUIC_ERROR_TEXT_BYTES,
};

struct relay {
    uv_loop_t loop;
    struct config_flags flags;
    struct relay_config *config;
    struct host *host;
    struct core *core;
    struct admin *admin;
    uv_signal_t signals[SIGNAL_COUNT];
    uv_async_t reload_wanted; /* by a module */
    bool is_stopping;
};

extern char **environ;

static struct config_sources sources_of(const struct relay *relay)
{
    return (struct config_sources){
        .file = relay->flags.file,
        .environment = environ,
        .flags = &relay->flags,
        .host = host_for_config(relay->host),
        .is_files_checked = true,
    };
}

/* `print` reports what is wrong with it. */
static int load_config(const struct relay *relay, struct relay_config **config,
                       void (*print)(const struct config_errors *errors))
{
    struct config_errors errors;
    const struct config_sources sources = sources_of(relay);
    config_errors_init(&errors);
    int error = relay_config_load(config, &sources, &errors);
    if (error)
        print(&errors);
    return error;
}

static void print_errors(const struct config_errors *errors)
{
    config_errors_print(errors, stderr);
}

/* While the relay runs, each error is a log line. */
static void log_errors(const struct config_errors *errors)
{
    for (size_t i = 0; i < errors->count; i++)
        log_error(LOG_CONFIG, "%s", errors->entries[i].text);
    if (errors->unshown > 0)
        log_error(LOG_CONFIG, "and %zu more errors", errors->unshown);
}

static void set_up_log(const struct config_log *log)
{
    log_set_json(log->format == CONFIG_LOG_JSON);
    for (int topic = 0; topic < LOG_TOPIC_COUNT; topic++) {
        int level = log->topics[topic] >= 0 ? log->topics[topic] : log->level;
        log_set_topic_level((enum log_topic)topic, (enum log_level)level);
    }
}

static void stop_relay(struct relay *relay)
{
    if (relay->is_stopping) {
        log_warn(LOG_CORE, "a second signal: exiting at once, without closing sessions");
        _Exit(EXIT_FAILURE);
    }
    relay->is_stopping = true;
    log_info(LOG_CORE, "closing %llu sessions",
             (unsigned long long)core_stats(relay->core)->total.sessions);
    admin_stop(&relay->admin);
    core_stop(&relay->core, NULL, NULL);
    for (int i = 0; i < SIGNAL_COUNT; i++)
        uv_unref((uv_handle_t *)&relay->signals[i]); /* they still watch for a second signal */
}

/* Modules are asked first, because core does not take a configuration back. */
static int apply_config(struct relay *relay, const struct relay_config *fresh, char *error_text)
{
    int error = host_reload(relay->host, fresh, error_text);
    if (error)
        return error;
    error = core_reload(relay->core, fresh, error_text);
    host_end_reload(relay->host, error == 0);
    return error;
}

/* Everything or nothing: a configuration with an error, or with a change that needs a restart,
 * changes nothing. */
static void reload_config(struct relay *relay)
{
    struct relay_config *fresh;
    struct config_changes changes;
    char error_text[ERROR_TEXT_BYTES] = "";

    if (load_config(relay, &fresh, log_errors)) {
        log_error(LOG_CONFIG, "the new configuration has errors; the old one stays in use");
        return;
    }
    relay_config_diff(relay->config, fresh, &changes);
    for (size_t i = 0; i < changes.count; i++)
        if (changes.entries[i].is_restart_needed)
            log_error(LOG_CONFIG,
                      "%s cannot change while the relay runs; restart it to apply the change",
                      changes.entries[i].name);
    int error =
        changes.restart_count > 0 ? MOQ_ERR_REFUSED : apply_config(relay, fresh, error_text);
    if (error) {
        log_error(LOG_CONFIG, "nothing was reloaded; the old configuration stays in use%s%s",
                  error_text[0] ? ": " : "", error_text);
        relay_config_free(&fresh);
        return;
    }
    relay_config_free(&relay->config);
    relay->config = fresh;
    set_up_log(&fresh->log);
    admin_reload(relay->admin, &fresh->http);
    log_info(LOG_CONFIG, "reloaded: %zu settings changed, certificates were read again",
             changes.count);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct relay *relay = handle->data;
    if (number != SIGHUP)
        stop_relay(relay);
    else if (!relay->is_stopping)
        reload_config(relay);
}

static void watch_signals(struct relay *relay)
{
    static const int numbers[SIGNAL_COUNT] = {SIGINT, SIGTERM, SIGHUP};
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < SIGNAL_COUNT; i++) {
        uv_signal_init(&relay->loop, &relay->signals[i]);
        relay->signals[i].data = relay;
        uv_signal_start(&relay->signals[i], on_signal, numbers[i]);
    }
}

static void on_reload_wanted(uv_async_t *handle)
{
    struct relay *relay = handle->data;
    if (!relay->is_stopping)
        host_reload_wanted(relay->host);
}

/* On any thread; modules end theirs before the loop ends. */
static void wake_for_reload(void *user)
{
    struct relay *relay = user;
    uv_async_send(&relay->reload_wanted);
}

static int let_modules_reload(struct relay *relay)
{
    if (uv_async_init(&relay->loop, &relay->reload_wanted, on_reload_wanted))
        return MOQ_ERR_NOMEM;
    relay->reload_wanted.data = relay;
    uv_unref((uv_handle_t *)&relay->reload_wanted);
    host_on_reload(relay->host, wake_for_reload, relay);
    return 0;
}

static int start_admin(struct relay *relay, char *error_text)
{
    const struct config_http *http = &relay->config->http;
    struct sockaddr_storage address = http->address.socket;
    socklen_t size = http->address.size;
    if (http->address.is_listen && core_listener_address(relay->core, 0, &address, &size))
        return MOQ_ERR_IO;
    if (size == 0)
        return 0;
    const struct admin_subjects subjects = {.core = relay->core,
                                            .host = relay->host,
                                            .is_self_signed =
                                                relay->config->listen[0].certificate_count == 0};
    return admin_start(&relay->admin, &subjects, http, (const struct sockaddr *)&address,
                       error_text);
}

static void say_where(const struct relay *relay)
{
    for (size_t i = 0; i < relay->config->listen_count; i++) {
        struct sockaddr_storage address;
        socklen_t size;
        unsigned port = 0;
        if (core_listener_address(relay->core, i, &address, &size) == 0)
            port = ntohs(((const struct sockaddr_in *)(const void *)&address)->sin_port);
        log_info(LOG_CORE, "listening on %s (UDP port %u): WebTransport and raw QUIC",
                 relay->config->listen[i].address.text, port);
    }
}

static void start_serving(struct relay *relay)
{
    core_run(relay->core);
    say_where(relay);
}

static void close_handle(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static bool has_descriptors(const struct relay_config *config)
{
    char text[DESCRIPTORS_TEXT_BYTES];
    enum descriptors_verdict verdict = descriptors_judge(config, text);
    if (verdict == DESCRIPTORS_TOO_FEW)
        fprintf(stderr, "moq-relay: %s\n", text);
    else if (verdict == DESCRIPTORS_MAY_RUN_OUT)
        log_warn(LOG_CORE, "%s", text);
    return verdict != DESCRIPTORS_TOO_FEW;
}

/* All sessions have ended, and the workers still run. */
static void stop_modules(void *user)
{
    struct relay *relay = user;
    host_stop(relay->host);
}

/* Undoes core_new when what follows it failed. */
static void give_up(struct relay *relay)
{
    relay->is_stopping = true;
    host_stop(relay->host);
    core_stop(&relay->core, NULL, NULL);
    for (int i = 0; i < SIGNAL_COUNT; i++)
        uv_unref((uv_handle_t *)&relay->signals[i]);
}

static int serve_until_stopped(struct relay *relay)
{
    char error_text[ERROR_TEXT_BYTES] = "";
    set_up_log(&relay->config->log);
    if (!has_descriptors(relay->config))
        return EXIT_FAILURE;
    int error =
        descriptors_are_free(DESCRIPTORS_FIRST_LOOP) ? uv_loop_init(&relay->loop) : UV_EMFILE;
    if (error) {
        fprintf(stderr, "moq-relay: cannot make an event loop: %s%s\n", uv_strerror(error),
                error == UV_EMFILE ? "; allow more open files (ulimit -n, LimitNOFILE=)" : "");
        return EXIT_FAILURE;
    }
    error = core_new(&relay->core, &relay->loop, relay->config, error_text);
    if (!error) {
        watch_signals(relay);
        core_on_silent(relay->core, stop_modules, relay);
        error = let_modules_reload(relay);
        if (!error)
            error = host_start(relay->host, relay->core, relay->config, error_text);
        if (!error)
            error = start_admin(relay, error_text);
        if (error)
            give_up(relay);
    }
    if (error)
        fprintf(stderr, "moq-relay: %s\n", error_text[0] ? error_text : moq_error_words(error));
    else
        start_serving(relay);

    uv_run(&relay->loop, UV_RUN_DEFAULT);
    uv_walk(&relay->loop, close_handle, NULL);
    uv_run(&relay->loop, UV_RUN_DEFAULT);
    uv_loop_close(&relay->loop);
    return error ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* This is only a warning, because the relay may be started with a higher limit. */
static void warn_of_descriptors(const struct relay_config *config)
{
    char text[DESCRIPTORS_TEXT_BYTES];
    enum descriptors_verdict verdict = descriptors_judge(config, text);
    if (verdict != DESCRIPTORS_SUFFICE)
        log_warn(LOG_CORE, "%s%s", verdict == DESCRIPTORS_TOO_FEW ? "a start would fail now: " : "",
                 text);
}

/* --check: does what a start does before it serves. Loading the configuration has already checked
 * its settings. */
static int check_config(const struct relay_config *config)
{
    char error_text[QUIC_ERROR_TEXT_BYTES] = "";
    if (core_check(config, error_text)) {
        fprintf(stderr, "moq-relay: %s\n", error_text);
        return EXIT_USAGE;
    }
    warn_of_descriptors(config);
    ports_warn(config);
    printf("ok\n");
    return EXIT_SUCCESS;
}

/* A debug build proves at every exit that nothing leaked. */
static int check_objects(int status)
{
#ifndef NDEBUG
    if (objects_report(stderr) > 0)
        return EXIT_FAILURE;
#endif
    return status;
}

/* --reference and --schema: also of the modules that the configuration brings. */
static int explain_settings(const struct relay *relay)
{
    struct config_errors errors;
    const struct config_sources sources = sources_of(relay);
    struct relay_config *config;
    config_errors_init(&errors);
    if (relay_config_load_modules(&config, &sources, &errors)) {
        print_errors(&errors);
        return EXIT_USAGE;
    }
    if (relay->flags.action == CONFIG_ACTION_SCHEMA)
        relay_config_schema(sources.host, config, stdout);
    else
        relay_config_reference(sources.host, config, stdout);
    relay_config_free(&config);
    return EXIT_SUCCESS;
}

static int run_action(struct relay *relay)
{
    switch (relay->flags.action) {
    case CONFIG_ACTION_HELP:
        config_flags_help(stdout);
        return EXIT_SUCCESS;
    case CONFIG_ACTION_VERSION:
        printf("moq-relay %s\n", MOQ_VERSION_TEXT);
        return EXIT_SUCCESS;
    case CONFIG_ACTION_SCHEMA:
    case CONFIG_ACTION_REFERENCE:
        return explain_settings(relay);
    case CONFIG_ACTION_RUN:
    case CONFIG_ACTION_CHECK:
    case CONFIG_ACTION_PRINT:
        break;
    }
    if (load_config(relay, &relay->config, print_errors))
        return EXIT_USAGE;
    int status = EXIT_SUCCESS;
    if (relay->flags.action == CONFIG_ACTION_PRINT)
        relay_config_print(relay->config, stdout);
    else if (relay->flags.action == CONFIG_ACTION_CHECK)
        status = check_config(relay->config);
    else
        status = serve_until_stopped(relay);
    relay_config_free(&relay->config);
    host_free(&relay->host);
    return check_objects(status);
}

int main(int argc, char *argv[])
{
    static struct relay relay;
    struct config_errors errors;
    descriptors_fill_standard();
    config_errors_init(&errors);
    if (config_flags_parse(&relay.flags, argc, argv, &errors)) {
        config_errors_print(&errors, stderr);
        return EXIT_USAGE;
    }
    relay.host = host_new();
    if (!relay.host) {
        fprintf(stderr, "moq-relay: out of memory\n");
        return EXIT_FAILURE;
    }
    int status = run_action(&relay);
    host_free(&relay.host);
    if (status == EXIT_SUCCESS && standard_output_end("moq-relay"))
        status = EXIT_FAILURE;
    return status;
}
