/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* tools/bench_options.c: what moq-bench understands, and what it does not; and tools/bench_frame.c,
 * which trusts no frame. */
#include "tools/bench_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tools/bench_frame.h"

static int parse(struct bench_options *options, const char *line)
{
    static char copy[512]; /* texts of the common options point into it */
    char *argv[32] = {(char *)(uintptr_t) "moq-bench"}, *rest = NULL;
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    return bench_options_parse(options, argc, argv);
}

static void a_url_is_enough(void **state)
{
    struct bench_options options;
    (void)state;
    assert_int_equal(parse(&options, "https://localhost:4443/bench"), OPTIONS_RUN);
    assert_int_equal(options.url.port, 4443);
    assert_int_equal(options.viewers, 50);
    assert_int_equal(options.ramp_ms, 250);
    assert_int_equal(options.group_ms.least, 2000);
    assert_int_equal(options.group_frames.most, 0);
    assert_int_equal(options.pid, 0);
}

static void numbers_may_be_ranges(void **state)
{
    struct bench_options options;
    (void)state;
    assert_int_equal(parse(&options, "--size 2000-6000 --fps 25 --group 500ms-2s moqf://h/b"),
                     OPTIONS_RUN);
    assert_int_equal(options.size_bytes.least, 2000);
    assert_int_equal(options.size_bytes.most, 6000);
    assert_int_equal(options.fps.least, 25);
    assert_int_equal(options.fps.most, 25);
    assert_int_equal(options.group_ms.least, 500);
    assert_int_equal(options.group_ms.most, 2000);
    assert_int_equal(parse(&options, "--group 1f-60f moqf://h/b"), OPTIONS_RUN);
    assert_int_equal(options.group_frames.least, 1);
    assert_int_equal(options.group_frames.most, 60);
    assert_int_equal(options.group_ms.most, 0);
}

static void trouble_is_shared_out(void **state)
{
    struct bench_options options;
    (void)state;
    assert_int_equal(
        parse(&options, "--viewers 25 --slow 10%:50kbps --stall 5 --join 500@5s http://h/b"),
        OPTIONS_RUN);
    assert_int_equal(options.slow, 3); /* at least a tenth */
    assert_int_equal(options.slow_bps, 50000);
    assert_int_equal(options.stalled, 5);
    assert_int_equal(options.join, 500);
    assert_int_equal(options.join_at_ms, 5000);
    assert_int_equal(parse(&options, "--slow 2:3Mbps --ramp 0 --pid auto http://h/b"), OPTIONS_RUN);
    assert_int_equal(options.slow, 2);
    assert_int_equal(options.slow_bps, 3000000);
    assert_int_equal(options.ramp_ms, 0);
    assert_true(options.is_pid_auto);
    assert_int_equal(options.spread_ms, 0);
    assert_int_equal(parse(&options, "--spread 5ms http://h/b"), OPTIONS_RUN);
    assert_int_equal(options.spread_ms, 5);
}

static void what_cannot_be_is_refused(void **state)
{
    static const char *const lines[] = {
        "",
        "--viewers -1 https://h/b",
        "--viewers 100001 https://h/b",
        "--viewers 1x https://h/b",
        "--publishers 0 https://h/b",
        "--publishers 100 --tracks 100 https://h/b",
        "--viewers 90000 --join 20000@1s https://h/b",
        "--threads 65 https://h/b",
        "--sockets 0 https://h/b",
        "--size 31 https://h/b",
        "--size 4194305 https://h/b",
        "--size 6000-2000 https://h/b",
        "--size 5- https://h/b",
        "--size -5 https://h/b",
        "--fps 0-5 https://h/b",
        "--fps 10001 https://h/b",
        "--fps 0 --as-fast-as-it-goes https://h/b",
        "--group 0 https://h/b",
        "--group 0f https://h/b",
        "--group 2s-30f https://h/b",
        "--group f https://h/b",
        "--slow 10% https://h/b",
        "--slow 10%:50 https://h/b",
        "--slow 10%:999bps https://h/b",
        "--slow 101%:50kbps https://h/b",
        "--slow 51:50kbps https://h/b",
        "--slow 60%:50kbps --stall 60% https://h/b",
        "--stall % https://h/b",
        "--join 5 https://h/b",
        "--join 0@1s https://h/b",
        "--join 5@11s https://h/b",
        "--announce 5001 https://h/b",
        "--duration 0 https://h/b",
        "--duration 25h https://h/b",
        "--resubscribe 5ms https://h/b",
        "--spread 1001ms https://h/b",
        "--spread much https://h/b",
        "--pid 0 https://h/b",
        "--pid me https://h/b",
        "--transport-version 05 https://h/b",
        "https://h/b https://h/c",
        "moqt://h/b",
    };
    struct bench_options options;
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (parse(&options, lines[i]) != OPTIONS_USAGE)
            fail_msg("accepted: %s", lines[i]);
}

static void a_frame_is_believed_only_when_it_is_whole(void **state)
{
    struct frame_pattern *pattern = frame_pattern_new(200);
    struct frame_header made = {77, 1234, 200, 3, 7, 10}, read;
    uint8_t frame[200];
    (void)state;
    frame_make(pattern, &made, frame);
    assert_true(frame_check(pattern, frame, sizeof frame, &read));
    assert_memory_equal(&read, &made, sizeof made);
    assert_false(frame_check(pattern, frame, sizeof frame - 1, &read));
    assert_false(frame_check(pattern, frame, 31, &read));
    for (size_t i = sizeof made; i < sizeof frame; i++) {
        frame[i] ^= 0x80;
        assert_false(frame_check(pattern, frame, sizeof frame, &read));
        frame[i] ^= 0x80;
    }
    frame[0] ^= 1; /* another number has another body */
    assert_false(frame_check(pattern, frame, sizeof frame, &read));
    frame_pattern_free(&pattern);
}

static void a_frame_of_another_track_looks_different(void **state)
{
    struct frame_pattern *pattern = frame_pattern_new(200);
    struct frame_header here = {5, 0, 200, 1, 0, 1}, there = {5, 0, 200, 2, 0, 1}, read;
    uint8_t frame[200];
    (void)state;
    frame_make(pattern, &here, frame);
    memcpy(frame, &there, sizeof there);
    assert_false(frame_check(pattern, frame, sizeof frame, &read));
    frame_pattern_free(&pattern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_enough),
        cmocka_unit_test(numbers_may_be_ranges),
        cmocka_unit_test(trouble_is_shared_out),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(a_frame_is_believed_only_when_it_is_whole),
        cmocka_unit_test(a_frame_of_another_track_looks_different),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
