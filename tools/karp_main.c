/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* moq-karp's command line: a URL and a subcommand, in either order.
 * Tested by tests/e2e/test_tools.py. */
#include "tools/karp.h"

#include <stdlib.h>
#include <string.h>

#include "base/descriptors.h"

enum { KARP_ROWS = 22 };

enum command { COMMAND_NONE, COMMAND_PUBLISH, COMMAND_SUBSCRIBE, COMMAND_INFO, COMMAND_CONNECT };
static const char *const command_names[] = {"", "publish", "subscribe", "info", "connect"};

enum { LINGER_USUAL_MS = 1000, DURATION_USUAL_MS = 3000, PATIENCE_USUAL_MS = 60000 };
#define NOT_GIVEN UINT64_MAX /* of an option that is a time */

static const char summary[] =
    "Publishes and watches media broadcasts. The path of the URL is the name of the broadcast.\n\n"
    "  publish     publishes a fragmented MP4 from standard input\n"
    "  subscribe   writes a broadcast as MP4 to standard output or a file; waits until it\n"
    "              appears, and exits when it ends\n"
    "  info        prints what a broadcast offers and at which rates\n"
    "  connect     connects, agrees on a version, and exits";

static const char ending[] =
    "Examples:\n"
    "  ffmpeg -re -i in.mp4 -c copy -f mp4 -movflags \\\n"
    "    cmaf+separate_moof+delay_moov+skip_trailer -frag_duration 1 - \\\n"
    "    | moq-karp --tls-disable-verify publish https://localhost:4443/demo/bbb\n"
    "  moq-karp publish https://relay.example/demo/bbb < fragmented.mp4\n"
    "  moq-karp subscribe https://relay.example/demo/bbb > out.mp4\n"
    "  moq-karp subscribe https://relay.example/demo/bbb | ffplay -\n\n"
    "Exit codes:\n"
    "  0  the media has ended and everything was delivered; or a signal ended the tool, or\n"
    "     the program that reads its output has ended\n"
    "  1  no connection, nobody publishes it, broken media, or something was lost; connect and\n"
    "     info: also when a signal came before there was an answer\n"
    "  2  the command line is wrong\n"
    "  3  subscribe: the broadcast broke off: its publisher left without ending it\n"
    "  4  done, but some of the media was left out; the log says what and why";

static void karp_rows(struct karp_settings *settings, bool *is_publisher, struct option_row *rows)
{
    const struct option_row all[KARP_ROWS] = {
        {"publish", OPTION_FLAG, NULL, "the same as the word publish", is_publisher},
        {"", OPTION_HEADING, NULL, "publish:", NULL},
        {"input", OPTION_LIST, "FILE",
         "read this instead of standard input; repeat it for each rendition (16)",
         &settings->inputs},
        {"in-band", OPTION_FLAG, NULL,
         "put parameter sets into the frames, so that one decoder can follow renditions",
         &settings->is_in_band},
        {"auto", OPTION_FLAG, NULL,
         "add a track that leaves the choice of the rendition to the relay; implies --in-band",
         &settings->has_auto},
        {"pace", OPTION_FLAG, NULL, "send no faster than the media's own time (default for files)",
         &settings->is_paced},
        {"no-pace", OPTION_FLAG, NULL, "send as fast as the input can be read (default for pipes)",
         &settings->is_unpaced},
        {"live", OPTION_FLAG, NULL, "never hold the input back: slow viewers skip ahead",
         &settings->is_live},
        {"wait-viewer", OPTION_FLAG, NULL, "do not start before somebody watches",
         &settings->is_viewer_awaited},
        {"linger", OPTION_DURATION, "TIME", "stay at least this long after the end (default 1s)",
         &settings->linger_ms},
        {"priority", OPTION_LIST, "KIND=N",
         "priority of audio (1) or video (2), -128 to 127: audio=3", &settings->priorities},
        {"", OPTION_HEADING, NULL, "subscribe:", NULL},
        {"output", OPTION_TEXT, "FILE", "write there instead of standard output",
         &settings->output},
        {"o", OPTION_TEXT, "FILE", "the same", &settings->output},
        {"video", OPTION_TEXT, "TRACK",
         "write only this video track, such as auto; default: all but auto", &settings->video},
        {"latency", OPTION_DURATION, "TIME",
         "wait this long for late media, then skip (default: files 10s, pipes 2s)",
         &settings->latency_ms},
        {"from-start", OPTION_FLAG, NULL,
         "start with the oldest media that is still available, not the newest",
         &settings->is_from_start},
        {"patience", OPTION_DURATION, "TIME",
         "after a lost connection, wait this long for the broadcast (default 60s)",
         &settings->patience_ms},
        {"follow", OPTION_FLAG, NULL, "wait for the next instance when the broadcast has ended",
         &settings->is_followed},
        {"", OPTION_HEADING, NULL, "info:", NULL},
        {"duration", OPTION_DURATION, "TIME", "watch for this long (default 3s)",
         &settings->duration_ms},
        {"json", OPTION_FLAG, NULL, "print JSON", &settings->is_json},
    };
    memcpy(rows, all, sizeof all);
}

static enum command command_by_name(const char *word)
{
    for (size_t i = 1; i < sizeof command_names / sizeof command_names[0]; i++)
        if (strcmp(word, command_names[i]) == 0)
            return (enum command)i;
    return COMMAND_NONE;
}

#define COMMANDS_TEXT "publish, subscribe, info or connect"

/* Prints that there is no command. A word that cannot be a URL is probably a mistyped command. */
static int complain_of_no_command(const struct options_list *words)
{
    for (size_t i = 0; i < words->count; i++)
        if (!strpbrk(words->items[i], ":/."))
            return options_complain("moq-karp", "%s: no such command; it is " COMMANDS_TEXT,
                                    words->items[i]);
    return options_complain("moq-karp", "a command is missing: " COMMANDS_TEXT);
}

/* Reads one command and one URL. Returns 0, or OPTIONS_USAGE after printing why. */
static int read_words(const struct options_list *words, const char **url, enum command *command)
{
    const char *extra = NULL;
    for (size_t i = 0; i < words->count; i++) {
        enum command found = command_by_name(words->items[i]);
        if (found && *command && *command != found)
            return options_complain("moq-karp", "%s and %s contradict each other",
                                    command_names[*command], command_names[found]);
        if (found)
            *command = found;
        else if (!*url)
            *url = words->items[i];
        else if (!extra)
            extra = words->items[i];
    }
    if (*command == COMMAND_NONE)
        return complain_of_no_command(words);
    return extra ? options_complain("moq-karp", "too many arguments: %s; only one URL is needed",
                                    extra)
                 : 0;
}

/* ---- What the table cannot check ------------------------------------------------------------- */

static bool read_priority(const char *text, struct karp_settings *settings)
{
    static const char *const kinds[] = {"audio=", "video="};
    int8_t *const targets[] = {&settings->audio_priority, &settings->video_priority};
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(kinds[i]);
        char *end = NULL;
        if (strncmp(text, kinds[i], n) != 0)
            continue;
        long value = strtol(text + n, &end, 10);
        *targets[i] = (int8_t)value;
        return end != text + n && *end == '\0' && value >= INT8_MIN && value <= INT8_MAX;
    }
    return false;
}

static int check_values(struct karp_settings *settings)
{
    for (size_t i = 0; i < settings->priorities.count; i++)
        if (!read_priority(settings->priorities.items[i], settings))
            return options_complain("moq-karp",
                                    "--priority %s: not audio=N or video=N with N from -128 to 127",
                                    settings->priorities.items[i]);
    if (settings->inputs.count > KARP_RENDITIONS_MAX_INPUTS)
        return options_complain("moq-karp", "more than %d times --input",
                                KARP_RENDITIONS_MAX_INPUTS);
    for (size_t i = 0; i < settings->inputs.count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(settings->inputs.items[i], settings->inputs.items[j]) == 0)
                return options_complain("moq-karp", "--input %s is given twice",
                                        settings->inputs.items[i]);
    if (settings->is_paced && settings->is_unpaced)
        return options_complain("moq-karp", "--pace and --no-pace contradict each other");
    return 0;
}

/* Refuses options that the command would ignore, because the user expects something from them. */
static int check_options_of(const struct karp_settings *settings, enum command command)
{
    const struct {
        bool is_given;
        const char *name;
        enum command command;
    } options[] = {
        {settings->inputs.count > 0, "--input", COMMAND_PUBLISH},
        {settings->is_in_band, "--in-band", COMMAND_PUBLISH},
        {settings->has_auto, "--auto", COMMAND_PUBLISH},
        {settings->is_paced, "--pace", COMMAND_PUBLISH},
        {settings->is_unpaced, "--no-pace", COMMAND_PUBLISH},
        {settings->is_live, "--live", COMMAND_PUBLISH},
        {settings->is_viewer_awaited, "--wait-viewer", COMMAND_PUBLISH},
        {settings->linger_ms != NOT_GIVEN, "--linger", COMMAND_PUBLISH},
        {settings->priorities.count > 0, "--priority", COMMAND_PUBLISH},
        {settings->output != NULL, "--output", COMMAND_SUBSCRIBE},
        {settings->video != NULL, "--video", COMMAND_SUBSCRIBE},
        {settings->latency_ms != NOT_GIVEN, "--latency", COMMAND_SUBSCRIBE},
        {settings->is_followed, "--follow", COMMAND_SUBSCRIBE},
        {settings->is_from_start, "--from-start", COMMAND_SUBSCRIBE},
        {settings->patience_ms != NOT_GIVEN, "--patience", COMMAND_SUBSCRIBE},
        {settings->duration_ms != NOT_GIVEN, "--duration", COMMAND_INFO},
        {settings->is_json, "--json", COMMAND_INFO},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (options[i].is_given && options[i].command != command)
            return options_complain("moq-karp", "%s is for %s, not for %s", options[i].name,
                                    command_names[options[i].command], command_names[command]);
    return 0;
}

static int check_settings(struct karp_settings *settings, enum command command)
{
    int result = check_options_of(settings, command);
    if (!result)
        result = check_values(settings);
    if (settings->linger_ms == NOT_GIVEN)
        settings->linger_ms = LINGER_USUAL_MS;
    if (settings->duration_ms == NOT_GIVEN)
        settings->duration_ms = DURATION_USUAL_MS;
    if (settings->patience_ms == NOT_GIVEN)
        settings->patience_ms = PATIENCE_USUAL_MS;
    return result;
}

/* ---- The commands ---------------------------------------------------------------------------- */

static void on_connected(struct tool *tool, struct moq_session *session)
{
    (void)session;
    tool_say(tool, "connected to %s", tool->url.host);
    tool_finish(tool, TOOL_OK);
}

static void on_stop(struct tool *tool)
{
    tool_fail(tool, "interrupted before it was connected");
}

static int karp_connect(struct tool *tool)
{
    static const struct tool_app app = {.on_connected = on_connected, .on_stop = on_stop};
    return tool_run(tool, &app, NULL, NULL);
}

/* Whether the path is one empty part: a broadcast whose name was probably forgotten. */
static bool is_nameless(const struct moq_path *broadcast)
{
    return moq_path_count(broadcast) == 1 && moq_path_part(broadcast, 0).size == 0;
}

/* Returns 0, or OPTIONS_USAGE after printing why the path cannot be that of a broadcast. */
static int check_broadcast(const struct tool *tool, const struct karp_settings *settings,
                           const struct moq_path *path)
{
    size_t most = KARP_BROADCAST_MAX_BYTES - (settings->inputs.count > 1 ? sizeof "16." - 1 : 0);
    if (path && is_nameless(path))
        return options_complain(tool->program,
                                "the URL names no broadcast; write one after the host: "
                                "https://host:port/NAME");
    /* There must be room to append an instance and a track. */
    if (!path || !tool_path_has_room(path, MOQ_PATH_MAX_PARTS - KARP_BROADCAST_MAX_PARTS,
                                     MOQ_PATH_MAX_BYTES - most))
        return options_complain(tool->program,
                                "the path of the URL has more than %d parts or %zu bytes",
                                KARP_BROADCAST_MAX_PARTS, most);
    return 0;
}

static int run_command(struct tool *tool, const struct karp_settings *settings,
                       enum command command)
{
    if (command == COMMAND_CONNECT)
        return karp_connect(tool);
    struct moq_path *broadcast = moq_url_broadcast(&tool->url);
    int exit_code = check_broadcast(tool, settings, broadcast);
    if (!exit_code)
        exit_code = command == COMMAND_PUBLISH     ? karp_publish(tool, settings, broadcast)
                    : command == COMMAND_SUBSCRIBE ? karp_subscribe(tool, settings, broadcast)
                                                   : karp_info(tool, settings, broadcast);
    moq_path_unref(&broadcast);
    return exit_code;
}

int main(int argc, char **argv)
{
    descriptors_fill_standard();
    struct tool tool = {.program = "moq-karp"};
    struct tool_settings settings = {.bind = NULL};
    struct karp_settings karp = {
        .audio_priority = KARP_AUDIO_PRIORITY,
        .video_priority = KARP_VIDEO_PRIORITY,
        .linger_ms = NOT_GIVEN,
        .latency_ms = NOT_GIVEN,
        .duration_ms = NOT_GIVEN,
        .patience_ms = NOT_GIVEN,
    };
    struct option_row rows[KARP_ROWS + TOOL_ROWS];
    struct options_list words;
    const char *url = NULL;
    bool is_publisher = false;
    karp_rows(&karp, &is_publisher, rows);
    tool_rows(&settings, rows + KARP_ROWS);
    const struct options_spec spec = {
        .program = tool.program,
        .synopsis = "[options] (publish | subscribe | info | connect) URL",
        .summary = summary,
        .ending = ending,
        .rows = rows,
        .row_count = sizeof rows / sizeof rows[0],
    };
    int result = options_parse(&spec, argc, argv, &words);
    if (result != OPTIONS_RUN)
        return options_status(result);
    enum command command = is_publisher ? COMMAND_PUBLISH : COMMAND_NONE;
    result = read_words(&words, &url, &command);
    if (!result)
        result = tool_prepare(&tool, &settings, url);
    if (!result)
        result = check_settings(&karp, command);
    return result ? result : run_command(&tool, &karp, command);
}
