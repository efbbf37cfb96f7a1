/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ids of instances, and those of a broadcast that are announced. */
#ifndef MOQ_KARP_INSTANCES_H
#define MOQ_KARP_INSTANCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

enum {
    KARP_ID_MAX_BYTES = 40,  /* with the final zero; longer numbers are not ids */
    KARP_MAX_INSTANCES = 64, /* of one broadcast at a time; of more, the newest are kept */
};

/* The id of a new instance: the time, but always above `last_id` (0: none), so that a clock that
 * goes back or a quick reconnect never makes an instance that looks older. */
uint64_t karp_id_next(uint64_t now_ms, uint64_t last_id);
void karp_id_print(uint64_t id, char text[KARP_ID_MAX_BYTES]);

/* Whether `text` (of `size` bytes) can be an id: it has only digits. Other one-part suffixes are
 * tracks of other programs. */
bool karp_id_is_valid(const char *text, size_t size);

/* Compares two valid ids as numbers: negative, 0 or positive. */
int karp_id_compare(const char *a, const char *b);

/* The instances of a broadcast that are announced now. A viewer watches the newest and falls back
 * when it ends. */
struct karp_instances {
    size_t count;                                    /* read-only */
    char ids[KARP_MAX_INSTANCES][KARP_ID_MAX_BYTES]; /* private; ascending */
};

/* Notes that the one-part suffix `id` was announced or ended; what is not an id is ignored. True
 * when the newest instance is a different one than before. */
bool karp_instances_add(struct karp_instances *instances, const char *id, size_t size);
bool karp_instances_remove(struct karp_instances *instances, const char *id, size_t size);

/* The newest id, borrowed; NULL: no instance is announced. */
const char *karp_instances_newest(const struct karp_instances *instances);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
