/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The clock is the real one: sockets and processes have no other. A test that waits for a time-out
 * of many seconds moves it forward. */
#include "tests/unit/modules/karp_stage.h"

#include "tests/unit/prologue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/clock.h"

enum { LOOK_MS = 10 };

static void on_wake(void *user)
{
    struct stage *stage = user;
    stage->clock.now_ns = clock_monotonic_ns() + stage->clock_offset_ns;
}

static void on_log(void *user, enum host_level level, const char *line)
{
    struct stage *stage = user;
    size_t used = strlen(stage->log);
    snprintf(stage->log + used, sizeof stage->log - used, "%d %s\n", (int)level, line);
}

static const char *keep_text(struct stage *stage, int place, const char *text)
{
    snprintf(stage->texts[place], sizeof stage->texts[place], "%s", text);
    return stage->texts[place];
}

static int open_guest(void *user, const struct host_visitor *visitor,
                      const struct host_guest_events *events, void *owner, void **guest)
{
    struct stage *stage = user;
    stage->visitor = (struct host_visitor){
        .address = keep_text(stage, 0, visitor->address),
        .path = keep_text(stage, 1, visitor->path),
        .query = keep_text(stage, 2, visitor->query),
        .credential = keep_text(stage, 3, visitor->credential),
    };
    stage->guests++;
    stage->guests_open++;
    stage->guest_events = events;
    stage->guest_owner = owner;
    *guest = stage;
    if (!stage->is_guest_later)
        events->on_decided(owner, &stage->guest_verdict);
    return 0;
}

static void close_guest(void *user, void *guest)
{
    struct stage *stage = user;
    assert_ptr_equal(guest, stage);
    assert_true(stage->guests_open > 0);
    stage->guests_open--;
}

static bool may_publish(void *user, const void *guest, const char *path)
{
    const struct stage *stage = user;
    assert_ptr_equal(guest, stage);
    return !stage->granted || strcmp(stage->granted, path) == 0;
}

static void move_guest(void *user, void *guest, const struct host_guest_events *events, void *owner)
{
    struct stage *stage = user;
    assert_ptr_equal(guest, stage);
    stage->guest_events = events;
    stage->guest_owner = owner;
}

static int open_output(void *user, const struct host_offer *offer, struct host_output *output)
{
    struct stage *stage = user;
    if (stage->output_error)
        return stage->output_error;
    assert_true(stage->output_count < STAGE_OUTPUTS);
    struct stage_output *made = calloc(1, sizeof *made);
    assert_non_null(made);
    output_record_init(&made->record);
    made->offer = *offer;
    snprintf(made->path, sizeof made->path, "%s", offer->path);
    made->offer.path = made->path;
    made->is_open = true;
    stage->outputs[stage->output_count++] = made;
    *output = (struct host_output){&output_recorder, &made->record};
    return 0;
}

static bool is_decided(void *user, const struct host_output *output)
{
    const struct stage *stage = user;
    assert_non_null(output->user);
    return !stage->is_output_undecided;
}

static void close_output(void *user, struct host_output *output)
{
    struct stage *stage = user;
    for (size_t i = 0; i < stage->output_count; i++)
        if (output->user == &stage->outputs[i]->record) {
            assert_true(stage->outputs[i]->is_open);
            assert_int_equal(stage->outputs[i]->record.offered, 0);
            stage->outputs[i]->is_open = false;
            return;
        }
    fail_msg("an output is closed that was never opened");
}

void stage_init(struct stage *stage)
{
    static const struct host_ops ops = {
        .wake = on_wake,
        .log = on_log,
        .open_guest = open_guest,
        .close_guest = close_guest,
        .may_publish = may_publish,
        .move_guest = move_guest,
        .open_output = open_output,
        .is_decided = is_decided,
        .close_output = close_output,
    };
    memset(stage, 0, sizeof *stage);
    log_set_level(LOG_LEVEL_OFF);
    uv_loop_init(&stage->loop);
    uv_timer_init(&stage->loop, &stage->timer);
    on_wake(stage);
    stage->host =
        (struct host){.loop = &stage->loop, .clock = &stage->clock, .ops = &ops, .user = stage};
    stage->set = ingest_set_new(&stage->host);
    assert_non_null(stage->set);
}

/* Ends a turn of the loop, so that the test looks again. */
static void on_look(uv_timer_t *timer)
{
    (void)timer;
}

static bool run_until(struct stage *stage, uint64_t ms, bool (*is_done)(void *arg), void *arg)
{
    uint64_t until_ns = clock_monotonic_ns() + ms * NS_PER_MS;
    bool is_there = false;
    uv_timer_start(&stage->timer, on_look, LOOK_MS, LOOK_MS);
    while (!is_there && clock_monotonic_ns() < until_ns) {
        uv_run(&stage->loop, UV_RUN_ONCE);
        is_there = is_done && is_done(arg);
    }
    uv_timer_stop(&stage->timer);
    return is_there;
}

bool stage_run(struct stage *stage, bool (*is_done)(void *arg), void *arg)
{
    return run_until(stage, STAGE_PATIENCE_MS, is_done, arg);
}

void stage_run_for(struct stage *stage, uint64_t ms)
{
    run_until(stage, ms, NULL, NULL);
}

struct wanted_text {
    const struct stage *stage;
    const char *text;
};

static bool is_text_there(void *arg)
{
    const struct wanted_text *wanted = arg;
    return stage_has_log(wanted->stage, wanted->text);
}

bool stage_has_log(const struct stage *stage, const char *text)
{
    return strstr(stage->log, text) != NULL;
}

bool stage_run_until_log(struct stage *stage, const char *text)
{
    struct wanted_text wanted = {stage, text};
    return stage_run(stage, is_text_there, &wanted);
}

struct stage_output *stage_output(struct stage *stage)
{
    assert_true(stage->output_count > 0);
    return stage->outputs[stage->output_count - 1];
}

struct record_track *stage_track(struct stage *stage, const char *name)
{
    return record_track_of(&stage_output(stage)->record, name);
}

unsigned stage_frames(struct stage *stage, const char *name)
{
    const struct output_record *record;
    if (stage->output_count == 0)
        return 0;
    record = &stage_output(stage)->record;
    for (size_t i = record->track_count; i-- > 0;)
        if (strcmp(record->tracks[i]->name, name) == 0)
            return record->tracks[i]->frames;
    return 0;
}

void stage_deinit(struct stage *stage)
{
    ingest_set_close(&stage->set);
    uv_close((uv_handle_t *)&stage->timer, NULL);
    uv_run(&stage->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&stage->loop), 0);
    assert_int_equal(stage->guests_open, 0);
    for (size_t i = 0; i < stage->output_count; i++) {
        assert_false(stage->outputs[i]->is_open);
        output_record_deinit(&stage->outputs[i]->record);
        free(stage->outputs[i]);
    }
}
