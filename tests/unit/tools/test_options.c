/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* tools/options.c: words and options in any order, values in either form, mistakes named. */
#include "tools/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

struct args {
    bool is_fast;
    unsigned loud;
    const char *file;
    struct options_list roots;
    uint64_t wait_ms;
    struct options_list words;
};

static int parse(struct args *args, const char *line)
{
    static char copy[512]; /* the words point into it */
    char *argv[32] = {(char *)(uintptr_t) "tool"}, *rest = NULL;
    int argc = 1;
    *args = (struct args){.wait_ms = 7};
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    const struct option_row rows[] = {
        {"", OPTION_HEADING, NULL, "Heading:", NULL},
        {"fast", OPTION_FLAG, NULL, "", &args->is_fast},
        {"v", OPTION_COUNT, NULL, "", &args->loud},
        {"o", OPTION_TEXT, "FILE", "", &args->file},
        {"output", OPTION_TEXT, "FILE", "", &args->file},
        {"root", OPTION_LIST, "FILE", "", &args->roots},
        {"wait", OPTION_DURATION, "TIME", "", &args->wait_ms},
    };
    const struct options_spec spec = {
        .program = "tool", .rows = rows, .row_count = sizeof rows / sizeof rows[0]};
    return options_parse(&spec, argc, argv, &args->words);
}

static void words_and_options_come_in_any_order(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "publish url --fast --wait 2s", "--fast --wait 2s publish url",
        "publish --fast url --wait=2s", "--wait=2s publish --fast url"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct args args;
        assert_int_equal(parse(&args, lines[i]), OPTIONS_RUN);
        assert_true(args.is_fast);
        assert_int_equal(args.wait_ms, 2000);
        assert_int_equal(args.words.count, 2);
        assert_string_equal(args.words.items[0], "publish");
        assert_string_equal(args.words.items[1], "url");
    }
}

static void letters_are_counted_alone_and_in_bundles(void **state)
{
    (void)state;
    struct args args;
    assert_int_equal(parse(&args, "-v -vv a"), OPTIONS_RUN);
    assert_int_equal(args.loud, 3);
    assert_int_equal(parse(&args, "-vo file a"), OPTIONS_RUN);
    assert_int_equal(args.loud, 1);
    assert_string_equal(args.file, "file");
    assert_int_equal(parse(&args, "-ofile"), OPTIONS_RUN);
    assert_string_equal(args.file, "file");
}

static void a_list_keeps_all_and_a_text_the_last(void **state)
{
    (void)state;
    struct args args;
    assert_int_equal(parse(&args, "--root a --root=b --output x --output y"), OPTIONS_RUN);
    assert_int_equal(args.roots.count, 2);
    assert_string_equal(args.roots.items[1], "b");
    assert_string_equal(args.file, "y");
}

static void behind_two_dashes_all_are_words_and_one_dash_is_one(void **state)
{
    (void)state;
    struct args args;
    assert_int_equal(parse(&args, "- -- --fast -v"), OPTIONS_RUN);
    assert_false(args.is_fast);
    assert_int_equal(args.words.count, 3);
    assert_string_equal(args.words.items[0], "-");
    assert_string_equal(args.words.items[1], "--fast");
}

static void mistakes_are_usage_errors(void **state)
{
    (void)state;
    static const char *const lines[] = {"--slow", "-x",     "--fast=yes", "--output", "-o",
                                        "-vx",    "--wait", "--wait x",   "--v",      "--=a"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct args args;
        assert_int_equal(parse(&args, lines[i]), OPTIONS_USAGE);
    }
}

static void too_many_of_anything_is_a_usage_error(void **state)
{
    (void)state;
    char *argv[OPTIONS_LIST_MAX + 2];
    struct options_list words;
    const struct options_spec spec = {.program = "tool"};
    for (size_t i = 0; i < sizeof argv / sizeof argv[0]; i++)
        argv[i] = (char *)(uintptr_t) "word";
    assert_int_equal(options_parse(&spec, OPTIONS_LIST_MAX + 1, argv, &words), OPTIONS_RUN);
    assert_int_equal(options_parse(&spec, OPTIONS_LIST_MAX + 2, argv, &words), OPTIONS_USAGE);
}

static void durations_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t milliseconds;
    } good[] = {{"0", 0},      {"250ms", 250}, {"2s", 2000},    {"1.5s", 1500},
                {"10", 10000}, {"3m", 180000}, {"1h", 3600000}, {"0.25", 250}};
    static const char *const bad[] = {"",     "s",   "-1s",     "1d",  "1 s",
                                      "1e9s", "nan", "999999h", "0x10"};
    uint64_t milliseconds;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(options_duration(good[i].text, &milliseconds));
        assert_int_equal(milliseconds, good[i].milliseconds);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(options_duration(bad[i], &milliseconds));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_options_come_in_any_order),
        cmocka_unit_test(letters_are_counted_alone_and_in_bundles),
        cmocka_unit_test(a_list_keeps_all_and_a_text_the_last),
        cmocka_unit_test(behind_two_dashes_all_are_words_and_one_dash_is_one),
        cmocka_unit_test(mistakes_are_usage_errors),
        cmocka_unit_test(too_many_of_anything_is_a_usage_error),
        cmocka_unit_test(durations_have_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
