/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Collects what the exporter writes, and lists the packets in it with a scanner of its own. */
#ifndef MOQ_TESTS_KARP_EXPORT_SINK_H
#define MOQ_TESTS_KARP_EXPORT_SINK_H

#include "karp/karp.h"

enum { SINK_MAX_PACKETS = 256 };

struct packet {
    uint32_t track, duration, size, flags;
    int64_t dts, pts;
};

struct sink {
    uint8_t data[1 << 19];
    size_t size;
    int error; /* returned to the exporter */
    struct packet packets[SINK_MAX_PACKETS];
    size_t count, fragments, moovs;
};

extern struct sink sink;

uint64_t number_at(const uint8_t *at, int bytes); /* big endian */

/* Lists the packets, and checks what holds for every file: decode times rise, and are not after
 * presentation times. */
void scan(void);

/* Makes a catalog with the tracks "v" (320 x 180, with a description) and "a" (48 kHz, stereo). A
 * codec of NULL leaves out the track. */
struct karp_catalog *catalog_of(const char *video, const uint8_t *record, size_t size,
                                const char *audio);

/* Both make an exporter and empty the sink. The first takes over the catalog. */
struct karp_exporter *export_catalog(struct karp_catalog *catalog,
                                     const struct karp_export_options *options);
struct karp_exporter *exporter_of(const char *video, const char *audio,
                                  const struct karp_export_options *options);

int put(struct karp_exporter *exporter, size_t track, bool is_group_start, uint64_t us,
        const char *text);

/* Flushes and frees the exporter, and scans the output. */
void finish(struct karp_exporter *exporter);

/* An SPS of high profile with one reference frame and a reorder depth of 2 in its VUI, and a
 * PPS. */
extern const uint8_t sps_reorder_2[26], pps_of_it[4];

/* Writes an avcC with those two. Returns its size, at most 64 bytes. */
size_t put_record(uint8_t *out);

#endif
