/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads the file of --token-file. */
#include "tools/bearer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/read_all.h"

/* What a token is made of (RFC 7515, section 7.1): nothing that means something in a URL. */
static const char token_bytes[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
static const char space_bytes[] = " \t\r\n";

/* A token that was given instead of the name of its file is not shown either. */
static int fail_with(char *error_text, const char *path, const char *why)
{
    if (strncmp(path, "eyJ", 3) == 0)
        snprintf(error_text, QUIC_ERROR_TEXT_BYTES,
                 "--token-file takes the name of a file, and this is a token");
    else
        snprintf(error_text, QUIC_ERROR_TEXT_BYTES, "--token-file %.80s: %s", path, why);
    return MOQ_ERR_IO;
}

int bearer_refresh(void *path, struct moq_url *url, char *error_text)
{
    char text[MOQ_URL_PATH_BYTES + 1];
    ssize_t n = read_path(path, text, MOQ_URL_PATH_BYTES);
    if (n < 0)
        return fail_with(error_text, path, strerror(errno));
    text[n] = '\0';
    char *token = text + strspn(text, space_bytes);
    size_t size = strspn(token, token_bytes);
    bool is_whole = token[size + strspn(token + size, space_bytes)] == '\0';
    if ((size_t)n == MOQ_URL_PATH_BYTES)
        return fail_with(error_text, path, "the token is too long for a URL");
    if (size == 0 || !is_whole || token + size + strlen(token + size) != text + n)
        return fail_with(error_text, path, "there is no token in it");
    token[size] = '\0';
    if (moq_url_set_parameter(url, MOQ_URL_TOKEN, token))
        return fail_with(error_text, path, "the token is too long for a URL");
    return 0;
}
