/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* URLs as people type them, and the broadcast path that they stand for. Rust peers split that path
 * in their own way (escapes stay, empty parts count), and a publisher and a viewer that split it
 * differently never find each other. Bytes in braces are our addition: without them, a path with
 * bytes that no URL may contain could not be named. */
#include "native/native.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    DEFAULT_PORT = 443,
    BRACE_GROWTH = 2, /* a brace becomes %7B or %7D in a request */
};

struct scheme {
    const char *name;
    enum quic_protocol protocol; /* UNKNOWN: reserved, not supported */
    bool is_fingerprint_fetched;
};

static const struct scheme schemes[] = {
    {"https", QUIC_PROTOCOL_WEBTRANSPORT, false},
    {"http", QUIC_PROTOCOL_WEBTRANSPORT, true},
    {"moqf", QUIC_PROTOCOL_RAW, false},
    {"moqt", QUIC_PROTOCOL_UNKNOWN, false},
};

static int fail_to_parse(char *error_text, int error, const char *what)
{
    if (error_text)
        snprintf(error_text, QUIC_ERROR_TEXT_BYTES, "%s", what);
    return error;
}

static const struct scheme *scheme_find(const char *text, size_t n)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strlen(schemes[i].name) == n && strncasecmp(schemes[i].name, text, n) == 0)
            return &schemes[i];
    return NULL;
}

static int parse_port(struct moq_url *url, const char *text, size_t n, char *error_text)
{
    unsigned long port = 0;
    for (size_t i = 0; i < n && port <= UINT16_MAX; i++) {
        if (!isdigit((unsigned char)text[i]))
            return fail_to_parse(error_text, MOQ_ERR_INVALID, "the port is not a number");
        port = port * 10 + (unsigned long)(text[i] - '0');
    }
    if (n == 0)
        port = DEFAULT_PORT;
    if (port == 0 || port > UINT16_MAX)
        return fail_to_parse(error_text, MOQ_ERR_INVALID, "the port is not between 1 and 65535");
    url->port = (uint16_t)port;
    return 0;
}

static bool is_host_byte(char byte)
{
    return isalnum((unsigned char)byte) || byte == '-' || byte == '.' || byte == '_';
}

static int copy_host(struct moq_url *url, const char *text, size_t n, char *error_text)
{
    if (n == 0)
        return fail_to_parse(error_text, MOQ_ERR_INVALID, "the host is missing");
    if (n >= sizeof url->host)
        return fail_to_parse(error_text, MOQ_ERR_INVALID, "the host is too long");
    memcpy(url->host, text, n);
    url->host[n] = '\0';
    return 0;
}

static int parse_literal(struct moq_url *url, const char *text, size_t n, char *error_text)
{
    const char *end = memchr(text, ']', n);
    if (!end)
        return fail_to_parse(error_text, MOQ_ERR_INVALID, "the ']' of an IPv6 address is missing");
    int error = copy_host(url, text + 1, (size_t)(end - text) - 1, error_text);
    if (error)
        return error;

    struct in6_addr address;
    if (inet_pton(AF_INET6, url->host, &address) != 1)
        return fail_to_parse(error_text, MOQ_ERR_INVALID,
                             "the address in brackets is not an IPv6 address");
    size_t used = (size_t)(end - text) + 1;
    if (used == n)
        return parse_port(url, "", 0, error_text);
    if (text[used] != ':')
        return fail_to_parse(error_text, MOQ_ERR_INVALID, "only a port may follow the ']'");
    return parse_port(url, text + used + 1, n - used - 1, error_text);
}

static int parse_authority(struct moq_url *url, const char *text, size_t n, char *error_text)
{
    if (memchr(text, '@', n))
        return fail_to_parse(error_text, MOQ_ERR_INVALID, "user names in URLs are not supported");
    if (n > 0 && text[0] == '[')
        return parse_literal(url, text, n, error_text);

    const char *colon = memchr(text, ':', n);
    size_t host_bytes = colon ? (size_t)(colon - text) : n;
    for (size_t i = 0; i < host_bytes; i++)
        if (!is_host_byte(text[i]))
            return fail_to_parse(error_text, MOQ_ERR_INVALID,
                                 "the host has a character that is not allowed in host names");
    int error = copy_host(url, text, host_bytes, error_text);
    if (error)
        return error;
    return colon ? parse_port(url, colon + 1, n - host_bytes - 1, error_text)
                 : parse_port(url, "", 0, error_text);
}

/* Bytes that a path may contain unescaped; the rest becomes %XX, as in browsers and Rust peers. */
static bool is_path_byte(unsigned char byte)
{
    return byte > 0x20 && byte < 0x7f && !strchr("\"<>`{}", byte);
}

/* Bytes in braces belong to the name of the broadcast, not to a query. */
static int parse_path(struct moq_url *url, const char *text, char *error_text)
{
    const char *end = text + strcspn(text, "#");
    size_t used = 0, braces = 0, in_braces = 0;
    bool is_query = false;
    if (*text != '/')
        url->path[used++] = '/';
    for (; text < end; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte < 0x20 || byte == 0x7f)
            return fail_to_parse(error_text, MOQ_ERR_INVALID, "the path has a control character");
        if (used + braces * BRACE_GROWTH + 4 > sizeof url->path)
            return fail_to_parse(error_text, MOQ_ERR_INVALID, "the path is too long");
        is_query |= byte == '?';
        if (!is_query && strncmp(text, MOQ_PATH_CUT_MARK, strlen(MOQ_PATH_CUT_MARK)) == 0)
            return fail_to_parse(error_text, MOQ_ERR_INVALID,
                                 "the name was cut where " MOQ_PATH_CUT_MARK " stands");
        if (!is_query && in_braces == 0) {
            in_braces = moq_path_braces(text, (size_t)(end - text));
            braces += in_braces > 0 ? 2 : 0;
        }
        if (in_braces > 0 || is_path_byte(byte))
            url->path[used++] = (char)byte;
        else
            used += (size_t)snprintf(url->path + used, 4, "%%%02X", byte);
        in_braces -= in_braces > 0;
    }
    url->path[used] = '\0';
    return 0;
}

int moq_url_parse(struct moq_url *url, const char *text, char *error_text)
{
    memset(url, 0, sizeof *url);
    const char *colon = strstr(text, "://");
    if (!colon)
        return fail_to_parse(error_text, MOQ_ERR_INVALID,
                             "it has no scheme: write https://host[:port]/path");
    const struct scheme *scheme = scheme_find(text, (size_t)(colon - text));
    if (!scheme)
        return fail_to_parse(error_text, MOQ_ERR_UNSUPPORTED,
                             "the scheme is not https, http or moqf");
    if (scheme->protocol == QUIC_PROTOCOL_UNKNOWN)
        return fail_to_parse(error_text, MOQ_ERR_UNSUPPORTED,
                             "moqt:// is reserved for MoQ Transport, which is not supported");

    url->protocol = scheme->protocol;
    url->is_fingerprint_fetched = scheme->is_fingerprint_fetched;
    const char *authority = colon + 3;
    size_t authority_bytes = strcspn(authority, "/?#");
    int error = parse_authority(url, authority, authority_bytes, error_text);
    return error ? error : parse_path(url, authority + authority_bytes, error_text);
}

struct moq_path *moq_url_broadcast(const struct moq_url *url)
{
    const char *name = url->path + (url->path[0] == '/');
    return moq_path_from_name(name, strcspn(name, "?"));
}

void moq_url_request_path(const struct moq_url *url, char out[MOQ_URL_PATH_BYTES])
{
    size_t used = 0;
    for (const char *at = url->path; *at && used + 3 < MOQ_URL_PATH_BYTES; at++) {
        bool is_brace = *at == '{' || *at == '}';
        out[used++] = is_brace ? '%' : *at;
        if (is_brace)
            used += (size_t)snprintf(out + used, 3, "%02X", (unsigned char)*at);
    }
    out[used] = '\0';
}

/* ---- Parameters of a query ------------------------------------------------------------------- */

/* The parameter `name` in the query of `url`, with the '?' or '&' before it; NULL: it has none. */
static char *find_parameter(struct moq_url *url, const char *name)
{
    size_t n = strlen(name);
    char *at = strchr(url->path, '?');
    while (at && (strncmp(at + 1, name, n) != 0 || at[1 + n] != '='))
        at = strchr(at + 1, '&');
    return at;
}

static void remove_parameter(char *at)
{
    size_t n = 1 + strcspn(at + 1, "&");
    if (*at == '?' && at[n])
        memmove(at + 1, at + n + 1, strlen(at + n + 1) + 1);
    else
        memmove(at, at + n, strlen(at + n) + 1);
}

int moq_url_set_parameter(struct moq_url *url, const char *name, const char *value)
{
    struct moq_url old = *url;
    char *at;
    while ((at = find_parameter(url, name)))
        remove_parameter(at);
    size_t growth = 0; /* in a request: see moq_url_request_path */
    for (at = url->path; (at = strpbrk(at, "{}")); at++)
        growth += BRACE_GROWTH;
    size_t used = strlen(url->path), room = sizeof url->path - used;
    room = room > growth + 3 ? room - growth - 3 : 1;
    int n = snprintf(url->path + used, room, "%c%s=%s", strchr(url->path, '?') ? '&' : '?', name,
                     value);
    if (n >= 0 && (size_t)n < room)
        return 0;
    *url = old;
    return MOQ_ERR_BOUNDS;
}

bool moq_url_has_token(const struct moq_url *url)
{
    struct moq_url copy = *url;
    return find_parameter(&copy, MOQ_URL_TOKEN) != NULL;
}

char *moq_url_hide_token(char *text)
{
    static const char start[] = MOQ_URL_TOKEN "=";
    for (char *at = strstr(text, start); at; at = strstr(at, start)) {
        at += sizeof start - 1;
        size_t n = strcspn(at, "&#; \t\r\n\"'"), stars = n < 3 ? n : 3;
        memset(at, '*', stars);
        memmove(at + stars, at + n, strlen(at + n) + 1);
    }
    return text;
}
