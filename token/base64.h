/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* base64url without padding (RFC 7515, section 2). */
#ifndef MOQ_TOKEN_BASE64_H
#define MOQ_TOKEN_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for `n` characters, decoded. */
#define BASE64_DECODED_BYTES(n) ((n) / 4 * 3 + 2)

/* Decodes `n` characters to `out`, which has room for BASE64_DECODED_BYTES(n), and sets *size.
 * Returns false for anything that base64_encode would not have written, so there is one text for
 * the same bytes. */
bool base64_decode(const char *text, size_t n, uint8_t *out, size_t *size);

/* The same for what people and other tools write to files: also '+' and '/', and padding. */
bool base64_decode_loosely(const char *text, size_t n, uint8_t *out, size_t *size);

/* A text that ends with NUL, owned by the caller. NULL: out of memory. */
char *base64_encode(const void *data, size_t n);

#endif
