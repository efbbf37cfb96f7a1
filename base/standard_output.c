/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* stdio keeps what was printed, so that it failed is often seen at the flush only. */
#include "base/standard_output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

int standard_output_end(const char *program)
{
    if (!fflush(stdout) && !ferror(stdout))
        return 0;
    fprintf(stderr, "%s: standard output: %s\n", program, strerror(errno));
    return MOQ_ERR_IO;
}
