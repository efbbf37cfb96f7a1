/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What native has on a loop: its clock, and its tenants (clients and listeners), of which it only
 * knows how to close them. Private to native/. */
#ifndef MOQ_NATIVE_LOOP_H
#define MOQ_NATIVE_LOOP_H

#include "base/clock.h"
#include "base/list.h"
#include "native/native.h"

enum { CLOSE_PATIENCE_MS = 3000 }; /* for a peer to acknowledge a close */

/* Something that must be closed before native can end. */
struct native_tenant {
    struct list node;
    void (*close)(struct native_tenant *tenant);
};

struct moq_native {
    struct moq_native_config config;
    char *bind, *qlog_directory, *keylog_file; /* owned */
    struct moq_clock clock;
    struct list sockets;          /* native_socket.node */
    struct list tenants;          /* in the order in which they joined */
    struct native_tenant *shared; /* the socket that clients share, which closes last; NULL: none */
    size_t held;                  /* number of native_hold without native_release */
    uv_timer_t reaper;            /* closes the sockets, outside of their callbacks */
    bool is_closing, is_reaper_closed;
    void (*on_closed)(void *user);
    void *on_closed_user;
};

/* Keeps the native alive for something that needs the loop, until native_release. */
void native_hold(struct moq_native *native);
void native_release(struct moq_native *native);

/* The same for a tenant that has to be closed: `tenant->close` is called once, unless it leaves
 * before. It still has to call native_release at its end. */
void native_join(struct moq_native *native, struct native_tenant *tenant);
void native_leave(struct native_tenant *tenant); /* for a tenant that closes by itself */

#endif
