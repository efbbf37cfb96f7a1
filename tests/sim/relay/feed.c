/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Frames are noise from a seed of sequence and index. */
#include "tests/sim/relay/feed.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

static uint32_t mix(uint64_t sequence, uint32_t index)
{
    uint64_t z = sequence * UINT64_C(0x9e3779b97f4a7c15) + index * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 30)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(z >> 32);
}

/* The first frame is the largest, as in media. */
static size_t frame_make(const struct feed_setup *setup, uint64_t sequence, uint32_t index,
                         uint8_t *out)
{
    uint32_t noise = mix(sequence, index) | 1;
    size_t size = index == 0 ? setup->frame_bytes : 1 + noise % setup->frame_bytes;
    REQUIRE(size <= FEED_FRAME_MAX_BYTES);
    for (size_t i = 0; i < size; i++) {
        noise = noise * 1664525 + 1013904223;
        out[i] = (uint8_t)(noise >> 24);
    }
    return size;
}

static void write_frame(struct feed *feed)
{
    uint8_t frame[FEED_FRAME_MAX_BYTES];
    struct moq_track *track = feed->setup.track;
    if (!feed->group) {
        REQUIRE(moq_track_open_group(track, feed->sequence, &feed->group) == 0);
        moq_group_ref(feed->group);
        feed->frame = 0;
    }
    size_t size = frame_make(&feed->setup, feed->sequence, feed->frame, frame);
    REQUIRE(moq_track_write_frame(track, feed->group, frame, size) == 0);
    if (++feed->frame < feed->setup.frames)
        return;
    moq_track_finish_group(track, feed->group);
    moq_group_unref(&feed->group);
    feed->sequence++;
}

struct feed *feed_start(struct host *host, const struct feed_setup *setup)
{
    struct feed *feed = calloc(1, sizeof *feed);
    REQUIRE(feed);
    feed->host = host;
    feed->setup = *setup;
    moq_track_ref(setup->track);
    feed->sequence = setup->first;
    feed->next_ns = world_now(host->world);
    list_push_back(&host->feeds, &feed->link);
    return feed;
}

uint64_t feed_tick(struct feed *feed)
{
    uint64_t end = feed->setup.first + feed->setup.count;
    while (!feed->is_over && feed->next_ns <= world_now(feed->host->world)) {
        write_frame(feed);
        feed->next_ns += feed->setup.interval_ns;
        feed->is_over = feed->sequence == end;
    }
    if (!feed->is_over)
        return feed->next_ns;
    if (!feed->is_open_ended)
        moq_track_end(feed->setup.track, 0);
    return CLOCK_NEVER;
}

void feed_stop(struct feed *feed)
{
    feed->is_over = feed->is_open_ended = true;
}

void feed_free(struct feed *feed)
{
    list_remove(&feed->link);
    moq_group_unref(&feed->group);
    moq_track_unref(&feed->setup.track);
    free(feed);
}

bool feed_is_over(void *feed)
{
    return ((struct feed *)feed)->is_over;
}

static bool is_frame(const struct feed_setup *setup, const struct moq_group *group, uint32_t index,
                     struct iovec got)
{
    uint8_t frame[FEED_FRAME_MAX_BYTES];
    if (index >= setup->frames)
        return false;
    size_t size = frame_make(setup, group->sequence, index, frame);
    return got.iov_len == size && memcmp(frame, got.iov_base, size) == 0;
}

bool feed_wrote(const struct feed_setup *setup, struct moq_group *group)
{
    struct moq_group_reader reader;
    const uint8_t *data;
    size_t size;
    uint32_t count = 0;
    int error;
    bool is_same = true;
    moq_group_reader_init(&reader, group);
    while (is_same && (error = moq_group_reader_next(&reader, &data, &size)) == 0) {
        is_same = is_frame(setup, group, count, (struct iovec){(void *)(uintptr_t)data, size});
        count++;
    }
    if (is_same && error == MOQ_ERR_END)
        is_same = count == setup->frames;
    moq_group_reader_deinit(&reader);
    return is_same;
}

void publish_text(struct moq_track *track, uint64_t sequence, const char *text)
{
    struct moq_group *group;
    REQUIRE(moq_track_open_group(track, sequence, &group) == 0);
    moq_group_ref(group);
    REQUIRE(moq_track_write_frame(track, group, text, strlen(text)) == 0);
    moq_track_finish_group(track, group);
    moq_group_unref(&group);
}
