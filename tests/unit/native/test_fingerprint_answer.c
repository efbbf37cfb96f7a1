/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* native/fingerprint.c: the answer to GET /fingerprint, however it is cut, and whatever else a
 * server may say. */
#include "native/fingerprint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define HEX "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

static int parse(const char *answer, bool is_end)
{
    uint8_t out[QUIC_FINGERPRINT_BYTES];
    return fingerprint_parse(answer, strlen(answer), is_end, out);
}

static void a_good_answer_gives_the_bytes(void **state)
{
    (void)state;
    const char *answer = "HTTP/1.1 200 OK\r\nContent-Length: 65\r\nX: y\r\n\r\n" HEX "\n";
    uint8_t out[QUIC_FINGERPRINT_BYTES];
    assert_int_equal(fingerprint_parse(answer, strlen(answer), false, out), 0);
    for (size_t i = 0; i < sizeof out; i++)
        assert_int_equal(out[i], 0x11 * (i % 16));
}

static void an_answer_without_a_length_ends_with_the_connection(void **state)
{
    (void)state;
    const char *answer = "HTTP/1.0 200 OK\r\n\r\n " HEX "\r\n";
    assert_int_equal(parse(answer, false), MOQ_ERR_AGAIN);
    assert_int_equal(parse(answer, true), 0);
}

static void every_cut_asks_for_more_and_at_the_end_is_an_error(void **state)
{
    (void)state;
    const char *answer = "HTTP/1.1 200 OK\r\ncontent-length: 64\r\n\r\n" HEX;
    uint8_t out[QUIC_FINGERPRINT_BYTES];
    for (size_t n = 0; n < strlen(answer); n++) {
        char *cut = malloc(n + 1);
        assert_non_null(cut);
        memcpy(cut, answer, n);
        assert_int_equal(fingerprint_parse(cut, n, false, out), MOQ_ERR_AGAIN);
        assert_int_equal(fingerprint_parse(cut, n, true, out), MOQ_ERR_DECODE);
        free(cut);
    }
}

static void what_is_not_a_200_is_a_refusal(void **state)
{
    (void)state;
    assert_int_equal(parse("HTTP/1.1 404 Not Found\r\n\r\n", false), MOQ_ERR_REFUSED);
    assert_int_equal(parse("HTTP/1.1 301 Moved\r\nLocation: x\r\n\r\n", false), MOQ_ERR_REFUSED);
}

static void what_is_no_fingerprint_does_not_parse(void **state)
{
    (void)state;
    assert_int_equal(parse("SSH-2.0-OpenSSH\r\n\r\n", true), MOQ_ERR_DECODE);
    assert_int_equal(parse("\r\n\r\n", true), MOQ_ERR_DECODE);
    assert_int_equal(parse("HTTP/1.1 200 OK\r\n\r\n<html>", true), MOQ_ERR_DECODE);
    assert_int_equal(parse("HTTP/1.1 200 OK\r\n\r\n" HEX "00", true), MOQ_ERR_DECODE);
    assert_int_equal(parse("HTTP/1.1 200 OK\r\nContent-Length: 63\r\n\r\n" HEX, true),
                     MOQ_ERR_DECODE);
    assert_int_equal(
        parse("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n" HEX, true),
        MOQ_ERR_DECODE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_answer_gives_the_bytes),
        cmocka_unit_test(an_answer_without_a_length_ends_with_the_connection),
        cmocka_unit_test(every_cut_asks_for_more_and_at_the_end_is_an_error),
        cmocka_unit_test(what_is_not_a_200_is_a_refusal),
        cmocka_unit_test(what_is_no_fingerprint_does_not_parse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
