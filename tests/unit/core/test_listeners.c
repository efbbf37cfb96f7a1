/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What listeners of one relay may differ in, on real sockets. */
#include "tests/unit/core/running.h"

static void each_listener_has_its_congestion_control(void **state)
{
    (void)state;
    struct running running;
    running_prepare(
        &running, "quic: { congestion: bbr }\n"
                  "listen:\n"
                  "  - { address: \"127.0.0.1:0\", self_signed: [localhost] }\n"
                  "  - { address: \"127.0.0.1:0\", self_signed: [localhost], congestion: cubic }\n"
                  "  - { address: \"127.0.0.1:0\", self_signed: [localhost], congestion: bbr }\n");

    const enum quic_congestion expected[] = {QUIC_CONGESTION_BBR, QUIC_CONGESTION_CUBIC,
                                             QUIC_CONGESTION_BBR};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(core_listener_congestion(running.core, i), expected[i]);
    running_stop(&running);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_listener_has_its_congestion_control),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
