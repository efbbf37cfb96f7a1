/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Media by PUT and POST, as curl and ffmpeg send it. */
#include "tests/unit/modules/karp_server.h"
#include "tests/unit/modules/karp_shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct stage stage;
static struct http_server *server;
static struct file media;
static struct shell shell;
static char folder[] = "/tmp/moq-http-XXXXXX";

static int begin(void **state)
{
    (void)state;
    server = server_begin(&stage, 0);
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

static void write_media(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(media.data, 1, media.size, file), media.size);
    fclose(file);
}

static int run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int run(const char *format, ...)
{
    char command[2048], line[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    snprintf(line, sizeof line, "cd %s && URL=http://127.0.0.1:%u && %s", folder, http_port(server),
             command);
    return shell_run(&shell, &stage, line);
}

static void curl_uploads_and_is_told(void **state)
{
    (void)state;
    if (!shell_has("curl"))
        skip();
    write_media("a.mp4");
    assert_int_equal(run("curl -sS -T a.mp4 $URL/demo/a 2>&1"), 0);
    assert_string_equal(shell.output, "5 frames published\n");
    assert_int_equal(run("cat a.mp4 | curl -sS -T - $URL/demo/a 2>&1"), 0);
    assert_string_equal(shell.output, "5 frames published\n");
    assert_int_equal(run("curl -sS -H 'Expect: 100-continue' --data-binary @a.mp4 $URL/a 2>&1"), 0);
    assert_string_equal(shell.output, "5 frames published\n");

    /* An endless upload that is wrong after the first bytes. */
    assert_int_equal(run("(cat a.mp4; yes) | curl -sS -f -T - $URL/demo/a 2>&1"), 22);
    assert_non_null(strstr(shell.output, "400"));
    assert_int_equal(run("(cat a.mp4; yes) | curl -sS -w '%%{http_code}' -T - $URL/a 2>&1"), 0);
    assert_non_null(strstr(shell.output, "bytes)\n400"));
}

static void curl_brings_credentials(void **state)
{
    static const struct {
        const char *options, *query, *expected;
    } cases[] = {
        {"-H 'Authorization: Bearer t.o.k'", "", "t.o.k"},
        {"-u user:t.o.k", "", "t.o.k"},
        {"-u :t.o.k", "", "t.o.k"},
        {"", "?jwt=t.o.k", "t.o.k"},
        {"-u user:b.a.s", "?jwt=t.o.k", "b.a.s"},
        {"", "", ""},
    };
    (void)state;
    if (!shell_has("curl"))
        skip();
    write_media("a.mp4");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(
            run("curl -sS %s -T a.mp4 \"$URL/a%s\" 2>&1", cases[i].options, cases[i].query), 0);
        assert_string_equal(shell.output, "5 frames published\n");
        assert_string_equal(stage.visitor.credential, cases[i].expected);
    }
    verdict_set(&stage.guest_verdict, VERDICT_UNAUTHORIZED, "who are you?");
    assert_int_equal(run("yes | curl -sS -w '%%{http_code}' -T - $URL/a 2>&1"), 0);
    assert_string_equal(shell.output, "who are you?\n401");
}

#define FFMPEG_MEDIA                                                                               \
    "ffmpeg -v error -f lavfi -i testsrc=size=64x64:rate=25 -f lavfi -i sine -t 1 "                \
    "-c:v libx264 -preset ultrafast -c:a aac "
#define FFMPEG_MP4 "-f mp4 -movflags cmaf+separate_moof+delay_moov+skip_trailer -frag_duration 1 "

static void ffmpeg_puts_its_media(void **state)
{
    (void)state;
    if (!shell_has("ffmpeg"))
        skip();
    assert_int_equal(run(FFMPEG_MEDIA FFMPEG_MP4 "-method PUT $URL/demo/live 2>&1"), 0);
    assert_string_equal(shell.output, "");
    assert_int_equal(stage_track(&stage, "video1")->frames, 25);
    assert_int_equal(stage_track(&stage, "video1")->withdraw_error, 0);
    assert_in_range(stage_track(&stage, "audio2")->frames, 43, 46);
    assert_int_equal(run(FFMPEG_MEDIA FFMPEG_MP4 "$URL/demo/live 2>&1"), 0); /* POST */
    assert_int_equal(stage_track(&stage, "video1")->frames, 25);
    assert_int_equal(run(FFMPEG_MEDIA FFMPEG_MP4
                         "-method PUT -auth_type basic http://x:t.o.k@${URL#http://}/live 2>&1"),
                     0);
    assert_string_equal(stage.visitor.credential, "t.o.k");
    assert_int_equal(run(FFMPEG_MEDIA FFMPEG_MP4
                         "-method PUT -headers 'Authorization: Bearer h.e.a' $URL/live 2>&1"),
                     0);
    assert_string_equal(stage.visitor.credential, "h.e.a");
}

static void ffmpeg_is_not_left_hanging(void **state)
{
    (void)state;
    if (!shell_has("ffmpeg"))
        skip();
    verdict_set(&stage.guest_verdict, VERDICT_FORBIDDEN, "no");
    assert_true(
        run("ffmpeg -v error -re -f lavfi -i testsrc=size=64x64:rate=25 -t 600 -c:v libx264 "
            "-preset ultrafast " FFMPEG_MP4 "-method PUT $URL/live 2>&1") != 0);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(curl_uploads_and_is_told),
        SERVED(curl_brings_credentials),
        SERVED(ffmpeg_puts_its_media),
        SERVED(ffmpeg_is_not_left_hanging),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
