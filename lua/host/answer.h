/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a script's hooks answer, checked field by field. Knows Lua and the types of relay/module.h,
 * but calls nothing of the relay. */
#ifndef LUA_HOST_ANSWER_H
#define LUA_HOST_ANSWER_H

#include <lua.h>
#include <relay/module.h>

enum {
    ANSWER_PREFIXES_MAX = 64, /* of each list of grants */
    ANSWER_LATENCY_MAX_MS = 3600000,
    ANSWER_START_MAX_S = 3600,
};

#define SCRIPT_CLOSED "closed by the script" /* the reason for a viewer if the script has none */

enum answer_kind { ANSWER_PASS, ANSWER_ALLOW, ANSWER_DENY };

/* Fields that an answer may have, or-ed. */
enum answer_fields {
    ANSWER_POLICY = 1, /* latency, priority, order, rate, identity_rate */
    ANSWER_PATH = 2,
    ANSWER_TRACK = 8,
    ANSWER_START = 16,
    ANSWER_GRANTS = 4, /* publish, subscribe, identity, expires */
    ANSWER_SOURCE = 32,
    ANSWER_CLEAR = 64, /* fields of ANSWER_POLICY may be false */
};

/* Texts belong to Lua and live as long as the answer is on its stack. */
struct answer {
    enum answer_kind kind;
    enum relay_denial code;
    char reason[RELAY_REASON_BYTES];
    const char *path;     /* NULL: none */
    const char *track;    /* the name of a rendition; NULL: none */
    const char *source;   /* the identity of a publisher; NULL: none */
    uint64_t source_peer; /* or its relay_peer_number; 0: none */
    struct relay_policy policy;
    uint32_t cleared; /* enum relay_policy_bits of fields that are false: relay.yaml counts */
    bool has_grants, has_lists; /* has_lists: publish, subscribe or both */
    struct relay_grants grants;
    const char *publish[ANSWER_PREFIXES_MAX], *subscribe[ANSWER_PREFIXES_MAX];
};

/* Reads the results of a hook, from index 1 to `count`:
 *
 *   nothing, nil                no opinion
 *   true                        allowed
 *   false, reason, word         denied; word: one of "refused", "unauthorized", "forbidden",
 *                               "not found", "busy", "expired"
 *   a table                     allowed if it has grants or nothing; else no opinion, with fields
 *
 * Anything else raises an error that begins with `where`. */
void script_read_answer(lua_State *lua, int count, const char *where, unsigned fields,
                        struct answer *answer);

/* Reads a reason and a word from indexes 2 and 3, each of which may be nil. `usual`: the reason if
 * there is none. Raises an error that begins with `where`. */
void script_read_reason(lua_State *lua, int count, const char *where, const char *usual,
                        struct answer *answer);

/* The word of a refusal at `index`. Raises an error that begins with `where`. */
enum relay_denial script_read_code(lua_State *lua, int index, const char *where);

#endif
