/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Command lines of the tools. Each tool has one table of options. Words (a URL, a subcommand) may
 * come before, between and after options. */
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
    OPTION_COUNT,    /* unsigned: incremented each time */
    OPTION_TEXT,     /* const char *: the last one wins */
    OPTION_LIST,     /* struct options_list: each one is added */
    OPTION_DURATION, /* uint64_t milliseconds: "500ms", "2s", "1m", "1.5" (seconds) */
    OPTION_HEADING,  /* not an option, but a heading in the help */
};

struct option_row {
    const char *name; /* without dashes; options of one letter can be combined, as in "-vv" */
    enum option_kind kind;
    const char *argument; /* its name in the help; NULL: the option takes no argument */
    const char *help;
    void *target; /* of the type given above for its kind */
};

struct options_spec {
    const char *program;
    const char *synopsis; /* lines, each to follow the program's name */
    const char *summary;  /* what the program does, in sentences */
    const char *ending;   /* examples and exit codes, at the end of the help */
    const struct option_row *rows;
    size_t row_count;
};

enum {
    OPTIONS_RUN,
    OPTIONS_DONE,  /* help or version was printed */
    OPTIONS_USAGE, /* the command line is wrong, and a message says why */
    OPTIONS_LOST,  /* help or version could not be written, and a message says so */
};

/* Prints to standard error what is wrong with a command line and how to get help; tokens in URLs
 * are hidden. Returns OPTIONS_USAGE, which is also the exit status. */
int options_complain(const char *program, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Parses a command line: sets the targets of `spec` and fills `words`. Every tool has --help, -h,
 * --version and -V. */
int options_parse(const struct options_spec *spec, int argc, char *const *argv,
                  struct options_list *words);

/* The exit status for a result that is not OPTIONS_RUN. */
int options_status(int result);

void options_print_help(const struct options_spec *spec, FILE *out);

/* Reads a duration such as "250ms", "2s", "1.5s", "3m" or "10" (seconds). Returns false if it is
 * not one, or if it exceeds a year. */
bool options_duration(const char *text, uint64_t *milliseconds);

#endif
