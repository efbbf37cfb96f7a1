/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A host of modules that finds everything in a list: kinds with every type of setting, one without
 * any, two of the same name, and one that only a certain directory has. */
#ifndef MOQ_TEST_CONFIG_FAKE_HOST_H
#define MOQ_TEST_CONFIG_FAKE_HOST_H

#include "server/config/config.h"
#include "server/config/rows.h"

/* ---- auth: a file, numbers, a section of patterns; it judges its values as a whole ----------- */

struct fake_anonymous {
    char **publish, **subscribe;
    size_t publish_count, subscribe_count;
};

struct fake_auth {
    char *keys;
    uint64_t leeway_ns, key_bytes, tries;
    struct fake_anonymous anonymous;
};

/* ---- karp: an address, words, a list of sections with a list of sections; it judges too ------ */

struct fake_track {
    char *name;
    uint64_t priority;
};

struct fake_source {
    char *path, *file;
    bool is_looped;
    struct fake_track *tracks;
    size_t track_count;
    struct config_branch *options;
};

struct fake_karp {
    struct config_address http;
    int format;
    int levels[3];
    struct fake_source *sources;
    size_t source_count;
};

/* ---- clock, my_own: a path with a default ---------------------------------------------------- */

struct fake_clock {
    char *path;
};

/* ---- script: any YAML, and a section with a setting that must be written --------------------- */

struct fake_gate {
    uint64_t port;
};

struct fake_script {
    struct config_branch *params;
    struct fake_gate gate;
};

/* Lists auth, clock, hello (without settings), karp and script; finds ./my-own.so and ./clock.so as
 * well, and local in the directory /modules. */
extern const struct config_host fake_host;

/* The section of a kind that is listed. */
const struct config_section *fake_section(const char *name);

#endif
