/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The list of errors in a configuration, in words for the person who wrote it.
 * Tested by tests/unit/config/test_files.c. */
#include <stdlib.h>
#include <string.h>

#include "server/config/internal.h"

void config_errors_init(struct config_errors *errors)
{
    errors->count = 0;
    errors->unshown = 0;
}

/* Writes "relay.yaml:12:3: ", or as much of it as is known. Returns its length. */
static size_t put_place(char *out, size_t size, const struct config_place *place)
{
    int n = 0;
    if (!place || !place->source)
        return 0;
    if (place->line > 0)
        n = snprintf(out, size, "%.160s:%u:%u: ", place->source, place->line, place->column);
    else
        n = snprintf(out, size, "%.160s: ", place->source);
    return n > 0 ? (size_t)n : 0;
}

/* Some words are those of a module or of the system; a log takes one line. */
static void replace_controls(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

void config_errors_add(struct config_errors *errors, const struct config_place *place,
                       const char *format, ...)
{
    if (errors->count == CONFIG_MAX_ERRORS) {
        errors->unshown++;
        return;
    }
    struct config_error *error = &errors->entries[errors->count];
    size_t used = put_place(error->text, sizeof error->text, place);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text + used, sizeof error->text - used, format, arguments);
    va_end(arguments);
    replace_controls(error->text);
    error->line = place ? place->line : 0;
    error->column = place ? place->column : 0;
    error->order = (unsigned)errors->count++;
}

static int compare_errors(const void *left, const void *right)
{
    const struct config_error *a = left, *b = right;
    unsigned a_line = a->line ? a->line : UINT32_MAX, b_line = b->line ? b->line : UINT32_MAX;
    if (a_line != b_line)
        return a_line < b_line ? -1 : 1;
    if (a->column != b->column)
        return a->column < b->column ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

void config_errors_sort(struct config_errors *errors)
{
    qsort(errors->entries, errors->count, sizeof errors->entries[0], compare_errors);
}

void config_errors_print(const struct config_errors *errors, FILE *out)
{
    for (size_t i = 0; i < errors->count; i++)
        fprintf(out, "%s\n", errors->entries[i].text);
    if (errors->unshown > 0)
        fprintf(out, "and %zu more errors\n", errors->unshown);
}

const char *config_quote(char *out, const char *text)
{
    static const char dots[] = "...\"";
    size_t used = 0;
    out[used++] = '"';
    for (; *text && used < CONFIG_QUOTE_BYTES - sizeof dots; text++) {
        unsigned char c = (unsigned char)*text;
        out[used++] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    while (*text && used > 1 && ((unsigned char)*text & 0xc0) == 0x80)
        text--, used--; /* do not cut within a character */
    strcpy(out + used, *text ? dots : "\"");
    return out;
}

enum { NEAREST_MAX_BYTES = 40 };

static unsigned least_of_three(unsigned a, unsigned b, unsigned c)
{
    unsigned d = a < b ? a : b;
    return d < c ? d : c;
}

/* How many letters to change, add, drop or swap with a neighbour to turn `a` into `b`. */
static unsigned edit_distance(const char *a, const char *b)
{
    size_t a_size = strlen(a), b_size = strlen(b);
    unsigned rows[3][NEAREST_MAX_BYTES + 1];
    unsigned *before = rows[0], *last = rows[1], *now = rows[2];
    if (a_size > NEAREST_MAX_BYTES || b_size > NEAREST_MAX_BYTES)
        return UINT32_MAX;
    for (size_t j = 0; j <= b_size; j++)
        last[j] = before[j] = (unsigned)j;
    for (size_t i = 1; i <= a_size; i++) {
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= b_size; j++) {
            now[j] =
                least_of_three(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            bool is_swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (is_swap && before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
        unsigned *oldest = before;
        before = last, last = now, now = oldest;
    }
    return last[b_size];
}

const char *config_nearest(const char *word, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    unsigned best_distance = (unsigned)strlen(word) / 3 + 1;
    for (size_t i = 0; i < count; i++) {
        unsigned d = edit_distance(word, candidates[i]);
        if (d > best_distance || (best && d == best_distance))
            continue;
        best = candidates[i];
        best_distance = d;
    }
    return best;
}
