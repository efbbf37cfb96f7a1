/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Command lines of the tools: one table of options per tool, words (a URL, a subcommand) before,
 * between or after them. */
#ifndef MOQ_TOOLS_OPTIONS_H
#define MOQ_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { OPTIONS_LIST_MAX = 32 };

struct options_list {
    const char *items[OPTIONS_LIST_MAX]; /* borrowed from argv */
    size_t count;
};

enum option_kind {
    OPTION_FLAG,     /* bool: set to true */
    OPTION_COUNT,    /* unsigned: counted */
    OPTION_TEXT,     /* const char *: the last one counts */
    OPTION_LIST,     /* struct options_list: each one is added */
    OPTION_DURATION, /* uint64_t milliseconds: "500ms", "2s", "1m", "1.5" (seconds) */
    OPTION_HEADING,  /* a line in the help */
};

struct option_row {
    const char *name; /* without its dashes; of one letter: also in bundles, "-vv" */
    enum option_kind kind;
    const char *argument; /* what it is called in the help; NULL: the option has none */
    const char *help;
    void *target; /* of the type that its kind says */
};

struct options_spec {
    const char *program;
    const char *synopsis; /* lines after the program's name */
    const char *summary;  /* sentences */
    const char *ending;   /* examples, exit codes */
    const struct option_row *rows;
    size_t row_count;
};

enum {
    OPTIONS_RUN,
    OPTIONS_DONE,  /* help or version was printed */
    OPTIONS_USAGE, /* said what is wrong */
    OPTIONS_LOST,  /* help or version could not be written, and that was said */
};

/* Says what is wrong with a command line on standard error, and how to get help. Returns
 * OPTIONS_USAGE, which is also the exit status. */
int options_complain(const char *program, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Fills the targets of `spec` and the words. --help, -h, --version, -V belong to every tool. */
int options_parse(const struct options_spec *spec, int argc, char *const *argv,
                  struct options_list *words);

/* The exit status for a result that is not OPTIONS_RUN. */
int options_status(int result);

void options_print_help(const struct options_spec *spec, FILE *out);

/* Milliseconds of "250ms", "2s", "1.5s", "3m", "10" (seconds). False: none of these, or over a
 * year. */
bool options_duration(const char *text, uint64_t *milliseconds);

#endif
