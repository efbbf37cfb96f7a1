/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A file over TCP and over a unix socket: one client at a time, and what is wrong is in the log. */
#include "tests/unit/modules/karp_shell.h"

#include "tests/unit/prologue.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "modules/karp/listen.h"

static struct stage stage;
static struct listen_source *tcp, *unix_source;
static struct file media;
static char folder[] = "/tmp/moq-listen-XXXXXX";
static char socket_path[64];

static void open_unix(void)
{
    char error_text[DOOR_ERROR_BYTES];
    const struct listen_config config = {.path = "demo/unix", .unix_path = socket_path};
    if (listen_open(&unix_source, stage.set, &config, error_text))
        fail_msg("%s", error_text);
}

static int begin(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct listen_config config = {
        .path = "demo/tcp", .address = (struct sockaddr *)&address, .silence_ms = 1500};
    char error_text[DOOR_ERROR_BYTES];
    (void)state;
    stage_init(&stage);
    assert_int_equal(listen_open(&tcp, stage.set, &config, error_text), 0);
    open_unix();
    media.size = 0;
    file_usual(&media);
    return 0;
}

static int end(void **state)
{
    (void)state;
    listen_close(&tcp);
    listen_close(&unix_source);
    stage_deinit(&stage);
    return 0;
}

static int connect_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)listen_port(tcp)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static int connect_unix(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void send_media(int fd)
{
    assert_int_equal(send(fd, media.data, media.size, MSG_NOSIGNAL), media.size);
}

static bool is_sent_away(void *fd)
{
    char byte;
    return recv(*(int *)fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void assert_usual(const char *path)
{
    assert_string_equal(stage_output(&stage)->path, path);
    assert_int_equal(stage_track(&stage, "video1")->frames, 3);
    assert_int_equal(stage_track(&stage, "audio2")->frames, 2);
    assert_true(stage_track(&stage, "video1")->is_ended);
    assert_int_equal(stage_track(&stage, "video1")->withdraw_error, 0);
}

static void a_file_over_tcp_is_a_broadcast(void **state)
{
    int fd = connect_tcp();
    (void)state;
    send_media(fd);
    close(fd);
    assert_true(stage_run_until_log(&stage, "demo/tcp: from TCP port"));
    assert_true(stage_run_until_log(&stage, "ended after 5 frames"));
    assert_usual("demo/tcp");
}

static void a_file_over_a_unix_socket_is_a_broadcast(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) { /* one after the other */
        int fd = connect_unix();
        stage.log[0] = '\0';
        send_media(fd);
        close(fd);
        assert_true(stage_run_until_log(&stage, "ended after 5 frames"));
        assert_usual("demo/unix");
    }
}

static void a_second_client_is_sent_away(void **state)
{
    int first = connect_tcp(), second;
    (void)state;
    send_media(first);
    assert_true(stage_run_until_log(&stage, "demo/tcp: instance"));
    second = connect_tcp();
    assert_true(stage_run(&stage, is_sent_away, &second));
    assert_true(stage_has_log(&stage, "a client is sent away: demo/tcp is being published"));
    close(second);
    close(first); /* unharmed */
    assert_true(stage_run_until_log(&stage, "ended after 5 frames"));
    second = connect_tcp();
    send_media(second);
    stage.log[0] = '\0';
    close(second);
    assert_true(stage_run_until_log(&stage, "ended after 5 frames"));
}

static void wrong_media_ends_the_connection(void **state)
{
    int fd = connect_tcp();
    (void)state;
    assert_int_equal(send(fd, "This is no MP4 at all, is it", 28, MSG_NOSIGNAL), 28);
    assert_true(stage_run(&stage, is_sent_away, &fd));
    assert_true(stage_has_log(&stage, "(within the first 28 bytes) after 0 frames"));
    close(fd);
}

static void silence_ends_the_connection(void **state)
{
    int fd = connect_tcp();
    (void)state;
    assert_true(stage_run(&stage, is_sent_away, &fd));
    assert_true(stage_has_log(&stage, "no data for 1 s"));
    close(fd);
}

static void a_file_that_breaks_off_is_told(void **state)
{
    int fd = connect_tcp();
    (void)state;
    assert_int_equal(send(fd, media.data, media.size - 3, MSG_NOSIGNAL), media.size - 3);
    close(fd);
    assert_true(stage_run_until_log(&stage, "frames"));
    assert_true(stage_run_until_log(&stage, "bytes) after"));
    assert_true(stage_track(&stage, "video1")->withdraw_error != 0);
}

static void the_socket_of_a_dead_process_is_replaced(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;
    char error_text[DOOR_ERROR_BYTES];
    struct listen_source *another = NULL;
    const struct listen_config config = {.path = "x", .unix_path = socket_path};
    (void)state;
    assert_int_equal(listen_open(&another, stage.set, &config, error_text), MOQ_ERR_IO); /* alive */
    assert_string_equal(error_text, "cannot listen: address already in use");
    int fd = connect_unix();
    close(fd);

    listen_close(&unix_source);
    stage_run_for(&stage, 50);
    assert_int_not_equal(stat(socket_path, &status), 0);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd); /* it stays in the file system */
    open_unix();
    a_file_over_a_unix_socket_is_a_broadcast(state);
}

static void what_is_no_socket_is_not_replaced(void **state)
{
    char error_text[DOOR_ERROR_BYTES], path[80], longer[200];
    struct listen_source *another = NULL;
    struct stat status;
    (void)state;
    snprintf(path, sizeof path, "%s/precious", folder);
    fclose(fopen(path, "w"));
    struct listen_config config = {.path = "x", .unix_path = path};
    assert_int_equal(listen_open(&another, stage.set, &config, error_text), MOQ_ERR_IO);
    assert_int_equal(stat(path, &status), 0);
    unlink(path);
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    config.unix_path = longer;
    assert_int_equal(listen_open(&another, stage.set, &config, error_text), MOQ_ERR_IO);
    assert_string_equal(error_text, "cannot listen: name too long");
}

static void a_port_that_is_taken_is_told(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)listen_port(tcp)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char error_text[DOOR_ERROR_BYTES];
    struct listen_source *another = NULL;
    const struct listen_config config = {.path = "x", .address = (struct sockaddr *)&address};
    (void)state;
    assert_int_equal(listen_open(&another, stage.set, &config, error_text), MOQ_ERR_IO);
    assert_string_equal(error_text, "cannot listen: address already in use");
}

static void ffmpeg_sends_by_tcp(void **state)
{
    struct shell shell;
    char command[512];
    (void)state;
    if (!shell_has("ffmpeg"))
        skip();
    snprintf(command, sizeof command,
             "ffmpeg -v error -f lavfi -i testsrc=size=64x64:rate=25 -t 1 -c:v libx264 -preset "
             "ultrafast -f mp4 -movflags cmaf+separate_moof+delay_moov+skip_trailer "
             "-frag_duration 1 tcp://127.0.0.1:%u 2>&1",
             listen_port(tcp));
    assert_int_equal(shell_run(&shell, &stage, command), 0);
    assert_true(stage_run_until_log(&stage, "ended after 25 frames"));
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(socket_path, sizeof socket_path, "%s/in.sock", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

#define LISTENING(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LISTENING(a_file_over_tcp_is_a_broadcast),
        LISTENING(a_file_over_a_unix_socket_is_a_broadcast),
        LISTENING(a_second_client_is_sent_away),
        LISTENING(wrong_media_ends_the_connection),
        LISTENING(silence_ends_the_connection),
        LISTENING(a_file_that_breaks_off_is_told),
        LISTENING(the_socket_of_a_dead_process_is_replaced),
        LISTENING(what_is_no_socket_is_not_replaced),
        LISTENING(a_port_that_is_taken_is_told),
        LISTENING(ffmpeg_sends_by_tcp),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
