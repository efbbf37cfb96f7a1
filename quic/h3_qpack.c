/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Decodes and encodes header blocks (RFC 9204) with nghttp3's QPACK, without a dynamic table, and
 * enforces the rules for messages (RFC 9114, section 4) that nghttp3 leaves to the caller. Only the
 * fields that a WebTransport session needs are kept. */
#include <nghttp3/nghttp3.h>
#include <stdlib.h>
#include <string.h>

#include "base/varint.h"
#include "quic/h3.h"

enum { FIELD_OVERHEAD_BYTES = 32 }; /* added for each field by RFC 9114, section 4.2.2 */

static const struct {
    const char *name;
    bool is_in_request, is_in_response;
    bool is_list; /* RFC 9651: several lines form one list */
} known_fields[H3_FIELD_COUNT] = {
    [H3_FIELD_METHOD] = {":method", true, false, false},
    [H3_FIELD_SCHEME] = {":scheme", true, false, false},
    [H3_FIELD_AUTHORITY] = {":authority", true, false, false},
    [H3_FIELD_PATH] = {":path", true, false, false},
    [H3_FIELD_PROTOCOL] = {":protocol", true, false, false},
    [H3_FIELD_STATUS] = {":status", false, true, false},
    [H3_FIELD_ORIGIN] = {"origin", true, false, false},
    [H3_FIELD_PROTOCOLS] = {"wt-available-protocols", true, false, true},
    [H3_FIELD_PROTOCOLS_09] = {"webtransport-subprotocols-available", true, false, true},
    [H3_FIELD_SUBPROTOCOL] = {"wt-protocol", false, true, true},
    [H3_FIELD_SUBPROTOCOL_09] = {"webtransport-subprotocol", false, true, true},
    [H3_FIELD_REASON] = {"reason", false, true, true},
};

/* Fields about a connection instead of a message, which are malformed in HTTP/3. */
static const char *const forbidden_fields[] = {"connection", "keep-alive", "proxy-connection",
                                               "transfer-encoding", "upgrade"};

/* ---- decoding -------------------------------------------------------------------------------- */

struct decoding {
    struct h3_fields *fields;
    bool is_request;
    bool has_regular; /* a regular field has come, so pseudo fields are no longer allowed */
    size_t size;
};

static bool name_equals(nghttp3_vec name, const char *text)
{
    return name.len == strlen(text) && memcmp(name.base, text, name.len) == 0;
}

static bool is_valid_name(nghttp3_vec name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t byte = name.base[i];
        if (byte <= 0x20 || byte >= 0x7f || (byte >= 'A' && byte <= 'Z') || (byte == ':' && i > 0))
            return false;
    }
    for (size_t i = 0; i < sizeof forbidden_fields / sizeof *forbidden_fields; i++)
        if (name_equals(name, forbidden_fields[i]))
            return false;
    return name.len > 0;
}

static bool is_valid_value(nghttp3_vec value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((value.base[i] < 0x20 && value.base[i] != '\t') || value.base[i] == 0x7f)
            return false;
    return true;
}

static uint64_t join_list(char **slot, nghttp3_vec value)
{
    size_t had = strlen(*slot);
    char *joined = realloc(*slot, had + value.len + 3);
    if (!joined)
        return H3_INTERNAL_ERROR;
    memcpy(joined + had, ", ", 2);
    memcpy(joined + had + 2, value.base, value.len);
    joined[had + 2 + value.len] = '\0';
    *slot = joined;
    return 0;
}

static uint64_t keep_field(struct decoding *decoding, enum h3_field field, nghttp3_vec value)
{
    char **slot = &decoding->fields->value[field];
    if (*slot)
        return known_fields[field].is_list ? join_list(slot, value) : H3_MESSAGE_ERROR;
    *slot = strndup((const char *)value.base, value.len);
    return *slot ? 0 : H3_INTERNAL_ERROR;
}

static uint64_t take_field(struct decoding *decoding, nghttp3_vec name, nghttp3_vec value)
{
    decoding->size += name.len + value.len + FIELD_OVERHEAD_BYTES;
    if (decoding->size > H3_HEADERS_MAX_BYTES)
        return H3_EXCESSIVE_LOAD;
    if (!is_valid_name(name) || !is_valid_value(value))
        return H3_MESSAGE_ERROR;

    bool is_pseudo = name.base[0] == ':';
    if (is_pseudo && decoding->has_regular)
        return H3_MESSAGE_ERROR;
    decoding->has_regular |= !is_pseudo;

    for (int i = 0; i < H3_FIELD_COUNT; i++) {
        bool is_here =
            decoding->is_request ? known_fields[i].is_in_request : known_fields[i].is_in_response;
        if (is_here && name_equals(name, known_fields[i].name))
            return keep_field(decoding, (enum h3_field)i, value);
    }
    return is_pseudo ? H3_MESSAGE_ERROR : 0;
}

/* Decodes one field, or sets `*is_final` at the end. Returns 0 or an h3_code. */
static uint64_t decode_next(struct decoding *decoding, nghttp3_qpack_decoder *decoder,
                            nghttp3_qpack_stream_context *context, struct h3_span *block,
                            bool *is_final)
{
    nghttp3_qpack_nv field;
    uint8_t flags = 0;
    nghttp3_ssize used = nghttp3_qpack_decoder_read_request(decoder, context, &field, &flags,
                                                            block->data, block->n, 1);
    if (used < 0)
        return used == NGHTTP3_ERR_NOMEM ? H3_INTERNAL_ERROR : H3_QPACK_DECOMPRESSION_FAILED;
    if (used > 0)
        *block = (struct h3_span){block->data + used, block->n - (size_t)used};

    uint64_t code = 0;
    if (flags & NGHTTP3_QPACK_DECODE_FLAG_EMIT) {
        code = take_field(decoding, nghttp3_rcbuf_get_buf(field.name),
                          nghttp3_rcbuf_get_buf(field.value));
        nghttp3_rcbuf_decref(field.name);
        nghttp3_rcbuf_decref(field.value);
    }
    *is_final = flags & NGHTTP3_QPACK_DECODE_FLAG_FINAL;
    bool is_stuck = !flags || flags & NGHTTP3_QPACK_DECODE_FLAG_BLOCKED;
    return !code && is_stuck ? H3_QPACK_DECOMPRESSION_FAILED : code;
}

uint64_t h3_fields_decode(struct h3_span block, bool is_request, struct h3_fields *fields)
{
    struct decoding decoding = {.fields = fields, .is_request = is_request};
    nghttp3_qpack_decoder *decoder = NULL;
    nghttp3_qpack_stream_context *context = NULL;
    uint64_t code = H3_INTERNAL_ERROR;

    *fields = (struct h3_fields){0};
    if (nghttp3_qpack_decoder_new(&decoder, 0, 0, nghttp3_mem_default()) == 0 &&
        nghttp3_qpack_stream_context_new(&context, 0, nghttp3_mem_default()) == 0) {
        bool is_final = false;
        do {
            code = decode_next(&decoding, decoder, context, &block, &is_final);
        } while (!code && !is_final);
    }
    if (context)
        nghttp3_qpack_stream_context_del(context);
    if (decoder)
        nghttp3_qpack_decoder_del(decoder);
    return code;
}

void h3_fields_deinit(struct h3_fields *fields)
{
    for (int i = 0; i < H3_FIELD_COUNT; i++)
        free(fields->value[i]);
    *fields = (struct h3_fields){0};
}

/* ---- judging --------------------------------------------------------------------------------- */

static bool is_text(const char *value, const char *text)
{
    return value && strcmp(value, text) == 0;
}

static bool is_filled(const char *value)
{
    return value && *value;
}

/* Drafts up to 14 call the protocol "webtransport", later ones "webtransport-h3". */
static int judge_connect(const struct h3_fields *fields)
{
    const char *protocol = fields->value[H3_FIELD_PROTOCOL];
    if (!is_filled(fields->value[H3_FIELD_AUTHORITY]))
        return 0;
    if (!protocol) /* a plain CONNECT has no scheme and no path; we are not a proxy */
        return fields->value[H3_FIELD_SCHEME] || fields->value[H3_FIELD_PATH] ? 0 : 405;
    if (!is_filled(fields->value[H3_FIELD_SCHEME]) || !is_filled(fields->value[H3_FIELD_PATH]))
        return 0;
    if (!is_text(protocol, "webtransport") && !is_text(protocol, "webtransport-h3"))
        return 501;
    if (!is_text(fields->value[H3_FIELD_SCHEME], "https") || fields->value[H3_FIELD_PATH][0] != '/')
        return 400;
    return 200;
}

int h3_fields_judge_request(const struct h3_fields *fields)
{
    const char *method = fields->value[H3_FIELD_METHOD];
    if (!is_filled(method))
        return 0;
    if (is_text(method, "CONNECT"))
        return judge_connect(fields);
    if (fields->value[H3_FIELD_PROTOCOL] || !is_filled(fields->value[H3_FIELD_SCHEME]) ||
        !is_filled(fields->value[H3_FIELD_PATH]))
        return 0;
    return is_text(method, "GET") || is_text(method, "HEAD") ? 404 : 405;
}

int h3_fields_status(const struct h3_fields *fields)
{
    const char *text = fields->value[H3_FIELD_STATUS];
    if (!text || strlen(text) != 3 || strspn(text, "0123456789") != 3)
        return 0;
    int status = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
    return status >= 100 && status <= 599 ? status : 0;
}

/* ---- encoding -------------------------------------------------------------------------------- */

static nghttp3_nv field_of(const char *name, const char *value)
{
    return (nghttp3_nv){.name = (uint8_t *)(uintptr_t)name,
                        .value = (uint8_t *)(uintptr_t)value,
                        .namelen = strlen(name),
                        .valuelen = strlen(value)};
}

/* Appends a HEADERS frame with the block, which nghttp3 delivers in two parts. */
static int append_headers(struct byte_buf *out, const nghttp3_buf *prefix,
                          const nghttp3_buf *fields)
{
    size_t prefix_size = (size_t)(prefix->last - prefix->pos);
    size_t fields_size = (size_t)(fields->last - fields->pos);

    int error = byte_buf_append_varint(out, 1);
    if (!error)
        error = byte_buf_append_varint(out, prefix_size + fields_size);
    if (!error)
        error = byte_buf_append(out, prefix->pos, prefix_size);
    if (!error)
        error = byte_buf_append(out, fields->pos, fields_size);
    return error;
}

static int encode_headers(struct byte_buf *out, const nghttp3_nv *fields, size_t count)
{
    const nghttp3_mem *mem = nghttp3_mem_default();
    nghttp3_qpack_encoder *encoder = NULL;
    if (nghttp3_qpack_encoder_new(&encoder, 0, mem) != 0)
        return MOQ_ERR_NOMEM;

    nghttp3_buf prefix, block, stream;
    nghttp3_buf_init(&prefix);
    nghttp3_buf_init(&block);
    nghttp3_buf_init(&stream);
    int error = nghttp3_qpack_encoder_encode(encoder, &prefix, &block, &stream, 0, fields, count);
    error = error ? MOQ_ERR_NOMEM : append_headers(out, &prefix, &block);
    nghttp3_buf_free(&prefix, mem);
    nghttp3_buf_free(&block, mem);
    nghttp3_buf_free(&stream, mem);
    nghttp3_qpack_encoder_del(encoder);
    return error;
}

/* The field for draft 02 is there because some servers written in Go require it. */
int h3_request_encode(struct byte_buf *out, const char *authority, const char *path,
                      const char *protocols)
{
    if (strlen(authority) + strlen(path) + strlen(protocols) > H3_HEADERS_MAX_BYTES / 2)
        return MOQ_ERR_BOUNDS;
    const nghttp3_nv fields[] = {
        field_of(":method", "CONNECT"),
        field_of(":scheme", "https"),
        field_of(":authority", authority),
        field_of(":path", path),
        field_of(":protocol", "webtransport"),
        field_of("sec-webtransport-http3-draft02", "1"),
        field_of(known_fields[H3_FIELD_PROTOCOLS].name, protocols),
    };
    size_t count = sizeof fields / sizeof *fields;
    return encode_headers(out, fields, *protocols ? count : count - 1);
}

int h3_accept_encode(struct byte_buf *out, const char *protocol, bool is_draft_09)
{
    enum h3_field field = is_draft_09 ? H3_FIELD_SUBPROTOCOL_09 : H3_FIELD_SUBPROTOCOL;
    const nghttp3_nv fields[] = {
        field_of(":status", "200"),
        field_of("sec-webtransport-http3-draft", "draft02"),
        field_of(known_fields[field].name, protocol),
    };
    return encode_headers(out, fields, sizeof fields / sizeof *fields);
}

int h3_refuse_encode(struct byte_buf *out, int status, const char *reason)
{
    char digits[] = {(char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10),
                     (char)('0' + status % 10), '\0'};
    char words[H3_REASON_MAX_BYTES + 1];
    size_t n = 0;
    for (; reason[n] && n < H3_REASON_MAX_BYTES; n++) {
        unsigned char c = (unsigned char)reason[n];
        words[n] = c < 0x20 || c == 0x7f ? '?' : reason[n];
    }
    words[n] = '\0';
    const nghttp3_nv fields[] = {
        field_of(":status", digits),
        field_of(known_fields[H3_FIELD_REASON].name, words),
    };
    return encode_headers(out, fields, sizeof fields / sizeof *fields);
}

/* ":status: 200" and "sec-webtransport-http3-draft: draft02", which old browsers require. */
static const uint8_t accepted_frame[] = {0x01, 0x1f, 0x00, 0x00, 0xd9, 0x2f, 0x0d, 0x41, 0x48,
                                         0xb7, 0x82, 0xc6, 0x9b, 0x07, 0x52, 0x2b, 0x3d, 0x89,
                                         0x5a, 0x74, 0xa6, 0xb6, 0x56, 0x92, 0xc1, 0xca, 0x9f,
                                         0x85, 0x92, 0xc1, 0xca, 0x90, 0x0b};

/* Uses an entry of QPACK's static table if the status has one, otherwise the name and three
 * digits. */
size_t h3_response_encode(uint8_t out[H3_RESPONSE_MAX_BYTES], int status)
{
    static const uint8_t not_found[] = {0x01, 0x03, 0x00, 0x00, 0xdb};
    static const uint8_t bad_request[] = {0x01, 0x04, 0x00, 0x00, 0xff, 0x04};
    const uint8_t other[] = {0x01,
                             0x08,
                             0x00,
                             0x00,
                             0x5f,
                             0x09,
                             0x03,
                             (uint8_t)('0' + status / 100 % 10),
                             (uint8_t)('0' + status / 10 % 10),
                             (uint8_t)('0' + status % 10)};
    const uint8_t *frame = other;
    size_t size = sizeof other;
    if (status == 200) {
        frame = accepted_frame;
        size = sizeof accepted_frame;
    } else if (status == 404) {
        frame = not_found;
        size = sizeof not_found;
    } else if (status == 400) {
        frame = bad_request;
        size = sizeof bad_request;
    }
    memcpy(out, frame, size);
    return size;
}
