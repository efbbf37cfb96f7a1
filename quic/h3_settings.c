/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SETTINGS: ours, which are constants and satisfy all peers that we know, and a reader for the
 * peer's.
 *
 * Different drafts enable WebTransport by different settings. We send all of them and accept any of
 * them. Their value is 1, because more than one session would require flow control capsules. We do
 * not send 0x2c7cf000 (drafts 15 and 16), because it promises support for RESET_STREAM_AT. */
#include "base/varint.h"
#include "quic/h3.h"

#define ID_CONNECT_PROTOCOL UINT64_C(0x08)
#define ID_DATAGRAM UINT64_C(0x33)
#define ID_DATAGRAM_DRAFT_04 UINT64_C(0xffd277)
#define ID_WEBTRANSPORT_DRAFT_02 UINT64_C(0x2b603742)
#define ID_MAX_SESSIONS_DRAFT_03 UINT64_C(0x2b603743)
#define ID_MAX_SESSIONS_DRAFT_07 UINT64_C(0xc671706a)
#define ID_MAX_SESSIONS_DRAFT_13 UINT64_C(0x14e9cd29)
#define ID_WEBTRANSPORT_DRAFT_15 UINT64_C(0x2c7cf000)

/* Stream type, frame type, frame length; then QPACK table 0, field section 16384, blocked streams
 * 0, extended CONNECT, datagrams, datagrams (draft), and WebTransport of drafts 02, 03, 07 and 13.
 */
static const uint8_t server_bytes[] = {
    0x00, 0x04, 0x2a, 0x01, 0x00, 0x06, 0x80, 0x00, 0x40, 0x00, 0x07, 0x00, 0x08, 0x01, 0x33,
    0x01, 0x80, 0xff, 0xd2, 0x77, 0x01, 0xab, 0x60, 0x37, 0x42, 0x01, 0xab, 0x60, 0x37, 0x43,
    0x01, 0xc0, 0x00, 0x00, 0x00, 0xc6, 0x71, 0x70, 0x6a, 0x01, 0x94, 0xe9, 0xcd, 0x29, 0x01};

/* The same without the settings that only servers send. */
static const uint8_t client_bytes[] = {0x00, 0x04, 0x20, 0x01, 0x00, 0x06, 0x80, 0x00, 0x40,
                                       0x00, 0x07, 0x00, 0x08, 0x01, 0x33, 0x01, 0x80, 0xff,
                                       0xd2, 0x77, 0x01, 0xab, 0x60, 0x37, 0x42, 0x01, 0xc0,
                                       0x00, 0x00, 0x00, 0xc6, 0x71, 0x70, 0x6a, 0x01};

struct h3_span h3_settings_bytes(bool is_server)
{
    return is_server ? (struct h3_span){server_bytes, sizeof server_bytes}
                     : (struct h3_span){client_bytes, sizeof client_bytes};
}

/* Settings 0x02 to 0x05 had a meaning in HTTP/2 and must not be sent (RFC 9114, section
 * 7.2.4.1). */
static bool is_forbidden(uint64_t id)
{
    return id >= 0x02 && id <= 0x05;
}

static bool is_boolean(uint64_t id)
{
    return id == ID_CONNECT_PROTOCOL || id == ID_DATAGRAM || id == ID_DATAGRAM_DRAFT_04 ||
           id == ID_WEBTRANSPORT_DRAFT_02;
}

static void apply_setting(struct h3_settings *settings, uint64_t id, uint64_t value)
{
    switch (id) {
    case ID_DATAGRAM:
        settings->has_rfc_datagrams = value == 1;
        settings->has_datagrams |= value == 1;
        break;
    case ID_DATAGRAM_DRAFT_04:
        settings->has_datagrams |= value == 1;
        break;
    case ID_WEBTRANSPORT_DRAFT_02:
    case ID_MAX_SESSIONS_DRAFT_03:
    case ID_MAX_SESSIONS_DRAFT_07:
    case ID_MAX_SESSIONS_DRAFT_13:
    case ID_WEBTRANSPORT_DRAFT_15:
        settings->has_webtransport |= value > 0;
        break;
    default:
        break;
    }
}

static bool contains_id(const uint64_t *ids, size_t count, uint64_t id)
{
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

uint64_t h3_settings_parse(const uint8_t *payload, size_t n, struct h3_settings *settings)
{
    uint64_t seen[H3_SETTINGS_MAX_PAIRS];
    size_t count = 0;

    *settings = (struct h3_settings){0};
    while (n > 0) {
        uint64_t id, value;
        size_t id_size = varint_decode(payload, n, &id);
        size_t value_size = id_size ? varint_decode(payload + id_size, n - id_size, &value) : 0;
        if (value_size == 0)
            return H3_FRAME_ERROR;
        if (count == H3_SETTINGS_MAX_PAIRS)
            return H3_EXCESSIVE_LOAD;
        if (is_forbidden(id) || contains_id(seen, count, id) || (is_boolean(id) && value > 1))
            return H3_SETTINGS_ERROR;

        seen[count++] = id;
        apply_setting(settings, id, value);
        payload += id_size + value_size;
        n -= id_size + value_size;
    }
    return 0;
}
