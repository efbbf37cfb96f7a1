/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the modules of these tests share: they tell what happens to them in the file that ABI_TRACE
 * names, one line each, from any thread. */
#ifndef ABI_KIT_H
#define ABI_KIT_H

#include <relay/module.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { TRACE_LINE_BYTES = 4096 };

/* Appends a line; the file is opened for each, so that nothing has to be shared. */
static inline void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline void trace(const char *format, ...)
{
    char line[TRACE_LINE_BYTES];
    const char *name = getenv("ABI_TRACE");
    FILE *file = name ? fopen(name, "ae") : NULL;
    va_list arguments;
    if (!file)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(file, "%s\n", line);
    fclose(file);
}

/* Tells of a check that failed; the test fails if it finds such a line. */
static inline void expect_int(long long actual, long long expected, const char *what, int line)
{
    if (actual != expected)
        trace("FAILED %s: %lld instead of %lld (line %d)", what, actual, expected, line);
}
#define EXPECT(actual, expected)                                                                   \
    expect_int((long long)(actual), (long long)(expected), #actual, __LINE__)

/* The setting `do`, which picks a word of `doings` for the number `doing` of `struct settings`. */
#define FIELD_DO(usual)                                                                            \
    {                                                                                              \
        .name = "do", .type = RELAY_FIELD_ENUM, .offset = offsetof(struct settings, doing),        \
        .words = doings, .fallback = usual, .help = "what it does",                                \
    }

#endif
