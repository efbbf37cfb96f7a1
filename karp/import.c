/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Walks over the top-level boxes of an input that arrives in pieces. */
#include "karp/import_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/objects.h"

struct karp_importer *karp_importer_new(const struct karp_import_events *events, void *user,
                                        const struct karp_import_options *options)
{
    struct karp_importer *importer = calloc(1, sizeof *importer);
    if (!importer)
        return NULL;
    importer->events = *events;
    importer->user = user;
    if (options)
        importer->options = *options;
    if (importer->options.video_priority == 0 && importer->options.audio_priority == 0)
        importer->options = (struct karp_import_options){KARP_VIDEO_PRIORITY, KARP_AUDIO_PRIORITY};
    byte_buf_init(&importer->box, KARP_IMPORT_MOOV_MAX_BYTES);
    byte_buf_init(&importer->moov, KARP_IMPORT_MOOV_MAX_BYTES);
    import_output_init(importer);
    byte_buf_init(&importer->pieces, KARP_FRAME_MAX_BYTES);
    byte_buf_init(&importer->mended, KARP_FRAME_MAX_BYTES);
    object_born(OBJECT_importer);
    return importer;
}

void karp_importer_free(struct karp_importer *importer)
{
    if (!importer)
        return;
    byte_buf_deinit(&importer->box);
    byte_buf_deinit(&importer->moov);
    byte_buf_deinit(&importer->held);
    byte_buf_deinit(&importer->pieces);
    byte_buf_deinit(&importer->mended);
    karp_catalog_free(importer->catalog);
    free(importer->samples);
    free(importer);
    object_died(OBJECT_importer);
}

/* Notes where a file begins. Several files may follow each other in one input, and absolute
 * positions count from the start of their file. */
static void note_file(struct karp_importer *importer)
{
    uint32_t type = importer->box_type;
    bool is_start = type == IMPORT_FTYP || type == IMPORT_MOOV;
    if (is_start && !importer->is_file_open) {
        importer->is_file_open = true;
        importer->file_start = importer->has_moov ? importer->box_start : 0;
    } else if (type == IMPORT_MDAT) {
        importer->is_file_open = false;
    }
}

static int begin_buffered(struct karp_importer *importer)
{
    bool is_moov = importer->box_type == IMPORT_MOOV;
    uint64_t limit = is_moov ? KARP_IMPORT_MOOV_MAX_BYTES : KARP_IMPORT_MOOF_MAX_BYTES;
    struct box_name name = box_name_of(importer->box_type);
    if (importer->box_left > limit)
        return import_fail(importer, TOO_LARGE, name.text, "%llu bytes, at most %llu",
                           (unsigned long long)importer->box_left, (unsigned long long)limit);
    importer->box.size = 0;
    importer->state = IMPORT_BUFFER;
    return 0;
}

static int begin_media(struct karp_importer *importer)
{
    importer->state = IMPORT_MEDIA;
    int error = import_media_begin(importer);
    return error ? error : import_output_fragment(importer);
}

static int begin_box(struct karp_importer *importer, uint64_t size)
{
    int error = import_check_box(importer, size);
    if (error)
        return error;
    struct box_name name = box_name_of(importer->box_type);
    if (size != 0 && (size < importer->header_size || size > IMPORT_NUMBER_MAX))
        return import_fail(importer, INVALID_SIZE, name.text,
                           "the box at byte %llu claims to have %llu bytes",
                           (unsigned long long)importer->box_start, (unsigned long long)size);

    importer->box_left = size == 0 ? IMPORT_NUMBER_MAX : size - importer->header_size;
    importer->header_size = 0;
    importer->has_any_box = true;
    error = import_check_order(importer);
    if (error)
        return error;
    note_file(importer);
    if (importer->box_type == IMPORT_MOOV || importer->box_type == IMPORT_MOOF)
        return begin_buffered(importer);
    if (importer->box_type == IMPORT_MDAT && importer->box_left > 0)
        return begin_media(importer);
    bool is_padding = importer->box_type == IMPORT_ZEROS && size == 0;
    importer->state = is_padding ? IMPORT_PADDING : IMPORT_SKIP;
    return 0;
}

/* Collects the 8 or 16 bytes of a box header. */
static int take_box_header(struct karp_importer *importer, const uint8_t *data, size_t size,
                           size_t *used)
{
    size_t wanted = importer->header_size < 8 ? 8 : 16;
    size_t part = wanted - importer->header_size < size ? wanted - importer->header_size : size;
    if (importer->header_size == 0)
        importer->box_start = importer->position;
    memcpy(importer->header + importer->header_size, data, part);
    importer->header_size += part;
    importer->position += part;
    *used = part;
    if (importer->header_size < wanted)
        return 0;

    struct reader in = reader_of(importer->header, importer->header_size);
    uint64_t box_size = reader_u32(&in);
    importer->box_type = reader_u32(&in);
    if (box_size == 1 && wanted == 8)
        return 0;
    if (wanted == 16)
        box_size = reader_u64(&in);
    if (wanted == 16 && box_size < 16)
        box_size = 1; /* invalid like the real value, whereas 0 would mean "to the end" */
    return begin_box(importer, box_size);
}

static int end_buffered(struct karp_importer *importer)
{
    if (importer->box_type == IMPORT_MOOV)
        return import_setup(importer, reader_of(importer->box.data, importer->box.size));
    return import_moof(importer, reader_of(importer->box.data, importer->box.size),
                       importer->box_start);
}

/* Takes the next bytes of the current box's body. */
static int take_box_body(struct karp_importer *importer, const uint8_t *data, size_t size)
{
    int error = 0;
    if (importer->state == IMPORT_MEDIA)
        error = import_media(importer, data, size);
    else if (importer->state == IMPORT_PADDING)
        error = import_check_zeros(importer, data, size);
    else if (importer->state == IMPORT_BUFFER && byte_buf_append(&importer->box, data, size) != 0)
        error = failure_nomem(&importer->failure);
    if (error)
        return error;

    if (importer->state != IMPORT_MEDIA)
        importer->position += size;
    if (importer->box_left != IMPORT_NUMBER_MAX)
        importer->box_left -= size;
    if (importer->box_left > 0)
        return 0;

    enum import_state done = importer->state;
    importer->state = IMPORT_HEADER;
    if (done == IMPORT_MEDIA) {
        importer->has_fragment =
            importer->next_sample < importer->sample_count || importer->has_left_out;
        importer->has_fragment_mdat = importer->has_fragment;
    }
    return done == IMPORT_BUFFER ? end_buffered(importer) : 0;
}

/* Hands out the frames that still wait after a fault in the input, because what came before the
 * fault is good. */
static void hand_out_held_frames(struct karp_importer *importer)
{
    if (importer->error != MOQ_ERR_MEDIA || importer->held.size == 0)
        return;
    struct karp_failure failure = importer->failure;
    import_output_open(importer);
    importer->failure = failure;
}

int karp_importer_feed(struct karp_importer *importer, const uint8_t *data, size_t size)
{
    while (!importer->error && (size > 0 || importer->box_left == 0)) {
        size_t used = 0;
        if (importer->state == IMPORT_HEADER) {
            if (size == 0)
                break;
            importer->error = take_box_header(importer, data, size, &used);
        } else {
            used = importer->box_left < size ? (size_t)importer->box_left : size;
            importer->error = take_box_body(importer, data, used);
        }
        data += used;
        size -= used;
    }
    hand_out_held_frames(importer);
    return importer->error;
}

static int check_input_end(struct karp_importer *importer)
{
    bool is_open = importer->state != IMPORT_HEADER && importer->box_left != IMPORT_NUMBER_MAX;
    if (importer->position == 0)
        return import_fail(importer, EMPTY_INIT, NULL,
                           "the input is empty: whatever was to write it has failed or ended");
    if (!importer->has_any_box) {
        int error = import_check_stub(importer);
        if (error)
            return error;
    }
    if (importer->header_size > 0 || is_open || importer->pieces.size > 0)
        return import_fail(importer, TRAILING_DATA, NULL,
                           "the input ends at byte %llu, inside the box that begins at byte %llu",
                           (unsigned long long)importer->position,
                           (unsigned long long)importer->box_start);
    if (!importer->has_moov)
        return import_fail(importer, MISSING_INIT, NULL, "the input ends without a moov");
    if (importer->has_fragment && importer->next_sample < importer->sample_count)
        return import_fail(importer, MISSING_BOX, "mdat", "the input ends, %zu samples are missing",
                           importer->sample_count - importer->next_sample);
    return 0;
}

int karp_importer_finish(struct karp_importer *importer)
{
    if (!importer->error)
        importer->error = check_input_end(importer);
    hand_out_held_frames(importer);
    if (!importer->error)
        importer->error = import_output_open(importer);
    if (!importer->error)
        importer->error = MOQ_ERR_CLOSED;
    return importer->error == MOQ_ERR_CLOSED ? 0 : importer->error;
}

const struct karp_failure *karp_importer_failure(const struct karp_importer *importer)
{
    return &importer->failure;
}

const struct karp_import_counts *karp_importer_counts(const struct karp_importer *importer)
{
    return &importer->counts;
}

const char *karp_loss_words(enum karp_loss loss)
{
    static const char *const words[] = {
#define LOSS_WORDS(name, words) [KARP_LOSS_##name] = words,
        KARP_LOSSES(LOSS_WORDS)
#undef LOSS_WORDS
    };

    return (size_t)loss < sizeof words / sizeof *words ? words[loss] : "for an unknown reason";
}

uint64_t karp_importer_shift_us(const struct karp_importer *importer)
{
    return importer->shift_us;
}

uint64_t karp_importer_fragment_us(const struct karp_importer *importer)
{
    return importer->fragment_us;
}
