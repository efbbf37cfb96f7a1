/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One connection of an encoder by HTTP, which carries one request: its head, the relay's decision,
 * the body, the answer.
 *
 * libmicrohttpd reads requests and writes answers, except for one kind: it takes no answer while a
 * body is coming, and the body of a live encoder never ends. So such an answer goes to the socket
 * directly, where nothing else has been written; then the rest of the body is read and dropped for
 * a moment, because closing at once would make the kernel drop the answer. */
#ifndef INGEST_VISIT_H
#define INGEST_VISIT_H

#include <microhttpd.h>

#include "base/list.h"
#include "modules/karp/ingest.h"

enum {
    VISIT_HEAD_MAX_BYTES = 16 << 10, /* of a request; a larger one gets VERDICT_HEADER_TOO_LARGE */
    VISIT_HEAD_MS = 10000,           /* until the head is complete */
    VISIT_DECISION_MS = 10000,       /* until the relay has decided; it denies after 5 s */
    VISIT_SETTLE_MS = 2,             /* after the body, between two checks */
    VISIT_ANSWER_MS = 5000,          /* until an answer has been read */
    VISIT_DRAIN_MS = 2000,           /* after an answer in the middle of a body */
    VISIT_ADDRESS_BYTES = 64,
};

enum visit_state {
    VISIT_HEAD,     /* its head has not come yet */
    VISIT_DECIDING, /* suspended, until the relay has decided */
    VISIT_DECIDED,
    VISIT_BODY,
    VISIT_SETTLING, /* suspended after the whole body, until the relay has decided on its tracks */
    VISIT_ANSWERED, /* by libmicrohttpd */
    VISIT_DRAINING, /* answered in the middle of the body */
    VISIT_CUT,      /* its socket was shut down */
};

struct visit {
    struct list link; /* of the server's */
    struct ingest_set *set;
    uint64_t silence_ms;
    struct ingest_ladder ladder;
    void (*on_resumed)(void *server); /* libmicrohttpd has to run */
    void *server;
    struct MHD_Connection *connection; /* private, as all below */
    int fd;
    enum visit_state state;
    bool is_suspended;
    uint64_t until_ns; /* when the state has lasted too long; UINT64_MAX: it may last */
    char address[VISIT_ADDRESS_BYTES];
    char path[REQUEST_PATH_BYTES];
    char *target; /* of the request */
    void *guest;
    bool is_guest_open;
    struct ingest *ingest;
    struct verdict verdict; /* status 0: nothing against it so far */
};

/* Begins with what the server sets in the first fields. */
void visit_begin(struct visit *visit, struct MHD_Connection *connection);
/* Notes the target of the request as it was sent. */
void visit_set_target(struct visit *visit, const char *target);
/* The handler of libmicrohttpd: the head is complete, the next bytes of the body have come (all of
 * them are taken), or its end. */
enum MHD_Result visit_handle(struct visit *visit, const char *method, const char *data,
                             size_t *size);
/* The request is over, or the connection is: ends the broadcast. */
void visit_end(struct visit *visit);
/* Ends a state that has lasted too long. */
void visit_check(struct visit *visit, uint64_t now_ns);
/* Ends a visit whose head has not come yet, in favour of one that waits for its place. */
void visit_yield(struct visit *visit);
/* Frees it; the connection is over, or its daemon will be stopped next. */
void visit_free(struct visit *visit);
/* Has libmicrohttpd take up a suspended connection again. */
void visit_resume(struct visit *visit);

#endif
