/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Bytes as a catalog: what is read prints, reads back the same, and begins an export. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "karp/karp.h"

static int on_write(void *user, const uint8_t *data, size_t size)
{
    (void)user;
    (void)data;
    (void)size;
    return 0;
}

static void check_reads_back(const struct karp_catalog *catalog)
{
    struct karp_catalog *again = NULL;
    char *text = karp_catalog_print(catalog);
    if (!text || karp_catalog_parse(text, strlen(text), &again, NULL) != 0 ||
        again->track_count != catalog->track_count)
        abort();
    for (size_t i = 0; i < catalog->track_count; i++) {
        if (!karp_track_equals(&catalog->tracks[i], &again->tracks[i]))
            abort();
    }
    free(text);
    karp_catalog_free(again);
}

/* The document is a frame as well: what looks into the first frames of tracks has to stand any
 * bytes. */
static void check_exports(const struct karp_catalog *catalog, const uint8_t *data, size_t size)
{
    static const uint8_t payload[] = {0,    0, 0, 1, 0x67, 0x64, 0,    0x1f,
                                      0xac, 0, 0, 1, 0x68, 0xee, 0x0a, 0x00};
    struct karp_exporter *exporter;
    if (karp_exporter_new(&exporter, catalog, NULL, on_write, NULL) != 0)
        return;
    for (size_t i = 0; i < catalog->track_count; i++) {
        struct karp_frame frame = {i, true, i * 1000, payload, sizeof payload};
        karp_exporter_frame(exporter, &frame);
        frame = (struct karp_frame){i, true, i * 1000 + 500, data, size};
        karp_exporter_frame(exporter, &frame);
    }
    karp_exporter_flush(exporter);
    karp_exporter_free(exporter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct karp_catalog *catalog;
    struct karp_failure failure;
    log_set_level(LOG_LEVEL_OFF);
    if (karp_catalog_parse((const char *)data, size, &catalog, &failure) != 0)
        return 0;
    check_reads_back(catalog);
    check_exports(catalog, data, size);
    karp_catalog_free(catalog);
    return 0;
}
