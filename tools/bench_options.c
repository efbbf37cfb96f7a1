/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* moq-bench's command line: converts texts to numbers, checks their bounds, and names each
 * mistake. */
#include "tools/bench_options.h"

#include <stdlib.h>
#include <string.h>

enum { ARRIVAL_MS = 5, RANGE_TEXT_BYTES = 64, ROWS = 29 };

struct texts { /* arguments as given; NULL: not given */
    const char *publishers, *tracks, *viewers, *threads, *sockets, *size, *fps, *group, *slow,
        *stall, *announce, *join, *pid;
    uint64_t ramp_ms;
};

static int complain_of_value(const char *option, const char *value, const char *wanted)
{
    fprintf(stderr, "moq-bench: --%s %s: %s; try moq-bench --help\n", option, value, wanted);
    return OPTIONS_USAGE;
}

/* ---- Values ---------------------------------------------------------------------------------- */

static bool read_number(const char *text, uint64_t *value)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 15 || text[digits] != '\0')
        return false;
    *value = strtoull(text, NULL, 10);
    return true;
}

static int set_number(const char *option, const char *text, struct bench_range bounds,
                      unsigned *target)
{
    char wanted[80];
    uint64_t value;
    if (!text)
        return OPTIONS_RUN;
    if (read_number(text, &value) && value >= bounds.least && value <= bounds.most) {
        *target = (unsigned)value;
        return OPTIONS_RUN;
    }
    snprintf(wanted, sizeof wanted, "not a number from %llu to %llu",
             (unsigned long long)bounds.least, (unsigned long long)bounds.most);
    return complain_of_value(option, text, wanted);
}

/* Reads "A" or "A-B"; `read` reads one of the numbers. */
static bool read_range(const char *text, bool (*read)(const char *text, uint64_t *value),
                       struct bench_range *range)
{
    char least[RANGE_TEXT_BYTES];
    size_t n = strcspn(text, "-");
    if (n >= sizeof least)
        return false;
    memcpy(least, text, n);
    least[n] = '\0';
    if (!read(least, &range->least) || !read(text[n] ? text + n + 1 : least, &range->most))
        return false;
    return range->least <= range->most;
}

static int set_range(const char *option, const char *text, struct bench_range bounds,
                     struct bench_range *target)
{
    char wanted[80];
    struct bench_range range;
    if (!text)
        return OPTIONS_RUN;
    if (read_range(text, read_number, &range) && range.least >= bounds.least &&
        range.most <= bounds.most) {
        *target = range;
        return OPTIONS_RUN;
    }
    snprintf(wanted, sizeof wanted, "neither A nor A-B with numbers from %llu to %llu",
             (unsigned long long)bounds.least, (unsigned long long)bounds.most);
    return complain_of_value(option, text, wanted);
}

/* Reads a number of frames, such as "30f". */
static bool read_frames(const char *text, uint64_t *value)
{
    char digits[RANGE_TEXT_BYTES];
    size_t n = strlen(text);
    if (n < 2 || n > sizeof digits || text[n - 1] != 'f')
        return false;
    memcpy(digits, text, n - 1);
    digits[n - 1] = '\0';
    return read_number(digits, value) && *value > 0 && *value <= BENCH_GROUP_FRAMES_MAX;
}

static bool read_group_ms(const char *text, uint64_t *value)
{
    return options_duration(text, value) && *value > 0 && *value <= 3600 * 1000;
}

static int set_group(struct bench_options *options, const char *text)
{
    static const struct bench_range none = {0, 0};
    struct bench_range range;
    if (!text)
        return OPTIONS_RUN;
    bool is_frames = read_range(text, read_frames, &range);
    if (!is_frames && !read_range(text, read_group_ms, &range))
        return complain_of_value("group", text,
                                 "neither a time up to 1h (2s, 500ms-2s) nor frames (30f, 1f-60f)");
    options->group_frames = is_frames ? range : none;
    options->group_ms = is_frames ? none : range;
    return OPTIONS_RUN;
}

/* Reads a rate, such as "50kbps", "2mbps" or "800bps". */
static bool read_rate(const char *text, uint64_t *bps)
{
    static const struct {
        const char *unit;
        uint64_t factor;
    } units[] = {{"bps", 1}, {"kbps", 1000}, {"mbps", 1000000}, {"gbps", 1000000000}};
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 9)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcasecmp(text + digits, units[i].unit) != 0)
            continue;
        *bps = strtoull(text, NULL, 10) * units[i].factor;
        return *bps >= BENCH_LINK_BPS_MIN && *bps <= BENCH_LINK_BPS_MAX;
    }
    return false;
}

/* Reads a number of viewers, such as "10", or a share of them, such as "10%", which is at least
 * one. */
static bool read_share(const char *text, size_t n, unsigned viewers, unsigned *target)
{
    char digits[16];
    bool is_percent = n > 0 && text[n - 1] == '%';
    uint64_t value;
    n -= is_percent;
    if (n >= sizeof digits)
        return false;
    memcpy(digits, text, n);
    digits[n] = '\0';
    if (!read_number(digits, &value) || value > (is_percent ? 100 : viewers))
        return false;
    *target = (unsigned)(is_percent ? (viewers * value + 99) / 100 : value);
    return true;
}

static int set_slow(struct bench_options *options, const struct texts *texts)
{
    static const char wanted[] = "not SHARE:RATE such as 10%:50kbps, or 5:2mbps for 5 viewers";
    unsigned viewers = options->viewers;
    if (texts->slow) {
        size_t n = strcspn(texts->slow, ":");
        if (!texts->slow[n] || !read_share(texts->slow, n, viewers, &options->slow) ||
            !read_rate(texts->slow + n + 1, &options->slow_bps))
            return complain_of_value("slow", texts->slow, wanted);
    }
    if (texts->stall && !read_share(texts->stall, strlen(texts->stall), viewers, &options->stalled))
        return complain_of_value("stall", texts->stall,
                                 "neither a share such as 20% nor a number of viewers");
    if (options->slow + options->stalled > viewers)
        return complain_of_value("stall", texts->stall, "there are fewer viewers than that");
    return OPTIONS_RUN;
}

/* Reads --join, such as "500@5s". */
static int set_join(struct bench_options *options, const char *text)
{
    char count[16];
    if (!text)
        return OPTIONS_RUN;
    size_t n = strcspn(text, "@");
    uint64_t value = 0;
    if (n < sizeof count && text[n]) {
        memcpy(count, text, n);
        count[n] = '\0';
        if (read_number(count, &value) && value > 0 && value <= BENCH_VIEWERS_MAX &&
            options_duration(text + n + 1, &options->join_at_ms)) {
            options->join = (unsigned)value;
            return OPTIONS_RUN;
        }
    }
    return complain_of_value("join", text, "not VIEWERS@TIME such as 500@5s");
}

static int set_pid(struct bench_options *options, const char *text)
{
    uint64_t value = 0;
    if (!text)
        return OPTIONS_RUN;
    options->is_pid_auto = strcmp(text, "auto") == 0;
    if (options->is_pid_auto)
        return OPTIONS_RUN;
    if (!read_number(text, &value) || value == 0 || value > INT32_MAX)
        return complain_of_value("pid", text, "neither the number of a process nor auto");
    options->pid = (int)value;
    return OPTIONS_RUN;
}

/* ---- All of them ----------------------------------------------------------------------------- */

static int set_all(struct bench_options *options, const struct texts *texts)
{
    int error = 0;
    error |= set_number("publishers", texts->publishers,
                        (struct bench_range){1, BENCH_PUBLISHERS_MAX}, &options->publishers);
    error |= set_number("tracks", texts->tracks, (struct bench_range){1, BENCH_TRACKS_MAX},
                        &options->tracks);
    error |= set_number("viewers", texts->viewers, (struct bench_range){0, BENCH_VIEWERS_MAX},
                        &options->viewers);
    error |= set_number("threads", texts->threads, (struct bench_range){1, BENCH_THREADS_MAX},
                        &options->threads);
    error |= set_number("sockets", texts->sockets, (struct bench_range){1, BENCH_SOCKETS_MAX},
                        &options->sockets);
    error |= set_number("announce", texts->announce, (struct bench_range){1, BENCH_ANNOUNCE_MAX},
                        &options->announce);
    error |= set_range("size", texts->size, (struct bench_range){BENCH_SIZE_MIN, BENCH_SIZE_MAX},
                       &options->size_bytes);
    error |= set_range("fps", texts->fps, (struct bench_range){0, BENCH_FPS_MAX}, &options->fps);
    error |= set_group(options, texts->group);
    error |= set_slow(options, texts);
    error |= set_join(options, texts->join);
    error |= set_pid(options, texts->pid);
    return error ? OPTIONS_USAGE : OPTIONS_RUN;
}

static int complain_of_options(const char *words)
{
    fprintf(stderr, "moq-bench: %s; try moq-bench --help\n", words);
    return OPTIONS_USAGE;
}

static int check_all(const struct bench_options *options)
{
    uint64_t flows = (uint64_t)options->publishers * options->tracks;
    uint64_t viewers = (uint64_t)options->viewers + options->join;
    if (flows > BENCH_FLOWS_MAX)
        return complain_of_options("at most 4096 tracks in all (--publishers times --tracks)");
    if (viewers > BENCH_VIEWERS_MAX || viewers * options->tracks > BENCH_FEEDS_MAX)
        return complain_of_options(
            "at most 100000 viewers (--viewers and --join) and 1000000 subscriptions");
    if (options->fps.least == 0 && options->fps.most > 0)
        return complain_of_options("--fps 0 sends nothing and cannot begin a range");
    if (options->duration_ms == 0 || options->duration_ms > BENCH_DURATION_MAX_S * 1000)
        return complain_of_options("--duration must be between 1ms and 24h");
    if (options->late_ms == 0 || options->patience_ms == 0)
        return complain_of_options("--late and --patience must be more than 0");
    if (options->join && options->join_at_ms >= options->duration_ms)
        return complain_of_options("the time of --join is after the end of --duration");
    if (options->announce && options->duration_ms <= BENCH_ANNOUNCE_AFTER_MS)
        return complain_of_options("--announce needs a --duration of more than 500ms");
    if ((options->resubscribe_ms && options->resubscribe_ms < BENCH_CHURN_MIN_MS) ||
        (options->reconnect_ms && options->reconnect_ms < BENCH_CHURN_MIN_MS))
        return complain_of_options("--resubscribe and --reconnect must be at least 10ms");
    if (options->spread_ms > BENCH_SPREAD_MAX_MS)
        return complain_of_options("--spread must be at most 1s");
    if (options->is_flood && options->fps.most == 0)
        return complain_of_options("--fps 0 and --as-fast-as-it-goes contradict each other");
    return OPTIONS_RUN;
}

static size_t fill_rows(struct bench_options *options, struct texts *texts,
                        struct option_row rows[ROWS])
{
    const struct option_row all[] = {
        {"publishers", OPTION_TEXT, "N", "connections that publish (default 1)",
         &texts->publishers},
        {"tracks", OPTION_TEXT, "N", "tracks of each publisher (default 1)", &texts->tracks},
        {"viewers", OPTION_TEXT, "N", "connections that watch all tracks of a publisher (50)",
         &texts->viewers},
        {"size", OPTION_TEXT, "BYTES", "size of a frame: 4096, or 2000-6000 (default 4096)",
         &texts->size},
        {"fps", OPTION_TEXT, "N", "frames per second of a track: 60, or 25-30; 0: none",
         &texts->fps},
        {"group", OPTION_TEXT, "LENGTH",
         "length of a group: 2s, 500ms-2s, 30f or 1f-60f frames (2s)", &texts->group},
        {"as-fast-as-it-goes", OPTION_FLAG, NULL, "publishers send as fast as the relay takes it",
         &options->is_flood},
        {"", OPTION_HEADING, NULL, "When:", NULL},
        {"ramp", OPTION_DURATION, "TIME", "spread the viewers' arrival over this time (5ms each)",
         &texts->ramp_ms},
        {"warm-up", OPTION_DURATION, "TIME",
         "wait after the last viewer's first frame (default 2s)", &options->warm_up_ms},
        {"duration", OPTION_DURATION, "TIME", "measure for this long (default 10s)",
         &options->duration_ms},
        {"patience", OPTION_DURATION, "TIME", "wait for viewers' first frames (default 30s)",
         &options->patience_ms},
        {"late", OPTION_DURATION, "TIME", "count frames that took longer as late (default 500ms)",
         &options->late_ms},
        {"", OPTION_HEADING, NULL, "Trouble:", NULL},
        {"slow", OPTION_TEXT, "SHARE:RATE", "viewers behind a slow link: 10%:50kbps", &texts->slow},
        {"stall", OPTION_TEXT, "SHARE", "viewers that fall silent after their first frame: 20%",
         &texts->stall},
        {"resubscribe", OPTION_DURATION, "TIME", "each viewer subscribes again at this interval",
         &options->resubscribe_ms},
        {"reconnect", OPTION_DURATION, "TIME", "each viewer reconnects at this interval",
         &options->reconnect_ms},
        {"spread", OPTION_DURATION, "TIME",
         "delay each viewer's packets by a time of its own, at most this", &options->spread_ms},
        {"announce", OPTION_TEXT, "N", "announce this many paths at once", &texts->announce},
        {"join", OPTION_TEXT, "N@TIME", "add this many viewers, all at once, at this time: 500@5s",
         &texts->join},
        {"", OPTION_HEADING, NULL, "This program:", NULL},
        {"threads", OPTION_TEXT, "N", "number of threads (default 1)", &texts->threads},
        {"sockets", OPTION_TEXT, "N", "sockets of each thread (default 1)", &texts->sockets},
        {"pid", OPTION_TEXT, "PID", "measure this process; auto: the one with the relay's port",
         &texts->pid},
        {"json", OPTION_FLAG, NULL, "print a JSON object per line instead of a table",
         &options->is_json},
    };
    size_t count = sizeof all / sizeof all[0];
    memcpy(rows, all, sizeof all);
    tool_rows(&options->common, rows + count);
    return count + TOOL_ROWS;
}

static int read_words(struct bench_options *options, const struct options_list *words)
{
    struct tool tool = {.program = "moq-bench"};
    if (words->count > 1)
        return complain_of_options("too many arguments");
    if (tool_prepare(&tool, &options->common, words->count ? words->items[0] : NULL))
        return OPTIONS_USAGE;
    options->url = tool.url;
    return OPTIONS_RUN;
}

static const struct bench_options defaults = {
    .publishers = 1,
    .tracks = 1,
    .viewers = 50,
    .threads = 1,
    .sockets = 1,
    .size_bytes = {4096, 4096},
    .fps = {60, 60},
    .group_ms = {2000, 2000},
    .warm_up_ms = 2000,
    .duration_ms = 10000,
    .late_ms = 500,
    .patience_ms = 30000,
};

int bench_options_parse(struct bench_options *options, int argc, char *const *argv)
{
    struct option_row rows[ROWS + TOOL_ROWS];
    struct texts texts = {.ramp_ms = UINT64_MAX};
    struct options_list words;
    *options = defaults;
    const struct options_spec spec = {
        .program = "moq-bench",
        .synopsis = "[options] URL",
        .summary = "Loads a relay with publishers and viewers, checks what arrives, and reports\n"
                   "what it cost. The tracks are announced below the path of the URL.\n\n"
                   "Load:",
        .ending = "Examples:\n"
                  "  moq-bench --viewers 200 --pid auto http://localhost:4443/bench\n"
                  "  moq-bench --size 150000 --as-fast-as-it-goes moqf://localhost:4443/bench\n"
                  "  moq-bench --slow 10%:50kbps --join 100@5s --json http://localhost:4443/b\n\n"
                  "Exit codes: 0 measured; 1 no connection, or nothing to measure; 2 the command\n"
                  "line is wrong; 3 measured, but the figures are not valid: the summary says why.",
        .rows = rows,
        .row_count = fill_rows(options, &texts, rows),
    };
    int result = options_parse(&spec, argc, argv, &words);
    if (result == OPTIONS_RUN)
        result = set_all(options, &texts);
    if (result == OPTIONS_RUN)
        result = check_all(options);
    if (result == OPTIONS_RUN)
        result = read_words(options, &words);
    options->ramp_ms =
        texts.ramp_ms == UINT64_MAX ? (uint64_t)options->viewers * ARRIVAL_MS : texts.ramp_ms;
    return result;
}
