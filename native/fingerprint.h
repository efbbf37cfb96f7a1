/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* GET /fingerprint: which self-signed certificate an http: URL may trust. Private to native/. */
#ifndef MOQ_NATIVE_FINGERPRINT_H
#define MOQ_NATIVE_FINGERPRINT_H

#include "native/address.h"

struct fingerprint;
/* Fetches from the addresses of `list`, one after the other. `on_done` is called later from the
 * loop, once, unless it is cancelled. */
struct fingerprint *fingerprint_start(struct moq_native *native, const struct moq_url *url,
                                      const struct address_list *list,
                                      moq_fingerprint_on_done *on_done,
                                      void *user); /* NULL: out of memory */
void fingerprint_cancel(struct fingerprint **fingerprint);

enum { FINGERPRINT_MAX_ANSWER_BYTES = 8192 };

/* Parses what has arrived of a server's answer. 0: *out is set; MOQ_ERR_AGAIN: more is needed
 * (never if `is_end`); MOQ_ERR_REFUSED: the status is not 200; MOQ_ERR_DECODE. */
int fingerprint_parse(const char *answer, size_t n, bool is_end,
                      uint8_t out[QUIC_FINGERPRINT_BYTES]);

#endif
