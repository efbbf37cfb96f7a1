/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What relay.yaml says about this module, and whether it makes sense. */
#ifndef INGEST_SETTINGS_H
#define INGEST_SETTINGS_H

#include <relay/module.h>

enum { SETTINGS_SOURCES_MAX = 128 };

struct settings_source {
    const char *path;
    const char *file; /* exactly one of these four */
    const char *command;
    struct relay_address tcp;
    const char *unix_socket;
    bool is_loop;      /* of a file */
    bool is_on_demand; /* of a command, as the next */
    uint64_t idle_ns;
    uint64_t silence_ns;       /* of all but files; 0: as below */
    bool is_in_band, has_auto; /* or as below */
};

struct settings {
    struct relay_address http; /* none: no HTTP */
    uint64_t silence_ns;
    bool is_in_band, has_auto;
    const struct settings_source *sources;
    size_t source_count;
};

extern const struct relay_schema settings_schema;

/* How long source `index` may be silent, in milliseconds. */
uint64_t settings_silence_ms(const struct settings *settings, size_t index);

/* Whether renditions of source `index` go in band, and whether they get an automatic track. */
bool settings_is_in_band(const struct settings *settings, size_t index);
bool settings_has_auto(const struct settings *settings, size_t index);

/* Tells `check` of everything that makes no sense. */
void settings_check(struct relay_check *check, const struct settings *settings);

#endif
