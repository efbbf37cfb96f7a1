/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The words of base/error.h, generated from its list. */
#include "base/error.h"

#include <stddef.h>

struct error_row {
    int error;
    const char *words;
};

#define ERROR_ROW(name, code, words) {code, words},
static const struct error_row rows[] = {{MOQ_OK, "success"}, MOQ_ERRORS(ERROR_ROW)};
#undef ERROR_ROW

const char *moq_error_words(int error)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].error == error)
            return rows[i].words;
    return "unknown error";
}
