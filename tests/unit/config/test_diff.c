/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What changed between two configurations, and whether a running relay can take it. */
#include "tests/unit/config/loading.h"

static void diff(const char *old_text, const char *new_text, struct config_changes *changes)
{
    struct loaded old, fresh;
    load_text(&old, old_text, strlen(old_text));
    load_text(&fresh, new_text, strlen(new_text));
    assert_errors(&old.errors, "");
    assert_errors(&fresh.errors, "");
    relay_config_diff(old.config, fresh.config, changes);
    relay_config_free(&old.config);
    relay_config_free(&fresh.config);
}

static void assert_change(const char *old_text, const char *new_text, const char *name,
                          bool is_restart_needed)
{
    struct config_changes changes;
    diff(old_text, new_text, &changes);
    assert_int_equal(changes.count, 1);
    assert_string_equal(changes.entries[0].name, name);
    assert_int_equal(changes.entries[0].is_restart_needed, is_restart_needed);
    assert_int_equal(changes.restart_count, is_restart_needed);
}

static void equal_configurations_differ_in_nothing(void **state)
{
    (void)state;
    struct config_changes changes;
    diff("cache: { age: 10s }\n", "cache: { age: 10000ms, bytes: 512MiB }\n", &changes);
    assert_int_equal(changes.count, 0);
    assert_int_equal(changes.restart_count, 0);
}

static void what_cannot_be_reloaded_is_named(void **state)
{
    (void)state;
    assert_change("", "workers: 1\n", "workers", true);
    assert_change("workers: 2\n", "workers: 3\n", "workers", true);
    assert_change("", "quic: { steering: false }\n", "quic.steering", true);
    assert_change("", "listen: [{ address: \"[::]:1\" }]\n", "listen[0].address", true);
    assert_change("", "http: { address: listen }\n", "http.address", true);
    assert_change("", "limits: { idle: 11s }\n", "limits.idle", true);
    assert_change("", "listen: [{ congestion: bbr }]\n", "listen[0].congestion", true);
    assert_change("", "quic: { qlog: /tmp }\n", "quic.qlog", true);
    assert_change("", "quic: { reset_secret: /tmp/r }\n", "quic.reset_secret", false);
    assert_change("quic: { gso: false }\n", "", "quic.gso", true);
}

static void another_number_of_listeners_needs_a_restart(void **state)
{
    (void)state;
    static const char two[] = "listen: [{ self_signed: [localhost] }, { address: \"[::]:2\", "
                              "self_signed: [localhost] }]\n";
    struct config_sources sources = {
        .file = "relay.yaml", .text = two, .text_bytes = sizeof two - 1};
    struct config_changes changes;
    struct loaded one_listener, two_listeners;
    load_text(&one_listener, "", 0);
    load(&two_listeners, &sources);
    relay_config_diff(one_listener.config, two_listeners.config, &changes);
    assert_int_equal(changes.restart_count, 1);
    assert_string_equal(changes.entries[0].name, "listen");
    relay_config_free(&one_listener.config);
    relay_config_free(&two_listeners.config);
}

static void the_rest_reloads(void **state)
{
    (void)state;
    assert_change("", "cache: { age: 1s }\n", "cache.age", false);
    assert_change("", "log: { topics: { quic: warn } }\n", "log.topics", false);
    assert_change("", "log: { level: warn }\n", "log.level", false);
    assert_change("", "http: { stats: false }\n", "http.stats", false);
    assert_change("", "tls: { roots: [a] }\n", "tls.roots", false);
    assert_change("tls: { roots: [b] }\n", "tls: { roots: [a] }\n", "tls.roots", false);
    assert_change("", "policy: { classes: [{ match: a }] }\n", "policy.classes", false);
    assert_change("policy: { classes: [{ match: b }] }\n", "policy: { classes: [{ match: a }] }\n",
                  "policy.classes[0].match", false);
    assert_change("", "listen: [{ certificates: [{ cert: a, key: b }] }]\n",
                  "listen[0].certificates", false);
    assert_change("listen: [{ certificates: [{ cert: a, key: b }] }]\n",
                  "listen: [{ certificates: [{ cert: a, key: c }] }]\n",
                  "listen[0].certificates[0].key", false);
}

static void what_listeners_take_over_changes_with_them(void **state)
{
    (void)state;
    struct config_changes changes;
    diff("", "quic: { congestion: bbr }\n", &changes);
    assert_int_equal(changes.count, 2);
    assert_int_equal(changes.restart_count, 2);
    assert_string_equal(changes.entries[0].name, "listen[0].congestion");
    assert_string_equal(changes.entries[1].name, "quic.congestion");
    assert_change("quic: { congestion: bbr }\n",
                  "quic: { congestion: bbr }\nlisten: [{ congestion: cubic }]\n",
                  "listen[0].congestion", true);
}

static void all_changes_are_listed(void **state)
{
    (void)state;
    struct config_changes changes;
    diff("", "workers: 1\ncache: { age: 1s, groups: 5 }\nquic: { gso: false }\n", &changes);
    assert_int_equal(changes.count, 4);
    assert_int_equal(changes.restart_count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_configurations_differ_in_nothing),
        cmocka_unit_test(what_cannot_be_reloaded_is_named),
        cmocka_unit_test(another_number_of_listeners_needs_a_restart),
        cmocka_unit_test(the_rest_reloads),
        cmocka_unit_test(what_listeners_take_over_changes_with_them),
        cmocka_unit_test(all_changes_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
