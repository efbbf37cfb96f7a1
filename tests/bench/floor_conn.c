/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A connection of the floor: ngtcp2, and where it is in the track. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "quic/aead.h"
#include "quic/conn.h"
#include "quic/tls.h"
#include "tests/bench/floor.h"

/* Acknowledgements wait for the next frame, within the 25 ms that QUIC promises. */
#define PATIENCE_NS (20 * NS_PER_MS)

/* ---- What ngtcp2 calls ----------------------------------------------------------------------- */

static ngtcp2_conn *conn_of_ref(ngtcp2_crypto_conn_ref *ref)
{
    return ((struct floor_conn *)ref->user_data)->quic;
}

static void on_random(uint8_t *out, size_t n, const ngtcp2_rand_ctx *context)
{
    (void)context;
    if (getrandom(out, n, 0) < 0)
        abort();
}

static void new_cid(const struct floor_conn *conn, ngtcp2_cid *cid)
{
    cid->datalen = FLOOR_CID_BYTES;
    on_random(cid->data, FLOOR_CID_BYTES, NULL);
    memcpy(cid->data, &conn->index, sizeof conn->index);
}

static int on_new_cid(ngtcp2_conn *quic, ngtcp2_cid *cid, uint8_t *token, size_t n, void *user)
{
    (void)quic;
    new_cid(user, cid);
    on_random(token, n, NULL);
    return 0;
}

static int on_stream_close(ngtcp2_conn *quic, uint32_t flags, int64_t id, uint64_t code, void *user,
                           void *stream_user)
{
    struct floor_conn *conn = user;
    (void)quic, (void)flags, (void)code, (void)stream_user;
    if (conn->stream == id)
        conn->stream = -1;
    return 0;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* What a feeder sends is the track. */
/* house: parameters (ngtcp2 gives them) */
static int on_data(ngtcp2_conn *quic, uint32_t flags, int64_t id, uint64_t offset,
                   const uint8_t *data, size_t n, void *user, void *stream_user)
{
    struct floor_conn *conn = user;
    struct floor *floor = conn->floor;
    (void)quic, (void)flags, (void)offset, (void)stream_user;
    floor->feeder = conn;
    conn->stream = id;
    while (n > 0) {
        size_t at = (size_t)(floor->made % floor->group_bytes);
        size_t part = least(n, floor->group_bytes - at);
        memcpy(floor->body + at, data, part);
        floor->made += part;
        data += part;
        n -= part;
    }
    return 0;
}

static void set_callbacks(ngtcp2_callbacks *callbacks)
{
    *callbacks = (ngtcp2_callbacks){
        .recv_client_initial = ngtcp2_crypto_recv_client_initial_cb,
        .recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb,
        .encrypt = aead_encrypt,
        .decrypt = aead_decrypt,
        .hp_mask = aead_mask,
        .update_key = ngtcp2_crypto_update_key_cb,
        .delete_crypto_aead_ctx = aead_delete,
        .delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,
        .get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb,
        .version_negotiation = ngtcp2_crypto_version_negotiation_cb,
        .rand = on_random,
        .get_new_connection_id = on_new_cid,
        .recv_stream_data = on_data,
        .stream_close = on_stream_close,
    };
}

/* ---- Life ------------------------------------------------------------------------------------ */

static int start(struct floor_conn *conn, const ngtcp2_path *path, const ngtcp2_pkt_hd *header)
{
    ngtcp2_callbacks callbacks;
    ngtcp2_settings settings;
    ngtcp2_transport_params params;
    ngtcp2_cid cid;
    set_callbacks(&callbacks);
    ngtcp2_settings_default(&settings);
    settings.initial_ts = conn->floor->clock.now_ns;
    settings.max_tx_udp_payload_size = PATH_MTU_LARGEST_BYTES;
    static const uint16_t probes[] = {PATH_MTU_LARGEST_BYTES};
    settings.pmtud_probes = probes;
    settings.pmtud_probeslen = sizeof probes / sizeof probes[0];
    ngtcp2_transport_params_default(&params);
    params.original_dcid = header->dcid;
    params.original_dcid_present = 1;
    params.initial_max_data = params.initial_max_stream_data_bidi_remote =
        params.initial_max_stream_data_uni = FLOOR_WINDOW_BYTES;
    params.initial_max_streams_bidi = params.initial_max_streams_uni = 100;
    params.max_idle_timeout = 30 * NS_PER_S;

    new_cid(conn, &cid);
    if (ngtcp2_conn_server_new(&conn->quic, &header->scid, &cid, path, header->version, &callbacks,
                               &settings, &params, NULL, conn) != 0)
        return MOQ_ERR_NOMEM;
    conn->ref = (ngtcp2_crypto_conn_ref){conn_of_ref, conn};
    struct tls_session_config tls = {.tls = conn->floor->tls,
                                     .is_server = true,
                                     .alpn = "moqf-02",
                                     .conn_ref = &conn->ref,
                                     .clock = &conn->floor->clock};
    conn->tls = tls_session_new(&tls);
    if (!conn->tls)
        return MOQ_ERR_TLS;
    ngtcp2_conn_set_tls_native_handle(conn->quic, tls_session_native(conn->tls));
    return 0;
}

struct floor_conn *floor_conn_new(struct floor *floor, const ngtcp2_path *path, const uint8_t *data,
                                  size_t n)
{
    ngtcp2_pkt_hd header;
    if (ngtcp2_accept(&header, data, n) != 0 || header.type != NGTCP2_PKT_INITIAL ||
        floor->count == FLOOR_CONNS_MAX)
        return NULL;
    struct floor_conn *conn = calloc(1, sizeof *conn);
    if (!conn)
        return NULL;
    *conn = (struct floor_conn){
        .floor = floor, .index = floor->count, .first_dcid = header.dcid, .stream = -1};
    conn->group = floor->made / floor->group_bytes;
    if (start(conn, path, &header) == 0)
        return conn;
    floor_conn_free(conn);
    return NULL;
}

void floor_conn_free(struct floor_conn *conn)
{
    ngtcp2_conn_del(conn->quic);
    tls_session_free(&conn->tls);
    free(conn);
}

bool floor_conn_is_up(const struct floor_conn *conn)
{
    return ngtcp2_conn_get_handshake_completed(conn->quic) != 0;
}

/* ---- In -------------------------------------------------------------------------------------- */

bool floor_conn_receive(struct floor_conn *conn, const ngtcp2_path *path, const uint8_t *data,
                        size_t n)
{
    conn->is_blocked = false;
    return ngtcp2_conn_read_pkt(conn->quic, path, NULL, data, n, conn->floor->clock.now_ns) == 0;
}

bool floor_conn_expire(struct floor_conn *conn)
{
    return ngtcp2_conn_handle_expiry(conn->quic, conn->floor->clock.now_ns) == 0;
}

uint64_t floor_conn_position(const struct floor_conn *conn)
{
    return conn->group * conn->floor->group_bytes + conn->offset;
}

void floor_conn_grant(struct floor_conn *feeder, uint64_t n)
{
    ngtcp2_conn_extend_max_stream_offset(feeder->quic, feeder->stream, n);
    ngtcp2_conn_extend_max_offset(feeder->quic, n);
}

/* ---- Out ------------------------------------------------------------------------------------- */

/* The bytes of its group that exist, and whether the group ends after them. */
static uint64_t group_end(const struct floor_conn *conn, bool *is_end)
{
    const struct floor *floor = conn->floor;
    uint64_t made = floor->made, first = conn->group * floor->group_bytes;
    bool is_endless = floor->options.rate == 0 && !floor->options.is_fed;
    *is_end = is_endless || made > first + floor->group_bytes;
    return *is_end ? floor->group_bytes : made > first ? made - first : 0;
}

bool floor_conn_has_data(const struct floor_conn *conn)
{
    bool is_end;
    uint64_t end = group_end(conn, &is_end);
    return !conn->is_blocked && conn != conn->floor->feeder && (is_end || conn->offset < end);
}

/* False: there is nothing, or no stream for it. */
static bool next_piece(struct floor_conn *conn, ngtcp2_vec *vec, bool *is_end)
{
    if (!floor_conn_is_up(conn) || !floor_conn_has_data(conn))
        return false;
    if (conn->stream < 0 && ngtcp2_conn_open_uni_stream(conn->quic, &conn->stream, NULL) != 0)
        return false;
    uint64_t end = group_end(conn, is_end);
    *vec = (ngtcp2_vec){conn->floor->body + conn->offset, (size_t)(end - conn->offset)};
    return true;
}

static void advance(struct floor_conn *conn, size_t taken, bool is_over)
{
    conn->offset += taken;
    if (!is_over)
        return;
    conn->stream = -1;
    conn->offset = 0;
    conn->group++;
}

/* house: parameters (ngtcp2 gives them) */
static ngtcp2_ssize write_packet(ngtcp2_conn *quic, ngtcp2_path *path, ngtcp2_pkt_info *info,
                                 uint8_t *out, size_t room, ngtcp2_tstamp now, void *user)
{
    struct floor_conn *conn = user;
    for (;;) {
        ngtcp2_vec vec = {0};
        ngtcp2_ssize taken = -1;
        bool is_end = false, has_piece = next_piece(conn, &vec, &is_end);
        uint32_t flags = is_end ? NGTCP2_WRITE_STREAM_FLAG_FIN | NGTCP2_WRITE_STREAM_FLAG_MORE : 0;
        ngtcp2_ssize rv =
            ngtcp2_conn_writev_stream(quic, path, info, out, room, &taken, flags,
                                      has_piece ? conn->stream : -1, &vec, has_piece, now);
        if (taken >= 0)
            advance(conn, (size_t)taken, is_end && (size_t)taken == vec.len);
        if (rv == NGTCP2_ERR_STREAM_DATA_BLOCKED)
            conn->is_blocked = true;
        else if (rv != NGTCP2_ERR_WRITE_MORE)
            return rv;
    }
}

static void set_due(struct floor_conn *conn)
{
    struct floor *floor = conn->floor;
    uint64_t due_ns = ngtcp2_conn_get_expiry(conn->quic);
    bool can_wait = floor_conn_is_up(conn) && !floor_conn_has_data(conn);
    if (can_wait && due_ns < floor->clock.now_ns + PATIENCE_NS)
        due_ns = floor->clock.now_ns + PATIENCE_NS;
    floor->due_ns[conn->index] = due_ns;
}

bool floor_conn_write(struct floor_conn *conn)
{
    struct floor *floor = conn->floor;
    size_t quantum = ngtcp2_conn_get_send_quantum(conn->quic), spent = 0;
    ngtcp2_ssize n = 0;
    do {
        ngtcp2_path_storage path;
        ngtcp2_pkt_info info;
        size_t segment_size = 0, room = quantum - spent;
        ngtcp2_path_storage_zero(&path);
        if (room > sizeof floor->train)
            room = sizeof floor->train;
        if (room < PATH_MTU_LARGEST_BYTES)
            room = PATH_MTU_LARGEST_BYTES;
        n = ngtcp2_conn_write_aggregate_pkt2(conn->quic, &path.path, &info, floor->train, room,
                                             &segment_size, write_packet, FLOOR_TRAIN_MAX_PACKETS,
                                             floor->clock.now_ns);
        if (n <= 0)
            break;
        floor_socket_send(floor, &path.path, (size_t)n, segment_size);
        spent += (size_t)n;
    } while (spent < quantum && (floor_conn_has_data(conn) || !floor_conn_is_up(conn)));
    if (spent > 0)
        ngtcp2_conn_update_pkt_tx_time(conn->quic, floor->clock.now_ns);
    set_due(conn);
    return n >= 0;
}
