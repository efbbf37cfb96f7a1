/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Checks what an input begins with, and the order of its boxes. */
#include "karp/import_internal.h"

#include <stdio.h>
#include <string.h>

enum { STRANGE_BOX_MAX_BYTES = 16 << 20 }; /* for a box of unknown type */

/* Another kind of file, recognised by its first bytes. */
struct kind {
    uint8_t size, bytes[4];
    const char *words;
};

static const struct kind kinds[] = {
    {4, {0x1a, 0x45, 0xdf, 0xa3}, "is Matroska or WebM"},
    {4, {'R', 'I', 'F', 'F'}, "is AVI or WAV"},
    {3, {'F', 'L', 'V'}, "is FLV"},
    {4, {'O', 'g', 'g', 'S'}, "is Ogg"},
    {4, {'D', 'K', 'I', 'F'}, "is IVF"},
    {4, {0, 0, 1, 0xba}, "is an MPEG program stream"},
    {4, {0, 0, 0, 1}, "is a bare H.264 or H.265 stream"},
    {3, {'I', 'D', '3'}, "is MP3 or AAC without a container"},
    {2, {0xff, 0xf1}, "is AAC without a container"},
    {2, {0xff, 0xf9}, "is AAC without a container"},
    {2, {0xff, 0xfb}, "is MP3 without a container"},
    {4, {'#', 'E', 'X', 'T'}, "is a playlist, not the media that it lists"},
    {1, {0x47}, "is an MPEG transport stream"},
};

/* Whether files may begin with a box whose type begins with these `size` bytes. The standards allow
 * ftyp, styp and moov; in practice there are others. */
static bool is_first_box(const uint8_t *type, size_t size)
{
    static const char types[][5] = {"ftyp", "moov", "styp", "moof", "mdat", "sidx", "ssix",
                                    "free", "skip", "wide", "junk", "uuid", "pdin", "emsg",
                                    "prft", "pnot", "meta", "udta", "mfra", "bloc"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (memcmp(types[i], type, size) == 0)
            return true;
    }
    return false;
}

enum { SIZE_BYTES = 4, TYPE_BYTES = 4 }; /* the fields of a box header */

/* The first bytes of the input in printable form. */
struct sight {
    char text[3 * (SIZE_BYTES + TYPE_BYTES) + 8];
};

/* Shows text up to the end of its line, or all bytes in hexadecimal if they are not text. */
static struct sight show_beginning(const uint8_t *bytes)
{
    enum { BYTES = SIZE_BYTES + TYPE_BYTES, LEAST_TEXT = 4 };

    struct sight sight = {{0}};
    size_t text = 0, at = 0;
    while (text < BYTES && bytes[text] >= 0x20 && bytes[text] < 0x7f)
        text++;
    bool is_text =
        text >= LEAST_TEXT && (text == BYTES || bytes[text] == '\n' || bytes[text] == '\r');
    if (is_text)
        snprintf(sight.text, sizeof sight.text, "'%.*s'", (int)text, (const char *)bytes);
    for (size_t i = 0; !is_text && i < BYTES; i++)
        at += (size_t)snprintf(sight.text + at, sizeof sight.text - at, "%s%02x", i > 0 ? " " : "",
                               bytes[i]);
    return sight;
}

static int refuse_beginning(struct karp_importer *importer)
{
    size_t known = importer->header_size;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (kinds[i].size <= known && memcmp(importer->header, kinds[i].bytes, kinds[i].size) == 0)
            return import_fail(importer, EXPECTED_BOX, "ftyp",
                               "the input %s: remux it to fragmented MP4, ffmpeg -c copy does it",
                               kinds[i].words);
    }
    if (known < SIZE_BYTES + TYPE_BYTES)
        return import_fail(importer, EXPECTED_BOX, "ftyp",
                           "the input has only %zu bytes, too few for a box: it is not an MP4 file",
                           known);
    return import_fail(importer, EXPECTED_BOX, "ftyp",
                       "the input begins with %s: it is not an MP4 file",
                       show_beginning(importer->header).text);
}

static int check_beginning(struct karp_importer *importer)
{
    bool is_box = is_first_box(importer->header + SIZE_BYTES, TYPE_BYTES);
    return is_box ? 0 : refuse_beginning(importer);
}

/* If the input ends before the type, the first byte of the size decides: only an mdat would be
 * larger than 16 MiB as a first box, and such an mdat is useless when nothing follows it. */
int import_check_stub(struct karp_importer *importer)
{
    size_t known = importer->header_size;
    size_t type_end = known < SIZE_BYTES + TYPE_BYTES ? known : SIZE_BYTES + TYPE_BYTES;
    bool is_box = known > SIZE_BYTES
                      ? is_first_box(importer->header + SIZE_BYTES, type_end - SIZE_BYTES)
                      : importer->header[0] == 0;
    return is_box ? 0 : refuse_beginning(importer);
}

/* Checks a box after the first. Any type may come, but an unknown type that is not text, or whose
 * box is large, is not taken for a box: an encoder was killed inside a fragment, or its messages
 * went into the pipe. That fails at once, because a live input may never reach the end of such a
 * box. */
static int check_later(struct karp_importer *importer, uint64_t size)
{
    struct box_name name = box_name_of(importer->box_type);
    bool is_text = !strchr(name.text, '?');
    if (is_first_box(importer->header + SIZE_BYTES, TYPE_BYTES) ||
        (is_text && size <= STRANGE_BOX_MAX_BYTES))
        return 0;
    return import_fail(importer, UNEXPECTED_BOX, name.text,
                       "no box begins at byte %llu: bytes before it are missing, or do not belong "
                       "there",
                       (unsigned long long)importer->box_start);
}

int import_check_box(struct karp_importer *importer, uint64_t size)
{
    if (importer->has_any_box && importer->box_type == IMPORT_ZEROS && size == 0)
        return 0;
    int error = importer->has_any_box ? check_later(importer, size) : check_beginning(importer);
    if (error || size > 0 || importer->box_type == IMPORT_MDAT)
        return error;
    return import_fail(importer, INVALID_SIZE, box_name_of(importer->box_type).text,
                       "at byte %llu: size 0 is for mdat", (unsigned long long)importer->box_start);
}

int import_check_zeros(struct karp_importer *importer, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] != 0)
            return import_fail(importer, UNEXPECTED_BOX, NULL,
                               "only zeros from byte %llu to byte %llu: media is missing there",
                               (unsigned long long)importer->box_start,
                               (unsigned long long)(importer->position + i));
    }
    return 0;
}

/* Fails because media comes before any moov. */
static int check_init(struct karp_importer *importer)
{
    unsigned long long at = importer->box_start;
    if (importer->box_type == IMPORT_MOOF)
        return import_fail(importer, MISSING_INIT, NULL,
                           "the moof at byte %llu has no moov: begin with the init segment", at);
    return import_fail(importer, EXPECTED_BOX, "moov",
                       "the mdat at byte %llu comes first: fragment the file, or move its moov to "
                       "the front (ffmpeg -movflags faststart)",
                       at);
}

int import_check_order(struct karp_importer *importer)
{
    uint32_t type = importer->box_type;
    unsigned long long at = importer->box_start;
    size_t missing = importer->sample_count - importer->next_sample;
    bool is_media = type == IMPORT_MOOF || type == IMPORT_MDAT;
    if (type == IMPORT_MDAT && importer->box_left == 0)
        return 0;
    if (is_media && !importer->has_moov)
        return check_init(importer);
    if (type == IMPORT_MDAT && !importer->has_fragment)
        return import_fail(importer, MISSING_BOX, "moof",
                           "no samples are known to lie in the mdat at byte %llu: media has to "
                           "come after its moof (ffmpeg -c copy puts it there)",
                           at);
    if ((type != IMPORT_MOOF && type != IMPORT_MOOV) || missing == 0)
        return 0;
    if (importer->has_fragment_mdat)
        return import_fail(importer, INVALID_OFFSET, NULL,
                           "%zu samples before byte %llu lie in no mdat", missing, at);
    if (type == IMPORT_MOOF)
        return 0; /* several moofs may share an mdat */
    return import_fail(importer, DUPLICATE_BOX, box_name_of(type).text,
                       "at byte %llu, before the mdat of the one that came first", at);
}
