/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* moq-karp, as a program, meets a publisher that refuses what it has announced, or has odd
 * names. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/objects.h"
#include "karp/karp.h"
#include "native/native.h"
#include "tests/unit/karp/export_sink.h"
#include "tests/unit/prologue.h"

enum { CATALOG, VIDEO, AUDIO, TRACKS, FRAMES = 5 };

struct stage {
    uv_loop_t loop;
    struct moq_native *native;
    struct quic_tls *tls;
    struct moq_listener *listener;
    struct moq_offers *offers;
    struct moq_track *tracks[TRACKS];
    int refusals[TRACKS]; /* still to come */
    int requests[TRACKS];
    uint16_t port;
    uv_timer_t end; /* of the broadcast */
    char folder[64], said[1 << 16];
    bool is_over;
    int status;
};

/* ---- The publisher --------------------------------------------------------------------------- */

static void write_group(struct moq_track *track, const void *data, size_t size)
{
    struct moq_group *group;
    assert_int_equal(moq_track_open_group(track, 0, &group), 0);
    assert_int_equal(moq_track_write_frame(track, group, data, size), 0);
    moq_track_finish_group(track, group);
}

static void write_catalog(struct stage *stage, const char *codec)
{
    struct karp_catalog *catalog = karp_catalog_new();
    struct karp_track video = {.kind = KARP_VIDEO, .name = "v", .width = 320, .height = 180};
    snprintf(video.codec, sizeof video.codec, "%s", codec);
    struct karp_track audio = {
        .kind = KARP_AUDIO, .name = "a", .codec = "opus", .sample_rate = 48000, .channel_count = 2};
    assert_int_equal(karp_catalog_add(catalog, &video), 0);
    assert_int_equal(karp_catalog_add(catalog, &audio), 0);
    char *json = karp_catalog_print(catalog);
    write_group(stage->tracks[CATALOG], json, strlen(json));
    free(json);
    karp_catalog_free(catalog);
}

static void write_sound(struct stage *stage)
{
    struct moq_track *track = stage->tracks[AUDIO];
    struct moq_group *group;
    assert_int_equal(moq_track_open_group(track, 0, &group), 0);
    for (size_t i = 0; i < FRAMES; i++) {
        uint8_t frame[KARP_FRAME_HEADER_MAX_BYTES + 4] = {0};
        size_t head = karp_frame_header(i * 20000, frame);
        assert_int_equal(moq_track_write_frame(track, group, frame, head + 4), 0);
    }
    moq_track_finish_group(track, group);
}

static size_t put_unit(uint8_t *to, const uint8_t *unit, size_t size)
{
    static const uint8_t code[] = {0, 0, 1};
    memcpy(to, code, sizeof code);
    memcpy(to + sizeof code, unit, size);
    return sizeof code + size;
}

/* A keyframe, and a picture whose start codes become lengths that have no room. */
static void write_growing_picture(struct stage *stage)
{
    static const uint8_t key[] = {0x65, 0x88, 0x84}, slice[] = {0x41};
    struct moq_track *track = stage->tracks[VIDEO];
    struct moq_group *group;
    uint8_t *frame = malloc(KARP_FRAME_MAX_BYTES);
    assert_non_null(frame);
    size_t size = karp_frame_header(0, frame);
    size += put_unit(frame + size, sps_reorder_2, sizeof sps_reorder_2);
    size += put_unit(frame + size, pps_of_it, sizeof pps_of_it);
    size += put_unit(frame + size, key, sizeof key);
    assert_int_equal(moq_track_open_group(track, 0, &group), 0);
    assert_int_equal(moq_track_write_frame(track, group, frame, size), 0);
    size = karp_frame_header(40000, frame);
    while (size + 4 <= KARP_FRAME_MAX_BYTES)
        size += put_unit(frame + size, slice, sizeof slice);
    assert_int_equal(moq_track_write_frame(track, group, frame, size), 0);
    moq_track_finish_group(track, group);
    free(frame);
}

static void on_request(struct moq_session *session, struct moq_request *request)
{
    static const struct moq_policy policy = {
        .latency_ns = CLOCK_NEVER, .priority = 128, .order = MOQ_ORDER_OLDEST};
    struct stage *stage = moq_session_user(session);
    for (int i = 0; i < TRACKS; i++) {
        if (!moq_path_equal(request->path, moq_track_path(stage->tracks[i])))
            continue;
        stage->requests[i]++;
        if (stage->refusals[i] > 0 && stage->refusals[i]--)
            moq_request_refuse(request, MOQ_ERR_NOT_FOUND);
        else
            moq_request_serve(request, stage->tracks[i], &policy);
        return;
    }
    moq_request_refuse(request, MOQ_ERR_NOT_FOUND);
}

/* As soon as the sound is watched, and the picture too, or it was asked for again. */
static void on_end(uv_timer_t *timer)
{
    struct stage *stage = timer->data;
    bool is_picture_refused = stage->refusals[VIDEO] > 0;
    if (stage->requests[AUDIO] == 0 || stage->requests[VIDEO] < (is_picture_refused ? 2 : 1))
        return;
    uv_timer_stop(timer);
    moq_native_wake(stage->native);
    moq_track_end(stage->tracks[AUDIO], 0);
    moq_track_end(stage->tracks[VIDEO], 0);
    for (int i = 0; i < TRACKS; i++)
        moq_offers_remove(stage->offers, moq_track_path(stage->tracks[i]), NULL);
}

static int on_peer(struct moq_listener *listener, const struct moq_peer *peer,
                   struct moq_session_config *config)
{
    static const struct moq_session_events events = {.on_request = on_request};
    struct stage *stage = moq_listener_user(listener);
    (void)peer;
    config->events = &events;
    config->user = stage;
    config->offers = stage->offers;
    return 0;
}

/* ---- The stage ------------------------------------------------------------------------------- */

static struct moq_track *offer(struct stage *stage, const char *text)
{
    struct moq_path *path = moq_path_from_text(text);
    struct moq_track_config config = {.clock = moq_native_clock(stage->native), .priority = 128};
    struct moq_track *track = moq_track_new(path, &config);
    assert_int_equal(moq_offers_add(stage->offers, path, NULL), 0);
    moq_path_unref(&path);
    return track;
}

static void listen_anywhere(struct stage *stage)
{
    static const struct moq_listener_events events = {.on_peer = on_peer};
    struct moq_listener_config config = {
        .address = "127.0.0.1:0", .tls = stage->tls, .events = &events, .user = stage};
    char why[QUIC_ERROR_TEXT_BYTES] = "";
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    if (moq_listener_open(stage->native, &config, &stage->listener, why))
        fail_msg("%s", why);
    assert_int_equal(moq_listener_address(stage->listener, &bound, &size), 0);
    stage->port = ntohs(((struct sockaddr_in *)(void *)&bound)->sin_port);
}

static int open_stage(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    const char *names[] = {"localhost"};
    struct quic_tls_server_config tls = {.self_signed = names, .self_signed_count = 1};
    log_set_level(LOG_LEVEL_OFF);
    assert_int_equal(uv_loop_init(&stage->loop), 0);
    uv_timer_init(&stage->loop, &stage->end);
    stage->end.data = stage;
    uv_timer_start(&stage->end, on_end, 10, 10);
    stage->native = moq_native_new(&(struct moq_native_config){.loop = &stage->loop});
    stage->tls = quic_tls_server_new(&tls, NULL);
    stage->offers = moq_offers_new();
    stage->tracks[CATALOG] = offer(stage, "b/001700000000000");
    stage->tracks[VIDEO] = offer(stage, "b/001700000000000/v");
    stage->tracks[AUDIO] = offer(stage, "b/001700000000000/a");
    listen_anywhere(stage);
    strcpy(stage->folder, "/tmp/moq-refusals-XXXXXX");
    assert_non_null(mkdtemp(stage->folder));
    *state = stage;
    return 0;
}

static int close_stage(void **state)
{
    struct stage *stage = *state;
    moq_listener_close(&stage->listener, NULL, NULL);
    moq_native_close(&stage->native, NULL, NULL);
    for (int i = 0; i < TRACKS; i++)
        moq_track_unref(&stage->tracks[i]);
    moq_offers_free(&stage->offers);
    uv_close((uv_handle_t *)&stage->end, NULL);
    uv_run(&stage->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&stage->loop), 0);
    quic_tls_unref(&stage->tls);
    rmdir(stage->folder);
    free(stage);
    assert_int_equal(objects_report(stderr), 0);
    return 0;
}

/* ---- The viewer ------------------------------------------------------------------------------ */

static void on_exit_of_it(uv_process_t *process, int64_t status, int signal)
{
    struct stage *stage = process->data;
    stage->is_over = true;
    stage->status = signal ? -signal : (int)status;
    uv_close((uv_handle_t *)process, NULL);
}

/* Until it ends. What it says and prints is in `said`. */
static void run_karp(struct stage *stage, char *command, char *option, char *value, char *more)
{
    char url[64], errors[96], program[] = MOQ_KARP, verify[] = "--tls-disable-verify";
    snprintf(url, sizeof url, "https://127.0.0.1:%u/b", stage->port);
    snprintf(errors, sizeof errors, "%s/err", stage->folder);
    FILE *file = fopen(errors, "w+");
    char *argv[] = {program, verify, command, url, option, value, more, NULL};
    uv_stdio_container_t stdio[] = {{.flags = UV_IGNORE},
                                    {UV_INHERIT_FD, {.fd = fileno(file)}},
                                    {UV_INHERIT_FD, {.fd = fileno(file)}}};
    uv_process_options_t options = {
        .file = program, .args = argv, .exit_cb = on_exit_of_it, .stdio = stdio, .stdio_count = 3};
    uv_process_t process = {.data = stage};
    assert_int_equal(uv_spawn(&stage->loop, &process, &options), 0);
    while (!stage->is_over || uv_is_active((uv_handle_t *)&process))
        uv_run(&stage->loop, UV_RUN_ONCE);
    uv_run(&stage->loop, UV_RUN_NOWAIT);
    rewind(file);
    stage->said[fread(stage->said, 1, sizeof stage->said - 1, file)] = '\0';
    fclose(file);
    unlink(errors);
}

static void watch(struct stage *stage, char *patience)
{
    char output[96], option[] = "--patience", command[] = "subscribe";
    snprintf(output, sizeof output, "--output=%s/out.mp4", stage->folder);
    run_karp(stage, command, option, patience, output);
    unlink(strchr(output, '=') + 1);
}

static void assert_ends(const struct stage *stage, int status)
{
    if (stage->status != status)
        fail_msg("it ended with %d instead of %d: %s", stage->status, status, stage->said);
}

static void assert_said(const struct stage *stage, const char *words)
{
    if (!strstr(stage->said, words))
        fail_msg("\"%s\" is not in %s", words, stage->said);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void a_catalog_that_stays_refused_ends_it(void **state)
{
    struct stage *stage = *state;
    char patience[] = "200ms";
    stage->refusals[CATALOG] = INT32_MAX;
    watch(stage, patience);
    assert_ends(stage, 1);
    assert_said(stage, "the broadcast is announced, but its catalog cannot be fetched: not found");
}

static void a_catalog_that_is_served_at_last_is_taken_and_what_is_missing_is_told(void **state)
{
    struct stage *stage = *state;
    char patience[] = "60s";
    stage->refusals[CATALOG] = 1;
    stage->refusals[VIDEO] = INT32_MAX;
    write_catalog(stage, "vp8");
    write_sound(stage);
    watch(stage, patience);
    assert_ends(stage, 4);
    assert_int_equal(stage->requests[CATALOG], 2);
    assert_said(stage, "its catalog cannot be fetched (not found); trying again");
    assert_said(stage, "track v: its subscription failed (not found); trying again");
    assert_said(stage, "left out: 1 tracks whose subscriptions failed");
}

static void a_frame_over_the_bound_is_left_out_alone(void **state)
{
    struct stage *stage = *state;
    char patience[] = "60s";
    write_catalog(stage, "avc3.64000d");
    write_sound(stage);
    write_growing_picture(stage);
    watch(stage, patience);
    assert_ends(stage, 4);
    assert_said(stage, "left out: 1 frames that are larger than 16 MiB");
}

static void catalogs_cannot_write_what_they_like_to_a_terminal(void **state)
{
    struct stage *stage = *state;
    char command[] = "info", option[] = "--duration", value[] = "100ms";
    write_catalog(stage, "x\033[2J\n");
    write_sound(stage);
    run_karp(stage, command, option, value, NULL);
    assert_ends(stage, 0);
    assert_said(stage,
                "broadcast b, instance 001700000000000, 2 tracks\nvideo v: x{1b}[2J{0a}, 320x180");
    assert_null(strchr(stage->said, '\033'));
}

/* A number has no zeros in front. */
static void an_instance_is_a_number_for_json(void **state)
{
    struct stage *stage = *state;
    char command[] = "info", option[] = "--duration", value[] = "100ms", more[] = "--json";
    write_catalog(stage, "vp8");
    write_sound(stage);
    run_karp(stage, command, option, value, more);
    assert_ends(stage, 0);
    assert_said(stage, "{\"broadcast\":\"b\",\"instance\":1700000000000,");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_catalog_that_stays_refused_ends_it, open_stage,
                                        close_stage),
        cmocka_unit_test_setup_teardown(
            a_catalog_that_is_served_at_last_is_taken_and_what_is_missing_is_told, open_stage,
            close_stage),
        cmocka_unit_test_setup_teardown(a_frame_over_the_bound_is_left_out_alone, open_stage,
                                        close_stage),
        cmocka_unit_test_setup_teardown(catalogs_cannot_write_what_they_like_to_a_terminal,
                                        open_stage, close_stage),
        cmocka_unit_test_setup_teardown(an_instance_is_a_number_for_json, open_stage, close_stage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
