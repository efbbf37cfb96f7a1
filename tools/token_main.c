/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* moq-token: makes keys and tokens, and checks them. Commands and options have the names that they
 * have in the crate moq-token-cli and in npm @moq/token.
 * Tested by tests/e2e/test_token.py. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/descriptors.h"
#include "base/standard_output.h"
#include "token/token.h"
#include "tools/options.h"
#include "tools/token_files.h"
#include "tools/token_time.h"

#define PROGRAM "moq-token"

enum { EXIT_FAILED = 1, ROWS = 18 };

enum command { GENERATE = 1, SIGN = 2, VERIFY = 4, PUBLIC = 8 };

static const struct {
    const char *name;
    enum command command;
} commands[] = {{"generate", GENERATE}, {"sign", SIGN}, {"verify", VERIFY}, {"public", PUBLIC}};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

struct settings {
    enum command command;
    const char *key, *id, *algorithm, *out, *public, *in, *root, *expires, *issued, *not_before;
    struct options_list publish, subscribe;
    bool is_cluster, is_json;
};

/* ---- The command line ------------------------------------------------------------------------ */

static const char *name_of(enum command command)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (commands[i].command == command)
            return commands[i].name;
    return "";
}

/* The first word is the command, and for verify another may be the token. */
static int read_words(const struct options_list *words, struct settings *settings,
                      const char **token)
{
    const char *first = words->count ? words->items[0] : NULL;
    for (size_t i = 0; i < COMMANDS && first; i++)
        if (strcmp(first, commands[i].name) == 0)
            settings->command = commands[i].command;
    if (!first || strncmp(first, "eyJ", 3) == 0) /* a token or a key is not shown */
        return options_complain(PROGRAM, "a command is missing: generate, sign, verify or public");
    if (!settings->command)
        return options_complain(PROGRAM,
                                "%s: no such command; there are generate, sign, verify and "
                                "public",
                                first);
    size_t most = settings->command == VERIFY ? 2 : 1;
    if (words->count > most)
        return options_complain(PROGRAM, "too many arguments for %s", first);
    *token = words->count > 1 ? words->items[1] : NULL;
    return 0;
}

/* Stars are a pattern in relay.yaml only; in a token they would be a name that nobody has. */
static int check_paths(const char *option, const struct options_list *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        const char *path = paths->items[i], *slash = strrchr(path, '/');
        const char *last = slash ? slash + 1 : path;
        if (strcmp(last, "*") == 0 || strcmp(last, "**") == 0)
            return options_complain(PROGRAM,
                                    "--%s %s: stars are no pattern here; write the path without "
                                    "them, which grants all below it as well",
                                    option, path);
    }
    return 0;
}

/* Each option belongs to some commands; elsewhere it is a mistake, not ignored. */
static int check_options(const struct settings *settings)
{
    const struct {
        const char *name;
        bool is_given;
        unsigned commands;
    } rows[] = {
        {"id", settings->id, GENERATE | SIGN},
        {"algorithm", settings->algorithm, GENERATE},
        {"out", settings->out, GENERATE | PUBLIC},
        {"public", settings->public, GENERATE},
        {"json", settings->is_json, GENERATE | PUBLIC},
        {"in", settings->in, VERIFY},
        {"root", settings->root, GENERATE | SIGN},
        {"publish", settings->publish.count, GENERATE | SIGN},
        {"subscribe", settings->subscribe.count, GENERATE | SIGN},
        {"cluster", settings->is_cluster, SIGN},
        {"expires", settings->expires, SIGN},
        {"issued", settings->issued, SIGN},
        {"not-before", settings->not_before, SIGN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].is_given && !(rows[i].commands & settings->command))
            return options_complain(PROGRAM, "--%s is not for %s", rows[i].name,
                                    name_of(settings->command));
    if (settings->command != GENERATE && !settings->key)
        return options_complain(PROGRAM, "--key is missing: the file of the key");
    int error = check_paths("publish", &settings->publish);
    return error ? error : check_paths("subscribe", &settings->subscribe);
}

static int read_time(const char *name, const char *text, int64_t *seconds)
{
    *seconds = TOKEN_NEVER;
    if (!text || token_time_parse(text, (int64_t)time(NULL), seconds))
        return 0;
    return options_complain(PROGRAM,
                            "--%s %s: not a time such as 1h or 30d (from now on), "
                            "2026-12-31T23:59:59Z, or seconds since 1970",
                            name, text);
}

/* ---- What it prints -------------------------------------------------------------------------- */

static int fail_with(const char *why)
{
    fprintf(stderr, PROGRAM ": %s\n", why);
    return EXIT_FAILED;
}

/* Prints a text, which is then freed. */
static int print_text(char **text)
{
    puts(*text);
    token_text_free(text);
    return standard_output_end(PROGRAM) ? EXIT_FAILED : EXIT_SUCCESS;
}

/* Prints a key, or writes it to a file. The other tools read files without a newline best. */
static int deliver_key(const struct settings *settings, const char *json, const char *file,
                       bool is_secret)
{
    char *text = settings->is_json ? strdup(json) : token_key_armour(json);
    if (!text)
        return fail_with("out of memory");
    if (!file || strcmp(file, "-") == 0)
        return print_text(&text);
    bool is_written = token_files_write(file, text, is_secret);
    token_text_free(&text);
    return is_written ? EXIT_SUCCESS : EXIT_FAILED;
}

/* ---- Commands -------------------------------------------------------------------------------- */

static bool is_output(const char *file)
{
    return !file || strcmp(file, "-") == 0;
}

static char *public_half(const char *json, char why[TOKEN_WHY_BYTES])
{
    struct token_keys *keys = token_keys_parse(json, strlen(json), "the new key", why);
    char *text = keys ? token_keys_public(keys, why) : NULL;
    token_keys_free(&keys);
    return text;
}

/* The private half goes first: if it cannot be written, nobody gets a public half of nothing. */
static int deliver_pair(const struct settings *settings, const char *json, const char *file)
{
    char why[TOKEN_WHY_BYTES];
    char *public = settings->public ? public_half(json, why) : NULL;
    if (settings->public && !public)
        return fail_with(why);
    int status = deliver_key(settings, json, file, true);
    if (!status && public)
        status = deliver_key(settings, public, settings->public, false);
    token_text_free(&public);
    return status;
}

static int generate_key(const struct settings *settings)
{
    char why[TOKEN_WHY_BYTES];
    const char *algorithm = settings->algorithm ? settings->algorithm : "HS256";
    const char *file = settings->out ? settings->out : settings->key;
    bool has_scope = settings->publish.count + settings->subscribe.count > 0;
    const struct token_claims scope = {
        .root = settings->root,
        .publish = settings->publish.items,
        .publish_count = settings->publish.count,
        .subscribe = settings->subscribe.items,
        .subscribe_count = settings->subscribe.count,
    };
    if (settings->public && is_output(settings->public) && is_output(file))
        return options_complain(PROGRAM, "both keys cannot go to standard output: say --out FILE");
    if (settings->root && !has_scope)
        return options_complain(PROGRAM, "--root limits a key only with --publish or --subscribe");
    char *json = token_key_generate(algorithm, settings->id, has_scope ? &scope : NULL, why);
    if (!json)
        return fail_with(why);
    int status = deliver_pair(settings, json, file);
    token_text_free(&json);
    return status;
}

static int sign_token(const struct settings *settings)
{
    char why[TOKEN_WHY_BYTES];
    struct token_claims claims = {
        .root = settings->root,
        .publish = settings->publish.items,
        .publish_count = settings->publish.count,
        .subscribe = settings->subscribe.items,
        .subscribe_count = settings->subscribe.count,
        .is_cluster = settings->is_cluster,
    };
    int result = read_time("expires", settings->expires, &claims.expires_s);
    if (!result)
        result = read_time("issued", settings->issued, &claims.issued_s);
    if (!result)
        result = read_time("not-before", settings->not_before, &claims.not_before_s);
    if (!result && claims.publish_count + claims.subscribe_count == 0)
        result = options_complain(PROGRAM, "the token would grant nothing: say --publish PATH or "
                                           "--subscribe PATH (\"\" is everything below the root)");
    if (result)
        return result;
    struct token_keys *keys = token_files_keys(settings->key);
    char *token = keys ? token_sign(keys, settings->id, &claims, why) : NULL;
    int status = keys ? EXIT_SUCCESS : EXIT_FAILED;
    if (keys && !token)
        status = fail_with(why);
    token_keys_free(&keys);
    return token ? print_text(&token) : status;
}

static int verify_text(const struct settings *settings, const char *text)
{
    char why[TOKEN_WHY_BYTES];
    struct timespec now;
    struct token token;
    struct token_keys *keys = token_files_keys(settings->key);
    if (!keys)
        return EXIT_FAILED;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    int error = token_verify(keys, text, now_ms, &token, why);
    token_keys_free(&keys);
    if (error)
        return fail_with(why);
    puts(token.claims);
    token_clear(&token);
    return standard_output_end(PROGRAM) ? EXIT_FAILED : EXIT_SUCCESS;
}

static int verify_token(const struct settings *settings, const char *token)
{
    char text[TOKEN_MAX_BYTES + 2];
    const char *file = settings->in ? settings->in : "-";
    if (token && settings->in)
        return options_complain(PROGRAM, "--in and a token are both given");
    if (token && strcmp(token, "-") != 0)
        return verify_text(settings, token);
    if (strcmp(settings->key, "-") == 0 && strcmp(file, "-") == 0)
        return options_complain(PROGRAM, "key and token cannot both come from standard input");
    return token_files_token(file, text) ? verify_text(settings, text) : EXIT_FAILED;
}

static int print_public(const struct settings *settings)
{
    char why[TOKEN_WHY_BYTES];
    struct token_keys *keys = token_files_keys(settings->key);
    char *json = keys ? token_keys_public(keys, why) : NULL;
    int status = keys ? EXIT_SUCCESS : EXIT_FAILED;
    if (json)
        status = deliver_key(settings, json, settings->out, false);
    else if (keys)
        status = fail_with(why);
    token_text_free(&json);
    token_keys_free(&keys);
    return status;
}

static int run_command(const struct settings *settings, const char *token)
{
    if (token_library_start())
        return fail_with("out of memory");
    int status = settings->command == GENERATE ? generate_key(settings)
                 : settings->command == SIGN   ? sign_token(settings)
                 : settings->command == VERIFY ? verify_token(settings, token)
                                               : print_public(settings);
    token_library_stop();
    return status;
}

static void fill_rows(struct settings *settings, struct option_row rows[ROWS])
{
    const struct option_row all[ROWS] = {
        {"key", OPTION_TEXT, "FILE", "the key, or a set of keys (- is standard input)",
         &settings->key},
        {"id", OPTION_TEXT, "KID", "generate: its name (default random); sign: which key of a set",
         &settings->id},
        {"", OPTION_HEADING, NULL, "generate, public:", NULL},
        {"algorithm", OPTION_TEXT, "NAME",
         "HS256 (default), HS384, HS512, RS256, PS256, ES256, ES384 or EdDSA",
         &settings->algorithm},
        {"out", OPTION_TEXT, "FILE", "write the key there, not to standard output", &settings->out},
        {"public", OPTION_TEXT, "FILE", "generate: write the public half too", &settings->public},
        {"json", OPTION_FLAG, NULL, "write JSON, not base64url of it", &settings->is_json},
        {"", OPTION_HEADING, NULL,
         "sign; with generate, the most that tokens of the key may grant:", NULL},
        {"root", OPTION_TEXT, "PATH", "what the paths below begin with (default: nothing)",
         &settings->root},
        {"publish", OPTION_LIST, "PATH", "may publish this and all below it (repeatable)",
         &settings->publish},
        {"subscribe", OPTION_LIST, "PATH", "may watch this and all below it (repeatable)",
         &settings->subscribe},
        {"cluster", OPTION_FLAG, NULL, "sign: for another relay", &settings->is_cluster},
        {"expires", OPTION_TEXT, "TIME", "sign: valid until then (default: for ever)",
         &settings->expires},
        {"not-before", OPTION_TEXT, "TIME", "sign: valid from then on", &settings->not_before},
        {"issued", OPTION_TEXT, "TIME", "sign: made at this time, often \"now\"",
         &settings->issued},
        {"", OPTION_HEADING, NULL, "verify:", NULL},
        {"in", OPTION_TEXT, "FILE", "the token (default -, standard input)", &settings->in},
        {"", OPTION_HEADING, NULL, "Other:", NULL},
    };
    memcpy(rows, all, sizeof all);
}

int main(int argc, char **argv)
{
    descriptors_fill_standard();
    struct settings settings = {.key = NULL};
    struct options_list words;
    struct option_row rows[ROWS];
    fill_rows(&settings, rows);
    const struct options_spec spec = {
        .program = PROGRAM,
        .synopsis = "generate [options]\n"
                    "       moq-token sign --key FILE [options]\n"
                    "       moq-token verify --key FILE [TOKEN]\n"
                    "       moq-token public --key FILE [options]",
        .summary =
            "Makes keys and tokens for moq-relay, and checks them. A PATH of \"\" is everything\n"
            "below the root. A TIME is from now on (15m, 1h, 30d), a date\n"
            "(2026-12-31T23:59:59Z), or seconds since 1970.\n\n"
            "Options:",
        .ending = "Examples:\n"
                  "  moq-token generate --algorithm ES256 --out private.jwk --public public.jwk\n"
                  "  moq-token sign --key private.jwk --root demo --subscribe \"\" --expires 1h\n"
                  "  moq-token verify --key public.jwk < token\n\n"
                  "Exit codes:\n"
                  "  0  done; for verify: the token is good\n"
                  "  1  the token is not good, or a file or a key cannot be used\n"
                  "  2  the command line is wrong",
        .rows = rows,
        .row_count = sizeof rows / sizeof rows[0],
    };
    const char *token = NULL;
    int result = options_parse(&spec, argc, argv, &words);
    if (result != OPTIONS_RUN)
        return options_status(result);
    result = read_words(&words, &settings, &token);
    if (!result)
        result = check_options(&settings);
    return result ? result : run_command(&settings, token);
}
