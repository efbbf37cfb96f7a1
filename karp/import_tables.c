/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads samples from the tables of a moov (stts, ctts, stss, stsz or stz2, stsc, stco or co64).
 * Some muxers put their first fragment there, and files that are not fragmented have all samples
 * there.
 * Tested by tests/unit/karp/test_import_layouts.c. */
#include "karp/import_internal.h"

/* A table of runs, each a count and a value. */
struct runs {
    struct reader in;
    uint32_t left, value;
};

struct tables {
    struct runs durations, offsets;
    struct reader sizes, syncs, chunks, chunk_map;
    uint32_t sample_count, constant_size, next_sync;
    uint32_t map_samples, map_entry; /* samples per chunk, and their sample entry */
    uint32_t map_next;               /* the first chunk with other values; 0: none */
    bool has_syncs, has_wide_chunks;
    uint8_t size_bits, half_size; /* half_size: the second of two 4-bit sizes in a byte */
    uint32_t number;              /* of the next sample, from 1 */
    int64_t dts;                  /* of the next sample */
};

static bool find_table(struct reader stbl, uint32_t type, struct reader *table)
{
    uint32_t flags;
    *table = (struct reader){0};
    if (!box_find(stbl, type, table))
        return false;
    box_version(table, &flags);
    return !table->is_short;
}

/* Finds a table and skips its entry count, which its size implies. */
static bool find_entries(struct reader stbl, uint32_t type, struct reader *table)
{
    bool is_there = find_table(stbl, type, table);
    reader_skip(table, is_there ? 4 : 0);
    return is_there;
}

static uint32_t next_of_runs(struct runs *runs)
{
    while (runs->left == 0 && reader_left(&runs->in) >= 8) {
        runs->left = reader_u32(&runs->in);
        runs->value = reader_u32(&runs->in);
    }
    if (runs->left > 0)
        runs->left--;
    return runs->value;
}

static uint32_t next_sync_sample(struct tables *tables)
{
    return reader_left(&tables->syncs) >= 4 ? reader_u32(&tables->syncs) : 0;
}

static void open_tables(struct reader stbl, struct tables *tables)
{
    *tables = (struct tables){.number = 1};
    tables->size_bits = 32;
    if (find_table(stbl, FOURCC('s', 't', 's', 'z'), &tables->sizes)) {
        tables->constant_size = reader_u32(&tables->sizes);
        tables->sample_count = reader_u32(&tables->sizes);
    } else if (find_table(stbl, FOURCC('s', 't', 'z', '2'), &tables->sizes)) {
        tables->size_bits = (uint8_t)reader_u32(&tables->sizes);
        tables->sample_count = reader_u32(&tables->sizes);
    }
    find_entries(stbl, FOURCC('s', 't', 't', 's'), &tables->durations.in);
    find_entries(stbl, FOURCC('c', 't', 't', 's'), &tables->offsets.in);
    find_entries(stbl, FOURCC('s', 't', 's', 'c'), &tables->chunk_map);
    tables->has_syncs = find_entries(stbl, FOURCC('s', 't', 's', 's'), &tables->syncs);
    tables->next_sync = next_sync_sample(tables);
    if (!find_entries(stbl, FOURCC('s', 't', 'c', 'o'), &tables->chunks))
        tables->has_wide_chunks = find_entries(stbl, FOURCC('c', 'o', '6', '4'), &tables->chunks);
    tables->map_next = reader_u32(&tables->chunk_map);
}

/* The number of samples in chunk `number` (from 1). Chunks must be asked for in order. */
static uint32_t samples_of_chunk(struct tables *tables, uint32_t number)
{
    struct reader *map = &tables->chunk_map;
    while (tables->map_next != 0 && tables->map_next <= number) {
        tables->map_samples = reader_u32(map);
        tables->map_entry = reader_u32(map);
        tables->map_next = reader_left(map) >= 12 ? reader_u32(map) : 0;
    }
    return tables->map_samples;
}

static uint32_t sample_flags_of(struct tables *tables, uint32_t number)
{
    if (tables->has_syncs && tables->next_sync != number)
        return SAMPLE_FLAGS_DELTA;
    tables->next_sync = next_sync_sample(tables);
    return SAMPLE_FLAGS_KEY;
}

/* Takes the size of the next sample. A size has 32 bits or, in stz2, 16, 8 or 4. */
static uint32_t next_sample_size(struct tables *tables)
{
    if (tables->constant_size)
        return tables->constant_size;
    if (tables->size_bits != 4)
        return (uint32_t)reader_number(&tables->sizes, tables->size_bits / 8);
    if (tables->number % 2 == 0)
        return tables->half_size;
    uint8_t both = reader_u8(&tables->sizes);
    tables->half_size = both & 15;
    return both >> 4;
}

/* Adds the next sample, which is at `position`. Sets `*size` to its size in bytes. */
static int add_table_sample(struct karp_importer *importer, struct import_track *track,
                            struct tables *tables, uint64_t position, uint32_t *size)
{
    *size = next_sample_size(tables);
    if (tables->sizes.is_short || position > IMPORT_NUMBER_MAX)
        return import_fail(importer, MP4, NULL, "the tables of track %u end too early", track->id);

    int32_t offset = (int32_t)next_of_runs(&tables->offsets);
    struct import_span span = {tables->dts, next_of_runs(&tables->durations)};
    struct import_sample sample = {.position = position,
                                   .place = IMPORT_IN_FILE,
                                   .pts = tables->dts + offset - track->edit,
                                   .size = *size,
                                   .entry = import_entry_number(track, tables->map_entry),
                                   .flags = sample_flags_of(tables, tables->number++)};
    tables->dts += span.duration;
    enum karp_loss loss;
    if (import_is_lost(importer, track, tables->map_entry, &loss)) {
        import_leave_out(importer, loss, 1);
        return 0;
    }
    return import_add_sample(importer, track, &sample, &span);
}

uint32_t import_table_samples(struct reader stbl)
{
    struct tables tables;
    open_tables(stbl, &tables);
    return tables.sample_count;
}

int import_tables(struct karp_importer *importer, struct import_track *track)
{
    static const struct import_start start = {.time = 0, .is_wide = true};
    struct tables tables;
    open_tables(track->tables, &tables);
    if (!track->is_used) {
        import_leave_out(importer, track->loss, tables.sample_count);
        return 0;
    }
    if (tables.sample_count == 0)
        return 0;
    if (tables.sample_count > KARP_IMPORT_MAX_SAMPLES)
        return import_fail(importer, TOO_LARGE, NULL,
                           "track %u has %u samples in the moov, at most %d", track->id,
                           tables.sample_count, KARP_IMPORT_MAX_SAMPLES);

    if (tables.size_bits != 32 && tables.size_bits != 16 && tables.size_bits != 8 &&
        tables.size_bits != 4)
        return import_fail(importer, MP4, NULL, "track %u has sample sizes of %d bits", track->id,
                           tables.size_bits);

    int error = import_time_begin(importer, track, &start, &tables.dts);
    for (uint32_t chunk = 1; !error && tables.number <= tables.sample_count; chunk++) {
        uint64_t position = reader_number(&tables.chunks, tables.has_wide_chunks ? 8 : 4);
        uint32_t count = samples_of_chunk(&tables, chunk), size = 0;
        if (tables.chunks.is_short)
            return import_fail(importer, MP4, NULL, "the tables of track %u end too early",
                               track->id);
        for (uint32_t i = 0; !error && i < count && tables.number <= tables.sample_count; i++) {
            error = add_table_sample(importer, track, &tables, position, &size);
            position += size;
        }
    }
    track->clock.next_dts = tables.dts;
    return error;
}
