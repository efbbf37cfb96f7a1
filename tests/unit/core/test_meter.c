/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The meter: rates and intervals of a track that it looks at every 100 ms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/core/meter.h"

enum { LOOK_MS = 100, FRAME_BYTES = 1250 };

struct stage {
    struct moq_clock clock;
    struct moq_path *path;
    struct moq_track *track;
    struct moq_group *group;
    struct track_meter meter;
    uint64_t next;
};

static void stage_init(struct stage *stage)
{
    *stage = (struct stage){.clock.now_ns = NS_PER_S, .next = 1};
    const struct moq_track_config config = {.clock = &stage->clock,
                                            .cache = {.groups = 4, .grace_ns = NS_PER_S}};
    stage->path = moq_path_from_text("live");
    stage->track = moq_track_new(stage->path, &config);
}

static void stage_deinit(struct stage *stage)
{
    moq_track_end(stage->track, 0);
    moq_track_unref(&stage->track);
    moq_path_unref(&stage->path);
}

static void begin_group(struct stage *stage)
{
    if (stage->group)
        moq_track_finish_group(stage->track, stage->group);
    assert_int_equal(moq_track_open_group(stage->track, stage->next++, &stage->group), 0);
}

/* One frame each 10 ms, that is 1 Mb/s, and a group each `group_ms`. */
static void publish(struct stage *stage, uint64_t ms, uint64_t group_ms)
{
    static const uint8_t frame[FRAME_BYTES];
    for (uint64_t at = 0; at < ms; at += 10) {
        if (at % group_ms == 0)
            begin_group(stage);
        moq_track_write_frame(stage->track, stage->group, frame, sizeof frame);
        stage->clock.now_ns += 10 * NS_PER_MS;
        if ((at + 10) % LOOK_MS == 0)
            meter_read(&stage->meter, stage->track, stage->clock.now_ns);
    }
}

static void wait_ms(struct stage *stage, uint64_t ms)
{
    for (uint64_t at = 0; at < ms; at += LOOK_MS) {
        stage->clock.now_ns += LOOK_MS * NS_PER_MS;
        meter_read(&stage->meter, stage->track, stage->clock.now_ns);
    }
}

static void assert_rate(const struct stage *stage, uint64_t kbps)
{
    uint64_t rate = meter_rate_bps(&stage->meter) / 1000;
    assert_in_range(rate, kbps - kbps / 20, kbps + kbps / 20);
}

static void nothing_is_known_at_first(void **state)
{
    struct stage stage;
    (void)state;
    stage_init(&stage);
    wait_ms(&stage, 1000);
    assert_int_equal(meter_rate_bps(&stage.meter), 0);
    assert_int_equal(stage.meter.interval_ns, 0);
    stage_deinit(&stage);
}

static void rate_and_interval_are_those_of_the_publisher(void **state)
{
    static const uint64_t intervals_ms[] = {20, 250, 1000};
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct stage stage;
        stage_init(&stage);
        publish(&stage, 3000, intervals_ms[i]);
        assert_rate(&stage, 1000);
        assert_int_equal(stage.meter.interval_ns, intervals_ms[i] * NS_PER_MS);
        assert_int_equal(stage.meter.longest_ns, intervals_ms[i] * NS_PER_MS);
        stage_deinit(&stage);
    }
}

static void what_was_there_before_does_not_count(void **state)
{
    static const uint8_t much[1 << 20];
    struct stage stage;
    (void)state;
    stage_init(&stage);
    begin_group(&stage);
    moq_track_write_frame(stage.track, stage.group, much, sizeof much);
    meter_read(&stage.meter, stage.track, stage.clock.now_ns);
    publish(&stage, 1000, 500);
    assert_rate(&stage, 1000);
    stage_deinit(&stage);
}

static void the_rate_falls_when_nothing_comes(void **state)
{
    struct stage stage;
    (void)state;
    stage_init(&stage);
    publish(&stage, 3000, 500);
    wait_ms(&stage, 20000);
    assert_true(meter_rate_bps(&stage.meter) < 2000);
    stage_deinit(&stage);
}

static void a_pause_is_no_interval(void **state)
{
    struct stage stage;
    (void)state;
    stage_init(&stage);
    publish(&stage, 2000, 500);
    meter_pause(&stage.meter);
    wait_ms(&stage, 5000);
    publish(&stage, 500, 500);
    assert_int_equal(stage.meter.longest_ns, 500 * NS_PER_MS);
    wait_ms(&stage, 1000);
    publish(&stage, 500, 500);
    assert_int_equal(stage.meter.longest_ns, 1500 * NS_PER_MS);
    publish(&stage, 20000, 500);
    assert_in_range(stage.meter.longest_ns, 500 * NS_PER_MS, 520 * NS_PER_MS);
    stage_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_at_first),
        cmocka_unit_test(rate_and_interval_are_those_of_the_publisher),
        cmocka_unit_test(what_was_there_before_does_not_count),
        cmocka_unit_test(the_rate_falls_when_nothing_comes),
        cmocka_unit_test(a_pause_is_no_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
