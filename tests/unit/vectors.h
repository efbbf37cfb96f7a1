/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads a file of tests/vectors, which tests in several languages have in common. A line is made of
 * columns with "| " between them. Lines that are empty or begin with '#' are for people. */
#ifndef MOQ_TESTS_UNIT_VECTORS_H
#define MOQ_TESTS_UNIT_VECTORS_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VECTOR_COLUMNS = 4, VECTOR_FILE_MAX_BYTES = 1 << 20 };

/* `columns` are in the text that the caller holds; those that a line lacks are "". */
typedef void on_vector_line(char *const columns[VECTOR_COLUMNS], void *user);

/* The whole file with a NUL behind it, which the caller frees. No test goes on without it. */
static inline char *vectors_load(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = (char *)calloc(1, VECTOR_FILE_MAX_BYTES);
    if (!file || !text || fread(text, 1, VECTOR_FILE_MAX_BYTES, file) == VECTOR_FILE_MAX_BYTES) {
        fprintf(stderr, "%s is missing or too large\n", path);
        abort();
    }
    fclose(file);
    return text;
}

static inline void vectors_split(char *line, char *columns[VECTOR_COLUMNS])
{
    for (int i = 0; i < VECTOR_COLUMNS; i++) {
        char *bar = i + 1 < VECTOR_COLUMNS ? strstr(line, "| ") : NULL;
        char *end = bar ? bar : line + strlen(line);
        columns[i] = line;
        line = bar ? bar + 2 : end;
        while (end > columns[i] && end[-1] == ' ')
            end--;
        if (end < line)
            *end = '\0';
    }
}

/* Cuts `text` into lines and columns. */
static inline void vectors_each(char *text, on_vector_line *each, void *user)
{
    for (char *line = text, *next; *line; line = next) {
        char *columns[VECTOR_COLUMNS];
        next = line + strcspn(line, "\n");
        if (*next)
            *next++ = '\0';
        if (*line == '\0' || *line == '#')
            continue;
        vectors_split(line, columns);
        each(columns, user);
    }
}

#endif
