/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Socket addresses: conversion to and from text, the order in which they are tried, and which ones
 * a socket can reach. Private to native/. */
#ifndef MOQ_NATIVE_ADDRESS_H
#define MOQ_NATIVE_ADDRESS_H

#include <sys/socket.h>

#include "native/native.h"

enum { ADDRESS_LIST_MAX = 8, ADDRESS_TEXT_BYTES = 64 };

struct address_list {
    struct sockaddr_storage items[ADDRESS_LIST_MAX];
    size_t count;
};

socklen_t address_size(const struct sockaddr *address);
unsigned address_port(const struct sockaddr_storage *address);
/* Whether it is "[::]", which takes IPv4 as well. */
bool address_is_any_ipv6(const struct sockaddr_storage *address);

/* Fills `list` with at most ADDRESS_LIST_MAX addresses, in the order of RFC 8305, section 4: as the
 * resolver sorted them, but with the families alternating. */
struct addrinfo;
void address_list_fill(struct address_list *list, const struct addrinfo *found);

/* Keeps the addresses of `list` that a socket bound to `local` can reach: those of its family, or
 * all of them if it is bound to [::]. */
void address_list_fit(struct address_list *list, const struct sockaddr_storage *local);

/* Resolves "host:port" or "[v6]:port", and blocks meanwhile; an empty host is the wildcard address.
 * Returns 0, MOQ_ERR_INVALID or MOQ_ERR_NAME_LOOKUP. */
int address_parse(const char *text, struct sockaddr_storage *out);

/* "1.2.3.4:443" or "[::1]:443", for people. */
char *address_text(const struct sockaddr *address, char out[ADDRESS_TEXT_BYTES]);

#endif
