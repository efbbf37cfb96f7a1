/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Bytes as a fragmented MP4: the first is the size of the pieces, the rest goes through import and
 * export. If the first is odd, the catalog loses its descriptions on the way, so that the frames
 * are searched for parameter sets. */
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "karp/karp.h"

struct way {
    struct karp_exporter *exporter;
    uint64_t bytes;
    bool is_bare;
};

static int on_write(void *user, const uint8_t *data, size_t size)
{
    struct way *way = user;
    for (size_t i = 0; i < size; i++)
        way->bytes += data[i]; /* so that unset bytes are noticed */
    return 0;
}

static int on_catalog(void *user, const struct karp_catalog *catalog)
{
    struct way *way = user;
    struct karp_catalog *copy = karp_catalog_new();
    for (size_t i = 0; copy && i < catalog->track_count; i++) {
        struct karp_track track = catalog->tracks[i];
        if (way->is_bare)
            track.description_size = 0;
        karp_catalog_add(copy, &track);
    }
    int error = way->exporter ? karp_exporter_restart(way->exporter, copy)
                              : karp_exporter_new(&way->exporter, copy, NULL, on_write, way);
    karp_catalog_free(copy);
    return error;
}

static int on_frame(void *user, const struct karp_frame *frame)
{
    struct way *way = user;
    karp_exporter_frame(way->exporter, frame);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct karp_import_events events = {on_catalog, on_frame};
    struct way way = {0};
    if (size == 0)
        return 0;
    log_set_level(LOG_LEVEL_OFF);
    way.is_bare = data[0] & 1;
    size_t piece = (size_t)data[0] * 16 + 1;
    struct karp_importer *importer = karp_importer_new(&events, &way, NULL);
    int error = importer ? 0 : 1;
    for (size_t at = 1; at < size && !error; at += piece)
        error = karp_importer_feed(importer, data + at, size - at < piece ? size - at : piece);
    if (!error)
        karp_importer_finish(importer);
    if (way.exporter)
        karp_exporter_flush(way.exporter);
    karp_exporter_free(way.exporter);
    karp_importer_free(importer);
    return 0;
}
