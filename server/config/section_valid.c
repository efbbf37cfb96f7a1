/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Judges a section that comes from outside: the room trusts its own table, and reads, prints and
 * frees by it without looking again, so a foreign one has to be sound before it is used. */
#include <stdlib.h>
#include <string.h>

#include "server/config/internal.h"

struct judge {
    char *problem;
    char name[CONFIG_NAME_BYTES]; /* of the current setting */
    size_t row_count;             /* so far, in all sections */
};

/* The bytes of a struct that a field or a count takes. */
struct span {
    size_t begin, end, alignment;
    const char *name;
};

static const unsigned allowed_flags =
    ROW_RELOADS | ROW_REQUIRED | ROW_FILES | ROW_DIRECTORY | ROW_PATTERN | ROW_BROADCAST;
static const unsigned text_flags = ROW_FILES | ROW_DIRECTORY | ROW_PATTERN | ROW_BROADCAST;

static bool refuse_setting(struct judge *judge, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse_setting(struct judge *judge, const char *format, ...)
{
    int used = judge->name[0]
                   ? snprintf(judge->problem, CONFIG_PROBLEM_BYTES, "setting %s: ", judge->name)
                   : 0;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(judge->problem + used, CONFIG_PROBLEM_BYTES - (size_t)used, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- Texts ----------------------------------------------------------------------------------- */

/* Whether `text` has 1 to `max` bytes, all of them in `letters`. */
static bool is_made_of(const char *text, const char *letters, size_t max)
{
    size_t n = text ? strnlen(text, max + 1) : 0;
    return n > 0 && n <= max && strspn(text, letters) == n;
}

static bool is_name(const char *text)
{
    return is_made_of(text, "abcdefghijklmnopqrstuvwxyz0123456789_", CONFIG_WORD_MAX_BYTES);
}

static bool is_word(const char *text)
{
    return is_made_of(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.+/",
                      CONFIG_WORD_MAX_BYTES);
}

/* Help and defaults are printed into comments and JSON. */
static bool is_printable(const char *text)
{
    size_t n = strnlen(text, CONFIG_HELP_MAX_BYTES + 1);
    for (size_t i = 0; i < n; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    return n <= CONFIG_HELP_MAX_BYTES;
}

static bool is_text(const struct config_row *row)
{
    return row->type == TYPE_STRING || row->type == TYPE_PATH ||
           (row->type == TYPE_LIST && !row->section);
}

static bool is_number(const struct config_row *row)
{
    return row->type == TYPE_INT || row->type == TYPE_SIZE || row->type == TYPE_DURATION;
}

/* ---- Words ----------------------------------------------------------------------------------- */

/* A list of different words; *count of them. `what` names it. */
static bool judge_words(struct judge *judge, const char *const *words, const char *what,
                        size_t *count)
{
    *count = 0;
    if (!words || !words[0])
        return refuse_setting(judge, "it has no %s", what);
    for (size_t i = 0; words[i]; i++, ++*count) {
        if (i == CONFIG_MAX_WORDS)
            return refuse_setting(judge, "it has more than %d %s", CONFIG_MAX_WORDS, what);
        if (!is_word(words[i]))
            return refuse_setting(
                judge, "number %zu of its %s is not made of letters, digits and _-.+/", i, what);
        for (size_t j = 0; j < i; j++)
            if (strcmp(words[i], words[j]) == 0)
                return refuse_setting(judge, "%s is twice among its %s", words[i], what);
    }
    return true;
}

/* ---- Defaults -------------------------------------------------------------------------------- */

static bool judge_text_default(struct judge *judge, const struct config_row *row)
{
    const char *problem = row->fallback[0] ? config_text_problem(row, row->fallback) : NULL;
    return !problem || refuse_setting(judge, "its default %s", problem);
}

/* JSON has no other form of a whole number. */
static bool is_whole_as_printed(const struct config_row *row, uint64_t value)
{
    char text[CONFIG_VALUE_BYTES];
    return row->type != TYPE_INT ||
           strcmp(config_number_text(row, value, text), row->fallback) == 0;
}

static bool judge_default(struct judge *judge, const struct config_row *row)
{
    union {
        bool is;
        int word;
        uint64_t number;
        struct config_address address;
    } value = {.number = 0};
    char problem[CONFIG_PROBLEM_BYTES];
    bool is_single = row->type <= TYPE_ENUM;
    if (!row->fallback)
        return !is_number(row) || (row->flags & ROW_REQUIRED) || row->zero || row->min == 0 ||
               refuse_setting(judge, "it needs a default, because 0 is not in its range");
    if (!is_single)
        return refuse_setting(judge, "a setting of this type has no default");
    if (!is_printable(row->fallback))
        return refuse_setting(judge, "its default is longer than %d bytes or not printable ASCII",
                              CONFIG_HELP_MAX_BYTES);
    if (is_text(row))
        return judge_text_default(judge, row);
    if (!config_value_parse(row, row->fallback, &value, problem))
        return refuse_setting(judge, "its default %.160s", problem);
    return !is_number(row) || is_whole_as_printed(row, value.number) ||
           refuse_setting(judge, "its default is not written as it would be printed");
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static bool judge_section(struct judge *judge, const struct config_section *section, size_t depth,
                          size_t *alignment);

static bool judge_number(struct judge *judge, const struct config_row *row)
{
    bool has_range = row->min <= row->max;
    /* a word that begins with a digit may be a number too */
    bool is_zero_word = !row->zero || (is_word(row->zero) && row->zero[0] >= 'A');
    if (!has_range)
        return refuse_setting(judge, "its least value exceeds its greatest");
    return is_zero_word ||
           refuse_setting(judge, "its word for 0 does not begin with a letter, or is not "
                                 "made of letters, digits and _-.+/");
}

static bool judge_entries(struct judge *judge, const struct config_row *row, size_t depth)
{
    size_t alignment;
    if (row->max == 0 || row->max > CONFIG_LIST_MAX_ENTRIES)
        return refuse_setting(judge, "a list needs a greatest number of entries, from 1 to %d",
                              CONFIG_LIST_MAX_ENTRIES);
    return !row->section || judge_section(judge, row->section, depth + 1, &alignment);
}

static struct span span_of(const struct config_row *row, size_t size, size_t alignment)
{
    return (struct span){row->offset, row->offset + size, alignment, row->name};
}

/* What depends on the type of a row. On success, *field is its place. */
static bool judge_type(struct judge *judge, const struct config_row *row, size_t depth,
                       struct span *field)
{
    size_t words, keys, alignment;
    switch (row->type) {
    case TYPE_BOOL:
        *field = span_of(row, sizeof(bool), _Alignof(bool));
        return true;
    case TYPE_ADDRESS:
        *field = span_of(row, sizeof(struct config_address), _Alignof(struct config_address));
        return true;
    case TYPE_ENUM:
        *field = span_of(row, sizeof(int), _Alignof(int));
        return judge_words(judge, row->words, "words", &words);
    case TYPE_MAP:
        if (!judge_words(judge, row->words, "words", &words) ||
            !judge_words(judge, row->keys, "keys", &keys))
            return false;
        *field = span_of(row, keys * sizeof(int), _Alignof(int));
        return true;
    case TYPE_SECTION:
        if (!row->section)
            return refuse_setting(judge, "it has no section");
        if (!judge_section(judge, row->section, depth + 1, &alignment))
            return false;
        *field = span_of(row, row->section->size, alignment);
        return true;
    case TYPE_LIST:
        *field = span_of(row, sizeof(void *), _Alignof(void *));
        return judge_entries(judge, row, depth);
    case TYPE_INT:
    case TYPE_SIZE:
    case TYPE_DURATION:
        *field = span_of(row, sizeof(uint64_t), _Alignof(uint64_t));
        return judge_number(judge, row);
    default:
        *field = span_of(row, sizeof(void *), _Alignof(void *));
        return true;
    }
}

static bool judge_head(struct judge *judge, const struct config_section *section, size_t index)
{
    const struct config_row *row = &section->rows[index];
    for (size_t i = 0; i < index; i++)
        if (strcmp(section->rows[i].name, row->name) == 0)
            return refuse_setting(judge, "there are two of this name");
    if ((unsigned)row->type > TYPE_TREE)
        return refuse_setting(judge, "its type is unknown");
    if (!row->help || row->help[0] == '\0' || !is_printable(row->help))
        return refuse_setting(judge,
                              "its help is missing, longer than %d bytes or not printable ASCII",
                              CONFIG_HELP_MAX_BYTES);
    if (row->check || (row->flags & ~allowed_flags))
        return refuse_setting(judge,
                              "it has a check or a flag that only relay.yaml itself may have");
    if (row->zero && !is_number(row))
        return refuse_setting(judge, "it has a word for 0, but is no number");
    if ((row->flags & text_flags) && !is_text(row))
        return refuse_setting(judge, "it has a flag that is for texts, but is none");
    return true;
}

static bool judge_span(struct judge *judge, const struct config_section *section,
                       const struct span *span)
{
    if (span->begin > section->size || span->end < span->begin || span->end > section->size)
        return refuse_setting(judge, "it lies outside its struct of %zu bytes", section->size);
    return span->begin % span->alignment == 0 ||
           refuse_setting(judge, "it is not aligned to %zu bytes", span->alignment);
}

/* Judges one row, whose name is pushed, and appends its spans. */
static bool judge_row(struct judge *judge, const struct config_section *section, size_t index,
                      size_t depth, struct span **spans)
{
    const struct config_row *row = &section->rows[index];
    struct span field;
    if (!judge_head(judge, section, index) || !judge_type(judge, row, depth, &field) ||
        !judge_default(judge, row) || !judge_span(judge, section, &field))
        return false;
    *(*spans)++ = field;
    if (row->type != TYPE_LIST)
        return true;
    struct span count = {row->count_offset, row->count_offset + sizeof(size_t), _Alignof(size_t),
                         row->name};
    *(*spans)++ = count;
    return judge_span(judge, section, &count);
}

/* ---- Sections -------------------------------------------------------------------------------- */

static bool judge_overlaps(struct judge *judge, const struct span *spans, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (spans[i].begin < spans[j].end && spans[j].begin < spans[i].end)
                return refuse_setting(judge, "%s and %s lie upon each other", spans[j].name,
                                      spans[i].name);
    return true;
}

static bool judge_bounds(struct judge *judge, const struct config_section *section, size_t depth)
{
    if (depth > CONFIG_SECTION_MAX_DEPTH)
        return refuse_setting(judge, "more than %d sections within each other",
                              CONFIG_SECTION_MAX_DEPTH);
    if (section->size == 0 || section->size > CONFIG_SECTION_MAX_BYTES)
        return refuse_setting(judge, "the struct has %zu bytes; 1 to %d are allowed", section->size,
                              CONFIG_SECTION_MAX_BYTES);
    if (!section->rows || section->row_count == 0 || section->row_count > CONFIG_SECTION_MAX_ROWS)
        return refuse_setting(judge, "the section has %zu settings; 1 to %d are allowed",
                              section->rows ? section->row_count : 0, CONFIG_SECTION_MAX_ROWS);
    judge->row_count += section->row_count;
    if (judge->row_count > CONFIG_SECTION_MAX_ALL_ROWS)
        return refuse_setting(judge, "more than %d settings in all sections",
                              CONFIG_SECTION_MAX_ALL_ROWS);
    for (size_t i = 0; i < section->row_count; i++)
        if (!is_name(section->rows[i].name))
            return refuse_setting(judge,
                                  "the name of setting number %zu is not 1 to %d bytes of a-z, 0-9 "
                                  "and _",
                                  i, CONFIG_WORD_MAX_BYTES);
    return true;
}

/* On success, *alignment is that of the section's struct. */
static bool judge_section(struct judge *judge, const struct config_section *section, size_t depth,
                          size_t *alignment)
{
    struct span spans[2 * CONFIG_SECTION_MAX_ROWS], *end = spans;
    if (!judge_bounds(judge, section, depth))
        return false;
    for (size_t i = 0; i < section->row_count; i++) {
        size_t used = config_name_push(judge->name, section->rows[i].name);
        if (!judge_row(judge, section, i, depth, &end))
            return false;
        judge->name[used] = '\0';
    }
    *alignment = 1;
    for (const struct span *span = spans; span < end; span++)
        if (span->alignment > *alignment)
            *alignment = span->alignment;
    if (section->size % *alignment != 0)
        return refuse_setting(judge, "the struct's %zu bytes are no multiple of its alignment, %zu",
                              section->size, *alignment);
    return judge_overlaps(judge, spans, (size_t)(end - spans));
}

bool config_section_is_valid(const struct config_section *section, char *problem)
{
    struct judge judge = {.problem = problem};
    size_t alignment;
    return judge_section(&judge, section, 1, &alignment);
}
