/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The output of a broadcast in the relay: its tracks are sources of this module. */
#ifndef INGEST_TRACK_H
#define INGEST_TRACK_H

#include <relay/module.h>

#include "base/bytes.h"
#include "modules/karp/host.h"

/* All broadcasts of a worker write through one. */
struct track_writer {
    struct relay_worker *worker;
    const struct host *host;
    struct byte_buf frame; /* the two pieces of a frame, joined */
};

void track_writer_init(struct track_writer *writer, struct relay_worker *worker,
                       const struct host *host);
void track_writer_deinit(struct track_writer *writer);

/* As open_output, is_decided and close_output of host.h. */
int track_open_output(struct track_writer *writer, const struct host_offer *offer,
                      struct host_output *output);
bool track_is_decided(const struct host_output *output);
void track_close_output(struct host_output *output);

#endif
