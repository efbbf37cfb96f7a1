/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* quic/check.h: every invariant is shown to fire. A healthy scene passes, and then one thing is
 * broken in a child. */
#include "tests/sim/prologue.h"

#include "quic/check.h"
#include "tests/unit/dying.h"

/* A server with a WebTransport connection that has a stream with bytes under way, and one that
 * lingers. */
struct scene {
    struct pair pair;
    struct quic_endpoint *endpoint;
    struct quic_conn *conn, *lingering;
    struct quic_stream *stream;
    struct stream_internal internal;
};

static void scene_init(struct scene *scene)
{
    const struct pair_setup setup = {
        .seed = 7, .protocol = QUIC_PROTOCOL_WEBTRANSPORT, .link = {.delay_ns = 20 * NS_PER_MS}};
    pair_init(&scene->pair, &setup);
    pair_connect(&scene->pair);
    quic_conn_close(scene->pair.client.conn, 0, "");
    assert_true(sim_run_until(scene->pair.sim, pair_is_over, &scene->pair, 5 * NS_PER_S));
    pair_dial(&scene->pair);
    sim_run(scene->pair.sim, 200 * NS_PER_MS);
    scene->endpoint = sim_endpoint(scene->pair.sim, scene->pair.server_node);
    scene->conn = scene->pair.server.conn;
    assert_non_null(scene->conn);
    struct flow *flow = peer_send(&scene->pair.server, scene->conn, false, 1000);
    assert_non_null(flow);
    sim_run(scene->pair.sim, 5 * NS_PER_MS);
    scene->stream = flow->stream;
    assert_false(list_is_empty(&scene->endpoint->lingering));
    scene->lingering = container_of(scene->endpoint->lingering.next, struct quic_conn, link);
    byte_buf_init(&scene->internal.parked, 16);
}

static void check(struct scene *scene)
{
    endpoint_check(scene->endpoint);
}

/* What each check guards, broken. */
#define BREAK(name, ...)                                                                           \
    static void break_##name(void *arg)                                                            \
    {                                                                                              \
        struct scene *scene = arg;                                                                 \
        __VA_ARGS__;                                                                               \
        check(scene);                                                                              \
    }

BREAK(stream_id, scene->stream->id = -1)
BREAK(acked, scene->stream->acked = scene->stream->written + 1)
BREAK(header, scene->stream->header_size = WT_STREAM_HEADER_MAX_BYTES + 1)
BREAK(cut, scene->stream->is_cut = true; scene->stream->is_write_over = false)
BREAK(turn_over, scene->stream->turn.is_in = true; scene->stream->is_write_over = true)
BREAK(turn_blocked, scene->stream->is_write_over = false; scene->stream->turn.is_in = true;
      scene->stream->is_blocked = true)
BREAK(known, scene->stream->kind = STREAM_DISCARDED)
BREAK(parked, scene->stream->is_known = false; scene->stream->kind = STREAM_PARKED)
BREAK(parked_left, scene->internal.parked.size = 1; scene->stream->internal = &scene->internal)
BREAK(owner, scene->stream->conn = scene->lingering)
BREAK(parked_bytes, scene->conn->parked_bytes++)
BREAK(schedule, scene->stream->is_write_over = false; scene->stream->turn.is_in = true)
BREAK(routes, scene->conn->route_count = (uint8_t)(scene->conn->route_capacity + 1))
BREAK(route, scene->conn->routes[0].key[0] ^= 1)
BREAK(released, scene->conn->is_released = true)
BREAK(quic, scene->lingering->quic = scene->conn->quic)
BREAK(linger, scene->conn->linger = scene->lingering->linger)
BREAK(wt, scene->conn->protocol = QUIC_PROTOCOL_RAW)
BREAK(half_open_state, scene->conn->is_half_open = true)
BREAK(heard, scene->conn->is_known = false)
BREAK(closing, scene->conn->state = CONN_SESSION_CLOSING)
BREAK(deadline, scene->conn->deadline.place = 0)
BREAK(ready, list_remove(&scene->lingering->ready);
      list_push_back(&scene->endpoint->ready, &scene->lingering->ready))
BREAK(endpoint, scene->conn->endpoint = NULL)
BREAK(list, scene->conn->state = CONN_LINGERING)
BREAK(connections, scene->endpoint->stats.connections++)
BREAK(lingering, scene->endpoint->lingering_count++)
BREAK(half_open, scene->endpoint->stats.half_open++)
BREAK(routes_left, scene->endpoint->routes.count++)
BREAK(waiting, scene->endpoint->stats.datagrams_waiting++)
BREAK(blocked, scene->endpoint->is_blocked = true; scene->endpoint->pending.size = 0)
BREAK(pull, scene->endpoint->pull.stream = scene->stream)

static const struct {
    void (*act)(void *arg);
    const char *what;
} breakages[] = {
    {break_stream_id, "stream->id >= 0"},
    {break_acked, "acked <= stream->written"},
    {break_header, "header_size <="},
    {break_cut, "!stream->is_cut ||"},
    {break_turn_over, "!stream->turn.is_in || !stream->is_write_over"},
    {break_turn_blocked, "!stream->turn.is_in || !stream->is_blocked"},
    {break_known, "!stream->is_known ||"},
    {break_parked, "STREAM_PARKED || internal"},
    {break_parked_left, "internal->parked.size == 0"},
    {break_owner, "stream->conn == conn"},
    {break_parked_bytes, "parked_bytes == conn->parked_bytes"},
    {break_schedule, "is_any_in =="},
    {break_routes, "route_count <="},
    {break_route, "routes_find("},
    {break_released, "is_lingering == conn->is_released"},
    {break_quic, "conn->quic =="},
    {break_linger, "conn->linger !="},
    {break_wt, "!conn->wt ||"},
    {break_half_open_state, "!conn->is_half_open ||"},
    {break_heard, "conn->is_known"},
    {break_closing, "close_at_ns != "},
    {break_deadline, "deadline.place != 0"},
    {break_ready, "list_is_empty(&conn->ready)"},
    {break_endpoint, "conn->endpoint == endpoint"},
    {break_list, "== is_lingering"},
    {break_connections, "stats.connections"},
    {break_lingering, "lingering_count"},
    {break_half_open, "stats.half_open"},
    {break_routes_left, "routes.count"},
    {break_waiting, "stats.datagrams_waiting"},
    {break_blocked, "!endpoint->is_blocked ||"},
    {break_pull, "pull.stream == NULL"},
};

static void every_check_fires(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    check(&scene);
    for (size_t i = 0; i < sizeof breakages / sizeof *breakages; i++)
        assert_dies_of(breakages[i].act, &scene, breakages[i].what);
    check(&scene);
    pair_deinit(&scene.pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_check_fires)};
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
