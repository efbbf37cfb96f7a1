/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads bytes in the notation of the protocol's examples: "02 01 03 64656d6f", with any spaces. */
#ifndef TEST_BYTES_OF_HEX_H
#define TEST_BYTES_OF_HEX_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { HEX_MAX_BYTES = 4096 };

struct hex {
    uint8_t data[HEX_MAX_BYTES];
    size_t size;
};

static inline struct hex bytes_of_hex(const char *text)
{
    struct hex hex = {.size = 0};
    for (; *text && hex.size < HEX_MAX_BYTES; text += 2) {
        unsigned byte;
        text += strspn(text, " ");
        if (sscanf(text, "%2x", &byte) != 1)
            break;
        hex.data[hex.size++] = (uint8_t)byte;
    }
    return hex;
}

#endif
