/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A mailbox: any thread sends posts, one thread runs them, in the order in which they were sent. A
 * post is embedded in the object that it concerns and belongs to the mailbox until it runs. */
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
    /* Called on the owner's thread, once per mailbox_send; may free the post or send it again.
     * `owner` is that of the mailbox. */
    void (*run)(struct post *post, void *owner);
};

struct mailbox {
    struct post *newest;      /* private, atomic: the posts that wait, newest first */
    void *owner;              /* read-only */
    void (*wake)(void *self); /* on any thread, with `self`: run the posts soon */
    void *self;
};

void mailbox_init(struct mailbox *mailbox, void *owner, void (*wake)(void *self), void *self);

/* Any thread. What the sender wrote before the call is visible to `run`. Calls `wake` only if the
 * mailbox was empty: once for any number of posts, until they are run. */
void mailbox_send(struct mailbox *mailbox, struct post *post);

/* The owner's thread. Runs the posts that are there now; those sent meanwhile wait for the next
 * call. Returns the number of posts run. */
size_t mailbox_run(struct mailbox *mailbox);

bool mailbox_is_empty(const struct mailbox *mailbox); /* any thread */

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
