/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The relay reads the table; what the table cannot say is checked here.
 * Tested by tests/e2e/test_ingest.py. */
#include "modules/karp/settings.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "modules/karp/request.h"

enum { NAME_BYTES = 64 };

#define OFFSET(field) offsetof(struct settings_source, field)

static const struct relay_field source_fields[] = {
    {.name = "path",
     .type = RELAY_FIELD_STRING,
     .flags = RELAY_FIELD_IS_PATH | RELAY_FIELD_REQUIRED,
     .offset = OFFSET(path),
     .help = "path of the broadcast"},
    {.name = "file",
     .type = RELAY_FIELD_FILE,
     .offset = OFFSET(file),
     .help = "an MP4, or a directory of *.mp4, played at its own pace"},
    {.name = "loop",
     .type = RELAY_FIELD_BOOL,
     .offset = OFFSET(is_loop),
     .help = "whether the file begins again after its end"},
    {.name = "command",
     .type = RELAY_FIELD_STRING,
     .offset = OFFSET(command),
     .help = "a command for /bin/sh that writes a fragmented MP4 to its standard output"},
    {.name = "on_demand",
     .type = RELAY_FIELD_BOOL,
     .offset = OFFSET(is_on_demand),
     .help = "whether the command runs only while somebody watches"},
    {.name = "idle",
     .type = RELAY_FIELD_DURATION,
     .offset = OFFSET(idle_ns),
     .min = 1000000,
     .max = UINT64_C(86400000000000),
     .fallback = "10s",
     .help = "how long it runs on after its last viewer"},
    {.name = "tcp",
     .type = RELAY_FIELD_ADDRESS,
     .offset = OFFSET(tcp),
     .help = "an address where a client sends a fragmented MP4 by TCP"},
    {.name = "unix",
     .type = RELAY_FIELD_FILE,
     .offset = OFFSET(unix_socket),
     .help = "the same, a unix socket"},
    {.name = "silence",
     .type = RELAY_FIELD_DURATION,
     .offset = OFFSET(silence_ns),
     .min = 1000000,
     .max = UINT64_C(86400000000000),
     .zero = "module",
     .help = "how long it may send nothing before it is given up, in place of what the module's "
             "own silence says"},
};
static const struct relay_schema source_schema =
    RELAY_SCHEMA(struct settings_source, source_fields);

static const struct relay_field fields[] = {
    {.name = "http",
     .type = RELAY_FIELD_ADDRESS,
     .offset = offsetof(struct settings, http),
     .help =
         "an address where encoders send media by PUT or POST; the URL's path is the broadcast"},
    {.name = "silence",
     .type = RELAY_FIELD_DURATION,
     .offset = offsetof(struct settings, silence_ns),
     .min = 1000000,
     .max = UINT64_C(86400000000000),
     .fallback = "15s",
     .help = "how long a request, a client or a command may send nothing before it is given up; "
             "a command that waits for an encoder has time until its first byte"},
    {.name = "sources",
     .type = RELAY_FIELD_SECTIONS,
     .offset = offsetof(struct settings, sources),
     .count_offset = offsetof(struct settings, source_count),
     .max = SETTINGS_SOURCES_MAX,
     .section = &source_schema,
     .help = "broadcasts that the relay fetches, or awaits, itself"},
};
const struct relay_schema settings_schema = RELAY_SCHEMA(struct settings, fields);

uint64_t settings_silence_ms(const struct settings *settings, size_t index)
{
    uint64_t own_ns = settings->sources[index].silence_ns;
    return (own_ns ? own_ns : settings->silence_ns) / NS_PER_MS;
}

static void check_kind(struct relay_check *check, const struct settings_source *source,
                       const char *name)
{
    int kinds = (source->file != NULL) + (source->command != NULL) + (source->unix_socket != NULL) +
                (source->tcp.socket_bytes > 0);
    if (kinds != 1)
        relay_check_fail(check, name,
                         "a source has exactly one of file, command, tcp and unix, not %d", kinds);
    if (source->is_loop && !source->file)
        relay_check_fail(check, name, "loop is for a file");
    if (source->is_on_demand && !source->command)
        relay_check_fail(check, name, "on_demand is for a command");
}

static void check_path(struct relay_check *check, const struct settings *settings, size_t index,
                       const char *name)
{
    char path[REQUEST_PATH_BYTES];
    struct verdict why;
    const char *own = settings->sources[index].path;
    if (!own || request_name(own, path, &why)) {
        relay_check_fail(check, name, "%s", own ? why.text : "the path is empty");
        return;
    }
    for (size_t i = 0; i < index; i++)
        if (settings->sources[i].path && strcmp(settings->sources[i].path, own) == 0)
            relay_check_fail(check, name, "another source has the path %s", own);
}

void settings_check(struct relay_check *check, const struct settings *settings)
{
    for (size_t i = 0; i < settings->source_count; i++) {
        char name[NAME_BYTES];
        snprintf(name, sizeof name, "sources[%zu].path", i);
        check_path(check, settings, i, name);
        snprintf(name, sizeof name, "sources[%zu]", i);
        check_kind(check, &settings->sources[i], name);
    }
}
