/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Socket addresses: conversion to and from text, the order in which they are tried, and which of
 * them a socket can reach. */
#include "native/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

socklen_t address_size(const struct sockaddr *address)
{
    return address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                          : sizeof(struct sockaddr_in);
}

static bool is_usable(const struct addrinfo *info)
{
    return info->ai_family == AF_INET || info->ai_family == AF_INET6;
}

static void push_address(struct address_list *list, const struct addrinfo *info)
{
    if (list->count < ADDRESS_LIST_MAX)
        memcpy(&list->items[list->count++], info->ai_addr, info->ai_addrlen);
}

/* The next address of `family`, or of either family if that is 0. */
static const struct addrinfo *next_of_family(const struct addrinfo *info, int family)
{
    while (info && (!is_usable(info) || (family && info->ai_family != family)))
        info = info->ai_next;
    return info;
}

void address_list_fill(struct address_list *list, const struct addrinfo *found)
{
    list->count = 0;
    const struct addrinfo *first = next_of_family(found, 0);
    if (!first)
        return;
    int other_family = first->ai_family == AF_INET ? AF_INET6 : AF_INET;
    const struct addrinfo *preferred = first, *other = next_of_family(found, other_family);
    while (preferred || other) {
        if (preferred) {
            push_address(list, preferred);
            preferred = next_of_family(preferred->ai_next, first->ai_family);
        }
        if (other) {
            push_address(list, other);
            other = next_of_family(other->ai_next, other_family);
        }
    }
}

unsigned address_port(const struct sockaddr_storage *address)
{
    struct sockaddr_in in; /* sockaddr_in6 has its port in the same place */
    memcpy(&in, address, sizeof in);
    return ntohs(in.sin_port);
}

bool address_is_any_ipv6(const struct sockaddr_storage *local)
{
    struct sockaddr_in6 address;
    memcpy(&address, local, sizeof address);
    return local->ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&address.sin6_addr);
}

void address_list_fit(struct address_list *list, const struct sockaddr_storage *local)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        bool is_same = list->items[i].ss_family == local->ss_family;
        if (is_same || address_is_any_ipv6(local)) /* a dual-stack socket reaches IPv4 too */
            list->items[kept++] = list->items[i];
    }
    list->count = kept;
}

/* Copies the host without its brackets and finds where the port begins. */
static int split_host_and_port(const char *text, char host[MOQ_URL_HOST_BYTES], const char **port)
{
    const char *colon = strrchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : 0;
    bool is_bracketed = n >= 2 && text[0] == '[' && text[n - 1] == ']';
    if (!colon || n >= MOQ_URL_HOST_BYTES || !colon[1] ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
        strtoul(colon + 1, NULL, 10) > UINT16_MAX)
        return MOQ_ERR_INVALID;
    size_t skip = is_bracketed ? 1 : 0;
    memcpy(host, text + skip, n - 2 * skip);
    host[n - 2 * skip] = '\0';
    *port = colon + 1;
    return !is_bracketed && strchr(host, ':') ? MOQ_ERR_INVALID : 0;
}

int moq_address_check(const char *text)
{
    char host[MOQ_URL_HOST_BYTES];
    const char *port;
    return split_host_and_port(text, host, &port);
}

int address_parse(const char *text, struct sockaddr_storage *out)
{
    char host[MOQ_URL_HOST_BYTES];
    const char *port;
    int error = split_host_and_port(text, host, &port);
    if (error)
        return error;
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (getaddrinfo(*host ? host : NULL, port, &hints, &found) != 0)
        return MOQ_ERR_NAME_LOOKUP;
    struct address_list list;
    address_list_fill(&list, found);
    freeaddrinfo(found);
    if (list.count == 0)
        return MOQ_ERR_NAME_LOOKUP;
    memset(out, 0, sizeof *out);
    memcpy(out, &list.items[0], address_size((const struct sockaddr *)&list.items[0]));
    return 0;
}

char *address_text(const struct sockaddr *address, char out[ADDRESS_TEXT_BYTES])
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)address;
        bool is_mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
        inet_ntop(is_mapped ? AF_INET : AF_INET6,
                  is_mapped ? &v6->sin6_addr.s6_addr[12] : (const void *)&v6->sin6_addr, host,
                  sizeof host);
        snprintf(out, ADDRESS_TEXT_BYTES, is_mapped ? "%s:%u" : "[%s]:%u", host,
                 ntohs(v6->sin6_port));
        return out;
    }
    const struct sockaddr_in *v4 = (const void *)address;
    inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
    snprintf(out, ADDRESS_TEXT_BYTES, "%s:%u", host, ntohs(v4->sin_port));
    return out;
}
