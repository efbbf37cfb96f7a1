/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The environment overrides the file, and flags override the environment. */
#include "tests/unit/config/loading.h"

#include "base/clock.h"

#define VARIABLES(...) ((char *const[]){__VA_ARGS__, NULL})

static void load_variables(struct loaded *loaded, const char *text, char *const *variables)
{
    struct config_flags flags = {.self_sign = {.values = {"localhost"}, .count = 1}};
    struct config_sources sources = {.file = "relay.yaml",
                                     .text = text,
                                     .text_bytes = strlen(text),
                                     .environment = variables,
                                     .flags = &flags};
    load(loaded, &sources);
}

static void a_variable_wins_over_the_file(void **state)
{
    (void)state;
    struct loaded loaded;
    load_variables(&loaded, "cache: { age: 7s, groups: 3 }\n",
                   VARIABLES("HOME=/", "MOQ_RELAY_CACHE_AGE=5s", "MOQ_RELAY_LIMITS_STREAMS_UNI=9",
                             "MOQ_RELAY_POLICY_MAX_LATENCY=1m", "MOQ_RELAY_LOG_TOPICS_QUIC=warn",
                             "MOQ_RELAY_WORKERS=64", "MOQ_RELAY_QUIC_QLOG=/tmp",
                             "MOQ_RELAY_TLS_ROOTS=a,b"));
    assert_errors(&loaded.errors, "");
    const struct relay_config *config = loaded.config;
    assert_int_equal(config->cache.age_ns, 5 * NS_PER_S);
    assert_int_equal(config->cache.groups, 3);
    assert_int_equal(config->limits.streams_uni, 9);
    assert_int_equal(config->policy.max.latency_ns, 60 * NS_PER_S);
    assert_int_equal(config->log.topics[LOG_QUIC], LOG_LEVEL_WARN);
    assert_int_equal(config->workers, CONFIG_MAX_WORKERS);
    assert_string_equal(config->quic.qlog, "/tmp");
    assert_int_equal(config->tls.root_count, 2);
    relay_config_free(&loaded.config);
}

static void lists_and_sections_are_yaml_on_one_line(void **state)
{
    (void)state;
    struct loaded loaded;
    load_variables(&loaded, "",
                   VARIABLES("MOQ_RELAY_CACHE_AGE=2s", "MOQ_RELAY_CACHE={ age: 1s, groups: 4 }",
                             "MOQ_RELAY_LISTEN=[{ address: \"[::]:9\" }]",
                             "MOQ_RELAY_POLICY_CLASSES=[{ match: a, priority: 1 }]"));
    assert_errors(&loaded.errors, "");
    assert_int_equal(loaded.config->cache.age_ns,
                     2 * NS_PER_S); /* the closer one wins, wherever it stands */
    assert_int_equal(loaded.config->cache.groups, 4);
    assert_string_equal(loaded.config->listen[0].address.text, "[::]:9");
    assert_int_equal(loaded.config->policy.classes[0].priority, 1);
    relay_config_free(&loaded.config);
}

static void a_mistake_names_the_variable(void **state)
{
    (void)state;
    struct loaded loaded;
    load_variables(&loaded, "",
                   VARIABLES("MOQ_RELAY_CACHE_AEG=1s", "MOQ_RELAY_CACHE_AGE=7",
                             "MOQ_RELAY_LOG_LEVEL=", "MOQ_RELAY_LOG_TOPICS_QUIC=loud",
                             "MOQ_RELAY_LISTEN_ADDRESS=x", "MOQ_RELAY_HTTP_ADDRESS=\xff",
                             "MOQ_RELAY_=1", "MOQ_RELAY_CACHE_=1"));
    assert_errors(
        &loaded.errors,
        "MOQ_RELAY_CACHE_AEG: no such setting; unset it, or see moq-relay --reference\n"
        "MOQ_RELAY_LISTEN_ADDRESS: no such setting; unset it, or see moq-relay --reference\n"
        "MOQ_RELAY_: no such setting; unset it, or see moq-relay --reference\n"
        "MOQ_RELAY_CACHE_: no such setting; unset it, or see moq-relay --reference\n"
        "MOQ_RELAY_HTTP_ADDRESS: not UTF-8; save it as UTF-8 text\n"
        "MOQ_RELAY_CACHE_AGE: cache.age: \"7\" has no unit; write a number with ns, us, ms, s, m "
        "or h, such as 250ms\n"
        "MOQ_RELAY_LOG_LEVEL: log.level: \"\" is not a valid value; write off, error, warn, info, "
        "debug or trace\n"
        "MOQ_RELAY_LOG_TOPICS_QUIC: log.topics.quic: \"loud\" is not a valid value; write off, "
        "error, warn, info, debug or trace\n");
    load_variables(&loaded, "", VARIABLES("MOQ_RELAY_LISTEN=[{ adress: \"[::]:9\" }]"));
    assert_errors(
        &loaded.errors,
        "MOQ_RELAY_LISTEN:1:4: listen[0].adress: no such setting (did you mean \"address\"?)\n");
}

static void what_kubernetes_adds_for_a_service_is_left_alone(void **state)
{
    (void)state;
    struct loaded loaded;
    load_variables(&loaded, "",
                   VARIABLES("MOQ_RELAY_SERVICE_HOST=10.0.0.1", "MOQ_RELAY_PORT=udp://10.0.0.1:443",
                             "MOQ_RELAY_PORT_443_UDP_ADDR=10.0.0.1"));
    assert_errors(&loaded.errors, "");
    relay_config_free(&loaded.config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_variable_wins_over_the_file),
        cmocka_unit_test(lists_and_sections_are_yaml_on_one_line),
        cmocka_unit_test(a_mistake_names_the_variable),
        cmocka_unit_test(what_kubernetes_adds_for_a_service_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
