/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The command line of moq-relay: argv in, a struct out. The names are those of the Rust relay, so
 * that its scripts work. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "server/config/internal.h"

enum flag {
    FLAG_BIND = 256,
    FLAG_CERT,
    FLAG_KEY,
    FLAG_ROOT,
    FLAG_NO_VERIFY,
    FLAG_SELF_SIGN,
    FLAG_DEV,
    FLAG_ACTION,
    FLAG_CLUSTER
};

static const struct option options[] = {
    {"bind", required_argument, NULL, FLAG_BIND},
    {"tls-cert", required_argument, NULL, FLAG_CERT},
    {"tls-key", required_argument, NULL, FLAG_KEY},
    {"tls-root", required_argument, NULL, FLAG_ROOT},
    {"tls-disable-verify", no_argument, NULL, FLAG_NO_VERIFY},
    {"tls-self-sign", required_argument, NULL, FLAG_SELF_SIGN},
    {"dev", no_argument, NULL, FLAG_DEV},
    {"verbose", no_argument, NULL, 'v'},
    {"quiet", no_argument, NULL, 'q'},
    {"check", no_argument, NULL, FLAG_ACTION},
    {"print-config", no_argument, NULL, FLAG_ACTION},
    {"schema", no_argument, NULL, FLAG_ACTION},
    {"reference", no_argument, NULL, FLAG_ACTION},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {"announce", required_argument, NULL, FLAG_CLUSTER},
    {"cluster-root", required_argument, NULL, FLAG_CLUSTER},
    {"cluster-node", required_argument, NULL, FLAG_CLUSTER},
    {NULL, 0, NULL, 0},
};

enum { OPTION_COUNT = sizeof options / sizeof options[0] - 1 };

static void complain_of_flag(struct config_errors *errors, const char *flag, const char *what)
{
    char quoted[CONFIG_QUOTE_BYTES];
    const char *safe = config_quote(quoted, flag);
    config_errors_add(errors, NULL, "%.*s: %s", (int)strlen(safe) - 2, safe + 1, what);
}

/* ---- What getopt does not know --------------------------------------------------------------- */

static void complain_unknown(struct config_errors *errors, const char *argument)
{
    const char *names[OPTION_COUNT];
    char what[CONFIG_PROBLEM_BYTES];
    for (size_t i = 0; i < OPTION_COUNT; i++)
        names[i] = options[i].name;
    bool is_long = strncmp(argument, "--", 2) == 0;
    const char *nearest = is_long ? config_nearest(argument + 2, names, OPTION_COUNT) : NULL;
    snprintf(what, sizeof what,
             nearest ? "no such flag (did you mean --%s?)" : "no such flag; see moq-relay --help",
             nearest);
    complain_of_flag(errors, argument, what);
}

static const char *name_of(int value)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (options[i].val == value)
            return options[i].name;
    return "";
}

/* `optopt` is 0 for an unknown long flag, and the flag's value for a known flag that is used
 * wrongly. */
static void complain_misuse(struct config_errors *errors, const char *argument,
                            bool is_value_missing)
{
    char text[64];
    if (optopt == 0) {
        complain_unknown(errors, argument);
        return;
    }
    if (optopt < 256 && name_of(optopt)[0] == '\0') {
        snprintf(text, sizeof text, "-%c", optopt);
        complain_unknown(errors, text);
        return;
    }
    complain_of_flag(errors, argument,
                     is_value_missing ? "a value is missing; write it after the flag"
                                      : "this flag takes no value; leave it out");
}

/* ---- What it knows --------------------------------------------------------------------------- */

static void add_value(struct config_errors *errors, struct config_flag_values *values,
                      const char *flag)
{
    if (values->count == CONFIG_MAX_FLAG_VALUES)
        complain_of_flag(errors, flag, "given too often; use a configuration file");
    else
        values->values[values->count++] = optarg;
}

static void set_action(struct config_flags *flags, const char *name)
{
    static const struct {
        const char *name;
        enum config_action action;
    } actions[] = {{"check", CONFIG_ACTION_CHECK},   {"print-config", CONFIG_ACTION_PRINT},
                   {"schema", CONFIG_ACTION_SCHEMA}, {"reference", CONFIG_ACTION_REFERENCE},
                   {"help", CONFIG_ACTION_HELP},     {"version", CONFIG_ACTION_VERSION}};
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (strcmp(actions[i].name, name) == 0 && actions[i].action > flags->action)
            flags->action = actions[i].action;
}

static void on_flag(struct config_flags *flags, int value, const char *name,
                    struct config_errors *errors)
{
    char flag[64];
    snprintf(flag, sizeof flag, "--%s", name);
    switch (value) {
    case FLAG_BIND:
        if (flags->bind)
            complain_of_flag(
                errors, flag,
                "given twice; list several addresses under listen in a configuration file");
        flags->bind = optarg;
        break;
    case FLAG_CERT:
        add_value(errors, &flags->tls_cert, flag);
        break;
    case FLAG_KEY:
        add_value(errors, &flags->tls_key, flag);
        break;
    case FLAG_ROOT:
        add_value(errors, &flags->tls_root, flag);
        break;
    case FLAG_SELF_SIGN:
        add_value(errors, &flags->self_sign, flag);
        break;
    case FLAG_NO_VERIFY:
        flags->is_verify_disabled = true;
        break;
    case FLAG_DEV:
        flags->is_dev = true;
        break;
    case 'v':
    case 'q':
        flags->verbosity += value == 'v' ? 1 : -1;
        break;
    case FLAG_CLUSTER:
        complain_of_flag(
            errors, flag,
            "is not a flag of this relay; name the other relays in relay.yaml, as `peers` of the "
            "module cluster");
        break;
    default:
        set_action(flags, name);
    }
}

static void take_words(struct config_flags *flags, int argc, char *const argv[],
                       struct config_errors *errors)
{
    for (int i = optind; i < argc; i++) {
        if (flags->file)
            complain_of_flag(errors, argv[i], "a second configuration file; give only one");
        else
            flags->file = argv[i];
    }
}

int config_flags_parse(struct config_flags *flags, int argc, char *const argv[],
                       struct config_errors *errors)
{
    size_t errors_before = errors->count;
    *flags = (struct config_flags){.action = CONFIG_ACTION_RUN};
    char **words = calloc((size_t)argc + 1, sizeof *words); /* getopt reorders them */
    if (!words) {
        config_errors_add(errors, NULL, "out of memory while reading the flags");
        return MOQ_ERR_NOMEM;
    }
    memcpy(words, argv, (size_t)argc * sizeof *words);
    opterr = 0;
    optind = 0; /* resets getopt after an earlier call */
    for (int value, index = -1; (value = getopt_long(argc, words, ":vqhV", options, &index)) != -1;
         index = -1) {
        if (value == '?' || value == ':')
            complain_misuse(errors, words[optind - 1], value == ':');
        else
            on_flag(flags, value, index >= 0 ? options[index].name : name_of(value), errors);
    }
    take_words(flags, argc, words, errors);
    free(words);
    return errors->count > errors_before ? MOQ_ERR_INVALID : 0;
}

void config_flags_help(FILE *out)
{
    fputs(
        "moq-relay [relay.yaml] [flags]: a relay for live media over QUIC\n"
        "\n"
        "  --bind IP:PORT         UDP address to listen on                       [::]:4443\n"
        "  --tls-cert FILE        certificate chain, PEM; repeat, or separate by commas\n"
        "  --tls-key FILE         the certificate's key; several in the same order\n"
        "  --tls-self-sign HOST   make a certificate for HOST at start, for development\n"
        "  --tls-root FILE        certificate to trust when the relay itself connects to a "
        "server;\n"
        "                         default: those that the system trusts\n"
        "  --tls-disable-verify   trust any server instead; for development\n"
        "  --dev                  fill in what a first try needs: [::]:4443, a self-signed "
        "certificate\n"
        "                         for localhost, HTTP (GET /fingerprint) on TCP, same address and "
        "port\n"
        "  -v, -q                 more or fewer log lines; may be repeated\n"
        "\n"
        "  --check                say whether the relay would start with this configuration, and "
        "exit\n"
        "  --print-config         print the whole configuration as YAML, and exit\n"
        "  --reference            print every setting with its explanation, and exit\n"
        "  --schema               print a JSON Schema of the configuration, for editors, and exit\n"
        "  -h, --help             -V, --version\n"
        "\n"
        "Flags win over MOQ_RELAY_<SECTION>_<SETTING> in the environment, the environment wins "
        "over\n"
        "the file, the file over the defaults.\n"
        "SIGHUP reads the configuration again; SIGTERM and SIGINT shut the relay down cleanly.\n"
        "\n"
        "  moq-relay --dev\n"
        "  moq-relay --tls-cert cert.pem --tls-key key.pem --bind [::]:443\n"
        "  MOQ_RELAY_CACHE_AGE=5s moq-relay /etc/moq-relay/relay.yaml --check\n",
        out);
}
