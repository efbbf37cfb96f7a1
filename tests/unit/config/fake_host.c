/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A host of modules that finds everything in a list: kinds with every type of setting, one without
 * any, two of the same name, and one that only a certain directory has. */
#include "tests/unit/config/fake_host.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define FAKE_ROWS(type, list)                                                                      \
    {                                                                                              \
        sizeof(struct type), list, sizeof(list) / sizeof(list)[0]                                  \
    }

/* ---- auth: paths, patterns, numbers, a section within ---------------------------------------- */

static const struct config_row fake_anonymous_rows[] = {
    {.name = "publish",
     .type = TYPE_LIST,
     .offset = offsetof(struct fake_anonymous, publish),
     .count_offset = offsetof(struct fake_anonymous, publish_count),
     .max = 4,
     .flags = ROW_RELOADS | ROW_PATTERN,
     .help = "paths that anybody may publish"},
    {.name = "subscribe",
     .type = TYPE_LIST,
     .offset = offsetof(struct fake_anonymous, subscribe),
     .count_offset = offsetof(struct fake_anonymous, subscribe_count),
     .max = 4,
     .flags = ROW_RELOADS | ROW_PATTERN,
     .help = "paths that anybody may watch"},
};
static const struct config_section fake_anonymous_section =
    FAKE_ROWS(fake_anonymous, fake_anonymous_rows);

static const struct config_row fake_auth_rows[] = {
    {.name = "keys",
     .type = TYPE_PATH,
     .offset = offsetof(struct fake_auth, keys),
     .flags = ROW_RELOADS | ROW_FILES,
     .help = "file of keys"},
    {.name = "leeway",
     .type = TYPE_DURATION,
     .offset = offsetof(struct fake_auth, leeway_ns),
     .max = 60 * NS_PER_S,
     .fallback = "5s",
     .flags = ROW_RELOADS,
     .help = "how far clocks may differ"},
    {.name = "key_bytes",
     .type = TYPE_SIZE,
     .offset = offsetof(struct fake_auth, key_bytes),
     .min = 64,
     .max = 1 << 20,
     .fallback = "16KiB",
     .zero = "unlimited",
     .help = "the longest \"keys\" file"},
    {.name = "tries",
     .type = TYPE_INT,
     .offset = offsetof(struct fake_auth, tries),
     .min = 1,
     .max = 9,
     .fallback = "3",
     .help = "how often a token is tried"},
    {.name = "anonymous",
     .type = TYPE_SECTION,
     .offset = offsetof(struct fake_auth, anonymous),
     .section = &fake_anonymous_section,
     .flags = ROW_RELOADS,
     .help = "what those without a token may do"},
};
static const struct config_section fake_auth_section = FAKE_ROWS(fake_auth, fake_auth_rows);

static void fake_auth_check(const struct config_module_kind *kind, const void *values,
                            struct config_complaints *complaints)
{
    const struct fake_auth *auth = values;
    if (!auth->keys && auth->anonymous.publish_count + auth->anonymous.subscribe_count == 0)
        config_complain(complaints, "", "%s lets nobody in; write keys or anonymous", kind->name);
    for (size_t i = 0; i < auth->anonymous.publish_count; i++) {
        char setting[64];
        snprintf(setting, sizeof setting, "anonymous.publish[%zu]", i);
        if (strcmp(auth->anonymous.publish[i], "**") == 0)
            config_complain(complaints, setting, "anybody could publish\nanything");
    }
}

/* ---- karp: an address, a word, a list of sections with a list of sections -------------------- */

static const char *const fake_formats[] = {"fmp4", "cmaf", "off", NULL};
static const char *const fake_levels[] = {"low", "high", NULL};
static const char *const fake_streams[] = {"audio", "video", "text", NULL};

static const struct config_row fake_track_rows[] = {
    {.name = "name",
     .type = TYPE_STRING,
     .offset = offsetof(struct fake_track, name),
     .flags = ROW_REQUIRED | ROW_BROADCAST,
     .help = "the track"},
    {.name = "priority",
     .type = TYPE_INT,
     .offset = offsetof(struct fake_track, priority),
     .max = 255,
     .flags = ROW_RELOADS,
     .help = "its priority"},
};
static const struct config_section fake_track_section = FAKE_ROWS(fake_track, fake_track_rows);

static const struct config_row fake_source_rows[] = {
    {.name = "path",
     .type = TYPE_STRING,
     .offset = offsetof(struct fake_source, path),
     .flags = ROW_REQUIRED | ROW_BROADCAST,
     .help = "the broadcast"},
    {.name = "file",
     .type = TYPE_PATH,
     .offset = offsetof(struct fake_source, file),
     .help = "the file to play"},
    {.name = "loop",
     .type = TYPE_BOOL,
     .offset = offsetof(struct fake_source, is_looped),
     .fallback = "true",
     .flags = ROW_RELOADS,
     .help = "begin again at the end"},
    {.name = "tracks",
     .type = TYPE_LIST,
     .offset = offsetof(struct fake_source, tracks),
     .count_offset = offsetof(struct fake_source, track_count),
     .max = 16,
     .section = &fake_track_section,
     .help = "the tracks to play"},
    {.name = "options",
     .type = TYPE_TREE,
     .offset = offsetof(struct fake_source, options),
     .flags = ROW_RELOADS,
     .help = "whatever the importer takes"},
};
static const struct config_section fake_source_section = FAKE_ROWS(fake_source, fake_source_rows);

static const struct config_row fake_karp_rows[] = {
    {.name = "http",
     .type = TYPE_ADDRESS,
     .offset = offsetof(struct fake_karp, http),
     .fallback = "127.0.0.1:8089",
     .help = "where encoders connect"},
    {.name = "format",
     .type = TYPE_ENUM,
     .offset = offsetof(struct fake_karp, format),
     .words = fake_formats,
     .fallback = "cmaf",
     .help = "the container"},
    {.name = "levels",
     .type = TYPE_MAP,
     .offset = offsetof(struct fake_karp, levels),
     .words = fake_levels,
     .keys = fake_streams,
     .flags = ROW_RELOADS,
     .help = "levels of single streams"},
    {.name = "sources",
     .type = TYPE_LIST,
     .offset = offsetof(struct fake_karp, sources),
     .count_offset = offsetof(struct fake_karp, source_count),
     .max = 64,
     .section = &fake_source_section,
     .help = "what is played"},
};
static const struct config_section fake_karp_section = FAKE_ROWS(fake_karp, fake_karp_rows);

static void fake_karp_check(const struct config_module_kind *kind, const void *values,
                            struct config_complaints *complaints)
{
    const struct fake_karp *karp = values;
    (void)kind;
    for (size_t i = 0; i < karp->source_count; i++) {
        char setting[64];
        snprintf(setting, sizeof setting, "sources[%zu].file", i);
        if (!karp->sources[i].file || strcmp(karp->sources[i].file, "bad") == 0)
            config_complain(complaints, setting, "a source needs a good %s", "file");
    }
}

/* ---- clock, script --------------------------------------------------------------------------- */

static const struct config_row fake_clock_rows[] = {
    {.name = "path",
     .type = TYPE_STRING,
     .offset = offsetof(struct fake_clock, path),
     .fallback = "demo/clock",
     .flags = ROW_BROADCAST,
     .help = "the broadcast"},
};
static const struct config_section fake_clock_section = FAKE_ROWS(fake_clock, fake_clock_rows);

static const struct config_row fake_gate_rows[] = {
    {.name = "port",
     .type = TYPE_INT,
     .offset = offsetof(struct fake_gate, port),
     .min = 1,
     .max = 65535,
     .flags = ROW_REQUIRED | ROW_RELOADS,
     .help = "its port"},
};
static const struct config_section fake_gate_section = FAKE_ROWS(fake_gate, fake_gate_rows);

static const struct config_row fake_script_rows[] = {
    {.name = "params",
     .type = TYPE_TREE,
     .offset = offsetof(struct fake_script, params),
     .flags = ROW_REQUIRED | ROW_RELOADS,
     .help = "what the script reads"},
    {.name = "gate",
     .type = TYPE_SECTION,
     .offset = offsetof(struct fake_script, gate),
     .section = &fake_gate_section,
     .help = "where it listens"},
};
static const struct config_section fake_script_section = FAKE_ROWS(fake_script, fake_script_rows);

/* ---- The host -------------------------------------------------------------------------------- */

enum { FAKE_LISTED_KINDS = 5, FAKE_LOCAL_KIND = 7 }; /* the first ones are found by name */

static const struct config_module_kind fake_kinds[] = {
    {.name = "auth",
     .file = "/lib/auth.so",
     .section = &fake_auth_section,
     .check = fake_auth_check},
    {.name = "clock", .file = "/lib/clock.so", .section = &fake_clock_section},
    {.name = "hello", .file = "/lib/hello.so"},
    {.name = "karp",
     .file = "/lib/karp.so",
     .section = &fake_karp_section,
     .check = fake_karp_check},
    {.name = "script", .file = "/lib/script.so", .section = &fake_script_section},
    {.name = "my_own", .file = "./my-own.so", .section = &fake_clock_section},
    {.name = "clock", .file = "./clock.so", .section = &fake_clock_section},
    {.name = "local", .file = "/modules/local.so"},
};

static const struct config_module_kind *fake_find(void *self, const char *name,
                                                  const char *directory, char *problem)
{
    (void)self;
    bool is_path = strchr(name, '/') != NULL;
    bool has_local = directory && strcmp(directory, "/modules") == 0;
    if (strcmp(name, "/lib/clock.so") == 0)
        return &fake_kinds[1];
    for (size_t i = 0; i < sizeof fake_kinds / sizeof fake_kinds[0]; i++) {
        const struct config_module_kind *kind = &fake_kinds[i];
        bool is_reachable = is_path || i < FAKE_LISTED_KINDS || (has_local && kind->file[0] == '/');
        if (is_reachable && strcmp(is_path ? kind->file : kind->name, name) == 0)
            return kind;
    }
    snprintf(problem, CONFIG_PROBLEM_BYTES, "there is no module %.40s in /lib; see --reference",
             name);
    return NULL;
}

static size_t fake_list(void *self, const char *directory, const struct config_module_kind **kinds,
                        size_t max)
{
    size_t count = 0;
    (void)self;
    for (size_t i = 0; i < FAKE_LISTED_KINDS && count < max; i++)
        kinds[count++] = &fake_kinds[i];
    if (directory && strcmp(directory, "/modules") == 0 && count < max)
        kinds[count++] = &fake_kinds[FAKE_LOCAL_KIND];
    return count;
}

const struct config_host fake_host = {.find = fake_find, .list = fake_list};

const struct config_section *fake_section(const char *name)
{
    char problem[CONFIG_PROBLEM_BYTES];
    const struct config_module_kind *kind = fake_find(NULL, name, NULL, problem);
    return kind ? kind->section : NULL;
}
