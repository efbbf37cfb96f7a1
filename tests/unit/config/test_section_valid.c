/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sections from outside: sound ones are taken, and for each that is not one line names the setting
 * and what is wrong with it. */
#include "tests/unit/config/fake_host.h"
#include "tests/unit/config/loading.h"

struct sample {
    bool is;
    int word;
    int levels[2];
    uint64_t number;
    char *text;
    struct config_address address;
    char **list;
    size_t list_count;
    struct config_branch *tree;
};

static const char *const words[] = {"one", "two", NULL};
static const char *const bad_words[] = {"one", "t wo", NULL};
static const char *const same_words[] = {"one", "two", "one", NULL};
static const char *const no_words[] = {NULL};

#define ROW(type_, member) .name = "a", .type = (type_), .offset = offsetof(struct sample, member)
#define LIST                                                                                       \
    .name = "a", .type = TYPE_LIST, .offset = offsetof(struct sample, list),                       \
    .count_offset = offsetof(struct sample, list_count)

static const char *check_anything(const void *value)
{
    (void)value;
    return NULL;
}

struct bad_row {
    struct config_row row;
    const char *problem; /* after "setting a: " */
};

#define A_LONG_NAME "a2345678901234567890123456789012345678901"

static const struct bad_row bad_rows[] = {
    {{ROW(99, number), .help = "h"}, "its type is unknown"},
    {{ROW((enum config_type) - 1, number), .help = "h"}, "its type is unknown"},
    {{ROW(TYPE_FREE, number), .help = "h"}, "its type is unknown"},
    {{ROW(TYPE_MODULES, number), .help = "h"}, "its type is unknown"},
    {{ROW(TYPE_BOOL, is)}, "its help is missing, longer than 400 bytes or not printable ASCII"},
    {{ROW(TYPE_BOOL, is), .help = ""},
     "its help is missing, longer than 400 bytes or not printable ASCII"},
    {{ROW(TYPE_BOOL, is), .help = "two\nlines"},
     "its help is missing, longer than 400 bytes or not printable ASCII"},
    {{ROW(TYPE_BOOL, is), .help = "h\xc3\xa9"},
     "its help is missing, longer than 400 bytes or not printable ASCII"},
    {{ROW(TYPE_BOOL, is), .check = check_anything, .help = "h"},
     "it has a check or a flag that only relay.yaml itself may have"},
    {{ROW(TYPE_INT, number), .flags = ROW_INHERITS, .help = "h"},
     "it has a check or a flag that only relay.yaml itself may have"},
    {{ROW(TYPE_ADDRESS, address), .flags = ROW_LISTEN, .help = "h"},
     "it has a check or a flag that only relay.yaml itself may have"},
    {{ROW(TYPE_BOOL, is), .flags = 1u << 31, .help = "h"},
     "it has a check or a flag that only relay.yaml itself may have"},
    {{ROW(TYPE_BOOL, is), .flags = ROW_PATTERN, .help = "h"},
     "it has a flag that is for texts, but is none"},
    {{ROW(TYPE_TREE, tree), .flags = ROW_FILES, .help = "h"},
     "it has a flag that is for texts, but is none"},
    {{ROW(TYPE_STRING, text), .zero = "off", .help = "h"}, "it has a word for 0, but is no number"},
    /* its place */
    {{.name = "a", .type = TYPE_INT, .offset = sizeof(struct sample), .help = "h"},
     "it lies outside its struct of"},
    {{.name = "a", .type = TYPE_INT, .offset = SIZE_MAX - 7, .help = "h"},
     "it lies outside its struct of"},
    {{.name = "a", .type = TYPE_ADDRESS, .offset = sizeof(struct sample) - 8, .help = "h"},
     "it lies outside its struct of"},
    {{.name = "a", .type = TYPE_INT, .offset = 4, .help = "h"}, "it is not aligned to 8 bytes"},
    {{.name = "a", .type = TYPE_ENUM, .offset = 2, .words = words, .help = "h"},
     "it is not aligned to 4 bytes"},
    {{.name = "a", .type = TYPE_LIST, .count_offset = SIZE_MAX, .max = 1, .help = "h"},
     "it lies outside its struct of"},
    {{.name = "a", .type = TYPE_LIST, .count_offset = 12, .max = 1, .help = "h"},
     "it is not aligned to 8 bytes"},
    /* numbers */
    {{ROW(TYPE_INT, number), .min = 2, .max = 1, .help = "h"},
     "its least value exceeds its greatest"},
    {{ROW(TYPE_INT, number), .min = 1, .max = 2, .help = "h"},
     "it needs a default, because 0 is not in its range"},
    {{ROW(TYPE_INT, number), .max = 2, .zero = "0", .help = "h"},
     "its word for 0 does not begin with a letter, or is not made of letters, digits and _-.+/"},
    {{ROW(TYPE_INT, number), .max = 2, .zero = "no limit", .help = "h"},
     "its word for 0 does not begin with a letter, or is not made of letters, digits and _-.+/"},
    {{ROW(TYPE_INT, number), .max = 2, .fallback = "3", .help = "h"},
     "its default \"3\" is out of range; write 0 to 2"},
    {{ROW(TYPE_INT, number), .max = 20, .fallback = "010", .help = "h"},
     "its default is not written as it would be printed"},
    {{ROW(TYPE_DURATION, number), .max = 20, .fallback = "3", .help = "h"},
     "its default \"3\" has no unit"},
    /* words */
    {{ROW(TYPE_ENUM, word), .help = "h"}, "it has no words"},
    {{ROW(TYPE_ENUM, word), .words = no_words, .help = "h"}, "it has no words"},
    {{ROW(TYPE_ENUM, word), .words = bad_words, .help = "h"},
     "number 1 of its words is not made of letters, digits and _-.+/"},
    {{ROW(TYPE_ENUM, word), .words = same_words, .help = "h"}, "one is twice among its words"},
    {{ROW(TYPE_ENUM, word), .words = words, .fallback = "three", .help = "h"},
     "its default \"three\" is not a valid value; write one or two"},
    {{ROW(TYPE_MAP, levels), .words = words, .help = "h"}, "it has no keys"},
    {{ROW(TYPE_MAP, levels), .words = words, .keys = words, .fallback = "{}", .help = "h"},
     "a setting of this type has no default"},
    /* other defaults */
    {{ROW(TYPE_BOOL, is), .fallback = "yes", .help = "h"},
     "its default \"yes\" is not a bool; write true or false"},
    {{ROW(TYPE_ADDRESS, address), .fallback = "listen", .help = "h"},
     "its default the word listen is for http.address; write IP:port"},
    {{ROW(TYPE_STRING, text), .fallback = "a\nb", .help = "h"},
     "its default is longer than 400 bytes or not printable ASCII"},
    {{ROW(TYPE_STRING, text), .fallback = "/a", .flags = ROW_BROADCAST, .help = "h"},
     "its default begins with /; paths have no leading slash, remove it"},
    {{ROW(TYPE_TREE, tree), .fallback = "{}", .help = "h"},
     "a setting of this type has no default"},
    {{LIST, .max = 1, .fallback = "a", .help = "h"}, "a setting of this type has no default"},
    /* lists and sections */
    {{LIST, .help = "h"}, "a list needs a greatest number of entries, from 1 to 4096"},
    {{LIST, .max = 4097, .help = "h"}, "a list needs a greatest number of entries, from 1 to 4096"},
    {{ROW(TYPE_SECTION, address), .help = "h"}, "it has no section"},
};

static void assert_refused(const struct config_section *section, const char *expected)
{
    char problem[CONFIG_PROBLEM_BYTES] = "";
    assert_false(config_section_is_valid(section, problem));
    if (strncmp(problem, expected, strlen(expected)) != 0)
        fail_msg("\"%s\" instead of \"%s\"", problem, expected);
}

static void a_bad_row_is_named_with_its_mistake(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_rows / sizeof bad_rows[0]; i++) {
        char expected[CONFIG_PROBLEM_BYTES];
        struct config_section section = {sizeof(struct sample), &bad_rows[i].row, 1};
        snprintf(expected, sizeof expected, "setting a: %s", bad_rows[i].problem);
        assert_refused(&section, expected);
    }
}

static void a_bad_name_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {NULL,  "",    "A",        "a b",
                                        "a-b", "a.b", "\xc3\xa9", A_LONG_NAME};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct config_row row = {ROW(TYPE_BOOL, is), .help = "h"};
        struct config_row rows[] = {row, row};
        rows[1].name = names[i];
        struct config_section section = {sizeof(struct sample), rows, 2};
        assert_refused(&section, "the name of setting number 1 is not 1 to 40 bytes of a-z, 0-9 "
                                 "and _");
    }
}

static void fields_that_collide_are_refused(void **state)
{
    (void)state;
    const struct config_row twice[] = {{ROW(TYPE_BOOL, is), .help = "h"},
                                       {ROW(TYPE_INT, number), .help = "h"}};
    struct config_row upon[] = {{ROW(TYPE_STRING, text), .help = "h"},
                                {ROW(TYPE_PATH, text), .help = "h"}};
    const struct config_row own_count[] = {{.name = "a", .type = TYPE_LIST, .max = 1, .help = "h"}};
    struct config_section section = {sizeof(struct sample), twice, 2};
    assert_refused(&section, "setting a: there are two of this name");
    upon[1].name = "b";
    section.rows = upon;
    assert_refused(&section, "a and b lie upon each other");
    section = (struct config_section){sizeof(struct sample), own_count, 1};
    assert_refused(&section, "a and a lie upon each other");
}

static void a_section_within_is_judged_too(void **state)
{
    (void)state;
    const struct config_row inner_row = {.name = "b", .type = TYPE_BOOL};
    const struct config_section inner = {1, &inner_row, 1};
    struct config_row row = {ROW(TYPE_SECTION, is), .section = &inner, .help = "h"};
    const struct config_section section = {sizeof(struct sample), &row, 1};
    assert_refused(&section, "setting a.b: its help is missing");
    row = (struct config_row){LIST, .max = 1, .section = &inner, .help = "h"};
    assert_refused(&section, "setting a.b: its help is missing");
}

static void a_struct_of_the_wrong_size_is_refused(void **state)
{
    (void)state;
    const struct config_row row = {.name = "a", .type = TYPE_INT, .help = "h"};
    struct config_section section = {0, &row, 1};
    assert_refused(&section, "the struct has 0 bytes; 1 to 16384 are allowed");
    section.size = CONFIG_SECTION_MAX_BYTES + 1;
    assert_refused(&section, "the struct has 16385 bytes; 1 to 16384 are allowed");
    section.size = 12; /* its entries in a list would not be aligned */
    assert_refused(&section, "the struct's 12 bytes are no multiple of its alignment, 8");
    section.size = 8;
    section.row_count = 0;
    assert_refused(&section, "the section has 0 settings; 1 to 64 are allowed");
    section.row_count = 65;
    assert_refused(&section, "the section has 65 settings; 1 to 64 are allowed");
    section.rows = NULL;
    assert_refused(&section, "the section has 0 settings; 1 to 64 are allowed");
}

static void a_section_that_contains_itself_is_refused(void **state)
{
    (void)state;
    struct config_row row = {LIST, .max = 1, .help = "h"};
    struct config_section section = {sizeof(struct sample), &row, 1};
    row.section = &section;
    assert_refused(&section, "setting a.a.a.a.a.a.a.a: more than 8 sections within each other");
}

static void the_number_of_all_settings_is_bounded(void **state)
{
    (void)state;
    static char names[64][4];
    struct config_row leaves[64], rows[8];
    struct config_section leaf_section = {64, leaves, 64};
    struct config_section section = {8 * 64, rows, 8};
    for (size_t i = 0; i < 64; i++) {
        snprintf(names[i], sizeof names[i], "a%zu", i);
        leaves[i] =
            (struct config_row){.name = names[i], .type = TYPE_BOOL, .offset = i, .help = "h"};
    }
    for (size_t i = 0; i < 8; i++)
        rows[i] = (struct config_row){.name = names[i],
                                      .type = TYPE_SECTION,
                                      .offset = i * 64,
                                      .section = &leaf_section,
                                      .help = "h"};
    assert_refused(&section, "setting a7: more than 512 settings in all sections");
    section.row_count = 7;
    char problem[CONFIG_PROBLEM_BYTES];
    assert_true(config_section_is_valid(&section, problem));
}

static void what_is_sound_is_taken(void **state)
{
    (void)state;
    static const char *const kinds[] = {"auth", "clock", "karp", "script"};
    char problem[CONFIG_PROBLEM_BYTES] = "";
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (!config_section_is_valid(fake_section(kinds[i]), problem))
            fail_msg("%s: %s", kinds[i], problem);
    static const struct config_row rows[] = {
        {ROW(TYPE_INT, number), .min = 1, .max = 9, .flags = ROW_REQUIRED, .help = "h"}};
    const struct config_section section = {sizeof(struct sample), rows, 1};
    assert_true(config_section_is_valid(&section, problem));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_row_is_named_with_its_mistake),
        cmocka_unit_test(a_bad_name_is_refused),
        cmocka_unit_test(fields_that_collide_are_refused),
        cmocka_unit_test(a_section_within_is_judged_too),
        cmocka_unit_test(a_struct_of_the_wrong_size_is_refused),
        cmocka_unit_test(a_section_that_contains_itself_is_refused),
        cmocka_unit_test(the_number_of_all_settings_is_bounded),
        cmocka_unit_test(what_is_sound_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
