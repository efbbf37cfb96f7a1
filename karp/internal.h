/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Shared by the files of this room: failures with a text, readers of big-endian bytes and of bits,
 * and a walk over boxes. */
#ifndef MOQ_KARP_INTERNAL_H
#define MOQ_KARP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "karp/failure.h"

#define FOURCC(a, b, c, d)                                                                         \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* Fills `failure` (may be NULL) with "Word(what): sentence" or, without `what`, "Word: sentence".
 * Returns MOQ_ERR_MEDIA. */
int failure_set(struct karp_failure *failure, enum karp_failure_kind kind, const char *what,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same for a failed allocation. Returns MOQ_ERR_NOMEM. */
int failure_nomem(struct karp_failure *failure);

/* Reads bytes from the front. Reading past the end gives zeros and sets `is_short`, so that a row
 * of fields needs only one check, after the last. */
struct reader {
    const uint8_t *data;
    size_t size, at;
    bool is_short;
};

struct reader reader_of(const uint8_t *data, size_t size);
size_t reader_left(const struct reader *in);
uint64_t reader_number(struct reader *in, size_t bytes); /* big endian, at most 8 bytes */
uint8_t reader_u8(struct reader *in);
uint16_t reader_u16(struct reader *in);
uint32_t reader_u32(struct reader *in);
uint64_t reader_u64(struct reader *in);
void reader_skip(struct reader *in, uint64_t bytes);
/* Returns a pointer to the next `bytes` bytes and moves on; NULL if there are fewer. */
const uint8_t *reader_take(struct reader *in, size_t bytes);

/* Reads bits from the front, under the same rule. With `is_escaped` it skips the emulation
 * prevention bytes (the 03 in 00 00 03) of H.264 and H.265. */
struct bits {
    const uint8_t *data;
    size_t size, at_byte;
    unsigned at_bit, zeros;
    bool is_escaped, is_short;
};

struct bits bits_of(const uint8_t *data, size_t size, bool is_escaped);
uint32_t bits_read(struct bits *in, unsigned count); /* at most 32 */
void bits_skip(struct bits *in, unsigned count);
uint32_t bits_ue(struct bits *in); /* Exp-Golomb; sets is_short if the value exceeds 32 bits */
int32_t bits_se(struct bits *in);

/* One box of ISO BMFF inside another. */
struct box {
    uint32_t type;
    struct reader body;
};

/* Takes the next box out of `in`. Returns 1, or 0 at the end, or MOQ_ERR_MEDIA with a text in
 * `failure` if the size of the box does not fit. */
int box_next(struct reader *in, struct box *box, struct karp_failure *failure);

/* Finds the first child of `type`. Returns false if there is none, or if a child before it has a
 * wrong size. */
bool box_find(struct reader in, uint32_t type, struct reader *body);

/* Reads the version, which it returns, and the flags of a full box. */
uint8_t box_version(struct reader *body, uint32_t *flags);

/* The four characters of `type`, with '?' for those that cannot be printed. */
struct box_name {
    char text[5];
};
struct box_name box_name_of(uint32_t type);

#endif
