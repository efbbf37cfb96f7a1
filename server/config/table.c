/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every setting of moq-relay: its name, type, place, range, default and one line for people. The
 * only list of them: what is read, printed, explained and offered to editors all comes from these
 * rows.
 * Tested by tests/unit/config/test_files.c.
 * It is one file, because it is one table (house: file). */
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
#define RATE_MIN UINT64_C(8000)
#define RATE_MAX UINT64_C(1000000000000)
#define GIB(n) (UINT64_C(n) << 30)

static const char *const order_words[] = {"oldest", "newest", NULL};
static const char *const congestion_words[] = {"cubic", "bbr", NULL};
static const char *const format_words[] = {"text", "json", NULL};
static const char *const level_words[] = {"off", "error", "warn", "info", "debug", "trace", NULL};

#define TOPIC_WORD(name, text) text,
static const char *const topic_words[] = {LOG_TOPICS(TOPIC_WORD) NULL};
#undef TOPIC_WORD

/* ---- Checks ---------------------------------------------------------------------------------- */

static const char *check_host(const void *value)
{
    char *const *host = value;
    const char *p = *host ? *host : "";
    size_t n = 0;
    for (; p[n]; n++) {
        bool is_letter = (p[n] >= 'a' && p[n] <= 'z') || (p[n] >= 'A' && p[n] <= 'Z');
        bool is_digit = p[n] >= '0' && p[n] <= '9';
        if (!is_letter && !is_digit && p[n] != '-' && p[n] != '.' && p[n] != ':' && p[n] != '*')
            return "is not a host name or IP address; write one, such as localhost";
    }
    return n == 0 || n > 253 ? "is not a host name or IP address; write one, such as localhost"
                             : NULL;
}

static const char *check_bound_address(const void *value)
{
    const struct config_address *address = value;
    return address->size == 0 ? "an address is needed; write IP:port, such as \"[::]:4443\"" : NULL;
}

static const char *check_match(const void *value)
{
    char *const *pattern = value;
    return *pattern ? NULL : config_pattern_problem("");
}

static const char *check_condition(const void *value)
{
    char *const *condition = value;
    return config_condition_problem(*condition ? *condition : "");
}

static const char *refuse_script(const void *value)
{
    (void)value;
    return "the module lua runs scripts; remove the section, and write modules: [{ lua: { script: "
           "FILE } }]";
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
     .help = "the certificate's private key, PEM"},
};
static const struct config_section certificate_section =
    SECTION(config_certificate, certificate_rows);

static const struct config_row listener_rows[] = {
    {.name = "address",
     .type = TYPE_ADDRESS,
     AT(config_listener, address),
     .fallback = "[::]:4443",
     .check = check_bound_address,
     .help = "UDP address, for WebTransport and raw QUIC alike; [::] accepts IPv4 too"},
    {.name = "certificates",
     LIST_AT(config_listener, certificates, certificate_count),
     .flags = ROW_RELOADS,
     .max = 64,
     .section = &certificate_section,
     .help =
         "the one for the host name that the client asks for is used; if there is none, the last"},
    {.name = "self_signed",
     LIST_AT(config_listener, self_signed, self_signed_count),
     .flags = ROW_RELOADS,
     .max = 64,
     .check = check_host,
     .help = "for development: host names of a certificate that is made at start, is valid for 14 "
             "days, and is renewed before that"},
    {.name = "congestion",
     .type = TYPE_ENUM,
     AT(config_listener, congestion),
     .words = congestion_words,
     .flags = ROW_INHERITS,
     .help = "congestion control of this listener's connections; default: the value of "
             "quic.congestion"},
};
static const struct config_section listener_section = SECTION(config_listener, listener_rows);

static const struct config_row http_rows[] = {
    {.name = "address",
     .type = TYPE_ADDRESS,
     AT(config_http, address),
     .flags = ROW_LISTEN,
     .help = "TCP address, such as 127.0.0.1:8080; listen: address and port of the first listener; "
             "\"\": off"},
    {.name = "tls",
     .type = TYPE_BOOL,
     AT(config_http, has_tls),
     .fallback = "false",
     .flags = ROW_RELOADS,
     .help =
         "HTTPS as well, at the same address, with the first certificate of the first listener"},
    {.name = "files",
     .type = TYPE_PATH,
     AT(config_http, files),
     .fallback = CONFIG_FILES_PLAYER,
     .flags = ROW_RELOADS | ROW_FOLDER,
     .help = "folder of static files; player: the page and the player that are installed with the "
             "relay; \"\": none"},
    {.name = "fingerprint",
     .type = TYPE_BOOL,
     AT(config_http, has_fingerprint),
     .fallback = "true",
     .flags = ROW_RELOADS,
     .help = "serve GET /fingerprint: SHA-256 of the certificate, for browsers to pin"},
    {.name = "stats",
     .type = TYPE_BOOL,
     AT(config_http, has_stats),
     .fallback = "true",
     .flags = ROW_RELOADS,
     .help = "serve GET /stats: counters as JSON"},
    {.name = "broadcasts",
     .type = TYPE_BOOL,
     AT(config_http, has_broadcasts),
     .fallback = "false",
     .flags = ROW_RELOADS,
     .help = "serve GET /api/broadcasts: the names of all that is live, whoever may watch it"},
    {.name = "viewers",
     .type = TYPE_BOOL,
     AT(config_http, has_viewers),
     .fallback = "false",
     .flags = ROW_RELOADS,
     .help =
         "serve GET /api/viewers: who watches what, with addresses; for eyes that may see that"},
};
static const struct config_section http_section = SECTION(config_http, http_rows);

static const struct config_row tls_rows[] = {
    {.name = "roots",
     LIST_AT(config_tls, roots, root_count),
     .flags = ROW_RELOADS | ROW_FILES,
     .max = 64,
     .help = "PEM files of certificates to trust; none: those that the system trusts"},
    {.name = "verify",
     .type = TYPE_BOOL,
     AT(config_tls, is_verified),
     .fallback = "true",
     .flags = ROW_RELOADS,
     .help = "false: trust any server; for development only"},
};
static const struct config_section tls_section = SECTION(config_tls, tls_rows);

static const struct config_row limit_rows[] = {
    {.name = "connections",
     .type = TYPE_INT,
     AT(config_limits, connections),
     .min = 1,
     .max = 1000000,
     .fallback = "20000",
     .help = "connections to the whole relay at a time; further ones are refused"},
    {.name = "half_open_retry_at",
     .type = TYPE_INT,
     AT(config_limits, half_open_retry_at),
     .min = 1,
     .max = 1000000,
     .fallback = "100",
     .help = "from this many handshakes under way, clients must first prove their address"},
    {.name = "handshake",
     .type = TYPE_DURATION,
     AT(config_limits, handshake_ns),
     .min = MS(100),
     .max = SECONDS(60),
     .fallback = "5s",
     .help = "a connection without an established session is closed after this time"},
    {.name = "idle",
     .type = TYPE_DURATION,
     AT(config_limits, idle_ns),
     .min = SECONDS(1),
     .max = SECONDS(600),
     .fallback = "10s",
     .help =
         "a peer is gone this long after the first packet, such as a PING, that it did not answer"},
    {.name = "streams_uni",
     .type = TYPE_INT,
     AT(config_limits, streams_uni),
     .min = 8,
     .max = 65536,
     .fallback = "512",
     .help = "groups that a peer may be sending at a time"},
    {.name = "streams_bidi",
     .type = TYPE_INT,
     AT(config_limits, streams_bidi),
     .min = 8,
     .max = 65536,
     .fallback = "512",
     .help = "requests that a peer may have open at a time"},
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
     .help = "paths that a session may announce at a time"},
    {.name = "open_groups",
     .type = TYPE_INT,
     AT(config_limits, open_groups),
     .min = 1,
     .max = 1024,
     .fallback = "16",
     .flags = ROW_RELOADS,
     .help = "groups that may be on their way to one viewer of a track at a time"},
    {.name = "waiting",
     .type = TYPE_INT,
     AT(config_limits, waiting),
     .min = 1,
     .max = 1000000,
     .fallback = "1000",
     .flags = ROW_RELOADS,
     .help = "requests that may wait for a publisher at a time, in the whole relay"},
    {.name = "wait",
     .type = TYPE_DURATION,
     AT(config_limits, wait_ns),
     .min = 0,
     .max = SECONDS(600),
     .fallback = "5s",
     .flags = ROW_RELOADS,
     .help = "how long a request waits for a publisher; 0s: not at all"},
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
     .help = "groups of one track; the newest is always kept, and more than this while a viewer's "
             "latency covers them"},
    {.name = "age",
     .type = TYPE_DURATION,
     AT(config_cache, age_ns),
     .min = MS(1),
     .max = SECONDS(86400),
     .fallback = "10s",
     .zero = "unlimited",
     .flags = ROW_RELOADS,
     .help = "time since a group ended"},
    {.name = "track_bytes",
     .type = TYPE_SIZE,
     AT(config_cache, track_bytes),
     .min = KIB(64),
     .max = GIB(64),
     .fallback = "32MiB",
     .zero = "unlimited",
     .flags = ROW_RELOADS,
     .help = "bytes of one track"},
    {.name = "bytes",
     .type = TYPE_SIZE,
     AT(config_cache, bytes),
     .min = KIB(64),
     .max = GIB(1024),
     .fallback = "512MiB",
     .zero = "unlimited",
     .flags = ROW_RELOADS,
     .help = "bytes of the whole relay; above that, every track is cut to its newest group"},
};
static const struct config_section cache_section = SECTION(config_cache, cache_rows);

/* In the order of CONFIG_START_*. */
static const char *const start_words[] = {"oldest", "next", NULL};
static const char *const back_words[] = {"oldest", NULL};

static const struct config_row max_rows[] = {
    {.name = "latency",
     .type = TYPE_DURATION,
     AT(config_policy_max, latency_ns),
     .min = 0,
     .max = SECONDS(3600),
     .fallback = "10s",
     .flags = ROW_RELOADS,
     .help = "the longest latency"},
    {.name = "priority",
     .type = TYPE_INT,
     AT(config_policy_max, priority),
     .min = 0,
     .max = 255,
     .fallback = "255",
     .flags = ROW_RELOADS,
     .help = "the highest priority"},
    {.name = "rate",
     .type = TYPE_RATE,
     AT(config_policy_max, rate_bps),
     .min = RATE_MIN,
     .max = RATE_MAX,
     .fallback = "unlimited",
     .zero = "unlimited",
     .flags = ROW_RELOADS,
     .help = "the highest rate of one viewer; with one, no viewer is without a cap"},
    {.name = "start",
     .type = TYPE_AGO,
     AT(config_policy_max, start_ns),
     .min = NS_PER_MS,
     .max = SECONDS(3600),
     .fallback = "oldest",
     .zero = "newest",
     .words = back_words,
     .flags = ROW_RELOADS,
     .help = "how far back a viewer may begin; oldest: no limit but the cache"},
};
static const struct config_section max_section = SECTION(config_policy_max, max_rows);

static const struct config_row rung_rows[] = {
    {.name = "track",
     .type = TYPE_STRING,
     AT(config_rung, track),
     .flags = ROW_RELOADS | ROW_REQUIRED | ROW_BROADCAST,
     .help = "the name of the track in its broadcast"},
    {.name = "rate",
     .type = TYPE_RATE,
     AT(config_rung, rate_bps),
     .min = RATE_MIN,
     .max = RATE_MAX,
     .flags = ROW_RELOADS | ROW_REQUIRED,
     .help = "the bit rate that it has"},
};
static const struct config_section rung_section = SECTION(config_rung, rung_rows);

static const struct config_row class_rows[] = {
    {.name = "match",
     .type = TYPE_STRING,
     AT(config_class, match),
     .fallback = "**",
     .flags = ROW_RELOADS | ROW_PATTERN,
     .check = check_match,
     .help = "path pattern; * is anything within one part, ** is any number of parts"},
    {.name = "query",
     LIST_AT(config_class, query, query_count),
     .max = 16,
     .flags = ROW_RELOADS,
     .check = check_condition,
     .help = "what the URL's query must say too: name=value, where * is anything"},
    {.name = "claims",
     LIST_AT(config_class, claims, claim_count),
     .max = 16,
     .flags = ROW_RELOADS,
     .check = check_condition,
     .help = "what the viewer's token must say too: name=value, where * is anything"},
    {.name = "latency",
     .type = TYPE_DURATION,
     AT(config_class, latency_ns),
     .min = 0,
     .max = SECONDS(3600),
     .flags = ROW_RELOADS | ROW_INHERITS,
     .help = "default: the value above"},
    {.name = "order",
     .type = TYPE_ENUM,
     AT(config_class, order),
     .words = order_words,
     .flags = ROW_RELOADS | ROW_INHERITS,
     .help = "default: the value above"},
    {.name = "priority",
     .type = TYPE_INT,
     AT(config_class, priority),
     .min = 0,
     .max = 255,
     .flags = ROW_RELOADS | ROW_INHERITS,
     .help = "default: the value above"},
    {.name = "rate",
     .type = TYPE_RATE,
     AT(config_class, rate_bps),
     .min = RATE_MIN,
     .max = RATE_MAX,
     .zero = "unlimited",
     .flags = ROW_RELOADS | ROW_INHERITS,
     .help = "default: the value above"},
    {.name = "identity_rate",
     .type = TYPE_RATE,
     AT(config_class, identity_rate_bps),
     .min = RATE_MIN,
     .max = RATE_MAX,
     .zero = "unlimited",
     .flags = ROW_RELOADS | ROW_INHERITS,
     .help = "default: the value above"},
    {.name = "start",
     .type = TYPE_AGO,
     AT(config_class, start_ns),
     .min = NS_PER_MS,
     .max = SECONDS(3600),
     .zero = "newest",
     .words = start_words,
     .flags = ROW_RELOADS | ROW_INHERITS,
     .help = "default: the value above"},
    {.name = "ladder",
     LIST_AT(config_class, ladder, rung_count),
     .max = CONFIG_MAX_RUNGS,
     .section = &rung_section,
     .flags = ROW_RELOADS,
     .help = "the renditions of a broadcast, between which modules may move its viewers"},
};
static const struct config_section class_section = SECTION(config_class, class_rows);

static const struct config_row failover_rows[] = {
    {.name = "groups",
     .type = TYPE_INT,
     AT(config_failover, groups),
     .min = 0,
     .max = 1000,
     .zero = "off",
     .fallback = "2",
     .flags = ROW_RELOADS,
     .help = "it may miss this many, by the longest time between its groups of late"},
    {.name = "after",
     .type = TYPE_DURATION,
     AT(config_failover, after_ns),
     .min = MS(100),
     .max = SECONDS(3600),
     .fallback = "1s",
     .flags = ROW_RELOADS,
     .help = "but it may be silent for at least this long"},
};
static const struct config_section failover_section = SECTION(config_failover, failover_rows);

static const struct config_row policy_rows[] = {
    {.name = "latency",
     .type = TYPE_DURATION,
     AT(config_policy, latency_ns),
     .min = 0,
     .max = SECONDS(3600),
     .fallback = "1s",
     .flags = ROW_RELOADS,
     .help = "a group is skipped when the next one began longer ago than this"},
    {.name = "order",
     .type = TYPE_ENUM,
     AT(config_policy, order),
     .words = order_words,
     .fallback = "newest",
     .flags = ROW_RELOADS,
     .help = "which group is sent first to a viewer that is late"},
    {.name = "priority",
     .type = TYPE_INT,
     AT(config_policy, priority),
     .min = 0,
     .max = 255,
     .fallback = "128",
     .flags = ROW_RELOADS,
     .help = "moves a viewer's own priority up or down: 128 leaves it as it is, higher goes first"},
    {.name = "start",
     .type = TYPE_AGO,
     AT(config_policy, start_ns),
     .min = NS_PER_MS,
     .max = SECONDS(3600),
     .fallback = "newest",
     .zero = "newest",
     .words = start_words,
     .flags = ROW_RELOADS,
     .help = "the group with which a viewer without a range begins: the one that was the newest "
             "this long ago"},
    {.name = "rate",
     .type = TYPE_RATE,
     AT(config_policy, rate_bps),
     .min = RATE_MIN,
     .max = RATE_MAX,
     .fallback = "unlimited",
     .zero = "unlimited",
     .flags = ROW_RELOADS,
     .help = "a viewer of a track gets no more than this, in bits per second such as 2.5Mbps"},
    {.name = "identity_rate",
     .type = TYPE_RATE,
     AT(config_policy, identity_rate_bps),
     .min = RATE_MIN,
     .max = RATE_MAX,
     .fallback = "unlimited",
     .zero = "unlimited",
     .flags = ROW_RELOADS,
     .help = "all viewers of one identity together get no more than this"},
    {.name = "max",
     .type = TYPE_SECTION,
     AT(config_policy, max),
     .section = &max_section,
     .flags = ROW_RELOADS,
     .help = "limits for every viewer, whatever else is set"},
    {.name = "failover",
     .type = TYPE_SECTION,
     AT(config_policy, failover),
     .section = &failover_section,
     .flags = ROW_RELOADS,
     .help = "when a connected publisher brings no groups any more, and another one has the path"},
    {.name = "classes",
     LIST_AT(config_policy, classes, class_count),
     .max = 256,
     .section = &class_section,
     .flags = ROW_RELOADS | ROW_EXAMPLE,
     .help = "other values for some viewers; the first match wins"},
};
static const struct config_section policy_section = SECTION(config_policy, policy_rows);

static const struct config_row quic_rows[] = {
    {.name = "congestion",
     .type = TYPE_ENUM,
     AT(config_quic, congestion),
     .words = congestion_words,
     .fallback = "cubic",
     .help = "congestion control of listeners that do not set their own"},
    {.name = "gso",
     .type = TYPE_BOOL,
     AT(config_quic, has_gso),
     .fallback = "true",
     .help = "hand packets to the kernel in trains (UDP_SEGMENT)"},
    {.name = "steering",
     .type = TYPE_BOOL,
     AT(config_quic, has_steering),
     .fallback = "true",
     .help = "let the kernel deliver each packet to its worker (BPF); false: workers pass packets "
             "on to each other"},
    {.name = "keep_alive",
     .type = TYPE_DURATION,
     AT(config_quic, keep_alive_ns),
     .min = MS(100),
     .max = SECONDS(600),
     .fallback = "4s",
     .zero = "off",
     .help = "send a PING after this much silence"},
    {.name = "reset_secret",
     .type = TYPE_PATH,
     AT(config_quic, reset_secret),
     .flags = ROW_RELOADS | ROW_FILES,
     .help = "file of at least 32 random bytes that keys stateless resets; \"\": use the private "
             "key of each listener's first certificate"},
    {.name = "qlog",
     .type = TYPE_PATH,
     AT(config_quic, qlog),
     .flags = ROW_DIRECTORY,
     .help = "directory for one qlog file per connection; \"\": no files"},
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
     .help = "level of all topics"},
    {.name = "topics",
     .type = TYPE_MAP,
     AT(config_log, topics),
     .keys = topic_words,
     .words = level_words,
     .flags = ROW_RELOADS,
     .help = "levels of single topics, such as { quic: warn }; they win over level"},
    {.name = "format",
     .type = TYPE_ENUM,
     AT(config_log, format),
     .words = format_words,
     .fallback = "text",
     .flags = ROW_RELOADS,
     .help = "json: one object per line"},
};
static const struct config_section log_section = SECTION(config_log, log_rows);

static const struct config_row root_rows[] = {
    {.name = "listen",
     LIST_AT(relay_config, listen, listen_count),
     .max = 16,
     .section = &listener_section,
     .help = "addresses where clients connect"},
    {.name = "workers",
     .type = TYPE_INT,
     AT(relay_config, workers),
     .min = 1,
     .max = CONFIG_MAX_WORKERS,
     .fallback = "auto",
     .zero = "auto",
     .help = "number of threads that serve clients; auto: one per processor"},
    {.name = "http",
     .type = TYPE_SECTION,
     AT(relay_config, http),
     .section = &http_section,
     .help = "pages for people and machines"},
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
     .help = "limits on what peers may use"},
    {.name = "cache",
     .type = TYPE_SECTION,
     AT(relay_config, cache),
     .section = &cache_section,
     .flags = ROW_RELOADS,
     .help = "a group is kept for later viewers while it is within all of these limits"},
    {.name = "policy",
     .type = TYPE_SECTION,
     AT(relay_config, policy),
     .section = &policy_section,
     .flags = ROW_RELOADS,
     .help = "how viewers are served, unless a class below or the viewer itself says otherwise"},
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
     .help = "log lines on standard error"},
    {.name = "script",
     .type = TYPE_FREE,
     .check = refuse_script,
     .help = "none: the module lua runs scripts"},
    {.name = "module_directory",
     .type = TYPE_PATH,
     AT(relay_config, module_directory),
     .flags = ROW_FILES,
     .help = "where modules are looked for first, before the directory of installed ones"},
    {.name = "modules",
     .type = TYPE_MODULES,
     .offset = offsetof(struct relay_config, modules),
     .count_offset = offsetof(struct relay_config, module_count),
     .max = CONFIG_MAX_MODULES,
     .help = "extensions, in the order in which they are asked: names, or name: { settings }"},
};
const struct config_section config_root = SECTION(relay_config, root_rows);
