/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* NAL units and configuration records.
 * Tested by tests/unit/karp/test_export_config.c. */
#include "karp/nal.h"

#include <string.h>

#include "base/error.h"
#include "karp/internal.h"

enum { MAX_SETS = 8 }; /* parameter sets of one type in a record; others stay in the frames */

struct sets {
    struct nal set[MAX_SETS];
    uint8_t count;
};

static bool begins_with_start_code(const uint8_t *payload, size_t size)
{
    static const uint8_t code[] = {0, 0, 0, 1};
    return (size >= 3 && memcmp(payload, code + 1, 3) == 0) ||
           (size >= 4 && memcmp(payload, code, 4) == 0);
}

/* Whether `payload` can be read as units with a length before each. */
static bool is_made_of_lengths(const uint8_t *payload, size_t size, size_t length_bytes)
{
    struct reader in = reader_of(payload, size);
    while (reader_left(&in) > 0 && !in.is_short)
        reader_skip(&in, reader_number(&in, length_bytes));
    return !in.is_short;
}

struct nal_walk nal_walk_of(const uint8_t *payload, size_t size, uint8_t length_bytes)
{
    struct nal_walk walk = {.left = {payload, size}};
    walk.length_bytes = length_bytes ? length_bytes : 4;
    walk.is_annex_b = begins_with_start_code(payload, size) &&
                      !is_made_of_lengths(payload, size, walk.length_bytes);
    return walk;
}

/* The offset of the next start code (00 00 01); the size if there is none. */
static size_t find_start_code(const struct nal *in, size_t from)
{
    for (size_t i = from; i + 3 <= in->size; i++) {
        if (in->data[i] == 0 && in->data[i + 1] == 0 && in->data[i + 2] == 1)
            return i;
    }
    return in->size;
}

static bool next_of_annex_b(struct nal_walk *walk, struct nal *nal)
{
    struct nal *left = &walk->left;
    size_t start = find_start_code(left, 0);
    if (start + 3 >= left->size)
        return false;

    size_t begin = start + 3, end = find_start_code(left, begin);
    size_t next = end;
    while (end > begin && left->data[end - 1] == 0)
        end--; /* zeros before a start code belong to it */
    *nal = (struct nal){left->data + begin, end - begin};
    *left = (struct nal){left->data + next, left->size - next};
    return true;
}

static bool next_of_lengths(struct nal_walk *walk, struct nal *nal)
{
    struct reader in = reader_of(walk->left.data, walk->left.size);
    size_t size = reader_number(&in, walk->length_bytes);
    const uint8_t *data = reader_take(&in, size);
    if (in.is_short)
        return false;
    *nal = (struct nal){data, size};
    walk->left = (struct nal){in.data + in.at, reader_left(&in)};
    return true;
}

bool nal_next(struct nal_walk *walk, struct nal *nal)
{
    bool is_found;
    do {
        is_found = walk->is_annex_b ? next_of_annex_b(walk, nal) : next_of_lengths(walk, nal);
    } while (is_found && nal->size == 0);
    return is_found;
}

uint8_t nal_type(const struct nal *nal, bool is_h265)
{
    if (nal->size < (is_h265 ? 3 : 2))
        return UINT8_MAX;
    return is_h265 ? nal->data[0] >> 1 & 63 : nal->data[0] & 31;
}

int nal_to_lengths(struct nal payload, struct byte_buf *out)
{
    struct nal_walk walk = {.left = payload, .is_annex_b = true};
    struct nal nal;
    int error = 0;
    while (!error && nal_next(&walk, &nal)) {
        uint8_t length[4];
        for (int i = 0; i < 4; i++)
            length[i] = (uint8_t)(nal.size >> (24 - 8 * i));
        error = byte_buf_append(out, length, sizeof length);
        if (!error)
            error = byte_buf_append(out, nal.data, nal.size);
    }
    return error;
}

int nal_append(const struct nal *nal, struct byte_buf *out)
{
    static const uint8_t code[] = {0, 0, 0, 1};
    int error = byte_buf_append(out, code, sizeof code);
    return error ? error : byte_buf_append(out, nal->data, nal->size);
}

int nal_to_start_codes(struct nal_walk *walk, struct byte_buf *out)
{
    struct nal nal;
    int error = 0;
    while (!error && nal_next(walk, &nal))
        error = nal_append(&nal, out);
    return error;
}

/* Reads a parameter set of an avcC or hvcC: two bytes of length, then the unit. */
static struct nal read_parameter_set(struct reader *in)
{
    size_t size = reader_u16(in);
    const uint8_t *data = reader_take(in, size);
    return (struct nal){data, data ? size : 0};
}

/* The arrays of sets in an hvcC (ISO/IEC 14496-15, 8.3.3.1). */
struct set_arrays {
    struct reader in;
    unsigned left;
};

struct set_array {
    size_t place; /* offset of its first byte in the hvcC */
    uint8_t type;
    bool is_complete; /* frames carry no other sets of this type */
    struct nal first; /* the first set that is not empty */
};

enum { ARRAY_IS_COMPLETE = 0x80 };

static struct set_arrays arrays_of_hvcc(const uint8_t *hvcc, size_t size)
{
    struct set_arrays arrays = {.in = reader_of(hvcc, size)};
    reader_skip(&arrays.in, 22);
    arrays.left = reader_u8(&arrays.in);
    return arrays;
}

/* Reads the next array. Returns false at the end, or if the body is cut short. */
static bool next_array(struct set_arrays *arrays, struct set_array *array)
{
    if (arrays->left == 0)
        return false;
    arrays->left--;
    *array = (struct set_array){.place = arrays->in.at};
    uint8_t head = reader_u8(&arrays->in);
    array->type = head & 63;
    array->is_complete = (head & ARRAY_IS_COMPLETE) != 0;
    unsigned count = reader_u16(&arrays->in);
    for (unsigned i = 0; i < count && !arrays->in.is_short; i++) {
        struct nal set = read_parameter_set(&arrays->in);
        if (array->first.size == 0)
            array->first = set;
    }
    return !arrays->in.is_short;
}

static bool sps_of_hvcc(const struct nal *hvcc, struct nal *sps)
{
    struct set_arrays arrays = arrays_of_hvcc(hvcc->data, hvcc->size);
    struct set_array array;
    while (next_array(&arrays, &array)) {
        *sps = array.first;
        if (array.type == NAL_H265_SPS && array.first.size > 0)
            return true;
    }
    return false;
}

static bool is_of_parameters(const struct set_array *array)
{
    return array->type >= NAL_H265_VPS && array->type <= NAL_H265_PPS;
}

bool nal_is_complete(struct nal hvcc)
{
    enum { EACH = 7 };

    struct set_arrays arrays = arrays_of_hvcc(hvcc.data, hvcc.size);
    struct set_array array;
    unsigned found = 0;
    while (next_array(&arrays, &array)) {
        if (is_of_parameters(&array) && !array.is_complete)
            return false;
        if (is_of_parameters(&array) && array.first.size > 0)
            found |= 1U << (array.type - NAL_H265_VPS);
    }
    return found == EACH;
}

void nal_mark_complete(uint8_t *hvcc, size_t size)
{
    struct set_arrays arrays = arrays_of_hvcc(hvcc, size);
    struct set_array array;
    while (next_array(&arrays, &array)) {
        if (is_of_parameters(&array))
            hvcc[array.place] |= ARRAY_IS_COMPLETE;
    }
}

bool nal_sps_of_config(struct nal config, bool is_h265, struct nal *sps)
{
    struct reader in = reader_of(config.data, config.size);
    if (is_h265)
        return sps_of_hvcc(&config, sps);
    reader_skip(&in, 5);
    unsigned count = reader_u8(&in) & 31;
    *sps = read_parameter_set(&in);
    return count > 0 && sps->size > 0;
}

/* Appends `count` sets of an avcC or hvcC. */
static int sets_to_start_codes(struct reader *in, unsigned count, struct byte_buf *out)
{
    int error = 0;
    for (unsigned i = 0; i < count && !error && !in->is_short; i++) {
        struct nal set = read_parameter_set(in);
        if (set.size > 0)
            error = nal_append(&set, out);
    }
    return error;
}

static int avcc_to_start_codes(struct reader in, struct byte_buf *out)
{
    reader_skip(&in, 5);
    unsigned count = reader_u8(&in) & 31;
    int error = sets_to_start_codes(&in, count, out);
    count = reader_u8(&in);
    return error ? error : sets_to_start_codes(&in, count, out);
}

static int hvcc_to_start_codes(struct reader in, struct byte_buf *out)
{
    int error = 0;
    reader_skip(&in, 22);
    unsigned arrays = reader_u8(&in);
    for (unsigned i = 0; i < arrays && !error && !in.is_short; i++) {
        reader_skip(&in, 1);
        unsigned count = reader_u16(&in);
        error = sets_to_start_codes(&in, count, out);
    }
    return error;
}

int nal_sets_to_start_codes(struct nal config, bool is_h265, struct byte_buf *out)
{
    struct reader in = reader_of(config.data, config.size);
    size_t before = out->size;
    int error = is_h265 ? hvcc_to_start_codes(in, out) : avcc_to_start_codes(in, out);
    if (error || out->size == before)
        return error ? error : MOQ_ERR_NOT_FOUND;
    struct nal_walk sets = {.left = {out->data + before, out->size - before}, .is_annex_b = true};
    return nal_has_sets(sets, is_h265) ? 0 : MOQ_ERR_NOT_FOUND;
}

bool nal_has_sets(struct nal_walk walk, bool is_h265)
{
    bool has_vps = !is_h265, has_sps = false, has_pps = false;
    struct nal nal;
    while (nal_next(&walk, &nal)) {
        uint8_t type = nal_type(&nal, is_h265);
        has_vps |= is_h265 && type == NAL_H265_VPS;
        has_sps |= type == (is_h265 ? NAL_H265_SPS : NAL_H264_SPS);
        has_pps |= type == (is_h265 ? NAL_H265_PPS : NAL_H264_PPS);
    }
    return has_vps && has_sps && has_pps;
}

static void collect_parameter_sets(struct nal_walk walk, bool is_h265, uint8_t type,
                                   struct sets *sets)
{
    struct nal nal;
    sets->count = 0;
    while (sets->count < MAX_SETS && nal_next(&walk, &nal)) {
        if (nal_type(&nal, is_h265) == type && nal.size <= UINT16_MAX)
            sets->set[sets->count++] = nal;
    }
}

static int append_sets(const struct sets *sets, struct byte_buf *out)
{
    int error = 0;
    for (uint8_t i = 0; i < sets->count && !error; i++) {
        const struct nal *set = &sets->set[i];
        uint8_t length[2] = {(uint8_t)(set->size >> 8), (uint8_t)set->size};
        error = byte_buf_append(out, length, sizeof length);
        if (!error)
            error = byte_buf_append(out, set->data, set->size);
    }
    return error;
}

static bool has_avc_extension(uint8_t profile)
{
    return profile == 100 || profile == 110 || profile == 122 || profile == 144;
}

static int build_avcc(struct nal_walk payload, struct byte_buf *out)
{
    struct sets sps, pps;
    struct nal_sps info;
    collect_parameter_sets(payload, false, NAL_H264_SPS, &sps);
    collect_parameter_sets(payload, false, NAL_H264_PPS, &pps);
    if (sps.count == 0 || pps.count == 0 || !nal_sps_parse(&sps.set[0], false, &info))
        return MOQ_ERR_NOT_FOUND;

    const uint8_t *first = sps.set[0].data;
    uint8_t head[] = {1, first[1], first[2], first[3], 0xff, (uint8_t)(0xe0 | sps.count)};
    uint8_t tail[] = {(uint8_t)(0xfc | info.chroma_format), (uint8_t)(0xf8 | (info.luma_depth - 8)),
                      (uint8_t)(0xf8 | (info.chroma_depth - 8)), 0};
    int error = byte_buf_append(out, head, sizeof head);
    if (!error)
        error = append_sets(&sps, out);
    if (!error)
        error = byte_buf_append_byte(out, pps.count);
    if (!error)
        error = append_sets(&pps, out);
    if (!error && has_avc_extension(first[1]))
        error = byte_buf_append(out, tail, sizeof tail);
    return error;
}

/* Copies the twelve bytes of profile, tier and level at the beginning of an SPS, without emulation
 * prevention. */
static void copy_profile(const struct nal *sps, uint8_t out[12])
{
    struct bits in = bits_of(sps->data + 2, sps->size - 2, true);
    bits_skip(&in, 8);
    for (int i = 0; i < 12; i++)
        out[i] = (uint8_t)bits_read(&in, 8);
}

static int build_hvcc(struct nal_walk payload, struct byte_buf *out)
{
    static const uint8_t types[] = {NAL_H265_VPS, NAL_H265_SPS, NAL_H265_PPS};
    struct sets sets[3];
    struct nal_sps info;
    for (int i = 0; i < 3; i++)
        collect_parameter_sets(payload, true, types[i], &sets[i]);
    if (sets[0].count == 0 || sets[1].count == 0 || sets[2].count == 0 ||
        !nal_sps_parse(&sets[1].set[0], true, &info))
        return MOQ_ERR_NOT_FOUND;

    uint8_t head[23] = {1};
    copy_profile(&sets[1].set[0], head + 1);
    head[13] = 0xf0; /* segmentation and parallelism: unknown */
    head[15] = 0xfc;
    head[16] = (uint8_t)(0xfc | info.chroma_format);
    head[17] = (uint8_t)(0xf8 | (info.luma_depth - 8));
    head[18] = (uint8_t)(0xf8 | (info.chroma_depth - 8));
    head[21] = 0x0f; /* one temporal layer, nested, lengths of four bytes */
    head[22] = 3;
    int error = byte_buf_append(out, head, sizeof head);
    for (int i = 0; i < 3 && !error; i++) {
        uint8_t array[] = {types[i], 0, sets[i].count};
        error = byte_buf_append(out, array, sizeof array);
        if (!error)
            error = append_sets(&sets[i], out);
    }
    return error;
}

int nal_build_config(struct nal_walk payload, bool is_h265, struct byte_buf *out)
{
    return is_h265 ? build_hvcc(payload, out) : build_avcc(payload, out);
}
