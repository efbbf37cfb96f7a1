/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* relay.yaml, the environment and the command line, turned into plain structs that never change
 * afterwards.
 *
 * One table of rows (table.c) holds every setting: it validates, fills defaults, prints, and makes
 * the commented reference and the JSON schema. A later source wins: defaults < file < environment <
 * flags. All errors of a load are reported together, as `file:line:column: what, and what to do`; a
 * load gives either a complete configuration or none.
 *
 * Glossary
 *   section   a map of settings, such as `cache`
 *   setting   one row: named by its sections and its key, `cache.age`; MOQ_RELAY_CACHE_AGE in the
 *             environment
 *   reload    a new configuration for a running relay; settings that need a restart are refused by
 *             name */
#ifndef MOQ_CONFIG_H
#define MOQ_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/log.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Errors ---------------------------------------------------------------------------------- */

enum { CONFIG_MAX_ERRORS = 64, CONFIG_ERROR_BYTES = 1024 };

struct config_error {
    char text[CONFIG_ERROR_BYTES]; /* read-only: `relay.yaml:12:3: cache.aeg: no such setting (...)`
                                    */
    unsigned line, column;         /* private: for their order; 0: not from a file */
    unsigned order;                /* private */
};

struct config_errors {
    struct config_error entries[CONFIG_MAX_ERRORS]; /* read-only */
    size_t count;                                   /* read-only */
    size_t unshown;                                 /* read-only: number of further errors */
};

void config_errors_init(struct config_errors *errors);
void config_errors_print(const struct config_errors *errors, FILE *out); /* one line each */

/* What is wrong with something and what to do, as one line. */
enum { CONFIG_PROBLEM_BYTES = 768 };

/* ---- Settings: strings and arrays belong to the configuration; an empty string is NULL ------- */

enum { CONFIG_ADDRESS_BYTES = 72, CONFIG_MAX_WORKERS = 64 };

struct config_address {
    char text[CONFIG_ADDRESS_BYTES]; /* "[::]:4443"; "": off */
    struct sockaddr_storage socket;
    socklen_t size; /* of `socket`; 0: off */
    bool is_listen; /* written as `listen`: the same as the first listener, port 0 included */
};

struct config_certificate {
    char *cert, *key; /* PEM files */
};

enum config_congestion { CONFIG_CONGESTION_CUBIC, CONFIG_CONGESTION_BBR };

struct config_listener {
    struct config_address address; /* UDP */
    struct config_certificate *certificates;
    size_t certificate_count;
    char **self_signed; /* host names */
    size_t self_signed_count;
    int congestion; /* enum config_congestion */
};

#define CONFIG_FILES_PLAYER "player"

struct config_http {
    struct config_address address; /* TCP */
    char *files;  /* a folder; CONFIG_FILES_PLAYER: the installed player; NULL: none */
    bool has_tls; /* HTTPS as well */
    bool has_fingerprint, has_stats, has_broadcasts, has_viewers;
};

struct config_tls { /* for connections that the relay opens itself */
    char **roots;   /* PEM files; none: the system's */
    size_t root_count;
    bool is_verified;
};

struct config_limits {
    uint64_t connections, half_open_retry_at;
    uint64_t handshake_ns, idle_ns;
    uint64_t streams_uni, streams_bidi;
    uint64_t subscriptions, announces, announced, open_groups; /* of one session */
    uint64_t waiting;                                          /* requests, of the whole relay */
    uint64_t wait_ns;                                          /* how long such a request waits */
};

struct config_cache {
    uint64_t groups, age_ns, track_bytes; /* of one track; 0: no such limit */
    uint64_t bytes;                       /* of the whole relay; 0: no limit */
};

enum config_order { CONFIG_ORDER_OLDEST, CONFIG_ORDER_NEWEST }; /* the numbers of enum moq_order */

/* Where viewers begin, if not with the group that was the newest so many ns ago: the numbers of
 * MOQ_START_*. */
#define CONFIG_START_NEWEST UINT64_C(0)
#define CONFIG_START_OLDEST (UINT64_MAX - 1)
#define CONFIG_START_NEXT (UINT64_MAX - 2)

/* A rendition of a ladder. */
struct config_rung {
    char *track; /* its name below the broadcast, as the end of a path */
    uint64_t rate_bps;
};

struct config_class {
    char *match; /* see config_pattern_matches */
    /* What has to hold as well: each is name=value, where the value is a pattern, see
     * config_value_matches. */
    char **query;
    size_t query_count;
    char **claims;
    size_t claim_count;
    uint64_t latency_ns;
    int order; /* enum config_order */
    uint64_t priority;
    uint64_t rate_bps, identity_rate_bps;
    uint64_t start_ns;
    struct config_rung *ladder; /* the lowest rate first; none, or at least two */
    size_t rung_count;
};

enum { CONFIG_MAX_RUNGS = 16 };

struct config_policy_max {
    uint64_t latency_ns;
    uint64_t priority;
    uint64_t rate_bps; /* 0: no limit */
    uint64_t start_ns; /* CONFIG_START_OLDEST: no limit */
};

struct config_failover {
    uint64_t groups; /* how many a publisher may miss before another one feeds its track; 0: off */
    uint64_t after_ns; /* but not before it has been silent for so long */
};

struct config_policy {
    uint64_t latency_ns;
    int order;                            /* enum config_order */
    uint64_t priority;                    /* 0..255; 128 is neutral, higher goes first */
    uint64_t rate_bps, identity_rate_bps; /* of a viewer, and of all of one identity; 0: no cap */
    uint64_t start_ns;
    struct config_policy_max max;
    struct config_failover failover;
    struct config_class *classes;
    size_t class_count;
};

struct config_quic {
    int congestion; /* enum config_congestion, of listeners that do not set their own */
    bool has_gso;
    bool has_steering;      /* the kernel hands packets to the worker that they belong to */
    bool has_key_log;       /* write TLS keys to SSLKEYLOGFILE */
    char *reset_secret;     /* a file; NULL: a certificate's key */
    char *qlog;             /* a directory; NULL: no qlog */
    uint64_t keep_alive_ns; /* 0: off */
};

enum config_log_format { CONFIG_LOG_TEXT, CONFIG_LOG_JSON };

struct config_log {
    int level;                   /* enum log_level */
    int topics[LOG_TOPIC_COUNT]; /* enum log_level; -1: as `level` */
    int format;                  /* enum config_log_format */
};

/* ---- Modules ---------------------------------------------------------------------------------
 *
 * A host finds modules and says which settings they have (server/config/rows.h); this room fills,
 * checks, prints and compares them like its own. Everything that a host returns lives as long as
 * the host, and the host longer than every configuration that was loaded with it. */

enum {
    CONFIG_MAX_MODULES = 32,
    CONFIG_MODULE_NAME_BYTES = 256, /* of the name that relay.yaml gives, with its end */
};

struct config_section;    /* server/config/rows.h */
struct config_complaints; /* of one module's values, while they are checked as a whole */

/* One module that a host has found. */
struct config_module_kind {
    const char *name;                     /* its own name, such as auth; [a-z0-9_]+ */
    const char *file;                     /* where it came from, for messages */
    const struct config_section *section; /* its settings, for which config_section_is_valid holds;
                                             NULL: it has none */
    /* Judges values that are right one by one, and calls config_complain for each mistake. NULL:
     * there is nothing more to check. `values` is NULL where `section` is. */
    void (*check)(const struct config_module_kind *kind, const void *values,
                  struct config_complaints *complaints);
    void *self; /* the host's */
};

struct config_host {
    /* The module that relay.yaml calls `name`: a name such as auth, or a path such as ./my.so.
     * `directory` is searched first; NULL: none. The same module is always the same kind. NULL:
     * `problem` (CONFIG_PROBLEM_BYTES) says why and what to do. */
    const struct config_module_kind *(*find)(void *self, const char *name, const char *directory,
                                             char *problem);
    /* Writes all modules that can be found by name to `kinds`, at most `max` of them, sorted by
     * name, for the reference and the schema. Returns how many. */
    size_t (*list)(void *self, const char *directory, const struct config_module_kind **kinds,
                   size_t max);
    void *self;
};

/* Reports a mistake. `setting` is a name within the module, such as "sources[0].file", or "" for
 * the module as a whole; the error has the place of that setting, or of the nearest one around it
 * that was written. */
void config_complain(struct config_complaints *complaints, const char *setting, const char *format,
                     ...) __attribute__((format(printf, 3, 4)));

/* One entry of `modules`. */
struct config_module {
    const struct config_module_kind *kind;
    char *written; /* its name in relay.yaml: auth, ./my.so */
    void *values;  /* the struct of kind->section; NULL: it has no settings */
};

struct relay_config {
    struct config_listener *listen; /* at least one */
    size_t listen_count;
    uint64_t workers; /* 0: auto */
    struct config_http http;
    struct config_tls tls;
    struct config_limits limits;
    struct config_cache cache;
    struct config_policy policy;
    struct config_quic quic;
    struct config_log log;
    char *module_directory;        /* searched before the installed one; NULL: none */
    struct config_module *modules; /* in the order in which they are asked */
    size_t module_count;
};

/* ---- The command line ------------------------------------------------------------------------ */

enum { CONFIG_MAX_FLAG_VALUES = 64 };

enum config_action {
    CONFIG_ACTION_RUN,
    CONFIG_ACTION_CHECK,     /* --check: everything up to starting */
    CONFIG_ACTION_PRINT,     /* --print-config */
    CONFIG_ACTION_SCHEMA,    /* --schema */
    CONFIG_ACTION_REFERENCE, /* --reference */
    CONFIG_ACTION_HELP,
    CONFIG_ACTION_VERSION,
};

struct config_flag_values {
    const char *values[CONFIG_MAX_FLAG_VALUES]; /* as given, commas and all */
    size_t count;
};

/* Strings are borrowed from argv. Public fields: main reads `action` and `file`. */
struct config_flags {
    enum config_action action;
    const char *file; /* NULL: none */
    const char *bind;
    struct config_flag_values tls_cert, tls_key, tls_root, self_sign;
    bool is_verify_disabled, is_dev;
    int verbosity; /* -v count minus -q count */
};

/* Reads argv (argv[0] is skipped) without changing it. 0; MOQ_ERR_INVALID or MOQ_ERR_NOMEM, and
 * `errors` says why. */
int config_flags_parse(struct config_flags *flags, int argc, char *const argv[],
                       struct config_errors *errors);
void config_flags_help(FILE *out);

/* ---- A configuration ------------------------------------------------------------------------- */

struct config_sources {
    const char *file;         /* NULL: no file */
    const char *text;         /* used in place of the contents of `file`; NULL: read `file` */
    size_t text_bytes;        /* of `text` */
    char *const *environment; /* as `environ`; NULL: none */
    const struct config_flags *flags; /* NULL: none */
    const struct config_host *host;   /* NULL: a configuration with modules is refused */
    bool is_files_checked;            /* also check that every named file can be read */
};

/* Builds a complete configuration in *out, which the caller frees. 0; MOQ_ERR_INVALID, MOQ_ERR_IO
 * (the file cannot be read) or MOQ_ERR_NOMEM: *out is NULL and `errors`, initialised by the caller,
 * lists everything that is wrong. */
int relay_config_load(struct relay_config **out, const struct config_sources *sources,
                      struct config_errors *errors);
void relay_config_free(struct relay_config **config); /* may point to NULL; sets it to NULL */

/* YAML that loads to the same configuration. */
void relay_config_print(const struct relay_config *config, FILE *out);

/* Like relay_config_load, but *out has only module_directory and modules, without their values:
 * what the reference and the schema need to know. Settings are not judged, because somebody who
 * looks for the right ones may have written wrong ones; only what cannot be read, and modules that
 * cannot be found, are errors. */
int relay_config_load_modules(struct relay_config **out, const struct config_sources *sources,
                              struct config_errors *errors);
/* conf/relay.yaml: every setting, explained, also those of the modules that `host` lists for the
 * module_directory of `config`, and of those that `config` names by a path. Each may be NULL: no
 * modules; no directory and no paths. */
void relay_config_reference(const struct config_host *host, const struct relay_config *config,
                            FILE *out);
/* The same as a JSON Schema, draft 2020-12. */
void relay_config_schema(const struct config_host *host, const struct relay_config *config,
                         FILE *out);

/* ---- Reload ---------------------------------------------------------------------------------- */

enum { CONFIG_MAX_CHANGES = 64, CONFIG_NAME_BYTES = 128 };

struct config_change {
    char name[CONFIG_NAME_BYTES]; /* "listen[0].address" */
    bool is_restart_needed;
};

struct config_changes { /* read-only */
    struct config_change entries[CONFIG_MAX_CHANGES];
    size_t count;
    size_t restart_count; /* how many need a restart; if not 0, the reload must be refused */
};

/* Lists the settings that differ between two configurations. Settings of modules are compared if
 * both name the same modules in the same order; anything else needs a restart. */
void relay_config_diff(const struct relay_config *old, const struct relay_config *new_config,
                       struct config_changes *changes);

/* ---- Policy by class ------------------------------------------------------------------------- */

/* Whether `pattern` matches all of `path`, which is a text as moq_path_text writes it. `*` stands
 * for any run of bytes within a part, `**` as a whole part for any number of parts, also none:
 * "meet/" followed by `**` matches meet, meet/a and meet/a/b. What URLs escape is compared escaped:
 * a space is %20. */
bool config_pattern_matches(const char *pattern, const char *path);

/* Whether `pattern` matches all of `text`; `*` stands for any run of bytes. */
bool config_value_matches(const char *pattern, const char *text);

/* NULL, or what is wrong with a pattern, and what to do: "is empty; write ...". */
const char *config_pattern_problem(const char *pattern);

struct config_verdict {
    uint64_t latency_ns;
    int order; /* enum config_order */
    uint8_t priority;
    uint64_t rate_bps, identity_rate_bps; /* 0: no cap */
    uint64_t start_ns;                    /* or CONFIG_START_* */
    uint32_t class_number;                /* which of policy.classes, from 1; 0: none of them */
};

enum { CONFIG_CONDITION_NAME_BYTES = 128 }; /* of name=value, with its end */

/* Whether there is a value of this name that `pattern` matches. */
typedef bool config_has(const void *self, const char *name, const char *pattern);

/* What is known of a viewer. */
struct config_asker {
    const char *path;      /* that it asks for */
    config_has *has_query; /* in the URL that it has connected with; NULL: there is none */
    config_has *has_claim; /* in its token; NULL: it has none */
    const void *self;      /* of both */
};

/* What the policy says about this viewer: its first class that matches, else the general values. */
struct config_verdict config_policy_for(const struct config_policy *policy,
                                        const struct config_asker *asker);

/* Whom the class is for, in words, cut to fit: "meet/a, mode=live, plan=premium". Returns `out`. */
char *config_class_text(const struct config_class *one, char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
