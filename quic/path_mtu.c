/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Finds out from byte counts which sizes of packets arrive.
 * Tested by tests/sim/test_mtu.c. */
#include "quic/path_mtu.h"

enum {
    PATIENCE_PTOS = 2,      /* time without a large packet that arrived */
    PROBE_PTOS = 3,         /* time after which a probe has arrived, or else counts as lost */
    FORGET_PTOS = 10,       /* time without a loss after which a new loss has another cause */
    LOST_LEAST_PACKETS = 3, /* fewer lost packets may just have met a full queue */
};

const uint16_t path_mtu_sizes[PATH_MTU_SIZES] = {PATH_MTU_LARGEST_BYTES, 1444, 1406, 1342, 1232};

/* The least wait, because a busy machine may take longer than a short probe time-out to answer. */
#define PATIENCE_LEAST_NS (150 * NS_PER_MS)
/* Time between two checks whether anything arrives, while trains are sent one after the other. */
#define LOOK_NS (50 * NS_PER_MS)

static struct path_counts counts_now(const struct path_mtu *self, const struct path_news *news)
{
    return (struct path_counts){.at_ns = news->now_ns,
                                .delivered = (uint32_t)(news->sent - news->lost - news->in_flight),
                                .lost = (uint32_t)news->lost,
                                .packets_lost = (uint32_t)news->packets_lost,
                                .in_flight = (uint32_t)news->in_flight,
                                .small = self->small,
                                .large = self->large};
}

/* The bytes delivered between two moments. 0 also if the count has gone down, which happens after a
 * change of address. */
static uint32_t delivered_since(const struct path_counts *then, const struct path_counts *now)
{
    uint32_t bytes = now->delivered - then->delivered;
    return bytes <= INT32_MAX ? bytes : 0;
}

/* The bytes delivered since `then` that cannot have been in small packets sent since `then`. */
static uint32_t unexplained_bytes(const struct path_counts *then, const struct path_counts *now)
{
    uint32_t delivered = delivered_since(then, now), small = now->small - then->small;
    return delivered > small ? delivered - small : 0;
}

/* Remembers the probe time-out. When ngtcp2 resets its round trip time, its probe time-out becomes
 * a second, which is not used. */
static void learn_pto(struct path_mtu *self, const struct path_news *news)
{
    if (news->is_rtt_known || self->pto_ns == 0)
        self->pto_ns = news->pto_ns;
}

static bool has_waited(const struct path_mtu *self, const struct path_counts *since,
                       const struct path_news *news)
{
    uint64_t wait_ns = PATIENCE_PTOS * self->pto_ns;
    return news->now_ns >=
           since->at_ns + (wait_ns > PATIENCE_LEAST_NS ? wait_ns : PATIENCE_LEAST_NS);
}

/* ---- Becoming smaller ------------------------------------------------------------------------ */

static void wait_longer(struct path_mtu *self, uint64_t now_ns)
{
    uint64_t after_ns = 2 * self->raise_after_ns;
    if (after_ns < PATH_MTU_RAISE_MIN_NS)
        after_ns = PATH_MTU_RAISE_MIN_NS;
    self->raise_after_ns = after_ns < PATH_MTU_RAISE_MAX_NS ? after_ns : PATH_MTU_RAISE_MAX_NS;
    self->raise_at_ns = now_ns + self->raise_after_ns;
}

static void become_small(struct path_mtu *self, uint64_t now_ns, size_t before)
{
    bool is_relapse = now_ns < self->raise_at_ns + PATH_MTU_RELAPSE_NS;
    self->raise_after_ns = is_relapse ? PATH_MTU_RELAPSE_WAIT_NS / 2 : 0;
    self->raise_at_ns = CLOCK_NEVER;
    self->limit = PATH_MTU_SAFE_BYTES;
    self->before = (uint16_t)before;
    self->probe = 0;
    self->is_before_tried = self->is_suspected = false;
    self->losses.at_ns = self->silence.at_ns = 0;
}

static void has_shrunk(struct path_mtu *self, uint64_t now_ns)
{
    self->is_suspected = false;
    self->is_untold = true;
    wait_longer(self, now_ns);
}

/* Whether large packets have been lost for long enough while small ones arrived. The bytes in
 * flight at the beginning are not counted as large, because they may all have been in small
 * packets. */
static bool are_large_lost(struct path_mtu *self, const struct path_news *news)
{
    struct path_counts now = counts_now(self, news), *since = &self->losses;
    bool is_new = since->at_ns == 0 || unexplained_bytes(since, &now) > since->in_flight ||
                  news->now_ns > self->last_lost_ns + FORGET_PTOS * self->pto_ns;
    self->last_lost_ns = news->now_ns;
    if (is_new)
        *since = now;
    return !is_new && has_waited(self, since, news) && now.large > since->large &&
           now.lost - since->lost > (uint32_t)LOST_LEAST_PACKETS * PATH_MTU_SAFE_BYTES;
}

/* Whether nothing has arrived for long enough; then no loss is detected either. As long as only
 * small packets are sent, as by a peer that only acknowledges, there is no silence. */
static bool is_silent(struct path_mtu *self, const struct path_news *news)
{
    struct path_counts now = counts_now(self, news), *since = &self->silence;
    if (news->in_flight == 0)
        *since = (struct path_counts){.large = now.large};
    else if (since->at_ns == 0 || now.large == since->large || unexplained_bytes(since, &now) > 0)
        *since = now;
    else
        return has_waited(self, since, news);
    return false;
}

static void suspect_smaller_path(struct path_mtu *self, const struct path_news *news)
{
    become_small(self, news->now_ns, path_mtu_packet(self, news->found));
    self->is_suspected = true;
    self->silence = counts_now(self, news);
}

/* Called when something is acknowledged after a silence. The probe waits a little, so that losses
 * from the silence are counted before it is sent. */
static void end_silence(struct path_mtu *self, uint64_t now_ns)
{
    self->silence.at_ns = 0;
    self->raise_at_ns = now_ns + PATIENCE_LEAST_NS;
}

/* ---- Becoming larger ------------------------------------------------------------------------- */

/* Finds out whether the probe was lost or has arrived. It was lost if more bytes were lost than the
 * lost packets can account for at `limit` bytes each. */
static void settle_probe(struct path_mtu *self, const struct path_news *news)
{
    struct path_counts now = counts_now(self, news);
    uint32_t others = (now.packets_lost - self->probed.packets_lost) * self->limit;
    if (now.lost - self->probed.lost > others) {
        self->probe = 0;
        if (self->is_suspected)
            has_shrunk(self, news->now_ns);
        else
            wait_longer(self, news->now_ns);
        return;
    }
    if (news->now_ns < self->probed.at_ns + PROBE_PTOS * self->pto_ns ||
        delivered_since(&self->probed, &now) < self->probe)
        return;
    self->limit = self->probe;
    self->probe = 0;
    self->is_suspected = false;
    self->raise_after_ns = 0;
    self->raise_at_ns = news->now_ns;
}

/* The size to probe next. The previous size comes first, because usually the path was only down for
 * a moment. */
static size_t next_size(const struct path_mtu *self, size_t found)
{
    size_t before = self->before > 0 && self->before < found ? self->before : found;
    if (!self->is_before_tried && before > self->limit)
        return before;
    for (size_t i = PATH_MTU_SIZES; i-- > 0;)
        if (path_mtu_sizes[i] > self->limit && path_mtu_sizes[i] <= found)
            return path_mtu_sizes[i];
    return 0;
}

size_t path_mtu_due(struct path_mtu *self, uint64_t now_ns, size_t found)
{
    if (self->limit == 0 || self->probe != 0 || now_ns < self->raise_at_ns)
        return 0;
    size_t size = next_size(self, found);
    if (size == 0)
        self->limit = 0;
    return size;
}

void path_mtu_probe_sent(struct path_mtu *self, const struct path_news *news, size_t size)
{
    self->probe = (uint16_t)size;
    self->is_before_tried = true;
    self->probed = counts_now(self, news);
}

/* ---- Reports --------------------------------------------------------------------------------- */

size_t path_mtu_packet(const struct path_mtu *self, size_t found)
{
    return self->limit > 0 && self->limit < found ? self->limit : found;
}

void path_mtu_sent(struct path_mtu *self, size_t size, size_t segment_size)
{
    size_t last = size > segment_size ? size % segment_size : size;
    size_t whole = size - last;
    *(segment_size > PATH_MTU_SAFE_BYTES ? &self->large : &self->small) += (uint32_t)whole;
    *(last > PATH_MTU_SAFE_BYTES ? &self->large : &self->small) += (uint32_t)last;
}

bool path_mtu_is_silent(const struct path_mtu *self)
{
    return self->is_suspected && self->silence.at_ns != 0;
}

void path_mtu_sent_into_silence(struct path_mtu *self, uint64_t in_flight)
{
    self->silence.in_flight = (uint32_t)in_flight;
}

static bool is_large(const struct path_mtu *self, const struct path_news *news)
{
    return path_mtu_packet(self, news->found) > PATH_MTU_SAFE_BYTES;
}

bool path_mtu_is_news(const struct path_mtu *self, uint64_t lost)
{
    return (uint32_t)lost != self->lost || self->probe != 0 || self->is_suspected ||
           self->is_untold;
}

bool path_mtu_received(struct path_mtu *self, const struct path_news *news)
{
    bool is_loss = (uint32_t)news->lost != self->lost;
    self->lost = (uint32_t)news->lost;
    learn_pto(self, news);
    if (self->probe != 0)
        settle_probe(self, news);
    if (path_mtu_is_silent(self) && (uint32_t)news->in_flight < self->silence.in_flight)
        end_silence(self, news->now_ns);
    if (is_loss && is_large(self, news)) {
        if (are_large_lost(self, news)) {
            become_small(self, news->now_ns, path_mtu_packet(self, news->found));
            has_shrunk(self, news->now_ns);
        } else if (!news->is_rtt_known) {
            suspect_smaller_path(self, news);
        }
    }
    bool is_told = self->is_untold;
    self->is_untold = false;
    return is_told;
}

void path_mtu_expired(struct path_mtu *self, const struct path_news *news)
{
    self->look_at_ns = news->now_ns + LOOK_NS;
    learn_pto(self, news);
    if (self->probe != 0)
        settle_probe(self, news);
    if (is_large(self, news) && is_silent(self, news))
        suspect_smaller_path(self, news);
}

bool path_mtu_is_quiet(const struct path_mtu *self, uint64_t now_ns)
{
    return self->limit == 0 && !self->is_suspected && now_ns < self->look_at_ns;
}

bool path_mtu_is_watched(const struct path_mtu *self)
{
    return self->limit > 0 || self->is_suspected || self->large != self->silence.large;
}

bool path_mtu_is_look_due(struct path_mtu *self, uint64_t now_ns)
{
    if (now_ns < self->look_at_ns)
        return false;
    if (path_mtu_is_watched(self))
        return true;
    self->look_at_ns = now_ns + LOOK_NS;
    self->silence.at_ns = 0;
    return false;
}

void path_mtu_moved(struct path_mtu *self)
{
    become_small(self, 0, 0);
    self->raise_after_ns = self->pto_ns = 0;
}

void path_mtu_arrived(struct path_mtu *self, uint64_t now_ns)
{
    if (self->raise_at_ns == CLOCK_NEVER)
        self->raise_at_ns = now_ns;
}
