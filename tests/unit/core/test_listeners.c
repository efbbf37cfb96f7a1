/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What listeners of one relay may differ in, on real sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "server/config/config.h"
#include "server/core/core.h"

static struct relay_config *load(const char *text)
{
    struct relay_config *config;
    struct config_errors errors;
    struct config_sources sources = {
        .file = "relay.yaml", .text = text, .text_bytes = strlen(text)};
    config_errors_init(&errors);
    int error = relay_config_load(&config, &sources, &errors);
    config_errors_print(&errors, stderr);
    assert_int_equal(error, 0);
    return config;
}

static void each_listener_has_its_congestion_control(void **state)
{
    (void)state;
    struct relay_config *config =
        load("quic: { congestion: bbr }\n"
             "listen:\n"
             "  - { address: \"127.0.0.1:0\", self_signed: [localhost] }\n"
             "  - { address: \"127.0.0.1:0\", self_signed: [localhost], congestion: cubic }\n"
             "  - { address: \"127.0.0.1:0\", self_signed: [localhost], congestion: bbr }\n");
    char error_text[QUIC_ERROR_TEXT_BYTES];
    struct core *core;
    uv_loop_t loop;
    uv_loop_init(&loop);

    assert_int_equal(core_new(&core, &loop, config, error_text), 0);

    const enum quic_congestion expected[] = {QUIC_CONGESTION_BBR, QUIC_CONGESTION_CUBIC,
                                             QUIC_CONGESTION_BBR};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(core_listener_congestion(core, i), expected[i]);
    core_stop(&core, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    relay_config_free(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_listener_has_its_congestion_control),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
