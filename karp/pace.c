/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The newest presentation time counts, not the latest one: B-frames go back, and audio and video
 * are some frames apart. */
#include "karp/pace.h"

#include "base/clock.h"

void karp_pace_restart(struct karp_pace *pace)
{
    pace->is_running = false;
}

void karp_pace_note(struct karp_pace *pace, uint64_t timestamp_us, uint64_t now_ns)
{
    if (!pace->is_running) {
        pace->is_running = true;
        pace->start_ns = now_ns;
        pace->start_us = pace->newest_us = timestamp_us;
    }
    if (timestamp_us > pace->newest_us)
        pace->newest_us = timestamp_us;
}

uint64_t karp_pace_length_us(const struct karp_pace *pace)
{
    return pace->newest_us - pace->start_us;
}

uint64_t karp_pace_ahead_ns(const struct karp_pace *pace, uint64_t now_ns)
{
    uint64_t elapsed_us = (now_ns - pace->start_ns) / NS_PER_US;
    uint64_t length_us = karp_pace_length_us(pace);
    if (!pace->is_running || length_us <= elapsed_us)
        return 0;
    uint64_t ahead_us = length_us - elapsed_us;
    return ahead_us > UINT64_MAX / NS_PER_US ? UINT64_MAX : ahead_us * NS_PER_US;
}
