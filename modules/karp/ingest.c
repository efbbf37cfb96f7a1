/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Errors are kept in the ingest and told once: by the function that met them or, if they came from
 * outside, by the set's timer. So nothing is closed from within a call of the relay.
 * Tested by tests/unit/modules/test_karp_ingest.c. */
#include "modules/karp/ingest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"

enum { TICK_MS = 250 };

/* A path that guests do not get. */
struct kept_path {
    struct list link;
    char path[REQUEST_PATH_BYTES];
};

struct ingest_set {
    struct host host;
    uv_timer_t timer; /* runs while there is an ingest */
    struct list all;
    struct list kept_paths;
    uint64_t last_id; /* the highest of all instances, so that those of a path rise */
    size_t count;     /* of `all` */
    struct ingest_counts counts;
};

struct ingest {
    struct list link; /* in `all` of the set */
    struct ingest_set *set;
    struct ingest_config config; /* `path` and `from` point to the copies below */
    char path[REQUEST_PATH_BYTES], from[INGEST_FROM_BYTES];
    struct host_output output;
    struct karp_importer *importer;
    struct karp_renditions *renditions;
    struct karp_broadcast media;
    struct karp_queue *queue; /* NULL: not paced */
    struct karp_pace pace;
    struct verdict verdict;
    bool is_told; /* the owner knows of the verdict */
    bool is_started, is_finished;
    uint64_t linger_until_ns;           /* 0: it is not over yet */
    uint64_t bytes, begun_ns, heard_ns; /* when the first byte came, and the last */
};

static uint64_t now_ns(const struct ingest *ingest)
{
    return ingest->set->host.clock->now_ns;
}

static void free_import(struct ingest *ingest)
{
    karp_importer_free(ingest->importer);
    karp_renditions_free(ingest->renditions);
    karp_queue_free(ingest->queue);
    ingest->importer = NULL;
    ingest->renditions = NULL;
    ingest->queue = NULL;
}

static void free_ingest(struct ingest *ingest)
{
    struct host *host = &ingest->set->host;
    free_import(ingest);
    if (ingest->output.table)
        host->ops->close_output(host->user, &ingest->output);
    free(ingest);
}

/* Withdraws its tracks, those that have not ended with `error`, and frees it. */
static void drop_ingest(struct ingest *ingest, int error)
{
    struct ingest_set *set = ingest->set;
    void *guest = ingest->config.guest;
    karp_broadcast_go_off_air(&ingest->media, error);
    karp_broadcast_deinit(&ingest->media);
    list_remove(&ingest->link);
    if (--set->count == 0)
        uv_timer_stop(&set->timer);
    free_ingest(ingest);
    if (guest)
        set->host.ops->close_guest(set->host.user, guest);
}

/* ---- The set --------------------------------------------------------------------------------- */

struct ingest_set *ingest_set_new(const struct host *host)
{
    struct ingest_set *set = calloc(1, sizeof *set);
    if (!set)
        return NULL;
    set->host = *host;
    list_init(&set->all);
    list_init(&set->kept_paths);
    uv_timer_init(host->loop, &set->timer);
    set->timer.data = set;
    return set;
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void ingest_set_close(struct ingest_set **set)
{
    if (!*set)
        return;
    list_for_each_safe (node, &(*set)->all)
        drop_ingest(container_of(node, struct ingest, link), 0);
    for (struct list *node; (node = list_pop_front(&(*set)->kept_paths));)
        free(container_of(node, struct kept_path, link));
    uv_close((uv_handle_t *)&(*set)->timer, on_timer_closed);
    *set = NULL;
}

const struct host *ingest_set_host(const struct ingest_set *set)
{
    return &set->host;
}

const struct ingest_counts *ingest_set_counts(const struct ingest_set *set)
{
    return &set->counts;
}

int ingest_set_keep_path(struct ingest_set *set, const char *path)
{
    struct kept_path *kept = calloc(1, sizeof *kept);
    if (!kept)
        return MOQ_ERR_NOMEM;
    snprintf(kept->path, sizeof kept->path, "%s", path);
    list_push_back(&set->kept_paths, &kept->link);
    return 0;
}

static bool is_kept(const struct ingest_set *set, const char *path)
{
    list_for_each (node, &set->kept_paths)
        if (strcmp(container_of(node, struct kept_path, link)->path, path) == 0)
            return true;
    return false;
}

/* Fails an ingest that has fallen silent. */
static void check_silence(struct ingest *ingest)
{
    uint64_t silence_ms = ingest->config.silence_ms;
    bool has_to_come = ingest->bytes > 0 || !ingest->config.is_patient;
    if (!ingest->is_started || !has_to_come || ingest->is_finished || silence_ms == 0)
        return;
    if (now_ns(ingest) - ingest->heard_ns > silence_ms * NS_PER_MS)
        verdict_set(&ingest->verdict, VERDICT_SILENT, "no data for %" PRIu64 " s",
                    silence_ms / 1000);
    else if (!ingest->media.catalog && ingest->bytes > 0 &&
             now_ns(ingest) - ingest->begun_ns > INGEST_PREFACE_MS * NS_PER_MS)
        verdict_set(&ingest->verdict, VERDICT_SILENT,
                    "no complete moov and first frames within %d s", INGEST_PREFACE_MS / 1000);
}

static void on_tick(uv_timer_t *timer)
{
    struct ingest_set *set = timer->data;
    host_wake(&set->host);
    list_for_each_safe (node, &set->all) {
        struct ingest *ingest = container_of(node, struct ingest, link);
        karp_broadcast_tick(&ingest->media);
        if (ingest->linger_until_ns) {
            if (now_ns(ingest) > ingest->linger_until_ns || ingest->verdict.status)
                drop_ingest(ingest, 0);
            continue;
        }
        if (ingest->verdict.status == 0)
            check_silence(ingest);
        if (ingest->verdict.status == 0 || ingest->is_told)
            continue;
        ingest->is_told = true;
        ingest->config.events->on_failed(ingest->config.owner, &ingest->verdict);
    }
}

static void schedule_tick(struct ingest_set *set, uint64_t delay_ms)
{
    uv_timer_start(&set->timer, on_tick, delay_ms, TICK_MS);
}

static struct ingest *find_path(struct ingest_set *set, const char *path)
{
    list_for_each (node, &set->all) {
        struct ingest *ingest = container_of(node, struct ingest, link);
        if (strcmp(ingest->path, path) == 0 && ingest->linger_until_ns == 0)
            return ingest;
    }
    return NULL;
}

/* ---- The importer's events ------------------------------------------------------------------- */

/* Goes through the set's last id, whose wall clock may stand still or go back. */
static int publish_catalog(struct ingest *ingest, const struct karp_catalog *catalog)
{
    struct karp_broadcast *media = &ingest->media;
    struct ingest_set *set = ingest->set;
    bool was_on_air = media->is_on_air;
    if (set->last_id > media->id && !media->catalog_track)
        media->id = set->last_id;
    karp_pace_restart(&ingest->pace); /* the times of an instance may begin anywhere */
    int error = karp_broadcast_set_catalog(media, catalog, clock_wall_ms());
    if (!error && !was_on_air)
        error = karp_broadcast_go_on_air(media, clock_wall_ms());
    set->last_id = media->id > set->last_id ? media->id : set->last_id;
    host_log(&set->host, HOST_INFO, "%s: instance %" PRIu64 " with %zu tracks, from %s",
             ingest->path, media->id, media->track_count, ingest->from);
    return error;
}

static int publish_frame(struct ingest *ingest, const struct karp_frame *frame)
{
    karp_pace_note(&ingest->pace, frame->timestamp_us, now_ns(ingest));
    int error = karp_broadcast_write(&ingest->media, frame);
    ingest->set->counts.frames += error == 0;
    return error;
}

static bool has_queue(const struct ingest *ingest)
{
    return ingest->queue && !karp_queue_is_empty(ingest->queue);
}

/* Whether a new instance has to wait, so that viewers do not miss the one before. */
static bool is_crowded(const struct ingest *ingest)
{
    return ingest->queue && karp_broadcast_is_young(&ingest->media);
}

static int on_catalog(void *user, const struct karp_catalog *catalog)
{
    struct ingest *ingest = user;
    if (has_queue(ingest) || is_crowded(ingest))
        return karp_queue_add_catalog(ingest->queue, catalog);
    return publish_catalog(ingest, catalog);
}

/* Whether a frame has to wait, because what was published before it is not due yet. */
static bool is_ahead(const struct ingest *ingest)
{
    return ingest->queue && karp_pace_ahead_ns(&ingest->pace, now_ns(ingest)) > 0;
}

static int on_frame(void *user, const struct karp_frame *frame)
{
    struct ingest *ingest = user;
    if (has_queue(ingest) || is_ahead(ingest))
        return karp_queue_add_frame(ingest->queue, frame);
    return publish_frame(ingest, frame);
}

static void on_warning(void *user, const char *line)
{
    const struct ingest *ingest = user;
    host_log(&ingest->set->host, HOST_WARN, "%s: %s", ingest->path, line);
}

/* Publishes what waits in the queue, up to what still has to wait. */
static int publish_queue(struct ingest *ingest)
{
    struct karp_queued first;
    int error = 0;
    while (!error && has_queue(ingest) && karp_queue_first(ingest->queue, &first)) {
        if (first.catalog ? is_crowded(ingest) : is_ahead(ingest))
            break;
        error = first.catalog ? publish_catalog(ingest, first.catalog)
                              : publish_frame(ingest, &first.frame);
        karp_queue_drop_first(ingest->queue);
    }
    return error;
}

/* ---- Errors ---------------------------------------------------------------------------------- */

static unsigned status_of_media(const struct karp_failure *failure)
{
    return failure->kind == KARP_FAILURE_TOO_LARGE ? VERDICT_TOO_LARGE : VERDICT_MALFORMED;
}

static unsigned status_of(int error)
{
    switch (error) {
    case MOQ_ERR_BOUNDS:
        return VERDICT_TOO_LARGE;
    case MOQ_ERR_REFUSED:
        return VERDICT_FORBIDDEN;
    case MOQ_ERR_NOMEM:
        return VERDICT_BUSY;
    default:
        return VERDICT_FAILED;
    }
}

/* Keeps the first error, and that the owner knows it. Returns the status of the one that is kept.
 */
static unsigned keep_error(struct ingest *ingest, int error)
{
    if (error && ingest->verdict.status == 0) {
        const struct karp_failure *failure = karp_importer_failure(ingest->importer);
        if (error == MOQ_ERR_MEDIA)
            verdict_set(&ingest->verdict, status_of_media(failure),
                        "%s (within the first %" PRIu64 " bytes)", failure->text, ingest->bytes);
        else
            verdict_set(&ingest->verdict, status_of(error), "%s", moq_error_words(error));
    }
    ingest->is_told |= ingest->verdict.status != 0;
    return ingest->verdict.status;
}

/* ---- One ingest ------------------------------------------------------------------------------ */

static void on_refused(void *owner, const struct verdict *why)
{
    struct ingest *ingest = owner;
    ingest_fail(ingest, why);
    schedule_tick(ingest->set, 0);
}

static void on_live(void *owner)
{
    struct ingest *ingest = owner;
    if (ingest->config.events->on_live && ingest->linger_until_ns == 0)
        ingest->config.events->on_live(ingest->config.owner);
}

static void on_idle(void *owner)
{
    struct ingest *ingest = owner;
    if (ingest->config.events->on_idle && ingest->linger_until_ns == 0)
        ingest->config.events->on_idle(ingest->config.owner);
}

/* Makes what media goes through. False: out of memory; a part of it may be there. */
static bool make_import(struct ingest *ingest)
{
    static const struct karp_import_events events = {on_catalog, on_frame};
    const struct karp_renditions_options options = {1, ingest->config.ladder.is_in_band,
                                                    ingest->config.ladder.has_auto, on_warning};
    ingest->renditions = karp_renditions_new(&events, ingest, &options);
    if (!ingest->renditions)
        return false;
    ingest->importer = karp_importer_new(&karp_renditions_events,
                                         karp_renditions_input(ingest->renditions, 0), NULL);
    ingest->queue = ingest->config.is_paced ? karp_queue_new() : NULL;
    return ingest->importer && (ingest->queue || !ingest->config.is_paced);
}

static struct ingest *make_ingest(struct ingest_set *set, const struct ingest_config *config)
{
    struct ingest *ingest = calloc(1, sizeof *ingest);
    if (!ingest)
        return NULL;
    ingest->set = set;
    ingest->config = *config;
    snprintf(ingest->path, sizeof ingest->path, "%s", config->path);
    snprintf(ingest->from, sizeof ingest->from, "%s", config->from);
    ingest->config.path = ingest->path;
    ingest->config.from = ingest->from;
    if (make_import(ingest))
        return ingest;
    free_ingest(ingest);
    return NULL;
}

static int open_output(struct ingest *ingest)
{
    const struct host *host = &ingest->set->host;
    const struct host_offer offer = {
        .path = ingest->path,
        .guest = ingest->config.guest,
        .on_refused = on_refused,
        .on_live = on_live,
        .on_idle = on_idle,
        .owner = ingest,
    };
    int error = host->ops->open_output(host->user, &offer, &ingest->output);
    if (error)
        return error;
    ingest->media.output = ingest->output.table;
    ingest->media.user = ingest->output.user;
    ingest->media.clock = host->clock;
    ingest->media.id = ingest->set->last_id;
    if (!ingest->config.is_promised)
        return 0;
    error = karp_broadcast_promise(&ingest->media, clock_wall_ms());
    ingest->set->last_id = ingest->media.id;
    return error;
}

static void drop_oldest_lingering(struct ingest_set *set)
{
    list_for_each (node, &set->all) {
        struct ingest *ingest = container_of(node, struct ingest, link);
        if (ingest->linger_until_ns) {
            drop_ingest(ingest, 0);
            return;
        }
    }
}

/* Status 0: there is room, and the path is free. */
static unsigned check_room(struct ingest_set *set, const struct ingest_config *config,
                           struct verdict *why)
{
    const char *path = config->path;
    const struct ingest *other = find_path(set, path);
    if (config->guest && is_kept(set, path))
        return verdict_set(why, VERDICT_TAKEN, "%s is the path of one of the relay's `sources`",
                           path);
    if (other)
        return verdict_set(why, VERDICT_TAKEN, "%s is being published already, from %s", path,
                           other->from);
    if (set->count >= INGEST_MAX)
        drop_oldest_lingering(set);
    if (set->count >= INGEST_MAX)
        return verdict_set(why, VERDICT_BUSY, "%d broadcasts come in already", INGEST_MAX);
    return 0;
}

struct ingest *ingest_open(struct ingest_set *set, const struct ingest_config *config,
                           struct verdict *why)
{
    *why = (struct verdict){.status = 0};
    struct ingest *ingest = check_room(set, config, why) ? NULL : make_ingest(set, config);
    if (!ingest) {
        if (why->status == 0)
            verdict_set(why, VERDICT_BUSY, "%s", moq_error_words(MOQ_ERR_NOMEM));
        set->counts.refused++;
        return NULL;
    }
    int error = open_output(ingest);
    if (error) {
        verdict_set(why, status_of(error), "%s", moq_error_words(error));
        set->counts.refused++;
        karp_broadcast_deinit(&ingest->media);
        free_ingest(ingest);
        return NULL;
    }
    if (list_is_empty(&set->all))
        schedule_tick(set, TICK_MS);
    list_push_back(&set->all, &ingest->link);
    set->count++;
    set->counts.active++;
    set->counts.opened++;
    if (!config->is_promised)
        ingest_start(ingest);
    return ingest;
}

void ingest_start(struct ingest *ingest)
{
    ingest->is_started = true;
    ingest->heard_ns = now_ns(ingest);
}

unsigned ingest_feed(struct ingest *ingest, const uint8_t *data, size_t size)
{
    if (ingest->verdict.status)
        return keep_error(ingest, 0);
    ingest->heard_ns = now_ns(ingest);
    if (ingest->bytes == 0)
        ingest->begun_ns = ingest->heard_ns;
    ingest->bytes += size;
    ingest->set->counts.bytes += size;
    int error = karp_importer_feed(ingest->importer, data, size);
    if (!error && !ingest->media.catalog && ingest->bytes > INGEST_PREFACE_MAX_BYTES &&
        !has_queue(ingest))
        verdict_set(&ingest->verdict, VERDICT_TOO_LARGE,
                    "no complete moov and first frames within %d MiB",
                    INGEST_PREFACE_MAX_BYTES >> 20);
    return keep_error(ingest, error);
}

unsigned ingest_finish(struct ingest *ingest)
{
    if (ingest->verdict.status)
        return keep_error(ingest, 0);
    ingest->is_finished = true;
    int error = karp_importer_finish(ingest->importer);
    return keep_error(ingest, error ? error : karp_renditions_finish(ingest->renditions));
}

uint64_t ingest_wait_ns(struct ingest *ingest)
{
    if (ingest->verdict.status || keep_error(ingest, publish_queue(ingest)))
        return 0; /* the next call says why */
    uint64_t ahead_ns = karp_pace_ahead_ns(&ingest->pace, now_ns(ingest));
    return ahead_ns == 0 && has_queue(ingest) ? INGEST_HOLD_MS * NS_PER_MS : ahead_ns;
}

const struct verdict *ingest_verdict(const struct ingest *ingest)
{
    return &ingest->verdict;
}

uint64_t ingest_frames(const struct ingest *ingest)
{
    return ingest->media.frames;
}

bool ingest_is_decided(const struct ingest *ingest)
{
    const struct host *host = &ingest->set->host;
    return host->ops->is_decided(host->user, &ingest->output);
}

void ingest_fail(struct ingest *ingest, const struct verdict *why)
{
    if (ingest->verdict.status == 0)
        ingest->verdict = *why;
}

/* What was left out, for the log and the counters. */
static uint64_t report_losses(struct ingest *ingest)
{
    const struct host *host = &ingest->set->host;
    const uint64_t *samples = karp_importer_counts(ingest->importer)->left_out;
    uint64_t sum = 0;
    for (int i = 0; i < KARP_LOSS_COUNT; sum += samples[i++])
        if (samples[i] > 0)
            host_log(host, HOST_WARN, "%s: left out: %" PRIu64 " samples %s", ingest->path,
                     samples[i], karp_loss_words((enum karp_loss)i));
    for (int i = 0; i < KARP_OMISSION_COUNT; sum += ingest->media.left_out[i++])
        if (ingest->media.left_out[i] > 0)
            host_log(host, HOST_WARN, "%s: left out: %" PRIu64 " frames %s", ingest->path,
                     ingest->media.left_out[i], karp_omission_words((enum karp_omission)i));
    return sum;
}

/* Nobody listens to the guest any more: its end is that of the broadcast. */
static void on_guest_closed(void *owner, const struct verdict *why)
{
    on_refused(owner, why);
}

/* Keeps what viewers need, and lets go of the rest. */
static void begin_linger(struct ingest *ingest)
{
    static const struct host_guest_events events = {.on_closed = on_guest_closed};
    const struct host *host = &ingest->set->host;
    ingest->linger_until_ns = now_ns(ingest) + INGEST_LINGER_MS * NS_PER_MS;
    free_import(ingest);
    if (ingest->config.guest)
        host->ops->move_guest(host->user, ingest->config.guest, &events, ingest);
}

bool ingest_close(struct ingest **pointer)
{
    struct ingest *ingest = *pointer;
    *pointer = NULL;
    if (!ingest)
        return false;
    struct ingest_set *set = ingest->set;
    bool is_whole = ingest->is_finished && ingest->verdict.status == 0;
    set->counts.left_out += report_losses(ingest);
    set->counts.active--;
    if (ingest->is_started) {
        set->counts.failed += !is_whole;
        host_log(&set->host, is_whole ? HOST_INFO : HOST_WARN,
                 "%s: from %s: %s after %" PRIu64 " frames", ingest->path, ingest->from,
                 is_whole                 ? "ended"
                 : ingest->verdict.status ? ingest->verdict.text
                                          : "broke off",
                 ingest->media.frames);
    }
    karp_broadcast_finish(&ingest->media, is_whole);
    if (is_whole && ingest->media.is_on_air && !ingest->config.is_promised) {
        begin_linger(ingest);
        return ingest->config.guest != NULL;
    }
    ingest->config.guest = NULL; /* it stays the caller's */
    drop_ingest(ingest, is_whole ? 0 : MOQ_ERR_OFFLINE);
    return false;
}
