/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Senders push onto a stack with a compare-and-swap. The owner takes the whole stack at once and
 * reverses it. No post is ever popped alone, so the ABA problem does not arise. */
#include "base/mailbox.h"

void mailbox_init(struct mailbox *mailbox, void *owner, void (*wake)(void *self), void *self)
{
    *mailbox = (struct mailbox){.owner = owner, .wake = wake, .self = self};
}

void mailbox_send(struct mailbox *mailbox, struct post *post)
{
    struct post *newest = __atomic_load_n(&mailbox->newest, __ATOMIC_RELAXED);
    do {
        post->next = newest;
    } while (!__atomic_compare_exchange_n(&mailbox->newest, &newest, post, true, __ATOMIC_RELEASE,
                                          __ATOMIC_RELAXED));
    if (!newest)
        mailbox->wake(mailbox->self);
}

static struct post *reverse_posts(struct post *newest)
{
    struct post *oldest = NULL;
    while (newest) {
        struct post *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

size_t mailbox_run(struct mailbox *mailbox)
{
    struct post *post =
        reverse_posts(__atomic_exchange_n(&mailbox->newest, NULL, __ATOMIC_ACQUIRE));
    size_t count = 0;
    while (post) {
        struct post *next = post->next;
        post->run(post, mailbox->owner);
        post = next;
        count++;
    }
    return count;
}

bool mailbox_is_empty(const struct mailbox *mailbox)
{
    return !__atomic_load_n(&mailbox->newest, __ATOMIC_RELAXED);
}
