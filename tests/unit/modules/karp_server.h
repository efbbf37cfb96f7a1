/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The HTTP server of the module on a stage, at a free port. */
#ifndef MOQ_TESTS_MODULES_KARP_SERVER_H
#define MOQ_TESTS_MODULES_KARP_SERVER_H

#include "tests/unit/modules/karp_stage.h"

#include "tests/unit/prologue.h"

#include <netinet/in.h>

#include "modules/karp/http.h"

/* `silence_ms` 0: as usual. */
static inline struct http_server *server_begin(struct stage *stage, uint64_t silence_ms)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    const struct http_config config = {.address = (struct sockaddr *)&address,
                                       .silence_ms = silence_ms};
    char error_text[DOOR_ERROR_BYTES];
    struct http_server *server;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    stage_init(stage);
    assert_int_equal(http_open(&server, stage->set, &config, error_text), 0);
    return server;
}

#endif
