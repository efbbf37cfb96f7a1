/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* base/log.h: levels, one line per message whatever it contains, JSON that parses however it is
 * cut, and the limit per site. */
#include "base/log.h"

#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/error.h"
#include "base/logging.h"

enum { TEXT_BYTES = 64 * 1024 };

/* Standard error goes to a file between start and end. */
struct capture {
    int saved, file;
    char text[TEXT_BYTES];
};

static void capture_start(struct capture *capture)
{
    char name[] = "/tmp/moq-log-XXXXXX";
    capture->file = mkstemp(name);
    assert_true(capture->file >= 0);
    unlink(name);
    fflush(stderr);
    capture->saved = dup(STDERR_FILENO);
    dup2(capture->file, STDERR_FILENO);
}

static const char *capture_end(struct capture *capture)
{
    dup2(capture->saved, STDERR_FILENO);
    close(capture->saved);
    ssize_t n = pread(capture->file, capture->text, TEXT_BYTES - 1, 0);
    close(capture->file);
    assert_true(n >= 0);
    capture->text[n] = '\0';
    return capture->text;
}

static int count_lines(const char *text)
{
    int lines = 0;
    for (; (text = strchr(text, '\n')); text++)
        lines++;
    return lines;
}

static int reset_log(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_INFO);
    log_set_json(false);
    return 0;
}

static void a_line_has_time_level_topic_and_words(void **state)
{
    (void)state;
    struct capture capture;
    capture_start(&capture);
    log_warn(LOG_ROUTE, "%s lost its publisher", "demo/bbb");
    const char *text = capture_end(&capture);
    assert_int_equal(count_lines(text), 1);
    assert_non_null(strstr(text, "Z warn route: demo/bbb lost its publisher\n"));
    assert_true(text[4] == '-' && text[10] == 'T');
}

static void the_level_decides_before_arguments_are_evaluated(void **state)
{
    (void)state;
    struct capture capture;
    int evaluated = 0;
    capture_start(&capture);
    log_debug(LOG_QUIC, "%d", ++evaluated);
    log_set_topic_level(LOG_QUIC, LOG_LEVEL_DEBUG);
    log_debug(LOG_QUIC, "shown %d", ++evaluated);
    log_debug(LOG_TLS, "%d", ++evaluated);
    log_set_level(LOG_LEVEL_OFF);
    log_error(LOG_QUIC, "%d", ++evaluated);
    const char *text = capture_end(&capture);
    assert_int_equal(evaluated, 1);
    assert_int_equal(count_lines(text), 1);
    assert_non_null(strstr(text, "shown 1"));
}

static void names_are_found_and_others_are_not(void **state)
{
    (void)state;
    assert_int_equal(log_topic_by_name("h3"), LOG_H3);
    assert_int_equal(log_topic_by_name("nonsense"), -1);
    assert_int_equal(log_level_by_name("off"), LOG_LEVEL_OFF);
    assert_int_equal(log_level_by_name("trace"), LOG_LEVEL_TRACE);
    assert_int_equal(log_level_by_name(""), -1);
}

static void control_characters_do_not_break_the_line(void **state)
{
    (void)state;
    struct capture capture;
    capture_start(&capture);
    log_info(LOG_CORE, "%s", "a\nb\x1b[31m\x7f\xff caf\xc3\xa9");
    const char *text = capture_end(&capture);
    assert_int_equal(count_lines(text), 1);
    assert_non_null(strstr(text, "a\\x0ab\\x1b[31m\\x7f\\xff caf\xc3\xa9\n"));
}

/* The message of the only line, as a JSON parser reads it. */
static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *line = json_loads(text, 0, &error);
    if (!line)
        fail_msg("%s in %s", error.text, text);
    assert_true(json_is_string(json_object_get(line, "message")));
    return line;
}

static void json_says_the_same_words(void **state)
{
    (void)state;
    struct capture capture;
    log_set_json(true);
    capture_start(&capture);
    log_info(LOG_CORE, "%s", "say \"hi\\\" \n\xe2\x82\xac");
    json_t *line = parse(capture_end(&capture));
    assert_string_equal(json_string_value(json_object_get(line, "message")),
                        "say \"hi\\\" \n\xe2\x82\xac");
    assert_string_equal(json_string_value(json_object_get(line, "level")), "info");
    assert_string_equal(json_string_value(json_object_get(line, "topic")), "core");
    json_decref(line);
}

/* Every kind of piece, at every distance from the cut. */
static void json_is_valid_wherever_it_is_cut(void **state)
{
    (void)state;
    static const char *const pieces[] = {"\"",   "\\",           "\n",
                                         "\xff", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                         "x",    "\xc0\x80",     "\xed\xa0\x80"};
    log_set_json(true);
    for (size_t p = 0; p < sizeof pieces / sizeof pieces[0]; p++) {
        for (int lead = 0; lead < 14; lead++) {
            struct capture capture;
            struct log_site site = {0};
            char message[2000];
            size_t used = (size_t)lead;
            memset(message, 'a', used);
            while (used < 1500)
                used += (size_t)sprintf(message + used, "%s", pieces[p]);
            capture_start(&capture);
            log_write(&site, LOG_CORE, LOG_LEVEL_INFO, "%s", message);
            const char *text = capture_end(&capture);
            assert_int_equal(count_lines(text), 1);
            assert_true(strlen(text) <= LOG_LINE_MAX_BYTES + 3);
            json_decref(parse(text));
        }
    }
}

static void a_site_that_repeats_itself_is_held_back_and_says_so(void **state)
{
    (void)state;
    struct capture capture;
    struct log_site site = {0};
    capture_start(&capture);
    for (int i = 0; i < 1000; i++)
        log_write(&site, LOG_CORE, LOG_LEVEL_INFO, "again");
    /* Two seconds may have been touched, so up to two bursts and one note. */
    const char *text = capture_end(&capture);
    int lines = count_lines(text);
    assert_true(lines >= LOG_SITE_BURST && lines <= 2 * LOG_SITE_BURST + 1);

    capture_start(&capture);
    site.second = 1; /* as if the second were over */
    log_write(&site, LOG_CORE, LOG_LEVEL_INFO, "later");
    text = capture_end(&capture);
    assert_non_null(strstr(text, "more lines like the last were held back"));
}

static void a_target_that_takes_nothing_costs_the_line_only(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    char filler[4096] = {0};
    while (write(ends[1], filler, sizeof filler) > 0)
        ;
    int saved = dup(STDERR_FILENO);
    uint64_t before = log_dropped_lines();
    dup2(ends[1], STDERR_FILENO);
    log_info(LOG_CORE, "nobody reads this");
    dup2(saved, STDERR_FILENO);
    assert_int_equal(log_dropped_lines(), before + 1);
    close(saved);
    close(ends[0]);
    close(ends[1]);
}

static void on_line(void *user, enum log_level level, const char *message)
{
    snprintf(user, 64, "%d %s", (int)level, message);
}

static void lines_may_go_elsewhere(void **state)
{
    char line[64] = "";
    struct capture capture;
    (void)state;
    capture_start(&capture);
    log_set_sink(on_line, line);
    log_warn(LOG_MEDIA, "%d things", 7);
    log_debug(LOG_MEDIA, "not this");
    log_set_sink(NULL, NULL);
    assert_string_equal(capture_end(&capture), "");
    assert_string_equal(line, "2 7 things");
}

static void a_program_sets_levels_by_name(void **state)
{
    (void)state;
    assert_int_equal(moq_log_set(NULL, "error"), 0);
    assert_int_equal(moq_log_set("tls", "debug"), 0);
    assert_true(log_enabled(LOG_TLS, LOG_LEVEL_DEBUG));
    assert_false(log_enabled(LOG_QUIC, LOG_LEVEL_WARN));
    assert_int_equal(moq_log_set("tls", "loud"), MOQ_ERR_INVALID);
    assert_int_equal(moq_log_set("tea", "debug"), MOQ_ERR_INVALID);
    assert_int_equal(moq_log_set(NULL, "info"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_has_time_level_topic_and_words, reset_log),
        cmocka_unit_test_setup(the_level_decides_before_arguments_are_evaluated, reset_log),
        cmocka_unit_test_setup(names_are_found_and_others_are_not, reset_log),
        cmocka_unit_test_setup(control_characters_do_not_break_the_line, reset_log),
        cmocka_unit_test_setup(json_says_the_same_words, reset_log),
        cmocka_unit_test_setup(json_is_valid_wherever_it_is_cut, reset_log),
        cmocka_unit_test_setup(a_site_that_repeats_itself_is_held_back_and_says_so, reset_log),
        cmocka_unit_test_setup(a_target_that_takes_nothing_costs_the_line_only, reset_log),
        cmocka_unit_test_setup(lines_may_go_elsewhere, reset_log),
        cmocka_unit_test_setup(a_program_sets_levels_by_name, reset_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
