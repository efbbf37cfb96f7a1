/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Memory that runs out at every allocation in turn: a load fails whole, with a reason and without a
 * leak, or works. */
#include "tests/unit/config/fake_host.h"
#include "tests/unit/config/loading.h"

#include "base/objects.h"

/* The linker sends the room's allocations here; see CMakeLists.txt. */
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
char *__wrap_strdup(const char *text);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
char *__real_strdup(const char *text);

/* Counts down to the allocation that fails; below zero: none does. The
 * linker's wrappers have no argument to carry it. */
static long allocations_left = -1;

static bool is_failing(void)
{
    return allocations_left >= 0 && allocations_left-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return is_failing() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return is_failing() ? NULL : __real_calloc(count, size);
}

char *__wrap_strdup(const char *text)
{
    return is_failing() ? NULL : __real_strdup(text);
}

static const char text[] = "listen:\n"
                           "  - certificates: [{ cert: a, key: b }, { cert: c, key: d }]\n"
                           "    self_signed: [x, y]\n"
                           "tls: { roots: [r] }\n"
                           "policy: { classes: [{ match: a }, { match: b/** }] }\n"
                           "quic: { qlog: /tmp }\n"
                           "modules:\n"
                           "  - auth: { keys: k, anonymous: { publish: [a, b] } }\n"
                           "  - clock\n"
                           "  - karp: { sources: [{ path: a, file: b, options: { c: [d] } }] }\n";

static int load_with(long allocations, struct loaded *loaded)
{
    struct config_flags flags = {.is_dev = true, .bind = "[::]:1"};
    char *variables[] = {"MOQ_RELAY_CACHE_AGE=1s", "MOQ_RELAY_TLS_ROOTS=a,b", NULL};
    struct config_sources sources = {.file = "relay.yaml",
                                     .text = text,
                                     .text_bytes = sizeof text - 1,
                                     .environment = variables,
                                     .flags = &flags,
                                     .host = &fake_host};
    config_errors_init(&loaded->errors);
    allocations_left = allocations;
    int result = relay_config_load(&loaded->config, &sources, &loaded->errors);
    allocations_left = -1;
    return result;
}

static void a_load_without_memory_fails_whole(void **state)
{
    (void)state;
    struct loaded loaded;
    long allocations = 0;
    while (load_with(allocations, &loaded) != 0) {
        assert_null(loaded.config);
        assert_true(loaded.errors.count > 0);
        assert_non_null(strstr(loaded.errors.entries[0].text, "out of memory"));
        assert_int_equal(object_count(OBJECT_config), 0);
        allocations++;
    }
    assert_in_range(allocations, 10, 1000);
    assert_int_equal(loaded.config->listen[0].certificate_count, 2);
    assert_int_equal(loaded.config->tls.root_count, 2);
    assert_int_equal(loaded.config->module_count, 3);
    relay_config_free(&loaded.config);
    assert_int_equal(object_count(OBJECT_config), 0);
}

static void flags_without_memory_fail_too(void **state)
{
    (void)state;
    char *arguments[] = {"moq-relay", "--dev", NULL};
    struct config_errors errors;
    struct config_flags flags;
    config_errors_init(&errors);
    allocations_left = 0;
    int result = config_flags_parse(&flags, 2, arguments, &errors);
    allocations_left = -1;
    assert_int_equal(result, MOQ_ERR_NOMEM);
    assert_errors(&errors, "out of memory while reading the flags\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_load_without_memory_fails_whole),
        cmocka_unit_test(flags_without_memory_fail_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
