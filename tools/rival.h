/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Warns a publisher that its broadcast has another publisher, too. Viewers watch the newest
 * instance, so one of the two has no viewers and does not know why. */
#ifndef MOQ_TOOLS_RIVAL_H
#define MOQ_TOOLS_RIVAL_H

#include "tools/publisher.h"

struct rival {
    const struct publisher *publisher; /* public; must outlive it */
    struct moq_announced *announced;   /* private, as all below; NULL: no session */
    uint64_t told;                     /* the last instance that a warning was about */
};

void rival_watch(struct rival *rival, struct moq_session *session); /* call it for each session */
void rival_close(struct rival *rival);

#endif
