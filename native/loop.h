/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A loop's share: its clock, and who lives on it. Knows its tenants by what they are asked for: to
 * close. Private to native/. */
#ifndef MOQ_NATIVE_LOOP_H
#define MOQ_NATIVE_LOOP_H

#include "base/clock.h"
#include "base/list.h"
#include "native/native.h"

enum { CLOSE_PATIENCE_MS = 3000 }; /* for a peer to acknowledge a close */

/* What is to be closed before the loop's share can end. */
struct native_tenant {
    struct list node;
    void (*close)(struct native_tenant *tenant);
};

struct moq_native {
    struct moq_native_config config;
    char *bind, *qlog_directory, *keylog_file; /* owned */
    struct moq_clock clock;
    struct list sockets;          /* native_socket.node */
    struct list tenants;          /* in the order in which they came */
    struct native_tenant *shared; /* closed when it is the only one that is left; or NULL */
    size_t held;                  /* things of ours that the loop still knows */
    uv_timer_t reaper;            /* ends the sockets, outside of any callback of theirs */
    bool is_closing, is_reaper_closed;
    void (*on_closed)(void *user);
    void *on_closed_user;
};

/* Something that needs the loop, and so the native, until it is over. */
void native_hold(struct moq_native *native);
void native_release(struct moq_native *native);

/* The same, for what has to be told to close: `tenant->close` is called once, unless it left
 * before. It still needs native_release at its end. */
void native_join(struct moq_native *native, struct native_tenant *tenant);
void native_leave(struct native_tenant *tenant); /* it closes by itself */

#endif
