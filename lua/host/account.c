/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tested by tests/unit/lua/test_fake.c. */
#include "lua/host/account.h"

#include <stdio.h>

static const struct {
    const char *name;
    uint64_t below_ns;
} times[ACCOUNT_TIMES] = {{"under_10us", 10000},
                          {"under_100us", 100000},
                          {"under_1ms", 1000000},
                          {"under_5ms", 5000000},
                          {"over_5ms", UINT64_MAX}};

static int add_counter(struct relay_self *self, const char *hook, const char *what)
{
    char name[48];
    snprintf(name, sizeof name, "%s_%s", hook, what);
    return relay_counter(self, name);
}

void account_init(struct account *account, struct relay_self *self, const char *hook)
{
    account->calls = add_counter(self, hook, "calls");
    account->faults = add_counter(self, hook, "faults");
    for (int i = 0; i < ACCOUNT_TIMES; i++)
        account->times[i] = add_counter(self, hook, times[i].name);
}

void account_note_call(const struct account *account, struct relay_worker *worker,
                       uint64_t spent_ns)
{
    int i = 0;
    while (spent_ns >= times[i].below_ns)
        i++;
    relay_count(worker, account->calls, 1);
    relay_count(worker, account->times[i], 1);
}

void workload_note(struct workload *workload, struct relay_worker *worker, uint64_t spent_ns)
{
    uint64_t now_ns = relay_worker_now_ns(worker), window_ns = now_ns - workload->since_ns;
    if (window_ns >= WORKLOAD_WINDOW_NS) {
        uint64_t percent = workload->spent_ns * 100 / window_ns;
        bool is_much = workload->since_ns > 0 && percent >= WORKLOAD_PERCENT;
        if (is_much && !workload->has_warned)
            relay_log(
                relay_worker_self(worker), RELAY_WARN,
                "the script takes %llu %% of the time of worker %u, and viewers wait meanwhile: "
                "make its calls shorter; /stats shows how long those of each hook take",
                (unsigned long long)percent, relay_worker_number(worker));
        *workload = (struct workload){.since_ns = now_ns, .has_warned = is_much};
    }
    workload->spent_ns += spent_ns;
}
