/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Files made to hurt: each is refused within 100 steps for a byte and 16 MiB, and a line says where
 * and why. */
#include "tests/unit/config/loading_modules.h"
#include "tests/unit/config/steps.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

enum {
    STEPS_PER_BYTE = 100, /* of a file as long as any may be; some 100 ms in all */
    MAX_KIB = 16 << 10,
    MIB = 1 << 20,
    HUGE_FILE_BYTES = 100 << 20,
};

static long peak_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* Runs in a process of its own, whose peak of memory nothing else has raised. Returns its exit
 * code; 0: refused, within both bounds. */
static int load_within_bounds(const struct config_sources *sources)
{
    struct config_errors errors;
    struct relay_config *config;
    config_errors_init(&errors);
    long before_kib = peak_kib();
    uint64_t before = steps_taken();
    int result = relay_config_load(&config, sources, &errors);
    bool is_slow = steps_taken() - before > STEPS_PER_BYTE * (uint64_t)MIB;
    bool is_large = !IS_SANITIZED && peak_kib() - before_kib > MAX_KIB;
    bool has_place = errors.count > 0 && strstr(errors.entries[0].text, "relay.yaml:");
    relay_config_free(&config);
    return result != MOQ_ERR_INVALID || !has_place ? 1 : is_slow ? 2 : is_large ? 3 : 0;
}

static void assert_refused_within_bounds(const char *what, const struct config_sources *sources)
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(load_within_bounds(sources));
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("%s: status %x (exit code 1: not refused with a place, 2: slow, 3: large)", what,
                 (unsigned)status);
}

/* `head`, then `piece` over and over until `n` bytes are full. */
static char *repeated(const char *head, const char *piece, size_t n)
{
    char *text = malloc(n);
    size_t used = strlen(head), size = strlen(piece);
    assert_non_null(text);
    memcpy(text, head, used);
    for (; used < n; used++)
        text[used] = piece[(used - strlen(head)) % size];
    return text;
}

static const struct {
    const char *head, *piece;
} hostile[] = {
    {"", "["},
    {"", "{"},
    {"", "- "},
    {"", "? "},
    {"", "a:\n "},
    {"", "[{a: "},
    {"x: [", "a,"},
    {"x: [", "[],"},
    {"x: {", "a: b, "},
    {"x: ", "&a "},
    {"x: [", "*a,"},
    {"x: [", "!t a,"},
    {"x: ", "a"},
    {"x: \"", "\\x41"},
    {"x: |\n", " a\n"},
    {"", "\n- 1"},
    {"", "a\n"},
    {"", "a: b\n"},
    {"", "# \n"},
    {"", "\n"},
    {"", "- - - -\n"},
    {"", "--- \n"},
    {"", "%TAG ! tag:a:\n"},
    {"x: ", "a "},
    {"x: '", "'' "},
    {"x: ", "a\n\n  "},
    {"listen: [", "{},"},
    {"listen: [", "{a: },"},
    {"policy: { classes: [", "{match: \"**/**\"}, "},
    {"tls: { roots: [", "a, "},
    {"modules: [", "hello, "},
    {"modules: [", "{ hello: },"},
    {"modules: [{ script: { params: [", "a, "},
};

static void no_pattern_of_bytes_is_slow_or_large(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        char *text = repeated(hostile[i].head, hostile[i].piece, MIB + 1);
        struct config_flags flags = {.self_sign = {.values = {"localhost"}, .count = 1}};
        struct config_sources sources = {.file = "relay.yaml",
                                         .text = text,
                                         .text_bytes = MIB + 1,
                                         .flags = &flags,
                                         .host = &fake_host};
        assert_refused_within_bounds(hostile[i].piece, &sources); /* a byte too long */
        sources.text_bytes = MIB - 3;                             /* short enough to be looked at */
        bool is_harmless = hostile[i].piece[0] == '#' || strcmp(hostile[i].piece, "\n") == 0;
        if (!is_harmless)
            assert_refused_within_bounds(hostile[i].piece, &sources);
        free(text);
    }
}

/* Sections of a thousand unknown names each, `n` bytes in all. */
static char *unknown_names(size_t n)
{
    char *text = repeated("", "\n", n);
    size_t used = 0;
    for (unsigned i = 0; used + 64 < n; i++)
        used += (size_t)snprintf(text + used, 64,
                                 i % 1000 == 0 ? "section%u:\n" : "  conectionz%u: 1\n", i);
    return text;
}

static uint64_t steps_for_names(size_t n)
{
    char *text = unknown_names(n);
    struct loaded loaded;
    uint64_t before = steps_taken();
    load_text(&loaded, text, n);
    assert_int_equal(loaded.result, MOQ_ERR_INVALID);
    free(text);
    return steps_taken() - before;
}

static void many_names_stay_quick(void **state)
{
    (void)state;
    char *text = unknown_names(MIB);
    struct config_sources sources = {.file = "relay.yaml", .text = text, .text_bytes = MIB};
    assert_refused_within_bounds("many names", &sources);
    free(text);
    assert_in_range(steps_for_names(MIB), 1, steps_for_names(MIB / 2) * 5 / 2);
}

/* As many values as a file may have, below one setting of a module. */
static void any_yaml_of_a_module_is_quick(void **state)
{
    (void)state;
    enum { ENTRIES = 19900 };
    static const char head[] = "modules:\n  - script:\n      gate: { port: 1 }\n      params: [";
    size_t n = sizeof head - 1 + ENTRIES * 3;
    char *text = repeated(head, "ab,", n + 3);
    struct loaded loaded;
    memcpy(text + n, "]\n", 3);
    uint64_t before = steps_taken();
    load_well(&loaded, text);
    assert_true(steps_taken() - before <= STEPS_PER_BYTE * n);
    relay_config_free(&loaded.config);
    free(text);
}

static void a_hundred_megabytes_cost_one(void **state)
{
    (void)state;
    char path[] = "/tmp/config-XXXXXX";
    int file = mkstemp(path);
    char *text = repeated("", "# many words\n", 2 * MIB);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, 2 * MIB), 2 * MIB);
    assert_int_equal(ftruncate(file, HUGE_FILE_BYTES), 0);
    close(file);
    free(text);

    struct config_sources sources = {.file = path};
    struct loaded loaded;
    uint64_t before = steps_taken();
    load(&loaded, &sources);
    assert_true(steps_taken() - before <= STEPS_PER_BYTE * (uint64_t)MIB);
    assert_int_equal(loaded.errors.count, 1);
    assert_non_null(
        strstr(loaded.errors.entries[0].text,
               ":80660:10: the file is longer than 1 MiB; no configuration is that long"));
    unlink(path);
}

static void a_billion_laughs_fall_flat(void **state)
{
    (void)state;
    char text[2048];
    size_t used = (size_t)snprintf(text, sizeof text, "a0: &a0 [lol]\n");
    for (int i = 1; i < 10; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "a%d: &a%d [*a%d, *a%d, *a%d]\n",
                                 i, i, i - 1, i - 1, i - 1);
    struct config_sources sources = {.file = "relay.yaml", .text = text, .text_bytes = used};
    assert_refused_within_bounds("laughs", &sources);
    struct loaded loaded;
    load(&loaded, &sources);
    assert_non_null(
        strstr(loaded.errors.entries[1].text, "relay.yaml:1:5: an anchor (&) is not allowed"));
    assert_non_null(
        strstr(loaded.errors.entries[4].text, "relay.yaml:2:10: an alias (*) is not allowed"));
}

static void the_list_of_errors_has_an_end(void **state)
{
    (void)state;
    char text[4096];
    size_t used = 0;
    for (int i = 0; i < 100; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "zz%d: 1\n", i);
    struct loaded loaded;
    load_text(&loaded, text, used);
    assert_int_equal(loaded.errors.count, CONFIG_MAX_ERRORS);
    assert_int_equal(loaded.errors.unshown, 100 - CONFIG_MAX_ERRORS);
    char *lines = error_lines(&loaded.errors);
    assert_non_null(strstr(lines, "\nand 36 more errors\n"));
    free(lines);
}

static void depth_has_a_bound_with_a_message(void **state)
{
    (void)state;
    struct loaded loaded;
    char *text = repeated("x: ", "[", 64);
    load_text(&loaded, text, 64);
    assert_errors(&loaded.errors,
                  "relay.yaml:1:35: nested deeper than 32 levels; no setting is that deep\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_pattern_of_bytes_is_slow_or_large),
        cmocka_unit_test(many_names_stay_quick),
        cmocka_unit_test(any_yaml_of_a_module_is_quick),
        cmocka_unit_test(a_hundred_megabytes_cost_one),
        cmocka_unit_test(a_billion_laughs_fall_flat),
        cmocka_unit_test(the_list_of_errors_has_an_end),
        cmocka_unit_test(depth_has_a_bound_with_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
