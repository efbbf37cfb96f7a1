/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Shared by the tests of the configuration: loads it from a text, and prints errors as one
 * string. */
#ifndef MOQ_TEST_CONFIG_LOADING_H
#define MOQ_TEST_CONFIG_LOADING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/config/config.h"

struct loaded {
    struct relay_config *config; /* NULL: refused */
    struct config_errors errors;
    int result;
};

static inline void load(struct loaded *loaded, const struct config_sources *sources)
{
    config_errors_init(&loaded->errors);
    loaded->result = relay_config_load(&loaded->config, sources, &loaded->errors);
    assert_int_equal(loaded->result == 0, loaded->config != NULL);
    assert_int_equal(loaded->result == 0, loaded->errors.count == 0);
}

/* Loads `text` as relay.yaml. --tls-self-sign localhost is added, so that no text needs a
 * certificate. */
static inline void load_text(struct loaded *loaded, const char *text, size_t n)
{
    struct config_flags flags = {.self_sign = {.values = {"localhost"}, .count = 1}};
    struct config_sources sources = {
        .file = "relay.yaml", .text = text, .text_bytes = n, .flags = &flags};
    load(loaded, &sources);
}

/* All errors, one per line. The caller frees the result. */
static inline char *error_lines(const struct config_errors *errors)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    config_errors_print(errors, out);
    fclose(out);
    return text;
}

static inline void assert_errors(const struct config_errors *errors, const char *expected)
{
    char *lines = error_lines(errors);
    assert_string_equal(lines, expected);
    free(lines);
}

/* The output of --print-config. The caller frees it. */
static inline char *printed(const struct relay_config *config)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    relay_config_print(config, out);
    fclose(out);
    return text;
}

#endif
