/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which claims of a token say what a class asks for. */
#include "tests/unit/prologue.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/claims.h"
#include "server/core/grants.h"

static bool have(const char *text, const char *name, const char *pattern)
{
    struct json_t *claims = claims_parse(text);
    bool is = claims_have(claims, name, pattern);
    claims_free(&claims);
    assert_null(claims);
    return is;
}

static void a_value_is_compared_as_text(void **state)
{
    static const char text[] = "{\"plan\": \"gold\", \"level\": 3, \"share\": 1.5, \"one\": 1.0, "
                               "\"beta\": true, \"trial\": false, \"none\": null, \"big\": "
                               "9007199254740993, \"empty\": \"\"}";
    (void)state;
    assert_true(have(text, "plan", "gold"));
    assert_true(have(text, "plan", "g*d"));
    assert_false(have(text, "plan", "golden"));
    assert_false(have(text, "Plan", "gold"));
    assert_true(have(text, "level", "3"));
    assert_false(have(text, "level", "3.0"));
    assert_true(have(text, "share", "1.5"));
    assert_true(have(text, "one", "1"));
    assert_true(have(text, "big", "9007199254740993"));
    assert_true(have(text, "beta", "true"));
    assert_false(have(text, "beta", "1"));
    assert_true(have(text, "trial", "false"));
    assert_true(have(text, "empty", ""));
    assert_true(have(text, "empty", "*"));
    assert_false(have(text, "none", "*"));
    assert_false(have(text, "missing", "*"));
}

static void one_element_of_an_array_is_enough(void **state)
{
    static const char text[] = "{\"roles\": [\"viewer\", \"admin\", 7, [\"deep\"]], \"no\": []}";
    (void)state;
    assert_true(have(text, "roles", "viewer"));
    assert_true(have(text, "roles", "adm*"));
    assert_true(have(text, "roles", "7"));
    assert_false(have(text, "roles", "deep"));
    assert_false(have(text, "roles", "viewer, admin"));
    assert_false(have(text, "no", "*"));
}

static void dots_lead_into_objects(void **state)
{
    static const char text[] =
        "{\"user\": {\"plan\": \"gold\", \"of\": {\"team\": [\"a\", \"b\"]}, \"a.b\": 1}, "
        "\"user.name\": \"eve\", \"https://x.example/claims\": {\"plan\": \"silver\"}, "
        "\"a\": {\"b\": \"near\"}, \"a.b\": \"whole\"}";
    (void)state;
    assert_true(have(text, "user.plan", "gold"));
    assert_true(have(text, "user.of.team", "b"));
    assert_true(have(text, "user.a.b", "1"));
    assert_true(have(text, "user.name", "eve"));
    assert_true(have(text, "https://x.example/claims.plan", "silver"));
    assert_true(have(text, "a.b", "whole"));
    assert_false(have(text, "a.b", "near"));
    assert_false(have(text, "user", "*"));
    assert_false(have(text, "user.", "*"));
    assert_false(have(text, ".user", "*"));
    assert_false(have(text, "user.plan.gold", "*"));
    assert_false(have(text, "user..plan", "*"));
}

static void what_is_no_object_has_no_claims(void **state)
{
    static const char *const texts[] = {"", "[]", "\"plan\"", "{\"plan\": \"gold\"", "{} x"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(have(texts[i], "plan", "*"));
}

/* As deep and as full of dots as claims can be. */
static void hostile_claims_are_answered(void **state)
{
    char text[CORE_CLAIMS_BYTES + 1] = "", name[128];
    (void)state;
    memset(name, '.', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (int i = 0; i < 1000; i++)
        strcat(text, "{\"\":");
    strcat(text, "1");
    for (int i = 0; i < 1000; i++)
        strcat(text, "}");
    assert_false(have(text, name, "1"));
    assert_false(have(text, "a", "1"));
}

static void grants_parse_them_once(void **state)
{
    const struct core_grants from = {.claims = "{\"plan\": \"gold\"}"}, none = {.claims = NULL};
    struct grants *grants;
    (void)state;
    assert_int_equal(grants_new(&from, 0, &grants), 0);
    const struct json_t *claims = grants_claims(grants);
    assert_true(claims_have(claims, "plan", "gold"));
    assert_ptr_equal(grants_claims(grants), claims);
    grants_unref(&grants);
    assert_int_equal(grants_new(&none, 0, &grants), 0);
    assert_null(grants_claims(grants));
    grants_unref(&grants);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_compared_as_text),
        cmocka_unit_test(one_element_of_an_array_is_enough),
        cmocka_unit_test(dots_lead_into_objects),
        cmocka_unit_test(what_is_no_object_has_no_claims),
        cmocka_unit_test(hostile_claims_are_answered),
        cmocka_unit_test(grants_parse_them_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
