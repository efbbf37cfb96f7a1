/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a script costs: calls `sample` for many viewers of a fake relay, and prints the time of a
 * call. No socket is involved, so this is the cost of the script's host and of the script alone.
 *
 * usage: bench-lua SCRIPT [VIEWERS [ROUNDS]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lua/host/script.h"
#include "lua/test/fake.h"

extern const struct relay_module relay_module;

static double cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void print_line(void *user, int level, const char *text)
{
    (void)user;
    if (level <= RELAY_WARN)
        fprintf(stderr, "%s\n", text);
}

/* Numbers as they change from one look to the next. */
static void let_time_pass(struct relay_viewer *viewer, unsigned round)
{
    viewer->stats.groups_sent = round;
    viewer->stats.bytes_sent = round * UINT64_C(125000);
    viewer->stats.backlog_bytes = round % 7 * 1000;
    viewer->stats.lag_ns = (uint64_t)round % 5 * 20000000;
    viewer->peer->stats.rtt_ns = 40000000 + round % 9 * UINT64_C(1000000);
    viewer->peer->stats.packets_sent += 90;
}

static struct relay_viewer *make_viewer(struct relay_self *self)
{
    const struct fake_info info = {.address = "192.0.2.1:50000",
                                   .path = "/room",
                                   .query = "mode=live&x=1",
                                   .protocol = RELAY_PROTOCOL_WEBTRANSPORT,
                                   .version = 3};
    struct relay_request session, request = {.kind = RELAY_REQUEST_SUBSCRIBE};
    struct relay_peer *peer = fake_connect(self, &info, &session);
    return peer ? fake_subscribe(peer, "demo/bbb/video", &request) : NULL;
}

static double measure(struct relay_viewer **viewers, unsigned count, unsigned rounds)
{
    double spent = 0;
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned i = 0; i < count; i++)
            let_time_pass(viewers[i], round);
        double begin = cpu_ns();
        for (unsigned i = 0; i < count; i++)
            fake_sample(viewers[i]);
        spent += cpu_ns() - begin;
    }
    return spent / count / rounds;
}

static void print_figures(const struct relay_self *self, unsigned count, double call_ns)
{
    printf("viewers             %u\n", count);
    printf("a call of sample    %.0f ns\n", call_ns);
    printf("each once a second  %.2f %% of a core\n", call_ns * count / 1e7);
    printf("four times          %.2f %% of a core\n", call_ns * count / 1e7 * 4);
    printf("faults              %lld\n", (long long)fake_counter(self, "sample_faults"));
}

int main(int argc, char *argv[])
{
    unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 10000;
    unsigned rounds = argc > 3 ? (unsigned)atoi(argv[3]) : 20;
    const struct script_config config = {.file = argc > 1 ? argv[1] : "",
                                         .budget_ns = 5000000,
                                         .load_budget_ns = 1000000000,
                                         .memory_bytes = 64 << 20,
                                         .faults = 5};
    struct relay_self *self = fake_new(&relay_module, print_line, NULL);
    struct relay_viewer **viewers = calloc(count > 0 ? count : 1, sizeof *viewers);
    if (!self || !viewers || count == 0 || rounds == 0 || fake_start(self, &config)) {
        fprintf(stderr, "bench-lua: %s\n", self ? self->failure : "out of memory");
        free(viewers);
        fake_free(&self);
        return 1;
    }
    bool is_good = true;
    for (unsigned i = 0; i < count; i++) {
        viewers[i] = make_viewer(self);
        is_good = is_good && viewers[i];
    }
    if (is_good) {
        measure(viewers, count, 1);
        print_figures(self, count, measure(viewers, count, rounds));
    }
    is_good = is_good && fake_counter(self, "sample_faults") == 0;
    free(viewers);
    fake_free(&self);
    return is_good ? 0 : 1;
}
