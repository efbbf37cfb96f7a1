/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Commands that write media: started, stopped, started again; nothing of them is left behind. */
#include "tests/unit/modules/karp_shell.h"

#include "tests/unit/prologue.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "modules/karp/child.h"

static struct stage stage;
static struct child_source *source;
static struct child_yard yard;
static char folder[] = "/tmp/moq-child-XXXXXX";

static int begin(void **state)
{
    (void)state;
    stage_init(&stage);
    child_yard_init(&yard);
    return 0;
}

static int end(void **state)
{
    (void)state;
    child_close(&source);
    stage_deinit(&stage); /* does not return before the processes are gone */
    return 0;
}

/* `command` runs in the folder, where a.mp4 is. */
static void start(const char *command, bool is_on_demand)
{
    char line[1024];
    snprintf(line, sizeof line, "cd %s; %s", folder, command);
    const struct child_config config = {.path = "demo/child",
                                        .command = line,
                                        .is_on_demand = is_on_demand,
                                        .yard = &yard,
                                        .idle_ms = 300,
                                        .silence_ms = 1500};
    source = child_open(stage.set, &config);
    assert_non_null(source);
}

static bool has_video(void *arg)
{
    (void)arg;
    return stage_frames(&stage, "video1") > 0;
}

static bool is_stopped(void *arg)
{
    (void)arg;
    return child_running(source) == 0;
}

/* The process whose number the command wrote into `name`. */
static pid_t pid_of(const char *name)
{
    char path[128];
    int pid = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "%d", &pid) != 1)
        fail_msg("no process number in %s", path);
    fclose(file);
    return pid;
}

/* Whether it has ended. A grandchild may stay a zombie where process 1 collects none. */
static bool is_gone(pid_t pid)
{
    char path[64], line[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    bool is_read = file && fgets(line, sizeof line, file);
    if (file)
        fclose(file);
    return !is_read || strstr(line, ") Z") != NULL;
}

static void a_command_is_a_broadcast_and_starts_again(void **state)
{
    (void)state;
    start("cat a.mp4", false);
    assert_true(stage_run_until_log(&stage, "the command has ended with status 0; starting again"));
    assert_int_equal(stage_track(&stage, "video1")->frames, 3);
    assert_true(stage_track(&stage, "video1")->is_ended);
    assert_int_equal(stage_track(&stage, "video1")->withdraw_error, 0);
    stage.log[0] = '\0';
    assert_true(stage_run_until_log(&stage, "starting again"));
    assert_int_equal(stage.output_count, 2);
}

static void a_command_that_fails_is_told(void **state)
{
    (void)state;
    start("cat a.mp4; echo it is broken >&2; exit 7", false);
    assert_true(stage_run_until_log(&stage, "the command has ended with status 7; starting again"));
    assert_true(stage_has_log(&stage, "demo/child: it is broken"));
    assert_true(stage_track(&stage, "video1")->withdraw_error != 0);
}

static void a_command_that_is_killed_is_told_and_its_group_goes_with_it(void **state)
{
    (void)state;
    start("sleep 1000 & echo $! >grand; echo $$ >own; cat a.mp4; exec sleep 1000", false);
    assert_true(stage_run(&stage, has_video, NULL));
    pid_t grand = pid_of("grand");
    kill(pid_of("own"), SIGKILL);
    assert_true(stage_run_until_log(&stage, "was ended by signal 9 (Killed); starting again"));
    stage_run_for(&stage, 100);
    assert_true(is_gone(grand));
    assert_true(stage_run(&stage, has_video, NULL));
}

static void wrong_media_stops_the_command(void **state)
{
    (void)state;
    start("echo $$ >own; trap '' TERM; yes this is no media", false);
    assert_true(stage_run_until_log(&stage, "starting again"));
    assert_true(stage_has_log(&stage, "bytes) after 0 frames"));
    assert_true(is_gone(pid_of("own")));
}

static void silence_stops_the_command(void **state)
{
    (void)state;
    start("cat a.mp4; exec sleep 1000", false);
    assert_true(stage_run_until_log(&stage, "no data for 1 s after 5 frames"));
    assert_true(stage_has_log(&stage, "was ended by signal 15"));
}

static void a_command_may_wait_for_its_media(void **state)
{
    (void)state;
    start("sleep 3; cat a.mp4; exec sleep 1000", false); /* silence is 1.5 s */
    assert_true(stage_run(&stage, has_video, NULL));
    assert_false(stage_has_log(&stage, "starting again"));
}

static void a_command_on_demand_has_to_begin(void **state)
{
    (void)state;
    start("exec sleep 1000", true);
    stage_run_for(&stage, 50);
    const struct host_offer *offer = &stage_output(&stage)->offer;
    offer->on_live(offer->owner);
    assert_true(stage_run_until_log(&stage, "no data for 1 s"));
}

static void a_command_that_ignores_the_signal_is_killed(void **state)
{
    (void)state;
    start("trap '' TERM; echo $$ >own; cat a.mp4; while :; do sleep 0.1; done", false);
    assert_true(stage_run(&stage, has_video, NULL));
    pid_t pid = pid_of("own");
    uint64_t began_ns = clock_monotonic_ns();
    child_close(&source);
    uv_run(&stage.loop, UV_RUN_NOWAIT);
    assert_int_equal(stage_output(&stage)->is_open, false); /* at once */
    while (!is_gone(pid))
        stage_run_for(&stage, 50);
    assert_true(clock_monotonic_ns() - began_ns > (CHILD_TERM_MS - 100) * NS_PER_MS);
}

static void a_command_on_demand_runs_while_somebody_watches(void **state)
{
    (void)state;
    start("echo x >>starts; cat a.mp4; sleep 0.1; cat a.mp4; exec sleep 1000", true);
    stage_run_for(&stage, 300);
    assert_int_equal(child_running(source), 0);
    assert_int_equal(stage_output(&stage)->record.offered, 1); /* the promise */
    const struct host_offer *offer = &stage_output(&stage)->offer;
    char id[KARP_ID_MAX_BYTES];
    strcpy(id, stage_track(&stage, "")->id);

    offer->on_live(offer->owner);
    assert_true(stage_run(&stage, has_video, NULL));
    assert_string_equal(stage_track(&stage, "video1")->id, id);
    offer->on_idle(offer->owner);
    stage_run_for(&stage, 100);
    offer->on_live(offer->owner); /* somebody comes before it was stopped */
    stage_run_for(&stage, 500);
    assert_int_equal(child_running(source), 1);

    offer->on_idle(offer->owner);
    assert_true(stage_run(&stage, is_stopped, NULL));
    assert_true(stage_has_log(&stage, "nobody watches"));
    assert_false(stage_has_log(&stage, "starting again"));
    assert_int_equal(stage.outputs[0]->is_open, false);
    assert_int_equal(stage.output_count, 2); /* the next promise, of a newer instance */
    assert_int_equal(stage_output(&stage)->record.offered, 1);
    assert_true(karp_id_compare(stage_track(&stage, "")->id, id) > 0);
    stage_run_for(&stage, 300);
    assert_int_equal(child_running(source), 0);

    offer = &stage_output(&stage)->offer;
    offer->on_live(offer->owner);
    assert_true(stage_run(&stage, has_video, NULL));
}

static void a_command_on_demand_that_fails_is_started_again_for_its_viewers(void **state)
{
    (void)state;
    start("exit 3", true);
    stage_run_for(&stage, 50);
    for (int i = 1; i <= 2; i++) {
        const struct host_offer *offer = &stage_output(&stage)->offer;
        stage.log[0] = '\0';
        offer->on_live(offer->owner);
        assert_true(stage_run_until_log(&stage, "status 3; starting again in "));
        assert_true(stage_has_log(&stage, "if somebody watches"));
        assert_int_equal(stage.output_count, i + 1);
    }
    stage_run_for(&stage, 100); /* nobody watches the last promise */
    assert_int_equal(child_running(source), 0);
}

static void what_it_writes_is_limited_and_cleaned(void **state)
{
    (void)state;
    start("printf 'one\\033[2Jtwo\\rthree\\n' >&2; yes line | head -1000 >&2;"
          "head -c 3000 /dev/zero | tr '\\0' y >&2; echo >&2; cat a.mp4; sleep 1; echo late >&2; "
          "sleep 1000",
          false);
    assert_true(stage_run_until_log(&stage, "demo/child: late"));
    assert_true(stage_has_log(&stage, "demo/child: one?[2Jtwo\n"));
    assert_true(stage_has_log(&stage, "demo/child: three\n"));
    assert_true(stage_has_log(&stage, " more lines)"));
    unsigned lines = 0;
    for (const char *at = stage.log; (at = strstr(at, "demo/child: line")); at++)
        lines++;
    assert_in_range(lines, 1, 2 * CHILD_LINES_PER_SECOND);
}

static void a_source_can_be_closed_at_any_time(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        start("cat a.mp4; exec sleep 1000", i % 2 == 1);
        for (int turn = 0; turn < i; turn++)
            uv_run(&stage.loop, UV_RUN_NOWAIT);
        child_close(&source);
    }
}

static void nothing_is_left_when_the_relay_ends(void **state)
{
    static const char *const commands[] = {
        "echo $$ >own; cat a.mp4; exec sleep 1000",
        "echo $$ >own; trap '' TERM; cat a.mp4; while :; do sleep 0.1; done",
        "echo $$ >own; cat a.mp4",
    };
    (void)state;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (i > 0)
            begin(state);
        start(commands[i], false);
        assert_true(stage_run(&stage, has_video, NULL));
        child_close(&source);
        uint64_t began_ns = clock_monotonic_ns();
        child_yard_clear(&yard); /* the loop does not run */
        assert_true(is_gone(pid_of("own")));
        if (i != 1)
            assert_in_range(clock_monotonic_ns() - began_ns, 0, 800 * NS_PER_MS);
        if (i + 1 < sizeof commands / sizeof commands[0])
            end(state);
    }
}

static void ffmpeg_is_a_command(void **state)
{
    (void)state;
    if (!shell_has("ffmpeg"))
        skip();
    start("exec ffmpeg -v error -re -f lavfi -i testsrc=size=64x64:rate=25 -c:v libx264 -preset "
          "ultrafast -f mp4 -movflags cmaf+separate_moof+delay_moov+skip_trailer -frag_duration 1 "
          "pipe:",
          false);
    assert_true(stage_run(&stage, has_video, NULL));
}

static int make_folder(void **state)
{
    struct file media = {.size = 0};
    char path[128];
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/a.mp4", folder);
    file_usual(&media);
    FILE *file = fopen(path, "wb");
    fwrite(media.data, 1, media.size, file);
    return fclose(file);
}

static int remove_folder(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STAGE(a_command_is_a_broadcast_and_starts_again),
        ON_STAGE(a_command_that_fails_is_told),
        ON_STAGE(a_command_that_is_killed_is_told_and_its_group_goes_with_it),
        ON_STAGE(wrong_media_stops_the_command),
        ON_STAGE(silence_stops_the_command),
        ON_STAGE(a_command_may_wait_for_its_media),
        ON_STAGE(a_command_on_demand_has_to_begin),
        ON_STAGE(a_command_that_ignores_the_signal_is_killed),
        ON_STAGE(a_command_on_demand_runs_while_somebody_watches),
        ON_STAGE(a_command_on_demand_that_fails_is_started_again_for_its_viewers),
        ON_STAGE(what_it_writes_is_limited_and_cleaned),
        ON_STAGE(a_source_can_be_closed_at_any_time),
        ON_STAGE(nothing_is_left_when_the_relay_ends),
        ON_STAGE(ffmpeg_is_a_command),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
