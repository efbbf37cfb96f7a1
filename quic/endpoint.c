/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The turns of an endpoint: datagrams come in (step 2 of a frame's walk), deadlines are handled,
 * then every ready connection writes once (step 11, which udp.c calls last before the loop sleeps)
 * and passes its packets to the socket (step 15).
 * Tested by tests/sim/test_lossy.c and tests/sim/test_strangers.c. */
#include "quic/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/objects.h"
#include "quic/conn.h"
#include "quic/stream.h"
#include "quic/tls.h"

/* Deadlines handled in one turn. Thousands of idle connections may be due together (see
 * FAR_GRID_NS); the next turn follows at once, and other connections may send in between. */
enum { EXPIRED_PER_TURN = 64 };

static const struct quic_limits default_limits = {
    .connections = 100000,
    .half_open_retry_at = 100,
    .streams_uni = 1024,
    .streams_bidi = 256,
    .handshake_ns = 10 * NS_PER_S,
    .idle_ns = 30 * NS_PER_S,
    .keep_alive_ns = 4 * NS_PER_S,
};

uint64_t endpoint_now(const struct quic_endpoint *endpoint)
{
    return endpoint->clock->now_ns;
}

/* ---- Randomness and what is made of it ------------------------------------------------------- */

/* splitmix64, for tests that need the same numbers in every run. */
static uint64_t next_of_seed(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static int refill_random(struct quic_endpoint *endpoint)
{
    uint8_t *pool = endpoint->random_pool;
    size_t n = 0;
    while (n < RANDOM_POOL_BYTES) {
        uint64_t word = endpoint->random_state ? next_of_seed(&endpoint->random_state) : 0;
        ssize_t got = sizeof word;
        if (endpoint->random_state)
            memcpy(pool + n, &word, sizeof word);
        else
            got = getrandom(pool + n, RANDOM_POOL_BYTES - n, 0);
        if (got < 0)
            return MOQ_ERR_IO;
        n += (size_t)got;
    }
    endpoint->random_left = RANDOM_POOL_BYTES;
    return 0;
}

void endpoint_random(struct quic_endpoint *endpoint, uint8_t *out, size_t n)
{
    while (n > 0) {
        if (endpoint->random_left == 0)
            REQUIRE(refill_random(endpoint) == 0);
        size_t take = n < endpoint->random_left ? n : endpoint->random_left;
        uint8_t *from = endpoint->random_pool + RANDOM_POOL_BYTES - endpoint->random_left;
        memcpy(out, from, take);
        memset(from, 0, take);
        endpoint->random_left -= take;
        out += take;
        n -= take;
    }
}

/* Makes a connection ID. The first byte is random as well, but congruent to the worker's number,
 * because a socket filter takes it modulo the number of workers. */
void endpoint_new_cid(struct quic_endpoint *endpoint, ngtcp2_cid *cid)
{
    cid->datalen = CID_BYTES;
    endpoint_random(endpoint, cid->data, CID_BYTES);
    unsigned rounds = 256u / endpoint->workers;
    cid->data[0] = (uint8_t)((cid->data[0] % rounds) * endpoint->workers + endpoint->worker);
}

uint32_t endpoint_count_conn(struct quic_endpoint *endpoint, int change)
{
    endpoint->stats.connections += (uint64_t)change;
    return __atomic_add_fetch(&endpoint->commons->connections, (uint32_t)change, __ATOMIC_RELAXED);
}

void endpoint_count_half_open(struct quic_endpoint *endpoint, int change)
{
    endpoint->stats.half_open += (uint64_t)change;
    __atomic_add_fetch(&endpoint->commons->half_open, (uint32_t)change, __ATOMIC_RELAXED);
}

bool endpoint_is_full(const struct quic_endpoint *endpoint)
{
    return __atomic_load_n(&endpoint->commons->connections, __ATOMIC_RELAXED) >=
           endpoint->limits.connections;
}

bool endpoint_admit(struct quic_endpoint *endpoint)
{
    /* Other workers may be about to take the last place, so it is taken before it is judged. */
    if (endpoint_count_conn(endpoint, 1) <= endpoint->limits.connections)
        return true;
    endpoint_count_conn(endpoint, -1);
    return false;
}

int endpoint_reset_token(struct quic_endpoint *endpoint, const ngtcp2_cid *cid, uint8_t *token)
{
    int rv = ngtcp2_crypto_generate_stateless_reset_token(token, endpoint->reset_secret.bytes,
                                                          RESET_SECRET_BYTES, cid);
    return rv == 0 ? 0 : MOQ_ERR_TLS;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
    return value ? value : otherwise;
}

static void set_limits(struct quic_limits *to, const struct quic_limits *from)
{
    const struct quic_limits *otherwise = &default_limits;
    to->connections = (uint32_t)or_default(from->connections, otherwise->connections);
    to->half_open_retry_at =
        (uint32_t)or_default(from->half_open_retry_at, otherwise->half_open_retry_at);
    to->streams_uni = (uint32_t)or_default(from->streams_uni, otherwise->streams_uni);
    to->streams_bidi = (uint32_t)or_default(from->streams_bidi, otherwise->streams_bidi);
    to->handshake_ns = or_default(from->handshake_ns, otherwise->handshake_ns);
    to->idle_ns = or_default(from->idle_ns, otherwise->idle_ns);
    to->keep_alive_ns = or_default(from->keep_alive_ns, otherwise->keep_alive_ns);
}

static FILE *keylog_open(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "a");
    if (!file)
        log_warn(LOG_TLS, "cannot open the key log %s: %s", path, strerror(errno));
    return file;
}

/* Makes the secrets and copies the file names. */
static int endpoint_init(struct quic_endpoint *endpoint, const struct quic_endpoint_config *config)
{
    endpoint->random_state = config->seed;
    if (refill_random(endpoint) != 0)
        return MOQ_ERR_IO;
    uint64_t route_secret[2];
    endpoint_random(endpoint, (uint8_t *)route_secret, sizeof route_secret);
    endpoint_random(endpoint, endpoint->secret, sizeof endpoint->secret);
    endpoint_random(endpoint, endpoint->reset_secret.bytes, RESET_SECRET_BYTES);
    routes_init(&endpoint->routes, route_secret);
    if (config->keylog_file)
        endpoint->keylog = keylog_open(config->keylog_file);
    if (!config->qlog_directory)
        return 0;
    endpoint->qlog_directory = strdup(config->qlog_directory);
    return endpoint->qlog_directory ? 0 : MOQ_ERR_NOMEM;
}

struct quic_endpoint *quic_endpoint_new(const struct quic_endpoint_config *config)
{
    REQUIRE(config->clock && config->app && config->sink.send);
    struct quic_endpoint *endpoint = calloc(1, sizeof *endpoint);
    if (!endpoint)
        return NULL;
    pool_init(&endpoint->pool);
    endpoint->wide = wide_new(WIDE_512);
    list_init(&endpoint->conns);
    list_init(&endpoint->lingering);
    list_init(&endpoint->ready);
    list_init(&endpoint->dead_conns);
    list_init(&endpoint->dead_streams);
    list_init(&endpoint->waiting);
    endpoint->clock = config->clock;
    endpoint->app = config->app;
    endpoint->user = config->user;
    endpoint->sink = config->sink;
    if (endpoint->sink.max_train_packets == 0)
        endpoint->sink.max_train_packets = 1;
    endpoint->congestion =
        config->congestion == QUIC_CONGESTION_DEFAULT ? QUIC_CONGESTION_CUBIC : config->congestion;
    endpoint->workers = config->workers ? config->workers : 1;
    endpoint->worker = (uint8_t)(config->worker % endpoint->workers);
    endpoint->forward = config->forward;
    endpoint->forward_self = config->forward_self;
    endpoint->commons = config->commons ? config->commons : &endpoint->own;
    set_limits(&endpoint->limits, &config->limits);
    object_born(OBJECT_endpoint);
    if (!endpoint->sink.room)
        endpoint->own_room = malloc(QUIC_TRAIN_MAX_BYTES);
    if ((!endpoint->sink.room && !endpoint->own_room) || endpoint_init(endpoint, config) != 0) {
        quic_endpoint_free(&endpoint);
        return NULL;
    }
    quic_endpoint_set_server_tls(endpoint, config->server_tls);
    return endpoint;
}

static void free_dead(struct quic_endpoint *endpoint)
{
    while (!list_is_empty(&endpoint->dead_streams))
        stream_free(container_of(endpoint->dead_streams.next, struct quic_stream, link));
    while (!list_is_empty(&endpoint->dead_conns))
        conn_free(container_of(endpoint->dead_conns.next, struct quic_conn, link));
}

static void end_silently(struct quic_conn *conn)
{
    conn_set_app_close(conn, 0, "the endpoint was closed", false);
    conn->state = CONN_ENDING;
    conn_tell(conn);
    conn_release(conn);
    conn_forget(conn);
}

void quic_endpoint_free(struct quic_endpoint **owner)
{
    struct quic_endpoint *endpoint = *owner;
    if (!endpoint)
        return;
    endpoint->is_shut_down = true;
    endpoint_forget_waiting(endpoint);
    while (!list_is_empty(&endpoint->conns))
        end_silently(container_of(endpoint->conns.next, struct quic_conn, link));
    while (!list_is_empty(&endpoint->lingering))
        conn_forget(container_of(endpoint->lingering.next, struct quic_conn, link));
    free_dead(endpoint);

    routes_deinit(&endpoint->routes);
    deadlines_deinit(&endpoint->deadlines);
    pool_deinit(&endpoint->pool);
    wide_free(&endpoint->wide);
    quic_tls_unref(&endpoint->server_tls);
    if (endpoint->keylog)
        fclose(endpoint->keylog);
    free(endpoint->qlog_directory);
    free(endpoint->own_room);
    free(endpoint);
    object_died(OBJECT_endpoint);
    *owner = NULL;
}

void quic_endpoint_set_server_tls(struct quic_endpoint *endpoint, struct quic_tls *tls)
{
    struct quic_tls *before = endpoint->server_tls;
    endpoint->server_tls = tls ? quic_tls_ref(tls) : NULL;
    if (tls && tls_reset_secret(tls)->is_lasting)
        endpoint->reset_secret = *tls_reset_secret(tls);
    quic_tls_unref(&before);
}

void quic_endpoint_set_steered(struct quic_endpoint *endpoint, bool is_steered)
{
    endpoint->is_steered = is_steered;
}

void quic_endpoint_stats(const struct quic_endpoint *endpoint, struct quic_endpoint_stats *stats)
{
    *stats = endpoint->stats;
}

enum quic_congestion quic_endpoint_congestion(const struct quic_endpoint *endpoint)
{
    return endpoint->congestion;
}

struct quic_conn *quic_endpoint_connect(struct quic_endpoint *endpoint,
                                        const struct quic_connect_config *config)
{
    REQUIRE(config->tls && config->local && config->remote);
    if (endpoint->is_shut_down || config->remote_size > sizeof(ngtcp2_sockaddr_union) ||
        config->local_size > sizeof(ngtcp2_sockaddr_union))
        return NULL;
    return conn_connect(endpoint, config);
}

void quic_endpoint_shut_down(struct quic_endpoint *endpoint, uint32_t code, const char *reason)
{
    endpoint->is_shut_down = true;
    list_for_each (node, &endpoint->conns) {
        quic_conn_close(container_of(node, struct quic_conn, link), code, reason);
    }
}

/* ---- In -------------------------------------------------------------------------------------- */

static struct quic_conn *find_by_token(const struct quic_endpoint *endpoint, const uint8_t *data,
                                       size_t n)
{
    if (n < ROUTE_TOKEN_BYTES + 5)
        return NULL;
    return routes_find(&endpoint->routes, ROUTE_TOKEN, data + n - ROUTE_TOKEN_BYTES,
                       ROUTE_TOKEN_BYTES);
}

/* Whether a packet joins the queue of handshakes, see endpoint_accept.c. A packet that follows one
 * in the queue must not overtake it. */
static bool must_wait(const struct quic_endpoint *endpoint, const struct quic_conn *conn,
                      bool is_long)
{
    if (!conn)
        return is_long;
    return conn->is_half_open && (is_long || !list_is_empty(&endpoint->waiting));
}

/* Whether a packet belongs to another worker. The first packets of a client have a connection ID
 * that the client has chosen, so any worker accepts them, unless the kernel brings all of them to
 * the worker that the ID names. */
static bool is_stray(const struct quic_endpoint *endpoint, const struct quic_datagram *packet,
                     const ngtcp2_version_cid *ids)
{
    enum { LONG = 0x80, TYPE = 0x30, ZERO_RTT = 0x10 };
    bool is_own = ids->dcidlen == 0 || ids->dcid[0] % endpoint->workers == endpoint->worker;
    bool is_first = (packet->data[0] & LONG) && (packet->data[0] & TYPE) <= ZERO_RTT;
    return endpoint->forward && !packet->is_forwarded && !is_own &&
           (!is_first || endpoint->is_steered);
}

static void forward_packet(struct quic_endpoint *endpoint, const struct quic_datagram *packet,
                           const ngtcp2_version_cid *ids)
{
    uint8_t worker = ids->dcid[0] % endpoint->workers;
    if (endpoint->forward(endpoint->forward_self, worker, packet) == 0)
        endpoint->stats.datagrams_forwarded++;
    else
        endpoint->stats.forwards_dropped++;
}

static void receive_packet(struct quic_endpoint *endpoint, const ngtcp2_path *path,
                           const struct quic_datagram *packet)
{
    ngtcp2_version_cid ids;
    const uint8_t *data = packet->data;
    size_t n = packet->size;
    endpoint->stats.datagrams_received += !packet->is_forwarded;
    int rv = n == 0 ? NGTCP2_ERR_INVALID_ARGUMENT
                    : ngtcp2_pkt_decode_version_cid(&ids, data, n, CID_BYTES);
    if (rv == NGTCP2_ERR_VERSION_NEGOTIATION) {
        endpoint_negotiate_version(endpoint, path, &ids, n);
        return;
    }
    if (rv != 0) {
        endpoint->stats.datagrams_dropped++;
        return;
    }

    struct quic_conn *conn = routes_find(&endpoint->routes, ROUTE_CID, ids.dcid, ids.dcidlen);
    bool is_long = (data[0] & 0x80) != 0;
    if (!conn && !is_long)
        conn = find_by_token(endpoint, data, n);
    if (!conn && is_stray(endpoint, packet, &ids))
        forward_packet(endpoint, packet, &ids);
    else if (must_wait(endpoint, conn, is_long))
        endpoint_wait(endpoint, conn, path, packet->ecn, data, n);
    else if (conn)
        conn_receive(conn, path, packet->ecn, data, n);
    else
        endpoint_reset_stateless(endpoint, path, data, n);
}

void quic_endpoint_receive(struct quic_endpoint *endpoint, const struct quic_datagram *datagram)
{
    ngtcp2_path path;
    memset(&path, 0, sizeof path);
    ngtcp2_addr_init(&path.local, datagram->local, datagram->local_size);
    ngtcp2_addr_init(&path.remote, datagram->remote, datagram->remote_size);
    size_t segment = datagram->segment_size ? datagram->segment_size : datagram->size;
    struct quic_datagram packet = *datagram;
    if (datagram->size == 0)
        receive_packet(endpoint, &path, &packet);

    for (size_t offset = 0; offset < datagram->size; offset += segment) {
        size_t left = datagram->size - offset;
        packet.data = datagram->data + offset;
        packet.size = packet.segment_size = left < segment ? left : segment;
        receive_packet(endpoint, &path, &packet);
    }
}

/* ---- The clock ------------------------------------------------------------------------------- */

void quic_endpoint_tick(struct quic_endpoint *endpoint)
{
    struct deadline *due;
    for (int i = 0; i < EXPIRED_PER_TURN &&
                    (due = deadlines_pop(&endpoint->deadlines, endpoint_now(endpoint)));
         i++)
        conn_expire(container_of(due, struct quic_conn, deadline));
}

uint64_t quic_endpoint_deadline(const struct quic_endpoint *endpoint)
{
    const struct quic_app *app = endpoint->app;
    uint64_t tick_ns = deadlines_earliest(&endpoint->deadlines);
    uint64_t app_ns = app->due_ns ? app->due_ns(endpoint->user) : CLOCK_NEVER;
    return tick_ns < app_ns ? tick_ns : app_ns;
}

/* ---- Out ------------------------------------------------------------------------------------- */

static int send_train(struct quic_endpoint *endpoint, const ngtcp2_path *path, const uint8_t *data,
                      size_t size, size_t segment_size, uint8_t ecn)
{
    struct quic_datagram train = {.data = data,
                                  .size = size,
                                  .segment_size = segment_size,
                                  .local = path->local.addr,
                                  .local_size = path->local.addrlen,
                                  .remote = path->remote.addr,
                                  .remote_size = path->remote.addrlen,
                                  .ecn = ecn};
    int rv = endpoint->sink.send(endpoint->sink.self, &train);
    if (rv == MOQ_ERR_AGAIN) {
        endpoint->stats.send_blocked++;
        return rv;
    }
    endpoint->stats.trains_sent++;
    endpoint->stats.packets_sent += (size + segment_size - 1) / segment_size;
    endpoint->stats.bytes_sent += size;
    return 0;
}

uint8_t *endpoint_room(struct quic_endpoint *endpoint)
{
    return endpoint->own_room ? endpoint->own_room : endpoint->sink.room(endpoint->sink.self);
}

void endpoint_send(struct quic_endpoint *endpoint, const ngtcp2_path *path, size_t size,
                   size_t segment_size, uint8_t ecn)
{
    const uint8_t *data = endpoint_room(endpoint);
    if (send_train(endpoint, path, data, size, segment_size, ecn) == 0)
        return;
    struct pending_train *pending = &endpoint->pending;
    endpoint->is_blocked = true;
    ngtcp2_path_storage_zero(&pending->path);
    ngtcp2_path_copy(&pending->path.path, path);
    pending->data = data;
    pending->size = size;
    pending->segment_size = segment_size;
    pending->ecn = ecn;
}

void endpoint_send_packet(struct quic_endpoint *endpoint, const ngtcp2_path *path, uint8_t ecn,
                          const uint8_t *data, size_t n)
{
    if (!endpoint->is_blocked)
        send_train(endpoint, path, data, n, n, ecn);
}

void quic_endpoint_writable(struct quic_endpoint *endpoint)
{
    if (!endpoint->is_blocked)
        return;
    const struct pending_train *pending = &endpoint->pending;
    int rv = send_train(endpoint, &pending->path.path, pending->data, pending->size,
                        pending->segment_size, pending->ecn);
    endpoint->is_blocked = rv != 0;
}

static void flush_ready(struct quic_endpoint *endpoint)
{
    /* Connections that become ready in the meantime have their turn next time. */
    struct list turn;
    list_init(&turn);
    list_move_all(&endpoint->ready, &turn);

    struct list *node;
    while ((node = list_pop_front(&turn))) {
        struct quic_conn *conn = container_of(node, struct quic_conn, ready);
        if (endpoint->is_blocked || conn_write(conn))
            conn_wake(conn);
    }
}

void quic_endpoint_flush(struct quic_endpoint *endpoint)
{
    if (!endpoint->is_blocked)
        flush_ready(endpoint);
    endpoint_accept_waiting(endpoint);
    free_dead(endpoint);
}

bool quic_endpoint_has_work(const struct quic_endpoint *endpoint)
{
    return !endpoint->is_blocked &&
           (!list_is_empty(&endpoint->ready) || !list_is_empty(&endpoint->waiting));
}
