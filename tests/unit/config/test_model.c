/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A thousand generated configurations against a model that knows which of their values are wrong: a
 * dry run and a start agree, every mistake is found and nothing else, and what is printed loads to
 * the same. */
#include "tests/unit/config/loading.h"

#include <unistd.h>

enum { RUNS = 1000, MAX_VALUES = 7 };

struct candidate {
    const char *section, *key;
    const char *good[MAX_VALUES], *bad[MAX_VALUES];
};

static const struct candidate candidates[] = {
    {"http",
     "address",
     {"\"\"", "listen", "127.0.0.1:80", "\"[::1]:0\""},
     {"80", "localhost", "1.2.3.4:x"}},
    {"http", "fingerprint", {"true", "false", "\"true\""}, {"yes", "1", "{}"}},
    {"http", "stats", {"true", "false"}, {"TRUE", "[]"}},
    {"tls", "roots", {"[]", "[/dev/null]", "", "['/dev/null', /dev/null]"}, {"a", "{ a: b }"}},
    {"tls", "verify", {"true", "false"}, {"maybe"}},
    {"limits", "connections", {"1", "1000000", "20000"}, {"0", "1000001", "1.5", "-1", "ten"}},
    {"limits", "handshake", {"100ms", "1m", "2.5s"}, {"99ms", "61s", "5", "s"}},
    {"limits", "idle", {"5s", "600s", "0.5m"}, {"999ms", "1h", "10 s"}},
    {"limits", "streams_uni", {"8", "65536"}, {"7", "65537"}},
    {"limits", "wait", {"0s", "0", "1500ms"}, {"11m", "1.0000001s"}},
    {"cache", "groups", {"unlimited", "1", "100000"}, {"0", "none"}},
    {"cache", "age", {"unlimited", "1ms", "24h", "0.001s"}, {"0s", "25h", "1d"}},
    {"cache", "bytes", {"65536", "64KiB", "1024GiB", "unlimited"}, {"65535", "1MB", "1.5MiB"}},
    {"policy", "latency", {"0s", "10s", "250ms"}, {"61m", "1", "\"\""}},
    {"policy",
     "start",
     {"newest", "oldest", "next", "1ms", "1h", "2.5s"},
     {"0s", "61m", "10", "Newest", "[oldest]", "\"\""}},
    {"policy",
     "rate",
     {"unlimited", "8kbps", "8000bps", "2.5Mbps", "1000Gbps"},
     {"7999bps", "0", "1001Gbps", "2", "2mbps", "Mbps"}},
    {"policy", "order", {"newest", "oldest"}, {"random", "Newest"}},
    {"policy",
     "classes",
     {"[]", "[{ match: \"a/**\" }]",
      "[{ match: \"\\u00e9\\u2028\\\\\\\"/*\", priority: 0 }, { match: b, latency: 1s }]",
      "[{ query: [a=b, \"c=d e*\"], claims: [\"x.y==\\u00e9\"] }]",
      "[{ match: a, ladder: [{ track: b, rate: 2Mbps }, { track: a, rate: 1Mbps }] }]"},
     {"[{ match: /a }]", "[{ latency: 1s }]", "[{ query: [a] }]",
      "[{ match: a, ladder: [{ track: b, rate: 2Mbps }] }]", "[{ match: a, order: x }]", "[a]",
      "{}"}},
    {"quic", "congestion", {"cubic", "bbr"}, {"reno", "[]"}},
    {"quic", "keep_alive", {"off", "100ms", "4s"}, {"99ms", "0s"}},
    {"quic", "reset_secret", {"\"\"", "/dev/null"}, {"[]", "{}"}},
    {"quic", "qlog", {"\"\"", "/tmp", "\"/tmp/.\""}, {"[]", "{}"}},
    {"log", "level", {"off", "error", "trace"}, {"none", "3"}},
    {"log",
     "topics",
     {"{}", "{ quic: warn, tls: off }", ""},
     {"quic", "{ quick: warn }", "{ quic: loud }"}},
    {"log", "format", {"text", "json"}, {"xml"}},
};

enum { CANDIDATE_COUNT = sizeof candidates / sizeof candidates[0] };

static uint32_t next(uint32_t *seed, uint32_t limit)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % limit;
}

static const char *pick(uint32_t *seed, const char *const *values)
{
    uint32_t count = 0;
    while (count < MAX_VALUES && values[count])
        count++;
    return values[next(seed, count)];
}

/* Writes a configuration; returns how many of its values are wrong. */
static size_t generate(uint32_t *seed, char *text, size_t size)
{
    const char *section = "";
    size_t wrong = 0, used = 0;
    uint32_t mistakes = next(seed, 3); /* none, few, many */
    for (size_t i = 0; i < CANDIDATE_COUNT; i++) {
        const struct candidate *candidate = &candidates[i];
        if (strcmp(section, candidate->section) != 0) {
            section = candidate->section;
            used += (size_t)snprintf(text + used, size - used, "%s: # a section\n", section);
        }
        if (next(seed, 3) == 0)
            continue;
        bool is_wrong = mistakes > 0 && next(seed, mistakes == 1 ? 20 : 3) == 0;
        wrong += is_wrong;
        used += (size_t)snprintf(text + used, size - used, "%*s%s: %s\n", 4, "", candidate->key,
                                 pick(seed, is_wrong ? candidate->bad : candidate->good));
        assert_true(used < size);
    }
    return wrong;
}

static void assert_printed_loads_to_the_same(const struct relay_config *config)
{
    struct loaded again;
    struct config_changes changes;
    char *text = printed(config);
    struct config_sources sources = {.file = "printed", .text = text, .text_bytes = strlen(text)};
    load(&again, &sources);
    assert_errors(&again.errors, "");
    char *text_again = printed(again.config);
    assert_string_equal(text_again, text);
    relay_config_diff(config, again.config, &changes);
    assert_int_equal(changes.count, 0);
    relay_config_free(&again.config);
    free(text);
    free(text_again);
}

/* The dry run looks at files too; the start reads a file. */
static void assert_check_and_start_agree(const char *text, size_t wrong)
{
    struct config_flags flags = {.self_sign = {.values = {"localhost,b"}, .count = 1}};
    char path[] = "/tmp/config-XXXXXX";
    int file = mkstemp(path);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
    struct config_sources start = {.file = path, .flags = &flags};
    struct config_sources check = {.file = path,
                                   .text = text,
                                   .text_bytes = strlen(text),
                                   .flags = &flags,
                                   .is_files_checked = true};
    struct loaded started, checked;
    load(&started, &start);
    load(&checked, &check);
    unlink(path);
    if (started.errors.count != wrong)
        fail_msg("%zu mistakes, %zu found in:\n%s%s", wrong, started.errors.count, text,
                 error_lines(&started.errors));
    char *lines = error_lines(&started.errors);
    assert_errors(&checked.errors, lines);
    free(lines);
    if (started.config)
        assert_printed_loads_to_the_same(started.config);
    relay_config_free(&started.config);
    relay_config_free(&checked.config);
}

static void a_dry_run_and_a_start_agree_on_a_thousand_configurations(void **state)
{
    (void)state;
    uint32_t seed = 1;
    size_t good = 0;
    for (int run = 0; run < RUNS; run++) {
        char text[4096];
        size_t wrong = generate(&seed, text, sizeof text);
        good += wrong == 0;
        assert_check_and_start_agree(text, wrong);
    }
    assert_in_range(good, RUNS / 4, RUNS * 3 / 4); /* the generator makes both kinds */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dry_run_and_a_start_agree_on_a_thousand_configurations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
