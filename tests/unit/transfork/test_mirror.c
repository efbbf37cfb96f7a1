/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A track and its mirror on two threads, as two workers have them: every byte arrives, every end is
 * the right one, and nothing is copied. Under the thread sanitizer this proves the order of loads
 * and stores. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mailbox.h"
#include "base/objects.h"
#include "transfork/group.h"
#include "transfork/track.h"

enum { GROUPS = 400, FRAMES = 30, FRAME_MAX_BYTES = 700, CUT_EVERY = 7, KEPT = 3 };

/* What a frame holds follows from its numbers. */
static size_t size_of(uint64_t group, int frame)
{
    return (size_t)(group * 31 + (uint64_t)frame * 57) % FRAME_MAX_BYTES;
}

static uint8_t byte_of(uint64_t group, int frame, size_t at)
{
    return (uint8_t)(group * 7 + (uint64_t)frame * 13 + at);
}

static int frames_of(uint64_t group)
{
    return group % CUT_EVERY == 0 ? (int)(group % FRAMES) : FRAMES;
}

static int end_of(uint64_t group)
{
    return group % CUT_EVERY == 0 ? MOQ_ERR_TIMEOUT : 0;
}

/* ---- The mirror's thread --------------------------------------------------------------------- */

struct mirror {
    struct mailbox mailbox;
    pthread_mutex_t lock;
    pthread_cond_t came;
    bool is_awake; /* under the lock */
    bool is_over;
    struct moq_clock clock;
    struct moq_track *track;
    struct moq_watcher watcher;
    struct moq_group_reader reader; /* of the group that was adopted last */
    int frame;                      /* the next of it */
    uint64_t ended;                 /* how many groups were read to their end */
    uint64_t wrong;
};

static void wake_mirror(void *self)
{
    struct mirror *mirror = self;
    pthread_mutex_lock(&mirror->lock);
    mirror->is_awake = true;
    pthread_cond_signal(&mirror->came);
    pthread_mutex_unlock(&mirror->lock);
}

static void check_frame(struct mirror *mirror, const uint8_t *data, size_t size)
{
    uint64_t group = mirror->reader.group->sequence;
    int frame = mirror->frame++;
    mirror->wrong += frame >= frames_of(group) || size != size_of(group, frame);
    for (size_t i = 0; i < size; i++)
        mirror->wrong += data[i] != byte_of(group, frame, i);
}

/* Reads what there is; the end may come only when the track said so. */
static void read_on(struct mirror *mirror)
{
    const struct moq_group *group = mirror->reader.group;
    const uint8_t *data;
    size_t size;
    int error;
    if (!group)
        return;
    while ((error = moq_group_reader_next(&mirror->reader, &data, &size)) == 0)
        check_frame(mirror, data, size);
    if (error == MOQ_ERR_AGAIN)
        return;
    int expected = end_of(group->sequence) ? end_of(group->sequence) : MOQ_ERR_END;
    mirror->wrong += !group->is_ended || error != expected ||
                     mirror->frame != frames_of(group->sequence) ||
                     group->sequence != ++mirror->ended;
    moq_group_reader_deinit(&mirror->reader);
    mirror->reader.group = NULL;
}

static void on_group(struct moq_watcher *watcher, struct moq_group *group)
{
    struct mirror *mirror = container_of(watcher, struct mirror, watcher);
    mirror->wrong += mirror->reader.group != NULL; /* the one before has ended */
    moq_group_reader_init(&mirror->reader, group);
    mirror->frame = 0;
}

static void on_growth(struct moq_watcher *watcher, struct moq_group *group)
{
    struct mirror *mirror = container_of(watcher, struct mirror, watcher);
    mirror->wrong += mirror->reader.group != group;
    read_on(mirror);
}

static const struct moq_watcher_ops mirror_ops = {.on_group = on_group, .on_growth = on_growth};

static struct moq_track *track_new(const struct moq_clock *clock)
{
    struct moq_track_config config = {.clock = clock, .cache = {.groups = KEPT}};
    struct moq_path *path = moq_path_from_text("demo/bbb");
    struct moq_track *track = moq_track_new(path, &config);
    moq_path_unref(&path);
    return track;
}

static void *run_mirror(void *argument)
{
    struct mirror *mirror = argument;
    mirror->track = track_new(&mirror->clock);
    mirror->watcher.ops = &mirror_ops;
    moq_track_watch(mirror->track, &mirror->watcher);
    while (!mirror->is_over) {
        pthread_mutex_lock(&mirror->lock);
        while (!mirror->is_awake)
            pthread_cond_wait(&mirror->came, &mirror->lock);
        mirror->is_awake = false;
        pthread_mutex_unlock(&mirror->lock);
        read_on(mirror); /* ahead of what was followed */
        mailbox_run(&mirror->mailbox);
    }
    mirror->wrong += mirror->reader.group != NULL;
    moq_track_unref(&mirror->track);
    return NULL;
}

/* ---- Posts ----------------------------------------------------------------------------------- */

struct adoption {
    struct post post;
    uint64_t sequence;
    struct moq_group_body *body;
};

static void run_adoption(struct post *post, void *owner)
{
    struct adoption *adoption = container_of(post, struct adoption, post);
    struct mirror *mirror = owner;
    struct moq_group *group;
    mirror->wrong +=
        moq_track_adopt_group(mirror->track, adoption->sequence, adoption->body, &group) != 0;
    moq_group_body_unref(&adoption->body);
    free(adoption);
}

static void run_end(struct post *post, void *owner)
{
    struct mirror *mirror = owner;
    (void)post;
    moq_track_follow(mirror->track);
    mirror->is_over = true;
}

/* One post for any number of bytes, as a home has for each worker: under way or not. */
struct growth {
    struct post post;
    bool is_sent; /* atomic */
};

/* The flag falls before the look, so that what comes after it is told again. An exchange and not a
 * store: it takes over what a writer did that found the flag up and sent nothing. */
static void run_growth(struct post *post, void *owner)
{
    struct growth *growth = container_of(post, struct growth, post);
    (void)__atomic_exchange_n(&growth->is_sent, false, __ATOMIC_ACQ_REL);
    moq_track_follow(((struct mirror *)owner)->track);
}

static void tell_growth(struct mirror *mirror, struct growth *growth)
{
    if (!__atomic_exchange_n(&growth->is_sent, true, __ATOMIC_ACQ_REL))
        mailbox_send(&mirror->mailbox, &growth->post);
}

/* ---- The writer's thread --------------------------------------------------------------------- */

static void send_group(struct mirror *mirror, const struct moq_group *group)
{
    struct adoption *adoption = malloc(sizeof *adoption);
    *adoption = (struct adoption){.post = {.run = run_adoption}, .sequence = group->sequence};
    adoption->body = moq_group_body_ref(moq_group_body(group));
    mailbox_send(&mirror->mailbox, &adoption->post);
}

static void write_frame(struct moq_track *track, struct moq_group *group, int frame)
{
    uint8_t data[FRAME_MAX_BYTES];
    size_t size = size_of(group->sequence, frame);
    for (size_t i = 0; i < size; i++)
        data[i] = byte_of(group->sequence, frame, i);
    assert_int_equal(moq_track_write_frame(track, group, data, size), 0);
}

/* Every third group is told before it has bytes, the others in the middle or when they are done. */
static void write_group(struct moq_track *track, uint64_t sequence, struct mirror *mirror,
                        struct growth *growth)
{
    int frames = frames_of(sequence), when = (int)(sequence % 3) * frames / 2;
    struct moq_group *group;
    assert_int_equal(moq_track_open_group(track, sequence, &group), 0);
    for (int frame = 0; frame < frames; frame++) {
        if (frame == when)
            send_group(mirror, group);
        write_frame(track, group, frame);
        tell_growth(mirror, growth);
    }
    if (when >= frames)
        send_group(mirror, group);
    moq_track_abort_group(track, group, end_of(sequence));
    tell_growth(mirror, growth);
}

static void a_mirror_on_another_thread_has_every_byte_and_every_end(void **state)
{
    (void)state;
    struct mirror mirror = {.lock = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER};
    struct growth growth = {.post = {.run = run_growth}};
    struct post end = {.run = run_end};
    struct moq_clock clock = {.now_ns = 1};
    struct moq_track *home = track_new(&clock);
    pthread_t thread;
    mailbox_init(&mirror.mailbox, &mirror, wake_mirror, &mirror);
    assert_int_equal(pthread_create(&thread, NULL, run_mirror, &mirror), 0);
    for (uint64_t sequence = 1; sequence <= GROUPS; sequence++)
        write_group(home, sequence, &mirror, &growth);
    moq_track_unref(&home);
    mailbox_send(&mirror.mailbox, &end);
    pthread_join(thread, NULL);
    assert_int_equal(mirror.wrong, 0);
    assert_int_equal(mirror.ended, GROUPS);
    assert_int_equal(objects_report(stderr), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mirror_on_another_thread_has_every_byte_and_every_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
