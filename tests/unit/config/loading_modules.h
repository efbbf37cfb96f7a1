/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Shared by the tests of modules: loads configurations with a host that finds some. */
#ifndef MOQ_TEST_CONFIG_LOADING_MODULES_H
#define MOQ_TEST_CONFIG_LOADING_MODULES_H

#include "tests/unit/config/fake_host.h"
#include "tests/unit/config/loading.h"

static inline void load_modules(struct loaded *loaded, const char *text)
{
    struct config_flags flags = {.self_sign = {.values = {"localhost"}, .count = 1}};
    struct config_sources sources = {.file = "relay.yaml",
                                     .text = text,
                                     .text_bytes = strlen(text),
                                     .flags = &flags,
                                     .host = &fake_host};
    load(loaded, &sources);
}

static inline void load_well(struct loaded *loaded, const char *text)
{
    load_modules(loaded, text);
    assert_errors(&loaded->errors, "");
}

/* Every form of an entry and every type of setting. */
static const char everything[] =
    "modules:\n"
    "  - auth: { keys: /etc/keys.jwk, leeway: 1.5s, key_bytes: unlimited,\n"
    "            anonymous: { subscribe: [\"demo/**\", a] } }\n"
    "  - karp:\n"
    "      http: \"[::1]:80\"\n"
    "      format: off\n"
    "      levels: { video: high }\n"
    "      sources:\n"
    "        - { path: demo/bbb, file: bbb.mp4 }\n"
    "        - path: b\n"
    "          file: b.mp4\n"
    "          loop: false\n"
    "          tracks: [{ name: video, priority: 9 }, { name: audio }]\n"
    "          options: { ladder: [1080, \"720\", a b, [], [x, { y: ~ }]], \"a: b\": -1.5, on: {} "
    "}\n"
    "  - clock:\n"
    "  - ./my-own.so: { path: mine }\n"
    "  - hello\n"
    "module_directory: /modules\n";

#endif
