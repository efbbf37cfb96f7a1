/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The command line: what is understood, what it changes, and the message for each mistake. */
#include "tests/unit/config/loading.h"

#define ARGUMENTS(...) ((char *const[]){"moq-relay", __VA_ARGS__, NULL})

static size_t count_of(char *const *arguments)
{
    size_t count = 0;
    while (arguments[count])
        count++;
    return count;
}

static int parse(struct config_flags *flags, struct config_errors *errors, char *const *arguments)
{
    config_errors_init(errors);
    return config_flags_parse(flags, (int)count_of(arguments), arguments, errors);
}

static void load_arguments(struct loaded *loaded, const char *text, char *const *arguments)
{
    struct config_flags flags;
    struct config_sources sources = {
        .file = "relay.yaml", .text = text, .text_bytes = strlen(text), .flags = &flags};
    assert_int_equal(parse(&flags, &loaded->errors, arguments), 0);
    load(loaded, &sources);
}

static void assert_slip(char *const *arguments, const char *expected)
{
    struct config_flags flags;
    struct config_errors errors;
    assert_int_equal(parse(&flags, &errors, arguments), MOQ_ERR_INVALID);
    assert_errors(&errors, expected);
}

static void assert_action(char *const *arguments, enum config_action action, const char *file)
{
    struct config_flags flags;
    struct config_errors errors;
    assert_int_equal(parse(&flags, &errors, arguments), 0);
    assert_int_equal(flags.action, action);
    assert_int_equal(flags.file != NULL, file != NULL);
    if (file)
        assert_string_equal(flags.file, file);
}

static void the_file_may_stand_before_or_behind_the_flags(void **state)
{
    (void)state;
    assert_action(ARGUMENTS("a.yaml"), CONFIG_ACTION_RUN, "a.yaml");
    assert_action(ARGUMENTS("a.yaml", "--check"), CONFIG_ACTION_CHECK, "a.yaml");
    assert_action(ARGUMENTS("--check", "a.yaml"), CONFIG_ACTION_CHECK, "a.yaml");
    assert_action(ARGUMENTS("--print-config", "-v"), CONFIG_ACTION_PRINT, NULL);
    assert_action(ARGUMENTS("--schema"), CONFIG_ACTION_SCHEMA, NULL);
    assert_action(ARGUMENTS("--reference"), CONFIG_ACTION_REFERENCE, NULL);
    assert_action(ARGUMENTS("--check", "-h"), CONFIG_ACTION_HELP, NULL);
    assert_action(ARGUMENTS("--version"), CONFIG_ACTION_VERSION, NULL);
    assert_action(ARGUMENTS("--", "--check"), CONFIG_ACTION_RUN, "--check");
}

static void dev_alone_is_enough_to_try(void **state)
{
    (void)state;
    struct loaded loaded;
    load_arguments(&loaded, "", ARGUMENTS("--dev"));
    const struct relay_config *config = loaded.config;
    assert_int_equal(config->listen_count, 1);
    assert_string_equal(config->listen[0].address.text, "[::]:4443");
    assert_string_equal(config->listen[0].self_signed[0], "localhost");
    assert_true(config->http.has_fingerprint && config->http.has_broadcasts);
    assert_false(config->http.has_viewers);
    assert_true(config->http.address.is_listen);
    assert_int_equal(config->http.address.size, config->listen[0].address.size);
    assert_memory_equal(&config->http.address.socket, &config->listen[0].address.socket,
                        config->http.address.size);
    relay_config_free(&loaded.config);
}

static void dev_fills_in_only_what_nobody_said(void **state)
{
    (void)state;
    static const char text[] =
        "listen: [{ address: \"127.0.0.1:5\", certificates: [{ cert: a, key: b }] }]\n"
        "http: { address: \"127.0.0.1:6\", broadcasts: false }\n";
    struct loaded loaded;
    load_arguments(&loaded, text, ARGUMENTS("--dev"));
    assert_string_equal(loaded.config->listen[0].address.text, "127.0.0.1:5");
    assert_int_equal(loaded.config->listen[0].self_signed_count, 0);
    assert_string_equal(loaded.config->http.address.text, "127.0.0.1:6");
    assert_false(loaded.config->http.address.is_listen || loaded.config->http.has_broadcasts);
    relay_config_free(&loaded.config);

    load_arguments(&loaded, "http: { address: \"\" }\n", ARGUMENTS("--dev", "--bind", "[::1]:0"));
    assert_string_equal(loaded.config->listen[0].address.text, "[::1]:0");
    assert_int_equal(loaded.config->http.address.size, 0);
    relay_config_free(&loaded.config);
}

static void certificates_repeat_or_take_commas(void **state)
{
    (void)state;
    struct loaded loaded;
    load_arguments(&loaded, "",
                   ARGUMENTS("--tls-cert", "a,b", "--tls-key=A", "--tls-cert=c", "--tls-key", "B,C",
                             "--tls-self-sign", "x,y", "--tls-root", "r", "--tls-disable-verify"));
    const struct config_listener *listener = &loaded.config->listen[0];
    assert_int_equal(listener->certificate_count, 3);
    assert_string_equal(listener->certificates[0].cert, "a");
    assert_string_equal(listener->certificates[0].key, "A");
    assert_string_equal(listener->certificates[2].cert, "c");
    assert_string_equal(listener->certificates[2].key, "C");
    assert_int_equal(listener->self_signed_count, 2);
    assert_string_equal(listener->self_signed[1], "y");
    assert_string_equal(loaded.config->tls.roots[0], "r");
    assert_false(loaded.config->tls.is_verified);
    relay_config_free(&loaded.config);
}

static void flags_win_over_the_file(void **state)
{
    (void)state;
    static const char text[] =
        "listen:\n  - address: \"[::]:1\"\n    self_signed: [a]\n    certificates: [{ cert: a, "
        "key: b }]\nlog: { level: warn }\n";
    struct loaded loaded;
    load_arguments(&loaded, text,
                   ARGUMENTS("--bind", "[::]:2", "-vv", "-q", "--tls-self-sign", "b"));
    assert_string_equal(loaded.config->listen[0].address.text, "[::]:2");
    assert_int_equal(loaded.config->listen[0].certificate_count, 1);
    assert_string_equal(loaded.config->listen[0].self_signed[0], "b");
    assert_int_equal(loaded.config->log.level, LOG_LEVEL_INFO);
    relay_config_free(&loaded.config);

    load_arguments(&loaded, text, ARGUMENTS("-qqqqq"));
    assert_int_equal(loaded.config->log.level, LOG_LEVEL_OFF);
    relay_config_free(&loaded.config);
}

static void a_wrong_value_of_a_flag_names_the_flag(void **state)
{
    (void)state;
    struct loaded loaded;
    load_arguments(&loaded, "", ARGUMENTS("--bind", "4443", "--tls-self-sign", "a b"));
    assert_errors(&loaded.errors, "--bind: listen[0].address: \"4443\" is not an address; write "
                                  "IP:port, such as 127.0.0.1:8080 or \"[::]:4443\"\n"
                                  "--tls-self-sign: listen[0].self_signed[0]: is not a host name "
                                  "or IP address; write one, such as localhost\n");
    load_arguments(&loaded, "", ARGUMENTS("--tls-cert", "a,b", "--tls-key", "c"));
    assert_errors(&loaded.errors,
                  "--tls-cert: 2 given, but 1 of --tls-key; give one key for each certificate\n");
    load_arguments(&loaded, "", ARGUMENTS("--tls-self-sign", "\xff"));
    assert_non_null(strstr(loaded.errors.entries[0].text, "--tls-self-sign: not UTF-8"));
    load_arguments(&loaded, "listen: [{self_signed: [a]}, {address: \"[::]:2\", self_signed: [a]}]",
                   ARGUMENTS("--bind", "[::]:1"));
    assert_errors(&loaded.errors, "--bind: the configuration has 2 listeners; change them there\n");
}

static void a_slip_is_answered(void **state)
{
    (void)state;
    assert_slip(ARGUMENTS("--bnd"), "--bnd: no such flag (did you mean --bind?)\n");
    assert_slip(ARGUMENTS("--frobnicate"), "--frobnicate: no such flag; see moq-relay --help\n");
    assert_slip(ARGUMENTS("-x"), "-x: no such flag; see moq-relay --help\n");
    assert_slip(ARGUMENTS("--bind"), "--bind: a value is missing; write it after the flag\n");
    assert_slip(ARGUMENTS("--dev=1"), "--dev=1: this flag takes no value; leave it out\n");
    assert_slip(ARGUMENTS("a.yaml", "b.yaml"),
                "b.yaml: a second configuration file; give only one\n");
    assert_slip(
        ARGUMENTS("--bind", "a", "--bind", "b"),
        "--bind: given twice; list several addresses under listen in a configuration file\n");
    assert_slip(
        ARGUMENTS("--announce", "x", "--cluster-root=y", "--cluster-node", "z"),
        "--announce: is not a flag of this relay; name the other relays in relay.yaml, as "
        "`peers` of the module cluster\n"
        "--cluster-root: is not a flag of this relay; name the other relays in relay.yaml, as "
        "`peers` of the module cluster\n"
        "--cluster-node: is not a flag of this relay; name the other relays in relay.yaml, as "
        "`peers` of the module cluster\n");
}

static void a_flag_cannot_be_given_without_end(void **state)
{
    (void)state;
    char *arguments[CONFIG_MAX_FLAG_VALUES + 3] = {"moq-relay"};
    for (size_t i = 1; i < CONFIG_MAX_FLAG_VALUES + 2; i++)
        arguments[i] = "--tls-root=a";
    assert_slip(arguments, "--tls-root: given too often; use a configuration file\n");
}

static void the_arguments_stay_as_they_were(void **state)
{
    (void)state;
    char *arguments[] = {"moq-relay", "a.yaml", "--check", NULL};
    assert_action(arguments, CONFIG_ACTION_CHECK, "a.yaml");
    assert_string_equal(arguments[1], "a.yaml");
    assert_string_equal(arguments[2], "--check");
}

static void the_help_names_every_flag(void **state)
{
    (void)state;
    static const char *const names[] = {"--bind",
                                        "--tls-cert",
                                        "--tls-key",
                                        "--tls-root",
                                        "--tls-self-sign",
                                        "--tls-disable-verify",
                                        "--dev",
                                        "-v",
                                        "-q",
                                        "--check",
                                        "--print-config",
                                        "--schema",
                                        "--help",
                                        "--version",
                                        "--reference"};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    config_flags_help(out);
    fclose(out);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_non_null(strstr(text, names[i]));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_may_stand_before_or_behind_the_flags),
        cmocka_unit_test(dev_alone_is_enough_to_try),
        cmocka_unit_test(dev_fills_in_only_what_nobody_said),
        cmocka_unit_test(certificates_repeat_or_take_commas),
        cmocka_unit_test(flags_win_over_the_file),
        cmocka_unit_test(a_wrong_value_of_a_flag_names_the_flag),
        cmocka_unit_test(a_slip_is_answered),
        cmocka_unit_test(a_flag_cannot_be_given_without_end),
        cmocka_unit_test(the_arguments_stay_as_they_were),
        cmocka_unit_test(the_help_names_every_flag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
