/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Paths become a ladder with rising rates. */
#include "tests/sim/relay/rungs.h"

#include "tests/sim/relay/prologue.h"

void set_rungs(struct core_request *request, const char *const *paths, size_t count)
{
    struct core_rendition rungs[CORE_LADDER_MAX];
    for (size_t i = 0; i < count; i++)
        rungs[i] = (struct core_rendition){moq_path_from_text(paths[i]), 1000000 * (i + 1)};
    struct core_ladder *ladder = core_ladder_new(rungs, count);
    assert_int_equal(core_request_set_ladder(request, ladder), 0);
    core_ladder_unref(&ladder);
    for (size_t i = 0; i < count; i++)
        moq_path_unref(&rungs[i].path);
}
