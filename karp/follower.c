/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Of the instances that are announced, the newest is taken, and its catalog is asked for until it
 * comes. */
#include "karp/follower.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "karp/karp.h"

enum { DELAYS_MAX = 5, LINE_BYTES = 512 };

/* When something is due that is to be done after `delay_ns`. Never 0. */
static uint64_t due_after(const struct karp_follower *follower, uint64_t delay_ns)
{
    uint64_t due_ns = follower->clock->now_ns + delay_ns;
    return due_ns ? due_ns : 1;
}

/* ---- Catalog --------------------------------------------------------------------------------- */

static void drop_catalog(struct karp_follower *follower)
{
    follower->retry_ns = 0;
    follower->is_catalog_awaited = false;
    follower->input->close_catalog(follower->input_user);
}

void karp_follower_give_catalog(struct karp_follower *follower, uint64_t sequence, const void *data,
                                size_t size)
{
    struct karp_catalog *catalog = NULL;
    struct karp_failure failure;
    if (follower->has_version && sequence <= follower->version)
        return;
    follower->has_version = true;
    follower->refused_ns = 0;
    follower->version = sequence;
    if (karp_catalog_parse(data, size, &catalog, &failure) == 0) {
        follower->events->on_catalog(follower->user, catalog);
        return;
    }
    char line[LINE_BYTES];
    snprintf(line, sizeof line, "catalog: %s", failure.text);
    follower->events->on_warning(follower->user, line);
}

static void note_refusal(struct karp_follower *follower, int error)
{
    follower->retry_ns = due_after(follower, KARP_FOLLOWER_RETRY_NS);
    if (follower->has_version || follower->refused_ns)
        return;
    follower->refused_ns = due_after(follower, 0);
    follower->refusal = error;
}

void karp_follower_end_catalog(struct karp_follower *follower, int error)
{
    follower->is_catalog_awaited = false;
    if (error || !follower->has_version)
        note_refusal(follower, error ? error : MOQ_ERR_END);
}

static void ask_for_catalog(struct karp_follower *follower)
{
    follower->has_version = false;
    int error = follower->input->open_catalog(follower->input_user, follower->id);
    follower->is_catalog_awaited = error == 0;
    if (error)
        note_refusal(follower, error);
}

/* Asks for the catalog again. The instance is still announced, so its publisher may serve the
 * catalog by now. */
static void retry_catalog(struct karp_follower *follower)
{
    char line[LINE_BYTES];
    follower->retry_ns = 0;
    if (!follower->is_listening || !follower->id[0])
        return;
    if (follower->refused_ns && !follower->is_refusal_told) {
        snprintf(line, sizeof line, "instance %s: its catalog cannot be fetched (%s); trying again",
                 follower->id, moq_error_words(follower->refusal));
        follower->events->on_warning(follower->user, line);
    }
    follower->is_refusal_told = follower->refused_ns > 0;
    drop_catalog(follower);
    ask_for_catalog(follower);
}

/* ---- Instances ------------------------------------------------------------------------------- */

static bool is_id(const char *id, const char *text, size_t size)
{
    return size == strlen(id) && memcmp(text, id, size) == 0;
}

static void take_newest(struct karp_follower *follower)
{
    const char *newest = karp_instances_newest(&follower->instances);
    if (!follower->is_listening)
        return;
    bool is_fresh = newest && strcmp(newest, follower->fresh_id) == 0;
    follower->passed_over += follower->appeared - (is_fresh && follower->appeared > 0);
    follower->appeared = 0;
    if (strcmp(newest ? newest : "", follower->id) == 0)
        return;
    drop_catalog(follower);
    follower->refused_ns = 0;
    follower->delays = 0;
    follower->is_refusal_told = false;
    snprintf(follower->id, sizeof follower->id, "%s", newest ? newest : "");
    follower->is_from_start = strcmp(follower->id, follower->fresh_id) == 0;
    follower->events->on_instance(follower->user, newest);
    if (newest)
        ask_for_catalog(follower);
}

static void wait_for_quiet(struct karp_follower *follower, uint64_t delay_ns)
{
    follower->quiet_ns = due_after(follower, delay_ns);
}

/* Takes the newest instance. If the catalog of the current one is still under way, that comes
 * first: an instance that is replaced at once has media, too. */
static void choose_instance(struct karp_follower *follower)
{
    bool is_catalog_due =
        follower->is_catalog_awaited && !follower->has_version && !follower->refused_ns;
    follower->quiet_ns = 0;
    if (is_catalog_due && karp_instances_newest(&follower->instances) &&
        follower->delays++ < DELAYS_MAX)
        wait_for_quiet(follower, KARP_FOLLOWER_QUIET_NS);
    else
        take_newest(follower);
}

void karp_follower_announce(struct karp_follower *follower, const char *id, size_t size)
{
    bool is_new = karp_instances_add(&follower->instances, id, size);
    bool is_later = is_new && follower->has_settled;
    if (is_later && !is_id(follower->id, id, size) && !is_id(follower->fresh_id, id, size))
        follower->appeared++;
    if (is_later)
        snprintf(follower->fresh_id, sizeof follower->fresh_id, "%.*s", (int)size, id);
    if (is_later && !follower->id[0])
        take_newest(follower); /* at once, because another may follow */
    else if (is_new)
        wait_for_quiet(follower, follower->id[0] ? KARP_FOLLOWER_QUIET_NS : 0);
}

void karp_follower_withdraw(struct karp_follower *follower, const char *id, size_t size)
{
    if (is_id(follower->id, id, size))
        follower->delays = DELAYS_MAX; /* its catalog will not come any more */
    if (karp_instances_remove(&follower->instances, id, size))
        wait_for_quiet(follower, KARP_FOLLOWER_QUIET_NS);
}

void karp_follower_settle(struct karp_follower *follower)
{
    follower->has_settled = true;
}

/* ---- Its life -------------------------------------------------------------------------------- */

void karp_follower_listen(struct karp_follower *follower)
{
    follower->instances.count = 0;
    follower->id[0] = follower->fresh_id[0] = '\0';
    follower->has_settled = false;
    follower->appeared = 0;
    follower->refused_ns = 0;
    follower->quiet_ns = 0;
    follower->is_listening = true;
    drop_catalog(follower);
}

void karp_follower_pause(struct karp_follower *follower)
{
    follower->is_listening = false;
    follower->has_settled = false;
    follower->quiet_ns = 0;
}

void karp_follower_stop(struct karp_follower *follower)
{
    karp_follower_pause(follower);
    follower->refused_ns = 0;
    drop_catalog(follower);
}

void karp_follower_tick(struct karp_follower *follower)
{
    uint64_t now = follower->clock->now_ns;
    if (follower->quiet_ns && now >= follower->quiet_ns)
        choose_instance(follower);
    if (follower->retry_ns && now >= follower->retry_ns)
        retry_catalog(follower);
}

uint64_t karp_follower_due_ns(const struct karp_follower *follower)
{
    uint64_t quiet_ns = follower->quiet_ns ? follower->quiet_ns : UINT64_MAX;
    uint64_t retry_ns = follower->retry_ns ? follower->retry_ns : UINT64_MAX;
    return quiet_ns < retry_ns ? quiet_ns : retry_ns;
}
