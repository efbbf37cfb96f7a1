/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What an entry brings about from inside its own functions: it closes the peer or the viewer that
 * it is told of, tries to change the chain. A second entry hears everything in pairs. */
#include "tests/sim/relay/prologue.h"

enum { MEMBERS = 32 };

enum place {
    AT_SESSION,
    AT_ANNOUNCE,
    AT_SUBSCRIBE,
    AT_FETCH,
    AT_INFO,
    AT_WITHDRAWN,
    AT_PEER_BORN,
    AT_PEER_DIED,
    AT_VIEWER_BORN,
    AT_VIEWER_DIED,
    AT_SAMPLE,
    AT_LIVE,
    AT_IDLE,
    AT_EVENT,
    PLACES,
};

struct stage;

/* One entry: what it has heard, and what it does where. */
struct entry {
    struct core_hook hook;
    struct stage *stage;
    const void *members[MEMBERS]; /* born and not dead; NULL: free place */
    int births, live;
    int refusals, takeovers; /* events */
    enum core_verdict verdicts[AT_INFO + 1];
    void (*deed)(struct entry *entry); /* NULL: none */
    enum place place;                  /* where */
    int deeds;
};

struct stage {
    struct world world;
    struct entry first, second;
    struct client *publisher, *viewer;
    struct watch watch;
    struct core_peer *peer;       /* the last one born, until it has died */
    struct core_viewer *seen;     /* the viewer that an entry is told of; NULL: none */
    struct core_request *request; /* that it is asked; NULL: none */
    struct core_guest *guest;     /* that a deed has opened */
    int decisions;
    bool is_guest_allowed;
};

/* ---- What it hears --------------------------------------------------------------------------- */

static void act(struct entry *entry, enum place place)
{
    if (!entry->deed || entry->place != place)
        return;
    entry->deeds++;
    entry->deed(entry);
}

static const void **place_of(struct entry *entry, const void *member)
{
    for (int i = 0; i < MEMBERS; i++)
        if (entry->members[i] == member)
            return &entry->members[i];
    return NULL;
}

static void note_born(struct entry *entry, const void *member)
{
    assert_null(place_of(entry, member));
    *place_of(entry, NULL) = member;
    entry->births++;
}

static void note_died(struct entry *entry, const void *member)
{
    assert_non_null(place_of(entry, member));
    *place_of(entry, member) = NULL;
}

static enum core_verdict hear_request(struct entry *entry, struct core_request *request,
                                      enum place place)
{
    assert_non_null(place_of(entry, core_request_peer(request)));
    entry->stage->request = request;
    act(entry, place);
    entry->stage->request = NULL;
    return entry->verdicts[place];
}

static enum core_verdict on_session(void *self, struct core_request *request)
{
    return hear_request(self, request, AT_SESSION);
}

static enum core_verdict on_announce(void *self, struct core_request *request)
{
    return hear_request(self, request, AT_ANNOUNCE);
}

static enum core_verdict on_subscribe(void *self, struct core_request *request)
{
    return hear_request(self, request, AT_SUBSCRIBE);
}

static enum core_verdict on_fetch(void *self, struct core_request *request)
{
    return hear_request(self, request, AT_FETCH);
}

static enum core_verdict on_info(void *self, struct core_request *request)
{
    return hear_request(self, request, AT_INFO);
}

static void on_withdrawn(void *self, struct core_request *request)
{
    struct entry *entry = self;
    entry->stage->request = request;
    act(entry, AT_WITHDRAWN);
    entry->stage->request = NULL;
}

static void on_peer_born(void *self, struct core_peer *peer)
{
    struct entry *entry = self;
    note_born(entry, peer);
    entry->stage->peer = peer;
    act(entry, AT_PEER_BORN);
}

static void on_peer_died(void *self, struct core_peer *peer)
{
    struct entry *entry = self;
    note_died(entry, peer);
    act(entry, AT_PEER_DIED);
    if (entry->stage->peer == peer && entry == &entry->stage->second)
        entry->stage->peer = NULL;
}

static void on_viewer(struct entry *entry, struct core_viewer *viewer, enum place place)
{
    entry->stage->seen = viewer;
    act(entry, place);
    entry->stage->seen = NULL;
}

static void on_viewer_born(void *self, struct core_viewer *viewer)
{
    note_born(self, viewer);
    on_viewer(self, viewer, AT_VIEWER_BORN);
}

static void on_viewer_died(void *self, struct core_viewer *viewer)
{
    note_died(self, viewer);
    on_viewer(self, viewer, AT_VIEWER_DIED);
}

static void on_sample(void *self, struct core_viewer *viewer)
{
    assert_non_null(place_of(self, viewer));
    on_viewer(self, viewer, AT_SAMPLE);
}

static void on_live(void *self, const struct moq_path *path)
{
    struct entry *entry = self;
    (void)path;
    assert_int_equal(entry->live++, 0);
    act(entry, AT_LIVE);
}

static void on_idle(void *self, const struct moq_path *path)
{
    struct entry *entry = self;
    (void)path;
    assert_int_equal(entry->live--, 1);
    act(entry, AT_IDLE);
}

static void on_event(void *self, const char *name, const struct moq_path *path)
{
    struct entry *entry = self;
    assert_true(moq_path_count(path) > 0);
    entry->refusals += strstr(name, "_refused") != NULL;
    entry->takeovers += strcmp(name, "taken_over") == 0;
    act(entry, AT_EVENT);
}

static const struct core_hook_ops ops = {
    .name = "inside",
    .session_open = on_session,
    .announce = on_announce,
    .subscribe = on_subscribe,
    .fetch = on_fetch,
    .info = on_info,
    .withdrawn = on_withdrawn,
    .peer_born = on_peer_born,
    .peer_died = on_peer_died,
    .viewer_born = on_viewer_born,
    .viewer_died = on_viewer_died,
    .viewer_sample = on_sample,
    .track_live = on_live,
    .track_idle = on_idle,
    .event = on_event,
};

/* ---- A relay with them ----------------------------------------------------------------------- */

static void run_ms(struct stage *stage, uint64_t ms)
{
    world_run(&stage->world, ms * NS_PER_MS);
}

static void entry_init(struct entry *entry, struct stage *stage)
{
    *entry = (struct entry){.hook = {.ops = &ops, .self = entry}, .stage = stage};
    world_add_hook(&stage->world, &entry->hook);
}

static void stage_init(struct stage *stage)
{
    const struct world_setup setup = {
        .seed = 21, .workers = 1, .link = {.delay_ns = 10 * NS_PER_MS}};
    const struct client_setup as_03 = {.versions = MOQ_VERSION_03};
    *stage = (struct stage){.viewer = NULL};
    world_init(&stage->world, &setup);
    entry_init(&stage->first, stage);
    entry_init(&stage->second, stage);
    stage->publisher = client_ready(world_host(&stage->world), &as_03);
    publish_text(client_publish(stage->publisher, "pond"), 4, "frog");
    run_ms(stage, 200);
}

static void assert_gone(const struct entry *entry)
{
    for (int i = 0; i < MEMBERS; i++)
        assert_null(entry->members[i]);
    assert_int_equal(entry->live, 0);
}

static void stage_deinit(struct stage *stage)
{
    world_deinit(&stage->world);
    assert_gone(&stage->first);
    assert_gone(&stage->second);
}

static void at(struct entry *entry, enum place place, void (*deed)(struct entry *entry))
{
    entry->place = place;
    entry->deed = deed;
    entry->deeds = 0;
}

static void ignore_info(void *user, int error, const struct moq_info *info)
{
    (void)user, (void)error, (void)info;
}

/* A client comes, does all that a client does, and goes. */
static void a_client_lives(struct stage *stage)
{
    static const struct moq_fetch_events no_events = {.on_data = NULL};
    const struct client_setup as_03 = {.versions = MOQ_VERSION_03};
    const struct moq_fetch_wish group = {.group = 4};
    struct moq_path *path = moq_path_from_text("pond");
    stage->viewer = client_connect(world_host(&stage->world), &as_03);
    run_ms(stage, 300);
    struct moq_session *session = stage->viewer->session;
    if (session) {
        client_publish(stage->viewer, "lake");
        watch_init(&stage->watch, stage->viewer, "pond", &WISH_ANY);
        moq_session_fetch(session, path, &group, &no_events, NULL);
        moq_session_info(session, path, ignore_info, NULL);
        run_ms(stage, 1000);
        watch_deinit(&stage->watch);
        run_ms(stage, 200);
    }
    if (stage->viewer->conn)
        client_close(stage->viewer, 0);
    run_ms(stage, 1000);
    moq_path_unref(&path);
}

/* ---- Peers ----------------------------------------------------------------------------------- */

static void close_peer(struct entry *entry)
{
    struct stage *stage = entry->stage;
    struct core_peer *peer = stage->request ? core_request_peer(stage->request)
                             : stage->seen  ? core_viewer_peer(stage->seen)
                                            : stage->peer;
    if (!peer)
        return; /* at the end of the test */
    core_peer_close(peer, MOQ_ERR_REFUSED, "enough");
    core_peer_close(peer, 0, NULL); /* it is ending already */
}

static void a_peer_may_be_closed_anywhere(void **state)
{
    (void)state;
    const enum core_verdict verdicts[] = {CORE_PASS, CORE_ALLOW, CORE_DENY, CORE_LATER};
    for (int place = 0; place < PLACES; place++) {
        for (int i = 0; i < (place <= AT_INFO ? 4 : 1); i++) {
            struct stage stage;
            stage_init(&stage);
            at(&stage.first, (enum place)place, close_peer);
            if (place <= AT_INFO)
                stage.first.verdicts[place] = verdicts[i];
            if (place == AT_WITHDRAWN)
                stage.first.verdicts[AT_INFO] = CORE_LATER;
            a_client_lives(&stage);
            assert_true(stage.first.deeds > 0);
            assert_int_equal(stage.viewer->closed, 1);
            assert_int_equal(stage.publisher->closed, 0);
            assert_int_equal(world_counters(&stage.world)->sessions, 1);
            assert_true(list_is_empty(&stage.world.workers[0].router.hooks.held));
            stage_deinit(&stage);
        }
    }
}

static void close_refused_peer(struct entry *entry)
{
    if (entry->refusals > 0)
        close_peer(entry);
}

static void a_peer_may_be_closed_as_it_is_refused(void **state)
{
    (void)state;
    for (int place = AT_ANNOUNCE; place <= AT_INFO; place++) {
        struct stage stage;
        stage_init(&stage);
        at(&stage.first, AT_EVENT, close_refused_peer);
        stage.first.verdicts[place] = CORE_DENY;
        a_client_lives(&stage);
        assert_int_equal(stage.first.refusals, 1);
        assert_int_equal(stage.second.refusals, 1);
        assert_int_equal(stage.viewer->closed, 1);
        stage_deinit(&stage);
    }
}

static void close_new_publisher(struct entry *entry)
{
    if (entry->takeovers > 0)
        close_peer(entry); /* the last one born */
}

/* The newest publisher of a track feeds it. It is closed as that is told, and so the track comes
 * from the other one again. */
static void a_publisher_may_be_closed_as_it_takes_over(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    stage_init(&stage);
    stage.viewer = client_ready(world_host(&stage.world), NULL);
    watch_init(&watch, stage.viewer, "pond", &WISH_ANY);
    run_ms(&stage, 200);
    assert_int_equal(stage.second.takeovers, 0);
    struct client *newer = client_ready(world_host(&stage.world), NULL);
    at(&stage.first, AT_EVENT, close_new_publisher);
    client_publish(newer, "pond");
    run_ms(&stage, 500);
    assert_int_equal(stage.second.takeovers, 2);
    assert_int_equal(newer->closed, 1);
    assert_false(watch.closed);
    watch_deinit(&watch);
    stage_deinit(&stage);
}

/* Before there is a session it is refused, once, whatever the chain says. */
static void a_peer_that_is_closed_early_does_not_come_in(void **state)
{
    (void)state;
    const enum core_verdict verdicts[] = {CORE_ALLOW, CORE_DENY, CORE_LATER};
    for (int i = 0; i < 6; i++) {
        struct stage stage;
        stage_init(&stage);
        at(&stage.first, i < 3 ? AT_SESSION : AT_PEER_BORN, close_peer);
        stage.first.verdicts[AT_SESSION] = verdicts[i % 3];
        a_client_lives(&stage);
        assert_int_equal(stage.viewer->ready, 0);
        assert_int_equal(world_counters(&stage.world)->sessions_denied, 1);
        assert_int_equal(world_counters(&stage.world)->sessions_total, 1);
        assert_int_equal(stage.second.births, 2); /* peers: the publisher and this one */
        stage_deinit(&stage);
    }
}

static void a_peer_may_be_closed_while_its_session_is_held(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    stage.first.verdicts[AT_SESSION] = CORE_LATER;
    stage.viewer = client_connect(world_host(&stage.world), NULL);
    run_ms(&stage, 300);
    struct core_hooks *hooks = &stage.world.workers[0].router.hooks;
    const struct core_request *held = container_of(hooks->held.next, struct core_request, node);
    uint64_t number = core_request_number(held);
    core_peer_close(stage.peer, MOQ_ERR_REFUSED, "enough");
    assert_int_equal(world_answer(&stage.world, number, CORE_ALLOW), 0); /* too late to matter */
    run_ms(&stage, 300);
    assert_int_equal(stage.viewer->ready, 0);
    assert_int_equal(stage.viewer->closed, 1);
    assert_int_equal(world_answer(&stage.world, number, CORE_ALLOW), MOQ_ERR_NOT_FOUND);
    stage_deinit(&stage);
}

static void an_answer_after_the_peer_s_death_is_ignored(void **state)
{
    (void)state;
    for (int place = AT_SESSION; place <= AT_INFO; place++) {
        struct stage stage;
        stage_init(&stage);
        stage.first.verdicts[place] = CORE_LATER;
        uint64_t before = stage.world.workers[0].router.hooks.last_number;
        a_client_lives(&stage);
        for (uint64_t i = before; i < before + 20; i++)
            assert_int_equal(world_answer(&stage.world, i, CORE_ALLOW), MOQ_ERR_NOT_FOUND);
        stage_deinit(&stage);
    }
}

/* ---- Viewers --------------------------------------------------------------------------------- */

static void close_viewer(struct entry *entry)
{
    core_viewer_close(entry->stage->seen, MOQ_ERR_REFUSED);
}

static void finish_viewer(struct entry *entry)
{
    core_viewer_close(entry->stage->seen, 0);
}

static void override_viewer(struct entry *entry)
{
    const struct core_override change = {.set = CORE_SET_ALL, .priority = 3};
    core_viewer_override(entry->stage->seen, &entry->hook, &change);
}

static void a_viewer_may_be_closed_or_changed_anywhere(void **state)
{
    (void)state;
    const enum place places[] = {AT_VIEWER_BORN, AT_VIEWER_DIED, AT_SAMPLE};
    void (*const deeds[])(struct entry *) = {close_viewer, finish_viewer, override_viewer};
    for (size_t i = 0; i < 9; i++) {
        struct stage stage;
        stage_init(&stage);
        at(&stage.first, places[i % 3], deeds[i / 3]);
        a_client_lives(&stage);
        assert_true(stage.first.deeds > 0);
        assert_int_equal(world_counters(&stage.world)->viewers_total, 1);
        assert_int_equal(world_counters(&stage.world)->viewers, 0);
        stage_deinit(&stage);
    }
}

/* It is gone before the second entry can be told of its birth, and then no death is told either. */
static void who_dies_at_birth_is_told_to_nobody_else(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    at(&stage.first, AT_VIEWER_BORN, close_viewer);
    a_client_lives(&stage);
    assert_int_equal(stage.first.births, 3);  /* two peers and a viewer */
    assert_int_equal(stage.second.births, 2); /* two peers */
    stage_deinit(&stage);
}

/* ---- The chain ------------------------------------------------------------------------------- */

static void change_chain(struct entry *entry)
{
    struct stage *stage = entry->stage;
    struct core_hooks *hooks = &stage->world.workers[0].router.hooks;
    struct entry third = {.hook = {.ops = &ops, .self = &third}, .stage = stage};
    assert_int_equal(core_hooks_add(hooks, &third.hook), MOQ_ERR_AGAIN);
    assert_int_equal(core_hooks_replace(hooks, &entry->hook, &third.hook), MOQ_ERR_AGAIN);
    assert_int_equal(core_hooks_replace(hooks, &stage->second.hook, &third.hook), MOQ_ERR_AGAIN);
    assert_int_equal(core_hooks_remove(hooks, &entry->hook), MOQ_ERR_AGAIN);
    assert_int_equal(core_hooks_remove(hooks, &stage->second.hook), MOQ_ERR_AGAIN);
}

static void a_chain_is_not_changed_from_inside(void **state)
{
    (void)state;
    for (int place = 0; place < PLACES; place++) {
        struct stage stage;
        stage_init(&stage);
        at(&stage.first, (enum place)place, change_chain);
        if (place == AT_WITHDRAWN)
            stage.first.verdicts[AT_INFO] = CORE_LATER;
        a_client_lives(&stage);
        assert_true(stage.first.deeds > 0);
        assert_int_equal(stage.viewer->ready, 1);
        stage_deinit(&stage);
    }
}

/* As it is told of births and deaths because of a change, too. */
static void nor_while_it_is_changed(void **state)
{
    (void)state;
    const enum place places[] = {AT_PEER_DIED, AT_WITHDRAWN};
    for (size_t i = 0; i < 2; i++) {
        struct stage stage;
        stage_init(&stage);
        at(&stage.first, places[i], change_chain);
        stage.first.verdicts[AT_ANNOUNCE] = CORE_LATER;
        client_publish(stage.publisher, "lake");
        run_ms(&stage, 200);
        struct core_hooks *hooks = &stage.world.workers[0].router.hooks;
        assert_int_equal(core_hooks_remove(hooks, &stage.first.hook), 0);
        assert_int_equal(stage.first.deeds, 1);
        assert_int_equal(world_counters(&stage.world)->announcements, 2);
        stage_deinit(&stage);
    }
}

static void note_decision(void *user, bool is_allowed, enum core_denial denial, const char *reason)
{
    struct stage *stage = user;
    (void)denial, (void)reason;
    stage->decisions++;
    stage->is_guest_allowed = is_allowed;
}

static void open_guest(struct entry *entry)
{
    static const struct core_guest_ops guest_ops = {.on_decided = note_decision};
    static const struct core_guest_info info = {.address = "192.0.2.7:5000"};
    struct stage *stage = entry->stage;
    assert_int_equal(
        core_guest_open(&stage->world.workers[0].router, &info, &guest_ops, stage, &stage->guest),
        0);
    assert_int_equal(stage->decisions, 0); /* as the entry is leaving */
}

/* It is asked nothing any more, and whoever takes its place is. */
static void what_a_leaving_entry_begins_is_for_the_others(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct stage stage;
        stage_init(&stage);
        struct core_hooks *hooks = &stage.world.workers[0].router.hooks;
        struct entry fresh = {.hook = {.ops = &ops, .self = &fresh}, .stage = &stage};
        at(&stage.first, AT_WITHDRAWN, open_guest);
        stage.first.verdicts[AT_ANNOUNCE] = stage.first.verdicts[AT_SESSION] = CORE_LATER;
        fresh.verdicts[AT_SESSION] = CORE_DENY;
        client_publish(stage.publisher, "lake");
        run_ms(&stage, 200);
        if (i == 0)
            assert_int_equal(core_hooks_remove(hooks, &stage.first.hook), 0);
        else
            assert_int_equal(core_hooks_replace(hooks, &stage.first.hook, &fresh.hook), 0);
        assert_int_equal(stage.first.deeds, 1);
        assert_int_equal(stage.decisions, 1);
        assert_int_equal(stage.is_guest_allowed, i == 0);
        assert_true(list_is_empty(&hooks->held));
        assert_gone(&stage.first);
        core_guest_close(&stage.guest);
        stage_deinit(&stage);
        assert_gone(&fresh);
    }
}

/* Work upstream that one entry began is for the next one to end. */
static void who_takes_a_place_hears_which_tracks_are_live(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    stage_init(&stage);
    struct core_hooks *hooks = &stage.world.workers[0].router.hooks;
    stage.viewer = client_ready(world_host(&stage.world), NULL);
    watch_init(&watch, stage.viewer, "pond", &WISH_ANY);
    run_ms(&stage, 200);
    assert_int_equal(stage.first.live, 1);
    struct entry fresh = {.hook = {.ops = &ops, .self = &fresh}, .stage = &stage};
    assert_int_equal(core_hooks_replace(hooks, &stage.first.hook, &fresh.hook), 0);
    assert_gone(&stage.first);
    assert_int_equal(fresh.live, 1);
    watch_deinit(&watch);
    run_ms(&stage, 200);
    assert_int_equal(fresh.live, 0);
    stage_deinit(&stage);
    assert_gone(&fresh);
}

/* Its viewers may still have groups to get, and the path another publisher. */
static void a_track_that_has_ended_is_idle(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    stage_init(&stage);
    struct client *publisher = client_ready(world_host(&stage.world), NULL);
    struct moq_track *track = client_publish(publisher, "river");
    stage.viewer = client_ready(world_host(&stage.world), NULL);
    run_ms(&stage, 200);
    watch_init(&watch, stage.viewer, "river", &WISH_ANY);
    run_ms(&stage, 200);
    assert_int_equal(stage.first.live, 1);
    sim_set_node_link(stage.world.sim, stage.viewer->host->node,
                      &(struct sim_link){.loss_percent = 100});
    publish_text(track, 1, "fish");
    moq_track_end(track, 0);
    run_ms(&stage, 200);
    assert_int_equal(world_counters(&stage.world)->viewers, 1); /* has not got it yet */
    assert_int_equal(stage.first.live, 0);
    watch_deinit(&watch);
    stage_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_may_be_closed_anywhere),
        cmocka_unit_test(a_peer_may_be_closed_as_it_is_refused),
        cmocka_unit_test(a_publisher_may_be_closed_as_it_takes_over),
        cmocka_unit_test(a_peer_that_is_closed_early_does_not_come_in),
        cmocka_unit_test(a_peer_may_be_closed_while_its_session_is_held),
        cmocka_unit_test(an_answer_after_the_peer_s_death_is_ignored),
        cmocka_unit_test(a_viewer_may_be_closed_or_changed_anywhere),
        cmocka_unit_test(who_dies_at_birth_is_told_to_nobody_else),
        cmocka_unit_test(a_chain_is_not_changed_from_inside),
        cmocka_unit_test(nor_while_it_is_changed),
        cmocka_unit_test(what_a_leaving_entry_begins_is_for_the_others),
        cmocka_unit_test(who_takes_a_place_hears_which_tracks_are_live),
        cmocka_unit_test(a_track_that_has_ended_is_idle),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
