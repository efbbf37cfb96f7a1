/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module in C++. */
#include "kit.h"

namespace
{

struct settings {
    uint64_t number;
};

const relay_field fields[] = {
    {"number", "a number", RELAY_FIELD_INT, 0, offsetof(settings, number), 0, 0, 9, "1", nullptr,
     nullptr, nullptr},
};
const relay_schema schema = RELAY_SCHEMA(settings, fields);

int start(relay_self *self, const void *config)
{
    trace("plus start %d", static_cast<int>(static_cast<const settings *>(config)->number));
    relay_log(self, RELAY_INFO, "in C++");
    return 0;
}

void stop(relay_self *)
{
    trace("plus stop");
}

} // namespace

/* Constant-initialised, so that the versions are in the file. */
RELAY_MODULE = {RELAY_MODULE_HEAD, "plus", "1.0",   &schema, nullptr, 0,       0,       0,
                nullptr,           start,  nullptr, nullptr, nullptr, nullptr, nullptr, stop};
