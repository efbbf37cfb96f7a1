/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Builds the tree from YAML, by the events of libyaml. It accepts only what a configuration needs:
 * one document of maps, lists and scalars. Anchors, aliases and tags are refused, so no text can
 * grow beyond what was written.
 * Tested by tests/unit/config/test_files.c. */
#include <string.h>
#include <yaml.h>

#include "server/config/internal.h"

struct builder {
    struct config_tree *tree;
    const char *source;
    struct config_node *root;
    struct config_node *stack[CONFIG_MAX_DEPTH]; /* open maps and lists, the root first */
    bool has_bracket[CONFIG_MAX_DEPTH];          /* which of them begin with [ or { */
    size_t depth;
    const char *key; /* a key whose value is not read yet; NULL: none */
    struct config_place key_place;
    bool is_key_duplicate;
    bool is_stopped; /* what was read cannot be used */
};

static struct config_place place_of(const struct builder *builder, const yaml_mark_t *mark)
{
    return (struct config_place){builder->source, (unsigned)mark->line + 1,
                                 (unsigned)mark->column + 1};
}

static void stop_building(struct builder *builder, const struct config_place *place,
                          const char *why)
{
    config_errors_add(builder->tree->errors, place, "%s", why);
    builder->is_stopped = true;
}

/* ---- libyaml's own complaints, in words that say what to do ---------------------------------- */

static const struct complaint {
    const char *theirs, *ours;
    bool is_begun_shown; /* also say where the broken part begins */
} complaints[] = {
    {"found character that cannot start any token",
     "this character cannot begin a value; put the value in quotes", false},
    {"did not find expected node content",
     "this character cannot begin a value; put the value in quotes", false},
    {"did not find expected alphabetic or numeric character",
     "* and & cannot begin a value; put the value in quotes", false},
    {"mapping values are not allowed in this context",
     "a colon where a setting cannot begin; check the indentation, or put the value in quotes",
     false},
    {"did not find expected key",
     "this does not line up with anything above; settings of one section start in the same column",
     true},
    {"did not find expected '-' indicator",
     "this does not line up with anything above; entries of one list start with - in the same "
     "column",
     true},
    {"did not find expected ',' or ']'", "this list is not written correctly; write [a, b]", true},
    {"did not find expected ',' or '}'",
     "this map is not written correctly; write { name: value, name: value }", true},
    {"found unexpected end of stream", "a text in quotes has no end; add the closing quote", true},
    {"could not find expected ':'", "a setting without a value; write name: value", false},
    {"did not find expected <document start>",
     "this does not line up with anything above; check the indentation", false},
    {"block sequence entries are not allowed in this context",
     "a list cannot begin here; put each entry on a line of its own", false},
};

static struct complaint complaint_for(const yaml_parser_t *parser, const char *text, size_t n)
{
    if (parser->problem_mark.index < n && text[parser->problem_mark.index] == '\t')
        return (struct complaint){.ours = "a tab where only spaces are allowed; use spaces"};
    for (size_t i = 0; parser->problem && i < sizeof complaints / sizeof complaints[0]; i++)
        if (strcmp(parser->problem, complaints[i].theirs) == 0)
            return complaints[i];
    return (struct complaint){.ours = parser->problem ? parser->problem : "this is not YAML"};
}

/* The innermost map or list whose bracket is still open at the end of the text: the mistake is
 * there, not at the end. NULL: none. */
static const struct config_node *find_left_open(const struct builder *builder,
                                                const yaml_parser_t *parser)
{
    if (parser->error != YAML_PARSER_ERROR || parser->tokens.head == parser->tokens.tail ||
        parser->tokens.head->type != YAML_STREAM_END_TOKEN)
        return NULL;
    for (size_t i = builder->depth; i > 0; i--)
        if (builder->has_bracket[i - 1])
            return builder->stack[i - 1];
    return NULL;
}

static void report_parser(struct builder *builder, const yaml_parser_t *parser, const char *text,
                          size_t n)
{
    struct config_place place = place_of(builder, &parser->problem_mark);
    struct config_place begun = place_of(builder, &parser->context_mark);
    struct complaint complaint = complaint_for(parser, text, n);
    char where[64] = "";
    if (parser->error == YAML_MEMORY_ERROR) {
        builder->tree->is_out_of_memory = true;
        return;
    }
    const struct config_node *open = find_left_open(builder, parser);
    if (open) {
        config_errors_add(builder->tree->errors, &open->place,
                          open->kind == NODE_MAP ? "this { is not closed; add the closing }"
                                                 : "this [ is not closed; add the closing ]");
        return;
    }
    if (complaint.is_begun_shown && parser->context)
        snprintf(where, sizeof where, " (what is broken begins at %u:%u)", begun.line,
                 begun.column);
    config_errors_add(builder->tree->errors, &place, "%s%s", complaint.ours, where);
}

/* ---- Events -> nodes ------------------------------------------------------------------------- */

static struct config_node *innermost_node(const struct builder *builder)
{
    return builder->depth > 0 ? builder->stack[builder->depth - 1] : NULL;
}

static bool is_key_expected(const struct builder *builder)
{
    const struct config_node *parent = innermost_node(builder);
    return parent && parent->kind == NODE_MAP && !builder->key;
}

/* Attaches a new node to its parent. The value of a duplicate key is read and dropped. */
static void attach_node(struct builder *builder, struct config_node *node)
{
    struct config_node *parent = innermost_node(builder);
    if (!parent) {
        builder->root = node;
        return;
    }
    node->key = builder->key;
    node->key_place = builder->key_place;
    builder->key = NULL;
    if (!builder->is_key_duplicate)
        config_node_append(parent, node);
    builder->is_key_duplicate = false;
}

static struct config_node *add_node(struct builder *builder, enum config_node_kind kind,
                                    const struct config_place *place)
{
    struct config_node *node = config_tree_node(builder->tree, kind, place);
    if (!node) {
        builder->is_stopped = true;
        return NULL;
    }
    attach_node(builder, node);
    return node;
}

static void check_extras(struct builder *builder, const struct config_place *place,
                         const yaml_char_t *anchor, const yaml_char_t *tag)
{
    char quoted[CONFIG_QUOTE_BYTES];
    if (anchor)
        config_errors_add(builder->tree->errors, place, "an anchor (&) is not allowed; remove %s",
                          config_quote(quoted, (const char *)anchor));
    if (tag)
        config_errors_add(builder->tree->errors, place, "a tag (!) is not allowed; remove %s",
                          config_quote(quoted, (const char *)tag));
}

static void on_key(struct builder *builder, const char *text, size_t n,
                   const struct config_place *place)
{
    const struct config_node *map = innermost_node(builder);
    if (n > CONFIG_KEY_MAX_BYTES) {
        stop_building(builder, place,
                      "a name longer than 256 bytes; no setting has such a long name");
        return;
    }
    if (map->count == CONFIG_MAX_KEYS) {
        stop_building(builder, place, "more than 1024 names in one section; remove some");
        return;
    }
    const struct config_node *first = config_node_find(map, text);
    if (first) {
        char quoted[CONFIG_QUOTE_BYTES];
        config_errors_add(builder->tree->errors, place,
                          "%s is set twice, first in line %u; remove one of them",
                          config_quote(quoted, text), first->key_place.line);
    }
    builder->key = config_tree_text(builder->tree, text, n);
    builder->key_place = *place;
    builder->is_key_duplicate = first != NULL;
    builder->is_stopped = !builder->key;
}

static const char *problem_with_scalar(const char *text, size_t n)
{
    if (memchr(text, '\0', n))
        return "a NUL byte in a text; remove it";
    if (n > CONFIG_SCALAR_MAX_BYTES)
        return "a text longer than 4096 bytes; no setting takes such a long one";
    return NULL;
}

static void on_scalar(struct builder *builder, const yaml_event_t *event)
{
    struct config_place place = place_of(builder, &event->start_mark);
    const char *text = (const char *)event->data.scalar.value;
    size_t n = event->data.scalar.length;
    const char *problem = problem_with_scalar(text, n);
    check_extras(builder, &place, event->data.scalar.anchor, event->data.scalar.tag);
    if (problem)
        config_errors_add(builder->tree->errors, &place, "%s", problem);
    if (is_key_expected(builder)) {
        on_key(builder, text, strlen(text), &place);
        return;
    }
    struct config_node *node = add_node(builder, problem ? NODE_BROKEN : NODE_SCALAR, &place);
    if (!node)
        return;
    node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text = config_tree_text(builder->tree, problem ? "" : text, problem ? 0 : n);
    builder->is_stopped = !node->text;
}

static void on_start(struct builder *builder, enum config_node_kind kind, bool has_bracket,
                     const struct config_place *place)
{
    if (is_key_expected(builder)) {
        stop_building(
            builder, place,
            "a name must be a plain word; if this is a value in brackets, put it in quotes");
        return;
    }
    if (builder->depth == CONFIG_MAX_DEPTH) {
        stop_building(builder, place, "nested deeper than 32 levels; no setting is that deep");
        return;
    }
    struct config_node *node = add_node(builder, kind, place);
    if (!node)
        return;
    builder->has_bracket[builder->depth] = has_bracket;
    builder->stack[builder->depth++] = node;
}

static void on_alias(struct builder *builder, const yaml_event_t *event)
{
    struct config_place place = place_of(builder, &event->start_mark);
    config_errors_add(builder->tree->errors, &place,
                      "an alias (*) is not allowed; write the value out, or put it in quotes");
    if (is_key_expected(builder))
        builder->is_stopped = true;
    else
        add_node(builder, NODE_BROKEN, &place);
}

static void on_event(struct builder *builder, const yaml_event_t *event)
{
    struct config_place place = place_of(builder, &event->start_mark);
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (builder->root)
            stop_building(
                builder, &place,
                "a second document; a configuration is a single one, so remove the --- and what "
                "follows");
        break;
    case YAML_ALIAS_EVENT:
        on_alias(builder, event);
        break;
    case YAML_SCALAR_EVENT:
        on_scalar(builder, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        check_extras(builder, &place, event->data.sequence_start.anchor,
                     event->data.sequence_start.tag);
        on_start(builder, NODE_LIST, event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE,
                 &place);
        break;
    case YAML_MAPPING_START_EVENT:
        check_extras(builder, &place, event->data.mapping_start.anchor,
                     event->data.mapping_start.tag);
        on_start(builder, NODE_MAP,
                 event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE &&
                     event->end_mark.index > event->start_mark.index /* not in [a: b] */,
                 &place);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        builder->depth--;
        break;
    default:
        break;
    }
}

struct config_node *config_yaml_parse(struct config_tree *tree, const char *source,
                                      const char *text, size_t n)
{
    struct builder builder = {.tree = tree, .source = source};
    struct config_place start = {source, 1, 1};
    yaml_parser_t parser;
    bool is_end = false;
    if (!config_scan(&start, text, n, tree->errors))
        return NULL;
    if (!yaml_parser_initialize(&parser)) {
        tree->is_out_of_memory = true;
        return NULL;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    while (!is_end && !builder.is_stopped) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            report_parser(&builder, &parser, text, n);
            builder.is_stopped = true;
            break;
        }
        on_event(&builder, &event);
        is_end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    if (builder.is_stopped)
        return NULL;
    return builder.root ? builder.root : config_tree_node(tree, NODE_MAP, &start);
}
