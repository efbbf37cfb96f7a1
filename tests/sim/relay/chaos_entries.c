/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Entries of hook chains, on every worker. They hold requests and answer them at any time, redirect
 * them, override policies, close viewers, and are replaced. They check that what they are told fits
 * what they were told before. */
#include "tests/sim/relay/chaos.h"

struct slot {
    const void *member; /* the peer or viewer that it belongs to; NULL: not born */
    int held;
};

/* A cap that lets a chaos come to its end. */
static uint64_t any_rate(struct chaos *chaos)
{
    return chaos_dice(chaos, 2) * (1 + chaos_dice(chaos, 20)) * 1000000;
}

static uint64_t any_start(struct chaos *chaos)
{
    const uint64_t starts[] = {MOQ_START_NEWEST, MOQ_START_OLDEST, MOQ_START_NEXT,
                               chaos_dice(chaos, 5000) * NS_PER_MS};
    return starts[chaos_dice(chaos, 4)];
}

static struct core_override any_override(struct chaos *chaos)
{
    return (struct core_override){.set = (unsigned)chaos_dice(chaos, CORE_SET_ALL + 1),
                                  .latency_ns = chaos_dice(chaos, 3000) * NS_PER_MS,
                                  .priority = (uint8_t)chaos_dice(chaos, 256),
                                  .order = (uint8_t)chaos_dice(chaos, 4),
                                  .rate_bps = any_rate(chaos),
                                  .identity_rate_bps = any_rate(chaos),
                                  .start_ns = any_start(chaos)};
}

/* ---- Members --------------------------------------------------------------------------------- */

static void **place_of(struct chaos_entry *entry, const void *member)
{
    for (int i = 0; i < CHAOS_MEMBERS; i++)
        if (entry->members[i] == member)
            return &entry->members[i];
    return NULL;
}

static void note_born(struct chaos_entry *entry, void *member, struct slot *slot)
{
    void **place = place_of(entry, NULL);
    assert_null(place_of(entry, member));
    assert_non_null(place);
    *place = member;
    if (!slot)
        return;
    assert_null(slot->member);
    assert_int_equal(slot->held, 0);
    slot->member = member;
}

static void note_died(struct chaos_entry *entry, const void *member, const struct slot *slot)
{
    void **place = place_of(entry, member);
    assert_non_null(place);
    *place = NULL;
    if (slot)
        assert_ptr_equal(slot->member, member);
}

static struct slot *peer_slot(const struct chaos_entry *entry, const struct core_request *request)
{
    return core_peer_slot(core_request_peer(request), &entry->hook);
}

static void answer_one_of(struct chaos_entry *entry)
{
    static const enum core_verdict verdicts[] = {CORE_ALLOW, CORE_PASS, CORE_DENY, CORE_PASS};
    struct chaos *chaos = entry->chaos;
    struct core_request **place = &entry->held[chaos_dice(chaos, CHAOS_HELD)], *request = *place;
    if (!request)
        return;
    *place = NULL;
    if (peer_slot(entry, request))
        peer_slot(entry, request)->held--;
    uint64_t number = core_request_number(request);
    assert_ptr_equal(core_request_held(entry->hooks, number), request);
    core_answer(entry->hooks, number, verdicts[chaos_dice(chaos, 4)]);
    assert_null(core_request_held(entry->hooks, number)); /* if held again, it has a new number */
}

struct chaos_grants {
    struct core_grants grants;
    const struct moq_path *prefixes[2];
};

/* Mostly wide ones, so that things go on; some end soon. */
static void any_grants(struct chaos *chaos, struct chaos_grants *out)
{
    bool is_wide = chaos_dice(chaos, 3) > 0;
    out->prefixes[0] = is_wide ? moq_path_new(NULL, 0) : moq_path_from_text(chaos_any_path(chaos));
    out->prefixes[1] = moq_path_from_text(chaos_any_path(chaos));
    out->grants = (struct core_grants){.identity = "chaos",
                                       .publish = out->prefixes,
                                       .publish_count = 1 + chaos_dice(chaos, 2),
                                       .subscribe = out->prefixes,
                                       .subscribe_count = chaos_dice(chaos, 8) ? 2 : 0};
    if (chaos_dice(chaos, 4) == 0)
        out->grants.expires_ms = world_wall_ms(&chaos->world) + chaos_dice(chaos, 5000);
}

static void free_grants(struct chaos_grants *grants)
{
    for (int i = 0; i < 2; i++) {
        struct moq_path *path = (struct moq_path *)(uintptr_t)grants->prefixes[i];
        moq_path_unref(&path);
    }
}

static void change_grants(struct chaos *chaos, struct core_peer *peer)
{
    struct chaos_grants some;
    any_grants(chaos, &some);
    int error = core_peer_set_grants(peer, chaos_dice(chaos, 4) ? &some.grants : NULL);
    chaos->granted += error == 0;
    free_grants(&some);
}

static void give_grants(struct chaos *chaos, struct core_request *request)
{
    struct chaos_grants some;
    any_grants(chaos, &some);
    chaos->granted += core_request_set_grants(request, &some.grants) == 0;
    free_grants(&some);
}

/* Does what modules may do when they are told something. */
static void do_anything(struct chaos_entry *entry, struct core_peer *peer)
{
    struct chaos *chaos = entry->chaos;
    uint64_t roll = chaos_dice(chaos, 40);
    if (roll >= 9)
        return;
    chaos->inside++;
    assert_int_equal(core_hooks_remove(entry->hooks, &entry->hook), MOQ_ERR_AGAIN);
    if (roll < 3)
        answer_one_of(entry);
    else if (roll < 5)
        chaos_sink_acts(chaos);
    else if (roll < 7)
        chaos_pond_acts(chaos);
    else if (roll == 7)
        change_grants(chaos, peer);
    else if (chaos_dice(chaos, 20) == 0)
        core_peer_close(peer, chaos_dice(chaos, 2) ? 0 : MOQ_ERR_REFUSED, "chaos");
}

static void on_peer_born(void *self, struct core_peer *peer)
{
    const struct chaos_entry *entry = self;
    note_born(self, peer, core_peer_slot(peer, &entry->hook));
    do_anything(self, peer);
}

static void on_peer_died(void *self, struct core_peer *peer)
{
    const struct chaos_entry *entry = self;
    const struct slot *slot = core_peer_slot(peer, &entry->hook);
    assert_true(!slot || slot->held == 0);
    note_died(self, peer, slot);
    do_anything(self, peer);
}

static void on_viewer_born(void *self, struct core_viewer *viewer)
{
    const struct chaos_entry *entry = self;
    const struct core_override change = any_override(entry->chaos);
    note_born(self, viewer, core_viewer_slot(viewer, &entry->hook));
    do_anything(self, core_viewer_peer(viewer));
    if (!place_of(self, viewer))
        return;
    if (chaos_dice(entry->chaos, 3) == 0)
        core_viewer_override(viewer, &entry->hook, &change);
    else if (chaos_dice(entry->chaos, 20) == 0)
        core_viewer_close(viewer, MOQ_ERR_REFUSED);
}

static void on_viewer_died(void *self, struct core_viewer *viewer)
{
    const struct chaos_entry *entry = self;
    struct core_peer *peer = core_viewer_peer(viewer);
    struct core_policy_reasons why;
    core_viewer_reasons(viewer, &why);
    assert_non_null(peer);
    note_died(self, viewer, core_viewer_slot(viewer, &entry->hook));
    core_viewer_close(viewer, 0); /* must have no effect, unless only the entry leaves */
    do_anything(self, peer);
}

static void on_viewer_sample(void *self, struct core_viewer *viewer)
{
    const struct chaos_entry *entry = self;
    const struct core_override change = any_override(entry->chaos);
    uint64_t roll = chaos_dice(entry->chaos, 40);
    assert_non_null(place_of(self, viewer));
    if (roll < 10)
        core_viewer_override(viewer, &entry->hook, &change);
    else if (roll < 14)
        core_viewer_clear_override(viewer, change.set);
    else if (roll < 16)
        core_viewer_close(viewer, roll == 14 ? 0 : MOQ_ERR_REFUSED);
    else if (roll < 28)
        core_viewer_turn_to(viewer, &entry->hook, chaos_dice(entry->chaos, CHAOS_PATHS));
    else
        do_anything(self, core_viewer_peer(viewer));
}

/* A viewer of the entry's worker, perhaps the one whose turn this is about. */
static void turn_any(struct chaos_entry *entry)
{
    const struct router *router = container_of(entry->hooks, struct router, hooks);
    uint64_t left = chaos_dice(entry->chaos, router->viewer_count + 1);
    list_for_each (node, &router->viewers) {
        struct core_viewer *viewer = container_of(node, struct core_viewer, router_node);
        if (left-- > 0)
            continue;
        core_viewer_turn_to(viewer, &entry->hook, chaos_dice(entry->chaos, CHAOS_PATHS));
        return;
    }
}

static void do_to_tracks(struct chaos_entry *entry)
{
    uint64_t roll = chaos_dice(entry->chaos, 10);
    if (roll < 2)
        chaos_pond_acts(entry->chaos);
    else if (roll < 4)
        chaos_sink_acts(entry->chaos);
    else if (roll < 7)
        turn_any(entry);
}

static void on_track_live(void *self, const struct moq_path *path)
{
    struct chaos_entry *entry = self;
    (void)path;
    entry->live++;
    do_to_tracks(entry);
}

static void on_track_idle(void *self, const struct moq_path *path)
{
    struct chaos_entry *entry = self;
    (void)path;
    assert_true(entry->live-- > 0);
    do_to_tracks(entry);
}

static void on_event(void *self, const char *name, const struct moq_path *path)
{
    struct chaos_entry *entry = self;
    (void)name, (void)path;
    if (chaos_dice(entry->chaos, 10) == 0)
        answer_one_of(entry);
    do_to_tracks(entry);
}

static int on_choose_source(void *self, const struct core_choice *choice)
{
    struct chaos_entry *entry = self;
    struct core_candidate candidate;
    size_t index = chaos_dice(entry->chaos, 4);
    bool is_there = core_choice_candidate(choice, index, &candidate);
    do_to_tracks(entry);
    return is_there ? (int)index : -1;
}

/* ---- Requests -------------------------------------------------------------------------------- */

static bool hold(struct chaos_entry *entry, struct core_request *request)
{
    for (int i = 0; i < CHAOS_HELD; i++) {
        if (entry->held[i])
            continue;
        entry->held[i] = request;
        core_request_set_user(request, entry);
        if (peer_slot(entry, request))
            peer_slot(entry, request)->held++;
        return true;
    }
    return false;
}

static void choose_source(struct chaos *chaos, struct core_request *request)
{
    struct core_candidate candidate;
    if (core_request_candidate(request, chaos_dice(chaos, 3), &candidate))
        assert_int_equal(core_request_set_source(request, candidate.number), 0);
}

/* All paths, though their groups are no renditions of anything. */
static void give_ladder(struct chaos *chaos, struct core_request *request)
{
    struct core_rendition renditions[CHAOS_PATHS];
    size_t count = 1 + chaos_dice(chaos, CHAOS_PATHS);
    for (size_t i = 0; i < count; i++)
        renditions[i] = (struct core_rendition){moq_path_from_text(chaos_path((int)i)), 0};
    struct core_ladder *ladder = core_ladder_new(renditions, count);
    assert_int_equal(core_request_set_ladder(request, ladder), 0);
    core_ladder_unref(&ladder);
    for (size_t i = 0; i < count; i++)
        moq_path_unref(&renditions[i].path);
}

static void say_something(const struct chaos_entry *entry, struct core_request *request)
{
    struct chaos *chaos = entry->chaos;
    const struct core_override change = any_override(chaos);
    struct moq_path *path = moq_path_from_text(chaos_any_path(chaos));
    if (core_request_kind(request) == CORE_REQUEST_SESSION && chaos_dice(chaos, 4) == 0)
        give_grants(chaos, request);
    if (core_request_kind(request) != CORE_REQUEST_SESSION && chaos_dice(chaos, 10) == 0)
        core_request_set_path(request, path);
    if (core_request_kind(request) == CORE_REQUEST_SUBSCRIBE && chaos_dice(chaos, 3) == 0)
        core_request_override(request, &entry->hook, &change);
    if (core_request_kind(request) == CORE_REQUEST_SUBSCRIBE && chaos_dice(chaos, 2) == 0)
        give_ladder(chaos, request);
    if (chaos_dice(chaos, 3) == 0)
        choose_source(chaos, request);
    moq_path_unref(&path);
}

static enum core_verdict on_request(void *self, struct core_request *request)
{
    struct chaos_entry *entry = self;
    uint64_t roll = chaos_dice(entry->chaos, 40), number = core_request_number(request);
    assert_non_null(place_of(entry, core_request_peer(request)));
    assert_string_equal(core_peer_server_name(core_request_peer(request)), "localhost");
    entry->chaos->asked++;
    say_something(entry, request);
    do_anything(entry, core_request_peer(request));
    if (roll == 0 || !core_request_is_open(entry->hooks, request, number))
        return CORE_DENY;
    if (roll < 5 && hold(entry, request))
        return CORE_LATER;
    return roll % 2 ? CORE_PASS : CORE_ALLOW;
}

static void on_withdrawn(void *self, struct core_request *request)
{
    struct chaos_entry *entry = self;
    assert_ptr_equal(core_request_user(request), entry);
    if (peer_slot(entry, request))
        peer_slot(entry, request)->held--;
    for (int i = 0; i < CHAOS_HELD; i++) {
        if (entry->held[i] != request)
            continue;
        entry->held[i] = NULL;
        do_anything(entry, core_request_peer(request));
        return;
    }
    fail_msg("a request is withdrawn that is not held");
}

#define OPS                                                                                        \
    .session_open = on_request, .announce = on_request, .subscribe = on_request,                   \
    .withdrawn = on_withdrawn, .peer_born = on_peer_born, .peer_died = on_peer_died,               \
    .viewer_born = on_viewer_born, .viewer_died = on_viewer_died, .track_live = on_track_live,     \
    .track_idle = on_track_idle, .event = on_event, .choose_source = on_choose_source
#define SLOTS .peer_slot_bytes = sizeof(struct slot), .viewer_slot_bytes = sizeof(struct slot)

static const struct core_hook_ops ops[CHAOS_ENTRIES] = {
    {.name = "one", SLOTS, OPS, .viewer_sample = on_viewer_sample},
    {.name = "two", SLOTS, OPS, .fetch = on_request, .info = on_request},
    {.name = "three", OPS, .viewer_sample = on_viewer_sample},
};

/* ---- The chains ------------------------------------------------------------------------------ */

static void add_entry(struct core_hooks *hooks, struct chaos_entry *entry)
{
    entry->hooks = hooks; /* before core_hooks_add(), which already calls the entry */
    if (core_hooks_add(hooks, &entry->hook))
        entry->hooks = NULL;
}

void chaos_entries_init(struct chaos *chaos)
{
    for (uint32_t worker = 0; worker < chaos->world.worker_count; worker++) {
        for (int i = 0; i < CHAOS_ENTRIES; i++) {
            struct chaos_entry *entry = &chaos->entries[worker][i];
            *entry = (struct chaos_entry){.chaos = chaos, .hook = {.ops = &ops[i], .self = entry}};
            if (i < 2 && chaos->has_guests)
                add_entry(&chaos->world.workers[worker].router.hooks, entry);
        }
    }
}

static struct chaos_entry *any_entry(struct chaos *chaos, uint64_t worker)
{
    return &chaos->entries[worker][chaos_dice(chaos, CHAOS_ENTRIES)];
}

void chaos_answer_one(struct chaos *chaos)
{
    answer_one_of(any_entry(chaos, chaos_dice(chaos, chaos->world.worker_count)));
}

static void check_gone(const struct chaos_entry *entry)
{
    assert_int_equal(entry->live, 0);
    for (int i = 0; i < CHAOS_HELD; i++)
        assert_null(entry->held[i]);
    for (int i = 0; i < CHAOS_MEMBERS; i++)
        assert_null(entry->members[i]);
}

static void note_gone(struct chaos_entry *entry)
{
    entry->hooks = NULL;
    check_gone(entry);
}

static void replace_entry(struct core_hooks *hooks, struct chaos_entry *entry,
                          struct chaos_entry *fresh)
{
    fresh->hooks = hooks;
    if (core_hooks_replace(hooks, &entry->hook, &fresh->hook)) {
        fresh->hooks = NULL;
        return;
    }
    note_gone(entry);
    entry->chaos->replaced++;
}

void chaos_change_chain(struct chaos *chaos)
{
    uint64_t worker = chaos_dice(chaos, chaos->world.worker_count);
    struct core_hooks *hooks = &chaos->world.workers[worker].router.hooks;
    struct chaos_entry *entry = any_entry(chaos, worker), *fresh = any_entry(chaos, worker);
    if (!chaos->has_guests)
        return;
    if (!entry->hooks) {
        add_entry(hooks, entry);
    } else if (!fresh->hooks) {
        replace_entry(hooks, entry, fresh);
    } else if (fresh->hooks && chaos_dice(chaos, 8) == 0) {
        core_hooks_remove(hooks, &entry->hook);
        note_gone(entry);
    }
}

void chaos_entries_check(const struct chaos *chaos)
{
    for (int worker = 0; worker < WORLD_WORKERS_MAX; worker++)
        for (int i = 0; i < CHAOS_ENTRIES; i++)
            check_gone(&chaos->entries[worker][i]);
}
