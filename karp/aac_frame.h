/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a frame of AAC (ISO/IEC 14496-3, 4.4.2) is made of, where no configuration tells. */
#ifndef MOQ_KARP_AAC_FRAME_H
#define MOQ_KARP_AAC_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Counts the channels in a raw data block of the low complexity profile with 1024 samples at
 * `core_rate`. Returns 0 for what is none, to the last bit, and for channels in an order that has
 * no number in a configuration. */
uint32_t aac_frame_channels(const uint8_t *payload, size_t size, uint32_t core_rate);

#endif
