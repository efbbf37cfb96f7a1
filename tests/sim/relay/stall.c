/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The connection to stall is the next one that a client makes. */
#include "tests/sim/relay/stall.h"

#include <ngtcp2/ngtcp2.h>

int __real_ngtcp2_conn_client_new_versioned(ngtcp2_conn **conn, const ngtcp2_cid *dcid,
                                            const ngtcp2_cid *scid, const ngtcp2_path *path,
                                            uint32_t version, int callbacks_version,
                                            const ngtcp2_callbacks *callbacks, int settings_version,
                                            const ngtcp2_settings *settings, int params_version,
                                            const ngtcp2_transport_params *params,
                                            const ngtcp2_mem *mem, void *user);
int __wrap_ngtcp2_conn_client_new_versioned(ngtcp2_conn **conn, const ngtcp2_cid *dcid,
                                            const ngtcp2_cid *scid, const ngtcp2_path *path,
                                            uint32_t version, int callbacks_version,
                                            const ngtcp2_callbacks *callbacks, int settings_version,
                                            const ngtcp2_settings *settings, int params_version,
                                            const ngtcp2_transport_params *params,
                                            const ngtcp2_mem *mem, void *user);
void __real_ngtcp2_conn_extend_max_offset(ngtcp2_conn *conn, uint64_t n);
void __wrap_ngtcp2_conn_extend_max_offset(ngtcp2_conn *conn, uint64_t n);
int __real_ngtcp2_conn_extend_max_stream_offset(ngtcp2_conn *conn, int64_t stream, uint64_t n);
int __wrap_ngtcp2_conn_extend_max_stream_offset(ngtcp2_conn *conn, int64_t stream, uint64_t n);

static struct {
    bool is_next;
    const ngtcp2_conn *conn;
} stalled;

/* house: parameters (they are ngtcp2's) */
int __wrap_ngtcp2_conn_client_new_versioned(ngtcp2_conn **conn, const ngtcp2_cid *dcid,
                                            const ngtcp2_cid *scid, const ngtcp2_path *path,
                                            uint32_t version, int callbacks_version,
                                            const ngtcp2_callbacks *callbacks, int settings_version,
                                            const ngtcp2_settings *settings, int params_version,
                                            const ngtcp2_transport_params *params,
                                            const ngtcp2_mem *mem, void *user)
{
    ngtcp2_transport_params small = *params;
    if (stalled.is_next)
        small.initial_max_data = small.initial_max_stream_data_uni = STALL_WINDOW_BYTES;
    int rv = __real_ngtcp2_conn_client_new_versioned(conn, dcid, scid, path, version,
                                                     callbacks_version, callbacks, settings_version,
                                                     settings, params_version, &small, mem, user);
    if (stalled.is_next)
        stalled.conn = *conn;
    stalled.is_next = false;
    return rv;
}

void __wrap_ngtcp2_conn_extend_max_offset(ngtcp2_conn *conn, uint64_t n)
{
    if (conn != stalled.conn)
        __real_ngtcp2_conn_extend_max_offset(conn, n);
}

int __wrap_ngtcp2_conn_extend_max_stream_offset(ngtcp2_conn *conn, int64_t stream, uint64_t n)
{
    return conn == stalled.conn ? 0 : __real_ngtcp2_conn_extend_max_stream_offset(conn, stream, n);
}

struct client *client_ready_to_stall(struct host *host, const struct client_setup *setup)
{
    stalled.is_next = true;
    return client_ready(host, setup);
}
