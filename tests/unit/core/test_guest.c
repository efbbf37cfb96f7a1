/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Guests pass the same chain as sessions: hooks let them in at once, later or not at all, decide on
 * their offers, and end them; and a guest may leave at any moment. */
#include "tests/sim/relay/prologue.h"

#include <stdio.h>

#include "tests/sim/relay/guard.h"
#include "tests/unit/core/pond.h"

/* ---- A relay with a guard -------------------------------------------------------------------- */

enum { WORKERS = 2, TEXT_BYTES = 160 };

/* The owner of a guest, as a module would be. */
struct owner {
    struct core_guest *guest;
    struct stage *stage;
    bool is_leaving_at_once; /* closes the guest as soon as it is let in */
    int decided, closed;
    bool is_allowed;
    enum core_denial denial;
    char reason[TEXT_BYTES];
};

struct stage {
    struct world world;
    struct guard guard;
    struct core_hook witness; /* the first entry of worker 0 */
    int born, died;           /* guests */
    struct owner owner;
    struct pond pond;
    struct client *here, *there;
};

static void run_ms(struct stage *stage, uint64_t ms)
{
    world_run(&stage->world, ms * NS_PER_MS);
}

static struct core_hooks *hooks_of(struct stage *stage)
{
    return &stage->world.workers[0].router.hooks;
}

static int answer(struct stage *stage, enum core_verdict verdict)
{
    return core_answer(hooks_of(stage), stage->guard.number, verdict);
}

static void on_born(void *self, struct core_peer *peer)
{
    struct stage *stage = self;
    stage->born += core_peer_protocol(peer) == QUIC_PROTOCOL_UNKNOWN;
}

static void on_died(void *self, struct core_peer *peer)
{
    struct stage *stage = self;
    stage->died += core_peer_protocol(peer) == QUIC_PROTOCOL_UNKNOWN;
}

static const struct core_hook_ops witness_ops = {
    .name = "witness", .peer_born = on_born, .peer_died = on_died};

static void stage_init(struct stage *stage)
{
    const struct world_setup setup = {
        .seed = 41, .workers = WORKERS, .link = {.delay_ns = 10 * NS_PER_MS}};
    *stage = (struct stage){.witness = {.ops = &witness_ops}};
    world_init(&stage->world, &setup);
    guard_init(&stage->guard, &stage->world);
    stage->witness.self = stage;
    assert_int_equal(core_hooks_add(hooks_of(stage), &stage->witness), 0);
    stage->owner.stage = stage;
}

/* Closes what is left of the guest, and checks that nothing of it is. */
static void stage_deinit(struct stage *stage)
{
    core_guest_close(&stage->owner.guest);
    run_ms(stage, 200);
    assert_int_equal(world_counters(&stage->world)->guests, 0);
    assert_int_equal(stage->born, stage->died);
    assert_true(list_is_empty(&hooks_of(stage)->held));
    guard_deinit(&stage->guard);
    world_deinit(&stage->world);
    assert_int_equal(stage->pond.opened, stage->pond.closed);
}

/* ---- The guest's owner ----------------------------------------------------------------------- */

static void on_decided(void *user, bool is_allowed, enum core_denial denial, const char *reason)
{
    struct owner *owner = user;
    assert_non_null(owner->guest);
    owner->decided++;
    owner->is_allowed = is_allowed;
    owner->denial = denial;
    snprintf(owner->reason, sizeof owner->reason, "%s", reason);
    if (owner->is_leaving_at_once || !is_allowed)
        core_guest_close(&owner->guest); /* harmless if it was denied */
}

static void on_closed(void *user, enum core_denial denial, const char *reason)
{
    struct owner *owner = user;
    owner->closed++;
    owner->denial = denial;
    snprintf(owner->reason, sizeof owner->reason, "%s", reason);
    core_guest_close(&owner->guest); /* harmless */
}

static const struct core_guest_ops owner_ops = {.on_decided = on_decided, .on_closed = on_closed};

static const struct core_guest_info encoder = {.address = "192.0.2.7:5000",
                                               .path = "/live/room",
                                               .query = "key=7",
                                               .server_name = "relay.example",
                                               .credential = "sesame"};

/* Gives it these grants; NULL: none. */
static void come(struct stage *stage, const struct pass *pass)
{
    struct router *router = &stage->world.workers[0].router;
    stage->guard.next = pass;
    assert_int_equal(
        core_guest_open(router, &encoder, &owner_ops, &stage->owner, &stage->owner.guest), 0);
    stage->guard.next = NULL;
}

static void assert_decided(const struct owner *owner, bool is_allowed)
{
    assert_int_equal(owner->decided, 1);
    assert_int_equal(owner->is_allowed, is_allowed);
    assert_int_equal(owner->guest != NULL, is_allowed);
    assert_int_equal(owner->closed, 0);
}

/* ---- Coming in ------------------------------------------------------------------------------- */

static void a_guest_is_a_peer_to_hooks(void **state)
{
    struct quic_conn_stats stats;
    struct stage stage;
    (void)state;
    stage_init(&stage);
    come(&stage, NULL);
    assert_decided(&stage.owner, true);
    struct core_peer *peer = core_guest_peer(stage.owner.guest);
    assert_ptr_equal(stage.guard.peer, peer);
    assert_int_equal(stage.born, 1);
    assert_string_equal(core_peer_address(peer), "192.0.2.7:5000");
    assert_string_equal(core_peer_path(peer), "/live/room");
    assert_string_equal(core_peer_query(peer), "key=7");
    assert_string_equal(core_peer_origin(peer), "");
    assert_string_equal(core_peer_server_name(peer), "relay.example");
    assert_string_equal(core_peer_credential(peer), "sesame");
    assert_int_equal(core_peer_protocol(peer), QUIC_PROTOCOL_UNKNOWN);
    assert_null(core_peer_session(peer));
    assert_true(core_peer_number(peer) > 0);
    core_peer_transport(peer, &stats);
    assert_int_equal(stats.bytes_sent, 0);
    run_ms(&stage, 200);
    assert_int_equal(world_counters(&stage.world)->guests, 1);
    assert_int_equal(world_counters(&stage.world)->guests_total, 1);
    assert_int_equal(world_counters(&stage.world)->sessions, 0);
    core_guest_close(&stage.owner.guest);
    assert_null(stage.owner.guest);
    run_ms(&stage, 200);
    assert_int_equal(stage.died, 1);
    assert_int_equal(stage.owner.closed, 0);
    guard_admit(&stage.guard, NULL, NULL);
    assert_string_equal(core_peer_credential(stage.guard.peer), ""); /* of a session */
    stage_deinit(&stage);
}

static void a_guest_that_is_denied_at_once_learns_why(void **state)
{
    struct stage stage;
    (void)state;
    stage_init(&stage);
    stage.guard.session = CORE_DENY;
    stage.guard.denial = CORE_DENIAL_UNAUTHORIZED;
    stage.guard.reason = "wrong word";
    come(&stage, NULL);
    assert_decided(&stage.owner, false);
    assert_int_equal(stage.owner.denial, CORE_DENIAL_UNAUTHORIZED);
    assert_string_equal(stage.owner.reason, "wrong word");
    run_ms(&stage, 200);
    assert_int_equal(world_counters(&stage.world)->guests_denied, 1);
    assert_int_equal(world_counters(&stage.world)->sessions_denied, 0);
    assert_int_equal(stage.died, 1);
    assert_int_equal(stage.owner.decided, 1);
    stage_deinit(&stage);
}

static void a_guest_waits_for_its_answer(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        const enum core_verdict verdicts[] = {CORE_ALLOW, CORE_PASS, CORE_DENY};
        struct stage stage;
        stage_init(&stage);
        stage.guard.session = CORE_LATER;
        come(&stage, NULL);
        run_ms(&stage, 1000);
        assert_int_equal(stage.owner.decided, 0);
        assert_non_null(stage.owner.guest);
        assert_int_equal(answer(&stage, verdicts[i]), 0);
        assert_decided(&stage.owner, verdicts[i] != CORE_DENY);
        stage_deinit(&stage);
    }
}

static void a_guest_that_nobody_answers_is_denied(void **state)
{
    struct stage stage;
    (void)state;
    stage_init(&stage);
    stage.guard.session = CORE_LATER;
    come(&stage, NULL);
    run_ms(&stage, 6000);
    assert_decided(&stage.owner, false);
    assert_string_equal(stage.owner.reason, "no hook answered in time");
    stage_deinit(&stage);
}

static void a_guest_may_leave_before_its_answer(void **state)
{
    struct stage stage;
    (void)state;
    stage_init(&stage);
    stage.guard.session = CORE_LATER;
    come(&stage, NULL);
    run_ms(&stage, 200);
    core_guest_close(&stage.owner.guest);
    assert_int_equal(stage.guard.withdrawn, 1);
    assert_int_equal(answer(&stage, CORE_ALLOW), MOQ_ERR_NOT_FOUND);
    run_ms(&stage, 6000);
    assert_int_equal(stage.owner.decided, 0);
    assert_int_equal(stage.owner.closed, 0);
    stage_deinit(&stage);
}

static void a_guest_may_leave_when_it_is_let_in(void **state)
{
    struct stage stage;
    (void)state;
    stage_init(&stage);
    stage.owner.is_leaving_at_once = true;
    come(&stage, NULL);
    assert_null(stage.owner.guest);
    assert_int_equal(stage.owner.decided, 1);
    stage_deinit(&stage);
}

/* A hook that is told that its time is over ends the guest that it was asked about. */
static void a_guest_may_leave_when_its_request_is_withdrawn(void **state)
{
    struct stage stage;
    (void)state;
    stage_init(&stage);
    stage.guard.session = CORE_LATER;
    stage.guard.closes = &stage.owner.guest;
    come(&stage, NULL);
    run_ms(&stage, 6000);
    assert_int_equal(stage.guard.withdrawn, 1);
    assert_int_equal(stage.owner.decided, 0);
    assert_null(stage.owner.guest);
    stage_deinit(&stage);
}

static void a_credential_has_a_limit(void **state)
{
    static char text[CORE_CREDENTIAL_BYTES + 2];
    struct core_guest_info info = {.credential = text + 1};
    struct stage stage;
    (void)state;
    memset(text, 'x', sizeof text - 1);
    stage_init(&stage);
    struct router *router = &stage.world.workers[0].router;
    struct owner *owner = &stage.owner;
    assert_int_equal(core_guest_open(router, &info, &owner_ops, owner, &owner->guest), 0);
    assert_int_equal(strlen(core_peer_credential(core_guest_peer(owner->guest))),
                     CORE_CREDENTIAL_BYTES);
    assert_string_equal(core_peer_path(core_guest_peer(owner->guest)), "");
    core_guest_close(&owner->guest);
    info.credential = text;
    assert_int_equal(core_guest_open(router, &info, &owner_ops, owner, &owner->guest),
                     MOQ_ERR_BOUNDS);
    assert_null(owner->guest);
    stage_deinit(&stage);
}

/* ---- Offering -------------------------------------------------------------------------------- */

static void let_in(struct stage *stage, const struct pass *pass)
{
    stage_init(stage);
    stage->here = client_ready(world_host(&stage->world), NULL);
    stage->there = client_ready(world_host(&stage->world), NULL);
    client_listen(stage->here, "");
    client_listen(stage->there, "");
    come(stage, pass);
    assert_decided(&stage->owner, true);
}

static void assert_seen(struct stage *stage, int actives, int ends)
{
    run_ms(stage, 200);
    assert_int_equal(stage->here->actives, actives);
    assert_int_equal(stage->there->actives, actives);
    assert_int_equal(stage->here->ends, ends);
    assert_int_equal(stage->there->ends, ends);
}

static void assert_offer(const struct pond *pond, int decided, bool is_allowed)
{
    assert_int_equal(pond->decided, decided);
    assert_int_equal(pond->is_allowed, is_allowed);
}

static void what_a_guest_offers_is_watched_on_all_workers(void **state)
{
    struct stage stage;
    struct watch here, there;
    (void)state;
    let_in(&stage, NULL);
    pond_offer(&stage.pond, stage.owner.guest, "live/room");
    assert_offer(&stage.pond, 1, true);
    assert_int_equal(stage.guard.announces, 1);
    assert_seen(&stage, 1, 0);
    watch_init(&here, stage.here, "live/room", &WISH_ANY);
    watch_init(&there, stage.there, "live/room", &WISH_ANY);
    run_ms(&stage, 200);
    publish_text(pond_track(&stage.pond), 1, "frog");
    run_ms(&stage, 200);
    assert_group(&here, 1, "frog");
    assert_group(&there, 1, "frog");

    core_guest_close(&stage.owner.guest); /* its offers go with it */
    stage.pond.announcement = NULL;
    assert_seen(&stage, 1, 1);
    run_ms(&stage, 10000);
    assert_int_equal(here.closed, 1);
    assert_int_equal(there.closed, 1);
    assert_int_equal(world_counters(&stage.world)->announcements, 0);
    watch_deinit(&here);
    watch_deinit(&there);
    stage_deinit(&stage);
}

static void hooks_decide_on_offers(void **state)
{
    struct stage stage;
    (void)state;
    let_in(&stage, NULL);
    stage.guard.announce = CORE_DENY;
    stage.guard.denial = CORE_DENIAL_BUSY;
    pond_offer(&stage.pond, stage.owner.guest, "live/room");
    assert_non_null(stage.pond.announcement);
    assert_offer(&stage.pond, 1, false);
    assert_int_equal(stage.pond.denial, CORE_DENIAL_BUSY);
    assert_string_equal(stage.pond.reason, "too busy");
    assert_seen(&stage, 0, 0);
    pond_drain(&stage.pond);

    stage.guard.announce = CORE_LATER;
    pond_offer(&stage.pond, stage.owner.guest, "live/room");
    assert_seen(&stage, 0, 0);
    assert_int_equal(stage.pond.decided, 1);
    assert_int_equal(answer(&stage, CORE_ALLOW), 0);
    assert_offer(&stage.pond, 2, true);
    assert_seen(&stage, 1, 0);
    pond_drain(&stage.pond);
    assert_seen(&stage, 1, 1);
    stage_deinit(&stage);
}

static void hooks_may_rename_an_offer(void **state)
{
    struct stage stage;
    struct watch watch;
    (void)state;
    let_in(&stage, NULL);
    stage.guard.rename = moq_path_from_text("public/room");
    pond_offer(&stage.pond, stage.owner.guest, "live/room");
    assert_seen(&stage, 1, 0);
    watch_init(&watch, stage.there, "public/room", &WISH_ANY);
    run_ms(&stage, 200);
    publish_text(pond_track(&stage.pond), 1, "frog");
    run_ms(&stage, 200);
    assert_group(&watch, 1, "frog");
    watch_deinit(&watch);
    stage_deinit(&stage);
}

static void grants_decide_on_offers_first(void **state)
{
    const struct pass pass = {.publish = "live", .identity = "camera"};
    struct stage stage;
    (void)state;
    let_in(&stage, &pass);
    pond_offer(&stage.pond, stage.owner.guest, "lively/room");
    assert_offer(&stage.pond, 1, false);
    assert_int_equal(stage.pond.denial, CORE_DENIAL_FORBIDDEN);
    assert_string_equal(stage.pond.reason, "it may publish live only");
    assert_int_equal(stage.guard.announces, 0);
    assert_int_equal(world_counters(&stage.world)->announcements_denied, 1);
    pond_drain(&stage.pond);
    pond_offer(&stage.pond, stage.owner.guest, "live/room");
    assert_offer(&stage.pond, 2, true);
    assert_seen(&stage, 1, 0);
    stage_deinit(&stage);
}

static void grants_of_a_guest_may_be_replaced(void **state)
{
    const struct pass other = {.publish = "other"}, again = {.publish = "live"};
    struct stage stage;
    (void)state;
    for (int i = 0; i < 2; i++) {
        let_in(&stage, &again);
        struct core_peer *peer = core_guest_peer(stage.owner.guest);
        stage.pond.is_shy = i == 1;
        pond_offer(&stage.pond, stage.owner.guest, "live/room");
        assert_seen(&stage, 1, 0);
        assert_int_equal(pass_to_peer(&other, peer), 0);
        assert_offer(&stage.pond, 2, false);
        assert_seen(&stage, 1, 1);
        assert_int_equal(pass_to_peer(&again, peer), 0);
        assert_offer(&stage.pond, i == 0 ? 3 : 2, i == 0);
        assert_seen(&stage, i == 0 ? 2 : 1, 1);
        stage_deinit(&stage);
    }
}

static void who_is_not_let_in_offers_nothing(void **state)
{
    struct stage stage;
    (void)state;
    stage_init(&stage);
    stage.guard.session = CORE_LATER;
    come(&stage, NULL);
    pond_offer(&stage.pond, stage.owner.guest, "live/room");
    assert_null(stage.pond.announcement);
    assert_int_equal(stage.pond.decided, 0);
    stage_deinit(&stage);
}

/* Once the offer is taken back, and once the guest leaves; the hook then answers in vain. */
static void an_offer_may_end_before_its_answer(void **state)
{
    struct stage stage;
    (void)state;
    for (int i = 0; i < 2; i++) {
        let_in(&stage, NULL);
        stage.guard.announce = CORE_LATER;
        pond_offer(&stage.pond, stage.owner.guest, "live/room");
        run_ms(&stage, 100);
        if (i == 0)
            pond_drain(&stage.pond);
        else
            core_guest_close(&stage.owner.guest);
        assert_int_equal(stage.guard.withdrawn, 1);
        assert_int_equal(answer(&stage, CORE_ALLOW), MOQ_ERR_NOT_FOUND);
        assert_int_equal(stage.pond.decided, 0);
        assert_seen(&stage, 0, 0);
        stage_deinit(&stage);
    }
}

/* The owner drops everything when it hears that an offer is denied, in the middle of the call. */
static void an_offer_may_end_in_its_answer(void **state)
{
    struct stage stage;
    (void)state;
    let_in(&stage, NULL);
    stage.pond.is_shy = true;
    stage.guard.announce = CORE_LATER;
    pond_offer(&stage.pond, stage.owner.guest, "live/room");
    run_ms(&stage, 100);
    assert_int_equal(answer(&stage, CORE_DENY), 0);
    assert_offer(&stage.pond, 1, false);
    assert_null(stage.pond.announcement);

    pond_offer(&stage.pond, stage.owner.guest, "live/room");
    stage.guard.closes = &stage.owner.guest; /* when nobody has answered in time */
    run_ms(&stage, 6000);
    assert_int_equal(stage.guard.withdrawn, 1);
    assert_null(stage.owner.guest);
    assert_int_equal(stage.pond.decided, 1);
    stage_deinit(&stage);
}

/* ---- The end --------------------------------------------------------------------------------- */

static void a_hook_may_close_a_guest(void **state)
{
    struct stage stage;
    (void)state;
    let_in(&stage, NULL);
    pond_offer(&stage.pond, stage.owner.guest, "live/room");
    assert_seen(&stage, 1, 0);
    struct core_peer *peer = core_guest_peer(stage.owner.guest);
    core_peer_close(peer, MOQ_ERR_REFUSED, "enough");
    core_peer_close(peer, 0, NULL); /* it is ending already */
    assert_int_equal(stage.owner.closed, 0);
    assert_int_equal(stage.died, 0);
    assert_seen(&stage, 1, 1);
    assert_int_equal(stage.owner.closed, 1);
    assert_int_equal(stage.owner.denial, CORE_DENIAL_REFUSED);
    assert_string_equal(stage.owner.reason, "enough");
    assert_int_equal(stage.died, 1);
    stage_deinit(&stage);
}

/* Even if another one lets it in before the sweep. */
static void a_hook_may_close_a_guest_that_waits(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct stage stage;
        stage_init(&stage);
        stage.guard.session = CORE_LATER;
        come(&stage, NULL);
        core_peer_deny(core_guest_peer(stage.owner.guest), CORE_DENIAL_BUSY, "enough");
        if (i == 1)
            assert_int_equal(answer(&stage, CORE_ALLOW), 0);
        run_ms(&stage, 200);
        assert_decided(&stage.owner, false);
        assert_int_equal(stage.owner.denial, CORE_DENIAL_BUSY);
        assert_string_equal(stage.owner.reason, "enough");
        assert_int_equal(world_counters(&stage.world)->guests_denied, 1);
        assert_int_equal(stage.guard.withdrawn, i == 0);
        stage_deinit(&stage);
    }
}

static void a_guest_is_closed_when_its_grants_expire(void **state)
{
    const struct pass pass = {.publish = "live", .expires_ms = WORLD_WALL_MS + 60 * 1000};
    struct stage stage;
    (void)state;
    let_in(&stage, &pass);
    pond_offer(&stage.pond, stage.owner.guest, "live/room");
    assert_seen(&stage, 1, 0);
    world_jump(&stage.world, 60 * 1000);
    assert_seen(&stage, 1, 1);
    assert_int_equal(stage.owner.closed, 1);
    assert_int_equal(stage.owner.denial, CORE_DENIAL_EXPIRED);
    assert_string_equal(stage.owner.reason, "token expired");
    assert_int_equal(world_counters(&stage.world)->sessions_expired, 1);
    stage_deinit(&stage);
}

static void a_guest_ends_with_its_router(void **state)
{
    struct stage stage;
    (void)state;
    let_in(&stage, NULL);
    core_hooks_remove(hooks_of(&stage), &stage.witness);
    assert_int_equal(stage.died, 1);
    client_close(stage.here, 0);
    client_close(stage.there, 0);
    run_ms(&stage, 500);
    guard_deinit(&stage.guard);
    world_deinit(&stage.world);
    assert_int_equal(stage.owner.closed, 1);
    assert_string_equal(stage.owner.reason, "the relay stops");
    assert_null(stage.owner.guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_is_a_peer_to_hooks),
        cmocka_unit_test(a_guest_that_is_denied_at_once_learns_why),
        cmocka_unit_test(a_guest_waits_for_its_answer),
        cmocka_unit_test(a_guest_that_nobody_answers_is_denied),
        cmocka_unit_test(a_guest_may_leave_before_its_answer),
        cmocka_unit_test(a_guest_may_leave_when_it_is_let_in),
        cmocka_unit_test(a_guest_may_leave_when_its_request_is_withdrawn),
        cmocka_unit_test(a_credential_has_a_limit),
        cmocka_unit_test(what_a_guest_offers_is_watched_on_all_workers),
        cmocka_unit_test(hooks_decide_on_offers),
        cmocka_unit_test(hooks_may_rename_an_offer),
        cmocka_unit_test(grants_decide_on_offers_first),
        cmocka_unit_test(grants_of_a_guest_may_be_replaced),
        cmocka_unit_test(who_is_not_let_in_offers_nothing),
        cmocka_unit_test(an_offer_may_end_before_its_answer),
        cmocka_unit_test(an_offer_may_end_in_its_answer),
        cmocka_unit_test(a_hook_may_close_a_guest),
        cmocka_unit_test(a_hook_may_close_a_guest_that_waits),
        cmocka_unit_test(a_guest_is_closed_when_its_grants_expire),
        cmocka_unit_test(a_guest_ends_with_its_router),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
