/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sinks: code inside the relay that watches tracks on any worker, with any policy, and hears which
 * paths are announced. They read all, some or nothing, and open and close others from inside their
 * callbacks and those of hooks. */
#include "tests/sim/relay/chaos.h"

#include "server/core/watching.h"

/* ---- Tracks ---------------------------------------------------------------------------------- */

static void on_call(struct tap *tap)
{
    struct chaos *chaos = tap->user;
    uint64_t roll = chaos_dice(chaos, 40);
    chaos->sink_calls++;
    if (roll == 0)
        tap_deinit(tap);
    else if (roll < 4)
        chaos_sink_acts(chaos);
    else if (roll < 6)
        chaos_pond_acts(chaos);
    for (uint64_t most = roll < 30 ? 1000 : roll % 4; tap->watch && most > 0; most--)
        if (!tap_read_one(tap))
            return;
}

static void open_tap(struct chaos *chaos, struct tap *tap)
{
    static const uint64_t latencies_ms[] = {0, 50, 300, 2000};
    uint64_t worker = chaos_dice(chaos, chaos->world.worker_count);
    struct core_watch_wish wish = TAP_WISH(latencies_ms[chaos_dice(chaos, 4)] * NS_PER_MS);
    wish.policy.order = (uint8_t)chaos_dice(chaos, 3);
    wish.policy.priority = (uint8_t)chaos_dice(chaos, 256);
    wish.start = (enum moq_cursor_start)chaos_dice(chaos, 3);
    wish.unread_max_bytes = chaos_dice(chaos, 4) ? 0 : 10000;
    tap->is_opening = true; /* hooks are called, which act on sinks */
    tap_init(tap, &chaos->world.workers[worker].router, chaos_any_path(chaos), &wish);
    tap->is_quiet = true;
    tap->on_call = on_call;
    tap->user = chaos;
}

static void close_tap(struct chaos *chaos, struct tap *tap)
{
    chaos->sink_groups += tap->whole;
    chaos->sink_gaps += tap->gaps;
    tap->whole = tap->gaps = 0;
    tap_deinit(tap);
}

/* ---- Announced paths ------------------------------------------------------------------------- */

static bool *heard_of(struct chaos_ear *ear, const struct moq_path *path)
{
    for (int i = 0; i < CHAOS_PATHS; i++) {
        struct moq_path *known = moq_path_from_text(chaos_path(i));
        bool is_it = moq_path_equal(known, path);
        moq_path_unref(&known);
        if (is_it)
            return &ear->heard[i];
    }
    fail_msg("an unknown path is announced");
    return NULL;
}

/* It is told of each change once, so announcements and ends take turns. */
static void on_path(void *user, struct moq_path *path, bool is_announced)
{
    struct chaos_ear *ear = user;
    struct chaos *chaos = ear->chaos;
    bool *heard = heard_of(ear, path);
    assert_int_equal(*heard, !is_announced);
    *heard = is_announced;
    if (chaos_dice(chaos, 20) == 0)
        core_announced_close(&ear->announced);
    else if (chaos_dice(chaos, 10) == 0)
        chaos_sink_acts(chaos);
}

static void on_listed(void *user)
{
    struct chaos_ear *ear = user;
    assert_false(ear->is_listed);
    ear->is_listed = true;
    if (chaos_dice(ear->chaos, 20) == 0)
        core_announced_close(&ear->announced);
}

static void open_ear(struct chaos *chaos, struct chaos_ear *ear)
{
    static const struct core_announced_ops ops = {.on_path = on_path, .on_listed = on_listed};
    uint64_t worker = chaos_dice(chaos, chaos->world.worker_count);
    struct moq_path *prefix = moq_path_from_text("");
    *ear = (struct chaos_ear){.chaos = chaos, .router = &chaos->world.workers[worker].router};
    assert_int_equal(core_announced_open(ear->router, prefix, &ops, ear, &ear->announced), 0);
    moq_path_unref(&prefix);
}

void chaos_ears_check(const struct chaos *chaos)
{
    for (int i = 0; i < CHAOS_EARS * CHAOS_PATHS; i++) {
        const struct chaos_ear *ear = &chaos->ears[i / CHAOS_PATHS];
        struct moq_path *path = moq_path_from_text(chaos_path(i % CHAOS_PATHS));
        if (ear->announced)
            assert_int_equal(ear->heard[i % CHAOS_PATHS],
                             moq_offers_has(ear->router->offers, path));
        moq_path_unref(&path);
    }
}

/* ---- What they do ---------------------------------------------------------------------------- */

static void act_on_tap(struct chaos *chaos, struct tap *tap)
{
    uint64_t roll = chaos_dice(chaos, 8);
    if (tap->is_opening && !tap->watch)
        return;
    if (!tap->watch)
        open_tap(chaos, tap);
    else if (roll == 0 || (tap->ended && roll < 4))
        close_tap(chaos, tap);
    else if (roll < 4)
        tap_read_one(tap);
}

void chaos_sink_acts(struct chaos *chaos)
{
    struct chaos_ear *ear = &chaos->ears[chaos_dice(chaos, CHAOS_EARS)];
    if (!chaos->has_guests || chaos->is_ending)
        return;
    if (chaos_dice(chaos, 12))
        act_on_tap(chaos, &chaos->taps[chaos_dice(chaos, CHAOS_TAPS)]);
    else if (ear->announced)
        core_announced_close(&ear->announced);
    else
        open_ear(chaos, ear);
}

void chaos_sinks_end(struct chaos *chaos)
{
    for (int i = 0; i < CHAOS_TAPS; i++)
        close_tap(chaos, &chaos->taps[i]);
    for (int i = 0; i < CHAOS_EARS; i++)
        core_announced_close(&chaos->ears[i].announced);
}
