/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module's schema as a section of the configuration's table: what is taken over, and what is
 * refused. */
#include "tests/unit/prologue.h"

#include <stdlib.h>
#include <string.h>

#include "server/host/internal.h"

struct inner {
    const char *file;
    uint64_t count;
};

struct outer {
    bool is_on;
    uint64_t wait_ns;
    const char *const *names;
    size_t name_count;
    struct inner *inner;
    size_t inner_count;
    int mode;
};

static const char *const modes[] = {"slow", "fast", NULL};

static const struct relay_field inner_fields[] = {
    {.name = "file",
     .type = RELAY_FIELD_FILE,
     .flags = RELAY_FIELD_REQUIRED | RELAY_FIELD_READABLE,
     .offset = offsetof(struct inner, file),
     .help = "a file"},
    {.name = "count",
     .type = RELAY_FIELD_INT,
     .offset = offsetof(struct inner, count),
     .max = 9,
     .help = "a number"},
};
static const struct relay_schema inner_schema = RELAY_SCHEMA(struct inner, inner_fields);

enum { FIELDS = 5 };

static void fill_fields(struct relay_field fields[FIELDS])
{
    const struct relay_field all[FIELDS] = {
        {.name = "on",
         .type = RELAY_FIELD_BOOL,
         .flags = RELAY_FIELD_RELOADS,
         .offset = offsetof(struct outer, is_on),
         .fallback = "true",
         .help = "a switch"},
        {.name = "wait",
         .type = RELAY_FIELD_DURATION,
         .offset = offsetof(struct outer, wait_ns),
         .max = UINT64_C(1000000000),
         .fallback = "5ms",
         .help = "a time"},
        {.name = "names",
         .type = RELAY_FIELD_STRINGS,
         .offset = offsetof(struct outer, names),
         .count_offset = offsetof(struct outer, name_count),
         .help = "some texts"},
        {.name = "sources",
         .type = RELAY_FIELD_SECTIONS,
         .offset = offsetof(struct outer, inner),
         .count_offset = offsetof(struct outer, inner_count),
         .max = 3,
         .section = &inner_schema,
         .help = "some sections"},
        {.name = "mode",
         .type = RELAY_FIELD_ENUM,
         .offset = offsetof(struct outer, mode),
         .words = modes,
         .fallback = "fast",
         .help = "a word"},
    };
    memcpy(fields, all, sizeof all);
}

static void a_schema_becomes_rows(void **state)
{
    struct relay_field fields[FIELDS];
    const struct relay_schema schema = RELAY_SCHEMA(struct outer, fields);
    char problem[CONFIG_PROBLEM_BYTES] = "";
    (void)state;
    fill_fields(fields);
    struct config_section *section = schema_section(&schema, problem);
    assert_string_equal(problem, "");
    assert_non_null(section);
    assert_int_equal(section->row_count, FIELDS);
    assert_int_equal(section->rows[0].flags, ROW_RELOADS);
    assert_int_equal(section->rows[2].max, 64);
    assert_int_equal(section->rows[3].max, 3);
    assert_int_equal(section->rows[3].section->rows[0].flags, ROW_REQUIRED | ROW_FILES);
    assert_int_equal(section->rows[4].type, TYPE_ENUM);
    schema_free(&section);
    assert_null(section);
}

/* Of a module that was compiled when fields were longer. */
static void longer_fields_are_stepped_over(void **state)
{
    struct long_field {
        struct relay_field field;
        uint64_t more[3];
    } fields[FIELDS];
    struct relay_field plain[FIELDS];
    char problem[CONFIG_PROBLEM_BYTES] = "";
    (void)state;
    fill_fields(plain);
    memset(fields, 0xa5, sizeof fields);
    for (int i = 0; i < FIELDS; i++)
        fields[i].field = plain[i];
    const struct relay_schema schema = {sizeof(struct outer), sizeof fields[0], FIELDS,
                                        &fields[0].field};
    struct config_section *section = schema_section(&schema, problem);
    assert_non_null(section);
    assert_string_equal(section->rows[4].name, "mode");
    schema_free(&section);
}

static void break_type(struct relay_field *fields)
{
    fields[1].type = 99;
}
static void break_offset(struct relay_field *fields)
{
    fields[1].offset = sizeof(struct outer);
}
static void break_section(struct relay_field *fields)
{
    fields[3].section = NULL;
}
static void break_words(struct relay_field *fields)
{
    fields[4].words = NULL;
}
static void break_fallback(struct relay_field *fields)
{
    fields[1].fallback = "soon";
}
static void break_help(struct relay_field *fields)
{
    fields[0].help = NULL;
}
static void break_name(struct relay_field *fields)
{
    fields[0].name = NULL;
}

static void what_is_wrong_is_refused_by_name(void **state)
{
    static const struct {
        void (*break_it)(struct relay_field *fields);
        const char *name;
    } cases[] = {
        {break_type, "wait"},     {break_offset, "wait"}, {break_section, "sources"},
        {break_words, "mode"},    {break_help, "on"},     {break_name, "name"},
        {break_fallback, "wait"},
    };
    struct relay_field fields[FIELDS];
    const struct relay_schema schema = RELAY_SCHEMA(struct outer, fields);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char problem[CONFIG_PROBLEM_BYTES] = "";
        fill_fields(fields);
        cases[i].break_it(fields);
        assert_null(schema_section(&schema, problem));
        if (!strstr(problem, cases[i].name))
            fail_msg("case %zu: %s", i, problem);
    }
}

static void a_schema_without_an_end_is_refused(void **state)
{
    struct relay_schema schema;
    struct relay_field field = {.name = "again",
                                .type = RELAY_FIELD_SECTION,
                                .section = &schema,
                                .help = "a section in itself"};
    char problem[CONFIG_PROBLEM_BYTES] = "";
    (void)state;
    schema = (struct relay_schema){sizeof(struct outer), sizeof field, 1, &field};
    assert_null(schema_section(&schema, problem));
    assert_true(problem[0] != '\0');
    schema.field_count = 1 << 30;
    assert_null(schema_section(&schema, problem));
    schema.field_count = 1;
    schema.field_bytes = 8;
    assert_null(schema_section(&schema, problem));
    schema.fields = NULL;
    assert_null(schema_section(&schema, problem));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_schema_becomes_rows),
        cmocka_unit_test(longer_fields_are_stepped_over),
        cmocka_unit_test(what_is_wrong_is_refused_by_name),
        cmocka_unit_test(a_schema_without_an_end_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
