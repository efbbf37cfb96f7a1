/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The smallest program of a stranger who has transfork installed: a path and back. */
#include <string.h>

#include "transfork/transfork.h"

int main(void)
{
    char text[MOQ_PATH_TEXT_BYTES];
    struct moq_path *path = moq_path_from_text("/demo/bbb");

    moq_path_text(path, text, sizeof(text));
    moq_path_unref(&path);
    return strcmp(text, "demo/bbb") == 0 ? 0 : 1;
}
