/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A group that is filled in pieces of any size, and read in between, gives exactly the frames that
 * its bytes contain.
 *
 * The first byte says how the group ends and how large the pieces are; the rest is what a publisher
 * sends. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/check.h"
#include "base/varint.h"
#include "transfork/transfork.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The same bytes, read flat. */
struct flat {
    const uint8_t *at, *end;
};

/* The next frame of the flat bytes: 0, MOQ_ERR_AGAIN, MOQ_ERR_BOUNDS. */
static int flat_next(struct flat *flat, const uint8_t **data, size_t *size)
{
    uint64_t value;
    size_t left = (size_t)(flat->end - flat->at), taken = varint_decode(flat->at, left, &value);
    if (taken == 0)
        return MOQ_ERR_AGAIN;
    if (value > MOQ_FRAME_MAX_BYTES)
        return MOQ_ERR_BOUNDS;
    if (value > left - taken)
        return MOQ_ERR_AGAIN;
    *data = flat->at + taken;
    *size = (size_t)value;
    flat->at += taken + value;
    return 0;
}

/* Reads all frames that are there from both, and compares them. Returns why our reader has no more;
 * *expected is why the flat one has none. */
static int compare(struct moq_group_reader *reader, struct flat *flat, int *expected)
{
    for (;;) {
        const uint8_t *ours = NULL, *theirs = NULL;
        size_t our_size = 0, their_size = 0;
        int error = moq_group_reader_next(reader, &ours, &our_size);
        *expected = flat_next(flat, &theirs, &their_size);
        REQUIRE((error == 0) == (*expected == 0));
        if (error)
            return error;
        REQUIRE(our_size == their_size && memcmp(ours, theirs, our_size) == 0);
    }
}

static void check_end(int error, int expected, int why, bool has_rest)
{
    if (expected == MOQ_ERR_BOUNDS)
        REQUIRE(error == MOQ_ERR_BOUNDS);
    else if (why)
        REQUIRE(error == why);
    else
        REQUIRE(error == (has_rest ? MOQ_ERR_WRONG_SIZE : MOQ_ERR_END));
}

static struct moq_track *track_new(const struct moq_clock *clock)
{
    struct moq_track_config config = {.clock = clock};
    struct moq_path *path = moq_path_from_text("fuzz");
    struct moq_track *track = moq_track_new(path, &config);
    moq_path_unref(&path);
    return track;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    size_t step = (size_t)(data[0] >> 1) * 37 + 1;
    int why = data[0] & 1 ? MOQ_ERR_EXPIRED : 0, expected = 0;
    struct moq_clock clock = {.now_ns = 1};
    struct flat flat = {data + 1, data + 1};
    struct moq_track *track = track_new(&clock);
    struct moq_group_reader reader;
    struct moq_group *group;
    REQUIRE(moq_track_open_group(track, 0, &group) == 0);
    moq_group_reader_init(&reader, group);

    for (const uint8_t *end = data + n; flat.end < end;) {
        size_t left = (size_t)(end - flat.end), part = left < step ? left : step;
        REQUIRE(moq_track_append(track, group, flat.end, part) == 0);
        flat.end += part;
        REQUIRE(compare(&reader, &flat, &expected) == expected);
    }
    moq_track_abort_group(track, group, why);
    int error = compare(&reader, &flat, &expected);
    check_end(error, expected, why, flat.at < flat.end);
    moq_group_reader_deinit(&reader);
    moq_track_unref(&track);
    return 0;
}
