/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The settings that a module says it has, made of any bytes: refused with a reason, or good enough
 * for every use of them. What follows is a configuration of the module. What loads is printed so
 * that it loads to the same. */
#include <stdlib.h>
#include <string.h>

#include "server/config/config.h"
#include "server/config/rows.h"
#include "tests/fuzz/driver/round_trip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SECTIONS = 3, ROWS = 4 };

struct input {
    const uint8_t *data;
    size_t size;
};

struct schema {
    struct config_section sections[SECTIONS]; /* the first one is the module's */
    struct config_row rows[SECTIONS][ROWS];
};

static const char *const names[] = {"a", "b", "c_1", "path", "a", "", "A b", NULL};
static const char *const texts[] = {NULL,   NULL,          "",       "a",   "1",    "5",
                                    "true", "5s",          "1KiB",   "two", "b",    "007",
                                    "/a",   "127.0.0.1:1", "listen", "**",  "a\nb", "a/b"};
static const char *const zeros[] = {NULL, NULL, NULL, "off", "none", "0", "no limit"};
static const char *const helps[] = {"what it is", "says \"a\\b\"", "what it is", "", "a\nb", NULL};
static const uint64_t numbers[] = {0, 1, 9, 64, 2048, UINT64_MAX};

static const char *const two_words[] = {"one", "two", NULL};
static const char *const odd_words[] = {"true", "1", "-", NULL};
static const char *const same_words[] = {"a", "a", NULL};
static const char *const no_words[] = {NULL};
static const char *const *const word_lists[] = {two_words, two_words,  odd_words,
                                                no_words,  same_words, NULL};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static size_t take(struct input *input, size_t limit)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->data++ % limit;
}

static size_t size_of(const struct config_row *row)
{
    switch (row->type) {
    case TYPE_BOOL:
        return sizeof(bool);
    case TYPE_ENUM:
        return sizeof(int);
    case TYPE_MAP:
        return 3 * sizeof(int);
    case TYPE_ADDRESS:
        return sizeof(struct config_address);
    case TYPE_SECTION:
        return row->section ? row->section->size : 0;
    default:
        return sizeof(uint64_t);
    }
}

/* A field behind those before it, or anywhere. */
static size_t place_of(struct input *input, size_t *end, size_t size)
{
    size_t align = size < 8 ? size + (size == 0) : 8;
    size_t offset = (*end + align - 1) / align * align;
    size_t way = take(input, 16);
    if (way == 15)
        return numbers[take(input, COUNT(numbers))] - take(input, 64);
    if (way == 14)
        return take(input, 64);
    *end = offset + size;
    return offset;
}

static void make_row(struct input *input, struct schema *schema, size_t depth, size_t index,
                     size_t *end)
{
    struct config_row *row = &schema->rows[depth][index];
    static const unsigned flags[] = {0,
                                     ROW_RELOADS,
                                     ROW_REQUIRED,
                                     ROW_RELOADS | ROW_REQUIRED,
                                     ROW_PATTERN,
                                     ROW_BROADCAST | ROW_REQUIRED,
                                     ROW_FILES,
                                     ROW_INHERITS,
                                     ROW_EXAMPLE,
                                     ROW_LISTEN,
                                     1u << 20};
    row->name = names[take(input, 8) < 7 ? index : take(input, COUNT(names))];
    row->type = (enum config_type)take(input, TYPE_MODULES + 2);
    row->flags = flags[take(input, COUNT(flags))];
    row->min = numbers[take(input, COUNT(numbers))];
    row->max = numbers[take(input, COUNT(numbers))];
    row->fallback = texts[take(input, COUNT(texts))];
    row->zero = zeros[take(input, COUNT(zeros))];
    row->words = word_lists[take(input, COUNT(word_lists))];
    row->keys = word_lists[take(input, COUNT(word_lists))];
    row->help = helps[take(input, COUNT(helps))];
    size_t within = take(input, 8) == 7 ? 0 : depth + 1;
    row->section = within < SECTIONS ? &schema->sections[within] : NULL;
    row->offset = place_of(input, end, size_of(row));
    row->count_offset = row->type == TYPE_LIST ? place_of(input, end, sizeof(size_t)) : 0;
}

/* From the innermost section outwards, so that the size of each is known where it is used. */
static void make_schema(struct input *input, struct schema *schema)
{
    memset(schema, 0, sizeof *schema);
    for (size_t depth = SECTIONS; depth-- > 0;) {
        struct config_section *section = &schema->sections[depth];
        size_t end = 0;
        section->rows = schema->rows[depth];
        section->row_count = take(input, ROWS + 1);
        for (size_t i = 0; i < section->row_count; i++)
            make_row(input, schema, depth, i, &end);
        size_t way = take(input, 16);
        section->size = way == 15 ? take(input, 64) : (end + 7) / 8 * 8;
    }
}

static void describe(const struct config_host *host)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (!out)
        abort();
    relay_config_reference(host, NULL, out);
    relay_config_schema(host, NULL, out);
    fclose(out);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char bare[] = "modules: [m]\n";
    struct input input = {data, size};
    struct schema schema;
    char problem[CONFIG_PROBLEM_BYTES] = "";
    make_schema(&input, &schema);
    bool is_valid = config_section_is_valid(&schema.sections[0], problem);
    if (is_valid != (problem[0] == '\0'))
        abort();
    if (!is_valid)
        return 0;
    struct config_module_kind kind = {.name = "m", .file = "m.so", .section = schema.sections};
    const struct config_host host = {
        .find = find_only_module, .list = list_only_module, .self = &kind};
    describe(&host);
    require_round_trip(&host, bare, sizeof bare - 1);
    require_round_trip(&host, (const char *)input.data, input.size);
    return 0;
}
