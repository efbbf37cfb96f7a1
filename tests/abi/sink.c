/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module that watches a track on every worker, and reads it, or does not. */
#include "kit.h"

enum doing { READ, NEVER, LEAVE, CLOSE };
static const char *const doings[] = {"read", "never", "leave", "close", NULL};

struct settings {
    int doing;
};
static const struct relay_field fields[] = {FIELD_DO("read")};
static const struct relay_schema schema = RELAY_SCHEMA(struct settings, fields);

struct state { /* in the worker's slot */
    struct relay_worker *worker;
    struct relay_watch *watch;
    struct relay_announced *announced;
    bool was_told;
};

static unsigned long long big(uint64_t number)
{
    return (unsigned long long)number;
}

static void tell_item(const struct relay_item *item, unsigned worker)
{
    switch ((enum relay_item_kind)item->kind) {
    case RELAY_ITEM_GROUP:
        trace("%u group %llu", worker, big(item->sequence));
        break;
    case RELAY_ITEM_FRAME:
        trace("%u frame %llu %.*s", worker, big(item->sequence), (int)(item->data_bytes % 64),
              (const char *)item->data);
        break;
    case RELAY_ITEM_GROUP_END:
        trace("%u group end %llu %d", worker, big(item->sequence), (int)item->error);
        break;
    case RELAY_ITEM_GAP:
        trace("%u gap %llu %llu", worker, big(item->sequence), big(item->last));
        break;
    case RELAY_ITEM_END:
        trace("%u end %d", worker, (int)item->error);
        break;
    default:
        trace("FAILED item %u", item->kind);
    }
}

static void read_all(struct state *state)
{
    struct relay_item item = {.size = sizeof item};
    struct relay_watch_stats stats = {.size = sizeof stats};
    int result;
    while ((result = relay_watch_read(state->watch, &item)) == 1) {
        EXPECT(item.size, sizeof item);
        tell_item(&item, relay_worker_number(state->worker));
        if (item.kind == RELAY_ITEM_END) {
            EXPECT(relay_watch_read(state->watch, &item), RELAY_ERR_CLOSED);
            return;
        }
    }
    EXPECT(result, 0);
    relay_watch_stats(state->watch, &stats);
    EXPECT(stats.backlog_bytes, 0);
}

static void on_readable(struct relay_watch *watch, void *user)
{
    struct state *state = user;
    int doing = ((const struct settings *)relay_worker_config(state->worker))->doing;
    EXPECT(watch == state->watch, 1);
    if (doing == READ) {
        read_all(state);
    } else if (doing == CLOSE) {
        relay_watch_close(&state->watch);
        relay_announced_close(&state->announced);
        trace("%u closed", relay_worker_number(state->worker));
    } else {
        EXPECT(state->was_told, 0); /* not again before it has read */
        state->was_told = true;
    }
}

static void on_path(void *user, const char *path, bool is_offered)
{
    const struct state *state = user;
    trace("%u %s %s", relay_worker_number(state->worker), is_offered ? "offered" : "gone", path);
}

static void on_listed(void *user)
{
    const struct state *state = user;
    trace("%u listed", relay_worker_number(state->worker));
}

static int worker_start(struct relay_worker *worker, const void *config)
{
    static const struct relay_announced_ops ops = {
        .size = sizeof ops, .on_path = on_path, .on_listed = on_listed};
    static const struct relay_announced_ops empty = {.size = 0};
    struct state *state = relay_worker_slot(worker);
    const struct relay_wish good = {.size = sizeof good, .path = "live/it"};
    struct relay_wish wish = good;
    (void)config;
    state->worker = worker;
    wish.path = "";
    EXPECT(relay_watch_open(worker, &wish, on_readable, state, &state->watch), RELAY_ERR_INVALID);
    wish = good;
    wish.size = 0;
    EXPECT(relay_watch_open(worker, &wish, on_readable, state, &state->watch), RELAY_ERR_INVALID);
    wish = good;
    wish.start = 99;
    EXPECT(relay_watch_open(worker, &wish, on_readable, state, &state->watch), RELAY_ERR_INVALID);
    EXPECT(relay_watch_open(worker, &good, on_readable, state, &state->watch), 0);
    EXPECT(relay_announced_open(worker, "live", &empty, state, &state->announced),
           RELAY_ERR_INVALID);
    EXPECT(relay_announced_open(worker, "live", &ops, state, &state->announced), 0);
    return 0;
}

static void worker_stop(struct relay_worker *worker)
{
    struct state *state = relay_worker_slot(worker);
    if (((const struct settings *)relay_worker_config(worker))->doing == LEAVE)
        return;
    relay_watch_close(&state->watch);
    EXPECT(state->watch == NULL, 1);
    relay_announced_close(&state->announced);
    EXPECT(state->announced == NULL, 1);
}

RELAY_MODULE = {
    RELAY_MODULE_HEAD,
    .name = "sink",
    .version = "1.0",
    .config = &schema,
    .worker_slot_bytes = sizeof(struct state),
    .worker_start = worker_start,
    .worker_stop = worker_stop,
};
