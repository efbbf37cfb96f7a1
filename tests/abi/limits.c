/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module that goes to the limits of what it may do, and looks what it is told there. */
#include "kit.h"

#include <string.h>

#ifndef IS_BACKWARDS
#define IS_BACKWARDS false /* true: the one thing that it does */
#endif

static struct relay_source *open_source(struct relay_worker *worker, const char *path, int expected)
{
    struct relay_source *source = (struct relay_source *)worker; /* must be overwritten */
    const struct relay_offer offer = {
        .size = sizeof offer, .path = path, .groups = 16, .priority = 128};
    EXPECT(relay_source_open(worker, &offer, NULL, NULL, &source), expected);
    EXPECT(source != NULL, expected == 0);
    return source;
}

/* ---- Sources --------------------------------------------------------------------------------- */

static void offer_wrongly(struct relay_worker *worker)
{
    static char long_path[2048];
    struct relay_source *source;
    const struct relay_offer good = {.size = sizeof good, .path = "good", .priority = 128};
    struct relay_offer offer = good;
    memset(long_path, 'x', sizeof long_path - 1);
    open_source(worker, "", RELAY_ERR_INVALID);
    open_source(worker, NULL, RELAY_ERR_INVALID);
    open_source(worker, long_path, RELAY_ERR_INVALID);
    offer.size = 0;
    EXPECT(relay_source_open(worker, &offer, NULL, NULL, &source), RELAY_ERR_INVALID);
    offer = good;
    offer.priority = 256;
    EXPECT(relay_source_open(worker, &offer, NULL, NULL, &source), RELAY_ERR_INVALID);
    offer = good;
    offer.order = 2;
    EXPECT(relay_source_open(worker, &offer, NULL, NULL, &source), RELAY_ERR_INVALID);
    EXPECT(source == NULL, 1);
}

static void offer_too_many(struct relay_worker *worker)
{
    static struct relay_source *sources[RELAY_SOURCES_MAX];
    char path[64];
    for (int i = 0; i < RELAY_SOURCES_MAX; i++) {
        snprintf(path, sizeof path, "many/%d", i);
        sources[i] = open_source(worker, path, 0);
    }
    open_source(worker, "one/more", RELAY_ERR_BOUNDS);
    open_source(worker, "many/5", RELAY_ERR_DUPLICATE);
    relay_source_close(&sources[5], 0);
    EXPECT(sources[5] == NULL, 1);
    relay_source_close(&sources[5], 0);
    sources[5] = open_source(worker, "one/more", 0);
    for (int i = 0; i < RELAY_SOURCES_MAX; i++)
        relay_source_close(&sources[i], i % 2 ? RELAY_ERR_OFFLINE : 0);
}

static void open_too_many_groups(struct relay_worker *worker)
{
    struct relay_group *groups[RELAY_GROUPS_MAX], *group;
    struct relay_source *source = open_source(worker, "groups", 0);
    for (int i = 0; i < RELAY_GROUPS_MAX; i++)
        EXPECT(relay_group_open(source, (uint64_t)i * 10, &groups[i]), 0);
    EXPECT(relay_group_open(source, RELAY_NEXT_GROUP, &group), RELAY_ERR_BOUNDS);
    EXPECT(group == NULL, 1);
    relay_group_close(&groups[3], 0);
    EXPECT(groups[3] == NULL, 1);
    relay_group_close(&groups[3], 0);
    EXPECT(relay_group_open(source, RELAY_NEXT_GROUP, &groups[3]), 0);
    EXPECT(relay_group_sequence(groups[3]), (RELAY_GROUPS_MAX - 1) * 10 + 1);
    EXPECT(relay_group_write(groups[3], "x", 1), 0);
    EXPECT(relay_group_write(groups[4], "y", 1), 0);
    relay_group_close(&groups[4], RELAY_ERR_EXPIRED);
    relay_source_close(&source, 0); /* with groups that are open */
}

/* Each sequence is higher than all before. */
static void go_back(struct relay_worker *worker)
{
    struct relay_group *newest, *group;
    struct relay_source *source = open_source(worker, "back", 0);
    EXPECT(relay_group_open(source, 10, &newest), 0);
    EXPECT(relay_group_open(source, 10, &group), RELAY_ERR_DUPLICATE);
    EXPECT(group == NULL, 1);
    EXPECT(relay_group_open(source, 9, &group) < 0, 1);
    EXPECT(group == NULL, 1);
    EXPECT(relay_group_open(source, 0, &group) < 0, 1);
    EXPECT(group == NULL, 1);
    relay_source_close(&source, 0);
}

static void write_too_much(struct relay_worker *worker)
{
    struct relay_group *group;
    struct relay_source *source = open_source(worker, "much", 0);
    char *frame = calloc(1, RELAY_FRAME_MAX_BYTES + 1);
    EXPECT(relay_group_open(source, RELAY_NEXT_GROUP, &group), 0);
    EXPECT(relay_group_sequence(group), 0);
    EXPECT(relay_group_write(group, frame, RELAY_FRAME_MAX_BYTES + 1), RELAY_ERR_BOUNDS);
    EXPECT(relay_group_write(group, frame, SIZE_MAX), RELAY_ERR_BOUNDS);
    EXPECT(relay_group_write(group, frame, RELAY_FRAME_MAX_BYTES), 0);
    EXPECT(relay_group_write(group, NULL, 1), RELAY_ERR_INVALID);
    EXPECT(relay_group_write(group, NULL, 0), 0);
    relay_group_close(&group, 0);
    free(frame);
    relay_source_close(&source, 0);
}

/* Those of all modules of a worker count. */
static void open_too_many_guests(struct relay_worker *worker)
{
    struct relay_guest *guests[RELAY_GUESTS_MAX + 1];
    const struct relay_guest_info info = {.size = sizeof info, .address = "192.0.2.1:1"};
    int count = 0, error = 0;
    while (!error && count <= RELAY_GUESTS_MAX) {
        error = relay_guest_open(worker, &info, NULL, NULL, &guests[count]);
        count += error == 0;
    }
    EXPECT(error, RELAY_ERR_BOUNDS);
    EXPECT(count, RELAY_GUESTS_MAX);
    while (count > 0)
        relay_guest_close(&guests[--count]);
}

static void never(struct relay_worker *worker, void *arg)
{
    (void)worker, (void)arg;
}

static void start_too_many_timers(struct relay_worker *worker)
{
    static struct relay_timer *timers[RELAY_TIMERS_MAX];
    int count = 0;
    while (count < RELAY_TIMERS_MAX &&
           (timers[count] = relay_timer_start(worker, 60000, 0, never, NULL)))
        count++;
    EXPECT(count, RELAY_TIMERS_MAX);
    EXPECT(relay_timer_start(worker, 60000, 0, never, NULL) == NULL, 1);
    while (count > 0)
        relay_timer_stop(&timers[--count]);
}

/* Without hooks or slots, it would not see the peer. */
static void dial(struct relay_worker *worker)
{
    const struct relay_dial_config config = {
        .size = sizeof config, .is_insecure = true, .url = "https://localhost/"};
    struct relay_dial *dial = (struct relay_dial *)(void *)worker; /* must be overwritten */
    EXPECT(relay_dial_open(worker, &config, NULL, NULL, &dial), RELAY_ERR_INVALID);
    EXPECT(dial == NULL, 1);
}

/* ---- Counters and the map -------------------------------------------------------------------- */

static void count_too_much(struct relay_worker *worker)
{
    struct relay_self *self = relay_worker_self(worker);
    char name[64];
    int hits = relay_counter(self, "hits"), level = relay_counter(self, "level");
    EXPECT(hits >= 0, 1);
    EXPECT(relay_counter(self, "hits"), hits);
    relay_count(worker, hits, 10);
    relay_count(worker, level, 3);
    relay_count(worker, level, -5);
    relay_count(worker, -1, 1);
    relay_count(worker, RELAY_COUNTERS_MAX, 1);
    EXPECT(relay_counter(self, ""), RELAY_ERR_INVALID);
    EXPECT(relay_counter(self, NULL), RELAY_ERR_INVALID);
    EXPECT(relay_counter(self, "No"), RELAY_ERR_INVALID);
    EXPECT(relay_counter(self, "a-b"), RELAY_ERR_INVALID);
    memset(name, 'x', sizeof name);
    name[48] = '\0';
    EXPECT(relay_counter(self, name), RELAY_ERR_INVALID);
    name[47] = '\0';
    EXPECT(relay_counter(self, name) >= 0, 1);
    for (int i = 3; i < RELAY_COUNTERS_MAX; i++) {
        snprintf(name, sizeof name, "n%d", i);
        EXPECT(relay_counter(self, name) >= 0, 1);
    }
    EXPECT(relay_counter(self, "one_more"), RELAY_ERR_BOUNDS);
    EXPECT(relay_counter(self, "hits"), hits);
}

static void share(struct relay_worker *worker)
{
    struct relay_self *self = relay_worker_self(worker);
    char out[8], key[RELAY_KEY_BYTES + 1];
    static char value[RELAY_VALUE_BYTES + 1];
    int64_t sum = 0;
    EXPECT(relay_shared_add(self, "starts", 1, &sum), 0);
    EXPECT(sum, relay_worker_number(worker) + 1);
    if (relay_worker_number(worker) != 0) {
        EXPECT(relay_shared_get(self, "word", out, sizeof out), 5);
        EXPECT(strcmp(out, "hello"), 0);
        return;
    }
    EXPECT(relay_shared_get(self, "word", out, sizeof out), RELAY_ERR_NOT_FOUND);
    EXPECT(relay_shared_set(self, "word", "a long word"), 0);
    EXPECT(relay_shared_get(self, "word", out, sizeof out), 11);
    EXPECT(strcmp(out, "a long "), 0);
    EXPECT(relay_shared_get(self, "word", NULL, 0), 11);
    EXPECT(relay_shared_add(self, "word", 1, &sum), RELAY_ERR_INVALID);
    EXPECT(relay_shared_set(self, "word", NULL), 0);
    EXPECT(relay_shared_get(self, "word", out, sizeof out), RELAY_ERR_NOT_FOUND);
    EXPECT(relay_shared_set(self, "word", "hello"), 0);
    EXPECT(relay_shared_add(self, "number", -5, &sum), 0);
    EXPECT(sum, -5);
    EXPECT(relay_shared_add(self, "number", INT64_MIN, &sum) < 0, 1);
    EXPECT(relay_shared_get(self, "number", out, sizeof out), 2);
    memset(key, 'k', sizeof key);
    key[RELAY_KEY_BYTES] = '\0';
    EXPECT(relay_shared_set(self, key, "x") < 0, 1);
    EXPECT(relay_shared_set(self, "", "x") < 0, 1);
    memset(value, 'v', sizeof value - 1);
    EXPECT(relay_shared_set(self, "long", value), RELAY_ERR_BOUNDS);
    value[RELAY_VALUE_BYTES - 1] = '\0';
    EXPECT(relay_shared_set(self, "long", value), 0);
    EXPECT(relay_shared_get(self, "long", value, sizeof value), RELAY_VALUE_BYTES - 1);
    EXPECT(relay_shared_keys(self, "w", out, sizeof out), 1);
    EXPECT(strcmp(out, "word"), 0);
    EXPECT(relay_shared_keys(self, "w", out, 4), 0);
    EXPECT(relay_shared_keys(self, NULL, out, sizeof out), RELAY_ERR_INVALID);
}

static void share_too_much(struct relay_worker *worker)
{
    struct relay_self *self = relay_worker_self(worker);
    char key[32];
    int error = 0, made = 0;
    for (; made <= RELAY_SHARED_MAX && !error; made += !error) {
        snprintf(key, sizeof key, "key %d", made);
        error = relay_shared_set(self, key, "x");
    }
    EXPECT(error, RELAY_ERR_BOUNDS);
    EXPECT(relay_shared_set(self, "key 0", "y"), 0);
    EXPECT(relay_shared_set(self, "key 1", NULL), 0);
    EXPECT(relay_shared_set(self, "another", "z"), 0);
    EXPECT(relay_shared_set(self, "and another", "z"), RELAY_ERR_BOUNDS);
    EXPECT(relay_shared_set(self, "another", NULL), 0);
    for (int i = 0; i < made; i++) {
        snprintf(key, sizeof key, "key %d", i);
        EXPECT(relay_shared_set(self, key, NULL), 0);
    }
}

enum { ADDS = 2000 };

/* On all workers at the same time, when they run. */
static void add_together(struct relay_worker *worker, void *arg)
{
    struct relay_self *self = relay_worker_self(worker);
    int64_t sum = 0, done = 0;
    (void)arg;
    for (int i = 0; i < ADDS; i++) {
        EXPECT(relay_shared_add(self, "together", 1, &sum), 0);
        relay_count(worker, relay_counter(self, "hits"), 1);
    }
    EXPECT(relay_shared_add(self, "done", 1, &done), 0);
    if (done != relay_worker_count(self))
        return;
    EXPECT(relay_shared_add(self, "together", 0, &sum), 0);
    EXPECT(sum, (int64_t)ADDS * relay_worker_count(self));
    trace("all have added");
}

/* ---- Texts ----------------------------------------------------------------------------------- */

static void look_at_paths(void)
{
    EXPECT(relay_path_has_prefix("demo/bbb", "demo"), 1);
    EXPECT(relay_path_has_prefix("demo", "demo"), 1);
    EXPECT(relay_path_has_prefix("demo2", "demo"), 0);
    EXPECT(relay_path_has_prefix("demo", "demo/bbb"), 0);
    EXPECT(relay_path_has_prefix("demo", ""), 1);
    EXPECT(relay_path_matches("demo/**", "demo/a/b"), 1);
    EXPECT(relay_path_matches("demo/*", "demo/a/b"), 0);
    EXPECT(relay_path_matches("demo/*", "demo/a"), 1);
    EXPECT(relay_path_matches("**", "a/b"), 1);
    EXPECT(relay_path_matches("*", "a/b"), 0);
    EXPECT(relay_path_is_valid("a/b"), 1);
    EXPECT(relay_path_is_valid(""), 0);
    EXPECT(relay_path_is_valid("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/"
                               "26/27/28/29/30/31/32"),
           1);
    EXPECT(relay_path_is_valid("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/"
                               "26/27/28/29/30/31/32/33"),
           0);
}

static void look_at_words(struct relay_self *self)
{
    for (int error = -20; error <= 1; error++)
        EXPECT(relay_error_words(error) != NULL && relay_error_words(error)[0] != '\0', 1);
    static char text[100000];
    memset(text, 'x', sizeof text - 1);
    relay_log(self, RELAY_INFO, "%s", text);
    relay_log(self, RELAY_WARN, "100%% of %s\n\x1b[31m", "it");
    relay_log(self, 0, "no level");
    relay_log(self, 99, "no level");
}

static int worker_start(struct relay_worker *worker, const void *config)
{
    if (IS_BACKWARDS) {
        go_back(worker);
        return 0;
    }
    EXPECT(config == NULL, 1);
    EXPECT(relay_worker_config(worker) == NULL, 1);
    EXPECT(relay_worker_slot(worker) == NULL, 1);
    count_too_much(worker);
    share(worker);
    share_too_much(worker);
    offer_wrongly(worker);
    if (relay_worker_number(worker) == 0)
        offer_too_many(worker);
    open_too_many_groups(worker);
    open_too_many_guests(worker);
    start_too_many_timers(worker);
    dial(worker);
    write_too_much(worker);
    look_at_paths();
    look_at_words(relay_worker_self(worker));
    EXPECT(relay_worker_post(worker, add_together, NULL), 0);
    trace("looked %u", relay_worker_number(worker));
    return 0;
}

RELAY_MODULE = {
    RELAY_MODULE_HEAD,
    .name = "limits",
    .version = "1.0",
    .worker_start = worker_start,
};
