/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Giving memory back when peers are gone. Handshakes leave long-lived objects between their own
 * short-lived ones, so the heap keeps nearly all pages it ever had, though most of them are free. */
#ifndef MOQ_CORE_TIDY_H
#define MOQ_CORE_TIDY_H

#include <stdbool.h>
#include <stdint.h>

/* How often to look, and how many connections there must have been to make it worth while: peers that
 * come and go must not keep the relay tidying. */
enum { TIDY_MS = 60 * 1000, TIDY_LEAST_CONNECTIONS = 256 };

struct tidy {      /* zeroed is ready */
    uint32_t most; /* private: connections at a time, since memory went back */
};

/* Told how many connections there are now: whether half of them left since memory went back. */
bool tidy_is_due(struct tidy *tidy, uint32_t connections);

/* Gives the free pages of all threads' heaps back. A thread that needs memory waits meanwhile: about
 * 0.3 ms for each megabyte that goes, which is why it is not done more often than connections halve. */
void tidy_up(void);

#endif
