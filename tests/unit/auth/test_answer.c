/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Answers of an auth server: what is understood, and that everything else is refused as a whole. */
#include <string.h>

#include "modules/auth/answer.h"

#include "tests/unit/prologue.h"

enum { UNSET = 77 };

struct read {
    struct token token;
    uint64_t max_age_ns;
    char why[TOKEN_WHY_BYTES];
};

static int read_text(struct read *read, const char *text)
{
    read->max_age_ns = UNSET;
    read->why[0] = '\0';
    return answer_read(text, strlen(text), &read->token, &read->max_age_ns, read->why);
}

static void a_whole_answer_is_understood(void **state)
{
    struct read read;
    (void)state;
    assert_int_equal(read_text(&read, "{\"identity\": \"ada\", \"publish\": [\"demo/ada/**\"],"
                                      "\"subscribe\": [\"demo\", \"**\"], \"cluster\": true,"
                                      "\"expires\": 1700000000.5, \"max_age\": 1.5,"
                                      "\"claims\": {\"plan\": \"free\"}, \"other\": [1, 2]}"),
                     0);
    assert_string_equal(read.token.identity, "ada");
    assert_string_equal(read.token.claims, "{\"plan\":\"free\"}");
    assert_true(read.token.is_cluster);
    assert_int_equal(read.token.expires_ms, 1700000000500);
    assert_int_equal(read.max_age_ns, 1500000000);
    assert_int_equal(read.token.grants.publish.count, 1);
    assert_string_equal(read.token.grants.publish.items[0], "demo/ada");
    assert_int_equal(read.token.grants.subscribe.count, 2);
    assert_string_equal(read.token.grants.subscribe.items[0], "demo");
    assert_string_equal(read.token.grants.subscribe.items[1], "");
    token_clear(&read.token);
}

static void what_is_missing_grants_nothing(void **state)
{
    static const char *const texts[] = {"{}", "{\"claims\": null}"}; /* claims may be anything */
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct read read;
        assert_int_equal(read_text(&read, texts[i]), 0);
        assert_string_equal(read.token.identity, "");
        assert_string_equal(read.token.claims, "");
        assert_false(read.token.is_cluster);
        assert_true(read.token.expires_ms == TOKEN_NEVER);
        assert_int_equal(read.max_age_ns, UNSET);
        assert_int_equal(read.token.grants.publish.count + read.token.grants.subscribe.count, 0);
        token_clear(&read.token);
    }
}

static void what_is_malformed_is_refused_as_a_whole(void **state)
{
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"", "no JSON object"},
        {"[]", "no JSON object"},
        {"\"**\"", "no JSON object"},
        {"{} x", "no JSON object"},
        {"{\"subscribe\": [\"**\"]", "no JSON object"},
        {"{\"publish\": [], \"publish\": [\"**\"]}", "no JSON object"},
        {"{\"identity\": \"a\\u0000b\"}", "no JSON object"},
        {"{\"identity\": \"\xff\"}", "no JSON object"},
        {"{\"publish\": \"**\"}", "publish is no list of texts"},
        {"{\"publish\": {}}", "publish is no list of texts"},
        {"{\"subscribe\": [\"a\", null]}", "subscribe is no list of texts"},
        {"{\"subscribe\": [\"a/*\"]}", "a/*"},
        {"{\"subscribe\": [\"\"]}", "names no path"},
        {"{\"identity\": 1}", "identity is no text"},
        {"{\"cluster\": 1}", "cluster is neither true nor false"},
        {"{\"expires\": \"1\"}", "expires is no number of seconds"},
        {"{\"expires\": -1}", "expires is no number of seconds"},
        {"{\"expires\": 1e300}", "expires is no number of seconds"},
        {"{\"max_age\": true}", "max_age is no number of seconds"},
        {"{\"publish\": null}", "publish is no list of texts"},
        {"{\"subscribe\": null}", "subscribe is no list of texts"},
        {"{\"identity\": null}", "identity is no text"},
        {"{\"cluster\": null}", "cluster is neither true nor false"},
        {"{\"expires\": null}", "expires is no number of seconds"},
        {"{\"max_age\": null}", "max_age is no number of seconds"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct read read;
        assert_int_not_equal(read_text(&read, rows[i].text), 0);
        assert_non_null(strstr(read.why, rows[i].words));
        assert_null(read.token.identity);
        assert_int_equal(read.token.grants.publish.count + read.token.grants.subscribe.count, 0);
    }
}

static void lists_have_a_bound(void **state)
{
    char text[TOKEN_PREFIXES_MAX * 8 + 64] = "{\"publish\": [\"a\"";
    struct read read;
    (void)state;
    for (int i = 1; i < TOKEN_PREFIXES_MAX; i++)
        strcat(text, ", \"a\"");
    size_t n = strlen(text);
    strcpy(text + n, "]}");
    assert_int_equal(read_text(&read, text), 0);
    token_clear(&read.token);
    strcpy(text + n, ", \"b\"]}");
    assert_int_equal(read_text(&read, text), TOKEN_ERR_SIZE);
}

static void an_answer_is_not_kept_for_ever(void **state)
{
    struct read read;
    (void)state;
    assert_int_equal(read_text(&read, "{\"max_age\": 250000000000}"), 0);
    assert_int_equal(read.max_age_ns, ANSWER_MAX_AGE_S * UINT64_C(1000000000));
    token_clear(&read.token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_answer_is_understood),
        cmocka_unit_test(what_is_missing_grants_nothing),
        cmocka_unit_test(what_is_malformed_is_refused_as_a_whole),
        cmocka_unit_test(lists_have_a_bound),
        cmocka_unit_test(an_answer_is_not_kept_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
