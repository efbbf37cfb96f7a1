/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A port that cannot be bound is not an error: a running relay has its own ports, and the relay
 * that will start may have more capabilities than the user who checks. Tested by
 * tests/e2e/test_relay.py. */
#include "server/ports.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bind_error.h"
#include "base/log.h"

enum { WHY_BYTES = 512 };

/* Returns an errno; 0: it can be bound. */
static int bind_briefly(const struct config_address *address, bool is_tcp)
{
    const int on = 1, off = 0;
    int family = address->socket.ss_family;
    int fd = socket(family, (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    if (family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (is_tcp) /* as servers do: lingering closed connections do not get in the way */
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const struct sockaddr *where = (const struct sockaddr *)&address->socket;
    int error = bind(fd, where, address->size) == 0 ? 0 : errno;
    close(fd);
    return error;
}

static void warn_of_port(const char *setting, const struct config_address *address, bool is_tcp)
{
    char why[WHY_BYTES];
    struct sockaddr_in6 in; /* sockaddr_in has its port in the same place */
    if (address->size == 0)
        return;
    memcpy(&in, &address->socket, sizeof in);
    const struct bind_attempt attempt = {.port = ntohs(in.sin6_port),
                                         .is_ipv6 = in.sin6_family == AF_INET6,
                                         .is_tcp = is_tcp,
                                         .error = bind_briefly(address, is_tcp)};
    bool is_any = attempt.is_ipv6 && IN6_IS_ADDR_UNSPECIFIED(&in.sin6_addr);
    /* Without IPv6, [::] still means all IPv4 addresses. */
    if (attempt.error == 0 || (attempt.error == EAFNOSUPPORT && is_any))
        return;
    bind_error_explain(&attempt, why, sizeof why);
    log_warn(LOG_CORE, "%s: a start would fail now: cannot bind %s: %s", setting, address->text,
             why);
}

void ports_warn(const struct relay_config *config)
{
    char setting[CONFIG_NAME_BYTES];
    for (size_t i = 0; i < config->listen_count; i++) {
        snprintf(setting, sizeof setting, "listen[%zu].address", i);
        warn_of_port(setting, &config->listen[i].address, false);
    }
    const struct config_address *http = &config->http.address;
    warn_of_port("http.address", http->is_listen ? &config->listen[0].address : http, true);
}
