/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The catalog as JSON. The writer is exact and compact; the reader ignores members that it does not
 * know.
 * Tested by tests/unit/karp/test_catalog.c. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hex.h"
#include "karp/catalog_internal.h"
#include "karp/internal.h"

/* The place in the document that is being read, for the text of a failure. */
struct place {
    const char *list; /* "video" or "audio" */
    size_t index;
    struct karp_failure *failure;
};

static int refuse_member(const struct place *at, enum karp_failure_kind kind, const char *member,
                         const char *must)
{
    failure_set(at->failure, kind, NULL, "%s[%zu].%s %s", at->list, at->index, member, must);
    return MOQ_ERR_DECODE;
}

/* Returns the member, or NULL if it is absent or null. */
static const json_t *member_of(const json_t *object, const char *member)
{
    const json_t *value = json_object_get(object, member);
    return json_is_null(value) ? NULL : value;
}

/* Copies a required string that fits into `size` bytes with its final zero. */
static int read_text(const json_t *value, char *out, size_t size, const struct place *at,
                     const char *member)
{
    if (!json_is_string(value))
        return refuse_member(at, KARP_FAILURE_JSON, member, "must be a string");
    size_t length = json_string_length(value);
    if (length >= size)
        return refuse_member(at, KARP_FAILURE_TOO_LARGE, member, "is too long");
    memcpy(out, json_string_value(value), length + 1);
    return 0;
}

/* Reads a required integer in [lowest, highest]. */
static int read_integer(const json_t *value, int64_t lowest, int64_t highest, int64_t *out,
                        const struct place *at, const char *member)
{
    if (!json_is_integer(value))
        return refuse_member(at, KARP_FAILURE_EXPECTED_INT, member, "must be an integer");
    int64_t number = json_integer_value(value);
    if (number < lowest || number > highest)
        return refuse_member(at, KARP_FAILURE_EXPECTED_INT, member, "is out of range");
    *out = number;
    return 0;
}

static int read_u32(const json_t *object, const char *member, uint32_t *out, const struct place *at)
{
    int64_t number;
    int error = read_integer(member_of(object, member), 0, UINT32_MAX, &number, at, member);
    if (!error)
        *out = (uint32_t)number;
    return error;
}

static int read_track_name(const json_t *object, struct karp_track *track, const struct place *at)
{
    const json_t *name = member_of(object, "track");
    if (!json_is_object(name))
        return refuse_member(at, KARP_FAILURE_JSON, "track", "must be an object");
    int error =
        read_text(member_of(name, "name"), track->name, sizeof track->name, at, "track.name");
    int64_t priority = 0;
    if (!error)
        error = read_integer(member_of(name, "priority"), INT8_MIN, INT8_MAX, &priority, at,
                             "track.priority");
    track->priority = (int8_t)priority;
    return error;
}

static int read_codec(const json_t *object, struct karp_track *track, const struct place *at)
{
    struct karp_codec codec;
    int error =
        read_text(member_of(object, "codec"), track->codec, sizeof track->codec, at, "codec");
    if (!error && karp_codec_parse(track->codec, &codec) != 0)
        error = refuse_member(at, KARP_FAILURE_INVALID_CODEC, "codec", "is malformed");
    return error;
}

static int read_bitrate(const json_t *object, struct karp_track *track, const struct place *at)
{
    const json_t *value = member_of(object, "bitrate");
    if (!value)
        return 0;
    int64_t number;
    int error = read_integer(value, 0, INT64_MAX, &number, at, "bitrate");
    if (error)
        return error;
    track->has_bitrate = true;
    track->bitrate_bps = (uint64_t)number;
    return 0;
}

/* Reads an optional hex string into memory that the track owns from then on. */
static int read_description(const json_t *object, struct karp_track *track, const struct place *at)
{
    const json_t *value = member_of(object, "description");
    if (!value)
        return 0;
    if (!json_is_string(value) || json_string_length(value) % 2 != 0)
        return refuse_member(at, KARP_FAILURE_HEX, "description", "must be pairs of hex digits");
    size_t size = json_string_length(value) / 2;
    if (size > KARP_DESCRIPTION_MAX_BYTES)
        return refuse_member(at, KARP_FAILURE_TOO_LARGE, "description", "is too long");
    if (size == 0)
        return 0;

    const char *hex = json_string_value(value);
    track->description = malloc(size);
    track->description_size = size;
    if (!track->description)
        return MOQ_ERR_NOMEM;
    for (size_t i = 0; i < size; i++) {
        int byte = hex_byte(hex + 2 * i);
        if (byte < 0)
            return refuse_member(at, KARP_FAILURE_HEX, "description",
                                 "must be pairs of hex digits");
        track->description[i] = (uint8_t)byte;
    }
    return 0;
}

static int read_video(const json_t *object, struct karp_track *track, const struct place *at)
{
    const json_t *size = member_of(object, "resolution");
    int error = read_description(object, track, at);
    if (!error && !json_is_object(size))
        error = refuse_member(at, KARP_FAILURE_JSON, "resolution", "must be an object");
    if (!error)
        error = read_u32(size, "width", &track->width, at);
    if (!error)
        error = read_u32(size, "height", &track->height, at);
    return error;
}

static int read_audio(const json_t *object, struct karp_track *track, const struct place *at)
{
    int error = read_description(object, track, at);
    if (!error)
        error = read_u32(object, "sample_rate", &track->sample_rate, at);
    return error ? error : read_u32(object, "channel_count", &track->channel_count, at);
}

static int read_track(const json_t *object, enum karp_track_kind kind, struct karp_catalog *catalog,
                      const struct place *at)
{
    struct karp_track track = {.kind = kind};
    if (!json_is_object(object))
        return refuse_member(at, KARP_FAILURE_JSON, "track", "must be inside an object");

    int error = read_track_name(object, &track, at);
    if (!error)
        error = read_codec(object, &track, at);
    if (!error)
        error =
            kind == KARP_VIDEO ? read_video(object, &track, at) : read_audio(object, &track, at);
    if (!error)
        error = read_bitrate(object, &track, at);
    catalog_read_ours(object, &track);
    if (!error)
        error = karp_catalog_add(catalog, &track);
    if (error == MOQ_ERR_DUPLICATE)
        error =
            refuse_member(at, KARP_FAILURE_DUPLICATE_TRACK, "track.name", "names a track twice");
    free(track.description);
    return error;
}

static int read_list(const json_t *root, const char *list, enum karp_track_kind kind,
                     struct karp_catalog *catalog, struct karp_failure *failure)
{
    const json_t *array = member_of(root, list);
    if (!array)
        return 0;
    if (!json_is_array(array)) {
        failure_set(failure, KARP_FAILURE_JSON, NULL, "%s must be a list", list);
        return MOQ_ERR_DECODE;
    }
    int error = 0;
    for (size_t i = 0; !error && i < json_array_size(array); i++) {
        struct place at = {list, i, failure};
        error = read_track(json_array_get(array, i), kind, catalog, &at);
    }
    return error;
}

/* Reads the member "start". A malformed one counts as absent, because it is no reason to refuse the
 * whole catalog. */
static void read_start(const json_t *root, struct karp_catalog *catalog)
{
    const json_t *value = member_of(root, "start");
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (uint64_t)json_integer_value(value) > KARP_START_MAX_US)
        return;
    catalog->has_start = true;
    catalog->start_us = (uint64_t)json_integer_value(value);
}

static int read_catalog(const json_t *root, struct karp_catalog *catalog,
                        struct karp_failure *failure)
{
    if (!json_is_object(root)) {
        failure_set(failure, KARP_FAILURE_JSON, NULL, "the catalog must be an object");
        return MOQ_ERR_DECODE;
    }
    int error = read_list(root, "video", KARP_VIDEO, catalog, failure);
    if (!error)
        error = read_list(root, "audio", KARP_AUDIO, catalog, failure);
    read_start(root, catalog);
    if (error == MOQ_ERR_BOUNDS)
        failure_set(failure, KARP_FAILURE_TOO_LARGE, NULL, "more than %d tracks",
                    KARP_CATALOG_MAX_TRACKS);
    if (error == MOQ_ERR_NOMEM)
        failure_nomem(failure);
    return error;
}

int karp_catalog_parse(const char *json, size_t size, struct karp_catalog **catalog,
                       struct karp_failure *failure)
{
    *catalog = NULL;
    if (size > KARP_CATALOG_MAX_BYTES) {
        failure_set(failure, KARP_FAILURE_TOO_LARGE, NULL, "the catalog has %zu bytes, at most %d",
                    size, KARP_CATALOG_MAX_BYTES);
        return MOQ_ERR_BOUNDS;
    }
    json_error_t where;
    json_t *root = json_loadb(json, size, JSON_DECODE_ANY, &where);
    if (!root) {
        failure_set(failure, KARP_FAILURE_JSON, NULL, "line %d, column %d: %.100s", where.line,
                    where.column, where.text);
        return MOQ_ERR_DECODE;
    }

    struct karp_catalog *made = karp_catalog_new();
    int error = made ? read_catalog(root, made, failure) : failure_nomem(failure);
    json_decref(root);
    if (error) {
        karp_catalog_free(made);
        return error;
    }
    *catalog = made;
    return 0;
}

static json_t *hex_of(const uint8_t *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    char *hex = malloc(2 * size + 1);
    if (!hex)
        return NULL;
    for (size_t i = 0; i < size; i++) {
        hex[2 * i] = digits[data[i] >> 4];
        hex[2 * i + 1] = digits[data[i] & 15];
    }
    json_t *value = json_stringn(hex, 2 * size);
    free(hex);
    return value;
}

/* jansson keeps the order of insertion. json_object_set_new fails if the value is NULL, so one flag
 * is enough for all allocations. */
static bool write_members(json_t *object, const struct karp_track *track)
{
    bool is_failed = json_object_set_new(object, "track",
                                         json_pack("{s:s, s:i}", "name", track->name, "priority",
                                                   (int)track->priority)) != 0;
    is_failed |= json_object_set_new(object, "codec", json_string(track->codec)) != 0;
    if (track->description_size > 0)
        is_failed |= json_object_set_new(object, "description",
                                         hex_of(track->description, track->description_size));
    if (track->kind == KARP_VIDEO) {
        is_failed |= json_object_set_new(object, "resolution",
                                         json_pack("{s:I, s:I}", "width", (json_int_t)track->width,
                                                   "height", (json_int_t)track->height)) != 0;
    } else {
        is_failed |= json_object_set_new(object, "sample_rate", json_integer(track->sample_rate));
        is_failed |=
            json_object_set_new(object, "channel_count", json_integer(track->channel_count));
    }
    if (track->has_bitrate)
        is_failed |=
            json_object_set_new(object, "bitrate", json_integer((json_int_t)track->bitrate_bps));
    return !is_failed && catalog_write_ours(object, track);
}

static bool write_list(json_t *root, const char *list, enum karp_track_kind kind,
                       const struct karp_catalog *catalog)
{
    json_t *array = json_array();
    bool is_written = array != NULL;
    for (size_t i = 0; is_written && i < catalog->track_count; i++) {
        if (catalog->tracks[i].kind != kind)
            continue;
        json_t *object = json_object();
        is_written = object && write_members(object, &catalog->tracks[i]);
        is_written = json_array_append_new(array, object) == 0 && is_written;
    }
    if (json_array_size(array) == 0) {
        json_decref(array);
        return is_written;
    }
    return json_object_set_new(root, list, array) == 0 && is_written;
}

char *karp_catalog_print(const struct karp_catalog *catalog)
{
    json_t *root = json_object();
    bool is_written = root && write_list(root, "video", KARP_VIDEO, catalog) &&
                      write_list(root, "audio", KARP_AUDIO, catalog);
    if (catalog->has_start)
        is_written =
            json_object_set_new(root, "start", json_integer((json_int_t)catalog->start_us)) == 0 &&
            is_written;
    char *text = is_written ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    return text;
}
