/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* base64url in both directions. Strict where a token is decoded: a signature covers the text, so
 * two texts for the same bytes would be two tokens of which only one was signed. */
#include "token/base64.h"

#include <stdlib.h>
#include <string.h>

static int value_of(char byte, bool is_loose)
{
    if (byte >= 'A' && byte <= 'Z')
        return byte - 'A';
    if (byte >= 'a' && byte <= 'z')
        return byte - 'a' + 26;
    if (byte >= '0' && byte <= '9')
        return byte - '0' + 52;
    if (byte == '-' || (is_loose && byte == '+'))
        return 62;
    if (byte == '_' || (is_loose && byte == '/'))
        return 63;
    return -1;
}

static bool decode_text(const char *text, size_t n, bool is_loose, uint8_t *out, size_t *size)
{
    uint32_t bits = 0;
    unsigned count = 0;
    size_t used = 0;
    if (n % 4 == 1)
        return false;
    for (size_t i = 0; i < n; i++) {
        int value = value_of(text[i], is_loose);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            out[used++] = (uint8_t)(bits >> count);
        }
    }
    *size = used;
    return (bits & ((1u << count) - 1)) == 0;
}

bool base64_decode(const char *text, size_t n, uint8_t *out, size_t *size)
{
    return decode_text(text, n, false, out, size);
}

bool base64_decode_loosely(const char *text, size_t n, uint8_t *out, size_t *size)
{
    for (int padding = 0; padding < 2 && n > 0 && text[n - 1] == '='; padding++)
        n--;
    return decode_text(text, n, true, out, size);
}

char *base64_encode(const void *data, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const uint8_t *bytes = data;
    char *text = malloc(n / 3 * 4 + 5);
    size_t used = 0;
    if (!text)
        return NULL;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t bits = (uint32_t)bytes[i] << 16;
        bits |= i + 1 < n ? (uint32_t)bytes[i + 1] << 8 : 0;
        bits |= i + 2 < n ? bytes[i + 2] : 0;
        size_t count = n - i >= 3 ? 4 : n - i + 1;
        for (size_t k = 0; k < count; k++)
            text[used++] = digits[bits >> (18 - 6 * k) & 63];
    }
    text[used] = '\0';
    return text;
}
