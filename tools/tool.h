/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What all tools have in common: a loop, one client that stays connected, signals, log levels, a
 * line of progress, an exit code.
 *
 *   0  done: the media has ended, or SIGINT or SIGTERM came and everything was closed in order, or
 *      the reader of our output has left
 *   1  failed: no connection, nothing published, broken media, an output that cannot be written
 *   2  the command line is wrong
 *   3  moq-karp subscribe: the publisher has left without ending its broadcast
 *   4  moq-karp: done, but media is missing in what was published or written */
#ifndef MOQ_TOOLS_TOOL_H
#define MOQ_TOOLS_TOOL_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "base/list.h"
#include "base/clock.h"
#include "native/native.h"
#include "tools/options.h"

/* The longest message, with room for a name (MOQ_PATH_LINE_BYTES) and what is said about it. */
enum { TOOL_LINE_BYTES = 2048 };

enum { TOOL_OK = 0, TOOL_FAILED = 1, TOOL_USAGE = 2, TOOL_CUT_OFF = 3, TOOL_INCOMPLETE = 4 };

/* The options of all tools. */
struct tool_settings {
    const char *bind, *protocol, *token_file;
    struct options_list tls_roots, versions;
    bool is_verify_disabled, is_once, is_log_json;
    unsigned louder, quieter;
    uint64_t timeout_ms;
};

enum { TOOL_ROWS = 13 };

/* Writes TOOL_ROWS rows for the options in `settings` to `rows`, and their defaults into
 * `settings`. */
void tool_rows(struct tool_settings *settings, struct option_row *rows);

struct tool;

struct tool_app { /* every entry may be NULL */
    void (*on_connected)(struct tool *tool, struct moq_session *session);
    void (*on_lost)(struct tool *tool); /* the session is lost; the client connects again */
    /* Called for the first signal. To end in order, call tool_finish() now or soon. If it is NULL,
     * or for a second signal, the tool calls tool_finish(tool, 0) itself. */
    void (*on_stop)(struct tool *tool);
    void (*on_finish)(struct tool *tool); /* must close handles; the session ends after it */
    /* Writes a line of progress. Called once a second if standard error is a terminal. */
    void (*on_progress)(struct tool *tool, char *line, size_t size);
    const struct moq_session_events *session;
};

struct tool {
    const char *program; /* read-only, as all down to `client` */
    const struct tool_settings *settings;
    const struct tool_app *app;
    void *user; /* also moq_session_user() */
    uv_loop_t loop;
    struct moq_native *native;
    struct moq_client *client;
    struct moq_url url;
    struct moq_offers *offers; /* that the app publishes */
    int exit_code;
    bool is_finishing;
    bool is_progress_shown; /* private, as all below */
    bool was_connected, is_stopping, has_progress_line;
    uv_signal_t interrupt, terminate;
    uv_timer_t progress, finisher;
    char failure[TOOL_LINE_BYTES];
};

/* Sets log levels and checks what options_parse() cannot. `url_text`: NULL if none was given.
 * Returns 0, or TOOL_USAGE after printing why. */
int tool_prepare(struct tool *tool, const struct tool_settings *settings, const char *url_text);

/* Lets a client read --token-file before each attempt. Nothing if that was not given. */
void tool_bear_token(const struct tool_settings *settings, struct moq_client_config *config);

/* The versions that --transport-version allows, for moq_client_config; 0: all. Valid after
 * tool_prepare(). */
uint32_t tool_versions(const struct tool_settings *settings);

/* Calls `on_open`, connects, runs until tool_finish(), and cleans up. Returns the exit code. */
int tool_run(struct tool *tool, const struct tool_app *app, void *user,
             int (*on_open)(struct tool *tool));

/* Initialises the first loop of a program, which needs `more` descriptors beyond those that every
 * tool needs. Returns 0, or TOOL_FAILED after printing why. */
int tool_loop_init(const char *program, uv_loop_t *loop, unsigned more);

struct moq_session *tool_session(struct tool *tool); /* NULL: not connected */
uint64_t tool_now_ns(const struct tool *tool);       /* the clock of its loop */

/* Ends the tool with `exit_code`, after the current callback has returned. Only the first call
 * counts. */
void tool_finish(struct tool *tool, int exit_code);
/* Prints why, and ends the tool with TOOL_FAILED. */
void tool_fail(struct tool *tool, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Advice for a connection that failed for `reason`, to be appended to it; "" if there is none. */
const char *tool_trust_hint(const char *reason);
/* Whether `parts` more parts, of `bytes` bytes together, can be appended to `path`. */
bool tool_path_has_room(const struct moq_path *path, size_t parts, size_t bytes);
/* Prints a message to standard error, above the line of progress. */
void tool_say(struct tool *tool, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
