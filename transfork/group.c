/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Groups. Step 8 of a frame's walk: the one copy happens in group_append.
 *
 * The order of stores makes it safe to read a body on other threads: bytes before length
 * (base/bytes), length and error before is_ended. A reader loads them in the opposite order. The
 * reference count is the only field of a body that several threads write. The thread that drops the
 * last reference sees what all others did (acquire and release) and frees the body. */
#include "transfork/group.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/objects.h"

static uint64_t earlier_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static struct moq_group_body *body_new(uint64_t started_ns)
{
    struct moq_group_body *body = calloc(1, sizeof *body);
    if (!body)
        return NULL;
    body->refs = 1;
    body->started_ns = started_ns;
    bytes_log_init(&body->log);
    object_born(OBJECT_group_body);
    return body;
}

struct moq_group_body *moq_group_body_ref(struct moq_group_body *body)
{
    __atomic_add_fetch(&body->refs, 1, __ATOMIC_RELAXED);
    return body;
}

void moq_group_body_unref(struct moq_group_body **body)
{
    struct moq_group_body *mine = *body;
    *body = NULL;
    if (!mine || __atomic_sub_fetch(&mine->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    bytes_log_deinit(&mine->log);
    free(mine);
    object_died(OBJECT_group_body);
}

/* Takes the caller's reference to `body`, also on failure. */
static struct moq_group *group_of(uint64_t sequence, uint64_t started_ns,
                                  struct moq_group_body *body)
{
    struct kept_group *kept = calloc(1, sizeof *kept);
    if (!kept) {
        moq_group_body_unref(&body);
        return NULL;
    }
    struct moq_group *group = &kept->group;
    group->sequence = sequence;
    group->started_ns = started_ns;
    group->refs = 1;
    group->body = body;
    list_init(&kept->node);
    list_init(&kept->follow_node);
    object_born(OBJECT_group);
    return group;
}

struct moq_group *group_new(uint64_t sequence, uint64_t started_ns)
{
    struct moq_group_body *body = body_new(started_ns);
    return body ? group_of(sequence, started_ns, body) : NULL;
}

struct moq_group *group_adopt(uint64_t sequence, uint64_t now_ns, struct moq_group_body *body)
{
    uint64_t started_ns = earlier_of(body->started_ns, now_ns);
    struct moq_group *group = group_of(sequence, started_ns, moq_group_body_ref(body));
    if (group)
        group->is_adopted = true;
    return group;
}

struct moq_group *moq_group_ref(struct moq_group *group)
{
    group->refs++;
    return group;
}

void moq_group_unref(struct moq_group **group)
{
    struct moq_group *mine = *group;
    *group = NULL;
    REQUIRE(!mine || mine->refs > 0);
    if (!mine || --mine->refs > 0)
        return;
    moq_group_body_unref(&mine->body);
    free(kept_of(mine));
    object_died(OBJECT_group);
}

bool moq_group_body_has_ended(const struct moq_group_body *body, int *error)
{
    bool has_ended = body_has_ended(body);
    *error = has_ended ? body->error : 0;
    return has_ended;
}

struct moq_group_body *moq_group_body(const struct moq_group *group)
{
    return group->body;
}

uint64_t moq_group_length(const struct moq_group *group)
{
    return bytes_log_length(&group->body->log);
}

size_t moq_group_head(const struct moq_group *group, void *out, size_t max)
{
    struct bytes_cursor cursor;
    bytes_cursor_init(&cursor, &group->body->log);
    uint64_t there = bytes_cursor_available(&cursor);
    size_t n = there < max ? (size_t)there : max;
    return bytes_cursor_read(&cursor, out, n) ? n : 0;
}

void group_replace(struct moq_group *group, struct moq_group_body *body)
{
    struct moq_group_body *old = group->body;
    group->body = moq_group_body_ref(body);
    group->error = 0;
    group->ended_ns = 0;
    group->is_ended = false;
    moq_group_body_unref(&old);
}

int group_append(struct moq_group *group, const void *data, size_t n)
{
    struct bytes_log *log = &group->body->log;
    if (group->is_ended || group->is_adopted)
        return MOQ_ERR_CLOSED;
    if (n > MOQ_GROUP_MAX_BYTES - bytes_log_length(log))
        return MOQ_ERR_BOUNDS;
    return bytes_log_append(log, data, n);
}

void group_end(struct moq_group *group, int error, uint64_t now_ns)
{
    if (group->is_ended)
        return;
    struct moq_group_body *body = group->body;
    bool is_followed = group->is_adopted && body_has_ended(body);
    group->error = error;
    group->ended_ns = is_followed ? earlier_of(body->ended_ns, now_ns) : now_ns;
    group->is_ended = true;
    list_remove(&kept_of(group)->follow_node);
    if (group->is_adopted)
        return;
    body->error = error;
    body->ended_ns = now_ns;
    __atomic_store_n(&body->is_ended, true, __ATOMIC_RELEASE);
}
