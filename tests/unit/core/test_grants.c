/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What grants cover, part by part, and how they are copied. */
#include "server/core/grants.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/objects.h"

enum { NOW_MS = 1000 };

static struct moq_path *path_of(const char *text)
{
    return strcmp(text, "*") == 0 ? moq_path_new(NULL, 0) : moq_path_from_name(text, strlen(text));
}

/* ---- Covering -------------------------------------------------------------------------------- */

/* Grants with one prefix to watch; NULL: with none. */
static struct grants *grants_to_watch(const char *prefix)
{
    struct moq_path *path = prefix ? path_of(prefix) : NULL;
    const struct moq_path *paths[] = {path};
    const struct core_grants from = {.subscribe = paths, .subscribe_count = prefix ? 1 : 0};
    struct grants *grants;
    assert_int_equal(grants_new(&from, NOW_MS, &grants), 0);
    moq_path_unref(&path);
    return grants;
}

static void a_prefix_covers_whole_parts(void **state)
{
    static const struct {
        const char *prefix, *path;
        bool is_covered;
    } cases[] = {
        {"demo", "demo", true},
        {"demo", "demo/x", true},
        {"demo", "demo/x/y", true},
        {"demo", "demo2", false},
        {"demo", "demo2/x", false},
        {"demo", "dem", false},
        {"demo", "Demo", false},
        {"demo/x", "demo", false},
        {"demo/x", "demo/xy", false},
        {"demo/x", "demo/x", true},
        {"demo", "other/demo", false},
        {"demo", "../demo", false},
        {"demo", "demo/../x", true}, /* ".." is a name: this path is below "demo" */
        {"demo", "x/../demo", false},
        {"demo", "./demo", false},
        {"demo", "/demo", false}, /* its first part is empty */
        {"demo", "demo/", true},
        {"demo/", "demo", false},
        {"demo/", "demo/x", false},
        {"demo//x", "demo/x", false},
        {"demo/x", "demo//x", false},
        {"", "demo", false}, /* one empty part is a prefix like others */
        {"", "/demo", true},
        {"demo/x", "{64656d6f2f78}", false}, /* a part that contains a slash */
        {"demo", "{64656d6f}/x", true},      /* another way to write it */
        {"demo", "demo%2fx", false},
        {"demo", "{64656d6f00}/x", false},
        {"*", "demo/x", true},
        {"*", "", true},
        {"*", "*", true},
        {"demo", "*", false},
        {NULL, "demo", false},
        {NULL, "*", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct grants *grants = grants_to_watch(cases[i].prefix);
        struct moq_path *path = path_of(cases[i].path);
        if (grants_cover(grants, CORE_SUBSCRIBE, path) != cases[i].is_covered)
            fail_msg("%s and %s", cases[i].prefix ? cases[i].prefix : "nothing", cases[i].path);
        assert_false(grants_cover(grants, CORE_PUBLISH, path));
        assert_true(grants_cover(NULL, CORE_SUBSCRIBE, path));
        moq_path_unref(&path);
        grants_unref(&grants);
    }
}

/* ---- Copying --------------------------------------------------------------------------------- */

static void grants_are_copied(void **state)
{
    char identity[] = "alice", claims[] = "{\"sub\":\"alice\"}";
    struct moq_path *a = path_of("a"), *b = path_of("b"), *c = path_of("c");
    const struct moq_path *publish[] = {a}, *subscribe[] = {b, c};
    const struct core_grants from = {.identity = identity,
                                     .claims = claims,
                                     .publish = publish,
                                     .publish_count = 1,
                                     .subscribe = subscribe,
                                     .subscribe_count = 2,
                                     .is_cluster = true,
                                     .expires_ms = NOW_MS + 1};
    struct grants *grants;
    (void)state;
    assert_int_equal(grants_new(&from, NOW_MS, &grants), 0);
    memset(identity, 'x', sizeof identity - 1);
    memset(claims, 'x', sizeof claims - 1);
    moq_path_unref(&a);
    moq_path_unref(&b);
    moq_path_unref(&c);

    assert_string_equal(grants->identity, "alice");
    assert_string_equal(grants->claims, "{\"sub\":\"alice\"}");
    assert_true(grants->is_cluster);
    assert_int_equal(grants->expires_ms, NOW_MS + 1);
    char text[GRANTS_TEXT_BYTES];
    assert_string_equal(grants_text(grants, CORE_PUBLISH, text), "a only");
    assert_string_equal(grants_text(grants, CORE_SUBSCRIBE, text), "b, c only");
    struct grants *same = grants_ref(grants);
    grants_unref(&grants);
    assert_string_equal(same->identity, "alice");
    grants_unref(&same);
    assert_int_equal(object_count(OBJECT_path), 0);
}

static void grants_without_anything_are_short(void **state)
{
    const struct core_grants from = {.identity = NULL};
    struct grants *grants;
    char text[GRANTS_TEXT_BYTES];
    (void)state;
    assert_int_equal(grants_new(&from, NOW_MS, &grants), 0);
    assert_string_equal(grants->identity, "");
    assert_string_equal(grants->claims, "");
    assert_string_equal(grants_text(grants, CORE_PUBLISH, text), "nothing");
    assert_null(grants_ref(NULL));
    grants_unref(&grants);
    grants_unref(&grants); /* NULL */
}

static void long_lists_are_cut_in_words(void **state)
{
    enum { COUNT = 5, LONG = 500 };
    char name[LONG + 1];
    const struct moq_path *paths[COUNT];
    struct moq_path *path;
    struct grants *grants;
    char text[GRANTS_TEXT_BYTES];
    (void)state;
    memset(name, 'n', LONG);
    name[LONG] = '\0';
    path = path_of(name);
    for (int i = 0; i < COUNT; i++)
        paths[i] = path;
    const struct core_grants from = {.publish = paths, .publish_count = COUNT};
    assert_int_equal(grants_new(&from, NOW_MS, &grants), 0);
    grants_text(grants, CORE_PUBLISH, text);
    assert_string_equal(text + strlen(text) - strlen(" and 2 more only"), " and 2 more only");
    grants_unref(&grants);
    moq_path_unref(&path);
}

static int try_grants(const struct core_grants *from)
{
    struct grants *grants;
    int error = grants_new(from, NOW_MS, &grants);
    assert_int_equal(error == 0, grants != NULL);
    grants_unref(&grants);
    return error;
}

static void too_much_is_an_error(void **state)
{
    static char long_text[CORE_CLAIMS_BYTES + 2];
    const struct moq_path *paths[CORE_PREFIXES_MAX + 1];
    struct moq_path *path = path_of("a");
    (void)state;
    for (size_t i = 0; i <= CORE_PREFIXES_MAX; i++)
        paths[i] = path;
    memset(long_text, 'x', sizeof long_text - 1);
    const char *just_claims = long_text + 1;
    const char *just_identity = long_text + sizeof long_text - 1 - CORE_IDENTITY_BYTES;
    assert_int_equal(try_grants(&(struct core_grants){.claims = just_claims}), 0);
    assert_int_equal(try_grants(&(struct core_grants){.claims = long_text}), MOQ_ERR_BOUNDS);
    assert_int_equal(try_grants(&(struct core_grants){.identity = just_identity}), 0);
    assert_int_equal(try_grants(&(struct core_grants){.identity = just_identity - 1}),
                     MOQ_ERR_BOUNDS);
    struct core_grants many = {.publish = paths, .publish_count = CORE_PREFIXES_MAX};
    assert_int_equal(try_grants(&many), 0);
    many.publish_count++;
    assert_int_equal(try_grants(&many), MOQ_ERR_BOUNDS);
    many = (struct core_grants){.subscribe = paths, .subscribe_count = CORE_PREFIXES_MAX + 1};
    assert_int_equal(try_grants(&many), MOQ_ERR_BOUNDS);
    moq_path_unref(&path);
}

static void what_has_expired_is_no_grant(void **state)
{
    (void)state;
    assert_int_equal(try_grants(&(struct core_grants){.expires_ms = 0}), 0);
    assert_int_equal(try_grants(&(struct core_grants){.expires_ms = NOW_MS + 1}), 0);
    assert_int_equal(try_grants(&(struct core_grants){.expires_ms = NOW_MS}), MOQ_ERR_EXPIRED);
    assert_int_equal(try_grants(&(struct core_grants){.expires_ms = 1}), MOQ_ERR_EXPIRED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prefix_covers_whole_parts),
        cmocka_unit_test(grants_are_copied),
        cmocka_unit_test(grants_without_anything_are_short),
        cmocka_unit_test(long_lists_are_cut_in_words),
        cmocka_unit_test(too_much_is_an_error),
        cmocka_unit_test(what_has_expired_is_no_grant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
