/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A script on one worker: a generation of it, from when its file is run until a reload replaces it.
 * It has functions for hooks, timers, a fuse for each hook, and a sandbox around all of that. */
#ifndef LUA_HOST_SCRIPT_H
#define LUA_HOST_SCRIPT_H

#include <relay/module.h>

#include "lua/host/account.h"
#include "lua/host/fields.h"
#include "lua/host/fuse.h"
#include "lua/host/pulse.h"
#include "lua/host/require.h"
#include "lua/host/sandbox.h"

enum {
    SCRIPT_FAULTS_MAX = 100, /* of the setting */
    SCRIPT_TIMERS_MAX = 256,
    SCRIPT_WHERE_BYTES = 96,
    SCRIPT_LOG_SITES = 64, /* lines of the script share them, if there are more */
};

enum script_hook {
    SCRIPT_LOAD,
    SCRIPT_CONNECT,
    SCRIPT_ANNOUNCE,
    SCRIPT_SUBSCRIBE,
    SCRIPT_SAMPLE,
    SCRIPT_BACKLOG,
    SCRIPT_CHOOSE_SOURCE,
    SCRIPT_LEAVE,
    SCRIPT_TIMER,
    SCRIPT_HOOKS,
};
/* The name by which relay.on knows it. */
const char *script_hook_name(enum script_hook hook);

enum script_fault_answer { SCRIPT_FAULT_DENIES, SCRIPT_FAULT_DENIES_ALL, SCRIPT_FAULT_PASSES };

struct script_config {
    const char *file;               /* NULL: the policy that ships, see script_file */
    const char *const *directories; /* of what it requires */
    size_t directory_count;
    const struct relay_node *params;
    uint64_t budget_ns, load_budget_ns, memory_bytes, faults;
    uint64_t abort_ns; /* 0: a call that takes long aborts nothing */
    bool is_watched;   /* a change of its files reloads it */
    int on_fault;      /* enum script_fault_answer: what a failed hook means to a request */
};

/* The file of the script: that of the installation if none is named. Returns it, or `out`. */
const char *script_file(const struct script_config *config, char out[PATH_MAX]);

struct script;

/* What a script does, by name. */
struct script_outline {
    bool has[SCRIPT_HOOKS];
    bool does_something; /* it has a hook or a timer */
};

struct script_maker {
    void (*open_library)(lua_State *lua); /* adds to the globals what scripts call */
    struct relay_self *self;              /* NULL: only to see whether the script works */
    struct files
        *files; /* all that it is made of are noted there, also if it fails; NULL: nowhere */
    struct pulse *pulse; /* of this thread; NULL: nobody looks */
};

/* Runs the file and its load hook. The configuration is borrowed. NULL: it failed, and the text
 * says why. */
struct script *script_new(const struct script_config *config, const struct script_maker *maker,
                          char error[SANDBOX_ERROR_BYTES]);
void script_free(struct script **script);

/* From now on it belongs to this worker, and its timers run. `pulse` as above, of the worker. */
void script_attach(struct script *script, struct relay_worker *worker, struct pulse *pulse);
/* Where the script has this hook: "policy.lua:12"; "": it has none. */
const char *script_place(const struct script *script, enum script_hook hook);

/* Numbers that are different for each script that ever was, so that whoever keeps a reference into
 * one knows whether it is still that one. */
uint64_t script_generation(const struct script *script);
bool script_has(const struct script *script, enum script_hook hook);
struct script_outline script_outline_of(const struct script *script);
struct script *script_of(lua_State *lua);
struct relay_self *script_self(const struct script *script);     /* NULL: only a check */
struct relay_worker *script_worker(const struct script *script); /* NULL: not attached */
const struct script_config *script_config(const struct script *script);

enum script_result {
    SCRIPT_NONE, /* it has no such hook */
    SCRIPT_DONE,
    SCRIPT_FAILED,  /* logged and counted */
    SCRIPT_BENCHED, /* it was not called, because its fuse has blown */
};

/* How a hook is called. Both functions may raise errors, which are the script's faults. */
struct script_call {
    int (*push)(lua_State *lua,
                void *user); /* pushes the arguments, returns how many; NULL: none */
    /* Reads the answers, from index 1 to `count`. Its own errors begin with `where`, the place of
     * the hook in the script. NULL: nobody is interested in them. */
    void (*read)(lua_State *lua, int count, const char *where, void *user);
    void *user;
};
enum script_result script_call(struct script *script, enum script_hook hook,
                               const struct script_call *call);
/* In a call: the site of the script's line that is running, so that a line which logs often does
 * not hold back others. */
struct relay_log_site *script_log_site(lua_State *lua);
/* How this script requires others. */
const struct require *script_require(const struct script *script);

/* In a call: registers the function at `index` for a hook. Raises an error unless it loads. */
void script_set_hook(lua_State *lua, const char *name, int index);
bool script_is_loading(const struct script *script);

/* timers.c, in a call: the function at `index` is called after `seconds`, or every so many. Returns
 * its number. */
uint32_t script_add_timer(lua_State *lua, int index, double seconds, bool is_repeated);
void script_cancel_timer(lua_State *lua, uint32_t number);

/* ---- For script.c, timers.c and view.c alone ------------------------------------------------- */

struct view;

struct script_timer {
    struct script_timer *next;
    struct script *script;
    struct relay_timer *handle; /* NULL: not attached yet */
    uint64_t ms;
    uint32_t number;
    int function; /* reference in the registry */
    char place[SCRIPT_WHERE_BYTES];
    bool is_repeated, is_running, is_cancelled;
    struct fuse fuse;
};

struct shown {               /* the viewer that a call is about */
    const struct view *view; /* NULL: none */
    const void *table;
    struct fields_viewer read;
};

struct script {
    struct sandbox *sandbox;
    const struct script_config *config;
    struct relay_self *self;
    struct relay_worker *worker;
    uint64_t generation;
    struct require require;
    bool is_loading;
    char places[SCRIPT_HOOKS][SCRIPT_WHERE_BYTES]; /* "policy.lua:12" */
    int hooks[SCRIPT_HOOKS];                       /* references in the registry; LUA_NOREF: none */
    struct fuse fuses[SCRIPT_HOOKS];
    struct account accounts[SCRIPT_HOOKS];
    struct relay_log_site log_sites[SCRIPT_LOG_SITES], fault_sites[SCRIPT_HOOKS];
    struct workload workload;
    int counter_of_benchings, counter_of_benched, counter_of_scripts;
    struct pulse *pulse; /* NULL: nobody looks */
    struct shown shown;
    const struct relay_request *asked; /* during a call of subscribe: what it is about */
    struct view *views;                /* that have a table here */
    int objects, viewer_metatable, peer_metatable; /* view.c: references in the registry */
    struct script_timer *timers;
    uint32_t timer_count, last_timer;
    char load_refusal[SANDBOX_ERROR_BYTES];
};

struct script_function {
    int reference;
    struct fuse *fuse;
    const char *where;
};
/* Calls the function as that hook. */
enum script_result script_call_reference(struct script *script, enum script_hook hook,
                                         const struct script_function *function,
                                         const struct script_call *call);
/* The fuse ends, and is counted no more. */
void script_drop_fuse(const struct script *script, const struct fuse *fuse);
/* Where the function at `index` is. */
void script_write_place(lua_State *lua, int index, char where[SCRIPT_WHERE_BYTES]);
void script_start_timers(struct script *script);
void script_free_timers(struct script *script);

#endif
