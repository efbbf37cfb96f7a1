/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Items come in an order that a reader can rely on: frames only inside of groups, gaps only between
 * them, nothing after the end. */
#include "tests/sim/relay/tap.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

/* ---- Text ------------------------------------------------------------------------------------ */

static void add_text(struct tap *tap, const char *text)
{
    size_t room = TAP_TEXT_BYTES - tap->length;
    int n = snprintf(tap->text + tap->length, room, "%s%s", tap->length ? " " : "", text);
    REQUIRE(n > 0 && (size_t)n < room);
    tap->length += (size_t)n;
}

static void add_item(struct tap *tap, const struct moq_cursor_item *item)
{
    char text[256];
    unsigned long long sequence = item->sequence, last = item->last;
    if (item->kind == MOQ_CURSOR_GROUP)
        snprintf(text, sizeof text, "(%llu", sequence);
    else if (item->kind == MOQ_CURSOR_FRAME)
        snprintf(text, sizeof text, "%.*s", (int)item->size, (const char *)item->data);
    else if (item->kind == MOQ_CURSOR_GROUP_END && item->error)
        snprintf(text, sizeof text, "%llu)!%d", sequence, item->error);
    else if (item->kind == MOQ_CURSOR_GROUP_END)
        snprintf(text, sizeof text, "%llu)", sequence);
    else if (item->kind == MOQ_CURSOR_GAP)
        snprintf(text, sizeof text, "[%llu-%llu %d]", sequence, last, item->error);
    else
        snprintf(text, sizeof text, "end %d", item->error);
    add_text(tap, text);
}

const char *tap_text(struct tap *tap)
{
    tap->text[tap->length] = '\0';
    tap->length = 0;
    return tap->text;
}

/* ---- Items ----------------------------------------------------------------------------------- */

static void check_frame(struct tap *tap, const struct moq_cursor_item *item)
{
    const struct iovec got = {(void *)(uintptr_t)item->data, item->size};
    REQUIRE(tap->is_in_group && item->sequence == tap->sequence);
    if (tap->camera && !camera_wrote_frame(tap->camera, item->sequence, tap->frame, got))
        tap->wrong++;
    tap->frame++;
    tap->bytes += item->size;
}

static void check_group_end(struct tap *tap, const struct moq_cursor_item *item)
{
    REQUIRE(tap->is_in_group && item->sequence == tap->sequence);
    tap->is_in_group = false;
    if (item->error)
        tap->cut++;
    else
        tap->whole++;
    if (!item->error && tap->camera && tap->frame != tap->camera->frames)
        tap->wrong++;
}

static void check_item(struct tap *tap, const struct moq_cursor_item *item)
{
    REQUIRE(!tap->ended);
    if (item->kind == MOQ_CURSOR_FRAME) {
        check_frame(tap, item);
    } else if (item->kind == MOQ_CURSOR_GROUP_END) {
        check_group_end(tap, item);
    } else {
        REQUIRE(!tap->is_in_group);
        tap->is_in_group = item->kind == MOQ_CURSOR_GROUP;
        tap->sequence = item->sequence;
        tap->frame = 0;
    }
    if (item->kind == MOQ_CURSOR_GAP) {
        REQUIRE(item->sequence <= item->last && item->error);
        tap->gaps++;
    }
    if (item->kind == MOQ_CURSOR_END) {
        tap->ended++;
        tap->end_error = item->error;
    }
}

bool tap_read_one(struct tap *tap)
{
    struct moq_cursor_item item;
    int got = core_watch_read(tap->watch, &item);
    REQUIRE(got == 1 || got == 0 || (got == MOQ_ERR_CLOSED && tap->ended));
    if (got != 1)
        return false;
    check_item(tap, &item);
    if (!tap->is_quiet)
        add_item(tap, &item);
    return true;
}

void tap_read(struct tap *tap)
{
    while (tap_read_one(tap))
        ;
}

static void on_readable(void *user, struct core_watch *watch)
{
    struct tap *tap = user;
    REQUIRE(tap->watch == watch && !tap->ended);
    tap->calls++;
    if (tap->on_call)
        tap->on_call(tap);
    else if (tap->is_quitter)
        core_watch_close(&tap->watch);
    else if (!tap->is_stalled)
        tap_read(tap);
}

/* ---- Life ------------------------------------------------------------------------------------ */

void tap_init(struct tap *tap, struct router *router, const char *path,
              const struct core_watch_wish *wish)
{
    static const struct core_watch_ops ops = {.on_readable = on_readable};
    struct core_watch_wish full = *wish;
    *tap = (struct tap){.is_opening = true};
    full.path = moq_path_from_text(path);
    REQUIRE(core_watch_open(router, &full, &ops, tap, &tap->watch) == 0);
    moq_path_unref(&full.path);
    tap->is_opening = false;
}

void tap_deinit(struct tap *tap)
{
    core_watch_close(&tap->watch);
}

bool tap_is_over(void *tap)
{
    return ((struct tap *)tap)->ended > 0;
}
