/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Parsers on bytes alone: capsules read at once and in pieces must agree; SETTINGS and header
 * blocks must only not break. The first byte says how large the pieces are. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "quic/h3.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static uint64_t read_in_pieces(struct h3_capsules *capsules, const uint8_t *data, size_t n,
                               size_t piece)
{
    uint64_t code = 0;
    h3_capsules_init(capsules);
    for (size_t at = 0; at < n && !code; at += piece) {
        size_t size = n - at < piece ? n - at : piece;
        code = h3_capsules_feed(capsules, (struct h3_span){data + at, size});
    }
    return code;
}

static void read_capsules(const uint8_t *data, size_t n, size_t piece)
{
    struct h3_capsules whole, parts;
    uint64_t code = read_in_pieces(&whole, data, n, n + 1);
    must(read_in_pieces(&parts, data, n, piece) == code);
    must(whole.is_closed == parts.is_closed && whole.is_draining == parts.is_draining);
    must(strcmp(h3_capsules_reason(&whole), h3_capsules_reason(&parts)) == 0);
    must(!whole.is_closed || whole.code == parts.code);
    must(code || h3_capsules_are_whole(&whole) == h3_capsules_are_whole(&parts));
    if (!whole.is_closed)
        return;

    struct byte_buf out;
    byte_buf_init(&out, H3_REASON_MAX_BYTES + 32);
    must(h3_close_encode(&out, whole.code, h3_capsules_reason(&whole)) == 0);
    byte_buf_deinit(&out);
}

static void read_fields(const uint8_t *data, size_t n, bool is_request)
{
    struct h3_fields fields;
    if (h3_fields_decode((struct h3_span){data, n}, is_request, &fields) == 0) {
        must(h3_fields_judge_request(&fields) != 200 || fields.value[H3_FIELD_PATH][0] == '/');
        must(h3_fields_status(&fields) == 0 || !is_request);
    }
    h3_fields_deinit(&fields);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    struct h3_settings settings;
    read_capsules(data + 1, n - 1, (size_t)data[0] % 32 + 1);
    h3_settings_parse(data + 1, n - 1, &settings);
    read_fields(data + 1, n - 1, true);
    read_fields(data + 1, n - 1, false);
    return 0;
}
