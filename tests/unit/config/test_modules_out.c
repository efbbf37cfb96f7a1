/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Modules in what comes out of a configuration: what is printed, what a reload may change, the
 * reference and the schema. */
#include "tests/unit/config/loading_modules.h"

#include <jansson.h>

/* ---- Printing -------------------------------------------------------------------------------- */

/* What is printed loads to the same, and then prints the same. Returns it; the caller frees it. */
static char *assert_survives(const char *text)
{
    struct loaded loaded, again;
    struct config_changes changes;
    load_well(&loaded, text);
    char *yaml = printed(loaded.config);
    struct config_sources sources = {
        .file = "printed", .text = yaml, .text_bytes = strlen(yaml), .host = &fake_host};
    load(&again, &sources);
    assert_errors(&again.errors, "");
    relay_config_diff(loaded.config, again.config, &changes);
    assert_int_equal(changes.count, 0);
    char *yaml_again = printed(again.config);
    assert_string_equal(yaml_again, yaml);
    free(yaml_again);
    relay_config_free(&loaded.config);
    relay_config_free(&again.config);
    return yaml;
}

static void modules_are_printed_so_that_they_load(void **state)
{
    (void)state;
    char *text = assert_survives(everything);
    const char *modules = strstr(text, "module_directory:");
    assert_non_null(modules);
    assert_string_equal(modules,
                        "module_directory: /modules\n"
                        "modules:\n"
                        "  - auth:\n"
                        "      keys: /etc/keys.jwk\n"
                        "      leeway: 1500ms\n"
                        "      key_bytes: unlimited\n"
                        "      tries: 3\n"
                        "      anonymous:\n"
                        "        publish: []\n"
                        "        subscribe: [\"demo/**\", a]\n"
                        "  - karp:\n"
                        "      http: \"[::1]:80\"\n"
                        "      format: \"off\"\n"
                        "      levels: { video: high }\n"
                        "      sources:\n"
                        "        - path: demo/bbb\n"
                        "          file: bbb.mp4\n"
                        "          loop: true\n"
                        "          tracks: []\n"
                        "          options: ~\n"
                        "        - path: b\n"
                        "          file: b.mp4\n"
                        "          loop: false\n"
                        "          tracks:\n"
                        "            - name: video\n"
                        "              priority: 9\n"
                        "            - name: audio\n"
                        "              priority: 0\n"
                        "          options:\n"
                        "            ladder: [1080, \"720\", \"a b\", [], [x, { \"y\": ~ }]]\n"
                        "            \"a: b\": -1.5\n"
                        "            \"on\": {}\n"
                        "  - clock:\n"
                        "      path: demo/clock\n"
                        "  - \"./my-own.so\":\n"
                        "      path: mine\n"
                        "  - hello\n");
    free(text);
}

static void any_yaml_survives_printing(void **state)
{
    (void)state;
    static const char *const values[] = {
        "1",
        "-1",
        "+1.5e-3",
        ".5",
        "-.inf",
        "1_000",
        "0x1F",
        "true",
        "no",
        "a b",
        "\"\"",
        "\"~\"",
        "\"1\"",
        "a,b",

        "'# a'",
        "http:x",
        "[]",
        "{}",
        "[{}]",
        "[-]",

        "[~, null, \"null\"]",
        "a/~b",
        "--5",
        "..",

        "[[[a]]]",
        "{ a: { b: { c: [d, { e: f }] } } }",
        "|\n        a\n        b\n",
        "\"\\u2028\\x85\\t\"",
        "{ \"\": 1, \"a b\": 2, \"\\u0085\": 3 }",
        "{ a: , b: ~ }",
        "\n        - a\n        - - b\n          - c\n        -\n"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "modules:\n  - script:\n      gate: { port: 1 }\n      params:\n       p: %s\n",
                 values[i]);
        free(assert_survives(text));
    }
}

/* ---- Reload ---------------------------------------------------------------------------------- */

/* `names`: each change on a line, with (restart) if it needs one. */
static void assert_changes(const char *old_text, const char *new_text, const char *names)
{
    struct loaded old, fresh;
    struct config_changes changes;
    char found[1024] = "";
    load_well(&old, old_text);
    load_well(&fresh, new_text);
    relay_config_diff(old.config, fresh.config, &changes);
    for (size_t i = 0; i < changes.count; i++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s\n",
                 changes.entries[i].name, changes.entries[i].is_restart_needed ? " (restart)" : "");
    assert_string_equal(found, names);
    relay_config_free(&old.config);
    relay_config_free(&fresh.config);
}

static void another_list_needs_a_restart(void **state)
{
    (void)state;
    assert_changes("", "modules: [hello]\n", "modules (restart)\n");
    assert_changes("modules: [hello, clock]\n", "modules: [clock, hello]\n", "modules (restart)\n");
    assert_changes("modules: [clock]\n", "modules: [/lib/clock.so]\n", "modules (restart)\n");
    assert_changes("modules: [clock]\n", "modules: [./my-own.so]\n", "modules (restart)\n");
    assert_changes("", "module_directory: /modules\n", "module_directory (restart)\n");
    assert_changes("modules: [clock]\n", "modules: [{ clock: { path: demo/clock } }]\n", "");
    assert_changes(everything, everything, "");
}

static void settings_follow_their_rows(void **state)
{
    (void)state;
    assert_changes(
        "modules: [hello, { auth: { keys: a } }]\n",
        "modules: [hello, { auth: { keys: b, tries: 4, anonymous: { publish: [c] } } }]\n",
        "modules[1].auth.keys\nmodules[1].auth.tries (restart)\n"
        "modules[1].auth.anonymous.publish\n");
    assert_changes("modules: [{ karp: { sources: [{ path: a, file: b, options: [1] }] } }]\n",
                   "modules: [{ karp: { levels: { text: low }, "
                   "sources: [{ path: a, file: c, options: [\"1\"] }] } }]\n",
                   "modules[0].karp.levels\nmodules[0].karp.sources[0].file (restart)\n"
                   "modules[0].karp.sources[0].options\n");
    assert_changes("modules: [./my-own.so]\n", "modules: [./my-own.so: { path: b }]\n",
                   "modules[0].my_own.path (restart)\n");
}

static void any_yaml_is_compared_whole(void **state)
{
    (void)state;
    static const char *const values[] = {
        "1",        "[1]",   "[1, 2]", "[2, 1]",   "[[1, 2]]",         "{}", "[]", "{ a: 1 }",
        "{ b: 1 }", "\"1\"", "[1, ~]", "{ a: ~ }", "[{ a: { b: 1 } }]"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        for (size_t j = 0; j < sizeof values / sizeof values[0]; j++) {
            char a[128], b[128];
            static const char form[] = "modules: [script: { gate: { port: 1 }, params: %s}]\n";
            snprintf(a, sizeof a, form, values[i]);
            snprintf(b, sizeof b, form, values[j]);
            assert_changes(a, b, i == j ? "" : "modules[0].script.params\n");
        }
}

/* ---- The reference and the schema ------------------------------------------------------------ */

typedef void writer(const struct config_host *host, const struct relay_config *config, FILE *out);

static char *written_of(writer *write, const struct config_host *host,
                        const struct relay_config *config)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    write(host, config, out);
    fclose(out);
    return text;
}

static char *written(writer *write, const struct config_host *host)
{
    return written_of(write, host, NULL);
}

static void the_reference_shows_an_example_of_each_module(void **state)
{
    (void)state;
    char *text = written(relay_config_reference, &fake_host);
    char *plain = written(relay_config_reference, NULL);
    size_t head = strlen(plain);
    assert_memory_equal(text, plain, head); /* examples come last, as comments */
    assert_string_equal(text + head,
                        "#   - auth:\n"
                        "#       # file of keys\n"
                        "#       keys: \"\"\n"
                        "#       # how far clocks may differ; 0s to 1m\n"
                        "#       leeway: 5s\n"
                        "#       # the longest \"keys\" file; 64B to 1MiB or unlimited (restart)\n"
                        "#       key_bytes: 16KiB\n"
                        "#       # how often a token is tried; 1 to 9 (restart)\n"
                        "#       tries: 3\n"
                        "#       # what those without a token may do\n"
                        "#       anonymous:\n"
                        "#         # paths that anybody may publish\n"
                        "#         publish: []\n"
                        "#         # paths that anybody may watch\n"
                        "#         subscribe: []\n"
                        "#   - clock:\n"
                        "#       # the broadcast (restart)\n"
                        "#       path: demo/clock\n"
                        "#   - hello\n"
                        "#   - karp:\n"
                        "#       # where encoders connect (restart)\n"
                        "#       http: \"127.0.0.1:8089\"\n"
                        "#       # the container; fmp4, cmaf or off (restart)\n"
                        "#       format: cmaf\n"
                        "#       # levels of single streams\n"
                        "#       levels: {}\n"
                        "#       # what is played (restart)\n"
                        "#       sources:\n"
                        "#         - # the broadcast (required) (restart)\n"
                        "#           path: \"\"\n"
                        "#           # the file to play (restart)\n"
                        "#           file: \"\"\n"
                        "#           # begin again at the end\n"
                        "#           loop: true\n"
                        "#           # the tracks to play (restart)\n"
                        "#           tracks:\n"
                        "#             - # the track (required) (restart)\n"
                        "#               name: \"\"\n"
                        "#               # its priority; 0 to 255\n"
                        "#               priority: 0\n"
                        "#           # whatever the importer takes\n"
                        "#           options: ~\n"
                        "#   - script:\n"
                        "#       # what the script reads (required)\n"
                        "#       params: ~\n"
                        "#       # where it listens\n"
                        "#       gate:\n"
                        "#         # its port; 1 to 65535 (required)\n"
                        "#         port: 0\n");
    free(text);
    free(plain);
}

static size_t list_nothing(void *self, const char *directory,
                           const struct config_module_kind **kinds, size_t max)
{
    (void)self;
    (void)directory;
    (void)kinds;
    (void)max;
    return 0;
}

static void a_host_that_lists_nothing_changes_nothing(void **state)
{
    (void)state;
    struct config_host host = {.list = list_nothing};
    writer *const writers[] = {relay_config_reference, relay_config_schema};
    for (size_t i = 0; i < 2; i++) {
        char *without = written(writers[i], NULL), *with = written(writers[i], &host);
        assert_string_equal(with, without);
        free(without);
        free(with);
    }
}

/* Follows "a/b/c" through objects; a number is an index. */
static const json_t *at(const json_t *json, const char *path)
{
    char text[128];
    snprintf(text, sizeof text, "%s", path);
    for (char *rest = NULL, *key = strtok_r(text, "/", &rest); key;
         key = strtok_r(NULL, "/", &rest))
        json = json_is_array(json) ? json_array_get(json, (size_t)atoi(key))
                                   : json_object_get(json, key);
    return json;
}

static const char *text_at(const json_t *json, const char *path)
{
    return json_string_value(at(json, path));
}

static void the_schema_describes_each_module(void **state)
{
    (void)state;
    char *text = written(relay_config_schema, &fake_host);
    json_error_t error;
    json_t *schema = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!schema)
        fail_msg("%d:%d: %s", error.line, error.column, error.text);
    const json_t *forms = at(schema, "properties/modules/items/anyOf");
    assert_int_equal(json_array_size(forms), 2);
    assert_string_equal(text_at(forms, "0/type"), "string");
    assert_string_equal(text_at(forms, "0/anyOf/0/pattern"), "/");
    assert_int_equal(json_array_size(at(forms, "0/anyOf/1/enum")), 4); /* script needs settings */
    assert_int_equal(json_integer_value(at(forms, "1/maxProperties")), 1);
    assert_true(json_is_false(at(forms, "1/additionalProperties")));
    assert_non_null(json_object_get(at(forms, "1/patternProperties"), "/"));
    const json_t *kinds = at(forms, "1/properties");
    assert_int_equal(json_object_size(kinds), 5);
    assert_string_equal(text_at(kinds, "auth/properties/key_bytes/description"),
                        "the longest \"keys\" file");
    assert_int_equal(json_integer_value(at(kinds, "auth/properties/tries/default")), 3);
    assert_string_equal(text_at(kinds, "karp/properties/sources/items/required/0"), "path");
    assert_int_equal(json_array_size(at(kinds, "karp/properties/format/enum")), 3);
    assert_int_equal(json_object_size(at(kinds, "hello/properties")), 0);
    assert_true(json_is_false(at(kinds, "hello/additionalProperties")));
    assert_string_equal(text_at(kinds, "script/required/1"), "gate");
    assert_null(at(kinds, "script/properties/params/type"));
    json_decref(schema);
    free(text);
}

/* ---- Modules that a configuration brings ----------------------------------------------------- */

/* As a load that only wants to know the modules. */
static void load_names(struct loaded *loaded, const char *text, char *const *environment)
{
    struct config_sources sources = {.file = "relay.yaml",
                                     .text = text,
                                     .text_bytes = strlen(text),
                                     .environment = environment,
                                     .host = &fake_host};
    config_errors_init(&loaded->errors);
    relay_config_load_modules(&loaded->config, &sources, &loaded->errors);
}

/* Where somebody looks up settings, others may be wrong still: there is no listener here either. */
static const char unfinished[] = "modules:\n"
                                 "  - ./my-own.so: { pth: 7 }\n"
                                 "  - karp\n"
                                 "cache: { aeg: 5 }\n";
static char *const with_directory[] = {"MOQ_RELAY_MODULE_DIRECTORY=/modules", "MOQ_RELAY_X=1",
                                       NULL};

static void the_reference_shows_modules_of_the_configuration(void **state)
{
    (void)state;
    struct loaded loaded;
    load_names(&loaded, unfinished, with_directory);
    assert_errors(&loaded.errors, "");
    char *plain = written(relay_config_reference, &fake_host);
    char *text = written_of(relay_config_reference, &fake_host, loaded.config);
    assert_memory_equal(text, plain, strlen(plain));
    assert_string_equal(text + strlen(plain), "#   - local\n"
                                              "#   - \"./my-own.so\":\n"
                                              "#       # the broadcast (restart)\n"
                                              "#       path: demo/clock\n");
    relay_config_free(&loaded.config);
    free(plain);
    free(text);
}

static void the_schema_describes_modules_of_the_configuration(void **state)
{
    (void)state;
    struct loaded loaded;
    load_names(&loaded, unfinished, with_directory);
    assert_errors(&loaded.errors, "");
    char *text = written_of(relay_config_schema, &fake_host, loaded.config);
    json_t *schema = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const json_t *forms = at(schema, "properties/modules/items/anyOf");
    const json_t *kinds = at(forms, "1/properties");
    const json_t *own = json_object_get(kinds, "./my-own.so");
    assert_int_equal(json_array_size(at(forms, "0/anyOf/1/enum")), 5); /* paths have a pattern */
    assert_int_equal(json_object_size(kinds), 7);
    assert_non_null(json_object_get(kinds, "local"));
    assert_string_equal(text_at(own, "properties/path/description"), "the broadcast");
    json_decref(schema);
    relay_config_free(&loaded.config);
    free(text);
}

static void what_cannot_be_read_or_found_is_an_error_there_too(void **state)
{
    (void)state;
    struct loaded loaded;
    load_names(&loaded, "modules: [./none.so]\n", NULL);
    assert_errors(&loaded.errors, "relay.yaml:1:11: modules[0]: there is no module ./none.so in "
                                  "/lib; see --reference\n");
    assert_null(loaded.config);
    load_names(&loaded, "modules: [\n", NULL);
    assert_true(loaded.errors.count > 0);
    assert_null(loaded.config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modules_are_printed_so_that_they_load),
        cmocka_unit_test(any_yaml_survives_printing),
        cmocka_unit_test(another_list_needs_a_restart),
        cmocka_unit_test(settings_follow_their_rows),
        cmocka_unit_test(any_yaml_is_compared_whole),
        cmocka_unit_test(the_reference_shows_an_example_of_each_module),
        cmocka_unit_test(a_host_that_lists_nothing_changes_nothing),
        cmocka_unit_test(the_schema_describes_each_module),
        cmocka_unit_test(the_reference_shows_modules_of_the_configuration),
        cmocka_unit_test(the_schema_describes_modules_of_the_configuration),
        cmocka_unit_test(what_cannot_be_read_or_found_is_an_error_there_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
