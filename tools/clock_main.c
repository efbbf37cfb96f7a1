/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* moq-clock's command line.
 * Tested by tests/e2e/test_tools.py. */
#include "tools/clock.h"

#include <string.h>

#include "base/descriptors.h"

/* Joins all names to one path. NULL: it is too long, or out of memory. */
static struct moq_path *path_of(const struct options_list *names)
{
    struct moq_path *path = moq_path_from_text(names->count ? "" : "clock");
    for (size_t i = 0; i < names->count && path; i++) {
        const char *name = names->items[i];
        struct moq_path *before = path;
        struct moq_path *more = *name ? moq_path_from_text(name) : moq_path_from_name(name, 0);
        path = more ? moq_path_join(before, more) : NULL;
        moq_path_unref(&more);
        moq_path_unref(&before);
    }
    return path;
}

/* Reads the words: a URL and optionally "publish" or "subscribe", in any order. Returns 0, or
 * OPTIONS_USAGE after printing why. */
static int read_words(const struct options_list *words, const char **url, bool *is_publisher)
{
    bool is_viewer = false;
    for (size_t i = 0; i < words->count; i++) {
        const char *word = words->items[i];
        bool *command = strcmp(word, "publish") == 0     ? is_publisher
                        : strcmp(word, "subscribe") == 0 ? &is_viewer
                                                         : NULL;
        if (!command && *url)
            return options_complain("moq-clock", "too many arguments: %s; only one URL is needed",
                                    word);
        if (command)
            *command = true;
        else
            *url = word;
    }
    return *is_publisher && is_viewer
               ? options_complain("moq-clock", "publish and subscribe contradict each other")
               : 0;
}

int main(int argc, char **argv)
{
    descriptors_fill_standard();
    struct tool tool = {.program = "moq-clock"};
    struct tool_settings settings = {.bind = NULL};
    struct options_list words, names = {.count = 0};
    bool is_publisher = false;
    struct option_row rows[TOOL_ROWS + 2] = {
        {"publish", OPTION_FLAG, NULL, "be the clock; without it, watch one", &is_publisher},
        {"path", OPTION_LIST, "NAME",
         "the track's path, or with further --path a piece of it (default clock)", &names},
    };
    tool_rows(&settings, rows + 2);
    const struct options_spec spec = {
        .program = tool.program,
        .synopsis = "[options] URL [publish | subscribe]",
        .summary =
            "Publishes the time of day as a live track, or watches it and prints a line for\n"
            "each second, to try a relay out. The path of the URL is not used.\n\n"
            "Options:",
        .ending = "Examples:\n"
                  "  moq-clock --tls-disable-verify https://localhost:4443 --publish\n"
                  "  moq-clock http://localhost:4443\n"
                  "  moq-clock moqf://relay.example --path room/clock\n\n"
                  "Exit codes:\n"
                  "  0  a signal ended it, or the program that reads its output has ended\n"
                  "  1  no connection, or output that cannot be written\n"
                  "  2  the command line is wrong",
        .rows = rows,
        .row_count = sizeof rows / sizeof rows[0],
    };
    const char *url = NULL;
    int result = options_parse(&spec, argc, argv, &words);
    if (result != OPTIONS_RUN)
        return options_status(result);
    result = read_words(&words, &url, &is_publisher);
    if (!result)
        result = tool_prepare(&tool, &settings, url);
    if (result)
        return result;
    struct moq_path *path = path_of(&names);
    if (!path)
        return options_complain(tool.program, "the path has more than %d parts or %d bytes",
                                MOQ_PATH_MAX_PARTS, MOQ_PATH_MAX_BYTES);
    result = is_publisher ? clock_publish(&tool, path) : clock_watch(&tool, path);
    moq_path_unref(&path);
    return result;
}
