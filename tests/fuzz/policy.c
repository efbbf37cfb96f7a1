/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fuzz target: the section `policy` of relay.yaml. The bytes choose settings and values, so that
 * most inputs get as far as the checks. What loads prints so that it loads to the same, and keeps
 * the limits that it sets itself. */
#include "tests/fuzz/driver/round_trip.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "tests/unit/config/fake_host.h"

enum { TEXT_BYTES = 16384, PART_BYTES = 40 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size;
};

struct text {
    char bytes[TEXT_BYTES];
    size_t size;
};

static uint8_t next_byte(struct input *input)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->data++;
}

static void add_bytes(struct text *text, const void *bytes, size_t n)
{
    if (n > sizeof text->bytes - text->size)
        return;
    memcpy(text->bytes + text->size, bytes, n);
    text->size += n;
}

static void add_word(struct text *text, const char *word)
{
    add_bytes(text, word, strlen(word));
}

#define PICK(list, byte) (list)[(byte) % (sizeof(list) / sizeof(list)[0])]

static void add_value(struct text *text, struct input *input)
{
    static const char *const values[] = {
        "0s",
        "1ms",
        "1s",
        "9s",
        "10s",
        "11s",
        "1h",
        "2h",
        "-1s",
        "1e9s",
        "oldest",
        "newest",
        "next",
        "unlimited",
        "8kbps",
        "1bps",
        "2Mbps",
        "1Gbps",
        "1000Gbps",
        "1001Gbps",
        "0",
        "128",
        "255",
        "256",
        "0.5",
        "off",
        "~",
        "[]",
        "{}",
        "\"**\"",
        "\"a/*/b\"",
        "\"meet/**\"",
        "\"\"",
        "\"a//b\"",
        "[\"mode=live\"]",
        "[\"plan=*\", \"a=b\"]",
        "[\"=\"]",
        "[{ track: low, rate: 1Mbps }, { track: high, rate: 2Mbps }]"};
    uint8_t which = next_byte(input);
    if (which < 224) {
        add_word(text, PICK(values, which));
        return;
    }
    size_t n = which % 32 < input->size ? which % 32 : input->size;
    add_bytes(text, input->data, n);
    input->data += n;
    input->size -= n;
}

/* Lines of a section, each with its indentation, until the bytes say that it ends. */
static void add_settings(struct text *text, struct input *input, const char *indentation)
{
    static const char *const names[] = {"latency", "order",         "priority", "start",  "rate",
                                        "match",   "identity_rate", "query",    "claims", "ladder",
                                        "groups",  "after",         "latncy"};
    for (uint8_t which; (which = next_byte(input)) % 4 != 0;) {
        add_word(text, indentation);
        add_word(text, PICK(names, which / 4));
        add_word(text, ": ");
        add_value(text, input);
        add_word(text, "\n");
    }
}

static void add_classes(struct text *text, struct input *input)
{
    add_word(text, "  classes:\n");
    for (int i = next_byte(input) % PART_BYTES; i > 0 && input->size > 0; i--) {
        add_word(text, "    - match: ");
        add_value(text, input);
        add_word(text, "\n");
        add_settings(text, input, "      ");
    }
}

static void write_policy(struct text *text, struct input *input)
{
    text->size = 0;
    add_word(text, "listen: [{ address: \"[::]:4443\", self_signed: [localhost] }]\npolicy:\n");
    add_settings(text, input, "  ");
    while (input->size > 0) {
        uint8_t part = next_byte(input) % 4;
        if (part == 0) {
            add_classes(text, input);
            continue;
        }
        add_word(text, part == 1 ? "  max:\n" : part == 2 ? "  failover:\n" : "");
        add_settings(text, input, part == 3 ? "  " : "    ");
    }
}

static void judge_values(const struct config_policy_max *max, uint64_t latency_ns, int order,
                         uint64_t priority, uint64_t rate_bps, uint64_t start_ns)
{
    REQUIRE(latency_ns <= max->latency_ns);
    REQUIRE(order == CONFIG_ORDER_OLDEST || order == CONFIG_ORDER_NEWEST);
    REQUIRE(priority <= 255);
    REQUIRE(max->rate_bps == 0 || rate_bps <= max->rate_bps);
    REQUIRE(start_ns >= CONFIG_START_NEXT || start_ns <= max->start_ns);
}

static void judge(const struct config_policy *policy)
{
    judge_values(&policy->max, policy->latency_ns, policy->order, policy->priority,
                 policy->rate_bps, policy->start_ns);
    for (size_t i = 0; i < policy->class_count; i++) {
        const struct config_class *one = &policy->classes[i];
        REQUIRE(one->match);
        judge_values(&policy->max, one->latency_ns, one->order, one->priority, one->rate_bps,
                     one->start_ns);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct text text;
    struct input input = {data, size};
    struct config_errors errors;
    struct relay_config *config;
    write_policy(&text, &input);
    require_round_trip(&fake_host, text.bytes, text.size);
    struct config_sources sources = {
        .file = "fuzz.yaml", .text = text.bytes, .text_bytes = text.size, .host = &fake_host};
    config_errors_init(&errors);
    if (relay_config_load(&config, &sources, &errors) != 0)
        return 0;
    judge(&config->policy);
    relay_config_free(&config);
    return 0;
}
