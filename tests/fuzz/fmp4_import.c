/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Bytes as a fragmented MP4: the first is the size of the pieces, the rest goes through import and
 * export. If the first is odd, the catalog loses its descriptions on the way, so that the frames
 * are searched for parameter sets. Bit 1 of it: renditions are made on the way; bit 2: of two
 * inputs with the same bytes. */
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

static void on_warning(void *user, const char *line)
{
    (void)user;
    (void)line;
}

/* Imports the pieces into all importers, one after the other. */
static void import_pieces(struct karp_importer **importers, size_t count, const uint8_t *data,
                          size_t size)
{
    size_t piece = (size_t)data[0] * 16 + 1;
    int error = 0;
    for (size_t at = 1; at < size && !error; at += piece)
        for (size_t i = 0; i < count && !error; i++)
            error =
                karp_importer_feed(importers[i], data + at, size - at < piece ? size - at : piece);
    for (size_t i = 0; i < count && !error; i++)
        error = karp_importer_finish(importers[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { IS_BARE = 1, IS_LADDER = 2, HAS_TWO_INPUTS = 4 };
    static const struct karp_import_events events = {on_catalog, on_frame};
    struct way way = {0};
    struct karp_importer *importers[2] = {NULL, NULL};
    if (size == 0)
        return 0;
    log_set_level(LOG_LEVEL_OFF);
    way.is_bare = data[0] & IS_BARE;
    bool is_ladder = data[0] & IS_LADDER;
    size_t count = is_ladder && data[0] & HAS_TWO_INPUTS ? 2 : 1;
    const struct karp_renditions_options options = {count, is_ladder, is_ladder, on_warning};
    struct karp_renditions *renditions = karp_renditions_new(&events, &way, &options);
    for (size_t i = 0; renditions && i < count; i++)
        importers[i] =
            karp_importer_new(&karp_renditions_events, karp_renditions_input(renditions, i), NULL);
    if (importers[0] && importers[count - 1])
        import_pieces(importers, count, data, size);
    if (renditions)
        karp_renditions_finish(renditions);
    if (way.exporter)
        karp_exporter_flush(way.exporter);
    karp_exporter_free(way.exporter);
    for (size_t i = 0; i < count; i++)
        karp_importer_free(importers[i]);
    karp_renditions_free(renditions);
    return 0;
}
