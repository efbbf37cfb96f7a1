/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Finds the configuration that an audio decoder needs: in the catalog, from its codec, rate and
 * channels, or in the first frame.
 * Tested by tests/unit/karp/test_export_config.c. */
#include "karp/export_internal.h"

#include <string.h>

#include "base/log.h"
#include "karp/aac_frame.h"

/* Turns the identification header of Opus in Ogg (RFC 7845, 5.1), which is what browsers call a
 * description, into a dOps. */
static bool take_opus_head(struct export_track *track)
{
    static const uint8_t magic[8] = {'O', 'p', 'u', 's', 'H', 'e', 'a', 'd'};
    const struct karp_track *entry = track->entry;
    if (entry->description_size < 19 || memcmp(entry->description, magic, sizeof magic) != 0)
        return false;
    const uint8_t *head = entry->description + sizeof magic;
    size_t size = entry->description_size - sizeof magic;
    uint8_t fixed[11] = {0,       head[1], head[3], head[2], head[7], head[6],
                         head[5], head[4], head[9], head[8], head[10]};
    struct karp_opus opus;
    bool is_taken = export_config_take(track, fixed, sizeof fixed) &&
                    export_config_take(track, head + sizeof fixed, size - sizeof fixed) &&
                    karp_opus_parse(track->config.data, track->config.size, &opus) == 0;
    if (!is_taken)
        track->config.size = 0;
    return is_taken;
}

/* Takes the dOps of the published file. Without one it makes the usual one; the number of samples
 * that the decoder drops at the start (pre-skip) is not known then, and 312 is the common value. */
static void describe_opus(struct export_track *track)
{
    const struct karp_track *entry = track->entry;
    uint32_t channels = entry->channel_count;
    uint8_t body[11] = {0, (uint8_t)channels, 312 >> 8, 312 & 255, 0, 0, 48000 >> 8, 48000 & 255};
    struct karp_opus opus;
    track->frame_us = 20000;
    if (karp_opus_parse(entry->description, entry->description_size, &opus) == 0)
        track->is_ready = export_config_take(track, entry->description, entry->description_size);
    else
        track->is_ready = take_opus_head(track) || (channels >= 1 && channels <= 2 &&
                                                    export_config_take(track, body, sizeof body));
}

static void learn_aac_frame(struct export_track *track)
{
    struct karp_aac aac;
    if (karp_aac_parse(track->config.data, track->config.size, &aac) == 0 && aac.core_rate > 0)
        track->frame_us = (uint32_t)((uint64_t)aac.frame_samples * EXPORT_US_PER_S / aac.core_rate);
}

/* Makes an AudioSpecificConfig from the catalog, with `channel_count` channels. `core_rate` in Hz
 * replaces the sample rate of the catalog; 0: it does not. */
static bool make_aac(struct export_track *track, uint32_t channel_count, uint32_t core_rate)
{
    const struct karp_aac aac = {.object_type = track->codec.profile,
                                 .sample_rate = core_rate ? core_rate : track->entry->sample_rate,
                                 .channel_count = channel_count};
    uint8_t config[KARP_AAC_MAX_BYTES];
    size_t size = karp_aac_print(&aac, config);
    track->config.size = 0;
    bool is_made = size > 0 && export_config_take(track, config, size);
    learn_aac_frame(track);
    return is_made;
}

static void describe_aac(struct export_track *track)
{
    const struct karp_track *entry = track->entry;
    struct karp_aac told;
    if (karp_aac_parse(entry->description, entry->description_size, &told) == 0) {
        track->is_ready = export_config_take(track, entry->description, entry->description_size);
        learn_aac_frame(track);
    } else {
        track->is_described = make_aac(track, entry->channel_count, 0);
    }
}

int export_sound_find(struct export_track *track, const struct karp_frame *frame)
{
    enum { AAC_LC = 2 };

    const struct karp_track *entry = track->entry;
    if (track->codec.kind != KARP_CODEC_AAC || track->is_ready)
        return 0;
    /* The rate of HE-AAC in a catalog is the one that is played, twice the rate of the frames. Some
     * catalogs name the codec plain AAC all the same. */
    bool is_told = track->codec.profile == AAC_LC;
    uint32_t rates[] = {entry->sample_rate, entry->sample_rate / 2};
    for (int i = is_told ? 0 : 1; i < 2; i++) {
        uint32_t channels = aac_frame_channels(frame->payload, frame->size, rates[i]);
        if (channels == 0)
            continue;
        bool is_half = is_told && i == 1;
        if (channels == entry->channel_count && !is_half)
            return 0;
        log_info(LOG_MEDIA,
                 "export: the frames of track %s have %u channels at %u Hz, its catalog "
                 "says %u at %u Hz",
                 entry->name, channels, rates[i], entry->channel_count, entry->sample_rate);
        track->channel_count = channels;
        track->is_described = make_aac(track, channels, is_half ? rates[i] : 0);
        return 0;
    }
    log_warn(LOG_MEDIA,
             "export: the catalog has no description of track %s, and its frames do not tell how "
             "many channels they have; %u may be wrong, and then it does not play",
             entry->name, entry->channel_count);
    return 0;
}

bool export_sound_init(struct export_track *track)
{
    if (track->codec.kind == KARP_CODEC_OPUS)
        describe_opus(track);
    else
        describe_aac(track);
    bool may_be_found = track->codec.kind == KARP_CODEC_AAC && track->entry->sample_rate > 0;
    return track->is_ready || track->is_described || may_be_found;
}
