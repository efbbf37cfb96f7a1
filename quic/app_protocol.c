/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Writes lists of protocol names, and finds names in the lists of peers. */
#include "quic/app_protocol.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- Writing --------------------------------------------------------------------------------- */

struct list_text {
    char *out;
    size_t size;
    bool is_full;
};

static void add_name(struct list_text *list, const char *separator, const char *quote,
                     const char *name)
{
    if (list->size == 0)
        separator = "";
    int n = snprintf(list->out + list->size, ALPN_LIST_MAX_BYTES - list->size, "%s%s%s%s",
                     separator, quote, name, quote);
    list->is_full |= n < 0 || list->size + (size_t)n >= ALPN_LIST_MAX_BYTES;
    if (!list->is_full)
        list->size += (size_t)n;
}

int alpn_list(const struct quic_app_protocols *protocols, bool has_h3,
              char out[ALPN_LIST_MAX_BYTES])
{
    struct list_text list = {.out = out};
    out[0] = '\0';
    if (has_h3)
        add_name(&list, ",", "", ALPN_H3);
    for (size_t i = 0; i < protocols->count; i++)
        if (protocols->items[i].alpn)
            add_name(&list, ",", "", protocols->items[i].alpn);
    return list.is_full ? MOQ_ERR_BOUNDS : 0;
}

int subprotocol_list(const struct quic_app_protocols *protocols, char out[ALPN_LIST_MAX_BYTES])
{
    struct list_text list = {.out = out};
    out[0] = '\0';
    for (size_t i = 0; i < protocols->count; i++)
        if (protocols->items[i].subprotocol)
            add_name(&list, ", ", "\"", protocols->items[i].subprotocol);
    return list.is_full ? MOQ_ERR_BOUNDS : 0;
}

/* ---- Reading (RFC 9651, section 4.2) --------------------------------------------------------- */

static const char *skip_spaces(const char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    return text;
}

static bool is_token_char(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("!#$%&'*+-.^_`|~:/", c));
}

/* Returns the end of a string or a token; NULL if it is neither. */
static const char *end_of_item(const char *text)
{
    if (*text == '"') {
        for (text++; *text && *text != '"'; text++)
            if (*text == '\\' && *++text != '"' && *text != '\\')
                return NULL;
        return *text ? text + 1 : NULL;
    }
    if (!isalpha((unsigned char)*text) && *text != '*')
        return NULL;
    while (is_token_char(*text))
        text++;
    return text;
}

static bool is_key_char(char c, bool is_first)
{
    bool is_lower = (c >= 'a' && c <= 'z') || c == '*';
    return is_lower || (!is_first && ((c >= '0' && c <= '9') || (c && strchr("_-.", c))));
}

/* Skips parameters, which we ignore. They have to be parsed because a string in them may contain a
 * comma. NULL: malformed. */
static const char *skip_parameters(const char *text)
{
    while (*text == ';') {
        text = skip_spaces(text + 1);
        if (!is_key_char(*text, true))
            return NULL;
        while (is_key_char(*text, false))
            text++;
        if (*text != '=')
            continue;
        text++;
        const char *end = end_of_item(text);
        if (*text == '"' && !end)
            return NULL;
        if (!end) /* a number, a byte sequence, a boolean or a date */
            end = text + strspn(text, "0123456789.-?:@%+/=abcdefghijklmnopqrstuvwxyz"
                                      "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (end == text)
            return NULL;
        text = end;
    }
    return text;
}

struct member { /* a member of a list, as it appears there */
    const char *text;
    size_t size;
};

/* Takes the next member of a list. Returns a pointer to what follows it; NULL: malformed. */
static const char *next_member(const char *text, struct member *member)
{
    const char *end = end_of_item(text);
    if (!end)
        return NULL;
    *member = (struct member){text, (size_t)(end - text)};
    text = skip_parameters(end);
    if (!text)
        return NULL;
    text = skip_spaces(text);
    if (*text == '\0')
        return text;
    if (*text != ',')
        return NULL;
    text = skip_spaces(text + 1);
    return *text ? text : NULL; /* a list must not end with a comma */
}

static bool is_name(const struct member *member, const char *name)
{
    bool is_string = member->text[0] == '"';
    size_t size = member->size - (is_string ? 2 : 0);
    return size == strlen(name) && memcmp(member->text + is_string, name, size) == 0;
}

static const struct quic_app_protocol *
find_protocol_named(const struct quic_app_protocols *protocols, const struct member *member)
{
    for (size_t i = 0; i < protocols->count; i++)
        if (protocols->items[i].subprotocol && is_name(member, protocols->items[i].subprotocol))
            return &protocols->items[i];
    return NULL;
}

const struct quic_app_protocol *subprotocol_choose(const struct quic_app_protocols *protocols,
                                                   const char *field,
                                                   char item[SUBPROTOCOL_MAX_BYTES])
{
    const struct quic_app_protocol *chosen = NULL;
    const char *text = skip_spaces(field);
    item[0] = '\0';
    while (text && *text) {
        struct member member;
        text = next_member(text, &member);
        if (!text || chosen || member.size >= SUBPROTOCOL_MAX_BYTES)
            continue;
        chosen = find_protocol_named(protocols, &member);
        if (chosen)
            snprintf(item, SUBPROTOCOL_MAX_BYTES, "%.*s", (int)member.size, member.text);
    }
    if (text)
        return chosen;
    item[0] = '\0';
    return NULL;
}

const struct quic_app_protocol *subprotocol_default(const struct quic_app_protocols *protocols)
{
    for (size_t i = 0; i < protocols->count; i++)
        if (!protocols->items[i].subprotocol)
            return &protocols->items[i];
    return NULL;
}
