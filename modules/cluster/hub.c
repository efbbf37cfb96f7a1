/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The hub: writes this node's tracks, reads those of others, and has the mesh decide.
 * Tested by tests/e2e/test_cluster.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "modules/cluster/cluster.h"
#include "modules/cluster/paths.h"

enum { PATHS_NAME_BYTES = WIRE_NAME_BYTES + 32, TICK_MS = 1000, AGAIN_MS = 200 };
#define TRACK_LATENCY_NS (30 * NS_PER_S) /* nothing of these tracks is skipped lightly */

/* One track of another relay, read from the beginning of its newest group. */
struct reader {
    struct hub *hub;
    struct relay_watch *watch;
    struct relay_timer *again; /* it is to be opened again; NULL: it is not */
    bool is_first;             /* the next frame is the first one of its group */
    bool (*on_frame)(struct reader *reader, const uint8_t *data, size_t size);
    void (*on_end)(struct reader *reader, int error);
    char path[PATHS_NAME_BYTES];
};

struct hub_link {
    struct reader reader; /* of the neighbour's map */
    struct list node;     /* hub.links */
    uint64_t number, cost;
    uint32_t worker;
    bool is_up; /* its name is known */
};

struct hub_node {         /* map_node.user */
    struct reader reader; /* of its list of paths */
    struct map_node *node;
    uint64_t link;
};

struct track { /* of this node */
    struct relay_source *source;
    struct relay_group *group;
};

struct hub {
    struct relay_worker *worker;
    struct mesh *mesh;
    struct list links;
    struct track map, paths;
    struct relay_announced *announced;
    struct relay_timer *tick;
    bool is_settling; /* a post is under way */
    bool is_full_told;
};

char *hub_map_name(uint64_t link, char out[HUB_MAP_NAME_BYTES])
{
    snprintf(out, HUB_MAP_NAME_BYTES, "internal/peer/%llu/map", (unsigned long long)link);
    return out;
}

static struct relay_self *self_of(const struct hub *hub)
{
    return relay_worker_self(hub->worker);
}

/* ---- Settling -------------------------------------------------------------------------------- */

static void run_settle(struct relay_worker *worker, void *arg)
{
    struct hub *hub = cluster_here(worker)->hub;
    (void)arg;
    if (!hub)
        return;
    hub->is_settling = false;
    mesh_settle(hub->mesh, relay_worker_now_ns(worker));
}

/* Once, for all that happens in this turn. */
static void settle_soon(struct hub *hub)
{
    if (!hub->is_settling)
        hub->is_settling = relay_worker_post(hub->worker, run_settle, NULL) == 0;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void open_reader(struct reader *reader);

static void run_again(struct relay_worker *worker, void *arg)
{
    struct reader *reader = arg;
    (void)worker;
    relay_timer_stop(&reader->again);
    open_reader(reader);
}

/* From the beginning of the newest group, because without a part of one there is no sense in the
 * rest. */
static void read_again(struct reader *reader)
{
    relay_watch_close(&reader->watch);
    if (!reader->again)
        reader->again = relay_timer_start(reader->hub->worker, AGAIN_MS, 0, run_again, reader);
}

static void close_reader(struct reader *reader)
{
    relay_watch_close(&reader->watch);
    if (reader->again)
        relay_timer_stop(&reader->again);
}

/* False: the reader was closed, or begins again. */
static bool take_item(struct reader *reader, const struct relay_item *item)
{
    switch (item->kind) {
    case RELAY_ITEM_GROUP:
        reader->is_first = true;
        return true;
    case RELAY_ITEM_FRAME: {
        bool goes_on = reader->on_frame(reader, item->data, item->data_bytes);
        reader->is_first = false;
        return goes_on;
    }
    case RELAY_ITEM_END:
        reader->on_end(reader, item->error);
        return false;
    case RELAY_ITEM_GROUP_END:
        if (item->error == 0)
            return true;
        read_again(reader);
        return false;
    default:
        return true;
    }
}

static void on_readable(struct relay_watch *watch, void *user)
{
    struct reader *reader = user;
    struct relay_item item = {.size = sizeof item};
    struct hub *hub = reader->hub;
    while (relay_watch_read(watch, &item) == 1 && take_item(reader, &item))
        ;
    settle_soon(hub);
}

static void open_reader(struct reader *reader)
{
    const struct relay_wish wish = {.size = sizeof wish,
                                    .start = RELAY_START_NEWEST,
                                    .path = reader->path,
                                    .latency_ns = TRACK_LATENCY_NS,
                                    .order = RELAY_ORDER_OLDEST};
    reader->is_first = true;
    if (relay_watch_open(reader->hub->worker, &wish, on_readable, reader, &reader->watch))
        read_again(reader);
}

static void note_full(struct hub *hub)
{
    if (hub->is_full_told)
        return;
    hub->is_full_told = true;
    relay_log(self_of(hub), RELAY_WARN,
              "the cluster has more nodes or paths than this relay keeps (%d nodes, %d paths of "
              "one node, %d of all): the rest cannot be watched by way of it",
              MAP_NODES_MAX, PATHS_OF_NODE_MAX, MESH_PATHS_MAX);
}

/* ---- Neighbours ------------------------------------------------------------------------------ */

static struct hub_link *find_link(struct hub *hub, uint64_t number)
{
    list_for_each (node, &hub->links) {
        struct hub_link *link = container_of(node, struct hub_link, node);
        if (link->number == number)
            return link;
    }
    return NULL;
}

/* Its name is known: the link is used from now on. False: it cannot be. */
static bool use_link(struct hub_link *link, const char *name)
{
    struct hub *hub = link->reader.hub;
    if (strcmp(name, mesh_name(hub->mesh)) == 0) {
        relay_log(self_of(hub), RELAY_ERROR,
                  "a peer calls itself %s, as this relay does: it is this one, or two relays have "
                  "the same `node` in relay.yaml",
                  name);
        return false;
    }
    link->is_up = mesh_link_up(hub->mesh, link->number, name, link->cost) == 0;
    if (!link->is_up) {
        note_full(hub);
        return false;
    }
    relay_log(self_of(hub), RELAY_INFO, "link %llu to %s is up", (unsigned long long)link->number,
              name);
    link_send(hub->worker, link->number, link->worker, LINK_IS_OURS, NULL);
    return true;
}

static void note_unreadable(const struct hub_link *link)
{
    relay_log(self_of(link->reader.hub), RELAY_WARN,
              "what peer %llu tells of the cluster cannot be read; it is not listened to",
              (unsigned long long)link->number);
}

/* The first frame of each group says who it is. */
static bool hear_hello(struct hub_link *link, const uint8_t *data, size_t size)
{
    struct wire_frame hello;
    char name[WIRE_NAME_BYTES];
    if (wire_read(&hello, data, size) || hello.kind != WIRE_HELLO) {
        note_unreadable(link);
        return false;
    }
    snprintf(name, sizeof name, "%.*s", (int)hello.name.size, hello.name.data);
    return link->is_up || use_link(link, name);
}

static bool hear_map(struct hub_link *link, const uint8_t *data, size_t size)
{
    int result = mesh_hear_map(link->reader.hub->mesh, data, size);
    if (result == MESH_FULL)
        note_full(link->reader.hub);
    if (result == MESH_MALFORMED)
        note_unreadable(link);
    return result != MESH_MALFORMED;
}

static bool on_map_frame(struct reader *reader, const uint8_t *data, size_t size)
{
    struct hub_link *link = container_of(reader, struct hub_link, reader);
    if (reader->is_first ? hear_hello(link, data, size) : hear_map(link, data, size))
        return true;
    mesh_link_down(reader->hub->mesh, link->number);
    link->is_up = false;
    close_reader(reader);
    return false;
}

/* A relay of another kind has no map. It is told nothing, because relays that announce again what
 * they are told would bring it back, and a track would be fetched from whom it is served to. */
static void on_map_end(struct reader *reader, int error)
{
    struct hub_link *link = container_of(reader, struct hub_link, reader);
    if (link->is_up || error == RELAY_ERR_OFFLINE)
        read_again(reader);
    else if (error == RELAY_ERR_REFUSED)
        relay_log(self_of(reader->hub), RELAY_ERROR,
                  "peer %llu does not let this relay join: its token needs the claim `cluster`, "
                  "or the other relay `trust: anybody`",
                  (unsigned long long)link->number);
    else
        relay_log(self_of(reader->hub), RELAY_INFO,
                  "peer %llu is a relay of another kind: what it announces can be watched here, "
                  "but it is told nothing",
                  (unsigned long long)link->number);
}

void hub_link_begins(struct hub *hub, uint64_t number, uint32_t worker, uint64_t cost)
{
    struct hub_link *link = calloc(1, sizeof *link);
    if (!link) {
        relay_log(self_of(hub), RELAY_ERROR, "out of memory: a link is not used");
        return;
    }
    *link = (struct hub_link){
        .number = number,
        .worker = worker,
        .cost = cost,
        .reader = {.hub = hub, .on_frame = on_map_frame, .on_end = on_map_end},
    };
    hub_map_name(number, link->reader.path);
    list_push_back(&hub->links, &link->node);
    open_reader(&link->reader);
}

static void free_link(struct hub_link *link)
{
    close_reader(&link->reader);
    list_remove(&link->node);
    free(link);
}

void hub_link_ends(struct hub *hub, uint64_t number)
{
    struct hub_link *link = find_link(hub, number);
    if (!link)
        return;
    mesh_link_down(hub->mesh, number);
    free_link(link);
    settle_soon(hub);
}

/* ---- What the mesh asks for ------------------------------------------------------------------ */

static void write_track(struct hub *hub, struct track *track, const uint8_t *frame, size_t size,
                        bool is_first)
{
    int error = 0;
    if (is_first) {
        relay_group_close(&track->group, 0);
        error = relay_group_open(track->source, RELAY_NEXT_GROUP, &track->group);
    }
    if (!error && track->group)
        error = relay_group_write(track->group, frame, size);
    if (error)
        relay_log(self_of(hub), RELAY_ERROR, "other relays miss something of this one: %s",
                  relay_error_words(error));
}

static void write_map(void *user, const uint8_t *frame, size_t size, bool is_first)
{
    struct hub *hub = user;
    write_track(hub, &hub->map, frame, size, is_first);
}

static void write_paths(void *user, const uint8_t *frame, size_t size, bool is_first)
{
    struct hub *hub = user;
    write_track(hub, &hub->paths, frame, size, is_first);
}

static void send_order(struct hub *hub, uint64_t number, enum link_order order, const char *path)
{
    const struct hub_link *link = find_link(hub, number);
    if (link && !link_send(hub->worker, number, link->worker, order, path))
        relay_log(self_of(hub), RELAY_ERROR, "out of memory: %s may not be found", path);
}

static void offer_path(void *user, uint64_t link, const char *path, bool is_spare)
{
    send_order(user, link, is_spare ? LINK_SPARE : LINK_OFFER, path);
}

static void promote_path(void *user, uint64_t link, const char *path)
{
    send_order(user, link, LINK_PROMOTE, path);
}

static void withdraw_path(void *user, uint64_t link, const char *path)
{
    send_order(user, link, LINK_WITHDRAW, path);
}

static void paths_name(const char *node, char out[PATHS_NAME_BYTES])
{
    snprintf(out, PATHS_NAME_BYTES, "internal/node/%s/paths", node);
}

static bool on_paths_frame(struct reader *reader, const uint8_t *data, size_t size)
{
    struct hub_node *node = container_of(reader, struct hub_node, reader);
    int result = mesh_hear_paths(reader->hub->mesh, node->node, data, size, reader->is_first);
    if (result == MESH_FULL)
        note_full(reader->hub);
    if (result != MESH_MALFORMED)
        return true;
    relay_log(self_of(reader->hub), RELAY_WARN,
              "what %s tells of its paths cannot be read; it is not listened to", node->node->name);
    close_reader(reader);
    return false;
}

static void on_paths_end(struct reader *reader, int error)
{
    (void)error;
    read_again(reader);
}

static struct hub_node *node_of(struct hub *hub, struct map_node *node)
{
    struct hub_node *made = node->user ? node->user : calloc(1, sizeof *made);
    if (!made || node->user)
        return made;
    made->reader = (struct reader){.hub = hub, .on_frame = on_paths_frame, .on_end = on_paths_end};
    made->node = node;
    paths_name(node->name, made->reader.path);
    node->user = made;
    return made;
}

static void read_paths(void *user, struct map_node *map_node, uint64_t link)
{
    struct hub *hub = user;
    struct hub_node *node = node_of(hub, map_node);
    if (!node) {
        relay_log(self_of(hub), RELAY_ERROR, "out of memory: nothing of %s can be watched",
                  map_node->name);
        return;
    }
    uint64_t before = node->link;
    node->link = link;
    if (link)
        relay_log(self_of(hub), RELAY_INFO, "%s is reached by link %llu, over %u hop%s",
                  map_node->name, (unsigned long long)link, map_node->hops,
                  map_node->hops == 1 ? "" : "s");
    else
        relay_log(self_of(hub), RELAY_INFO, "%s cannot be reached any more", map_node->name);
    if (link)
        send_order(hub, link, LINK_OFFER, node->reader.path);
    if (before)
        send_order(hub, before, LINK_WITHDRAW, node->reader.path);
    if (link && !before)
        open_reader(&node->reader);
    if (!link) {
        close_reader(&node->reader);
        map_node->user = NULL;
        free(node);
    }
}

static const struct mesh_ops mesh_ops = {write_map,  write_paths,  read_paths,
                                         offer_path, promote_path, withdraw_path};

/* ---- Own paths ------------------------------------------------------------------------------- */

static void on_path(void *user, const char *path, bool is_offered)
{
    struct hub *hub = user;
    if (relay_path_has_prefix(path, CLUSTER_INTERNAL))
        return;
    if (!is_offered)
        mesh_end_path(hub->mesh, path);
    else if (mesh_begin_path(hub->mesh, path))
        note_full(hub);
    settle_soon(hub);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static int open_track(struct hub *hub, struct track *track, const char *path)
{
    const struct relay_offer offer = {.size = sizeof offer,
                                      .path = path,
                                      .priority = 255,
                                      .order = RELAY_ORDER_OLDEST,
                                      .is_quiet = true};
    return relay_source_open(hub->worker, &offer, NULL, NULL, &track->source);
}

static int open_all(struct hub *hub, const char *name)
{
    static const struct relay_announced_ops ops = {
        .size = sizeof ops, .on_path = on_path, .omits_given = true};
    char paths[PATHS_NAME_BYTES];
    paths_name(name, paths);
    if (open_track(hub, &hub->map, CLUSTER_MAP) || open_track(hub, &hub->paths, paths) ||
        relay_announced_open(hub->worker, "", &ops, hub, &hub->announced))
        return -1;
    hub->tick = relay_timer_start(hub->worker, TICK_MS, TICK_MS, run_settle, NULL);
    return hub->tick ? 0 : -1;
}

static uint64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / NS_PER_MS;
}

struct hub *hub_new(struct relay_worker *worker, const struct cluster_config *config)
{
    struct hub *hub = calloc(1, sizeof *hub);
    if (!hub)
        return NULL;
    const struct mesh_config mesh = {
        .name = config->node, .boot = wall_ms(), .ops = &mesh_ops, .user = hub};
    hub->worker = worker;
    list_init(&hub->links);
    hub->mesh = mesh_new(&mesh);
    if (!hub->mesh || open_all(hub, config->node))
        hub_free(&hub);
    else
        settle_soon(hub);
    return hub;
}

static void close_track(struct track *track)
{
    relay_group_close(&track->group, 0);
    relay_source_close(&track->source, 0);
}

void hub_free(struct hub **pointer)
{
    struct hub *hub = *pointer;
    *pointer = NULL;
    if (!hub)
        return;
    while (!list_is_empty(&hub->links))
        free_link(container_of(hub->links.next, struct hub_link, node));
    for (struct map_node *node = hub->mesh ? mesh_map(hub->mesh)->nodes : NULL; node;
         node = node->hh.next) {
        struct hub_node *known = node->user;
        if (known)
            close_reader(&known->reader);
        free(known);
    }
    relay_announced_close(&hub->announced);
    if (hub->tick)
        relay_timer_stop(&hub->tick);
    close_track(&hub->map);
    close_track(&hub->paths);
    mesh_free(&hub->mesh);
    free(hub);
}
