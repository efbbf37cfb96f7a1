/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Looks inside a frame of AAC (ISO/IEC 14496-3, 4.4.2), for streams whose configuration is missing
 * or wrong. */
#ifndef MOQ_KARP_AAC_FRAME_H
#define MOQ_KARP_AAC_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Counts the channels in a raw data block of the low complexity profile with 1024 samples at
 * `core_rate` Hz. Returns 0 if the payload is not exactly one such block, or if its channels are in
 * an order that no channel configuration stands for. */
uint32_t aac_frame_channels(const uint8_t *payload, size_t size, uint32_t core_rate);

#endif
