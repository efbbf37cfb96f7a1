/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What comes out: a configuration as YAML, the reference in conf/, the schema. */
#include "tests/unit/config/loading.h"

#include <jansson.h>

static char *written(void (*write)(const struct config_host *host,
                                   const struct relay_config *config, FILE *out))
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    write(NULL, NULL, out);
    fclose(out);
    return text;
}

static void assert_survives(const char *yaml)
{
    struct loaded loaded, again;
    load_text(&loaded, yaml, strlen(yaml));
    assert_errors(&loaded.errors, "");
    char *text = printed(loaded.config);
    struct config_sources sources = {.file = "printed", .text = text, .text_bytes = strlen(text)};
    load(&again, &sources);
    assert_errors(&again.errors, "");
    assert_string_equal(again.config->quic.qlog, loaded.config->quic.qlog);
    relay_config_free(&loaded.config);
    relay_config_free(&again.config);
    free(text);
}

static void no_text_is_hurt_by_printing(void **state)
{
    (void)state;
    static const char *const texts[] = {"\"a b\"",
                                        "\"# a\"",
                                        "\"true\"",
                                        "\"null\"",
                                        "\"~\"",
                                        "\"\\\\n\\\"\"",
                                        "\"\\n\\t\\r\\a\"",
                                        "\"\\x7f\\x80\\x9f\"",
                                        "\"\\N\\_\\L\\P\"",
                                        "\"\\uFEFF\\uFFFE\\uFFFF\"",
                                        "\"\\U0001F600\"",
                                        "\"\xc3\xa9\xe4\xb8\xad\"",
                                        "\"- a\"",
                                        "\"a: b\"",
                                        "\" a \"",
                                        "\"[a]\"",
                                        "\"{a}\"",
                                        "\"&a\"",
                                        "\"*a\"",
                                        "\"!a\"",
                                        "\"%a\"",
                                        "\"@a\"",
                                        "\"0x10\"",
                                        "\"1.5\"",
                                        "a/b.c-d_e",
                                        "\"---\"",
                                        "\"...\"",
                                        "|\n    line\n    line\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char yaml[256];
        snprintf(yaml, sizeof yaml, "quic:\n  qlog: %s\n", texts[i]);
        assert_survives(yaml);
    }
}

/* Settings of modules follow: tests/e2e/test_relay.py compares the whole file. */
static void the_reference_in_conf_begins_with_the_table(void **state)
{
    (void)state;
    char *text = written(relay_config_reference);
    FILE *file = fopen(CONF_DIR "/relay.yaml", "r");
    char *shipped = calloc(1, 65536);
    assert_non_null(file);
    assert_true(fread(shipped, 1, 65535, file) > 0);
    fclose(file);
    if (strncmp(shipped, text, strlen(text)) != 0)
        fail_msg(
            "conf/relay.yaml differs from the table; run: moq-relay --reference > conf/relay.yaml");
    free(shipped);
    free(text);
}

static void the_reference_shows_the_defaults(void **state)
{
    (void)state;
    static const char minimal[] = "listen: [{ certificates: [{ cert: /etc/moq-relay/cert.pem, key: "
                                  "/etc/moq-relay/key.pem }] }]\n";
    struct loaded reference, defaults;
    struct config_changes changes;
    char *text = written(relay_config_reference);
    struct config_sources sources = {.file = "reference", .text = text, .text_bytes = strlen(text)};
    load(&reference, &sources);
    sources.text = minimal;
    sources.text_bytes = sizeof minimal - 1;
    load(&defaults, &sources);
    relay_config_diff(reference.config, defaults.config, &changes);
    assert_int_equal(changes.count, 0);
    relay_config_free(&reference.config);
    relay_config_free(&defaults.config);
    free(text);
}

static const json_t *property(const json_t *schema, const char *section, const char *key)
{
    const json_t *found = json_object_get(json_object_get(schema, "properties"), section);
    return key ? json_object_get(json_object_get(found, "properties"), key) : found;
}

static void the_schema_is_json_and_knows_the_settings(void **state)
{
    (void)state;
    char *text = written(relay_config_schema);
    json_error_t error;
    json_t *schema = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!schema)
        fail_msg("%d:%d: %s", error.line, error.column, error.text);
    assert_string_equal(json_string_value(json_object_get(schema, "$schema")),
                        "https://json-schema.org/draft/2020-12/schema");
    assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
    assert_string_equal(
        json_string_value(json_object_get(property(schema, "cache", "age"), "default")), "10s");
    assert_int_equal(
        json_integer_value(json_object_get(property(schema, "limits", "connections"), "default")),
        20000);
    assert_true(json_is_true(json_object_get(property(schema, "quic", "gso"), "default")));
    assert_int_equal(json_array_size(json_object_get(property(schema, "log", "level"), "enum")), 6);
    assert_int_equal(
        json_integer_value(json_object_get(property(schema, "listen", NULL), "maxItems")), 16);
    assert_int_equal(
        json_integer_value(json_object_get(property(schema, "modules", NULL), "maxItems")), 32);
    assert_null(property(schema, "script", NULL)); /* what is refused is not offered */
    json_decref(schema);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_text_is_hurt_by_printing),
        cmocka_unit_test(the_reference_in_conf_begins_with_the_table),
        cmocka_unit_test(the_reference_shows_the_defaults),
        cmocka_unit_test(the_schema_is_json_and_knows_the_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
