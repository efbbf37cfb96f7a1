/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every setting of moq-relay: its name, type, place, range, default and one line for people. The
 * only list of them: what is read, printed, explained and offered to editors all comes from these
 * rows. */
#include <stddef.h>

#include "base/clock.h"
#include "server/config/internal.h"

#define AT(type, member) .offset = offsetof(struct type, member)
#define LIST_AT(owner, items, counter)                                                             \
    .type = TYPE_LIST, .offset = offsetof(struct owner, items),                                    \
    .count_offset = offsetof(struct owner, counter)
#define SECTION(type, list)                                                                        \
    {                                                                                              \
        .size = sizeof(struct type), .rows = (list), .row_count = sizeof(list) / sizeof(list)[0]   \
    }
#define MS(n) ((n)*NS_PER_MS)
#define SECONDS(n) ((n)*NS_PER_S)
#define KIB(n) (UINT64_C(n) << 10)
#define GIB(n) (UINT64_C(n) << 30)

static const char *const order_words[] = {"oldest", "newest", NULL};
static const char *const congestion_words[] = {"cubic", "bbr", NULL};
static const char *const format_words[] = {"text", "json", NULL};
static const char *const level_words[] = {"off", "error", "warn", "info", "debug", "trace", NULL};

#define TOPIC_WORD(name, text) text,
static const char *const topic_words[] = {LOG_TOPICS(TOPIC_WORD) NULL};
#undef TOPIC_WORD

/* ---- Checks ---------------------------------------------------------------------------------- */

static const char *check_pattern(const void *value)
{
    char *const *pattern = value;
    return config_pattern_problem(*pattern ? *pattern : "");
}

static const char *check_host(const void *value)
{
    char *const *host = value;
    const char *p = *host ? *host : "";
    size_t n = 0;
    for (; p[n]; n++) {
        bool is_letter = (p[n] >= 'a' && p[n] <= 'z') || (p[n] >= 'A' && p[n] <= 'Z');
        bool is_digit = p[n] >= '0' && p[n] <= '9';
        if (!is_letter && !is_digit && p[n] != '-' && p[n] != '.' && p[n] != ':' && p[n] != '*')
            return "is no host name or IP address; write one, such as localhost";
    }
    return n == 0 || n > 253 ? "is no host name or IP address; write one, such as localhost" : NULL;
}

static const char *check_bound_address(const void *value)
{
    const struct config_address *address = value;
    if (address->is_listen)
        return "the word listen is for http.address; write IP:port";
    return address->size == 0 ? "an address is needed; write IP:port, such as \"[::]:4443\"" : NULL;
}

static const char *refuse_modules(const void *value)
{
    (void)value;
    return "this relay is built without modules; remove the section";
}

static const char *refuse_script(const void *value)
{
    (void)value;
    return "this relay is built without scripting; remove the section";
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static const struct config_row certificate_rows[] = {
    {.name = "cert",
     .type = TYPE_PATH,
     AT(config_certificate, cert),
     .flags = ROW_RELOADS | ROW_REQUIRED | ROW_FILES,
     .help = "certificate chain, PEM, the leaf first"},
    {.name = "key",
     .type = TYPE_PATH,
     AT(config_certificate, key),
     .flags = ROW_RELOADS | ROW_REQUIRED | ROW_FILES,
     .help = "its private key, PEM"},
};
static const struct config_section certificate_section =
    SECTION(config_certificate, certificate_rows);

static const struct config_row listener_rows[] = {
    {.name = "address",
     .type = TYPE_ADDRESS,
     AT(config_listener, address),
     .fallback = "[::]:4443",
     .check = check_bound_address,
     .help = "UDP address; WebTransport and raw QUIC share it; [::] takes IPv4 too"},
    {.name = "certificates",
     LIST_AT(config_listener, certificates, certificate_count),
     .flags = ROW_RELOADS,
     .max = 64,
     .section = &certificate_section,
     .help = "chosen by the name that a client asks for, else the last"},
    {.name = "self_signed",
     LIST_AT(config_listener, self_signed, self_signed_count),
     .flags = ROW_RELOADS,
     .max = 64,
     .check = check_host,
     .help = "host names of a certificate made at start, for development; renewed before its 14 "
             "days end"},
    {.name = "congestion",
     .type = TYPE_ENUM,
     AT(config_listener, congestion),
     .words = congestion_words,
     .flags = ROW_INHERITS,
     .help = "congestion control of its connections; as quic.congestion, which is the default"},
};
static const struct config_section listener_section = SECTION(config_listener, listener_rows);

static const struct config_row http_rows[] = {
    {.name = "address",
     .type = TYPE_ADDRESS,
     AT(config_http, address),
     .help =
         "TCP address, such as 127.0.0.1:8080; listen: the same as the first listener; \"\": off"},
    {.name = "fingerprint",
     .type = TYPE_BOOL,
     AT(config_http, has_fingerprint),
     .fallback = "true",
     .flags = ROW_RELOADS,
     .help = "GET /fingerprint: SHA-256 of the certificate, for browsers to pin"},
    {.name = "stats",
     .type = TYPE_BOOL,
     AT(config_http, has_stats),
     .fallback = "true",
     .flags = ROW_RELOADS,
     .help = "GET /stats: counters as JSON"},
};
static const struct config_section http_section = SECTION(config_http, http_rows);

static const struct config_row tls_rows[] = {
    {.name = "roots",
     LIST_AT(config_tls, roots, root_count),
     .flags = ROW_RELOADS | ROW_FILES,
     .max = 64,
     .help = "PEM files of certificates to trust; none: the system's"},
    {.name = "verify",
     .type = TYPE_BOOL,
     AT(config_tls, is_verified),
     .fallback = "true",
     .flags = ROW_RELOADS,
     .help = "false: trust anybody; for development only"},
};
static const struct config_section tls_section = SECTION(config_tls, tls_rows);

static const struct config_row limit_rows[] = {
    {.name = "connections",
     .type = TYPE_INT,
     AT(config_limits, connections),
     .min = 1,
     .max = 1000000,
     .fallback = "20000",
     .help = "of the whole relay at a time; more are refused"},
    {.name = "half_open_retry_at",
     .type = TYPE_INT,
     AT(config_limits, half_open_retry_at),
     .min = 1,
     .max = 1000000,
     .fallback = "100",
     .help = "handshakes under way from which on clients must prove their address"},
    {.name = "handshake",
     .type = TYPE_DURATION,
     AT(config_limits, handshake_ns),
     .min = MS(100),
     .max = SECONDS(60),
     .fallback = "5s",
     .help = "until a session is agreed, else it is closed"},
    {.name = "idle",
     .type = TYPE_DURATION,
     AT(config_limits, idle_ns),
     .min = SECONDS(1),
     .max = SECONDS(600),
     .fallback = "10s",
     .help = "silence, from the last PING on, after which a peer counts as gone"},
    {.name = "streams_uni",
     .type = TYPE_INT,
     AT(config_limits, streams_uni),
     .min = 8,
     .max = 65536,
     .fallback = "512",
     .help = "open groups that a peer may send at a time"},
    {.name = "streams_bidi",
     .type = TYPE_INT,
     AT(config_limits, streams_bidi),
     .min = 8,
     .max = 65536,
     .fallback = "512",
     .help = "open requests that a peer may have at a time"},
    {.name = "subscriptions",
     .type = TYPE_INT,
     AT(config_limits, subscriptions),
     .min = 1,
     .max = 65536,
     .fallback = "1024",
     .flags = ROW_RELOADS,
     .help = "tracks that a session may watch at a time"},
    {.name = "announces",
     .type = TYPE_INT,
     AT(config_limits, announces),
     .min = 1,
     .max = 65536,
     .fallback = "64",
     .flags = ROW_RELOADS,
     .help = "prefixes that a session may ask about at a time"},
    {.name = "announced",
     .type = TYPE_INT,
     AT(config_limits, announced),
     .min = 1,
     .max = 1000000,
     .fallback = "10000",
     .flags = ROW_RELOADS,
     .help = "paths that a session may offer at a time"},
    {.name = "open_groups",
     .type = TYPE_INT,
     AT(config_limits, open_groups),
     .min = 1,
     .max = 1024,
     .fallback = "16",
     .flags = ROW_RELOADS,
     .help = "groups on their way to one viewer of a track at a time"},
    {.name = "waiting",
     .type = TYPE_INT,
     AT(config_limits, waiting),
     .min = 1,
     .max = 1000000,
     .fallback = "1000",
     .flags = ROW_RELOADS,
     .help = "requests that wait for a publisher, of the whole relay"},
    {.name = "wait",
     .type = TYPE_DURATION,
     AT(config_limits, wait_ns),
     .min = 0,
     .max = SECONDS(600),
     .fallback = "5s",
     .flags = ROW_RELOADS,
     .help = "how long such a request waits; 0s: not at all"},
};
static const struct config_section limits_section = SECTION(config_limits, limit_rows);

static const struct config_row cache_rows[] = {
    {.name = "groups",
     .type = TYPE_INT,
     AT(config_cache, groups),
     .min = 1,
     .max = 100000,
     .fallback = "2",
     .zero = "unlimited",
     .flags = ROW_RELOADS,
     .help = "of a track; the newest is always kept, and as many more as are within a viewer's "
             "latency"},
    {.name = "age",
     .type = TYPE_DURATION,
     AT(config_cache, age_ns),
     .min = MS(1),
     .max = SECONDS(86400),
     .fallback = "10s",
     .zero = "unlimited",
     .flags = ROW_RELOADS,
     .help = "since a group ended"},
    {.name = "track_bytes",
     .type = TYPE_SIZE,
     AT(config_cache, track_bytes),
     .min = KIB(64),
     .max = GIB(64),
     .fallback = "32MiB",
     .zero = "unlimited",
     .flags = ROW_RELOADS,
     .help = "of one track"},
    {.name = "bytes",
     .type = TYPE_SIZE,
     AT(config_cache, bytes),
     .min = KIB(64),
     .max = GIB(1024),
     .fallback = "512MiB",
     .zero = "unlimited",
     .flags = ROW_RELOADS,
     .help = "of the whole relay"},
};
static const struct config_section cache_section = SECTION(config_cache, cache_rows);

static const struct config_row max_rows[] = {
    {.name = "latency",
     .type = TYPE_DURATION,
     AT(config_policy_max, latency_ns),
     .min = 0,
     .max = SECONDS(3600),
     .fallback = "10s",
     .flags = ROW_RELOADS,
     .help = "for any viewer"},
};
static const struct config_section max_section = SECTION(config_policy_max, max_rows);

static const struct config_row class_rows[] = {
    {.name = "match",
     .type = TYPE_STRING,
     AT(config_class, match),
     .flags = ROW_RELOADS | ROW_REQUIRED,
     .check = check_pattern,
     .help = "path; * is anything within a part, ** any number of parts"},
    {.name = "latency",
     .type = TYPE_DURATION,
     AT(config_class, latency_ns),
     .min = 0,
     .max = SECONDS(3600),
     .flags = ROW_RELOADS | ROW_INHERITS,
     .help = "as above, which is the default"},
    {.name = "order",
     .type = TYPE_ENUM,
     AT(config_class, order),
     .words = order_words,
     .flags = ROW_RELOADS | ROW_INHERITS,
     .help = "as above, which is the default"},
    {.name = "priority",
     .type = TYPE_INT,
     AT(config_class, priority),
     .min = 0,
     .max = 255,
     .flags = ROW_RELOADS | ROW_INHERITS,
     .help = "as above, which is the default"},
};
static const struct config_section class_section = SECTION(config_class, class_rows);

static const struct config_row policy_rows[] = {
    {.name = "latency",
     .type = TYPE_DURATION,
     AT(config_policy, latency_ns),
     .min = 0,
     .max = SECONDS(3600),
     .fallback = "1s",
     .flags = ROW_RELOADS,
     .help = "a group that was overtaken longer ago than this is skipped"},
    {.name = "order",
     .type = TYPE_ENUM,
     AT(config_policy, order),
     .words = order_words,
     .fallback = "newest",
     .flags = ROW_RELOADS,
     .help = "which group goes first when a viewer is late"},
    {.name = "priority",
     .type = TYPE_INT,
     AT(config_policy, priority),
     .min = 0,
     .max = 255,
     .fallback = "128",
     .flags = ROW_RELOADS,
     .help = "128 is neutral, higher goes first"},
    {.name = "max",
     .type = TYPE_SECTION,
     AT(config_policy, max),
     .section = &max_section,
     .flags = ROW_RELOADS,
     .help = "what nobody gets more of"},
    {.name = "classes",
     LIST_AT(config_policy, classes, class_count),
     .max = 256,
     .section = &class_section,
     .flags = ROW_RELOADS | ROW_EXAMPLE,
     .help = "other values by path; the first match wins"},
};
static const struct config_section policy_section = SECTION(config_policy, policy_rows);

static const struct config_row quic_rows[] = {
    {.name = "congestion",
     .type = TYPE_ENUM,
     AT(config_quic, congestion),
     .words = congestion_words,
     .fallback = "cubic",
     .help = "congestion control, where a listener says nothing else"},
    {.name = "gso",
     .type = TYPE_BOOL,
     AT(config_quic, has_gso),
     .fallback = "true",
     .help = "hand packets to the kernel in trains (UDP_SEGMENT)"},
    {.name = "steering",
     .type = TYPE_BOOL,
     AT(config_quic, has_steering),
     .fallback = "true",
     .help = "let the kernel hand packets to the worker that they belong to (BPF); false: workers "
             "do it themselves"},
    {.name = "keep_alive",
     .type = TYPE_DURATION,
     AT(config_quic, keep_alive_ns),
     .min = MS(100),
     .max = SECONDS(600),
     .fallback = "4s",
     .zero = "off",
     .help = "a PING after so much silence"},
    {.name = "reset_secret",
     .type = TYPE_PATH,
     AT(config_quic, reset_secret),
     .flags = ROW_RELOADS | ROW_FILES,
     .help = "file of at least 32 random bytes for stateless resets; \"\": the private key of a "
             "listener's first certificate serves"},
    {.name = "qlog",
     .type = TYPE_PATH,
     AT(config_quic, qlog),
     .flags = ROW_DIRECTORY,
     .help = "directory for a qlog file per connection; \"\": none"},
    {.name = "key_log",
     .type = TYPE_BOOL,
     AT(config_quic, has_key_log),
     .fallback = "false",
     .help = "write TLS keys to the file that SSLKEYLOGFILE names, for debugging"},
};
static const struct config_section quic_section = SECTION(config_quic, quic_rows);

static const struct config_row log_rows[] = {
    {.name = "level",
     .type = TYPE_ENUM,
     AT(config_log, level),
     .words = level_words,
     .fallback = "info",
     .flags = ROW_RELOADS,
     .help = "of all topics"},
    {.name = "topics",
     .type = TYPE_MAP,
     AT(config_log, topics),
     .keys = topic_words,
     .words = level_words,
     .flags = ROW_RELOADS,
     .help = "levels of single topics, such as { quic: warn }"},
    {.name = "format",
     .type = TYPE_ENUM,
     AT(config_log, format),
     .words = format_words,
     .fallback = "text",
     .flags = ROW_RELOADS,
     .help = "json: an object per line"},
};
static const struct config_section log_section = SECTION(config_log, log_rows);

static const struct config_row root_rows[] = {
    {.name = "listen",
     LIST_AT(relay_config, listen, listen_count),
     .max = 16,
     .section = &listener_section,
     .help = "where clients connect"},
    {.name = "workers",
     .type = TYPE_INT,
     AT(relay_config, workers),
     .min = 1,
     .max = CONFIG_MAX_WORKERS,
     .fallback = "auto",
     .zero = "auto",
     .help = "threads that serve; auto: one for each processor"},
    {.name = "http",
     .type = TYPE_SECTION,
     AT(relay_config, http),
     .section = &http_section,
     .help = "plain HTTP for people and machines"},
    {.name = "tls",
     .type = TYPE_SECTION,
     AT(relay_config, tls),
     .section = &tls_section,
     .flags = ROW_RELOADS,
     .help = "trust in servers that the relay itself connects to"},
    {.name = "limits",
     .type = TYPE_SECTION,
     AT(relay_config, limits),
     .section = &limits_section,
     .help = "what peers may take"},
    {.name = "cache",
     .type = TYPE_SECTION,
     AT(relay_config, cache),
     .section = &cache_section,
     .flags = ROW_RELOADS,
     .help = "groups kept for viewers to come, while all of these hold"},
    {.name = "policy",
     .type = TYPE_SECTION,
     AT(relay_config, policy),
     .section = &policy_section,
     .flags = ROW_RELOADS,
     .help = "for viewers about whom nobody says anything else"},
    {.name = "quic",
     .type = TYPE_SECTION,
     AT(relay_config, quic),
     .section = &quic_section,
     .help = "the transport"},
    {.name = "log",
     .type = TYPE_SECTION,
     AT(relay_config, log),
     .section = &log_section,
     .flags = ROW_RELOADS,
     .help = "lines on standard error"},
    {.name = "script", .type = TYPE_FREE, .check = refuse_script, .help = "policy in Lua"},
    {.name = "modules",
     .type = TYPE_FREE,
     .check = refuse_modules,
     .help = "extensions, in their order"},
};
const struct config_section config_root = SECTION(relay_config, root_rows);
