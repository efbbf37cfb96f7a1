/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Text from outside into native/: URLs, the broadcast paths that they stand for, addresses, and a
 * web server's answer. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "native/fingerprint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[QUIC_ERROR_TEXT_BYTES];
    uint8_t sha256[QUIC_FINGERPRINT_BYTES];
    struct moq_url url;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (moq_url_parse(&url, text, why) == 0) {
        struct moq_path *path = moq_url_broadcast(&url);
        moq_path_unref(&path);
    }
    char *exact = malloc(size ? size : 1); /* of exactly this size: reading on is noticed */
    if (exact) {
        memcpy(exact, data, size);
        fingerprint_parse(exact, size, false, sha256);
        fingerprint_parse(exact, size, true, sha256);
    }
    free(exact);
    free(text);
    return 0;
}
