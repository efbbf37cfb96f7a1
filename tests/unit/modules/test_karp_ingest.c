/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Bytes of a file become a broadcast, and whatever is wrong with them a verdict. */
#include "tests/unit/modules/karp_stage.h"

#include "tests/unit/prologue.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

static struct stage stage;
static struct file media;

struct owner {
    struct ingest *ingest;
    struct verdict failure;
    int failures;
};

static int begin(void **state)
{
    (void)state;
    stage_init(&stage);
    media.size = 0;
    file_usual(&media);
    return 0;
}

static int end(void **state)
{
    (void)state;
    stage_deinit(&stage);
    return 0;
}

static void on_failed(void *user, const struct verdict *why)
{
    struct owner *owner = user;
    owner->failure = *why;
    owner->failures++;
    ingest_close(&owner->ingest);
}

static const struct ingest_events events = {.on_failed = on_failed};

static struct ingest_config config_of(struct owner *owner)
{
    return (struct ingest_config){.path = "demo/bbb",
                                  .from = "a test",
                                  .silence_ms = 1000,
                                  .events = &events,
                                  .owner = owner};
}

static void open_ingest(struct owner *owner)
{
    struct verdict why;
    const struct ingest_config config = config_of(owner);
    *owner = (struct owner){.ingest = ingest_open(stage.set, &config, &why)};
    assert_non_null(owner->ingest);
    assert_int_equal(why.status, 0);
}

static void assert_usual(void)
{
    assert_int_equal(stage_track(&stage, "")->frames, 1);
    assert_int_equal(stage_track(&stage, "video1")->frames, 3);
    assert_int_equal(stage_track(&stage, "video1")->groups, 1);
    assert_string_equal(stage_track(&stage, "video1")->last, "two");
    assert_int_equal(stage_track(&stage, "audio2")->frames, 2);
}

static void media_comes_out_whatever_the_pieces(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 2 * media.size; piece = piece * 3 + 1) {
        struct owner owner;
        open_ingest(&owner);
        for (size_t at = 0; at < media.size; at += piece) {
            size_t n = media.size - at < piece ? media.size - at : piece;
            assert_int_equal(ingest_feed(owner.ingest, media.data + at, n), 0);
        }
        assert_int_equal(ingest_finish(owner.ingest), 0);
        assert_int_equal(ingest_frames(owner.ingest), 5);
        assert_usual();
        ingest_close(&owner.ingest);
        assert_int_equal(stage_track(&stage, "video1")->withdraw_error, 0);
        assert_true(stage_track(&stage, "video1")->is_ended);
    }
    const struct ingest_counts *counts = ingest_set_counts(stage.set);
    assert_int_equal(counts->opened, stage.output_count);
    assert_int_equal(counts->frames, 5 * stage.output_count);
    assert_int_equal(counts->bytes, media.size * stage.output_count);
    assert_int_equal(counts->active, 0);
    assert_int_equal(counts->failed, 0);
}

static void renditions_get_an_automatic_track_if_it_is_wanted(void **state)
{
    struct sample_track tracks[] = {video_track, video_track};
    struct file two = {.size = 0};
    struct owner owner;
    struct verdict why;
    struct ingest_config config = config_of(&owner);
    (void)state;
    tracks[1].id = 3;
    tracks[0].codec = tracks[1].codec = "vp08";
    file_ftyp(&two);
    file_moov(&two, tracks, 2);
    file_fragment(
        &two, &(struct sample_run){.track = 1, .texts = "Big aaaaaaaa aaaaaaaa", .duration = 40});
    file_fragment(&two, &(struct sample_run){.track = 3, .texts = "Little a last", .duration = 40});
    for (int i = 0; i < 2; i++) {
        config.ladder.has_auto = i > 0;
        owner = (struct owner){.ingest = ingest_open(stage.set, &config, &why)};
        assert_int_equal(ingest_feed(owner.ingest, two.data, two.size), 0);
        assert_int_equal(ingest_finish(owner.ingest), 0);
        assert_int_equal(ingest_frames(owner.ingest), i > 0 ? 9 : 6);
        assert_int_equal(stage_track(&stage, "video1")->frames, 3);
        if (i > 0) /* the lower one of two, by what was measured */
            assert_string_equal(stage_track(&stage, "auto")->last, "last");
        ingest_close(&owner.ingest);
    }
}

static void instances_of_a_path_rise(void **state)
{
    char before[KARP_ID_MAX_BYTES] = "0";
    (void)state;
    for (int i = 0; i < 5; i++) { /* within a millisecond or so */
        struct owner owner;
        open_ingest(&owner);
        assert_int_equal(ingest_feed(owner.ingest, media.data, media.size), 0);
        assert_int_equal(ingest_finish(owner.ingest), 0);
        const char *id = stage_track(&stage, "video1")->id;
        assert_true(karp_id_compare(before, id) < 0);
        strcpy(before, id);
        ingest_close(&owner.ingest);
    }
}

static void the_path_of_a_source_is_not_for_guests(void **state)
{
    struct owner owner;
    struct verdict why;
    struct ingest_config config = config_of(&owner);
    (void)state;
    config.guest = &stage;
    assert_int_equal(ingest_set_keep_path(stage.set, "demo/other"), 0);
    assert_int_equal(ingest_set_keep_path(stage.set, "demo/bbb"), 0);
    assert_null(ingest_open(stage.set, &config, &why)); /* though nothing comes in there */
    assert_int_equal(why.status, VERDICT_TAKEN);
    assert_string_equal(why.text, "demo/bbb is the path of one of the relay's `sources`");
    open_ingest(&owner); /* as the source does */
    ingest_close(&owner.ingest);
}

static bool is_withdrawn(void *arg)
{
    (void)arg;
    return stage_output(&stage)->record.offered == 0;
}

static void what_is_whole_lingers_for_viewers_that_come_late(void **state)
{
    struct owner owner, other;
    struct verdict why;
    (void)state;
    open_ingest(&owner);
    assert_int_equal(ingest_feed(owner.ingest, media.data, media.size), 0);
    assert_int_equal(ingest_finish(owner.ingest), 0);
    assert_false(ingest_close(&owner.ingest)); /* there is no guest */
    assert_true(stage_track(&stage, "video1")->is_ended);
    assert_int_equal(stage_output(&stage)->record.offered, 3);
    assert_int_equal(ingest_set_counts(stage.set)->active, 0);
    const struct host_offer *offer = &stage_output(&stage)->offer;
    offer->on_live(offer->owner); /* nobody is told any more */

    open_ingest(&other); /* the path is free */
    ingest_close(&other.ingest);
    stage.clock_offset_ns += INGEST_LINGER_MS * NS_PER_MS;
    assert_true(stage_run(&stage, is_withdrawn, NULL));

    open_ingest(&owner); /* the relay may end it before */
    assert_int_equal(ingest_feed(owner.ingest, media.data, media.size), 0);
    assert_int_equal(ingest_finish(owner.ingest), 0);
    ingest_close(&owner.ingest);
    offer = &stage_output(&stage)->offer;
    verdict_set(&why, VERDICT_FORBIDDEN, "not any more");
    offer->on_refused(offer->owner, &why);
    assert_true(stage_run(&stage, is_withdrawn, NULL));
    assert_int_equal(owner.failures, 0);
}

static void those_that_linger_make_room(void **state)
{
    (void)state;
    for (int i = 0; i < INGEST_MAX + 5; i++) {
        struct owner owner;
        open_ingest(&owner);
        assert_int_equal(ingest_feed(owner.ingest, media.data, media.size), 0);
        assert_int_equal(ingest_finish(owner.ingest), 0);
        ingest_close(&owner.ingest);
    }
    assert_false(stage.outputs[0]->is_open);
    assert_true(stage.outputs[5]->is_open);
}

static void a_path_has_one_publisher(void **state)
{
    struct owner first;
    struct verdict why;
    (void)state;
    open_ingest(&first);
    struct ingest_config config = config_of(NULL);
    assert_null(ingest_open(stage.set, &config, &why));
    assert_int_equal(why.status, VERDICT_TAKEN);
    assert_string_equal(why.text, "demo/bbb is being published already, from a test");
    config.path = "demo/bbb2";
    struct ingest *other = ingest_open(stage.set, &config, &why);
    assert_non_null(other);
    ingest_close(&other);
    ingest_close(&first.ingest);
    config.path = "demo/bbb";
    other = ingest_open(stage.set, &config, &why);
    assert_non_null(other);
    ingest_close(&other);
    assert_int_equal(ingest_set_counts(stage.set)->refused, 1);
}

/* Feeds the file. Returns the status of the first error, of the end too. */
static unsigned feed_all(struct owner *owner, const struct file *file)
{
    unsigned status = ingest_feed(owner->ingest, file->data, file->size);
    return status ? status : ingest_finish(owner->ingest);
}

static void assert_refused(const struct file *file, unsigned status, const char *words)
{
    struct owner owner;
    open_ingest(&owner);
    assert_int_equal(feed_all(&owner, file), status);
    const struct verdict *verdict = ingest_verdict(owner.ingest);
    assert_int_equal(verdict->status, status);
    if (!strstr(verdict->text, words))
        fail_msg("%s", verdict->text);
    assert_int_equal(ingest_feed(owner.ingest, file->data, 1), status); /* and so on */
    ingest_close(&owner.ingest);
    assert_true(stage_has_log(&stage, words));
}

static void wrong_media_is_told_with_what_and_where(void **state)
{
    struct file file = {.size = 0};
    (void)state;
    file_text(&file, "This is no MP4 at all, but a text of some length.");
    assert_refused(&file, VERDICT_MALFORMED, "(within the first 49 bytes)");

    file.size = 0;
    file_usual(&file);
    file.size -= 3;
    assert_refused(&file, VERDICT_MALFORMED, "bytes)");

    file.size = 0;
    assert_refused(&file, VERDICT_MALFORMED, "bytes)");
}

static void media_that_breaks_off_ends_with_an_error(void **state)
{
    struct owner owner;
    (void)state;
    open_ingest(&owner);
    assert_int_equal(ingest_feed(owner.ingest, media.data, media.size), 0);
    ingest_close(&owner.ingest);
    assert_int_equal(stage_track(&stage, "video1")->withdraw_error, MOQ_ERR_OFFLINE);
    assert_false(stage_track(&stage, "video1")->is_ended);
    assert_true(stage_has_log(&stage, "demo/bbb: from a test: broke off after 5 frames"));
    assert_int_equal(ingest_set_counts(stage.set)->failed, 1);
}

/* Of the first sample, which has three bytes, in the first trun. */
static size_t place_of_sample_size(const struct file *file)
{
    size_t at = 0;
    while (memcmp(file->data + at, "trun", 4) != 0)
        at++;
    while (memcmp(file->data + at, "\0\0\0\3", 4) != 0)
        at++;
    return at;
}

static void what_is_too_large_is_told(void **state)
{
    struct file file = {.size = 0};
    (void)state;
    file_ftyp(&file); /* a moov that never ends */
    file_put(&file, 1 << 30, 4);
    file_text(&file, "moov");
    file_zeros(&file, 1000);
    assert_refused(&file, VERDICT_TOO_LARGE, "TooLarge");

    file.size = 0;
    file_both(&file);
    file_pictures(&file, 0, "Key");
    file_u32_at(&file, place_of_sample_size(&file), 1 << 30); /* before any byte of it comes */
    assert_refused(&file, VERDICT_TOO_LARGE, "TooLarge");
}

static void boxes_without_end_before_the_moov_are_too_much(void **state)
{
    struct owner owner;
    struct file file = {.size = 0};
    uint64_t sum = 0;
    unsigned status = 0;
    (void)state;
    size_t place = file_begin(&file, "free");
    file_zeros(&file, 60000);
    file_end(&file, place);
    open_ingest(&owner);
    while (!status) {
        status = ingest_feed(owner.ingest, file.data, file.size);
        sum += file.size;
        assert_true(sum < INGEST_PREFACE_MAX_BYTES + 100000);
    }
    assert_int_equal(status, VERDICT_TOO_LARGE);
    assert_true(sum > INGEST_PREFACE_MAX_BYTES);
    ingest_close(&owner.ingest);
}

static bool has_failed(void *arg)
{
    return ((struct owner *)arg)->failures > 0;
}

static void silence_is_noticed(void **state)
{
    struct owner owner;
    (void)state;
    open_ingest(&owner);
    assert_int_equal(ingest_feed(owner.ingest, media.data, media.size), 0);
    stage_run_for(&stage, 400);
    assert_int_equal(owner.failures, 0);
    assert_true(stage_run(&stage, has_failed, &owner));
    assert_int_equal(owner.failure.status, VERDICT_SILENT);
    assert_string_equal(owner.failure.text, "no data for 1 s");
    assert_null(owner.ingest);
}

static void a_moov_that_comes_too_slowly_is_noticed(void **state)
{
    struct owner owner = {.failures = 0};
    struct verdict why;
    struct ingest_config config = config_of(&owner);
    (void)state;
    config.silence_ms = 10000;
    owner.ingest = ingest_open(stage.set, &config, &why);
    for (int i = 0; i < 10 && !owner.failures; i++) {
        stage.clock_offset_ns += 9 * NS_PER_S;
        stage.host.ops->wake(&stage);
        assert_int_equal(ingest_feed(owner.ingest, media.data + i, 1), 0);
        stage_run_for(&stage, 260);
    }
    assert_int_equal(owner.failure.status, VERDICT_SILENT);
    assert_non_null(strstr(owner.failure.text, "no complete moov"));
}

static void the_relay_may_refuse_at_once_or_later(void **state)
{
    struct owner owner;
    struct verdict why;
    const struct ingest_config config = config_of(NULL);
    (void)state;
    stage.output_error = MOQ_ERR_REFUSED;
    assert_null(ingest_open(stage.set, &config, &why));
    assert_int_equal(why.status, VERDICT_FORBIDDEN);
    stage.output_error = 0;

    open_ingest(&owner);
    assert_int_equal(ingest_feed(owner.ingest, media.data, media.size), 0);
    verdict_set(&why, VERDICT_FORBIDDEN, "not under this path");
    const struct host_offer *offer = &stage_output(&stage)->offer;
    offer->on_refused(offer->owner, &why);
    assert_int_equal(owner.failures, 0); /* not from within */
    assert_true(stage_run(&stage, has_failed, &owner));
    assert_string_equal(owner.failure.text, "not under this path");
    assert_int_equal(owner.failures, 1);
}

static void an_output_that_is_full_is_told(void **state)
{
    struct owner owner;
    (void)state;
    open_ingest(&owner);
    stage_output(&stage)->record.offers_allowed = 2;
    assert_int_equal(ingest_feed(owner.ingest, media.data, media.size), VERDICT_TOO_LARGE);
    ingest_close(&owner.ingest);
}

static void a_promise_has_time(void **state)
{
    struct owner owner = {.failures = 0};
    struct verdict why;
    struct ingest_config config = config_of(&owner);
    (void)state;
    config.is_promised = true;
    owner.ingest = ingest_open(stage.set, &config, &why);
    assert_int_equal(stage_output(&stage)->record.offered, 1);
    stage.clock_offset_ns += 3600 * NS_PER_S;
    stage_run_for(&stage, 600);
    assert_int_equal(owner.failures, 0);
    ingest_start(owner.ingest);
    assert_int_equal(feed_all(&owner, &media), 0);
    assert_usual();
    assert_string_equal(stage_track(&stage, "video1")->id, stage_track(&stage, "")->id);
    ingest_close(&owner.ingest);
}

static void a_paced_ingest_says_when_to_go_on(void **state)
{
    struct owner owner = {.failures = 0};
    struct verdict why;
    struct file other = {.size = 0};
    struct ingest_config config = config_of(&owner);
    (void)state;
    config.is_paced = true;
    owner.ingest = ingest_open(stage.set, &config, &why);
    assert_int_equal(ingest_wait_ns(owner.ingest), 0);
    assert_int_equal(ingest_feed(owner.ingest, media.data, media.size), 0);
    assert_in_range(stage_track(&stage, "video1")->frames, 1, 2);
    for (uint64_t wait_ns; (wait_ns = ingest_wait_ns(owner.ingest)) > 0;) {
        assert_in_range(wait_ns, 1, 80 * NS_PER_MS); /* two pictures */
        stage.clock.now_ns += wait_ns;
    }
    assert_int_equal(stage_track(&stage, "video1")->frames, 3);

    file_ftyp(&other); /* another instance, too soon: it waits */
    file_moov(&other, &video_track, 1);
    file_pictures(&other, 0, "Key three");
    assert_int_equal(ingest_feed(owner.ingest, other.data, other.size), 0);
    assert_int_equal(ingest_finish(owner.ingest), 0);
    assert_int_equal(ingest_wait_ns(owner.ingest), INGEST_HOLD_MS * NS_PER_MS);
    assert_int_equal(stage_output(&stage)->record.track_count, 3);
    stage.clock.now_ns += KARP_INSTANCE_MIN_NS;
    assert_in_range(ingest_wait_ns(owner.ingest), 1, 80 * NS_PER_MS);
    assert_int_equal(stage_output(&stage)->record.track_count, 5);
    assert_string_equal(stage_track(&stage, "video1")->last, "three");
    ingest_close(&owner.ingest);
}

static void sets_are_bounded(void **state)
{
    struct ingest *all[INGEST_MAX];
    struct verdict why;
    char path[32];
    struct ingest_config config = config_of(NULL);
    (void)state;
    config.path = path;
    for (int i = 0; i < INGEST_MAX; i++) {
        snprintf(path, sizeof path, "demo/%d", i);
        all[i] = ingest_open(stage.set, &config, &why);
        assert_non_null(all[i]);
    }
    config.path = "demo/one-more";
    assert_null(ingest_open(stage.set, &config, &why));
    assert_int_equal(why.status, VERDICT_BUSY);
    for (int i = 0; i < INGEST_MAX; i++)
        ingest_close(&all[i]);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STAGE(media_comes_out_whatever_the_pieces),
        ON_STAGE(renditions_get_an_automatic_track_if_it_is_wanted),
        ON_STAGE(instances_of_a_path_rise),
        ON_STAGE(the_path_of_a_source_is_not_for_guests),
        ON_STAGE(what_is_whole_lingers_for_viewers_that_come_late),
        ON_STAGE(those_that_linger_make_room),
        ON_STAGE(a_path_has_one_publisher),
        ON_STAGE(wrong_media_is_told_with_what_and_where),
        ON_STAGE(media_that_breaks_off_ends_with_an_error),
        ON_STAGE(what_is_too_large_is_told),
        ON_STAGE(boxes_without_end_before_the_moov_are_too_much),
        ON_STAGE(silence_is_noticed),
        ON_STAGE(a_moov_that_comes_too_slowly_is_noticed),
        ON_STAGE(the_relay_may_refuse_at_once_or_later),
        ON_STAGE(an_output_that_is_full_is_told),
        ON_STAGE(a_promise_has_time),
        ON_STAGE(a_paced_ingest_says_when_to_go_on),
        ON_STAGE(sets_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
