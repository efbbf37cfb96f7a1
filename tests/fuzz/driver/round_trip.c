/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Loads a configuration, prints it, and loads it again. */
#include "tests/fuzz/driver/round_trip.h"

#include <stdlib.h>
#include <string.h>

const struct config_module_kind *find_only_module(void *self, const char *name,
                                                  const char *directory, char *problem)
{
    (void)directory;
    snprintf(problem, CONFIG_PROBLEM_BYTES, "there is only m");
    return strcmp(name, "m") == 0 ? self : NULL;
}

size_t list_only_module(void *self, const char *directory, const struct config_module_kind **kinds,
                        size_t max)
{
    (void)directory;
    kinds[0] = self;
    return max > 0;
}

static struct relay_config *load(const struct config_host *host, const char *text, size_t size,
                                 const struct config_flags *flags)
{
    struct config_sources sources = {
        .file = "fuzz.yaml", .text = text, .text_bytes = size, .flags = flags, .host = host};
    struct config_errors errors;
    struct relay_config *config;
    config_errors_init(&errors);
    int result = relay_config_load(&config, &sources, &errors);
    if ((result == 0) != (errors.count == 0) || (result == 0) != (config != NULL))
        abort();
    return config;
}

static char *print(const struct relay_config *config)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        abort();
    relay_config_print(config, out);
    fclose(out);
    return text;
}

static void require_same(const struct relay_config *config, const struct relay_config *again,
                         const char *printed)
{
    struct config_changes changes;
    char *printed_again = again ? print(again) : NULL;
    if (!again || strcmp(printed, printed_again) != 0)
        abort();
    relay_config_diff(config, again, &changes);
    if (changes.count > 0)
        abort();
    free(printed_again);
}

static bool has_any(const void *self, const char *name, const char *pattern)
{
    (void)self;
    return config_value_matches(pattern, name);
}

void require_round_trip(const struct config_host *host, const char *text, size_t size)
{
    struct config_flags flags = {.is_dev = true};
    struct relay_config *config = load(host, text, size, &flags);
    if (!config)
        return;
    char *printed = print(config);
    struct relay_config *again = load(host, printed, strlen(printed), NULL);
    require_same(config, again, printed);
    const struct config_asker asker = {.path = printed, .has_query = has_any, .has_claim = has_any};
    config_policy_for(&config->policy, &asker);
    relay_config_free(&config);
    relay_config_free(&again);
    free(printed);
}
