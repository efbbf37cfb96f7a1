/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The bytes of a frame are noise, seeded by the group's sequence and the frame's index. */
#include "tests/sim/relay/camera.h"

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
static size_t frame_make(const struct camera_setup *setup, uint64_t sequence, uint32_t index,
                         uint8_t *out)
{
    uint32_t noise = mix(sequence, index) | 1;
    size_t size = index == 0 ? setup->frame_bytes : 1 + noise % setup->frame_bytes;
    REQUIRE(size <= CAMERA_FRAME_MAX_BYTES);
    for (size_t i = 0; i < size; i++) {
        noise = noise * 1664525 + 1013904223;
        out[i] = (uint8_t)(noise >> 24);
    }
    return size;
}

static void write_frame(struct camera *camera)
{
    uint8_t frame[CAMERA_FRAME_MAX_BYTES];
    struct moq_track *track = camera->setup.track;
    if (!camera->group) {
        REQUIRE(moq_track_open_group(track, camera->sequence, &camera->group) == 0);
        moq_group_ref(camera->group);
        camera->frame = 0;
    }
    size_t size = frame_make(&camera->setup, camera->sequence, camera->frame, frame);
    REQUIRE(moq_track_write_frame(track, camera->group, frame, size) == 0);
    if (++camera->frame < camera->setup.frames)
        return;
    moq_track_finish_group(track, camera->group);
    moq_group_unref(&camera->group);
    camera->sequence++;
}

struct camera *camera_start(struct host *host, const struct camera_setup *setup)
{
    struct camera *camera = calloc(1, sizeof *camera);
    REQUIRE(camera);
    camera->host = host;
    camera->setup = *setup;
    moq_track_ref(setup->track);
    camera->sequence = setup->first;
    camera->next_ns = world_now(host->world);
    list_push_back(&host->cameras, &camera->link);
    return camera;
}

uint64_t camera_tick(struct camera *camera)
{
    uint64_t end = camera->setup.first + camera->setup.count;
    while (!camera->is_over && camera->next_ns <= world_now(camera->host->world)) {
        write_frame(camera);
        camera->next_ns += camera->setup.interval_ns;
        camera->is_over = camera->sequence == end;
    }
    if (!camera->is_over)
        return camera->next_ns;
    if (!camera->is_open_ended)
        moq_track_end(camera->setup.track, 0);
    return CLOCK_NEVER;
}

void camera_stop(struct camera *camera)
{
    camera->is_over = camera->is_open_ended = true;
}

void camera_free(struct camera *camera)
{
    list_remove(&camera->link);
    moq_group_unref(&camera->group);
    moq_track_unref(&camera->setup.track);
    free(camera);
}

bool camera_is_over(void *camera)
{
    return ((struct camera *)camera)->is_over;
}

bool camera_wrote_frame(const struct camera_setup *setup, uint64_t sequence, uint32_t index,
                        struct iovec got)
{
    uint8_t frame[CAMERA_FRAME_MAX_BYTES];
    if (index >= setup->frames)
        return false;
    size_t size = frame_make(setup, sequence, index, frame);
    return got.iov_len == size && memcmp(frame, got.iov_base, size) == 0;
}

bool camera_wrote(const struct camera_setup *setup, struct moq_group *group)
{
    struct moq_group_reader reader;
    const uint8_t *data;
    size_t size;
    uint32_t count = 0;
    int error;
    bool is_same = true;
    moq_group_reader_init(&reader, group);
    while (is_same && (error = moq_group_reader_next(&reader, &data, &size)) == 0) {
        is_same = camera_wrote_frame(setup, group->sequence, count,
                                     (struct iovec){(void *)(uintptr_t)data, size});
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
