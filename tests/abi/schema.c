/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module with the fields that the macro FIELDS has, most of them wrong in some way; SCHEMA, if
 * given, is a schema that is wrong as a whole. */
#include "kit.h"

struct item {
    const char *name;
};

struct settings {
    uint64_t number;
    const char *text;
    const char *const *list;
    size_t list_count;
    struct item inner;
    struct item *items;
    size_t item_count;
    int word;
    bool is_on;
    struct relay_address address;
    const struct relay_node *tree;
};

#define AT(member) .offset = offsetof(struct settings, member)

static const struct relay_field item_fields[] = {
    {.name = "name",
     .type = RELAY_FIELD_STRING,
     .offset = offsetof(struct item, name),
     .help = "name of an item"},
};
static const struct relay_schema items = RELAY_SCHEMA(struct item, item_fields);
static const char *const words[] = {"one", "two", NULL};
static const char *const no_words[] = {NULL};
static const char *const same_words[] = {"one", "one", NULL};

static const struct relay_field fields[] = {FIELDS};
#ifdef SCHEMA
static const struct relay_schema schema = SCHEMA;
#else
static const struct relay_schema schema = RELAY_SCHEMA(struct settings, fields);
#endif

/* Whatever the macros do not use. */
RELAY_EXPORT const void *const used[] = {&items, words, no_words, same_words, fields};

static void check(struct relay_check *check, const void *config)
{
    const struct settings *settings = config;
    if (settings->number == 13)
        relay_check_fail(check, "number", "13 brings bad luck; write another");
    for (size_t i = 0; i < settings->item_count; i++)
        if (settings->items[i].name && settings->items[i].name[0] == 'X') {
            char setting[64];
            snprintf(setting, sizeof setting, "items[%zu].name", i);
            relay_check_fail(check, setting, "%s begins with X; rename it",
                             settings->items[i].name);
        }
}

static int start(struct relay_self *self, const void *config)
{
    (void)self;
    trace("start %llu", (unsigned long long)((const struct settings *)config)->number);
    return 0;
}

RELAY_MODULE = {
    RELAY_MODULE_HEAD, .name = "schema", .config = &schema, .check = check, .start = start,
};
