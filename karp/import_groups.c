/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Decides where groups begin. A video group begins at a picture where decoding can begin. An audio
 * group begins after a video keyframe, or when the group before it has lasted long enough.
 *
 * Sample flags in files may call every sample a keyframe, or none, or the wrong ones. What the
 * picture itself says takes precedence. The flags decide if it says nothing, and they tell recovery
 * points where viewers should join from those where they should not. */
#include "karp/import_internal.h"

#include "base/log.h"

enum { SAME_KEY_US = 5000 }; /* keyframes that are so close together count as one */

/* What the flags say about a sample. They say nothing if they are zero: some muxers leave them so
 * in tracks that consist of keyframes. */
enum says { SAYS_NOTHING, SAYS_KEY, SAYS_DELTA };

static enum says read_key_flags(struct import_groups *groups, uint32_t flags)
{
    uint32_t depends = flags >> 24 & 3;
    if (flags & SAMPLE_FLAG_NON_SYNC || depends == 1 || depends == 3) {
        groups->has_flagged_delta = true;
        return SAYS_DELTA;
    }
    if (depends == 0)
        return SAYS_NOTHING;
    groups->has_flagged_key = true;
    return SAYS_KEY;
}

static bool is_group_old(const struct import_groups *groups, uint64_t us)
{
    return us > groups->start_us && us - groups->start_us > KARP_GROUP_MAX_US;
}

static bool is_entry_point(const struct import_groups *groups, enum picture picture, enum says says,
                           uint64_t us)
{
    switch (picture) {
    case PICTURE_KEY:
        return true;
    case PICTURE_RECOVERY:
        return says != SAYS_DELTA || !groups->has_flagged_key || is_group_old(groups, us);
    case PICTURE_INTRA:
        return (says == SAYS_KEY && groups->has_flagged_delta) || is_group_old(groups, us);
    case PICTURE_DELTA:
        return false;
    case PICTURE_UNKNOWN:
        break;
    }
    return says == SAYS_KEY || (says == SAYS_NOTHING && !groups->has_flagged_key);
}

static bool is_keyframe(struct import_track *track, const struct karp_frame *frame, uint32_t flags)
{
    struct import_groups *groups = &track->groups;
    enum says says = read_key_flags(groups, flags);
    enum picture picture = picture_of(&track->format, frame->payload, frame->size);
    bool is_wrong = (picture == PICTURE_KEY && says == SAYS_DELTA) ||
                    (picture == PICTURE_DELTA && says == SAYS_KEY);
    if (is_wrong && !groups->has_warned) {
        groups->has_warned = true;
        log_info(LOG_MEDIA,
                 "import: track %u flags a picture as %s, which is wrong; groups begin where the "
                 "pictures allow it",
                 track->id, says == SAYS_KEY ? "a keyframe" : "not a keyframe");
    }
    return is_entry_point(groups, picture, says, frame->timestamp_us);
}

/* Renditions of one picture have their keyframes at the same time, and all of them together ask for
 * one group. */
static void want_audio_group(struct import_track *track, uint32_t key_id, uint64_t key_us)
{
    struct import_groups *groups = &track->groups;
    bool is_near = key_us <= groups->key_us + SAME_KEY_US && groups->key_us <= key_us + SAME_KEY_US;
    bool is_told = is_near && groups->key_id != 0 && groups->key_id != key_id;
    if (track->kind != KARP_AUDIO || is_told)
        return;
    groups->is_wanted = true;
    groups->key_us = key_us;
    groups->key_id = key_id;
}

bool import_begins_group(struct karp_importer *importer, struct import_track *track,
                         const struct karp_frame *frame, uint32_t flags)
{
    struct import_groups *groups = &track->groups;
    bool is_start = !groups->has_started;
    if (track->kind == KARP_VIDEO) {
        bool is_key = is_keyframe(track, frame, flags);
        is_start = is_start || is_key;
        for (size_t i = 0; is_key && i < importer->track_count; i++)
            want_audio_group(&importer->tracks[i], track->id, frame->timestamp_us);
    } else {
        is_start = is_start || groups->is_wanted || is_group_old(groups, frame->timestamp_us);
    }
    if (is_start) {
        groups->has_started = true;
        groups->is_wanted = false;
        groups->start_us = frame->timestamp_us;
    }
    return is_start;
}
