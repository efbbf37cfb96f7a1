/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Why a socket could not be bound, and what to do about it, in one line for the operator: who has
 * the port, which capability is missing, which limit is too low. */
#ifndef MOQ_BASE_BIND_ERROR_H
#define MOQ_BASE_BIND_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/symbols.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct bind_attempt {
    unsigned port;
    bool is_ipv6; /* else IPv4 */
    bool is_tcp;  /* else UDP */
    int error;    /* errno of bind() */
};

enum { BIND_HOLDER_BYTES = 64, BIND_SOCKETS_MAX = 16, BIND_PROCESSES_MAX = 65536 };

/* Writes the text that follows "cannot bind ADDRESS: ", terminated and cut to `size` bytes. Reads
 * /proc, which is slow, so it is meant for the start of a program. */
void bind_error_explain(const struct bind_attempt *attempt, char *out, size_t size);

/* Writes the process that holds the port, as "nginx (pid 1234)" or "this process". Returns false if
 * none is found. Only root sees the sockets of other users. */
bool bind_holder_find(const struct bind_attempt *attempt, char out[BIND_HOLDER_BYTES]);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
