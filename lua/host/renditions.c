/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Requests and viewers have renditions alike: one loop reads both.
 * Tested by tests/e2e/test_switching.py. */
#include "lua/host/renditions.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/host/table.h"

struct holder { /* one of both */
    const struct relay_request *request;
    const struct relay_viewer *viewer;
};

struct rendition {
    struct relay_rendition read;
    char path[RELAY_PATH_BYTES];
};

static bool read_rendition(struct holder holder, size_t index, struct rendition *rendition)
{
    rendition->read = (struct relay_rendition){.size = sizeof rendition->read};
    int error =
        holder.request
            ? relay_request_rendition(holder.request, index, &rendition->read, rendition->path)
            : relay_viewer_rendition(holder.viewer, index, &rendition->read, rendition->path);
    return error == 0;
}

/* ---- Showing --------------------------------------------------------------------------------- */

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void push_rendition(lua_State *lua, const struct rendition *rendition)
{
    lua_newtable(lua);
    table_set_text(lua, "name", last_part(rendition->path));
    table_set_text(lua, "path", rendition->path);
    table_set_number(lua, "bitrate", (double)rendition->read.bitrate_bps);
}

static void show_renditions(lua_State *lua, struct holder holder)
{
    struct rendition rendition;
    if (!read_rendition(holder, 0, &rendition))
        return;
    luaL_checkstack(lua, 4, "a ladder");
    lua_newtable(lua);
    for (int i = 0; read_rendition(holder, (size_t)i, &rendition); i++) {
        push_rendition(lua, &rendition);
        lua_rawseti(lua, -2, i + 1);
    }
    lua_pushliteral(lua, "ladder");
    lua_insert(lua, -2);
    lua_rawset(lua, -3);
}

void renditions_show_requests(lua_State *lua, const struct relay_request *request)
{
    show_renditions(lua, (struct holder){.request = request});
}

void renditions_show_viewers(lua_State *lua, const struct relay_viewer *viewer)
{
    show_renditions(lua, (struct holder){.viewer = viewer});
}

/* ---- Choosing -------------------------------------------------------------------------------- */

/* Whether `name` is the path, or whole parts at its end. */
static bool is_named(const char *path, const char *name)
{
    size_t n = strlen(name), size = strlen(path);
    if (n == 0 || n > size || strcmp(path + size - n, name) != 0)
        return false;
    return n == size || path[size - n - 1] == '/';
}

/* Returns its index, or RELAY_ERR_NOT_FOUND. */
static int find_rendition(struct holder holder, const char *name, struct rendition *rendition)
{
    for (int i = 0; read_rendition(holder, (size_t)i, rendition); i++)
        if (is_named(rendition->path, name))
            return i;
    return RELAY_ERR_NOT_FOUND;
}

int renditions_begin_with(struct relay_request *request, const char *name)
{
    struct rendition rendition;
    int index = find_rendition((struct holder){.request = request}, name, &rendition);
    return index < 0 ? index : relay_request_set_path(request, rendition.path);
}

int renditions_turn_to(struct relay_viewer *viewer, const char *name)
{
    struct rendition rendition;
    int index = find_rendition((struct holder){.viewer = viewer}, name, &rendition);
    return index < 0 ? index : relay_viewer_turn(viewer, (size_t)index);
}
