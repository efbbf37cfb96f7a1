/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The publisher asks for announcements of its own broadcast, as viewers do, to see other
 * instances.
 * Tested by tests/e2e/test_states.py. */
#include "tools/rival.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* The ID of the instance whose catalog has this path; 0: the path is something else. */
static uint64_t instance_of(const struct publisher *publisher, const struct moq_path *path)
{
    char text[KARP_ID_MAX_BYTES];
    size_t depth = moq_path_count(publisher->broadcast);
    if (moq_path_count(path) != depth + 1)
        return 0;
    struct moq_part id = moq_path_part(path, depth);
    if (!karp_id_is_valid(id.data, id.size))
        return 0;
    memcpy(text, id.data, id.size);
    text[id.size] = '\0';
    return strtoull(text, NULL, 10);
}

static void on_active(struct moq_announced *announced, struct moq_path *path)
{
    struct rival *rival = moq_announced_user(announced);
    const struct publisher *publisher = rival->publisher;
    uint64_t id = instance_of(publisher, path);
    char text[MOQ_PATH_LINE_BYTES];
    if (id == 0 || id == rival->told || karp_broadcast_is_own(&publisher->media, id))
        return;
    rival->told = id;
    bool is_newer =
        publisher->media.id > 0 && id > publisher->media.id; /* id 0: our instance is yet to come */
    log_warn(LOG_TOOL,
             "\"%s\" has another publisher: instance %" PRIu64
             ", %s; stop one of the two, or give one another name",
             moq_path_text(publisher->broadcast, text, sizeof text), id,
             is_newer ? "which is newer, so viewers change to it"
                      : "which is older (or was killed just now), so viewers change to this one");
}

static void on_closed(struct moq_announced *announced, int error)
{
    struct rival *rival = moq_announced_user(announced);
    (void)error;
    rival->announced = NULL;
}

void rival_watch(struct rival *rival, struct moq_session *session)
{
    static const struct moq_announced_events events = {.on_active = on_active,
                                                       .on_closed = on_closed};
    if (!rival->announced)
        rival->announced =
            moq_session_announced(session, rival->publisher->broadcast, &events, rival);
}

void rival_close(struct rival *rival)
{
    if (rival->announced)
        moq_announced_close(&rival->announced);
}
