/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The policy of a relay.yaml, asked about a viewer. The first three lines are the path that it asks
 * for, the query of its URL, and its claims; the rest is the file. */
#include <stdlib.h>
#include <string.h>

#include "server/core/classes.h"
#include "server/core/peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_true)
{
    if (!is_true)
        abort();
}

/* Cuts the first line off. */
static char *take_line(char **text)
{
    char *line = *text;
    size_t n = strcspn(line, "\n");
    *text = line + n + (line[n] != '\0');
    line[n] = '\0';
    return line;
}

static struct relay_config *load(const char *text)
{
    struct config_flags flags = {.is_dev = true};
    struct config_sources sources = {
        .file = "fuzz.yaml", .text = text, .text_bytes = strlen(text), .flags = &flags};
    struct config_errors errors;
    struct relay_config *config;
    config_errors_init(&errors);
    require((relay_config_load(&config, &sources, &errors) == 0) == (config != NULL));
    return config;
}

static void check_ladder(const struct relay_config *config, const struct config_verdict *verdict,
                         const struct moq_path *path, struct core_ladder *ladder)
{
    size_t count = core_ladder_count(ladder);
    require(verdict->class_number > 0 && count > 0);
    require(count <= config->policy.classes[verdict->class_number - 1].rung_count);
    for (size_t i = 1; i < count; i++)
        require(core_ladder_at(ladder, i - 1)->bitrate_bps <=
                core_ladder_at(ladder, i)->bitrate_bps);
    require(core_ladder_find(ladder, path) != CORE_NO_RENDITION);
    core_ladder_unref(&ladder);
}

static void ask(const struct relay_config *config, const struct core_peer *peer,
                const struct moq_path *path)
{
    struct config_verdict verdict = classes_verdict(config, peer, path);
    char words[64];
    require(verdict.class_number <= config->policy.class_count);
    if (verdict.class_number > 0)
        config_class_text(&config->policy.classes[verdict.class_number - 1], words, sizeof words);
    struct core_ladder *ladder = classes_ladder(config, peer, path);
    if (ladder)
        check_ladder(config, &verdict, path, ladder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *all = malloc(size + 1);
    if (!all)
        return 0;
    memcpy(all, data, size);
    all[size] = '\0';
    char *rest = all, *path_text = take_line(&rest), *query = take_line(&rest);
    struct moq_path *path = moq_path_from_text(path_text), *root = moq_path_new(NULL, 0);
    const struct moq_path *everything[] = {root};
    const struct core_grants grants = {
        .claims = take_line(&rest), .subscribe = everything, .subscribe_count = 1};
    struct core_peer peer = {.query = query};
    struct relay_config *config = load(rest);
    if (config && path && grants_new(&grants, 0, &peer.grants) == 0)
        ask(config, &peer, path);
    grants_unref(&peer.grants);
    relay_config_free(&config);
    moq_path_unref(&path);
    moq_path_unref(&root);
    free(all);
    return 0;
}
