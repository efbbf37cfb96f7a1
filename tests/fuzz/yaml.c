/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Any bytes as relay.yaml, with modules to name: loaded, or refused with a reason; what loads is
 * printed so that it loads to the same. */
#include "tests/fuzz/driver/round_trip.h"
#include "tests/unit/config/fake_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    require_round_trip(&fake_host, (const char *)data, size);
    return 0;
}
