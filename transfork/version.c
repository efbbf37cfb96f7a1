/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The table of versions. 02 and 04 have few abilities because of the Rust programs that speak them:
 * they ignore ranges, panic on FETCH, lose the track on INFO_PLEASE, and read SESSION_UPDATE as
 * INFO. */
#include "transfork/version.h"

#include <string.h>

/* In the order in which a server chooses: 03 is unambiguous and has Live, 04 has two dialects. */
static const struct version rows[] = {
    {.version = MOQ_VERSION_03,
     .wire = 0xff0bad03,
     .name = "03",
     .can = MOQ_CAN_LIVE | MOQ_CAN_RANGES | MOQ_CAN_FETCH | MOQ_CAN_INFO | MOQ_CAN_UPDATE |
            MOQ_CAN_BITRATE,
     .has_varints = true,
     .has_expires = true,
     .is_latest_first = true,
     .is_offset_in_frames = true,
     .order_oldest = 1},
    {.version = MOQ_VERSION_02,
     .wire = 0xff0bad02,
     .name = "02",
     .has_expires = true,
     .may_lack_expires = true},
    {.version = MOQ_VERSION_04,
     .wire = 0xff0bad04,
     .name = "04",
     .can = MOQ_CAN_LIVE,
     .has_string_dialect = true},
};
static const struct version none = {.name = ""};

enum { ROWS = sizeof rows / sizeof *rows };

const struct version *version_row(uint32_t version)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].version == version)
            return &rows[i];
    return &none;
}

uint32_t version_from_wire(uint64_t wire)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].wire == wire)
            return rows[i].version;
    return 0;
}

uint32_t version_pick(uint32_t common)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].version & common)
            return rows[i].version;
    return 0;
}

uint32_t moq_version_by_name(const char *name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(name, rows[i].name) == 0 || strcmp(name, rows[i].name + 1) == 0)
            return rows[i].version;
    return 0;
}
