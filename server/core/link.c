/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Links between workers: state that both sides share, and one post in each direction.
 * Tested by tests/sim/relay/test_mirrors.c. */
#include "server/core/link.h"

#include <stdlib.h>

#include "base/objects.h"
#include "server/core/router.h"

struct link_event {
    struct list node;            /* link.told, link.history */
    struct moq_group_body *body; /* a reference; NULL: a gap */
    uint64_t sequence, last;
    int error;
};

static void event_free(struct link_event *event)
{
    list_remove(&event->node);
    moq_group_body_unref(&event->body);
    free(event);
}

static void free_events(struct list *events)
{
    while (!list_is_empty(events))
        event_free(container_of(events->next, struct link_event, node));
}

static struct link *link_ref(struct link *link)
{
    __atomic_add_fetch(&link->refs, 1, __ATOMIC_RELAXED);
    return link;
}

void link_unref(struct link *link)
{
    if (__atomic_sub_fetch(&link->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    free_events(&link->history);
    free_events(&link->told);
    moq_path_unref(&link->path);
    pthread_mutex_destroy(&link->lock);
    free(link);
    object_died(OBJECT_link);
}

/* Sends at most one post at a time: the one under way will see everything written before this
 * call. */
static void post_unless_sent(struct link *link, struct mailbox *mailbox, struct post *post,
                             bool *is_sent)
{
    if (__atomic_exchange_n(is_sent, true, __ATOMIC_ACQ_REL))
        return;
    link_ref(link);
    mailbox_send(mailbox, post);
}

/* From now on, a new post is needed. This is an exchange and not a store, so that it sees
 * everything written by those who found a post under way. */
static void note_received(bool *is_sent)
{
    (void)__atomic_exchange_n(is_sent, false, __ATOMIC_ACQ_REL);
}

static void send_wishes(struct link *link)
{
    post_unless_sent(link, link->home, &link->wishes, &link->is_wishes_sent);
}

static void send_news(struct link *link)
{
    post_unless_sent(link, link->follower, &link->news, &link->is_news_sent);
}

/* ---- Arriving at the home -------------------------------------------------------------------- */

static void on_link_wishes(struct post *post, void *owner)
{
    struct link *link = container_of(post, struct link, wishes);
    struct router *router = owner;
    note_received(&link->is_wishes_sent);
    pthread_mutex_lock(&link->lock);
    bool is_closed = link->is_closed;
    pthread_mutex_unlock(&link->lock);

    if (is_closed)
        router->link_home->on_closed(link->outlet);
    else if (!link->is_opened)
        router->link_home->on_opened(router, link_ref(link)); /* the home's reference */
    else if (link->outlet)
        router->link_home->on_wish(link->outlet);
    link->is_opened = true;
    link_unref(link);
}

/* ---- Arriving at the follower ---------------------------------------------------------------- */

static void pass_to_follower(struct link *link, const struct link_event *event)
{
    if (link->events && event->body)
        link->events->on_group(link->user, event->sequence, event->body);
    else if (link->events)
        link->events->on_gap(link->user, event->sequence, event->last, event->error);
}

/* The follower may close the link in any of its callbacks. */
static void on_link_news(struct post *post, void *owner)
{
    struct link *link = container_of(post, struct link, news);
    struct list told;
    (void)owner;
    note_received(&link->is_news_sent);
    pthread_mutex_lock(&link->lock);
    list_init(&told);
    list_move_all(&link->history, &told);
    list_move_all(&link->told, &told);
    link->told_count = 0;
    bool has_info = link->has_info, is_ended = link->is_ended;
    struct moq_info info = link->info;
    int error = link->error;
    pthread_mutex_unlock(&link->lock);

    while (!list_is_empty(&told)) {
        struct link_event *event = container_of(told.next, struct link_event, node);
        pass_to_follower(link, event);
        event_free(event);
    }
    if (link->events && link->events->on_growth)
        link->events->on_growth(link->user);
    if (link->events && has_info)
        link->events->on_info(link->user, &info);
    const struct link_events *events = link->events;
    if (events && is_ended) {
        link->events = NULL;
        events->on_end(link->user, error);
        link_unref(link); /* the follower's */
    }
    link_unref(link);
}

/* ---- The follower's side --------------------------------------------------------------------- */

struct link *link_open(struct router *router, uint32_t home, const struct link_query *query,
                       const struct link_events *events, void *user)
{
    struct link *link = calloc(1, sizeof *link);
    if (!link)
        return NULL;
    *link = (struct link){
        .refs = 1,
        .home = router->mailboxes[home],
        .follower = router->mailboxes[router->worker],
        .wishes = {.run = on_link_wishes},
        .news = {.run = on_link_news},
        .path = moq_path_copy(query->path),
        .kind = query->kind,
        .group = query->group,
        .is_continued = query->is_continued,
        .wish = query->wish,
        .keep_ns = query->keep_ns,
        .events = events,
        .user = user,
    };
    list_init(&link->history);
    list_init(&link->told);
    if (!link->path) {
        free(link);
        return NULL;
    }
    pthread_mutex_init(&link->lock, NULL);
    object_born(OBJECT_link);
    send_wishes(link);
    return link;
}

void link_set_wish(struct link *link, const struct moq_wish *wish, uint64_t keep_ns)
{
    pthread_mutex_lock(&link->lock);
    link->wish = *wish;
    link->keep_ns = keep_ns;
    link->is_resting = false;
    pthread_mutex_unlock(&link->lock);
    send_wishes(link);
}

void link_rest(struct link *link)
{
    pthread_mutex_lock(&link->lock);
    link->is_resting = true;
    pthread_mutex_unlock(&link->lock);
    send_wishes(link);
}

void link_close(struct link **link_in)
{
    struct link *link = *link_in;
    *link_in = NULL;
    if (!link || !link->events)
        return;
    link->events = NULL;
    pthread_mutex_lock(&link->lock);
    link->is_closed = true;
    pthread_mutex_unlock(&link->lock);
    send_wishes(link);
    link_unref(link);
}

/* ---- The home's side ------------------------------------------------------------------------- */

bool link_wish(struct link *link, struct moq_wish *wish)
{
    pthread_mutex_lock(&link->lock);
    *wish = link->wish;
    bool is_resting = link->is_resting;
    pthread_mutex_unlock(&link->lock);
    return !is_resting;
}

uint64_t link_keep_ns(struct link *link)
{
    pthread_mutex_lock(&link->lock);
    uint64_t keep_ns = link->keep_ns;
    pthread_mutex_unlock(&link->lock);
    return keep_ns;
}

/* NULL: out of memory; the follower's viewers miss a group. */
static struct link_event *event_new(const struct link_event *what)
{
    struct link_event *event = malloc(sizeof *event);
    if (!event)
        return NULL;
    *event = *what;
    if (event->body)
        moq_group_body_ref(event->body);
    return event;
}

void link_tell_history(struct link *link, uint64_t sequence, struct moq_group_body *body)
{
    struct link_event *event = event_new(&(struct link_event){.sequence = sequence, .body = body});
    if (!event)
        return;
    pthread_mutex_lock(&link->lock);
    list_push_back(&link->history, &event->node);
    pthread_mutex_unlock(&link->lock);
    send_news(link);
}

/* A follower that is LINK_EVENTS_MAX groups behind would drop the oldest of them anyway. */
static void tell_follower(struct link *link, const struct link_event *what)
{
    struct link_event *event = event_new(what), *given_up = NULL;
    if (!event)
        return;
    pthread_mutex_lock(&link->lock);
    list_push_back(&link->told, &event->node);
    if (++link->told_count > LINK_EVENTS_MAX) {
        given_up = container_of(link->told.next, struct link_event, node);
        list_remove(&given_up->node);
        link->told_count--;
    }
    pthread_mutex_unlock(&link->lock);
    if (given_up)
        event_free(given_up);
    send_news(link);
}

void link_tell_group(struct link *link, uint64_t sequence, struct moq_group_body *body)
{
    tell_follower(link, &(struct link_event){.sequence = sequence, .body = body});
}

void link_tell_gap(struct link *link, uint64_t first, uint64_t last, int error)
{
    tell_follower(link, &(struct link_event){.sequence = first, .last = last, .error = error});
}

void link_tell_growth(struct link *link)
{
    send_news(link);
}

void link_tell_info(struct link *link, const struct moq_info *info)
{
    pthread_mutex_lock(&link->lock);
    link->info = *info;
    link->has_info = true;
    pthread_mutex_unlock(&link->lock);
    send_news(link);
}

void link_tell_end(struct link *link, int error)
{
    pthread_mutex_lock(&link->lock);
    link->is_ended = true;
    link->error = error;
    pthread_mutex_unlock(&link->lock);
    send_news(link);
}
