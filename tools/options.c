/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Parses command lines by a table. getopt is not used: it keeps its state in globals, and has
 * neither combined letters that count beside long names nor durations. */
#include "tools/options.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/standard_output.h"
#include "native/native.h"

enum { COMPLAINT_BYTES = 4096 }; /* the longest message; a longer one is cut */

#define MILLISECONDS_MAX (UINT64_C(366) * 24 * 3600 * 1000)

bool options_duration(const char *text, uint64_t *milliseconds)
{
    static const struct {
        const char *unit;
        double factor;
    } units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    size_t digits = strspn(text, "0123456789.");
    if (!isdigit((unsigned char)*text) || digits > 12)
        return false;
    char *end = NULL;
    double value = strtod(text, &end);
    if (end != text + digits) /* strtod also accepts hexadecimal, exponents and "inf" */
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].unit) != 0)
            continue;
        value *= units[i].factor;
        if (!(value >= 0) || value > (double)MILLISECONDS_MAX)
            return false;
        *milliseconds = (uint64_t)(value + 0.5);
        return true;
    }
    return false;
}

int options_complain(const char *program, const char *format, ...)
{
    char text[COMPLAINT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s: %s; try %s --help\n", program, moq_url_hide_token(text), program);
    return OPTIONS_USAGE;
}

static int complain_of_word(const struct options_spec *spec, const char *what, const char *which)
{
    return options_complain(spec->program, "%s%s", what, which);
}

static const struct option_row *find_row(const struct options_spec *spec, const char *name,
                                         size_t n)
{
    for (size_t i = 0; i < spec->row_count; i++) {
        const struct option_row *row = &spec->rows[i];
        if (row->kind != OPTION_HEADING && strlen(row->name) == n &&
            memcmp(row->name, name, n) == 0)
            return row;
    }
    return NULL;
}

static int set_list(const struct options_spec *spec, const struct option_row *row,
                    const char *value)
{
    struct options_list *list = row->target;
    if (list->count == OPTIONS_LIST_MAX)
        return options_complain(spec->program, "--%s: more than %d times", row->name,
                                OPTIONS_LIST_MAX);
    list->items[list->count++] = value;
    return OPTIONS_RUN;
}

static int set_value(const struct options_spec *spec, const struct option_row *row,
                     const char *value)
{
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)row->target = true;
        return OPTIONS_RUN;
    case OPTION_COUNT:
        ++*(unsigned *)row->target;
        return OPTIONS_RUN;
    case OPTION_TEXT:
        *(const char **)row->target = value;
        return OPTIONS_RUN;
    case OPTION_LIST:
        return set_list(spec, row, value);
    case OPTION_DURATION:
        if (options_duration(value, row->target))
            return OPTIONS_RUN;
        return options_complain(spec->program, "--%s %s: not a time such as 500ms or 2s", row->name,
                                value);
    case OPTION_HEADING:
        break;
    }
    return OPTIONS_USAGE;
}

/* Parses "--name", "--name=value" or "--name value" at argv[*index], and moves `*index` to the last
 * word that it has used. */
static int parse_long(const struct options_spec *spec, int argc, char *const *argv, int *index)
{
    const char *text = argv[*index] + 2;
    size_t n = strcspn(text, "=");
    const struct option_row *row = n > 1 ? find_row(spec, text, n) : NULL;
    if (!row)
        return complain_of_word(spec, "unknown option ", argv[*index]);
    if (!row->argument)
        return text[n] ? options_complain(spec->program, "--%s takes no value", row->name)
                       : set_value(spec, row, NULL);
    if (text[n] == '=')
        return set_value(spec, row, text + n + 1);
    if (*index + 1 >= argc)
        return complain_of_word(spec, "a value is missing after --", row->name);
    return set_value(spec, row, argv[++*index]);
}

static int parse_bundle(const struct options_spec *spec, int argc, char *const *argv, int *index)
{
    for (const char *letter = argv[*index] + 1; *letter; letter++) {
        const struct option_row *row = find_row(spec, letter, 1);
        if (!row)
            return complain_of_word(spec, "unknown option ", argv[*index]);
        if (!row->argument) {
            set_value(spec, row, NULL);
            continue;
        }
        if (letter[1])
            return set_value(spec, row, letter + 1);
        if (*index + 1 >= argc)
            return complain_of_word(spec, "a value is missing after -", row->name);
        return set_value(spec, row, argv[++*index]);
    }
    return OPTIONS_RUN;
}

static bool is_one_of(const char *text, const char *a, const char *b)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

static int end_output(const struct options_spec *spec)
{
    return standard_output_end(spec->program) ? OPTIONS_LOST : OPTIONS_DONE;
}

static int parse_one(const struct options_spec *spec, int argc, char *const *argv, int *index)
{
    const char *text = argv[*index];
    if (is_one_of(text, "--help", "-h")) {
        options_print_help(spec, stdout);
        return end_output(spec);
    }
    if (is_one_of(text, "--version", "-V")) {
        printf("%s %s\n", spec->program, MOQ_TOOLS_VERSION);
        return end_output(spec);
    }
    return text[1] == '-' ? parse_long(spec, argc, argv, index)
                          : parse_bundle(spec, argc, argv, index);
}

int options_parse(const struct options_spec *spec, int argc, char *const *argv,
                  struct options_list *words)
{
    bool is_words_only = false;
    words->count = 0;
    for (int i = 1; i < argc; i++) {
        bool is_word = is_words_only || argv[i][0] != '-' || !argv[i][1];
        if (!is_word && strcmp(argv[i], "--") == 0) {
            is_words_only = true;
            continue;
        }
        if (is_word && words->count == OPTIONS_LIST_MAX)
            return complain_of_word(spec, "too many arguments: ", argv[i]);
        if (is_word) {
            words->items[words->count++] = argv[i];
            continue;
        }
        int result = parse_one(spec, argc, argv, &i);
        if (result != OPTIONS_RUN)
            return result;
    }
    return OPTIONS_RUN;
}

int options_status(int result)
{
    return result == OPTIONS_DONE   ? EXIT_SUCCESS
           : result == OPTIONS_LOST ? EXIT_FAILURE
                                    : OPTIONS_USAGE;
}

static void print_row(const struct option_row *row, FILE *out)
{
    if (row->kind == OPTION_HEADING) {
        fprintf(out, "\n%s\n", row->help);
        return;
    }
    char left[64];
    snprintf(left, sizeof left, "%s%s%s%s", row->name[1] ? "--" : "-", row->name,
             row->argument ? " " : "", row->argument ? row->argument : "");
    fprintf(out, "  %-24s %s\n", left, row->help);
}

void options_print_help(const struct options_spec *spec, FILE *out)
{
    fprintf(out, "usage: %s %s\n\n%s\n", spec->program, spec->synopsis, spec->summary);
    for (size_t i = 0; i < spec->row_count; i++)
        print_row(&spec->rows[i], out);
    fprintf(out, "  %-24s %s\n  %-24s %s\n", "--help", "this text", "--version",
            "the version of this program");
    fprintf(out, "\n%s\n", spec->ending);
}
