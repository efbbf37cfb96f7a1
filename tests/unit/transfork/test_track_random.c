/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A track against a plain model of what it promises, over many seeded random lives. */
#include "transfork/track.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/objects.h"
#include "transfork/group.h"

enum { SEEDS = 300, STEPS = 400, MODEL_MAX_GROUPS = 600 };

struct model_group {
    uint64_t sequence, ended_ns;
    bool is_growing;
};

/* The promises, written as plainly as can be: a sorted array. */
struct model {
    struct model_group groups[MODEL_MAX_GROUPS];
    size_t count;
    uint64_t floor, latest, max_groups, age_ns, now_ns;
    bool has_ended;
};

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

static void model_drop(struct model *model, size_t index)
{
    if (model->floor <= model->groups[index].sequence)
        model->floor = model->groups[index].sequence + 1;
    model->count--;
    memmove(&model->groups[index], &model->groups[index + 1],
            (model->count - index) * sizeof model->groups[0]);
}

/* The index of the lowest old group that grows, or does not; -1: none. */
static int model_first_old(const struct model *model, bool is_growing)
{
    for (size_t i = 0; i + 1 < model->count; i++)
        if (model->groups[i].is_growing == is_growing)
            return (int)i;
    return -1;
}

static void model_cut(struct model *model, int index)
{
    model->groups[index].is_growing = false;
    model->groups[index].ended_ns = model->now_ns;
}

static void model_sweep(struct model *model)
{
    for (size_t i = 0; i + 1 < model->count;) {
        const struct model_group *group = &model->groups[i];
        if (model->age_ns && !group->is_growing && group->ended_ns + model->age_ns <= model->now_ns)
            model_drop(model, i);
        else
            i++;
    }
}

static void model_trim(struct model *model)
{
    while (model->count > model->max_groups) {
        int ended = model_first_old(model, false);
        if (ended < 0)
            model_cut(model, ended = model_first_old(model, true));
        model_drop(model, (size_t)ended);
    }
}

static size_t model_growing(const struct model *model)
{
    size_t growing = 0;
    for (size_t i = 0; i < model->count; i++)
        growing += model->groups[i].is_growing;
    return growing;
}

static int model_admit(const struct model *model, uint64_t sequence)
{
    int growing = model_first_old(model, true);
    if (model->has_ended)
        return MOQ_ERR_CLOSED;
    for (size_t i = 0; i < model->count; i++)
        if (model->groups[i].sequence == sequence)
            return MOQ_ERR_DUPLICATE;
    if (sequence < model->floor)
        return MOQ_ERR_EXPIRED;
    if (model->count >= model->max_groups && sequence < model->groups[0].sequence)
        return MOQ_ERR_EXPIRED;
    if (growing >= 0 && model_growing(model) >= MOQ_TRACK_OPEN_GROUPS &&
        sequence < model->groups[growing].sequence)
        return MOQ_ERR_EXPIRED;
    return 0;
}

static int model_open(struct model *model, uint64_t sequence)
{
    int error = model_admit(model, sequence);
    if (error)
        return error;
    size_t at = model->count++;
    for (; at > 0 && model->groups[at - 1].sequence > sequence; at--)
        model->groups[at] = model->groups[at - 1];
    model->groups[at] = (struct model_group){.sequence = sequence, .is_growing = true};
    if (sequence > model->latest)
        model->latest = sequence;
    model_sweep(model);
    while (model_growing(model) > MOQ_TRACK_OPEN_GROUPS)
        model_cut(model, model_first_old(model, true));
    model_trim(model);
    return 0;
}

static void assert_same(const struct model *model, const struct moq_track *track)
{
    size_t i = 0;
    for (struct moq_group *group = moq_track_oldest(track); group;
         group = moq_track_after(track, group), i++) {
        assert_true(i < model->count);
        assert_int_equal(group->sequence, model->groups[i].sequence);
        assert_int_equal(group->is_ended, !model->groups[i].is_growing);
        assert_int_equal(group->superseded_ns == 0, i + 1 == model->count);
    }
    assert_int_equal(i, model->count);
    assert_int_equal(moq_track_latest(track), model->latest);
    assert_int_equal(track->group_count, model->count);
    assert_int_equal(track->open_count, model_growing(model));
}

/* ---- One life -------------------------------------------------------------------------------- */

struct life {
    struct model model;
    struct moq_clock clock;
    struct moq_track *track;
    uint64_t seed;
};

static void life_open(struct life *life)
{
    struct moq_group *group;
    uint64_t jump = next_random(&life->seed) % 12, sequence = life->model.latest + jump;
    sequence = sequence > 8 ? sequence - 8 : sequence;
    int expected = model_open(&life->model, sequence);
    assert_int_equal(moq_track_open_group(life->track, sequence, &group), expected);
}

static void life_write(struct life *life)
{
    if (life->model.count == 0)
        return;
    struct model_group *chosen = &life->model.groups[next_random(&life->seed) % life->model.count];
    struct moq_group *group = moq_track_find(life->track, chosen->sequence);
    assert_int_equal(moq_track_write_frame(life->track, group, "frame", 5),
                     chosen->is_growing ? 0 : MOQ_ERR_CLOSED);
}

static void life_finish(struct life *life)
{
    if (life->model.count == 0)
        return;
    size_t index = next_random(&life->seed) % life->model.count;
    struct model_group *chosen = &life->model.groups[index];
    moq_track_finish_group(life->track, moq_track_find(life->track, chosen->sequence));
    if (chosen->is_growing)
        model_cut(&life->model, (int)index);
}

static void life_wait(struct life *life)
{
    life->clock.now_ns += next_random(&life->seed) % 40;
    life->model.now_ns = life->clock.now_ns;
    model_sweep(&life->model);
    uint64_t next_ns = moq_track_sweep(life->track);
    assert_true(next_ns > life->clock.now_ns);
}

static void life_resize(struct life *life)
{
    struct moq_cache_limits limits = {.groups = (uint32_t)(1 + next_random(&life->seed) % 30),
                                      .age_ns = life->model.age_ns};
    life->model.max_groups = limits.groups;
    model_trim(&life->model);
    moq_track_set_cache(life->track, &limits);
}

static void life_step(struct life *life)
{
    uint64_t dice = next_random(&life->seed) % 100;
    if (dice < 40)
        life_open(life);
    else if (dice < 60)
        life_write(life);
    else if (dice < 80)
        life_finish(life);
    else if (dice < 97)
        life_wait(life);
    else
        life_resize(life);
    assert_same(&life->model, life->track);
}

static void live(uint64_t seed)
{
    struct life life = {.clock = {.now_ns = 1}, .seed = seed};
    struct moq_cache_limits cache = {.groups = (uint32_t)(1 + next_random(&life.seed) % 30),
                                     .age_ns = next_random(&life.seed) % 3 * 100};
    struct moq_track_config config = {.clock = &life.clock, .cache = cache};
    struct moq_path *path = moq_path_from_text("a");
    life.track = moq_track_new(path, &config);
    life.model.max_groups = cache.groups;
    life.model.age_ns = cache.age_ns;
    life.model.now_ns = life.clock.now_ns;
    for (int step = 0; step < STEPS; step++)
        life_step(&life);
    moq_track_end(life.track, 0);
    life.model.has_ended = true;
    life_open(&life);
    moq_track_unref(&life.track);
    moq_path_unref(&path);
}

static void a_track_does_what_the_model_says(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        live(seed);
    assert_int_equal(objects_report(stderr), 0);
}

/* ---- Bytes: the model does not know how memory is cut, so only the bound is checked ---------- */

static void write_some(struct moq_track *track, struct moq_group *group, uint64_t *seed)
{
    static const uint8_t many[20000];
    moq_group_ref(group);
    moq_track_append(track, group, many, next_random(seed) % sizeof many);
    if (next_random(seed) % 4 == 0)
        moq_track_finish_group(track, group);
    moq_group_unref(&group);
}

static void live_by_bytes(uint64_t seed)
{
    struct moq_clock clock = {.now_ns = 1};
    struct moq_track_config config = {.clock = &clock, .cache = {.bytes = 200000}};
    struct moq_path *path = moq_path_from_text("a");
    struct moq_track *track = moq_track_new(path, &config);
    for (int step = 0; step < STEPS; step++) {
        struct moq_group *group;
        uint64_t sequence = moq_track_latest(track) + next_random(&seed) % 3;
        if (moq_track_open_group(track, sequence, &group) != 0)
            group = moq_track_oldest(track);
        write_some(track, group, &seed);
        bool is_alone = moq_track_oldest(track) == moq_track_newest(track);
        assert_true(is_alone || moq_track_cached_bytes(track) <= 200000);
    }
    moq_track_unref(&track);
    moq_path_unref(&path);
}

static void bytes_stay_within_their_bound(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        live_by_bytes(seed);
    assert_int_equal(objects_report(stderr), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_track_does_what_the_model_says),
        cmocka_unit_test(bytes_stay_within_their_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
