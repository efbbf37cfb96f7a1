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

struct writer {
    FILE *out;
    const struct config_shown *shown; /* modules */
};

static void write_section(const struct writer *writer, const struct config_section *section,
                          unsigned indent);

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
    if (row->type == TYPE_DURATION || row->type == TYPE_AGO)
        fputs("{\"type\": \"string\", \"pattern\": \"^[0-9]+([.][0-9]{1,6})?(ns|us|ms|s|m|h)$\"}",
              out);
    if (row->type == TYPE_RATE)
        fputs("{\"type\": \"string\", \"pattern\": "
              "\"^[0-9]+([.][0-9]{1,6})?(bps|kbps|Mbps|Gbps)$\"}",
              out);
    for (size_t i = 0; row->type == TYPE_AGO && row->words[i]; i++)
        fprintf(out, ", {\"const\": \"%s\"}", row->words[i]);
    if (row->zero)
        fprintf(out, ", {\"const\": \"%s\"}", row->zero);
    fputc(']', out);
}

static void write_items(const struct writer *writer, const struct config_row *row, unsigned indent)
{
    fprintf(writer->out, "\"type\": [\"array\", \"null\"], \"maxItems\": %llu, \"items\": {",
            (unsigned long long)row->max);
    if (row->section)
        write_section(writer, row->section, indent);
    else
        fputs("\"type\": \"string\"", writer->out);
    fputc('}', writer->out);
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

/* ---- Modules --------------------------------------------------------------------------------- */

static bool is_required(const struct config_row *row);

/* Whether a setting in it, or in a section within it, must be written. */
static bool has_required(const struct config_section *section)
{
    for (size_t i = 0; i < section->row_count; i++)
        if (is_required(&section->rows[i]))
            return true;
    return false;
}

static bool is_required(const struct config_row *row)
{
    return (row->flags & ROW_REQUIRED) || (row->type == TYPE_SECTION && has_required(row->section));
}

/* The names that may stand alone: modules that need no setting, and paths. */
static void write_module_names(FILE *out, const struct config_shown *shown)
{
    bool has_any = false;
    fputs("{\"type\": \"string\", \"anyOf\": [{\"pattern\": \"/\"}", out);
    for (size_t i = 0; i < shown->count; i++) {
        if (strchr(shown->names[i], '/') || has_required(config_kind_section(shown->kinds[i])))
            continue;
        fputs(has_any ? ", " : ", {\"enum\": [", out);
        write_string(out, shown->names[i]);
        has_any = true;
    }
    fputs(has_any ? "]}]}" : "]}", out);
}

static void write_modules(const struct writer *writer, const struct config_row *row,
                          unsigned indent)
{
    const struct config_shown *shown = writer->shown;
    FILE *out = writer->out;
    fprintf(out, "\"type\": [\"array\", \"null\"], \"maxItems\": %llu, \"items\": {\"anyOf\": [",
            (unsigned long long)row->max);
    write_module_names(out, shown);
    fputs(", {\"type\": \"object\", \"minProperties\": 1, \"maxProperties\": 1, "
          "\"additionalProperties\": false, "
          "\"patternProperties\": {\"/\": {\"type\": [\"object\", \"null\"]}}, \"properties\": {",
          out);
    for (size_t i = 0; i < shown->count; i++) {
        fprintf(out, "%s\n%*s", i > 0 ? "," : "", (int)indent + 2, "");
        write_string(out, shown->names[i]);
        fputs(": {", out);
        write_section(writer, config_kind_section(shown->kinds[i]), indent + 2);
        fputc('}', out);
    }
    fputs("}}]}", out);
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static void write_type(const struct writer *writer, const struct config_row *row, unsigned indent)
{
    FILE *out = writer->out;
    switch (row->type) {
    case TYPE_BOOL:
        fputs("\"type\": \"boolean\"", out);
        break;
    case TYPE_INT:
    case TYPE_SIZE:
    case TYPE_DURATION:
    case TYPE_RATE:
    case TYPE_AGO:
        write_number(out, row);
        break;
    case TYPE_ENUM:
        write_words(out, row->words);
        break;
    case TYPE_LIST:
        write_items(writer, row, indent);
        break;
    case TYPE_MAP:
        write_map(out, row);
        break;
    case TYPE_SECTION:
        write_section(writer, row->section, indent);
        break;
    case TYPE_MODULES:
        write_modules(writer, row, indent);
        break;
    case TYPE_TREE: /* any type */
        fputs("\"$comment\": \"any YAML\"", out);
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
        if (!is_required(&section->rows[i]))
            continue;
        fputs(has_any ? ", " : "\"required\": [", out);
        write_string(out, section->rows[i].name);
        has_any = true;
    }
    fputs(has_any ? "], " : "", out);
}

static void write_setting(const struct writer *writer, const struct config_row *row,
                          unsigned indent)
{
    write_string(writer->out, row->name);
    fputs(": {\"description\": ", writer->out);
    write_string(writer->out, row->help);
    fputs(", ", writer->out);
    write_type(writer, row, indent);
    if (row->fallback)
        write_default(writer->out, row);
    fputc('}', writer->out);
}

static void write_section(const struct writer *writer, const struct config_section *section,
                          unsigned indent)
{
    bool has_any = false;
    FILE *out = writer->out;
    fprintf(out, "\"type\": %s, \"additionalProperties\": false, ",
            has_required(section) ? "\"object\"" : "[\"object\", \"null\"]");
    write_required(out, section);
    fputs("\"properties\": {\n", out);
    for (size_t i = 0; i < section->row_count; i++) {
        if (section->rows[i].type == TYPE_FREE)
            continue;
        fprintf(out, "%s%*s", has_any ? ",\n" : "", (int)indent + 2, "");
        has_any = true;
        write_setting(writer, &section->rows[i], indent + 2);
    }
    fprintf(out, "\n%*s}", (int)indent, "");
}

void relay_config_schema(const struct config_host *host, const struct relay_config *config,
                         FILE *out)
{
    struct config_shown shown;
    const struct writer writer = {out, &shown};
    config_modules_show(host, config, &shown);
    fputs("{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\", \"title\": "
          "\"moq-relay\", ",
          out);
    write_section(&writer, &config_root, 0);
    fputs("}\n", out);
}
