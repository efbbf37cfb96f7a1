/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Any bytes as relay.yaml, with modules to name: loaded, or refused with a reason; what loads is
 * printed so that it loads to the same. */
#include <stdlib.h>
#include <string.h>

#include "server/config/config.h"
#include "tests/unit/config/fake_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

static struct relay_config *load(const char *text, size_t size, const struct config_flags *flags)
{
    struct config_sources sources = {
        .file = "fuzz.yaml", .text = text, .text_bytes = size, .flags = flags, .host = &fake_host};
    struct config_errors errors;
    struct relay_config *config;
    config_errors_init(&errors);
    int result = relay_config_load(&config, &sources, &errors);
    if ((result == 0) != (errors.count == 0) || (result == 0) != (config != NULL))
        abort();
    return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_flags flags = {.is_dev = true};
    struct relay_config *config = load((const char *)data, size, &flags);
    if (!config)
        return 0;
    struct config_changes changes;
    char *text = print(config);
    struct relay_config *again = load(text, strlen(text), NULL);
    char *text_again = again ? print(again) : NULL;
    if (!again || strcmp(text, text_again) != 0)
        abort();
    relay_config_diff(config, again, &changes);
    if (changes.count > 0)
        abort();
    config_policy_for(&config->policy, text);
    relay_config_free(&config);
    relay_config_free(&again);
    free(text);
    free(text_again);
    return 0;
}
