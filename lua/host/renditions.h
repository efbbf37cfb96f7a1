/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Renditions as scripts see them: a list of { name, bitrate, path }, the lowest bit rate first, in
 * the field `ladder` of a viewer that may be moved between them. Scripts name one by its path, or
 * by the last parts of it. */
#ifndef LUA_HOST_RENDITIONS_H
#define LUA_HOST_RENDITIONS_H

#include <lua.h>
#include <relay/module.h>
#include <stdbool.h>

/* Set the field of the table at the top, if there are any. */
void renditions_show_requests(lua_State *lua, const struct relay_request *request);
void renditions_show_viewers(lua_State *lua, const struct relay_viewer *viewer);

/* Serves the subscription the rendition of this name. 0; RELAY_ERR_NOT_FOUND: it has none such. */
int renditions_begin_with(struct relay_request *request, const char *name);
/* Moves the viewer to it. Errors as relay_viewer_turn, and RELAY_ERR_NOT_FOUND. */
int renditions_turn_to(struct relay_viewer *viewer, const char *name);

#endif
