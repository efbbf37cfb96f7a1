/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Look-ups over the list of base/error.h, generated from it. */
#include "base/error.h"

#include <stddef.h>

struct error_row {
    int error;
    uint32_t wire;
    const char *words;
};

#define ERROR_ROW(name, code, wire, words) {code, wire, words},
static const struct error_row rows[] = {MOQ_ERRORS(ERROR_ROW)};
#undef ERROR_ROW

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

static const struct error_row *find(int error)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (rows[i].error == error)
            return &rows[i];
    return NULL;
}

const char *moq_error_words(int error)
{
    if (error == 0)
        return "success";
    const struct error_row *row = find(error);
    return row ? row->words : "unknown error";
}

uint32_t moq_error_to_wire(int error)
{
    const struct error_row *row = find(error);
    return row ? row->wire : 0;
}

int moq_error_from_wire(uint64_t wire)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (rows[i].wire == wire)
            return rows[i].error;
    return MOQ_ERR_CANCELLED;
}
