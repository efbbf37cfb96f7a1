/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Warns about certificates from files before and at their end. The steps depend on how long the
 * certificate is valid. Each warning is given once.
 * Tested by tests/unit/quic/test_cert.c. */
#include <inttypes.h>
#include <time.h>

#include "base/log.h"
#include "quic/cert_internal.h"

enum { DAY_S = 86400, HOUR_S = 3600, MINUTE_S = 60 };

static const struct unit {
    const char *name;
    uint64_t seconds;
} units[] = {{"days", DAY_S}, {"hours", HOUR_S}, {"minutes", MINUTE_S}, {"seconds", 1}};

static uint64_t smaller_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How near the end is: 0 is far, CERT_ENDED is over. Certificates are usually renewed when at least
 * a third of their life is left, so a warning at a quarter of it is not a false alarm. */
static uint8_t nearness_of_end(const struct cert *cert, uint64_t now_s)
{
    uint64_t life_s =
        cert->not_after_s > cert->not_before_s ? cert->not_after_s - cert->not_before_s : 0;
    uint64_t left_s = cert->not_after_s > now_s ? cert->not_after_s - now_s : 0;
    const uint64_t steps_s[] = {smaller_of(14 * DAY_S, life_s / 4),
                                smaller_of(3 * DAY_S, life_s / 8), smaller_of(DAY_S, life_s / 16)};
    if (left_s == 0)
        return CERT_ENDED;
    uint8_t step = 0;
    while (step < sizeof steps_s / sizeof steps_s[0] && left_s <= steps_s[step])
        step++;
    return step;
}

static void date_of(char out[CERT_DATE_BYTES], uint64_t when_s)
{
    time_t seconds = (time_t)when_s;
    struct tm when;
    gmtime_r(&seconds, &when);
    strftime(out, CERT_DATE_BYTES, "%Y-%m-%d %H:%M UTC", &when);
}

/* The largest unit of which at least two are left. */
static const struct unit *unit_of(uint64_t left_s)
{
    const struct unit *unit = units;
    while (unit->seconds > 1 && left_s < 2 * unit->seconds)
        unit++;
    return unit;
}

uint8_t cert_warn_of_end(const struct cert *cert, uint8_t told, uint64_t now_s)
{
    char date[CERT_DATE_BYTES];
    uint8_t now = nearness_of_end(cert, now_s);
    if (cert->is_self_signed || now <= told)
        return told;
    date_of(date, cert->not_after_s);
    if (now == CERT_ENDED) {
        log_error(LOG_TLS,
                  "%s: this certificate expired at %s and clients refuse it; renew it and reload",
                  cert->file, date);
        return now;
    }
    uint64_t left_s = cert->not_after_s - now_s;
    const struct unit *unit = unit_of(left_s);
    log_warn(LOG_TLS, "%s: this certificate expires in %" PRIu64 " %s, at %s; renew it and reload",
             cert->file, left_s / unit->seconds, unit->name, date);
    return now;
}

void cert_warn_of_start(const struct cert *cert, uint64_t now_s)
{
    char date[CERT_DATE_BYTES];
    date_of(date, cert->not_before_s);
    if (cert->not_before_s > now_s)
        log_error(LOG_TLS,
                  "%s: this certificate is not valid before %s and clients refuse it; check it and "
                  "the clock of this machine",
                  cert->file, date);
    if (!cert->has_names)
        log_warn(LOG_TLS,
                 "%s: this certificate names no host or address (subjectAltName), so "
                 "most clients refuse it; make one with the name that clients connect to",
                 cert->file);
}
