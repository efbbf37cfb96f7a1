/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* server/admin/target.c: a path is decoded once, and leads nowhere else. */
#include "server/admin/target.h"

#include <string.h>

#include "tests/unit/prologue.h"

static void paths_are_decoded_once(void **state)
{
    static const struct {
        const char *raw, *path;
        bool is_folder;
    } cases[] = {
        {"/", "", true},
        {"/?a=/../b", "", true},
        {"/index.html", "index.html", false},
        {"/a/b/", "a/b", true},
        {"/a/b?c/", "a/b", false},
        {"/a%20b", "a b", false},
        {"/%41%2e%62", "A.b", false},
        {"/a%252fb", "a%2fb", false},
        {"/100%25", "100%", false},
        {"/na\xc3\xafve", "na\xc3\xafve", false},
        {"/a..b/c.", "a..b/c.", false},
    };
    struct target target;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        target_read(&target, cases[i].raw);
        assert_int_equal(target.verdict, TARGET_FITS);
        assert_string_equal(target.path, cases[i].path);
        assert_int_equal(target.is_folder, cases[i].is_folder);
        assert_string_equal(target.raw, cases[i].raw);
    }
}

static void verdict_is(const char *raw, enum target_verdict verdict)
{
    struct target target;
    target_read(&target, raw);
    if (target.verdict != verdict)
        fail_msg("%s: verdict %d", raw, (int)target.verdict);
}

static void paths_that_lead_elsewhere_are_nobodys(void **state)
{
    static const char *const raws[] = {
        "/..",       "/../x",   "/a/../b",  "/a/..",      "/%2e%2e/x",  "/.%2E/x",
        "/a/%2e%2e", "//",      "//x",      "/a//b",      "/a//",       "/.",
        "/./a",      "/a/./b",  "/.hidden", "/%2ehidden", "/a/.git",    "/a%2fb",
        "/..%2fx",   "/a%2F..", "/a\\b",    "/a%5cb",     "/..%5cboot",
    };
    (void)state;
    for (size_t i = 0; i < sizeof raws / sizeof raws[0]; i++)
        verdict_is(raws[i], TARGET_IS_NOBODYS);
}

static void what_cannot_be_read_is_broken(void **state)
{
    static const char *const raws[] = {
        "",      "*",          "index.html", "http://relay.example/",
        "/%",    "/%2",        "/%zz",       "/a%0g",
        "/%00",  "/a%00.html", "/a\tb",      "/a%0d%0aX:",
        "/\x7f", "/a/%2%",     "/..%",       "/a%7f",
    };
    (void)state;
    for (size_t i = 0; i < sizeof raws / sizeof raws[0]; i++)
        verdict_is(raws[i], TARGET_IS_BROKEN);
}

static void long_targets_are_refused(void **state)
{
    char raw[TARGET_MAX_BYTES + 8];
    (void)state;
    memset(raw, 'a', sizeof raw);
    raw[0] = '/';
    raw[TARGET_MAX_BYTES - 1] = '\0';
    verdict_is(raw, TARGET_FITS);
    raw[TARGET_MAX_BYTES - 1] = 'a';
    raw[TARGET_MAX_BYTES] = '\0';
    verdict_is(raw, TARGET_IS_TOO_LONG);
}

static void folders_are_named_relative_to_themselves(void **state)
{
    static const char *const pairs[][2] = {
        {"/demo", "./demo/"},     {"/a/b?v=2", "./b/?v=2"}, {"/a%20b", "./a%20b/"},
        {"/http:x", "./http:x/"}, {"/a?b/c", "./a/?b/c"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct target target;
        char out[TARGET_MAX_BYTES + 4];
        target_read(&target, pairs[i][0]);
        target_as_folder(&target, out);
        assert_string_equal(out, pairs[i][1]);
    }
}

/* Whatever is sent: no part of a path that fits leads up, is hidden or is empty. */
static void no_random_path_leads_up(void **state)
{
    static const char *const pieces[] = {"/",   "..",  ".", "%2e", "%2f", "a",
                                         "%5c", "%00", "?", "%",   "%25"};
    uint64_t seed = 7;
    unsigned fit = 0;
    (void)state;
    for (int turn = 0; turn < 200000; turn++) {
        char raw[64] = "/";
        struct target target;
        for (uint64_t n = next_random(&seed) % 8; n > 0; n--)
            strcat(raw, pieces[next_random(&seed) % (sizeof pieces / sizeof pieces[0])]);
        target_read(&target, raw);
        if (target.verdict != TARGET_FITS)
            continue;
        fit++;
        bool is_root = target.path[0] == '\0';
        assert_true(is_root || (target.path[0] != '.' && target.path[0] != '/'));
        assert_null(strstr(target.path, "/."));
        assert_null(strstr(target.path, "//"));
        assert_null(strchr(target.path, '\\'));
    }
    assert_true(fit > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_decoded_once),
        cmocka_unit_test(paths_that_lead_elsewhere_are_nobodys),
        cmocka_unit_test(what_cannot_be_read_is_broken),
        cmocka_unit_test(long_targets_are_refused),
        cmocka_unit_test(folders_are_named_relative_to_themselves),
        cmocka_unit_test(no_random_path_leads_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
