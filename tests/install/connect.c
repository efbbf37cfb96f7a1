/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The smallest program of a stranger who has native installed: it parses a URL and makes a
 * moq_native on a loop. */
#include "base/logging.h"
#include "native/native.h"

int main(void)
{
    struct moq_url url;
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct moq_native_config config = {.loop = &loop};
    struct moq_native *native = moq_native_new(&config);
    int error = moq_url_parse(&url, "https://localhost:4443/demo", NULL);

    error |=
        moq_log_set(NULL, "warn") || moq_log_set("quic", "debug") || !moq_log_set("none", "info");
    moq_native_close(&native, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    return error == 0 && url.port == 4443 && uv_loop_close(&loop) == 0 ? 0 : 1;
}
