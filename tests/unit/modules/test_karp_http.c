/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Media by PUT and POST, and every answer that a client may get, by sockets of the test's. */
#include "tests/unit/modules/karp_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "modules/karp/visit.h"

static struct stage stage;
static struct http_server *server;
static struct file media;

static int begin(void **state)
{
    (void)state;
    server = server_begin(&stage, 1500);
    media.size = 0;
    file_usual(&media);
    return 0;
}

static int end(void **state)
{
    (void)state;
    http_close(&server);
    stage_deinit(&stage);
    return 0;
}

/* ---- A client of the test's ------------------------------------------------------------------ */

struct client {
    int fd;
    char answer[4096];
    size_t size;
    bool is_over; /* the server has closed, or reset it */
};

static void client_open(struct client *client)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_port(server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    memset(client, 0, sizeof *client);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client->fd, (struct sockaddr *)&address, sizeof address), 0);
}

static void client_send(struct client *client, const void *data, size_t size)
{
    assert_int_equal(send(client->fd, data, size, MSG_NOSIGNAL), size);
}

static void client_text(struct client *client, const char *text)
{
    client_send(client, text, strlen(text));
}

static bool is_answered(void *arg)
{
    struct client *client = arg;
    char *room = client->answer + client->size;
    ssize_t n = recv(client->fd, room, sizeof client->answer - 1 - client->size, MSG_DONTWAIT);
    if (n > 0)
        client->size += (size_t)n;
    client->is_over |= n == 0 || (n < 0 && errno != EAGAIN);
    return client->is_over;
}

/* Runs until the server has closed the connection. */
static const char *client_answer(struct client *client)
{
    if (!stage_run(&stage, is_answered, client))
        fail_msg("no end of the answer: %s", client->answer);
    return client->answer;
}

static void client_close(struct client *client)
{
    close(client->fd);
}

static void assert_answer(struct client *client, const char *status, const char *words)
{
    const char *answer = client_answer(client);
    if (!strstr(answer, status) || !strstr(answer, words))
        fail_msg("the answer: %s", answer);
    client_close(client);
}

static void assert_request(const char *head, const char *status, const char *words)
{
    struct client client;
    client_open(&client);
    client_text(&client, head);
    assert_answer(&client, status, words);
}

static void begin_put(struct client *client, const char *path)
{
    char head[256];
    client_open(client);
    snprintf(head, sizeof head, "PUT %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
             path);
    client_text(client, head);
}

static void send_chunk(struct client *client, const void *data, size_t size)
{
    char line[32];
    client_send(client, line, (size_t)snprintf(line, sizeof line, "%zx\r\n", size));
    client_send(client, data, size);
    client_text(client, "\r\n");
}

static bool has_video(void *arg)
{
    (void)arg;
    return stage_frames(&stage, "video1") > 0;
}

static bool is_idle(void *arg)
{
    (void)arg;
    return ingest_set_counts(stage.set)->active == 0;
}

/* ---- Media ----------------------------------------------------------------------------------- */

static void assert_usual(void)
{
    assert_int_equal(stage_track(&stage, "video1")->frames, 3);
    assert_int_equal(stage_track(&stage, "audio2")->frames, 2);
    assert_true(stage_track(&stage, "video1")->is_ended);
}

static void a_chunked_body_is_a_broadcast(void **state)
{
    struct client client;
    (void)state;
    begin_put(&client, "/demo/bbb?jwt=a.b.c");
    for (size_t at = 0; at < media.size; at += 100)
        send_chunk(&client, media.data + at, media.size - at < 100 ? media.size - at : 100);
    client_text(&client, "0\r\n\r\n");
    assert_answer(&client, "HTTP/1.1 200 ", "5 frames published");
    assert_usual();
    assert_string_equal(stage_output(&stage)->path, "demo/bbb");
    assert_string_equal(stage.visitor.path, "/demo/bbb");
    assert_string_equal(stage.visitor.query, "jwt=a.b.c");
    assert_string_equal(stage.visitor.credential, "a.b.c");
    assert_memory_equal(stage.visitor.address, "127.0.0.1:", 10);
}

static void frames_come_out_while_the_body_comes_in(void **state)
{
    struct client client;
    (void)state;
    begin_put(&client, "/live");
    send_chunk(&client, media.data, media.size);
    assert_true(stage_run(&stage, has_video, NULL));
    client_close(&client); /* as an encoder that was killed */
    assert_true(stage_run(&stage, is_idle, NULL));
    assert_true(stage_track(&stage, "video1")->withdraw_error != 0);
    assert_true(stage_has_log(&stage, "the connection broke off"));

    begin_put(&client, "/live"); /* and comes back */
    send_chunk(&client, media.data, media.size);
    client_text(&client, "0\r\n\r\n");
    assert_answer(&client, " 200 ", "5 frames");
}

static void a_body_of_known_length_is_a_broadcast(void **state)
{
    struct client client;
    char head[128];
    (void)state;
    client_open(&client);
    snprintf(head, sizeof head, "POST /a/b HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
             media.size);
    client_text(&client, head);
    client_send(&client, media.data, media.size);
    assert_answer(&client, " 200 ", "5 frames");
    assert_usual();
}

/* ---- Refusals -------------------------------------------------------------------------------- */

static void requests_that_make_no_sense_are_told(void **state)
{
    (void)state;
    assert_request("GET /demo HTTP/1.1\r\nHost: x\r\n\r\n", " 405 ", "PUT or POST");
    assert_request("GET /demo HTTP/1.1\r\nHost: x\r\n\r\n", "Allow: PUT, POST", "");
    assert_request("PUT /a/../b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", " 400 ", "..");
    assert_request("PUT /a/%2e%2e/b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", " 400 ",
                   "..");
    assert_request("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", " 400 ", "no path");
    assert_request("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", " 400 ",
                   "the input is empty");
    assert_request("nonsense\r\n\r\n", "", "");
    assert_int_equal(stage.guests, 1);
}

static void a_head_is_bounded(void **state)
{
    static char head[VISIT_HEAD_MAX_BYTES + 1000];
    struct client client;
    (void)state;
    size_t used = (size_t)snprintf(head, sizeof head, "PUT /a HTTP/1.1\r\nHost: x\r\nX-Pad: ");
    memset(head + used, 'x', VISIT_HEAD_MAX_BYTES);
    client_open(&client);
    client_text(&client, head);
    client_text(&client, "\r\nContent-Length: 5\r\n\r\n");
    assert_answer(&client, " 431 ", "16 KiB");

    client_open(&client); /* one that never ends */
    client_text(&client, "PUT /a HTTP/1.1\r\nHost: x\r\n");
    for (int i = 0; i < 20; i++) {
        char line[8192];
        snprintf(line, sizeof line, "X-%d: %08000d\r\n", i, 0);
        if (send(client.fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            break;
        stage_run_for(&stage, 20);
    }
    assert_answer(&client, " 431 ", "");
    assert_int_equal(stage.guests, 0);
}

static void wrong_media_is_told_in_the_middle_of_the_body(void **state)
{
    struct client client;
    (void)state;
    begin_put(&client, "/demo");
    send_chunk(&client, media.data, media.size);
    send_chunk(&client, "but this is no box at all", 25);
    assert_answer(&client, "HTTP/1.1 400 Bad Request\r\n", "(within the first");
    assert_true(stage_has_log(&stage, "\"demo\": 400: "));

    begin_put(&client, "/demo"); /* the path is free at once, though nobody has read the answer */
    struct client other;
    send_chunk(&client, "This is no MP4 either, not at all", 33);
    stage_run_for(&stage, 50);
    begin_put(&other, "/demo");
    send_chunk(&other, media.data, media.size);
    client_text(&other, "0\r\n\r\n");
    assert_answer(&other, " 200 ", "5 frames");
    assert_answer(&client, " 400 ", "bytes)");
}

static void a_second_publisher_of_a_path_is_told(void **state)
{
    struct client first, second;
    (void)state;
    begin_put(&first, "/demo");
    send_chunk(&first, media.data, media.size);
    assert_true(stage_run(&stage, has_video, NULL));
    begin_put(&second, "/demo");
    assert_answer(&second, " 409 Conflict",
                  "demo is being published already, from HTTP 127.0.0.1:");
    client_text(&first, "0\r\n\r\n"); /* unharmed */
    assert_answer(&first, " 200 ", "5 frames");
}

static void silence_is_told(void **state)
{
    struct client client;
    (void)state;
    begin_put(&client, "/demo");
    send_chunk(&client, media.data, media.size);
    assert_answer(&client, " 408 ", "no data for 1 s");
}

static void a_frame_that_is_too_large_is_told(void **state)
{
    struct client client;
    struct file file = {.size = 0};
    (void)state;
    file_ftyp(&file);
    file_put(&file, 1 << 30, 4);
    file_text(&file, "moov");
    begin_put(&client, "/demo");
    send_chunk(&client, file.data, file.size);
    assert_answer(&client, " 413 ", "TooLarge");
}

static void a_head_that_never_ends_is_given_up(void **state)
{
    struct client slow, client;
    (void)state;
    client_open(&slow);
    client_text(&slow, "PUT /a HTTP/1.1\r\n");
    stage_run_for(&stage, 100);
    stage.clock_offset_ns += VISIT_HEAD_MS * NS_PER_MS;
    client_answer(&slow);
    assert_int_equal(slow.size, 0);
    client_close(&slow);
    client_open(&client); /* others are served */
    client_text(&client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_answer(&client, " 405 ", "");
}

static void further_connections_wait_for_their_turn(void **state)
{
    static struct client busy[HTTP_CONNECTIONS_MAX];
    struct client client;
    (void)state;
    for (int i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
        char path[32];
        snprintf(path, sizeof path, "/busy/%d", i);
        begin_put(&busy[i], path);
    }
    stage_run_for(&stage, 100);
    client_open(&client);
    client_text(&client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    stage_run_for(&stage, 200);
    assert_false(is_answered(&client) || client.size > 0);
    client_close(&busy[7]);
    assert_answer(&client, " 405 ", "");
    for (int i = 0; i < HTTP_CONNECTIONS_MAX; i++)
        if (i != 7)
            client_close(&busy[i]);
}

/* One of them was first and has its request under way; the next oldest goes. */
static void who_is_silent_makes_room(void **state)
{
    static struct client idle[HTTP_CONNECTIONS_MAX];
    struct client client;
    (void)state;
    begin_put(&idle[0], "/demo/bbb");
    for (int i = 1; i < HTTP_CONNECTIONS_MAX; i++)
        client_open(&idle[i]);
    client_text(&idle[1], "PUT /a HTTP/1.1\r\n");
    stage_run_for(&stage, 100);
    for (int i = 0; i < 5; i++) {
        client_open(&client);
        client_text(&client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_answer(&client, " 405 ", "");
    }
    assert_true(is_answered(&idle[1]));
    assert_false(is_answered(&idle[0]) || is_answered(&idle[HTTP_CONNECTIONS_MAX - 1]));
    for (int i = 0; i < HTTP_CONNECTIONS_MAX; i++)
        client_close(&idle[i]);
}

/* ---- The relay's decision -------------------------------------------------------------------- */

static bool is_guest_there(void *arg)
{
    (void)arg;
    return stage.guests_open > 0;
}

static void a_decision_may_come_later(void **state)
{
    struct client client, bystander;
    const struct verdict allowed = {.status = 0};
    (void)state;
    stage.is_guest_later = true;
    begin_put(&client, "/demo");
    send_chunk(&client, media.data, media.size);
    client_text(&client, "0\r\n\r\n");
    assert_true(stage_run(&stage, is_guest_there, NULL));
    client_open(&bystander); /* is not held up */
    client_text(&bystander, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_answer(&bystander, " 405 ", "");
    assert_int_equal(stage.output_count, 0);
    stage.guest_events->on_decided(stage.guest_owner, &allowed);
    assert_answer(&client, " 200 ", "5 frames");
}

static void a_guest_may_be_refused_at_once_or_later(void **state)
{
    struct client client;
    struct verdict no;
    (void)state;
    verdict_set(&no, VERDICT_UNAUTHORIZED, "the token has expired");
    stage.guest_verdict = no;
    begin_put(&client, "/demo");
    assert_answer(&client, " 401 Unauthorized", "the token has expired");
    assert_true(strstr(client.answer, "WWW-Authenticate: Basic") != NULL);

    stage.is_guest_later = true;
    begin_put(&client, "/demo");
    assert_true(stage_run(&stage, is_guest_there, NULL));
    verdict_set(&no, VERDICT_FORBIDDEN, "not under this path");
    stage.guest_events->on_decided(stage.guest_owner, &no);
    assert_answer(&client, " 403 ", "not under this path");
    assert_int_equal(stage.output_count, 0);
}

static void who_may_not_publish_a_path_does_not_hold_it(void **state)
{
    struct client intruder, encoder;
    (void)state;
    stage.granted = "demo/other";
    for (int i = 0; i < 2; i++) { /* who is let in at once, or later */
        const struct verdict allowed = {.status = 0};
        stage.is_guest_later = i == 1;
        begin_put(&intruder, "/demo/live"); /* and sends nothing more */
        assert_true(i == 0 || stage_run(&stage, is_guest_there, NULL));
        if (i == 1)
            stage.guest_events->on_decided(stage.guest_owner, &allowed);
        assert_answer(&intruder, " 403 ", "may not publish \"demo/live\": its grants do not cover");
    }
    assert_int_equal(ingest_set_counts(stage.set)->opened, 0);
    assert_int_equal(stage.guests_open, 0);

    stage.is_guest_later = false;
    stage.granted = "demo/live";
    begin_put(&encoder, "/demo/live");
    send_chunk(&encoder, media.data, media.size);
    client_text(&encoder, "0\r\n\r\n");
    assert_answer(&encoder, " 200 ", "5 frames");
}

static void a_relay_that_does_not_decide_is_not_waited_for(void **state)
{
    struct client client;
    (void)state;
    stage.is_guest_later = true;
    begin_put(&client, "/demo");
    assert_true(stage_run(&stage, is_guest_there, NULL));
    stage.clock_offset_ns += VISIT_DECISION_MS * NS_PER_MS;
    assert_answer(&client, " 503 ", "not decided in time");
}

static void put_undecided(struct client *client)
{
    stage.is_output_undecided = true;
    begin_put(client, "/demo");
    send_chunk(client, media.data, media.size);
    client_text(client, "0\r\n\r\n");
    stage_run_for(&stage, 300);
    assert_false(is_answered(client) || client->size > 0);
}

static void the_decision_on_its_tracks_is_waited_for(void **state)
{
    struct client client;
    struct verdict no;
    (void)state;
    put_undecided(&client);
    stage.is_output_undecided = false;
    assert_answer(&client, " 200 ", "5 frames");

    put_undecided(&client);
    verdict_set(&no, VERDICT_FORBIDDEN, "not this path");
    const struct host_offer *offer = &stage_output(&stage)->offer;
    offer->on_refused(offer->owner, &no);
    assert_answer(&client, " 403 ", "not this path");

    put_undecided(&client);
    stage.clock_offset_ns += VISIT_DECISION_MS * NS_PER_MS;
    assert_answer(&client, " 503 ", "not decided in time");
    assert_int_equal(stage_output(&stage)->record.offered, 0);
}

static void a_guest_may_be_sent_away_in_the_middle(void **state)
{
    struct client client;
    struct verdict why;
    (void)state;
    begin_put(&client, "/demo");
    send_chunk(&client, media.data, media.size);
    assert_true(stage_run(&stage, has_video, NULL));
    verdict_set(&why, VERDICT_FORBIDDEN, "its token has expired");
    stage.guest_events->on_closed(stage.guest_owner, &why);
    assert_answer(&client, " 403 ", "its token has expired");
}

static void a_client_that_leaves_undecided_is_forgotten(void **state)
{
    struct client client;
    const struct verdict allowed = {.status = 0};
    (void)state;
    stage.is_guest_later = true;
    begin_put(&client, "/demo");
    assert_true(stage_run(&stage, is_guest_there, NULL));
    client_close(&client);
    stage_run_for(&stage, 100);
    stage.guest_events->on_decided(stage.guest_owner, &allowed);
    stage_run_for(&stage, 300);
    assert_int_equal(ingest_set_counts(stage.set)->active, 0);
    assert_int_equal(stage.guests_open, 0);
}

static void a_server_can_be_closed_at_any_time(void **state)
{
    static const char *const heads[] = {
        "", "PUT /a HTTP", "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
        "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nno media"};
    for (size_t i = 0; i < 2 * sizeof heads / sizeof heads[0]; i++) {
        struct client client;
        begin(state);
        stage.is_guest_later = i % 2 == 1;
        client_open(&client);
        client_text(&client, heads[i / 2]);
        stage_run_for(&stage, 50);
        end(state);
        client_close(&client);
    }
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(a_chunked_body_is_a_broadcast),
        SERVED(frames_come_out_while_the_body_comes_in),
        SERVED(a_body_of_known_length_is_a_broadcast),
        SERVED(requests_that_make_no_sense_are_told),
        SERVED(a_head_is_bounded),
        SERVED(wrong_media_is_told_in_the_middle_of_the_body),
        SERVED(a_second_publisher_of_a_path_is_told),
        SERVED(silence_is_told),
        SERVED(a_frame_that_is_too_large_is_told),
        SERVED(a_head_that_never_ends_is_given_up),
        SERVED(further_connections_wait_for_their_turn),
        SERVED(who_is_silent_makes_room),
        SERVED(a_decision_may_come_later),
        SERVED(a_guest_may_be_refused_at_once_or_later),
        SERVED(who_may_not_publish_a_path_does_not_hold_it),
        SERVED(a_relay_that_does_not_decide_is_not_waited_for),
        SERVED(the_decision_on_its_tracks_is_waited_for),
        SERVED(a_guest_may_be_sent_away_in_the_middle),
        SERVED(a_client_that_leaves_undecided_is_forgotten),
        cmocka_unit_test(a_server_can_be_closed_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
