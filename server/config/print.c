/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Prints the structs as YAML: a complete configuration for --print-config, or with an explanation
 * above every setting for the reference in conf/relay.yaml. What is printed loads to the same
 * configuration. */
#include <stdlib.h>
#include <string.h>

#include "server/config/internal.h"

struct writer {
    FILE *out;
    unsigned indent;
    unsigned comment_at;  /* column of the # before lines of an example */
    bool is_example;      /* lines are comments */
    bool is_item_started; /* the next line begins an entry of a list */
    bool has_help;
    const struct config_shown *shown; /* modules, as examples; NULL: none */
};

/* Starts a line at the right column, with a # or - where needed. */
static void begin_line(struct writer *writer)
{
    unsigned indent = writer->indent;
    if (writer->is_example) {
        fprintf(writer->out, "%*s# ", (int)writer->comment_at, "");
        indent -= writer->comment_at;
    }
    if (writer->is_item_started)
        fprintf(writer->out, "%*s- ", (int)indent - 2, "");
    else
        fprintf(writer->out, "%*s", (int)indent, "");
    writer->is_item_started = false;
}

/* ---- Texts ----------------------------------------------------------------------------------- */

static bool is_reserved(const char *text)
{
    static const char *const words[] = {"true", "false", "yes", "no", "on",
                                        "off",  "null",  "y",   "n"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(text, words[i]) == 0)
            return true;
    return false;
}

static bool is_plain(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char others[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";
    bool is_start_plain = text[0] == '/' || (text[0] && strchr(letters, text[0]));
    return is_start_plain && strspn(text, others) == strlen(text) && !is_reserved(text);
}

/* The size of a multi-byte character, *code, that YAML reads as a line break, a byte order mark or
 * not as a character; 0 for any other character. */
static size_t special_size(const unsigned char *p, unsigned *code)
{
    if (p[0] == 0xc2 && p[1] < 0xa0) {
        *code = p[1];
        return 2;
    }
    if (p[0] != 0xe2 && p[0] != 0xef)
        return 0;
    *code = (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    bool is_special = *code == 0x2028 || *code == 0x2029 || *code == 0xfeff || *code >= 0xfffe;
    return is_special ? 3 : 0;
}

static void write_quoted(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        unsigned code = *p;
        size_t size = special_size(p, &code);
        if (size > 0 || *p < 0x20 || *p == 0x7f)
            fprintf(out, "\\u%04X", code);
        else if (*p == '"' || *p == '\\')
            fprintf(out, "\\%c", *p);
        else
            fputc(*p, out);
        p += size > 0 ? size : 1;
    }
    fputc('"', out);
}

static void write_text(FILE *out, const char *text)
{
    if (is_plain(text))
        fputs(text, out);
    else
        write_quoted(out, text);
}

/* ---- Values ---------------------------------------------------------------------------------- */

static void write_texts(FILE *out, char *const *texts, size_t count)
{
    fputc('[', out);
    for (size_t i = 0; i < count; i++) {
        fputs(i > 0 ? ", " : "", out);
        write_text(out, texts[i] ? texts[i] : "");
    }
    fputs("]\n", out);
}

static void write_map(FILE *out, const struct config_row *row, const int *values)
{
    bool is_first = true;
    for (size_t i = 0; row->keys[i]; i++) {
        if (values[i] < 0)
            continue;
        fprintf(out, "%s%s: ", is_first ? "{ " : ", ", row->keys[i]);
        write_text(out, row->words[values[i]]);
        is_first = false;
    }
    fputs(is_first ? "{}\n" : " }\n", out);
}

static void write_value(FILE *out, const struct config_row *row, const void *field)
{
    char text[CONFIG_VALUE_BYTES];
    bool is_text = row->type == TYPE_STRING || row->type == TYPE_PATH;
    if (row->type == TYPE_ADDRESS)
        write_text(out, ((const struct config_address *)field)->text);
    else if (is_text)
        write_text(out, *(char *const *)field ? *(char *const *)field : "");
    else if (row->type == TYPE_ENUM)
        write_text(out, config_value_text(row, field, text));
    else
        fputs(config_value_text(row, field, text), out);
    fputc('\n', out);
}

/* ---- Branches -------------------------------------------------------------------------------- */

static void write_flow(FILE *out, const struct config_branch *branch)
{
    bool is_map = branch->kind == CONFIG_BRANCH_MAP;
    if (branch->kind == CONFIG_BRANCH_EMPTY) {
        fputc('~', out);
        return;
    }
    if (branch->kind == CONFIG_BRANCH_TEXT) {
        if (branch->is_quoted)
            write_quoted(out, branch->text);
        else
            fputs(branch->text, out);
        return;
    }
    fputs(!is_map ? "[" : branch->first ? "{ " : "{", out);
    for (const struct config_branch *child = branch->first; child; child = child->next) {
        fputs(child == branch->first ? "" : ", ", out);
        if (is_map) {
            write_text(out, child->key);
            fputs(": ", out);
        }
        write_flow(out, child);
    }
    fputs(!is_map ? "]" : branch->first ? " }" : "}", out);
}

/* Follows "name:". The settings of a map get a line each, anything else stays on this one. */
static void write_branch(struct writer *writer, const struct config_branch *branch)
{
    static const struct config_branch empty = {.kind = CONFIG_BRANCH_EMPTY};
    if (!branch || branch->kind != CONFIG_BRANCH_MAP || !branch->first) {
        fputc(' ', writer->out);
        write_flow(writer->out, branch ? branch : &empty);
        fputc('\n', writer->out);
        return;
    }
    fputc('\n', writer->out);
    writer->indent += 2;
    for (const struct config_branch *child = branch->first; child; child = child->next) {
        begin_line(writer);
        write_text(writer->out, child->key);
        fputc(':', writer->out);
        write_branch(writer, child);
    }
    writer->indent -= 2;
}

/* ---- Explanations ---------------------------------------------------------------------------- */

static void write_range(FILE *out, const struct config_row *row)
{
    char range[CONFIG_RANGE_BYTES];
    bool is_number = row->type == TYPE_INT || row->type == TYPE_SIZE ||
                     row->type == TYPE_DURATION || row->type == TYPE_RATE || row->type == TYPE_AGO;
    if (is_number)
        fprintf(out, "; %s", config_range_text(row, range));
    for (size_t i = 0; row->type == TYPE_ENUM && row->words[i]; i++)
        fprintf(out, "%s%s", i == 0 ? "; " : row->words[i + 1] ? ", " : " or ", row->words[i]);
}

static void write_help(struct writer *writer, const struct config_row *row)
{
    if (!writer->has_help)
        return;
    begin_line(writer);
    fprintf(writer->out, "# %s", row->help);
    write_range(writer->out, row);
    fputs(row->flags & ROW_REQUIRED ? " (required)" : "", writer->out);
    fputs(row->type != TYPE_SECTION && !(row->flags & ROW_RELOADS) ? " (restart)\n" : "\n",
          writer->out);
}

/* ---- Sections -------------------------------------------------------------------------------- */

static void write_section(struct writer *writer, const struct config_section *section,
                          const void *base);

static void write_item(struct writer *writer, const struct config_section *section,
                       const void *item)
{
    writer->indent += 4;
    writer->is_item_started = true;
    write_section(writer, section, item);
    writer->indent -= 4;
}

static void write_items(struct writer *writer, const struct config_row *row, const void *base)
{
    const char *items = config_list_items(row, base);
    size_t count = config_list_count(row, base);
    for (size_t i = 0; i < count; i++)
        write_item(writer, row->section, items + i * row->section->size);
}

/* The values that `section` has when nothing is written. NULL: out of memory. */
static void *new_defaults(const struct config_section *section)
{
    void *values = calloc(1, section->size);
    if (values && config_section_init(section, values))
        return values;
    if (values)
        config_section_deinit(section, values);
    free(values);
    return NULL;
}

static void free_defaults(const struct config_section *section, void *values)
{
    config_section_deinit(section, values);
    free(values);
}

static void write_default_item(struct writer *writer, const struct config_section *section)
{
    void *item = new_defaults(section);
    if (!item)
        return;
    write_item(writer, section, item);
    free_defaults(section, item);
}

static void write_list(struct writer *writer, const struct config_row *row, const void *base)
{
    bool is_within_example = writer->is_example;
    bool is_example = writer->has_help && (row->flags & ROW_EXAMPLE);
    size_t count = config_list_count(row, base);
    if (!row->section) {
        fprintf(writer->out, "%s: ", row->name);
        write_texts(writer->out, (char *const *)config_list_items(row, base), count);
        return;
    }
    if (is_within_example && count == 0) {
        fprintf(writer->out, "%s:\n", row->name);
        write_default_item(writer, row->section);
        return;
    }
    fprintf(writer->out, count == 0 || is_example ? "%s: []\n" : "%s:\n", row->name);
    if (is_example)
        writer->comment_at = writer->indent;
    writer->is_example |= is_example;
    write_items(writer, row, base);
    writer->is_example = is_within_example;
}

/* ---- Modules --------------------------------------------------------------------------------- */

static void write_module(struct writer *writer, const char *name,
                         const struct config_section *section, const void *values)
{
    writer->indent += 4;
    writer->is_item_started = true;
    begin_line(writer);
    write_text(writer->out, name);
    fputs(section ? ":\n" : "\n", writer->out);
    writer->indent += 2;
    if (section)
        write_section(writer, section, values);
    writer->indent -= 6;
}

static void write_modules(struct writer *writer, const struct config_row *row, const void *base)
{
    const struct config_module *modules = config_list_items(row, base);
    size_t count = config_list_count(row, base);
    fprintf(writer->out, count > 0 ? "%s:\n" : "%s: []\n", row->name);
    for (size_t i = 0; i < count; i++)
        write_module(writer, modules[i].written, modules[i].kind->section, modules[i].values);
}

/* An entry for every module that is shown, with its defaults. */
static void write_module_examples(struct writer *writer)
{
    const struct config_shown *shown = writer->shown;
    writer->comment_at = writer->indent;
    writer->is_example = true;
    for (size_t i = 0; shown && i < shown->count; i++) {
        const struct config_section *section = shown->kinds[i]->section;
        void *values = section ? new_defaults(section) : NULL;
        if (values || !section)
            write_module(writer, shown->names[i], section, values);
        if (values)
            free_defaults(section, values);
    }
    writer->is_example = false;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static void write_row(struct writer *writer, const struct config_row *row, const void *base)
{
    const void *field = config_field_const(row, base);
    begin_line(writer);
    if (row->type == TYPE_LIST) {
        write_list(writer, row, base);
        return;
    }
    if (row->type == TYPE_MODULES) {
        write_modules(writer, row, base);
        write_module_examples(writer);
        return;
    }
    if (row->type == TYPE_TREE) {
        fprintf(writer->out, "%s:", row->name);
        write_branch(writer, *(struct config_branch *const *)field);
        return;
    }
    fprintf(writer->out, row->type == TYPE_SECTION ? "%s:\n" : "%s: ", row->name);
    if (row->type == TYPE_MAP) {
        write_map(writer->out, row, field);
    } else if (row->type == TYPE_SECTION) {
        writer->indent += 2;
        write_section(writer, row->section, field);
        writer->indent -= 2;
    } else {
        write_value(writer->out, row, field);
    }
}

static void write_section(struct writer *writer, const struct config_section *section,
                          const void *base)
{
    for (size_t i = 0; i < section->row_count; i++) {
        const struct config_row *row = &section->rows[i];
        if (row->type == TYPE_FREE)
            continue;
        if (writer->has_help && writer->indent == 0)
            fputc('\n', writer->out);
        write_help(writer, row);
        write_row(writer, row, base);
    }
}

void relay_config_print(const struct relay_config *config, FILE *out)
{
    struct writer writer = {.out = out};
    write_section(&writer, &config_root, config);
}

static const char reference_head[] =
    "# Every setting of moq-relay, with its default. `moq-relay --reference` prints this file.\n"
    "#\n"
    "# A file needs only the settings that differ, see minimal.yaml. `moq-relay --check FILE` "
    "checks a file without\n"
    "# starting. SIGHUP makes the relay read its file again; if a setting marked (restart) has "
    "changed, the reload is\n"
    "# refused and the log names the setting. Each setting is also an environment variable: "
    "cache.age is\n"
    "# MOQ_RELAY_CACHE_AGE; lists are written as YAML on one line. Flags win over the environment, "
    "the environment\n"
    "# over the file, the file over the defaults.\n";

/* What the reference shows for a list that is empty by default. */
static const char reference_example[] =
    "listen: [{ certificates: [{ cert: /etc/moq-relay/cert.pem, key: /etc/moq-relay/key.pem }] }]\n"
    "policy: { classes: [{ match: \"meet/**\", query: [mode=live], claims: [plan=premium], "
    "latency: 250ms, ladder: [{ track: video-low, rate: 800kbps }, { track: video-high, "
    "rate: 5Mbps }] }] }\n";

void relay_config_reference(const struct config_host *host, const struct relay_config *of,
                            FILE *out)
{
    struct config_shown shown;
    struct writer writer = {.out = out, .has_help = true, .shown = &shown};
    struct config_sources sources = {.text = reference_example,
                                     .text_bytes = sizeof reference_example - 1};
    struct config_errors errors;
    struct relay_config *config;
    config_errors_init(&errors);
    if (relay_config_load(&config, &sources, &errors) != 0) {
        config_errors_print(&errors, stderr);
        return;
    }
    config_modules_show(host, of, &shown);
    fputs(reference_head, out);
    write_section(&writer, &config_root, config);
    relay_config_free(&config);
}
