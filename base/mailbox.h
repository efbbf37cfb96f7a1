/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A mailbox: any thread sends posts, one thread runs them, in the order in which they were sent. A
 * post is a part of whatever it is about and belongs to the mailbox until it runs. */
#ifndef MOQ_BASE_MAILBOX_H
#define MOQ_BASE_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/symbols.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct post {
    struct post *next; /* private while it is under way */
    /* On the owner's thread, once per sending; may free the post or send it again. `owner` is the
     * mailbox's. */
    void (*run)(struct post *post, void *owner);
};

struct mailbox {
    struct post *newest;      /* private: atomic; those that wait, the newest first */
    void *owner;              /* read-only */
    void (*wake)(void *self); /* any thread: the first post has come, run them soon */
    void *self;
};

void mailbox_init(struct mailbox *mailbox, void *owner, void (*wake)(void *self), void *self);

/* Any thread. What the sender wrote before is seen by whoever runs the post. `wake` is called if
 * the mailbox was empty: once for any number of posts, until they are run. */
void mailbox_send(struct mailbox *mailbox, struct post *post);

/* The owner's thread: runs what is there now; what is sent meanwhile waits. Returns how many that
 * were. */
size_t mailbox_run(struct mailbox *mailbox);

bool mailbox_is_empty(const struct mailbox *mailbox); /* any thread */

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
