/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A filter: imports a fragmented MP4 from standard input and exports it to standard output.
 *
 *   -g     one fragment per group -c N   input in pieces of N bytes -n     with the catalog of a
 * foreign publisher: no descriptions, and always two channels, so that the exporter has to look at
 * the frames -j N   only from the N-th video group on, as a viewer who joins there gets it -t
 * print the packets (track, time, size, group start) instead of the file */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/objects.h"
#include "karp/karp.h"

struct filter {
    const struct karp_catalog *catalog; /* owned by the importer */
    struct karp_exporter *exporter;
    struct karp_export_options options;
    bool is_listing, is_bare;
    size_t join; /* video groups that are still to be skipped */
};

static int write_out(void *user, const uint8_t *data, size_t size)
{
    (void)user;
    return fwrite(data, 1, size, stdout) == size ? 0 : MOQ_ERR_IO;
}

static int export_catalog(struct filter *filter, const struct karp_catalog *catalog)
{
    if (filter->exporter)
        return karp_exporter_restart(filter->exporter, catalog);
    return karp_exporter_new(&filter->exporter, catalog, &filter->options, write_out, NULL);
}

static int export_bare(struct filter *filter, const struct karp_catalog *catalog)
{
    struct karp_catalog *bare = karp_catalog_new();
    int error = bare ? 0 : MOQ_ERR_NOMEM;
    if (bare) {
        bare->has_start = catalog->has_start;
        bare->start_us = catalog->start_us;
    }
    for (size_t i = 0; i < catalog->track_count && !error; i++) {
        struct karp_track track = catalog->tracks[i];
        track.description_size = 0;
        if (strncmp(track.codec, "mp4a", 4) == 0)
            track.channel_count = 2;
        error = karp_catalog_add(bare, &track);
    }
    if (!error)
        error = export_catalog(filter, bare);
    karp_catalog_free(bare);
    return error;
}

static int on_catalog(void *user, const struct karp_catalog *catalog)
{
    struct filter *filter = user;
    filter->catalog = catalog;
    char *text = karp_catalog_print(catalog);
    fprintf(stderr, "%s\n", text ? text : "no catalog");
    free(text);
    return filter->is_bare ? export_bare(filter, catalog) : export_catalog(filter, catalog);
}

static int on_frame(void *user, const struct karp_frame *frame)
{
    struct filter *filter = user;
    bool is_video = filter->catalog->tracks[frame->track].kind == KARP_VIDEO;
    if (is_video && frame->is_group_start && filter->join > 0)
        filter->join--;
    if (filter->join > 0)
        return 0;
    if (!filter->is_listing)
        return karp_exporter_frame(filter->exporter, frame);
    printf("%zu %" PRIu64 " %zu%s\n", frame->track, frame->timestamp_us, frame->size,
           frame->is_group_start ? " group" : "");
    return 0;
}

static int run(struct filter *filter, struct karp_importer *importer, size_t piece)
{
    static uint8_t bytes[1 << 16];
    size_t got;
    int error = 0;
    while (!error && (got = fread(bytes, 1, piece, stdin)) > 0)
        error = karp_importer_feed(importer, bytes, got);
    if (!error)
        error = karp_importer_finish(importer);
    if (!error && filter->exporter && !filter->is_listing)
        error = karp_exporter_flush(filter->exporter);
    return error;
}

int main(int argc, char **argv)
{
    static const struct karp_import_events events = {on_catalog, on_frame};
    struct filter filter = {0};
    size_t piece = 1 << 16;
    for (int i = 1; i < argc; i++) {
        filter.options.is_fragment_per_group |= strcmp(argv[i], "-g") == 0;
        filter.is_listing |= strcmp(argv[i], "-t") == 0;
        filter.is_bare |= strcmp(argv[i], "-n") == 0;
        if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
            piece = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "-j") == 0 && i + 1 < argc)
            filter.join = strtoul(argv[++i], NULL, 10);
    }
    if (piece == 0 || piece > 1 << 16)
        return 2;

    struct karp_importer *importer = karp_importer_new(&events, &filter, NULL);
    int error = importer ? run(&filter, importer, piece) : MOQ_ERR_NOMEM;
    if (error)
        fprintf(stderr, "%s: %s\n", moq_error_words(error),
                importer ? karp_importer_failure(importer)->text : "");
    karp_exporter_free(filter.exporter);
    karp_importer_free(importer);
    return error || objects_report(stderr) != 0;
}
