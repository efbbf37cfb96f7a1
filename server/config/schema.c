/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The table as a JSON Schema (draft 2020-12), for editors that check and complete YAML while it is
 * written.
 * Tested by tests/unit/config/test_print.c. */
#include <string.h>

#include "server/config/internal.h"

static void write_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++)
        fprintf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    fputc('"', out);
}

static void write_words(FILE *out, const char *const *words)
{
    fputs("\"enum\": [", out);
    for (size_t i = 0; words[i]; i++) {
        fputs(i > 0 ? ", " : "", out);
        write_string(out, words[i]);
    }
    fputc(']', out);
}

static void write_section(FILE *out, const struct config_section *section, unsigned indent);

/* A number has several forms, and the word for 0 is one of them. */
static void write_number(FILE *out, const struct config_row *row)
{
    fputs("\"anyOf\": [", out);
    if (row->type == TYPE_INT)
        fprintf(out, "{\"type\": \"integer\", \"minimum\": %llu, \"maximum\": %llu}",
                (unsigned long long)row->min, (unsigned long long)row->max);
    if (row->type == TYPE_SIZE)
        fprintf(out,
                "{\"type\": \"integer\", \"minimum\": %llu, \"maximum\": %llu}, "
                "{\"type\": \"string\", \"pattern\": \"^[0-9]+(B|KiB|MiB|GiB)$\"}",
                (unsigned long long)row->min, (unsigned long long)row->max);
    if (row->type == TYPE_DURATION)
        fputs("{\"type\": \"string\", \"pattern\": \"^[0-9]+([.][0-9]{1,6})?(ns|us|ms|s|m|h)$\"}",
              out);
    if (row->zero)
        fprintf(out, ", {\"const\": \"%s\"}", row->zero);
    fputc(']', out);
}

static void write_items(FILE *out, const struct config_row *row, unsigned indent)
{
    fprintf(out, "\"type\": [\"array\", \"null\"], \"maxItems\": %llu, \"items\": {",
            (unsigned long long)row->max);
    if (row->section)
        write_section(out, row->section, indent);
    else
        fputs("\"type\": \"string\"", out);
    fputc('}', out);
}

static void write_map(FILE *out, const struct config_row *row)
{
    fputs("\"type\": [\"object\", \"null\"], \"additionalProperties\": false, \"properties\": {",
          out);
    for (size_t i = 0; row->keys[i]; i++) {
        fputs(i > 0 ? ", " : "", out);
        write_string(out, row->keys[i]);
        fputs(": {", out);
        write_words(out, row->words);
        fputc('}', out);
    }
    fputc('}', out);
}

static void write_type(FILE *out, const struct config_row *row, unsigned indent)
{
    switch (row->type) {
    case TYPE_BOOL:
        fputs("\"type\": \"boolean\"", out);
        break;
    case TYPE_INT:
    case TYPE_SIZE:
    case TYPE_DURATION:
        write_number(out, row);
        break;
    case TYPE_ENUM:
        write_words(out, row->words);
        break;
    case TYPE_LIST:
        write_items(out, row, indent);
        break;
    case TYPE_MAP:
        write_map(out, row);
        break;
    case TYPE_SECTION:
        write_section(out, row->section, indent);
        break;
    default:
        fputs("\"type\": [\"string\", \"null\"]", out);
    }
}

static void write_default(FILE *out, const struct config_row *row)
{
    bool is_bare = row->type == TYPE_BOOL ||
                   (row->type == TYPE_INT && !(row->zero && !strcmp(row->zero, row->fallback)));
    if (is_bare) {
        fprintf(out, ", \"default\": %s", row->fallback);
        return;
    }
    fputs(", \"default\": ", out);
    write_string(out, row->fallback);
}

static void write_required(FILE *out, const struct config_section *section)
{
    bool has_any = false;
    for (size_t i = 0; i < section->row_count; i++) {
        if (!(section->rows[i].flags & ROW_REQUIRED))
            continue;
        fputs(has_any ? ", " : "\"required\": [", out);
        write_string(out, section->rows[i].name);
        has_any = true;
    }
    fputs(has_any ? "], " : "", out);
}

static void write_section(FILE *out, const struct config_section *section, unsigned indent)
{
    bool has_any = false;
    bool has_required = section->rows[0].flags & ROW_REQUIRED;
    fprintf(out, "\"type\": %s, \"additionalProperties\": false, ",
            has_required ? "\"object\"" : "[\"object\", \"null\"]");
    write_required(out, section);
    fputs("\"properties\": {\n", out);
    for (size_t i = 0; i < section->row_count; i++) {
        const struct config_row *row = &section->rows[i];
        if (row->type == TYPE_FREE)
            continue;
        fprintf(out, "%s%*s", has_any ? ",\n" : "", (int)indent + 2, "");
        has_any = true;
        write_string(out, row->name);
        fputs(": {\"description\": ", out);
        write_string(out, row->help);
        fputs(", ", out);
        write_type(out, row, indent + 2);
        if (row->fallback)
            write_default(out, row);
        fputc('}', out);
    }
    fprintf(out, "\n%*s}", (int)indent, "");
}

void relay_config_schema(FILE *out)
{
    fputs("{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\", \"title\": "
          "\"moq-relay\", ",
          out);
    write_section(out, &config_root, 0);
    fputs("}\n", out);
}
