/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Mailboxes: nothing is lost, each sender's posts run in their order, and one wake is enough. */
#include "base/mailbox.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/list.h"

/* ---- One thread ------------------------------------------------------------------------------ */

struct desk {
    struct mailbox mailbox;
    char story[100];
    int wakes;
};

struct letter {
    struct post post;
    char name;
    int again;            /* how often it sends itself once more */
    struct letter *reply; /* what it sends, if anything */
};

static void count_wake(void *self)
{
    ((struct desk *)self)->wakes++;
}

static void desk_init(struct desk *desk)
{
    *desk = (struct desk){.wakes = 0};
    mailbox_init(&desk->mailbox, desk, count_wake, desk);
}

static void read_letter(struct post *post, void *owner)
{
    struct desk *desk = owner;
    struct letter *letter = container_of(post, struct letter, post);
    strncat(desk->story, &letter->name, 1);
    if (letter->again-- > 0)
        mailbox_send(&desk->mailbox, post);
    if (letter->reply)
        mailbox_send(&desk->mailbox, &letter->reply->post);
}

static struct letter letter_of(char name)
{
    return (struct letter){.post = {.run = read_letter}, .name = name};
}

static void an_empty_mailbox_runs_nothing(void **state)
{
    (void)state;
    struct desk desk;
    desk_init(&desk);
    assert_true(mailbox_is_empty(&desk.mailbox));
    assert_int_equal(mailbox_run(&desk.mailbox), 0);
    assert_int_equal(desk.wakes, 0);
}

static void posts_run_in_order_after_one_wake(void **state)
{
    (void)state;
    struct desk desk;
    struct letter a = letter_of('a'), b = letter_of('b'), c = letter_of('c');
    desk_init(&desk);
    mailbox_send(&desk.mailbox, &a.post);
    mailbox_send(&desk.mailbox, &b.post);
    mailbox_send(&desk.mailbox, &c.post);
    assert_int_equal(desk.wakes, 1);
    assert_false(mailbox_is_empty(&desk.mailbox));
    assert_string_equal(desk.story, "");
    assert_int_equal(mailbox_run(&desk.mailbox), 3);
    assert_string_equal(desk.story, "abc");
    assert_true(mailbox_is_empty(&desk.mailbox));
    assert_int_equal(mailbox_run(&desk.mailbox), 0);

    mailbox_send(&desk.mailbox, &b.post);
    assert_int_equal(desk.wakes, 2);
    mailbox_run(&desk.mailbox);
    assert_string_equal(desk.story, "abcb");
}

static void what_is_sent_meanwhile_wakes_and_waits(void **state)
{
    (void)state;
    struct desk desk;
    struct letter a = letter_of('a'), b = letter_of('b'), c = letter_of('c');
    desk_init(&desk);
    a.again = 2;
    b.reply = &c;
    mailbox_send(&desk.mailbox, &a.post);
    mailbox_send(&desk.mailbox, &b.post);
    assert_int_equal(mailbox_run(&desk.mailbox), 2);
    assert_string_equal(desk.story, "ab");
    assert_int_equal(desk.wakes, 2);
    assert_int_equal(mailbox_run(&desk.mailbox), 2);
    assert_string_equal(desk.story, "abac");
    assert_int_equal(mailbox_run(&desk.mailbox), 1);
    assert_string_equal(desk.story, "abaca");
    assert_int_equal(desk.wakes, 3);
    assert_int_equal(mailbox_run(&desk.mailbox), 0);
}

static void free_letter(struct post *post, void *owner)
{
    ((struct desk *)owner)->wakes += 100;
    free(container_of(post, struct letter, post));
}

static void a_post_may_free_itself(void **state)
{
    (void)state;
    struct desk desk;
    desk_init(&desk);
    for (int i = 0; i < 3; i++) {
        struct letter *letter = malloc(sizeof *letter);
        letter->post.run = free_letter;
        mailbox_send(&desk.mailbox, &letter->post);
    }
    assert_int_equal(mailbox_run(&desk.mailbox), 3);
    assert_int_equal(desk.wakes, 301);
}

/* ---- Many threads ---------------------------------------------------------------------------- */

enum { SENDERS = 4, PARCELS = 5000 };

struct depot {
    struct mailbox mailbox;
    pthread_mutex_t lock;
    pthread_cond_t came;
    int wakes, sleeps; /* under the lock: those that called, those that were answered */
    int next[SENDERS]; /* the owner's: which parcel of each sender is due */
    int wrong;
};

struct parcel {
    struct post post;
    int sender, number;
    uint64_t content; /* written before it is sent, without any lock */
};

static void wake_depot(void *self)
{
    struct depot *depot = self;
    pthread_mutex_lock(&depot->lock);
    depot->wakes++;
    pthread_cond_signal(&depot->came);
    pthread_mutex_unlock(&depot->lock);
}

static void take_parcel(struct post *post, void *owner)
{
    struct depot *depot = owner;
    struct parcel *parcel = container_of(post, struct parcel, post);
    uint64_t content = (uint64_t)parcel->sender * PARCELS + (uint64_t)parcel->number;
    depot->wrong += parcel->number != depot->next[parcel->sender]++ || parcel->content != content;
    free(parcel);
}

struct sender {
    struct depot *depot;
    int number;
};

static void *send_parcels(void *argument)
{
    struct sender *sender = argument;
    for (int i = 0; i < PARCELS; i++) {
        struct parcel *parcel = malloc(sizeof *parcel);
        *parcel =
            (struct parcel){.post = {.run = take_parcel}, .sender = sender->number, .number = i};
        parcel->content = (uint64_t)sender->number * PARCELS + (uint64_t)i;
        mailbox_send(&sender->depot->mailbox, &parcel->post);
    }
    return NULL;
}

/* Sleeps until it is woken, and runs: if a wake were missing, this would never return. */
static void receive(struct depot *depot, size_t expected)
{
    for (size_t count = 0; count < expected;) {
        pthread_mutex_lock(&depot->lock);
        while (depot->wakes == depot->sleeps)
            pthread_cond_wait(&depot->came, &depot->lock);
        depot->sleeps = depot->wakes;
        pthread_mutex_unlock(&depot->lock);
        count += mailbox_run(&depot->mailbox);
    }
}

static void many_threads_lose_nothing_and_keep_their_order(void **state)
{
    (void)state;
    struct depot depot = {.lock = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER};
    struct sender senders[SENDERS];
    pthread_t threads[SENDERS];
    mailbox_init(&depot.mailbox, &depot, wake_depot, &depot);
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){&depot, i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_parcels, &senders[i]), 0);
    }
    receive(&depot, SENDERS * PARCELS);
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    assert_true(mailbox_is_empty(&depot.mailbox));
    assert_int_equal(depot.wrong, 0);
    assert_true(depot.wakes <= SENDERS * PARCELS);
    for (int i = 0; i < SENDERS; i++)
        assert_int_equal(depot.next[i], PARCELS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_mailbox_runs_nothing),
        cmocka_unit_test(posts_run_in_order_after_one_wake),
        cmocka_unit_test(what_is_sent_meanwhile_wakes_and_waits),
        cmocka_unit_test(a_post_may_free_itself),
        cmocka_unit_test(many_threads_lose_nothing_and_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
