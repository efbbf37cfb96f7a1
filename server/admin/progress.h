/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the peer of a TCP connection has taken. What the kernel buffers says nothing of how fast a
 * link is. */
#ifndef MOQ_ADMIN_PROGRESS_H
#define MOQ_ADMIN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* The bytes that it has acknowledged since the connection began; 0: not known. */
uint64_t progress_taken_bytes(int fd);

/* Whether it has acknowledged all that was sent. */
bool progress_is_complete(int fd);

#endif
