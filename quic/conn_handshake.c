/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Failed handshakes: words for TLS alerts (RFC 8446, section 6), and on servers a counter for each
 * kind of reason.
 * Tested by tests/sim/test_strangers.c. */
#include "base/log.h"
#include "quic/conn.h"
#include "quic/endpoint.h"
#include "quic/tls.h"

enum { /* RFC 8446, section 6; RFC 7301 */
       ALERT_UNSUPPORTED_CERTIFICATE = 43,
       ALERT_CERTIFICATE_REVOKED = 44,
       ALERT_CERTIFICATE_EXPIRED = 45,
       ALERT_CERTIFICATE_UNKNOWN = 46,
       ALERT_UNKNOWN_CA = 48,
       ALERT_UNRECOGNIZED_NAME = 112,
};

const char *conn_alert_words(uint8_t alert)
{
    switch (alert) {
    case ALERT_BAD_CERTIFICATE:
        return "bad certificate";
    case ALERT_UNSUPPORTED_CERTIFICATE:
        return "unsupported certificate";
    case ALERT_CERTIFICATE_REVOKED:
        return "certificate revoked";
    case ALERT_CERTIFICATE_EXPIRED:
        return "certificate expired";
    case ALERT_CERTIFICATE_UNKNOWN:
        return "certificate unknown";
    case ALERT_UNKNOWN_CA:
        return "unknown certificate authority";
    case ALERT_UNRECOGNIZED_NAME:
        return "unrecognized server name";
    case ALERT_NO_APPLICATION_PROTOCOL:
        return "no common application protocol";
    default:
        return "the handshake failed";
    }
}

static uint64_t *counter_of_alert(struct quic_endpoint_stats *stats, uint8_t alert)
{
    switch (alert) {
    case ALERT_CERTIFICATE_EXPIRED:
        return &stats->handshakes_expired;
    case ALERT_BAD_CERTIFICATE:
    case ALERT_UNSUPPORTED_CERTIFICATE:
    case ALERT_CERTIFICATE_REVOKED:
    case ALERT_CERTIFICATE_UNKNOWN:
    case ALERT_UNKNOWN_CA:
        return &stats->handshakes_distrusted;
    case ALERT_NO_APPLICATION_PROTOCOL:
        return &stats->handshakes_no_protocol;
    default:
        return &stats->handshakes_failed;
    }
}

/* Counts a failed handshake. A peer that left without an error is not counted, nor a packet that
 * did not begin a handshake. */
void conn_count_handshake(struct quic_conn *conn)
{
    struct quic_endpoint_stats *stats = &conn->endpoint->stats;
    const struct conn_end *end = &conn->end;
    bool is_orderly = end->error == 0 || end->error == MOQ_ERR_REFUSED;
    bool is_none = end->is_retry_wanted || end->is_false_start;
    if (!conn->is_server || is_none)
        return;
    if (end->alert != 0)
        (*counter_of_alert(stats, end->alert))++;
    else if (conn->is_half_open && end->error == MOQ_ERR_TIMEOUT)
        stats->handshakes_timed_out++;
    else if (conn->is_half_open && !is_orderly)
        stats->handshakes_failed++;
    if (end->alert != 0)
        log_info(LOG_TLS, "handshake with a client that asked for \"%s\": %s",
                 conn->tls ? tls_session_server_name(conn->tls) : quic_conn_server_name(conn),
                 conn_reason(conn));
}
