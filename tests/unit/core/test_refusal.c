/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the user of a tool reads when the relay refuses the tool's session, or ends it because its
 * grants have expired. MOQ_CLOCK is the path of moq-clock. */
#include "tests/unit/core/running.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/clock.h"

enum { LIFE_MS = 1500, OUTPUT_BYTES = 4096 };

struct stage {
    struct running running;
    struct core_hook hook;
    enum core_verdict verdict;
    enum core_denial denial;
};

static enum core_verdict on_session(void *self, struct core_request *request)
{
    const struct stage *stage = self;
    const struct core_grants soon = {.expires_ms = clock_wall_ms() + LIFE_MS};
    if (stage->verdict == CORE_DENY)
        core_request_set_denial(request, stage->denial, "this club is for members");
    else if (core_request_set_grants(request, &soon))
        return CORE_DENY;
    return stage->verdict;
}

static void attach(const struct core_worker *worker, void *user)
{
    struct stage *stage = user;
    assert_int_equal(core_hooks_add(worker->hooks, &stage->hook), 0);
}

static void detach(const struct core_worker *worker, void *user)
{
    struct stage *stage = user;
    assert_int_equal(core_hooks_remove(worker->hooks, &stage->hook), 0);
}

/* The answer is set before the worker's thread can read it. */
static void stage_init(struct stage *stage, enum core_verdict verdict)
{
    static const struct core_hook_ops ops = {.name = "doorman", .session_open = on_session};
    *stage =
        (struct stage){.hook.ops = &ops, .verdict = verdict, .denial = CORE_DENIAL_UNAUTHORIZED};
    stage->hook.self = stage;
    running_prepare(&stage->running,
                    "workers: 1\n"
                    "listen: [{ address: \"127.0.0.1:0\", self_signed: [localhost] }]\n");
    core_with_worker(stage->running.core, 0, attach, stage);
    core_run(stage->running.core);
}

static void stage_deinit(struct stage *stage)
{
    core_with_worker(stage->running.core, 0, detach, stage);
    running_stop(&stage->running);
}

/* Runs the tool until it ends; writes what it says to `out`. */
static void run_clock(const struct stage *stage, const char *scheme, char out[OUTPUT_BYTES])
{
    const struct sockaddr_in *in = (const void *)&stage->running.address;
    char command[1024];
    snprintf(command, sizeof command,
             "timeout -k 5 20 %s --tls-disable-verify --no-reconnect %s://127.0.0.1:%u 2>&1",
             MOQ_CLOCK, scheme, ntohs(in->sin_port));
    FILE *pipe = popen(command, "r"); /* NOLINT(cert-env33-c): it is what is tested */
    assert_non_null(pipe);
    size_t n = fread(out, 1, OUTPUT_BYTES - 1, pipe);
    out[n] = '\0';
    int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
}

static void assert_says(const char *out, const char *words)
{
    if (!strstr(out, words))
        fail_msg("\"%s\" does not say \"%s\"", out, words);
}

static void a_tool_that_is_refused_says_why(void **state)
{
    static const char *const schemes[] = {"https", "moqf"};
    struct stage stage;
    char out[OUTPUT_BYTES];
    (void)state;
    stage_init(&stage, CORE_DENY);
    for (size_t i = 0; i < 2; i++) {
        run_clock(&stage, schemes[i], out);
        assert_says(out, "this club is for members");
        if (i == 0)
            assert_says(out, "status 401");
    }
    stage_deinit(&stage);
}

static void a_tool_whose_token_expires_says_so(void **state)
{
    struct stage stage;
    char out[OUTPUT_BYTES];
    (void)state;
    stage_init(&stage, CORE_PASS);
    run_clock(&stage, "https", out);
    assert_says(out, "lost 127.0.0.1");
    assert_says(out, "token expired");
    stage_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tool_that_is_refused_says_why),
        cmocka_unit_test(a_tool_whose_token_expires_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
