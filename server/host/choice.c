/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Choices of a publisher as modules see them.
 * Tested by tests/abi/test_choose.py. */
#include "server/host/internal.h"

const char *relay_choice_path(const struct relay_choice *choice, char *out, size_t size)
{
    return host_path_text(FITS(choice, HOST_CHOICE) ? core_choice_path(choice->core) : NULL, out,
                          size);
}

enum relay_choice_cause relay_choice_cause(const struct relay_choice *choice)
{
    static const enum relay_choice_cause causes[] = {
        [CORE_CHOICE_WATCHED] = RELAY_CHOICE_WATCHED,
        [CORE_CHOICE_CANDIDATE] = RELAY_CHOICE_CANDIDATE,
        [CORE_CHOICE_LOST] = RELAY_CHOICE_LOST,
        [CORE_CHOICE_SILENT] = RELAY_CHOICE_SILENT,
    };
    return FITS(choice, HOST_CHOICE) ? causes[core_choice_cause(choice->core)] : 0;
}

int relay_choice_candidate(const struct relay_choice *choice, size_t index,
                           struct relay_candidate *candidate)
{
    struct core_candidate core;
    if (!FITS(choice, HOST_CHOICE) || !core_choice_candidate(choice->core, index, &core))
        return RELAY_ERR_NOT_FOUND;
    host_candidate(&core, candidate);
    return 0;
}
