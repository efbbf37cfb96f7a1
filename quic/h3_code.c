/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Maps application error codes to HTTP/3's range and back. The range has 2^32 codes, with every
 * 31st number left out, because it is reserved for greasing and has no meaning. */
#include "quic/h3.h"

#define FIRST UINT64_C(0x52e4a40fa8db)
#define LAST UINT64_C(0x52e5ac983162)

uint64_t h3_code_from_app(uint32_t code)
{
    return FIRST + code + code / 30;
}

int64_t h3_code_to_app(uint64_t h3_code)
{
    if (h3_code < FIRST || h3_code > LAST || (h3_code - 0x21) % 31 == 0)
        return -1;
    uint64_t shifted = h3_code - FIRST;
    return (int64_t)(shifted - shifted / 31);
}
