/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* moq-karp: media from a fragmented MP4 to a relay, and back. Each subcommand has a file. */
#ifndef MOQ_TOOLS_KARP_H
#define MOQ_TOOLS_KARP_H

#include "karp/karp.h"
#include "tools/tool.h"

/* Limits for the path of a broadcast. They leave room for what is appended to it: the id of an
 * instance, and a track name as the importer makes it; names are longer with several inputs. */
enum {
    KARP_BROADCAST_MAX_PARTS = MOQ_PATH_MAX_PARTS - 2,
    KARP_BROADCAST_MAX_BYTES =
        MOQ_PATH_MAX_BYTES - (sizeof "18446744073709551615" - 1) - (sizeof "video4294967295" - 1),
};

struct karp_settings {
    /* publish */
    bool is_paced, is_unpaced, is_live, is_viewer_awaited;
    uint64_t linger_ms;
    struct options_list inputs; /* none: standard input */
    bool is_in_band, has_auto;
    struct options_list priorities;        /* as given, such as "audio=3" */
    int8_t audio_priority, video_priority; /* taken from them */
    /* subscribe, info */
    const char *output, *video;
    uint64_t latency_ms, duration_ms, patience_ms;
    bool is_followed, is_from_start, is_json;
};

/* Each returns the exit code. `broadcast` is the path of the URL. */
int karp_publish(struct tool *tool, const struct karp_settings *settings,
                 struct moq_path *broadcast);
int karp_subscribe(struct tool *tool, const struct karp_settings *settings,
                   struct moq_path *broadcast);
int karp_info(struct tool *tool, const struct karp_settings *settings, struct moq_path *broadcast);

#endif
