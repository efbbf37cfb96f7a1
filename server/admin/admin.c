/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The HTTP pages on the main loop: connections come from the acceptor, are told apart by their
 * first byte if there is HTTPS, and are served by a daemon.
 * Tested by tests/e2e/test_http.py and tests/e2e/test_https.py. */
#include "server/admin/admin.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bind_error.h"
#include "base/log.h"
#include "server/admin/acceptor.h"
#include "server/admin/arrivals.h"
#include "server/admin/secure.h"

struct admin {
    struct pages pages;
    struct guests guests;
    struct acceptor acceptor;
    struct arrivals *arrivals; /* NULL: no HTTPS yet */
    struct daemon *plain;
    struct secure secure;
    uv_timer_t timer;     /* for what is due though nothing happens */
    unsigned guests_seen; /* at the end of the last run */
    int open_handles;
};

/* ---- Running --------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

static uint64_t now_ms(const struct admin *admin)
{
    return uv_now(admin->timer.loop);
}

static uint64_t least_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Serves what is ready, and ends who takes too long. */
static void run_admin(void *self)
{
    struct admin *admin = self;
    uint64_t wait_ms = least_of(daemon_run(admin->plain), secure_run(&admin->secure));
    guests_hurry_closed(&admin->guests);
    uint64_t next_ms = guests_end_overdue(&admin->guests, now_ms(admin));
    if (next_ms != UINT64_MAX)
        wait_ms = least_of(wait_ms, next_ms - now_ms(admin));
    if (admin->guests.count < admin->guests_seen)
        acceptor_go_on(&admin->acceptor);
    admin->guests_seen = admin->guests.count;
    /* libuv runs a timer that is due at once again in the same pass over the timers, so a
     * connection that always has something left to do would keep the loop there. */
    if (wait_ms != UINT64_MAX)
        uv_timer_start(&admin->timer, on_timer, wait_ms > 0 ? wait_ms : 1, 0);
}

static void on_timer(uv_timer_t *timer)
{
    run_admin(timer->data);
}

/* ---- Connections ----------------------------------------------------------------------------- */

static struct daemon_config daemon_config_of(struct admin *admin)
{
    return (struct daemon_config){.loop = admin->timer.loop,
                                  .pages = &admin->pages,
                                  .guests = &admin->guests,
                                  .on_ready = run_admin,
                                  .self = admin};
}

static bool has_room(void *self)
{
    struct admin *admin = self;
    if (admin->guests.count < GUESTS_MAX)
        return true;
    guests_make_room(&admin->guests);
    return false;
}

static void drop_connection(struct admin *admin, int fd)
{
    guests_remove(&admin->guests, fd);
    close(fd);
}

static void on_first_byte(void *self, int fd, bool is_tls)
{
    struct admin *admin = self;
    const struct daemon_config config = daemon_config_of(admin);
    if (is_tls && admin->secure.now)
        secure_add(&admin->secure, admin->pages.subjects.core, &config, fd);
    else if (is_tls)
        drop_connection(admin, fd); /* a reload has turned HTTPS off */
    else
        daemon_add(admin->plain, fd);
    run_admin(admin);
}

static void on_gone(void *self, int fd)
{
    struct admin *admin = self;
    guests_remove(&admin->guests, fd);
    run_admin(admin);
}

static const struct arrivals_ops arrivals_ops = {on_first_byte, on_gone};

static void on_connection(void *self, int fd, const struct sockaddr *address, socklen_t size)
{
    struct admin *admin = self;
    (void)size;
    if (!guests_add(&admin->guests, fd, address, now_ms(admin)))
        close(fd);
    else if (!admin->secure.now)
        daemon_add(admin->plain, fd);
    else if (!arrivals_add(admin->arrivals, fd))
        drop_connection(admin, fd);
    run_admin(admin);
}

/* ---- Starting and stopping ------------------------------------------------------------------- */

/* Turns HTTPS on or off, or takes another certificate. */
static int set_tls(struct admin *admin, bool is_wanted, char *error_text)
{
    const struct daemon_config config = daemon_config_of(admin);
    if (!is_wanted) {
        secure_retire(&admin->secure);
        return 0;
    }
    if (!admin->arrivals)
        admin->arrivals = arrivals_open(config.loop, &arrivals_ops, admin);
    if (!admin->arrivals) {
        snprintf(error_text, QUIC_ERROR_TEXT_BYTES, "cannot serve HTTPS (http.tls): %s",
                 strerror(errno));
        return MOQ_ERR_NOMEM;
    }
    return secure_start(&admin->secure, admin->pages.subjects.core, &config, error_text);
}

static unsigned port_of(const struct sockaddr *address)
{
    struct sockaddr_in in; /* sockaddr_in6 has its port in the same place */
    memcpy(&in, address, sizeof in);
    return ntohs(in.sin_port);
}

/* `error` is an errno; 0: the reason is not known. */
static void explain_start(const struct config_http *config, const struct sockaddr *address,
                          int error, char *error_text)
{
    const struct bind_attempt attempt = {.port = port_of(address),
                                         .is_ipv6 = address->sa_family == AF_INET6,
                                         .is_tcp = true,
                                         .error = error ? error : ENOMEM};
    int n = snprintf(error_text, QUIC_ERROR_TEXT_BYTES,
                     "cannot serve HTTP on %.80s (TCP, http.address): ",
                     config->address.is_listen ? "the listener's port" : config->address.text);
    bind_error_explain(&attempt, error_text + n, QUIC_ERROR_TEXT_BYTES - (size_t)n);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct admin *admin = handle->data;
    if (--admin->open_handles == 0)
        free(admin);
}

static void close_timer(struct admin *admin)
{
    uv_close((uv_handle_t *)&admin->timer, on_handle_closed);
}

/* Everything but the acceptor and the timer. */
static void stop_serving(struct admin *admin)
{
    daemon_stop(&admin->plain);
    secure_stop(&admin->secure);
    arrivals_close(&admin->arrivals);
    while (admin->guests.count > 0) /* that have sent nothing yet */
        drop_connection(admin, admin->guests.list[0].fd);
    pages_close(&admin->pages);
}

static int start_serving(struct admin *admin, const struct config_http *config,
                         const struct sockaddr *address, char *error_text)
{
    const struct daemon_config plain = daemon_config_of(admin);
    admin->plain = daemon_start(&plain);
    if (!admin->plain) {
        explain_start(config, address, errno, error_text);
        return MOQ_ERR_IO;
    }
    int error = set_tls(admin, config->has_tls, error_text);
    if (error)
        return error;
    error = acceptor_open(&admin->acceptor, plain.loop, address);
    if (error) {
        explain_start(config, address, error, error_text);
        return MOQ_ERR_IO;
    }
    admin->open_handles += ACCEPTOR_HANDLES;
    return 0;
}

int admin_start(struct admin **out, const struct admin_subjects *subjects,
                const struct config_http *config, const struct sockaddr *address, char *error_text)
{
    struct admin *admin = calloc(1, sizeof *admin);
    if (!admin)
        return MOQ_ERR_NOMEM;
    uv_timer_init(core_loop(subjects->core), &admin->timer);
    admin->timer.data = admin;
    admin->open_handles = 1;
    admin->pages.subjects = *subjects;
    pages_configure(&admin->pages, config);
    admin->acceptor.has_room = has_room;
    admin->acceptor.on_connection = on_connection;
    admin->acceptor.self = admin;
    int error = start_serving(admin, config, address, error_text);
    if (error) {
        stop_serving(admin);
        close_timer(admin);
        return error;
    }
    *out = admin;
    return 0;
}

void admin_reload(struct admin *admin, const struct config_http *config)
{
    char error_text[QUIC_ERROR_TEXT_BYTES];
    if (!admin)
        return;
    pages_configure(&admin->pages, config);
    if (set_tls(admin, config->has_tls, error_text))
        log_error(LOG_ADMIN, "%s", error_text);
    run_admin(admin);
}

void admin_stop(struct admin **pointer)
{
    struct admin *admin = *pointer;
    *pointer = NULL;
    if (!admin)
        return;
    acceptor_close(&admin->acceptor, on_handle_closed);
    stop_serving(admin);
    close_timer(admin);
}
