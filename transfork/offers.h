/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Offers from the inside: how an announce stream follows the set of offered paths under its prefix.
 *
 * A watcher keeps no history, only what its peer was told and what is true now. The stream pulls
 * the difference one step at a time when it has room, so a stalled peer costs at most one entry per
 * path that it was told of or may see. The peer is never told twice that a path is active, nor of
 * the end of a path that it was not told of. A path that ended and came back in the meantime gives
 * "ended" and then "active", because its publisher may have started afresh. */
#ifndef MOQ_TRANSFORK_OFFERS_H
#define MOQ_TRANSFORK_OFFERS_H

#include "transfork/transfork.h"

#ifdef __cplusplus
extern "C" {
#endif

struct offers_watcher;

struct offers_watcher_ops { /* every entry may be NULL */
    /* There is something to pull, where there was nothing before. Called by moq_offers_add,
     * moq_offers_remove and offers_look_again, never by offers_watch. It may unwatch, but must not
     * add or remove offers. */
    void (*on_pending)(struct offers_watcher *watcher, void *user);
    /* Whether this watcher may know of an offer by `owner`. Asked at each change of an offer; after
     * the answers themselves have changed, call offers_look_again. */
    bool (*can_see)(void *user, const struct moq_path *path, const void *owner);
};

/* Follows all paths below `prefix` (a reference is taken). Existing offers can be pulled at once.
 * NULL: out of memory. */
struct offers_watcher *offers_watch(struct moq_offers *offers, struct moq_path *prefix,
                                    const struct offers_watcher_ops *ops, void *user);
void offers_unwatch(struct offers_watcher **watcher); /* may point to NULL; sets it to NULL */

/* Asks can_see again about every offer; on_pending may follow before it returns. */
void offers_look_again(struct moq_offers *offers, struct offers_watcher *watcher);

/* The next difference to tell the peer. Returns false if the peer knows everything; the first time,
 * that is the moment for Live. *path includes the prefix, and is borrowed until the next call with
 * this watcher. */
bool offers_watcher_next(struct offers_watcher *watcher, bool *is_active, struct moq_path **path);
bool offers_watcher_has_pending(const struct offers_watcher *watcher);
const struct moq_path *offers_watcher_prefix(const struct offers_watcher *watcher);

#ifdef __cplusplus
}
#endif
#endif
