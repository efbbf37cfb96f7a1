/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A Lua state in which a script can do no harm by accident: its memory and its time are bounded,
 * and it has only the functions that names.c offers. It knows nothing of the relay.
 *
 * Scripts are trusted but fallible: this contains mistakes, not attackers. */
#ifndef LUA_HOST_SANDBOX_H
#define LUA_HOST_SANDBOX_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SANDBOX_ERROR_BYTES = 512,
    SANDBOX_FILE_MAX_BYTES = 1 << 20, /* of a script, and of what it requires */
    SANDBOX_COUNT = 500,              /* instructions between two looks at the clock */
};

enum sandbox_result {
    SANDBOX_OK,
    SANDBOX_FAULT, /* an error of the script, or it ran for too long */
    SANDBOX_NO_MEMORY,
};

struct sandbox;

/* NULL: out of memory. */
struct sandbox *sandbox_new(uint64_t memory_bytes);
void sandbox_free(struct sandbox **sandbox);

lua_State *sandbox_lua(const struct sandbox *sandbox);
/* What a state belongs to, also for a coroutine's state. */
struct sandbox *sandbox_of(lua_State *lua);
/* For whoever made it; NULL at first. */
void sandbox_set_user(struct sandbox *sandbox, void *user);
void *sandbox_user(const struct sandbox *sandbox);

/* Calls `run`, which finds `argument` as a light userdata at index 1 and may raise errors, for at
 * most `budget_ns`. Not from inside such a call. On an error, the text says where it happened. */
enum sandbox_result sandbox_run(struct sandbox *sandbox, uint64_t budget_ns, lua_CFunction run,
                                void *argument, char error[SANDBOX_ERROR_BYTES]);

/* Calls `run`, which finds `argument` as a light userdata at index 1, without bounds: a full memory
 * must not stop what gives memory back. For what is short and runs nothing of the script. Not from
 * inside a call. */
void sandbox_clean(struct sandbox *sandbox, lua_CFunction run, void *argument);
/* Gives up a reference in the registry; a full memory does not stop it. Not from inside a call. */
void sandbox_unref(struct sandbox *sandbox, int reference);

/* In `run`: pushes the chunk of a file, which has the sandbox's globals. Raises an error if the
 * file cannot be read, is too long, or is no Lua text. */
void sandbox_push_file(lua_State *lua, const char *path);
/* In `run`: pushes the table with the globals, whose names cannot be added to after the lock. */
void sandbox_push_globals(lua_State *lua);
void sandbox_lock_globals(struct sandbox *sandbox);

uint64_t sandbox_spent_ns(const struct sandbox *sandbox); /* in the last call */
/* From now on, each call keeps the time of its beginning there while it lasts, for other threads;
 * by the monotonic clock, in nanoseconds. NULL: nowhere. */
void sandbox_set_pulse(struct sandbox *sandbox, uint64_t *since_ns);
uint64_t sandbox_used_bytes(const struct sandbox *sandbox);
/* Whether a call is under way. */
bool sandbox_is_running(const struct sandbox *sandbox);

#endif
