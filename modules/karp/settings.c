/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The relay reads the table; what the table cannot say is checked here.
 * Tested by tests/e2e/test_ingest.py. */
#include "modules/karp/settings.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/clock.h"
#include "modules/karp/request.h"

enum {
    NAME_BYTES = 64,
    UNIX_PATH_MAX_BYTES = sizeof((struct sockaddr_un *)0)->sun_path - 1,
};

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
    {.name = "in_band",
     .type = RELAY_FIELD_BOOL,
     .offset = OFFSET(is_in_band),
     .help = "whether parameter sets go into the frames, as the module's in_band"},
    {.name = "auto",
     .type = RELAY_FIELD_BOOL,
     .offset = OFFSET(has_auto),
     .help = "whether renditions get a track auto, as the module's auto"},
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
    {.name = "in_band",
     .type = RELAY_FIELD_BOOL,
     .offset = offsetof(struct settings, is_in_band),
     .help = "whether parameter sets of all that comes in go into the frames, so that one decoder "
             "can follow renditions"},
    {.name = "auto",
     .type = RELAY_FIELD_BOOL,
     .offset = offsetof(struct settings, has_auto),
     .help = "whether all renditions that come in get a track auto, whose rendition the relay may "
             "choose; implies in_band"},
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

bool settings_is_in_band(const struct settings *settings, size_t index)
{
    return settings->is_in_band || settings->sources[index].is_in_band;
}

bool settings_has_auto(const struct settings *settings, size_t index)
{
    return settings->has_auto || settings->sources[index].has_auto;
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

/* ---- Addresses ------------------------------------------------------------------------------- */

static uint16_t port_of(const struct relay_address *address)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)&address->socket;
    return in->sin_port; /* sockaddr_in6 has its port in the same place */
}

static bool is_wildcard(const struct relay_address *address)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)&address->socket;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address->socket;
    return address->socket.ss_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr)
                                                 : in->sin_addr.s_addr == htonl(INADDR_ANY);
}

/* Whether only one of them can be listened at. The wildcard of IPv6 takes IPv4 as well. */
static bool is_clash(const struct relay_address *a, const struct relay_address *b)
{
    bool is_same_family = a->socket.ss_family == b->socket.ss_family;
    if (a->socket_bytes == 0 || b->socket_bytes == 0 || port_of(a) != port_of(b) || port_of(a) == 0)
        return false;
    if (is_wildcard(a) && (is_same_family || a->socket.ss_family == AF_INET6))
        return true;
    if (is_wildcard(b) && (is_same_family || b->socket.ss_family == AF_INET6))
        return true;
    return is_same_family && a->socket_bytes == b->socket_bytes &&
           memcmp(&a->socket, &b->socket, a->socket_bytes) == 0;
}

static void check_tcp(struct relay_check *check, const struct settings *settings, size_t index,
                      const char *name)
{
    const struct relay_address *own = &settings->sources[index].tcp;
    if (is_clash(&settings->http, own))
        relay_check_fail(check, name, "http listens at %s already; choose another port",
                         settings->http.text);
    for (size_t i = 0; i < index; i++)
        if (is_clash(&settings->sources[i].tcp, own))
            relay_check_fail(check, name,
                             "the source of %s listens at %s already; choose another port",
                             settings->sources[i].path, settings->sources[i].tcp.text);
}

static void check_unix(struct relay_check *check, const struct settings *settings, size_t index,
                       const char *name)
{
    const char *own = settings->sources[index].unix_socket;
    struct stat status;
    if (!own)
        return;
    if (strlen(own) > UNIX_PATH_MAX_BYTES)
        relay_check_fail(check, name,
                         "the path of a unix socket has at most %d bytes, and this one has %zu; "
                         "choose a shorter one",
                         (int)UNIX_PATH_MAX_BYTES, strlen(own));
    else if (lstat(own, &status) == 0 && !S_ISSOCK(status.st_mode))
        relay_check_fail(check, name,
                         "%s is there, and is no socket; remove it, or choose another path", own);
    for (size_t i = 0; i < index; i++) {
        const struct settings_source *other = &settings->sources[i];
        if (other->unix_socket && strcmp(other->unix_socket, own) == 0)
            relay_check_fail(check, name,
                             "the source of %s listens at %s already; choose another path",
                             other->path, own);
    }
}

void settings_check(struct relay_check *check, const struct settings *settings)
{
    for (size_t i = 0; i < settings->source_count; i++) {
        char name[NAME_BYTES];
        snprintf(name, sizeof name, "sources[%zu].path", i);
        check_path(check, settings, i, name);
        snprintf(name, sizeof name, "sources[%zu]", i);
        check_kind(check, &settings->sources[i], name);
        snprintf(name, sizeof name, "sources[%zu].tcp", i);
        check_tcp(check, settings, i, name);
        snprintf(name, sizeof name, "sources[%zu].unix", i);
        check_unix(check, settings, i, name);
    }
}
