/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Writes a broadcast as fragmented MP4: of the instances that a follower finds, one after the other
 * is played into an exporter. A file may go on with the next instance, or each may have its own.
 *
 * A first catalog with only audio or only video may be incomplete, because Rust publishers add
 * tracks one by one, so the export begins a little later then. */
#ifndef MOQ_KARP_RECORDER_H
#define MOQ_KARP_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "karp/export.h"
#include "karp/follower.h"
#include "karp/playback.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

#define KARP_RECORDER_SETTLE_NS UINT64_C(500000000)

struct karp_recorder_events {
    /* The next bytes of the file; see karp_write. Export stops with an error of this. */
    int (*on_write)(void *user, const uint8_t *data, size_t size);
    bool (*is_full)(void *user);                      /* as in karp_playback_events; may be NULL */
    void (*on_warning)(void *user, const char *line); /* for people */
    /* The newest instance has changed; NULL: there is none any more. */
    void (*on_instance)(void *user, const char *id);
    /* Everything of the instance `playing_id` is written, but for what the exporter holds back.
     * `is_cut_off`: its publisher left without ending it. */
    void (*on_instance_end)(void *user, bool is_cut_off, bool has_next);
    /* It cannot go on, and does nothing any more: `what` failed because of `error`. */
    void (*on_failure)(void *user, const char *what, int error);
};

struct karp_recorder {
    struct karp_follower *follower; /* set by karp_recorder_init, as all down to `user` */
    struct karp_playback *playback;
    const struct karp_recorder_events *events;
    void *user;
    bool is_past_wanted; /* set it: groups from before it came are recorded if they are kept */
    /* Set it: of the video tracks, only the one of that name is recorded; borrowed. NULL: all but
     * the automatic ones (ladder.h), which only repeat others. */
    const char *video;
    struct karp_exporter *exporter; /* read-only; NULL: nothing is exported yet */
    /* Private: the catalog of a new instance, or a new version, until it can be played. */
    struct karp_catalog *next;
    char playing_id[KARP_ID_MAX_BYTES]; /* read-only: of the instance that is or was played */
    uint64_t opened_ns;                 /* private: when the tracks were opened */
    bool is_resuming; /* private: the instance is the same as before, so its file goes on */
    bool has_played;  /* read-only: a frame has been exported */
    bool is_offline;  /* read-only: see karp_recorder_interrupt */
    bool is_over;     /* read-only: the broadcast was withdrawn, and none has replaced it */
    bool has_failed;  /* read-only */
};

/* Becomes the user of `follower` and `playback`, which have a clock and an input and must outlive
 * it. The recorder is zero before. */
void karp_recorder_init(struct karp_recorder *recorder, struct karp_follower *follower,
                        struct karp_playback *playback, const struct karp_recorder_events *events,
                        void *user);
/* Closes the playback, and frees what the recorder holds. What the exporter holds back is lost,
 * unless karp_exporter_flush was called. */
void karp_recorder_deinit(struct karp_recorder *recorder);

/* Does what is due; call it every 20 ms or so. */
void karp_recorder_tick(struct karp_recorder *recorder);

/* The input brings nothing for now; what is played ends as if the instance had ended. When the same
 * instance is back, its file goes on where it was. */
void karp_recorder_interrupt(struct karp_recorder *recorder);
void karp_recorder_resume(struct karp_recorder *recorder);

/* Flushes and frees the exporter: what follows begins a new file. Returns 0, MOQ_ERR_NOMEM or what
 * on_write returned. */
int karp_recorder_end_file(struct karp_recorder *recorder);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
