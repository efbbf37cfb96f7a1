/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A chain of three entries that answer as the test wants, and a request to ask them about. */
#ifndef MOQ_TEST_CORE_ENTRIES_H
#define MOQ_TEST_CORE_ENTRIES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/core/chain.h"

/* An entry that gives the answer in `verdict`, and notes what it is told. */
struct entry {
    struct core_hook hook;
    enum core_verdict verdict;
    char name;
    char *log;
    const char *reason;                /* given with the answer; NULL: none */
    const struct core_override *wants; /* the override that it sets; NULL: none */
    int withdrawn, born, died;
};

struct question {
    struct core_request request;
    int decisions;
    bool is_allowed;
};

struct fixture {
    struct moq_clock clock;
    struct core_hooks hooks;
    struct question question;
    struct entry entries[3];
    char log[16]; /* names of the entries that were asked, in order */
};

extern const struct core_hook_ops entry_ops; /* the same function for all kinds of requests */

enum core_verdict on_ask(void *self, struct core_request *request);
void on_peer_died(void *self, struct core_peer *peer);
void on_decided(struct core_request *request, bool is_allowed);
struct entry entry_of(struct fixture *f, char name, enum core_verdict verdict);
void set_up(struct fixture *f, enum core_verdict a, enum core_verdict b, enum core_verdict c);
void ask(struct fixture *f);
int answer(struct fixture *f, enum core_verdict verdict);
void assert_decided(const struct fixture *f, bool is_allowed, const char *log);

#endif
