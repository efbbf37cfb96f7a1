/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Relaxed atomic counters, one per kind: order between kinds does not matter, only that each sum is
 * right in the end. */
#include "base/objects.h"

#include <stdatomic.h>

static atomic_int_fast64_t counts[OBJECT_KIND_COUNT];

#define OBJECT_NAME(name) #name,
static const char *const names[] = {OBJECT_KINDS(OBJECT_NAME)};
#undef OBJECT_NAME

void object_born(enum object_kind kind)
{
    atomic_fetch_add_explicit(&counts[kind], 1, memory_order_relaxed);
}

void object_died(enum object_kind kind)
{
    atomic_fetch_sub_explicit(&counts[kind], 1, memory_order_relaxed);
}

int64_t object_count(enum object_kind kind)
{
    return atomic_load_explicit(&counts[kind], memory_order_relaxed);
}

int objects_report(FILE *out)
{
    int alive = 0;
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        int64_t count = object_count((enum object_kind)kind);
        if (count == 0)
            continue;
        fprintf(out, "%lld %s still alive\n", (long long)count, names[kind]);
        alive++;
    }
    return alive;
}
