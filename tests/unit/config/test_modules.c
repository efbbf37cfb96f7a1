/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The list of modules, with a host that finds some: what is read, and what is refused. */
#include "tests/unit/config/loading_modules.h"

#include "base/clock.h"
#include "base/objects.h"

/* ---- What is read ---------------------------------------------------------------------------- */

static void every_kind_of_value_arrives_in_the_structs(void **state)
{
    (void)state;
    struct loaded loaded;
    load_well(&loaded, everything);
    const struct relay_config *config = loaded.config;
    assert_string_equal(config->module_directory, "/modules");
    assert_int_equal(config->module_count, 5);
    const struct fake_auth *auth = config->modules[0].values;
    assert_string_equal(config->modules[0].written, "auth");
    assert_string_equal(config->modules[0].kind->file, "/lib/auth.so");
    assert_string_equal(auth->keys, "/etc/keys.jwk");
    assert_int_equal(auth->leeway_ns, 1500 * NS_PER_MS);
    assert_int_equal(auth->key_bytes, 0);
    assert_int_equal(auth->tries, 3);
    assert_int_equal(auth->anonymous.subscribe_count, 2);
    assert_string_equal(auth->anonymous.subscribe[0], "demo/**");
    const struct fake_karp *karp = config->modules[1].values;
    assert_int_equal(karp->http.socket.ss_family, AF_INET6);
    assert_int_equal(karp->format, 2);
    assert_int_equal(karp->levels[0], -1);
    assert_int_equal(karp->levels[1], 1);
    assert_int_equal(karp->source_count, 2);
    assert_true(karp->sources[0].is_looped);
    assert_null(karp->sources[0].options);
    assert_false(karp->sources[1].is_looped);
    assert_int_equal(karp->sources[1].tracks[0].priority, 9);
    assert_string_equal(karp->sources[1].tracks[1].name, "audio");
    assert_string_equal(((const struct fake_clock *)config->modules[2].values)->path, "demo/clock");
    assert_string_equal(config->modules[3].written, "./my-own.so");
    assert_string_equal(config->modules[3].kind->name, "my_own");
    assert_string_equal(((const struct fake_clock *)config->modules[3].values)->path, "mine");
    assert_string_equal(config->modules[4].kind->name, "hello");
    assert_null(config->modules[4].values);
    relay_config_free(&loaded.config);
    assert_int_equal(object_count(OBJECT_config), 0);
}

static void assert_branch(const struct config_branch *branch, enum config_branch_kind kind,
                          const char *key, const char *text)
{
    assert_non_null(branch);
    assert_int_equal(branch->kind, kind);
    assert_int_equal(branch->key != NULL, key != NULL);
    if (key)
        assert_string_equal(branch->key, key);
    assert_int_equal(branch->text != NULL, text != NULL);
    if (text)
        assert_string_equal(branch->text, text);
}

static void any_yaml_is_kept_with_its_places(void **state)
{
    (void)state;
    struct loaded loaded;
    load_well(&loaded, everything);
    const struct fake_karp *karp = loaded.config->modules[1].values;
    const struct config_branch *root = karp->sources[1].options;
    assert_branch(root, CONFIG_BRANCH_MAP, "options", NULL);
    const struct config_branch *ladder = root->first, *entry = ladder->first;
    assert_branch(ladder, CONFIG_BRANCH_LIST, "ladder", NULL);
    assert_branch(entry, CONFIG_BRANCH_TEXT, NULL, "1080");
    assert_false(entry->is_quoted);
    assert_int_equal(entry->line, 14);
    assert_int_equal(entry->column, 31);
    assert_branch(entry = entry->next, CONFIG_BRANCH_TEXT, NULL, "720");
    assert_true(entry->is_quoted);
    assert_branch(entry = entry->next, CONFIG_BRANCH_TEXT, NULL, "a b");
    assert_true(entry->is_quoted); /* it can be nothing but a string */
    assert_branch(entry = entry->next, CONFIG_BRANCH_LIST, NULL, NULL);
    assert_null(entry->first);
    assert_branch(entry = entry->next, CONFIG_BRANCH_LIST, NULL, NULL);
    assert_branch(entry->first->next->first, CONFIG_BRANCH_EMPTY, "y", NULL);
    assert_null(entry->next);
    assert_branch(ladder->next, CONFIG_BRANCH_TEXT, "a: b", "-1.5");
    assert_branch(ladder->next->next, CONFIG_BRANCH_MAP, "on", NULL);
    assert_null(ladder->next->next->next);
    relay_config_free(&loaded.config);
}

static void the_environment_replaces_the_list(void **state)
{
    (void)state;
    char *variables[] = {"MOQ_RELAY_MODULES=[{ clock: { path: a/b } }, hello]",
                         "MOQ_RELAY_MODULE_DIRECTORY=/tmp", NULL};
    struct config_flags flags = {.is_dev = true};
    struct config_sources sources = {.file = "relay.yaml",
                                     .text = everything,
                                     .text_bytes = sizeof everything - 1,
                                     .environment = variables,
                                     .flags = &flags,
                                     .host = &fake_host,
                                     .is_files_checked = true};
    struct loaded loaded;
    load(&loaded, &sources);
    assert_errors(&loaded.errors, "");
    assert_int_equal(loaded.config->module_count, 2);
    assert_string_equal(((const struct fake_clock *)loaded.config->modules[0].values)->path, "a/b");
    assert_string_equal(loaded.config->module_directory, "/tmp");
    relay_config_free(&loaded.config);
    variables[0] = "MOQ_RELAY_MODULES=[{ clock: { path: a//b } }, hello, hello]";
    load(&loaded, &sources);
    assert_errors(&loaded.errors,
                  "MOQ_RELAY_MODULES:1:19: modules[0].clock.path: has an empty part; write one / "
                  "between parts, and none at the end\n"
                  "MOQ_RELAY_MODULES:1:36: modules[2]: hello is loaded already at line 1; remove "
                  "one\n");
}

static void the_directory_counts_wherever_it_stands(void **state)
{
    (void)state;
    struct loaded loaded;
    load_well(&loaded, "modules: [local]\nmodule_directory: /modules\n");
    assert_string_equal(loaded.config->modules[0].kind->file, "/modules/local.so");
    relay_config_free(&loaded.config);
    load_modules(&loaded, "modules: [local]\n");
    assert_errors(&loaded.errors, "relay.yaml:1:11: modules[0]: there is no module local in /lib; "
                                  "see --reference\n");
}

static void no_modules_need_no_host(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "modules:\n", "modules: []\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct loaded loaded;
        load_text(&loaded, texts[i], strlen(texts[i]));
        assert_errors(&loaded.errors, "");
        assert_int_equal(loaded.config->module_count, 0);
        relay_config_free(&loaded.config);
    }
}

/* ---- What is refused ------------------------------------------------------------------------- */

struct bad_list {
    const char *text, *errors;
};

static const struct bad_list bad_lists[] = {
    {"modules: auth\n",
     "relay.yaml:1:10: modules: a list is expected here; write each module after "
     "a - of its own\n"},
    {"modules: { auth: {} }\n", "relay.yaml:1:10: modules: a list is expected here; write each "
                                "module after a - of its own\n"},
    {"modules:\n  - cluster: { a: b }\n", "relay.yaml:2:5: modules[0]: there is no module cluster "
                                          "in /lib; see --reference\n"},
    {"modules:\n  - ./none.so\n", "relay.yaml:2:5: modules[0]: there is no module ./none.so in "
                                  "/lib; see --reference\n"},
    {"modules:\n  - clock:\n    path: a\n",
     "relay.yaml:3:5: modules[0]: \"clock\" and \"path\" are two names in one entry; write each "
     "module after a - of its own, and its settings below its name, further to the right\n"},
    {"modules:\n  -\n  - {}\n  - \"\"\n  - [hello]\n  - \"\": {}\n",
     "relay.yaml:2:4: modules[0]: an entry is empty; write the name of a module, or remove it\n"
     "relay.yaml:3:5: modules[1]: an entry is empty; write the name of a module, or remove it\n"
     "relay.yaml:4:5: modules[2]: an entry is empty; write the name of a module, or remove it\n"
     "relay.yaml:5:5: modules[3]: the name of a module is expected here, or name: { settings }\n"
     "relay.yaml:6:5: modules[4]: an entry is empty; write the name of a module, or remove it\n"},
    {"modules:\n  - \"a\\tb\"\n",
     "relay.yaml:2:5: modules[0]: the name has a control character; remove it\n"},
    {"modules: [hello, clock, hello]\n",
     "relay.yaml:1:25: modules[2]: hello is loaded already at line 1; remove one\n"},
    {"modules:\n  - clock:\n  - /lib/clock.so\n",
     "relay.yaml:3:5: modules[1]: clock is loaded already at line 2; remove one\n"},
    {"modules:\n  - clock\n  - ./clock.so\n",
     "relay.yaml:3:5: modules[1]: ./clock.so is called clock like /lib/clock.so at line 2; remove "
     "one\n"},
    {"modules:\n  - hello: { greeting: hello }\n",
     "relay.yaml:2:14: modules[0].hello.greeting: no such setting; remove it, or see moq-relay "
     "--reference\n"},
    {"modules:\n  - hello: [a]\n", "relay.yaml:2:12: modules[0].hello: a section is expected here; "
                                   "write its settings as name: value\n"},
    {"modules: [hello, { auth: { keys: k, anonymos: {} } }]\n",
     "relay.yaml:1:37: modules[1].auth.anonymos: no such setting (did you mean \"anonymous\"?)\n"},
    {"modules:\n  - ./my-own.so: { path: /a }\n",
     "relay.yaml:2:26: modules[0].my_own.path: begins with /; paths have no leading slash, remove "
     "it\n"},
    {"modules:\n  - auth: { leeway: 61s, tries: 0, anonymous: { publish: [a/**b, /a] } }\n",
     "relay.yaml:2:21: modules[0].auth.leeway: \"61s\" is out of range; write 0s to 1m\n"
     "relay.yaml:2:33: modules[0].auth.tries: \"0\" is out of range; write 1 to 9\n"
     "relay.yaml:2:59: modules[0].auth.anonymous.publish[0]: has ** within a part; write ** as a "
     "whole part, or a single *\n"
     "relay.yaml:2:66: modules[0].auth.anonymous.publish[1]: begins with /; paths have no leading "
     "slash, remove it\n"},
    {"modules:\n  - karp: { format: mp4, http: listen, levels: { video: loud },\n"
     "            sources: [{ file: a, tracks: [{}] }] }\n",
     "relay.yaml:2:21: modules[0].karp.format: \"mp4\" is not a valid value; write fmp4, cmaf or "
     "off\n"
     "relay.yaml:2:32: modules[0].karp.http: the word listen is for http.address; write IP:port\n"
     "relay.yaml:2:57: modules[0].karp.levels.video: \"loud\" is not a valid value; write low or "
     "high\n"
     "relay.yaml:3:23: modules[0].karp.sources[0]: path is missing or empty; write it (the "
     "broadcast)\n"
     "relay.yaml:3:43: modules[0].karp.sources[0].tracks[0]: name is missing or empty; write it "
     "(the track)\n"},
    {"modules: [script]\n",
     "relay.yaml:1:11: modules[0].script: params is missing or empty; write it (what the script "
     "reads)\n"
     "relay.yaml:1:11: modules[0].script.gate: port is missing or empty; write it (its port)\n"},
    {"modules:\n  - script: { params: ~, gate: }\n",
     "relay.yaml:2:13: modules[0].script: params is missing or empty; write it (what the script "
     "reads)\n"
     "relay.yaml:2:32: modules[0].script.gate: port is missing or empty; write it (its port)\n"},
    {"modules:\n  - script: { params: { a: [{ \"b\\n\": 1 }] }, gate: { port: 1 } }\n",
     "relay.yaml:2:31: modules[0].script.params: a name has a control character; remove it\n"},
    /* what a module finds in its values as a whole */
    {"modules:\n  - hello\n  - auth\n",
     "relay.yaml:3:5: modules[1].auth: auth lets nobody in; write keys or anonymous\n"},
    {"modules:\n  - auth: { anonymous: { publish: [a, \"**\"] } }\n",
     "relay.yaml:2:39: modules[0].auth.anonymous.publish[1]: anybody could publish?anything\n"},
    {"modules:\n  - karp:\n      sources:\n        - { path: a }\n        - { path: b, file: bad "
     "}\n",
     "relay.yaml:4:11: modules[0].karp.sources[0].file: a source needs a good file\n"
     "relay.yaml:5:28: modules[0].karp.sources[1].file: a source needs a good file\n"},
    /* it is not asked about values that are wrong one by one, the next one is */
    {"modules:\n  - auth: { leeway: 1 }\n  - karp: { sources: [{ path: a }] }\n",
     "relay.yaml:2:21: modules[0].auth.leeway: \"1\" has no unit; write a number with ns, us, ms, "
     "s, m or h, such as 250ms\n"
     "relay.yaml:3:23: modules[1].karp.sources[0].file: a source needs a good file\n"},
};

static void a_bad_list_is_answered_with_place_reason_and_remedy(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_lists / sizeof bad_lists[0]; i++) {
        struct loaded loaded;
        load_modules(&loaded, bad_lists[i].text);
        assert_errors(&loaded.errors, bad_lists[i].errors);
        assert_int_equal(loaded.result, MOQ_ERR_INVALID);
    }
    assert_int_equal(object_count(OBJECT_config), 0);
}

static void assert_path_refused(const char *path, const char *problem)
{
    struct loaded loaded;
    char text[2048], expected[CONFIG_ERROR_BYTES];
    snprintf(text, sizeof text, "modules: [{ clock: { path: \"%s\" } }]\n", path);
    snprintf(expected, sizeof expected, "relay.yaml:1:28: modules[0].clock.path: %s\n", problem);
    load_modules(&loaded, text);
    assert_errors(&loaded.errors, expected);
}

static void the_path_of_a_broadcast_is_one_that_can_be_announced(void **state)
{
    (void)state;
    char parts[2 * 33], bytes[1024 + 1];
    memset(bytes, 'a', sizeof bytes - 1);
    bytes[sizeof bytes - 1] = '\0';
    for (size_t i = 0; i < 33; i++)
        memcpy(parts + 2 * i, "a/", 2);
    parts[sizeof parts - 1] = '\0';
    assert_path_refused(parts, "has more than 32 parts; shorten it");
    assert_path_refused(bytes, "is longer than 1023 bytes; shorten it");
    assert_path_refused("/a", "begins with /; paths have no leading slash, remove it");
    assert_path_refused("a//b",
                        "has an empty part; write one / between parts, and none at the end");
    assert_path_refused("a/", "has an empty part; write one / between parts, and none at the end");
    assert_path_refused("a\\nb", "has a control character; write it as the log does, in "
                                 "hexadecimal: {0a}");
    assert_path_refused("", "is empty; write a path, or leave the setting out");
    struct loaded loaded;
    load_modules(&loaded, "modules: [clock: { path: }]\n");
    assert_errors(&loaded.errors, "relay.yaml:1:26: modules[0].clock.path: is empty; write a path, "
                                  "or leave the setting out\n");
    load_well(&loaded, "modules: [./my-own.so: { path: \"a b/{20}/*?\" }]\n");
    relay_config_free(&loaded.config);
}

static void lists_and_names_have_an_end(void **state)
{
    (void)state;
    struct loaded loaded;
    char text[1024] = "modules: [hello";
    for (int i = 0; i < CONFIG_MAX_MODULES; i++)
        strcat(text, ", hello");
    load_modules(&loaded, strcat(text, "]\n"));
    assert_errors(&loaded.errors,
                  "relay.yaml:1:10: modules: 33 entries are too many; write at most 32\n");
    snprintf(text, sizeof text, "modules: [%0256d]\n", 0);
    load_modules(&loaded, text);
    assert_errors(&loaded.errors,
                  "relay.yaml:1:11: modules[0]: the name is longer than 255 bytes; shorten it\n");
}

static void files_of_modules_are_looked_for_on_request(void **state)
{
    (void)state;
    static const char text[] = "module_directory: /nowhere\n"
                               "modules: [{ auth: { keys: /nowhere/keys } }]\n";
    struct config_flags flags = {.is_dev = true};
    struct config_sources sources = {.file = "relay.yaml",
                                     .text = text,
                                     .text_bytes = sizeof text - 1,
                                     .flags = &flags,
                                     .host = &fake_host,
                                     .is_files_checked = true};
    struct loaded loaded;
    load(&loaded, &sources);
    assert_errors(&loaded.errors,
                  "relay.yaml:1:19: module_directory: cannot read \"/nowhere\" (No such file or "
                  "directory); correct the path or its permissions\n"
                  "relay.yaml:2:27: modules[0].auth.keys: cannot read \"/nowhere/keys\" (No such "
                  "file or directory); correct the path or its permissions\n");
}

/* ---- Complaints ------------------------------------------------------------------------------ */

struct complaint {
    const char *setting, *place;
};

static const struct complaint complaints_in_the_wild[] = {
    {"", "2:5: modules[0].loud:"},
    {"path", "2:19: modules[0].loud.path:"},
    {"path.deeper[3]", "2:19: modules[0].loud.path.deeper[3]:"},
    {"nothing", "2:5: modules[0].loud.nothing:"},
    {"[0]", "2:5: modules[0].loud.[0]:"},
    {"path[", "2:19: modules[0].loud.path[:"},
    {".", "2:5: modules[0].loud..:"},
    {"..path", "2:5: modules[0].loud...path:"},
};

static void complain_of_everything(const struct config_module_kind *kind, const void *values,
                                   struct config_complaints *complaints)
{
    (void)kind;
    (void)values;
    for (size_t i = 0; i < sizeof complaints_in_the_wild / sizeof complaints_in_the_wild[0]; i++)
        config_complain(complaints, complaints_in_the_wild[i].setting, "no");
    char setting[2048];
    memset(setting, 'x', sizeof setting);
    setting[sizeof setting - 1] = '\0';
    config_complain(complaints, setting, "%s", setting);
}

static const struct config_module_kind *find_loud(void *self, const char *name,
                                                  const char *directory, char *problem)
{
    (void)name;
    (void)directory;
    (void)problem;
    return self;
}

static void complaints_get_the_nearest_place_that_was_written(void **state)
{
    (void)state;
    static const char text[] = "modules:\n  - loud: { path: a }\n";
    struct config_module_kind loud = {.name = "loud",
                                      .file = "loud.so",
                                      .section = fake_section("clock"),
                                      .check = complain_of_everything};
    struct config_host host = {.find = find_loud, .self = &loud};
    struct config_flags flags = {.is_dev = true};
    struct config_sources sources = {.file = "relay.yaml",
                                     .text = text,
                                     .text_bytes = sizeof text - 1,
                                     .flags = &flags,
                                     .host = &host};
    struct loaded loaded;
    size_t count = sizeof complaints_in_the_wild / sizeof complaints_in_the_wild[0];
    load(&loaded, &sources);
    assert_int_equal(loaded.errors.count, count + 1);
    char *lines = error_lines(&loaded.errors);
    for (size_t i = 0; i < count; i++) {
        char expected[CONFIG_ERROR_BYTES];
        snprintf(expected, sizeof expected, "relay.yaml:%s no\n", complaints_in_the_wild[i].place);
        if (!strstr(lines, expected))
            fail_msg("no line %s in:\n%s", expected, lines);
    }
    free(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_arrives_in_the_structs),
        cmocka_unit_test(any_yaml_is_kept_with_its_places),
        cmocka_unit_test(the_environment_replaces_the_list),
        cmocka_unit_test(the_directory_counts_wherever_it_stands),
        cmocka_unit_test(no_modules_need_no_host),
        cmocka_unit_test(a_bad_list_is_answered_with_place_reason_and_remedy),
        cmocka_unit_test(the_path_of_a_broadcast_is_one_that_can_be_announced),
        cmocka_unit_test(lists_and_names_have_an_end),
        cmocka_unit_test(files_of_modules_are_looked_for_on_request),
        cmocka_unit_test(complaints_get_the_nearest_place_that_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
