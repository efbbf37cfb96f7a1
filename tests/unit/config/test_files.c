/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Valid and invalid files: the exact message for each mistake. */
#include "tests/unit/config/loading.h"

#include "base/clock.h"
#include "base/objects.h"

struct bad_file {
    const char *text;
    size_t size; /* 0: up to the NUL */
    const char *errors;
};

static const struct bad_file bad_files[] = {
    /* what no configuration may contain */
    {"cache:\n\tage: 5s\n", 0, "relay.yaml:2:1: a tab as indentation; use spaces\n"},
    {"cache:\n  age: 5s\n  \tbytes: 1MiB\n", 0,
     "relay.yaml:3:3: a tab as indentation; use spaces\n"},
    {"log:\n  level: in\0fo\n", 19, "relay.yaml:2:12: a NUL byte; this is not a text file\n"},
    {"log:\n  level: \"in\\0fo\"\n", 0, "relay.yaml:2:10: a NUL byte in a text; remove it\n"},
    {"log: # caf\xe9\n", 0, "relay.yaml:1:11: not UTF-8; save it as UTF-8 text\n"},
    {"log: # \xed\xa0\x80\n", 0, "relay.yaml:1:8: not UTF-8; save it as UTF-8 text\n"},
    {"log: # \xc0\xaf\n", 0, "relay.yaml:1:8: not UTF-8; save it as UTF-8 text\n"},
    {"\xff\xfel\0o\0g\0", 8, "relay.yaml:1:1: not UTF-8; save it as UTF-8 text\n"},
    {"log: {} # \x1b[31m\n", 0, "relay.yaml:1:11: a control character; remove it\n"},
    /* YAML that a configuration does without */
    {"log: &name\n  level: info\ncache: *name\n", 0,
     "relay.yaml:1:6: an anchor (&) is not allowed; remove \"name\"\n"
     "relay.yaml:3:8: an alias (*) is not allowed; write the value out, or put it in quotes\n"},
    {"log:\n  level: !!str info\n", 0,
     "relay.yaml:2:10: a tag (!) is not allowed; remove \"tag:yaml.org,2002:str\"\n"},
    {"log: {}\n---\nlog: {}\n", 0,
     "relay.yaml:2:1: a second document; a configuration is a single one, so remove the --- and "
     "what follows\n"},
    {"? [a]\n: b\n", 0,
     "relay.yaml:1:3: a name must be a plain word; if this is a value in brackets, put it in "
     "quotes\n"},
    {"cache:\n  age: 5s\n  bytes: 1MiB\n  age: 6s\n", 0,
     "relay.yaml:4:3: \"age\" is set twice, first in line 2; remove one of them\n"},
    {"- log\n", 0, "relay.yaml:1:1: not a setting; write name: value, see moq-relay --reference\n"},
    {"log\n", 0, "relay.yaml:1:1: not a setting; write name: value, see moq-relay --reference\n"},
    /* YAML that is broken */
    {"cache:\n  age: 5s\n groups: 2\n", 0,
     "relay.yaml:3:2: this does not line up with anything above; settings of one section start in "
     "the same column (what is broken begins at 1:1)\n"},
    {"log:\n  level: \"info\n", 0,
     "relay.yaml:3:1: a text in quotes has no end; add the closing quote (what is broken begins at "
     "2:10)\n"},
    {"tls: { roots: [a, b }\n", 0,
     "relay.yaml:1:21: this list is not written correctly; write [a, b] (what is broken begins at "
     "1:15)\n"},
    {"listen: [ {", 0, "relay.yaml:1:11: this { is not closed; add the closing }\n"},
    {"listen: [ {\n", 0, "relay.yaml:1:11: this { is not closed; add the closing }\n"},
    {"log: { level: info\n", 0, "relay.yaml:1:6: this { is not closed; add the closing }\n"},
    {"log: { level: info,\n", 0, "relay.yaml:1:6: this { is not closed; add the closing }\n"},
    {"listen: [ { address: a }\n", 0, "relay.yaml:1:9: this [ is not closed; add the closing ]\n"},
    {"tls: [roots: a", 0, "relay.yaml:1:6: this [ is not closed; add the closing ]\n"},
    {"tls:\n  roots: [", 0, "relay.yaml:2:10: this [ is not closed; add the closing ]\n"},
    {"http:\n  address: [::]:8080\n", 0,
     "relay.yaml:2:13: this character cannot begin a value; put the value in quotes\n"},
    {"http:\n  address: *:8080\n", 0,
     "relay.yaml:2:13: * and & cannot begin a value; put the value in quotes\n"},
    {"log: level: info\n", 0,
     "relay.yaml:1:11: a colon where a setting cannot begin; check the indentation, or put the "
     "value in quotes\n"},
    {"log: @info\n", 0,
     "relay.yaml:1:6: this character cannot begin a value; put the value in quotes\n"},
    /* names */
    {"cache:\n  aeg: 5s\n", 0,
     "relay.yaml:2:3: cache.aeg: no such setting (did you mean \"age\"?)\n"},
    {"cahce: {}\n", 0, "relay.yaml:1:1: cahce: no such setting (did you mean \"cache\"?)\n"},
    {"frobnicate: 1\n", 0,
     "relay.yaml:1:1: frobnicate: no such setting; remove it, or see moq-relay --reference\n"},
    {"log: { topics: { quik: warn } }\n", 0,
     "relay.yaml:1:18: log.topics.quik: no such setting (did you mean \"quic\"?)\n"},
    {"\"a\\nb\": 1\n", 0,
     "relay.yaml:1:1: a?b: no such setting; remove it, or see moq-relay --reference\n"},
    {"modules:\n  - clock: { path: demo/clock }\nscript: { file: a.lua }\n", 0,
     "relay.yaml:1:1: modules: this relay is built without modules; remove the section\n"
     "relay.yaml:3:1: script: the module lua runs scripts; remove the section, and write modules: "
     "[{ lua: { script: FILE } }]\n"},
    /* values */
    {"cache: { age: 10 }\n", 0,
     "relay.yaml:1:15: cache.age: \"10\" has no unit; write a number with ns, us, ms, s, m or h, "
     "such as 250ms\n"},
    {"cache: { age: 10MiB }\n", 0,
     "relay.yaml:1:15: cache.age: \"10MiB\" has the unknown unit \"MiB\"; write a number with ns, "
     "us, "
     "ms, s, m or h, such as 250ms\n"},
    {"cache: { age: soon }\n", 0,
     "relay.yaml:1:15: cache.age: \"soon\" is not a duration; write a number with ns, us, ms, s, m "
     "or h, such as 250ms\n"},
    {"cache: { age: 1.s }\n", 0,
     "relay.yaml:1:15: cache.age: \"1.s\" is not a duration; write a number with ns, us, ms, s, m "
     "or "
     "h, such as 250ms\n"},
    {"cache: { age: -5s }\n", 0,
     "relay.yaml:1:15: cache.age: \"-5s\" is not a duration; write a number with ns, us, ms, s, m "
     "or "
     "h, such as 250ms\n"},
    {"cache: { bytes: 512MB }\n", 0,
     "relay.yaml:1:17: cache.bytes: \"512MB\" has the unknown unit \"MB\"; write a number with B, "
     "KiB, "
     "MiB or GiB, such as 512MiB\n"},
    {"cache: { bytes: 1B }\n", 0,
     "relay.yaml:1:17: cache.bytes: \"1B\" is out of range; write 64KiB to 1024GiB or unlimited\n"},
    {"cache: { bytes: 99999999999999999999GiB }\n", 0,
     "relay.yaml:1:17: cache.bytes: \"99999999999999999999GiB\" is out of range; write 64KiB to "
     "1024GiB or unlimited\n"},
    {"cache: { bytes: 18446744073709551615GiB }\n", 0,
     "relay.yaml:1:17: cache.bytes: \"18446744073709551615GiB\" is out of range; write 64KiB to "
     "1024GiB or unlimited\n"},
    {"limits: { connections: 0 }\n", 0,
     "relay.yaml:1:24: limits.connections: \"0\" is out of range; write 1 to 1000000\n"},
    {"limits: { connections: 1k }\n", 0,
     "relay.yaml:1:24: limits.connections: \"1k\" is not a whole number; write digits only\n"},
    {"quic: { gso: yes }\n", 0,
     "relay.yaml:1:14: quic.gso: \"yes\" is not a bool; write true or false\n"},
    {"log: { level: loud }\n", 0,
     "relay.yaml:1:15: log.level: \"loud\" is not a valid value; write off, error, warn, info, "
     "debug or trace\n"},
    {"http: { address: 8080 }\n", 0,
     "relay.yaml:1:18: http.address: \"8080\" is not an address; write IP:port, such as "
     "127.0.0.1:8080 or \"[::]:4443\"\n"},
    {"http: { address: \"[::]:65536\" }\n", 0,
     "relay.yaml:1:18: http.address: \"[::]:65536\" is not an address; write IP:port, such as "
     "127.0.0.1:8080 or \"[::]:4443\"\n"},
    {"workers: 65\n", 0,
     "relay.yaml:1:10: workers: \"65\" is out of range; write 1 to 64 or auto\n"},
    {"workers: 0\n", 0, "relay.yaml:1:10: workers: \"0\" is out of range; write 1 to 64 or auto\n"},
    {"log: [info]\n", 0,
     "relay.yaml:1:6: log: a section is expected here; write its settings as name: value\n"},
    {"log: { level: [info] }\n", 0,
     "relay.yaml:1:15: log.level: a single value is expected here, not a list or section\n"},
    {"tls: { roots: a.pem }\n", 0,
     "relay.yaml:1:15: tls.roots: a list is expected here; write each entry on a line of its own "
     "after a -\n"},
    {"tls: { roots: [\"\"] }\n", 0,
     "relay.yaml:1:16: tls.roots[0]: an entry is empty; remove it\n"},
    /* what only the whole can tell */
    {"listen:\n  - certificates:\n      - { cert: a.pem }\n", 0,
     "relay.yaml:3:9: listen[0].certificates[0]: key is missing or empty; write it (the "
     "certificate's private key, PEM)\n"},
    {"listen:\n  - certificates:\n      - { cert: \"\", key: b.pem }\n", 0,
     "relay.yaml:3:9: listen[0].certificates[0]: cert is missing or empty; write it (certificate "
     "chain, PEM, the leaf first)\n"},
    {"policy:\n  latency: 20s\n", 0,
     "relay.yaml:2:12: policy.latency: exceeds policy.max.latency; lower it, or raise the limit\n"},
    {"policy:\n  classes:\n    - { match: a, latency: 20s }\n    - { match: a/**b }\n", 0,
     "relay.yaml:3:28: policy.classes[0].latency: exceeds policy.max.latency; lower it, or raise "
     "the limit\n"
     "relay.yaml:4:16: policy.classes[1].match: has ** within a part; write ** as a whole part, or "
     "a single *\n"},
    {"policy:\n  rate: 20Mbps\n  max: { rate: 10Mbps }\n  classes: [{ match: a, rate: 11Mbps }]\n",
     0,
     "relay.yaml:2:9: policy.rate: exceeds policy.max.rate; lower it, or raise the limit\n"
     "relay.yaml:4:31: policy.classes[0].rate: exceeds policy.max.rate; lower it, or raise the "
     "limit\n"},
    {"policy:\n  start: oldest\n  max: { start: 10s }\n"
     "  classes: [{ match: a, start: 11s }, { match: b, start: next }]\n",
     0,
     "relay.yaml:4:32: policy.classes[0].start: exceeds policy.max.start; lower it, or raise the "
     "limit\n"},
    {"policy: { start: 2h }\n", 0,
     "relay.yaml:1:18: policy.start: \"2h\" is out of range; write 1ms to 1h, or newest, oldest or "
     "next\n"},
    {"policy: { start: latest }\n", 0,
     "relay.yaml:1:18: policy.start: \"latest\" is not a duration; write a number with ns, us, ms, "
     "s, m or h, such as 250ms, or newest, oldest or next\n"},
    {"policy: { max: { start: next } }\n", 0,
     "relay.yaml:1:25: policy.max.start: \"next\" is not a duration; write a number with ns, us, "
     "ms, "
     "s, m or h, such as 250ms, or newest or oldest\n"},
    {"policy: { rate: 2 }\n", 0,
     "relay.yaml:1:17: policy.rate: \"2\" has no unit; write a number with bps, kbps, Mbps or "
     "Gbps, "
     "such as 2.5Mbps\n"},
    {"policy: { identity_rate: 2MiB }\n", 0,
     "relay.yaml:1:26: policy.identity_rate: \"2MiB\" has the unknown unit \"MiB\"; write a number "
     "with bps, kbps, Mbps or Gbps, such as 2.5Mbps\n"},
    {"policy: { rate: fast }\n", 0,
     "relay.yaml:1:17: policy.rate: \"fast\" is not a rate; write a number with bps, kbps, Mbps or "
     "Gbps, such as 2.5Mbps\n"},
    {"policy: { rate: 7.999kbps }\n", 0,
     "relay.yaml:1:17: policy.rate: \"7.999kbps\" is out of range; write 8kbps to 1000Gbps or "
     "unlimited\n"},
    {"policy:\n  classes:\n    - match: my room/gr\xc3\xb6\xc3\x9f/a%20b{20c3}/**\n"
     "    - match: a?b\n    - match: \"a#b\"\n    - match: \"a\\tb\"\n",
     0,
     "relay.yaml:4:14: policy.classes[1].match: has ?, # or a control character; write it as the "
     "log does, in hexadecimal: {3f} for ?\n"
     "relay.yaml:5:14: policy.classes[2].match: has ?, # or a control character; write it as the "
     "log does, in hexadecimal: {3f} for ?\n"
     "relay.yaml:6:14: policy.classes[3].match: has ?, # or a control character; write it as the "
     "log does, in hexadecimal: {3f} for ?\n"},
    {"limits: { idle: 3s }\n", 0,
     "relay.yaml:1:17: quic.keep_alive: not shorter than limits.idle; a quiet peer would be taken "
     "for dead\n"},
    /* all at once, in the order of the file */
    {"limits:\n  connections: many\ncache:\n  aeg: 1s\n  bytes: 1XB\nlog:\n  level: loud\n", 0,
     "relay.yaml:2:16: limits.connections: \"many\" is not a whole number; write digits only\n"
     "relay.yaml:4:3: cache.aeg: no such setting (did you mean \"age\"?)\n"
     "relay.yaml:5:10: cache.bytes: \"1XB\" has the unknown unit \"XB\"; write a number with B, "
     "KiB, MiB or GiB, such as 512MiB\n"
     "relay.yaml:7:10: log.level: \"loud\" is not a valid value; write off, error, warn, info, "
     "debug or trace\n"},
};

static void a_bad_file_is_answered_with_place_reason_and_remedy(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_files / sizeof bad_files[0]; i++) {
        const struct bad_file *file = &bad_files[i];
        struct loaded loaded;
        load_text(&loaded, file->text, file->size ? file->size : strlen(file->text));
        assert_int_equal(loaded.result, MOQ_ERR_INVALID);
        assert_errors(&loaded.errors, file->errors);
    }
    assert_int_equal(object_count(OBJECT_config), 0);
}

static void a_broken_file_at_any_byte_never_loads_half(void **state)
{
    (void)state;
    static const char text[] = "listen:\n  - address: \"[::]:1\"\n    self_signed: [a, \"b\"]\n"
                               "policy:\n  classes:\n    - { match: \"x/**\", latency: 1.5s }\n";
    for (size_t n = 0; n < sizeof text; n++) {
        struct loaded loaded;
        load_text(&loaded, text, n);
        if (n == sizeof text - 1)
            assert_non_null(loaded.config);
        relay_config_free(&loaded.config);
    }
}

static void an_empty_file_gives_the_defaults(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "\n",
                                        "# only words\n",
                                        "---\n",
                                        "log:\ncache:\nlisten:\n",
                                        "\xef\xbb\xbf# with a mark\r\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct loaded loaded;
        load_text(&loaded, texts[i], strlen(texts[i]));
        assert_errors(&loaded.errors, "");
        assert_int_equal(loaded.config->workers, 0);
        assert_int_equal(loaded.config->limits.connections, 20000);
        assert_int_equal(loaded.config->limits.idle_ns, 10 * NS_PER_S);
        assert_int_equal(loaded.config->cache.bytes, 512 << 20);
        assert_int_equal(loaded.config->policy.order, CONFIG_ORDER_NEWEST);
        assert_int_equal(loaded.config->log.level, LOG_LEVEL_INFO);
        assert_int_equal(loaded.config->log.topics[LOG_QUIC], -1);
        assert_string_equal(loaded.config->listen[0].address.text, "[::]:4443");
        relay_config_free(&loaded.config);
    }
}

static void every_kind_of_value_arrives(void **state)
{
    (void)state;
    static const char text[] =
        "listen:\n"
        "  - address: 127.0.0.1:443\n"
        "    certificates: [{ cert: a.pem, key: 'b c.pem' }, { cert: c.pem, key: d.pem }]\n"
        "http: { address: \"[::1]:80\", fingerprint: false }\n"
        "limits: { handshake: 1.5s, waiting: 7 }\n"
        "cache: { groups: unlimited, age: 1m, bytes: 1048576, track_bytes: 3MiB }\n"
        "policy: { order: oldest, latency: 0, priority: 0, rate: 2.5Mbps, start: oldest, "
        "max: { rate: 3Mbps, start: 1m, priority: 200 }, "
        "classes: [{ match: a }, { match: b/*, order: newest, priority: 255, rate: unlimited, "
        "identity_rate: 64kbps, start: 1.5s }] }\n"
        "quic: { congestion: bbr, keep_alive: off, qlog: /tmp/q, reset_secret: r }\n"
        "log: { format: json, topics: { quic: warn, tls: off } }\n";
    struct loaded loaded;
    load_text(&loaded, text, sizeof text - 1);
    assert_errors(&loaded.errors, "");
    const struct relay_config *config = loaded.config;
    assert_int_equal(config->listen[0].address.socket.ss_family, AF_INET);
    assert_int_equal(config->listen[0].certificate_count, 2);
    assert_string_equal(config->listen[0].certificates[0].key, "b c.pem");
    assert_string_equal(config->listen[0].self_signed[0], "localhost");
    assert_int_equal(config->http.address.socket.ss_family, AF_INET6);
    assert_false(config->http.has_fingerprint);
    assert_int_equal(config->limits.handshake_ns, 1500 * NS_PER_MS);
    assert_int_equal(config->cache.groups, 0);
    assert_int_equal(config->cache.age_ns, 60 * NS_PER_S);
    assert_int_equal(config->cache.bytes, 1 << 20);
    assert_int_equal(config->policy.latency_ns, 0);
    assert_int_equal(config->policy.classes[0].order, CONFIG_ORDER_OLDEST);
    assert_int_equal(config->policy.classes[0].priority, 0);
    assert_int_equal(config->policy.classes[1].order, CONFIG_ORDER_NEWEST);
    assert_int_equal(config->policy.classes[1].priority, 255);
    assert_int_equal(config->policy.classes[0].rate_bps, 2500000);
    assert_int_equal(config->policy.classes[0].identity_rate_bps, 0);
    assert_int_equal(config->policy.classes[1].rate_bps, 0);
    assert_int_equal(config->policy.classes[1].identity_rate_bps, 64000);
    assert_int_equal(config->policy.max.rate_bps, 3000000);
    assert_true(config->policy.classes[0].start_ns == CONFIG_START_OLDEST);
    assert_int_equal(config->policy.classes[1].start_ns, 1500 * NS_PER_MS);
    assert_int_equal(config->policy.max.priority, 200);
    assert_int_equal(config->policy.max.start_ns, 60 * NS_PER_S);
    assert_int_equal(config->quic.congestion, CONFIG_CONGESTION_BBR);
    assert_int_equal(config->quic.keep_alive_ns, 0);
    assert_string_equal(config->quic.qlog, "/tmp/q");
    assert_string_equal(config->quic.reset_secret, "r");
    assert_int_equal(config->log.topics[LOG_QUIC], LOG_LEVEL_WARN);
    assert_int_equal(config->log.topics[LOG_TLS], LOG_LEVEL_OFF);
    assert_int_equal(config->log.format, CONFIG_LOG_JSON);
    relay_config_free(&loaded.config);
    assert_null(loaded.config);
}

static void without_a_certificate_one_line_says_how_to_get_one(void **state)
{
    (void)state;
    struct config_sources sources = {0};
    struct loaded loaded;
    load(&loaded, &sources);
    assert_int_equal(loaded.result, MOQ_ERR_INVALID);
    assert_errors(
        &loaded.errors,
        "no certificate: give --tls-cert FILE and --tls-key FILE, or a configuration file with "
        "certificates under listen, or --dev to try with a self-signed one\n");
}

static void a_listener_without_a_certificate_is_named(void **state)
{
    (void)state;
    static const char text[] =
        "listen:\n  - address: \"[::]:1\"\n  - address: \"[::]:1\"\n    self_signed: [a]\n";
    struct config_sources sources = {
        .file = "relay.yaml", .text = text, .text_bytes = sizeof text - 1};
    struct loaded loaded;
    load(&loaded, &sources);
    assert_errors(
        &loaded.errors,
        "relay.yaml:2:5: listen[0]: no certificate; add certificates: [{ cert: FILE, key: FILE "
        "}], or self_signed: [localhost] for development\n"
        "relay.yaml:3:5: listen[1]: the address of listen[0]; merge the two, or choose another "
        "port\n");
}

/* The second could not be bound. */
static void listeners_that_take_each_others_packets_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second;
        bool is_good;
    } cases[] = {
        {"[::]:5", "127.0.0.1:5", false},     {"127.0.0.1:5", "[::]:5", false},
        {"0.0.0.0:5", "127.0.0.1:5", false},  {"[::]:5", "[::1]:5", false},
        {"[::]:5", "0.0.0.0:5", false},       {"0.0.0.0:5", "[::1]:5", true},
        {"127.0.0.1:5", "127.0.0.2:5", true}, {"[::]:5", "127.0.0.1:6", true},
        {"[::]:0", "127.0.0.1:0", true},      {"127.0.0.1:0", "127.0.0.1:0", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        int n = snprintf(text, sizeof text,
                         "listen:\n  - { address: \"%s\", self_signed: [a] }\n"
                         "  - { address: \"%s\", self_signed: [a] }\n",
                         cases[i].first, cases[i].second);
        struct config_sources sources = {
            .file = "relay.yaml", .text = text, .text_bytes = (size_t)n};
        struct loaded loaded;
        load(&loaded, &sources);
        assert_errors(&loaded.errors,
                      cases[i].is_good
                          ? ""
                          : "relay.yaml:3:5: listen[1]: its address overlaps with listen[0] "
                            "(0.0.0.0 is all of IPv4, [::] of IPv6 and IPv4); merge the two, or "
                            "choose another port\n");
        relay_config_free(&loaded.config);
    }
}

static void a_file_that_is_not_there_is_said_to_be_missing(void **state)
{
    (void)state;
    struct config_sources sources = {.file = "/nowhere/relay.yaml"};
    struct loaded loaded;
    load(&loaded, &sources);
    assert_int_equal(loaded.result, MOQ_ERR_IO);
    assert_errors(&loaded.errors, "/nowhere/relay.yaml: cannot be read: No such file or directory; "
                                  "correct the path or its permissions\n");
    sources.file = "/";
    load(&loaded, &sources);
    assert_int_equal(loaded.result, MOQ_ERR_IO);
}

static void files_that_are_named_are_looked_for_on_request(void **state)
{
    (void)state;
    static const char text[] =
        "tls: { roots: [/nowhere/a.pem, /dev/null] }\nquic: { qlog: /nowhere }\n";
    struct config_flags flags = {.is_dev = true};
    struct config_sources sources = {.file = "relay.yaml",
                                     .text = text,
                                     .text_bytes = sizeof text - 1,
                                     .flags = &flags,
                                     .is_files_checked = true};
    struct loaded loaded;
    load(&loaded, &sources);
    assert_errors(&loaded.errors,
                  "relay.yaml:1:16: tls.roots[0]: cannot read \"/nowhere/a.pem\" (No such "
                  "file or directory); correct the path or its permissions\n"
                  "relay.yaml:2:15: quic.qlog: cannot write to \"/nowhere\" (No such file or "
                  "directory); correct the "
                  "path or its permissions\n");
}

static void the_shipped_files_load(void **state)
{
    (void)state;
    static const char *const files[] = {"relay.yaml", "minimal.yaml", "edge.yaml", "origin.yaml"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", CONF_DIR, files[i]);
        struct config_sources sources = {.file = path};
        struct loaded loaded;
        load(&loaded, &sources);
        assert_errors(&loaded.errors, "");
        relay_config_free(&loaded.config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_file_is_answered_with_place_reason_and_remedy),
        cmocka_unit_test(a_broken_file_at_any_byte_never_loads_half),
        cmocka_unit_test(an_empty_file_gives_the_defaults),
        cmocka_unit_test(every_kind_of_value_arrives),
        cmocka_unit_test(without_a_certificate_one_line_says_how_to_get_one),
        cmocka_unit_test(a_listener_without_a_certificate_is_named),
        cmocka_unit_test(listeners_that_take_each_others_packets_are_refused),
        cmocka_unit_test(a_file_that_is_not_there_is_said_to_be_missing),
        cmocka_unit_test(files_that_are_named_are_looked_for_on_request),
        cmocka_unit_test(the_shipped_files_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
