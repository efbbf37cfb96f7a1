/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A schema as a module gives it (relay/module.h), made of any bytes: refused with a reason, or a
 * section of the configuration into which the remaining bytes can be read as the module's settings.
 * What loads is printed so that it loads to the same. module_schema.c has the table's own rows. */
#include <stdlib.h>
#include <string.h>

#include "server/host/internal.h"
#include "tests/fuzz/driver/round_trip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SCHEMAS = 3, FIELDS = 4 };

/* Room for a field of each schema: an address, or the struct of the schema within. */
static const size_t strides[SCHEMAS] = {3584, 896, 224};

struct input {
    const uint8_t *data;
    size_t size;
};

/* Fields may be longer than those that the relay knows. */
struct wide_field {
    struct relay_field field;
    uint64_t more;
};

struct schemas {
    struct relay_schema schemas[SCHEMAS];
    struct relay_field fields[SCHEMAS][FIELDS];
    struct wide_field wide[SCHEMAS][FIELDS];
};

static const char *const names[] = {"a", "b", "c_1", "path", "a", "", "A b", NULL};
static const char *const helps[] = {"what it is", "says \"a\\b\"", "", "a\nb", NULL};
static const char *const texts[] = {NULL,  "",   "a",   "1",   "5",  "true",        "5s",
                                    "two", "**", "007", "a/b", "/a", "127.0.0.1:1", "a\nb"};
static const char *const zeros[] = {NULL, NULL, NULL, "off", "none", "0", "no limit"};
static const char *const two_words[] = {"one", "two", NULL};
static const char *const same_words[] = {"a", "a", NULL};
static const char *const no_words[] = {NULL};
static const char *const *const word_lists[] = {two_words, two_words, same_words, no_words, NULL};
static const uint64_t numbers[] = {0, 1, 9, 64, 2048, UINT64_MAX};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define TAKE(array) ((array)[take(input, COUNT(array))])

static size_t take(struct input *input, size_t limit)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->data++ % limit;
}

/* ---- Schemas --------------------------------------------------------------------------------- */

/* Mostly a place of its own. */
static size_t take_place(struct input *input, size_t depth, size_t index)
{
    size_t way = take(input, 16);
    if (way == 15)
        return TAKE(numbers) - take(input, 64);
    return way == 14 ? take(input, 256) : index * strides[depth];
}

static void make_field(struct input *input, struct schemas *all, size_t depth, size_t index)
{
    struct relay_field *field = &all->fields[depth][index];
    size_t within = take(input, 8) == 7 ? 0 : depth + 1;
    field->section = within < SCHEMAS ? &all->schemas[within] : NULL;
    field->offset = take_place(input, depth, index);
    field->name = take(input, 8) < 7 ? names[index] : TAKE(names);
    field->help = TAKE(helps);
    field->type = (uint32_t)take(input, RELAY_FIELD_TREE + 2);
    field->flags = take(input, 4) == 3 ? UINT32_MAX : (uint32_t)take(input, 64);
    field->count_offset = field->offset + sizeof(void *);
    if (take(input, 8) == 7)
        field->count_offset = take_place(input, depth, index);
    field->min = TAKE(numbers);
    field->max = TAKE(numbers);
    field->fallback = TAKE(texts);
    field->zero = TAKE(zeros);
    field->words = TAKE(word_lists);
    all->wide[depth][index].field = *field;
    all->wide[depth][index].more = UINT64_MAX;
}

static void make_schema(struct input *input, struct schemas *all, size_t depth)
{
    struct relay_schema *schema = &all->schemas[depth];
    size_t count = take(input, FIELDS + 1), way = take(input, 16);
    for (size_t i = 0; i < count; i++)
        make_field(input, all, depth, i);
    *schema = (struct relay_schema){
        .struct_bytes = (uint32_t)(FIELDS * strides[depth]),
        .field_bytes = sizeof(struct relay_field),
        .field_count = (uint32_t)count,
        .fields = all->fields[depth],
    };
    if (way == 15)
        schema->struct_bytes = (uint32_t)TAKE(numbers);
    else if (way == 14)
        schema->field_bytes = (uint32_t)take(input, sizeof(struct relay_field));
    else if (way == 13)
        schema->fields = NULL;
    else if (way == 12)
        schema->field_count = UINT32_MAX;
    else if (way > 8) {
        schema->field_bytes = sizeof(struct wide_field);
        schema->fields = &all->wide[depth][0].field;
    }
}

/* ---- Configurations -------------------------------------------------------------------------- */

/* The remaining bytes as the settings of the module. */
static void load_settings(const struct config_host *host, const struct input *input)
{
    static const char head[] = "modules:\n- m:\n";
    char *text = malloc(sizeof head + input->size);
    if (!text)
        abort();
    memcpy(text, head, sizeof head - 1);
    memcpy(text + sizeof head - 1, input->data, input->size);
    require_round_trip(host, text, sizeof head - 1 + input->size);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct schemas all;
    char problem[CONFIG_PROBLEM_BYTES] = "";
    memset(&all, 0, sizeof all);
    for (size_t depth = SCHEMAS; depth-- > 0;)
        make_schema(&input, &all, depth);
    struct config_section *section = schema_section(&all.schemas[0], problem);
    if ((section != NULL) != (problem[0] == '\0'))
        abort();
    if (!section)
        return 0;
    struct config_module_kind kind = {.name = "m", .file = "m.so", .section = section};
    const struct config_host host = {
        .find = find_only_module, .list = list_only_module, .self = &kind};
    load_settings(&host, &input);
    schema_free(&section);
    return 0;
}
