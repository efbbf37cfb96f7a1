/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The fields in which client and server agree on a protocol above WebTransport, as both generations
 * of drafts spell them. */
#include "fake_conn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "quic/wt_internal.h"

enum { FIELDS_MAX_BYTES = 1024 };

struct fields { /* a header block of literals */
    uint8_t bytes[FIELDS_MAX_BYTES];
    size_t size;
};

/* An integer of RFC 7541, section 5.1, that is smaller than 127 + 2^prefix. */
static void put_integer(struct fields *fields, uint8_t first, unsigned prefix, size_t value)
{
    size_t most = (1u << prefix) - 1;
    fields->bytes[fields->size++] = (uint8_t)(first | (value < most ? value : most));
    if (value >= most)
        fields->bytes[fields->size++] = (uint8_t)(value - most);
}

static void put_text(struct fields *fields, const char *text)
{
    memcpy(fields->bytes + fields->size, text, strlen(text));
    fields->size += strlen(text);
}

static void put_field(struct fields *fields, const char *name, const char *value)
{
    put_integer(fields, 0x20, 3, strlen(name));
    put_text(fields, name);
    put_integer(fields, 0, 7, strlen(value));
    put_text(fields, value);
}

static struct fields request_fields(void)
{
    struct fields fields = {.bytes = {0, 0}, .size = 2};
    put_field(&fields, ":method", "CONNECT");
    put_field(&fields, ":scheme", "https");
    put_field(&fields, ":authority", "a");
    put_field(&fields, ":path", "/");
    put_field(&fields, ":protocol", "webtransport");
    return fields;
}

static struct fields response_fields(void)
{
    struct fields fields = {.bytes = {0, 0}, .size = 2};
    put_field(&fields, ":status", "200");
    return fields;
}

static void give_headers(struct fake_conn *conn, const struct fields *fields)
{
    struct byte_buf frame;
    byte_buf_init(&frame, FIELDS_MAX_BYTES + 8);
    assert_int_equal(byte_buf_append_varint(&frame, 1), 0);
    assert_int_equal(byte_buf_append_varint(&frame, fields->size), 0);
    assert_int_equal(byte_buf_append(&frame, fields->bytes, fields->size), 0);
    fake_give(conn, 0, frame.data, frame.size, false);
    byte_buf_deinit(&frame);
}

/* What a client makes of the bytes that a server wrote. */
static const char *as_read_by_a_client(struct fake_conn *server)
{
    static char protocol[FAKE_MAX_TEXT];
    struct fake_conn *client = connecting_client();
    fake_give_hex(client, 3, server_settings);
    struct fake_stream *answer = fake_stream(server, 0);
    fake_give(client, 0, answer->sent, answer->sent_size, false);
    assert_int_equal(client->established_count, 1);
    memcpy(protocol, client->protocol, sizeof protocol);
    fake_free(&client);
    return protocol;
}

static struct fake_conn *server_that_chooses(const char *item)
{
    struct fake_conn *server = fake_new(true);
    server->chosen = item;
    fake_give_hex(server, 2, rust_settings);
    return server;
}

static void a_server_is_told_and_answers_in_the_field_of_the_draft(void **state)
{
    (void)state;
    static const char *const fields[] = {"wt-available-protocols",
                                         "webtransport-subprotocols-available"};
    for (size_t i = 0; i < 2; i++) {
        struct fake_conn *server = server_that_chooses("\"moq-b\"");
        struct fields request = request_fields();
        put_field(&request, fields[i], "\"moq-a\", \"moq-b\"");
        give_headers(server, &request);

        assert_string_equal(server->protocols, "\"moq-a\", \"moq-b\"");
        assert_string_equal(as_read_by_a_client(server), "\"moq-b\"");
        struct fake_stream *answer = fake_stream(server, 0);
        struct h3_fields read;
        size_t head = 2;
        assert_int_equal(answer->sent[0], 1);
        assert_int_equal(
            h3_fields_decode((struct h3_span){answer->sent + head, answer->sent_size - head}, false,
                             &read),
            0);
        assert_true((read.value[H3_FIELD_SUBPROTOCOL] != NULL) == (i == 0));
        assert_true((read.value[H3_FIELD_SUBPROTOCOL_09] != NULL) == (i == 1));
        h3_fields_deinit(&read);
        fake_free(&server);
    }
}

static void a_list_may_come_in_several_lines(void **state)
{
    (void)state;
    struct fake_conn *server = server_that_chooses("b");
    struct fields request = request_fields();
    put_field(&request, "wt-available-protocols", "a");
    put_field(&request, "wt-available-protocols", "b, c");
    give_headers(server, &request);
    assert_string_equal(server->protocols, "a, b, c");
    assert_string_equal(as_read_by_a_client(server), "b");
    fake_free(&server);
}

static void without_a_choice_the_answer_is_the_frozen_one(void **state)
{
    (void)state;
    struct fake_conn *server = server_that_chooses("");
    struct fields request = request_fields();
    put_field(&request, "wt-available-protocols", "\"moq-a\"");
    give_headers(server, &request);
    assert_true(fake_sent_is(server, 0, accepted_response));
    fake_free(&server);
}

static void a_client_offers_and_reads_either_field(void **state)
{
    (void)state;
    static const char *const answers[] = {"wt-protocol", "webtransport-subprotocol"};
    for (size_t i = 0; i < 2; i++) {
        struct fake_conn *client = fake_new(false), *server = server_that_chooses("");
        assert_int_equal(wt_session_connect(client->wt, "a", "/", "\"moq-a\", \"moq-b\""), 0);
        fake_give_hex(client, 3, server_settings);
        struct fake_stream *request = fake_stream(client, 0);
        fake_give(server, 0, request->sent, request->sent_size, false);
        assert_string_equal(server->protocols, "\"moq-a\", \"moq-b\"");

        struct fields answer = response_fields();
        put_field(&answer, answers[i], "\"moq-a\"");
        give_headers(client, &answer);
        assert_string_equal(client->protocol, "\"moq-a\"");
        fake_free(&client);
        fake_free(&server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_is_told_and_answers_in_the_field_of_the_draft),
        cmocka_unit_test(a_list_may_come_in_several_lines),
        cmocka_unit_test(without_a_choice_the_answer_is_the_frozen_one),
        cmocka_unit_test(a_client_offers_and_reads_either_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
