/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A request from the inside: what a hook chain decides on. It is embedded in the object that it is
 * about. Private to core; hooks see it through the functions of hooks.h. */
#ifndef MOQ_CORE_REQUEST_H
#define MOQ_CORE_REQUEST_H

#include "server/core/grants.h"
#include "server/core/notes.h"
#include "server/core/policy.h"

struct core_request {
    enum core_request_kind kind;
    struct core_peer *peer;
    struct moq_path *path;           /* NULL: a session's. A reference; hooks may replace it */
    struct policy_override override; /* what hooks set of a viewer's policy */
    struct policy_notes *notes;      /* where they did; NULL: they do not say */
    struct grants **grants; /* of a session: where its peer keeps its own. NULL: not a session's */
    int grants_error;       /* grants that could not be set: the request is denied */
    const struct moq_wish *wish;    /* borrowed; NULL: not a subscription */
    uint64_t group;                 /* of a fetch */
    uint64_t viewer;                /* of a subscription: the number that its viewer will have */
    uint64_t source;                /* stamp of the announcement that hooks chose; 0: none */
    struct core_ladder *ladder;     /* of a subscription: a reference; NULL: none */
    uint8_t denial;                 /* enum core_denial, if it is denied */
    char reason[CORE_REASON_BYTES]; /* why it was denied; "": as request_words says */
    /* Called once, perhaps before core_hooks_ask returns. After that the chain does not use the
     * request. */
    void (*on_decided)(struct core_request *request, bool is_allowed);

    struct core_hooks *hooks;               /* private to chain.c, from here on */
    struct core_hook *current;              /* the entry that is asked, or holds it; NULL: none */
    struct moq_path *path_before;           /* the path as the current entry got it: a reference */
    struct policy_override override_before; /* the override as the current entry got it */
    struct policy_notes *notes_before;      /* the notes as the current entry got them */
    struct grants *grants_before; /* the grants as the current entry got them: a reference */
    int grants_error_before;
    uint64_t source_before;
    struct core_ladder *ladder_before; /* a reference */
    struct list node;                  /* core_hooks.held or .taken */
    struct list number_node;           /* core_hooks.by_number */
    uint64_t number, deadline_ns;
    bool is_held;
    void *held_user; /* set by the entry that holds it */
};

/* Why a request was denied, the error that says so to its peer, and the words that go with it. */
enum core_denial request_denial(const struct core_request *request);
int request_error(const struct core_request *request);
const char *request_words(const struct core_request *request);

/* For the chain: denies it because grants could not be set. */
void request_blame_grants(struct core_request *request);

/* For the chain: notes what the current entry may set, undoes what it has set, and forgets the
 * notes. */
void request_note(struct core_request *request);
void request_undo(struct core_request *request);
void request_forget_notes(struct core_request *request);

#endif
