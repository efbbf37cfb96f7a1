/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What every tool is: a loop, one client that stays connected, signals, log levels, a line of
 * progress, an exit code.
 *
 *   0  done: the end of the media, or SIGINT / SIGTERM after an orderly close, or the reader of our
 *      output left
 *   1  failed: no connection, nothing published, broken media, an output that cannot be written
 *   2  the command line is wrong
 *   3  moq-karp subscribe: the publisher has gone without ending its broadcast
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

/* What a tool says at a time: with room for a name (MOQ_PATH_LINE_BYTES) and what is said of it. */
enum { TOOL_LINE_BYTES = 2048 };

enum { TOOL_OK = 0, TOOL_FAILED = 1, TOOL_USAGE = 2, TOOL_CUT_OFF = 3, TOOL_INCOMPLETE = 4 };

/* The options of all tools. */
struct tool_settings {
    const char *bind, *protocol;
    struct options_list tls_roots, versions;
    bool is_verify_disabled, is_once, is_log_json;
    unsigned louder, quieter;
    uint64_t timeout_ms;
};

enum { TOOL_ROWS = 12 };

/* Puts TOOL_ROWS rows for `settings` to `rows`, and the usual values into `settings`. */
void tool_rows(struct tool_settings *settings, struct option_row *rows);

struct tool;

struct tool_app { /* every entry may be NULL */
    void (*on_connected)(struct tool *tool, struct moq_session *session);
    void (*on_lost)(struct tool *tool); /* the session; a new one follows */
    /* A signal: to end in order, call tool_finish now or soon. NULL, and the second signal:
     * tool_finish(0). */
    void (*on_stop)(struct tool *tool);
    void (*on_finish)(struct tool *tool); /* lets go of handles; the session ends after it */
    /* For people, once a second, if they look. */
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
    struct moq_offers *offers; /* what the app publishes */
    int exit_code;
    bool is_finishing;
    bool is_progress_shown; /* private, as all below */
    bool was_connected, is_stopping, has_progress_line;
    uv_signal_t interrupt, terminate;
    uv_timer_t progress, finisher;
    char failure[TOOL_LINE_BYTES];
};

/* Sets log levels and checks what options_parse cannot. 0, or TOOL_USAGE after saying why.
 * `url_text` NULL: missing. */
int tool_prepare(struct tool *tool, const struct tool_settings *settings, const char *url_text);

/* What --transport-version allows, for moq_client_config; 0: all. Only after tool_prepare. */
uint32_t tool_versions(const struct tool_settings *settings);

/* Opens what the app wants in `on_open`, connects, runs until tool_finish, cleans up. Returns the
 * exit code. */
int tool_run(struct tool *tool, const struct tool_app *app, void *user,
             int (*on_open)(struct tool *tool));

/* The first loop of a program, which will need `more` descriptors than every tool does. 0, or
 * TOOL_FAILED after saying why. */
int tool_loop_init(const char *program, uv_loop_t *loop, unsigned more);

struct moq_session *tool_session(struct tool *tool); /* NULL: not connected */

/* Ends the tool with `exit_code`; what is under way in this callback goes on. The first call
 * counts. */
void tool_finish(struct tool *tool, int exit_code);
void tool_fail(struct tool *tool, const char *format, ...)
    __attribute__((format(printf, 2, 3))); /* says why; 1 */

/* What to do about a connection that failed for `reason`, to be added to it; "" if there is nothing
 * to say. */
const char *tool_trust_hint(const char *reason);

/* Whether as many parts, of so many bytes together, can be appended to `path`. */
bool tool_path_has_room(const struct moq_path *path, size_t parts, size_t bytes);

/* Says something to the person at the terminal: above the line of progress. */
void tool_say(struct tool *tool, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
