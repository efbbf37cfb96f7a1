/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Collects what the exporter writes. */

#include "export_sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/log.h"
#include "base/objects.h"

struct sink sink;

const uint8_t sps_reorder_2[26] = {0x67, 0x64, 0x00, 0x0d, 0xac, 0xd9, 0x41, 0x41, 0x9f,
                                   0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
                                   0x00, 0x03, 0x03, 0xc0, 0xf1, 0x42, 0x99, 0x60};
const uint8_t pps_of_it[4] = {0x68, 0xef, 0x8f, 0xcb};

static int take(void *user, const uint8_t *data, size_t size)
{
    (void)user;
    assert_true(sink.size + size <= sizeof sink.data);
    memcpy(sink.data + sink.size, data, size);
    sink.size += size;
    return sink.error;
}

uint64_t number_at(const uint8_t *at, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

/* A moof has mfhd (16 bytes), then a traf with tfhd (16), tfdt (20) and trun. */
static void scan_moof(const uint8_t *moof)
{
    const uint8_t *tfhd = moof + 8 + 16 + 8, *tfdt = tfhd + 16, *trun = tfdt + 20;
    assert_memory_equal(tfhd + 4, "tfhd", 4);
    assert_memory_equal(trun + 4, "trun", 4);
    assert_int_equal(number_at(trun + 8, 4), 0x01000f01);
    assert_int_equal(number_at(trun + 16, 4), number_at(moof, 4) + 8);
    int64_t dts = (int64_t)number_at(tfdt + 12, 8);
    const uint8_t *at = trun + 20;
    for (uint64_t left = number_at(trun + 12, 4); left > 0; left--, at += 16) {
        struct packet *packet = &sink.packets[sink.count++];
        assert_true(sink.count < SINK_MAX_PACKETS);
        *packet = (struct packet){(uint32_t)number_at(tfhd + 12, 4),
                                  (uint32_t)number_at(at, 4),
                                  (uint32_t)number_at(at + 4, 4),
                                  (uint32_t)number_at(at + 8, 4),
                                  dts,
                                  0};
        packet->pts = dts + (int32_t)number_at(at + 12, 4);
        dts += packet->duration;
    }
    sink.fragments++;
}

void scan(void)
{
    int64_t last[8];
    memset(last, 0xff, sizeof last);
    sink.count = sink.fragments = sink.moovs = 0;
    for (size_t at = 0; at < sink.size; at += number_at(sink.data + at, 4)) {
        assert_true(number_at(sink.data + at, 4) >= 8);
        if (memcmp(sink.data + at + 4, "moof", 4) == 0)
            scan_moof(sink.data + at);
        sink.moovs += memcmp(sink.data + at + 4, "moov", 4) == 0;
    }
    for (size_t i = 0; i < sink.count; i++) {
        const struct packet *packet = &sink.packets[i];
        assert_true(packet->dts > last[packet->track]);
        assert_true(packet->duration > 0);
        last[packet->track] = packet->dts;
    }
}

struct karp_catalog *catalog_of(const char *video, const uint8_t *record, size_t size,
                                const char *audio)
{
    struct karp_catalog *catalog = karp_catalog_new();
    struct karp_track track = {.kind = KARP_VIDEO, .name = "v", .width = 320, .height = 180};
    track.description = (uint8_t *)(uintptr_t)record;
    track.description_size = size;
    if (video) {
        snprintf(track.codec, sizeof track.codec, "%s", video);
        assert_int_equal(karp_catalog_add(catalog, &track), 0);
    }
    track = (struct karp_track){
        .kind = KARP_AUDIO, .name = "a", .sample_rate = 48000, .channel_count = 2};
    if (audio) {
        snprintf(track.codec, sizeof track.codec, "%s", audio);
        assert_int_equal(karp_catalog_add(catalog, &track), 0);
    }
    return catalog;
}

struct karp_exporter *export_catalog(struct karp_catalog *catalog,
                                     const struct karp_export_options *options)
{
    struct karp_exporter *exporter;
    memset(&sink, 0, sizeof sink);
    assert_int_equal(karp_exporter_new(&exporter, catalog, options, take, NULL), 0);
    karp_catalog_free(catalog);
    return exporter;
}

struct karp_exporter *exporter_of(const char *video, const char *audio,
                                  const struct karp_export_options *options)
{
    return export_catalog(catalog_of(video, NULL, 0, audio), options);
}

int put(struct karp_exporter *exporter, size_t track, bool is_group_start, uint64_t us,
        const char *text)
{
    const struct karp_frame frame = {track, is_group_start, us, (const uint8_t *)text,
                                     strlen(text)};
    return karp_exporter_frame(exporter, &frame);
}

void finish(struct karp_exporter *exporter)
{
    assert_int_equal(karp_exporter_flush(exporter), 0);
    karp_exporter_free(exporter);
    assert_int_equal(object_count(OBJECT_exporter), 0);
    assert_int_equal(object_count(OBJECT_catalog), 0);
    scan();
}

size_t put_record(uint8_t *out)
{
    static const uint8_t head[] = {1, 0x64, 0, 0x0d, 0xff, 0xe1, 0, sizeof sps_reorder_2};
    static const uint8_t middle[] = {1, 0, sizeof pps_of_it};
    memcpy(out, head, 8);
    memcpy(out + 8, sps_reorder_2, sizeof sps_reorder_2);
    memcpy(out + 8 + sizeof sps_reorder_2, middle, 3);
    memcpy(out + 11 + sizeof sps_reorder_2, pps_of_it, sizeof pps_of_it);
    return 11 + sizeof sps_reorder_2 + sizeof pps_of_it;
}
