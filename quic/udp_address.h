/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An address of either family, and the form that IPv4 has on a dual-stack socket (::ffff:1.2.3.4).
 * Private to quic/udp_*.c. */
#ifndef MOQ_QUIC_UDP_ADDRESS_H
#define MOQ_QUIC_UDP_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

union udp_address {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

static inline socklen_t udp_address_size(const union udp_address *address)
{
    return address->sa.sa_family == AF_INET6 ? sizeof address->in6 : sizeof address->in;
}

/* Copies an address; anything shorter than one gives zeros. The lengths are constants, because this
 * is done several times for each packet. */
static inline void udp_address_load(union udp_address *address, const void *from, socklen_t n)
{
    memset(address, 0, sizeof *address);
    if (n >= sizeof address->in6)
        memcpy(address, from, sizeof address->in6);
    else if (n >= sizeof address->in)
        memcpy(address, from, sizeof address->in);
}

static inline bool udp_address_is_wildcard(const union udp_address *address)
{
    if (address->sa.sa_family == AF_INET)
        return address->in.sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&address->in6.sin6_addr);
}

/* Turns ::ffff:1.2.3.4 into 1.2.3.4. Other addresses stay as they are. */
static inline void udp_address_unmap(union udp_address *address)
{
    if (address->sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&address->in6.sin6_addr))
        return;
    struct sockaddr_in in;
    memset(&in, 0, sizeof in);
    in.sin_family = AF_INET;
    in.sin_port = address->in6.sin6_port;
    memcpy(&in.sin_addr, address->in6.sin6_addr.s6_addr + 12, sizeof in.sin_addr);
    address->in = in;
}

/* Turns 1.2.3.4 into ::ffff:1.2.3.4. IPv6 addresses stay as they are. */
static inline void udp_address_map(union udp_address *address)
{
    if (address->sa.sa_family != AF_INET)
        return;
    struct sockaddr_in6 in6;
    memset(&in6, 0, sizeof in6);
    in6.sin6_family = AF_INET6;
    in6.sin6_port = address->in.sin_port;
    in6.sin6_addr.s6_addr[10] = in6.sin6_addr.s6_addr[11] = 0xff;
    memcpy(in6.sin6_addr.s6_addr + 12, &address->in.sin_addr, sizeof address->in.sin_addr);
    address->in6 = in6;
}

#ifdef __cplusplus
}
#endif
#endif
