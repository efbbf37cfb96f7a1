/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* stdio buffers its output, so a failed write often shows only at the flush. */
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
