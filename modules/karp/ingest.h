/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One broadcast that comes into the relay: bytes of a fragmented MP4, in pieces of any size, go
 * through an importer to tracks of the relay. Where the bytes come from is the caller's business.
 *
 * The set of all of them sees to it that a path has one publisher at a time, that instances of a
 * path rise, and that a source that falls silent is given up.
 *
 * An ingest holds at most what an importer holds (one moov or moof, one frame, and 16 MiB until
 * each track has begun; see karp/import.h) and, if it is paced, KARP_QUEUE_MAX_BYTES; as much again
 * while bitrates of renditions are measured (karp/renditions.h). */
#ifndef INGEST_INGEST_H
#define INGEST_INGEST_H

#include "modules/karp/host.h"
#include "modules/karp/request.h"

enum {
    INGEST_MAX = 256, /* at a time, with those that linger; then new ones get VERDICT_BUSY */
    INGEST_PREFACE_MAX_BYTES = 64 << 20, /* without a catalog, then VERDICT_TOO_LARGE */
    INGEST_PREFACE_MS = 30000, /* from the first byte to the catalog, then VERDICT_SILENT */
    INGEST_SILENCE_MS = 15000, /* without a byte, if the caller says nothing else */
    INGEST_FROM_BYTES = 128,
    INGEST_LINGER_MS = 3000, /* on offer after its end, for viewers that have just heard of it */
    INGEST_HOLD_MS = 5,      /* how soon a new instance that has to wait is tried again */
};

struct ingest; /* private, as the next */
struct ingest_set;

struct ingest_counts {
    uint64_t opened, refused, failed; /* broadcasts; `failed`: ended before their end */
    uint64_t active;
    uint64_t bytes, frames;
    uint64_t left_out; /* samples and frames */
};

struct ingest_events {
    /* It has failed from outside: silence, the relay refuses it, or its guest was closed. Close it;
     * it takes no more data. Not called for errors that a function has returned. */
    void (*on_failed)(void *owner, const struct verdict *why);
    /* As in host_offer. Each may be NULL. */
    void (*on_live)(void *owner);
    void (*on_idle)(void *owner);
};

/* What becomes of renditions, as in karp_renditions_options. */
struct ingest_ladder {
    bool is_in_band, has_auto;
};

struct ingest_config {
    const char *path;    /* as request_path or request_name wrote it */
    const char *from;    /* for people: "HTTP 192.0.2.1:50000" */
    void *guest;         /* of the host, or NULL; is closed after the ingest */
    uint64_t silence_ms; /* without a byte, then VERDICT_SILENT; 0: never */
    /* A frame waits until the one before it is due. The caller asks ingest_wait_ns before it feeds
     * the next piece, which is a small one. */
    bool is_paced;
    bool is_patient;  /* silence counts from the first byte on: the source may wait for media */
    bool is_promised; /* it is on offer before its media, which begins with ingest_start */
    struct ingest_ladder ladder;
    const struct ingest_events *events;
    void *owner;
};

/* NULL: out of memory. The host is copied. */
struct ingest_set *ingest_set_new(const struct host *host);
/* All of its ingests are closed before; those that linger end now. Ends later on the loop. */
void ingest_set_close(struct ingest_set **set);
const struct host *ingest_set_host(const struct ingest_set *set);
const struct ingest_counts *ingest_set_counts(const struct ingest_set *set);
/* From now on no guest gets this path: it is that of a source, also while nothing comes in there.
 * Returns 0 or MOQ_ERR_NOMEM. */
int ingest_set_keep_path(struct ingest_set *set, const char *path);

/* NULL: refused; `why` has VERDICT_TAKEN, VERDICT_BUSY or VERDICT_FAILED. */
struct ingest *ingest_open(struct ingest_set *set, const struct ingest_config *config,
                           struct verdict *why);
/* One that was promised begins: from now on, silence counts. */
void ingest_start(struct ingest *ingest);
/* Returns 0 or the status of ingest_verdict(): VERDICT_MALFORMED (with what and where),
 * VERDICT_TOO_LARGE, VERDICT_FORBIDDEN, VERDICT_FAILED or VERDICT_BUSY. Then it takes no more. */
unsigned ingest_feed(struct ingest *ingest, const uint8_t *data, size_t size);
/* The file has ended. Returns as ingest_feed. */
unsigned ingest_finish(struct ingest *ingest);
/* For one that is paced: publishes what had to wait, and tells how long to wait before the next
 * piece, in nanoseconds; 0: feed now. After ingest_finish: 0 when everything is published. */
uint64_t ingest_wait_ns(struct ingest *ingest);
const struct verdict *ingest_verdict(const struct ingest *ingest); /* status 0: no error */
uint64_t ingest_frames(const struct ingest *ingest);               /* published so far */
/* The relay has decided on all of its tracks; the verdict says if it refuses one. */
bool ingest_is_decided(const struct ingest *ingest);
/* Fails from outside: the guest was closed, for example. Calls no event. */
void ingest_fail(struct ingest *ingest, const struct verdict *why);
/* Ends the broadcast: whole if ingest_finish succeeded, else with an error for its viewers. Sets
 * *ingest to NULL. Not from within its own events on_live and on_idle.
 *
 * One that is whole, and was not promised, stays on offer for INGEST_LINGER_MS, but its path is
 * free. It keeps the guest then: true, and the guest is not the caller's any more. */
bool ingest_close(struct ingest **ingest);

#endif
