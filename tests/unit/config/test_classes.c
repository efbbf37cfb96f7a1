/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which class of the policy a viewer belongs to, and what it gets there. */
#include "tests/unit/config/loading.h"

#include "base/clock.h"

static struct relay_config *policy_of(const char *text)
{
    struct loaded loaded;
    load_text(&loaded, text, strlen(text));
    assert_errors(&loaded.errors, "");
    return loaded.config;
}

static void the_first_class_that_matches_decides(void **state)
{
    (void)state;
    struct relay_config *config =
        policy_of("policy:\n"
                  "  latency: 2s\n"
                  "  classes:\n"
                  "    - { match: meet/*, latency: 250ms, priority: 9, rate: 1Mbps }\n"
                  "    - { match: \"meet/**\", order: oldest }\n");
    const struct config_asker near = {.path = "meet/a"}, far = {.path = "meet/a/b"},
                              other = {.path = "demo/bbb"};
    struct config_verdict verdict = config_policy_for(&config->policy, &near);
    assert_int_equal(verdict.latency_ns, 250 * NS_PER_MS);
    assert_int_equal(verdict.order, CONFIG_ORDER_NEWEST);
    assert_int_equal(verdict.priority, 9);
    assert_int_equal(verdict.rate_bps, 1000000);
    assert_int_equal(verdict.class_number, 1);
    verdict = config_policy_for(&config->policy, &far);
    assert_int_equal(verdict.latency_ns, 2 * NS_PER_S);
    assert_int_equal(verdict.order, CONFIG_ORDER_OLDEST);
    assert_int_equal(verdict.rate_bps, 0);
    assert_int_equal(verdict.class_number, 2);
    verdict = config_policy_for(&config->policy, &other);
    assert_int_equal(verdict.order, CONFIG_ORDER_NEWEST);
    assert_int_equal(verdict.priority, 128);
    assert_int_equal(verdict.class_number, 0);
    relay_config_free(&config);
}

/* ---- By query and by claim ------------------------------------------------------------------- */

struct known { /* "name=value" each; NULL: nothing more */
    const char *query[3], *claims[3];
};

static bool is_known(const char *const *all, const char *name, const char *pattern)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < 3 && all[i]; i++)
        if (strncmp(all[i], name, n) == 0 && all[i][n] == '=' &&
            config_value_matches(pattern, all[i] + n + 1))
            return true;
    return false;
}

static bool has_query(const void *self, const char *name, const char *pattern)
{
    return is_known(((const struct known *)self)->query, name, pattern);
}

static bool has_claim(const void *self, const char *name, const char *pattern)
{
    return is_known(((const struct known *)self)->claims, name, pattern);
}

static void assert_class(const struct relay_config *config, const char *path,
                         const struct known *known, uint32_t number)
{
    const struct config_asker asker = {path, has_query, has_claim, known};
    assert_int_equal(config_policy_for(&config->policy, &asker).class_number, number);
}

static void all_that_a_class_asks_for_must_hold(void **state)
{
    (void)state;
    struct relay_config *config =
        policy_of("policy:\n"
                  "  classes:\n"
                  "    - { match: a/*, query: [mode=live, cdn=eu-*], claims: [plan=gold] }\n"
                  "    - { query: [mode=live] }\n"
                  "    - { claims: [\"roles=*\"] }\n"
                  "    - { match: \"a/**\" }\n");
    const struct known all = {{"mode=live", "cdn=eu-1"}, {"plan=gold"}};
    assert_class(config, "a/b", &all, 1);
    assert_class(config, "b/b", &all, 2);
    assert_class(config, "a/b", &(struct known){{"mode=live", "cdn=us-1"}, {"plan=gold"}}, 2);
    assert_class(config, "a/b", &(struct known){{"cdn=eu-1"}, {"plan=gold"}}, 4);
    assert_class(config, "a/b", &(struct known){{"mode=live", "cdn=eu-1"}, {"plan=silver"}}, 2);
    assert_class(config, "a/b", &(struct known){{"mode=live", "cdn=eu-1", "plan=gold"}, {NULL}}, 2);
    assert_class(config, "a/b", &(struct known){{"roles=x"}, {"roles=y"}}, 3);
    assert_class(config, "b", &(struct known){{"roles=x"}, {"mode=live"}}, 0);
    const struct config_asker unknown = {.path = "a/b"}; /* such as a module that reads a track */
    assert_int_equal(config_policy_for(&config->policy, &unknown).class_number, 4);
    relay_config_free(&config);
}

static void a_value_may_have_anything_in_it(void **state)
{
    (void)state;
    struct relay_config *config = policy_of("policy: { classes: [{ query: [\"a=b=c/**, d\"] }, "
                                            "{ claims: [\"https://x.example/plan=1\"] }, "
                                            "{ query: [none=] }] }\n");
    assert_class(config, "x", &(struct known){{"a=b=c/1/2, d"}, {NULL}}, 1);
    assert_class(config, "x", &(struct known){{NULL}, {"https://x.example/plan=1"}}, 2);
    assert_class(config, "x", &(struct known){{"none="}, {NULL}}, 3);
    assert_class(config, "x", &(struct known){{"none=1"}, {NULL}}, 0);
    relay_config_free(&config);
}

/* ---- Mistakes -------------------------------------------------------------------------------- */

static void what_is_no_condition_is_refused(void **state)
{
    (void)state;
    static const char text[] = "policy:\n"
                               "  classes:\n"
                               "    - query: [mode]\n"
                               "    - claims: [=x]\n"
                               "    - claims: plan=gold\n"
                               "    - query: { mode: live }\n"
                               "    - { latency: 1s }\n"
                               "    - { query: [], claims: [] }\n"
                               "    - { match: \"\", query: [a=b] }\n"
                               "    - { match: , latency: 1s }\n"
                               "    - { quary: [a=b], match: a }\n";
    struct loaded loaded;
    load_text(&loaded, text, sizeof text - 1);
    assert_errors(
        &loaded.errors,
        "relay.yaml:3:15: policy.classes[0].query[0]: is not name=value; write both, such as "
        "mode=live, or name=* for any value\n"
        "relay.yaml:4:16: policy.classes[1].claims[0]: is not name=value; write both, such as "
        "mode=live, or name=* for any value\n"
        "relay.yaml:5:15: policy.classes[2].claims: a list is expected here; write each entry on a "
        "line of its own after a -\n"
        "relay.yaml:6:14: policy.classes[3].query: a list is expected here; write each entry on a "
        "line of its own after a -\n"
        "relay.yaml:7:7: policy.classes[4]: does not say for whom it is; write match, query or "
        "claims, or match: \"**\" for all viewers\n"
        "relay.yaml:8:7: policy.classes[5]: does not say for whom it is; write match, query or "
        "claims, or match: \"**\" for all viewers\n"
        "relay.yaml:9:16: policy.classes[6].match: is empty; write a path, or ** for every path\n"
        "relay.yaml:10:16: policy.classes[7].match: is empty; write a path, or ** for every path\n"
        "relay.yaml:11:9: policy.classes[8].quary: no such setting (did you mean \"query\"?)\n");
}

/* A condition whose name and value have so many bytes. */
static size_t mistakes_of(size_t name, size_t value)
{
    char text[2048] = "policy: { classes: [{ match: a, query: [";
    struct loaded loaded;
    char *at = text + strlen(text);
    memset(at, 'x', name + 1 + value);
    at[name] = '=';
    strcpy(at + name + 1 + value, "] }] }\n");
    load_text(&loaded, text, strlen(text));
    relay_config_free(&loaded.config);
    return loaded.errors.count;
}

static void a_condition_has_a_bound(void **state)
{
    (void)state;
    assert_int_equal(mistakes_of(CONFIG_CONDITION_NAME_BYTES - 1, 1), 0);
    assert_int_equal(mistakes_of(CONFIG_CONDITION_NAME_BYTES, 1), 1);
    assert_int_equal(mistakes_of(1, 1021), 0);
    assert_int_equal(mistakes_of(1, 1022), 1);
}

/* ---- Ladders --------------------------------------------------------------------------------- */

static void a_ladder_is_sorted_by_rate(void **state)
{
    (void)state;
    struct relay_config *config =
        policy_of("policy: { classes: [{ match: \"tv/**\", ladder: [{ track: c, rate: 6Mbps }, "
                  "{ track: a/b, rate: 800kbps }, { track: d, rate: 6Mbps }, "
                  "{ track: b, rate: 1Mbps }] }, { match: b }] }\n");
    const struct config_class *class = &config->policy.classes[0];
    static const char *const names[] = {"a/b", "b", "c", "d"};
    assert_int_equal(class->rung_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(class->ladder[i].track, names[i]);
    assert_int_equal(class->ladder[0].rate_bps, 800000);
    assert_int_equal(config->policy.classes[1].rung_count, 0);
    relay_config_free(&config);
}

static void what_is_no_ladder_is_refused(void **state)
{
    (void)state;
    static const char text[] =
        "policy:\n"
        "  classes:\n"
        "    - { match: a, ladder: [{ track: a, rate: 1Mbps }] }\n"
        "    - { match: a, ladder: [{ track: a, rate: 1Mbps }, { track: a, rate: 2Mbps }] }\n"
        "    - { match: a, ladder: [{ track: a }, { rate: 1Mbps }] }\n"
        "    - { match: a, ladder: [{ track: /a, rate: 1Mbps }, { track: b, rate: fast }] }\n"
        "    - { match: a, ladder: [a=1Mbps, b=2Mbps] }\n";
    struct loaded loaded;
    load_text(&loaded, text, sizeof text - 1);
    assert_errors(
        &loaded.errors,
        "relay.yaml:3:27: policy.classes[0].ladder: has one rendition; write at least two, or "
        "none\n"
        "relay.yaml:4:55: policy.classes[1].ladder[1]: the track is there already; remove one of "
        "them\n"
        "relay.yaml:5:28: policy.classes[2].ladder[0]: rate is missing or empty; write it (the bit "
        "rate that it has)\n"
        "relay.yaml:5:42: policy.classes[2].ladder[1]: track is missing or empty; write it (the "
        "name of the track in its broadcast)\n"
        "relay.yaml:6:37: policy.classes[3].ladder[0].track: begins with /; paths have no leading "
        "slash, remove it\n"
        "relay.yaml:6:74: policy.classes[3].ladder[1].rate: \"fast\" is not a rate; write a number "
        "with bps, kbps, Mbps or Gbps, such as 2.5Mbps\n"
        "relay.yaml:7:28: policy.classes[4].ladder[0]: a section is expected here; write its "
        "settings as name: value\n"
        "relay.yaml:7:37: policy.classes[4].ladder[1]: a section is expected here; write its "
        "settings as name: value\n");
}

/* ---- Words ----------------------------------------------------------------------------------- */

static void a_class_says_whom_it_is_for(void **state)
{
    (void)state;
    char out[64], small[12];
    struct relay_config *config = policy_of("policy: { classes: [{ match: a/*, latency: 1s }, "
                                            "{ query: [m=live], claims: [plan=gold, n=1] }] }\n");
    const struct config_class *classes = config->policy.classes;
    assert_string_equal(config_class_text(&classes[0], out, sizeof out), "a/*");
    assert_string_equal(config_class_text(&classes[1], out, sizeof out),
                        "**, m=live, plan=gold, n=1");
    assert_string_equal(config_class_text(&classes[1], small, sizeof small), "**, m=live,");
    relay_config_free(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_class_that_matches_decides),
        cmocka_unit_test(all_that_a_class_asks_for_must_hold),
        cmocka_unit_test(a_value_may_have_anything_in_it),
        cmocka_unit_test(what_is_no_condition_is_refused),
        cmocka_unit_test(a_condition_has_a_bound),
        cmocka_unit_test(a_ladder_is_sorted_by_rate),
        cmocka_unit_test(what_is_no_ladder_is_refused),
        cmocka_unit_test(a_class_says_whom_it_is_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
