/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The life cycle of all tools. Standard output is for data only; messages go to standard error.
 * Tested by tests/e2e/test_tools.py. */
#include "tools/tool.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "base/log.h"
#include "base/objects.h"
#include "tools/bearer.h"

/* After this much silence a tool sends a PING. A relay that has been restarted answers with a
 * stateless reset, so the tool is back after this time plus the first pause. */
#define KEEP_ALIVE_NS NS_PER_S
enum { FIRST_RETRY_MS = 500 };

/* Descriptors for the loop, signals, sockets and files, and those that a name look-up opens
 * briefly. */
enum { TOOL_DESCRIPTORS = 12 };

enum { TIMEOUT_USUAL_MS = 10000, TIMEOUT_MAX_MS = 24 * 3600 * 1000 };

/* ---- Options --------------------------------------------------------------------------------- */

void tool_rows(struct tool_settings *settings, struct option_row *rows)
{
    const struct option_row all[TOOL_ROWS] = {
        {"", OPTION_HEADING, NULL, "Connection:", NULL},
        {"bind", OPTION_TEXT, "ADDRESS", "local address (default [::]:0)", &settings->bind},
        {"tls-root", OPTION_LIST, "FILE", "trust these roots (PEM) instead of the system's",
         &settings->tls_roots},
        {"tls-disable-verify", OPTION_FLAG, NULL,
         "do not verify the relay's certificate: for tests only", &settings->is_verify_disabled},
        {"token-file", OPTION_TEXT, "FILE",
         "append ?jwt= and the token in this file to the URL, read anew for each connection",
         &settings->token_file},
        {"transport-version", OPTION_LIST, "N", "offer only version 02, 03 or 04 (repeatable)",
         &settings->versions},
        {"timeout", OPTION_DURATION, "TIME",
         "give up an attempt to connect after this (default 10s)", &settings->timeout_ms},
        {"no-reconnect", OPTION_FLAG, NULL, "exit with 1 when the connection is lost",
         &settings->is_once},
        {"", OPTION_HEADING, NULL, "Messages, on standard error:", NULL},
        {"v", OPTION_COUNT, NULL, "log more: -v debug, -vv everything", &settings->louder},
        {"q", OPTION_COUNT, NULL, "log less: -q errors only, -qq nothing", &settings->quieter},
        {"log-json", OPTION_FLAG, NULL, "log one JSON object per line", &settings->is_log_json},
        {"", OPTION_HEADING, NULL, "Other:", NULL},
    };
    settings->timeout_ms = TIMEOUT_USUAL_MS;
    memcpy(rows, all, sizeof all);
}

/* Reads levels in the form of RUST_LOG: "debug", or "info,quic=trace". Unknown topics are
 * skipped. */
static void set_levels_by_text(const char *text)
{
    char copy[256];
    snprintf(copy, sizeof copy, "%s", text);
    char *rest = NULL;
    for (char *word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        char *equals = strchr(word, '=');
        int level = log_level_by_name(equals ? equals + 1 : word);
        if (equals)
            *equals = '\0';
        int topic = equals ? log_topic_by_name(word) : -1;
        if (level >= 0 && !equals)
            log_set_level((enum log_level)level);
        else if (level >= 0 && topic >= 0)
            log_set_topic_level((enum log_topic)topic, (enum log_level)level);
    }
}

static void set_levels(const struct tool_settings *settings)
{
    enum log_level level = LOG_LEVEL_INFO;
    if (settings->louder)
        level = settings->louder == 1 ? LOG_LEVEL_DEBUG : LOG_LEVEL_TRACE;
    if (settings->quieter)
        level = settings->quieter == 1 ? LOG_LEVEL_ERROR : LOG_LEVEL_OFF;
    log_set_level(level);
    log_set_json(settings->is_log_json);
    const char *wish = getenv("RUST_LOG");
    if (wish && *wish)
        set_levels_by_text(wish);
}

uint32_t tool_versions(const struct tool_settings *settings)
{
    uint32_t versions = 0;
    for (size_t i = 0; i < settings->versions.count; i++)
        versions |= moq_version_by_name(settings->versions.items[i]);
    return versions;
}

void tool_bear_token(const struct tool_settings *settings, struct moq_client_config *config)
{
    config->refresh = settings->token_file ? bearer_refresh : NULL;
    config->refresh_user = (void *)settings->token_file;
}

static int check_token(const struct tool *tool)
{
    const char *file = tool->settings->token_file;
    char why[QUIC_ERROR_TEXT_BYTES];
    struct moq_url url = tool->url;
    if (!file)
        return 0;
    if (tool->url.protocol == QUIC_PROTOCOL_RAW)
        return options_complain(tool->program, "--token-file: moqf:// sends no URL, and so no "
                                               "token; use https://");
    if (moq_url_has_token(&url))
        return options_complain(tool->program, "--token-file: the URL has a token too");
    return bearer_refresh((void *)file, &url, why) ? options_complain(tool->program, "%s", why) : 0;
}

int tool_prepare(struct tool *tool, const struct tool_settings *settings, const char *url_text)
{
    char why[QUIC_ERROR_TEXT_BYTES];
    tool->settings = settings;
    if (settings->louder && settings->quieter)
        return options_complain(tool->program, "-v and -q contradict each other");
    set_levels(settings);
    for (size_t i = 0; i < settings->versions.count; i++)
        if (!moq_version_by_name(settings->versions.items[i]))
            return options_complain(tool->program, "--transport-version %s: not 02, 03 or 04",
                                    settings->versions.items[i]);
    if (settings->bind && moq_address_check(settings->bind))
        return options_complain(tool->program,
                                "--bind %s: not an address and a port such as [::]:0 or "
                                "192.0.2.1:0 (port 0: any that is free)",
                                settings->bind);
    if (settings->timeout_ms == 0 || settings->timeout_ms > TIMEOUT_MAX_MS)
        return options_complain(tool->program, "--timeout: not between 1ms and 24h");
    for (size_t i = 0; i < settings->tls_roots.count; i++)
        if (access(settings->tls_roots.items[i], R_OK) != 0)
            return options_complain(tool->program, "--tls-root %s: %s",
                                    settings->tls_roots.items[i], strerror(errno));
    if (!url_text)
        return options_complain(tool->program, "the URL of a relay is missing");
    if (moq_url_parse(&tool->url, url_text, why))
        return options_complain(tool->program, "%s: %s", url_text, why);
    return check_token(tool);
}

bool tool_path_has_room(const struct moq_path *path, size_t parts, size_t bytes)
{
    size_t count = moq_path_count(path);
    for (size_t i = 0; i < count; i++)
        bytes += moq_path_part(path, i).size;
    return count + parts <= MOQ_PATH_MAX_PARTS && bytes <= MOQ_PATH_MAX_BYTES;
}

/* ---- Words for people ------------------------------------------------------------------------ */

static void clear_progress(struct tool *tool)
{
    if (tool->has_progress_line)
        fputs("\r\033[K", stderr);
    tool->has_progress_line = false;
}

static void on_progress(uv_timer_t *timer)
{
    struct tool *tool = timer->data;
    char line[160] = "";
    tool->app->on_progress(tool, line, sizeof line);
    if (!*line)
        return;
    fprintf(stderr, "\r%s\033[K", line);
    fflush(stderr);
    tool->has_progress_line = true;
}

void tool_say(struct tool *tool, const char *format, ...)
{
    char text[TOOL_LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    clear_progress(tool);
    log_info(LOG_TOOL, "%s", text);
}

/* ---- The end --------------------------------------------------------------------------------- */

static void on_finisher(uv_timer_t *timer)
{
    struct tool *tool = timer->data;
    if (tool->app->on_finish)
        tool->app->on_finish(tool);
    moq_client_close(&tool->client, 0, NULL, NULL);
    moq_native_close(&tool->native, NULL, NULL);
    uv_close((uv_handle_t *)&tool->interrupt, NULL);
    uv_close((uv_handle_t *)&tool->terminate, NULL);
    uv_close((uv_handle_t *)&tool->progress, NULL);
    uv_close((uv_handle_t *)&tool->finisher, NULL);
}

void tool_finish(struct tool *tool, int exit_code)
{
    if (tool->is_finishing)
        return;
    tool->is_finishing = true;
    tool->exit_code = exit_code;
    uv_timer_start(&tool->finisher, on_finisher, 0, 0);
}

void tool_fail(struct tool *tool, const char *format, ...)
{
    va_list arguments;
    if (tool->is_finishing)
        return;
    va_start(arguments, format);
    vsnprintf(tool->failure, sizeof tool->failure, format, arguments);
    va_end(arguments);
    clear_progress(tool);
    log_error(LOG_TOOL, "%s", tool->failure);
    tool_finish(tool, TOOL_FAILED);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct tool *tool = handle->data;
    (void)number;
    moq_native_wake(tool->native);
    if (!tool->app->on_stop || tool->is_stopping) {
        tool_finish(tool, TOOL_OK);
        return;
    }
    tool->is_stopping = true;
    tool->app->on_stop(tool);
}

/* ---- Connection ------------------------------------------------------------------------------ */

const char *tool_trust_hint(const char *reason)
{
    return strstr(reason, QUIC_REASON_UNKNOWN_ISSUER)
               ? " (if it is self-signed: use --tls-root FILE, an http:// URL for a relay with "
                 "--dev, or, for tests, --tls-disable-verify; if an authority signed it: the relay "
                 "must send its whole chain)"
               : "";
}

static void on_connected(struct moq_client *client, struct moq_session *session)
{
    struct tool *tool = moq_client_user(client);
    if (tool->is_finishing)
        return;
    tool->was_connected = true;
    log_debug(LOG_TOOL, "connected to %s", tool->url.host);
    if (tool->app->on_connected)
        tool->app->on_connected(tool, session);
}

static void on_lost(struct moq_client *client, int error, const char *reason, uint64_t retry_ms)
{
    struct tool *tool = moq_client_user(client);
    if (tool->is_finishing)
        return;
    if (!*reason)
        reason = error ? moq_error_words(error) : "the relay closed the session";
    if (!tool->was_connected || retry_ms == UINT64_MAX) {
        tool_fail(tool, "%s %s:%u: %s%s", tool->was_connected ? "lost" : "cannot connect to",
                  tool->url.host, tool->url.port, reason, tool_trust_hint(reason));
        return;
    }
    clear_progress(tool);
    log_warn(LOG_TOOL, "lost %s: %s; trying again in %.1f s", tool->url.host, reason,
             (double)retry_ms / 1000);
    if (tool->app->on_lost)
        tool->app->on_lost(tool);
}

struct moq_session *tool_session(struct tool *tool)
{
    return tool->client ? moq_client_session(tool->client) : NULL;
}

uint64_t tool_now_ns(const struct tool *tool)
{
    return moq_native_clock(tool->native)->now_ns;
}

static int open_client(struct tool *tool)
{
    static const struct moq_client_events events = {
        .on_connected = on_connected,
        .on_lost = on_lost,
    };
    const struct tool_settings *settings = tool->settings;
    struct moq_client_config config = {
        .url = tool->url,
        .tls = {.root_files = settings->tls_roots.items,
                .root_file_count = settings->tls_roots.count,
                .is_verify_disabled = settings->is_verify_disabled},
        .offers = tool->offers,
        .session = tool->app->session,
        .events = &events,
        .reconnect = {.is_enabled = !settings->is_once, .first_ms = FIRST_RETRY_MS},
        .timeout_ms = (uint32_t)settings->timeout_ms,
        .versions = tool_versions(settings),
        .user = tool,
    };
    tool_bear_token(settings, &config);
    tool->client = moq_client_open(tool->native, &config);
    return tool->client ? 0 : MOQ_ERR_NOMEM;
}

/* ---- The loop -------------------------------------------------------------------------------- */

static void start_handles(struct tool *tool)
{
    uv_signal_init(&tool->loop, &tool->interrupt);
    uv_signal_init(&tool->loop, &tool->terminate);
    uv_timer_init(&tool->loop, &tool->progress);
    uv_timer_init(&tool->loop, &tool->finisher);
    tool->interrupt.data = tool->terminate.data = tool;
    tool->progress.data = tool->finisher.data = tool;
    uv_signal_start(&tool->interrupt, on_signal, SIGINT);
    uv_signal_start(&tool->terminate, on_signal, SIGTERM);
    tool->is_progress_shown = tool->app->on_progress && isatty(STDERR_FILENO) &&
                              !tool->settings->quieter && !tool->settings->is_log_json;
    if (tool->is_progress_shown)
        uv_timer_start(&tool->progress, on_progress, 1000, 1000);
}

int tool_loop_init(const char *program, uv_loop_t *loop, unsigned more)
{
    unsigned needed = TOOL_DESCRIPTORS + more;
    if (!descriptors_are_free(needed < DESCRIPTORS_FREE_MAX ? needed : DESCRIPTORS_FREE_MAX)) {
        struct rlimit files = {0};
        getrlimit(RLIMIT_NOFILE, &files);
        fprintf(stderr,
                "%s: it needs %u more file descriptors, of at most %llu in all; allow more "
                "(ulimit -n)\n",
                program, needed, (unsigned long long)files.rlim_cur);
        return TOOL_FAILED;
    }
    int error = uv_loop_init(loop);
    if (error)
        fprintf(stderr, "%s: cannot make an event loop: %s\n", program, uv_strerror(error));
    return error ? TOOL_FAILED : 0;
}

int tool_run(struct tool *tool, const struct tool_app *app, void *user,
             int (*on_open)(struct tool *tool))
{
    struct moq_native_config native = {
        .loop = &tool->loop,
        .limits = {.keep_alive_ns = KEEP_ALIVE_NS},
        .bind = tool->settings->bind,
        .is_keylog_enabled = true,
    };
    tool->app = app;
    tool->user = user;
    signal(SIGPIPE, SIG_IGN);
    if (tool_loop_init(tool->program, &tool->loop, 0))
        return TOOL_FAILED;
    tool->native = moq_native_new(&native);
    tool->offers = moq_offers_new();
    start_handles(tool);
    if (!tool->native || !tool->offers)
        tool_fail(tool, "out of memory");
    else if (on_open && on_open(tool))
        tool_finish(tool, TOOL_FAILED);
    else if (open_client(tool))
        tool_fail(tool, "out of memory");
    uv_run(&tool->loop, UV_RUN_DEFAULT);
    clear_progress(tool);
    moq_offers_free(&tool->offers);
    if (uv_loop_close(&tool->loop))
        log_debug(LOG_TOOL, "the loop still had work at the end");
    return tool->exit_code;
}
