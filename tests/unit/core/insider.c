/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Notes what entries are told, checks that it comes in pairs, and does what a test wants there. */
#include "tests/unit/core/insider.h"

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

const struct core_hook_ops insider_ops = {
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

void run_ms(struct stage *stage, uint64_t ms)
{
    world_run(&stage->world, ms * NS_PER_MS);
}

static void entry_init(struct entry *entry, struct stage *stage)
{
    *entry = (struct entry){.hook = {.ops = &insider_ops, .self = entry}, .stage = stage};
    world_add_hook(&stage->world, &entry->hook);
}

void stage_init(struct stage *stage)
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

void assert_gone(const struct entry *entry)
{
    for (int i = 0; i < MEMBERS; i++)
        assert_null(entry->members[i]);
    assert_int_equal(entry->live, 0);
}

void stage_deinit(struct stage *stage)
{
    world_deinit(&stage->world);
    assert_gone(&stage->first);
    assert_gone(&stage->second);
}

void at(struct entry *entry, enum place place, void (*deed)(struct entry *entry))
{
    entry->place = place;
    entry->deed = deed;
    entry->deeds = 0;
}

static void ignore_info(void *user, int error, const struct moq_info *info)
{
    (void)user, (void)error, (void)info;
}

void a_client_lives(struct stage *stage)
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
