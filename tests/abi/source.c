/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module that publishes a track on worker 0: some groups at once, the last of which stays open,
 * then whatever its settings say. */
#include "kit.h"

#include <string.h>

enum doing {
    STAY,
    TICK,         /* writes a frame to the open group ten times a second */
    END,          /* closes the track, a while after somebody came */
    FAIL,         /* the same with an error */
    FINISH,       /* ends it, and keeps offering what is kept */
    FINISH_BADLY, /* the same with an error */
    RESET,        /* cuts the open group, a while after somebody came */
    FLOOD,        /* writes to one group as fast as it can until it may not */
};
static const char *const doings[] = {"stay",         "tick",  "end",   "fail", "finish",
                                     "finish_badly", "reset", "flood", NULL};

struct settings {
    int doing;
    const char *path;
    uint64_t count, older, first, age_ms;
};

#define AT(member) .offset = offsetof(struct settings, member)
static const struct relay_field fields[] = {
    FIELD_DO("stay"),
    {.name = "path",
     .type = RELAY_FIELD_STRING,
     .flags = RELAY_FIELD_IS_PATH,
     AT(path),
     .fallback = "made/here",
     .help = "path of the track"},
    {.name = "count",
     .type = RELAY_FIELD_INT,
     AT(count),
     .max = 1000,
     .fallback = "3",
     .help = "groups at the beginning"},
    {.name = "older",
     .type = RELAY_FIELD_INT,
     AT(older),
     .max = 1000,
     .fallback = "1",
     .help = "older groups that are kept"},
    {.name = "first",
     .type = RELAY_FIELD_INT,
     AT(first),
     .max = 1000,
     .fallback = "10",
     .help = "sequence of the first group"},
    {.name = "age_ms",
     .type = RELAY_FIELD_INT,
     AT(age_ms),
     .max = 60000,
     .help = "how long older groups are kept"},
};
static const struct relay_schema schema = RELAY_SCHEMA(struct settings, fields);

struct state {
    struct relay_source *source;
    struct relay_group *group;
    struct relay_timer *timer;
    uint64_t written;
    bool is_over;
    char *block;
};

enum { BLOCK_BYTES = 1 << 20 };

/* ---- What it does in time -------------------------------------------------------------------- */

static void tick(struct state *state)
{
    char text[32];
    int n = snprintf(text, sizeof text, "tick %llu", (unsigned long long)state->written++);
    EXPECT(relay_group_write(state->group, text, (size_t)n), 0);
}

static void end_source(struct state *state, int error)
{
    relay_group_close(&state->group, 0);
    EXPECT(state->group == NULL, 1);
    relay_source_close(&state->source, error);
    EXPECT(state->source == NULL, 1);
    trace("ended");
}

/* Its groups are closed, and there will be no more. */
static void finish_source(struct state *state, int error)
{
    relay_source_end(state->source, error);
    state->group = NULL;
    EXPECT(relay_group_open(state->source, RELAY_NEXT_GROUP, &state->group), RELAY_ERR_CLOSED);
    EXPECT(state->group == NULL, 1);
    relay_source_end(state->source, 0); /* changes nothing */
    trace("finished");
}

static void flood(struct state *state)
{
    int error = 0;
    for (int i = 0; i < 4 && !error; i++) {
        error = relay_group_write(state->group, state->block, BLOCK_BYTES);
        state->written += error ? 0 : BLOCK_BYTES;
    }
    if (!error)
        return;
    EXPECT(error, RELAY_ERR_BOUNDS);
    EXPECT(state->written <= RELAY_GROUP_MAX_BYTES, 1);
    EXPECT(relay_group_write(state->group, state->block, BLOCK_BYTES), RELAY_ERR_BOUNDS);
    trace("flooded %llu", (unsigned long long)state->written);
    relay_timer_stop(&state->timer);
}

static void run(struct relay_worker *worker, void *arg)
{
    struct state *state = arg;
    const struct settings *settings = relay_worker_config(worker);
    if (settings->doing == FLOOD) {
        flood(state);
        return;
    }
    if (settings->doing == TICK) {
        tick(state);
        return;
    }
    relay_timer_stop(&state->timer);
    state->is_over = true;
    if (settings->doing == FINISH || settings->doing == FINISH_BADLY)
        finish_source(state, settings->doing == FINISH ? 0 : RELAY_ERR_EXPIRED);
    else if (settings->doing == RESET)
        relay_group_close(&state->group, RELAY_ERR_EXPIRED);
    else
        end_source(state, settings->doing == FAIL ? RELAY_ERR_IO : 0);
}

/* ---- Interest -------------------------------------------------------------------------------- */

static void on_live(struct relay_source *source, void *user)
{
    struct relay_worker *worker = user;
    struct state *state = relay_worker_slot(worker);
    const struct settings *settings = relay_worker_config(worker);
    EXPECT(source == state->source, 1);
    EXPECT(relay_source_is_live(source), 1);
    trace("on_live");
    bool is_about_to_end =
        settings->doing != STAY && settings->doing != TICK && settings->doing != FLOOD;
    if (is_about_to_end && !state->timer && !state->is_over)
        state->timer = relay_timer_start(worker, 300, 0, run, state);
}

static void on_idle(struct relay_source *source, void *user)
{
    (void)user;
    EXPECT(relay_source_is_live(source), 0);
    trace("on_idle");
}

/* ---- Its life -------------------------------------------------------------------------------- */

static void write_groups(struct state *state, const struct settings *settings)
{
    for (uint64_t i = 0; i < settings->count; i++) {
        char text[32];
        relay_group_close(&state->group, 0);
        uint64_t sequence = i == 0 ? settings->first : RELAY_NEXT_GROUP;
        EXPECT(relay_group_open(state->source, sequence, &state->group), 0);
        EXPECT(relay_group_sequence(state->group), settings->first + i);
        int n = snprintf(text, sizeof text, "group %llu",
                         (unsigned long long)relay_group_sequence(state->group));
        EXPECT(relay_group_write(state->group, text, (size_t)n), 0);
        EXPECT(relay_group_write(state->group, "", 0), 0);
    }
}

static int worker_start(struct relay_worker *worker, const void *config)
{
    static const struct relay_source_ops ops = {
        .size = sizeof ops, .on_live = on_live, .on_idle = on_idle};
    const struct settings *settings = config;
    struct state *state = relay_worker_slot(worker);
    if (relay_worker_number(worker) != 0)
        return 0;
    const struct relay_offer offer = {.size = sizeof offer,
                                      .groups = (uint32_t)settings->older,
                                      .path = settings->path,
                                      .age_ns = settings->age_ms * 1000000,
                                      .priority = 99,
                                      .order = RELAY_ORDER_NEWEST};
    int error = relay_source_open(worker, &offer, &ops, worker, &state->source);
    if (error)
        return relay_fail(relay_worker_self(worker), "%s", relay_error_words(error));
    EXPECT(relay_source_is_live(state->source), 0);
    write_groups(state, settings);
    state->block = calloc(1, BLOCK_BYTES);
    if (settings->doing == TICK || settings->doing == FLOOD)
        state->timer = relay_timer_start(worker, 100, 100, run, state);
    return 0;
}

static void worker_stop(struct relay_worker *worker)
{
    struct state *state = relay_worker_slot(worker);
    relay_timer_stop(&state->timer);
    relay_group_close(&state->group, 0);
    relay_source_close(&state->source, 0);
    free(state->block);
}

RELAY_MODULE = {
    RELAY_MODULE_HEAD,
    .name = "source",
    .version = "1.0",
    .config = &schema,
    .worker_slot_bytes = sizeof(struct state),
    .worker_start = worker_start,
    .worker_stop = worker_stop,
};
